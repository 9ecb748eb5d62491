//! What memory is used for: the same figures for INFO, MEMORY STATS and MEMORY DOCTOR, under Redis' names.
//!
//! `used_memory` is what the allocator holds, to the byte. The overhead is what there was at the start, what sessions hold and
//! the tables of keys; the rest is the dataset. Buffers of sessions count towards `maxmemory`, as in Redis, which leaves out only
//! those of replicas and of the append file: here that is what the host has not taken of the effects.

use super::{Call, Engine};
use crate::commands::{Handled, Outcome};
use crate::engine::info::{human, Section};
use crate::engine::Session;
use crate::memory::Usage;
use std::fmt::Write;

/// Figures of the whole engine, in bytes where they do not say otherwise.
struct Figures {
    /// The allocator's, where they are known.
    usage: Option<Usage>,
    /// How many keys there are.
    keys: usize,
    clients: usize,
    /// Bytes of the tables, by database, those without keys left out.
    tables: Vec<(usize, usize)>,
    overhead: usize,
}

/// How a figure is shown.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// A number.
    Plain,
    /// Bytes, in INFO once more as people read them.
    Bytes,
    Ratio,
    Percent,
}

/// A figure: its name in INFO and in MEMORY STATS, empty where that does not have it.
type Row = (&'static str, &'static str, Form, f64);

impl Session {
    /// Bytes that the session holds: itself, input that was not run, output that was not taken, commands that are queued or
    /// wait.
    pub(crate) fn bytes(&self) -> usize {
        let waiting = self.blocked.as_ref().map_or(0, |blocked| blocked.args.size());
        let queued = self.transaction.as_ref().map_or(0, |transaction| transaction.size());
        size_of::<Session>() + self.pending.capacity() + self.out.capacity() + waiting + queued
    }
}

fn figures(engine: &Engine) -> Figures {
    let databases = (0..engine.keyspace.databases()).map(|db| (db, engine.keyspace.database(db)));
    let held = databases.filter(|(_, database)| !database.is_empty());
    let keys = held.clone().map(|(_, database)| database.len()).sum();
    let tables: Vec<_> = held.map(|(db, database)| (db, database.table_bytes())).collect();
    let clients: usize = engine.sessions().map(|(_, session)| session.bytes()).sum();
    let overhead = engine.memory.startup + clients + tables.iter().map(|(_, bytes)| bytes).sum::<usize>();
    Figures { usage: engine.memory_usage(), keys, clients, tables, overhead }
}

/// All figures in INFO's order. Those of the allocator are left out where they are not known.
fn rows(engine: &Engine, figures: &Figures) -> Vec<Row> {
    use Form::*;
    let number = |value: usize| value as f64;
    let mut rows: Vec<Row> = Vec::new();
    if let Some(Usage { used, peak, heap, total, limit, .. }) = figures.usage {
        let [used, peak, heap, total, limit] = [used, peak, heap, total, limit].map(number);
        let [startup, overhead] = [engine.memory.startup, figures.overhead].map(number);
        let dataset = (used - overhead).max(0.0);
        rows.extend([
            ("used_memory", "total.allocated", Bytes, used),
            ("used_memory_rss", "", Bytes, total),
            ("used_memory_peak", "peak.allocated", Bytes, peak),
            ("used_memory_peak_perc", "peak.percentage", Percent, 100.0 * used / peak.max(1.0)),
            ("used_memory_overhead", "", Plain, overhead),
            ("used_memory_startup", "startup.allocated", Plain, startup),
            ("used_memory_dataset", "dataset.bytes", Plain, dataset),
            ("used_memory_dataset_perc", "dataset.percentage", Percent, 100.0 * dataset / (used - startup).max(1.0)),
            ("", "keys.bytes-per-key", Plain, ((used - startup) / number(figures.keys.max(1))).max(0.0).floor()),
            ("allocator_allocated", "allocator.allocated", Plain, used),
            ("allocator_active", "allocator.active", Plain, heap),
            ("allocator_resident", "allocator.resident", Plain, heap),
            ("total_system_memory", "", Bytes, limit),
            ("allocator_frag_ratio", "allocator-fragmentation.ratio", Ratio, heap / used),
            ("allocator_frag_bytes", "allocator-fragmentation.bytes", Plain, heap - used),
            ("rss_overhead_ratio", "rss-overhead.ratio", Ratio, total / heap),
            ("rss_overhead_bytes", "rss-overhead.bytes", Plain, total - heap),
            ("mem_fragmentation_ratio", "fragmentation", Ratio, total / used),
            ("mem_fragmentation_bytes", "fragmentation.bytes", Plain, total - used),
        ]);
    }
    rows.extend([
        ("maxmemory", "", Bytes, number(engine.memory.limit)),
        ("mem_not_counted_for_evict", "", Plain, number(engine.not_counted())),
        ("mem_clients_slaves", "clients.slaves", Plain, 0.0),
        ("mem_clients_normal", "clients.normal", Plain, number(figures.clients)),
        ("lazyfree_pending_objects", "lazyfree.pending", Plain, number(engine.keyspace.garbage_len())),
        ("", "overhead.total", Plain, number(figures.overhead)),
        ("", "keys.count", Plain, number(figures.keys)),
    ]);
    rows
}

/// The lines of INFO's section.
pub(in crate::engine) fn info(engine: &Engine, text: &mut Section) {
    for (name, _, form, value) in rows(engine, &figures(engine)) {
        match form {
            _ if name.is_empty() => {}
            Form::Ratio => text.line(name, format_args!("{value:.2}")),
            Form::Percent => text.line(name, format_args!("{value:.2}%")),
            _ => text.line(name, value as u64),
        }
        if form == Form::Bytes {
            text.line(&format!("{name}_human"), human(value as u64));
        }
    }
    let policy = engine.parameter("maxmemory-policy").unwrap_or_default();
    text.line("maxmemory_policy", String::from_utf8_lossy(&policy));
}

pub(super) fn stats(engine: &mut Engine, mut call: Call) -> Handled {
    let figures = figures(engine);
    let rows = rows(engine, &figures);
    let mut reply = call.reply();
    reply.map(rows.iter().filter(|(_, name, ..)| !name.is_empty()).count() + figures.tables.len());
    for (db, bytes) in figures.tables {
        reply.bulk(format!("db.{db}").as_bytes());
        reply.map(1);
        reply.bulk(b"overhead.hashtable.main");
        reply.count(bytes);
    }
    for (_, name, form, value) in rows.into_iter().filter(|(_, name, ..)| !name.is_empty()) {
        reply.bulk(name.as_bytes());
        match form {
            Form::Ratio | Form::Percent => reply.double(value),
            _ => reply.int(value as i64),
        }
    }
    Ok(Outcome::Done)
}

pub(super) fn doctor(engine: &mut Engine, mut call: Call) -> Handled {
    let figures = figures(engine);
    let mut text = String::new();
    if let Some(Usage { used, peak, total, limit, exhausted, .. }) = figures.usage {
        if peak as f64 > used as f64 * 1.5 && peak > 5 << 20 {
            let _ = writeln!(
                text,
                "- At its peak the engine used {peak} bytes, now {used}. What WebAssembly has taken from its host it keeps: a \
                 new instance would take less."
            );
        } else if total as f64 > used as f64 * 1.4 && total > 10 << 20 {
            let _ =
                writeln!(text, "- Memory is {total} bytes, of which {used} are in use: the rest lies free in pieces.");
        }
        let limit = if engine.memory.limit > 0 { engine.memory.limit.min(limit) } else { limit };
        if exhausted {
            let _ = writeln!(text, "- Memory is at its end: nothing may grow until something is deleted.");
        } else if used as f64 > limit as f64 * 0.9 {
            let _ = writeln!(text, "- {used} of {limit} bytes are in use.");
        }
    }
    let clients = figures.clients;
    let tables: usize = figures.tables.iter().map(|(_, bytes)| bytes).sum();
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
            "Nothing stands out: {} keys, {tables} bytes of tables, {clients} bytes of connections.",
            figures.keys
        );
    }
    call.reply().verbatim("txt", text.as_bytes());
    Ok(Outcome::Done)
}
