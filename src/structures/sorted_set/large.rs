//! The large form: [`Members`] by name and id, [`Tree`] by (score, member). Every operation is O(log n) or better.

use super::members::Members;
use super::tree::{Cursor, Entry, Tree};
use super::{Change, LexBound, ScoreBound};
use std::cmp::Ordering;

/// See the file's head.
#[derive(Clone)]
pub struct Large {
    members: Members,
    tree: Tree,
}

impl Large {
    pub fn new(seed: u64) -> Self {
        Large { members: Members::new(seed), tree: Tree::new() }
    }

    pub fn len(&self) -> usize {
        self.members.len()
    }

    pub fn heap_bytes(&self) -> usize {
        self.members.heap_bytes() + self.tree.heap_bytes()
    }

    pub fn score(&self, member: &[u8]) -> Option<f64> {
        let id = self.members.find(self.members.hash(member), member)?;
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
        let hash = self.members.hash(member);
        let Some(id) = self.members.find(hash, member) else {
            let Some(score) = decide(None) else { return Change::Unchanged };
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
        let id = self.members.find(self.members.hash(member), member)?;
        let (members, score) = (&self.members, self.members.score(id));
        let place = self.tree.find_last(|s, i| order(members, (s, i), score, member) != Ordering::Greater);
        self.tree.remove(&place.expect("every member has its place"));
        self.members.remove(id);
        Some(score)
    }

    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let id = self.members.find(self.members.hash(member), member)?;
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

    pub fn scan(&self, cursor: u64, count: usize, visit: impl FnMut(&[u8], f64)) -> u64 {
        self.members.scan(cursor, count, visit)
    }

    pub fn free_some(&mut self, budget: usize) -> bool {
        self.tree.free_some(budget.div_ceil(super::tree::LEAF)) && self.members.free_some(budget)
    }

    #[cfg(test)]
    pub fn check(&self) {
        let members = &self.members;
        assert_eq!(self.tree.len(), members.len());
        self.tree.check(&|a: Entry, b: Entry| order(members, a, b.0, members.member(b.1)) == Ordering::Less);
    }
}

/// How `entry` stands to the key (score, member).
#[inline]
fn order(members: &Members, entry: Entry, score: f64, member: &[u8]) -> Ordering {
    if entry.0 < score {
        Ordering::Less
    } else if entry.0 > score {
        Ordering::Greater
    } else {
        members.member(entry.1).cmp(member)
    }
}
