//! What was wrong with bytes that were to be read.

use std::fmt;

/// A place that does not read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Offset in the bytes that were read; of a compressed or nested part, where that begins.
    pub offset: u64,
    /// Why.
    pub kind: Kind,
}

/// Why bytes were refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They end before what they announce.
    Truncated,
    /// A length that no writer writes.
    Length,
    /// A string encoding that does not exist.
    StringEncoding(u8),
    /// LZF that does not decompress to the stated length.
    Compression,
    /// A nested encoding, by name, that is not sound.
    Nested(&'static str),
    /// An aggregate with nothing in it, which no key may hold.
    Empty,
    /// A field or member for the second time.
    Duplicate,
    /// A score that is no number.
    Score,
    /// A value that none of ours may be as large as.
    TooLarge,
    /// A type number that does not exist.
    Type(u8),
    /// A type whose values are the private matter of a module.
    Module(Box<str>),
    /// An expiry that no field can have.
    Expiry,
}

impl Kind {
    /// Whether the bytes may well be sound, but hold what is not supported here.
    pub fn is_unsupported(&self) -> bool {
        matches!(self, Kind::Module(_))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Truncated => out.write_str("the end comes too early"),
            Kind::Length => out.write_str("a length that does not read"),
            Kind::StringEncoding(number) => write!(out, "string encoding {number} does not exist"),
            Kind::Compression => out.write_str("compressed bytes that do not decompress"),
            Kind::Nested(name) => write!(out, "a damaged {name}"),
            Kind::Empty => out.write_str("a value without elements"),
            Kind::Duplicate => out.write_str("a field or member that comes twice"),
            Kind::Score => out.write_str("a score that is not a number"),
            Kind::TooLarge => out.write_str("a value that is too large"),
            Kind::Type(number) => write!(out, "type {number} does not exist"),
            Kind::Module(name) => write!(out, "a value of module type '{name}', which is not loaded"),
            Kind::Expiry => out.write_str("an expiry that no field can have"),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} at byte {}", self.kind, self.offset)
    }
}

impl std::error::Error for Damage {}
