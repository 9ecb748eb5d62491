//! BITFIELD: integers of 1 to 64 bits that begin at any bit, the highest bit first.

use super::{checked_offset, with_room, BAD_OFFSET};
use crate::bytes::number::{parse_i64, I64_TEXT};
use crate::commands::{int, Context, Handled, Outcome};
use crate::keyspace::Class;
use crate::resp::{Args, Fault};

/// What happens to a value that its field cannot hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Overflow {
    /// The lowest bits stay.
    Wrap,
    /// The nearest that the field can hold is taken.
    Saturate,
    /// Nothing is written.
    Fail,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Get,
    Set,
    Add,
}

/// Where a field is and how it is read.
#[derive(Clone, Copy)]
struct Field {
    offset: u64,
    bits: u32,
    signed: bool,
}

/// One operation.
struct Operation {
    verb: Verb,
    field: Field,
    value: i64,
    overflow: Overflow,
}

/// Bytes that a field of 64 bits can touch.
const WINDOW: usize = 9;

impl Field {
    /// The bytes around the field as a number, and how many bits of it lie below the field.
    fn window(&self, bytes: &[u8]) -> (u128, u32) {
        let mut window = [0; WINDOW];
        let tail = usize::try_from(self.offset >> 3).ok().and_then(|start| bytes.get(start..)).unwrap_or_default();
        let held = tail.len().min(WINDOW);
        window[..held].copy_from_slice(&tail[..held]);
        let number = window.iter().fold(0, |number, &byte| number << 8 | byte as u128);
        (number, WINDOW as u32 * 8 - (self.offset & 7) as u32 - self.bits)
    }

    fn mask(&self) -> u64 {
        u64::MAX >> (64 - self.bits)
    }

    /// The field's bits, with its sign spread over the higher ones when it has one; bits past the end are 0.
    fn read(&self, bytes: &[u8]) -> u64 {
        let (window, below) = self.window(bytes);
        let unused = 64 - self.bits;
        let value = ((window >> below) as u64) << unused;
        if self.signed {
            (value as i64 >> unused) as u64
        } else {
            value >> unused
        }
    }

    /// Writes the lowest bits of `value`. The field must lie inside of `bytes`.
    fn write(&self, bytes: &mut [u8], value: u64) {
        let (window, below) = self.window(bytes);
        let window = window & !((self.mask() as u128) << below) | ((value & self.mask()) as u128) << below;
        let tail = &mut bytes[(self.offset >> 3) as usize..];
        let written = &window.to_be_bytes()[16 - WINDOW..];
        tail.iter_mut().zip(written).for_each(|(byte, new)| *byte = *new);
    }

    /// `value` plus `more` as the field can hold it, and whether it had to be changed for that.
    fn fit(&self, value: u64, more: i64, overflow: Overflow) -> (u64, bool) {
        let past = if self.signed { self.past_signed(value as i64, more) } else { self.past_unsigned(value, more) };
        let sum = value.wrapping_add_signed(more);
        let Some(limit) = past else { return (sum, false) };
        match overflow {
            Overflow::Saturate => (limit, true),
            _ => {
                let field = sum << (64 - self.bits);
                let wrapped = if self.signed { (field as i64 >> (64 - self.bits)) as u64 } else { sum & self.mask() };
                (wrapped, true)
            }
        }
    }

    /// The limit that `value` plus `more` passes, if it does.
    fn past_unsigned(&self, value: u64, more: i64) -> Option<u64> {
        let max = self.mask();
        let (room, below) = (max.wrapping_sub(value) as i64, value.wrapping_neg() as i64);
        match () {
            () if value > max || (more > 0 && more > room) => Some(max),
            () if more < 0 && more < below => Some(0),
            () => None,
        }
    }

    /// The limit that `value` plus `more` passes, if it does. The distances wrap around on purpose: Redis' do, which
    /// shows where a value far below the field's least is set, and taken for one above its greatest.
    fn past_signed(&self, value: i64, more: i64) -> Option<u64> {
        let max = (self.mask() >> 1) as i64;
        let min = -max - 1;
        let narrow = self.bits < 64;
        let (room, below) = (max.wrapping_sub(value), min.wrapping_sub(value));
        let above = value > max || (narrow && more > room) || (value >= 0 && more > 0 && more > room);
        let beneath = value < min || (narrow && more < below) || (value < 0 && more < 0 && more < below);
        match () {
            () if above => Some(max as u64),
            () if beneath => Some(min as u64),
            () => None,
        }
    }
}

impl Operation {
    /// What it answers to a string that it only reads.
    fn get(&self, bytes: &[u8]) -> i64 {
        self.field.read(bytes) as i64
    }

    /// Does it: the reply, and whether the field has changed.
    fn perform(&self, bytes: &mut [u8]) -> (Option<i64>, bool) {
        let old = self.field.read(bytes);
        let (new, overflown) = match self.verb {
            Verb::Get => return (Some(old as i64), false),
            Verb::Set => self.field.fit(self.value as u64, 0, self.overflow),
            Verb::Add => self.field.fit(old, self.value, self.overflow),
        };
        if overflown && self.overflow == Overflow::Fail {
            return (None, false);
        }
        self.field.write(bytes, new);
        (Some(if self.verb == Verb::Set { old } else { new } as i64), old != new)
    }
}

const BAD_TYPE: Fault =
    Fault::Text("ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.");

/// Reads a type, as `i5` or `u63`: whether it is signed, and its bits. It ends at a zero byte.
fn encoding(text: &[u8]) -> Result<(bool, u32), Fault> {
    let (&kind, width) = text.split_first().ok_or(BAD_TYPE)?;
    let signed = match kind {
        b'i' => true,
        b'u' => false,
        _ => return Err(BAD_TYPE),
    };
    let width = width.split(|&byte| byte == 0).next().unwrap_or_default();
    match parse_i64(width) {
        Some(bits) if (1..=63 + signed as i64).contains(&bits) => Ok((signed, bits as u32)),
        _ => Err(BAD_TYPE),
    }
}

/// Reads an offset in bits or, behind a `#`, in fields of that many bits.
fn field_offset(text: &[u8], bits: u32, limit: usize) -> Result<u64, Fault> {
    match text.strip_prefix(b"#") {
        // The product may wrap around, and does so in Redis.
        Some(index) => checked_offset(parse_i64(index).ok_or(BAD_OFFSET)?.wrapping_mul(bits as i64), limit),
        None => super::offset(text, limit),
    }
}

/// Reads all operations.
fn operations(args: Args, limit: usize) -> Result<Vec<Operation>, Fault> {
    let mut operations = Vec::new();
    let mut overflow = Overflow::Wrap;
    let mut at = 2;
    while at < args.len() {
        let left = args.len() - at - 1;
        let verb = match () {
            () if left >= 2 && args.is(at, "GET") => Verb::Get,
            () if left >= 3 && args.is(at, "SET") => Verb::Set,
            () if left >= 3 && args.is(at, "INCRBY") => Verb::Add,
            () if left >= 1 && args.is(at, "OVERFLOW") => {
                overflow = match () {
                    () if args.is(at + 1, "WRAP") => Overflow::Wrap,
                    () if args.is(at + 1, "SAT") => Overflow::Saturate,
                    () if args.is(at + 1, "FAIL") => Overflow::Fail,
                    () => return Err(Fault::Text("ERR Invalid OVERFLOW type specified")),
                };
                at += 2;
                continue;
            }
            () => return Err(Fault::Syntax),
        };
        let (signed, bits) = encoding(args.at(at + 1))?;
        let offset = field_offset(args.at(at + 2), bits, limit)?;
        let value = if verb == Verb::Get { 0 } else { int(args.at(at + 3))? };
        operations.push(Operation { verb, field: Field { offset, bits, signed }, value, overflow });
        at += 3 + (verb != Verb::Get) as usize;
    }
    Ok(operations)
}

pub(super) fn bitfield(ctx: &mut Context, args: Args) -> Handled {
    run(ctx, args, false)
}

pub(super) fn bitfield_ro(ctx: &mut Context, args: Args) -> Handled {
    run(ctx, args, true)
}

fn run(ctx: &mut Context, args: Args, readonly: bool) -> Handled {
    let key = args.at(1);
    let operations = operations(args, ctx.keys.space().limits.bulk)?;
    let writes = operations.iter().filter(|operation| operation.verb != Verb::Get);
    let Some(last) = writes.map(|Operation { field, .. }| field.offset + field.bits as u64 - 1).max() else {
        let mut buffer = [0; I64_TEXT];
        let bytes = ctx.keys.read_string(key)?.map_or(&[][..], |value| value.bytes(&mut buffer));
        ctx.reply.array(operations.len());
        operations.iter().for_each(|operation| ctx.reply.int(operation.get(bytes)));
        return Ok(Outcome::Done);
    };
    if readonly {
        return Err(Fault::Text("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    let reply = &mut ctx.reply;
    let (changes, longer) = with_room(&mut ctx.keys, key, last, |bytes, longer| {
        let mut changes = 0;
        reply.array(operations.len());
        for operation in &operations {
            let (answer, changed) = operation.perform(bytes);
            // In a string that became longer every write counts.
            changes += (changed || longer && operation.verb != Verb::Get && answer.is_some()) as u64;
            match answer {
                Some(answer) => reply.int(answer),
                None => reply.null(),
            }
        }
        (changes, longer)
    })?;
    if changes > 0 {
        ctx.keys.modified(key, Class::STRING, "setbit");
        ctx.keys.dirty(changes - 1);
    } else if longer {
        // All writes failed, but the string has grown for them, which those who repeat this must see too.
        ctx.keys.dirty(1);
    }
    Ok(Outcome::Done)
}
