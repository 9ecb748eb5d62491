//! Counters: integers are changed in place, floats are counted in [`crate::bytes::extended`].

use super::{Context, Handled, Outcome};
use crate::bytes::extended::{add_decimal, DecimalError};
use crate::bytes::number::{parse_i64, I64_TEXT};
use crate::commands::int;
use crate::keyspace::{Class, Str, StrRef, Value};
use crate::resp::{Args, Fault};

#[inline]
fn add(ctx: &mut Context, key: &[u8], increment: i64) -> Handled {
    let sum = match ctx.keys.string_mut(key)? {
        Some(held) => {
            let number = match held.get() {
                StrRef::Int(number) => number,
                text => parse_i64(text.bytes(&mut [0; I64_TEXT])).ok_or(Fault::NotInteger)?,
            };
            let sum = number.checked_add(increment).ok_or(Fault::Overflow)?;
            held.set_int(sum);
            sum
        }
        None => {
            ctx.keys.put(key, Value::Str(Str::Int(increment)));
            increment
        }
    };
    ctx.keys.modified(key, Class::STRING, "incrby");
    ctx.reply.int(sum);
    Ok(Outcome::Done)
}

pub(super) fn incr(ctx: &mut Context, args: Args) -> Handled {
    add(ctx, args.at(1), 1)
}

pub(super) fn decr(ctx: &mut Context, args: Args) -> Handled {
    add(ctx, args.at(1), -1)
}

pub(super) fn incrby(ctx: &mut Context, args: Args) -> Handled {
    add(ctx, args.at(1), int(args.at(2))?)
}

pub(super) fn decrby(ctx: &mut Context, args: Args) -> Handled {
    let decrement = int(args.at(2))?;
    add(ctx, args.at(1), decrement.checked_neg().ok_or(Fault::Text("ERR decrement would overflow"))?)
}

pub(super) fn incrbyfloat(ctx: &mut Context, args: Args) -> Handled {
    let (key, increment) = (args.at(1), args.at(2));
    let sum = |current: &[u8]| {
        add_decimal(current, increment).map_err(|error| match error {
            DecimalError::NotFinite => Fault::NotFinite,
            DecimalError::Current | DecimalError::Increment => Fault::NotFloat,
        })
    };
    let text;
    match ctx.keys.string_mut(key)? {
        Some(held) => {
            text = sum(held.get().bytes(&mut [0; I64_TEXT]))?;
            // Text even when it is an integer: OBJECT ENCODING shows it.
            held.set_text(&text);
        }
        None => {
            text = sum(b"0")?;
            ctx.keys.put(key, Value::Str(Str::Fixed(text.as_slice().into())));
        }
    }
    ctx.keys.modified(key, Class::STRING, "incrbyfloat");
    ctx.keys.effect(&[b"SET", key, &text, b"KEEPTTL"]);
    ctx.reply.bulk(&text);
    Ok(Outcome::Done)
}
