//! Hashes: fields and their values under one key. What deals with the expiry of fields is in [`expiry`], and in
//! [`combined`] what reads or sets them at the same time.

mod combined;
mod expiry;
#[cfg(test)]
mod expiry_tests;
#[cfg(test)]
mod tests;

use super::scan::{answer, cursor, ScanOptions};
use super::{int, Context, DataHandler, Handled, Outcome};
use crate::bytes::extended::Extended;
use crate::bytes::number::format_i64;
use crate::keyspace::Class;
use crate::resp::{Args, Fault, Reply};
use crate::structures::hash::Hash;
use crate::structures::listpack::Item;
use crate::structures::Limits;
use combined::{hgetdel, hgetex, hsetex};
use expiry::{hexpire, hexpireat, hexpiretime, hpersist, hpexpire, hpexpireat, hpexpiretime, hpttl, httl};

crate::commands! {
    /// The hash commands.
    pub static TABLE: DataHandler, group "hash";

    /// Gives fields of a hash new values and answers how many fields that created.
    "hset" {
        since "2.0.0", cost "O(1) per field", flags [DENYOOM FAST WRITE],
        args "key@RW.update data=(field value)...",
        reply "int",
        run hset,
    }
    /// Gives fields of a hash new values.
    "hmset" {
        since "2.0.0", cost "O(1) per field", flags [DENYOOM FAST WRITE],
        args "key@RW.update data=(field value)...",
        reply "ok",
        run hmset,
    }
    /// Gives a field of a hash a value if there is no such field.
    "hsetnx" {
        since "2.0.0", cost "O(1)", flags [DENYOOM FAST WRITE],
        args "key@RW.insert field value",
        reply "int",
        run hsetnx,
    }
    /// Answers the value of a field.
    "hget" {
        since "2.0.0", cost "O(1)", flags [FAST READONLY],
        args "key@RO.access field",
        reply "bytes?",
        run hget,
    }
    /// Answers the values of several fields.
    "hmget" {
        since "2.0.0", cost "O(1) per field", flags [FAST READONLY],
        args "key@RO.access field...",
        reply "[bytes?]",
        run hmget,
    }
    /// Answers all fields of a hash with their values.
    "hgetall" {
        since "2.0.0", cost "O(N) in the fields", flags [READONLY],
        args "key@RO.access",
        reply "{bytes}",
        tips "nondeterministic_output_order",
        run hgetall,
    }
    /// Answers the names of all fields of a hash.
    "hkeys" {
        since "2.0.0", cost "O(N) in the fields", flags [READONLY],
        args "key@RO.access",
        reply "[bytes]",
        tips "nondeterministic_output_order",
        run hkeys,
    }
    /// Answers the values of all fields of a hash.
    "hvals" {
        since "2.0.0", cost "O(N) in the fields", flags [READONLY],
        args "key@RO.access",
        reply "[bytes]",
        tips "nondeterministic_output_order",
        run hvals,
    }
    /// Answers how many fields a hash has.
    "hlen" {
        since "2.0.0", cost "O(1)", flags [FAST READONLY],
        args "key@RO",
        reply "int",
        run hlen,
    }
    /// Answers the length of a field's value.
    "hstrlen" {
        since "3.2.0", cost "O(1)", flags [FAST READONLY],
        args "key@RO field",
        reply "int",
        run hstrlen,
    }
    /// Answers whether a hash has a field.
    "hexists" {
        since "2.0.0", cost "O(1)", flags [FAST READONLY],
        args "key@RO field",
        reply "int",
        run hexists,
    }
    /// Removes fields of a hash, and the hash with its last one.
    "hdel" {
        since "2.0.0", cost "O(1) per field", flags [FAST WRITE],
        args "key@RW.delete field...",
        reply "int",
        run hdel,
    }
    /// Adds an integer to the value of a field; a missing one counts as 0.
    "hincrby" {
        since "2.0.0", cost "O(1)", flags [DENYOOM FAST WRITE],
        args "key@RW.access.update field increment:int",
        reply "int",
        run hincrby,
    }
    /// Adds a floating point number to the value of a field; a missing one counts as 0.
    "hincrbyfloat" {
        since "2.6.0", cost "O(1)", flags [DENYOOM FAST WRITE],
        args "key@RW.access.update field increment:double",
        reply "bytes",
        run hincrbyfloat,
    }
    /// Answers fields chosen at random; with a negative count a field may come up more than once.
    "hrandfield" {
        since "6.2.0", cost "O(N) in the fields answered", flags [READONLY],
        args "key@RO.access [options=(count:int [WITHVALUES])]",
        reply "bytes? | [bytes] | [[bytes bytes]]",
        tips "nondeterministic_output",
        run hrandfield,
    }
    /// Walks through the fields of a hash, some at a time.
    "hscan" {
        since "2.8.0", cost "O(1) per call, O(N) for a whole walk", flags [READONLY],
        args "key@RO.access cursor:int [MATCH pattern:pattern] [COUNT count:int] [NOVALUES]",
        reply "[bytes [bytes]]",
        tips "nondeterministic_output",
        run hscan,
    }
    /// Lets fields expire after so many seconds.
    "hexpire" {
        since "7.4.0", cost "O(1) per field", flags [DENYOOM FAST WRITE],
        args "key@RW.update seconds:int [condition=(NX | XX | GT | LT)] FIELDS fields=(numfields:int field...)",
        reply "[int]",
        run hexpire,
    }
    /// Lets fields expire after so many milliseconds.
    "hpexpire" {
        since "7.4.0", cost "O(1) per field", flags [DENYOOM FAST WRITE],
        args "key@RW.update milliseconds:int [condition=(NX | XX | GT | LT)] FIELDS fields=(numfields:int field...)",
        reply "[int]",
        run hpexpire,
    }
    /// Lets fields expire at an instant in seconds since 1970.
    "hexpireat" {
        since "7.4.0", cost "O(1) per field", flags [DENYOOM FAST WRITE],
        args "key@RW.update unix-time-seconds:time [condition=(NX | XX | GT | LT)] FIELDS fields=(numfields:int field...)",
        reply "[int]",
        run hexpireat,
    }
    /// Lets fields expire at an instant in milliseconds since 1970.
    "hpexpireat" {
        since "7.4.0", cost "O(1) per field", flags [DENYOOM FAST WRITE],
        args "key@RW.update unix-time-milliseconds:time [condition=(NX | XX | GT | LT)] FIELDS fields=(numfields:int field...)",
        reply "[int]",
        run hpexpireat,
    }
    /// Answers in how many seconds fields expire; -1 for never, -2 for no such field.
    "httl" {
        since "7.4.0", cost "O(1) per field", flags [FAST READONLY],
        args "key@RO.access FIELDS fields=(numfields:int field...)",
        reply "[int]",
        tips "nondeterministic_output",
        run httl,
    }
    /// Answers in how many milliseconds fields expire; -1 for never, -2 for no such field.
    "hpttl" {
        since "7.4.0", cost "O(1) per field", flags [FAST READONLY],
        args "key@RO.access FIELDS fields=(numfields:int field...)",
        reply "[int]",
        tips "nondeterministic_output",
        run hpttl,
    }
    /// Answers when fields expire, in seconds since 1970; -1 for never, -2 for no such field.
    "hexpiretime" {
        since "7.4.0", cost "O(1) per field", flags [FAST READONLY],
        args "key@RO.access FIELDS fields=(numfields:int field...)",
        reply "[int]",
        run hexpiretime,
    }
    /// Answers when fields expire, in milliseconds since 1970; -1 for never, -2 for no such field.
    "hpexpiretime" {
        since "7.4.0", cost "O(1) per field", flags [FAST READONLY],
        args "key@RO.access FIELDS fields=(numfields:int field...)",
        reply "[int]",
        run hpexpiretime,
    }
    /// Takes the expiry off fields.
    "hpersist" {
        since "7.4.0", cost "O(1) per field", flags [FAST WRITE],
        args "key@RW.update FIELDS fields=(numfields:int field...)",
        reply "[int]",
        run hpersist,
    }
    /// Answers the values of fields and removes the fields, and the hash with its last one.
    "hgetdel" {
        since "8.0.0", cost "O(1) per field", flags [FAST WRITE],
        args "key@RW.access.delete FIELDS fields=(numfields:int field...)",
        reply "[bytes?]",
        run hgetdel,
    }
    /// Answers the values of fields and sets or takes off their expiry.
    "hgetex" {
        since "8.0.0", cost "O(1) per field", flags [FAST WRITE],
        args "key@RW.access.update [expiration=(EX seconds:int | PX milliseconds:int | EXAT unix-time-seconds:time | PXAT unix-time-milliseconds:time | PERSIST)] FIELDS fields=(numfields:int field...)",
        reply "[bytes?]",
        run hgetex,
    }
    /// Gives fields new values and an expiry; on request only if all or none of them are there.
    "hsetex" {
        since "8.0.0", cost "O(1) per field", flags [DENYOOM FAST WRITE],
        args "key@RW.update [condition=(FNX | FXX)] [expiration=(EX seconds:int | PX milliseconds:int | EXAT unix-time-seconds:time | PXAT unix-time-milliseconds:time | KEEPTTL)] FIELDS fields=(numfields:int data=(field value)...)",
        reply "int",
        run hsetex,
    }
}

/// Bytes of the shortest bulk string in a reply.
const SMALLEST_BULK: usize = 6;

fn limits(ctx: &mut Context) -> Limits {
    ctx.keys.space().limits.hash
}

/// Sets the pairs behind the key; how many fields that created.
fn set_pairs(ctx: &mut Context, args: Args) -> Result<usize, Fault> {
    if args.len() % 2 == 1 {
        return Err(Fault::Arity(ctx.name));
    }
    let key = args.at(1);
    let limits = limits(ctx);
    let fields = (2..args.len()).step_by(2).map(|index| args.at(index));
    let hash = ctx.keys.hash_fields_or_new(key, fields)?;
    let pairs = args.len() / 2 - 1;
    hash.make_room(pairs, limits);
    let mut created = 0;
    for pair in 1..=pairs {
        created += hash.set(args.at(2 * pair), args.at(2 * pair + 1), limits) as usize;
    }
    ctx.keys.modified(key, Class::HASH, "hset");
    ctx.keys.dirty(pairs as u64 - 1);
    Ok(created)
}

fn hset(ctx: &mut Context, args: Args) -> Handled {
    let created = set_pairs(ctx, args)?;
    ctx.reply.count(created);
    Ok(Outcome::Done)
}

fn hmset(ctx: &mut Context, args: Args) -> Handled {
    set_pairs(ctx, args)?;
    ctx.reply.ok();
    Ok(Outcome::Done)
}

fn hsetnx(ctx: &mut Context, args: Args) -> Handled {
    let key = args.at(1);
    let limits = limits(ctx);
    let hash = ctx.keys.hash_fields_or_new(key, std::iter::once(args.at(2)))?;
    let created = hash.set_if_absent(args.at(2), args.at(3), limits);
    if created {
        ctx.keys.modified(key, Class::HASH, "hset");
    }
    ctx.reply.flag(created);
    Ok(Outcome::Done)
}

fn hget(ctx: &mut Context, args: Args) -> Handled {
    match ctx.keys.read_hash(args.at(1))?.and_then(|hash| hash.get(args.at(2))) {
        Some(item) => ctx.reply.bulk(item.bytes(&mut [0; 20])),
        None => ctx.reply.null(),
    }
    Ok(Outcome::Done)
}

fn hmget(ctx: &mut Context, args: Args) -> Handled {
    let hash = ctx.keys.read_hash(args.at(1))?;
    ctx.reply.array(args.len() - 2);
    for field in args.iter_from(2) {
        match hash.and_then(|hash| hash.get(field)) {
            Some(item) => ctx.reply.bulk(item.bytes(&mut [0; 20])),
            None => ctx.reply.null(),
        }
    }
    Ok(Outcome::Done)
}

fn hgetall(ctx: &mut Context, args: Args) -> Handled {
    let hash = ctx.keys.read_hash(args.at(1))?;
    ctx.reply.map(hash.map_or(0, Hash::shown));
    for (field, value) in hash.into_iter().flat_map(Hash::iter) {
        ctx.reply.bulk(field.bytes(&mut [0; 20]));
        ctx.reply.bulk(value.bytes(&mut [0; 20]));
    }
    Ok(Outcome::Done)
}

fn hkeys(ctx: &mut Context, args: Args) -> Handled {
    each(ctx, args, |(field, _)| field)
}

fn hvals(ctx: &mut Context, args: Args) -> Handled {
    each(ctx, args, |(_, value)| value)
}

fn each(ctx: &mut Context, args: Args, part: for<'a> fn((Item<'a>, Item<'a>)) -> Item<'a>) -> Handled {
    let hash = ctx.keys.read_hash(args.at(1))?;
    ctx.reply.array(hash.map_or(0, Hash::shown));
    for pair in hash.into_iter().flat_map(Hash::iter) {
        ctx.reply.bulk(part(pair).bytes(&mut [0; 20]));
    }
    Ok(Outcome::Done)
}

fn hlen(ctx: &mut Context, args: Args) -> Handled {
    let length = ctx.keys.read_hash(args.at(1))?.map_or(0, Hash::len);
    ctx.reply.count(length);
    Ok(Outcome::Done)
}

fn hstrlen(ctx: &mut Context, args: Args) -> Handled {
    let length = ctx.keys.read_hash(args.at(1))?.and_then(|hash| hash.value_len(args.at(2)));
    ctx.reply.count(length.unwrap_or(0));
    Ok(Outcome::Done)
}

fn hexists(ctx: &mut Context, args: Args) -> Handled {
    let found = ctx.keys.read_hash(args.at(1))?.is_some_and(|hash| hash.contains(args.at(2)));
    ctx.reply.flag(found);
    Ok(Outcome::Done)
}

fn hdel(ctx: &mut Context, args: Args) -> Handled {
    let key = args.at(1);
    let gone = match ctx.keys.hash_fields(key, args.iter_from(2))? {
        Some(hash) => args.iter_from(2).filter(|field| hash.remove(field)).count(),
        None => 0,
    };
    if gone > 0 {
        ctx.keys.modified(key, Class::HASH, "hdel");
        ctx.keys.dirty(gone as u64 - 1);
        ctx.keys.remove_if_empty(key);
    }
    ctx.reply.count(gone);
    Ok(Outcome::Done)
}

fn hincrby(ctx: &mut Context, args: Args) -> Handled {
    let (key, field) = (args.at(1), args.at(2));
    let increment = int(args.at(3))?;
    let limits = limits(ctx);
    // A missing hash is made only when nothing can go wrong any more.
    let present = match ctx.keys.hash_fields(key, std::iter::once(field))?.and_then(|hash| hash.get(field)) {
        Some(value) => value.as_i64().ok_or(Fault::Text("ERR hash value is not an integer"))?,
        None => 0,
    };
    let sum = present.checked_add(increment).ok_or(Fault::Overflow)?;
    ctx.keys.hash_or_new(key)?.set_keeping_expiry(field, format_i64(sum, &mut [0; 20]), limits);
    ctx.keys.modified(key, Class::HASH, "hincrby");
    ctx.reply.int(sum);
    Ok(Outcome::Done)
}

fn hincrbyfloat(ctx: &mut Context, args: Args) -> Handled {
    let (key, field) = (args.at(1), args.at(2));
    let increment = Extended::parse(args.at(3)).ok_or(Fault::NotFloat)?;
    if !increment.is_finite() {
        return Err(Fault::Text("ERR value is NaN or Infinity"));
    }
    let limits = limits(ctx);
    let present = match ctx.keys.hash_fields(key, std::iter::once(field))?.and_then(|hash| hash.get(field)) {
        Some(value) => value.to_vec(),
        None => b"0".to_vec(),
    };
    let present = Extended::parse(&present).ok_or(Fault::Text("ERR hash value is not a float"))?;
    let sum = present + increment;
    if !sum.is_finite() {
        return Err(Fault::NotFinite);
    }
    let mut text = Vec::with_capacity(24);
    sum.push(&mut text);
    let hash = ctx.keys.hash_or_new(key)?;
    hash.set_keeping_expiry(field, &text, limits);
    let expires = hash.expiry(field).flatten().is_some();
    ctx.keys.modified(key, Class::HASH, "hincrbyfloat");
    // The digits are carried on, not the addition: it must not depend on who repeats it.
    if expires {
        ctx.keys.effect(&[b"HSETEX", key, b"KEEPTTL", b"FIELDS", b"1", field, &text]);
    } else {
        ctx.keys.effect(&[b"HSET", key, field, &text]);
    }
    ctx.reply.bulk(&text);
    Ok(Outcome::Done)
}

fn hrandfield(ctx: &mut Context, args: Args) -> Handled {
    let Some(count) = args.get(2) else { return one_at_random(ctx, args) };
    let count = match int(count)? {
        i64::MIN => {
            return Err(Fault::Text(
                "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
            ));
        }
        count => count,
    };
    let with_values = args.len() > 3;
    if args.len() > 4 || (with_values && !args.is(3, "withvalues")) {
        return Err(Fault::Syntax);
    }
    if with_values && !(-i64::MAX / 2..=i64::MAX / 2).contains(&count) {
        return Err(Fault::OutOfRange);
    }
    let many = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    // Chance is taken out for as long as the hash is borrowed, and put back as it then is.
    ctx.keys.settle_hash(args.at(1));
    let mut rng = ctx.keys.space().rng.clone();
    let most = ctx.keys.space().limits.bulk;
    let Some(hash) = ctx.keys.read_hash(args.at(1))? else {
        ctx.reply.array(0);
        return Ok(Outcome::Done);
    };
    let reply = &mut ctx.reply;
    let (nested, start) = (with_values && reply.resp3(), reply.written());
    let answered = if count < 0 { many } else { many.min(hash.len()) };
    reply.array(if with_values && !nested { answered.saturating_mul(2) } else { answered });
    let mut add = |field: Item, value: Item| {
        if nested {
            reply.array(2);
        }
        reply.bulk(field.bytes(&mut [0; 20]));
        if with_values {
            reply.bulk(value.bytes(&mut [0; 20]));
        }
        reply.written() - start
    };
    if count < 0 {
        // Redis would go on until the process dies; nothing here may take unbounded memory.
        if many > most / SMALLEST_BULK {
            return Err(Fault::OutOfRange);
        }
        for _ in 0..many {
            let Some((field, value)) = hash.random(&mut rng) else { break };
            if add(field, value) > most {
                return Err(Fault::OutOfRange);
            }
        }
    } else {
        hash.random_distinct(many, &mut rng, &mut |field, value| {
            add(field, value);
        });
    }
    ctx.keys.space().rng = rng;
    Ok(Outcome::Done)
}

fn one_at_random(ctx: &mut Context, args: Args) -> Handled {
    ctx.keys.settle_hash(args.at(1));
    let mut rng = ctx.keys.space().rng.clone();
    match ctx.keys.read_hash(args.at(1))?.and_then(|hash| hash.random(&mut rng)) {
        Some((field, _)) => ctx.reply.bulk(field.bytes(&mut [0; 20])),
        None => ctx.reply.null(),
    }
    ctx.keys.space().rng = rng;
    Ok(Outcome::Done)
}

fn hscan(ctx: &mut Context, args: Args) -> Handled {
    let from = cursor(args.at(2))?;
    let Some(hash) = ctx.keys.read_hash(args.at(1))? else { return answer(&mut ctx.reply, 0, 0, b"") };
    let options = ScanOptions::read(args, 3, false, true)?;
    let (mut text, mut count) = (Vec::new(), 0);
    let mut found = Reply::new(&mut text, ctx.reply.resp3());
    let next = hash.scan(from, options.count, &mut |field, value| {
        if options.wants(field.bytes(&mut [0; 20])) {
            for item in [field, value].into_iter().take(if options.no_values { 1 } else { 2 }) {
                found.bulk(item.bytes(&mut [0; 20]));
                count += 1;
            }
        }
    });
    answer(&mut ctx.reply, next, count, &text)
}
