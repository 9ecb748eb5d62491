//! The entries of a stream: nodes in order of their first ids, and the counters that Redis keeps beside them.

use super::id::StreamId;
use super::ids::IdMap;
use super::node::{self, Entry, Mark};
use crate::structures::listpack::Listpack;

/// When a node is full, under Redis' CONFIG names.
#[derive(Clone, Copy, Debug)]
pub struct NodeLimits {
    /// `stream-node-max-bytes`; 0: as many as a listpack can hold.
    pub bytes: usize,
    /// `stream-node-max-entries`, deleted ones included; 0: any number.
    pub entries: usize,
}

/// What is trimmed away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trim {
    /// The oldest entries beyond this many.
    MaxLen(u64),
    /// The entries before this id.
    MinId(StreamId),
}

/// Most bytes of fields and values in one entry, as in Redis.
const MAX_ENTRY: usize = 1 << 30;

/// The entries of a stream, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Log {
    nodes: IdMap<Listpack>,
    len: u64,
    /// The id of the last entry ever added, or what XSETID said.
    pub last: StreamId,
    /// The id of the first live entry; `0-0` without one.
    pub(super) first: StreamId,
    /// The greatest id that was deleted.
    pub max_deleted: StreamId,
    /// How many entries were ever added.
    pub added: u64,
}

impl Log {
    /// How many live entries. O(1).
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no live entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The id of the first live entry as it is kept; `0-0` without one.
    pub fn first(&self) -> StreamId {
        self.first
    }

    /// The nodes with the ids they are filed under, oldest first.
    pub fn nodes(&self) -> impl Iterator<Item = (StreamId, &Listpack)> {
        self.nodes.iter()
    }

    /// How many nodes. O(1).
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Bytes of the last node, which is the one that changes its form as it fills. O(1).
    pub fn last_node_bytes(&self) -> usize {
        self.nodes.last().map_or(0, |(_, pack)| pack.byte_len())
    }

    /// Adds an entry; its id must be above [`Log::last`]. False, and nothing changed, when it is too large. O(entry).
    #[must_use]
    pub fn append<'f>(
        &mut self,
        limits: NodeLimits,
        id: StreamId,
        pairs: impl ExactSizeIterator<Item = (&'f [u8], &'f [u8])> + Clone,
    ) -> bool {
        debug_assert!(id > self.last);
        let bytes = pairs.clone().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        // Beside the fields and values an entry and its master have at most eight numbers.
        let items = pairs.len() * 2 + 8;
        if bytes > MAX_ENTRY || !Listpack::new().fits(bytes, items) {
            return false;
        }
        let most = match limits.bytes {
            0 => MAX_ENTRY,
            most => most.min(MAX_ENTRY),
        };
        let open = self.nodes.last_mut().filter(|(_, pack)| {
            let (live, deleted) = node::counts(pack);
            let full = limits.entries > 0 && live + deleted >= limits.entries as u64;
            !full && pack.byte_len() + bytes < most && pack.fits(bytes, items)
        });
        match open {
            Some((base, pack)) => {
                pack.lace(true);
                node::append(base, pack, id, pairs);
            }
            None => {
                if let Some((_, full)) = self.nodes.last_mut() {
                    full.lace(false);
                }
                self.nodes.insert(id, node::create(pairs));
            }
        }
        self.len += 1;
        self.added = self.added.wrapping_add(1);
        self.last = id;
        if self.len == 1 {
            self.first = id;
        }
        true
    }

    /// Live entries from `start` to `end`, both included. O(log nodes + node) to the first one.
    pub fn range(&self, start: StreamId, end: StreamId) -> impl Iterator<Item = Entry<'_>> {
        let from = self.nodes.floor(start).map_or(start, |(base, _)| base);
        self.nodes
            .iter_from(from)
            .flat_map(|(base, pack)| node::Forward::new(base, pack))
            .skip_while(move |entry| entry.id < start)
            .take_while(move |entry| entry.id <= end)
    }

    /// Live entries from `end` back to `start`, both included. O(log nodes + node) to the first one.
    pub fn range_back(&self, start: StreamId, end: StreamId) -> impl Iterator<Item = Entry<'_>> {
        self.nodes
            .iter_back(end)
            .flat_map(|(base, pack)| node::Backward::new(base, pack))
            .skip_while(move |entry| entry.id > end)
            .take_while(move |entry| entry.id >= start)
    }

    /// The live entry of this id. O(log nodes + node).
    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        self.range(id, id).next()
    }

    /// The id of the last live entry; not always [`Log::last`], which may be deleted.
    pub fn last_live(&self) -> Option<StreamId> {
        self.range_back(StreamId::MIN, StreamId::MAX).next().map(|entry| entry.id)
    }

    /// Deletes an entry; false when it was not there. O(log nodes + node).
    pub fn delete(&mut self, id: StreamId) -> bool {
        let Some((base, pack)) = self.nodes.floor(id) else { return false };
        let (live, _) = node::counts(pack);
        let Some(pack) = self.nodes.get_mut(base) else { return false };
        let mut marked = 0;
        if node::Forward::new(base, pack).take_while(|entry| entry.id <= id).any(|entry| entry.id == id) {
            marked = 1;
            if live > 1 {
                node::mark(base, pack, |found, deleted| match found.cmp(&id) {
                    _ if deleted => Mark::Keep,
                    std::cmp::Ordering::Less => Mark::Keep,
                    std::cmp::Ordering::Equal => Mark::Delete,
                    std::cmp::Ordering::Greater => Mark::Stop,
                });
            } else {
                self.nodes.remove(base);
            }
        }
        self.len -= marked;
        if marked == 1 {
            self.max_deleted = self.max_deleted.max(id);
            if self.len == 0 {
                self.first = StreamId::MIN;
            } else if id == self.first {
                self.find_first();
            }
        }
        marked == 1
    }

    fn find_first(&mut self) {
        let first = self.range(StreamId::MIN, StreamId::MAX).next().map(|entry| entry.id);
        self.first = first.unwrap_or_default();
    }

    /// Removes old entries, whole nodes only when `whole_nodes`, and no more than `limit` then unless that is 0; how
    /// many were removed. O(removed).
    pub fn trim(&mut self, trim: Trim, whole_nodes: bool, limit: u64) -> u64 {
        let mut removed = 0;
        while let Some((base, pack)) = self.nodes.first_mut() {
            if matches!(trim, Trim::MaxLen(most) if self.len <= most) {
                break;
            }
            let (live, _) = node::counts(pack);
            if limit > 0 && removed + live > limit {
                break;
            }
            let whole = match trim {
                Trim::MaxLen(most) => self.len - live.min(self.len) >= most,
                // A deleted entry at the node's end counts: so does Redis.
                Trim::MinId(least) => node::last_id(base, pack) < least,
            };
            if whole {
                self.nodes.remove(base);
                self.len -= live.min(self.len);
                removed += live;
                continue;
            }
            if !whole_nodes {
                let mut left = self.len;
                let marked = node::mark(base, pack, |id, deleted| {
                    let stop = match trim {
                        Trim::MaxLen(most) => left <= most,
                        Trim::MinId(least) => id >= least,
                    };
                    left -= u64::from(!stop && !deleted);
                    if stop {
                        Mark::Stop
                    } else {
                        Mark::Delete
                    }
                });
                self.len -= marked.min(self.len);
                removed += marked;
            }
            break;
        }
        if self.len == 0 {
            self.first = StreamId::MIN;
        } else if removed > 0 {
            self.find_first();
        }
        removed
    }

    /// Takes in a node from outside, behind the others; the counters are then to be set with
    /// [`Log::restore_counters`]. False when it is not sound, or its ids are not above those before. O(bytes).
    #[must_use]
    pub fn push_node(&mut self, base: StreamId, pack: Listpack) -> bool {
        let Some(ends) = node::validate(base, &pack) else { return false };
        let above = self.nodes.last().is_none_or(|(before, _)| before < base);
        if !above || ends.is_some_and(|(first, _)| first <= self.last) {
            return false;
        }
        self.len += node::counts(&pack).0;
        self.last = ends.map_or(self.last, |(_, last)| last);
        self.nodes.insert(base, pack);
        true
    }

    /// Sets the counters of a log whose nodes came from outside; false when `last` is below an entry's id.
    #[must_use]
    pub fn restore_counters(&mut self, last: StreamId, max_deleted: StreamId, added: u64) -> bool {
        if last < self.last {
            return false;
        }
        (self.last, self.max_deleted, self.added) = (last, max_deleted, added);
        self.find_first();
        true
    }

    /// How many entries had been added when the one of `id` was, if that can be told: only when nothing is known to be
    /// deleted between it and the nearest end of the log. Redis' rule, case by case.
    pub fn position(&self, id: StreamId) -> Option<i64> {
        let added = self.added as i64;
        if self.added == 0 {
            return Some(0);
        }
        if self.len == 0 && id <= self.last {
            return Some(added);
        }
        if (id != StreamId::MIN && id < self.max_deleted) || id > self.last {
            return None;
        }
        if id == self.last {
            return Some(added);
        }
        let unbroken = self.max_deleted == StreamId::MIN || self.max_deleted < self.first;
        let before = added.wrapping_sub(self.len as i64);
        match id.cmp(&self.first) {
            std::cmp::Ordering::Less if unbroken => Some(before),
            std::cmp::Ordering::Equal if unbroken => Some(before.wrapping_add(1)),
            _ => None,
        }
    }

    /// Whether an entry at or above `id` is known to be deleted.
    pub fn has_gap_from(&self, id: StreamId) -> bool {
        self.len > 0 && self.max_deleted != StreamId::MIN && id <= self.max_deleted
    }

    /// How many nodes Redis' radix tree would have over the ids of these nodes. O(nodes).
    pub fn radix_nodes(&self) -> usize {
        let mut ids = self.nodes.iter().map(|(id, _)| id.to_key());
        let Some(mut before) = ids.next() else { return 1 };
        // Depths of the branches above the current leaf. A chain of bytes without a branch is one node.
        let (mut branches, mut nodes) = (Vec::<usize>::with_capacity(16), 1);
        let chain = |from: Option<&usize>, to: usize| usize::from(to > from.map_or(0, |depth| depth + 1));
        for key in ids {
            let shared = key.iter().zip(before).take_while(|(a, b)| **a == *b).count();
            let mut below = 16;
            while let Some(depth) = branches.last().copied().filter(|depth| *depth >= shared) {
                branches.pop();
                nodes += chain(Some(&depth), below);
                below = depth;
            }
            if below != shared {
                nodes += 1 + chain(Some(&shared), below);
            }
            branches.push(shared);
            nodes += 1;
            before = key;
        }
        let mut below = 16;
        while let Some(depth) = branches.pop() {
            nodes += chain(Some(&depth), below);
            below = depth;
        }
        nodes + chain(None, below)
    }

    /// Bytes of heap. O(nodes).
    pub(super) fn heap_bytes(&self) -> usize {
        self.nodes.heap_bytes() + self.nodes.iter().map(|(_, pack)| pack.heap_bytes()).sum::<usize>()
    }

    /// Drops the last node without a trace, for freeing; false when there is none.
    pub(super) fn drop_node(&mut self) -> bool {
        self.len = 0;
        self.nodes.pop().is_some()
    }
}
