//! A field of a large hash: name and value in one allocation.
//!
//! ```text
//! 0lllllll | name | value              names of up to 127 bytes
//! 1lllllll llllllll×3 | name | value   longer ones, high bits first
//! ```
//!
//! One allocation where Redis makes three is most of what a large hash saves. The first bit pair of the long form
//! is not used up by any name (names stay below 2^29 bytes), so a field with more to carry can still be told apart.

use crate::structures::dict::Keyed;

/// Name and value of one field.
#[derive(Clone, Debug)]
pub(super) struct Field(Box<[u8]>);

const LONG: u8 = 0x80;

impl Field {
    pub(super) fn new(name: &[u8], value: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(4 + name.len() + value.len());
        if name.len() < LONG as usize {
            bytes.push(name.len() as u8);
        } else {
            bytes.extend_from_slice(&(name.len() as u32 | (LONG as u32) << 24).to_be_bytes());
        }
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(value);
        Field(bytes.into_boxed_slice())
    }

    /// Where the name begins and ends.
    #[inline]
    fn name_span(&self) -> (usize, usize) {
        let first = self.0[0];
        if first < LONG {
            return (1, 1 + first as usize);
        }
        let length = u32::from_be_bytes([first & !LONG, self.0[1], self.0[2], self.0[3]]) as usize;
        (4, 4 + length)
    }

    #[inline]
    pub(super) fn value(&self) -> &[u8] {
        &self.0[self.name_span().1..]
    }

    /// Gives the field another value: in place if it is as long as the old one.
    pub(super) fn set_value(&mut self, value: &[u8]) {
        let (_, end) = self.name_span();
        if self.0.len() - end == value.len() {
            self.0[end..].copy_from_slice(value);
            return;
        }
        let mut bytes = Vec::with_capacity(end + value.len());
        bytes.extend_from_slice(&self.0[..end]);
        bytes.extend_from_slice(value);
        self.0 = bytes.into_boxed_slice();
    }

    /// Bytes of its allocation.
    #[inline]
    pub(super) fn heap_bytes(&self) -> usize {
        self.0.len()
    }
}

impl Keyed for Field {
    #[inline]
    fn key(&self) -> &[u8] {
        let (start, end) = self.name_span();
        &self.0[start..end]
    }
}
