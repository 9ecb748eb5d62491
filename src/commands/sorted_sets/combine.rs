//! Unions, intersections and differences. Plain sets are inputs too: each of their members has the score 1.
//!
//! Nothing is copied out of the inputs: the result is made of references until it is answered or stored. Scores are
//! put together in the order of the inputs' sizes, as Redis does: sums of doubles depend on it.

use super::{open_entries, store, write_entry};
use crate::bytes::hash_bytes;
use crate::commands::{double, int, int_in, Context, Handled, Options, Outcome};
use crate::keyspace::{Keys, ValueRef};
use crate::resp::{Args, Fault};
use crate::structures::listpack::Item;
use crate::structures::order::{sort_by, sort_by_key};
use crate::structures::set::Set;
use crate::structures::sorted_set::SortedSet;
use hashbrown::HashTable;
use std::cmp::Ordering;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Inter,
    Diff,
}

#[derive(Clone, Copy)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn apply(self, score: &mut f64, value: f64) {
        match self {
            Aggregate::Sum => *score = or_zero(*score + value),
            Aggregate::Min if value < *score => *score = value,
            Aggregate::Max if value > *score => *score = value,
            _ => {}
        }
    }
}

/// Infinities that cancel out, and 0 times infinity, count as 0.
fn or_zero(score: f64) -> f64 {
    if score.is_nan() {
        0.0
    } else {
        score
    }
}

/// One input's value.
#[derive(Clone, Copy)]
enum Source<'k> {
    Missing,
    Set(&'k Set),
    SortedSet(&'k SortedSet),
}

impl<'k> Source<'k> {
    fn of(value: Option<ValueRef<'k>>) -> Result<Self, Fault> {
        match value {
            None => Ok(Source::Missing),
            Some(ValueRef::Set(set)) => Ok(Source::Set(set)),
            Some(ValueRef::SortedSet(set)) => Ok(Source::SortedSet(set)),
            Some(_) => Err(Fault::WrongType),
        }
    }

    fn len(&self) -> usize {
        match self {
            Source::Missing => 0,
            Source::Set(set) => set.len(),
            Source::SortedSet(set) => set.len(),
        }
    }

    fn score(&self, member: Item) -> Option<f64> {
        match self {
            Source::Missing => None,
            Source::Set(set) => set.contains_item(member).then_some(1.0),
            Source::SortedSet(set) => set.score(member.bytes(&mut [0; 20])),
        }
    }

    fn for_each(&self, mut visit: impl FnMut(Item<'k>, f64)) {
        match *self {
            Source::Missing => {}
            Source::Set(set) => set.iter().for_each(|member| visit(member, 1.0)),
            Source::SortedSet(set) => set.iter().for_each(|(member, score)| visit(member, score)),
        }
    }
}

/// One input.
struct Input<'a> {
    key: &'a [u8],
    weight: f64,
    len: usize,
}

/// Members that still lie in their inputs, each with its score so far.
type Entries<'k> = Vec<(Item<'k>, f64)>;

/// A command of this kind, parsed.
struct Combination<'a> {
    inputs: Vec<Input<'a>>,
    aggregate: Aggregate,
    scores: bool,
    /// ZINTERCARD's LIMIT.
    enough: usize,
    /// For the table that a union needs.
    seed: u64,
}

/// What a command may have besides its inputs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Answer,
    Store,
    Count,
}

/// Reads `numkeys key...` from argument `at` on and the options behind.
fn read<'a>(
    ctx: &mut Context,
    args: Args<'a>,
    at: usize,
    operation: Operation,
    purpose: Purpose,
) -> Result<Combination<'a>, Fault> {
    let count = int(args.at(at))?;
    if count < 1 {
        return Err(Fault::made(format!("ERR at least 1 input key is needed for '{}' command", ctx.name)));
    }
    if count > (args.len() - at - 1) as i64 {
        return Err(Fault::Syntax);
    }
    let count = count as usize;
    let mut inputs = Vec::with_capacity(count);
    for key in args.iter_from(at + 1).take(count) {
        inputs.push(Input { key, weight: 1.0, len: Source::of(ctx.keys.read(key))?.len() });
    }
    let seed = ctx.keys.space().limits.sorted_set.seed;
    let mut parsed = Combination { inputs, aggregate: Aggregate::Sum, scores: false, enough: usize::MAX, seed };
    let weighs = operation != Operation::Diff && purpose != Purpose::Count;
    let mut options = Options::new(args, at + 1 + count);
    while options.left() > 0 {
        if weighs && options.left() > count && options.take("WEIGHTS") {
            for input in &mut parsed.inputs {
                let weight = double(options.value()?);
                input.weight = weight.map_err(|_| Fault::Text("ERR weight value is not a float"))?;
            }
        } else if weighs && options.left() >= 2 && options.take("AGGREGATE") {
            parsed.aggregate = if options.take("SUM") {
                Aggregate::Sum
            } else if options.take("MIN") {
                Aggregate::Min
            } else if options.take("MAX") {
                Aggregate::Max
            } else {
                return Err(Fault::Syntax);
            };
        } else if purpose == Purpose::Answer && options.take("WITHSCORES") {
            parsed.scores = true;
        } else if purpose == Purpose::Count && options.left() >= 2 && options.take("LIMIT") {
            let limit = int_in(options.value()?, 0..=i64::MAX, Fault::Text("ERR LIMIT can't be negative"))?;
            parsed.enough = usize::try_from(limit).ok().filter(|&limit| limit > 0).unwrap_or(usize::MAX);
        } else {
            return Err(Fault::Syntax);
        }
    }
    if operation != Operation::Diff {
        sort_by_key(&mut parsed.inputs, |input| input.len);
    }
    Ok(parsed)
}

impl Combination<'_> {
    /// The entries of the result, in no order.
    fn perform<'k>(&self, keys: &'k Keys, operation: Operation) -> Result<Entries<'k>, Fault> {
        // All inputs were read, which removed what had expired; an empty one stands in for one that went meanwhile.
        let mut sources = Vec::with_capacity(self.inputs.len());
        for input in &self.inputs {
            sources.push((Source::of(keys.held(input.key))?, input.weight));
        }
        Ok(match operation {
            Operation::Union => self.union(&sources),
            Operation::Inter => self.inter(&sources),
            Operation::Diff => diff(&sources),
        })
    }

    fn union<'k>(&self, sources: &[(Source<'k>, f64)]) -> Entries<'k> {
        let hash = |member: Item| hash_bytes(self.seed, member.bytes(&mut [0; 20]));
        let largest = sources.last().map_or(0, |(source, _)| source.len());
        let mut entries: Entries = Vec::with_capacity(largest);
        let mut places: HashTable<usize> = HashTable::with_capacity(largest);
        for (source, weight) in sources {
            source.for_each(|member, score| {
                let score = or_zero(score * weight);
                let hashed = hash(member);
                if let Some(&place) = places.find(hashed, |&place| entries[place].0 == member) {
                    return self.aggregate.apply(&mut entries[place].1, score);
                }
                entries.push((member, score));
                places.insert_unique(hashed, entries.len() - 1, |&place| hash(entries[place].0));
            });
        }
        entries
    }

    fn inter<'k>(&self, sources: &[(Source<'k>, f64)]) -> Entries<'k> {
        let Some(((first, weight), others)) = sources.split_first() else { return Vec::new() };
        let mut entries = Vec::new();
        first.for_each(|member, score| {
            if entries.len() == self.enough {
                return;
            }
            let mut score = or_zero(score * weight);
            for (source, weight) in others {
                match source.score(member) {
                    Some(value) => self.aggregate.apply(&mut score, value * weight),
                    None => return,
                }
            }
            entries.push((member, score));
        });
        entries
    }
}

fn diff<'k>(sources: &[(Source<'k>, f64)]) -> Entries<'k> {
    let Some(((first, _), others)) = sources.split_first() else { return Vec::new() };
    let mut entries = Vec::new();
    first.for_each(|member, score| {
        if others.iter().all(|(source, _)| source.score(member).is_none()) {
            entries.push((member, score));
        }
    });
    entries
}

/// Brings entries into the order of a sorted set.
fn sort(entries: &mut Entries) {
    // Scores are never NaN; -0 and 0 are equal, so total_cmp would not do.
    sort_by(entries, |a, b| {
        let scores = a.1.partial_cmp(&b.1).unwrap_or(Ordering::Equal);
        scores.then_with(|| a.0.bytes(&mut [0; 20]).cmp(b.0.bytes(&mut [0; 20])))
    });
}

fn answer(ctx: &mut Context, args: Args, operation: Operation) -> Handled {
    let parsed = read(ctx, args, 1, operation, Purpose::Answer)?;
    let mut entries = parsed.perform(&ctx.keys, operation)?;
    sort(&mut entries);
    open_entries(&mut ctx.reply, entries.len(), parsed.scores);
    for (member, score) in entries {
        write_entry(&mut ctx.reply, member, score, parsed.scores);
    }
    Ok(Outcome::Done)
}

fn store_result(ctx: &mut Context, args: Args, operation: Operation, event: &'static str) -> Handled {
    let parsed = read(ctx, args, 2, operation, Purpose::Store)?;
    let limits = ctx.keys.space().limits.sorted_set;
    let mut entries = parsed.perform(&ctx.keys, operation)?;
    sort(&mut entries);
    // Its form at the end decides from the start: a small set on the way would turn minus zero into zero.
    let longest = entries.iter().map(|(member, _)| member.bytes(&mut [0; 20]).len()).max().unwrap_or(0);
    let mut set = SortedSet::sized(entries.len(), longest, &limits);
    for (member, score) in entries {
        set.insert(member.bytes(&mut [0; 20]), score, &limits);
    }
    store(ctx, args.at(1), set, event)
}

pub(super) fn zunion(ctx: &mut Context, args: Args) -> Handled {
    answer(ctx, args, Operation::Union)
}

pub(super) fn zinter(ctx: &mut Context, args: Args) -> Handled {
    answer(ctx, args, Operation::Inter)
}

pub(super) fn zdiff(ctx: &mut Context, args: Args) -> Handled {
    answer(ctx, args, Operation::Diff)
}

pub(super) fn zunionstore(ctx: &mut Context, args: Args) -> Handled {
    store_result(ctx, args, Operation::Union, "zunionstore")
}

pub(super) fn zinterstore(ctx: &mut Context, args: Args) -> Handled {
    store_result(ctx, args, Operation::Inter, "zinterstore")
}

pub(super) fn zdiffstore(ctx: &mut Context, args: Args) -> Handled {
    store_result(ctx, args, Operation::Diff, "zdiffstore")
}

pub(super) fn zintercard(ctx: &mut Context, args: Args) -> Handled {
    let parsed = read(ctx, args, 1, Operation::Inter, Purpose::Count)?;
    let count = parsed.perform(&ctx.keys, Operation::Inter)?.len();
    ctx.reply.count(count);
    Ok(Outcome::Done)
}
