//! A string opened for writing: what it becomes may move its entry's block.

use super::body::{width, Body, Scratch};
use super::{Entry, BUFFER};
use crate::bytes::number::I64_TEXT;
use crate::keyspace::value::StrRef;

/// The string of an entry, opened for writing. Its expiry stays.
pub struct StringMut<'e>(&'e mut Entry);

impl<'e> StringMut<'e> {
    /// The entry must hold a string.
    #[inline]
    pub(super) fn new(entry: &'e mut Entry) -> Self {
        StringMut(entry)
    }

    /// The string to be read.
    #[inline(never)]
    pub fn get(&self) -> StrRef<'_> {
        self.0.string().expect("what is not a string is not opened as one")
    }

    /// Becomes an integer, in place where it was one that takes as many bytes.
    #[inline]
    pub fn set_int(self, number: i64) {
        let (kind, width) = (self.0.kind() as usize, width(number));
        if kind != width {
            let deadline = self.0.deadline();
            drop(self.0.set(Body::Int(number), deadline));
            return;
        }
        let end = self.0.parts().value + width;
        let shift = 64 - 8 * width;
        // SAFETY: as where an integer is read, the eight bytes up to its end are in the block; those before it are
        // written as they were.
        unsafe {
            let word = self.0.at(end - 8).cast::<[u8; 8]>();
            let before = u64::from_le_bytes(word.read()) & !(u64::MAX << shift);
            word.write((before | (number as u64) << shift).to_le_bytes());
        }
    }

    /// Becomes `bytes`, even where they are an integer's text.
    pub fn set_text(self, bytes: &[u8]) {
        let deadline = self.0.deadline();
        drop(self.0.set(Body::Text(bytes), deadline));
    }

    /// The bytes, to be written into and appended to: they get a buffer of their own and keep room to grow.
    pub fn into_bytes(self) -> &'e mut Vec<u8> {
        let entry = self.0;
        if entry.kind() != BUFFER {
            let bytes = StringMut(entry).get().bytes(&mut [0; I64_TEXT]).to_vec();
            let deadline = entry.deadline();
            entry.set(Body::buffer(bytes, &mut Scratch::new()), deadline);
        }
        entry.buffer_mut()
    }
}
