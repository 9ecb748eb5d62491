//! The types a key can hold.

use super::entry::NEVER;
use crate::bytes::number::{format_i64, parse_i64, I64_TEXT};
use crate::structures::hash::Hash;
use crate::structures::list::List;
use crate::structures::set::Set;
use crate::structures::sorted_set::SortedSet;
use crate::structures::stream::Stream;

/// Longest string that Redis embeds in its object, in bytes: the border between `embstr` and `raw`.
const EMBEDDED: usize = 44;

/// A string value: an integer while its text is one, else bytes.
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

    /// Becomes the most compact form of `bytes`; bytes of the same length are written over the old ones.
    #[inline]
    pub fn assign(&mut self, bytes: &[u8]) {
        match (parse_i64(bytes), &mut *self) {
            (Some(number), _) => *self = Str::Int(number),
            (None, Str::Fixed(held)) if held.len() == bytes.len() => held.copy_from_slice(bytes),
            _ => *self = Str::Fixed(bytes.into()),
        }
    }

    /// The bytes; an integer's text is written into `buffer`.
    #[inline]
    pub fn bytes<'a>(&'a self, buffer: &'a mut [u8; I64_TEXT]) -> &'a [u8] {
        match self {
            Str::Int(number) => format_i64(*number, buffer),
            Str::Fixed(bytes) => bytes,
            Str::Growing(bytes) => bytes,
        }
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.bytes(&mut [0; I64_TEXT]).len()
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes for writing in place; an integer becomes text.
    pub fn bytes_mut(&mut self) -> &mut Vec<u8> {
        if !matches!(self, Str::Growing(_)) {
            let bytes = match std::mem::replace(self, Str::Int(0)) {
                Str::Int(number) => format_i64(number, &mut [0; I64_TEXT]).to_vec(),
                Str::Fixed(bytes) => bytes.into_vec(),
                Str::Growing(bytes) => bytes,
            };
            *self = Str::Growing(bytes);
        }
        match self {
            Str::Growing(bytes) => bytes,
            _ => unreachable!("made so above"),
        }
    }

    /// What OBJECT ENCODING calls it.
    pub fn encoding(&self) -> &'static str {
        match self {
            Str::Int(_) => "int",
            Str::Fixed(bytes) if bytes.len() <= EMBEDDED => "embstr",
            _ => "raw",
        }
    }
}

/// What a key holds.
#[derive(Clone, Debug)]
pub enum Value {
    /// A string.
    Str(Str),
    /// A list.
    List(Box<List>),
    /// A hash.
    Hash(Box<Hash>),
    /// A set.
    Set(Box<Set>),
    /// A sorted set.
    SortedSet(Box<SortedSet>),
    /// A stream.
    Stream(Box<Stream>),
}

impl Value {
    /// A string value of these bytes.
    #[inline]
    pub fn string(bytes: &[u8]) -> Self {
        Value::Str(Str::new(bytes))
    }

    /// What TYPE calls it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Str(_) => "string",
            Value::List(_) => "list",
            Value::Hash(_) => "hash",
            Value::Set(_) => "set",
            Value::SortedSet(_) => "zset",
            Value::Stream(_) => "stream",
        }
    }

    /// What OBJECT ENCODING calls it.
    pub fn encoding(&self) -> &'static str {
        match self {
            Value::Str(string) => string.encoding(),
            Value::List(list) => list.encoding(),
            Value::Hash(hash) => hash.encoding(),
            Value::Set(set) => set.encoding(),
            Value::SortedSet(set) => set.encoding(),
            Value::Stream(_) => "stream",
        }
    }

    /// How many elements an aggregate has; 1 for a string.
    pub fn len(&self) -> usize {
        match self {
            Value::Str(_) => 1,
            Value::List(list) => list.len(),
            Value::Hash(hash) => hash.len(),
            Value::Set(set) => set.len(),
            Value::SortedSet(set) => set.len(),
            Value::Stream(stream) => stream.log.len() as usize,
        }
    }

    /// Whether an aggregate has no elements: such a key must not stay. A stream may be empty and stays.
    pub fn is_empty(&self) -> bool {
        !matches!(self, Value::Stream(_)) && self.len() == 0
    }

    /// How much there is to free, in items of [`Value::free_some`].
    pub(crate) fn weight(&self) -> usize {
        match self {
            Value::Stream(stream) => stream.weight(),
            _ => self.len(),
        }
    }

    /// Whether it is a hash in which some field was ever to expire.
    #[inline]
    pub(crate) fn is_timed(&self) -> bool {
        matches!(self, Value::Hash(hash) if hash.is_timed())
    }

    /// When the first field of a hash expires, [`NEVER`] where none does.
    #[inline]
    pub(crate) fn soonest(&self) -> i64 {
        match self {
            Value::Hash(hash) => hash.soonest().unwrap_or(NEVER),
            _ => NEVER,
        }
    }

    /// Whether it has so much in it that it is better freed in slices.
    pub(crate) fn is_large(&self) -> bool {
        self.weight() > 64
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
