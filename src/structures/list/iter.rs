//! Walking a list, across its nodes.

use super::quick::Node;
use super::End;
use crate::structures::listpack::{self, Item, Listpack};
use std::collections::VecDeque;

/// Iterator over a list's elements in one direction; see [`List::iter_from`](super::List::iter_from).
#[derive(Clone)]
pub struct Iter<'a> {
    inner: Inner<'a>,
    plain: Option<&'a [u8]>,
    /// The nodes, and the index of the one to enter next (`usize::MAX` and the length are past the ends).
    rest: Option<(&'a VecDeque<Node>, usize)>,
    from: End,
}

/// The elements of one node that are still to come.
#[derive(Clone)]
enum Inner<'a> {
    Forward(listpack::Iter<'a>),
    Back(listpack::Rev<'a>),
}

impl<'a> Iter<'a> {
    pub(super) fn empty() -> Self {
        Iter { inner: Inner::Forward(listpack::Iter::empty()), plain: None, rest: None, from: End::Front }
    }

    pub(super) fn of_pack(pack: &'a Listpack, index: usize, from: End) -> Self {
        let at = pack.seek(index as i64);
        let inner = match from {
            End::Front => Inner::Forward(pack.iter_from(at)),
            End::Back => Inner::Back(pack.rev_from(at)),
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
            let item = match &mut self.inner {
                Inner::Forward(entries) => entries.take_one(),
                Inner::Back(entries) => entries.next(),
            };
            if item.is_some() {
                return item;
            }
            if let Some(bytes) = self.plain.take() {
                return Some(Item::Bytes(bytes));
            }
            let (nodes, node) = self.rest?;
            match nodes.get(node)? {
                Node::Pack(pack) if self.from == End::Front => self.inner = Inner::Forward(pack.iter()),
                Node::Pack(pack) => self.inner = Inner::Back(pack.rev()),
                Node::Plain(bytes) => self.plain = Some(bytes),
            }
            self.rest = Some((nodes, self.beyond(node)));
        }
    }
}
