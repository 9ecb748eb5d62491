//! Streams: an append-only [`Log`] of entries by id, and [`Group`]s of consumers that share its delivery.
//!
//! Entries stand a hundred to a node, fields that repeat written once (see `node`), the nodes in chunks that are kept
//! full (see `ids`): a small entry costs its own bytes and about half a byte. Pending deliveries are in the same kind of
//! chunks.

mod group;
mod id;
mod ids;
mod log;
mod node;
#[cfg(test)]
mod tests;

pub use group::{Consumer, ConsumerId, Delivery, Group};
pub use id::{IdText, Seq, StreamId};
pub(in crate::structures) use ids::IdMap;
pub use log::{Log, NodeLimits, Trim};
pub use node::{Entry, Fields};

/// A stream.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// The entries.
    pub log: Log,
    /// The groups, by name.
    pub groups: Groups,
}

/// The consumer groups of a stream.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    list: Vec<Group>,
}

impl Groups {
    fn find(&self, name: &[u8]) -> Result<usize, usize> {
        self.list.binary_search_by(|group| group.name().cmp(name))
    }

    /// A group. O(log groups).
    pub fn get(&self, name: &[u8]) -> Option<&Group> {
        self.find(name).ok().map(|at| &self.list[at])
    }

    /// A group, for changing. O(log groups).
    pub fn get_mut(&mut self, name: &[u8]) -> Option<&mut Group> {
        self.find(name).ok().map(|at| &mut self.list[at])
    }

    /// Adds a group; none when there is one of that name. O(groups) small moves.
    pub fn add(&mut self, name: &[u8], last: StreamId, entries_read: Option<i64>) -> Option<&mut Group> {
        let at = self.find(name).err()?;
        self.list.insert(at, Group::new(name, last, entries_read));
        Some(&mut self.list[at])
    }

    /// Deletes a group; false when there is none of that name. O(pending).
    pub fn delete(&mut self, name: &[u8]) -> bool {
        self.find(name).map(|at| self.list.remove(at)).is_ok()
    }

    /// Ends the deliveries of an entry in every group; false when none was pending. O(groups · log pending).
    pub fn forget(&mut self, id: StreamId) -> bool {
        self.list.iter_mut().fold(false, |any, group| group.acknowledge(id) | any)
    }

    /// Whether a group has the entry pending, or has not come that far. O(groups · log pending).
    pub fn need(&self, id: StreamId) -> bool {
        self.list.iter().any(|group| group.last < id || group.delivery(id).is_some())
    }

    /// The groups by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Group> {
        self.list.iter()
    }

    /// How many groups. O(1).
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl Stream {
    /// How many entries a group has still to be given; none when deleted entries make that unknown. O(1).
    pub fn lag(&self, group: &Group) -> Option<i64> {
        let log = &self.log;
        if log.added == 0 || log.is_empty() {
            return Some(0);
        }
        if group.last < log.first() && log.max_deleted < log.first() {
            return Some(log.len() as i64);
        }
        let read = group.entries_read.filter(|_| !log.has_gap_from(group.last)).or_else(|| log.position(group.last))?;
        Some((log.added as i64).wrapping_sub(read))
    }

    /// Nodes, pending deliveries and consumers, for freeing and accounting. O(groups).
    pub fn weight(&self) -> usize {
        self.log.node_count() + self.groups.iter().map(Group::weight).sum::<usize>()
    }

    /// Bytes of heap. O(nodes + pending / 128).
    pub fn heap_bytes(&self) -> usize {
        self.log.heap_bytes()
            + self.groups.list.capacity() * size_of::<Group>()
            + self.groups.iter().map(Group::heap_bytes).sum::<usize>()
    }

    /// Frees about `budget` nodes, deliveries and consumers of a stream that nobody uses any more; true when nothing
    /// is left.
    pub fn free_some(&mut self, budget: usize) -> bool {
        let mut left = budget;
        while left > 0 && self.log.drop_node() {
            left -= 1;
        }
        while let Some(group) = self.groups.list.last_mut().filter(|_| left > 0) {
            match group.free_some(left) {
                Some(rest) => {
                    left = rest;
                    self.groups.list.pop();
                }
                None => return false,
            }
        }
        self.log.node_count() == 0 && self.groups.is_empty()
    }
}
