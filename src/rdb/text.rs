//! A string as it was read: in place where it lies there plain.

use crate::bytes::number::{format_i64, I64_TEXT};
use crate::structures::listpack::Item;

/// A length, or what stands in the place of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// A length.
    Plain(u64),
    /// The number of a string encoding.
    Encoding(u8),
}

/// A string.
#[derive(Clone, Debug)]
pub enum Text<'b> {
    /// Plain bytes, where they were read.
    Slice(&'b [u8]),
    /// The decimal text of a number.
    Number(i64),
    /// Bytes that were compressed.
    Inflated(Vec<u8>),
}

impl Text<'_> {
    /// The bytes; a number's are written into `buffer`.
    pub fn bytes<'a>(&'a self, buffer: &'a mut [u8; I64_TEXT]) -> &'a [u8] {
        match self {
            Text::Slice(bytes) => bytes,
            Text::Number(number) => format_i64(*number, buffer),
            Text::Inflated(bytes) => bytes,
        }
    }

    /// As an entry of a listpack: an integer where it is one.
    pub fn item(&self) -> Item<'_> {
        match self {
            Text::Slice(bytes) => Item::from(*bytes),
            Text::Number(number) => Item::Int(*number),
            Text::Inflated(bytes) => Item::from(bytes),
        }
    }

    /// The bytes as an allocation of their own.
    pub fn into_boxed(self) -> Box<[u8]> {
        match self {
            Text::Slice(bytes) => bytes.into(),
            Text::Number(number) => format_i64(number, &mut [0; I64_TEXT]).into(),
            Text::Inflated(bytes) => bytes.into_boxed_slice(),
        }
    }
}
