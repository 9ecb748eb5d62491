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
use crate::resp::Reply;
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
    dataset: usize,
    /// The share of the dataset in what is used beyond the start, in percent.
    dataset_share: f64,
    peak_share: f64,
}

/// How many of the one there are for one of the other.
fn ratio(a: usize, b: usize) -> f64 {
    a as f64 / b.max(1) as f64
}

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
    let usage = engine.memory_usage();
    let Usage { used, peak, .. } = usage.unwrap_or_default();
    let startup = engine.memory.startup;
    let overhead = startup + clients + tables.iter().map(|(_, bytes)| bytes).sum::<usize>();
    let dataset = used.saturating_sub(overhead);
    Figures {
        usage,
        keys,
        clients,
        tables,
        overhead,
        dataset,
        dataset_share: 100.0 * ratio(dataset, used.saturating_sub(startup)),
        peak_share: 100.0 * ratio(used, peak),
    }
}

/// The lines of INFO's section.
pub(in crate::engine) fn info(engine: &Engine, text: &mut Section) {
    let figures = figures(engine);
    let bytes = |text: &mut Section, name: &str, value: usize| {
        text.line(name, value);
        text.line(&format!("{name}_human"), human(value as u64));
    };
    if let Some(Usage { used, peak, heap, total, limit, .. }) = figures.usage {
        bytes(text, "used_memory", used);
        bytes(text, "used_memory_rss", total);
        bytes(text, "used_memory_peak", peak);
        text.line("used_memory_peak_perc", format!("{:.2}%", figures.peak_share));
        text.line("used_memory_overhead", figures.overhead);
        text.line("used_memory_startup", engine.memory.startup);
        text.line("used_memory_dataset", figures.dataset);
        text.line("used_memory_dataset_perc", format!("{:.2}%", figures.dataset_share));
        text.line("allocator_allocated", used);
        text.line("allocator_active", heap);
        text.line("allocator_resident", heap);
        bytes(text, "total_system_memory", limit);
        for (name, part, whole) in [
            ("allocator_frag", used, heap),
            ("allocator_rss", heap, heap),
            ("rss_overhead", heap, total),
            ("mem_fragmentation", used, total),
        ] {
            text.line(&format!("{name}_ratio"), format!("{:.2}", ratio(whole, part)));
            text.line(&format!("{name}_bytes"), whole - part.min(whole));
        }
    }
    bytes(text, "maxmemory", engine.memory.limit);
    let policy = engine.parameter("maxmemory-policy").unwrap_or_default();
    text.line("maxmemory_policy", String::from_utf8_lossy(&policy));
    text.line("mem_not_counted_for_evict", engine.not_counted());
    text.line("mem_clients_slaves", 0);
    text.line("mem_clients_normal", figures.clients);
    text.line("lazyfree_pending_objects", engine.keyspace.garbage_len());
}

/// Writes the pairs of a map and counts them.
struct Pairs<'a>(Reply<'a>, usize);

impl Pairs<'_> {
    fn count(&mut self, name: &str, value: usize) {
        self.0.bulk(name.as_bytes());
        self.0.count(value);
        self.1 += 1;
    }

    fn double(&mut self, name: &str, value: f64) {
        self.0.bulk(name.as_bytes());
        self.0.double(value);
        self.1 += 1;
    }
}

pub(super) fn stats(engine: &mut Engine, mut call: Call) -> Handled {
    let figures = figures(engine);
    let mut reply = call.reply();
    let mark = reply.defer();
    let mut pairs = Pairs(reply, 0);
    if let Some(usage) = figures.usage {
        pairs.count("peak.allocated", usage.peak);
        pairs.count("total.allocated", usage.used);
        pairs.count("startup.allocated", engine.memory.startup);
    }
    pairs.count("clients.normal", figures.clients);
    pairs.count("lazyfree.pending", engine.keyspace.garbage_len());
    for (db, bytes) in &figures.tables {
        pairs.0.bulk(format!("db.{db}").as_bytes());
        pairs.0.map(1);
        pairs.1 += 1;
        pairs.0.bulk(b"overhead.hashtable.main");
        pairs.0.count(*bytes);
    }
    pairs.count("overhead.total", figures.overhead);
    pairs.count("keys.count", figures.keys);
    if let Some(Usage { used, heap, total, .. }) = figures.usage {
        let of_keys = used.saturating_sub(engine.memory.startup);
        pairs.count("keys.bytes-per-key", of_keys.checked_div(figures.keys).unwrap_or(0));
        pairs.count("dataset.bytes", figures.dataset);
        pairs.double("dataset.percentage", figures.dataset_share);
        pairs.double("peak.percentage", figures.peak_share);
        pairs.count("allocator.allocated", used);
        pairs.count("allocator.active", heap);
        pairs.count("allocator.resident", heap);
        for (name, end, part, whole) in [
            ("allocator-fragmentation", ".ratio", used, heap),
            ("allocator-rss", ".ratio", heap, heap),
            ("rss-overhead", ".ratio", heap, total),
            ("fragmentation", "", used, total),
        ] {
            pairs.double(&format!("{name}{end}"), ratio(whole, part));
            pairs.count(&format!("{name}.bytes"), whole - part.min(whole));
        }
    }
    let Pairs(mut reply, count) = pairs;
    reply.fill_map(mark, count);
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
