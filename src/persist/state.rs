//! What is to be written next, and what became of it. One write is under way at a time; the log goes before snapshots.

use super::log::LogBuffer;
use super::manifest::{names, Chunk, Manifest};
use super::recovery::Recovered;
use super::snapshot::Plan;
use super::LOGS;
use crate::keyspace::Keyspace;

/// What a store takes, and what it promises.
#[derive(Clone, Copy, Debug)]
pub struct Store {
    /// Longest object, or piece that is appended, in bytes.
    pub object: usize,
    /// Most operations and most bytes of one write.
    pub operations: usize,
    /// See `operations`.
    pub bytes: usize,
    /// Objects can be appended to. Otherwise every piece of the log is an object.
    pub appends: bool,
    /// It is fit for a log.
    pub logs: bool,
    /// Others may still see what the last manifest named: it stays one snapshot longer.
    pub eventual: bool,
}

/// `appendfsync`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Fsync {
    /// Replies wait until what they acknowledge is durable.
    Always,
    /// At most a second's writes are lost.
    #[default]
    Everysec,
    /// The store decides.
    No,
}

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It is written whole.
    Put,
    /// Bytes are added to its end.
    Append,
    /// It goes.
    Delete,
}

/// Operations to be done in order. None with `durable` asks for a sync.
#[derive(Debug, Default)]
pub struct Write {
    /// What, under which name, with which bytes.
    pub operations: Vec<(Operation, String, Vec<u8>)>,
    /// It counts once it would survive a crash, with all that was written before.
    pub durable: bool,
}

/// What is to be durable: all up to an effect of the log, or up to a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The effect of that number.
    Effect(u64),
    /// The snapshot of that number.
    Snapshot(u64),
}

/// What a host is to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// Something is to be written.
    pub write: bool,
    /// Replies must wait until it is.
    pub hold: bool,
    /// A snapshot runs: ticks are wanted soon.
    pub tick: bool,
    /// Somebody asked for what is to be written: it is not to be put off.
    pub asked: bool,
}

/// Why a snapshot is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// SAVE, BGSAVE or a save point.
    Save,
    /// BGREWRITEAOF or its automatic kin, or a log that begins.
    Rewrite,
}

/// What the write under way is.
enum Step {
    Log {
        last: u64,
        bytes: u64,
        parts: u32,
        segment: u64,
        durable: bool,
    },
    Sync {
        last: u64,
    },
    /// A store gets a manifest before anything else: one that has none, but other things, has lost it.
    First,
    /// All chunks are to be durable before the manifest names them.
    Settle,
    Chunks,
    Manifest,
    Deletes,
}

/// A frame of the log on its way.
struct Frame {
    bytes: Vec<u8>,
    last: u64,
}

/// Where the snapshot that runs stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Taking,
    Settling,
    Naming,
}

/// Bytes of a snapshot's slice, taken between two commands: well below a millisecond's work.
const SLICE: usize = 96 << 10;

/// Bytes of chunks that may wait for the store before taking pauses.
const QUEUED: usize = 1 << 20;

/// About how long a chunk is, and for stores that charge for every object.
const CHUNK: usize = 256 << 10;
const LARGE_CHUNK: usize = 4 << 20;

/// Milliseconds between a failed write and the next try, and between a failed snapshot and the next one by itself.
const RETRY: i64 = 1000;
const SAVE_RETRY: i64 = 5000;

/// Bytes of a log kept in pieces that are gathered before a second is over.
const GATHERED: usize = 256 << 10;

/// Bytes of the log that are written before the stretch of commands ends that made them.
const LONG: usize = 64 << 10;

/// Pieces of a log, where each is an object, after which it is rewritten whatever its size.
const PIECES: usize = 1000;

/// Figures of past snapshots and rewrites.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Past {
    pub count: u64,
    /// Milliseconds that the last one took; -1 before the first.
    pub took: i64,
    pub failed: bool,
    /// Bytes copied before writes.
    pub copied: usize,
}

/// Keeps a keyspace in a store. Without a store it does nothing.
pub struct Persistence {
    store: Option<Store>,
    /// There will be a store.
    pub(crate) expected: bool,
    // What CONFIG says.
    pub(crate) fsync: Fsync,
    pub(crate) save_points: Vec<(i64, i64)>,
    pub(crate) stop_writes: bool,
    pub(crate) rewrite_percentage: u64,
    pub(crate) rewrite_min_size: u64,
    log_wanted: bool,
    // The log.
    pub(crate) log: Option<LogBuffer>,
    epoch: u64,
    /// The manifest in the store names the log's epoch: until it does, what is in the log counts for nothing.
    established: bool,
    frames: Vec<Frame>,
    segment: u64,
    /// Nothing was written to that segment yet.
    fresh: bool,
    /// Segments in the store, with their parts.
    segments: Vec<(u64, u32)>,
    log_bytes: u64,
    base_bytes: u64,
    sequence: u64,
    written: u64,
    durable: u64,
    asked: u64,
    sync_at: i64,
    pub(crate) log_failure: Option<String>,
    retry_at: i64,
    pub(crate) delayed_syncs: u64,
    // Snapshots.
    manifest: Manifest,
    /// There is no manifest in the store yet.
    bare: bool,
    number: u64,
    plan: Option<(Plan, Reason, Phase)>,
    again: Option<Reason>,
    /// Objects of the snapshot that are to be written, and those that are not needed any more.
    chunks: Vec<(String, Vec<u8>)>,
    allowance: usize,
    deletes: Vec<String>,
    /// Changes since the last snapshot.
    pub(crate) changes: u64,
    pub(crate) last_save: i64,
    last_try: i64,
    pub(crate) saves: Past,
    pub(crate) rewrites: Past,
    pub(crate) snapshot_failure: Option<String>,
    /// Keys that the snapshot had when it was read.
    pub(crate) loaded: u64,
    step: Option<Step>,
    /// What is left of a write that is more than the store takes at once.
    rest: Option<Write>,
}

impl Default for Persistence {
    fn default() -> Self {
        let past = Past { took: -1, ..Past::default() };
        Persistence {
            store: None,
            expected: false,
            fsync: Fsync::Everysec,
            save_points: Vec::new(),
            stop_writes: true,
            rewrite_percentage: 100,
            rewrite_min_size: 64 << 20,
            log_wanted: false,
            log: None,
            epoch: 0,
            established: false,
            frames: Vec::new(),
            segment: 1,
            fresh: true,
            segments: Vec::new(),
            log_bytes: 0,
            base_bytes: 0,
            sequence: 0,
            written: 0,
            durable: 0,
            asked: 0,
            sync_at: i64::MAX,
            log_failure: None,
            retry_at: 0,
            delayed_syncs: 0,
            manifest: Manifest::default(),
            bare: false,
            number: 0,
            plan: None,
            again: None,
            chunks: Vec::new(),
            allowance: 0,
            deletes: Vec::new(),
            changes: 0,
            last_save: 0,
            last_try: 0,
            saves: past,
            rewrites: past,
            snapshot_failure: None,
            loaded: 0,
            step: None,
            rest: None,
        }
    }
}

impl Persistence {
    /// Whether there is a store.
    pub fn is_attached(&self) -> bool {
        self.store.is_some()
    }

    /// Goes on from what was read out of `store`.
    pub(super) fn attach(&mut self, space: &mut Keyspace, store: Store, recovered: Recovered) {
        self.store = Some(store);
        if space.tracker.is_empty() {
            super::track(space);
        }
        self.number = recovered.number;
        self.segment = recovered.segment;
        self.segments = recovered.segments;
        self.log_bytes = recovered.log_bytes;
        self.sequence = recovered.sequence;
        (self.written, self.durable, self.asked) = (self.sequence, self.sequence, 0);
        self.epoch = recovered.manifest.epoch;
        self.base_bytes = recovered.manifest.bytes();
        // A log that nobody wants now does not go on later: what happens meanwhile is not in it.
        self.established = recovered.manifest.log && !recovered.anew && self.log_wanted;
        self.deletes = recovered.leftover;
        self.last_save = if recovered.manifest.at > 0 { recovered.manifest.at } else { space.now() };
        self.manifest = recovered.manifest;
        self.changes = recovered.changes;
        self.bare = recovered.bare;
        if self.log_wanted {
            self.start_log();
        }
        if recovered.anew {
            self.again = Some(Reason::Rewrite);
        }
        if self.again.take().is_some() {
            self.begin(space, Reason::Rewrite);
        }
    }

    /// `appendonly`. The log begins with a snapshot, and counts once that is in the store.
    pub(crate) fn set_log(&mut self, wanted: bool) {
        self.log_wanted = wanted;
        if self.is_attached() && wanted != self.log.is_some() {
            if wanted {
                self.start_log();
            } else {
                self.stop_log();
            }
        }
    }

    fn start_log(&mut self) {
        self.log = Some(LogBuffer::new(self.sequence));
        // A log that was on when the store was last closed goes on. Another one begins between two commands.
        if !self.established {
            self.again = Some(Reason::Rewrite);
        }
    }

    fn stop_log(&mut self) {
        self.push_frame();
        if !self.established {
            // No manifest will ever name it.
            self.frames.clear();
        }
        self.log = None;
        // A snapshot that runs may still name this log, but not the next one.
        self.epoch = 0;
        self.log_failure = None;
        self.established = false;
        self.asked = self.asked.min(self.sequence);
    }

    /// Number of the last effect there was while a log was on.
    pub fn sequence(&self) -> u64 {
        self.log.as_ref().map_or(self.sequence, LogBuffer::last)
    }

    /// Number of the last effect that is durable in the log.
    pub fn durable(&self) -> u64 {
        self.durable
    }

    /// Whether all that was done is durable, in the log or in a snapshot.
    pub fn is_durable(&self) -> bool {
        match &self.log {
            Some(_) => self.established && self.durable >= self.sequence(),
            None => self.changes == 0 && self.plan.is_none(),
        }
    }

    /// Asks for all that was done so far to become durable now; what to wait for.
    pub fn ask(&mut self, space: &mut Keyspace) -> Goal {
        if self.log.is_some() {
            self.asked = self.sequence();
            return Goal::Effect(self.asked);
        }
        match &self.plan {
            Some((plan, _, _)) if plan.changes == self.changes => Goal::Snapshot(self.number),
            Some(_) => {
                self.again = self.again.or(Some(Reason::Save));
                Goal::Snapshot(self.number + 1)
            }
            None if self.changes == 0 => Goal::Snapshot(0),
            None => {
                self.begin(space, Reason::Save);
                Goal::Snapshot(self.number)
            }
        }
    }

    /// Whether what was asked for is done; an error where the store fails for now.
    pub fn is_reached(&self, goal: Goal) -> Result<bool, String> {
        let text = |text: &Option<String>| Err(text.clone().unwrap_or_default());
        let reached = match goal {
            Goal::Effect(number) => self.log.is_none() || (self.established && self.durable >= number),
            Goal::Snapshot(number) => self.has_written(number),
        };
        match goal {
            _ if reached => Ok(true),
            Goal::Effect(_) if self.log_failure.is_some() => text(&self.log_failure),
            _ if self.plan.is_none() && self.again.is_none() && self.snapshot_failure.is_some() => {
                text(&self.snapshot_failure)
            }
            _ => Ok(false),
        }
    }

    /// What the host is to do now, at `now` (milliseconds since 1970).
    #[inline]
    pub fn want(&self, now: i64) -> Want {
        if self.store.is_none() {
            return Want { write: false, hold: false, tick: false, asked: false };
        }
        let write = self.rest.is_some()
            || self.step.is_none() && (self.log_is_due(now) || self.snapshot_is_due(now) || !self.deletes.is_empty());
        Want {
            write,
            hold: self.holds(),
            tick: self.plan.is_some() || self.again.is_some(),
            asked: self.allowance == usize::MAX || self.asked > self.durable || self.pending_log() >= LONG,
        }
    }

    /// Whether replies must wait.
    fn holds(&self) -> bool {
        self.fsync == Fsync::Always && self.log.as_ref().is_some_and(|log| self.durable < log.last())
    }

    fn pending_log(&self) -> usize {
        self.log.as_ref().map_or(0, LogBuffer::len)
    }

    /// Whether the log has something for the store now.
    fn log_is_due(&self, now: i64) -> bool {
        if !self.established && self.log.is_some() || now < self.retry_at {
            return false;
        }
        let Some(store) = self.store else { return false };
        let waits = self.pending_log() > 0;
        let at_once = self.asked > self.durable || self.fsync == Fsync::Always || store.appends;
        !self.frames.is_empty()
            || (waits && (at_once || now >= self.sync_at || self.pending_log() >= GATHERED))
            || self.sync_is_due(now)
    }

    fn sync_is_due(&self, now: i64) -> bool {
        self.durable < self.written
            && (self.asked > self.durable
                || self.fsync == Fsync::Always
                || (self.fsync == Fsync::Everysec && now >= self.sync_at))
    }

    fn snapshot_is_due(&self, now: i64) -> bool {
        let settled = matches!(self.plan, Some((_, _, Phase::Settling | Phase::Naming)));
        (!self.chunks.is_empty() && self.allowance > 0 || settled && self.chunks.is_empty()) && now >= self.retry_at
    }

    /// Puts what waits into a frame of the log.
    fn push_frame(&mut self) {
        let epoch = self.epoch;
        if let Some(log) = self.log.as_mut() {
            self.sequence = log.last();
            if !log.is_empty() {
                let bytes = log.frame(epoch);
                self.frames.push(Frame { bytes, last: log.last() });
            }
        }
    }

    /// Says that effects wait in the log: a second from now at the latest they are durable.
    #[inline]
    pub(crate) fn noted(&mut self, now: i64) {
        if self.sync_at == i64::MAX {
            self.sync_at = now + 1000;
        }
    }

    /// The next thing to write, if something is due; [`Persistence::wrote`] says how it went. What is more than the store
    /// takes at once comes in several.
    pub fn next(&mut self, now: i64) -> Option<Write> {
        let store = self.store?;
        let mut rest = match self.rest.take() {
            Some(rest) => rest,
            None if self.step.is_some() => return None,
            None => self.next_whole(store, now)?,
        };
        let mut bytes = 0;
        let fits = rest.operations.iter().take(store.operations.max(1)).take_while(|(_, name, content)| {
            bytes += name.len() + content.len();
            bytes <= store.bytes
        });
        let count = fits.count().max(1);
        if count >= rest.operations.len() {
            return Some(rest);
        }
        let left = rest.operations.split_off(count);
        self.rest = Some(Write { operations: left, durable: rest.durable });
        Some(Write { durable: false, ..rest })
    }

    fn next_whole(&mut self, store: Store, now: i64) -> Option<Write> {
        if self.bare && self.snapshot_is_due(now) {
            self.step = Some(Step::First);
            let (name, bytes) = self.manifest.write(usize::MAX).remove(0);
            return Some(Write { operations: vec![(Operation::Put, name, bytes)], durable: true });
        }
        if self.log_is_due(now) {
            return Some(self.next_log(store, now));
        }
        if self.snapshot_is_due(now) {
            return Some(self.next_of_snapshot(store));
        }
        let mut write = Write::default();
        while write.operations.len() < 64 {
            let Some(name) = self.deletes.pop() else { break };
            write.operations.push((Operation::Delete, name, Vec::new()));
        }
        self.step = (!write.operations.is_empty()).then_some(Step::Deletes);
        self.step.is_some().then_some(write)
    }

    fn next_log(&mut self, store: Store, now: i64) -> Write {
        if self.frames.is_empty() && self.pending_log() > 0 {
            self.push_frame();
        }
        // Before a segment begins the one before is durable: else a crash could leave a hole between them.
        let synced = !self.fresh || self.durable >= self.written || !store.appends;
        let Some(frame) = self.frames.first().filter(|_| synced) else {
            self.step = Some(Step::Sync { last: self.written });
            return Write { operations: Vec::new(), durable: true };
        };
        let (last, bytes) = (frame.last, frame.bytes.len() as u64);
        let gathers = !store.appends && self.fsync == Fsync::Everysec;
        let durable = self.fsync == Fsync::Always || self.asked > self.durable || gathers;
        let name = format!("{LOGS}{:012}", self.segment);
        let (parts, segment) = (frame.bytes.len().div_ceil(store.object) as u32, self.segment);
        let (mut objects, operation) = (Vec::new(), if store.appends { Operation::Append } else { Operation::Put });
        if !store.appends {
            names(name.clone(), parts, &mut objects);
        }
        let mut operations = Vec::new();
        for (at, piece) in frame.bytes.chunks(store.object).enumerate() {
            operations.push((operation, objects.get(at).unwrap_or(&name).clone(), piece.to_vec()));
        }
        let parts = if store.appends { 1 } else { parts };
        if !store.appends {
            self.segment += 1;
        }
        if !durable && self.sync_at == i64::MAX {
            self.sync_at = now + 1000;
        }
        self.step = Some(Step::Log { last, bytes, parts, segment, durable });
        Write { operations, durable }
    }

    fn next_of_snapshot(&mut self, store: Store) -> Write {
        let mut write = Write::default();
        let mut bytes = 0;
        while bytes < QUEUED.min(store.bytes) && !self.chunks.is_empty() {
            let (name, content) = self.chunks.remove(0);
            bytes += name.len() + content.len();
            write.operations.push((Operation::Put, name, content));
        }
        if !write.operations.is_empty() {
            self.allowance = self.allowance.saturating_sub(bytes);
            self.step = Some(Step::Chunks);
            return write;
        }
        let Some((plan, _, phase)) = &mut self.plan else { return write };
        write.durable = true;
        if *phase == Phase::Settling {
            self.step = Some(Step::Settle);
            return write;
        }
        // Before this object nothing has happened.
        let (name, content) = plan.manifest.write(store.object).pop().expect("one at least");
        write.operations.push((Operation::Put, name, content));
        self.step = Some(Step::Manifest);
        write
    }

    /// Says how the write under way went; true when somebody may have waited for it.
    pub fn wrote(&mut self, space: &mut Keyspace, result: Result<(), String>) -> bool {
        if result.is_err() {
            self.rest = None;
        }
        let Some(step) = self.step.take_if(|_| self.rest.is_none()) else { return false };
        match result {
            Ok(()) => self.succeeded(space, step),
            Err(text) => self.failed(space, step, text),
        }
    }

    fn succeeded(&mut self, space: &mut Keyspace, step: Step) -> bool {
        match step {
            Step::Log { last, bytes, parts, segment, durable } => {
                self.frames.remove(0);
                self.fresh = self.segment != segment;
                self.log_bytes += bytes;
                self.written = last;
                self.log_failure = None;
                if self.segments.last().map(|held| held.0) != Some(segment) {
                    self.segments.push((segment, parts));
                }
                if durable {
                    self.is_durable_up_to(last, space.now());
                }
                durable
            }
            Step::Sync { last } => {
                self.is_durable_up_to(last, space.now());
                true
            }
            Step::First => {
                self.bare = false;
                false
            }
            Step::Settle => {
                if let Some((_, _, phase)) = &mut self.plan {
                    *phase = Phase::Naming;
                }
                false
            }
            Step::Manifest => {
                self.finish(space);
                true
            }
            Step::Chunks | Step::Deletes => false,
        }
    }

    fn is_durable_up_to(&mut self, last: u64, now: i64) {
        self.durable = last;
        let all = self.durable >= self.sequence() && self.frames.is_empty();
        self.sync_at = if all { i64::MAX } else { now + 1000 };
    }

    fn failed(&mut self, space: &mut Keyspace, step: Step, text: String) -> bool {
        let now = space.now();
        match step {
            Step::Log { segment, parts, durable, .. } => {
                if durable && self.written > self.durable {
                    self.established = false;
                    self.again = Some(Reason::Rewrite);
                }
                // What was appended may be torn: the next try goes to a segment of its own.
                self.segments.push((segment, parts));
                self.segment = self.segment.max(segment + 1);
                self.fresh = true;
                self.log_fails(now, text)
            }
            Step::Sync { .. } => {
                // Nobody knows what of it is durable, and it is not kept here: another log takes its place, which begins
                // with a snapshot.
                self.established = false;
                self.again = Some(Reason::Rewrite);
                self.log_fails(now, text)
            }
            Step::First | Step::Settle | Step::Chunks | Step::Manifest => {
                let manifest_may_stand = matches!(step, Step::Manifest);
                self.snapshot_failure = Some(text);
                self.abandon(space, manifest_may_stand);
                true
            }
            Step::Deletes => false,
        }
    }

    fn log_fails(&mut self, now: i64, text: String) -> bool {
        self.retry_at = now + RETRY;
        self.delayed_syncs += 1;
        self.log_failure = Some(text);
        true
    }

    /// Whether a snapshot runs, and for what.
    pub(crate) fn running(&self) -> Option<Reason> {
        self.plan.as_ref().map(|(_, reason, _)| *reason)
    }

    /// When the running snapshot began (microseconds since 1970), and bytes it copied.
    pub(crate) fn running_since(&self, space: &Keyspace) -> Option<(i64, usize)> {
        let early: usize = space.tracker.early.iter().map(|early| early.1.len()).sum();
        self.plan.as_ref().map(|(plan, _, _)| (plan.begun_us, plan.copied + early))
    }

    /// Begins a snapshot of this instant, unless one runs.
    pub(crate) fn begin(&mut self, space: &mut Keyspace, reason: Reason) -> bool {
        let Some(store) = self.store.filter(|_| self.plan.is_none()) else { return false };
        self.push_frame();
        // The log goes on in a segment of its own, so that all before can go.
        self.segment += 1;
        self.fresh = true;
        self.number += 1;
        let log = self.log.is_some();
        if log && !self.established {
            self.epoch = self.number;
            self.frames.clear();
        }
        let next = Manifest {
            snapshot: self.number,
            at: space.now(),
            sequence: self.sequence(),
            log,
            epoch: self.epoch,
            log_from: self.segment,
            ..Manifest::default()
        };
        let target = if store.eventual { LARGE_CHUNK } else { CHUNK };
        let mut plan = Plan::new(space, &self.manifest, next, target, store.object);
        plan.changes = self.changes;
        self.last_try = space.now();
        self.plan = Some((plan, reason, Phase::Taking));
        true
    }

    /// Asks for a snapshot behind the one that runs, or when the transaction that runs is over.
    pub(crate) fn queue(&mut self, reason: Reason) {
        self.again = Some(reason);
    }

    /// Gives up the snapshot that runs, unless it is all but written, for another one of now.
    pub(crate) fn make_way(&mut self, space: &mut Keyspace) {
        self.give_up(space);
    }

    /// Number of the last snapshot that was begun.
    pub(crate) fn snapshot_number(&self) -> u64 {
        self.number
    }

    /// Whether the snapshot of that number is being written.
    pub(crate) fn is_writing(&self, number: u64) -> bool {
        self.plan.as_ref().is_some_and(|(plan, _, _)| plan.manifest.snapshot <= number)
    }

    /// Whether the snapshot of that number, or a later one, is in the store.
    pub(crate) fn has_written(&self, number: u64) -> bool {
        self.manifest.snapshot >= number
    }

    /// Takes all that the running snapshot still wants, at once.
    pub(crate) fn take_all(&mut self, space: &mut Keyspace) {
        self.take_some(space, usize::MAX);
        self.allowance = usize::MAX;
    }

    fn take_some(&mut self, space: &mut Keyspace, budget: usize) {
        if space.tracker.upset {
            space.tracker.upset = false;
            if let Some((_, reason, Phase::Taking)) = self.plan {
                self.give_up(space);
                self.begin(space, reason);
            }
        }
        if let Some((plan, _, phase @ Phase::Taking)) = &mut self.plan {
            let mut done = Vec::new();
            if plan.go_on(space, budget, &mut done) {
                *phase = Phase::Settling;
                // A manifest too long for one object stands in parts, which its own object names.
                let mut parts = plan.manifest.write(self.store.map_or(usize::MAX, |store| store.object));
                parts.pop();
                done.extend(parts);
            }
            self.chunks.append(&mut done);
        }
    }

    /// Does what time asks for: slices of a snapshot, save points, rewrites.
    pub fn tick(&mut self, space: &mut Keyspace) {
        if self.store.is_none() {
            return;
        }
        let now = space.now();
        match self.plan {
            Some(_) => {
                let queued: usize = self.chunks.iter().map(|chunk| chunk.1.len()).sum();
                if queued < QUEUED {
                    self.take_some(space, SLICE);
                }
                self.allowance = self.allowance.max(2 * SLICE);
            }
            None => {
                let again = self.again.take();
                if let Some(reason) = again.or_else(|| self.due(now)) {
                    self.begin(space, reason);
                }
            }
        }
    }

    /// What kind of snapshot is due by itself.
    fn due(&self, now: i64) -> Option<Reason> {
        let unsaved = self.anew() && now >= self.last_try + RETRY;
        if unsaved || (now >= self.last_try + RETRY && self.is_rewrite_due()) {
            return Some(Reason::Rewrite);
        }
        (self.next_save().is_some_and(|at| now >= at)).then_some(Reason::Save)
    }

    /// A log waits for the snapshot that it begins with.
    fn anew(&self) -> bool {
        self.log.is_some() && !self.established
    }

    fn is_rewrite_due(&self) -> bool {
        let Some(store) = self.store.filter(|_| self.log.is_some()) else { return false };
        let size = self.base_bytes + self.log_bytes;
        let grown = self.log_bytes * 100 / self.base_bytes.max(1);
        let large = self.rewrite_percentage > 0 && size > self.rewrite_min_size && grown >= self.rewrite_percentage;
        large || (!store.appends && self.segments.len() >= PIECES)
    }

    /// When a save point is reached, if nothing more happens.
    fn next_save(&self) -> Option<i64> {
        let reached = self.save_points.iter().filter(|point| self.changes >= point.1 as u64);
        let at = reached.map(|point| self.last_save + point.0.saturating_mul(1000)).min()?;
        Some(if self.saves.failed { at.max(self.last_try + SAVE_RETRY) } else { at })
    }

    /// When [`Persistence::tick`] or [`Persistence::next`] is wanted (milliseconds since 1970).
    pub fn next_tick(&self, now: i64) -> Option<i64> {
        self.store?;
        let syncs = self.log.is_some() || self.durable < self.written;
        let sync =
            (syncs && self.sync_at != i64::MAX && self.fsync != Fsync::No).then(|| self.sync_at.max(self.retry_at));
        let gathered = (self.pending_log() > 0 && self.fsync == Fsync::No).then(|| self.sync_at.max(self.retry_at));
        let retry = (!self.frames.is_empty() && self.established).then_some(self.retry_at);
        let slice = (self.plan.is_some() || self.again.is_some()).then_some(now + 1);
        let due = self.plan.is_none().then(|| {
            let rewrite = (self.anew() || self.is_rewrite_due()).then_some(self.last_try + RETRY);
            [rewrite, self.next_save()].into_iter().flatten().min()
        });
        [sync, gathered, retry, slice, due.flatten()].into_iter().flatten().min().map(|at| at.max(now + 1))
    }

    /// The manifest is in the store.
    fn finish(&mut self, space: &mut Keyspace) {
        let Some((plan, reason, _)) = self.plan.take() else { return };
        let now = space.now_us();
        let before = std::mem::replace(&mut self.manifest, plan.manifest);
        // Where others may still see the last manifest, what it names stays one snapshot longer.
        let gone = if self.store.is_some_and(|store| store.eventual) {
            self.manifest.leaving = plan.replaced;
            before.leaving
        } else {
            plan.replaced
        };
        self.delete_all(&gone);
        let from = self.manifest.log_from;
        for &(segment, parts) in self.segments.iter().filter(|held| held.0 < from) {
            names(format!("{LOGS}{segment:012}"), parts, &mut self.deletes);
        }
        self.segments.retain(|held| held.0 >= from);
        self.log_bytes = 0;
        self.base_bytes = self.manifest.bytes();
        self.snapshot_failure = None;
        if self.manifest.log && self.log.is_some() && self.manifest.epoch == self.epoch {
            self.established = true;
            self.log_failure = None;
            // What the snapshot holds needs no log.
            self.written = self.written.max(self.manifest.sequence);
            self.durable = self.durable.max(self.manifest.sequence);
        }
        self.changes = self.changes.saturating_sub(plan.changes);
        self.last_save = now.div_euclid(1000);
        self.allowance = 0;
        self.note(reason, plan.copied, now - plan.begun_us, false);
    }

    fn note(&mut self, reason: Reason, copied: usize, took_us: i64, failed: bool) {
        let past = match reason {
            Reason::Save => &mut self.saves,
            Reason::Rewrite => &mut self.rewrites,
        };
        *past = Past { count: past.count + 1, took: took_us.div_euclid(1000), failed, copied };
    }

    /// Leaves the running snapshot, and what it has written so far.
    fn give_up(&mut self, space: &mut Keyspace) -> Option<(Plan, Reason)> {
        let (plan, reason, _) = self.plan.take()?;
        plan.give_up(space);
        self.chunks.clear();
        plan.own().for_each(|chunk| chunk.names(&mut self.deletes));
        Some((plan, reason))
    }

    fn delete_all(&mut self, chunks: &[Chunk]) {
        chunks.iter().for_each(|chunk| chunk.names(&mut self.deletes));
    }

    /// The running snapshot failed.
    fn abandon(&mut self, space: &mut Keyspace, manifest_may_stand: bool) {
        let deletes = self.deletes.len();
        let Some((plan, reason)) = self.give_up(space) else { return };
        if manifest_may_stand {
            // Whether the new manifest stands nobody knows: what either one names stays until a later one is written.
            self.deletes.truncate(deletes);
        }
        let now = space.now_us();
        self.note(reason, plan.copied, now - plan.begun_us, true);
    }

    /// Size of snapshot and log, of the snapshot alone, and bytes that wait, for INFO.
    pub(crate) fn sizes(&self) -> (u64, u64, u64) {
        let waits = self.pending_log() + self.frames.iter().map(|frame| frame.bytes.len()).sum::<usize>();
        (self.base_bytes + self.log_bytes, self.base_bytes, waits as u64)
    }

    /// Whether a snapshot waits for its turn.
    pub(crate) fn queued(&self) -> Option<Reason> {
        self.again
    }

    /// Whether writes are refused.
    #[inline]
    pub(crate) fn refuses(&self) -> bool {
        self.log_failure.is_some() || (self.saves.failed && self.stop_writes && !self.save_points.is_empty())
    }

    /// Why writes are refused, in Redis' words.
    pub(crate) fn refusal(&self) -> Option<crate::resp::Fault> {
        use crate::resp::Fault;
        if let Some(text) = &self.log_failure {
            return Some(Fault::made(format!("MISCONF Errors writing to the AOF file: {text}")));
        }
        self.refuses().then_some(Fault::Text(
            "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands \
             that may modify the data set are disabled, because this instance is configured to report errors during \
             writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for \
             details about the RDB error.",
        ))
    }
}
