//! Walking a list, across its nodes.

use super::quick::Node;
use super::End;
use crate::structures::listpack::{self, Item, Listpack};
use std::collections::VecDeque;

/// Iterator over a list's elements in one direction; see [`List::iter_from`](super::List::iter_from).
#[derive(Clone)]
pub struct Iter<'a> {
    inner: listpack::Iter<'a>,
    plain: Option<&'a [u8]>,
    /// The nodes, and the index of the one to enter next (`usize::MAX` and the length are past the ends).
    rest: Option<(&'a VecDeque<Node>, usize)>,
    from: End,
}

impl<'a> Iter<'a> {
    pub(super) fn empty() -> Self {
        Iter { inner: listpack::Iter::empty(), plain: None, rest: None, from: End::Front }
    }

    pub(super) fn of_pack(pack: &'a Listpack, index: usize, from: End) -> Self {
        let at = pack.seek(index as i64);
        let inner = match from {
            End::Front => pack.iter_from(at),
            End::Back => pack.iter_to(at),
        };
        Iter { inner, plain: None, rest: None, from }
    }

    /// Starts inside node `node`, at its element `offset`.
    pub(super) fn of_nodes(nodes: &'a VecDeque<Node>, node: usize, offset: usize, from: End) -> Self {
        let mut iter = match &nodes[node] {
            Node::Pack(pack) => Iter::of_pack(pack, offset, from),
            Node::Plain(bytes) => Iter { plain: Some(bytes), from, ..Iter::empty() },
        };
        iter.rest = Some((nodes, iter.beyond(node)));
        iter
    }

    fn beyond(&self, node: usize) -> usize {
        match self.from {
            End::Front => node + 1,
            End::Back => node.wrapping_sub(1),
        }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        loop {
            let item = match self.from {
                End::Front => self.inner.next(),
                End::Back => self.inner.next_back(),
            };
            if item.is_some() {
                return item;
            }
            if let Some(bytes) = self.plain.take() {
                return Some(Item::Bytes(bytes));
            }
            let (nodes, node) = self.rest?;
            match nodes.get(node)? {
                Node::Pack(pack) => self.inner = pack.iter(),
                Node::Plain(bytes) => self.plain = Some(bytes),
            }
            self.rest = Some((nodes, self.beyond(node)));
        }
    }
}
