//! List: strings in order, quick at both ends.
//!
//! A list starts as one listpack. Past the node limit it becomes what Redis calls a quicklist: a deque of listpack
//! nodes of a few kilobytes each, in which elements too large for a node stand alone as plain nodes. Ends cost
//! O(element); an index costs a walk over node counts from the nearer end and then one node; the memory is that of
//! the elements and some 1% for the nodes.
//!
//! The limit is given with each change ([`Fill`]), because it can be configured while lists exist; nodes keep
//! the size they have until they are touched.

mod iter;
mod quick;
#[cfg(test)]
mod tests;

use super::block::PackedBox;
use super::listpack::{Item, Listpack, Needle};
pub use iter::Iter;
pub use quick::NodeRef;
use quick::Quick;

/// One of the two ends of a list, or the direction that starts there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The head: index 0, LEFT.
    Front,
    /// The tail: index -1, RIGHT.
    Back,
}

/// How large a node may become: `list-max-listpack-size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    bytes: usize,
    entries: usize,
}

impl Fill {
    /// Reads the configured number: -1 to -5 limit a node to 4, 8, 16, 32, 64 KB; a positive number limits its
    /// entries, and its bytes to 8 KB. Zero counts as one, anything below -5 as -5.
    pub fn from_config(size: i64) -> Self {
        match size {
            1.. => Fill { bytes: 8192, entries: size as usize },
            0 => Fill { bytes: 8192, entries: 1 },
            -5..=-1 => Fill { bytes: 2048 << -size, entries: usize::MAX },
            _ => Fill { bytes: 65_536, entries: usize::MAX },
        }
    }

    #[inline]
    fn exceeded(&self, bytes: usize, entries: usize) -> bool {
        bytes > self.bytes || entries > self.entries
    }

    /// Whether an element of so many bytes gets a node of its own.
    #[inline]
    fn large(&self, bytes: usize) -> bool {
        bytes > self.bytes
    }

    /// Whether a lone node is small enough to be a listpack again: half the limit, so that a list at the border
    /// does not go back and forth.
    fn half(&self, bytes: usize, entries: usize) -> bool {
        match self.entries {
            usize::MAX => bytes <= self.bytes / 2,
            limit => entries <= limit / 2,
        }
    }
}

impl Default for Fill {
    /// Redis' default, -2.
    fn default() -> Self {
        Fill::from_config(-2)
    }
}

/// A list of byte strings. See the module for its shape and costs.
#[derive(Clone, Debug)]
pub struct List {
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Pack(Listpack),
    Quick(PackedBox<Quick>),
}

/// Entries from which on a listpack's header no longer states the count; a lone listpack stays below.
const PACK_ENTRIES: usize = 65_534;

impl Default for List {
    fn default() -> Self {
        Self::new()
    }
}

impl List {
    /// An empty list.
    pub fn new() -> Self {
        List { form: Form::Pack(Listpack::laced()) }
    }

    /// An empty list in its large form: for one that is built whole, element by element or node by node, and then
    /// [settled](Self::settle).
    pub fn unsettled() -> Self {
        List { form: Form::Quick(PackedBox::default()) }
    }

    /// Adds a node of its own at the back, as it is; an empty one is passed over. O(1).
    pub fn push_pack(&mut self, pack: Listpack) {
        self.open().push_pack(pack);
    }

    /// Adds one element at the back, in a node of its own. O(1).
    pub fn push_plain(&mut self, element: Box<[u8]>) {
        self.open().push_plain(element);
    }

    /// Gives a list that was built whole the form it would have grown into: a listpack while one node within the
    /// limit holds all of it.
    pub fn settle(&mut self, fill: Fill) {
        match &mut self.form {
            Form::Quick(quick) => {
                if let Some(pack) = quick.take_lone_pack(|bytes, entries| !fill.exceeded(bytes, entries)) {
                    self.form = Form::Pack(pack);
                }
            }
            Form::Pack(pack) if fill.exceeded(pack.byte_len(), pack.len()) => drop(self.open()),
            Form::Pack(_) => {}
        }
    }

    /// The allocations that hold the elements, from the front.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = NodeRef<'_>> + DoubleEndedIterator {
        let count = match &self.form {
            Form::Pack(_) => 1,
            Form::Quick(quick) => quick.node_count(),
        };
        (0..count).map(|at| match &self.form {
            Form::Pack(pack) => NodeRef::Pack(pack),
            Form::Quick(quick) => quick.node(at),
        })
    }

    /// Number of elements. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Pack(pack) => pack.len(),
            Form::Quick(quick) => quick.len(),
        }
    }

    /// Whether there are no elements.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING says: `listpack` or `quicklist`.
    pub fn encoding(&self) -> &'static str {
        match &self.form {
            Form::Pack(_) => "listpack",
            Form::Quick(_) => "quicklist",
        }
    }

    /// Bytes of heap held, slack included. O(nodes).
    pub fn heap_bytes(&self) -> usize {
        match &self.form {
            Form::Pack(pack) => pack.heap_bytes(),
            Form::Quick(quick) => size_of::<Quick>() + quick.heap_bytes(),
        }
    }

    /// Says that `count` elements of `bytes` bytes in all are about to be added, or one is to be replaced by so many
    /// bytes. Turns a listpack that would not take them into a quicklist. To be called once per command, before
    /// its elements are pushed, inserted or set: Redis decides on the sum, and so does the encoding.
    pub fn make_room(&mut self, bytes: usize, count: usize, fill: Fill) {
        if let Form::Pack(pack) = &self.form {
            if fill.exceeded(pack.byte_len().saturating_add(bytes), pack.len().saturating_add(count))
                || pack.len().saturating_add(count) > PACK_ENTRIES
                || !pack.fits(bytes, count)
            {
                self.open();
            }
        }
    }

    /// Turns a quicklist of one node at half the limit or below into a listpack; to be called once per command
    /// that has removed or replaced elements.
    #[inline]
    pub fn shrink(&mut self, fill: Fill) {
        if let Form::Quick(quick) = &mut self.form {
            if let Some(pack) = quick.take_lone_pack(|bytes, entries| fill.half(bytes, entries)) {
                self.form = Form::Pack(pack);
            }
        }
    }

    fn open(&mut self) -> &mut Quick {
        if let Form::Pack(pack) = &mut self.form {
            let pack = std::mem::take(pack);
            self.form = Form::Quick(PackedBox::new(Quick::from_pack(pack)));
        }
        match &mut self.form {
            Form::Quick(quick) => quick,
            Form::Pack(_) => unreachable!("just opened"),
        }
    }

    /// The quicklist, where this is one or must become one to take an element of `bytes` bytes at all.
    #[inline]
    fn quick_for(&mut self, bytes: usize) -> Option<&mut Quick> {
        match &self.form {
            Form::Pack(pack) if pack.fits(bytes, 1) => None,
            _ => Some(self.open()),
        }
    }

    /// Adds an element at an end. O(element); see [`make_room`](Self::make_room).
    #[inline]
    pub fn push(&mut self, end: End, element: &[u8], fill: Fill) {
        if let Some(quick) = self.quick_for(element.len()) {
            return quick.push(end, element, fill);
        }
        if let Form::Pack(pack) = &mut self.form {
            match end {
                End::Front => pack.push_front(element),
                End::Back => pack.push_back(element),
            }
        }
    }

    /// The element at an end. O(1).
    #[inline]
    pub fn peek(&self, end: End) -> Option<Item<'_>> {
        match &self.form {
            Form::Pack(pack) => peek_pack(pack, end),
            Form::Quick(quick) => quick.peek(end),
        }
    }

    /// Removes the element at an end; false if there is none. Amortised O(element).
    #[inline]
    pub fn discard(&mut self, end: End) -> bool {
        match &mut self.form {
            Form::Pack(pack) => discard_pack(pack, end),
            Form::Quick(quick) => quick.discard(end),
        }
    }

    /// Removes and returns the element at an end. Amortised O(element).
    #[inline]
    pub fn pop(&mut self, end: End) -> Option<Vec<u8>> {
        let element = self.peek(end)?.to_vec();
        self.discard(end);
        Some(element)
    }

    /// Element `index` from the front. A walk over nodes from the nearer end.
    pub fn get(&self, index: usize) -> Option<Item<'_>> {
        match &self.form {
            Form::Pack(pack) => Some(pack.get(pack.seek(i64::try_from(index).ok()?)?)),
            Form::Quick(quick) => quick.get(index),
        }
    }

    /// Replaces element `index`; false if there is none. Costs as [`get`](Self::get) and one node's bytes; see
    /// [`make_room`](Self::make_room).
    pub fn set(&mut self, index: usize, element: &[u8], fill: Fill) -> bool {
        if index >= self.len() {
            return false;
        }
        if let Some(quick) = self.quick_for(element.len()) {
            quick.set(index, element, fill);
        } else if let Form::Pack(pack) = &mut self.form {
            let at = pack.seek(index as i64).expect("an index below the length");
            pack.replace(at, element);
        }
        true
    }

    /// Inserts an element so that it has index `index`; past the end it is appended. Costs as [`get`](Self::get)
    /// and one node's bytes; see [`make_room`](Self::make_room).
    pub fn insert(&mut self, index: usize, element: &[u8], fill: Fill) {
        if index >= self.len() {
            return self.push(End::Back, element, fill);
        }
        if let Some(quick) = self.quick_for(element.len()) {
            quick.insert(index, element, fill);
        } else if let Form::Pack(pack) = &mut self.form {
            let at = pack.seek(index as i64).expect("an index below the length");
            pack.insert_before(at, element);
        }
    }

    /// Index of the first element equal to `element`. O(n).
    pub fn position(&self, element: &[u8]) -> Option<usize> {
        let needle = Needle::new(element);
        self.iter().position(|item| item.matches(&needle))
    }

    /// Removes elements equal to `element`, seen from `from`, up to `limit` (0: all); returns how many. O(n).
    pub fn remove(&mut self, element: &[u8], limit: usize, from: End) -> usize {
        let needle = Needle::new(element);
        let limit = if limit == 0 { usize::MAX } else { limit };
        match &mut self.form {
            Form::Pack(pack) => remove_from_pack(pack, &needle, limit, from),
            Form::Quick(quick) => quick.remove(&needle, limit, from),
        }
    }

    /// Removes up to `count` elements from `index` on. O(nodes) and two nodes' bytes.
    pub fn remove_range(&mut self, index: usize, count: usize) {
        let count = count.min(self.len().saturating_sub(index));
        if count == 0 {
            return;
        }
        match &mut self.form {
            Form::Pack(pack) => pack.delete_range(index as i64, count),
            Form::Quick(quick) => quick.remove_range(index, count),
        }
    }

    /// Keeps `count` elements from `index` on and removes the rest.
    pub fn trim(&mut self, index: usize, count: usize) {
        self.remove_range(index.saturating_add(count), usize::MAX);
        self.remove_range(0, index);
    }

    /// The elements from the front.
    pub fn iter(&self) -> Iter<'_> {
        self.iter_from(0, End::Front)
    }

    /// The elements from `index` (always counted from the front) on, walking away from end `from`. Past the last
    /// index there is nothing.
    pub fn iter_from(&self, index: usize, from: End) -> Iter<'_> {
        if index >= self.len() {
            return Iter::empty();
        }
        match &self.form {
            Form::Pack(pack) => Iter::of_pack(pack, index, from),
            Form::Quick(quick) => quick.iter_from(index, from),
        }
    }

    /// Frees up to `budget` nodes and says whether nothing is left: for freeing a large list in slices. What
    /// remains is a shorter list.
    pub fn free_some(&mut self, budget: usize) -> bool {
        match &mut self.form {
            Form::Pack(_) => {
                *self = List::new();
                true
            }
            Form::Quick(quick) => quick.free_some(budget),
        }
    }
}

#[inline]
fn peek_pack(pack: &Listpack, end: End) -> Option<Item<'_>> {
    let at = match end {
        End::Front => pack.first(),
        End::Back => pack.last(),
    };
    at.map(|at| pack.get(at))
}

#[inline]
fn discard_pack(pack: &mut Listpack, end: End) -> bool {
    match (end, pack.last()) {
        (_, None) => return false,
        (End::Back, Some(at)) => pack.delete_last(at),
        (End::Front, _) => {
            pack.delete(0);
        }
    }
    true
}

/// Removes up to `limit` matches, the ones nearest to `from`, in one pass; returns how many.
fn remove_from_pack(pack: &mut Listpack, needle: &Needle<'_>, limit: usize, from: End) -> usize {
    let mut spared = match from {
        End::Back if limit < pack.len() => {
            pack.iter().filter(|item| item.matches(needle)).count().saturating_sub(limit)
        }
        _ => 0,
    };
    let mut removed = 0;
    pack.retain(|item| {
        if removed == limit || !item.matches(needle) {
            return true;
        }
        if spared > 0 {
            spared -= 1;
            return true;
        }
        removed += 1;
        false
    });
    removed
}
