//! Sorted sets.
//!
//! This file declares the family and holds what works on single members; [`ranges`] has what speaks of ranks, scores
//! and members in between, [`combine`] unions, intersections and differences, [`pops`] what takes or picks entries.

mod combine;
mod pops;
mod ranges;
#[cfg(test)]
mod tests;

use super::{double, Context, DataHandler, Handled, Outcome};
use crate::keyspace::{Class, Value};
use crate::resp::{Args, Fault, Reply};
use crate::structures::listpack::Item;
use crate::structures::sorted_set::{Change, Range, SortedSet};
use combine::{zdiff, zdiffstore, zinter, zintercard, zinterstore, zunion, zunionstore};
use pops::{bzmpop, bzpopmax, bzpopmin, zmpop, zpopmax, zpopmin, zrandmember, zscan};
use ranges::{
    zcount, zlexcount, zrange, zrangebylex, zrangebyscore, zrangestore, zremrangebylex, zremrangebyrank,
    zremrangebyscore, zrevrange, zrevrangebylex, zrevrangebyscore,
};

commands! {
    /// The sorted set commands.
    pub static TABLE: DataHandler, group "sorted-set";

    /// Gives members their scores, adding those that are new; conditions and INCR narrow or turn that.
    "zadd" {
        since "1.2.0", cost "O(log N) for each member", flags [WRITE DENYOOM FAST],
        args "key@RW.update [condition=(NX | XX)] [comparison=(GT | LT)] [CH] [INCR] data=(score:double member)...",
        reply "int | double?",
        run zadd,
    }
    /// Adds to the score of a member, which starts from 0.
    "zincrby" {
        since "1.2.0", cost "O(log N)", flags [WRITE DENYOOM FAST],
        args "key@RW.access.update increment:int member",
        reply "double",
        run zincrby,
    }
    /// Takes members out and counts those that were there.
    "zrem" {
        since "1.2.0", cost "O(log N) for each member", flags [WRITE FAST],
        args "key@RW.delete member...",
        reply "int",
        run zrem,
    }
    /// Counts the members.
    "zcard" {
        since "1.2.0", cost "O(1)", flags [READONLY FAST],
        args "key@RO",
        reply "int",
        run zcard,
    }
    /// Answers the score of a member.
    "zscore" {
        since "1.2.0", cost "O(1)", flags [READONLY FAST],
        args "key@RO.access member",
        reply "double?",
        run zscore,
    }
    /// Answers the scores of several members.
    "zmscore" {
        since "6.2.0", cost "O(1) for each member", flags [READONLY FAST],
        args "key@RO.access member...",
        reply "[double?]",
        run zmscore,
    }
    /// Answers how many members stand before this one, lowest score first.
    "zrank" {
        since "2.0.0", cost "O(log N)", flags [READONLY FAST],
        args "key@RO.access member [WITHSCORE]",
        reply "int? | [int double]?",
        run zrank,
    }
    /// Answers how many members stand before this one, highest score first.
    "zrevrank" {
        since "2.0.0", cost "O(log N)", flags [READONLY FAST],
        args "key@RO.access member [WITHSCORE]",
        reply "int? | [int double]?",
        run zrevrank,
    }
    /// Counts the members with scores in a range.
    "zcount" {
        since "2.0.0", cost "O(log N)", flags [READONLY FAST],
        args "key@RO.access min:double max:double",
        reply "int",
        run zcount,
    }
    /// Counts the members between two members, all scores being equal.
    "zlexcount" {
        since "2.8.9", cost "O(log N)", flags [READONLY FAST],
        args "key@RO.access min max",
        reply "int",
        run zlexcount,
    }
    /// Answers the entries in a range of ranks, scores or members.
    "zrange" {
        since "1.2.0", cost "O(log N + M), M being the entries in the reply", flags [READONLY],
        args "key@RO.access start stop [sortby=(BYSCORE | BYLEX)] [REV] [LIMIT limit=(offset:int count:int)] [WITHSCORES]",
        reply "[bytes] | [[bytes double]]",
        run zrange,
    }
    /// Stores the entries in a range of another sorted set.
    "zrangestore" {
        since "6.2.0", cost "O(log N + M), M being the entries stored", flags [WRITE DENYOOM],
        args "dst@OW.update src@RO.access min max [sortby=(BYSCORE | BYLEX)] [REV] [LIMIT limit=(offset:int count:int)]",
        reply "int",
        run zrangestore,
    }
    /// Answers the entries in a range of ranks, highest score first.
    "zrevrange" {
        since "1.2.0", cost "O(log N + M), M being the entries in the reply", flags [READONLY],
        args "key@RO.access start:int stop:int [WITHSCORES]",
        reply "[bytes] | [[bytes double]]",
        run zrevrange,
    }
    /// Answers the entries with scores in a range, lowest first.
    "zrangebyscore" {
        since "1.0.5", cost "O(log N + M), M being the entries in the reply", flags [READONLY],
        args "key@RO.access min:double max:double [WITHSCORES] [LIMIT limit=(offset:int count:int)]",
        reply "[bytes] | [[bytes double]]",
        run zrangebyscore,
    }
    /// Answers the entries with scores in a range, highest first.
    "zrevrangebyscore" {
        since "2.2.0", cost "O(log N + M), M being the entries in the reply", flags [READONLY],
        args "key@RO.access max:double min:double [WITHSCORES] [LIMIT limit=(offset:int count:int)]",
        reply "[bytes] | [[bytes double]]",
        run zrevrangebyscore,
    }
    /// Answers the members between two members, all scores being equal.
    "zrangebylex" {
        since "2.8.9", cost "O(log N + M), M being the members in the reply", flags [READONLY],
        args "key@RO.access min max [LIMIT limit=(offset:int count:int)]",
        reply "[bytes]",
        run zrangebylex,
    }
    /// Answers the members between two members from the last one down, all scores being equal.
    "zrevrangebylex" {
        since "2.8.9", cost "O(log N + M), M being the members in the reply", flags [READONLY],
        args "key@RO.access max min [LIMIT limit=(offset:int count:int)]",
        reply "[bytes]",
        run zrevrangebylex,
    }
    /// Takes out the members in a range of ranks.
    "zremrangebyrank" {
        since "2.0.0", cost "O(M log N), M being the members taken out", flags [WRITE],
        args "key@RW.delete start:int stop:int",
        reply "int",
        run zremrangebyrank,
    }
    /// Takes out the members with scores in a range.
    "zremrangebyscore" {
        since "1.2.0", cost "O(M log N), M being the members taken out", flags [WRITE],
        args "key@RW.delete min:double max:double",
        reply "int",
        run zremrangebyscore,
    }
    /// Takes out the members between two members, all scores being equal.
    "zremrangebylex" {
        since "2.8.9", cost "O(M log N), M being the members taken out", flags [WRITE],
        args "key@RW.delete min max",
        reply "int",
        run zremrangebylex,
    }
    /// Takes out the entries with the lowest scores and answers them.
    "zpopmin" {
        since "5.0.0", cost "O(M log N), M being the entries taken out", flags [WRITE FAST],
        args "key@RW.access.delete [count:int]",
        reply "[any]",
        run zpopmin,
    }
    /// Takes out the entries with the highest scores and answers them.
    "zpopmax" {
        since "5.0.0", cost "O(M log N), M being the entries taken out", flags [WRITE FAST],
        args "key@RW.access.delete [count:int]",
        reply "[any]",
        run zpopmax,
    }
    /// Takes entries out of the first of several sorted sets that is not empty.
    "zmpop" {
        since "7.0.0", cost "O(K + M log N), K being the keys and M the entries taken out", flags [WRITE MOVABLEKEYS],
        args "numkeys:int key@RW.access.delete... where=(MIN | MAX) [COUNT count:int]",
        reply "[bytes [[bytes double]]]?",
        run zmpop,
    }
    /// Takes out the entry with the lowest score of the first sorted set that has one; waits for one.
    "bzpopmin" {
        since "5.0.0", cost "O(log N)", flags [WRITE FAST BLOCKING],
        args "key@RW.access.delete... timeout:double",
        reply "[bytes bytes double]?",
        run bzpopmin,
    }
    /// Takes out the entry with the highest score of the first sorted set that has one; waits for one.
    "bzpopmax" {
        since "5.0.0", cost "O(log N)", flags [WRITE FAST BLOCKING],
        args "key@RW.access.delete... timeout:double",
        reply "[bytes bytes double]?",
        run bzpopmax,
    }
    /// Takes entries out of the first of several sorted sets that is not empty; waits for one.
    "bzmpop" {
        since "7.0.0", cost "O(K + M log N), K being the keys and M the entries taken out",
        flags [WRITE BLOCKING MOVABLEKEYS],
        args "timeout:double numkeys:int key@RW.access.delete... where=(MIN | MAX) [COUNT count:int]",
        reply "[bytes [[bytes double]]]?",
        run bzmpop,
    }
    /// Answers members chosen at random; with a negative count the same one may come again.
    "zrandmember" {
        since "6.2.0", cost "O(M log N), M being the members in the reply", flags [READONLY],
        args "key@RO.access [options=(count:int [WITHSCORES])]",
        reply "bytes? | [bytes] | [[bytes double]]",
        tips "nondeterministic_output",
        run zrandmember,
    }
    /// Answers the members of any of several sets, their scores put together.
    "zunion" {
        since "6.2.0", cost "O(N + M log M), N being the members of all inputs and M those in the reply",
        flags [READONLY MOVABLEKEYS],
        args "numkeys:int key@RO.access... [WEIGHTS weight:int...] [AGGREGATE aggregate=(SUM | MIN | MAX)] [WITHSCORES]",
        reply "[bytes] | [[bytes double]]",
        run zunion,
    }
    /// Answers the members that several sets share, their scores put together.
    "zinter" {
        since "6.2.0", cost "O(N K + M log M), N being the members of the smallest of K inputs, M those in the reply",
        flags [READONLY MOVABLEKEYS],
        args "numkeys:int key@RO.access... [WEIGHTS weight:int...] [AGGREGATE aggregate=(SUM | MIN | MAX)] [WITHSCORES]",
        reply "[bytes] | [[bytes double]]",
        run zinter,
    }
    /// Answers the entries of the first set whose members are in none of the others.
    "zdiff" {
        since "6.2.0", cost "O(N K + M log M), N being the members of the first of K inputs, M those in the reply",
        flags [READONLY MOVABLEKEYS],
        args "numkeys:int key@RO.access... [WITHSCORES]",
        reply "[bytes] | [[bytes double]]",
        run zdiff,
    }
    /// Stores the members of any of several sets, their scores put together.
    "zunionstore" {
        since "2.0.0", cost "O(N + M log M), N being the members of all inputs and M those stored",
        flags [WRITE DENYOOM MOVABLEKEYS],
        args "destination@OW.update numkeys:int key@RO.access... [WEIGHTS weight:int...] [AGGREGATE aggregate=(SUM | MIN | MAX)]",
        reply "int",
        run zunionstore,
    }
    /// Stores the members that several sets share, their scores put together.
    "zinterstore" {
        since "2.0.0", cost "O(N K + M log M), N being the members of the smallest of K inputs, M those stored",
        flags [WRITE DENYOOM MOVABLEKEYS],
        args "destination@OW.update numkeys:int key@RO.access... [WEIGHTS weight:int...] [AGGREGATE aggregate=(SUM | MIN | MAX)]",
        reply "int",
        run zinterstore,
    }
    /// Stores the entries of the first set whose members are in none of the others.
    "zdiffstore" {
        since "6.2.0", cost "O(N K + M log M), N being the members of the first of K inputs, M those stored",
        flags [WRITE DENYOOM MOVABLEKEYS],
        args "destination@OW.update numkeys:int key@RO.access...",
        reply "int",
        run zdiffstore,
    }
    /// Counts the members that several sets share, up to a limit.
    "zintercard" {
        since "7.0.0", cost "O(N K), N being the members of the smallest of K inputs", flags [READONLY MOVABLEKEYS],
        args "numkeys:int key@RO.access... [LIMIT limit:int]",
        reply "int",
        run zintercard,
    }
    /// Walks through a sorted set in steps; what is there throughout is met.
    "zscan" {
        since "2.8.0", cost "O(1) a call, O(N) for all of it", flags [READONLY],
        args "key@RO.access cursor:int [MATCH pattern:pattern] [COUNT count:int]",
        reply "[bytes [bytes]]",
        tips "nondeterministic_output",
        run zscan,
    }
}

/// Writes a member.
#[inline]
fn write_member(reply: &mut Reply, member: Item) {
    match member {
        Item::Bytes(bytes) => reply.bulk(bytes),
        Item::Int(number) => reply.bulk_int(number),
    }
}

/// Opens an array for `count` entries: members, or members with scores, which RESP3 pairs and RESP2 does not.
fn open_entries(reply: &mut Reply, count: usize, scores: bool) {
    reply.array(if scores && !reply.resp3() { count * 2 } else { count });
}

/// Writes one entry of an array that [`open_entries`] opened.
#[inline]
fn write_entry(reply: &mut Reply, member: Item, score: f64, scores: bool) {
    if scores && reply.resp3() {
        reply.array(2);
    }
    write_member(reply, member);
    if scores {
        reply.double(score);
    }
}

/// Writes a whole walk.
fn write_range(reply: &mut Reply, range: Range, scores: bool) {
    open_entries(reply, range.len(), scores);
    for (member, score) in range {
        write_entry(reply, member, score, scores);
    }
}

/// Puts `set` in the place of whatever `key` holds and answers how many entries it has; an empty one removes the key.
fn store(ctx: &mut Context, key: &[u8], set: SortedSet, event: &'static str) -> Handled {
    let len = set.len();
    if len == 0 {
        ctx.keys.delete(key);
    } else {
        ctx.keys.put(key, Value::SortedSet(set));
        ctx.keys.modified(key, Class::SORTED_SET, event);
    }
    ctx.reply.count(len);
    Ok(Outcome::Done)
}

/// The options of ZADD.
#[derive(Default)]
struct AddOptions {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
    ch: bool,
    incr: bool,
}

fn zadd(ctx: &mut Context, args: Args) -> Handled {
    add(ctx, args, AddOptions::default())
}

fn zincrby(ctx: &mut Context, args: Args) -> Handled {
    add(ctx, args, AddOptions { incr: true, ..Default::default() })
}

fn add(ctx: &mut Context, args: Args, mut options: AddOptions) -> Handled {
    let key = args.at(1);
    let mut at = 2;
    while at < args.len() {
        let option = match args.at(at).len() {
            2 if args.is(at, "NX") => &mut options.nx,
            2 if args.is(at, "XX") => &mut options.xx,
            2 if args.is(at, "GT") => &mut options.gt,
            2 if args.is(at, "LT") => &mut options.lt,
            2 if args.is(at, "CH") => &mut options.ch,
            4 if args.is(at, "INCR") => &mut options.incr,
            _ => break,
        };
        *option = true;
        at += 1;
    }
    let words = args.len() - at;
    if words == 0 || words % 2 != 0 {
        return Err(Fault::Syntax);
    }
    let AddOptions { nx, xx, gt, lt, ch, incr } = options;
    if nx && xx {
        return Err(Fault::Text("ERR XX and NX options at the same time are not compatible"));
    }
    if (nx && (gt || lt)) || (gt && lt) {
        return Err(Fault::Text("ERR GT, LT, and/or NX options at the same time are not compatible"));
    }
    if incr && words > 2 {
        return Err(Fault::Text("ERR INCR option supports a single increment-element pair"));
    }
    // Every score is checked before anything changes; a single one, the usual case, is read once.
    let first = double(args.at(at))?;
    for score in (at + 2..args.len()).step_by(2) {
        double(args.at(score))?;
    }

    let limits = ctx.keys.space().limits.sorted_set;
    let (mut added, mut updated, mut last) = (0, 0, None);
    let mut nan = false;
    let mut apply = |set: &mut SortedSet| -> Result<(), Fault> {
        for pair in (at..args.len()).step_by(2) {
            let given = if pair == at { first } else { double(args.at(pair))? };
            last = None;
            let change = set.update(args.at(pair + 1), &limits, |old| {
                let score = match old {
                    None if xx => return None,
                    None => given,
                    Some(_) if nx => return None,
                    Some(old) => {
                        let score = if incr { old + given } else { given };
                        nan = score.is_nan();
                        if nan || (lt && score >= old) || (gt && score <= old) {
                            return None;
                        }
                        score
                    }
                };
                last = Some(score);
                last
            });
            match change {
                Change::Added => added += 1,
                Change::Updated => updated += 1,
                Change::Unchanged if nan => return Err(Fault::Text("ERR resulting score is not a number (NaN)")),
                Change::Unchanged => {}
            }
        }
        Ok(())
    };
    match ctx.keys.sorted_set_mut(key)? {
        Some(set) => apply(set)?,
        None if xx => {}
        None => {
            let mut set = SortedSet::sized(words / 2, args.at(at + 1).len(), &limits);
            apply(&mut set)?;
            ctx.keys.put(key, Value::SortedSet(set));
        }
    }
    if added + updated > 0 {
        ctx.keys.modified(key, Class::SORTED_SET, if incr { "zincr" } else { "zadd" });
        ctx.keys.dirty(added + updated - 1);
    }
    match (incr, last) {
        (true, Some(score)) => ctx.reply.double(score),
        (true, None) => ctx.reply.null(),
        _ => ctx.reply.count(if ch { added + updated } else { added } as usize),
    }
    Ok(Outcome::Done)
}

fn zrem(ctx: &mut Context, args: Args) -> Handled {
    let key = args.at(1);
    let mut removed = 0;
    if let Some(set) = ctx.keys.sorted_set_mut(key)? {
        removed = args.iter_from(2).filter(|member| set.remove(member).is_some()).count();
    }
    note_removed(ctx, key, removed, "zrem");
    ctx.reply.count(removed);
    Ok(Outcome::Done)
}

/// Notes that `count` members left the sorted set at `key`, and removes the key with the last one.
fn note_removed(ctx: &mut Context, key: &[u8], count: usize, event: &'static str) {
    if count > 0 {
        ctx.keys.modified(key, Class::SORTED_SET, event);
        ctx.keys.dirty(count as u64 - 1);
        ctx.keys.remove_if_empty(key);
    }
}

fn zcard(ctx: &mut Context, args: Args) -> Handled {
    let count = ctx.keys.read_sorted_set(args.at(1))?.map_or(0, SortedSet::len);
    ctx.reply.count(count);
    Ok(Outcome::Done)
}

fn zscore(ctx: &mut Context, args: Args) -> Handled {
    match ctx.keys.read_sorted_set(args.at(1))?.and_then(|set| set.score(args.at(2))) {
        Some(score) => ctx.reply.double(score),
        None => ctx.reply.null(),
    }
    Ok(Outcome::Done)
}

fn zmscore(ctx: &mut Context, args: Args) -> Handled {
    let set = ctx.keys.read_sorted_set(args.at(1))?;
    ctx.reply.array(args.len() - 2);
    for member in args.iter_from(2) {
        match set.and_then(|set| set.score(member)) {
            Some(score) => ctx.reply.double(score),
            None => ctx.reply.null(),
        }
    }
    Ok(Outcome::Done)
}

fn zrank(ctx: &mut Context, args: Args) -> Handled {
    rank(ctx, args, false)
}

fn zrevrank(ctx: &mut Context, args: Args) -> Handled {
    rank(ctx, args, true)
}

fn rank(ctx: &mut Context, args: Args, reverse: bool) -> Handled {
    if args.len() > 4 {
        return Err(Fault::Arity(ctx.name));
    }
    let with_score = args.len() == 4;
    if with_score && !args.is(3, "WITHSCORE") {
        return Err(Fault::Syntax);
    }
    match ctx.keys.read_sorted_set(args.at(1))?.and_then(|set| set.rank(args.at(2), reverse)) {
        Some((rank, score)) if with_score => {
            ctx.reply.array(2);
            ctx.reply.count(rank);
            ctx.reply.double(score);
        }
        Some((rank, _)) => ctx.reply.count(rank),
        None if with_score => ctx.reply.null_array(),
        None => ctx.reply.null(),
    }
    Ok(Outcome::Done)
}
