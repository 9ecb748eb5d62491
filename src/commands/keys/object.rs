//! OBJECT: how values are held.

use crate::commands::{help, Context, Handled, Outcome};
use crate::keyspace::{Entry, StrRef, ValueRef};
use crate::resp::{Args, Fault};

/// What Redis answers for the integers that all keys share one object for.
const SHARED: i64 = i32::MAX as i64;

/// Answers about the entry of a key without marking it as used; null when it is missing.
fn about(ctx: &mut Context, args: Args, answer: impl FnOnce(&mut crate::resp::Reply, &Entry) -> Handled) -> Handled {
    // Counted as a read, but no miss is announced.
    let found = ctx.keys.exists(args.at(2));
    let stats = &mut ctx.keys.space().stats;
    if found {
        stats.hits += 1;
    } else {
        stats.misses += 1;
    }
    match ctx.keys.peek(args.at(2)) {
        Some(entry) => answer(&mut ctx.reply, entry),
        None => {
            ctx.reply.null();
            Ok(Outcome::Done)
        }
    }
}

pub(super) fn object_encoding(ctx: &mut Context, args: Args) -> Handled {
    about(ctx, args, |reply, entry| {
        reply.bulk(entry.encoding().as_bytes());
        Ok(Outcome::Done)
    })
}

pub(super) fn object_refcount(ctx: &mut Context, args: Args) -> Handled {
    about(ctx, args, |reply, entry| {
        let shared = matches!(entry.value(), ValueRef::Str(StrRef::Int(0..=9999)));
        reply.int(if shared { SHARED } else { 1 });
        Ok(Outcome::Done)
    })
}

pub(super) fn object_idletime(ctx: &mut Context, args: Args) -> Handled {
    let idle = ctx.keys.used(args.at(2)).idle;
    about_use(ctx, args, idle, "is selected, idle time")
}

pub(super) fn object_freq(ctx: &mut Context, args: Args) -> Handled {
    let frequency = ctx.keys.used(args.at(2)).frequency;
    about_use(ctx, args, frequency, "is not selected, access frequency")
}

/// Answers what is remembered of a key's use, or that the policy does not remember that.
fn about_use(ctx: &mut Context, args: Args, known: Option<u32>, refusal: &str) -> Handled {
    about(ctx, args, |reply, _| {
        let known = known.ok_or_else(|| {
            Fault::made(format!(
                "ERR An LFU maxmemory policy {refusal} not tracked. Please note that when switching between policies at runtime \
                 LRU and LFU data will take some time to adjust."
            ))
        })?;
        reply.int(known as i64);
        Ok(Outcome::Done)
    })
}

pub(super) fn object_help(ctx: &mut Context, _args: Args) -> Handled {
    help::write(&mut ctx.reply, super::TABLE, "object");
    Ok(Outcome::Done)
}
