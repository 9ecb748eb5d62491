//! The types a key can hold: a [`Value`] in transit, owned by nobody's entry, and a [`ValueRef`] of what an entry holds.

use super::entry::NEVER;
use crate::bytes::number::{format_i64, parse_i64, I64_TEXT};
use crate::structures::hash::Hash;
use crate::structures::list::List;
use crate::structures::set::Set;
use crate::structures::sorted_set::SortedSet;
use crate::structures::stream::Stream;

/// Longest string that Redis embeds in its object, in bytes: the border between `embstr` and `raw`.
const EMBEDDED: usize = 44;

/// A string value on its way into or out of an entry: an integer while its text is one, else bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Str {
    /// A text that [`parse_i64`] reads.
    Int(i64),
    /// Bytes at their exact size, as SET leaves them.
    Fixed(Box<[u8]>),
    /// Bytes that were appended to or written into: they keep room to grow.
    Growing(Vec<u8>),
}

impl Str {
    /// The most compact form of `bytes`.
    #[inline]
    pub fn new(bytes: &[u8]) -> Self {
        match parse_i64(bytes) {
            Some(number) => Str::Int(number),
            None => Str::Fixed(bytes.into()),
        }
    }
}

/// A string value as it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrRef<'v> {
    /// A text that [`parse_i64`] reads.
    Int(i64),
    /// Any other.
    Bytes(&'v [u8]),
}

impl<'v> StrRef<'v> {
    /// The bytes; an integer's text is written into `buffer`.
    #[inline]
    pub fn bytes(self, buffer: &'v mut [u8; I64_TEXT]) -> &'v [u8] {
        match self {
            StrRef::Int(number) => format_i64(number, buffer),
            StrRef::Bytes(bytes) => bytes,
        }
    }

    /// Length in bytes.
    pub fn len(self) -> usize {
        self.bytes(&mut [0; I64_TEXT]).len()
    }

    /// Whether it has no bytes.
    pub fn is_empty(self) -> bool {
        matches!(self, StrRef::Bytes([]))
    }
}

/// What a key is to hold or has held.
#[derive(Clone, Debug)]
pub enum Value {
    /// A string.
    Str(Str),
    /// A list.
    List(List),
    /// A hash.
    Hash(Hash),
    /// A set.
    Set(Set),
    /// A sorted set.
    SortedSet(SortedSet),
    /// A stream.
    Stream(Box<Stream>),
}

impl Value {
    /// A string value of these bytes.
    #[inline]
    pub fn string(bytes: &[u8]) -> Self {
        Value::Str(Str::new(bytes))
    }

    /// The value to be read.
    pub fn view(&self) -> ValueRef<'_> {
        match self {
            Value::Str(Str::Int(number)) => ValueRef::Str(StrRef::Int(*number)),
            Value::Str(Str::Fixed(bytes)) => ValueRef::Str(StrRef::Bytes(bytes)),
            Value::Str(Str::Growing(bytes)) => ValueRef::Str(StrRef::Bytes(bytes)),
            Value::List(list) => ValueRef::List(list),
            Value::Hash(hash) => ValueRef::Hash(hash),
            Value::Set(set) => ValueRef::Set(set),
            Value::SortedSet(set) => ValueRef::SortedSet(set),
            Value::Stream(stream) => ValueRef::Stream(stream),
        }
    }

    /// Frees about `budget` elements; true when nothing is left.
    pub(crate) fn free_some(&mut self, budget: usize) -> bool {
        match self {
            Value::Str(_) => true,
            Value::List(list) => list.free_some(budget),
            Value::Hash(hash) => hash.free_some(budget),
            Value::Set(set) => set.free_some(budget),
            Value::SortedSet(set) => set.free_some(budget),
            Value::Stream(stream) => stream.free_some(budget),
        }
    }
}

/// What a key holds, to be read.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'v> {
    /// A string.
    Str(StrRef<'v>),
    /// A list.
    List(&'v List),
    /// A hash.
    Hash(&'v Hash),
    /// A set.
    Set(&'v Set),
    /// A sorted set.
    SortedSet(&'v SortedSet),
    /// A stream.
    Stream(&'v Stream),
}

impl ValueRef<'_> {
    /// What TYPE calls it.
    pub fn type_name(self) -> &'static str {
        match self {
            ValueRef::Str(_) => "string",
            ValueRef::List(_) => "list",
            ValueRef::Hash(_) => "hash",
            ValueRef::Set(_) => "set",
            ValueRef::SortedSet(_) => "zset",
            ValueRef::Stream(_) => "stream",
        }
    }

    /// What OBJECT ENCODING calls it, but for a short string that was written into: of that the entry knows.
    pub fn encoding(self) -> &'static str {
        match self {
            ValueRef::Str(StrRef::Int(_)) => "int",
            ValueRef::Str(StrRef::Bytes(bytes)) if bytes.len() <= EMBEDDED => "embstr",
            ValueRef::Str(StrRef::Bytes(_)) => "raw",
            ValueRef::List(list) => list.encoding(),
            ValueRef::Hash(hash) => hash.encoding(),
            ValueRef::Set(set) => set.encoding(),
            ValueRef::SortedSet(set) => set.encoding(),
            ValueRef::Stream(_) => "stream",
        }
    }

    /// How many elements an aggregate has; 1 for a string.
    pub fn len(self) -> usize {
        match self {
            ValueRef::Str(_) => 1,
            ValueRef::List(list) => list.len(),
            ValueRef::Hash(hash) => hash.len(),
            ValueRef::Set(set) => set.len(),
            ValueRef::SortedSet(set) => set.len(),
            ValueRef::Stream(stream) => stream.log.len() as usize,
        }
    }

    /// Whether an aggregate has no elements: such a key must not stay. A stream may be empty and stays.
    pub fn is_empty(self) -> bool {
        !matches!(self, ValueRef::Stream(_)) && self.len() == 0
    }

    /// How much there is to free, in items of [`Value::free_some`].
    pub(crate) fn weight(self) -> usize {
        match self {
            ValueRef::Stream(stream) => stream.weight(),
            ValueRef::SortedSet(set) => set.weight(),
            _ => self.len(),
        }
    }

    /// Whether it is a hash in which some field was ever to expire.
    #[inline]
    pub(crate) fn is_timed(self) -> bool {
        matches!(self, ValueRef::Hash(hash) if hash.is_timed())
    }

    /// When the first field of a hash expires, [`NEVER`] where none does.
    #[inline]
    pub(crate) fn soonest(self) -> i64 {
        match self {
            ValueRef::Hash(hash) => hash.soonest().unwrap_or(NEVER),
            _ => NEVER,
        }
    }

    /// Whether it has so much in it that it is better freed in slices.
    pub(crate) fn is_large(self) -> bool {
        self.weight() > 64
    }
}
