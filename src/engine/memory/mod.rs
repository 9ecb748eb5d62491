//! MEMORY: what keys and the engine itself occupy. Sizes come from the structures, which know what they hold, and count
//! what the allocator adds; they are those of the machine the engine runs on, so pointers count four bytes in
//! WebAssembly. What is in use in all only the allocator knows ([`Engine::set_memory_source`]).

mod figures;
mod limit;

pub(super) use figures::info;
pub(super) use limit::Memory;

use super::{Call, Engine, PowerHandler};
use crate::bytes::number::parse_i64;
use crate::commands::{Handled, Outcome};
use crate::keyspace::{Entry, ValueRef};
use crate::resp::Fault;
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
        run figures::doctor,
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
        run figures::stats,
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

/// What `count` allocations take beyond their bytes, of which the allocator rounds none.
fn overhead(count: usize) -> usize {
    count * size_of::<usize>()
}

/// Bytes on the heap that belong to an entry's value and are not in the entry's block.
fn value_bytes(entry: &Entry, samples: usize) -> usize {
    let value = entry.value();
    match value {
        ValueRef::Str(_) => entry.buffer().map_or(0, |bytes| boxed(bytes, bytes.capacity())),
        ValueRef::List(list) => allocated(list.heap_bytes()),
        ValueRef::Hash(hash) => counted(hash.heap_bytes(), single(value)),
        ValueRef::Set(set) => counted(set.heap_bytes(samples), single(value)),
        ValueRef::SortedSet(set) => allocated(set.heap_bytes()),
        ValueRef::Stream(stream) => boxed(stream, stream.heap_bytes()),
    }
}

/// How many elements have an allocation of their own.
fn single(value: ValueRef) -> usize {
    if value.encoding() == "hashtable" {
        value.len()
    } else {
        0
    }
}

/// Bytes of one allocation, or, where there are several, with what they take beyond.
fn counted(heap: usize, single: usize) -> usize {
    if single == 0 {
        allocated(heap)
    } else {
        heap + overhead(single)
    }
}

fn boxed<T>(_: &T, heap: usize) -> usize {
    allocated(size_of::<T>()) + allocated(heap)
}

/// Bytes that an entry takes, its place in the table excluded.
fn entry_bytes(entry: &Entry, samples: usize) -> usize {
    allocated(entry.block_bytes()) + value_bytes(entry, samples)
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
mod tests;
