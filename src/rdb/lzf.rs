//! LZF, the compression inside of RDB: runs of literals, and copies of what was written up to 8 KB before.
//!
//! ```text
//! 000lllll  byte × (l+1)               literals, 1 to 32
//! lllooooo  oooooooo                   copy of l+2 bytes (l in 1..=6) from offset o+1 back
//! 111ooooo  llllllll  oooooooo         copy of l+9 bytes
//! ```
//!
//! What is compressed makes the same choices as Redis' compressor with a clean table, so that a dump is the same
//! bytes. (Redis' own table is not cleaned between calls; once in a great while it finds a match more.)

use crate::memory::{is_room_for, room_for};

const HASH_BITS: u32 = 16;
/// Copies reach this far back.
const WINDOW: usize = 1 << 13;
/// Longest copy.
const LONGEST: usize = 264;
/// Longest run of literals.
const RUN: usize = 32;

/// Most bytes that compressed bytes can stand for, each: a copy of 264 takes three.
const MOST_PER_BYTE: u64 = 88;

/// Compresses; keeps its table from call to call.
#[derive(Default)]
pub struct Compressor {
    /// By hash of three bytes: where they were seen last, counted on from call to call.
    places: Vec<u32>,
    /// What position 0 of the running call is counted as. Smaller places are of earlier calls.
    base: u32,
}

/// Output of a running compression: bytes, and a run of literals whose length is not written yet.
struct Output<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
    literals: usize,
}

impl Output<'_> {
    fn len(&self) -> usize {
        self.out.len() - self.start
    }

    fn open_run(&mut self) {
        self.literals = 0;
        self.out.push(0);
    }

    fn literal(&mut self, byte: u8) {
        self.out.push(byte);
        self.literals += 1;
        if self.literals == RUN {
            self.close_run();
            self.open_run();
        }
    }

    /// Writes the run's length, or takes its place back if nothing came.
    fn close_run(&mut self) {
        match self.literals {
            0 => drop(self.out.pop()),
            count => {
                let at = self.out.len() - count - 1;
                self.out[at] = count as u8 - 1;
            }
        }
    }

    fn copy(&mut self, back: usize, length: usize) {
        let (offset, length) = (back - 1, length - 2);
        if length < 7 {
            self.out.push((length << 5 | offset >> 8) as u8);
        } else {
            self.out.extend_from_slice(&[(7 << 5 | offset >> 8) as u8, (length - 7) as u8]);
        }
        self.out.push(offset as u8);
    }
}

impl Compressor {
    /// Appends `input` compressed to `out`; false, and nothing appended, when that would not save at least four
    /// bytes, or memory has no room for the table. O(input).
    pub fn compress(&mut self, input: &[u8], out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let done = input.len() > 4 && input.len() < u32::MAX as usize / 2 && self.run(input, out, input.len() - 4);
        if !done {
            out.truncate(start);
        }
        done
    }

    /// Readies the table for a call on `length` bytes and returns the call's base; nothing where memory has no room for it.
    fn begin(&mut self, length: usize) -> Option<usize> {
        if self.places.is_empty() || self.base.checked_add(length as u32).is_none() {
            self.places = room_for(1 << HASH_BITS)?;
            self.places.resize(1 << HASH_BITS, 0);
            self.base = 0;
        }
        let base = self.base;
        self.base = base + length as u32;
        Some(base as usize)
    }

    fn run(&mut self, input: &[u8], out: &mut Vec<u8>, most: usize) -> bool {
        let Some(base) = self.begin(input.len()) else { return false };
        let start = out.len();
        let mut output = Output { out, start, literals: 0 };
        output.open_run();
        let (mut at, end) = (0, input.len());
        while at + 2 < end {
            let place = &mut self.places[hash(input, at)];
            let seen = (*place as usize).checked_sub(base);
            *place = (base + at) as u32;
            // Position 0 is never copied from: as an offset it means an empty place.
            let found = seen.filter(|&seen| {
                seen > 0 && seen < at && at - seen <= WINDOW && input[seen..seen + 3] == input[at..at + 3]
            });
            let Some(seen) = found else {
                if output.len() >= most {
                    return false;
                }
                output.literal(input[at]);
                at += 1;
                continue;
            };
            if output.len() + 4 - usize::from(output.literals == 0) >= most {
                return false;
            }
            output.close_run();
            let length = matching(input, seen, at);
            output.copy(at - seen, length);
            output.open_run();
            at += length;
            if at + 2 >= end {
                break;
            }
            for behind in [at - 2, at - 1] {
                self.places[hash(input, behind)] = (base + behind) as u32;
            }
        }
        if output.len() + 3 > most {
            return false;
        }
        input[at..].iter().for_each(|&byte| output.literal(byte));
        output.close_run();
        true
    }
}

/// Place in the table of the three bytes at `at`.
#[inline]
fn hash(input: &[u8], at: usize) -> usize {
    let three = (input[at] as u32) << 16 | (input[at + 1] as u32) << 8 | input[at + 2] as u32;
    ((three >> 8).wrapping_sub(three.wrapping_mul(5)) & ((1 << HASH_BITS) - 1)) as usize
}

/// How many bytes at `seen` and `at` are the same, three at least. Two bytes before the end a match is cut short,
/// save for one that begins more than eighteen bytes before it: there the first sixteen are looked at unchecked.
#[inline]
fn matching(input: &[u8], seen: usize, at: usize) -> usize {
    let most = (input.len() - at - 2).min(LONGEST);
    let mut length = 3;
    if most > 16 {
        while length < 19 {
            if input[seen + length] != input[at + length] {
                return length;
            }
            length += 1;
        }
    }
    while length < most && input[seen + length] == input[at + length] {
        length += 1;
    }
    length
}

/// Decompresses `input`, which must stand for exactly `length` bytes. `None` for anything unsound. The control bytes
/// are read through before anything is allocated. O(input + length).
pub fn decompress(input: &[u8], length: u64) -> Option<Vec<u8>> {
    if length > (input.len() as u64).saturating_mul(MOST_PER_BYTE) || measure(input)? != length {
        return None;
    }
    let whole = usize::try_from(length).ok()?;
    // What it becomes is made beside it.
    if !is_room_for(whole.checked_mul(4)?) {
        return None;
    }
    let mut out = room_for(whole)?;
    let mut at = 0;
    while at < input.len() {
        let step = Step::read(input, at)?;
        match step.back {
            0 => out.extend_from_slice(&input[at + 1..at + 1 + step.length]),
            back if back >= step.length => {
                let from = out.len() - back;
                out.extend_from_within(from..from + step.length);
            }
            // The copy reaches into what it writes itself: a pattern repeated.
            back => {
                for _ in 0..step.length {
                    out.push(out[out.len() - back]);
                }
            }
        }
        at += step.size;
    }
    Some(out)
}

/// One control byte with what belongs to it.
struct Step {
    /// Bytes it takes.
    size: usize,
    /// Bytes it stands for.
    length: usize,
    /// From how far back they are copied; 0 for literals.
    back: usize,
}

impl Step {
    #[inline]
    fn read(input: &[u8], at: usize) -> Option<Step> {
        let control = input[at] as usize;
        if control < RUN {
            return (at + 1 + control < input.len()).then_some(Step {
                size: control + 2,
                length: control + 1,
                back: 0,
            });
        }
        let (size, length) = match control >> 5 {
            7 => (3, *input.get(at + 1)? as usize + 9),
            short => (2, short + 2),
        };
        let back = (control & 31) << 8 | *input.get(at + size - 1)? as usize;
        Some(Step { size, length, back: back + 1 })
    }
}

/// How many bytes `input` stands for; `None` if it is cut or copies from before its beginning.
fn measure(input: &[u8]) -> Option<u64> {
    let (mut at, mut length) = (0, 0u64);
    while at < input.len() {
        let step = Step::read(input, at)?;
        if step.back as u64 > length {
            return None;
        }
        length += step.length as u64;
        at += step.size;
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::Rng;

    /// Text with repetitions of all lengths and distances.
    fn text(rng: &mut Rng, length: usize) -> Vec<u8> {
        let mut text: Vec<u8> = Vec::new();
        while text.len() < length {
            if text.is_empty() || rng.below(3) == 0 {
                let letters = 1 + rng.below(40);
                text.extend((0..letters).map(|_| b'a' + rng.below(26) as u8));
            } else {
                let from = rng.below(text.len());
                let count = (1 + rng.below(400)).min(text.len() - from);
                text.extend_from_within(from..from + count);
            }
        }
        text.truncate(length);
        text
    }

    #[test]
    fn what_was_compressed_comes_back() {
        let (mut rng, mut compressor) = (Rng::new(1), Compressor::default());
        let mut shorter = 0;
        for round in 0..2000 {
            let length = rng.below(if round % 10 == 0 { 40_000 } else { 300 });
            let input = match round % 3 {
                0 => (0..length).map(|_| rng.next_u64() as u8).collect(),
                1 => vec![b'x'; length],
                _ => text(&mut rng, length),
            };
            let mut out = b"kept".to_vec();
            if compressor.compress(&input, &mut out) {
                assert!(out.len() <= 4 + input.len() - 4);
                assert_eq!(decompress(&out[4..], length as u64).as_deref(), Some(&input[..]));
                assert_eq!(decompress(&out[4..], length as u64 + 1), None);
                shorter += 1;
            }
            assert_eq!(&out[..4], b"kept");
        }
        assert!(shorter > 1000, "{shorter}");
    }

    #[test]
    fn damage_is_refused_or_gives_the_stated_length() {
        let (mut rng, mut compressor) = (Rng::new(2), Compressor::default());
        for _ in 0..3000 {
            let length = 40 + rng.below(500);
            let input = text(&mut rng, length);
            let mut out = Vec::new();
            if !compressor.compress(&input, &mut out) {
                continue;
            }
            let at = rng.below(out.len());
            out[at] ^= 1 << rng.below(8);
            out.truncate(1 + rng.below(out.len()));
            if let Some(length) = measure(&out) {
                assert_eq!(decompress(&out, length).map(|out| out.len() as u64), Some(length));
            }
        }
        assert_eq!(decompress(&[0, b'a', 0x20, 9], 4), None);
        assert_eq!(decompress(&[0xE0, 0xFF], u64::MAX), None);
        assert_eq!(decompress(&[], 0), Some(Vec::new()));
    }

    #[test]
    fn the_table_forgets_earlier_calls() {
        let mut used = Compressor { places: Vec::new(), base: 0 };
        let mut rng = Rng::new(3);
        for _ in 0..300 {
            if rng.below(20) == 0 {
                used.base = u32::MAX - rng.below(100) as u32;
            }
            let length = 30 + rng.below(300);
            let input = text(&mut rng, length);
            let (mut one, mut other) = (Vec::new(), Vec::new());
            used.compress(&input, &mut one);
            Compressor::default().compress(&input, &mut other);
            assert_eq!(one, other);
        }
    }
}
