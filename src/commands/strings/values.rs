//! Whole values: SET and GET in their many forms.

use super::conditions::Test;
use super::{Context, Handled, Outcome};
use crate::bytes::number::{format_i64, I64_TEXT};
use crate::commands::{int, int_in, Options};
use crate::keyspace::{Class, Expiry, ValueRef};
use crate::resp::{Args, Fault};

/// What SET and GETEX can say about the expiry, with the number as it was written.
#[derive(Clone, Copy)]
enum Lifetime<'a> {
    Seconds(&'a [u8]),
    Millis(&'a [u8]),
    AtSecond(&'a [u8]),
    AtMilli(&'a [u8]),
    Keep,
    Persist,
}

impl Lifetime<'_> {
    /// The instant it names, in milliseconds since 1970; `None` when it names none.
    fn deadline(self, ctx: &Context) -> Result<Option<i64>, Fault> {
        let (text, unit, base) = match self {
            Lifetime::Seconds(text) => (text, 1000, ctx.keys.now()),
            Lifetime::Millis(text) => (text, 1, ctx.keys.now()),
            Lifetime::AtSecond(text) => (text, 1000, 0),
            Lifetime::AtMilli(text) => (text, 1, 0),
            Lifetime::Keep | Lifetime::Persist => return Ok(None),
        };
        let number = int(text)?;
        let deadline = number.checked_mul(unit).and_then(|millis| millis.checked_add(base));
        match deadline {
            Some(deadline) if number > 0 => Ok(Some(deadline)),
            _ => Err(Fault::BadExpire(ctx.name)),
        }
    }

    fn is_absolute(self) -> bool {
        matches!(self, Lifetime::AtSecond(_) | Lifetime::AtMilli(_))
    }
}

/// When SET may write.
#[derive(Clone, Copy)]
enum Condition<'a> {
    /// NX
    Absent,
    /// XX
    Present,
    /// IFEQ and its like
    Passes(Test<'a>),
}

impl Condition<'_> {
    /// Whether it may be written twice: the last one counts then, as in Redis.
    fn is_like(self, other: Self) -> bool {
        match (self, other) {
            (Condition::Passes(one), Condition::Passes(other)) => {
                std::mem::discriminant(&one) == std::mem::discriminant(&other)
            }
            (one, other) => std::mem::discriminant(&one) == std::mem::discriminant(&other),
        }
    }

    /// Whether what `key` holds allows to write.
    fn allows(self, ctx: &mut Context, key: &[u8]) -> Result<bool, Fault> {
        let there = ctx.keys.exists(key);
        match self {
            Condition::Absent => Ok(!there),
            Condition::Present => Ok(there),
            Condition::Passes(test) if !there => Ok(test.passes_nothing()),
            Condition::Passes(test) => match ctx.keys.read_string(key)? {
                Some(string) => test.passes(string),
                None => Ok(test.passes_nothing()),
            },
        }
    }
}

/// Which options there are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Set,
    Several,
    GetEx,
}

/// The options of SET, MSETEX and GETEX.
struct Wishes<'a> {
    condition: Option<Condition<'a>>,
    get: bool,
    lifetime: Option<Lifetime<'a>>,
}

/// Reads the options behind argument `from`. As in Redis an option may be repeated, the last one counts; it may not
/// meet another of its kind.
fn wishes(args: Args, from: usize, of: Of) -> Result<Wishes, Fault> {
    let mut options = Options::new(args, from);
    let mut wishes = Wishes { condition: None, get: false, lifetime: None };
    let setting = of != Of::GetEx;
    while options.left() > 0 {
        if of == Of::Set && options.take("GET") {
            wishes.get = true;
            continue;
        }
        let condition = match () {
            () if !setting => None,
            () if options.take("NX") => Some(Condition::Absent),
            () if options.take("XX") => Some(Condition::Present),
            () if of == Of::Set && options.left() >= 2 => {
                let test = Test::named(args.at(options.at()), args.at(options.at() + 1));
                test.inspect(|_| {
                    options.next();
                    options.next();
                })
                .map(Condition::Passes)
            }
            () => None,
        };
        if let Some(condition) = condition {
            if wishes.condition.is_some_and(|other| !condition.is_like(other)) {
                return Err(Fault::Syntax);
            }
            wishes.condition = Some(condition);
            continue;
        }
        let lifetime = match () {
            () if options.take("EX") => Lifetime::Seconds(options.value()?),
            () if options.take("PX") => Lifetime::Millis(options.value()?),
            () if options.take("EXAT") => Lifetime::AtSecond(options.value()?),
            () if options.take("PXAT") => Lifetime::AtMilli(options.value()?),
            () if setting && options.take("KEEPTTL") => Lifetime::Keep,
            () if !setting && options.take("PERSIST") => Lifetime::Persist,
            () => return Err(Fault::Syntax),
        };
        let same = |held: Lifetime| std::mem::discriminant(&held) == std::mem::discriminant(&lifetime);
        if !wishes.lifetime.is_none_or(same) {
            return Err(Fault::Syntax);
        }
        wishes.lifetime = Some(lifetime);
    }
    Ok(wishes)
}

/// Writes the value of a string key, or null, to the reply; whether there was one.
#[inline]
fn answer(ctx: &mut Context, key: &[u8]) -> Result<bool, Fault> {
    match ctx.keys.read_string(key)? {
        Some(value) => {
            ctx.reply.bulk(value.bytes(&mut [0; I64_TEXT]));
            Ok(true)
        }
        None => {
            ctx.reply.null();
            Ok(false)
        }
    }
}

/// Puts a string that does not expire.
#[inline]
fn put(ctx: &mut Context, key: &[u8], value: &[u8]) {
    ctx.keys.put_string(key, value, Expiry::Never);
    ctx.keys.modified(key, Class::STRING, "set");
}

/// Puts a string that expires at `at`; the effect says when, not in how long.
fn put_until(ctx: &mut Context, key: &[u8], value: &[u8], at: i64) {
    ctx.keys.put_string(key, value, Expiry::At(at));
    ctx.keys.modified(key, Class::STRING, "set");
    ctx.keys.notify(key, Class::GENERIC, "expire");
    ctx.keys.effect(&[b"SET", key, value, b"PXAT", format_i64(at, &mut [0; I64_TEXT])]);
}

pub(super) fn get(ctx: &mut Context, args: Args) -> Handled {
    answer(ctx, args.at_once(1))?;
    Ok(Outcome::Done)
}

#[inline]
pub(super) fn set(ctx: &mut Context, args: Args) -> Handled {
    if args.len() == 3 {
        put(ctx, args.at_once(1), args.at_once(2));
        ctx.reply.ok();
        return Ok(Outcome::Done);
    }
    set_with_options(ctx, args)
}

fn set_with_options(ctx: &mut Context, args: Args) -> Handled {
    let (key, value) = (args.at(1), args.at(2));
    let wishes = wishes(args, 3, Of::Set)?;
    let deadline = wishes.lifetime.map_or(Ok(None), |lifetime| lifetime.deadline(ctx))?;
    if wishes.get {
        answer(ctx, key)?;
    }
    if !wishes.condition.map_or(Ok(true), |condition| condition.allows(ctx, key))? {
        if !wishes.get {
            ctx.reply.null();
        }
        return Ok(Outcome::Done);
    }
    let keep = matches!(wishes.lifetime, Some(Lifetime::Keep));
    match deadline {
        Some(at) => put_until(ctx, key, value, at),
        None => {
            ctx.keys.put_string(key, value, if keep { Expiry::Keep } else { Expiry::Never });
            ctx.keys.modified(key, Class::STRING, "set");
            let effect: [&[u8]; 4] = [b"SET", key, value, b"KEEPTTL"];
            ctx.keys.effect(if keep { &effect } else { &effect[..3] });
        }
    }
    if !wishes.get {
        ctx.reply.ok();
    }
    Ok(Outcome::Done)
}

pub(super) fn setnx(ctx: &mut Context, args: Args) -> Handled {
    let absent = !ctx.keys.exists(args.at(1));
    if absent {
        put(ctx, args.at(1), args.at(2));
    }
    ctx.reply.flag(absent);
    Ok(Outcome::Done)
}

fn set_for(ctx: &mut Context, args: Args, lifetime: Lifetime) -> Handled {
    let deadline = lifetime.deadline(ctx)?.ok_or(Fault::Syntax)?;
    put_until(ctx, args.at(1), args.at(3), deadline);
    ctx.reply.ok();
    Ok(Outcome::Done)
}

pub(super) fn setex(ctx: &mut Context, args: Args) -> Handled {
    set_for(ctx, args, Lifetime::Seconds(args.at(2)))
}

pub(super) fn psetex(ctx: &mut Context, args: Args) -> Handled {
    set_for(ctx, args, Lifetime::Millis(args.at(2)))
}

pub(super) fn getset(ctx: &mut Context, args: Args) -> Handled {
    let (key, value) = (args.at(1), args.at(2));
    answer(ctx, key)?;
    put(ctx, key, value);
    ctx.keys.effect(&[b"SET", key, value]);
    Ok(Outcome::Done)
}

pub(super) fn getdel(ctx: &mut Context, args: Args) -> Handled {
    let key = args.at(1);
    if answer(ctx, key)? {
        ctx.keys.delete(key);
        ctx.keys.effect(&[b"DEL", key]);
    }
    Ok(Outcome::Done)
}

pub(super) fn getex(ctx: &mut Context, args: Args) -> Handled {
    let key = args.at(1);
    let lifetime = wishes(args, 2, Of::GetEx)?.lifetime;
    // What the key holds comes before what the number is worth.
    if !answer(ctx, key)? {
        return Ok(Outcome::Done);
    }
    let Some(lifetime) = lifetime else { return Ok(Outcome::Done) };
    match lifetime.deadline(ctx)? {
        Some(at) if lifetime.is_absolute() && ctx.keys.is_past(at) => {
            ctx.keys.delete(key);
            ctx.keys.effect(&[b"DEL", key]);
        }
        Some(at) => {
            ctx.keys.set_expiry(key, Some(at));
            ctx.keys.modified(key, Class::GENERIC, "expire");
            ctx.keys.effect(&[b"PEXPIREAT", key, format_i64(at, &mut [0; I64_TEXT])]);
        }
        None => {
            if ctx.keys.expiry(key).flatten().is_some() {
                ctx.keys.set_expiry(key, None);
                ctx.keys.modified(key, Class::GENERIC, "persist");
                ctx.keys.effect(&[b"PERSIST", key]);
            }
        }
    }
    Ok(Outcome::Done)
}

pub(super) fn mget(ctx: &mut Context, args: Args) -> Handled {
    ctx.reply.array(args.len() - 1);
    for key in args.iter_from(1) {
        match ctx.keys.read(key) {
            Some(ValueRef::Str(value)) => ctx.reply.bulk(value.bytes(&mut [0; I64_TEXT])),
            _ => ctx.reply.null(),
        }
    }
    Ok(Outcome::Done)
}

/// Keys and values in turns; an error when a value is missing.
fn pairs<'a>(ctx: &Context, args: Args<'a>) -> Result<impl Iterator<Item = (&'a [u8], &'a [u8])>, Fault> {
    if args.len() % 2 == 0 {
        return Err(Fault::Arity(ctx.name));
    }
    Ok((1..args.len()).step_by(2).map(move |at| (args.at(at), args.at(at + 1))))
}

pub(super) fn mset(ctx: &mut Context, args: Args) -> Handled {
    pairs(ctx, args)?.for_each(|(key, value)| put(ctx, key, value));
    ctx.reply.ok();
    Ok(Outcome::Done)
}

pub(super) fn msetnx(ctx: &mut Context, args: Args) -> Handled {
    let absent = !pairs(ctx, args)?.any(|(key, _)| ctx.keys.exists(key));
    if absent {
        pairs(ctx, args)?.for_each(|(key, value)| put(ctx, key, value));
    }
    ctx.reply.flag(absent);
    Ok(Outcome::Done)
}

pub(super) fn msetex(ctx: &mut Context, args: Args) -> Handled {
    let count = int_in(args.at(1), 1..=i32::MAX as i64, Fault::Text("ERR invalid numkeys value"))? as usize;
    if count > (args.len() - 2) / 2 {
        return Err(Fault::Text("ERR wrong number of key-value pairs"));
    }
    let end = 2 + 2 * count;
    let wishes = wishes(args, end, Of::Several)?;
    let deadline = wishes.lifetime.map_or(Ok(None), |lifetime| lifetime.deadline(ctx))?;
    let pairs = || (2..end).step_by(2).map(|at| (args.at(at), args.at(at + 1)));
    for (key, _) in pairs() {
        if !wishes.condition.map_or(Ok(true), |condition| condition.allows(ctx, key))? {
            ctx.reply.flag(false);
            return Ok(Outcome::Done);
        }
    }
    let keep = matches!(wishes.lifetime, Some(Lifetime::Keep));
    let expiry = deadline.map_or(if keep { Expiry::Keep } else { Expiry::Never }, Expiry::At);
    for (key, value) in pairs() {
        ctx.keys.put_string(key, value, expiry);
        ctx.keys.modified(key, Class::STRING, "set");
        if deadline.is_some() {
            ctx.keys.notify(key, Class::GENERIC, "expire");
        }
    }
    let mut time = [0; I64_TEXT];
    let mut argv: Vec<&[u8]> = vec![b"MSETEX"];
    argv.extend((1..end).map(|at| args.at(at)));
    match deadline {
        Some(at) => argv.extend([b"PXAT", format_i64(at, &mut time)]),
        None if keep => argv.push(b"KEEPTTL"),
        None => {}
    }
    ctx.keys.effect(&argv);
    ctx.reply.flag(true);
    Ok(Outcome::Done)
}
