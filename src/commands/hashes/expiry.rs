//! Expiry of single fields: setting it, reading it, taking it off.

use super::{Context, Handled, Outcome};
use crate::bytes::number::{format_i64, I64_TEXT};
use crate::commands::{int, int_in};
use crate::keyspace::Class;
use crate::resp::{Args, Fault};
use crate::structures::hash::LATEST;

const NO_FIELDS: Fault = Fault::Text("ERR Mandatory argument FIELDS is missing or not at the right position");
const FEW_FIELDS: Fault = Fault::Text("ERR The `numfields` parameter must match the number of arguments");

/// What answers for a field that is not there.
const NO_FIELD: i64 = -2;
/// What answers for a field without expiry.
const NO_EXPIRY: i64 = -1;

/// Checks `FIELDS numfields field…`, which begins at argument `at` and goes to the end; where the first field is.
pub(super) fn fields(args: Args, at: usize) -> Result<usize, Fault> {
    counted(args, at, Fault::Text("ERR Number of fields must be a positive integer"))
}

fn counted(args: Args, at: usize, not_positive: Fault) -> Result<usize, Fault> {
    if !args.is(at, "fields") {
        return Err(NO_FIELDS);
    }
    let count = int_in(args.get(at + 1).unwrap_or_default(), 1..=i64::MAX, not_positive)?;
    if count != args.len().saturating_sub(at + 2) as i64 {
        return Err(FEW_FIELDS);
    }
    Ok(at + 2)
}

/// Reads an instant in units of `unit` milliseconds after `base`.
pub(super) fn deadline(ctx: &Context, text: &[u8], unit: i64, base: i64) -> Result<i64, Fault> {
    let number = int(text)?;
    if number < 0 {
        return Err(Fault::Text("ERR invalid expire time, must be >= 0"));
    }
    let at = number.checked_mul(unit).and_then(|after| after.checked_add(base));
    at.filter(|&at| at <= LATEST).ok_or(Fault::BadExpire(ctx.name))
}

/// Fields that a command changed, as effects name them.
#[derive(Default)]
pub(super) struct Changed<'a> {
    /// Got another expiry, or lost theirs.
    pub(super) updated: Vec<&'a [u8]>,
    /// Were given an expiry in the past, or read and removed.
    pub(super) deleted: Vec<&'a [u8]>,
}

impl Changed<'_> {
    /// Tells everybody what became of the fields; `at` is the expiry that those updated now have.
    pub(super) fn tell(&self, ctx: &mut Context, key: &[u8], at: Option<i64>) {
        let count = self.updated.len() + self.deleted.len();
        if count == 0 {
            return;
        }
        let event = match (self.deleted.is_empty(), at) {
            (false, _) => "hdel",
            (true, Some(_)) => "hexpire",
            (true, None) => "hpersist",
        };
        ctx.keys.modified(key, Class::HASH, event);
        ctx.keys.dirty(count as u64 - 1);
        if !self.deleted.is_empty() {
            ctx.keys.effect(&[&[b"HDEL", key], &self.deleted[..]].concat());
        }
        if !self.updated.is_empty() {
            let (mut number, mut time) = ([0; I64_TEXT], [0; I64_TEXT]);
            let number = format_i64(self.updated.len() as i64, &mut number);
            match at {
                Some(at) => {
                    ctx.keys.fields_expire(key, at);
                    let head = [b"HPEXPIREAT", key, format_i64(at, &mut time), b"FIELDS", number];
                    ctx.keys.effect(&[&head, &self.updated[..]].concat());
                }
                None => ctx.keys.effect(&[&[b"HPERSIST", key, b"FIELDS", number], &self.updated[..]].concat()),
            }
        }
        ctx.keys.remove_if_empty(key);
    }
}

/// When a field may be given another expiry.
#[derive(Clone, Copy)]
enum Condition {
    Always,
    /// NX: it has none.
    None,
    /// XX: it has one.
    Some,
    /// GT: the new one is later; none is later than any.
    Later,
    /// LT: the new one is sooner.
    Sooner,
}

impl Condition {
    fn read(args: Args, at: usize) -> Self {
        let named =
            [("nx", Condition::None), ("xx", Condition::Some), ("gt", Condition::Later), ("lt", Condition::Sooner)];
        named.into_iter().find(|(word, _)| args.is(at, word)).map_or(Condition::Always, |(_, condition)| condition)
    }

    fn allows(self, present: Option<i64>, at: i64) -> bool {
        match self {
            Condition::Always => true,
            Condition::None => present.is_none(),
            Condition::Some => present.is_some(),
            Condition::Later => present.is_some_and(|present| at > present),
            Condition::Sooner => present.is_none_or(|present| at < present),
        }
    }
}

/// Sets an expiry given in units of `unit` milliseconds after `base`.
fn expire_fields(ctx: &mut Context, args: Args, base: i64, unit: i64) -> Handled {
    let key = args.at(1);
    // What the key holds comes before everything that may be wrong with the arguments.
    ctx.keys.hash_mut(key)?;
    let at = deadline(ctx, args.at(2), unit, base)?;
    let condition = Condition::read(args, 3);
    let word = if matches!(condition, Condition::Always) { 3 } else { 4 };
    let first = counted(args, word, Fault::Text("ERR Parameter `numFields` should be greater than 0"))?;
    let past = ctx.keys.is_past(at);
    let mut hash = ctx.keys.timed_hash(key, args.iter_from(first))?;
    let mut changed = Changed::default();
    ctx.reply.array(args.len() - first);
    for field in args.iter_from(first) {
        let answer = match hash.as_mut().and_then(|hash| Some((hash.expiry(field)?, hash))) {
            None => NO_FIELD,
            Some((present, _)) if !condition.allows(present, at) => 0,
            Some((_, hash)) if past => {
                hash.remove(field);
                changed.deleted.push(field);
                2
            }
            Some((_, hash)) => {
                hash.set_expiry(field, Some(at));
                changed.updated.push(field);
                1
            }
        };
        ctx.reply.int(answer);
    }
    ctx.keys.space().stats.expired_fields += changed.deleted.len() as u64;
    changed.tell(ctx, key, Some(at));
    Ok(Outcome::Done)
}

pub(super) fn hexpire(ctx: &mut Context, args: Args) -> Handled {
    expire_fields(ctx, args, ctx.keys.now(), 1000)
}

pub(super) fn hpexpire(ctx: &mut Context, args: Args) -> Handled {
    expire_fields(ctx, args, ctx.keys.now(), 1)
}

pub(super) fn hexpireat(ctx: &mut Context, args: Args) -> Handled {
    expire_fields(ctx, args, 0, 1000)
}

pub(super) fn hpexpireat(ctx: &mut Context, args: Args) -> Handled {
    expire_fields(ctx, args, 0, 1)
}

/// Answers when fields expire, as `show` turns the instant and now into a number.
fn answer_expiries(ctx: &mut Context, args: Args, show: fn(i64, i64) -> i64) -> Handled {
    let now = ctx.keys.now();
    let hash = ctx.keys.read_hash(args.at(1))?;
    let first = fields(args, 2)?;
    ctx.reply.array(args.len() - first);
    for field in args.iter_from(first) {
        ctx.reply.int(match hash.and_then(|hash| hash.expiry(field)) {
            None => NO_FIELD,
            Some(None) => NO_EXPIRY,
            Some(Some(at)) => show(at, now),
        });
    }
    Ok(Outcome::Done)
}

/// Milliseconds in whole seconds; unlike a key's, a field's are rounded up.
fn seconds(millis: i64) -> i64 {
    (millis + 999) / 1000
}

pub(super) fn httl(ctx: &mut Context, args: Args) -> Handled {
    answer_expiries(ctx, args, |at, now| seconds(at - now))
}

pub(super) fn hpttl(ctx: &mut Context, args: Args) -> Handled {
    answer_expiries(ctx, args, |at, now| at - now)
}

pub(super) fn hexpiretime(ctx: &mut Context, args: Args) -> Handled {
    answer_expiries(ctx, args, |at, _| seconds(at))
}

pub(super) fn hpexpiretime(ctx: &mut Context, args: Args) -> Handled {
    answer_expiries(ctx, args, |at, _| at)
}

pub(super) fn hpersist(ctx: &mut Context, args: Args) -> Handled {
    let key = args.at(1);
    ctx.keys.hash_mut(key)?;
    let first = fields(args, 2)?;
    let mut hash = ctx.keys.hash_fields(key, args.iter_from(first))?;
    let mut changed = false;
    ctx.reply.array(args.len() - first);
    for field in args.iter_from(first) {
        let answer = match hash.as_mut().and_then(|hash| Some((hash.expiry(field)?, hash))) {
            None => NO_FIELD,
            Some((None, _)) => NO_EXPIRY,
            Some((Some(_), hash)) => {
                hash.set_expiry(field, None);
                changed = true;
                1
            }
        };
        ctx.reply.int(answer);
    }
    if changed {
        ctx.keys.modified(key, Class::HASH, "hpersist");
    }
    Ok(Outcome::Done)
}
