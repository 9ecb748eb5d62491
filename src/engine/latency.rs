//! LATENCY: when something took long, and how the times of each command are spread. Fed by the stopwatch of
//! [`super::slowlog`]; empty without one.

use super::table::Command;
use super::{Call, Engine, PowerHandler};
use crate::commands::spec::flags;
use crate::commands::{Handled, Outcome};
use crate::resp::Fault;
use crate::structures::ordered::OrderedMap;
use std::collections::VecDeque;
use std::fmt::Write;

crate::commands! {
    /// The LATENCY commands.
    pub static TABLE: PowerHandler, group "server";

    /// Shows when the server was slow.
    "latency" {
        since "2.8.13", cost "Depends on the subcommand", flags [],
        args "",
        reply "container",
    }
    /// Answers a report on what was slow, for people.
    "latency|doctor" {
        since "2.8.13", cost "O(1)", flags [ADMIN LOADING NOSCRIPT STALE],
        args "",
        reply "bytes",
        tips "nondeterministic_output request_policy:all_nodes response_policy:special",
        run doctor,
    }
    /// Draws how long an event took over time.
    "latency|graph" {
        since "2.8.13", cost "O(1)", flags [ADMIN LOADING NOSCRIPT STALE],
        args "event",
        reply "bytes",
        tips "nondeterministic_output request_policy:all_nodes response_policy:special",
        run graph,
    }
    /// Explains the subcommands.
    "latency|help" {
        since "2.8.13", cost "O(1)", flags [LOADING STALE],
        args "",
        reply "[simple]",
        run super::help,
    }
    /// Answers how the times of commands are spread: of those that are named, or of all.
    "latency|histogram" {
        since "7.0.0", cost "O(N) where N is the number of commands with times",
        flags [ADMIN LOADING NOSCRIPT STALE],
        args "[command...]",
        reply "{any}",
        tips "nondeterministic_output request_policy:all_nodes response_policy:special",
        run histogram,
    }
    /// Answers the times of an event, the oldest first.
    "latency|history" {
        since "2.8.13", cost "O(1)", flags [ADMIN LOADING NOSCRIPT STALE],
        args "event",
        reply "[[int int]]",
        tips "nondeterministic_output request_policy:all_nodes response_policy:special",
        run history,
    }
    /// Answers the last and the longest time of every event.
    "latency|latest" {
        since "2.8.13", cost "O(1)", flags [ADMIN LOADING NOSCRIPT STALE],
        args "",
        reply "[any]",
        tips "nondeterministic_output request_policy:all_nodes response_policy:special",
        run latest,
    }
    /// Forgets the times of the named events, or of all; answers how many events were forgotten.
    "latency|reset" {
        since "2.8.13", cost "O(1)", flags [ADMIN LOADING NOSCRIPT STALE],
        args "[event...]",
        reply "int",
        tips "request_policy:all_nodes response_policy:agg_sum",
        run reset,
    }
}

/// Most samples of one event.
const SAMPLES: usize = 160;

/// Buckets of a histogram: the first up to 1.024 µs, each twice as wide as the one before, the last about a second, as
/// Redis'; what takes longer is counted in the last.
const BUCKETS: usize = 21;

#[derive(Default)]
struct Event {
    /// Seconds since 1970 and milliseconds: the longest of that second.
    samples: VecDeque<(i64, u64)>,
    longest: u64,
}

/// What is known of times.
#[derive(Default)]
pub(crate) struct Latency {
    /// `latency-monitor-threshold` in milliseconds; 0 for no monitor.
    pub(crate) threshold: u64,
    /// `latency-tracking`: keep histograms.
    pub(crate) histograms_wanted: bool,
    events: OrderedMap<&'static str, Event>,
    /// By index in the command table.
    histograms: OrderedMap<u16, [u64; BUCKETS]>,
}

/// The upper end of a bucket, as Redis names it, in microseconds.
fn bucket_end(bucket: usize) -> i64 {
    ((1i64 << (10 + bucket)) + (1 << (3 + bucket)) - 1) / 1000
}

impl Latency {
    /// Whether fast commands are to be timed as well.
    pub(crate) fn wants_every_command(&self) -> bool {
        self.threshold > 0 || self.histograms_wanted
    }

    /// Notes how long a command took.
    pub(crate) fn note_command(&mut self, command: Command, nanos: u64, now: i64) {
        if self.histograms_wanted {
            let bucket = (u64::BITS - (nanos.max(1) - 1).leading_zeros()).saturating_sub(10) as usize;
            self.histograms.or_default(command.index)[bucket.min(BUCKETS - 1)] += 1;
        }
        let event = if command.spec.has(flags::FAST) { "fast-command" } else { "command" };
        self.note(event, nanos / 1_000_000, now);
    }

    /// Notes how long an event took, if that was long enough.
    pub(crate) fn note(&mut self, name: &'static str, millis: u64, now: i64) {
        if self.threshold == 0 || millis < self.threshold {
            return;
        }
        let event = self.events.or_default(name);
        event.longest = event.longest.max(millis);
        let second = now.div_euclid(1000);
        match event.samples.back_mut() {
            Some(last) if last.0 == second => last.1 = last.1.max(millis),
            _ => {
                if event.samples.len() == SAMPLES {
                    event.samples.pop_front();
                }
                event.samples.push_back((second, millis));
            }
        }
    }

    pub(crate) fn reset_histograms(&mut self) {
        self.histograms.clear();
    }

    fn event(&self, name: &[u8]) -> Option<(&'static str, &Event)> {
        let found = self.events.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name))?;
        Some((found.0, found.1))
    }
}

impl Engine {
    /// One slice of active expiry.
    pub(crate) fn expire_some(&mut self) -> bool {
        let begun = self.stopwatch().filter(|_| self.latency.threshold > 0).map(|stopwatch| (stopwatch, stopwatch()));
        let more = self.keyspace.expire_some(self.expiry_budget);
        if let Some((stopwatch, at)) = begun {
            let millis = stopwatch().saturating_sub(at) / 1_000_000;
            self.latency.note("expire-cycle", millis, self.keyspace.now());
        }
        more
    }
}

fn latest(engine: &mut Engine, mut call: Call) -> Handled {
    let events = &engine.latency.events;
    let mut reply = call.reply();
    reply.array(events.len());
    for (name, event) in events.iter() {
        let (second, millis) = event.samples.back().copied().unwrap_or_default();
        reply.array(4);
        reply.bulk(name.as_bytes());
        reply.int(second);
        reply.int(millis as i64);
        reply.int(event.longest as i64);
    }
    Ok(Outcome::Done)
}

fn history(engine: &mut Engine, mut call: Call) -> Handled {
    let event = engine.latency.event(call.args.at(2));
    let mut reply = call.reply();
    reply.array(event.map_or(0, |(_, event)| event.samples.len()));
    for (second, millis) in event.into_iter().flat_map(|(_, event)| &event.samples) {
        reply.array(2);
        reply.int(*second);
        reply.int(*millis as i64);
    }
    Ok(Outcome::Done)
}

fn reset(engine: &mut Engine, mut call: Call) -> Handled {
    let events = &mut engine.latency.events;
    let before = events.len();
    if call.args.len() == 2 {
        events.clear();
    }
    for name in call.args.iter_from(2) {
        events.retain(|known, _| !known.as_bytes().eq_ignore_ascii_case(name));
    }
    let forgotten = before - events.len();
    call.reply().count(forgotten);
    Ok(Outcome::Done)
}

/// Rows and columns of a drawing.
const ROWS: u64 = 4;
const COLUMNS: usize = 80;

fn graph(engine: &mut Engine, mut call: Call) -> Handled {
    let asked = call.args.at(2);
    let Some((name, event)) = engine.latency.event(asked) else {
        return Err(Fault::made([b"ERR No samples available for event '", asked, b"'"].concat()));
    };
    let shown: Vec<(i64, u64)> =
        event.samples.iter().skip(event.samples.len().saturating_sub(COLUMNS)).copied().collect();
    let high = shown.iter().map(|sample| sample.1).max().unwrap_or(0);
    let low = shown.iter().map(|sample| sample.1).min().unwrap_or(0);
    let mut text = format!("{name} - high {high} ms, low {low} ms (all time high {} ms)\n", event.longest);
    text.push_str(&"-".repeat(COLUMNS));
    text.push('\n');
    let height = |millis: u64| 1 + (millis - low) * (ROWS - 1) / (high - low).max(1);
    for row in (1..=ROWS).rev() {
        text.extend(shown.iter().map(|sample| match height(sample.1) {
            top if top == row => 'o',
            top if top > row => '|',
            _ => ' ',
        }));
        text.push('\n');
    }
    // Below each column how long ago it was, its letters one under the other.
    let now = engine.keyspace.now().div_euclid(1000);
    let ages: Vec<Vec<char>> = shown.iter().map(|sample| age((now - sample.0).max(0)).chars().collect()).collect();
    text.push('\n');
    for row in 0..ages.iter().map(Vec::len).max().unwrap_or(0) {
        text.extend(ages.iter().map(|age| age.get(row).copied().unwrap_or(' ')));
        text.push('\n');
    }
    call.reply().verbatim("txt", text.as_bytes());
    Ok(Outcome::Done)
}

/// A span of seconds in its largest whole unit.
fn age(seconds: i64) -> String {
    match seconds {
        0..=59 => format!("{seconds}s"),
        60..=3599 => format!("{}m", seconds / 60),
        3600..=86399 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86400),
    }
}

fn doctor(engine: &mut Engine, mut call: Call) -> Handled {
    let latency = &engine.latency;
    let mut text = String::new();
    if latency.threshold == 0 && latency.events.is_empty() {
        text.push_str(
            "Nothing was measured: the latency monitor is off. CONFIG SET latency-monitor-threshold <milliseconds> turns \
             it on.\n",
        );
    } else if latency.events.is_empty() {
        let _ = writeln!(text, "Nothing took {} ms or longer so far.", latency.threshold);
    }
    for (number, (name, event)) in latency.events.iter().enumerate() {
        let count = event.samples.len().max(1) as u64;
        let sum: u64 = event.samples.iter().map(|sample| sample.1).sum();
        let first = event.samples.front().map_or(0, |sample| sample.0);
        let last = event.samples.back().map_or(0, |sample| sample.0);
        let every = (last - first) as f64 / count as f64;
        let _ = writeln!(
            text,
            "{}. {name}: {count} slow seconds, {} ms on average, {} ms at most, one every {every:.1} seconds.",
            number + 1,
            sum / count,
            event.longest
        );
    }
    if latency.events.contains_key("command") {
        text.push_str(
            "- Commands took long: SLOWLOG GET names them; those that walk whole collections are the usual ones.\n",
        );
    }
    if latency.events.contains_key("fast-command") {
        text.push_str(
            "- Commands that cannot take long did: the program around this server, or its machine, held the thread.\n",
        );
    }
    if latency.events.contains_key("expire-cycle") {
        text.push_str(
            "- Many keys expired at once: a lower active-expire-effort makes each slice of removal smaller.\n",
        );
    }
    call.reply().verbatim("txt", text.as_bytes());
    Ok(Outcome::Done)
}

fn histogram(engine: &mut Engine, mut call: Call) -> Handled {
    let args = call.args;
    let mut shown: Vec<u16> = Vec::new();
    if args.len() == 2 {
        shown.extend(engine.latency.histograms.keys());
    }
    for name in args.iter_from(2) {
        let Some(command) = engine.table().find_name(name) else { continue };
        let own = std::iter::once(command).chain(engine.table().subcommands(command.spec));
        for command in own {
            if engine.latency.histograms.contains_key(&command.index) && !shown.contains(&command.index) {
                shown.push(command.index);
            }
        }
    }
    let mut reply = call.reply();
    reply.map(shown.len());
    for index in shown {
        let name = engine.table().get(index as usize).map_or("", |command| command.spec.name);
        let counts = engine.latency.histograms.get(&index).copied().unwrap_or_default();
        reply.bulk(name.as_bytes());
        reply.map(2);
        reply.bulk(b"calls");
        reply.int(counts.iter().sum::<u64>() as i64);
        reply.bulk(b"histogram_usec");
        reply.map(counts.iter().filter(|&&count| count > 0).count());
        let mut sum = 0;
        for (bucket, count) in counts.iter().enumerate().filter(|(_, &count)| count > 0) {
            sum += count;
            reply.int(bucket_end(bucket));
            reply.int(sum as i64);
        }
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
#[path = "latency_tests.rs"]
mod tests;
