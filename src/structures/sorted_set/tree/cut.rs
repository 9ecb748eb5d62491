//! Cutting a range out of the tree in O(log n), however much is in it: what lies between its ends stays in the arenas as
//! parts that nothing leads to any more, to be taken apart leaf by leaf when there is time.

use super::{Entry, Tree, FAN, LEAF, NONE};

/// A subtree that was cut off: its root, and the levels of inner nodes in it.
#[derive(Clone, Copy)]
pub struct Part {
    node: u32,
    height: u32,
}

impl Tree {
    /// Cuts the ranks from `from` up to `to` out. Entries of leaves that stay are put in `loose`, all others are in
    /// `parts`. O(log n).
    pub fn cut(&mut self, from: usize, to: usize, loose: &mut Vec<u32>, parts: &mut Vec<Part>) {
        if from >= to || to > self.len {
            return;
        }
        if to - from == self.len {
            parts.push(Part { node: self.root, height: self.height as u32 });
            (self.height, self.len) = (0, 0);
            self.root = self.add_leaf();
            return;
        }
        let leaf = |rank: Option<usize>| rank.and_then(|rank| self.find_rank(rank)).map_or(NONE, |place| place.leaf);
        let (before, behind) = (leaf(from.checked_sub(1)), leaf(Some(to)));
        self.cut_below(self.root, self.height, from, to, loose, parts);
        self.len -= to - from;
        if before != behind {
            if before != NONE {
                self.leaf_mut(before).next = behind;
            }
            if behind != NONE {
                self.leaf_mut(behind).previous = before;
                if let Some(place) = self.find_rank(from) {
                    let first = self.leaf(behind).entry(0);
                    self.name(&place, first);
                }
            }
        }
        if from > 0 {
            self.mend(from - 1);
        }
        if from < self.len {
            self.mend(from);
        }
    }

    /// Cuts a range, not all, out of the entries below `node`.
    fn cut_below(
        &mut self,
        node: u32,
        height: usize,
        from: usize,
        to: usize,
        loose: &mut Vec<u32>,
        parts: &mut Vec<Part>,
    ) {
        if height == 0 {
            let leaf = self.leaf_mut(node);
            let len = leaf.len as usize;
            loose.extend_from_slice(&leaf.ids[from..to]);
            leaf.ids.copy_within(to..len, from);
            leaf.scores.copy_within(to..len, from);
            leaf.len -= (to - from) as u32;
            return;
        }
        let (mut at, mut begin) = (0, 0);
        while at < self.inner(node).len as usize && begin < to {
            let inner = self.inner(node);
            let (child, end) = (inner.children[at], begin + inner.counts[at] as usize);
            if from <= begin && end <= to {
                parts.push(Part { node: child, height: height as u32 - 1 });
                self.inner_mut(node).remove(at);
            } else {
                if from < end {
                    let (first, last) = (from.max(begin) - begin, to.min(end) - begin);
                    self.cut_below(child, height - 1, first, last, loose, parts);
                    self.inner_mut(node).counts[at] -= (last - first) as u32;
                }
                at += 1;
            }
            begin = end;
        }
    }

    /// Fills the nodes on the way to the entry of that rank up, from the root down: each gets more than the least, because
    /// what is below it may take two from it.
    fn mend(&mut self, rank: usize) {
        self.lower_root();
        let (mut node, mut level, mut rest) = (self.root, self.height, rank as u32);
        while level > 0 {
            let inner = self.inner(node);
            let (mut child, mut before) = (0, 0);
            while rest >= before + inner.counts[child] {
                before += inner.counts[child];
                child += 1;
            }
            let below = inner.children[child];
            let thin = match level {
                1 => (self.leaf(below).len as usize) < LEAF / 4,
                _ => self.inner(below).len as usize <= FAN / 4 + 1,
            };
            if !thin {
                (node, level, rest) = (below, level - 1, rest - before);
                continue;
            }
            let joined = match level {
                1 => self.join_leaves(node, child as u32),
                _ => self.join_inners(node, child as u32),
            };
            if joined && node == self.root {
                self.lower_root();
                (node, level) = (self.root, self.height);
            }
        }
    }

    /// Takes a piece of a part apart: the entries of a leaf, or none; what is left of the part is in `parts` again.
    pub fn take_apart(&mut self, part: Part, parts: &mut Vec<Part>) -> Vec<Entry> {
        if part.height > 0 {
            let inner = self.inner(part.node);
            let children = inner.children[..inner.len as usize].iter();
            parts.extend(children.map(|&node| Part { node, height: part.height - 1 }));
            self.drop_inner(part.node);
            return Vec::new();
        }
        let leaf = self.leaf(part.node);
        let entries = (0..leaf.len as usize).map(|at| leaf.entry(at)).collect();
        self.drop_leaf(part.node);
        entries
    }

    /// Leaves of a part.
    #[cfg(test)]
    pub fn leaves_of(&self, part: Part) -> usize {
        if part.height == 0 {
            return 1;
        }
        let inner = self.inner(part.node);
        let below = |&node: &u32| self.leaves_of(Part { node, height: part.height - 1 });
        inner.children[..inner.len as usize].iter().map(below).sum()
    }
}
