//! The keyspace: databases of keys cut into segments by hash slot, expiry, and the record of what a command
//! changed. Time, seed and limits are handed in; nothing here knows a session or a protocol.

mod access;
mod changes;
mod database;
mod entry;
mod eviction;
mod fields;
mod footprint;
mod keys;
mod tracker;
mod value;
mod versions;

pub use access::Used;
pub use changes::{Changes, Class, Effect, Event};
pub use database::{Database, SEGMENTS};
pub use entry::{Entry, StringMut};
pub use eviction::{Order, Policy};
pub use keys::{Expiry, Keys};
pub use tracker::{Segment, Take, Tracker};
pub use value::{Str, StrRef, Value, ValueRef};
pub use versions::Versions;

use crate::bytes::Rng;
use crate::structures::dict::Dict;
use crate::structures::sorted_set::SortedSet;
use crate::structures::stream::NodeLimits;
use crate::structures::Limits;

/// When the compact encodings give way, under Redis' CONFIG names.
#[derive(Clone, Copy, Debug)]
pub struct EncodingLimits {
    /// `hash-max-listpack-entries`, `hash-max-listpack-value`.
    pub hash: Limits,
    /// `set-max-listpack-entries`, `set-max-listpack-value`.
    pub set: Limits,
    /// `set-max-intset-entries`.
    pub intset: usize,
    /// `zset-max-listpack-entries`, `zset-max-listpack-value`.
    pub sorted_set: Limits,
    /// `list-max-listpack-size`: bytes by class when negative, entries when positive.
    pub list: i64,
    /// `hll-sparse-max-bytes`: longest sparse HyperLogLog in bytes.
    pub sparse: usize,
    /// `stream-node-max-bytes`, `stream-node-max-entries`.
    pub stream: NodeLimits,
    /// `proto-max-bulk-len`: longest string in bytes.
    pub bulk: usize,
    /// `lazyfree-lazy-user-flush`: a flush that does not say how gives its memory back later.
    pub lazy_flush: bool,
}

impl EncodingLimits {
    /// Redis' defaults; tables that grow out of compact forms hash with `seed`.
    fn new(seed: u64) -> Self {
        let small = Limits { entries: 128, value: 64, seed };
        let hash = Limits { entries: 512, ..small };
        EncodingLimits {
            hash,
            set: small,
            intset: 512,
            sorted_set: small,
            list: -2,
            sparse: 3000,
            stream: NodeLimits { bytes: 4096, entries: 100 },
            bulk: 512 << 20,
            lazy_flush: false,
        }
    }
}

/// Counters that INFO reports.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Keys that expired.
    pub expired: u64,
    /// Fields of hashes that expired.
    pub expired_fields: u64,
    /// Keys that were evicted.
    pub evicted: u64,
}

/// All databases, and what every command on them shares.
pub struct Keyspace {
    pub(crate) databases: Vec<Database>,
    now_us: i64,
    pub(crate) now: i64,
    pub(crate) access: access::Access,
    pub(crate) eviction: eviction::Eviction,
    /// Whether reading and writing mark a key as used now (CLIENT NO-TOUCH).
    pub(crate) touches: bool,
    pub(crate) seed: u64,
    /// The only source of chance for commands.
    pub rng: Rng,
    /// What the running command changed.
    pub changes: Changes,
    /// Counters for INFO.
    pub stats: Stats,
    /// When compact encodings give way.
    pub limits: EncodingLimits,
    /// Values taken out of the keyspace by UNLINK and its like, freed a slice at a time.
    pub(crate) garbage: Vec<Value>,
    /// Sorted sets, by database and key, that still hold members which were taken out of them.
    thinned: Vec<(usize, Box<[u8]>)>,
    /// Tables of databases that were flushed lazily, freed likewise.
    flushed: Vec<Dict<Entry>>,
    /// Where the next slice of active expiry starts: database, segment.
    pub(crate) expiry_at: (usize, usize),
    /// Some hash may hide fields that are due: there were too many to remove at once.
    pub(crate) backlog: bool,
    /// What was written since the last snapshot.
    pub tracker: Tracker,
    /// Tell a host whether its copies of values are still good.
    versions: Versions,
    /// The key of the running command, and where it belongs.
    pub(crate) known: Known,
    /// Nothing expires: a log is repeated, in which the deletion of what expired stands where it happened.
    pub holds_expiry: bool,
}

/// A key whose place has been found: commands ask for the place of their key several times.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    /// Where its bytes stand: nothing else does while the command runs that has it among its arguments.
    address: usize,
    length: usize,
    place: database::Place,
}

impl Known {
    /// No key.
    const NONE: Known = Known { address: 0, length: usize::MAX, place: database::Place::NONE };
}

impl Keyspace {
    /// `databases` empty databases whose tables hash with `seed`.
    pub fn new(databases: usize, seed: u64) -> Self {
        Keyspace {
            databases: (0..databases).map(|_| Database::default()).collect(),
            now_us: 0,
            now: 0,
            access: access::Access::new(seed),
            eviction: eviction::Eviction::new(),
            touches: true,
            seed,
            rng: Rng::new(seed),
            changes: Changes::default(),
            stats: Stats::default(),
            limits: EncodingLimits::new(seed),
            garbage: Vec::new(),
            thinned: Vec::new(),
            flushed: Vec::new(),
            expiry_at: (0, 0),
            backlog: false,
            versions: Versions::default(),
            known: Known::NONE,
            tracker: Tracker::default(),
            holds_expiry: false,
        }
    }

    /// Whether every read of a key counts, as LFU policies have it, and not only the last one in a second.
    pub(crate) fn counts_uses(&self) -> bool {
        self.access.by_frequency
    }

    /// Finds the place of the key that the next command is about, which stays where it is until [`Keyspace::forget`].
    #[inline]
    pub(crate) fn remember(&mut self, key: &[u8]) {
        let place = database::place(self.seed, key);
        self.known = Known { address: key.as_ptr() as usize, length: key.len(), place };
    }

    /// The key of [`Keyspace::remember`] is no longer where it was.
    #[inline]
    pub(crate) fn forget(&mut self) {
        self.known.length = usize::MAX;
    }

    /// Sets the instant that commands see, in microseconds since 1970.
    #[inline]
    pub fn set_clock(&mut self, now_us: i64) {
        if now_us != self.now_us {
            self.now_us = now_us;
            self.now = now_us.div_euclid(1000);
            self.access.set_clock(self.now);
        }
    }

    /// The instant that commands see, in milliseconds since 1970.
    #[inline]
    pub fn now(&self) -> i64 {
        self.now
    }

    /// The instant that commands see, in microseconds since 1970.
    pub fn now_us(&self) -> i64 {
        self.now_us
    }

    /// How many databases there are.
    pub fn databases(&self) -> usize {
        self.databases.len()
    }

    /// The keys of database `index`. Panics when there is no such database.
    #[inline]
    pub fn keys(&mut self, index: usize) -> Keys<'_> {
        debug_assert!(index < self.databases.len());
        Keys { space: self, db: index }
    }

    /// Database `index` for counting and walking.
    pub fn database(&self, index: usize) -> &Database {
        &self.databases[index]
    }

    /// What an entry's place in its table costs `key`'s entry, in bytes: the table's free places are shared by
    /// all. 0 in an empty database. O(1).
    pub fn entry_share(&self, db: usize, key: &[u8]) -> usize {
        self.databases[db].entry_share(database::place(self.seed, key))
    }

    /// What is remembered of the use of an entry.
    pub fn used(&self, entry: &Entry) -> Used {
        self.access.used(entry.access())
    }

    /// Exchanges two databases, whole.
    pub fn swap(&mut self, a: usize, b: usize) {
        if a != b {
            self.note_whole(a);
            self.note_whole(b);
            self.will_write_all();
            self.databases.swap(a, b);
            self.tracker.whole(a);
            self.tracker.whole(b);
            self.note_whole(a);
            self.note_whole(b);
            self.changes.dirty += 1;
        }
    }

    /// Empties database `index`; the memory is given back in slices when `lazily`. Returns how many keys it held.
    pub fn flush(&mut self, index: usize, lazily: bool) -> usize {
        self.note_whole(index);
        self.changes.flushed = true;
        self.will_write_all();
        self.tracker.whole(index);
        let old = std::mem::take(&mut self.databases[index]);
        let count = old.len();
        if lazily {
            self.flushed.extend(old.into_tables());
        }
        self.changes.dirty += count as u64;
        count
    }

    /// Marks every key of a database as touched, for those who watch or wait.
    fn note_whole(&mut self, index: usize) {
        self.changes.whole = true;
        if self.changes.record_whole {
            let keys: Vec<Box<[u8]>> = self.databases[index].iter().map(|entry| entry.key().into()).collect();
            self.changes.touched.extend(keys.into_iter().map(|key| (index, key)));
        }
    }

    /// Whether unlinked values wait to be freed.
    pub fn has_garbage(&self) -> bool {
        !self.garbage.is_empty() || !self.flushed.is_empty() || !self.thinned.is_empty()
    }

    /// How many values, and entries of flushed databases, wait to be freed.
    pub fn garbage_len(&self) -> usize {
        self.garbage.len() + self.flushed.iter().map(Dict::len).sum::<usize>()
    }

    /// Frees about `budget` items of values that were unlinked; true while some are left.
    pub fn free_some(&mut self, budget: usize) -> bool {
        let mut left = budget as isize;
        while left > 0 {
            if let Some(value) = self.garbage.last_mut() {
                left -= value.view().weight().min(budget) as isize + 1;
                if value.free_some(budget) {
                    self.garbage.pop();
                }
            } else if let Some((db, key)) = self.thinned.last() {
                // To take a member out of a set costs several times what dropping a value does.
                left -= budget as isize / 2 + 1;
                let place = database::place(self.seed, key);
                let entry = self.databases.get_mut(*db).and_then(|database| database.find_mut(place, key));
                if entry.and_then(Entry::get_mut::<SortedSet>).is_none_or(|set| set.purge(budget / 8)) {
                    self.thinned.pop();
                }
            } else if let Some(table) = self.flushed.last_mut() {
                left -= 1;
                match table.pop_any() {
                    Some(entry) if entry.value().is_large() => self.garbage.push(entry.into_value()),
                    Some(_) => {}
                    None => drop(self.flushed.pop()),
                }
            } else {
                return false;
            }
        }
        self.has_garbage()
    }

    /// One slice of active expiry: visits about `budget` entries of segments in which something is due, removes
    /// keys and fields that have expired, about twice as many at most, and says whether more may be due now.
    pub fn expire_some(&mut self, budget: usize) -> bool {
        if self.holds_expiry {
            return false;
        }
        let mut visited = 0;
        let segments = self.databases.len() * SEGMENTS;
        for _ in 0..segments {
            let (db, segment) = self.expiry_at;
            if self.databases[db].segment_due(segment, self.now) {
                if visited >= budget {
                    return true;
                }
                let mut due = Vec::new();
                let (seen, finished) = self.databases[db].find_due(segment, self.now, budget, &mut due);
                visited += seen;
                let mut keys = self.keys(db);
                for key in due {
                    visited += keys.expire_due(&key, (3 * budget).saturating_sub(visited));
                }
                if !finished {
                    return true;
                }
            } else if segment == 0 && self.databases[db].soonest() > self.now {
                self.expiry_at = ((db + 1) % self.databases.len(), 0);
                if self.expiry_at.0 == 0 && self.databases.iter().all(|db| db.soonest() > self.now) {
                    break;
                }
                continue;
            }
            self.expiry_at =
                if segment + 1 < SEGMENTS { (db, segment + 1) } else { ((db + 1) % self.databases.len(), 0) };
        }
        let more = self.databases.iter().any(|db| db.soonest() <= self.now);
        self.backlog &= more;
        more
    }

    /// No key and no field expires before this instant (milliseconds since 1970); `None` when none has an expiry.
    pub fn next_expiry(&self) -> Option<i64> {
        let soonest = self.databases.iter().map(Database::soonest).min().unwrap_or(i64::MAX);
        (soonest != i64::MAX).then_some(soonest)
    }
}

#[cfg(test)]
mod tests;
