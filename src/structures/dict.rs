//! `Dict`: the hash table behind keyspace segments, sets, hashes and sorted sets.
//!
//! An extendible hash table: a directory, indexed by the top bits of the key's hash, points at segments of at
//! most [`SEGMENT_ITEMS`] items, each a hashbrown table. A full segment is split in two by the next bit of the
//! hash, so growth moves one segment's items however large the dict is; there is no rehash of the whole. Until
//! the first split a dict is one bare table without a directory. Sparse neighbours are merged again, and the
//! tables of emptied segments are released at once.
//!
//! ```text
//! hash   63 ............... 38 ........ 31 .. 25 ............. 0
//!        directory, cursor     cursor   tag (h2)   bucket (h1)
//! ```
//!
//! The three uses take different bits, so that the items of one segment still differ in tag and bucket. A scan
//! walks in the order of the hash: a position in that order stays true whatever is split, merged or rebuilt.

mod directory;
#[cfg(test)]
mod tests;

use super::order::sort_indices;
use crate::bytes::{hash_bytes, same, same_at_once, Rng};
use directory::Directory;
use hashbrown::HashTable;

/// The most items a segment takes before it is split: what 512 buckets hold.
pub const SEGMENT_ITEMS: usize = 448;

/// Scan cursors are below 2^42: a keyspace may put ten bits of its own above and still stay exact in a double.
pub const CURSOR_BITS: u32 = 42;

/// Tries at hitting a full bucket by chance before a sequential look takes over.
const TRIES: usize = 256;

/// What a [`Dict`] holds: something that carries its own key.
pub trait Keyed {
    /// The bytes the item is found by; they must not change while it is in a dict.
    fn key(&self) -> &[u8];
}

impl Keyed for Box<[u8]> {
    fn key(&self) -> &[u8] {
        self
    }
}

impl Keyed for Vec<u8> {
    fn key(&self) -> &[u8] {
        self
    }
}

/// A hash table of items with unique keys. See the module for its shape; operations are O(1) and move at most
/// a segment's items.
#[derive(Clone)]
pub struct Dict<T> {
    seed: u64,
    form: Form<T>,
}

#[derive(Clone)]
enum Form<T> {
    One(HashTable<T>),
    Many(Box<Directory<T>>),
}

/// The hash as hashbrown is to see it: tag and bucket from the low half, on 64-bit and 32-bit targets alike.
#[inline(always)]
fn spread(hash: u64) -> u64 {
    hash << 32 | hash & 0xFFFF_FFFF
}

#[inline(always)]
fn item_hash<T: Keyed>(seed: u64, item: &T) -> u64 {
    hash_bytes(seed, item.key())
}

/// Items that a table of `buckets` buckets holds at most (hashbrown's load factor).
fn full_capacity(buckets: usize) -> usize {
    if buckets < 8 {
        buckets - 1
    } else {
        buckets / 8 * 7
    }
}

/// What to do with a table that takes no further item.
enum Room {
    Rebuild(usize),
    Split,
}

/// Decides how a table without a free bucket gets one. Left to itself hashbrown would double a table that
/// is half full of tombstones; here churn rebuilds it at its size or splits the segment.
fn room<T>(table: &HashTable<T>) -> Room {
    let (len, full) = (table.len(), full_capacity(table.num_buckets()));
    if len * 4 <= full * 3 {
        Room::Rebuild(len + len / 4 + 1)
    } else if full < SEGMENT_ITEMS {
        Room::Rebuild(full + 1)
    } else {
        Room::Split
    }
}

#[inline(always)]
fn is_full<T>(table: &HashTable<T>) -> bool {
    table.len() == table.capacity()
}

/// Puts `item` into a table that is known to have room and not to hold its key.
fn place<T>(table: &mut HashTable<T>, hash: u64, item: T) -> &mut T {
    table.insert_unique(spread(hash), item, |_| unreachable!("the table has room")).into_mut()
}

/// Moves all items into a table made for `capacity`.
fn rebuild<T: Keyed>(table: &mut HashTable<T>, seed: u64, capacity: usize) {
    #[cfg(test)]
    tests::moved(table.len());
    let mut fresh = HashTable::with_capacity(capacity);
    for item in std::mem::take(table) {
        let hash = item_hash(seed, &item);
        place(&mut fresh, hash, item);
    }
    *table = fresh;
}

/// Releases what a table no longer needs: everything when empty, most when an eighth full.
fn shrink<T: Keyed>(table: &mut HashTable<T>, seed: u64) {
    let (len, buckets) = (table.len(), table.num_buckets());
    if len == 0 {
        *table = HashTable::new();
    } else if buckets > 16 && len * 8 < buckets {
        rebuild(table, seed, len * 2);
    }
}

#[inline(always)]
fn find<'a, T: Keyed>(table: &'a HashTable<T>, hash: u64, key: &[u8]) -> Option<&'a T> {
    table.find(spread(hash), |item| same(item.key(), key))
}

/// A full bucket by chance.
fn random_bucket<T>(table: &HashTable<T>, rng: &mut Rng) -> Option<usize> {
    let buckets = table.num_buckets();
    for _ in 0..TRIES {
        let index = rng.below(buckets);
        if table.get_bucket(index).is_some() {
            return Some(index);
        }
    }
    table.iter_buckets().next()
}

/// Takes any one item out of a table. O(buckets / group width).
fn take_any<T>(table: &mut HashTable<T>) -> Option<T> {
    let index = table.iter_buckets().next()?;
    let entry = table.get_bucket_entry(index).ok()?;
    Some(entry.remove().0)
}

impl<T: Keyed> Dict<T> {
    /// An empty dict; allocates nothing. The seed decides the order of scans and should be secret.
    pub fn new(seed: u64) -> Self {
        Dict { seed, form: Form::One(HashTable::new()) }
    }

    /// An empty dict with room for `items` (at most a segment's worth) before its first growth.
    pub fn with_capacity(seed: u64, items: usize) -> Self {
        Dict { seed, form: Form::One(HashTable::with_capacity(items.min(SEGMENT_ITEMS))) }
    }

    /// The hash that the `_hashed` calls want for `key`.
    #[inline]
    pub fn hash_of(&self, key: &[u8]) -> u64 {
        hash_bytes(self.seed, key)
    }

    /// Number of items. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        match &self.form {
            Form::One(table) => table.len(),
            Form::Many(directory) => directory.len,
        }
    }

    /// Whether nothing is in it. O(1).
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline(always)]
    fn table(&self, hash: u64) -> &HashTable<T> {
        match &self.form {
            Form::One(table) => table,
            Form::Many(directory) => directory.table(hash),
        }
    }

    #[inline(always)]
    fn table_mut(&mut self, hash: u64) -> &mut HashTable<T> {
        match &mut self.form {
            Form::One(table) => table,
            Form::Many(directory) => directory.table_mut(hash),
        }
    }

    /// The item with that key.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<&T> {
        self.get_hashed(self.hash_of(key), key)
    }

    /// [`Dict::get`] with the key's hash at hand.
    #[inline]
    pub fn get_hashed(&self, hash: u64, key: &[u8]) -> Option<&T> {
        find(self.table(hash), hash, key)
    }

    /// The item with that key, to be changed; its key must stay the same.
    #[inline]
    pub fn get_mut(&mut self, key: &[u8]) -> Option<&mut T> {
        self.get_mut_hashed(self.hash_of(key), key)
    }

    /// [`Dict::get_mut`] with the key's hash at hand.
    #[inline]
    pub fn get_mut_hashed(&mut self, hash: u64, key: &[u8]) -> Option<&mut T> {
        self.table_mut(hash).find_mut(spread(hash), |item| same_at_once(item.key(), key))
    }

    /// Whether an item has that key.
    #[inline]
    pub fn contains(&self, key: &[u8]) -> bool {
        self.get(key).is_some()
    }

    /// [`Dict::contains`] with the key's hash at hand.
    #[inline]
    pub fn contains_hashed(&self, hash: u64, key: &[u8]) -> bool {
        self.get_hashed(hash, key).is_some()
    }

    /// Puts `item` in and returns the one with the same key that it replaced.
    #[inline]
    pub fn insert(&mut self, item: T) -> Option<T> {
        self.insert_hashed(item_hash(self.seed, &item), item)
    }

    /// [`Dict::insert`] with the hash of the item's key at hand.
    pub fn insert_hashed(&mut self, hash: u64, item: T) -> Option<T> {
        if let Some(present) = self.get_mut_hashed(hash, item.key()) {
            return Some(std::mem::replace(present, item));
        }
        self.insert_new(hash, item);
        None
    }

    /// The item with that key, and whether `make` had to make it. What `make` returns must have that key.
    #[inline]
    pub fn get_or_insert_with(&mut self, key: &[u8], make: impl FnOnce() -> T) -> (&mut T, bool) {
        self.get_or_insert_with_hashed(self.hash_of(key), key, make)
    }

    /// [`Dict::get_or_insert_with`] with the key's hash at hand.
    #[inline(always)]
    pub fn get_or_insert_with_hashed(&mut self, hash: u64, key: &[u8], make: impl FnOnce() -> T) -> (&mut T, bool) {
        match self.table(hash).find_bucket_index(spread(hash), |item| same_at_once(item.key(), key)) {
            Some(index) => (self.table_mut(hash).get_bucket_mut(index).expect("the bucket just found"), false),
            None => (self.insert_new(hash, make()), true),
        }
    }

    fn insert_new(&mut self, hash: u64, item: T) -> &mut T {
        // More than one round only when a split left all items on one side.
        while is_full(self.table(hash)) {
            self.make_room(hash);
        }
        let table = match &mut self.form {
            Form::One(table) => table,
            Form::Many(directory) => {
                directory.len += 1;
                directory.table_mut(hash)
            }
        };
        place(table, hash, item)
    }

    #[cold]
    #[inline(never)]
    fn make_room(&mut self, hash: u64) {
        let seed = self.seed;
        match &mut self.form {
            Form::One(table) => match room(table) {
                Room::Rebuild(capacity) => rebuild(table, seed, capacity),
                Room::Split => {
                    let table = std::mem::take(table);
                    self.form = Form::Many(Box::new(Directory::new(table, seed)));
                }
            },
            Form::Many(directory) => directory.make_room(hash, seed),
        }
    }

    /// Takes the item with that key out.
    #[inline]
    pub fn remove(&mut self, key: &[u8]) -> Option<T> {
        self.remove_hashed(self.hash_of(key), key)
    }

    /// [`Dict::remove`] with the key's hash at hand.
    pub fn remove_hashed(&mut self, hash: u64, key: &[u8]) -> Option<T> {
        let entry = self.table_mut(hash).find_entry(spread(hash), |item| same(item.key(), key)).ok()?;
        let item = entry.remove().0;
        self.removed(hash);
        Some(item)
    }

    /// An item with that hash for which `is` holds: for owners who remember hashes instead of keys.
    pub fn find_hashed(&self, hash: u64, is: impl Fn(&T) -> bool) -> Option<&T> {
        self.table(hash).find(spread(hash), |item| is(item) && item_hash(self.seed, item) == hash)
    }

    /// Takes out an item with that hash for which `is` holds.
    pub fn take_hashed(&mut self, hash: u64, is: impl Fn(&T) -> bool) -> Option<T> {
        let seed = self.seed;
        let is = |item: &T| is(item) && item_hash(seed, item) == hash;
        let item = self.table_mut(hash).find_entry(spread(hash), is).ok()?.remove().0;
        self.removed(hash);
        Some(item)
    }

    /// Settles the books after an item with that hash went: gives memory back, merges sparse neighbours.
    fn removed(&mut self, hash: u64) {
        let seed = self.seed;
        match &mut self.form {
            Form::One(table) => shrink(table, seed),
            Form::Many(directory) => {
                if let Some(table) = directory.removed(hash, seed) {
                    self.form = Form::One(table);
                }
            }
        }
    }

    /// Takes any one item out: the cheapest there is, for emptying a dict piecemeal.
    pub fn pop_any(&mut self) -> Option<T> {
        let item = match &mut self.form {
            Form::One(table) => take_any(table),
            Form::Many(directory) => directory.pop_any(),
        };
        if self.is_empty() {
            self.clear();
        }
        item
    }

    /// Frees about `budget` items (whole segments, so up to a segment more) and says whether the dict is empty now.
    pub fn free_some(&mut self, budget: usize) -> bool {
        if let Form::Many(directory) = &mut self.form {
            let mut freed = 0;
            while freed < budget.max(1) && directory.len > 0 {
                freed += directory.free_segment();
            }
            if directory.len > 0 {
                return false;
            }
        }
        self.clear();
        true
    }

    /// Drops all items and all memory at once. O(n); see [`Dict::free_some`] for large ones.
    pub fn clear(&mut self) {
        self.form = Form::One(HashTable::new());
    }

    /// All items, in no order that means anything.
    pub fn iter(&self) -> Iter<'_, T> {
        let (table, rest) = match &self.form {
            Form::One(table) => (table.iter(), None),
            Form::Many(directory) => (directory.segments[0].table.iter(), Some(directory.segments[1..].iter())),
        };
        Iter { table, rest, left: self.len() }
    }

    /// An item by chance, all equally likely. O(1) expected: tables are never less than an eighth full for
    /// long.
    pub fn random(&self, rng: &mut Rng) -> Option<&T> {
        if self.is_empty() {
            return None;
        }
        match &self.form {
            Form::One(table) => table.get_bucket(random_bucket(table, rng)?),
            Form::Many(directory) => {
                let (number, index) = directory.random(rng)?;
                directory.segments[number].table.get_bucket(index)
            }
        }
    }

    /// Takes an item found by chance out; all are equally likely.
    pub fn pop_random(&mut self, rng: &mut Rng) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        let (table, index) = match &mut self.form {
            Form::One(table) => {
                let index = random_bucket(table, rng)?;
                (table, index)
            }
            Form::Many(directory) => {
                let (number, index) = directory.random(rng)?;
                (&mut directory.segments[number].table, index)
            }
        };
        let item = table.get_bucket_entry(index).ok()?.remove().0;
        self.removed(item_hash(self.seed, &item));
        Some(item)
    }

    /// Visits up to `n` items that lie together, starting at a place found by chance: cheaper and less even
    /// than [`Dict::random`], for eviction's samples. Returns how many were visited; fewer than `n` only when
    /// the dict has fewer.
    pub fn sample<'a>(&'a self, rng: &mut Rng, n: usize, mut visit: impl FnMut(&'a T)) -> usize {
        let wanted = n.min(self.len());
        if wanted == 0 {
            return 0;
        }
        let (tables, first) = match &self.form {
            Form::One(_) => (1, 0),
            Form::Many(directory) => (directory.segments.len(), rng.below(directory.segments.len())),
        };
        let table_at = |index: usize| match &self.form {
            Form::One(table) => table,
            Form::Many(directory) => &directory.segments[index % tables].table,
        };
        let mut seen = 0;
        let mut walk = |table: &'a HashTable<T>, buckets: std::ops::Range<usize>| {
            for index in buckets {
                if let Some(item) = table.get_bucket(index) {
                    visit(item);
                    seen += 1;
                    if seen == wanted {
                        return true;
                    }
                }
            }
            false
        };
        let start = rng.below(table_at(first).num_buckets());
        if walk(table_at(first), start..table_at(first).num_buckets()) {
            return seen;
        }
        for step in 1..tables {
            let table = table_at(first + step);
            if walk(table, 0..table.num_buckets()) {
                return seen;
            }
        }
        walk(table_at(first), 0..start);
        seen
    }

    /// One step of a full iteration. `cursor` is 0 to start and what the last call returned to go on; 0 comes
    /// back at the end, other cursors are below 2^[`CURSOR_BITS`]. Visits about `count` items, at least one
    /// unless the iteration ends. An item that is present from the first call to the last is visited exactly
    /// once, whatever happens to others between calls. Any cursor is safe; one past the end finishes.
    /// O(count + a segment).
    pub fn scan<'a>(&'a self, cursor: u64, count: usize, visit: &mut dyn FnMut(&'a T)) -> u64 {
        const END: u64 = 1 << CURSOR_BITS;
        let mut at = cursor;
        let mut left = count.max(1);
        let mut visited = false;
        while at < END {
            let (table, start, end) = match &self.form {
                Form::One(table) => (table, 0, END),
                Form::Many(directory) => directory.segment_at(at),
            };
            if at == start && table.len() <= left {
                table.iter().for_each(&mut *visit);
                visited |= !table.is_empty();
                left -= table.len();
            } else {
                let ahead: Vec<(u64, &T)> = table
                    .iter()
                    .map(|item| (item_hash(self.seed, item) >> (64 - CURSOR_BITS), item))
                    .filter(|(position, _)| *position >= at)
                    .collect();
                if ahead.len() > left {
                    let next = nth_position(ahead.iter().map(|(position, _)| *position).collect(), left);
                    // Items at one position go together. Those at `next` wait for the next call, unless there
                    // is nothing before them.
                    let together = ahead.iter().all(|(position, _)| *position >= next);
                    let stop = if together { next + 1 } else { next };
                    ahead.iter().filter(|(position, _)| *position < stop).for_each(|(_, item)| visit(item));
                    return stop % END;
                }
                visited |= !ahead.is_empty();
                left -= ahead.len();
                ahead.iter().for_each(|(_, item)| visit(item));
            }
            at = end;
            if visited && left == 0 {
                return at % END;
            }
        }
        0
    }

    /// Bytes of the tables and the directory, without what items point at. O(segments).
    pub fn table_bytes(&self) -> usize {
        match &self.form {
            Form::One(table) => table.allocation_size(),
            Form::Many(directory) => directory.bytes(),
        }
    }

    /// Bytes on the heap, with `per_item` saying what each item owns there. O(n).
    pub fn heap_bytes(&self, per_item: impl Fn(&T) -> usize) -> usize {
        self.table_bytes() + self.iter().map(per_item).sum::<usize>()
    }
}

/// The position that `nth` others come before.
fn nth_position(positions: Vec<u64>, nth: usize) -> u64 {
    let mut order: Vec<usize> = (0..positions.len()).collect();
    sort_indices(&mut order, nth..nth + 1, &mut |&a, &b| positions[a].cmp(&positions[b]));
    positions[order[nth]]
}

/// Iterates over a dict's items; see [`Dict::iter`].
pub struct Iter<'a, T> {
    table: hashbrown::hash_table::Iter<'a, T>,
    rest: Option<std::slice::Iter<'a, directory::Segment<T>>>,
    left: usize,
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = &'a T;

    #[inline]
    fn next(&mut self) -> Option<&'a T> {
        loop {
            if let Some(item) = self.table.next() {
                self.left -= 1;
                return Some(item);
            }
            self.table = self.rest.as_mut()?.next()?.table.iter();
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Iter { table: self.table.clone(), rest: self.rest.clone(), left: self.left }
    }
}
