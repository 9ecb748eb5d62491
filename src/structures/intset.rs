//! `Intset`: a small set of integers as one sorted array, byte for byte what Redis calls an intset.
//!
//! ```text
//! 0         4         8
//! | width   | length  | value | value | ...      all little-endian
//! | u32     | u32     | two's complement, `width` bytes each, ascending
//! ```
//!
//! The width (2, 4 or 8) is the least that holds every value put in so far; it never goes down, as in Redis.
//! Lookups are a binary search, changes move the tail: meant for the few hundred values that
//! `set-max-intset-entries` allows.

#[cfg(test)]
mod tests;

use crate::bytes::Rng;

const HEADER: usize = 8;

/// A sorted set of integers in one allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intset {
    bytes: Vec<u8>,
}

fn width_of(value: i64) -> usize {
    if i16::try_from(value).is_ok() {
        2
    } else if i32::try_from(value).is_ok() {
        4
    } else {
        8
    }
}

#[inline(always)]
fn read(bytes: &[u8], width: usize, index: usize) -> i64 {
    let at = HEADER + index * width;
    match width {
        2 => i16::from_le_bytes([bytes[at], bytes[at + 1]]) as i64,
        4 => i32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as i64,
        _ => i64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes")),
    }
}

#[inline(always)]
fn write(bytes: &mut [u8], width: usize, index: usize, value: i64) {
    let at = HEADER + index * width;
    // The low bytes of a value that fits are the value in that width.
    bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
}

impl Default for Intset {
    fn default() -> Self {
        Self::new()
    }
}

impl Intset {
    /// An empty set of two-byte width.
    pub fn new() -> Self {
        Intset { bytes: vec![2, 0, 0, 0, 0, 0, 0, 0] }
    }

    /// Takes bytes in the format above, as a dump has them. `None` when header and size disagree, the width is
    /// none of 2, 4 and 8, or the values do not ascend. O(n).
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        if bytes.len() < HEADER {
            return None;
        }
        let set = Intset { bytes };
        let width = u32::from_le_bytes(set.bytes[..4].try_into().expect("four bytes"));
        let fits = matches!(width, 2 | 4 | 8)
            && set.len().checked_mul(width as usize).and_then(|size| size.checked_add(HEADER)) == Some(set.bytes.len());
        (fits && (1..set.len()).all(|index| set.at(index - 1) < set.at(index))).then_some(set)
    }

    /// The whole set in the format above.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes a value takes: 2, 4 or 8.
    #[inline]
    pub fn width(&self) -> usize {
        self.bytes[0] as usize
    }

    /// Number of values. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        u32::from_le_bytes(self.bytes[4..HEADER].try_into().expect("four bytes")) as usize
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn set_len(&mut self, len: usize) {
        self.bytes[4..HEADER].copy_from_slice(&(len as u32).to_le_bytes());
    }

    #[inline(always)]
    fn at(&self, index: usize) -> i64 {
        read(&self.bytes, self.width(), index)
    }

    /// Where `value` is, or where it belongs. O(log n).
    fn search(&self, value: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        // Values often come in ascending order: the end is worth a look first.
        if high > 0 && self.at(high - 1) < value {
            return Err(high);
        }
        while low < high {
            let middle = (low + high) / 2;
            match self.at(middle).cmp(&value) {
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// Whether `value` is in the set. O(log n).
    pub fn contains(&self, value: i64) -> bool {
        width_of(value) <= self.width() && self.search(value).is_ok()
    }

    /// The value at `index` in ascending order.
    pub fn get(&self, index: usize) -> Option<i64> {
        (index < self.len()).then(|| self.at(index))
    }

    /// The least value.
    pub fn first(&self) -> Option<i64> {
        self.get(0)
    }

    /// The greatest value.
    pub fn last(&self) -> Option<i64> {
        self.get(self.len().wrapping_sub(1))
    }

    /// Puts `value` in; whether it was new. O(n) for the moved tail, or for widening all.
    pub fn add(&mut self, value: i64) -> bool {
        if width_of(value) > self.width() {
            self.widen(width_of(value), value);
            return true;
        }
        let Err(index) = self.search(value) else { return false };
        let (len, width) = (self.len(), self.width());
        self.reserve(width);
        let at = HEADER + index * width;
        self.bytes.resize(HEADER + (len + 1) * width, 0);
        self.bytes.copy_within(at..HEADER + len * width, at + width);
        write(&mut self.bytes, width, index, value);
        self.set_len(len + 1);
        true
    }

    /// Grows by an eighth: these sets are many and small, doubling would waste more than it saves.
    fn reserve(&mut self, more: usize) {
        if self.bytes.capacity() - self.bytes.len() < more {
            self.bytes.reserve_exact(more + self.bytes.len() / 8);
        }
    }

    /// Rewrites all values in a new width and adds the one that needs it: an end of the order, by its size.
    fn widen(&mut self, width: usize, value: i64) {
        let (len, old) = (self.len(), self.width());
        let shift = usize::from(value < 0);
        let mut bytes = vec![0; HEADER + (len + 1) * width];
        bytes[0] = width as u8;
        for index in 0..len {
            write(&mut bytes, width, index + shift, read(&self.bytes, old, index));
        }
        write(&mut bytes, width, if value < 0 { 0 } else { len }, value);
        self.bytes = bytes;
        self.set_len(len + 1);
    }

    /// Takes `value` out; whether it was there. O(n).
    pub fn remove(&mut self, value: i64) -> bool {
        if width_of(value) > self.width() {
            return false;
        }
        let Ok(index) = self.search(value) else { return false };
        self.remove_at(index);
        true
    }

    /// Takes out and returns the value at `index` in ascending order. O(n).
    pub fn remove_at(&mut self, index: usize) -> Option<i64> {
        let value = self.get(index)?;
        let (len, width) = (self.len(), self.width());
        let at = HEADER + index * width;
        self.bytes.copy_within(at + width.., at);
        self.bytes.truncate(HEADER + (len - 1) * width);
        if self.bytes.capacity() > 2 * self.bytes.len() + 32 {
            self.bytes.shrink_to(self.bytes.len());
        }
        self.set_len(len - 1);
        Some(value)
    }

    /// A value by chance.
    pub fn random(&self, rng: &mut Rng) -> Option<i64> {
        (!self.is_empty()).then(|| self.at(rng.below(self.len())))
    }

    /// All values, ascending.
    pub fn iter(&self) -> Iter<'_> {
        Iter { set: self, next: 0, end: self.len() }
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }
}

/// Iterates over an intset; see [`Intset::iter`].
#[derive(Clone)]
pub struct Iter<'a> {
    set: &'a Intset,
    next: usize,
    end: usize,
}

impl Iterator for Iter<'_> {
    type Item = i64;

    #[inline]
    fn next(&mut self) -> Option<i64> {
        if self.next == self.end {
            return None;
        }
        self.next += 1;
        Some(self.set.at(self.next - 1))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.end - self.next, Some(self.end - self.next))
    }
}

impl ExactSizeIterator for Iter<'_> {}
