//! Parts of strings: appending, writing into, reading from. A string that is written into keeps room to grow.

use super::{Context, Handled, Outcome};
use crate::bytes::number::I64_TEXT;
use crate::commands::int;
use crate::keyspace::{Class, Expiry, Str, StrRef, Value};
use crate::memory::{room_for, sparing};
use crate::resp::{Args, Fault};

/// Room that a growing string gets beyond its need: as much again, up to this many bytes.
const SPARE: usize = 1 << 20;

/// Makes room for `length` bytes in all, or answers an error where memory is short.
pub(in crate::commands) fn grow(bytes: &mut Vec<u8>, length: usize) -> Result<(), Fault> {
    if length <= bytes.capacity() {
        return Ok(());
    }
    let need = length - bytes.len();
    sparing(|| bytes.try_reserve_exact(need + length.min(SPARE)).or_else(|_| bytes.try_reserve_exact(need)))
        .map_err(|_| Fault::NO_MEMORY)
}

/// Where `more` bytes behind `start` end, unless a string may not be that long.
fn end(start: u64, more: usize, limit: usize) -> Result<usize, Fault> {
    match start.checked_add(more as u64) {
        Some(end) if end <= limit as u64 => Ok(end as usize),
        _ => Err(Fault::StringTooLong),
    }
}

pub(super) fn append(ctx: &mut Context, args: Args) -> Handled {
    let (key, more) = (args.at(1), args.at(2));
    let limit = ctx.keys.space().limits.bulk;
    let length = match ctx.keys.string_mut(key)? {
        Some(held) => {
            let length = end(held.get().len() as u64, more.len(), limit)?;
            let bytes = held.into_bytes();
            grow(bytes, length)?;
            bytes.extend_from_slice(more);
            length
        }
        None => {
            ctx.keys.put_string(key, more, Expiry::Never);
            more.len()
        }
    };
    ctx.keys.modified(key, Class::STRING, "append");
    ctx.reply.count(length);
    Ok(Outcome::Done)
}

pub(super) fn setrange(ctx: &mut Context, args: Args) -> Handled {
    let (key, part) = (args.at(1), args.at(3));
    let offset = u64::try_from(int(args.at(2))?).map_err(|_| Fault::Text("ERR offset is out of range"))?;
    let limit = ctx.keys.space().limits.bulk;
    let held = ctx.keys.string_mut(key)?;
    // To write nothing neither makes a key nor asks how far away it would be written.
    if part.is_empty() {
        ctx.reply.count(held.map_or(0, |held| held.get().len()));
        return Ok(Outcome::Done);
    }
    let end = end(offset, part.len(), limit)?;
    let mut new = Vec::new();
    let is_new = held.is_none();
    let bytes = match held {
        Some(held) => {
            let bytes = held.into_bytes();
            grow(bytes, end)?;
            bytes
        }
        None => {
            new = room_for(end).ok_or(Fault::NO_MEMORY)?;
            &mut new
        }
    };
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[end - part.len()..end].copy_from_slice(part);
    let length = bytes.len();
    if is_new {
        ctx.keys.put(key, Value::Str(Str::Growing(new)));
    }
    ctx.keys.modified(key, Class::STRING, "setrange");
    ctx.reply.count(length);
    Ok(Outcome::Done)
}

pub(super) fn getrange(ctx: &mut Context, args: Args) -> Handled {
    let (start, end) = (int(args.at(2))?, int(args.at(3))?);
    let mut buffer = [0; I64_TEXT];
    let bytes = ctx.keys.read_string(args.at(1))?.map_or(&[][..], |value| value.bytes(&mut buffer));
    ctx.reply.bulk(range(bytes, start, end));
    Ok(Outcome::Done)
}

/// The bytes from `start` to `end`, both included, negative ones counted from the end. A position in front of the
/// string is its first byte, for the end too, unless both are negative and in the wrong order.
fn range(bytes: &[u8], start: i64, end: i64) -> &[u8] {
    if bytes.is_empty() || start < 0 && end < 0 && start > end {
        return &[];
    }
    let length = bytes.len() as i64;
    let absolute = |at: i64| if at < 0 { (length + at).max(0) } else { at };
    let (start, end) = (absolute(start), absolute(end).min(length - 1));
    if start > end {
        return &[];
    }
    &bytes[start as usize..=end as usize]
}

pub(super) fn strlen(ctx: &mut Context, args: Args) -> Handled {
    let length = ctx.keys.read_string(args.at(1))?.map_or(0, StrRef::len);
    ctx.reply.count(length);
    Ok(Outcome::Done)
}
