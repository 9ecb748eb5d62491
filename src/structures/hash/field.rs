//! A field of a large hash: name and value in one allocation, and its expiry where it has one.
//!
//! ```text
//! 0lllllll | name | value                names of up to 127 bytes
//! 10000000 | llllllll×4 | name | value   longer ones, high bits first
//! 11tttttt tttttttt×5 | either of these  fields that expire: at t, in milliseconds since 1970
//! ```
//!
//! One allocation where Redis makes three is most of what a large hash saves. A field that does not expire pays
//! nothing for those that do.

use crate::structures::dict::Keyed;

/// The latest instant a field can expire at, in milliseconds since 1970: Redis takes no later one either.
pub const LATEST: i64 = (1 << 46) - 1;

const LONG: u8 = 0x80;
const TIMED: u64 = 0b11 << 46;
/// Bytes of an expiry.
const TIME: usize = 6;

/// Name and value of one field.
#[derive(Clone, Debug)]
pub(super) struct Field(Box<[u8]>);

/// An expiry as it is stored.
fn stamp(at: i64) -> [u8; TIME] {
    let bytes = (TIMED | at.clamp(0, LATEST) as u64).to_be_bytes();
    bytes[2..].try_into().expect("six bytes")
}

impl Field {
    pub(super) fn new(name: &[u8], value: &[u8], expiry: Option<i64>) -> Self {
        let mut bytes = Vec::with_capacity(TIME + 5 + name.len() + value.len());
        if let Some(at) = expiry {
            bytes.extend_from_slice(&stamp(at));
        }
        if name.len() < LONG as usize {
            bytes.push(name.len() as u8);
        } else {
            bytes.push(LONG);
            bytes.extend_from_slice(&(name.len() as u32).to_be_bytes());
        }
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(value);
        Field(bytes.into_boxed_slice())
    }

    #[inline]
    fn is_timed(&self) -> bool {
        self.0[0] >= 0xC0
    }

    /// Where the name begins and ends.
    #[inline]
    fn name_span(&self) -> (usize, usize) {
        let first = self.0[0];
        if first < LONG {
            return (1, 1 + first as usize);
        }
        let at = if self.is_timed() { TIME } else { 0 };
        if self.0[at] < LONG {
            return (at + 1, at + 1 + self.0[at] as usize);
        }
        let length: [u8; 4] = self.0[at + 1..at + 5].try_into().expect("four bytes");
        (at + 5, at + 5 + u32::from_be_bytes(length) as usize)
    }

    #[inline]
    pub(super) fn value(&self) -> &[u8] {
        &self.0[self.name_span().1..]
    }

    /// When it expires, in milliseconds since 1970.
    #[inline]
    pub(super) fn expiry(&self) -> Option<i64> {
        if !self.is_timed() {
            return None;
        }
        let mut bytes = [0; 8];
        bytes[2..].copy_from_slice(&self.0[..TIME]);
        Some((u64::from_be_bytes(bytes) & !TIMED) as i64)
    }

    /// Gives the field another value: in place if it is as long as the old one. The expiry stays.
    pub(super) fn set_value(&mut self, value: &[u8]) {
        let (_, end) = self.name_span();
        if self.0.len() - end == value.len() {
            self.0[end..].copy_from_slice(value);
        } else {
            self.0 = [&self.0[..end], value].concat().into_boxed_slice();
        }
    }

    /// Sets or takes off the expiry: in place where there is one before and after.
    pub(super) fn set_expiry(&mut self, expiry: Option<i64>) {
        match (self.is_timed(), expiry) {
            (true, Some(at)) => self.0[..TIME].copy_from_slice(&stamp(at)),
            (false, Some(at)) => self.0 = [&stamp(at), &self.0[..]].concat().into_boxed_slice(),
            (true, None) => self.0 = self.0[TIME..].into(),
            (false, None) => {}
        }
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
