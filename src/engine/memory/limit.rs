//! What memory there is and may be: the allocator's figures, which a host lends, `maxmemory`, and the gate that holds commands
//! to it.
//!
//! Before a command runs, what is over the limit is evicted: at most a slice of it, whose length `maxmemory-eviction-tenacity`
//! says; ticks do the rest, and so do the commands that follow. So a command may find memory above the limit, and then runs
//! all the same, as in Redis. That ends where memory is above it by [`SLACK`]: from there on a command first undoes what the one
//! before it added, however long that takes.
//!
//! The allocator's own end is a limit too: there it gives up its reserve ([`crate::memory`]), and until that can be had again
//! keys are evicted if the policy has some, else what would grow is refused.

use super::room::LARGE;
use crate::commands::spec::flags;
use crate::engine::table::Command;
use crate::engine::{Engine, SessionId};
use crate::memory::Usage;
use crate::resp::{Args, Fault};

/// The part of `maxmemory` by which it may be passed for the sake of short commands: a sixteenth.
const SLACK: usize = 16;

/// Keys that are looked at in one step of eviction, beyond the few that are drawn.
const LOOKED: usize = 32;

/// Items of values that wait to be freed which are freed in one step of making room.
const GARBAGE: usize = 64;

/// Where figures of memory come from, and what the engine is held to.
#[derive(Debug)]
pub(crate) struct Memory {
    source: Option<fn() -> Usage>,
    /// Bytes in use when the engine was new.
    pub(super) startup: usize,
    /// `maxmemory` in bytes; 0 for none.
    pub(crate) limit: usize,
    /// Steps of one slice of eviction, from `maxmemory-eviction-tenacity`.
    slice: usize,
    /// A slice was not enough: ticks go on.
    evicting: bool,
    /// By how much memory was over the limit after any slice at the least, since the limit was set or kept.
    left_over: usize,
    /// Since when memory is over the limit (microseconds since 1970), and for how long it was before.
    over_since: Option<i64>,
    over_before: i64,
    /// Compact forms may be long: some setting allowed it once.
    pub(super) has_long_forms: bool,
}

/// How it stands with memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    /// There is enough.
    Enough,
    /// There is not, but more is being made.
    Soon,
    /// There is none, and nothing may go.
    None,
}

impl Default for Memory {
    fn default() -> Self {
        Memory {
            source: None,
            startup: 0,
            limit: 0,
            slice: 500,
            evicting: false,
            left_over: 0,
            over_since: None,
            over_before: 0,
            has_long_forms: false,
        }
    }
}

impl Memory {
    /// Whether nothing stands in the way of this command, as far as can be told at a glance.
    #[inline]
    pub(crate) fn suffices(&self, command: &Command, args: Args) -> bool {
        match self.source {
            Some(_) if args.size() > LARGE => false,
            Some(source) if self.limit > 0 || command.needs.any => {
                let usage = source();
                let within = usage.used <= self.limit || self.limit == 0;
                let is_bounded = command.needs.is_bounded && !self.has_long_forms;
                let may_end = || if is_bounded { usage.is_close() } else { usage.is_tight() };
                within && !(usage.exhausted || self.over_since.is_some() || command.needs.any && may_end())
            }
            _ => true,
        }
    }

    /// By how many bytes memory is over the limit; the allocator's own end counts as one.
    #[inline]
    fn excess(&self, not_counted: usize) -> usize {
        let Some(source) = self.source else { return 0 };
        let usage = source();
        let over = if self.limit > 0 { usage.used.saturating_sub(self.limit).saturating_sub(not_counted) } else { 0 };
        over.max(usage.exhausted as usize)
    }

    /// For how long memory was over the limit, now and in all, in milliseconds.
    pub(in crate::engine) fn time_over(&self, now_us: i64) -> (i64, i64) {
        let now = self.over_since.map_or(0, |since| now_us - since);
        (now / 1000, (now + self.over_before) / 1000)
    }
}

impl Engine {
    /// Lends the engine the allocator's figures, or takes them away. Without them INFO and MEMORY leave fields out, and
    /// nothing holds `maxmemory`. To be called while the engine is new: what is in use then counts as its own need.
    pub fn set_memory_source(&mut self, source: Option<fn() -> Usage>) {
        self.memory.source = source;
        self.memory.startup = self.memory_usage().map_or(0, |usage| usage.used);
    }

    /// The allocator's figures.
    #[inline]
    pub fn memory_usage(&self) -> Option<Usage> {
        self.memory.source.map(|source| source())
    }

    /// Bytes that do not count towards `maxmemory`: effects that the host has not taken.
    pub(super) fn not_counted(&self) -> usize {
        self.effects.bytes()
    }

    /// By how much memory is over its limit, and since when that is so.
    fn excess(&mut self) -> usize {
        let excess = self.memory.excess(self.not_counted());
        let now = self.keyspace.now_us();
        if excess > 0 {
            self.memory.over_since.get_or_insert(now);
        } else if let Some(since) = self.memory.over_since.take() {
            self.memory.over_before += now - since;
        }
        excess
    }

    /// `maxmemory`, in bytes.
    pub(crate) fn set_memory_limit(&mut self, bytes: usize) {
        self.memory.limit = bytes;
        self.memory.left_over = self.excess();
        self.memory.evicting = self.memory.left_over > 0;
    }

    /// `maxmemory-eviction-tenacity`, 0 to 100. Redis makes a time of it, up to 10 in steps of 50 µs, then growing by 15 % with each;
    /// here it is steps of about a microsecond, so that the same input evicts the same keys.
    pub(crate) fn set_tenacity(&mut self, tenacity: usize) {
        let mut steps = 50 * tenacity.min(10);
        for _ in 10..tenacity {
            steps += steps * 15 / 100;
        }
        self.memory.slice = if tenacity >= 100 { usize::MAX } else { steps };
    }

    /// The gate: makes room as far as it can, and refuses what would grow where there is none.
    #[inline]
    pub(crate) fn check_memory(&mut self, id: SessionId, command: Command, args: Args) -> Result<(), Fault> {
        if self.memory.source.is_none() {
            return Ok(());
        }
        let grows = command.spec.flags & flags::DENYOOM != 0;
        let queues = self.session(id).is_some_and(|session| session.transaction.is_some());
        let needs = command.needs.any || command.spec.flags & (flags::BLOCKING | flags::PUBSUB) != 0;
        if self.memory.limit > 0 || needs || queues {
            return self.hold_to_limit(id, command, args, grows);
        }
        Ok(())
    }

    fn hold_to_limit(&mut self, id: SessionId, command: Command, args: Args, grows: bool) -> Result<(), Fault> {
        let room = if self.excess() == 0 { Room::Enough } else { self.make_room() };
        let queue = self.session(id).and_then(|session| session.transaction.as_ref());
        let refused = match (queue, command.spec.name) {
            // It is refused for what it would run, others for being kept.
            (Some(queue), "exec") => queue.queue.iter().any(|(command, _)| command.spec.has(flags::DENYOOM)),
            (Some(_), name) => grows || !matches!(name, "discard" | "quit" | "reset"),
            (None, _) => grows,
        };
        let queued = queue.filter(|_| refused).map(|queue| queue.size());
        match room == Room::None && refused || !self.is_room_for(id, command, args, queued) {
            true => Err(Fault::NO_MEMORY),
            false => Ok(()),
        }
    }

    /// Evicts until memory is within its limit, one slice at most while it is not far above it.
    #[cold]
    fn make_room(&mut self) -> Room {
        let mut steps = 0;
        let mut excess;
        let room = loop {
            excess = self.excess();
            // Nothing but clients may change what there is while those are paused.
            if excess == 0 || self.is_paused() {
                break Room::Enough;
            }
            let none_may_go = self.keyspace.policy().order.is_none();
            if steps >= self.memory.slice
                && (none_may_go || excess <= self.memory.left_over.max(self.memory.limit / SLACK))
            {
                break if none_may_go { Room::None } else { Room::Soon };
            }
            // What is gone already comes first: it may be all that is needed.
            if self.keyspace.has_garbage() {
                self.keyspace.free_some(GARBAGE);
                steps += GARBAGE / 8;
            } else {
                match self.keyspace.evict_one() {
                    0 => break Room::None,
                    looked => steps += 1 + looked / LOOKED,
                }
            }
        };
        self.memory.evicting = room == Room::Soon;
        self.memory.left_over = excess.min(self.memory.left_over);
        if steps > 0 {
            self.settle_changes();
        }
        room
    }

    /// Makes room as far as it can, for what grows without being a command; false where there is none.
    pub(crate) fn has_room(&mut self) -> bool {
        self.excess() == 0 || self.make_room() != Room::None
    }

    /// A slice of eviction, for a tick; whether more is to be done.
    pub(crate) fn evict_some(&mut self) -> bool {
        if self.memory.evicting {
            self.make_room();
        }
        self.memory.evicting
    }

    /// Whether a tick is wanted to go on with eviction.
    pub(crate) fn is_evicting(&self) -> bool {
        self.memory.evicting
    }
}
