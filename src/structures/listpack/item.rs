//! What a listpack entry is to its readers: bytes, or an integer that stands for its decimal text.

use crate::bytes::number::{format_i64, parse_i64, push_i64, I64_TEXT};

/// One entry. An integer entry *is* its decimal text; whoever reads it as bytes sees the digits.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// Text that is not a canonical integer (or that an outside listpack chose to store as text).
    Bytes(&'a [u8]),
    /// A canonical integer.
    Int(i64),
}

impl<'a> Item<'a> {
    /// The text; an integer is written into `buffer` first.
    #[inline]
    pub fn bytes<'b>(&self, buffer: &'b mut [u8; I64_TEXT]) -> &'b [u8]
    where
        'a: 'b,
    {
        match *self {
            Item::Bytes(bytes) => bytes,
            Item::Int(value) => format_i64(value, buffer),
        }
    }

    /// Length of the text in bytes.
    pub fn len(&self) -> usize {
        match *self {
            Item::Bytes(bytes) => bytes.len(),
            Item::Int(value) => format_i64(value, &mut [0; I64_TEXT]).len(),
        }
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        matches!(self, Item::Bytes([]))
    }

    /// Whether the text is `other`.
    pub fn eq_bytes(&self, other: &[u8]) -> bool {
        match *self {
            Item::Bytes(bytes) => bytes == other,
            Item::Int(value) => format_i64(value, &mut [0; I64_TEXT]) == other,
        }
    }

    /// Whether the text is the needle's: one comparison, no formatting.
    #[inline]
    pub fn matches(&self, needle: &Needle<'_>) -> bool {
        match *self {
            Item::Bytes(bytes) => bytes == needle.text,
            Item::Int(value) => needle.value == Some(value),
        }
    }

    /// The value if this is an integer entry, or text that reads as a canonical integer.
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            Item::Bytes(bytes) => parse_i64(bytes),
            Item::Int(value) => Some(value),
        }
    }

    /// The text as an allocation of its own.
    pub fn to_vec(&self) -> Vec<u8> {
        match *self {
            Item::Bytes(bytes) => bytes.to_vec(),
            Item::Int(value) => format_i64(value, &mut [0; I64_TEXT]).to_vec(),
        }
    }

    /// Appends the text to `out`.
    #[inline]
    pub fn push_to(&self, out: &mut Vec<u8>) {
        match *self {
            Item::Bytes(bytes) => out.extend_from_slice(bytes),
            Item::Int(value) => push_i64(out, value),
        }
    }
}

/// Equal when the texts are.
impl PartialEq for Item<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Item::Int(a), Item::Int(b)) => a == b,
            (Item::Bytes(a), other) => other.eq_bytes(a),
            (other, Item::Bytes(a)) => other.eq_bytes(a),
        }
    }
}

impl Eq for Item<'_> {}

/// Text becomes an integer entry where it is a canonical integer, as Redis stores it.
impl<'a> From<&'a [u8]> for Item<'a> {
    #[inline]
    fn from(bytes: &'a [u8]) -> Self {
        match parse_i64(bytes) {
            Some(value) => Item::Int(value),
            None => Item::Bytes(bytes),
        }
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Item<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Item::from(&bytes[..])
    }
}

impl<'a> From<&'a Vec<u8>> for Item<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Item::from(&bytes[..])
    }
}

impl From<i64> for Item<'_> {
    fn from(value: i64) -> Self {
        Item::Int(value)
    }
}

/// Text to be compared with many entries, read as an integer once.
#[derive(Clone, Copy, Debug)]
pub struct Needle<'a> {
    text: &'a [u8],
    value: Option<i64>,
}

impl<'a> Needle<'a> {
    /// Prepares `text`.
    #[inline]
    pub fn new(text: &'a [u8]) -> Self {
        // What does not begin like a number need not be read as one.
        let value = if matches!(text, [b'-' | b'0'..=b'9', ..]) { parse_i64(text) } else { None };
        Needle { text, value }
    }
}
