//! Keys of any type: existence, names, databases, expiry, iteration.

mod expiry;
mod object;
#[cfg(test)]
mod tests;
mod walk;

use super::{database, Context, DataHandler, Handled, Outcome};
use crate::bytes::number::parse_i64;
use crate::keyspace::{Class, Entry, Keys};
use crate::resp::{Args, Fault};
use expiry::{expire, expireat, expiretime, persist, pexpire, pexpireat, pexpiretime, pttl, ttl};
use object::{object_encoding, object_freq, object_help, object_idletime, object_refcount};
use walk::{keys, randomkey, scan};

crate::commands! {
    /// The commands on keys of any type.
    pub static TABLE: DataHandler, group "generic";

    /// Deletes keys.
    "del" {
        since "1.0.0", cost "O(N) for N keys; the memory of large values is given back in slices", flags [WRITE],
        args "key@RM.delete...",
        reply "int",
        tips "request_policy:multi_shard response_policy:agg_sum",
        run del,
    }
    /// Deletes keys and gives their memory back later.
    "unlink" {
        since "4.0.0", cost "O(N) for N keys; memory is given back in slices", flags [WRITE FAST],
        args "key@RM.delete...",
        reply "int",
        tips "request_policy:multi_shard response_policy:agg_sum",
        run del,
    }
    /// Counts how many of the named keys exist; a key named twice counts twice.
    "exists" {
        since "1.0.0", cost "O(N) for N keys", flags [READONLY FAST],
        args "key@RO...",
        reply "int",
        tips "request_policy:multi_shard response_policy:agg_sum",
        run exists,
    }
    /// Marks keys as used now and counts those that exist.
    "touch" {
        since "3.2.1", cost "O(N) for N keys", flags [READONLY FAST],
        args "key@RO...",
        reply "int",
        tips "request_policy:multi_shard response_policy:agg_sum",
        run touch,
    }
    /// Answers the type of the value that a key holds.
    "type" {
        since "1.0.0", cost "O(1)", flags [READONLY FAST],
        args "key@RO",
        reply "simple",
        run type_of,
    }
    /// Renames a key and replaces what the new name held.
    "rename" {
        since "1.0.0", cost "O(1)", flags [WRITE],
        args "key@RW.access.delete newkey@OW.update",
        reply "ok",
        run rename,
    }
    /// Renames a key if the new name is free.
    "renamenx" {
        since "1.0.0", cost "O(1)", flags [WRITE FAST],
        args "key@RW.access.delete newkey@OW.insert",
        reply "int",
        run renamenx,
    }
    /// Copies a key's value and expiry to another key.
    "copy" {
        since "6.2.0", cost "O(N) for N elements, O(1) for a string", flags [WRITE DENYOOM],
        args "source@RO.access destination@OW.update [DB destination-db:int] [REPLACE]",
        reply "int",
        run copy,
    }
    /// Moves a key to another database.
    "move" {
        since "1.0.0", cost "O(1)", flags [WRITE FAST],
        args "key@RW.access.update db:int",
        reply "int",
        run move_key,
    }
    /// Exchanges two databases.
    "swapdb" {
        since "4.0.0", cost "O(N) for N watched or waited-for keys", flags [WRITE FAST],
        args "index1:int index2:int",
        reply "ok",
        also "keyspace dangerous",
        group "server",
        run swapdb,
    }
    /// Counts the keys of the database.
    "dbsize" {
        since "1.0.0", cost "O(1)", flags [READONLY FAST],
        args "",
        reply "int",
        tips "request_policy:all_shards response_policy:agg_sum",
        also "keyspace",
        group "server",
        run dbsize,
    }
    /// Deletes all keys of the database.
    "flushdb" {
        since "1.0.0", cost "O(N) for N keys in the database", flags [WRITE],
        args "[flush-type=(ASYNC | SYNC)]",
        reply "ok",
        tips "request_policy:all_shards response_policy:all_succeeded",
        also "keyspace dangerous",
        group "server",
        run flushdb,
    }
    /// Deletes all keys of all databases.
    "flushall" {
        since "1.0.0", cost "O(N) for N keys in all databases", flags [WRITE],
        args "[flush-type=(ASYNC | SYNC)]",
        reply "ok",
        tips "request_policy:all_shards response_policy:all_succeeded",
        also "keyspace dangerous",
        group "server",
        run flushall,
    }
    /// Answers the names of all keys that match a pattern.
    "keys" {
        since "1.0.0", cost "O(N) for N keys in the database", flags [READONLY],
        args "pattern:pattern",
        reply "[bytes]",
        tips "request_policy:all_shards nondeterministic_output_order",
        also "dangerous",
        run keys,
    }
    /// Iterates over the names of the database's keys.
    "scan" {
        since "2.8.0", cost "O(1) for each call, O(N) for a whole iteration over N keys", flags [READONLY],
        args "cursor:int [MATCH pattern:pattern] [COUNT count:int] [TYPE type]",
        reply "[bytes [bytes]]",
        tips "nondeterministic_output request_policy:special response_policy:special",
        run scan,
    }
    /// Answers the name of a key chosen at random.
    "randomkey" {
        since "1.0.0", cost "O(1)", flags [READONLY],
        args "",
        reply "bytes?",
        tips "request_policy:all_shards response_policy:special nondeterministic_output",
        run randomkey,
    }
    /// Lets a key expire after so many seconds.
    "expire" {
        since "1.0.0", cost "O(1)", flags [WRITE FAST],
        args "key@RW.update seconds:int [condition=(NX | XX | GT | LT)]",
        reply "int",
        run expire,
    }
    /// Lets a key expire after so many milliseconds.
    "pexpire" {
        since "2.6.0", cost "O(1)", flags [WRITE FAST],
        args "key@RW.update milliseconds:int [condition=(NX | XX | GT | LT)]",
        reply "int",
        run pexpire,
    }
    /// Lets a key expire at an instant in seconds since 1970.
    "expireat" {
        since "1.2.0", cost "O(1)", flags [WRITE FAST],
        args "key@RW.update unix-time-seconds:time [condition=(NX | XX | GT | LT)]",
        reply "int",
        run expireat,
    }
    /// Lets a key expire at an instant in milliseconds since 1970.
    "pexpireat" {
        since "2.6.0", cost "O(1)", flags [WRITE FAST],
        args "key@RW.update unix-time-milliseconds:time [condition=(NX | XX | GT | LT)]",
        reply "int",
        run pexpireat,
    }
    /// Answers in how many seconds a key expires; -1 for never, -2 for no such key.
    "ttl" {
        since "1.0.0", cost "O(1)", flags [READONLY FAST],
        args "key@RO.access",
        reply "int",
        tips "nondeterministic_output",
        run ttl,
    }
    /// Answers in how many milliseconds a key expires; -1 for never, -2 for no such key.
    "pttl" {
        since "2.6.0", cost "O(1)", flags [READONLY FAST],
        args "key@RO.access",
        reply "int",
        tips "nondeterministic_output",
        run pttl,
    }
    /// Answers when a key expires, in seconds since 1970; -1 for never, -2 for no such key.
    "expiretime" {
        since "7.0.0", cost "O(1)", flags [READONLY FAST],
        args "key@RO.access",
        reply "int",
        run expiretime,
    }
    /// Answers when a key expires, in milliseconds since 1970; -1 for never, -2 for no such key.
    "pexpiretime" {
        since "7.0.0", cost "O(1)", flags [READONLY FAST],
        args "key@RO.access",
        reply "int",
        run pexpiretime,
    }
    /// Takes the expiry off a key.
    "persist" {
        since "2.2.0", cost "O(1)", flags [WRITE FAST],
        args "key@RW.update",
        reply "int",
        run persist,
    }
    /// Looks inside the values of keys.
    "object" {
        since "2.2.3", cost "Depends on the subcommand", flags [],
        args "",
        reply "container",
    }
    /// Answers how a key's value is represented in memory.
    "object|encoding" {
        since "2.2.3", cost "O(1)", flags [READONLY],
        args "key@RO",
        reply "bytes?",
        tips "nondeterministic_output",
        run object_encoding,
    }
    /// Answers how often a key is used, on a logarithmic scale, under an LFU policy.
    "object|freq" {
        since "4.0.0", cost "O(1)", flags [READONLY],
        args "key@RO",
        reply "int?",
        tips "nondeterministic_output",
        run object_freq,
    }
    /// Lists what OBJECT can tell.
    "object|help" {
        since "6.2.0", cost "O(1)", flags [LOADING STALE],
        args "",
        reply "[simple]",
        run object_help,
    }
    /// Answers for how many seconds a key has not been used.
    "object|idletime" {
        since "2.2.3", cost "O(1)", flags [READONLY],
        args "key@RO",
        reply "int?",
        tips "nondeterministic_output",
        run object_idletime,
    }
    /// Answers how many references to a key's value there are.
    "object|refcount" {
        since "2.2.3", cost "O(1)", flags [READONLY],
        args "key@RO",
        reply "int?",
        tips "nondeterministic_output",
        run object_refcount,
    }
}

const SAME: Fault = Fault::Text("ERR source and destination objects are the same");

/// Tells watchers, waiters and listeners of a second key that the same change wrote.
fn also_written(keys: &mut Keys, key: &[u8], event: &'static str) {
    let db = keys.db();
    keys.space().changes.touch(db, key);
    keys.notify(key, Class::GENERIC, event);
}

/// Reads a database number as Redis' `int`: what does not fit 32 bits is told apart from what is no number.
fn database_number(text: &[u8], databases: usize) -> Result<usize, Fault> {
    match parse_i64(text) {
        Some(number) if i32::try_from(number).is_err() => {
            Err(Fault::Text("ERR value is out of range, value must between -2147483648 and 2147483647"))
        }
        _ => database(text, databases),
    }
}

fn del(ctx: &mut Context, args: Args) -> Handled {
    let deleted = args.iter_from(1).filter(|key| ctx.keys.delete(key)).count();
    ctx.reply.count(deleted);
    Ok(Outcome::Done)
}

fn exists(ctx: &mut Context, args: Args) -> Handled {
    let found = args.iter_from(1).filter(|key| ctx.keys.look(key).is_some()).count();
    ctx.reply.count(found);
    Ok(Outcome::Done)
}

fn touch(ctx: &mut Context, args: Args) -> Handled {
    let found = args.iter_from(1).filter(|key| ctx.keys.read(key).is_some()).count();
    ctx.reply.count(found);
    Ok(Outcome::Done)
}

fn type_of(ctx: &mut Context, args: Args) -> Handled {
    let name = ctx.keys.look(args.at(1)).map_or("none", |entry| entry.value().type_name());
    ctx.reply.simple(name);
    Ok(Outcome::Done)
}

fn rename(ctx: &mut Context, args: Args) -> Handled {
    if rename_key(ctx, args, true)? {
        ctx.reply.ok();
    }
    Ok(Outcome::Done)
}

fn renamenx(ctx: &mut Context, args: Args) -> Handled {
    let renamed = rename_key(ctx, args, false)?;
    ctx.reply.flag(renamed && args.at(1) != args.at(2));
    Ok(Outcome::Done)
}

/// Whether the key has its new name now.
fn rename_key(ctx: &mut Context, args: Args, replace: bool) -> Result<bool, Fault> {
    let (key, new) = (args.at(1), args.at(2));
    if !ctx.keys.exists(key) {
        return Err(Fault::NoSuchKey);
    }
    if key == new {
        return Ok(true);
    }
    if !replace && ctx.keys.exists(new) {
        return Ok(false);
    }
    // To be renamed is to be used.
    ctx.keys.write(key);
    let access = ctx.keys.access(key);
    if let Some((value, expiry)) = ctx.keys.take(key) {
        ctx.keys.put(new, value);
        ctx.keys.set_expiry(new, expiry);
        ctx.keys.set_access(new, access);
        ctx.keys.modified(key, Class::GENERIC, "rename_from");
        also_written(&mut ctx.keys, new, "rename_to");
    }
    Ok(true)
}

fn copy(ctx: &mut Context, args: Args) -> Handled {
    let (source, destination) = (args.at(1), args.at(2));
    let (mut db, mut replace) = (ctx.keys.db(), false);
    let mut options = super::Options::new(args, 3);
    while options.left() > 0 {
        if options.take("replace") {
            replace = true;
        } else if options.left() >= 2 && options.take("db") {
            db = database_number(options.value()?, ctx.databases)?;
        } else {
            return Err(Fault::Syntax);
        }
    }
    if db == ctx.keys.db() && source == destination {
        return Err(SAME);
    }
    let copied = if ctx.keys.read(source).is_none() || (ctx.keys.other(db).exists(destination) && !replace) {
        false
    } else {
        let expiry = ctx.keys.expiry(source).flatten();
        let value = ctx.keys.peek(source).map(Entry::to_value);
        value.is_some_and(|value| {
            let mut keys = ctx.keys.other(db);
            keys.put(destination, value);
            keys.set_expiry(destination, expiry);
            keys.modified(destination, Class::GENERIC, "copy_to");
            true
        })
    };
    ctx.reply.flag(copied);
    Ok(Outcome::Done)
}

fn move_key(ctx: &mut Context, args: Args) -> Handled {
    let key = args.at(1);
    let db = database_number(args.at(2), ctx.databases)?;
    if db == ctx.keys.db() {
        return Err(SAME);
    }
    let free = ctx.keys.write(key).is_some() && !ctx.keys.other(db).exists(key);
    let access = ctx.keys.access(key);
    let taken = if free { ctx.keys.take(key) } else { None };
    ctx.reply.flag(taken.is_some());
    if let Some((value, expiry)) = taken {
        let mut keys = ctx.keys.other(db);
        keys.put(key, value);
        keys.set_expiry(key, expiry);
        keys.set_access(key, access);
        ctx.keys.modified(key, Class::GENERIC, "move_from");
        also_written(&mut ctx.keys.other(db), key, "move_to");
    }
    Ok(Outcome::Done)
}

fn swapdb(ctx: &mut Context, args: Args) -> Handled {
    let number = |at: usize, fault| match parse_i64(args.at(at)) {
        Some(number) if i32::try_from(number).is_ok() => Ok(number),
        _ => Err(fault),
    };
    let first = number(1, Fault::Text("ERR invalid first DB index"))?;
    let second = number(2, Fault::Text("ERR invalid second DB index"))?;
    let inside = |number: i64| usize::try_from(number).ok().filter(|&index| index < ctx.databases);
    let (Some(first), Some(second)) = (inside(first), inside(second)) else { return Err(Fault::DbIndex) };
    ctx.keys.space().swap(first, second);
    ctx.reply.ok();
    Ok(Outcome::Done)
}

fn dbsize(ctx: &mut Context, _args: Args) -> Handled {
    let db = ctx.keys.db();
    let count = ctx.keys.space().database(db).len();
    ctx.reply.count(count);
    Ok(Outcome::Done)
}

/// Whether a flush is to free memory later.
fn flush_lazily(ctx: &mut Context, args: Args) -> Result<bool, Fault> {
    match args.len() {
        1 => Ok(ctx.keys.space().limits.lazy_flush),
        2 if args.is(1, "sync") => Ok(false),
        2 if args.is(1, "async") => Ok(true),
        _ => Err(Fault::Syntax),
    }
}

fn flushdb(ctx: &mut Context, args: Args) -> Handled {
    let (lazily, db) = (flush_lazily(ctx, args)?, ctx.keys.db());
    ctx.keys.space().flush(db, lazily);
    ctx.reply.ok();
    Ok(Outcome::Done)
}

fn flushall(ctx: &mut Context, args: Args) -> Handled {
    let lazily = flush_lazily(ctx, args)?;
    for db in 0..ctx.databases {
        ctx.keys.space().flush(db, lazily);
    }
    ctx.reply.ok();
    Ok(Outcome::Done)
}
