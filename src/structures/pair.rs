//! What the table of a large hash or set holds: a name with its value and its expiry, in one block that one word names.
//! A set's members are names without values.
//!
//! ```text
//! | expiry, 6 bytes | sizes | name | value | 0 to 7 unused bytes
//! sizes: nnnnvvvv, name and value of up to 14 bytes; 15: what is more follows in base 128, name first, low bits first
//! ```
//! The lowest bit of the word says whether there is an expiry (milliseconds since 1970, little-endian). One block where
//! Redis makes three is most of what a large hash saves; a field that does not expire pays nothing for those that do.

use super::block::{allocate, release, roomy};
use super::dict::Keyed;
use std::ptr::NonNull;

/// The latest instant a field can expire at, in milliseconds since 1970: Redis takes no later one either.
pub const LATEST: i64 = (1 << 46) - 1;

/// Bytes of an expiry.
const TIME: usize = 6;
/// The mark of an expiry.
const TIMED: usize = 1;
/// The first length that does not fit its half of a byte.
const LONG: usize = 15;
/// Room for sizes: a byte, and five for each length.
const SIZES: usize = 11;
/// Blocks are exact: see [`roomy`].
const EXACT: u32 = usize::BITS - 1;

/// Name, value and expiry.
#[repr(transparent)]
pub struct Pair {
    word: NonNull<u8>,
}

// SAFETY: a pair owns its block alone.
unsafe impl Send for Pair {}
// SAFETY: as above; nothing changes through a shared reference.
unsafe impl Sync for Pair {}

/// Where the parts of a block stand.
#[derive(Clone, Copy)]
struct Parts {
    name: usize,
    value: usize,
    end: usize,
}

/// Appends what is left of a length that does not fit its half of the first byte.
#[cold]
#[inline(never)]
fn long_size(length: usize, sizes: &mut [u8; SIZES], used: &mut usize) {
    let mut rest = length - LONG;
    while rest > 0x7F {
        sizes[*used] = rest as u8 | 0x80;
        rest >>= 7;
        *used += 1;
    }
    sizes[*used] = rest as u8;
    *used += 1;
}

impl Pair {
    pub(super) fn new(name: &[u8], value: &[u8], expiry: Option<i64>) -> Self {
        let mut sizes = [0; SIZES];
        let mut used = 1;
        sizes[0] = (name.len().min(LONG) << 4 | value.len().min(LONG)) as u8;
        if name.len() >= LONG {
            long_size(name.len(), &mut sizes, &mut used);
        }
        if value.len() >= LONG {
            long_size(value.len(), &mut sizes, &mut used);
        }
        let start = if expiry.is_some() { TIME } else { 0 };
        let block = allocate(roomy(start + used + name.len() + value.len(), EXACT));
        // SAFETY: the block has room for the expiry and the three parts, and is new: none of them is in it.
        unsafe {
            block.add(start).write(sizes[0]);
            if used > 1 {
                block.add(start).copy_from_nonoverlapping(NonNull::from(&sizes).cast(), used);
            }
            let at = start + used;
            block.add(at).copy_from_nonoverlapping(NonNull::from(name).cast(), name.len());
            if !value.is_empty() {
                block.add(at + name.len()).copy_from_nonoverlapping(NonNull::from(value).cast(), value.len());
            }
        }
        let mut pair = Pair { word: block };
        if let Some(at) = expiry {
            pair.word = pair.word.map_addr(|address| address | TIMED);
            pair.stamp(at);
        }
        pair
    }

    #[inline(always)]
    fn block(&self) -> NonNull<u8> {
        // SAFETY: blocks lie at fours, so that what remains without the mark is the block's address, which is not 0.
        unsafe { NonNull::new_unchecked(self.word.as_ptr().map_addr(|address| address & !TIMED)) }
    }

    #[inline(always)]
    fn is_timed(&self) -> bool {
        self.word.addr().get() & TIMED != 0
    }

    /// Writes the expiry of a pair that has one.
    fn stamp(&mut self, at: i64) {
        let bytes = at.clamp(0, LATEST).to_le_bytes();
        debug_assert!(self.is_timed());
        // SAFETY: the block of a pair that is marked begins with `TIME` bytes for it.
        unsafe { self.block().copy_from_nonoverlapping(NonNull::from(&bytes).cast(), TIME) };
    }

    #[inline(always)]
    fn byte(&self, at: usize) -> usize {
        // SAFETY: called for bytes of the sizes alone, which every block has.
        unsafe { self.block().add(at).read() as usize }
    }

    /// The length of which its half of the first byte says `short`; what follows it is at `at`, which moves on.
    #[inline(always)]
    fn length(&self, short: usize, at: &mut usize) -> usize {
        if short < LONG {
            short
        } else {
            self.long(at)
        }
    }

    #[inline(never)]
    fn long(&self, at: &mut usize) -> usize {
        let (mut length, mut shift) = (0, 0);
        loop {
            let byte = self.byte(*at);
            length |= (byte & 0x7F) << shift;
            *at += 1;
            if byte <= 0x7F {
                return length + LONG;
            }
            shift += 7;
        }
    }

    #[inline(always)]
    fn parts(&self) -> Parts {
        let start = if self.is_timed() { TIME } else { 0 };
        let (first, mut at) = (self.byte(start), start + 1);
        let (name, value) = (self.length(first >> 4, &mut at), self.length(first & LONG, &mut at));
        Parts { name: at, value: at + name, end: at + name + value }
    }

    #[inline(always)]
    fn slice(&self, from: usize, to: usize) -> &[u8] {
        // SAFETY: called for name and value alone, as the sizes tell of them; they were written when the block was made.
        unsafe { std::slice::from_raw_parts(self.block().add(from).as_ptr(), to - from) }
    }

    #[inline]
    pub(super) fn value(&self) -> &[u8] {
        let parts = self.parts();
        self.slice(parts.value, parts.end)
    }

    /// When it expires, in milliseconds since 1970.
    #[inline]
    pub(super) fn expiry(&self) -> Option<i64> {
        if !self.is_timed() {
            return None;
        }
        let mut bytes = [0; 8];
        // SAFETY: the block of a pair that is marked begins with `TIME` bytes of it.
        unsafe { self.block().copy_to_nonoverlapping(NonNull::from(&mut bytes).cast(), TIME) };
        Some(i64::from_le_bytes(bytes))
    }

    /// Gives it another value: in place if it is as long as the old one. The expiry stays.
    pub(super) fn set_value(&mut self, value: &[u8]) {
        let parts = self.parts();
        if parts.end - parts.value == value.len() {
            // SAFETY: as many bytes as the value has; `value` is from elsewhere, since `self` is borrowed exclusively.
            unsafe {
                self.block().add(parts.value).copy_from_nonoverlapping(NonNull::from(value).cast(), value.len());
            }
        } else {
            *self = Pair::new(self.key(), value, self.expiry());
        }
    }

    /// Sets or takes off the expiry: in place where there is one before and after.
    pub(super) fn set_expiry(&mut self, expiry: Option<i64>) {
        match expiry {
            Some(at) if self.is_timed() => self.stamp(at),
            None if !self.is_timed() => {}
            _ => *self = Pair::new(self.key(), self.value(), expiry),
        }
    }

    /// Bytes of its block.
    #[inline]
    pub(super) fn heap_bytes(&self) -> usize {
        roomy(self.parts().end, EXACT)
    }
}

impl Keyed for Pair {
    #[inline]
    fn key(&self) -> &[u8] {
        let first = self.byte(0);
        if !self.is_timed() && first < LONG << 4 && first & LONG < LONG {
            return self.slice(1, 1 + (first >> 4));
        }
        let parts = self.parts();
        self.slice(parts.name, parts.value)
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        // SAFETY: the block is this pair's own and was allocated with that size.
        unsafe { release(self.block(), self.heap_bytes()) };
    }
}

impl Clone for Pair {
    fn clone(&self) -> Self {
        Pair::new(self.key(), self.value(), self.expiry())
    }
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (self.key(), self.value(), self.expiry()).fmt(out)
    }
}
