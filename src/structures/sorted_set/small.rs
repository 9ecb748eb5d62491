//! The small form: member and score alternate in one listpack, in order, as Redis stores and dumps it, laced because the
//! highest scores are what is asked for most. Everything walks it, O(bytes); the limits keep that shorter than what a
//! tree would cost.

use super::{Change, LexBound, ScoreBound};
use crate::bytes::number::{parse_f64, push_f64, I64_TEXT, INTEGRAL};
use crate::structures::listpack::{Item, Listpack};
use std::cmp::Ordering;

/// See the file's head.
#[derive(Clone)]
pub struct Small {
    pack: Listpack,
}

impl Small {
    pub fn new() -> Self {
        Small { pack: Listpack::laced() }
    }

    /// Takes a listpack from outside, if its scores are numbers and its entries in order.
    pub fn from_listpack(mut pack: Listpack) -> Option<Self> {
        if pack.len() % 2 != 0 {
            return None;
        }
        let mut entries = pack.iter();
        let mut before: Option<(Item<'_>, f64)> = None;
        while let (Some(member), Some(score)) = (entries.next(), entries.next()) {
            let score = match score {
                Item::Int(value) => value as f64,
                Item::Bytes(text) => parse_f64(text)?,
            };
            if let Some((other, lower)) = before {
                if score < lower || score == lower && compare(other, member.bytes(&mut [0; I64_TEXT])).is_ge() {
                    return None;
                }
            }
            before = Some((member, score));
        }
        pack.lace(true);
        Some(Small { pack })
    }

    pub fn pack(&self) -> &Listpack {
        &self.pack
    }

    pub fn len(&self) -> usize {
        self.pack.len() / 2
    }

    /// Position and score of `member`.
    pub fn find(&self, member: &[u8]) -> Option<(usize, f64)> {
        let at = self.pack.find(self.pack.first(), member, 1)?;
        Some((at, self.score_after(at)))
    }

    fn score_after(&self, at: usize) -> f64 {
        self.pack.next(at).map_or(0.0, |at| read_score(self.pack.get(at)))
    }

    /// Gives the member at position `at` another score.
    pub fn update(&mut self, at: usize, member: &[u8], old: f64, score: f64) -> Change {
        if old == score {
            return Change::Unchanged;
        }
        self.pack.delete_run(at, 2);
        self.add(member, score);
        Change::Updated
    }

    /// Adds `member`, known to be absent.
    pub fn add(&mut self, member: &[u8], score: f64) {
        let mut text = Vec::new();
        let written = write_score(score, &mut text);
        match self.place_of(score, member) {
            Some(at) => {
                let at = self.pack.insert_before(at, member);
                self.pack.insert_after(at, written);
            }
            None => {
                self.pack.push_pair(member, written);
            }
        }
    }

    /// Position of the first entry behind (score, member).
    fn place_of(&self, score: f64, member: &[u8]) -> Option<usize> {
        let mut entries = self.pack.iter();
        while let Some(here) = entries.skip_one() {
            let other = read_score(entries.take_one()?);
            if other > score || (other == score && compare(self.pack.get(here), member) == Ordering::Greater) {
                return Some(here);
            }
        }
        None
    }

    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let (at, score) = self.find(member)?;
        self.pack.delete_run(at, 2);
        Some(score)
    }

    pub fn remove_ranks(&mut self, start: usize, count: usize) {
        self.pack.delete_range(start as i64 * 2, count * 2);
    }

    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let at = self.pack.find(self.pack.first(), member, 1)?;
        let behind = self.pack.iter_from(Some(at)).count() / 2;
        Some((self.len() - behind, self.score_after(at)))
    }

    /// How many entries satisfy `before`, which must hold for a prefix of the order.
    fn count_before(&self, mut before: impl FnMut(Item<'_>, Item<'_>) -> bool) -> usize {
        let mut entries = self.pack.iter();
        let mut count = 0;
        while let (Some(member), Some(score)) = (entries.next(), entries.next()) {
            if !before(member, score) {
                break;
            }
            count += 1;
        }
        count
    }

    pub fn count_below(&self, bound: ScoreBound) -> usize {
        self.count_before(|_, score| bound.above(read_score(score)))
    }

    pub fn count_upto(&self, bound: ScoreBound) -> usize {
        self.count_before(|_, score| bound.reaches(read_score(score)))
    }

    pub fn lex_below(&self, bound: LexBound) -> usize {
        self.count_before(|member, _| bound.above(member.bytes(&mut [0; I64_TEXT])))
    }

    pub fn lex_upto(&self, bound: LexBound) -> usize {
        self.count_before(|member, _| bound.reaches(member.bytes(&mut [0; I64_TEXT])))
    }
}

fn compare(item: Item<'_>, member: &[u8]) -> Ordering {
    item.bytes(&mut [0; I64_TEXT]).cmp(member)
}

/// The score an entry stands for.
#[inline]
pub fn read_score(item: Item<'_>) -> f64 {
    match item {
        Item::Int(value) => value as f64,
        Item::Bytes(text) => parse_f64(text).unwrap_or(0.0),
    }
}

/// The entry of a score: an integer where it is one (so that -0 becomes 0, as in Redis), else its shortest text.
fn write_score(score: f64, text: &mut Vec<u8>) -> Item<'_> {
    if score.fract() == 0.0 && score.abs() <= INTEGRAL {
        return Item::Int(score as i64);
    }
    push_f64(text, score);
    Item::from(&text[..])
}
