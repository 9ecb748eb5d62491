//! Setting, reading and removing the expiry of keys.

use crate::commands::{int, Context, Handled, Outcome};
use crate::keyspace::Class;
use crate::resp::{Args, Fault};

/// The conditions of the EXPIRE family.
#[derive(Default)]
struct Conditions {
    none_set: bool,
    some_set: bool,
    later: bool,
    sooner: bool,
}

impl Conditions {
    fn read(args: Args) -> Result<Self, Fault> {
        let mut found = Conditions::default();
        for at in 3..args.len() {
            let condition = [
                ("nx", &mut found.none_set),
                ("xx", &mut found.some_set),
                ("gt", &mut found.later),
                ("lt", &mut found.sooner),
            ]
            .into_iter()
            .find(|(word, _)| args.is(at, word));
            match condition {
                Some((_, flag)) => *flag = true,
                None => return Err(Fault::naming("ERR Unsupported option ", args.at(at), "")),
            }
        }
        if found.none_set && (found.some_set || found.later || found.sooner) {
            return Err(Fault::Text("ERR NX and XX, GT or LT options at the same time are not compatible"));
        }
        if found.later && found.sooner {
            return Err(Fault::Text("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(found)
    }

    /// Whether an expiry `at` may take the place of the `present` one; none is later than any.
    fn allow(&self, present: Option<i64>, at: i64) -> bool {
        !(self.none_set && present.is_some()
            || self.some_set && present.is_none()
            || self.later && present.is_none_or(|present| at <= present)
            || self.sooner && present.is_some_and(|present| at >= present))
    }
}

/// Sets an expiry given in units of `unit` milliseconds after `base`.
fn expire_after(ctx: &mut Context, args: Args, base: i64, unit: i64) -> Handled {
    let key = args.at(1);
    let conditions = Conditions::read(args)?;
    let at = int(args.at(2))?
        .checked_mul(unit)
        .and_then(|after| after.checked_add(base))
        .ok_or(Fault::BadExpire(ctx.name))?;
    // Setting an expiry is a use of the key.
    let there = ctx.keys.write(key).is_some();
    let allowed = there && conditions.allow(ctx.keys.expiry(key).flatten(), at);
    if allowed && ctx.keys.is_past(at) {
        ctx.keys.delete(key);
        ctx.keys.effect(&[b"DEL", key]);
    } else if allowed {
        ctx.keys.set_expiry(key, Some(at));
        ctx.keys.modified(key, Class::GENERIC, "expire");
        ctx.keys.effect(&[b"PEXPIREAT", key, at.to_string().as_bytes()]);
    }
    ctx.reply.flag(allowed);
    Ok(Outcome::Done)
}

pub(super) fn expire(ctx: &mut Context, args: Args) -> Handled {
    expire_after(ctx, args, ctx.keys.now(), 1000)
}

pub(super) fn pexpire(ctx: &mut Context, args: Args) -> Handled {
    expire_after(ctx, args, ctx.keys.now(), 1)
}

pub(super) fn expireat(ctx: &mut Context, args: Args) -> Handled {
    expire_after(ctx, args, 0, 1000)
}

pub(super) fn pexpireat(ctx: &mut Context, args: Args) -> Handled {
    expire_after(ctx, args, 0, 1)
}

/// Answers when a key expires, as `show` turns the instant and now into a number.
fn answer_expiry(ctx: &mut Context, args: Args, show: fn(i64, i64) -> i64) -> Handled {
    let now = ctx.keys.now();
    let number = match ctx.keys.look(args.at(1)).map(|entry| entry.expire_at()) {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => show(at, now),
    };
    ctx.reply.int(number);
    Ok(Outcome::Done)
}

/// Milliseconds to the nearest second.
fn seconds(millis: i64) -> i64 {
    millis / 1000 + i64::from(millis % 1000 >= 500)
}

pub(super) fn ttl(ctx: &mut Context, args: Args) -> Handled {
    answer_expiry(ctx, args, |at, now| seconds((at - now).max(0)))
}

pub(super) fn pttl(ctx: &mut Context, args: Args) -> Handled {
    answer_expiry(ctx, args, |at, now| (at - now).max(0))
}

pub(super) fn expiretime(ctx: &mut Context, args: Args) -> Handled {
    answer_expiry(ctx, args, |at, _| seconds(at))
}

pub(super) fn pexpiretime(ctx: &mut Context, args: Args) -> Handled {
    answer_expiry(ctx, args, |at, _| at)
}

pub(super) fn persist(ctx: &mut Context, args: Args) -> Handled {
    let key = args.at(1);
    let volatile = ctx.keys.expiry(key).flatten().is_some();
    if volatile {
        ctx.keys.set_expiry(key, None);
        ctx.keys.modified(key, Class::GENERIC, "persist");
    }
    ctx.reply.flag(volatile);
    Ok(Outcome::Done)
}
