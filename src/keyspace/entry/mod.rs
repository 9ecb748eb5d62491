//! One key with all that belongs to it: one block of memory behind a thin pointer, so that a place in a segment's
//! table is as small as can be, and a key that was found is one cache line away from its value.
//!
//! ```text
//! head, 4 bytes          expiry, 8 bytes       key               value
//! access << 8 | flags    only where flagged    length, bytes     by kind:
//!                                                integer        3 to 8 bytes, least significant first
//!                                                short string   length, bytes
//!                                                aggregate      itself, a few bytes that may lie anywhere
//!                                                other          pointer to a box
//! ```
//!
//! Lengths are in base 128, least significant first, the high bit says that more follows. Nothing behind the head is
//! aligned. A block is as large as the allocator's next step allows: what still fits that is written in place.
//! All memory that is handled by hand is handled here.

mod body;
mod string;
mod typed;
#[cfg(test)]
mod tests;

pub(super) use body::{Body, Scratch};
pub use string::StringMut;

use super::value::{StrRef, ValueRef};
use super::{Str, Value};
use crate::bytes::copy_bytes;
use crate::structures::dict::Keyed;
use crate::structures::hash::Hash;
use crate::structures::list::List;
use crate::structures::set::Set;
use crate::structures::sorted_set::SortedSet;
use crate::structures::stream::Stream;
use body::{length_size, read_length, write_bytes};
use std::alloc::{alloc, dealloc, handle_alloc_error, realloc, Layout};
use std::mem::{align_of, size_of, ManuallyDrop};
use std::ptr::{self, NonNull};

/// The deadline of a key that does not expire.
pub(crate) const NEVER: i64 = i64::MAX;

/// The deadline of a key that expires in the last millisecond there is, whose own number means never.
pub(crate) const LAST: i64 = NEVER - 1;

/// What access data holds: 24 bits.
pub(crate) const ACCESS_MASK: u32 = 0xFF_FFFF;

/// Longest string that lies in its entry's block, in bytes. Longer ones have a buffer of their own, so that to move an
/// entry's parts stays cheap; what that costs in memory is little beside so many bytes. Strings that were written into
/// have one too, to grow in: a string in a buffer is what Redis calls `raw`.
const SHORT_MAX: usize = 1024;

/// The flags' kind of value: an integer's is how many bytes it takes, from 3 on.
const KIND: u8 = 15;
const SHORT: u8 = 0;
const BUFFER: u8 = 9;
const LIST: u8 = 10;
const HASH: u8 = 11;
const SET: u8 = 12;
const SORTED_SET: u8 = 13;
const STREAM: u8 = 14;

/// The flag of a key that has an expiry.
const EXPIRES: u8 = 16;

const HEAD: usize = size_of::<u32>();
const POINTER: usize = size_of::<*mut u8>();

/// Bytes of an aggregate that lies in its block.
const EMBEDDED: usize = size_of::<List>();

const _: () = {
    assert!(size_of::<Hash>() == EMBEDDED && size_of::<Set>() == EMBEDDED && size_of::<SortedSet>() == EMBEDDED);
    assert!(align_of::<List>() == 1 && align_of::<Hash>() == 1);
    assert!(align_of::<Set>() == 1 && align_of::<SortedSet>() == 1);
};

/// A key and what belongs to it.
///
/// The pointer is to a block made by `alloc(layout(size))`, where `size` is [`class`] of the bytes in use: `HEAD`, the
/// expiry where flagged, the key and the value as the module draws them, all written. The block, and what the value in it
/// owns, belong to this entry alone.
pub struct Entry(NonNull<u8>);

/// Where the parts of a block begin, in bytes from its start.
#[derive(Clone, Copy)]
struct Parts {
    /// The key's length.
    key: usize,
    /// The key's bytes.
    name: usize,
    value: usize,
}

/// What a block for `bytes` bytes is rounded up to: all that the allocator gives for them. dlmalloc, which WebAssembly
/// has, adds a word of its own and rounds up to two words, four at least.
fn class(bytes: usize) -> usize {
    const WORD: usize = size_of::<usize>();
    (bytes + WORD).next_multiple_of(2 * WORD).max(4 * WORD) - WORD
}

#[inline(never)]
fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, HEAD).expect("smaller than memory")
}

fn key_at(deadline: i64) -> usize {
    HEAD + if deadline != NEVER { size_of::<i64>() } else { 0 }
}

impl Entry {
    /// A key that holds `body` and expires at `deadline`, with this access data.
    pub(super) fn new(key: &[u8], body: Body, deadline: i64, access: u32) -> Self {
        let key_at = key_at(deadline);
        let value_at = key_at + length_size(key.len()) + key.len();
        let (flags, size) = body.shape();
        let layout = layout(class(value_at + size));
        // SAFETY: a class is not zero.
        let Some(block) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        let at = block.as_ptr();
        // SAFETY: key and value have room, by the sum above; the head comes with the expiry below.
        unsafe {
            write_bytes(at.add(key_at), key);
            body.write(at.add(value_at));
        }
        let mut entry = Entry(block);
        entry.seal(access << 8, flags, deadline);
        entry
    }

    /// Writes head and expiry. The block must have the parts that both tell of.
    #[inline]
    fn seal(&mut self, access: u32, flags: u8, deadline: i64) {
        let expires = if deadline != NEVER { EXPIRES } else { 0 };
        self.set_head(access & !0xFF | (flags | expires) as u32);
        if expires != 0 {
            // SAFETY: where an expiry is flagged its bytes follow the head.
            unsafe { self.at(HEAD).cast::<i64>().write_unaligned(deadline) };
        }
    }

    /// # Safety
    /// `offset` must lie in the block, or be its end.
    #[inline(always)]
    unsafe fn at(&self, offset: usize) -> *mut u8 {
        // SAFETY: by the caller's promise.
        unsafe { self.0.as_ptr().add(offset) }
    }

    #[inline(always)]
    fn head(&self) -> u32 {
        // SAFETY: a block begins with its head, and is aligned for it.
        unsafe { self.0.cast::<u32>().read() }
    }

    #[inline(always)]
    fn set_head(&mut self, head: u32) {
        // SAFETY: as for reading.
        unsafe { self.0.cast::<u32>().write(head) };
    }

    #[inline(always)]
    fn kind(&self) -> u8 {
        self.head() as u8 & KIND
    }

    #[inline(always)]
    fn has(&self, flag: u8) -> bool {
        self.head() as u8 & flag != 0
    }

    #[inline(never)]
    fn parts(&self) -> Parts {
        self.parts_at_once()
    }

    /// [`Entry::parts`] where a call counts.
    #[inline(always)]
    fn parts_at_once(&self) -> Parts {
        let key = if self.has(EXPIRES) { HEAD + size_of::<i64>() } else { HEAD };
        // SAFETY: there the key's length was written.
        let (length, size) = unsafe { read_length(self.at(key)) };
        Parts { key, name: key + size, value: key + size + length }
    }

    /// Bytes that a value takes that lies at `value` of the block.
    #[inline]
    fn value_size(&self, value: usize) -> usize {
        match self.kind() {
            SHORT => {
                // SAFETY: a short string begins with its length.
                let (length, size) = unsafe { read_length(self.at(value)) };
                length + size
            }
            BUFFER | STREAM.. => POINTER,
            LIST.. => EMBEDDED,
            width => width as usize,
        }
    }

    /// How many bytes of its block are in use.
    fn used(&self) -> usize {
        let value = self.parts().value;
        value + self.value_size(value)
    }

    /// Bytes of its block, as it was asked of the allocator.
    pub(crate) fn block_bytes(&self) -> usize {
        class(self.used())
    }

    /// Where a value of a kind from [`BUFFER`] on is: an aggregate in the block, another in its box.
    #[inline(never)]
    fn address(&self) -> *mut u8 {
        let kind = self.kind();
        debug_assert!(kind >= BUFFER);
        // SAFETY: the value lies in the block, and is a pointer where it has a box.
        unsafe {
            let at = self.at(self.parts().value);
            match kind {
                BUFFER | STREAM.. => at.cast::<*mut u8>().read_unaligned(),
                _ => at,
            }
        }
    }

    /// The string in its buffer.
    fn buffer_mut(&mut self) -> &mut Vec<u8> {
        debug_assert!(self.kind() == BUFFER);
        // SAFETY: under this kind the box holds a vector, which is this entry's alone.
        unsafe { &mut *self.address().cast() }
    }

    /// The string in its buffer, if it has one.
    pub(crate) fn buffer(&self) -> Option<&Vec<u8>> {
        // SAFETY: under this kind the box holds a vector, which is this entry's alone.
        (self.kind() == BUFFER).then(|| unsafe { &*self.address().cast() })
    }

    /// The key's name.
    pub fn key(&self) -> &[u8] {
        self.key_of(self.parts())
    }

    #[inline(always)]
    fn key_of(&self, parts: Parts) -> &[u8] {
        // SAFETY: there the key's bytes were written; they live as long as the block.
        unsafe { std::slice::from_raw_parts(self.at(parts.name), parts.value - parts.name) }
    }

    /// Its value, if that is a string.
    #[inline(always)]
    pub(super) fn string(&self) -> Option<StrRef<'_>> {
        let (value, kind) = (self.parts_at_once().value, self.kind());
        // SAFETY: what lies at the value's place is what the kind says. The eight bytes up to the end of an integer are
        // in the block: before its three at least there are the head and the key's length. A box lives as
        // long as the entry, and is borrowed with it.
        unsafe {
            let at = self.at(value);
            Some(match kind {
                SHORT => {
                    let (length, size) = read_length(at);
                    StrRef::Bytes(std::slice::from_raw_parts(at.add(size), length))
                }
                BUFFER => StrRef::Bytes(&*self.address().cast::<Vec<u8>>()),
                LIST.. => return None,
                width => {
                    let width = width as usize;
                    let bytes = at.add(width).sub(8).cast::<[u8; 8]>().read();
                    StrRef::Int(i64::from_le_bytes(bytes) >> (64 - 8 * width))
                }
            })
        }
    }

    /// Its value.
    pub fn value(&self) -> ValueRef<'_> {
        if let Some(string) = self.string() {
            return ValueRef::Str(string);
        }
        let at = self.address();
        // SAFETY: what is there is of the kind's type, lives as long as the entry, and is borrowed with it.
        unsafe {
            match self.kind() {
                LIST => ValueRef::List(&*at.cast()),
                HASH => ValueRef::Hash(&*at.cast()),
                SET => ValueRef::Set(&*at.cast()),
                SORTED_SET => ValueRef::SortedSet(&*at.cast()),
                _ => ValueRef::Stream(&*at.cast()),
            }
        }
    }

    /// Its value for writing, if that is a string.
    #[inline]
    pub(super) fn string_mut(&mut self) -> Option<StringMut<'_>> {
        (self.kind() <= BUFFER).then(|| StringMut::new(self))
    }

    /// What OBJECT ENCODING calls its value.
    pub fn encoding(&self) -> &'static str {
        match self.kind() {
            BUFFER => "raw",
            _ => self.value().encoding(),
        }
    }

    /// When it expires, in milliseconds since 1970; [`NEVER`] when it does not.
    #[inline]
    pub(crate) fn deadline(&self) -> i64 {
        match self.has(EXPIRES) {
            // SAFETY: where an expiry is flagged its bytes follow the head.
            true => unsafe { self.at(HEAD).cast::<i64>().read_unaligned() },
            false => NEVER,
        }
    }

    /// When it expires, in milliseconds since 1970.
    pub fn expire_at(&self) -> Option<i64> {
        match self.deadline() {
            NEVER => None,
            LAST => Some(i64::MAX),
            at => Some(at),
        }
    }

    /// What is remembered of its use, 24 bits: see [`super::access`].
    #[inline]
    pub fn access(&self) -> u32 {
        self.head() >> 8
    }

    /// Replaces the access data by the low 24 bits of `access`.
    #[inline]
    pub(crate) fn set_access(&mut self, access: u32) {
        self.set_head(access << 8 | self.head() & 0xFF);
    }

    /// Sets when it expires; [`NEVER`] for not at all. To begin or to end to expire moves the rest of the block.
    pub(crate) fn set_deadline(&mut self, deadline: i64) {
        self.set(Body::Kept, deadline);
    }

    /// Gives it another value and deadline; the old value where that owned more than the block. Allocates only when the size
    /// of the block changes, or a buffer is not of the right size.
    pub(super) fn set(&mut self, body: Body, deadline: i64) -> Option<Value> {
        let (mut flags, size) = body.shape();
        let body = match body {
            Body::Text(bytes) if flags == BUFFER && self.rewrite(bytes) => Body::Kept,
            body => body,
        };
        let keeps = matches!(body, Body::Kept);
        let Parts { key, value, .. } = self.parts_at_once();
        let end = value + self.value_size(value);
        let (new, kept, size) = match keeps {
            true => (key_at(deadline), end - key, 0),
            false => (key_at(deadline), value - key, size),
        };
        let sizes = (class(end), class(new + kept + size));
        // Where the block changes, both layouts are known before anything is: from here on nothing can panic.
        let change = (new != key || sizes.0 != sizes.1).then(|| (layout(sizes.0), layout(sizes.1)));
        // SAFETY: key, and value unless that is replaced, are what is kept; a new value, head and expiry are written before
        // anybody looks, and a value that is detached is overwritten.
        let old = unsafe {
            let old = if keeps { None } else { self.detach() };
            if let Some((before, after)) = change {
                self.reshape(before, after, key, new, kept);
            }
            body.write(self.at(new + kept));
            old
        };
        if keeps {
            flags = self.head() as u8 & !EXPIRES;
        }
        self.seal(self.head(), flags, deadline);
        old
    }

    /// Writes a short string over another of a key that does not expire, where the block keeps its size; whether it did. So
    /// most writes end, for which [`Entry::set`] asks too much.
    #[inline(always)]
    pub(super) fn overwrite(&mut self, body: Body) -> bool {
        let Body::Text(bytes) = body else { return false };
        if bytes.len() > 0x7F || self.head() as u8 != SHORT {
            return false;
        }
        let value = self.parts_at_once().value;
        // SAFETY: a short string begins with its length, of which one byte at least is there.
        let held = unsafe { self.at(value).read() } as usize;
        let fits = held <= 0x7F && class(value + 1 + held) == class(value + 1 + bytes.len());
        if fits {
            // SAFETY: a block is as large as its class, which is that of the new length.
            unsafe {
                self.at(value).write(bytes.len() as u8);
                copy_bytes(bytes.as_ptr(), self.at(value + 1), bytes.len());
            }
        }
        fits
    }

    /// Writes a long string into the buffer that is there, if it is one of about the size; whether it is.
    fn rewrite(&mut self, bytes: &[u8]) -> bool {
        let fits = self
            .buffer()
            .is_some_and(|buffer| (bytes.len()..bytes.len() + bytes.len() / 8).contains(&buffer.capacity()));
        if fits {
            let buffer = self.buffer_mut();
            buffer.clear();
            buffer.extend_from_slice(bytes);
        }
        fits
    }

    /// Gives the block another size and moves `kept` bytes in it from `from` to `to`.
    ///
    /// # Safety
    /// `old` must be the block's layout, `new` that of a class; `from + kept` must lie in the old, `to + kept` in the new
    /// one, and the caller must write what then belongs before and behind what was kept.
    unsafe fn reshape(&mut self, old: Layout, new: Layout, from: usize, to: usize, kept: usize) {
        // SAFETY: what is kept is moved while the block has the larger of both sizes, in which it lies before and after.
        unsafe {
            if new.size() > old.size() {
                self.resize(old, new);
            }
            if from != to {
                ptr::copy(self.at(from), self.at(to), kept);
            }
            if new.size() < old.size() {
                self.resize(old, new);
            }
        }
    }

    /// # Safety
    /// As for [`Entry::reshape`].
    #[cold]
    unsafe fn resize(&mut self, old: Layout, new: Layout) {
        // SAFETY: the block was made with the old layout, a class is not zero, and a layout's size is one that may be.
        let block = unsafe { realloc(self.0.as_ptr(), old, new.size()) };
        self.0 = NonNull::new(block).unwrap_or_else(|| handle_alloc_error(new));
    }

    /// Takes out a value that owns more than the block.
    ///
    /// # Safety
    /// The caller must overwrite the value, or free the block, before the entry is used again or dropped.
    unsafe fn detach(&self) -> Option<Value> {
        let kind = self.kind();
        if kind < BUFFER {
            return None;
        }
        let at = self.address();
        // SAFETY: there is a value of the kind's type, in a box where such a kind has one, and it is not used again.
        unsafe {
            Some(match kind {
                BUFFER => Value::Str(Str::Growing(*Box::from_raw(at.cast()))),
                LIST => Value::List(at.cast::<List>().read()),
                HASH => Value::Hash(at.cast::<Hash>().read()),
                SET => Value::Set(at.cast::<Set>().read()),
                SORTED_SET => Value::SortedSet(at.cast::<SortedSet>().read()),
                _ => Value::Stream(Box::from_raw(at.cast::<Stream>())),
            })
        }
    }

    /// Frees the block; the value where that owned more.
    fn free(self) -> Option<Value> {
        let entry = ManuallyDrop::new(self);
        let layout = layout(entry.block_bytes());
        // SAFETY: the block goes right after its value did, was made with this layout, and nobody drops the entry.
        unsafe {
            let value = entry.detach();
            dealloc(entry.0.as_ptr(), layout);
            value
        }
    }

    /// Its value, the rest of it freed.
    pub(crate) fn into_value(self) -> Value {
        match self.kind() {
            BUFFER.. => self.free().expect("such a value owns more"),
            _ => self.to_value(),
        }
    }

    /// A copy of its value.
    pub fn to_value(&self) -> Value {
        match self.value() {
            ValueRef::Str(StrRef::Int(number)) => Value::Str(Str::Int(number)),
            ValueRef::Str(StrRef::Bytes(bytes)) if self.kind() == BUFFER => Value::Str(Str::Growing(bytes.to_vec())),
            ValueRef::Str(StrRef::Bytes(bytes)) => Value::Str(Str::Fixed(bytes.into())),
            ValueRef::List(list) => Value::List(list.clone()),
            ValueRef::Hash(hash) => Value::Hash(hash.clone()),
            ValueRef::Set(set) => Value::Set(set.clone()),
            ValueRef::SortedSet(set) => Value::SortedSet(set.clone()),
            ValueRef::Stream(stream) => Value::Stream(Box::new(stream.clone())),
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // SAFETY: the entry is not used again, and what it points at goes once, with the copy.
        drop(unsafe { ptr::read(self) }.free());
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(formatter, "{:?}: {:?} until {:?}", self.key(), self.value(), self.expire_at())
    }
}

impl Keyed for Entry {
    #[inline(always)]
    fn key(&self) -> &[u8] {
        self.key_of(self.parts_at_once())
    }
}
