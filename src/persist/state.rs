//! What is to be written next, and what became of it. One write is under way at a time; the log goes before snapshots.

mod snapshots;
mod writes;

use super::log::LogBuffer;
use super::manifest::Manifest;
use super::recovery::Recovered;
use super::snapshot::Plan;
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

/// What the write under way is. The answer may come when much has happened since, so a step knows what it was for: its
/// frame is no longer in the queue, and a snapshot is told by its number.
enum Step {
    Log {
        frame: Frame,
        parts: u32,
        segment: u64,
        durable: bool,
    },
    Sync {
        last: u64,
    },
    /// A store gets a manifest before anything else: one that has none, but other things, has lost it.
    First,
    /// Objects of the snapshot of that number.
    Chunks(u64),
    /// All chunks are to be durable before the manifest names them. The snapshot cannot be given up any more.
    Settle,
    Manifest,
    Deletes,
}

/// A frame of the log on its way.
struct Frame {
    bytes: Vec<u8>,
    last: u64,
    epoch: u64,
}

/// Where the snapshot that runs stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Taking,
    Settling,
    Naming,
}

/// Bytes of a snapshot's slice, taken between two commands: well below a millisecond's work.
const SLICE: usize = 48 << 10;

/// Bytes of chunks that may wait for the store before taking pauses.
const QUEUED: usize = 1 << 20;

/// About how long a chunk is, and for stores that charge for every object.
const CHUNK: usize = 256 << 10;
const LARGE_CHUNK: usize = 4 << 20;

/// Most objects of a snapshot that the store may flush beside the thread while another is written.
const FLUSHING: u32 = 3;

/// Objects that are deleted between two commands: that of a file takes a tenth of a millisecond.
const DELETIONS: usize = 64;
const FILE_DELETIONS: usize = 6;

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
    /// SAVE waits for it.
    is_waited_for: bool,
    deletes: Vec<String>,
    /// How many of them may go before the next tick.
    deletions: usize,
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
            is_waited_for: false,
            deletes: Vec::new(),
            deletions: 0,
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

    /// Whether the store is fit for a log, as far as it is known.
    pub(crate) fn takes_log(&self) -> bool {
        self.store.is_none_or(|store| store.logs)
    }

    /// Goes on from what was read out of `store`.
    pub(super) fn attach(&mut self, space: &mut Keyspace, store: Store, recovered: Recovered) {
        self.store = Some(store);
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

    /// Asks for all that was done so far to become durable now, in a snapshot where that is to be or there is no log; what
    /// to wait for.
    pub fn ask(&mut self, space: &mut Keyspace, in_snapshot: bool) -> Goal {
        if self.log.is_some() {
            self.asked = self.sequence();
            if !in_snapshot {
                return Goal::Effect(self.asked);
            }
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
            || self.step.is_none() && (self.log_is_due(now) || self.snapshot_is_due(now) || self.deletions > 0);
        Want {
            write,
            hold: self.holds(),
            tick: self.plan.is_some() || self.again.is_some() || !self.deletes.is_empty(),
            asked: self.is_hurried() || self.pending_log() >= LONG,
        }
    }

    /// Whether somebody waits for what is to be written.
    fn is_hurried(&self) -> bool {
        self.is_waited_for || self.asked > self.durable
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
        (!self.chunks.is_empty() && (self.allowance > 0 || self.is_waited_for) || settled && self.chunks.is_empty())
            && now >= self.retry_at
    }

    /// Puts what waits into a frame of the log.
    fn push_frame(&mut self) {
        let epoch = self.epoch;
        if let Some(log) = self.log.as_mut() {
            self.sequence = log.last();
            if !log.is_empty() {
                let bytes = log.frame(epoch);
                self.frames.push(Frame { bytes, last: log.last(), epoch });
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
