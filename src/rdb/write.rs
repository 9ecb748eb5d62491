//! Writing lengths, strings and values.
//!
//! ```text
//! length:  00vvvvvv | 01vvvvvv v | 80 u32 BE | 81 u64 BE
//! string:  length bytes
//!          C0 i8 | C1 i16 LE | C2 i32 LE           its text is that integer's
//!          C3 length length bytes                  LZF: compressed length, length, compressed bytes
//! ```

use super::lzf::Compressor;
use super::types;
use crate::bytes::number::{format_i64, parse_i64, I64_TEXT};
use crate::keyspace::{StrRef, ValueRef};
use crate::structures::hash::Hash;
use crate::structures::list::{List, NodeRef};
use crate::structures::listpack::Item;
use crate::structures::set::Set;
use crate::structures::sorted_set::SortedSet;

/// Strings longer than this are compressed, where that makes them shorter.
const COMPRESSED: usize = 20;

/// Longest text of a number that is written as one.
const NUMBER_TEXT: usize = 11;

/// Container numbers of a quicklist's nodes.
pub(super) const PLAIN: u64 = 1;
pub(super) const PACKED: u64 = 2;

/// Writes values one after the other.
#[derive(Default)]
pub struct Writer {
    out: Vec<u8>,
    compressor: Compressor,
}

impl Writer {
    /// A writer with nothing written.
    pub fn new() -> Self {
        Writer::default()
    }

    /// A writer that goes on behind what stands in `out`.
    pub fn continuing(out: Vec<u8>) -> Self {
        Writer { out, ..Writer::default() }
    }

    /// Where it writes, for those who put something of their own in between.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// What was written.
    pub fn bytes(&self) -> &[u8] {
        &self.out
    }

    /// What was written, given away.
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// Hands out what was written and begins anew, for writing in pieces.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// One byte: a type, an operation.
    pub fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    /// Bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// A length.
    pub fn length(&mut self, length: u64) {
        match length {
            0..=0x3F => self.out.push(length as u8),
            0x40..=0x3FFF => self.out.extend_from_slice(&(length as u16 | 0x4000).to_be_bytes()),
            _ => match u32::try_from(length) {
                Ok(length) => {
                    self.out.push(0x80);
                    self.out.extend_from_slice(&length.to_be_bytes());
                }
                Err(_) => {
                    self.out.push(0x81);
                    self.out.extend_from_slice(&length.to_be_bytes());
                }
            },
        }
    }

    /// A string: as a number if it reads as a small one, compressed if that pays, else plain.
    pub fn string(&mut self, bytes: &[u8]) {
        if bytes.len() <= NUMBER_TEXT {
            if let Some(number) = parse_i64(bytes).and_then(|number| i32::try_from(number).ok()) {
                return self.small(number);
            }
        }
        if bytes.len() > COMPRESSED && self.compressed(bytes) {
            return;
        }
        self.plain(bytes);
    }

    /// A string that is the text of `number`.
    pub fn number(&mut self, number: i64) {
        match i32::try_from(number) {
            Ok(number) => self.small(number),
            Err(_) => self.plain(format_i64(number, &mut [0; I64_TEXT])),
        }
    }

    fn small(&mut self, number: i32) {
        let bytes = number.to_le_bytes();
        let (code, width) = match number {
            -0x80..=0x7F => (0xC0, 1),
            -0x8000..=0x7FFF => (0xC1, 2),
            _ => (0xC2, 4),
        };
        self.out.push(code);
        self.out.extend_from_slice(&bytes[..width]);
    }

    fn plain(&mut self, bytes: &[u8]) {
        self.length(bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    fn compressed(&mut self, bytes: &[u8]) -> bool {
        // The compressed length goes before what it counts: compress first, then turn the two around.
        let start = self.out.len();
        if !self.compressor.compress(bytes, &mut self.out) {
            return false;
        }
        let size = self.out.len() - start;
        self.out.push(0xC3);
        self.length(size as u64);
        self.length(bytes.len() as u64);
        self.out[start..].rotate_left(size);
        true
    }

    fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Bytes(bytes) => self.string(bytes),
            Item::Int(number) => self.number(number),
        }
    }

    /// A score: eight bytes.
    pub fn double(&mut self, number: f64) {
        self.out.extend_from_slice(&number.to_le_bytes());
    }

    /// The number of the type that [`Writer::value`] writes `value` as.
    pub fn kind(&mut self, value: ValueRef) {
        self.byte(match value {
            ValueRef::Str(_) => types::STRING,
            ValueRef::List(_) => types::LIST_QUICKLIST_2,
            ValueRef::Set(set) => match set {
                Set::Intset(_) => types::SET_INTSET,
                // A listpack of its own type only came with version 11.
                Set::Listpack(_) | Set::Table(_) => types::SET,
            },
            ValueRef::SortedSet(set) if set.listpack().is_some() => types::ZSET_LISTPACK,
            ValueRef::SortedSet(_) => types::ZSET_2,
            ValueRef::Hash(hash) if hash.listpack().is_some() => types::HASH_LISTPACK,
            ValueRef::Hash(hash) if hash.timed_listpack().is_some() => types::HASH_LISTPACK_EX,
            ValueRef::Hash(hash) if hash.soonest().is_some() => types::HASH_METADATA,
            ValueRef::Hash(_) => types::HASH,
            ValueRef::Stream(_) => types::STREAM_LISTPACKS_2,
        });
    }

    /// A value, without its type. O(its bytes).
    pub fn value(&mut self, value: ValueRef) {
        match value {
            ValueRef::Str(StrRef::Int(number)) => self.number(number),
            ValueRef::Str(StrRef::Bytes(bytes)) => self.string(bytes),
            ValueRef::List(list) => self.list(list),
            ValueRef::Set(set) => self.set(set),
            ValueRef::SortedSet(set) => self.sorted_set(set),
            ValueRef::Hash(hash) => self.hash(hash),
            ValueRef::Stream(stream) => self.stream(stream),
        }
    }

    fn list(&mut self, list: &List) {
        let nodes = list.nodes();
        self.length(nodes.len() as u64);
        for node in nodes {
            match node {
                NodeRef::Pack(pack) => {
                    self.length(PACKED);
                    self.string(&pack.to_bytes());
                }
                NodeRef::Plain(bytes) => {
                    self.length(PLAIN);
                    self.string(bytes);
                }
            }
        }
    }

    fn set(&mut self, set: &Set) {
        if let Set::Intset(set) = set {
            return self.string(&set.to_bytes());
        }
        self.length(set.len() as u64);
        set.iter().for_each(|member| self.item(member));
    }

    fn sorted_set(&mut self, set: &SortedSet) {
        if let Some(pack) = set.listpack() {
            return self.string(&pack.to_bytes());
        }
        self.length(set.len() as u64);
        // From the top down: whoever loads it puts each member before all others.
        for (member, score) in set.range(0, set.len(), true) {
            self.item(member);
            self.double(score);
        }
    }

    fn hash(&mut self, hash: &Hash) {
        if let Some(pack) = hash.listpack() {
            return self.string(&pack.to_bytes());
        }
        let soonest = hash.soonest();
        if let Some(pack) = hash.timed_listpack() {
            self.raw(&soonest.unwrap_or(0).to_le_bytes());
            return self.string(&pack.to_bytes());
        }
        if let Some(soonest) = soonest {
            self.raw(&soonest.to_le_bytes());
        }
        self.length(hash.len() as u64);
        for (field, value, expiry) in hash.all_entries() {
            if let Some(soonest) = soonest {
                // From the first to expire on, plus one: zero is for a field that does not.
                self.length(expiry.map_or(0, |at| (at - soonest + 1) as u64));
            }
            self.item(field);
            self.item(value);
        }
    }
}
