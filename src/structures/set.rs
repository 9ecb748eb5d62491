//! `Set`: distinct members in the most compact form that suits them.
//!
//! | form      | while                                                              | lookup   |
//! | --------- | ------------------------------------------------------------------ | -------- |
//! | intset    | all members are integers, `set-max-intset-entries` at most           | O(log n) |
//! | listpack  | `set-max-listpack-entries` of `set-max-listpack-value` bytes at most | O(n)     |
//! | hashtable | always                                                             | O(1)     |
//!
//! A set only ever moves down this list, when a member or their number no longer fits; which form it takes
//! then is what clients see in `OBJECT ENCODING`, so the rules are Redis' to the letter. Limits come with each
//! call: they are configuration and may change under a living set.

#[cfg(test)]
mod tests;

use super::block::PackedBox;
use super::dict::{self, Dict, Keyed};
use super::intset::{self, Intset};
use super::listpack::{self, Item, Listpack};
use super::pair::Pair;
use crate::bytes::number::{format_i64, parse_i64, I64_TEXT};
use crate::bytes::Rng;
use crate::memory::allocated;
use hashbrown::HashTable;

/// How large the compact forms may grow.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `set-max-listpack-entries` and `set-max-listpack-value`; the seed of the table.
    pub listpack: super::Limits,
    /// `set-max-intset-entries`: integers in an intset.
    pub intset: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { listpack: super::Limits { entries: 128, value: 64, seed: 0 }, intset: 512 }
    }
}

/// A set of byte strings.
#[derive(Clone)]
pub enum Set {
    /// Integers only, sorted.
    Intset(Intset),
    /// A few short members, in the order they came.
    Listpack(Listpack),
    /// Anything.
    Table(PackedBox<Dict<Pair>>),
}

impl std::fmt::Debug for Set {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_set().entries(self.iter()).finish()
    }
}

impl Default for Set {
    fn default() -> Self {
        Set::new()
    }
}

/// A member as a table holds it.
fn entry(member: &[u8]) -> Pair {
    Pair::new(member, b"", None)
}

/// A table's member as it is read.
fn text(member: &Pair) -> Item<'_> {
    Item::Bytes(member.key())
}

/// Length of an integer's text.
fn digits(value: i64) -> usize {
    format_i64(value, &mut [0; I64_TEXT]).len()
}

impl Set {
    /// An empty set, as the store commands begin one: an intset.
    pub fn new() -> Self {
        Set::Intset(Intset::new())
    }

    /// An empty set in the form that suits `hint` members of which `first` is the first.
    pub fn for_members(first: &[u8], hint: usize, limits: &Limits) -> Self {
        if hint <= limits.intset && parse_i64(first).is_some() {
            Set::new()
        } else if hint <= limits.listpack.entries {
            Set::Listpack(Listpack::new())
        } else {
            Set::Table(PackedBox::new(Dict::with_capacity(limits.listpack.seed, hint)))
        }
    }

    /// Turns a compact set into a table when `more` members alone would be too many for its form.
    pub fn prepare(&mut self, more: usize, limits: &Limits) {
        let limit = match self {
            Set::Intset(_) => limits.intset,
            Set::Listpack(_) => limits.listpack.entries,
            Set::Table(_) => return,
        };
        if more > limit {
            self.make_table(more, limits.listpack.seed);
        }
    }

    /// Number of members. O(1).
    pub fn len(&self) -> usize {
        match self {
            Set::Intset(set) => set.len(),
            Set::Listpack(pack) => pack.len(),
            Set::Table(dict) => dict.len(),
        }
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The form's name, as `OBJECT ENCODING` tells it.
    pub fn encoding(&self) -> &'static str {
        match self {
            Set::Intset(_) => "intset",
            Set::Listpack(_) => "listpack",
            Set::Table(_) => "hashtable",
        }
    }

    /// Whether `member` is in the set.
    pub fn contains(&self, member: &[u8]) -> bool {
        match self {
            Set::Intset(set) => parse_i64(member).is_some_and(|value| set.contains(value)),
            Set::Listpack(pack) => pack.find(pack.first(), member, 0).is_some(),
            Set::Table(dict) => dict.contains(member),
        }
    }

    /// [`Set::contains`] for a member of another set, without a detour over text between two intsets.
    pub fn contains_item(&self, member: Item<'_>) -> bool {
        match (self, member) {
            (Set::Intset(set), Item::Int(value)) => set.contains(value),
            _ => self.contains(member.bytes(&mut [0; I64_TEXT])),
        }
    }

    /// Puts `member` in; whether it was new.
    pub fn add(&mut self, member: &[u8], limits: &Limits) -> bool {
        match self {
            Set::Table(dict) => dict.get_or_insert_with(member, || entry(member)).1,
            Set::Listpack(pack) => {
                if pack.find(pack.first(), member, 0).is_some() {
                    return false;
                }
                let fits = pack.len() < limits.listpack.entries && member.len() <= limits.listpack.value;
                if fits && pack.fits(member.len(), 1) {
                    pack.push_back(member);
                    return true;
                }
                self.add_to_table(member, limits.listpack.seed)
            }
            Set::Intset(_) => match parse_i64(member) {
                Some(value) => self.add_integer(value, limits),
                None => self.add_text_to_intset(member, limits),
            },
        }
    }

    /// [`Set::add`] for a member of another set.
    pub fn add_item(&mut self, member: Item<'_>, limits: &Limits) -> bool {
        match (&self, member) {
            (Set::Intset(_), Item::Int(value)) => self.add_integer(value, limits),
            _ => self.add(member.bytes(&mut [0; I64_TEXT]), limits),
        }
    }

    fn add_integer(&mut self, value: i64, limits: &Limits) -> bool {
        let Set::Intset(set) = self else { return false };
        if !set.add(value) {
            return false;
        }
        if set.len() > limits.intset {
            self.make_table(0, limits.listpack.seed);
        }
        true
    }

    fn add_text_to_intset(&mut self, member: &[u8], limits: &Limits) -> bool {
        let Set::Intset(set) = self else { return false };
        // The ends of the order have the longest texts.
        let longest = set.first().map_or(0, digits).max(set.last().map_or(0, digits));
        if set.len() >= limits.listpack.entries || longest.max(member.len()) > limits.listpack.value {
            return self.add_to_table(member, limits.listpack.seed);
        }
        let mut pack = Listpack::new();
        if !pack.fits(set.len() * longest + member.len(), set.len() + 1) {
            return self.add_to_table(member, limits.listpack.seed);
        }
        set.iter().for_each(|value| pack.push_back(value));
        pack.push_back(Item::Bytes(member));
        *self = Set::Listpack(pack);
        true
    }

    fn add_to_table(&mut self, member: &[u8], seed: u64) -> bool {
        self.make_table(self.len() + 1, seed).insert(entry(member)).is_none()
    }

    /// Makes the set a table with room for `hint` members.
    fn make_table(&mut self, hint: usize, seed: u64) -> &mut Dict<Pair> {
        if !matches!(self, Set::Table(_)) {
            let mut dict = Dict::with_capacity(seed, hint.max(self.len()));
            for member in self.iter() {
                dict.insert(entry(member.bytes(&mut [0; I64_TEXT])));
            }
            *self = Set::Table(PackedBox::new(dict));
        }
        match self {
            Set::Table(dict) => dict,
            _ => unreachable!("made a table above"),
        }
    }

    /// Takes `member` out; whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Set::Intset(set) => parse_i64(member).is_some_and(|value| set.remove(value)),
            Set::Listpack(pack) => match pack.find(pack.first(), member, 0) {
                Some(at) => {
                    pack.delete(at);
                    true
                }
                None => false,
            },
            Set::Table(dict) => dict.remove(member).is_some(),
        }
    }

    /// All members. An intset's ascend, a listpack's come as they were added, a table's in no order.
    pub fn iter(&self) -> Iter<'_> {
        let form = match self {
            Set::Intset(set) => Form::Intset(set.iter()),
            Set::Listpack(pack) => Form::Listpack(pack.iter()),
            Set::Table(dict) => Form::Table(dict.iter()),
        };
        Iter { form, left: self.len() }
    }

    /// A member by chance, all equally likely. O(1) expected; O(n) for a listpack.
    pub fn random(&self, rng: &mut Rng) -> Option<Item<'_>> {
        match self {
            Set::Intset(set) => set.random(rng).map(Item::Int),
            Set::Listpack(pack) if pack.is_empty() => None,
            Set::Listpack(pack) => pack.seek(rng.below(pack.len()) as i64).map(|at| pack.get(at)),
            Set::Table(dict) => dict.random(rng).map(text),
        }
    }

    /// Visits `count` distinct members by chance (all, when there are fewer). O(count) expected, at most O(n).
    pub fn random_distinct<'a>(&'a self, rng: &mut Rng, count: usize, visit: &mut dyn FnMut(Item<'a>)) {
        match self {
            Set::Table(dict) if count < dict.len() / 3 => {
                // Few of many: draw, and draw again what was drawn already. Where a member lies tells it apart.
                let mut drawn: HashTable<usize> = HashTable::with_capacity(count);
                let hash = |place: &usize| (*place as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32);
                while drawn.len() < count {
                    let Some(member) = dict.random(rng) else { return };
                    let place = std::ptr::from_ref(member) as usize;
                    if drawn.find(hash(&place), |other| *other == place).is_none() {
                        drawn.insert_unique(hash(&place), place, hash);
                        visit(text(member));
                    }
                }
            }
            _ => {
                // One pass: each member is taken with the chance that leaves the rest what they need.
                let (mut wanted, mut left) = (count.min(self.len()), self.len());
                for member in self.iter() {
                    if rng.below(left) < wanted {
                        visit(member);
                        wanted -= 1;
                    }
                    left -= 1;
                    if wanted == 0 {
                        return;
                    }
                }
            }
        }
    }

    /// Takes a member by chance out.
    pub fn pop_random(&mut self, rng: &mut Rng) -> Option<Vec<u8>> {
        match self {
            Set::Table(dict) => dict.pop_random(rng).map(|member| member.key().to_vec()),
            Set::Intset(set) if !set.is_empty() => set.remove_at(rng.below(set.len())).map(|v| Item::Int(v).to_vec()),
            Set::Listpack(pack) if !pack.is_empty() => {
                let at = pack.seek(rng.below(pack.len()) as i64)?;
                let member = pack.get(at).to_vec();
                pack.delete(at);
                Some(member)
            }
            _ => None,
        }
    }

    /// Takes `count` members by chance out (all, when there are fewer) and visits each. When most go, the few that
    /// stay are what is drawn; they then form a set anew and so may get a more compact form. O(count)
    /// expected; O(n) for compact forms.
    pub fn pop_many(&mut self, rng: &mut Rng, count: usize, limits: &Limits, visit: &mut dyn FnMut(Item<'_>)) {
        let remaining = self.len().saturating_sub(count);
        // Drawing costs about five times what walking does.
        if remaining > count / 5 {
            if let Set::Listpack(pack) = self {
                let (mut wanted, mut left) = (count, pack.len());
                pack.retain(|member| {
                    let goes = rng.below(left) < wanted;
                    left -= 1;
                    if goes {
                        wanted -= 1;
                        visit(member);
                    }
                    !goes
                });
                return;
            }
            for _ in 0..count {
                let Some(member) = self.pop_random(rng) else { return };
                visit(Item::Bytes(&member));
            }
            return;
        }
        let mut kept = match self {
            Set::Intset(_) => Set::new(),
            _ => Set::Listpack(Listpack::new()),
        };
        if let Set::Listpack(_) = self {
            let (mut wanted, mut left) = (remaining, self.len());
            for member in self.iter() {
                if left > 0 && rng.below(left) < wanted {
                    kept.add_item(member, limits);
                    wanted -= 1;
                } else {
                    visit(member);
                }
                left -= 1;
            }
        } else {
            for _ in 0..remaining {
                let Some(member) = self.pop_random(rng) else { break };
                kept.add(&member, limits);
            }
            self.iter().for_each(visit);
        }
        *self = kept;
    }

    /// One step of a full iteration; see [`Dict::scan`]. The compact forms are visited whole in one step.
    pub fn scan<'a>(&'a self, cursor: u64, count: usize, visit: &mut dyn FnMut(Item<'a>)) -> u64 {
        match self {
            Set::Table(dict) => dict.scan(cursor, count, &mut |member| visit(text(member))),
            _ => {
                self.iter().for_each(visit);
                0
            }
        }
    }

    /// Frees about `budget` members and says whether the set is empty now: for emptying a large one in slices.
    pub fn free_some(&mut self, budget: usize) -> bool {
        match self {
            Set::Table(dict) => dict.free_some(budget),
            _ => {
                *self = Set::new();
                true
            }
        }
    }

    /// Bytes on the heap; of a table with what the allocator adds to its members, which are estimated from the first `samples` (0: all of them).
    pub fn heap_bytes(&self, samples: usize) -> usize {
        match self {
            Set::Intset(set) => set.heap_bytes(),
            Set::Listpack(pack) => pack.heap_bytes(),
            Set::Table(dict) => {
                let taken = if samples == 0 { dict.len() } else { samples.min(dict.len()) };
                let sum: usize = dict.iter().take(taken).map(|member| allocated(member.heap_bytes())).sum();
                let members = (sum as u64 * dict.len() as u64).checked_div(taken as u64).unwrap_or(0);
                dict.table_bytes() + members as usize
            }
        }
    }
}

#[derive(Clone)]
enum Form<'a> {
    Intset(intset::Iter<'a>),
    Listpack(listpack::Iter<'a>),
    Table(dict::Iter<'a, Pair>),
}

/// Iterates over a set's members; see [`Set::iter`].
#[derive(Clone)]
pub struct Iter<'a> {
    form: Form<'a>,
    left: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        let member = match &mut self.form {
            Form::Intset(values) => values.next().map(Item::Int),
            Form::Listpack(entries) => entries.next(),
            Form::Table(members) => members.next().map(text),
        }?;
        self.left -= 1;
        Some(member)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Iter<'_> {}
