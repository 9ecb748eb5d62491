//! One database: a table for each segment of 16 hash slots. A segment is the unit of growth, of expiry, of the
//! SCAN cursor, and later of snapshot and migration; the tables exist only once the database holds a key.

use super::entry::{Entry, NEVER};
use crate::bytes::{hash_bytes, key_slot};
use crate::structures::dict::{Dict, CURSOR_BITS};

/// Segments of a database.
pub const SEGMENTS: usize = 1024;

pub(super) struct Segment {
    pub(super) entries: Dict<Entry>,
    /// Entries that have an expiry.
    pub(super) volatile: usize,
    /// Hashes whose fields may expire.
    timed: usize,
    /// No entry and no field expires before this; a lower bound, made exact by a whole walk.
    soonest: i64,
    /// Where the walk that looks for due entries stands, and the earliest expiry it saw.
    walk: (u64, i64),
}

impl Segment {
    /// Says that something expires at `at`.
    fn lower(&mut self, at: i64) {
        self.soonest = self.soonest.min(at);
        self.walk.1 = self.walk.1.min(at);
    }

    /// Forgets the bound once nothing is left that could expire.
    fn relax(&mut self) {
        if self.volatile == 0 && self.timed == 0 {
            self.soonest = NEVER;
        }
    }
}

/// Where a key belongs: its segment and its hash in the segment's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(super) segment: usize,
    pub(super) hash: u64,
}

impl Place {
    /// Of no key in particular.
    pub(super) const NONE: Place = Place { segment: 0, hash: 0 };
}

impl Place {
    /// The segment's number in its database.
    #[inline]
    pub(super) fn segment(self) -> usize {
        self.segment
    }
}

/// One numbered database.
#[derive(Default)]
pub struct Database {
    pub(super) segments: Vec<Segment>,
    len: usize,
    volatile: usize,
    timed: usize,
    /// The most keys, and the most volatile keys, that a segment was seen to have when keys were sampled.
    pub(super) widest: [usize; 2],
}

/// Where `key` belongs in a keyspace seeded with `seed`.
#[inline(never)]
pub(crate) fn place(seed: u64, key: &[u8]) -> Place {
    Place { segment: key_slot(key) as usize % SEGMENTS, hash: hash_bytes(seed, key) }
}

impl Database {
    /// How many keys it holds, those that have expired but were not yet removed included.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds no key.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many keys have an expiry.
    pub fn volatile(&self) -> usize {
        self.volatile
    }

    /// Bytes of its tables, without what entries point at. O(segments).
    pub fn table_bytes(&self) -> usize {
        self.segments.iter().map(|segment| size_of::<Segment>() + segment.entries.table_bytes()).sum()
    }

    /// See [`super::Keyspace::entry_share`].
    pub(crate) fn entry_share(&self, place: Place) -> usize {
        let Some(entries) = self.segments.get(place.segment).map(|segment| &segment.entries) else { return 0 };
        entries.table_bytes().checked_div(entries.len()).unwrap_or(0)
    }

    /// How many hashes have fields that may expire.
    pub fn timed(&self) -> usize {
        self.timed
    }

    /// All entries, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.segments.iter().flat_map(|segment| segment.entries.iter())
    }

    #[inline(always)]
    pub(crate) fn find(&self, place: Place, key: &[u8]) -> Option<&Entry> {
        self.segments.get(place.segment)?.entries.get_hashed(place.hash, key)
    }

    #[inline(always)]
    pub(crate) fn find_mut(&mut self, place: Place, key: &[u8]) -> Option<&mut Entry> {
        self.segments.get_mut(place.segment)?.entries.get_mut_hashed(place.hash, key)
    }

    /// Whether some entry near `place` may be due: only then is an expiry check needed.
    #[inline(always)]
    pub(crate) fn may_be_due(&self, place: Place, now: i64) -> bool {
        self.segments.get(place.segment).is_some_and(|segment| segment.soonest <= now)
    }

    #[cold]
    fn allocate(&mut self, seed: u64) {
        self.segments = (0..SEGMENTS)
            .map(|_| Segment { entries: Dict::new(seed), volatile: 0, timed: 0, soonest: NEVER, walk: (0, NEVER) })
            .collect();
    }

    /// Opens the entry of `key`, which `make` makes where there is none; says whether it is new. One lookup. The caller
    /// says by [`Database::deadline_changed`] what becomes of its deadline, from [`NEVER`] on.
    #[inline]
    pub(crate) fn open(
        &mut self,
        seed: u64,
        place: Place,
        key: &[u8],
        make: impl FnOnce() -> Entry,
    ) -> (&mut Entry, bool) {
        if self.segments.is_empty() {
            self.allocate(seed);
        }
        let segment = &mut self.segments[place.segment];
        let (entry, new) = segment.entries.get_or_insert_with_hashed(place.hash, key, make);
        self.len += new as usize;
        (entry, new)
    }

    /// Says that the deadline of the key at `place` was one and is another; [`NEVER`] for none.
    pub(crate) fn deadline_changed(&mut self, place: Place, was: i64, is: i64) {
        let segment = &mut self.segments[place.segment];
        let change = (is != NEVER) as isize - (was != NEVER) as isize;
        segment.volatile = segment.volatile.wrapping_add_signed(change);
        self.volatile = self.volatile.wrapping_add_signed(change);
        segment.lower(is);
        segment.relax();
    }

    pub(crate) fn remove(&mut self, place: Place, key: &[u8]) -> Option<Entry> {
        let segment = self.segments.get_mut(place.segment)?;
        let entry = segment.entries.remove_hashed(place.hash, key)?;
        self.len -= 1;
        if entry.deadline() != NEVER {
            segment.volatile -= 1;
            self.volatile -= 1;
        }
        if entry.value().is_timed() {
            segment.timed -= 1;
            self.timed -= 1;
        }
        segment.relax();
        Some(entry)
    }

    /// Says that the value at `place` was a timed hash before, is one now, and when its first field expires.
    pub(crate) fn retime(&mut self, place: Place, was: bool, is: bool, soonest: i64) {
        let Some(segment) = self.segments.get_mut(place.segment) else { return };
        let change = is as isize - was as isize;
        segment.timed = segment.timed.wrapping_add_signed(change);
        self.timed = self.timed.wrapping_add_signed(change);
        segment.lower(soonest);
        segment.relax();
    }

    /// Says that something at `place` expires at `at`.
    pub(crate) fn note_due(&mut self, place: Place, at: i64) {
        if let Some(segment) = self.segments.get_mut(place.segment) {
            segment.lower(at);
        }
    }

    /// Sets when the key at `place` expires ([`NEVER`] for not at all); false when it is not there.
    pub(crate) fn set_expiry(&mut self, place: Place, key: &[u8], at: i64) -> bool {
        let Some(segment) = self.segments.get_mut(place.segment) else { return false };
        let Some(entry) = segment.entries.get_mut_hashed(place.hash, key) else { return false };
        let was = entry.deadline();
        entry.set_deadline(at);
        self.deadline_changed(place, was, at);
        true
    }

    /// Whether something in `segment` may be due.
    pub(crate) fn segment_due(&self, segment: usize, now: i64) -> bool {
        self.segments.get(segment).is_some_and(|segment| segment.soonest <= now)
    }

    /// Walks on through `segment` by about `budget` entries and collects the keys that are due, or that have fields which are. Returns how many
    /// were visited and whether the walk reached the end.
    pub(crate) fn find_due(
        &mut self,
        segment: usize,
        now: i64,
        budget: usize,
        due: &mut Vec<Box<[u8]>>,
    ) -> (usize, bool) {
        let segment = &mut self.segments[segment];
        let (mut cursor, mut soonest) = segment.walk;
        let (mut seen, timed) = (0, segment.timed > 0);
        loop {
            cursor = segment.entries.scan(cursor, 64, &mut |entry| {
                seen += 1;
                let fields = if timed { entry.value().soonest() } else { NEVER };
                let next = entry.deadline().min(fields);
                if next <= now {
                    due.push(entry.key().into());
                } else {
                    soonest = soonest.min(next);
                }
            });
            if cursor == 0 || seen >= budget {
                break;
            }
        }
        if cursor == 0 {
            segment.soonest = soonest;
            segment.walk = (0, NEVER);
        } else {
            segment.walk = (cursor, soonest);
        }
        (seen, cursor == 0)
    }

    /// No key and no field expires before this; [`NEVER`] when none does.
    pub(crate) fn soonest(&self) -> i64 {
        if self.volatile == 0 && self.timed == 0 {
            return NEVER;
        }
        self.segments.iter().map(|segment| segment.soonest).min().unwrap_or(NEVER)
    }

    /// Visits about `count` entries from `cursor` on; the next cursor, 0 at the end. An entry that is there
    /// from the first call to the last is visited, whatever is written in between. The cursor is a segment's
    /// number above the position in its table: 52 bits, which clients that keep it in a double do not lose.
    pub fn scan(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(&Entry)) -> u64 {
        let (mut segment, mut inside) = (cursor >> CURSOR_BITS, cursor & ((1 << CURSOR_BITS) - 1));
        let mut seen = 0;
        while let Some(table) = self.segments.get(segment as usize).map(|segment| &segment.entries) {
            if !table.is_empty() {
                inside = table.scan(inside, count.saturating_sub(seen), &mut |entry| {
                    seen += 1;
                    visit(entry);
                });
                if inside != 0 {
                    return segment << CURSOR_BITS | inside;
                }
            }
            inside = 0;
            segment += 1;
            if seen >= count && segment < SEGMENTS as u64 {
                return segment << CURSOR_BITS;
            }
        }
        0
    }

    /// The entries of segment `segment`, in no particular order.
    pub fn segment(&self, segment: usize) -> impl Iterator<Item = &Entry> {
        let entries = self.segments.get(segment).map(|segment| segment.entries.iter());
        entries.into_iter().flatten()
    }

    /// How many keys segment `segment` holds. O(1).
    pub fn segment_len(&self, segment: usize) -> usize {
        self.segments.get(segment).map_or(0, |segment| segment.entries.len())
    }

    /// Its tables, for freeing them in slices.
    pub(crate) fn into_tables(self) -> impl Iterator<Item = Dict<Entry>> {
        self.segments.into_iter().map(|segment| segment.entries).filter(|entries| !entries.is_empty())
    }
}
