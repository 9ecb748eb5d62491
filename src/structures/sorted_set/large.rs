//! The large form: [`Members`] by name and id, [`Tree`] by (score, member). Every operation is O(log n) or better.
//!
//! A range is removed by cutting it out of the tree. Its members stay in their slots for a while, dead: a member is there
//! only if the tree has its entry, which is looked at while there are dead ones. They are removed in slices, by
//! [`Large::purge`].

use super::members::Members;
use super::tree::{Cursor, Entry, Part, Tree, LEAF};
use super::{Change, LexBound, ScoreBound};
use std::cmp::Ordering;

/// See the file's head.
#[derive(Clone)]
pub struct Large {
    members: Members,
    tree: Tree,
    /// What was cut out of the tree.
    dead: Vec<Part>,
}

impl Large {
    pub fn new(seed: u64) -> Self {
        Large { members: Members::new(seed), tree: Tree::new(), dead: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.tree.len()
    }

    /// Members, dead ones included.
    pub fn weight(&self) -> usize {
        self.members.len()
    }

    /// The id of a member that is there.
    #[inline]
    fn find(&self, hash: u64, member: &[u8]) -> Option<u32> {
        self.members.find(hash, member).filter(|&id| self.dead.is_empty() || self.lives(id))
    }

    /// Whether the tree has the entry of a member that has a slot.
    #[cold]
    #[inline(never)]
    fn lives(&self, id: u32) -> bool {
        let (members, score, member) = (&self.members, self.members.score(id), self.members.member(id));
        let place = self.tree.find_last(|s, i| order(members, (s, i), score, member) != Ordering::Greater);
        place.is_some_and(|place| self.tree.entry(&place).1 == id)
    }

    /// Removes the ranks from `start` up to `end`. O(log n).
    pub fn cut(&mut self, start: usize, end: usize) {
        let mut loose = Vec::new();
        self.tree.cut(start, end, &mut loose, &mut self.dead);
        loose.into_iter().for_each(|id| self.members.remove(id));
    }

    /// Whether there are dead members.
    pub fn has_dead(&self) -> bool {
        !self.dead.is_empty()
    }

    /// Removes about `budget` dead members, at least a leaf's; whether none is left.
    pub fn purge(&mut self, budget: usize) -> bool {
        for _ in 0..budget.div_ceil(LEAF) {
            let Some(part) = self.dead.pop() else { return true };
            for (score, id) in self.tree.take_apart(part, &mut self.dead) {
                // Since it died the slot may have got another member, or the same with a place in the tree again.
                if self.members.holds(id, score) && !self.lives(id) {
                    self.members.remove(id);
                }
            }
        }
        self.dead.is_empty()
    }

    /// Before a change: works off some dead members, should nobody else come to it.
    #[inline]
    fn tidy(&mut self) {
        if self.has_dead() {
            self.purge(1);
        }
    }

    pub fn heap_bytes(&self) -> usize {
        self.members.heap_bytes() + self.tree.heap_bytes() + self.dead.capacity() * size_of::<Part>()
    }

    pub fn score(&self, member: &[u8]) -> Option<f64> {
        let id = self.find(self.members.hash(member), member)?;
        Some(self.members.score(id))
    }

    /// Adds `member`, known to be absent.
    pub fn add(&mut self, member: &[u8], score: f64) {
        let hash = self.members.hash(member);
        self.add_hashed(hash, member, score);
    }

    fn add_hashed(&mut self, hash: u64, member: &[u8], score: f64) {
        let id = self.members.insert(hash, member, score);
        let members = &self.members;
        self.tree.insert((score, id), |s, i| order(members, (s, i), score, member) == Ordering::Less);
    }

    /// Asks `decide` for the score that follows from the present one.
    pub fn update(&mut self, member: &[u8], decide: impl FnOnce(Option<f64>) -> Option<f64>) -> Change {
        self.tidy();
        let hash = self.members.hash(member);
        let Some(id) = self.find(hash, member) else {
            let Some(score) = decide(None) else { return Change::Unchanged };
            if let Some(dead) = self.members.find(hash, member).filter(|_| self.has_dead()) {
                self.members.remove(dead);
            }
            self.add_hashed(hash, member, score);
            return Change::Added;
        };
        let old = self.members.score(id);
        let Some(score) = decide(Some(old)).filter(|&score| score != old) else { return Change::Unchanged };
        let members = &self.members;
        let place = self.tree.find_last(|s, i| order(members, (s, i), old, member) != Ordering::Greater);
        let place = place.expect("every member has its place");
        let less = |a: Entry, b: Entry| order(members, a, b.0, members.member(b.1)) == Ordering::Less;
        if !self.tree.set_score(&place, score, less) {
            self.tree.remove(&place);
            self.tree.insert((score, id), |s, i| order(members, (s, i), score, member) == Ordering::Less);
        }
        self.members.set_score(id, score);
        Change::Updated
    }

    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        self.tidy();
        let id = self.find(self.members.hash(member), member)?;
        let (members, score) = (&self.members, self.members.score(id));
        let place = self.tree.find_last(|s, i| order(members, (s, i), score, member) != Ordering::Greater);
        self.tree.remove(&place.expect("every member has its place"));
        self.members.remove(id);
        Some(score)
    }

    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let id = self.find(self.members.hash(member), member)?;
        let score = self.members.score(id);
        let upto = |s, i| order(&self.members, (s, i), score, member) != Ordering::Greater;
        Some((self.tree.count_before(upto) - 1, score))
    }

    pub fn cursor(&self, rank: usize) -> Option<Cursor> {
        Some(self.tree.cursor(&self.tree.find_rank(rank)?))
    }

    pub fn walk(&self, cursor: &mut Cursor, reverse: bool) -> (&[u8], f64) {
        let (score, id) = self.tree.walk(cursor, reverse);
        (self.members.member(id), score)
    }

    pub fn take(&mut self, rank: usize, take: impl FnOnce(&[u8], f64)) -> bool {
        self.tidy();
        let Some(place) = self.tree.find_rank(rank) else { return false };
        let (score, id) = self.tree.remove(&place);
        take(self.members.member(id), score);
        self.members.remove(id);
        true
    }

    pub fn count_below(&self, bound: ScoreBound) -> usize {
        self.tree.count_before(|score, _| bound.above(score))
    }

    pub fn count_upto(&self, bound: ScoreBound) -> usize {
        self.tree.count_before(|score, _| bound.reaches(score))
    }

    pub fn lex_below(&self, bound: LexBound) -> usize {
        self.tree.count_before(|_, id| bound.above(self.members.member(id)))
    }

    pub fn lex_upto(&self, bound: LexBound) -> usize {
        self.tree.count_before(|_, id| bound.reaches(self.members.member(id)))
    }

    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        self.members.scan(cursor, count, |id| {
            if !self.has_dead() || self.lives(id) {
                visit(self.members.member(id), self.members.score(id));
            }
        })
    }

    pub fn free_some(&mut self, budget: usize) -> bool {
        self.tree.free_some(budget.div_ceil(LEAF)) && self.members.free_some(budget)
    }

    #[cfg(test)]
    pub fn check(&self) {
        let members = &self.members;
        assert!(self.tree.len() == members.len() || self.has_dead());
        let dead = self.dead.iter().map(|&part| self.tree.leaves_of(part)).sum();
        self.tree.check(dead, &|a: Entry, b: Entry| order(members, a, b.0, members.member(b.1)) == Ordering::Less);
    }
}

/// How `entry` stands to the key (score, member).
#[inline(always)]
fn order(members: &Members, entry: Entry, score: f64, member: &[u8]) -> Ordering {
    if entry.0 < score {
        Ordering::Less
    } else if entry.0 > score {
        Ordering::Greater
    } else {
        by_member(members, entry.1, member)
    }
}

#[inline(never)]
fn by_member(members: &Members, id: u32, member: &[u8]) -> Ordering {
    members.member(id).cmp(member)
}
