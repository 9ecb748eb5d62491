//! MEMORY: what keys and the engine itself occupy; and what holds the engine to the memory that there is. What keys take their
//! structures know, what is in use in all only the allocator does ([`Engine::set_memory_source`]).

mod figures;
mod limit;
mod room;

pub(super) use figures::info;
pub(super) use limit::Memory;
pub(super) use room::Needs;

use super::{Call, Engine, PowerHandler};
use crate::bytes::number::parse_i64;
use crate::commands::{Handled, Outcome};
use crate::resp::Fault;

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

/// Elements that are looked at where the whole is not known: so many that chance makes no difference of a tenth. Redis looks at five.
const SAMPLES: usize = 32;

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
    let bytes = engine.keyspace.keys(db).peek(args.at(2)).map(|entry| place + entry.footprint(samples));
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
