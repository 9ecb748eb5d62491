//! Bitmaps: strings whose bits are addressed one by one, the highest bit of the first byte being bit 0.
//!
//! This file declares the family and holds what works on single bits and whole strings; [`scan`] counts and finds
//! bits a word at a time, [`ranges`] reads the ranges to do so in, [`fields`] has BITFIELD.

mod fields;
mod ranges;
mod scan;
#[cfg(test)]
mod tests;

use super::strings::grow;
use super::{Context, DataHandler, Handled, Outcome};
use crate::bytes::number::{parse_i64, I64_TEXT};
use crate::keyspace::{Class, Keys, Str, StrRef, Value, ValueRef};
use crate::memory::room_for;
use crate::resp::{Args, Fault};
use fields::{bitfield, bitfield_ro};
use ranges::{bitcount, bitpos};

crate::commands! {
    /// The bitmap commands.
    pub static TABLE: DataHandler, group "bitmap";

    /// Sets or clears one bit of a string, which grows to hold it, and answers what the bit was.
    "setbit" {
        since "2.2.0", cost "O(1)", flags [WRITE DENYOOM],
        args "key@RW.access.update offset:int value:int",
        reply "int",
        run setbit,
    }
    /// Answers one bit of a string; bits past its end are 0.
    "getbit" {
        since "2.2.0", cost "O(1)", flags [READONLY FAST],
        args "key@RO.access offset:int",
        reply "int",
        run getbit,
    }
    /// Counts the bits that are set, in a whole string or in a range of bytes or bits.
    "bitcount" {
        since "2.6.0", cost "O(N) for N bytes counted", flags [READONLY],
        args "key@RO.access [range=(start:int end:int [unit=(BYTE | BIT)])]",
        reply "int",
        run bitcount,
    }
    /// Answers the position of the first bit that is set or clear, in a whole string or in a range of bytes or bits.
    "bitpos" {
        since "2.8.7", cost "O(N) for N bytes searched", flags [READONLY],
        args "key@RO.access bit:int [range=(start:int [end-unit-block=(end:int [unit=(BYTE | BIT)])])]",
        reply "int",
        run bitpos,
    }
    /// Combines strings bit by bit, stores the result in a key and answers its length in bytes.
    "bitop" {
        since "2.6.0", cost "O(N) for N bytes in all strings", flags [WRITE DENYOOM],
        args "operation=(AND | OR | XOR | NOT) destkey@OW.update key@RO.access...",
        reply "int",
        run bitop,
    }
    /// Reads, sets and adds to integers of any width at any bit of a string.
    "bitfield" {
        since "3.2.0", cost "O(1) for each operation", flags [WRITE DENYOOM],
        args "key@RW.access.update.variable_flags [operation=(GET get-block=(encoding offset:int) | write=([OVERFLOW overflow-block=(WRAP | SAT | FAIL)] write-operation=(SET set-block=(encoding offset:int value:int) | INCRBY incrby-block=(encoding offset:int increment:int))))...]",
        reply "[int?]",
        run bitfield,
    }
    /// Reads integers of any width at any bit of a string.
    "bitfield_ro" {
        since "6.0.0", cost "O(1) for each operation", flags [READONLY FAST],
        args "key@RO.access [(GET get-block=(encoding offset:int))...]",
        reply "[int]",
        run bitfield_ro,
    }
}

const BAD_OFFSET: Fault = Fault::Text("ERR bit offset is not an integer or out of range");
const BAD_BIT: Fault = Fault::Text("ERR bit is not an integer or out of range");

/// Reads a bit offset: no string reaches further than `proto-max-bulk-len`, `limit` bytes.
fn offset(text: &[u8], limit: usize) -> Result<u64, Fault> {
    checked_offset(parse_i64(text).ok_or(BAD_OFFSET)?, limit)
}

fn checked_offset(offset: i64, limit: usize) -> Result<u64, Fault> {
    u64::try_from(offset).ok().filter(|offset| offset >> 3 < limit as u64).ok_or(BAD_OFFSET)
}

/// Has `work` done on the bytes of a string that reaches at least as far as bit `last`; what it lacks of that, all
/// of it where there is no key, is added as zeros. `work` is told whether something was.
fn with_room<T>(keys: &mut Keys, key: &[u8], last: u64, work: impl FnOnce(&mut [u8], bool) -> T) -> Result<T, Fault> {
    let length = usize::try_from((last >> 3) + 1).map_err(|_| Fault::NO_MEMORY)?;
    if let Some(held) = keys.string_mut(key)? {
        let bytes = held.into_bytes();
        let short = bytes.len() < length;
        if short {
            grow(bytes, length)?;
            bytes.resize(length, 0);
        }
        return Ok(work(bytes, short));
    }
    let mut bytes = room_for(length).ok_or(Fault::NO_MEMORY)?;
    bytes.resize(length, 0);
    let done = work(&mut bytes, true);
    keys.put(key, Value::Str(Str::Growing(bytes)));
    Ok(done)
}

fn setbit(ctx: &mut Context, args: Args) -> Handled {
    let key = args.at(1);
    let offset = offset(args.at(2), ctx.keys.space().limits.bulk)?;
    let on = match parse_i64(args.at(3)) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err(BAD_BIT),
    };
    let mask = 0x80 >> (offset & 7);
    let (was, changed) = with_room(&mut ctx.keys, key, offset, |bytes, longer| {
        let byte = &mut bytes[(offset >> 3) as usize];
        let was = *byte & mask != 0;
        *byte = if on { *byte | mask } else { *byte & !mask };
        (was, longer || was != on)
    })?;
    if changed {
        ctx.keys.modified(key, Class::STRING, "setbit");
    }
    ctx.reply.flag(was);
    Ok(Outcome::Done)
}

fn getbit(ctx: &mut Context, args: Args) -> Handled {
    let offset = offset(args.at(2), ctx.keys.space().limits.bulk)?;
    let mut buffer = [0; I64_TEXT];
    let bytes = ctx.keys.read_string(args.at(1))?.map_or(&[][..], |value| value.bytes(&mut buffer));
    let byte = bytes.get((offset >> 3) as usize).copied().unwrap_or(0);
    ctx.reply.flag(byte & 0x80 >> (offset & 7) != 0);
    Ok(Outcome::Done)
}

/// How BITOP combines bits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    And,
    Or,
    Xor,
    Not,
}

impl Operator {
    /// Combines `bytes` with `other`, which is no longer and goes on with zeros. The loops are over bytes: the
    /// compiler makes whole vectors of them.
    fn combine(self, bytes: &mut [u8], other: &[u8]) {
        let (shared, rest) = bytes.split_at_mut(other.len());
        let pairs = shared.iter_mut().zip(other);
        match self {
            Operator::And => {
                pairs.for_each(|(byte, other)| *byte &= other);
                rest.fill(0);
            }
            Operator::Or => pairs.for_each(|(byte, other)| *byte |= other),
            Operator::Xor => pairs.for_each(|(byte, other)| *byte ^= other),
            Operator::Not => pairs.for_each(|(byte, other)| *byte = !other),
        }
    }
}

fn bitop(ctx: &mut Context, args: Args) -> Handled {
    let operator = match () {
        () if args.is(1, "AND") => Operator::And,
        () if args.is(1, "OR") => Operator::Or,
        () if args.is(1, "XOR") => Operator::Xor,
        () if args.is(1, "NOT") => Operator::Not,
        () => return Err(Fault::Syntax),
    };
    if operator == Operator::Not && args.len() != 4 {
        return Err(Fault::Text("ERR BITOP NOT must be called with a single source key."));
    }
    let (destination, sources) = (args.at(2), args.iter_from(3));
    let mut longest = 0;
    for source in sources.clone() {
        longest = longest.max(ctx.keys.read_string(source)?.map_or(0, StrRef::len));
    }
    if longest == 0 {
        ctx.keys.delete(destination);
        ctx.reply.int(0);
        return Ok(Outcome::Done);
    }
    let mut result: Vec<u8> = room_for(longest).ok_or(Fault::NO_MEMORY)?;
    for (index, source) in sources.enumerate() {
        let mut buffer = [0; I64_TEXT];
        let bytes = match ctx.keys.held(source) {
            Some(ValueRef::Str(value)) => value.bytes(&mut buffer),
            _ => &[],
        };
        if index == 0 {
            result.extend_from_slice(bytes);
            result.resize(longest, 0);
        }
        if index > 0 || operator == Operator::Not {
            operator.combine(&mut result, bytes);
        }
    }
    ctx.keys.put(destination, Value::Str(Str::Growing(result)));
    ctx.keys.modified(destination, Class::STRING, "set");
    ctx.reply.count(longest);
    Ok(Outcome::Done)
}
