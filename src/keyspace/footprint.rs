//! How many bytes a key and its value occupy. Sizes come from the structures, which know what they hold, and count what the
//! allocator adds; they are those of the machine the engine runs on, so pointers count four bytes in WebAssembly.

use super::entry::Entry;
use super::ValueRef;
use crate::memory::allocated;
use std::mem::size_of;

/// Bytes on the heap that belong to an entry's value and are not in the entry's block.
fn value_bytes(entry: &Entry, samples: usize) -> usize {
    let value = entry.value();
    let is_table = value.encoding() == "hashtable";
    match value {
        ValueRef::Str(_) => entry.buffer().map_or(0, |bytes| boxed(bytes, bytes.capacity())),
        ValueRef::List(list) => allocated(list.heap_bytes()),
        // Each field has an allocation of its own, as members have, which are rounded already.
        ValueRef::Hash(hash) if is_table => hash.heap_bytes() + hash.len() * size_of::<usize>(),
        ValueRef::Hash(hash) => allocated(hash.heap_bytes()),
        ValueRef::Set(set) if is_table => set.heap_bytes(samples),
        ValueRef::Set(set) => allocated(set.heap_bytes(samples)),
        ValueRef::SortedSet(set) => allocated(set.heap_bytes()),
        ValueRef::Stream(stream) => boxed(stream, stream.heap_bytes()),
    }
}

fn boxed<T>(_: &T, heap: usize) -> usize {
    allocated(size_of::<T>()) + allocated(heap)
}

impl Entry {
    /// Bytes that it takes, its place in the table excluded. What the members of a large set take is estimated from the first
    /// `samples` of them, 0 for all. O(1), for lists and streams O(nodes).
    pub fn footprint(&self, samples: usize) -> usize {
        allocated(self.block_bytes()) + value_bytes(self, samples)
    }
}
