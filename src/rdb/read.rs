//! Reading lengths, strings and values; see the writer for how they look, and below for what only is read.

use super::damage::{Damage, Kind};
use super::text::{Length, Text};
use super::write::{PACKED, PLAIN};
use super::{lzf, old, types};
use crate::bytes::number::{parse_f64, parse_i64, I64_TEXT};
use crate::keyspace::{EncodingLimits, Str, Value};
use crate::structures::hash::{Hash, LATEST};
use crate::structures::intset::Intset;
use crate::structures::list::{End, Fill, List};
use crate::structures::listpack::Listpack;
use crate::structures::set::{Limits as SetLimits, Set};
use crate::structures::sorted_set::{Change, SortedSet};

type Read<T> = Result<T, Damage>;

/// Reads values one after the other.
#[derive(Clone, Debug)]
pub struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    /// Offset of the first of `bytes` in what they were cut from.
    base: u64,
    /// How many bytes there had to be, at least, where they ended too early.
    wanted: u64,
}

impl<'b> Reader<'b> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'b [u8]) -> Self {
        Reader::within(bytes, 0)
    }

    /// A reader of a piece that was cut out at offset `base`, which errors count from.
    pub fn within(bytes: &'b [u8], base: u64) -> Self {
        Reader { bytes, at: 0, base, wanted: 0 }
    }

    /// How many bytes were read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// How many bytes there had to be, at least, for what was [`Kind::Truncated`].
    pub fn wanted(&self) -> u64 {
        self.wanted
    }

    /// That what begins here is unsound.
    pub fn damage<T>(&self, kind: Kind) -> Read<T> {
        self.damage_at(self.at, kind)
    }

    pub(super) fn damage_at<T>(&self, at: usize, kind: Kind) -> Read<T> {
        Err(Damage::new(self.base + at as u64, kind))
    }

    /// The next `length` bytes.
    pub fn raw(&mut self, length: u64) -> Read<&'b [u8]> {
        match usize::try_from(length).ok().filter(|&length| length <= self.left()) {
            Some(length) => {
                let bytes = &self.bytes[self.at..self.at + length];
                self.at += length;
                Ok(bytes)
            }
            None => {
                self.wanted = length.saturating_add(self.at as u64);
                self.damage(Kind::Truncated)
            }
        }
    }

    pub(super) fn fixed<const N: usize>(&mut self) -> Read<[u8; N]> {
        let bytes = self.raw(N as u64)?;
        Ok(bytes.try_into().expect("as many as asked for"))
    }

    /// The next byte.
    pub fn byte(&mut self) -> Read<u8> {
        Ok(self.fixed::<1>()?[0])
    }

    /// A length, or the number of a string encoding in its place.
    pub fn length_or_encoding(&mut self) -> Read<Length> {
        let at = self.at;
        let first = self.byte()?;
        Ok(match (first >> 6, first) {
            (0, _) => Length::Plain(first as u64),
            (1, _) => Length::Plain((first as u64 & 63) << 8 | self.byte()? as u64),
            (3, _) => Length::Encoding(first & 63),
            (_, 0x80) => Length::Plain(u32::from_be_bytes(self.fixed()?) as u64),
            (_, 0x81) => Length::Plain(u64::from_be_bytes(self.fixed()?)),
            _ => return self.damage_at(at, Kind::Length),
        })
    }

    /// A length.
    pub fn length(&mut self) -> Read<u64> {
        let at = self.at;
        match self.length_or_encoding()? {
            Length::Plain(length) => Ok(length),
            Length::Encoding(_) => self.damage_at(at, Kind::Length),
        }
    }

    /// A count of elements of at least `least` bytes each: never more than there are bytes for, never none.
    fn count(&mut self, least: usize) -> Read<usize> {
        let at = self.at;
        let count = self.length()?;
        if count == 0 {
            return self.damage_at(at, Kind::Empty);
        }
        match usize::try_from(count).ok().filter(|&count| count <= self.left() / least) {
            Some(count) => Ok(count),
            None => self.damage_at(at, Kind::Truncated),
        }
    }

    /// A string.
    pub fn string(&mut self) -> Read<Text<'b>> {
        let at = self.at;
        Ok(match self.length_or_encoding()? {
            Length::Plain(length) => Text::Slice(self.raw(length)?),
            Length::Encoding(0) => Text::Number(i8::from_le_bytes(self.fixed()?) as i64),
            Length::Encoding(1) => Text::Number(i16::from_le_bytes(self.fixed()?) as i64),
            Length::Encoding(2) => Text::Number(i32::from_le_bytes(self.fixed()?) as i64),
            Length::Encoding(3) => {
                let (size, length) = (self.length()?, self.length()?);
                match lzf::decompress(self.raw(size)?, length) {
                    Some(bytes) => Text::Inflated(bytes),
                    None => return self.damage_at(at, Kind::Compression),
                }
            }
            Length::Encoding(other) => return self.damage_at(at, Kind::StringEncoding(other)),
        })
    }

    /// A score in eight bytes; never NaN.
    pub fn double(&mut self) -> Read<f64> {
        let at = self.at;
        let number = f64::from_le_bytes(self.fixed()?);
        if number.is_nan() {
            return self.damage_at(at, Kind::Score);
        }
        Ok(number)
    }

    /// A score as old versions wrote it: the length of a text, or 253 for NaN, 254 and 255 for the infinities.
    fn double_text(&mut self) -> Read<f64> {
        let at = self.at;
        let number = match self.byte()? {
            253 => None,
            254 => Some(f64::INFINITY),
            255 => Some(f64::NEG_INFINITY),
            length => parse_f64(self.raw(length as u64)?),
        };
        match number {
            Some(number) => Ok(number),
            None => self.damage_at(at, Kind::Score),
        }
    }

    /// A value of type `kind`, which was read before it. O(its bytes), where an old encoding is sorted O(n log n).
    pub fn value(&mut self, kind: u8, limits: &EncodingLimits) -> Read<Value> {
        let at = self.at;
        Ok(match kind {
            types::STRING => self.plain_string()?,
            types::LIST => self.list(limits)?,
            types::LIST_QUICKLIST | types::LIST_QUICKLIST_2 => self.quicklist(kind, limits)?,
            types::LIST_ZIPLIST => {
                let mut list = List::unsettled();
                list.push_pack(self.ziplist()?);
                self.settled(at, list, limits)?
            }
            types::SET => self.set(limits)?,
            types::SET_INTSET => self.intset(limits)?,
            types::SET_LISTPACK => self.set_listpack(limits)?,
            types::ZSET | types::ZSET_2 => self.sorted_set(kind, limits)?,
            types::ZSET_ZIPLIST | types::ZSET_LISTPACK => {
                let pack = if kind == types::ZSET_LISTPACK { self.listpack()? } else { self.ziplist()? };
                match SortedSet::from_listpack(pack, &limits.sorted_set) {
                    Some(set) if set.is_empty() => return self.damage_at(at, Kind::Empty),
                    Some(set) => Value::SortedSet(set),
                    None => return self.damage_at(at, Kind::Nested("sorted set")),
                }
            }
            types::HASH => self.hash(limits)?,
            types::HASH_ZIPMAP | types::HASH_ZIPLIST | types::HASH_LISTPACK => {
                let pack = match kind {
                    types::HASH_ZIPMAP => self.nested("zipmap", old::zipmap)?,
                    types::HASH_ZIPLIST => self.ziplist()?,
                    _ => self.listpack()?,
                };
                match Hash::from_listpack(pack, limits.hash) {
                    Some(hash) if hash.is_empty() => return self.damage_at(at, Kind::Empty),
                    Some(hash) => Value::Hash(hash),
                    None => return self.damage_at(at, Kind::Nested("hash")),
                }
            }
            types::HASH_METADATA | types::HASH_METADATA_PRE_GA => self.timed_hash(kind, limits)?,
            types::HASH_LISTPACK_EX | types::HASH_LISTPACK_EX_PRE_GA => {
                if kind == types::HASH_LISTPACK_EX {
                    // When the first field expires, which the listpack says too.
                    self.fixed::<8>()?;
                }
                match Hash::from_timed_listpack(self.listpack()?, limits.hash) {
                    Some(hash) if hash.is_empty() => return self.damage_at(at, Kind::Empty),
                    Some(hash) => Value::Hash(hash),
                    None => return self.damage_at(at, Kind::Nested("hash")),
                }
            }
            types::STREAM_LISTPACKS | types::STREAM_LISTPACKS_2 | types::STREAM_LISTPACKS_3 => self.stream(kind)?,
            types::MODULE_2 => {
                let id = self.length()?;
                return self.damage_at(at, Kind::Module(module_name(id)));
            }
            types::MODULE_PRE_GA => return self.damage_at(at, Kind::Module("of before 4.0".into())),
            other => return self.damage_at(at, Kind::Type(other)),
        })
    }

    /// A string that holds another encoding, which `open` checks and takes in.
    fn nested<T>(&mut self, name: &'static str, open: impl FnOnce(&[u8]) -> Option<T>) -> Read<T> {
        let at = self.at;
        match open(self.string()?.bytes(&mut [0; I64_TEXT])) {
            Some(opened) => Ok(opened),
            None => self.damage_at(at, Kind::Nested(name)),
        }
    }

    /// A string that is a listpack.
    pub(super) fn listpack(&mut self) -> Read<Listpack> {
        self.nested("listpack", Listpack::from_bytes)
    }

    fn ziplist(&mut self) -> Read<Listpack> {
        self.nested("ziplist", old::ziplist)
    }

    fn plain_string(&mut self) -> Read<Value> {
        let text = self.string()?;
        Ok(match text {
            Text::Number(number) => Value::Str(Str::Int(number)),
            Text::Slice(bytes) => Value::string(bytes),
            Text::Inflated(bytes) => Value::Str(match parse_i64(&bytes) {
                Some(number) => Str::Int(number),
                None => Str::Fixed(bytes.into_boxed_slice()),
            }),
        })
    }

    fn settled(&self, at: usize, mut list: List, limits: &EncodingLimits) -> Read<Value> {
        if list.is_empty() {
            return self.damage_at(at, Kind::Empty);
        }
        list.settle(Fill::from_config(limits.list));
        Ok(Value::List(list))
    }

    fn list(&mut self, limits: &EncodingLimits) -> Read<Value> {
        let at = self.at;
        let (count, fill) = (self.count(1)?, Fill::from_config(limits.list));
        let mut list = List::unsettled();
        for _ in 0..count {
            list.push(End::Back, self.string()?.bytes(&mut [0; I64_TEXT]), fill);
        }
        self.settled(at, list, limits)
    }

    /// Nodes: ziplists in the first edition; in the second each behind the number of its kind.
    fn quicklist(&mut self, kind: u8, limits: &EncodingLimits) -> Read<Value> {
        let at = self.at;
        let mut list = List::unsettled();
        for _ in 0..self.count(1)? {
            let node = self.at;
            let container = if kind == types::LIST_QUICKLIST { PACKED } else { self.length()? };
            match (kind, container) {
                (types::LIST_QUICKLIST, _) => list.push_pack(self.ziplist()?),
                (_, PACKED) => list.push_pack(self.listpack()?),
                (_, PLAIN) => match self.string()?.into_boxed() {
                    element if element.is_empty() => return self.damage_at(node, Kind::Nested("quicklist")),
                    element => list.push_plain(element),
                },
                _ => return self.damage_at(node, Kind::Nested("quicklist")),
            }
        }
        self.settled(at, list, limits)
    }

    fn set(&mut self, limits: &EncodingLimits) -> Read<Value> {
        let count = self.count(1)?;
        let limits = SetLimits { listpack: limits.set, intset: limits.intset };
        // Redis goes by the intset's limit alone, but writes small listpacks under another type than this one.
        let mut set = if count > limits.intset.max(limits.listpack.entries) {
            Set::for_members(b"", count, &limits)
        } else {
            Set::new()
        };
        for _ in 0..count {
            let at = self.at;
            if !set.add(self.string()?.bytes(&mut [0; I64_TEXT]), &limits) {
                return self.damage_at(at, Kind::Duplicate);
            }
        }
        Ok(Value::Set(set))
    }

    fn intset(&mut self, limits: &EncodingLimits) -> Read<Value> {
        let at = self.at;
        let set = self.nested("intset", Intset::from_bytes)?;
        if set.is_empty() {
            return self.damage_at(at, Kind::Empty);
        }
        let mut value = Set::Intset(set);
        value.prepare(value.len(), &SetLimits { listpack: limits.set, intset: limits.intset });
        Ok(Value::Set(value))
    }

    fn set_listpack(&mut self, limits: &EncodingLimits) -> Read<Value> {
        let at = self.at;
        let pack = self.listpack()?;
        let members = pack.len();
        if members == 0 {
            return self.damage_at(at, Kind::Empty);
        }
        let small = members <= limits.set.entries;
        let distinct = !small || pack.distinct(0);
        let mut value = Set::Listpack(pack);
        // What is too many becomes a table, in which a member that came twice is there once.
        value.prepare(members, &SetLimits { listpack: limits.set, intset: limits.intset });
        if !distinct || value.len() != members {
            return self.damage_at(at, Kind::Duplicate);
        }
        Ok(Value::Set(value))
    }

    fn score(&mut self, kind: u8) -> Read<f64> {
        if kind == types::ZSET {
            self.double_text()
        } else {
            self.double()
        }
    }

    fn sorted_set(&mut self, kind: u8, limits: &EncodingLimits) -> Read<Value> {
        let count = self.count(2)?;
        let mut longest = 0;
        if count <= limits.sorted_set.entries {
            // The form is chosen first: the small one writes scores down in its own way.
            let mut ahead = self.clone();
            for _ in 0..count {
                longest = longest.max(ahead.string()?.bytes(&mut [0; I64_TEXT]).len());
                ahead.score(kind)?;
            }
        }
        let mut set = SortedSet::sized(count, longest, &limits.sorted_set);
        for _ in 0..count {
            let at = self.at;
            let (member, score) = (self.string()?, self.score(kind)?);
            if set.insert(member.bytes(&mut [0; I64_TEXT]), score, &limits.sorted_set) != Change::Added {
                return self.damage_at(at, Kind::Duplicate);
            }
        }
        Ok(Value::SortedSet(set))
    }

    fn hash(&mut self, limits: &EncodingLimits) -> Read<Value> {
        let count = self.count(2)?;
        let mut hash = Hash::new();
        hash.make_room(count, limits.hash);
        for _ in 0..count {
            let at = self.at;
            let (field, value) = (self.string()?, self.string()?);
            if !hash.set_if_absent(field.bytes(&mut [0; I64_TEXT]), value.bytes(&mut [0; I64_TEXT]), limits.hash) {
                return self.damage_at(at, Kind::Duplicate);
            }
        }
        Ok(Value::Hash(hash))
    }

    /// A hash whose fields expire: each has the milliseconds since the first expiry, plus one, before it; releases
    /// before 7.4 proper wrote instants there.
    fn timed_hash(&mut self, kind: u8, limits: &EncodingLimits) -> Read<Value> {
        let from = match kind {
            types::HASH_METADATA => u64::from_le_bytes(self.fixed()?),
            _ => 1,
        };
        let count = self.count(3)?;
        let mut hash = Hash::new();
        hash.make_room(count, limits.hash);
        hash.make_timed();
        for _ in 0..count {
            let at = self.at;
            let after = self.length()?;
            let expiry = match after {
                0 => Some(0),
                _ => after.checked_add(from).and_then(|after| i64::try_from(after - 1).ok()).filter(|at| *at > 0),
            };
            let Some(expiry) = expiry.filter(|&at| at <= LATEST) else { return self.damage_at(at, Kind::Expiry) };
            let (field, value) = (self.string()?, self.string()?);
            let (mut name, mut text) = ([0; I64_TEXT], [0; I64_TEXT]);
            let name = field.bytes(&mut name);
            if !hash.set_if_absent(name, value.bytes(&mut text), limits.hash) {
                return self.damage_at(at, Kind::Duplicate);
            }
            if expiry > 0 {
                hash.set_expiry(name, Some(expiry));
            }
        }
        Ok(Value::Hash(hash))
    }
}

/// The name in a module type's number: nine letters of six bits above ten bits of version.
pub(super) fn module_name(id: u64) -> Box<str> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..9).map(|at| LETTERS[(id >> (58 - 6 * at)) as usize & 63] as char).collect::<String>().into_boxed_str()
}
