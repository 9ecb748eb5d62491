//! Intersection, union and difference of sets.

use super::{bulk, limits};
use crate::bytes::hash_bytes;
use crate::bytes::number::I64_TEXT;
use crate::commands::{int_in, Context, Handled, Options, Outcome};
use crate::keyspace::{Class, Keys, Value, ValueRef};
use crate::resp::{Args, Fault};
use crate::structures::listpack::Item;
use crate::structures::order::sort_by_key;
use crate::structures::set::Set;
use hashbrown::HashTable;
use std::ops::Range;

/// Members in the order in which they were found.
type Members<'a> = Vec<Item<'a>>;

/// Finds the members of a result among sets; `None` stands for a missing key. The seed is for hashing.
type Find = for<'k> fn(&[Option<&'k Set>], u64) -> Members<'k>;

/// Reads the keys at `at` once, so that hits, misses and other types come out in order before any set is used.
fn read_all(ctx: &mut Context, args: Args, at: Range<usize>) -> Result<(), Fault> {
    at.into_iter().try_for_each(|index| ctx.keys.read_set(args.at(index)).map(drop))
}

/// The sets of keys that were read.
fn sets<'k>(keys: &'k Keys, args: Args, at: Range<usize>) -> Vec<Option<&'k Set>> {
    at.map(|index| match keys.held(args.at(index)) {
        Some(ValueRef::Set(set)) => Some(set),
        _ => None,
    })
    .collect()
}

/// Visits the members common to all sets until `visit` says that it has enough. O(smallest * sets).
fn visit_common<'k>(sets: &[Option<&'k Set>], mut visit: impl FnMut(Item<'k>) -> bool) {
    let Some(mut sets) = sets.iter().copied().collect::<Option<Vec<&Set>>>() else { return };
    // The smallest is walked; the others are asked in the order in which they are likely to say no.
    sort_by_key(&mut sets, |set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return };
    for member in smallest.iter() {
        let common = others.iter().all(|other| std::ptr::eq(*other, *smallest) || other.contains_item(member));
        if common && !visit(member) {
            return;
        }
    }
}

/// Members of all sets.
fn intersect<'k>(sets: &[Option<&'k Set>], _seed: u64) -> Members<'k> {
    let mut members = Members::new();
    visit_common(sets, |member| {
        members.push(member);
        true
    });
    members
}

/// Members of any set, each once. O(all members).
fn unite<'k>(sets: &[Option<&'k Set>], seed: u64) -> Members<'k> {
    let mut sets = sets.iter().flatten();
    let Some(first) = sets.next() else { return Members::new() };
    let mut members: Members = first.iter().collect();
    let others: Vec<&Set> = sets.copied().filter(|other| !std::ptr::eq(*other, *first)).collect();
    if others.is_empty() {
        return members;
    }
    let hash = |member: Item| hash_bytes(seed, member.bytes(&mut [0; I64_TEXT]));
    let mut known: HashTable<u32> = HashTable::with_capacity(members.len());
    for (index, member) in members.iter().enumerate() {
        known.insert_unique(hash(*member), index as u32, |other| hash(members[*other as usize]));
    }
    for member in others.iter().flat_map(|set| set.iter()) {
        if known.find(hash(member), |other| members[*other as usize] == member).is_none() {
            members.push(member);
            known.insert_unique(hash(member), members.len() as u32 - 1, |other| hash(members[*other as usize]));
        }
    }
    members
}

/// Members of the first set that no other has. O(first * sets).
fn subtract<'k>(sets: &[Option<&'k Set>], _seed: u64) -> Members<'k> {
    let Some((Some(first), others)) = sets.split_first() else { return Members::new() };
    let mut others: Vec<&Set> = others.iter().flatten().copied().collect();
    // A large set is the likeliest to have a member.
    sort_by_key(&mut others, |set| std::cmp::Reverse(set.len()));
    first.iter().filter(|member| !others.iter().any(|other| other.contains_item(*member))).collect()
}

/// Answers members as a set.
fn answer(ctx: &mut Context, args: Args, find: Find) -> Handled {
    read_all(ctx, args, 1..args.len())?;
    let seed = limits(ctx).listpack.seed;
    let members = find(&sets(&ctx.keys, args, 1..args.len()), seed);
    ctx.reply.set(members.len());
    members.into_iter().for_each(|member| bulk(&mut ctx.reply, member));
    Ok(Outcome::Done)
}

/// Stores members under the first key, or deletes that when there are none.
fn store(ctx: &mut Context, args: Args, find: Find, event: &'static str) -> Handled {
    read_all(ctx, args, 2..args.len())?;
    let (destination, limits) = (args.at(1), limits(ctx));
    let mut result = Set::new();
    for member in find(&sets(&ctx.keys, args, 2..args.len()), limits.listpack.seed) {
        result.add_item(member, &limits);
    }
    ctx.reply.count(result.len());
    if result.is_empty() {
        ctx.keys.delete(destination);
    } else {
        ctx.keys.put(destination, Value::Set(result));
        ctx.keys.modified(destination, Class::SET, event);
    }
    Ok(Outcome::Done)
}

pub(super) fn sinter(ctx: &mut Context, args: Args) -> Handled {
    answer(ctx, args, intersect)
}

pub(super) fn sunion(ctx: &mut Context, args: Args) -> Handled {
    answer(ctx, args, unite)
}

pub(super) fn sdiff(ctx: &mut Context, args: Args) -> Handled {
    answer(ctx, args, subtract)
}

pub(super) fn sinterstore(ctx: &mut Context, args: Args) -> Handled {
    store(ctx, args, intersect, "sinterstore")
}

pub(super) fn sunionstore(ctx: &mut Context, args: Args) -> Handled {
    store(ctx, args, unite, "sunionstore")
}

pub(super) fn sdiffstore(ctx: &mut Context, args: Args) -> Handled {
    store(ctx, args, subtract, "sdiffstore")
}

pub(super) fn sintercard(ctx: &mut Context, args: Args) -> Handled {
    let count = int_in(args.at(1), 1..=i64::MAX, Fault::Text("ERR numkeys should be greater than 0"))?;
    let count = usize::try_from(count).ok().filter(|&count| count <= args.len() - 2);
    let Some(count) = count else {
        return Err(Fault::Text("ERR Number of keys can't be greater than number of args"));
    };
    let mut limit = usize::MAX;
    let mut options = Options::new(args, 2 + count);
    while options.left() > 0 {
        if options.left() < 2 || !options.take("limit") {
            return Err(Fault::Syntax);
        }
        let most = int_in(options.value()?, 0..=i64::MAX, Fault::Text("ERR LIMIT can't be negative"))?;
        limit = usize::try_from(most).ok().filter(|&most| most > 0).unwrap_or(usize::MAX);
    }
    read_all(ctx, args, 2..2 + count)?;
    let mut common = 0;
    visit_common(&sets(&ctx.keys, args, 2..2 + count), |_| {
        common += 1;
        common < limit
    });
    ctx.reply.count(common);
    Ok(Outcome::Done)
}
