//! The directory of a dict that has outgrown one table.

use super::{full_capacity, item_hash, place, rebuild, room, shrink, take_any, Keyed, Room};
use super::{CURSOR_BITS, SEGMENT_ITEMS, TRIES};
use crate::bytes::Rng;
use hashbrown::HashTable;

/// The directory has at most 2^26 entries: cursors and tags have bits of their own below.
const MAX_DEPTH: u32 = 26;

/// Neighbours that together hold no more than this become one. Half a segment, so that the next few
/// insertions do not split it again.
const MERGED_ITEMS: usize = SEGMENT_ITEMS / 2;

/// One table: all items whose hash starts with the top `depth` bits of `prefix`.
#[derive(Clone)]
pub(super) struct Segment<T> {
    pub(super) table: HashTable<T>,
    prefix: u32,
    depth: u32,
}

/// Segments, and for each value of the hash's top `depth` bits the number of the segment it belongs to.
#[derive(Clone)]
pub(super) struct Directory<T> {
    entries: Vec<u32>,
    pub(super) segments: Vec<Segment<T>>,
    pub(super) len: usize,
    depth: u32,
    /// Segments whose depth is the directory's; none left means that it can be halved.
    deepest: usize,
    /// The most buckets any segment has had: what `random` draws from.
    widest: usize,
    /// Where `pop_any` and `free_segment` look first.
    hint: usize,
}

impl<T: Keyed> Directory<T> {
    /// Splits the only table of a dict.
    pub(super) fn new(table: HashTable<T>, seed: u64) -> Self {
        let mut directory = Directory {
            len: table.len(),
            entries: vec![0],
            segments: vec![Segment { table, prefix: 0, depth: 0 }],
            depth: 0,
            deepest: 1,
            widest: 0,
            hint: 0,
        };
        directory.double();
        directory.split(0, seed);
        directory
    }

    /// The entry for a hash. Depth is at least 1 whenever this is called, so the shift is below 64.
    #[inline(always)]
    fn index(&self, hash: u64) -> usize {
        (hash >> (64 - self.depth)) as usize
    }

    #[inline(always)]
    pub(super) fn table(&self, hash: u64) -> &HashTable<T> {
        &self.segments[self.entries[self.index(hash)] as usize].table
    }

    #[inline(always)]
    pub(super) fn table_mut(&mut self, hash: u64) -> &mut HashTable<T> {
        let segment = self.entries[self.index(hash)] as usize;
        &mut self.segments[segment].table
    }

    /// Entries of the segment with that prefix and depth.
    fn range(&self, prefix: u32, depth: u32) -> std::ops::Range<usize> {
        let start = ((prefix as u64) << 32 >> (64 - self.depth)) as usize;
        start..start + (1 << (self.depth - depth))
    }

    fn point(&mut self, prefix: u32, depth: u32, segment: usize) {
        let range = self.range(prefix, depth);
        self.entries[range].fill(segment as u32);
    }

    /// Makes a free bucket in the segment of `hash`, or at least a smaller segment.
    pub(super) fn make_room(&mut self, hash: u64, seed: u64) {
        let number = self.entries[self.index(hash)] as usize;
        let segment = &mut self.segments[number];
        let capacity = match room(&segment.table) {
            Room::Rebuild(capacity) => capacity,
            Room::Split => {
                // The second condition keeps the directory a small part of the whole when hashes are not as
                // even as they should be: then segments grow instead.
                let may_double = self.depth < MAX_DEPTH && self.entries.len() * 2 <= self.len / 32 + 64;
                if segment.depth < self.depth || may_double {
                    if segment.depth == self.depth {
                        self.double();
                    }
                    return self.split(number, seed);
                }
                full_capacity(segment.table.num_buckets()) + 1
            }
        };
        rebuild(&mut segment.table, seed, capacity);
        self.widest = self.widest.max(segment.table.num_buckets());
    }

    fn double(&mut self) {
        self.entries = self.entries.iter().flat_map(|&segment| [segment, segment]).collect();
        self.depth += 1;
        self.deepest = 0;
    }

    /// Splits a segment by the next bit of the hash; its depth is below the directory's.
    fn split(&mut self, number: usize, seed: u64) {
        let segment = &mut self.segments[number];
        segment.depth += 1;
        let (depth, prefix) = (segment.depth, segment.prefix | 1 << (32 - segment.depth));
        let old = std::mem::take(&mut segment.table);
        #[cfg(test)]
        super::tests::moved(old.len());
        // Room to grow into at once: half of the old is what the smallest table that fits would be full with.
        let capacity = SEGMENT_ITEMS.max(old.len() / 2);
        let mut halves = [HashTable::with_capacity(capacity), HashTable::with_capacity(capacity)];
        for item in old {
            let hash = item_hash(seed, &item);
            let half = &mut halves[(hash >> (64 - depth) & 1) as usize];
            place(half, hash, item);
        }
        let [low, high] = halves;
        self.widest = self.widest.max(low.num_buckets()).max(high.num_buckets());
        segment.table = low;
        self.segments.push(Segment { table: high, prefix, depth });
        if depth == self.depth {
            self.deepest += 2;
        }
        self.point(prefix, depth, self.segments.len() - 1);
    }

    /// Settles the books after a removal. Returns the table when only one is left: no directory is needed.
    pub(super) fn removed(&mut self, hash: u64, seed: u64) -> Option<HashTable<T>> {
        self.len -= 1;
        if self.len == 0 {
            return Some(HashTable::new());
        }
        let number = self.entries[self.index(hash)] as usize;
        let segment = &mut self.segments[number];
        if segment.table.len() <= MERGED_ITEMS / 2 {
            let buddy = segment.prefix ^ 1 << (32 - segment.depth);
            let (depth, len) = (segment.depth, segment.table.len());
            let other = self.entries[self.index((buddy as u64) << 32)] as usize;
            if self.segments[other].depth == depth && len + self.segments[other].table.len() <= MERGED_ITEMS {
                return self.merge(number, other, seed);
            }
        }
        shrink(&mut self.segments[number].table, seed);
        None
    }

    fn merge(&mut self, number: usize, other: usize, seed: u64) -> Option<HashTable<T>> {
        let gone = std::mem::take(&mut self.segments[other].table);
        let kept = std::mem::take(&mut self.segments[number].table);
        #[cfg(test)]
        super::tests::moved(gone.len() + kept.len());
        let items = gone.len() + kept.len();
        let mut table = HashTable::with_capacity(items + items / 4);
        for item in kept.into_iter().chain(gone) {
            let hash = item_hash(seed, &item);
            place(&mut table, hash, item);
        }
        if self.segments.len() == 2 {
            return Some(table);
        }
        let segment = &mut self.segments[number];
        if segment.depth == self.depth {
            self.deepest -= 2;
        }
        segment.depth -= 1;
        // Clears the bit that told the two apart.
        segment.prefix &= !(1 << (31 - segment.depth));
        segment.table = table;
        let (prefix, depth) = (segment.prefix, segment.depth);
        self.point(prefix, depth, number);
        self.segments.swap_remove(other);
        if let Some(&Segment { prefix, depth, .. }) = self.segments.get(other) {
            self.point(prefix, depth, other);
        }
        if self.segments.capacity() > 4 * self.segments.len() {
            self.segments.shrink_to(2 * self.segments.len());
        }
        if self.deepest == 0 {
            self.depth -= 1;
            self.entries = self.entries.iter().copied().step_by(2).collect();
            self.deepest = self.segments.iter().filter(|segment| segment.depth == self.depth).count();
        }
        None
    }

    /// The number of a segment that holds something; the dict is not empty.
    fn occupied(&mut self) -> usize {
        let count = self.segments.len();
        self.hint = self.hint.min(count - 1);
        while self.segments[self.hint].table.is_empty() {
            self.hint = (self.hint + count - 1) % count;
        }
        self.hint
    }

    /// Takes any item out. Leaves merging to [`Directory::removed`]: who calls this empties the dict.
    pub(super) fn pop_any(&mut self) -> Option<T> {
        if self.len == 0 {
            return None;
        }
        let number = self.occupied();
        let table = &mut self.segments[number].table;
        let item = take_any(table);
        if table.is_empty() {
            *table = HashTable::new();
        }
        self.len -= 1;
        item
    }

    /// Drops all items of one segment and says how many those were.
    pub(super) fn free_segment(&mut self) -> usize {
        let number = self.occupied();
        let table = std::mem::take(&mut self.segments[number].table);
        self.len -= table.len();
        table.len()
    }

    /// The place (segment and bucket) of an item by chance. A segment and a bucket are drawn from as many as the widest has and drawn again when
    /// nothing is there, so that items of sparse and dense segments are equally likely.
    pub(super) fn random(&self, rng: &mut Rng) -> Option<(usize, usize)> {
        for _ in 0..TRIES {
            let (number, index) = (rng.below(self.segments.len()), rng.below(self.widest));
            if self.segments[number].table.get_bucket(index).is_some() {
                return Some((number, index));
            }
        }
        let (count, first) = (self.segments.len(), rng.below(self.segments.len()));
        (0..count).map(|step| (first + step) % count).find_map(|number| {
            let index = self.segments[number].table.iter_buckets().next()?;
            Some((number, index))
        })
    }

    /// The segment that a scan position (below 2^[`CURSOR_BITS`]) lies in, where it starts and where it ends.
    pub(super) fn segment_at(&self, position: u64) -> (&HashTable<T>, u64, u64) {
        let segment = &self.segments[self.entries[self.index(position << (64 - CURSOR_BITS))] as usize];
        let start = (segment.prefix as u64) << 32 >> (64 - CURSOR_BITS);
        (&segment.table, start, start + (1 << (CURSOR_BITS - segment.depth)))
    }

    pub(super) fn bytes(&self) -> usize {
        let tables: usize = self.segments.iter().map(|segment| segment.table.allocation_size()).sum();
        tables
            + size_of::<Self>()
            + self.entries.capacity() * size_of::<u32>()
            + self.segments.capacity() * size_of::<Segment<T>>()
    }

    /// Holds the structure against what its parts promise each other.
    #[cfg(test)]
    pub(super) fn check(&self, seed: u64) {
        assert_eq!(self.entries.len(), 1 << self.depth);
        assert_eq!(self.len, self.segments.iter().map(|segment| segment.table.len()).sum::<usize>());
        assert_eq!(self.deepest, self.segments.iter().filter(|segment| segment.depth == self.depth).count());
        for (number, segment) in self.segments.iter().enumerate() {
            let range = self.range(segment.prefix, segment.depth);
            assert!(self.entries[range.clone()].iter().all(|&entry| entry as usize == number));
            assert!(segment.table.num_buckets() <= self.widest);
            for item in &segment.table {
                assert!(range.contains(&self.index(item_hash(seed, item))));
            }
        }
        let pointed: usize = self.segments.iter().map(|s| self.range(s.prefix, s.depth).len()).sum();
        assert_eq!(pointed, self.entries.len());
    }
}
