//! MEMORY: what keys and the engine itself occupy. Sizes come from the structures, which know what they hold, and count
//! what the allocator adds; they are those of the machine the engine runs on, so pointers count four bytes in
//! WebAssembly. What is in use in all only the host knows ([`Engine::set_memory`]).

use super::{Call, Engine, PowerHandler, Session};
use crate::bytes::number::parse_i64;
use crate::commands::{Handled, Outcome};
use crate::keyspace::{Database, Entry, Str, Value};
use crate::resp::{Fault, Reply};
use std::fmt::Write;
use std::mem::size_of;

crate::commands! {
    /// The MEMORY commands.
    pub static TABLE: PowerHandler, group "server";

    /// Tells what memory is used for.
    "memory" {
        since "4.0.0", cost "Depends on the subcommand", flags [],
        args "",
        reply "container",
    }
    /// Answers a report on memory, for people.
    "memory|doctor" {
        since "4.0.0", cost "O(1)", flags [],
        args "",
        reply "bytes",
        tips "nondeterministic_output request_policy:all_shards response_policy:special",
        run doctor,
    }
    /// Explains the subcommands.
    "memory|help" {
        since "4.0.0", cost "O(1)", flags [LOADING STALE],
        args "",
        reply "[simple]",
        run super::help,
    }
    /// Answers the allocator's own figures: it keeps none.
    "memory|malloc-stats" {
        since "4.0.0", cost "O(1)", flags [],
        args "",
        reply "bytes",
        tips "nondeterministic_output request_policy:all_shards response_policy:special",
        run malloc_stats,
    }
    /// Frees all that waits to be freed in slices.
    "memory|purge" {
        since "4.0.0", cost "O(N) where N is the number of items that wait to be freed", flags [],
        args "",
        reply "ok",
        tips "request_policy:all_shards response_policy:all_succeeded",
        run purge,
    }
    /// Answers what memory is used for, in bytes and shares.
    "memory|stats" {
        since "4.0.0", cost "O(N) where N is the number of connections and databases", flags [],
        args "",
        reply "{any}",
        tips "nondeterministic_output request_policy:all_shards response_policy:special",
        run stats,
    }
    /// Answers how many bytes a key and its value occupy.
    "memory|usage" {
        since "4.0.0", cost "O(N) where N is the number of samples", flags [READONLY],
        args "key@RO [SAMPLES count:int]",
        reply "int?",
        run usage,
    }
}

/// Elements that are looked at where the whole is not known.
const SAMPLES: usize = 5;

/// Bytes that an allocation of `bytes` takes: a word of the allocator's own, rounded up to two words, four at least.
/// So it is with dlmalloc, which WebAssembly has.
fn allocated(bytes: usize) -> usize {
    const WORD: usize = size_of::<usize>();
    match bytes {
        0 => 0,
        _ => (bytes + WORD).next_multiple_of(2 * WORD).max(4 * WORD),
    }
}

/// What `count` allocations take beyond their bytes, on average.
fn overhead(count: usize) -> usize {
    count * (2 * size_of::<usize>() - 1)
}

/// Bytes on the heap that belong to a value.
fn value_bytes(value: &Value, samples: usize) -> usize {
    match value {
        Value::Str(Str::Int(_)) => 0,
        Value::Str(Str::Fixed(bytes)) => allocated(bytes.len()),
        Value::Str(Str::Growing(bytes)) => allocated(bytes.capacity()),
        Value::List(list) => boxed(&**list, list.heap_bytes(), 0),
        Value::Hash(hash) => boxed(&**hash, hash.heap_bytes(), single(value)),
        Value::Set(set) => boxed(&**set, set.heap_bytes(samples), single(value)),
        Value::SortedSet(set) => boxed(&**set, set.heap_bytes(), 0),
        Value::Stream(stream) => boxed(&**stream, stream.heap_bytes(), 0),
    }
}

/// How many elements have an allocation of their own.
fn single(value: &Value) -> usize {
    if value.encoding() == "hashtable" {
        value.len()
    } else {
        0
    }
}

fn boxed<T>(_: &T, heap: usize, single: usize) -> usize {
    let heap = if single == 0 { allocated(heap) } else { heap + overhead(single) };
    allocated(size_of::<T>()) + heap
}

/// Bytes that an entry takes, its place in the table excluded.
fn entry_bytes(entry: &Entry, samples: usize) -> usize {
    allocated(entry.key().len()) + value_bytes(entry.value(), samples)
}

fn usage(engine: &mut Engine, mut call: Call) -> Handled {
    let args = call.args;
    let mut samples = SAMPLES;
    let mut at = 3;
    while at < args.len() {
        if !args.is(at, "samples") || at + 1 == args.len() {
            return Err(Fault::Syntax);
        }
        let count = parse_i64(args.at(at + 1)).ok_or(Fault::NotInteger)?;
        samples = usize::try_from(count).map_err(|_| Fault::Syntax)?;
        at += 2;
    }
    let db = engine.caller(&call).db;
    let place = engine.keyspace.entry_share(db, args.at(2));
    let bytes = engine.keyspace.keys(db).peek(args.at(2)).map(|entry| place + entry_bytes(entry, samples));
    match bytes {
        Some(bytes) => call.reply().count(bytes),
        None => call.reply().null(),
    }
    Ok(Outcome::Done)
}

/// Figures of the whole engine.
struct Figures {
    keys: usize,
    clients: usize,
    /// Bytes of the tables, by database, those without keys left out.
    tables: Vec<(usize, usize)>,
}

fn figures(engine: &Engine) -> Figures {
    let databases = (0..engine.keyspace.databases()).map(|db| (db, engine.keyspace.database(db)));
    let client = |session: &Session| size_of::<Session>() + session.pending.capacity() + session.out.capacity();
    Figures {
        keys: databases.clone().map(|(_, database)| database.len()).sum(),
        clients: engine.sessions().map(|(_, session)| client(session)).sum(),
        tables: databases
            .filter(|(_, database)| !database.is_empty())
            .map(|(db, database): (usize, &Database)| (db, database.table_bytes()))
            .collect(),
    }
}

fn stats(engine: &mut Engine, mut call: Call) -> Handled {
    let Figures { keys, clients, tables } = figures(engine);
    let memory = engine.memory;
    let overhead: usize = clients + tables.iter().map(|(_, bytes)| bytes).sum::<usize>();
    let mut reply = call.reply();
    let mark = reply.defer();
    let mut fields = 0;
    let mut int = |reply: &mut Reply, name: &str, value: usize| {
        reply.bulk(name.as_bytes());
        reply.count(value);
        fields += 1;
    };
    if let Some(memory) = memory {
        int(&mut reply, "peak.allocated", memory.peak as usize);
        int(&mut reply, "total.allocated", memory.used as usize);
    }
    int(&mut reply, "clients.normal", clients);
    int(&mut reply, "lazyfree.pending", engine.keyspace.garbage_len());
    let nested = tables.len();
    for (db, bytes) in &tables {
        reply.bulk(format!("db.{db}").as_bytes());
        reply.map(1);
        reply.bulk(b"overhead.hashtable.main");
        reply.count(*bytes);
    }
    int(&mut reply, "overhead.total", overhead);
    int(&mut reply, "keys.count", keys);
    if let Some(memory) = memory {
        let dataset = (memory.used as usize).saturating_sub(overhead);
        int(&mut reply, "keys.bytes-per-key", dataset.checked_div(keys).unwrap_or(0));
        int(&mut reply, "dataset.bytes", dataset);
    }
    let mut pairs = fields + nested;
    if let Some(memory) = memory {
        let used = memory.used.max(1) as f64;
        for (name, share) in [
            ("dataset.percentage", (memory.used as usize).saturating_sub(overhead) as f64 * 100.0 / used),
            ("peak.percentage", memory.used as f64 * 100.0 / memory.peak.max(1) as f64),
        ] {
            reply.bulk(name.as_bytes());
            reply.double(share);
            pairs += 1;
        }
    }
    reply.fill_map(mark, pairs);
    Ok(Outcome::Done)
}

fn doctor(engine: &mut Engine, mut call: Call) -> Handled {
    let Figures { keys, clients, tables } = figures(engine);
    let mut text = String::new();
    if let Some(memory) = engine.memory {
        if memory.peak as f64 > memory.used as f64 * 1.5 {
            let _ = writeln!(
                text,
                "- At its peak the engine used {} bytes, now {}. What WebAssembly has taken from its host it keeps: a new \
                 instance would take less.",
                memory.peak, memory.used
            );
        }
        if memory.limit > 0 && memory.used as f64 > memory.limit as f64 * 0.9 {
            let _ = writeln!(text, "- {} of {} bytes are in use.", memory.used, memory.limit);
        }
    }
    let tables: usize = tables.iter().map(|(_, bytes)| bytes).sum();
    if clients > (1 << 20) && clients > tables {
        let _ = writeln!(text, "- Connections hold {clients} bytes of input and output that was not worked off.");
    }
    let waiting = engine.keyspace.garbage_len();
    if waiting > 100_000 {
        let _ = writeln!(text, "- {waiting} items wait to be freed. MEMORY PURGE frees them at once.");
    }
    if text.is_empty() {
        let _ = writeln!(
            text,
            "Nothing stands out: {keys} keys, {tables} bytes of tables, {clients} bytes of connections."
        );
    }
    call.reply().verbatim("txt", text.as_bytes());
    Ok(Outcome::Done)
}

fn malloc_stats(_: &mut Engine, mut call: Call) -> Handled {
    call.reply().bulk(b"Stats not supported for the current allocator");
    Ok(Outcome::Done)
}

/// Items freed between two looks at whether any are left.
const SLICE: usize = 100_000;

fn purge(engine: &mut Engine, mut call: Call) -> Handled {
    while engine.keyspace.free_some(SLICE) {}
    call.reply().ok();
    Ok(Outcome::Done)
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
