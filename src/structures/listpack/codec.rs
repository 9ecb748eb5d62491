//! The bytes of one listpack entry. Behind each stands its backlen, where the listpack is *laced*.
//!
//! ```text
//! 0vvvvvvv                          unsigned 7-bit integer
//! 10llllll  text                    text of up to 63 bytes
//! 110vvvvv vvvvvvvv                 signed 13-bit integer, high bits first
//! 1110llll llllllll  text           text of up to 4095 bytes, high bits first
//! F0 llllllll×4 LE  text            longer text
//! F1, F2, F3, F4 + 2, 3, 4, 8 LE    signed integers
//! FF                                end of the listpack
//! ```

use super::item::Item;
use std::ptr::NonNull;

/// The mark after the last entry.
pub(super) const END: u8 = 0xFF;

/// Bytes the backlen of an entry of `size` bytes takes. The bounds are one below what seven bits a byte could hold
/// from two bytes on: that is how the format came to be, and every reader relies on it.
#[inline]
pub(super) fn backlen_size(size: usize) -> usize {
    match size {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

/// The backlen of an entry of `size` bytes and how many bytes of it count.
#[inline]
fn backlen(size: usize) -> ([u8; 5], usize) {
    let (mut bytes, count) = ([0; 5], backlen_size(size));
    bytes[0] = (size as u64 >> (7 * (count - 1))) as u8;
    for (at, byte) in bytes.iter_mut().enumerate().take(count).skip(1) {
        *byte = (size as u64 >> (7 * (count - 1 - at))) as u8 & 127 | 128;
    }
    (bytes, count)
}

/// Reads the backlen that ends just before `end`: its value and its size; `None` past five bytes or the start.
#[inline]
fn read_backlen(bytes: &[u8], end: usize) -> Option<(usize, usize)> {
    let (mut value, mut taken) = (0u64, 0);
    loop {
        let byte = *bytes.get(end.checked_sub(taken + 1)?)?;
        value |= u64::from(byte & 127) << (7 * taken);
        taken += 1;
        if byte & 128 == 0 {
            return Some((usize::try_from(value).ok()?, taken));
        }
        if taken == 5 {
            return None;
        }
    }
}

/// Size of the laced entry that ends at `end`.
#[inline]
pub(super) fn back_step(bytes: &[u8], end: usize) -> usize {
    let last = bytes[end - 1];
    if last < 128 {
        return last as usize + 1;
    }
    let (size, taken) = read_backlen(bytes, end).expect("a sound listpack");
    size + taken
}

#[inline]
fn read4(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// Size of the entry at `at`, backlen included.
pub(super) fn step(bytes: &[u8], at: usize, laced: bool) -> usize {
    let size = match bytes[at] {
        0..=0x7F => 1,
        first @ 0x80..=0xBF => 1 + (first & 63) as usize,
        0xC0..=0xDF => 2,
        first @ 0xE0..=0xEF => 2 + ((first as usize & 15) << 8 | bytes[at + 1] as usize),
        0xF0 => 5 + read4(bytes, at + 1) as usize,
        0xF1 => 3,
        0xF2 => 4,
        0xF3 => 5,
        _ => 9,
    };
    framed(size, laced)
}

/// [`step`] without a call where the entry is short text.
#[inline(always)]
pub(super) fn hop(bytes: &[u8], at: usize, laced: bool) -> usize {
    match bytes[at] {
        first @ 0x80..=0xBF => 1 + (first & 63) as usize + laced as usize,
        _ => step(bytes, at, laced),
    }
}

/// What an entry of `size` bytes takes with its backlen, if it has one.
#[inline(always)]
pub(super) fn framed(size: usize, laced: bool) -> usize {
    if size < 128 {
        size + laced as usize
    } else {
        framed_long(size, laced)
    }
}

#[cold]
#[inline(never)]
fn framed_long(size: usize, laced: bool) -> usize {
    size + if laced { backlen_size(size) } else { 0 }
}

/// The text of the entry at `at` if it is of the form for up to 63 bytes, whose size is one more without a backlen.
#[inline(always)]
pub(super) fn short_text(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let first = bytes[at];
    if first & 0xC0 == 0x80 {
        bytes.get(at + 1..at + 1 + (first & 63) as usize)
    } else {
        None
    }
}

/// The entry at `at` and its size, without a backlen.
#[inline]
pub(super) fn decode(bytes: &[u8], at: usize) -> (Item<'_>, usize) {
    let first = bytes[at];
    let (head, length) = match first {
        0..=0x7F => return (Item::Int(first as i64), 1),
        0x80..=0xBF => (1, (first & 63) as usize),
        0xC0..=0xDF => {
            // Shifted up so that the sign of thirteen bits becomes the sign of sixteen.
            let raw = (first as u16) << 11 | (bytes[at + 1] as u16) << 3;
            return (Item::Int((raw as i16 >> 3) as i64), 2);
        }
        0xE0..=0xEF => (2, (first as usize & 15) << 8 | bytes[at + 1] as usize),
        0xF0 => (5, read4(bytes, at + 1) as usize),
        0xF1 => return (Item::Int(i16::from_le_bytes([bytes[at + 1], bytes[at + 2]]) as i64), 3),
        0xF2 => {
            let value = i32::from_le_bytes([0, bytes[at + 1], bytes[at + 2], bytes[at + 3]]) >> 8;
            return (Item::Int(value as i64), 4);
        }
        0xF3 => return (Item::Int(read4(bytes, at + 1) as i32 as i64), 5),
        _ => {
            let value = i64::from_le_bytes(bytes[at + 1..at + 9].try_into().expect("eight bytes"));
            return (Item::Int(value), 9);
        }
    };
    (Item::Bytes(&bytes[at + head..at + head + length]), head + length)
}

/// Checks entries that came from outside, header and end mark taken off, and counts them.
pub(super) fn validate(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut count) = (0, 0);
    while at < bytes.len() {
        let left = bytes.len() - at;
        let (head, length) = match bytes[at] {
            0..=0x7F => (1, 0),
            first @ 0x80..=0xBF => (1, (first & 63) as usize),
            0xC0..=0xDF => (2, 0),
            first @ 0xE0..=0xEF => (2, (first as usize & 15) << 8 | *bytes.get(at + 1)? as usize),
            0xF0 if left >= 5 => (5, read4(bytes, at + 1) as usize),
            0xF1 => (3, 0),
            0xF2 => (4, 0),
            0xF3 => (5, 0),
            0xF4 => (9, 0),
            _ => return None,
        };
        // The length is compared with what is left before anything is added to it: it may be near u32::MAX.
        if length > left || head + length + backlen_size(head + length) > left {
            return None;
        }
        let size = head + length;
        let end = at + size + backlen_size(size);
        if read_backlen(&bytes[at..], end - at)? != (size, backlen_size(size)) {
            return None;
        }
        at = end;
        count += 1;
    }
    Some(count)
}

/// An entry ready to be written.
pub(super) struct Encoded<'a> {
    head: [u8; 9],
    head_size: u8,
    body: &'a [u8],
}

impl<'a> Encoded<'a> {
    #[inline]
    pub(super) fn new(item: Item<'a>) -> Self {
        let mut head = [0; 9];
        let (head_size, body) = match item {
            Item::Bytes(text) => (text_head(text.len(), &mut head), text),
            Item::Int(value) => (integer(value, &mut head), &[][..]),
        };
        Encoded { head, head_size: head_size as u8, body }
    }

    #[inline]
    fn unframed(&self) -> usize {
        self.head_size as usize + self.body.len()
    }

    /// Size as an entry, backlen included.
    #[inline]
    pub(super) fn size(&self, laced: bool) -> usize {
        framed(self.unframed(), laced)
    }

    /// Writes the entry.
    ///
    /// # Safety
    /// At `out` there is room for [`Self::size`] bytes, which are no part of the text.
    #[inline]
    pub(super) unsafe fn write_to(&self, out: NonNull<u8>, laced: bool) {
        let (head, size) = (self.head_size as usize, self.unframed());
        // SAFETY: head, text and backlen are what the size counts.
        unsafe {
            out.write(self.head[0]);
            if head > 1 {
                out.copy_from_nonoverlapping(NonNull::from(&self.head).cast(), head);
            }
            if !self.body.is_empty() {
                out.add(head).copy_from_nonoverlapping(NonNull::from(self.body).cast(), self.body.len());
            }
            if laced && size < 128 {
                out.add(size).write(size as u8);
            } else if laced {
                let (bytes, count) = backlen(size);
                out.add(size).copy_from_nonoverlapping(NonNull::from(&bytes).cast(), count);
            }
        }
    }
}

/// Appends the entries of `bytes`, of a listpack that is `laced` or not, in the other form or in the same.
pub(super) fn relace(bytes: &[u8], laced: bool, into: bool, out: &mut Vec<u8>) {
    let mut at = 0;
    while at < bytes.len() {
        let size = step(bytes, at, false);
        out.extend_from_slice(&bytes[at..at + size]);
        if into {
            let (foot, count) = backlen(size);
            out.extend_from_slice(&foot[..count]);
        }
        at += framed(size, laced);
    }
}

#[inline]
fn text_head(length: usize, head: &mut [u8; 9]) -> usize {
    match length {
        0..=63 => {
            head[0] = 0x80 | length as u8;
            1
        }
        64..=4095 => {
            head[0] = 0xE0 | (length >> 8) as u8;
            head[1] = length as u8;
            2
        }
        _ => {
            head[0] = 0xF0;
            head[1..5].copy_from_slice(&(length as u32).to_le_bytes());
            5
        }
    }
}

#[inline]
fn integer(value: i64, head: &mut [u8; 9]) -> usize {
    let (mark, width) = match value {
        0..=127 => {
            head[0] = value as u8;
            return 1;
        }
        -4096..=4095 => {
            head[0] = 0xC0 | (value >> 8) as u8 & 31;
            head[1] = value as u8;
            return 2;
        }
        -32_768..=32_767 => (0xF1, 2),
        -8_388_608..=8_388_607 => (0xF2, 3),
        -2_147_483_648..=2_147_483_647 => (0xF3, 4),
        _ => (0xF4, 8),
    };
    head[0] = mark;
    head[1..].copy_from_slice(&value.to_le_bytes());
    1 + width
}
