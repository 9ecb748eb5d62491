//! A sorted map by id in chunks, made for ids that mostly grow.
//!
//! Entries stand in order in chunks of up to [`CHUNK`]; the chunks stand in a deque. An id that is the largest goes
//! behind the last one and opens a new chunk when that is full, so a log's chunks are full, with no pointer and no
//! slack beside the payload: a B-tree filled in order is half empty. Finding costs two binary searches, changing in
//! the middle moves one chunk's entries at most. Timed hashes keep their order of expiry in it too.

use super::id::StreamId;
use std::collections::VecDeque;

/// Entries of a full chunk.
const CHUNK: usize = 128;

/// A sorted map from ids to `V`.
#[derive(Clone, Debug)]
pub(in crate::structures) struct IdMap<V> {
    chunks: VecDeque<Vec<(StreamId, V)>>,
    len: usize,
}

impl<V> Default for IdMap<V> {
    fn default() -> Self {
        IdMap { chunks: VecDeque::new(), len: 0 }
    }
}

/// Where an entry stands, or would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    chunk: usize,
    at: usize,
}

impl<V> IdMap<V> {
    /// How many entries. O(1).
    pub(in crate::structures) fn len(&self) -> usize {
        self.len
    }

    pub(in crate::structures) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of heap, without what the values hold.
    pub(in crate::structures) fn heap_bytes(&self) -> usize {
        self.chunks.capacity() * size_of::<Vec<(StreamId, V)>>()
            + self.chunks.iter().map(|chunk| chunk.capacity() * size_of::<(StreamId, V)>()).sum::<usize>()
    }

    /// The place of `id`, or where it belongs: within or behind the last chunk that begins before it.
    fn find(&self, id: StreamId) -> Result<Place, Place> {
        let chunk = self.chunks.partition_point(|chunk| chunk[0].0 <= id);
        let Some(chunk) = chunk.checked_sub(1) else { return Err(Place { chunk: 0, at: 0 }) };
        match self.chunks[chunk].binary_search_by_key(&id, |entry| entry.0) {
            Ok(at) => Ok(Place { chunk, at }),
            Err(at) => Err(Place { chunk, at }),
        }
    }

    fn at(&self, place: Place) -> Option<(StreamId, &V)> {
        self.chunks.get(place.chunk)?.get(place.at).map(|(id, value)| (*id, value))
    }

    pub(super) fn get(&self, id: StreamId) -> Option<&V> {
        self.at(self.find(id).ok()?).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, id: StreamId) -> Option<&mut V> {
        let place = self.find(id).ok()?;
        Some(&mut self.chunks[place.chunk][place.at].1)
    }

    pub(in crate::structures) fn first(&self) -> Option<(StreamId, &V)> {
        self.at(Place { chunk: 0, at: 0 })
    }

    pub(super) fn last(&self) -> Option<(StreamId, &V)> {
        self.chunks.back()?.last().map(|(id, value)| (*id, value))
    }

    pub(super) fn last_mut(&mut self) -> Option<(StreamId, &mut V)> {
        self.chunks.back_mut()?.last_mut().map(|(id, value)| (*id, value))
    }

    pub(super) fn first_mut(&mut self) -> Option<(StreamId, &mut V)> {
        self.chunks.front_mut()?.first_mut().map(|(id, value)| (*id, value))
    }

    /// The greatest id that is not above `id`, with its value.
    pub(super) fn floor(&self, id: StreamId) -> Option<(StreamId, &V)> {
        match self.find(id) {
            Ok(place) => self.at(place),
            // Never at 0 of a chunk: the chunk begins before the id.
            Err(place) => self.at(Place { at: place.at.checked_sub(1)?, ..place }),
        }
    }

    /// Puts a value under an id; the one that was there.
    pub(in crate::structures) fn insert(&mut self, id: StreamId, value: V) -> Option<V> {
        let place = match self.find(id) {
            Ok(place) => return Some(std::mem::replace(&mut self.chunks[place.chunk][place.at].1, value)),
            Err(place) => place,
        };
        self.len += 1;
        if self.chunks.is_empty() {
            self.chunks.reserve_exact(1);
            self.chunks.push_back(vec![(id, value)]);
            return None;
        }
        if self.chunks[place.chunk].len() < CHUNK {
            self.chunks[place.chunk].insert(place.at, (id, value));
        } else if place.chunk + 1 == self.chunks.len() && place.at == CHUNK {
            self.chunks.push_back(vec![(id, value)]);
        } else {
            let mut right = self.chunks[place.chunk].split_off(CHUNK / 2);
            match place.at.checked_sub(CHUNK / 2) {
                Some(at) => right.insert(at, (id, value)),
                None => self.chunks[place.chunk].insert(place.at, (id, value)),
            }
            self.chunks.insert(place.chunk + 1, right);
        }
        None
    }

    /// Removes an id; its value.
    pub(in crate::structures) fn remove(&mut self, id: StreamId) -> Option<V> {
        let Place { chunk: index, at } = self.find(id).ok()?;
        let chunk = &mut self.chunks[index];
        let (_, value) = chunk.remove(at);
        self.len -= 1;
        let left = chunk.len();
        if left == 0 {
            self.chunks.remove(index);
        } else if left <= CHUNK / 4 {
            if chunk.capacity() > 4 * left {
                chunk.shrink_to(2 * left);
            }
            if self.chunks.get(index + 1).is_some_and(|next| next.len() <= CHUNK / 4) {
                if let Some(next) = self.chunks.remove(index + 1) {
                    self.chunks[index].extend(next);
                }
            }
        }
        if self.chunks.capacity() > 4 * self.chunks.len() + 16 {
            self.chunks.shrink_to(2 * self.chunks.len());
        }
        Some(value)
    }

    /// Removes the last entry, for freeing.
    pub(super) fn pop(&mut self) -> Option<V> {
        let chunk = self.chunks.back_mut()?;
        let (_, value) = chunk.pop()?;
        if chunk.is_empty() {
            self.chunks.pop_back();
        }
        self.len -= 1;
        Some(value)
    }

    /// Drops the last chunk whole, for freeing values without heap; how many entries that were.
    pub(in crate::structures) fn pop_chunk(&mut self) -> usize {
        let gone = self.chunks.pop_back().map_or(0, |chunk| chunk.len());
        self.len -= gone;
        gone
    }

    /// The entries in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (StreamId, &V)> + Clone {
        self.chunks.iter().flatten().map(|(id, value)| (*id, value))
    }

    /// The entries from `id` on.
    pub(super) fn iter_from(&self, id: StreamId) -> impl Iterator<Item = (StreamId, &V)> + Clone {
        let (Ok(place) | Err(place)) = self.find(id);
        let begin = move |chunk: usize| if chunk == place.chunk { place.at } else { 0 };
        (place.chunk..self.chunks.len())
            .flat_map(move |chunk| self.chunks[chunk][begin(chunk)..].iter())
            .map(|(id, value)| (*id, value))
    }

    /// The entries up to `id`, backwards.
    pub(super) fn iter_back(&self, id: StreamId) -> impl Iterator<Item = (StreamId, &V)> + Clone {
        let (last, end) = match self.find(id) {
            Ok(place) => (place.chunk, place.at + 1),
            Err(place) => (place.chunk, place.at),
        };
        let end = move |chunk: usize| if chunk == last { end } else { self.chunks[chunk].len() };
        (0..self.chunks.len().min(last + 1))
            .rev()
            .flat_map(move |chunk| self.chunks[chunk][..end(chunk)].iter().rev())
            .map(|(id, value)| (*id, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::Rng;
    use std::collections::BTreeMap;

    #[test]
    fn behaves_as_a_map() {
        for seed in 0..10 {
            let mut rng = Rng::new(seed);
            let (mut map, mut model) = (IdMap::default(), BTreeMap::new());
            let lean = rng.below(3);
            let mut top = 0;
            for turn in 0..4000 {
                let id = match rng.below(4) {
                    0 => StreamId::new(rng.below(2000) as u64, rng.below(2) as u64),
                    _ => {
                        top += 1;
                        StreamId::new(top, 0)
                    }
                };
                match rng.below(4) {
                    0 | 1 => assert_eq!(map.insert(id, turn), model.insert(id, turn)),
                    2 if lean > 0 => {
                        let id = if lean == 1 { map.first().map_or(id, |(id, _)| id) } else { id };
                        assert_eq!(map.remove(id), model.remove(&id));
                    }
                    _ => {
                        let id = StreamId::new(rng.below(2000) as u64, 0);
                        assert_eq!(map.remove(id), model.remove(&id));
                    }
                }
                let id = StreamId::new(rng.below(2000) as u64, rng.below(2) as u64);
                assert_eq!(map.get(id), model.get(&id));
                assert_eq!(map.floor(id), model.range(..=id).next_back().map(|(id, value)| (*id, value)));
                assert_eq!(map.iter_from(id).next(), model.range(id..).next().map(|(id, value)| (*id, value)));
                assert_eq!(map.first(), model.first_key_value().map(|(id, value)| (*id, value)));
                assert_eq!(map.last(), model.last_key_value().map(|(id, value)| (*id, value)));
                assert_eq!(map.len(), model.len());
                if turn % 200 == 0 {
                    let pairs = |(id, value): (&StreamId, &i32)| (*id, *value);
                    let own = |(id, value): (StreamId, &i32)| (id, *value);
                    assert!(map.iter().map(own).eq(model.iter().map(pairs)));
                    assert!(map.iter_from(id).map(own).eq(model.range(id..).map(pairs)));
                    assert!(map.iter_back(id).map(own).eq(model.range(..=id).rev().map(pairs)));
                }
            }
            while let Some((last, _)) = map.last() {
                if rng.below(2) == 0 {
                    assert_eq!(map.pop(), model.remove(&last));
                } else {
                    let gone = map.pop_chunk();
                    for _ in 0..gone {
                        model.pop_last();
                    }
                }
                assert_eq!(map.len(), model.len());
            }
            assert!(model.is_empty());
        }
    }

    #[test]
    fn a_log_wastes_nothing() {
        let mut map = IdMap::default();
        for ms in 0..CHUNK as u64 * 40 {
            map.insert(StreamId::new(ms, 0), ());
        }
        assert!(map.heap_bytes() < map.len() * 17 + 64 * size_of::<Vec<()>>());
        for ms in 0..CHUNK as u64 * 40 - 5 {
            map.remove(StreamId::new(ms, 0));
        }
        assert!(map.heap_bytes() < 1500, "{}", map.heap_bytes());
    }
}
