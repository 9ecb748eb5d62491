//! INFO: figures in Redis' sections and under Redis' names. Only what is known is there: an engine without a process
//! has no pid, and one that is lent no stopwatch cannot say how long a command took.

use super::{Call, Engine, Session, REDIS_VERSION};
use crate::bytes::{hash_bytes, Rng};
use crate::commands::{Handled, Outcome};
use crate::persist::Reason;
use crate::structures::ordered::OrderedMap;
use std::fmt::{Display, Write};

/// What happened to one command.
#[derive(Clone, Copy, Debug, Default)]
pub struct CommandStats {
    /// How often it ran.
    pub calls: u64,
    /// How often a gate stopped it.
    pub rejected: u64,
    /// How often it answered with an error.
    pub failed: u64,
    /// How long it took in all, in microseconds, as far as it was timed: see [`Engine::set_stopwatch`].
    pub micros: u64,
}

/// Most kinds of errors that are counted: the first words come from clients when commands like DEBUG ERROR run.
const MAX_ERROR_KINDS: usize = 128;

/// Most entries that the average time to live is taken from.
const SAMPLE: usize = 1000;

/// Name, title, whether it is shown when none is named, and what writes it.
type Described = (&'static str, &'static str, bool, fn(&Engine, &mut Section));

/// The sections in the order in which they are shown.
const SECTIONS: &[Described] = &[
    ("server", "Server", true, server),
    ("clients", "Clients", true, clients),
    ("memory", "Memory", true, super::memory::info),
    ("persistence", "Persistence", true, persistence),
    ("stats", "Stats", true, stats),
    ("replication", "Replication", true, replication),
    ("commandstats", "Commandstats", false, commandstats),
    ("errorstats", "Errorstats", true, errorstats),
    ("cluster", "Cluster", true, cluster),
    ("keyspace", "Keyspace", true, keyspace),
];

/// The lines of one section.
pub(super) struct Section(String);

impl Section {
    pub(super) fn line(&mut self, name: &str, value: impl Display) {
        let _ = write!(self.0, "{name}:{value}\r\n");
    }
}

impl Engine {
    /// What happened to a command so far, by its index in the table.
    pub fn command_stats(&self, index: usize) -> CommandStats {
        self.command_stats.get(index).copied().unwrap_or_default()
    }

    /// How often each kind of error was answered, by its first word.
    pub fn error_stats(&self) -> &OrderedMap<String, u64> {
        &self.error_stats
    }

    /// Counts an error that is answered.
    pub(crate) fn count_error(&mut self, kind: String) {
        self.stats.errors += 1;
        if self.error_stats.len() < MAX_ERROR_KINDS || self.error_stats.contains_key(&kind) {
            *self.error_stats.or_default(kind) += 1;
        }
    }

    /// CONFIG RESETSTAT: counters of what happened start anew; those of what is there stay.
    pub(crate) fn reset_stats(&mut self) {
        self.stats = super::Stats::default();
        self.keyspace.stats = crate::keyspace::Stats::default();
        self.command_stats.fill(CommandStats::default());
        self.error_stats.clear();
        self.latency.reset_histograms();
    }

    /// The text of INFO. A section is chosen by its lower-case name; each opens with a comment line.
    pub fn info(&self, chosen: impl Fn(&str) -> bool) -> String {
        let mut text = Section(String::new());
        for (name, title, _, write) in SECTIONS {
            if chosen(name) {
                if !text.0.is_empty() {
                    text.0.push_str("\r\n");
                }
                let _ = write!(text.0, "# {title}\r\n");
                write(self, &mut text);
            }
        }
        text.0
    }
}

pub(super) fn info(engine: &mut Engine, mut call: Call) -> Handled {
    let asked: Vec<String> =
        call.args.iter_from(1).map(|name| String::from_utf8_lossy(name).to_ascii_lowercase()).collect();
    let all = asked.iter().any(|name| name == "all" || name == "everything");
    let default = asked.is_empty() || asked.iter().any(|name| name == "default");
    let is_default = |wanted: &str| SECTIONS.iter().any(|(name, _, default, _)| *name == wanted && *default);
    let text = engine.info(|name| all || (default && is_default(name)) || asked.iter().any(|asked| asked == name));
    call.reply().verbatim("txt", text.as_bytes());
    Ok(Outcome::Done)
}

/// Bytes as people read them.
pub(super) fn human(bytes: u64) -> String {
    let units = ["K", "M", "G", "T", "P"];
    let power = (1..=units.len()).take_while(|&power| bytes >= 1 << (10 * power)).last();
    match power {
        None => format!("{bytes}B"),
        Some(power) => format!("{:.2}{}", bytes as f64 / (1u64 << (10 * power)) as f64, units[power - 1]),
    }
}

fn server(engine: &Engine, text: &mut Section) {
    let now = engine.keyspace.now_us();
    let uptime = (now - engine.started_us).max(0) / 1_000_000;
    // One engine has one id: it follows from its seed and the instant it was made at.
    let mut rng = Rng::new(hash_bytes(engine.keyspace.seed, &engine.started_us.to_le_bytes()));
    let id: String = (0..5).map(|_| format!("{:08x}", rng.next_u64() as u32)).collect();
    text.line("redis_version", REDIS_VERSION);
    text.line("cachelet_version", env!("CARGO_PKG_VERSION"));
    text.line("redis_mode", "standalone");
    text.line("arch_bits", usize::BITS);
    text.line("run_id", id);
    if let Some(port) = engine.parameter("port") {
        text.line("tcp_port", String::from_utf8_lossy(&port));
    }
    text.line("server_time_usec", now);
    text.line("uptime_in_seconds", uptime);
    text.line("uptime_in_days", uptime / 86400);
    let hz = engine.parameter("hz").unwrap_or_default();
    text.line("hz", String::from_utf8_lossy(&hz));
    text.line("configured_hz", String::from_utf8_lossy(&hz));
    text.line("lru_clock", (now / 1_000_000) & 0xff_ffff);
}

fn clients(engine: &Engine, text: &mut Section) {
    let count = |wanted: fn(&Session) -> bool| {
        engine.sessions().filter(|(_, session)| !session.killed && !session.refused && wanted(session)).count()
    };
    text.line("connected_clients", count(|_| true));
    text.line("cluster_connections", 0);
    text.line("maxclients", engine.limits.clients);
    text.line("blocked_clients", count(|session| session.blocked.is_some() || session.paused));
    text.line("tracking_clients", engine.tracking.sessions);
    text.line("pubsub_clients", count(|session| session.subscriptions() > 0));
    text.line("watching_clients", count(|session| !session.watched.is_empty()));
    text.line(
        "clients_in_timeout_table",
        count(|session| session.blocked.as_ref().is_some_and(|blocked| blocked.wait.deadline.is_some())),
    );
    text.line("total_watched_keys", engine.watches.len());
    text.line("total_blocking_keys", engine.waits.keys());
    text.line("total_blocking_keys_on_nokey", 0);
}

fn persistence(engine: &Engine, text: &mut Section) {
    let persist = &engine.persist;
    let (saves, rewrites) = (&persist.saves, &persist.rewrites);
    let (begun, copied) = persist.running_since(&engine.keyspace).unwrap_or_default();
    let runs = |reason| persist.running() == Some(reason);
    let since = |runs: bool| if runs { (engine.keyspace.now_us() - begun).div_euclid(1_000_000) } else { -1 };
    let status = |failed: bool| if failed { "err" } else { "ok" };
    let seconds = |millis: i64| if millis < 0 { -1 } else { millis / 1000 };
    let (saving, rewriting) = (runs(Reason::Save), runs(Reason::Rewrite));
    let last = if persist.is_attached() { persist.last_save } else { engine.started_us.div_euclid(1000) };
    let logs = persist.log.is_some();
    text.line("loading", engine.importing().is_some() as u8);
    text.line("async_loading", 0);
    text.line("current_cow_size", copied);
    text.line("rdb_changes_since_last_save", persist.changes);
    text.line("rdb_bgsave_in_progress", saving as u8);
    text.line("rdb_last_save_time", last.div_euclid(1000));
    text.line("rdb_last_bgsave_status", status(saves.failed));
    text.line("rdb_last_bgsave_time_sec", seconds(saves.took));
    text.line("rdb_current_bgsave_time_sec", since(saving));
    text.line("rdb_saves", saves.count);
    text.line("rdb_last_cow_size", saves.copied);
    text.line("rdb_last_load_keys_expired", 0);
    text.line("rdb_last_load_keys_loaded", persist.loaded);
    text.line("aof_enabled", logs as u8);
    text.line("aof_rewrite_in_progress", rewriting as u8);
    text.line("aof_rewrite_scheduled", (persist.queued() == Some(Reason::Rewrite)) as u8);
    text.line("aof_last_rewrite_time_sec", seconds(rewrites.took));
    text.line("aof_current_rewrite_time_sec", since(rewriting));
    text.line("aof_last_bgrewrite_status", status(rewrites.failed));
    text.line("aof_rewrites", rewrites.count);
    text.line("aof_last_write_status", status(persist.log_failure.is_some()));
    text.line("aof_last_cow_size", rewrites.copied);
    if logs {
        let (size, base, waits) = persist.sizes();
        text.line("aof_current_size", size);
        text.line("aof_base_size", base);
        text.line("aof_pending_rewrite", 0);
        text.line("aof_buffer_length", waits);
        text.line("aof_pending_bio_fsync", (persist.durable() < persist.sequence()) as u8);
        text.line("aof_delayed_fsync", persist.delayed_syncs);
    }
}

fn stats(engine: &Engine, text: &mut Section) {
    let (stats, space) = (&engine.stats, &engine.keyspace.stats);
    let (channels, patterns, shard_channels) = engine.subscriptions.counts();
    text.line("total_connections_received", stats.sessions);
    text.line("total_commands_processed", stats.commands);
    text.line("total_net_input_bytes", stats.bytes_in);
    text.line("total_net_output_bytes", stats.bytes_out);
    text.line("rejected_connections", stats.rejected);
    text.line("expired_subkeys", space.expired_fields);
    text.line("expired_keys", space.expired);
    text.line("evicted_keys", space.evicted);
    text.line("evicted_clients", stats.evicted_sessions);
    let (now, before) = engine.memory.time_over(engine.keyspace.now_us());
    text.line("total_eviction_exceeded_time", before);
    text.line("current_eviction_exceeded_time", now);
    text.line("keyspace_hits", space.hits);
    text.line("keyspace_misses", space.misses);
    text.line("pubsub_channels", channels);
    text.line("pubsub_patterns", patterns);
    text.line("pubsubshard_channels", shard_channels);
    let (keys, items, prefixes) = engine.tracking.counts();
    text.line("tracking_total_keys", keys);
    text.line("tracking_total_items", items);
    text.line("tracking_total_prefixes", prefixes);
    text.line("total_error_replies", stats.errors);
    text.line("client_query_buffer_limit_disconnections", stats.input_limit_closed);
    text.line("client_output_buffer_limit_disconnections", stats.output_limit_closed);
    let [command, key, auth, channel] = stats.denied;
    for (name, count) in [("auth", auth), ("cmd", command), ("key", key), ("channel", channel)] {
        text.line(&format!("acl_access_denied_{name}"), count);
    }
}

fn replication(_: &Engine, text: &mut Section) {
    text.line("role", "master");
    text.line("connected_slaves", 0);
    text.line("master_failover_state", "no-failover");
}

fn commandstats(engine: &Engine, text: &mut Section) {
    for (command, stats) in engine.table.commands().iter().zip(&engine.command_stats) {
        let CommandStats { calls, rejected, failed, micros } = stats;
        if calls + rejected + failed > 0 {
            // What was not timed stays 0, in the place where readers look for it.
            let each = *micros as f64 / (*calls).max(1) as f64;
            text.line(
                &format!("cmdstat_{}", command.spec.name),
                format!("calls={calls},usec={micros},usec_per_call={each:.2},rejected_calls={rejected},failed_calls={failed}"),
            );
        }
    }
}

fn errorstats(engine: &Engine, text: &mut Section) {
    for (kind, count) in engine.error_stats.iter() {
        text.line(&format!("errorstat_{kind}"), format!("count={count}"));
    }
}

fn cluster(_: &Engine, text: &mut Section) {
    text.line("cluster_enabled", 0);
}

fn keyspace(engine: &Engine, text: &mut Section) {
    let now = engine.keyspace.now();
    for index in 0..engine.keyspace.databases() {
        let database = engine.keyspace.database(index);
        if database.is_empty() {
            continue;
        }
        let (keys, expires) = (database.len(), database.volatile());
        let (mut sum, mut count) = (0i128, 0);
        if expires > 0 {
            for expire_at in database.iter().take(SAMPLE).filter_map(|entry| entry.expire_at()) {
                sum += (expire_at - now).max(0) as i128;
                count += 1;
            }
        }
        let average = sum / count.max(1);
        let fields = database.timed();
        text.line(&format!("db{index}"), format!("keys={keys},expires={expires},avg_ttl={average},subexpiry={fields}"));
    }
}

#[cfg(test)]
#[path = "info_tests.rs"]
mod tests;
