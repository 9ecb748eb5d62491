//! The order of a large sorted set: a counted B+tree of (score, id) pairs.
//!
//! Redis keeps a skiplist with spans; a B+tree answers the same questions (rank of a key, key of a rank, a
//! range in either direction) with a third of the memory and far fewer cache misses, because a leaf holds
//! [`LEAF`] neighbours side by side and an inner node counts what lies below each child. Nodes live in two
//! arenas and name one another by index, so the directory of a million entries is some 80 KB and growing
//! it is the longest single step there is.
//!
//! The tree knows ids, not members: whoever calls decides the order by a closure over (score, id).
//!
//! Invariant: the separator of child `i > 0` *is* the first entry of that child's subtree (it names a
//! live id); the separator of child 0 is never looked at.

mod cut;

pub use cut::Part;
use std::mem::size_of;

/// Entries in a leaf.
pub const LEAF: usize = 64;
/// Children of an inner node.
pub const FAN: usize = 32;
/// Inner nodes keep at least FAN / 4 children, so 2^32 entries need fewer levels than this.
const DEPTH: usize = 12;
/// No node.
const NONE: u32 = u32::MAX;

/// One entry: its score and the caller's id.
pub type Entry = (f64, u32);

#[derive(Clone)]
struct Leaf {
    len: u32,
    previous: u32,
    next: u32,
    ids: [u32; LEAF],
    scores: [f64; LEAF],
}

#[derive(Clone)]
struct Inner {
    len: u32,
    children: [u32; FAN],
    /// Entries below each child.
    counts: [u32; FAN],
    ids: [u32; FAN],
    scores: [f64; FAN],
}

impl Leaf {
    fn insert(&mut self, at: usize, (score, id): Entry) {
        let len = self.len as usize;
        self.ids.copy_within(at..len, at + 1);
        self.scores.copy_within(at..len, at + 1);
        self.ids[at] = id;
        self.scores[at] = score;
        self.len += 1;
    }

    fn remove(&mut self, at: usize) {
        let len = self.len as usize;
        self.ids.copy_within(at + 1..len, at);
        self.scores.copy_within(at + 1..len, at);
        self.len -= 1;
    }

    fn entry(&self, at: usize) -> Entry {
        (self.scores[at], self.ids[at])
    }

    /// Moves the entries from `from` on to the front of `to`, which is `self`'s right neighbour.
    fn give_right(&mut self, from: usize, to: &mut Leaf) {
        let (len, there) = (self.len as usize, to.len as usize);
        let moved = len - from;
        to.ids.copy_within(..there, moved);
        to.scores.copy_within(..there, moved);
        to.ids[..moved].copy_from_slice(&self.ids[from..len]);
        to.scores[..moved].copy_from_slice(&self.scores[from..len]);
        to.len += moved as u32;
        self.len = from as u32;
    }

    /// Takes the first `count` entries of its right neighbour.
    fn take_right(&mut self, count: usize, from: &mut Leaf) {
        let (len, there) = (self.len as usize, from.len as usize);
        self.ids[len..len + count].copy_from_slice(&from.ids[..count]);
        self.scores[len..len + count].copy_from_slice(&from.scores[..count]);
        from.ids.copy_within(count..there, 0);
        from.scores.copy_within(count..there, 0);
        self.len += count as u32;
        from.len -= count as u32;
    }
}

impl Inner {
    fn empty() -> Box<Inner> {
        Box::new(Inner { len: 0, children: [NONE; FAN], counts: [0; FAN], ids: [NONE; FAN], scores: [0.0; FAN] })
    }

    /// The last child whose separator satisfies `before`; child 0 when none does.
    #[inline]
    fn child_of(&self, before: &impl Fn(f64, u32) -> bool) -> usize {
        let (mut low, mut high) = (1, self.len as usize);
        while low < high {
            let middle = (low + high) / 2;
            if before(self.scores[middle], self.ids[middle]) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low - 1
    }

    fn insert(&mut self, at: usize, child: u32, count: u32, (score, id): Entry) {
        let len = self.len as usize;
        self.children.copy_within(at..len, at + 1);
        self.counts.copy_within(at..len, at + 1);
        self.ids.copy_within(at..len, at + 1);
        self.scores.copy_within(at..len, at + 1);
        self.children[at] = child;
        self.counts[at] = count;
        self.ids[at] = id;
        self.scores[at] = score;
        self.len += 1;
    }

    fn remove(&mut self, at: usize) {
        let len = self.len as usize;
        self.children.copy_within(at + 1..len, at);
        self.counts.copy_within(at + 1..len, at);
        self.ids.copy_within(at + 1..len, at);
        self.scores.copy_within(at + 1..len, at);
        self.len -= 1;
    }

    /// Moves the children from `from` on to the front of its right neighbour; both then hold true separators.
    fn give_right(&mut self, from: usize, to: &mut Inner) {
        for at in (from..self.len as usize).rev() {
            to.insert(0, self.children[at], self.counts[at], (self.scores[at], self.ids[at]));
        }
        self.len = from as u32;
    }

    fn take_right(&mut self, count: usize, from: &mut Inner) {
        for _ in 0..count {
            let last = self.len as usize;
            self.insert(last, from.children[0], from.counts[0], (from.scores[0], from.ids[0]));
            from.remove(0);
        }
    }

    fn total(&self) -> u32 {
        self.counts[..self.len as usize].iter().sum()
    }
}

/// Where an entry lies: the way down to it, its leaf, its place there and its rank.
pub struct Place {
    /// From the leaf's parent up to the root: node, child taken.
    steps: [(u32, u32); DEPTH],
    leaf: u32,
    at: u32,
    /// Entries before it in the whole tree.
    pub rank: usize,
}

/// A position for walking: leaf and place in it.
#[derive(Clone, Copy)]
pub struct Cursor {
    leaf: u32,
    at: u32,
}

/// The counted B+tree. See the file's head for what it costs.
#[derive(Clone)]
pub struct Tree {
    leaves: Vec<Option<Box<Leaf>>>,
    inners: Vec<Option<Box<Inner>>>,
    spare_leaves: Vec<u32>,
    spare_inners: Vec<u32>,
    root: u32,
    /// Levels of inner nodes above the leaves.
    height: usize,
    len: usize,
}

impl Tree {
    /// A tree without entries; allocates one leaf.
    pub fn new() -> Self {
        let mut tree = Tree {
            leaves: Vec::new(),
            inners: Vec::new(),
            spare_leaves: Vec::new(),
            spare_inners: Vec::new(),
            root: 0,
            height: 0,
            len: 0,
        };
        tree.root = tree.add_leaf();
        tree
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes of its nodes and directories.
    pub fn heap_bytes(&self) -> usize {
        (self.leaves.len() - self.spare_leaves.len()) * (size_of::<Leaf>() + 8)
            + (self.inners.len() - self.spare_inners.len()) * (size_of::<Inner>() + 8)
            + (self.leaves.capacity() + self.inners.capacity()) * size_of::<usize>()
            + (self.spare_leaves.capacity() + self.spare_inners.capacity()) * size_of::<u32>()
    }

    #[inline(always)]
    fn leaf(&self, index: u32) -> &Leaf {
        self.leaves[index as usize].as_deref().expect("a live leaf")
    }

    #[inline]
    fn leaf_mut(&mut self, index: u32) -> &mut Leaf {
        self.leaves[index as usize].as_deref_mut().expect("a live leaf")
    }

    #[inline(always)]
    fn inner(&self, index: u32) -> &Inner {
        self.inners[index as usize].as_deref().expect("a live inner node")
    }

    #[inline]
    fn inner_mut(&mut self, index: u32) -> &mut Inner {
        self.inners[index as usize].as_deref_mut().expect("a live inner node")
    }

    fn leaf_pair(&mut self, a: u32, b: u32) -> (&mut Leaf, &mut Leaf) {
        pair(&mut self.leaves, a as usize, b as usize)
    }

    fn inner_pair(&mut self, a: u32, b: u32) -> (&mut Inner, &mut Inner) {
        pair(&mut self.inners, a as usize, b as usize)
    }

    fn add_leaf(&mut self) -> u32 {
        let leaf = Box::new(Leaf { len: 0, previous: NONE, next: NONE, ids: [0; LEAF], scores: [0.0; LEAF] });
        match self.spare_leaves.pop() {
            Some(index) => {
                self.leaves[index as usize] = Some(leaf);
                index
            }
            None => {
                self.leaves.push(Some(leaf));
                self.leaves.len() as u32 - 1
            }
        }
    }

    fn add_inner(&mut self, inner: Box<Inner>) -> u32 {
        match self.spare_inners.pop() {
            Some(index) => {
                self.inners[index as usize] = Some(inner);
                index
            }
            None => {
                self.inners.push(Some(inner));
                self.inners.len() as u32 - 1
            }
        }
    }

    fn drop_leaf(&mut self, index: u32) {
        self.leaves[index as usize] = None;
        self.spare_leaves.push(index);
    }

    fn drop_inner(&mut self, index: u32) {
        self.inners[index as usize] = None;
        self.spare_inners.push(index);
    }

    /// How many entries satisfy `before`, which must hold for a prefix of the order. O(log n).
    pub fn count_before(&self, before: impl Fn(f64, u32) -> bool) -> usize {
        self.descend(&before).rank
    }

    /// The end of the prefix for which `before` holds; `at` stands behind the last such entry's place, in the
    /// very leaf of that entry when there is one.
    fn descend(&self, before: &impl Fn(f64, u32) -> bool) -> Place {
        let mut place = Place { steps: [(0, 0); DEPTH], leaf: self.root, at: 0, rank: 0 };
        for level in (0..self.height).rev() {
            let inner = self.inner(place.leaf);
            let child = inner.child_of(before);
            place.rank += inner.counts[..child].iter().sum::<u32>() as usize;
            place.steps[level] = (place.leaf, child as u32);
            place.leaf = inner.children[child];
        }
        let leaf = self.leaf(place.leaf);
        let (mut low, mut high) = (0, leaf.len as usize);
        while low < high {
            let middle = (low + high) / 2;
            if before(leaf.scores[middle], leaf.ids[middle]) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        place.at = low as u32;
        place.rank += low;
        place
    }

    /// The place of the last entry for which `upto` holds (it must hold for a prefix of the order): with
    /// `upto` = "not behind this key", the place of the key itself when it is there. O(log n).
    pub fn find_last(&self, upto: impl Fn(f64, u32) -> bool) -> Option<Place> {
        let mut place = self.descend(&upto);
        place.at = place.at.checked_sub(1)?;
        place.rank -= 1;
        Some(place)
    }

    /// The place of rank `rank`; `None` past the end. O(log n).
    pub fn find_rank(&self, rank: usize) -> Option<Place> {
        if rank >= self.len {
            return None;
        }
        let mut place = Place { steps: [(0, 0); DEPTH], leaf: self.root, at: 0, rank };
        let mut rest = rank as u32;
        for level in (0..self.height).rev() {
            let inner = self.inner(place.leaf);
            let mut child = 0;
            while rest >= inner.counts[child] {
                rest -= inner.counts[child];
                child += 1;
            }
            place.steps[level] = (place.leaf, child as u32);
            place.leaf = inner.children[child];
        }
        place.at = rest;
        Some(place)
    }

    /// The entry at a place.
    pub fn entry(&self, place: &Place) -> Entry {
        self.leaf(place.leaf).entry(place.at as usize)
    }

    /// Where a walk from `place` starts.
    pub fn cursor(&self, place: &Place) -> Cursor {
        Cursor { leaf: place.leaf, at: place.at }
    }

    /// The entry under `cursor`, which then moves one on (or one back when `reverse`). The caller counts:
    /// a cursor must not be read past either end.
    #[inline]
    pub fn walk(&self, cursor: &mut Cursor, reverse: bool) -> Entry {
        let leaf = self.leaf(cursor.leaf);
        let entry = leaf.entry(cursor.at as usize);
        if reverse {
            if cursor.at == 0 {
                if leaf.previous != NONE {
                    *cursor = Cursor { leaf: leaf.previous, at: self.leaf(leaf.previous).len - 1 };
                }
            } else {
                cursor.at -= 1;
            }
        } else {
            cursor.at += 1;
            if cursor.at == leaf.len && leaf.next != NONE {
                *cursor = Cursor { leaf: leaf.next, at: 0 };
            }
        }
        entry
    }

    /// Inserts `entry` behind every entry for which `before` holds. O(log n).
    pub fn insert(&mut self, entry: Entry, before: impl Fn(f64, u32) -> bool) {
        let place = self.descend(&before);
        for &(node, child) in &place.steps[..self.height] {
            self.inner_mut(node).counts[child as usize] += 1;
        }
        self.len += 1;
        let at = place.at as usize;
        if (self.leaf(place.leaf).len as usize) < LEAF {
            return self.leaf_mut(place.leaf).insert(at, entry);
        }
        if self.insert_into_neighbours(&place, entry) {
            return;
        }
        let right = self.add_leaf();
        let (from, to) = self.leaf_pair(place.leaf, right);
        (to.previous, to.next) = (place.leaf, from.next);
        let follower = std::mem::replace(&mut from.next, right);
        if at == LEAF && follower == NONE {
            // Ascending inserts (time stamps) leave full leaves behind.
            to.insert(0, entry);
        } else {
            from.give_right(LEAF / 2, to);
            if at <= LEAF / 2 {
                from.insert(at, entry);
            } else {
                to.insert(at - LEAF / 2, entry);
            }
        }
        let (count, separator) = (to.len, to.entry(0));
        if follower != NONE {
            self.leaf_mut(follower).previous = right;
        }
        self.insert_child(&place, right, count, separator);
    }

    /// A full leaf first evens out with a neighbour that has a quarter free: random inserts then fill leaves to
    /// four fifths instead of two thirds.
    fn insert_into_neighbours(&mut self, place: &Place, entry: Entry) -> bool {
        if self.height == 0 {
            return false;
        }
        let (parent, child) = place.steps[0];
        let inner = self.inner(parent);
        let has_room = |child: u32| (self.leaf(inner.children[child as usize]).len as usize) <= LEAF * 3 / 4;
        let (left, mut at) = if child + 1 < inner.len && has_room(child + 1) {
            (child as usize, place.at as usize)
        } else if child > 0 && has_room(child - 1) {
            let left = child as usize - 1;
            (left, place.at as usize + self.leaf(inner.children[left]).len as usize)
        } else {
            return false;
        };
        let (a, b) = (inner.children[left], inner.children[left + 1]);
        let (first, second) = self.leaf_pair(a, b);
        even_leaves(first, second);
        if at <= first.len as usize {
            first.insert(at, entry);
        } else {
            at -= first.len as usize;
            second.insert(at, entry);
        }
        self.refresh_pair(parent, left);
        true
    }

    /// Renews the counts and the separator of two neighbouring leaves.
    fn refresh_pair(&mut self, parent: u32, left: usize) {
        let inner = self.inner(parent);
        let (a, b) = (self.leaf(inner.children[left]), self.leaf(inner.children[left + 1]));
        let (here, there, separator) = (a.len, b.len, b.entry(0));
        let inner = self.inner_mut(parent);
        (inner.counts[left], inner.counts[left + 1]) = (here, there);
        (inner.scores[left + 1], inner.ids[left + 1]) = separator;
    }

    /// Hangs a new node in behind the one that `place` went through, whose count still includes it.
    fn insert_child(&mut self, place: &Place, mut child: u32, mut count: u32, mut separator: Entry) {
        for level in 0..self.height {
            let (node, slot) = place.steps[level];
            let inner = self.inner_mut(node);
            let at = slot as usize + 1;
            inner.counts[slot as usize] -= count;
            if (inner.len as usize) < FAN {
                return inner.insert(at, child, count, separator);
            }
            let mut right = Inner::empty();
            inner.give_right(FAN / 2, &mut right);
            if at <= FAN / 2 {
                inner.insert(at, child, count, separator);
            } else {
                right.insert(at - FAN / 2, child, count, separator);
            }
            (count, separator) = (right.total(), (right.scores[0], right.ids[0]));
            child = self.add_inner(right);
        }
        let mut root = Inner::empty();
        root.insert(0, self.root, self.len as u32 - count, (0.0, NONE));
        root.insert(1, child, count, separator);
        self.root = self.add_inner(root);
        self.height += 1;
    }

    /// Replaces the score at `place` if the entry then still stands between its neighbours in the leaf by `less`;
    /// otherwise changes nothing and returns false.
    pub fn set_score(&mut self, place: &Place, score: f64, less: impl Fn(Entry, Entry) -> bool) -> bool {
        let leaf = self.leaf_mut(place.leaf);
        let at = place.at as usize;
        // At a leaf's edge the neighbour is elsewhere, and a first entry is also a separator.
        if at == 0 || at + 1 >= leaf.len as usize {
            return false;
        }
        let entry = (score, leaf.ids[at]);
        let fits = less(leaf.entry(at - 1), entry) && less(entry, leaf.entry(at + 1));
        if fits {
            leaf.scores[at] = score;
        }
        fits
    }

    /// Takes out the entry at `place`. O(log n).
    pub fn remove(&mut self, place: &Place) -> Entry {
        let at = place.at as usize;
        let leaf = self.leaf_mut(place.leaf);
        let entry = leaf.entry(at);
        leaf.remove(at);
        let (len, next) = (leaf.len as usize, leaf.next);
        let first = if len > 0 { Some(leaf.entry(0)) } else { None };
        self.len -= 1;
        for &(node, child) in &place.steps[..self.height] {
            self.inner_mut(node).counts[child as usize] -= 1;
        }
        if at == 0 {
            // The separator that named it names its successor. An emptied leaf merges below: with its right
            // neighbour, whose first entry this then is, or it vanishes together with the separator.
            let successor = first.or_else(|| (next != NONE).then(|| self.leaf(next).entry(0)));
            if let Some(successor) = successor {
                self.name(place, successor);
            }
        }
        if len < LEAF / 4 && self.height > 0 {
            self.refill_leaf(place);
        }
        entry
    }

    /// Says that `entry` is the first one of the leaf that `place` is in: the separator that names it, if one does.
    fn name(&mut self, place: &Place, entry: Entry) {
        if let Some(&(node, child)) = place.steps[..self.height].iter().find(|step| step.1 > 0) {
            let inner = self.inner_mut(node);
            (inner.scores[child as usize], inner.ids[child as usize]) = entry;
        }
    }

    fn refill_leaf(&mut self, place: &Place) {
        let (parent, child) = place.steps[0];
        if self.join_leaves(parent, child) {
            self.refill_inner(place);
        }
    }

    /// Makes one of leaf `child` and a neighbour where both fit, else evens them out; whether the parent lost a child,
    /// of which it has two at least.
    fn join_leaves(&mut self, parent: u32, child: u32) -> bool {
        let inner = self.inner(parent);
        let left = if child + 1 < inner.len { child as usize } else { child as usize - 1 };
        let (a, b) = (inner.children[left], inner.children[left + 1]);
        let (first, second) = self.leaf_pair(a, b);
        if (first.len + second.len) as usize > LEAF * 3 / 4 {
            even_leaves(first, second);
            self.refresh_pair(parent, left);
            return false;
        }
        let (moved, follower) = (second.len, second.next);
        first.take_right(moved as usize, second);
        first.next = follower;
        let merged = first.len;
        if follower != NONE {
            self.leaf_mut(follower).previous = a;
        }
        self.drop_leaf(b);
        let inner = self.inner_mut(parent);
        inner.counts[left] = merged;
        inner.remove(left + 1);
        true
    }

    fn refill_inner(&mut self, place: &Place) {
        for level in 0..self.height {
            let node = place.steps[level].0;
            if level + 1 == self.height {
                return self.lower_root();
            }
            let (parent, child) = place.steps[level + 1];
            if self.inner(node).len as usize >= FAN / 4 || !self.join_inners(parent, child) {
                return;
            }
        }
    }

    /// Takes roots with a single child away.
    fn lower_root(&mut self) {
        while self.height > 0 && self.inner(self.root).len == 1 {
            let old = self.root;
            self.root = self.inner(old).children[0];
            self.height -= 1;
            self.drop_inner(old);
        }
    }

    /// [`Self::join_leaves`] of inner nodes.
    fn join_inners(&mut self, parent: u32, child: u32) -> bool {
        let above = self.inner(parent);
        let left = if child + 1 < above.len { child as usize } else { child as usize - 1 };
        let (a, b) = (above.children[left], above.children[left + 1]);
        let between = (above.scores[left + 1], above.ids[left + 1]);
        let (first, second) = self.inner_pair(a, b);
        (second.scores[0], second.ids[0]) = between;
        let total = (first.len + second.len) as usize;
        if total > FAN * 3 / 4 {
            let half = total / 2;
            if first.len as usize > half {
                first.give_right(half, second);
            } else {
                first.take_right(half - first.len as usize, second);
            }
            let (here, there, separator) = (first.total(), second.total(), (second.scores[0], second.ids[0]));
            let above = self.inner_mut(parent);
            (above.counts[left], above.counts[left + 1]) = (here, there);
            (above.scores[left + 1], above.ids[left + 1]) = separator;
            return false;
        }
        first.take_right(second.len as usize, second);
        let merged = first.total();
        self.drop_inner(b);
        let above = self.inner_mut(parent);
        above.counts[left] = merged;
        above.remove(left + 1);
        true
    }

    /// Drops up to `nodes` nodes of a tree that nobody will read again; true when none is left.
    pub fn free_some(&mut self, nodes: usize) -> bool {
        for _ in 0..nodes {
            if self.leaves.pop().is_none() && self.inners.pop().is_none() {
                return true;
            }
        }
        false
    }

    /// Walks the whole tree and panics where an invariant does not hold.
    /// `dead` leaves belong to parts that were cut off.
    #[cfg(test)]
    pub fn check(&self, dead: usize, less: &impl Fn(Entry, Entry) -> bool) {
        let mut leaves = Vec::new();
        let (count, _) = self.check_node(self.root, self.height, true, &mut leaves);
        assert_eq!(count, self.len);
        assert_eq!(leaves.len() + dead, self.leaves.len() - self.spare_leaves.len());
        for pair in leaves.windows(2) {
            assert_eq!(self.leaf(pair[0]).next, pair[1]);
            assert_eq!(self.leaf(pair[1]).previous, pair[0]);
        }
        assert_eq!(self.leaf(leaves[0]).previous, NONE);
        assert_eq!(self.leaf(*leaves.last().unwrap()).next, NONE);
        let entries: Vec<Entry> = leaves
            .iter()
            .flat_map(|&leaf| (0..self.leaf(leaf).len as usize).map(move |at| self.leaf(leaf).entry(at)))
            .collect();
        assert!(entries.windows(2).all(|pair| less(pair[0], pair[1])));
    }

    #[cfg(test)]
    fn check_node(&self, node: u32, height: usize, root: bool, leaves: &mut Vec<u32>) -> (usize, Option<Entry>) {
        if height == 0 {
            leaves.push(node);
            let leaf = self.leaf(node);
            assert!(root || leaf.len > 0, "an empty leaf");
            return (leaf.len as usize, (leaf.len > 0).then(|| leaf.entry(0)));
        }
        let inner = self.inner(node);
        assert!(inner.len as usize >= if root { 2 } else { FAN / 4 });
        let (mut total, mut first) = (0, None);
        for child in 0..inner.len as usize {
            let (count, entry) = self.check_node(inner.children[child], height - 1, false, leaves);
            assert_eq!(count, inner.counts[child] as usize);
            if child == 0 {
                first = entry;
            } else {
                assert_eq!(entry, Some((inner.scores[child], inner.ids[child])));
            }
            total += count;
        }
        (total, first)
    }
}

fn even_leaves(first: &mut Leaf, second: &mut Leaf) {
    let half = (first.len + second.len) as usize / 2;
    if first.len as usize > half {
        first.give_right(half, second);
    } else {
        first.take_right(half - first.len as usize, second);
    }
}

/// Two different nodes of an arena at once.
fn pair<T>(arena: &mut [Option<Box<T>>], a: usize, b: usize) -> (&mut T, &mut T) {
    let (low, high) = arena.split_at_mut(a.max(b));
    let (low, high) = (low[a.min(b)].as_deref_mut(), high[0].as_deref_mut());
    let (low, high) = (low.expect("a live node"), high.expect("a live node"));
    if a < b {
        (low, high)
    } else {
        (high, low)
    }
}
