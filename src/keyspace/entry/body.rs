//! What an entry is made of, before it lies in its block.

use super::{BUFFER, EMBEDDED, HASH, LIST, POINTER, SET, SHORT, SHORT_MAX, SORTED_SET, STREAM};
use crate::bytes::copy_bytes;
use crate::bytes::number::parse_i64;
use crate::keyspace::{Str, Value};
use std::mem::{size_of, MaybeUninit};

/// A value as it is to lie in a block.
#[derive(Clone, Copy)]
pub(in crate::keyspace) enum Body<'b> {
    Int(i64),
    /// A string, of any length.
    Text(&'b [u8]),
    /// Its kind, and the bytes of an aggregate or of a pointer to a box, with all they own: they go into exactly one entry.
    Owner(u8, &'b [MaybeUninit<u8>]),
    /// The value that is there.
    Kept,
}

/// What a value that becomes a [`Body`] lies in meanwhile.
pub(in crate::keyspace) struct Scratch {
    short: Box<[u8]>,
    owner: [MaybeUninit<u8>; if EMBEDDED > POINTER { EMBEDDED } else { POINTER }],
}

impl Scratch {
    pub(in crate::keyspace) fn new() -> Self {
        Scratch { short: Box::default(), owner: [MaybeUninit::uninit(); _] }
    }

    /// Takes a value over.
    fn own<T>(&mut self, kind: u8, value: T) -> Body<'_> {
        let bytes = &mut self.owner[..size_of::<T>()];
        // SAFETY: there are as many bytes as the type has.
        unsafe { bytes.as_mut_ptr().cast::<T>().write_unaligned(value) };
        Body::Owner(kind, bytes)
    }
}

/// Bytes that an integer takes: at least 3, so that the eight up to its end lie inside any block.
#[inline]
pub(super) fn width(number: i64) -> usize {
    let bits = 65 - (number ^ number >> 63).leading_zeros() as usize;
    bits.div_ceil(8).max(3)
}

/// Bytes that a length takes.
pub(super) fn length_size(length: usize) -> usize {
    let mut size = 1;
    while length >> (7 * size) != 0 {
        size += 1;
    }
    size
}

/// Writes a length, followed by as many bytes.
///
/// # Safety
/// At `at` there must be room for both, apart from `bytes`.
pub(super) unsafe fn write_bytes(mut at: *mut u8, bytes: &[u8]) {
    let mut length = bytes.len();
    // SAFETY: `length_size` bytes for the length and the bytes themselves are within the room.
    unsafe {
        while length > 0x7F {
            at.write(length as u8 | 0x80);
            at = at.add(1);
            length >>= 7;
        }
        at.write(length as u8);
        copy_bytes(bytes.as_ptr(), at.add(1), bytes.len());
    }
}

/// Reads a length: what it is, and how many bytes it takes.
///
/// # Safety
/// At `at` there must be one that [`write_bytes`] wrote.
#[inline(always)]
pub(super) unsafe fn read_length(at: *const u8) -> (usize, usize) {
    // SAFETY: the first byte is there.
    match unsafe { at.read() } {
        length @ ..=0x7F => (length as usize, 1),
        // SAFETY: by the caller's promise.
        _ => unsafe { read_long(at) },
    }
}

/// [`read_length`] of any length.
///
/// # Safety
/// As for that.
#[cold]
#[inline(never)]
unsafe fn read_long(at: *const u8) -> (usize, usize) {
    let (mut length, mut size) = (0, 0);
    loop {
        // SAFETY: the first byte is there, and each with its high bit set is followed by another.
        let byte = unsafe { at.add(size).read() };
        length |= ((byte & 0x7F) as usize) << (7 * size);
        size += 1;
        if byte <= 0x7F {
            return (length, size);
        }
    }
}

impl<'b> Body<'b> {
    /// The most compact form of a string.
    #[inline]
    pub(in crate::keyspace) fn string(bytes: &'b [u8]) -> Self {
        match bytes {
            // What does not begin like a number need not be read as one.
            [b'-' | b'0'..=b'9', ..] => parse_i64(bytes).map_or(Body::Text(bytes), Body::Int),
            _ => Body::Text(bytes),
        }
    }

    /// What becomes of a value. It must go into an entry, or what the value owns is lost.
    pub(in crate::keyspace) fn value(value: Value, scratch: &'b mut Scratch) -> Self {
        match value {
            Value::Str(Str::Int(number)) => Body::Int(number),
            Value::Str(Str::Fixed(bytes)) if bytes.len() <= SHORT_MAX => {
                scratch.short = bytes;
                Body::Text(&scratch.short)
            }
            Value::Str(Str::Fixed(bytes)) => Body::buffer(bytes.into_vec(), scratch),
            Value::Str(Str::Growing(bytes)) => Body::buffer(bytes, scratch),
            Value::List(list) => scratch.own(LIST, list),
            Value::Hash(hash) => scratch.own(HASH, hash),
            Value::Set(set) => scratch.own(SET, set),
            Value::SortedSet(set) => scratch.own(SORTED_SET, set),
            Value::Stream(stream) => scratch.own(STREAM, Box::into_raw(stream)),
        }
    }

    /// A string in a buffer of its own. It must go into an entry.
    pub(super) fn buffer(bytes: Vec<u8>, scratch: &'b mut Scratch) -> Self {
        scratch.own(BUFFER, Box::into_raw(Box::new(bytes)))
    }

    /// Its kind, and the bytes it takes.
    #[inline]
    pub(super) fn shape(self) -> (u8, usize) {
        match self {
            Body::Int(number) => (width(number) as u8, width(number)),
            Body::Text(bytes) if bytes.len() <= SHORT_MAX => (SHORT, length_size(bytes.len()) + bytes.len()),
            Body::Text(_) => (BUFFER, POINTER),
            Body::Owner(kind, bytes) => (kind, bytes.len()),
            Body::Kept => (0, 0),
        }
    }

    /// # Safety
    /// At `at` there must be room for as many bytes as [`Body::shape`] says, apart from those of a string.
    pub(super) unsafe fn write(self, at: *mut u8) {
        // SAFETY: each kind writes as many bytes as its shape says.
        unsafe {
            match self {
                Body::Int(number) => copy_bytes(number.to_le_bytes().as_ptr(), at, width(number)),
                Body::Text(bytes) if bytes.len() <= SHORT_MAX => write_bytes(at, bytes),
                Body::Text(bytes) => at.cast::<*mut Vec<u8>>().write_unaligned(Box::into_raw(Box::new(bytes.to_vec()))),
                Body::Owner(_, bytes) => at.copy_from_nonoverlapping(bytes.as_ptr().cast(), bytes.len()),
                Body::Kept => {}
            }
        }
    }
}
