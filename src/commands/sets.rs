//! Sets.

mod algebra;
#[cfg(test)]
mod tests;

use super::scan::{answer, cursor, ScanOptions};
use super::{int, Context, DataHandler, Handled, Outcome};
use crate::bytes::number::I64_TEXT;
use crate::keyspace::{Class, Value};
use crate::resp::{Args, Fault, Reply};
use crate::structures::listpack::Item;
use crate::structures::set::{Limits, Set};
use algebra::{sdiff, sdiffstore, sinter, sintercard, sinterstore, sunion, sunionstore};

crate::commands! {
    /// The set commands.
    pub static TABLE: DataHandler, group "set";

    /// Adds members to a set, which is created when missing.
    "sadd" {
        since "1.0.0", cost "O(1) for each member", flags [WRITE DENYOOM FAST],
        args "key@RW.insert member...",
        reply "int",
        run sadd,
    }
    /// Removes members from a set.
    "srem" {
        since "1.0.0", cost "O(1) for each member", flags [WRITE FAST],
        args "key@RW.delete member...",
        reply "int",
        run srem,
    }
    /// Moves a member from one set to another.
    "smove" {
        since "1.0.0", cost "O(1)", flags [WRITE FAST],
        args "source@RW.access.delete destination@RW.insert member",
        reply "int",
        run smove,
    }
    /// Tells whether a value is a member of a set.
    "sismember" {
        since "1.0.0", cost "O(1)", flags [READONLY FAST],
        args "key@RO member",
        reply "int",
        run sismember,
    }
    /// Tells of each of several values whether it is a member of a set.
    "smismember" {
        since "6.2.0", cost "O(1) for each member", flags [READONLY FAST],
        args "key@RO.access member...",
        reply "[int]",
        run smismember,
    }
    /// Answers the number of members of a set.
    "scard" {
        since "1.0.0", cost "O(1)", flags [READONLY FAST],
        args "key@RO",
        reply "int",
        run scard,
    }
    /// Answers all members of a set.
    "smembers" {
        since "1.0.0", cost "O(N) for N members", flags [READONLY],
        args "key@RO.access",
        reply "<bytes>",
        tips "nondeterministic_output_order",
        run smembers,
    }
    /// Takes one or several members, chosen at random, out of a set and answers them.
    "spop" {
        since "1.0.0", cost "O(1); with a count O(N) for N members popped", flags [WRITE FAST],
        args "key@RW.access.delete [count:int]",
        reply "bytes? | <bytes>",
        tips "nondeterministic_output",
        run spop,
    }
    /// Answers one or several members of a set, chosen at random; a negative count allows repetition.
    "srandmember" {
        since "1.0.0", cost "O(1); with a count O(N) for N members answered", flags [READONLY],
        args "key@RO.access [count:int]",
        reply "bytes? | [bytes]",
        tips "nondeterministic_output",
        run srandmember,
    }
    /// Answers the members that several sets have in common.
    "sinter" {
        since "1.0.0", cost "O(N*M) for M sets and N members of the smallest", flags [READONLY],
        args "key@RO.access...",
        reply "<bytes>",
        tips "nondeterministic_output_order",
        run sinter,
    }
    /// Answers how many members several sets have in common.
    "sintercard" {
        since "7.0.0", cost "O(N*M) for M sets and N members of the smallest", flags [READONLY MOVABLEKEYS],
        args "numkeys:int key@RO.access... [LIMIT limit:int]",
        reply "int",
        run sintercard,
    }
    /// Stores the members that several sets have in common in a key and answers how many.
    "sinterstore" {
        since "1.0.0", cost "O(N*M) for M sets and N members of the smallest", flags [WRITE DENYOOM],
        args "destination@OW.update key@RO.access...",
        reply "int",
        run sinterstore,
    }
    /// Answers the members of any of several sets.
    "sunion" {
        since "1.0.0", cost "O(N) for N members in all sets", flags [READONLY],
        args "key@RO.access...",
        reply "<bytes>",
        tips "nondeterministic_output_order",
        run sunion,
    }
    /// Stores the members of any of several sets in a key and answers how many.
    "sunionstore" {
        since "1.0.0", cost "O(N) for N members in all sets", flags [WRITE DENYOOM],
        args "destination@OW.update key@RO.access...",
        reply "int",
        run sunionstore,
    }
    /// Answers the members of the first set that none of the others has.
    "sdiff" {
        since "1.0.0", cost "O(N*M) for M sets and N members of the first", flags [READONLY],
        args "key@RO.access...",
        reply "<bytes>",
        tips "nondeterministic_output_order",
        run sdiff,
    }
    /// Stores the members of the first set that none of the others has in a key and answers how many.
    "sdiffstore" {
        since "1.0.0", cost "O(N*M) for M sets and N members of the first", flags [WRITE DENYOOM],
        args "destination@OW.update key@RO.access...",
        reply "int",
        run sdiffstore,
    }
    /// Iterates over the members of a set.
    "sscan" {
        since "2.8.0", cost "O(1) for each call, O(N) for a whole iteration over N members", flags [READONLY],
        args "key@RO.access cursor:int [MATCH pattern:pattern] [COUNT count:int]",
        reply "[bytes [bytes]]",
        tips "nondeterministic_output",
        run sscan,
    }
}

/// A draw with repetition may answer this many bytes: its count is the caller's whim, not bounded by any data.
const MOST_DRAWN: usize = 64 << 20;

/// Members in one SREM that stands for a SPOP.
const EFFECT_MEMBERS: usize = 1024;

const NOT_POSITIVE: Fault = Fault::Text("ERR value is out of range, must be positive");

/// The configured limits of the compact forms.
fn limits(ctx: &mut Context) -> Limits {
    let limits = &ctx.keys.space().limits;
    Limits { listpack: limits.set, intset: limits.intset }
}

/// Answers a member.
#[inline]
fn bulk(reply: &mut Reply, member: Item) {
    match member {
        Item::Bytes(bytes) => reply.bulk(bytes),
        Item::Int(value) => reply.bulk_int(value),
    }
}

fn sadd(ctx: &mut Context, args: Args) -> Handled {
    let limits = limits(ctx);
    let (key, members) = (args.at(1), args.iter_from(2));
    let count = members.len();
    let add = |set: &mut Set| members.filter(|member| set.add(member, &limits)).count();
    let added = match ctx.keys.set_mut(key)? {
        Some(set) => {
            set.prepare(count, &limits);
            add(set)
        }
        None => {
            let mut set = Set::for_members(args.at(2), count, &limits);
            let added = add(&mut set);
            ctx.keys.put(key, Value::Set(set));
            added
        }
    };
    if added > 0 {
        ctx.keys.modified(key, Class::SET, "sadd");
        ctx.keys.dirty(added as u64 - 1);
    }
    ctx.reply.count(added);
    Ok(Outcome::Done)
}

fn srem(ctx: &mut Context, args: Args) -> Handled {
    let key = args.at(1);
    let removed = match ctx.keys.set_mut(key)? {
        Some(set) => args.iter_from(2).filter(|member| set.remove(member)).count(),
        None => 0,
    };
    if removed > 0 {
        ctx.keys.modified(key, Class::SET, "srem");
        ctx.keys.dirty(removed as u64 - 1);
        ctx.keys.remove_if_empty(key);
    }
    ctx.reply.count(removed);
    Ok(Outcome::Done)
}

fn smove(ctx: &mut Context, args: Args) -> Handled {
    let limits = limits(ctx);
    let (source, destination, member) = (args.at(1), args.at(2), args.at(3));
    if ctx.keys.set_mut(source)?.is_none() {
        ctx.reply.flag(false);
        return Ok(Outcome::Done);
    }
    ctx.keys.set_mut(destination)?;
    let Some(set) = ctx.keys.set_mut(source)? else { return Ok(Outcome::Done) };
    if source == destination {
        ctx.reply.flag(set.contains(member));
        return Ok(Outcome::Done);
    }
    if !set.remove(member) {
        ctx.reply.flag(false);
        return Ok(Outcome::Done);
    }
    ctx.keys.modified(source, Class::SET, "srem");
    ctx.keys.remove_if_empty(source);
    let added = match ctx.keys.set_mut(destination)? {
        Some(set) => set.add(member, &limits),
        None => {
            let mut set = Set::for_members(member, 1, &limits);
            set.add(member, &limits);
            ctx.keys.put(destination, Value::Set(set));
            true
        }
    };
    if added {
        ctx.keys.modified(destination, Class::SET, "sadd");
    }
    ctx.reply.flag(true);
    Ok(Outcome::Done)
}

fn sismember(ctx: &mut Context, args: Args) -> Handled {
    let is = ctx.keys.read_set(args.at(1))?.is_some_and(|set| set.contains(args.at(2)));
    ctx.reply.flag(is);
    Ok(Outcome::Done)
}

fn smismember(ctx: &mut Context, args: Args) -> Handled {
    let set = ctx.keys.read_set(args.at(1))?;
    ctx.reply.array(args.len() - 2);
    for member in args.iter_from(2) {
        ctx.reply.flag(set.is_some_and(|set| set.contains(member)));
    }
    Ok(Outcome::Done)
}

fn scard(ctx: &mut Context, args: Args) -> Handled {
    let count = ctx.keys.read_set(args.at(1))?.map_or(0, Set::len);
    ctx.reply.count(count);
    Ok(Outcome::Done)
}

fn smembers(ctx: &mut Context, args: Args) -> Handled {
    match ctx.keys.read_set(args.at(1))? {
        Some(set) => {
            ctx.reply.set(set.len());
            set.iter().for_each(|member| bulk(&mut ctx.reply, member));
        }
        None => ctx.reply.set(0),
    }
    Ok(Outcome::Done)
}

fn spop(ctx: &mut Context, args: Args) -> Handled {
    if args.len() > 3 {
        return Err(Fault::Syntax);
    }
    if args.len() == 3 {
        return spop_many(ctx, args);
    }
    let key = args.at(1);
    let mut rng = ctx.keys.space().rng.clone();
    let popped = ctx.keys.set_mut(key)?.and_then(|set| set.pop_random(&mut rng));
    ctx.keys.space().rng = rng;
    match popped {
        Some(member) => {
            ctx.reply.bulk(&member);
            ctx.keys.modified(key, Class::SET, "spop");
            ctx.keys.effect(&[b"SREM", key, &member]);
            ctx.keys.remove_if_empty(key);
        }
        None => ctx.reply.null(),
    }
    Ok(Outcome::Done)
}

fn spop_many(ctx: &mut Context, args: Args) -> Handled {
    let limits = limits(ctx);
    let (key, count) = (args.at(1), super::int_in(args.at(2), 0..=i64::MAX, NOT_POSITIVE)?);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut rng = ctx.keys.space().rng.clone();
    let recording = ctx.keys.space().changes.record_effects;
    let Some(set) = ctx.keys.set_mut(key)?.filter(|_| count > 0) else {
        ctx.reply.set(0);
        return Ok(Outcome::Done);
    };
    let size = set.len();
    if count >= size {
        ctx.reply.set(size);
        set.iter().for_each(|member| bulk(&mut ctx.reply, member));
        ctx.keys.notify(key, Class::SET, "spop");
        ctx.keys.delete(key);
        ctx.keys.dirty(size as u64 - 1);
        ctx.keys.effect(&[b"DEL", key]);
        return Ok(Outcome::Done);
    }
    ctx.reply.set(count);
    let mut popped: Vec<Vec<u8>> = Vec::new();
    set.pop_many(&mut rng, count, &limits, &mut |member| {
        bulk(&mut ctx.reply, member);
        if recording {
            popped.push(member.to_vec());
        }
    });
    ctx.keys.space().rng = rng;
    ctx.keys.modified(key, Class::SET, "spop");
    ctx.keys.dirty(count as u64 - 1);
    for members in popped.chunks(EFFECT_MEMBERS) {
        let mut argv: Vec<&[u8]> = vec![b"SREM", key];
        argv.extend(members.iter().map(Vec::as_slice));
        ctx.keys.effect(&argv);
    }
    Ok(Outcome::Done)
}

fn srandmember(ctx: &mut Context, args: Args) -> Handled {
    if args.len() > 3 {
        return Err(Fault::Syntax);
    }
    let count = args.get(2).map(int).transpose()?;
    if count == Some(i64::MIN) {
        return Err(Fault::Text(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        ));
    }
    let mut rng = ctx.keys.space().rng.clone();
    let set = ctx.keys.read_set(args.at(1))?;
    match (set, count) {
        (None, None) => ctx.reply.null(),
        (None, Some(_)) | (_, Some(0)) => ctx.reply.array(0),
        (Some(set), None) => match set.random(&mut rng) {
            Some(member) => bulk(&mut ctx.reply, member),
            None => ctx.reply.null(),
        },
        (Some(set), Some(count @ 1..)) => {
            let count = usize::try_from(count).unwrap_or(usize::MAX).min(set.len());
            ctx.reply.array(count);
            set.random_distinct(&mut rng, count, &mut |member| bulk(&mut ctx.reply, member));
        }
        (Some(set), Some(count)) => {
            let count = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
            // The smallest member takes six bytes; what the others take shows as they are written.
            if count > MOST_DRAWN / 6 {
                return Err(Fault::OutOfRange);
            }
            let start = ctx.reply.written();
            ctx.reply.array(count);
            // A compact form has no quick way to its nth member: lay them out once.
            let members: Vec<Item> = match set {
                Set::Table(_) => Vec::new(),
                compact => compact.iter().collect(),
            };
            for _ in 0..count {
                let member = match members.len() {
                    0 => set.random(&mut rng).expect("a set under a key has members"),
                    some => members[rng.below(some)],
                };
                bulk(&mut ctx.reply, member);
                if ctx.reply.written() - start > MOST_DRAWN {
                    return Err(Fault::OutOfRange);
                }
            }
        }
    }
    ctx.keys.space().rng = rng;
    Ok(Outcome::Done)
}

fn sscan(ctx: &mut Context, args: Args) -> Handled {
    let from = cursor(args.at(2))?;
    let Some(set) = ctx.keys.read_set(args.at(1))? else { return answer(&mut ctx.reply, 0, 0, b"") };
    let options = ScanOptions::read(args, 3, false, false)?;
    let (mut text, mut count) = (Vec::new(), 0);
    let mut found = Reply::new(&mut text, ctx.reply.resp3());
    let next = set.scan(from, options.count, &mut |member| {
        if options.wants(member.bytes(&mut [0; I64_TEXT])) {
            bulk(&mut found, member);
            count += 1;
        }
    });
    answer(&mut ctx.reply, next, count, &text)
}
