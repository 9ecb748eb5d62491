//! Reading and setting fields together with their expiry: HGETDEL, HGETEX, HSETEX.

use super::expiry::{deadline, fields, Changed};
use super::{limits, Context, Handled, Outcome};
use crate::bytes::number::{format_i64, I64_TEXT};
use crate::commands::{int_in, Options};
use crate::keyspace::Class;
use crate::resp::{Args, Fault, Reply};
use crate::structures::hash::Hash;

/// Writes the value of a field, or null, to the reply; whether there is one.
fn answer(reply: &mut Reply, hash: Option<&Hash>, field: &[u8]) -> bool {
    match hash.and_then(|hash| hash.get(field)) {
        Some(item) => reply.bulk(item.bytes(&mut [0; 20])),
        None => {
            reply.null();
            return false;
        }
    }
    true
}

pub(super) fn hgetdel(ctx: &mut Context, args: Args) -> Handled {
    let key = args.at(1);
    ctx.keys.hash_mut(key)?;
    let first = fields(args, 2)?;
    let mut hash = ctx.keys.hash_fields(key, args.iter_from(first))?;
    let mut changed = Changed::default();
    ctx.reply.array(args.len() - first);
    for field in args.iter_from(first) {
        if answer(&mut ctx.reply, hash.as_deref(), field) {
            hash.as_mut().map(|hash| hash.remove(field));
            changed.deleted.push(field);
        }
    }
    changed.tell(ctx, key, None);
    Ok(Outcome::Done)
}

/// Reads EX, PX, EXAT or PXAT at argument `at`, with the number behind it, as an instant.
fn instant(ctx: &Context, args: Args, at: usize) -> Option<Result<i64, Fault>> {
    let now = ctx.keys.now();
    let named = [("ex", 1000, now), ("px", 1, now), ("exat", 1000, 0), ("pxat", 1, 0)];
    let (_, unit, base) = named.into_iter().find(|(word, ..)| args.is(at, word))?;
    Some(
        args.get(at + 1).ok_or(Fault::Text("ERR missing expire time")).and_then(|text| deadline(ctx, text, unit, base)),
    )
}

pub(super) fn hgetex(ctx: &mut Context, args: Args) -> Handled {
    let key = args.at(1);
    ctx.keys.hash_mut(key)?;
    let at = instant(ctx, args, 2).transpose()?;
    let past = at.is_some_and(|at| ctx.keys.is_past(at));
    let persist = args.is(2, "persist");
    let first = fields(args, if at.is_some() { 4 } else { 2 + persist as usize })?;
    let mut hash = if at.is_some() || persist {
        ctx.keys.timed_hash(key, args.iter_from(first))?
    } else {
        ctx.keys.hash_fields(key, args.iter_from(first))?
    };
    let mut changed = Changed::default();
    ctx.reply.array(args.len() - first);
    for field in args.iter_from(first) {
        if !answer(&mut ctx.reply, hash.as_deref(), field) {
            continue;
        }
        let Some(hash) = hash.as_mut() else { continue };
        if past {
            hash.remove(field);
            changed.deleted.push(field);
        } else if at.is_some() || persist && hash.expiry(field).flatten().is_some() {
            hash.set_expiry(field, at);
            changed.updated.push(field);
        }
    }
    ctx.keys.space().stats.expired_fields += changed.deleted.len() as u64;
    changed.tell(ctx, key, at);
    Ok(Outcome::Done)
}

/// The options of HSETEX, and where its fields begin.
#[derive(Default)]
struct Wishes {
    /// FNX: none of the fields may be there. FXX, `Some(true)`: all must.
    present: Option<bool>,
    at: Option<i64>,
    keep: bool,
    first: usize,
}

fn wishes(ctx: &Context, args: Args) -> Result<Wishes, Fault> {
    const ONE_EXPIRY: Fault = Fault::Text("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
    let mut wishes = Wishes::default();
    let mut options = Options::new(args, 2);
    while options.left() > 0 {
        let expires = wishes.at.is_some() || wishes.keep;
        if options.take("fields") {
            // Before the count, as Redis does: a field and its value must follow.
            if options.left() < 3 {
                return Err(Fault::Arity(ctx.name));
            }
            let count = int_in(options.value()?, 1..=i32::MAX as i64, Fault::Text("ERR invalid number of fields"))?;
            if options.left() % 2 != 0 || count as usize != options.left() / 2 {
                return Err(Fault::Arity(ctx.name));
            }
            wishes.first = options.at();
            return Ok(wishes);
        }
        if ["ex", "px", "exat", "pxat"].iter().any(|word| args.is(options.at(), word)) {
            if expires {
                return Err(ONE_EXPIRY);
            }
            wishes.at = instant(ctx, args, options.at()).transpose()?;
            options.next();
            options.next();
        } else if options.take("keepttl") {
            if expires {
                return Err(ONE_EXPIRY);
            }
            wishes.keep = true;
        } else if args.is(options.at(), "fxx") || args.is(options.at(), "fnx") {
            if wishes.present.is_some() {
                return Err(Fault::Text("ERR Only one of FXX or FNX arguments can be specified"));
            }
            wishes.present = Some(args.is(options.at(), "fxx"));
            options.next();
        } else {
            return Err(Fault::naming("ERR unknown argument: ", options.value()?, ""));
        }
    }
    // Redis takes the arguments for complete because there are so many.
    Err(Fault::Arity(ctx.name))
}

pub(super) fn hsetex(ctx: &mut Context, args: Args) -> Handled {
    let key = args.at(1);
    let Wishes { present, at, keep, first } = wishes(ctx, args)?;
    let names = || (first..args.len()).step_by(2).map(|index| args.at(index));
    let hash = ctx.keys.hash_fields(key, names())?;
    if let Some(wanted) = present {
        let held = |field| hash.as_ref().is_some_and(|hash| hash.contains(field));
        if names().any(|field| held(field) != wanted) {
            ctx.reply.int(0);
            return Ok(Outcome::Done);
        }
    }
    let limits = limits(ctx);
    let count = names().count();
    ctx.keys.hash_fields_or_new(key, names())?.make_room(count, limits);
    // A field that is to expire in the past is set and gone, whatever it was before.
    let past = at.is_some_and(|at| ctx.keys.is_past(at));
    let hash = if at.is_some() { ctx.keys.timed_hash(key, names())? } else { ctx.keys.hash_mut(key)? };
    let Some(hash) = hash else { return Err(Fault::WrongType) };
    for index in (first..args.len()).step_by(2) {
        let (field, value) = (args.at(index), args.at(index + 1));
        if at.is_some() || keep {
            hash.set_keeping_expiry(field, value, limits);
        } else {
            hash.set(field, value, limits);
        }
        if past {
            hash.remove(field);
        } else if at.is_some() {
            hash.set_expiry(field, at);
        }
    }
    ctx.keys.modified(key, Class::HASH, "hset");
    ctx.keys.dirty(count as u64 - 1);
    if let Some(at) = at {
        ctx.keys.notify(key, Class::HASH, if past { "hdel" } else { "hexpire" });
        ctx.keys.fields_expire(key, at);
    }
    if past {
        ctx.keys.space().stats.expired_fields += count as u64;
        let fields: Vec<&[u8]> = names().collect();
        ctx.keys.effect(&[&[b"HDEL", key], &fields[..]].concat());
    } else {
        tell_values(ctx, args, at, keep, first);
    }
    ctx.keys.remove_if_empty(key);
    ctx.reply.int(1);
    Ok(Outcome::Done)
}

/// What repeats an HSETEX: its condition is met, its expiry an instant.
fn tell_values(ctx: &mut Context, args: Args, at: Option<i64>, keep: bool, first: usize) {
    let mut time = [0; I64_TEXT];
    let mut argv: Vec<&[u8]> = vec![b"HSETEX", args.at(1)];
    if let Some(at) = at {
        argv.extend([b"PXAT", format_i64(at, &mut time)]);
    }
    if keep {
        argv.push(b"KEEPTTL");
    }
    argv.extend(args.iter_from(first - 2));
    ctx.keys.effect(&argv);
}
