//! The large form of a list: a deque of nodes. Those at the ends are laced once they are pushed to or popped from; those
//! between get along without backlens.

use super::{discard_pack, peek_pack, remove_from_pack, End, Fill, Iter};
use crate::structures::listpack::{Item, Listpack, Needle};
use std::collections::VecDeque;

/// Encoding around an element that fits a node, as Redis estimates it.
const OVERHEAD: usize = 8;

/// A run of elements in one allocation.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Some elements, never none.
    Pack(Listpack),
    /// One element, too large for a node.
    Plain(Box<[u8]>),
}

impl Node {
    fn of(element: &[u8], fill: Fill) -> Node {
        if fill.large(element.len()) {
            return Node::Plain(element.into());
        }
        let mut pack = Listpack::laced();
        pack.push_back(element);
        Node::Pack(pack)
    }

    #[inline]
    fn len(&self) -> usize {
        match self {
            Node::Pack(pack) => pack.len(),
            Node::Plain(_) => 1,
        }
    }

    #[inline]
    fn heap_bytes(&self) -> usize {
        match self {
            Node::Pack(pack) => pack.heap_bytes(),
            Node::Plain(bytes) => bytes.len(),
        }
    }

    /// Whether an element of `bytes` bytes may join.
    #[inline]
    fn takes(&self, bytes: usize, fill: Fill) -> bool {
        match self {
            Node::Pack(pack) => {
                !fill.large(bytes) && !fill.exceeded(pack.byte_len() + bytes + OVERHEAD, pack.len() + 1)
            }
            Node::Plain(_) => false,
        }
    }

    /// Takes an element at one end. Only after [`takes`](Self::takes) said so.
    #[inline]
    fn push(&mut self, end: End, element: &[u8]) {
        if let Node::Pack(pack) = self {
            pack.lace(true);
            match end {
                End::Front => pack.push_front(element),
                End::Back => pack.push_back(element),
            }
        }
    }

    fn get(&self, offset: usize) -> Option<Item<'_>> {
        match self {
            Node::Pack(pack) => pack.seek(offset as i64).map(|at| pack.get(at)),
            Node::Plain(bytes) => Some(Item::Bytes(bytes)),
        }
    }
}

/// A node to look at.
#[derive(Clone, Copy, Debug)]
pub enum NodeRef<'a> {
    /// Some elements, never none unless the whole list has none.
    Pack(&'a Listpack),
    /// One element, too large for a node.
    Plain(&'a [u8]),
}

/// A deque of nodes with what is asked of it often kept at hand.
#[derive(Clone, Debug, Default)]
pub(super) struct Quick {
    nodes: VecDeque<Node>,
    /// Elements in all nodes.
    len: usize,
}

impl Quick {
    pub(super) fn from_pack(pack: Listpack) -> Self {
        let mut quick = Quick::default();
        quick.push_pack(pack);
        quick
    }

    pub(super) fn push_pack(&mut self, pack: Listpack) {
        if !pack.is_empty() {
            self.add_node(self.nodes.len(), Node::Pack(pack));
        }
    }

    pub(super) fn push_plain(&mut self, element: Box<[u8]>) {
        self.add_node(self.nodes.len(), Node::Plain(element));
    }

    pub(super) fn node_count(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn node(&self, at: usize) -> NodeRef<'_> {
        match &self.nodes[at] {
            Node::Pack(pack) => NodeRef::Pack(pack),
            Node::Plain(bytes) => NodeRef::Plain(bytes),
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.nodes.iter().map(Node::heap_bytes).sum::<usize>() + self.nodes.capacity() * size_of::<Node>()
    }

    /// The only node, if it is a listpack of whose bytes and entries `small` says so, or an empty one for none.
    pub(super) fn take_lone_pack(&mut self, small: impl Fn(usize, usize) -> bool) -> Option<Listpack> {
        match self.nodes.front() {
            Some(Node::Pack(pack)) if self.nodes.len() == 1 && small(pack.byte_len(), pack.len()) => {}
            None => return Some(Listpack::laced()),
            _ => return None,
        }
        match self.drop_node(0) {
            Node::Pack(mut pack) => {
                pack.lace(true);
                Some(pack)
            }
            Node::Plain(_) => None,
        }
    }

    fn add_node(&mut self, at: usize, node: Node) {
        self.len += node.len();
        self.nodes.insert(at, node);
    }

    fn drop_node(&mut self, at: usize) -> Node {
        let node = self.nodes.remove(at).expect("a node");
        self.len -= node.len();
        if self.nodes.capacity() > 64 && self.nodes.capacity() / 4 > self.nodes.len() {
            self.nodes.shrink_to(self.nodes.len() * 2);
        }
        node
    }

    /// Changes a node and keeps the sum.
    #[inline]
    fn change<R>(&mut self, at: usize, change: impl FnOnce(&mut Node) -> R) -> R {
        let node = &mut self.nodes[at];
        let len = node.len();
        let result = change(node);
        self.len = self.len + node.len() - len;
        result
    }

    #[inline]
    fn end(&self, end: End) -> usize {
        match end {
            End::Front => 0,
            End::Back => self.nodes.len().wrapping_sub(1),
        }
    }

    #[inline]
    pub(super) fn push(&mut self, end: End, element: &[u8], fill: Fill) {
        let at = self.end(end);
        if let Some(node) = self.nodes.get_mut(at).filter(|node| node.takes(element.len(), fill)) {
            self.len += 1;
            return node.push(end, element);
        }
        if self.nodes.len() > 1 {
            // The old end is full now: its slack and its backlens go.
            self.change(at, |node| {
                if let Node::Pack(pack) = node {
                    pack.lace(false);
                }
            });
        }
        let at = match end {
            End::Front => 0,
            End::Back => self.nodes.len(),
        };
        self.add_node(at, Node::of(element, fill));
    }

    #[inline]
    pub(super) fn peek(&self, end: End) -> Option<Item<'_>> {
        match self.nodes.get(self.end(end))? {
            Node::Pack(pack) => peek_pack(pack, end),
            Node::Plain(bytes) => Some(Item::Bytes(bytes)),
        }
    }

    #[inline]
    pub(super) fn discard(&mut self, end: End) -> bool {
        let at = self.end(end);
        match self.nodes.get_mut(at) {
            None => return false,
            Some(Node::Pack(pack)) if pack.len() > 1 => {
                self.len -= 1;
                pack.lace(true);
                discard_pack(pack, end);
            }
            Some(_) => drop(self.drop_node(at)),
        }
        true
    }

    /// The node that holds element `index` and the element's offset in it.
    fn locate(&self, index: usize) -> Option<(usize, usize)> {
        if index >= self.len {
            return None;
        }
        if index <= self.len / 2 {
            let mut offset = index;
            for (at, node) in self.nodes.iter().enumerate() {
                if offset < node.len() {
                    return Some((at, offset));
                }
                offset -= node.len();
            }
        } else {
            // How many elements stand from `index` to the end of the node looked at.
            let mut left = self.len - index;
            for (at, node) in self.nodes.iter().enumerate().rev() {
                if left <= node.len() {
                    return Some((at, node.len() - left));
                }
                left -= node.len();
            }
        }
        None
    }

    pub(super) fn get(&self, index: usize) -> Option<Item<'_>> {
        let (at, offset) = self.locate(index)?;
        self.nodes[at].get(offset)
    }

    pub(super) fn iter_from(&self, index: usize, from: End) -> Iter<'_> {
        match self.locate(index) {
            Some((at, offset)) => Iter::of_nodes(&self.nodes, at, offset, from),
            None => Iter::empty(),
        }
    }

    pub(super) fn set(&mut self, index: usize, element: &[u8], fill: Fill) {
        let Some((at, offset)) = self.locate(index) else { return };
        if matches!(self.nodes[at], Node::Plain(_)) {
            self.drop_node(at);
            return self.add_node(at, Node::of(element, fill));
        }
        if fill.large(element.len()) {
            self.remove_range(index, 1);
            return self.insert(index, element, fill);
        }
        let size = self.change(at, |node| match node {
            Node::Pack(pack) => {
                let here = pack.seek(offset as i64).expect("an offset in the node");
                pack.replace(here, element);
                pack.byte_len()
            }
            Node::Plain(_) => 0,
        });
        // Replacing small elements by larger ones must not grow a node without bound.
        if size > 2 * fill.bytes {
            self.split(at, offset + 1);
            self.split(at, offset);
            let own = if offset > 0 { at + 1 } else { at };
            self.merge(own, fill);
            if offset > 0 {
                self.merge(at, fill);
            }
        }
    }

    /// Cuts a listpack node in two; `offset` is the first element of the second.
    fn split(&mut self, at: usize, offset: usize) {
        let tail = self.change(at, |node| match node {
            Node::Pack(pack) if offset > 0 && offset < pack.len() => Some(pack.split_off(offset)),
            _ => None,
        });
        if let Some(tail) = tail {
            self.add_node(at + 1, Node::Pack(tail));
        }
    }

    /// Makes one node of `at` and the one after it where the result is within the limit.
    fn merge(&mut self, at: usize, fill: Fill) {
        let (Some(Node::Pack(first)), Some(Node::Pack(second))) = (self.nodes.get(at), self.nodes.get(at + 1)) else {
            return;
        };
        if fill.exceeded(first.byte_len() + second.byte_len(), first.len() + second.len()) {
            return;
        }
        let second = self.drop_node(at + 1);
        self.change(at, |node| {
            if let (Node::Pack(first), Node::Pack(second)) = (node, second) {
                first.append(second);
            }
        });
    }

    pub(super) fn insert(&mut self, index: usize, element: &[u8], fill: Fill) {
        let Some((at, offset)) = self.locate(index) else { return self.push(End::Back, element, fill) };
        if self.nodes[at].takes(element.len(), fill) {
            return self.change(at, |node| {
                if let Node::Pack(pack) = node {
                    let here = pack.seek(offset as i64).expect("an offset in the node");
                    pack.insert_before(here, element);
                }
            });
        }
        if offset == 0 {
            match at.checked_sub(1).filter(|&before| self.nodes[before].takes(element.len(), fill)) {
                Some(before) => self.change(before, |node| node.push(End::Back, element)),
                None => self.add_node(at, Node::of(element, fill)),
            }
            return;
        }
        self.split(at, offset);
        if self.nodes[at].takes(element.len(), fill) {
            self.change(at, |node| node.push(End::Back, element));
            self.merge(at + 1, fill);
        } else {
            self.add_node(at + 1, Node::of(element, fill));
            self.merge(at + 2, fill);
        }
        if at > 0 {
            self.merge(at - 1, fill);
        }
    }

    pub(super) fn remove(&mut self, needle: &Needle<'_>, limit: usize, from: End) -> usize {
        let (mut removed, mut emptied) = (0, false);
        for turn in 0..self.nodes.len() {
            if removed == limit {
                break;
            }
            let at = match from {
                End::Front => turn,
                End::Back => self.nodes.len() - 1 - turn,
            };
            let whole = matches!(&self.nodes[at], Node::Plain(bytes) if Item::Bytes(bytes).matches(needle));
            if whole {
                // Left behind as an empty listpack, to be swept with the others in one pass.
                self.change(at, |node| *node = Node::Pack(Listpack::new()));
                removed += 1;
            } else {
                removed += self.change(at, |node| match node {
                    Node::Pack(pack) => remove_from_pack(pack, needle, limit - removed, from),
                    Node::Plain(_) => 0,
                });
            }
            emptied |= self.nodes[at].len() == 0;
        }
        if emptied {
            self.nodes.retain(|node| node.len() > 0);
            self.nodes.shrink_to(self.nodes.len() * 2);
        }
        removed
    }

    pub(super) fn remove_range(&mut self, index: usize, count: usize) {
        let Some((mut at, offset)) = self.locate(index) else { return };
        let mut left = count;
        let partly = self.nodes[at].len() - offset;
        if offset > 0 {
            self.shorten(at, offset, left);
            left -= left.min(partly);
            at += 1;
        }
        let mut stop = at;
        while stop < self.nodes.len() && left >= self.nodes[stop].len() {
            left -= self.nodes[stop].len();
            stop += 1;
        }
        match stop - at {
            0 => {}
            1 => drop(self.drop_node(at)),
            _ => {
                for node in self.nodes.drain(at..stop) {
                    self.len -= node.len();
                }
                self.nodes.shrink_to(self.nodes.len() * 2);
            }
        }
        if left > 0 && at < self.nodes.len() {
            self.shorten(at, 0, left);
        }
    }

    fn shorten(&mut self, at: usize, offset: usize, count: usize) {
        self.change(at, |node| {
            if let Node::Pack(pack) = node {
                pack.delete_range(offset as i64, count);
            }
        });
    }

    pub(super) fn free_some(&mut self, budget: usize) -> bool {
        for _ in 0..budget.max(1).min(self.nodes.len()) {
            self.drop_node(self.nodes.len() - 1);
        }
        self.nodes.is_empty()
    }
}

#[cfg(test)]
impl Quick {
    pub(super) fn check(&self) {
        assert_eq!(self.len, self.nodes.iter().map(Node::len).sum::<usize>());
        assert!(self.nodes.iter().all(|node| node.len() > 0));
    }

    pub(super) fn largest_node(&self) -> usize {
        let size = |node: &Node| match node {
            Node::Pack(pack) => pack.byte_len(),
            Node::Plain(bytes) => bytes.len(),
        };
        self.nodes.iter().map(size).max().unwrap_or(0)
    }
}
