//! How long commands take: the stopwatch, SLOWLOG, and who is timed at all.
//!
//! The engine has no clock of its own while a command runs. A host that has one lends it
//! ([`Engine::set_stopwatch`]); reading it costs some ten nanoseconds, so it is read only around commands whose time
//! somebody asks for. Of those that are declared FAST or O(1) none can reach `slowlog-log-slower-than` while that is
//! some milliseconds: they are timed only when it is lower, or LATENCY wants them.

use super::monitor::{is_secret, REDACTED};
use super::table::Command;
use super::{Call, Engine, PowerHandler, SessionId};
use crate::bytes::number::parse_i64;
use crate::commands::spec::flags;
use crate::commands::{Handled, Outcome};
use crate::resp::{Args, Fault};
use std::collections::VecDeque;

crate::commands! {
    /// The SLOWLOG commands.
    pub static TABLE: PowerHandler, group "server";

    /// Shows which commands took long.
    "slowlog" {
        since "2.2.12", cost "Depends on the subcommand", flags [],
        args "",
        reply "container",
    }
    /// Answers the last commands that took long, the latest first.
    "slowlog|get" {
        since "2.2.12", cost "O(N) where N is the number of entries answered", flags [ADMIN LOADING STALE],
        args "[count:int]",
        reply "[any]",
        tips "request_policy:all_nodes nondeterministic_output",
        run get,
    }
    /// Explains the subcommands.
    "slowlog|help" {
        since "6.2.0", cost "O(1)", flags [LOADING STALE],
        args "",
        reply "[simple]",
        run super::help,
    }
    /// Answers how many commands the log holds.
    "slowlog|len" {
        since "2.2.12", cost "O(1)", flags [ADMIN LOADING STALE],
        args "",
        reply "int",
        tips "request_policy:all_nodes response_policy:agg_sum nondeterministic_output",
        run len,
    }
    /// Forgets the commands that took long.
    "slowlog|reset" {
        since "2.2.12", cost "O(N) where N is the number of entries in the log", flags [ADMIN LOADING STALE],
        args "",
        reply "ok",
        tips "request_policy:all_nodes response_policy:all_succeeded",
        run reset,
    }
}

/// Reads a clock that never goes back, in nanoseconds from any beginning.
pub type Stopwatch = fn() -> u64;

/// Most arguments of an entry, the last telling how many more there were.
const MAX_ARGS: usize = 32;

/// Most bytes of an argument, before it tells how many more there were.
const MAX_ARG: usize = 128;

/// Entries answered when none asks for more.
const DEFAULT_COUNT: i64 = 10;

/// Below this many microseconds even a command without a loop may count as slow.
const ANY: i64 = 1000;

struct Entry {
    id: i64,
    /// Seconds since 1970.
    time: i64,
    micros: u64,
    args: Vec<Vec<u8>>,
    address: String,
    name: Vec<u8>,
}

/// Who is timed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Timed {
    #[default]
    Nobody,
    /// What can be slow.
    Slow,
    Everybody,
}

/// The log of slow commands.
pub(crate) struct Slowlog {
    stopwatch: Option<Stopwatch>,
    timed: Timed,
    /// `slowlog-log-slower-than`, in microseconds; negative for no log.
    pub(crate) threshold: i64,
    /// `slowlog-max-len`.
    limit: usize,
    next: i64,
    /// The latest first.
    entries: VecDeque<Entry>,
    /// Commands of one input follow each other at once: where one that was timed ended the next begins. Reading the clock
    /// takes as long as many a command.
    carries: bool,
    ended: Option<u64>,
}

impl Default for Slowlog {
    fn default() -> Self {
        let (timed, entries) = (Timed::Nobody, VecDeque::new());
        Slowlog { stopwatch: None, timed, threshold: 10_000, limit: 128, next: 0, entries, carries: false, ended: None }
    }
}

impl Slowlog {
    /// Begins, or ends, a run of commands with nothing between them.
    #[inline]
    pub(crate) fn carry(&mut self, carries: bool) {
        (self.carries, self.ended) = (carries, None);
    }

    /// `slowlog-max-len`.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
        self.entries.truncate(limit);
    }
}

impl Engine {
    /// Lends the engine a clock to time commands with, or takes it away. Without one SLOWLOG and LATENCY stay empty and
    /// INFO's times zero.
    pub fn set_stopwatch(&mut self, stopwatch: Option<Stopwatch>) {
        self.slowlog.stopwatch = stopwatch;
        self.choose_timed();
    }

    pub(crate) fn stopwatch(&self) -> Option<Stopwatch> {
        self.slowlog.stopwatch
    }

    /// Decides anew who is timed.
    pub(crate) fn choose_timed(&mut self) {
        let threshold = self.slowlog.threshold;
        self.slowlog.timed = if self.slowlog.stopwatch.is_none() {
            Timed::Nobody
        } else if self.latency.wants_every_command() || (0..ANY).contains(&threshold) {
            Timed::Everybody
        } else if threshold >= 0 {
            Timed::Slow
        } else {
            Timed::Nobody
        };
    }

    /// Whether even what cannot be slow is timed.
    pub(crate) fn times_everybody(&self) -> bool {
        self.slowlog.timed == Timed::Everybody
    }

    /// Reads the clock before a command, when its time is wanted.
    #[inline]
    pub(crate) fn start_timing(&mut self, command: Command) -> Option<(Stopwatch, u64)> {
        let wanted = match self.slowlog.timed {
            Timed::Nobody => false,
            Timed::Slow => command.may_be_slow,
            Timed::Everybody => true,
        };
        let ended = self.slowlog.ended.take();
        self.slowlog.stopwatch.filter(|_| wanted).map(|stopwatch| (stopwatch, ended.unwrap_or_else(stopwatch)))
    }

    /// Notes how long a command took that was begun with a reading of the clock. One that only began to wait is not noted:
    /// it will be when it is served.
    pub(crate) fn end_timing(&mut self, id: SessionId, command: Command, args: Args, begun: (Stopwatch, u64)) {
        let (stopwatch, at) = begun;
        let ended = stopwatch();
        if self.slowlog.carries {
            self.slowlog.ended = Some(ended);
        }
        let nanos = ended.saturating_sub(at);
        let micros = nanos / 1000;
        self.command_stats[command.index as usize].micros += micros;
        self.latency.note_command(command, nanos, self.keyspace.now());
        let threshold = self.slowlog.threshold;
        let slow = threshold >= 0 && micros >= threshold as u64;
        if slow && self.slowlog.limit > 0 && !command.spec.has(flags::SKIP_SLOWLOG) {
            self.log_slow(id, command, args, micros);
        }
    }

    #[cold]
    fn log_slow(&mut self, id: SessionId, command: Command, args: Args, micros: u64) {
        let Some(session) = self.session(id) else { return };
        let shown = args.len().min(MAX_ARGS);
        let mut kept: Vec<Vec<u8>> = Vec::with_capacity(shown);
        for (at, arg) in args.iter_from(0).take(shown).enumerate() {
            kept.push(if at + 1 == shown && shown < args.len() {
                format!("... ({} more arguments)", args.len() - shown + 1).into()
            } else if is_secret(command, args, at) {
                REDACTED.into()
            } else if arg.len() > MAX_ARG {
                [&arg[..MAX_ARG], format!("... ({} more bytes)", arg.len() - MAX_ARG).as_bytes()].concat()
            } else {
                arg.into()
            });
        }
        let address = super::client::list::address(&session.address).to_owned();
        let name = session.name.clone();
        let time = self.keyspace.now().div_euclid(1000);
        let log = &mut self.slowlog;
        log.entries.push_front(Entry { id: log.next, time, micros, args: kept, address, name });
        log.next += 1;
        log.entries.truncate(log.limit);
    }
}

fn get(engine: &mut Engine, mut call: Call) -> Handled {
    if call.args.len() > 3 {
        return Err(Fault::made("ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP."));
    }
    let count = match call.args.get(2) {
        None => DEFAULT_COUNT,
        Some(text) => parse_i64(text)
            .filter(|&count| count >= -1)
            .ok_or(Fault::Text("ERR count should be greater than or equal to -1"))?,
    };
    let entries = &engine.slowlog.entries;
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(entries.len());
    let mut reply = call.reply();
    reply.array(count);
    for entry in entries.iter().take(count) {
        reply.array(6);
        reply.int(entry.id);
        reply.int(entry.time);
        reply.int(entry.micros as i64);
        reply.array(entry.args.len());
        entry.args.iter().for_each(|arg| reply.bulk(arg));
        reply.bulk(entry.address.as_bytes());
        reply.bulk(&entry.name);
    }
    Ok(Outcome::Done)
}

fn len(engine: &mut Engine, mut call: Call) -> Handled {
    call.reply().count(engine.slowlog.entries.len());
    Ok(Outcome::Done)
}

fn reset(engine: &mut Engine, mut call: Call) -> Handled {
    engine.slowlog.entries.clear();
    call.reply().ok();
    Ok(Outcome::Done)
}

#[cfg(test)]
#[path = "slowlog_tests.rs"]
pub(super) mod tests;
