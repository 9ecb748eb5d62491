//! `Intset`: a small set of integers as one sorted array, which a word at any address names.
//!
//! ```text
//! | width u32 | length u32 | value | value | ...    as Redis stores and dumps it
//! | length << 2 | code u32 | value | value | ...    in memory; code 0, 1, 2 for widths of 2, 4, 8 bytes
//! ```
//!
//! All is little-endian, values in two's complement and ascending. The width is the least that holds every value put in
//! so far; it never goes down while there are any, as in Redis. Lookups are a binary search, changes move the tail: meant
//! for the few hundred values that `set-max-intset-entries` allows.

#[cfg(test)]
mod tests;

use super::block::{allocate, release, resize, roomy};
use crate::bytes::Rng;
use std::ptr::NonNull;

/// Header of Redis' form.
const HEADER: usize = 8;
/// Head in memory.
const HEAD: usize = 4;

/// See [`roomy`].
const STEPS: u32 = 5;

/// The head of a set without values, which has no block of its own.
static EMPTY: [u8; HEAD] = [0; HEAD];

/// A sorted set of integers in one allocation.
#[repr(C, packed)]
pub struct Intset {
    block: NonNull<u8>,
}

// SAFETY: a set owns its block alone, and the constant head is never written.
unsafe impl Send for Intset {}
// SAFETY: as above; nothing changes through a shared reference.
unsafe impl Sync for Intset {}

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
fn read(values: &[u8], width: usize, index: usize) -> i64 {
    let at = index * width;
    match width {
        2 => i16::from_le_bytes([values[at], values[at + 1]]) as i64,
        4 => i32::from_le_bytes(values[at..at + 4].try_into().expect("four bytes")) as i64,
        _ => i64::from_le_bytes(values[at..at + 8].try_into().expect("eight bytes")),
    }
}

#[inline(always)]
fn write(values: &mut [u8], width: usize, index: usize, value: i64) {
    let at = index * width;
    // The low bytes of a value that fits are the value in that width.
    values[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
}

impl Default for Intset {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for Intset {
    fn clone(&self) -> Self {
        Self::of_values(self.values(), self.len(), self.width())
    }
}

impl Drop for Intset {
    fn drop(&mut self) {
        self.clear();
    }
}

impl PartialEq for Intset {
    fn eq(&self, other: &Self) -> bool {
        self.width() == other.width() && self.values() == other.values()
    }
}

impl Eq for Intset {}

impl std::fmt::Debug for Intset {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_set().entries(self.iter()).finish()
    }
}

impl Intset {
    /// An empty set of two-byte width; allocates nothing.
    pub fn new() -> Self {
        Intset { block: NonNull::from(&EMPTY).cast() }
    }

    /// Takes bytes in Redis' form, as a dump has them. `None` when header and size disagree, the width is none of 2, 4
    /// and 8, or the values do not ascend. O(n).
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (header, values) = bytes.split_at_checked(HEADER)?;
        let width = u32::from_le_bytes(header[..4].try_into().ok()?) as usize;
        let len = u32::from_le_bytes(header[4..].try_into().ok()?) as usize;
        let fits = matches!(width, 2 | 4 | 8) && len < 1 << 28 && len * width == values.len();
        let ascends = |index: &usize| read(values, width, index - 1) < read(values, width, *index);
        (fits && (1..len).all(|index| ascends(&index))).then(|| Self::of_values(values, len, width))
    }

    /// The whole set in Redis' form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + self.values().len());
        bytes.extend_from_slice(&(self.width() as u32).to_le_bytes());
        bytes.extend_from_slice(&(self.len() as u32).to_le_bytes());
        bytes.extend_from_slice(self.values());
        bytes
    }

    fn of_values(values: &[u8], len: usize, width: usize) -> Self {
        let mut set = Self::new();
        if len > 0 {
            set.reshape(len, width);
            set.values_mut().copy_from_slice(values);
        }
        set
    }

    #[inline(always)]
    fn head(&self) -> usize {
        // SAFETY: the block, or the constant, begins with a head.
        u32::from_le_bytes(unsafe { self.block.cast::<[u8; HEAD]>().read() }) as usize
    }

    /// Bytes a value takes: 2, 4 or 8.
    #[inline]
    pub fn width(&self) -> usize {
        2 << (self.head() & 3)
    }

    /// Number of values. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        self.head() >> 2
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline(always)]
    fn values(&self) -> &[u8] {
        // SAFETY: a block has as many bytes behind its head as its head tells, all written.
        unsafe { std::slice::from_raw_parts(self.block.add(HEAD).as_ptr(), self.len() * self.width()) }
    }

    #[inline(always)]
    fn values_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above; the block is this set's own. The constant's slice is empty.
        unsafe { std::slice::from_raw_parts_mut(self.block.add(HEAD).as_ptr(), self.len() * self.width()) }
    }

    /// Makes it a block for `len` values of `width`, at least one. Values keep their bytes; those that are added are 0.
    fn reshape(&mut self, len: usize, width: usize) {
        let (old, now) = (self.values().len(), len * width);
        let (held, size) = (self.heap_bytes(), roomy(HEAD + now, STEPS));
        if held == 0 {
            self.block = allocate(size);
        } else if held != size {
            // SAFETY: `heap_bytes` is what the block was allocated with; the address is replaced at once.
            self.block = unsafe { resize(self.block, held, size) };
        }
        // SAFETY: the block has a head and `now` bytes at least, and is this set's own.
        unsafe {
            self.block.cast::<[u8; HEAD]>().write(((len as u32) << 2 | width as u32 >> 2).to_le_bytes());
            self.block.add(HEAD + old.min(now)).write_bytes(0, now.saturating_sub(old));
        }
    }

    /// Gives the block back.
    fn clear(&mut self) {
        let held = self.heap_bytes();
        if held > 0 {
            // SAFETY: the block is this set's own, with the size it was allocated with, and is replaced at once.
            unsafe { release(self.block, held) };
            self.block = NonNull::from(&EMPTY).cast();
        }
    }

    #[inline(always)]
    fn at(&self, index: usize) -> i64 {
        read(self.values(), self.width(), index)
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
        self.reshape(len + 1, width);
        let values = self.values_mut();
        values.copy_within(index * width..len * width, (index + 1) * width);
        write(values, width, index, value);
        true
    }

    /// Rewrites all values in a new width and adds the one that needs it: an end of the order, by its size.
    fn widen(&mut self, width: usize, value: i64) {
        let (len, old) = (self.len(), self.width());
        let shift = usize::from(value < 0);
        self.reshape(len + 1, width);
        let values = self.values_mut();
        // From the last on: no value is written over one that is still to be read.
        for index in (0..len).rev() {
            let value = read(values, old, index);
            write(values, width, index + shift, value);
        }
        write(values, width, if value < 0 { 0 } else { len }, value);
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
        if len == 1 {
            self.clear();
            return Some(value);
        }
        self.values_mut().copy_within((index + 1) * width.., index * width);
        self.reshape(len - 1, width);
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
        match self.values().len() {
            0 => 0,
            bytes => roomy(HEAD + bytes, STEPS),
        }
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
