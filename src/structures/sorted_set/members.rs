//! The members of a large sorted set: a slab of (score, member) slots named by id, and an index from member to id.
//!
//! An id never changes while its member stays, so the id doubles as the SCAN cursor: whoever was there from the
//! first call to the last is seen exactly once, whatever else comes and goes. Neither half ever stops the world:
//! slots come in chunks of [`CHUNK`], and the index is a hash table per segment under an extendible directory,
//! where a full segment splits in two (some ten microseconds).
//!
//! On 32-bit a slot is 24 bytes with members up to 14 bytes inside it; longer ones have an allocation.

use crate::bytes::hash_bytes;
use hashbrown::HashTable;
use std::mem::size_of;

/// Slots in a chunk.
const CHUNK: usize = 256;
/// Members up to this length live in their slot.
const INLINE: usize = size_of::<Box<[u8]>>() + 6;
/// A segment of the index splits when it holds this many (what fits 256 buckets).
const SEGMENT: usize = 224;
/// The directory is addressed by bits 32.. of the hash: below them lie the table's bucket bits, and its tag
/// bits on 32-bit machines; from bit 57 on its tag bits on 64-bit ones.
const DIRECTORY_SHIFT: u32 = 32;
const DIRECTORY_BITS: u32 = 24;
const END: u32 = u32::MAX;

#[derive(Clone)]
enum Member {
    Inline {
        len: u8,
        bytes: [u8; INLINE],
    },
    Heap(Box<[u8]>),
    /// A slot without a member; the next such slot of the chunk.
    Free(u32),
}

#[derive(Clone)]
struct Slot {
    score: f64,
    member: Member,
}

#[derive(Clone)]
struct Chunk {
    slots: Vec<Slot>,
    /// First of the free slots, `END` when there is none.
    free: u32,
    used: u32,
}

impl Chunk {
    fn has_room(&self) -> bool {
        self.free != END || self.slots.len() < CHUNK
    }
}

#[derive(Clone)]
struct Segment {
    table: HashTable<u32>,
    depth: u32,
}

/// Members with their scores, by id and by name.
#[derive(Clone)]
pub struct Members {
    chunks: Vec<Chunk>,
    /// Exactly the chunks that have room.
    open: Vec<u32>,
    directory: Vec<u32>,
    segments: Vec<Segment>,
    seed: u64,
    len: usize,
    /// Bytes of chunks, long members and index tables.
    bytes: usize,
}

/// What an allocation of `len` bytes takes of the heap.
fn allocated(len: usize) -> usize {
    ((len + 11) & !7).max(16)
}

impl Members {
    /// No members; `seed` keys the hash.
    pub fn new(seed: u64) -> Self {
        Members {
            chunks: Vec::new(),
            open: Vec::new(),
            directory: vec![0],
            segments: vec![Segment { table: HashTable::new(), depth: 0 }],
            seed,
            len: 0,
            bytes: 0,
        }
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes held on the heap. O(1).
    pub fn heap_bytes(&self) -> usize {
        self.bytes
            + self.chunks.capacity() * size_of::<Chunk>()
            + self.segments.capacity() * size_of::<Segment>()
            + (self.directory.capacity() + self.open.capacity()) * size_of::<u32>()
    }

    #[inline]
    fn slot(&self, id: u32) -> &Slot {
        &self.chunks[id as usize / CHUNK].slots[id as usize % CHUNK]
    }

    /// The member of a live `id`.
    #[inline]
    pub fn member(&self, id: u32) -> &[u8] {
        slot_member(self.slot(id))
    }

    /// The score of a live `id`.
    #[inline]
    pub fn score(&self, id: u32) -> f64 {
        self.slot(id).score
    }

    /// Gives a live `id` another score.
    pub fn set_score(&mut self, id: u32, score: f64) {
        self.chunks[id as usize / CHUNK].slots[id as usize % CHUNK].score = score;
    }

    /// The hash that [`find`](Self::find) and [`insert`](Self::insert) take.
    #[inline]
    pub fn hash(&self, member: &[u8]) -> u64 {
        hash_bytes(self.seed, member)
    }

    #[inline]
    fn segment_of(&self, hash: u64) -> usize {
        self.directory[(hash >> DIRECTORY_SHIFT) as usize & (self.directory.len() - 1)] as usize
    }

    /// The id of `member`, whose hash is `hash`. O(1).
    #[inline]
    pub fn find(&self, hash: u64, member: &[u8]) -> Option<u32> {
        let table = &self.segments[self.segment_of(hash)].table;
        table.find(hash, |&id| self.member(id) == member).copied()
    }

    /// Adds `member`, which must not be there yet, and returns its id. O(1), at times a segment's split.
    pub fn insert(&mut self, hash: u64, member: &[u8], score: f64) -> u32 {
        let id = self.add_slot(member, score);
        self.len += 1;
        let mut segment = self.segment_of(hash);
        if self.segments[segment].table.len() >= SEGMENT && self.segments[segment].depth < DIRECTORY_BITS {
            self.split(segment, hash);
            segment = self.segment_of(hash);
        }
        let (chunks, seed) = (&self.chunks, self.seed);
        let table = &mut self.segments[segment].table;
        self.bytes -= table.allocation_size();
        table.insert_unique(hash, id, |&id| hash_bytes(seed, chunk_member(chunks, id)));
        self.bytes += table.allocation_size();
        id
    }

    /// Takes the member of a live `id` out. O(1).
    pub fn remove(&mut self, id: u32) {
        let hash = self.hash(self.member(id));
        let segment = self.segment_of(hash);
        let (chunks, seed) = (&self.chunks, self.seed);
        let table = &mut self.segments[segment].table;
        if let Ok(entry) = table.find_entry(hash, |&other| other == id) {
            entry.remove();
        }
        if table.capacity() > 16 && table.len() * 8 < table.capacity() {
            self.bytes -= table.allocation_size();
            table.shrink_to(table.len() * 2, |&id| hash_bytes(seed, chunk_member(chunks, id)));
            self.bytes += table.allocation_size();
        }
        self.len -= 1;
        self.drop_slot(id);
    }

    fn split(&mut self, segment: usize, hash: u64) {
        let depth = self.segments[segment].depth;
        if 1 << depth == self.directory.len() {
            self.directory.extend_from_within(..);
        }
        let old = std::mem::take(&mut self.segments[segment].table);
        let bit = 1u64 << (DIRECTORY_SHIFT + depth);
        let (chunks, seed) = (&self.chunks, self.seed);
        let rehash = |&id: &u32| hash_bytes(seed, chunk_member(chunks, id));
        let hashes: Vec<(u64, u32)> = old.iter().map(|id| (rehash(id), *id)).collect();
        let right = hashes.iter().filter(|(hash, _)| hash & bit != 0).count();
        let mut tables = [HashTable::with_capacity(hashes.len() - right), HashTable::with_capacity(right)];
        for (hash, id) in hashes {
            tables[usize::from(hash & bit != 0)].insert_unique(hash, id, rehash);
        }
        self.bytes -= old.allocation_size();
        self.bytes += tables[0].allocation_size() + tables[1].allocation_size();
        let [low, high] = tables;
        let depth = depth + 1;
        self.segments[segment] = Segment { table: low, depth };
        let added = self.segments.len() as u32;
        self.segments.push(Segment { table: high, depth });
        // The directory entries of the new segment agree with the hash below `bit` and have that bit set.
        let step = 1usize << depth;
        let low_bits = (hash >> DIRECTORY_SHIFT) as usize & (step / 2 - 1);
        let mut at = low_bits | (step / 2);
        while at < self.directory.len() {
            self.directory[at] = added;
            at += step;
        }
    }

    fn add_slot(&mut self, member: &[u8], score: f64) -> u32 {
        let member = if member.len() <= INLINE {
            let mut bytes = [0; INLINE];
            bytes[..member.len()].copy_from_slice(member);
            Member::Inline { len: member.len() as u8, bytes }
        } else {
            self.bytes += allocated(member.len());
            Member::Heap(member.into())
        };
        let slot = Slot { score, member };
        let index = match self.open.last() {
            Some(&index) => index,
            None => {
                self.chunks.push(Chunk { slots: Vec::new(), free: END, used: 0 });
                let index = self.chunks.len() as u32 - 1;
                self.open.push(index);
                index
            }
        };
        let chunk = &mut self.chunks[index as usize];
        let at = if chunk.free != END {
            let at = chunk.free as usize;
            if let Member::Free(next) = chunk.slots[at].member {
                chunk.free = next;
            }
            chunk.slots[at] = slot;
            at
        } else {
            self.bytes -= chunk.slots.capacity() * size_of::<Slot>();
            chunk.slots.push(slot);
            self.bytes += chunk.slots.capacity() * size_of::<Slot>();
            chunk.slots.len() - 1
        };
        chunk.used += 1;
        if !chunk.has_room() {
            self.open.pop();
        }
        index * CHUNK as u32 + at as u32
    }

    fn drop_slot(&mut self, id: u32) {
        let index = id as usize / CHUNK;
        let chunk = &mut self.chunks[index];
        let was_full = !chunk.has_room();
        let slot = &mut chunk.slots[id as usize % CHUNK];
        if let Member::Heap(bytes) = &slot.member {
            self.bytes -= allocated(bytes.len());
        }
        slot.member = Member::Free(chunk.free);
        chunk.free = id % CHUNK as u32;
        chunk.used -= 1;
        if chunk.used == 0 {
            self.bytes -= chunk.slots.capacity() * size_of::<Slot>();
            chunk.slots = Vec::new();
            chunk.free = END;
        }
        if was_full {
            self.open.push(index as u32);
        }
    }

    /// Whether `id` has a member, and with that score.
    pub fn holds(&self, id: u32, score: f64) -> bool {
        let slot = self.chunks.get(id as usize / CHUNK).and_then(|chunk| chunk.slots.get(id as usize % CHUNK));
        slot.is_some_and(|slot| !matches!(slot.member, Member::Free(_)) && slot.score == score)
    }

    /// Visits the ids from slot `cursor` on, at least `count` slots' worth, and returns where to go on; 0 at
    /// the end. A member that stays throughout is visited once.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(u32)) -> u64 {
        let mut at = usize::try_from(cursor).unwrap_or(usize::MAX);
        let mut left = count.max(1);
        while let Some(chunk) = self.chunks.get(at / CHUNK) {
            let next = (at / CHUNK + 1) * CHUNK;
            for (id, slot) in (at as u32..).zip(chunk.slots.iter().skip(at % CHUNK)) {
                if left == 0 {
                    return at as u64;
                }
                left -= 1;
                at += 1;
                if !matches!(slot.member, Member::Free(_)) {
                    visit(id);
                }
            }
            // An empty chunk is work too.
            left = left.saturating_sub(1);
            at = next;
            if left == 0 && at / CHUNK < self.chunks.len() {
                return at as u64;
            }
        }
        0
    }

    /// Drops some `budget` members of a set that nobody will read again; true when none is left.
    pub fn free_some(&mut self, budget: usize) -> bool {
        for _ in 0..budget.div_ceil(CHUNK) {
            if self.chunks.pop().is_none() && self.segments.pop().is_none() {
                return true;
            }
        }
        false
    }
}

#[inline]
fn slot_member(slot: &Slot) -> &[u8] {
    match &slot.member {
        Member::Inline { len, bytes } => &bytes[..*len as usize],
        Member::Heap(bytes) => bytes,
        Member::Free(_) => &[],
    }
}

#[inline]
fn chunk_member(chunks: &[Chunk], id: u32) -> &[u8] {
    slot_member(&chunks[id as usize / CHUNK].slots[id as usize % CHUNK])
}
