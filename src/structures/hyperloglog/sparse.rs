//! The sparse form: runs of registers with the same value, one or two bytes each.
//!
//! ```text
//! 00nnnnnn            n + 1 registers, up to 64, are 0
//! 01nnnnnn nnnnnnnn   n + 1 registers, up to 16384, are 0
//! 1vvvvvnn            n + 1 registers, up to 4, are v + 1, up to 32
//! ```
//!
//! How runs are cut and joined when a register changes is part of the format too: two servers that were told the
//! same must hold the same bytes. A last run of which a byte is missing is read as if that were 0.

use super::{densify, invalidate, raise as raise_dense, Corrupted, HEADER, REGISTERS};

/// Longest run of zeros in one byte.
const SHORT_ZEROS: usize = 64;

/// Longest run of a value.
const VALUES: usize = 4;

/// Highest value of a run.
const HIGHEST: u8 = 32;

/// How many runs from the one before a change on are looked at for neighbours to join.
const JOINED: usize = 5;

/// A run of registers with the same value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// Zeros, in one byte.
    Zeros(usize),
    /// Zeros, in two bytes.
    ManyZeros(usize),
    /// A value and how many registers have it.
    Value(u8, usize),
}

impl Run {
    /// Reads the run at `at`, which must be inside.
    #[inline]
    fn read(bytes: &[u8], at: usize) -> Run {
        let head = bytes[at];
        match head >> 6 {
            0 => Run::Zeros(head as usize + 1),
            1 => {
                let low = bytes.get(at + 1).copied().unwrap_or(0);
                Run::ManyZeros(((head as usize & 0x3f) << 8 | low as usize) + 1)
            }
            _ => Run::Value((head >> 2 & 0x1f) + 1, (head as usize & 3) + 1),
        }
    }

    /// How many registers it covers.
    #[inline]
    pub fn registers(self) -> usize {
        match self {
            Run::Zeros(run) | Run::ManyZeros(run) | Run::Value(_, run) => run,
        }
    }

    /// The value of its registers.
    pub fn value(self) -> u8 {
        match self {
            Run::Value(value, _) => value,
            _ => 0,
        }
    }

    /// How many bytes it takes.
    #[inline]
    fn size(self) -> usize {
        match self {
            Run::ManyZeros(_) => 2,
            _ => 1,
        }
    }
}

/// Bytes that take the place of one run.
struct Pieces {
    bytes: [u8; 5],
    len: usize,
}

impl Pieces {
    fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    fn zeros(&mut self, run: usize) {
        match run {
            0 => {}
            1..=SHORT_ZEROS => self.push(run as u8 - 1),
            _ => many_zeros(run).into_iter().for_each(|byte| self.push(byte)),
        }
    }

    fn value(&mut self, value: u8, run: usize) {
        if run > 0 {
            self.push(value_run(value, run));
        }
    }
}

fn many_zeros(run: usize) -> [u8; 2] {
    let [high, low] = (run as u16 - 1).to_be_bytes();
    [high | 0x40, low]
}

fn value_run(value: u8, run: usize) -> u8 {
    0x80 | (value - 1) << 2 | (run as u8 - 1)
}

/// Appends one run of up to [`REGISTERS`] zeros in two bytes.
pub(super) fn push_zeros(bytes: &mut Vec<u8>, run: usize) {
    bytes.extend_from_slice(&many_zeros(run));
}

/// The runs of a valid sparse value, whatever they add up to. O(length).
pub fn runs(bytes: &[u8]) -> impl Iterator<Item = Run> + '_ {
    let mut at = HEADER;
    std::iter::from_fn(move || {
        (at < bytes.len()).then(|| {
            let run = Run::read(bytes, at);
            at += run.size();
            run
        })
    })
}

/// Visits first register, number of registers and value of every run; an error when they do not add up to all
/// registers, before the first run that reaches past them. O(length), at most O(registers).
pub(super) fn walk(bytes: &[u8], mut visit: impl FnMut(usize, usize, u8)) -> Result<(), Corrupted> {
    let mut first = 0;
    for run in runs(bytes) {
        if first + run.registers() > REGISTERS {
            return Err(Corrupted);
        }
        visit(first, run.registers(), run.value());
        first += run.registers();
    }
    if first == REGISTERS {
        Ok(())
    } else {
        Err(Corrupted)
    }
}

/// A run that stands before what was changed last, where a search for a higher register can begin.
#[derive(Default)]
pub(super) struct Cursor {
    /// Its place behind the header.
    at: usize,
    /// Its first register.
    first: usize,
}

/// The run that covers a register.
struct Found {
    at: usize,
    /// Its first register.
    first: usize,
    run: Run,
    /// The run before, if there is one: its place and its first register.
    before: Option<(usize, usize)>,
}

fn find(bytes: &[u8], index: usize, cursor: &Cursor) -> Result<Found, Corrupted> {
    let (mut at, mut first) = (HEADER + cursor.at, cursor.first);
    let mut before = None;
    while at < bytes.len() {
        let run = Run::read(bytes, at);
        if index < first + run.registers() {
            // Nobody knows what stands before the run that the search began with.
            return if before.is_none() && at > HEADER {
                find(bytes, index, &Cursor::default())
            } else {
                Ok(Found { at, first, run, before })
            };
        }
        before = Some((at, first));
        at += run.size();
        first += run.registers();
    }
    Err(Corrupted)
}

/// Raises a register of a valid sparse value; false when it has that much already. The value becomes dense when it
/// would take more than `most` bytes or a run cannot hold `value`. Registers must come in rising order for `cursor`
/// to be of use; with a new one they need not. O(length behind the cursor).
pub(super) fn raise(
    bytes: &mut Vec<u8>,
    index: usize,
    value: u8,
    most: usize,
    cursor: &mut Cursor,
) -> Result<bool, Corrupted> {
    if value > HIGHEST {
        return promote(bytes, index, value);
    }
    let Found { at, first, run, before } = find(bytes, index, cursor)?;
    let (head, tail) = (index - first, first + run.registers() - 1 - index);
    let mut pieces = Pieces { bytes: [0; 5], len: 0 };
    match run {
        Run::Value(held, _) if held >= value => return Ok(false),
        Run::Value(held, _) => {
            pieces.value(held, head);
            pieces.value(value, 1);
            pieces.value(held, tail);
        }
        Run::Zeros(_) | Run::ManyZeros(_) => {
            pieces.zeros(head);
            pieces.value(value, 1);
            pieces.zeros(tail);
        }
    }
    let length = bytes.len() + pieces.len - run.size();
    if length > bytes.len() && length > most {
        return promote(bytes, index, value);
    }
    let end = (at + run.size()).min(bytes.len());
    bytes.splice(at..end, pieces.bytes[..pieces.len].iter().copied());
    // Where the last byte of the run was missing, Redis' count of bytes is one short, and so it stays.
    bytes.truncate(length);
    let (start, register) = before.unwrap_or((HEADER, 0));
    join(bytes, start);
    *cursor = Cursor { at: start - HEADER, first: register };
    invalidate(bytes);
    Ok(true)
}

/// Joins neighbouring runs of the same value among the few from `at` on.
fn join(bytes: &mut Vec<u8>, mut at: usize) {
    for _ in 0..JOINED {
        if at >= bytes.len() {
            return;
        }
        let run = Run::read(bytes, at);
        if let (Run::Value(value, count), Some(next)) = (run, bytes.get(at + 1)) {
            if next & 0x80 != 0 {
                if let Run::Value(other, more) = Run::read(bytes, at + 1) {
                    if value == other && count + more <= VALUES {
                        bytes[at + 1] = value_run(value, count + more);
                        bytes.remove(at);
                        // The joined run may find another neighbour.
                        continue;
                    }
                }
            }
        }
        at += run.size();
    }
}

fn promote(bytes: &mut Vec<u8>, index: usize, value: u8) -> Result<bool, Corrupted> {
    densify(bytes)?;
    Ok(raise_dense(&mut bytes[HEADER..], index, value))
}
