//! A sorted set: members with a score each, in the order (score, member bytes).
//!
//! Two forms behind one face. Small sets are a listpack, the very bytes that Redis would hold. Past the limits
//! a set has its members in a slab with a hash index and their order in a counted B+tree: some 45 bytes an entry
//! on 32-bit beside long members (Redis: 112), every operation O(log n), and none that grows a whole table at once.
//!
//! Scores are never NaN; -0 and 0 are equal. Ranks count from 0, from the low end unless a call says `reverse`.

mod large;
mod members;
mod small;
#[cfg(test)]
mod tests;
mod tree;

use crate::bytes::Rng;
use crate::structures::block::PackedBox;
use crate::structures::listpack::{self, Item, Listpack};
use crate::structures::Limits;
use large::Large;
use small::{read_score, Small};

/// What an insert did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The member is new.
    Added,
    /// The member was there with another score.
    Updated,
    /// The member was there with this score.
    Unchanged,
}

/// One end of a range of scores. Infinite scores serve as open ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScoreBound {
    /// The score belongs to the range.
    Inclusive(f64),
    /// The score does not.
    Exclusive(f64),
}

impl ScoreBound {
    /// As the lower end: whether the range begins above `score`.
    #[inline]
    fn above(self, score: f64) -> bool {
        match self {
            ScoreBound::Inclusive(bound) => score < bound,
            ScoreBound::Exclusive(bound) => score <= bound,
        }
    }

    /// As the upper end: whether the range reaches up to `score`.
    #[inline]
    fn reaches(self, score: f64) -> bool {
        match self {
            ScoreBound::Inclusive(bound) => score <= bound,
            ScoreBound::Exclusive(bound) => score < bound,
        }
    }
}

/// One end of a range of members that all have the same score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// `-`: before every member.
    Lowest,
    /// `+`: behind every member.
    Highest,
    /// `[member`: the member belongs to the range.
    Inclusive(&'a [u8]),
    /// `(member`: it does not.
    Exclusive(&'a [u8]),
}

impl LexBound<'_> {
    /// As the lower end: whether the range begins above `member`.
    #[inline]
    fn above(self, member: &[u8]) -> bool {
        match self {
            LexBound::Lowest => false,
            LexBound::Highest => true,
            LexBound::Inclusive(bound) => member < bound,
            LexBound::Exclusive(bound) => member <= bound,
        }
    }

    /// As the upper end: whether the range reaches up to `member`.
    #[inline]
    fn reaches(self, member: &[u8]) -> bool {
        match self {
            LexBound::Lowest => false,
            LexBound::Highest => true,
            LexBound::Inclusive(bound) => member <= bound,
            LexBound::Exclusive(bound) => member < bound,
        }
    }
}

/// Neighbouring ranks: the first one and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Lowest rank, counted from the low end.
    pub start: usize,
    /// Number of entries.
    pub count: usize,
}

#[derive(Clone)]
enum Form {
    Small(Small),
    Large(PackedBox<Large>),
}

/// A sorted set. See the module's head.
#[derive(Clone)]
pub struct SortedSet {
    form: Form,
}

impl std::fmt::Debug for SortedSet {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_list().entries(self.iter()).finish()
    }
}

impl Default for SortedSet {
    fn default() -> Self {
        Self::new()
    }
}

impl SortedSet {
    /// An empty set in the small form.
    pub fn new() -> Self {
        SortedSet { form: Form::Small(Small::new()) }
    }

    /// An empty set for about `entries` members, the first of which is `member` bytes long: large at once if that
    /// is past the limits.
    pub fn sized(entries: usize, member: usize, limits: &Limits) -> Self {
        if entries > limits.entries || member > limits.value {
            SortedSet { form: Form::Large(PackedBox::new(Large::new(limits.seed))) }
        } else {
            Self::new()
        }
    }

    /// Takes a listpack of members and scores from outside; large if it has more members than the limit. `None` when
    /// it is not in order, a member comes twice or a score is no number. O(n log n).
    pub fn from_listpack(pack: Listpack, limits: &Limits) -> Option<Self> {
        let small = Small::from_listpack(pack)?;
        if small.len() <= limits.entries {
            return small.pack().distinct(1).then_some(SortedSet { form: Form::Small(small) });
        }
        let small = SortedSet { form: Form::Small(small) };
        let mut large = Large::new(limits.seed);
        for (member, score) in small.iter() {
            if large.update(member.bytes(&mut [0; 20]), |_| Some(score)) != Change::Added {
                return None;
            }
        }
        Some(SortedSet { form: Form::Large(PackedBox::new(large)) })
    }

    /// The compact form's members and scores, if it has that form.
    pub fn listpack(&self) -> Option<&Listpack> {
        match &self.form {
            Form::Small(small) => Some(small.pack()),
            Form::Large(_) => None,
        }
    }

    /// Number of members. O(1).
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Small(small) => small.len(),
            Form::Large(large) => large.len(),
        }
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING says: `listpack` or `skiplist`, which clients know as the name of the large form.
    pub fn encoding(&self) -> &'static str {
        match self.form {
            Form::Small(_) => "listpack",
            Form::Large(_) => "skiplist",
        }
    }

    /// Bytes held on the heap, allocator overhead estimated. O(1).
    pub fn heap_bytes(&self) -> usize {
        match &self.form {
            Form::Small(small) => small.pack().heap_bytes(),
            Form::Large(large) => std::mem::size_of::<Large>() + large.heap_bytes(),
        }
    }

    /// The score of `member`. O(1), in the small form O(n).
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.form {
            Form::Small(small) => Some(small.find(member)?.1),
            Form::Large(large) => large.score(member),
        }
    }

    /// Puts `member` at `score`, which must not be NaN. O(log n); once in a set's life the change of form.
    pub fn insert(&mut self, member: &[u8], score: f64, limits: &Limits) -> Change {
        self.update(member, limits, |_| Some(score))
    }

    /// Asks `decide` for the score of `member`, given the one it has, if any; no answer leaves things as they are.
    /// The answer must not be NaN. O(log n); once in a set's life the change of form.
    pub fn update(
        &mut self,
        member: &[u8],
        limits: &Limits,
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Change {
        let small = match &mut self.form {
            Form::Large(large) => return large.update(member, decide),
            Form::Small(small) => small,
        };
        if let Some((at, old)) = small.find(member) {
            return match decide(Some(old)) {
                Some(score) => small.update(at, member, old, score),
                None => Change::Unchanged,
            };
        }
        match decide(None) {
            Some(score) => self.add_small(member, score, limits),
            None => Change::Unchanged,
        }
    }

    fn add_small(&mut self, member: &[u8], score: f64, limits: &Limits) -> Change {
        let Form::Small(small) = &mut self.form else { return Change::Unchanged };
        // A score takes up to 24 bytes as text.
        if small.len() < limits.entries && member.len() <= limits.value && small.pack().fits(member.len() + 24, 2) {
            small.add(member, score);
            return Change::Added;
        }
        let mut large = Large::new(limits.seed);
        for (member, score) in self.range(0, self.len(), false) {
            large.add(member.bytes(&mut [0; 20]), score);
        }
        large.add(member, score);
        self.form = Form::Large(PackedBox::new(large));
        Change::Added
    }

    /// Takes `member` out and returns its score. O(log n).
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.form {
            Form::Small(small) => small.remove(member),
            Form::Large(large) => large.remove(member),
        }
    }

    /// Rank and score of `member`; from the high end when `reverse`. O(log n).
    pub fn rank(&self, member: &[u8], reverse: bool) -> Option<(usize, f64)> {
        let (rank, score) = match &self.form {
            Form::Small(small) => small.rank(member),
            Form::Large(large) => large.rank(member),
        }?;
        Some((if reverse { self.len() - 1 - rank } else { rank }, score))
    }

    /// The entry of rank `rank`. O(log n).
    pub fn at(&self, rank: usize) -> Option<(Item<'_>, f64)> {
        self.range(rank, 1, false).next()
    }

    /// Up to `count` entries from rank `start` on. With `reverse` ranks count from the high end and the walk goes
    /// down. O(log n) and then O(1) an entry.
    pub fn range(&self, start: usize, count: usize, reverse: bool) -> Range<'_> {
        let len = self.len();
        let count = count.min(len.saturating_sub(start));
        if count == 0 {
            return Range { walk: Walk::Nothing, left: 0, reverse };
        }
        let rank = if reverse { len - 1 - start } else { start };
        let walk = match &self.form {
            Form::Small(small) => {
                let pack = small.pack();
                if reverse {
                    Walk::Back(pack.rev_from(pack.seek(rank as i64 * 2 + 1)))
                } else {
                    Walk::Small(pack.iter_from(pack.seek(rank as i64 * 2)))
                }
            }
            Form::Large(large) => match large.cursor(rank) {
                Some(cursor) => Walk::Large(large, cursor),
                None => Walk::Nothing,
            },
        };
        Range { walk, left: count, reverse }
    }

    /// All entries, lowest first.
    pub fn iter(&self) -> Range<'_> {
        self.range(0, self.len(), false)
    }

    /// The ranks of the scores from `min` to `max`. O(log n).
    pub fn by_score(&self, min: ScoreBound, max: ScoreBound) -> Span {
        let (start, end) = match &self.form {
            Form::Small(small) => (small.count_below(min), small.count_upto(max)),
            Form::Large(large) => (large.count_below(min), large.count_upto(max)),
        };
        Span { start, count: end.saturating_sub(start) }
    }

    /// The ranks of the members from `min` to `max`; means something where all scores are equal. O(log n).
    pub fn by_lex(&self, min: LexBound<'_>, max: LexBound<'_>) -> Span {
        let (start, end) = match &self.form {
            Form::Small(small) => (small.lex_below(min), small.lex_upto(max)),
            Form::Large(large) => (large.lex_below(min), large.lex_upto(max)),
        };
        Span { start, count: end.saturating_sub(start) }
    }

    /// Takes out the entry of rank `rank` (from the high end when `reverse`) and hands it to `taken`; false past
    /// the end. O(log n).
    pub fn take(&mut self, rank: usize, reverse: bool, taken: impl FnOnce(&[u8], f64)) -> bool {
        let len = self.len();
        if rank >= len {
            return false;
        }
        let rank = if reverse { len - 1 - rank } else { rank };
        match &mut self.form {
            Form::Small(small) => {
                let pack = small.pack();
                let mut entries = pack.iter_from(pack.seek(rank as i64 * 2));
                if let (Some(member), Some(score)) = (entries.next(), entries.next()) {
                    taken(member.bytes(&mut [0; 20]), read_score(score));
                }
                small.remove_ranks(rank, 1);
                true
            }
            Form::Large(large) => large.take(rank, taken),
        }
    }

    /// Takes out the entries of `span`. O(log n): many members then wait for [`purge`](Self::purge).
    pub fn remove_span(&mut self, span: Span) {
        let start = span.start.min(self.len());
        let span = Span { start, count: span.count.min(self.len() - start) };
        match &mut self.form {
            Form::Small(small) => small.remove_ranks(span.start, span.count),
            Form::Large(large) => large.cut(span.start, span.start + span.count),
        }
    }

    /// Whether members that were taken out still take memory.
    pub fn has_dead(&self) -> bool {
        matches!(&self.form, Form::Large(large) if large.has_dead())
    }

    /// Gives back the memory of about `budget` members that were taken out; true once that is done.
    pub fn purge(&mut self, budget: usize) -> bool {
        match &mut self.form {
            Form::Small(_) => true,
            Form::Large(large) => large.purge(budget),
        }
    }

    /// How much there is to free, in entries: members that wait to be purged included.
    pub fn weight(&self) -> usize {
        match &self.form {
            Form::Small(small) => small.len(),
            Form::Large(large) => large.weight(),
        }
    }

    /// An entry, all equally likely. O(log n).
    pub fn random(&self, rng: &mut Rng) -> Option<(Item<'_>, f64)> {
        let len = self.len();
        if len == 0 {
            return None;
        }
        self.at(rng.below(len))
    }

    /// Visits about `count` entries from `cursor` on and returns the next cursor, 0 at the end. An entry that stays
    /// from the first call to the last is visited; in the large form exactly once. The small form is visited whole.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        match &self.form {
            Form::Small(_) => {
                for (member, score) in self.iter() {
                    visit(member.bytes(&mut [0; 20]), score);
                }
                0
            }
            Form::Large(large) => large.scan(cursor, count, visit),
        }
    }

    /// Frees about `budget` entries of a set that is given up; true once nothing is left. The set must not be
    /// used for anything else afterwards.
    pub fn free_some(&mut self, budget: usize) -> bool {
        match &mut self.form {
            Form::Small(_) => true,
            Form::Large(large) => large.free_some(budget),
        }
    }
}

enum Walk<'a> {
    Nothing,
    Small(listpack::Iter<'a>),
    Back(listpack::Rev<'a>),
    Large(&'a Large, tree::Cursor),
}

/// Iterator over (member, score); see [`SortedSet::range`].
pub struct Range<'a> {
    walk: Walk<'a>,
    left: usize,
    reverse: bool,
}

impl<'a> Iterator for Range<'a> {
    type Item = (Item<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        match &mut self.walk {
            Walk::Nothing => None,
            Walk::Back(entries) => {
                let score = entries.next()?;
                Some((entries.next()?, read_score(score)))
            }
            Walk::Small(entries) => {
                let member = entries.take_one()?;
                Some((member, read_score(entries.take_one()?)))
            }
            Walk::Large(large, cursor) => {
                let (member, score) = large.walk(cursor, self.reverse);
                Some((Item::Bytes(member), score))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Range<'_> {}
