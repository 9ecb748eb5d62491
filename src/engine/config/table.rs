//! Every parameter that this engine honours: one row each, and nothing about it elsewhere.

use super::kinds::{Kind, Value};
use crate::engine::Engine;
use crate::keyspace::{Order, Policy};

/// One parameter.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    /// An older name for the same thing.
    pub(crate) alias: Option<&'static str>,
    pub(crate) kind: Kind,
    pub(crate) default: &'static str,
    /// Can be given only at the start.
    pub(crate) at_start: bool,
    /// Refuses values that are well formed but that this build cannot honour.
    pub(crate) check: fn(&Engine, &Value) -> Result<(), &'static str>,
    /// Makes it so.
    pub(crate) apply: fn(&mut Engine, &Value),
}

const fn parameter(name: &'static str, kind: Kind, default: &'static str, apply: fn(&mut Engine, &Value)) -> Parameter {
    Parameter { name, alias: None, kind, default, at_start: false, check: |_, _| Ok(()), apply }
}

impl Parameter {
    const fn alias(self, alias: &'static str) -> Self {
        Parameter { alias: Some(alias), ..self }
    }

    const fn at_start(self) -> Self {
        Parameter { at_start: true, ..self }
    }

    const fn check(self, check: fn(&Engine, &Value) -> Result<(), &'static str>) -> Self {
        Parameter { check, ..self }
    }
}

impl Value {
    fn int(&self) -> i64 {
        match self {
            Value::Int(number) => *number,
            Value::Choice(index) => *index as i64,
            Value::Flag(yes) => *yes as i64,
            _ => 0,
        }
    }

    fn size(&self) -> usize {
        usize::try_from(self.int()).unwrap_or(usize::MAX)
    }

    fn is_yes(&self) -> bool {
        *self == Value::Flag(true)
    }
}

const MB: i64 = 1 << 20;
const GB: i64 = 1 << 30;
/// Most entries or bytes of a compact form.
const COUNT: Kind = Kind::Int(0, i64::MAX);

/// A count of 31 bits.
const COUNT31: Kind = Kind::Int(0, i32::MAX as i64);

/// A parameter whose value changes nothing here, for a reason that stands beside it.
fn nothing(_: &mut Engine, _: &Value) {}

/// Refuses a log in a store that is not fit for one.
fn needs_log_store(engine: &Engine, wanted: bool) -> Result<(), &'static str> {
    needs_store(engine, wanted)?;
    if wanted && !engine.persist.takes_log() {
        return Err("this database is kept in a store that is not fit for a log: it has snapshots only");
    }
    Ok(())
}

/// Refuses what only makes sense for a database that is kept somewhere.
fn needs_store(engine: &Engine, wanted: bool) -> Result<(), &'static str> {
    if wanted && !engine.persist.expected {
        return Err("this database is kept nowhere: it was opened without storage");
    }
    Ok(())
}

/// All parameters, by name.
pub(crate) static PARAMETERS: &[Parameter] = &[
    parameter(
        "acl-pubsub-default",
        Kind::Choice(&["allchannels", "resetchannels"]),
        "resetchannels",
        |engine, value| {
            engine.acl.all_channels = value.int() == 0;
        },
    ),
    parameter("acllog-max-len", COUNT, "128", |engine, value| engine.acl.log.set_longest(value.size())),
    parameter("active-expire-effort", Kind::Int(1, 10), "1", |engine, value| engine.set_expiry_effort(value.int())),
    parameter("appendfsync", Kind::Choice(&["always", "everysec", "no"]), "everysec", |engine, value| {
        engine.set_fsync(value.int());
    }),
    parameter("appendonly", Kind::Flag, "no", |engine, value| engine.set_append_log(value.is_yes()))
        .check(|engine, value| needs_log_store(engine, value.is_yes())),
    parameter("auto-aof-rewrite-min-size", Kind::Memory(0, i64::MAX), "67108864", |engine, value| {
        engine.persist.rewrite_min_size = value.size() as u64;
    }),
    parameter("auto-aof-rewrite-percentage", Kind::Int(0, i32::MAX as i64), "100", |engine, value| {
        engine.persist.rewrite_percentage = value.size() as u64;
    }),
    parameter(
        "client-output-buffer-limit",
        Kind::OutputLimits,
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        |engine, value| {
            if let Value::OutputLimits(limits) = value {
                for (held, given) in engine.limits.output.iter_mut().zip(limits) {
                    *held = given.unwrap_or(*held);
                }
            }
        },
    ),
    // Above 2 GB the places of arguments would not fit 32 bits.
    parameter("client-query-buffer-limit", Kind::Memory(MB, 2 * GB), "1073741824", |engine, value| {
        engine.limits.input = value.size();
    }),
    parameter("databases", Kind::Int(1, 65536), "16", |engine, value| engine.set_databases(value.size())).at_start(),
    parameter("enable-debug-command", Kind::Choice(&["no", "yes", "local"]), "no", |engine, value| {
        engine.debug_allowed = match value.int() {
            1 => DebugAllowed::Yes,
            2 => DebugAllowed::Local,
            _ => DebugAllowed::No,
        };
    })
    .at_start(),
    parameter("hash-max-listpack-entries", COUNT, "512", |engine, value| {
        engine.keyspace.limits.hash.entries = value.size();
    })
    .alias("hash-max-ziplist-entries"),
    parameter("hash-max-listpack-value", COUNT, "64", |engine, value| {
        engine.keyspace.limits.hash.value = value.size();
    })
    .alias("hash-max-ziplist-value"),
    parameter("hll-sparse-max-bytes", Kind::Memory(0, i64::MAX), "3000", |engine, value| {
        engine.keyspace.limits.sparse = value.size();
    }),
    parameter("hz", Kind::Int(1, 500), "10", |engine, value| engine.expiry_interval = 1000 / value.int().max(1)),
    parameter("latency-monitor-threshold", COUNT, "0", |engine, value| {
        engine.latency.threshold = value.size() as u64;
        engine.choose_timed();
    }),
    // Off at first, unlike Redis: the host's clock would be read twice for every command.
    parameter("latency-tracking", Kind::Flag, "no", |engine, value| {
        engine.latency.histograms_wanted = value.is_yes();
        engine.choose_timed();
    }),
    // Values that are large are always freed in slices here, whichever command or event removed them; only a flush
    // asks how it is to be done.
    parameter("lazyfree-lazy-eviction", Kind::Flag, "no", nothing),
    parameter("lazyfree-lazy-expire", Kind::Flag, "no", nothing),
    parameter("lazyfree-lazy-server-del", Kind::Flag, "no", nothing),
    parameter("lazyfree-lazy-user-del", Kind::Flag, "no", nothing),
    parameter("lazyfree-lazy-user-flush", Kind::Flag, "no", |engine, value| {
        engine.keyspace.limits.lazy_flush = value.is_yes();
    }),
    parameter("lfu-decay-time", COUNT31, "1", |engine, value| {
        engine.keyspace.set_frequency_limits(None, Some(value.int()));
    }),
    parameter("lfu-log-factor", COUNT31, "10", |engine, value| {
        engine.keyspace.set_frequency_limits(Some(value.int()), None);
    }),
    parameter("list-max-listpack-size", Kind::Int(i32::MIN as i64, i32::MAX as i64), "-2", |engine, value| {
        engine.keyspace.limits.list = value.int();
    })
    .alias("list-max-ziplist-size"),
    parameter("maxclients", Kind::Int(1, u32::MAX as i64), "10000", |engine, value| {
        engine.limits.clients = value.size();
    }),
    parameter("maxmemory", Kind::Memory(0, i64::MAX), "0", |engine, value| engine.set_memory_limit(value.size())),
    parameter("maxmemory-clients", Kind::Share, "0", |engine, value| engine.limits.all_memory = value.int()),
    parameter("maxmemory-eviction-tenacity", Kind::Int(0, 100), "10", |engine, value| {
        engine.set_tenacity(value.size())
    }),
    parameter(
        "maxmemory-policy",
        Kind::Choice(&[
            "volatile-lru",
            "volatile-lfu",
            "volatile-random",
            "volatile-ttl",
            "allkeys-lru",
            "allkeys-lfu",
            "allkeys-random",
            "noeviction",
        ]),
        "noeviction",
        |engine, value| {
            use Order::*;
            let orders = [LeastRecent, LeastFrequent, Random, Soonest, LeastRecent, LeastFrequent, Random];
            let chosen = value.size();
            engine.keyspace.set_policy(Policy { volatile_only: chosen < 4, order: orders.get(chosen).copied() });
        },
    ),
    parameter("maxmemory-samples", Kind::Int(1, 64), "5", |engine, value| {
        engine.keyspace.set_samples(value.size());
    }),
    parameter("notify-keyspace-events", Kind::Events, "", |engine, value| {
        if let Value::Events(flags) = value {
            engine.notify = *flags;
            engine.refresh_listeners();
        }
    }),
    parameter("proto-max-bulk-len", Kind::Memory(MB, 2 * GB), "536870912", |engine, value| {
        engine.keyspace.limits.bulk = value.size();
    }),
    parameter("requirepass", Kind::Text, "", |engine, value| {
        if let Value::Text(password) = value {
            engine.set_default_password(password);
        }
    }),
    parameter("save", Kind::SavePoints, "", |engine, value| {
        if let Value::SavePoints(points) = value {
            engine.persist.save_points.clone_from(points);
        }
    })
    .check(|engine, value| needs_store(engine, matches!(value, Value::SavePoints(points) if !points.is_empty()))),
    parameter("set-max-intset-entries", COUNT, "512", |engine, value| engine.keyspace.limits.intset = value.size()),
    parameter("set-max-listpack-entries", COUNT, "128", |engine, value| {
        engine.keyspace.limits.set.entries = value.size();
    }),
    parameter("set-max-listpack-value", COUNT, "64", |engine, value| engine.keyspace.limits.set.value = value.size()),
    parameter("slowlog-log-slower-than", Kind::Int(-1, i64::MAX), "10000", |engine, value| {
        engine.slowlog.threshold = value.int();
        engine.choose_timed();
    }),
    parameter("slowlog-max-len", COUNT, "128", |engine, value| engine.slowlog.set_limit(value.size())),
    parameter("stop-writes-on-bgsave-error", Kind::Flag, "yes", |engine, value| {
        engine.persist.stop_writes = value.is_yes();
    }),
    parameter("stream-node-max-bytes", Kind::Memory(0, i64::MAX), "4096", |engine, value| {
        engine.keyspace.limits.stream.bytes = value.size();
    }),
    parameter("stream-node-max-entries", COUNT, "100", |engine, value| {
        engine.keyspace.limits.stream.entries = value.size();
    }),
    parameter("timeout", Kind::Int(0, i32::MAX as i64), "0", |engine, value| engine.set_idle_limit(value.int())),
    parameter("tracking-table-max-keys", COUNT, "1000000", |engine, value| engine.tracking.limit = value.size()),
    parameter("zset-max-listpack-entries", COUNT, "128", |engine, value| {
        engine.keyspace.limits.sorted_set.entries = value.size();
    })
    .alias("zset-max-ziplist-entries"),
    parameter("zset-max-listpack-value", COUNT, "64", |engine, value| {
        engine.keyspace.limits.sorted_set.value = value.size();
    })
    .alias("zset-max-ziplist-value"),
];

/// Who may use DEBUG.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DebugAllowed {
    /// Nobody.
    #[default]
    No,
    /// Everybody.
    Yes,
    /// Clients in this program or on this machine.
    Local,
}

/// The parameter of this name or older name, in any case.
pub(crate) fn find(name: &[u8]) -> Option<(usize, &'static Parameter)> {
    PARAMETERS.iter().enumerate().find(|(_, parameter)| {
        let is = |known: &str| known.as_bytes().eq_ignore_ascii_case(name);
        is(parameter.name) || parameter.alias.is_some_and(is)
    })
}
