//! Walking over the keys of a database.

use crate::bytes::glob;
use crate::commands::scan::{answer, cursor, ScanOptions};
use crate::commands::{Context, Handled, Outcome};
use crate::resp::{Args, Reply};

/// Most keys that one SCAN removes because they are due.
const MOST_DUE: usize = 1000;

pub(super) fn keys(ctx: &mut Context, args: Args) -> Handled {
    let (pattern, now, db) = (args.at(1), ctx.keys.now(), ctx.keys.db());
    let all = pattern == b"*";
    let mark = ctx.reply.defer();
    let mut count = 0;
    for entry in ctx.keys.space().database(db).iter() {
        let due = entry.expire_at().is_some_and(|at| at <= now);
        if !due && (all || glob::matches(pattern, entry.key(), false)) {
            ctx.reply.bulk(entry.key());
            count += 1;
        }
    }
    ctx.reply.fill_array(mark, count);
    Ok(Outcome::Done)
}

pub(super) fn scan(ctx: &mut Context, args: Args) -> Handled {
    let from = cursor(args.at(1))?;
    let options = ScanOptions::read(args, 2, true, false)?;
    let (now, db) = (ctx.keys.now(), ctx.keys.db());
    let (mut names, mut count) = (Vec::new(), 0);
    let mut found = Reply::new(&mut names, ctx.reply.resp3());
    let mut due: Vec<Box<[u8]>> = Vec::new();
    let next = ctx.keys.space().database(db).scan(from, options.count, &mut |entry| {
        if entry.expire_at().is_some_and(|at| at <= now) {
            // The rest expires in its time.
            if due.len() < MOST_DUE {
                due.push(entry.key().into());
            }
            return;
        }
        let kind = options.kind.is_none_or(|kind| entry.value().type_name().as_bytes().eq_ignore_ascii_case(kind));
        if kind && options.wants(entry.key()) {
            found.bulk(entry.key());
            count += 1;
        }
    });
    // Looking a due key up removes it.
    for key in due {
        ctx.keys.exists(&key);
    }
    answer(&mut ctx.reply, next, count, &names)
}

pub(super) fn randomkey(ctx: &mut Context, _args: Args) -> Handled {
    match ctx.keys.random_key() {
        Some(key) => ctx.reply.bulk(&key),
        None => ctx.reply.null(),
    }
    Ok(Outcome::Done)
}
