//! What was wrong with bytes that were to be read.

use super::NEWEST;
use std::fmt;
use std::ops::Deref;

/// A place that does not read, and why. In a box of its own: every string that is read could be damaged, and hardly one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage(Box<Found>);

/// What a [`Damage`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Offset in the bytes that were read; of a compressed or nested part, where that begins.
    pub offset: u64,
    /// Why.
    pub kind: Kind,
}

impl Damage {
    /// Damage at `offset`.
    #[cold]
    pub fn new(offset: u64, kind: Kind) -> Self {
        Damage(Box::new(Found { offset, kind }))
    }
}

impl Deref for Damage {
    type Target = Found;

    fn deref(&self) -> &Found {
        &self.0
    }
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
    /// A file that does not begin as RDB does.
    Magic,
    /// A file of a version that is not known.
    Version(u16),
    /// An operation that does not exist.
    Operation(u8),
    /// A database that there is not.
    Database(u64),
    /// A key for the second time.
    DoubledKey,
    /// A checksum that is another's.
    Checksum,
    /// Nothing wrong but that memory is used up.
    NoMemory,
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
            Kind::Magic => out.write_str("no RDB file begins like this"),
            Kind::Version(version) => {
                write!(out, "RDB version {version} is not among those that are read, 1 to {NEWEST},")
            }
            Kind::Operation(number) => write!(out, "operation {number} does not exist"),
            Kind::Database(number) => write!(out, "database {number}, which there is not,"),
            Kind::DoubledKey => out.write_str("a key that comes twice"),
            Kind::NoMemory => out.write_str("there is no memory for more than what ends"),
            Kind::Checksum => out.write_str("the checksum is not that of the bytes before it: it stands"),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} at byte {}", self.kind, self.offset)
    }
}

impl std::error::Error for Damage {}
