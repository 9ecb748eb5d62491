//! LCS: the longest common subsequence of two strings.
//!
//! Redis fills a table with the length for every pair of prefixes. Along a row these lengths grow by 0 or 1, so a
//! row here is one bit per column, and a row follows from the one above it by an addition over whole words
//! (Hyyrö's variant of the bit-parallel method): a 64th of the steps, a 32nd of the memory, the same answer.
//! Redis' limit on the table stays, so that the same strings are refused; what is allocated is at most an eighth
//! of it, and for the length alone one row.

use super::{Context, Handled, Outcome};
use crate::bytes::number::I64_TEXT;
use crate::commands::{int, Options};
use crate::keyspace::{Keys, ValueRef};
use crate::memory::room_for;
use crate::resp::{Args, Fault, Reply};

const NO_MEMORY: Fault = Fault::Text("ERR Insufficient memory, failed allocating transient memory for LCS");

pub(super) fn lcs(ctx: &mut Context, args: Args) -> Handled {
    let mut strings = true;
    for at in 1..=2 {
        strings &= matches!(ctx.keys.read(args.at(at)), None | Some(ValueRef::Str(_)));
    }
    if !strings {
        return Err(Fault::Text("ERR The specified keys must contain string values"));
    }
    let (mut only_length, mut ranges, mut least, mut lengths) = (false, false, 0, false);
    let mut options = Options::new(args, 3);
    while options.left() > 0 {
        match () {
            () if options.take("IDX") => ranges = true,
            () if options.take("LEN") => only_length = true,
            () if options.take("WITHMATCHLEN") => lengths = true,
            () if options.take("MINMATCHLEN") => least = int(options.value()?)?.max(0) as u64,
            () => return Err(Fault::Syntax),
        }
    }
    if only_length && ranges {
        return Err(Fault::Text("ERR If you want both the length and indexes, please just use IDX."));
    }
    let limit = ctx.keys.space().limits.bulk as u64;
    let (mut first, mut second) = ([0; I64_TEXT], [0; I64_TEXT]);
    let (a, b) = (held(&ctx.keys, args.at(1), &mut first), held(&ctx.keys, args.at(2), &mut second));
    let cells = (a.len() as u64 + 1).saturating_mul(b.len() as u64 + 1);
    if cells.saturating_mul(4) > limit {
        return Err(Fault::Text("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"));
    }
    let table = Table::new(a, b, !only_length)?;
    if only_length {
        ctx.reply.count(table.length);
    } else if ranges {
        write_ranges(&mut ctx.reply, &table, least, lengths);
    } else {
        let mut common = room_for(table.length).ok_or(NO_MEMORY)?;
        table.matches(|i, _| common.push(a[i]));
        common.reverse();
        ctx.reply.bulk(&common);
    }
    Ok(Outcome::Done)
}

/// The bytes of a key that was read; none where it is missing.
fn held<'a>(keys: &'a Keys, key: &[u8], buffer: &'a mut [u8; I64_TEXT]) -> &'a [u8] {
    match keys.held(key) {
        Some(ValueRef::Str(value)) => value.bytes(buffer),
        _ => &[],
    }
}

/// Writes the runs that both strings have in common, from the last to the first, and the length of all.
fn write_ranges(reply: &mut Reply, table: &Table, least: u64, lengths: bool) {
    reply.map(2);
    reply.bulk(b"matches");
    let mark = reply.defer();
    let mut count = 0;
    let mut write = |(i, j, length): (usize, usize, usize)| {
        if (length as u64) < least {
            return;
        }
        count += 1;
        reply.array(2 + lengths as usize);
        for start in [i, j] {
            reply.array(2);
            reply.count(start);
            reply.count(start + length - 1);
        }
        if lengths {
            reply.count(length);
        }
    };
    // Where the run begins in either string, and its length so far.
    let mut run: Option<(usize, usize, usize)> = None;
    table.matches(|i, j| {
        run = match run {
            Some((a, b, length)) if (a, b) == (i + 1, j + 1) => Some((i, j, length + 1)),
            done => {
                done.into_iter().for_each(&mut write);
                Some((i, j, 1))
            }
        }
    });
    run.into_iter().for_each(&mut write);
    reply.fill_array(mark, count);
    reply.bulk(b"len");
    reply.count(table.length);
}

/// What two strings have in common.
struct Table<'a> {
    a: &'a [u8],
    b: &'a [u8],
    /// A row for each byte of `a`, a bit for each of `b`: clear where the common length grows from the column before.
    rows: Vec<u8>,
    /// Length of the longest common subsequence.
    length: usize,
}

impl<'a> Table<'a> {
    /// Compares `a` and `b`: O(a × b / 64). The rows are kept only when `traced`.
    fn new(a: &'a [u8], b: &'a [u8], traced: bool) -> Result<Self, Fault> {
        let words = b.len().div_ceil(64);
        let mut slots = [usize::MAX; 256];
        let mut distinct = 0;
        for &byte in a {
            if slots[byte as usize] == usize::MAX {
                slots[byte as usize] = distinct * words;
                distinct += 1;
            }
        }
        // For each byte of `a`, where `b` has it.
        let mut masks = zeros::<u64>(distinct * words)?;
        for (at, &byte) in b.iter().enumerate() {
            if slots[byte as usize] != usize::MAX {
                masks[slots[byte as usize] + at / 64] |= 1 << (at % 64);
            }
        }
        let stride = b.len().div_ceil(8);
        let mut rows = Vec::new();
        if traced {
            rows = room_for(stride * a.len()).ok_or(NO_MEMORY)?;
        }
        let mut row = zeros::<u64>(words)?;
        row.fill(u64::MAX);
        for &byte in a {
            let slot = slots[byte as usize];
            let mut carry = false;
            for (word, mask) in row.iter_mut().zip(&masks[slot..slot + words]) {
                let found = *word & mask;
                let (sum, over) = word.overflowing_add(found);
                let (sum, again) = sum.overflowing_add(carry as u64);
                carry = over || again;
                *word = sum | (*word - found);
            }
            if traced {
                let start = rows.len();
                row.iter().for_each(|word| {
                    let left = (start + stride - rows.len()).min(8);
                    rows.extend_from_slice(&word.to_le_bytes()[..left]);
                });
            }
        }
        // Bits behind the last column stay set, so they do not count.
        let length = row.iter().map(|word| word.count_zeros() as usize).sum();
        Ok(Table { a, b, rows, length })
    }

    /// Visits the positions of the common bytes in `a` and `b`, from the last to the first, on the way that Redis
    /// takes where several are as good: back in `b`, unless the length is lost there and not in `a`.
    fn matches(&self, mut visit: impl FnMut(usize, usize)) {
        let stride = self.b.len().div_ceil(8);
        let (mut i, mut j) = (self.a.len(), self.b.len());
        while i > 0 && j > 0 {
            if self.a[i - 1] == self.b[j - 1] {
                i -= 1;
                j -= 1;
                visit(i, j);
            } else if self.rows[(i - 1) * stride + (j - 1) / 8] >> ((j - 1) % 8) & 1 == 0 {
                // The last bytes differ, so the growth in this column came from the row above.
                i -= 1;
            } else {
                j -= 1;
            }
        }
    }
}

fn zeros<T: Default + Clone>(length: usize) -> Result<Vec<T>, Fault> {
    let mut zeros = room_for(length).ok_or(NO_MEMORY)?;
    zeros.resize(length, T::default());
    Ok(zeros)
}
