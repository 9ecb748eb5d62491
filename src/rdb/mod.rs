//! RDB: the bytes in which Redis keeps values, in files and in the payloads of DUMP.
//!
//! ```text
//! payload: type u8 | value | version u16 LE | CRC64 of all before u64 LE
//! ```
//!
//! Every type has a number, and with each better encoding it got another one. [`Reader`] takes all that Redis has
//! ever written; [`Writer`] writes what version 10 (Redis 7.0) reads, so that a payload of ours can go to any
//! server that is not older; only a hash whose fields expire asks for version 12 (7.4). Both work on slices and know nothing of footers and files: those are made of their parts,
//! files in [`mod@file`].
//!
//! What comes from outside is checked whole before it becomes a value. Nothing is allocated on the word of a length:
//! either the bytes are there, or they are counted first.

mod crc64;
mod damage;
pub mod file;
mod lzf;
mod old;
mod read;
mod stream;
mod text;
mod write;
#[cfg(test)]
mod tests;

pub use crc64::crc64;
pub use damage::{Damage, Kind};
pub use read::Reader;
pub use text::{Length, Text};
pub use write::Writer;

use crate::keyspace::{EncodingLimits, Value, ValueRef};
use std::cell::RefCell;

/// Numbers of the types, as they stand before a value.
pub mod types {
    #![allow(missing_docs)]
    pub const STRING: u8 = 0;
    pub const LIST: u8 = 1;
    pub const SET: u8 = 2;
    pub const ZSET: u8 = 3;
    pub const HASH: u8 = 4;
    pub const ZSET_2: u8 = 5;
    pub const MODULE_PRE_GA: u8 = 6;
    pub const MODULE_2: u8 = 7;
    pub const HASH_ZIPMAP: u8 = 9;
    pub const LIST_ZIPLIST: u8 = 10;
    pub const SET_INTSET: u8 = 11;
    pub const ZSET_ZIPLIST: u8 = 12;
    pub const HASH_ZIPLIST: u8 = 13;
    pub const LIST_QUICKLIST: u8 = 14;
    pub const STREAM_LISTPACKS: u8 = 15;
    pub const HASH_LISTPACK: u8 = 16;
    pub const ZSET_LISTPACK: u8 = 17;
    pub const LIST_QUICKLIST_2: u8 = 18;
    pub const STREAM_LISTPACKS_2: u8 = 19;
    pub const SET_LISTPACK: u8 = 20;
    pub const STREAM_LISTPACKS_3: u8 = 21;
    pub const HASH_METADATA_PRE_GA: u8 = 22;
    pub const HASH_LISTPACK_EX_PRE_GA: u8 = 23;
    pub const HASH_METADATA: u8 = 24;
    pub const HASH_LISTPACK_EX: u8 = 25;
}

/// The version that is written: Redis 7.0's.
pub const WRITTEN: u16 = 10;

/// The version that is written around a hash whose fields expire: Redis 7.4's.
pub const WRITTEN_FIELDS: u16 = 12;

/// The latest version that is read: Redis 7.4's.
pub const NEWEST: u16 = 12;

const FOOTER: usize = 10;

thread_local! {
    /// What dumps are written with: the table of its compressor, a quarter of a megabyte, is made once.
    static DUMPS: RefCell<Writer> = RefCell::default();
}

/// The payload DUMP answers for `value`. O(bytes of the value).
pub fn dump(value: ValueRef) -> Vec<u8> {
    DUMPS.with_borrow_mut(|writer| {
        writer.kind(value);
        writer.value(value);
        let mut payload = writer.take();
        seal(&mut payload);
        payload
    })
}

/// Makes a payload of a type and a value: puts the footer behind them. O(bytes).
fn seal(payload: &mut Vec<u8>) {
    let version = if payload[0] >= types::SET_LISTPACK { WRITTEN_FIELDS } else { WRITTEN };
    payload.extend_from_slice(&version.to_le_bytes());
    let sum = crc64(0, payload);
    payload.extend_from_slice(&sum.to_le_bytes());
}

/// Takes the footer off a payload; `None` if it is cut, of a version past [`NEWEST`] or has another checksum. O(bytes).
pub fn open(payload: &[u8]) -> Option<&[u8]> {
    let (body, footer) = payload.split_at(payload.len().checked_sub(FOOTER)?);
    let version = u16::from_le_bytes([footer[0], footer[1]]);
    let sum = u64::from_le_bytes(footer[2..].try_into().expect("eight bytes"));
    (version <= NEWEST && (crc64(crc64(0, body), &footer[..2]) == sum)).then_some(body)
}

/// Reads the body of a payload: type and value. O(bytes of the value).
pub fn restore(body: &[u8], limits: &EncodingLimits) -> Result<Value, Damage> {
    let mut reader = Reader::new(body);
    let kind = reader.byte()?;
    reader.value(kind, limits)
}
