//! What happens at the ends of lists: push, pop, move, and waiting for something to pop.

use super::{end, fill, removed, written};
use crate::commands::{deadline, int_in, Context, Handled, Options, Outcome, TimeoutReply, Wait};
use crate::keyspace::Class;
use crate::resp::{Args, Fault, Reply};
use crate::structures::list::{End, List};

const NOT_POSITIVE: Fault = Fault::Text("ERR value is out of range, must be positive");

fn push_event(end: End) -> &'static str {
    match end {
        End::Front => "lpush",
        End::Back => "rpush",
    }
}

fn pop_event(end: End) -> &'static str {
    match end {
        End::Front => "lpop",
        End::Back => "rpop",
    }
}

/// The command that pops at this end, for effects.
fn pop_name(end: End) -> &'static [u8] {
    match end {
        End::Front => b"LPOP",
        End::Back => b"RPOP",
    }
}

fn end_name(end: End) -> &'static [u8] {
    match end {
        End::Front => b"LEFT",
        End::Back => b"RIGHT",
    }
}

fn push(ctx: &mut Context, args: Args, end: End, only_existing: bool) -> Handled {
    let key = args.at(1);
    let fill = fill(ctx);
    let list = match only_existing {
        false => ctx.keys.list_or_new(key)?,
        true => match ctx.keys.list_mut(key)? {
            Some(list) => list,
            None => {
                ctx.reply.count(0);
                return Ok(Outcome::Done);
            }
        },
    };
    let elements = args.iter_from(2);
    let count = elements.len();
    list.make_room(elements.clone().map(<[u8]>::len).sum(), count, fill);
    for element in elements {
        list.push(end, element, fill);
    }
    ctx.reply.count(list.len());
    ctx.keys.modified(key, Class::LIST, push_event(end));
    ctx.keys.dirty(count as u64 - 1);
    Ok(Outcome::Done)
}

pub(super) fn lpush(ctx: &mut Context, args: Args) -> Handled {
    push(ctx, args, End::Front, false)
}

pub(super) fn rpush(ctx: &mut Context, args: Args) -> Handled {
    push(ctx, args, End::Back, false)
}

pub(super) fn lpushx(ctx: &mut Context, args: Args) -> Handled {
    push(ctx, args, End::Front, true)
}

pub(super) fn rpushx(ctx: &mut Context, args: Args) -> Handled {
    push(ctx, args, End::Back, true)
}

/// Moves up to `count` elements from an end of a list into an array reply; returns how many.
fn pop_into(reply: &mut Reply, list: &mut List, end: End, count: usize) -> usize {
    let length = list.len();
    let count = count.min(length);
    let (first, index) = match end {
        End::Front => (0, 0),
        End::Back => (length - 1, length - count),
    };
    reply.array(count);
    for item in list.iter_from(first, end).take(count) {
        reply.bulk(item.bytes(&mut [0; 20]));
    }
    list.remove_range(index, count);
    count
}

fn pop(ctx: &mut Context, args: Args, end: End) -> Handled {
    if args.len() > 3 {
        return Err(Fault::Arity(ctx.name));
    }
    let key = args.at(1);
    let count = match args.get(2) {
        Some(count) => Some(int_in(count, 0..=i64::MAX, NOT_POSITIVE)?),
        None => None,
    };
    let fill = fill(ctx);
    let mut left = false;
    let popped = match (ctx.keys.list_mut(key)?, count) {
        (None, None) => {
            ctx.reply.null();
            0
        }
        (None, Some(_)) => {
            ctx.reply.null_array();
            0
        }
        (Some(_), Some(0)) => {
            ctx.reply.array(0);
            0
        }
        (Some(list), Some(count)) => pop_into(&mut ctx.reply, list, end, usize::try_from(count).unwrap_or(usize::MAX)),
        (Some(list), None) => {
            let item = list.peek(end).expect("a list that is a value has elements");
            ctx.reply.bulk(item.bytes(&mut [0; 20]));
            list.discard(end);
            left = !list.is_empty();
            if left {
                list.shrink(fill);
            }
            1
        }
    };
    if left {
        // All that is to be done for what is left was done while it was at hand.
        ctx.keys.modified(key, Class::LIST, pop_event(end));
    } else if popped > 0 {
        removed(ctx, key, pop_event(end), popped);
    }
    Ok(Outcome::Done)
}

pub(super) fn lpop(ctx: &mut Context, args: Args) -> Handled {
    pop(ctx, args, End::Front)
}

pub(super) fn rpop(ctx: &mut Context, args: Args) -> Handled {
    pop(ctx, args, End::Back)
}

/// Moves one element; false, and nothing written, when the source is empty.
fn move_one(ctx: &mut Context, source: &[u8], target: &[u8], from: End, to: End) -> Result<bool, Fault> {
    if ctx.keys.list_mut(source)?.is_none() {
        return Ok(false);
    }
    ctx.keys.list_mut(target)?;
    let fill = fill(ctx);
    let popped = ctx.keys.list_mut(source)?.and_then(|list| list.pop(from));
    let Some(element) = popped else { return Ok(false) };
    let list = ctx.keys.list_or_new(target)?;
    list.make_room(element.len(), 1, fill);
    list.push(to, &element, fill);
    ctx.reply.bulk(&element);
    written(ctx, target, push_event(to));
    removed(ctx, source, pop_event(from), 1);
    Ok(true)
}

fn move_or_null(ctx: &mut Context, args: Args, from: End, to: End) -> Handled {
    if !move_one(ctx, args.at(1), args.at(2), from, to)? {
        ctx.reply.null();
    }
    Ok(Outcome::Done)
}

pub(super) fn lmove(ctx: &mut Context, args: Args) -> Handled {
    move_or_null(ctx, args, end(args.at(3))?, end(args.at(4))?)
}

pub(super) fn rpoplpush(ctx: &mut Context, args: Args) -> Handled {
    move_or_null(ctx, args, End::Back, End::Front)
}

/// What a command that pops from the first list with elements was asked for.
struct MultiPop {
    keys: std::ops::Range<usize>,
    end: End,
    count: usize,
}

/// Reads `numkeys key... LEFT|RIGHT [COUNT count]` from argument `at` on.
fn multi_pop(args: Args, at: usize) -> Result<MultiPop, Fault> {
    let keys = int_in(args.at(at), 1..=i64::MAX, Fault::Text("ERR numkeys should be greater than 0"))?;
    let behind = usize::try_from(keys).ok().and_then(|keys| keys.checked_add(at + 1)).ok_or(Fault::Syntax)?;
    let end = end(args.get(behind).ok_or(Fault::Syntax)?)?;
    let mut options = Options::new(args, behind + 1);
    let mut count = None;
    while options.left() > 0 {
        if count.is_some() || options.left() < 2 || !options.take("count") {
            return Err(Fault::Syntax);
        }
        let fault = Fault::Text("ERR count should be greater than 0");
        count = Some(int_in(options.value()?, 1..=i64::MAX, fault)?);
    }
    let count = usize::try_from(count.unwrap_or(1)).unwrap_or(usize::MAX);
    Ok(MultiPop { keys: at + 1..behind, end, count })
}

/// Pops from the first of the lists that has elements; false, and nothing written, when none has.
fn pop_first(ctx: &mut Context, args: Args, pop: &MultiPop) -> Result<bool, Fault> {
    for key in pop.keys.clone().map(|at| args.at(at)) {
        let Some(list) = ctx.keys.list_mut(key)? else { continue };
        ctx.reply.array(2);
        ctx.reply.bulk(key);
        let popped = pop_into(&mut ctx.reply, list, pop.end, pop.count);
        ctx.keys.effect(&[pop_name(pop.end), key, popped.to_string().as_bytes()]);
        removed(ctx, key, pop_event(pop.end), popped);
        return Ok(true);
    }
    Ok(false)
}

pub(super) fn lmpop(ctx: &mut Context, args: Args) -> Handled {
    let pop = multi_pop(args, 1)?;
    if !pop_first(ctx, args, &pop)? {
        ctx.reply.null_array();
    }
    Ok(Outcome::Done)
}

fn wait(args: Args, keys: std::ops::Range<usize>, deadline: Option<i64>, on_timeout: TimeoutReply) -> Handled {
    let keys = keys.map(|at| args.at(at).into()).collect();
    Ok(Outcome::Wait(Wait::new("list", keys, deadline, on_timeout)))
}

pub(super) fn blmpop(ctx: &mut Context, args: Args) -> Handled {
    let pop = multi_pop(args, 2)?;
    let deadline = deadline(args.at(1), ctx.keys.now())?;
    if pop_first(ctx, args, &pop)? {
        return Ok(Outcome::Done);
    }
    wait(args, pop.keys, deadline, TimeoutReply::NullArray)
}

fn blocking_pop(ctx: &mut Context, args: Args, end: End) -> Handled {
    let last = args.len() - 1;
    let deadline = deadline(args.at(last), ctx.keys.now())?;
    for key in (1..last).map(|at| args.at(at)) {
        let Some(list) = ctx.keys.list_mut(key)? else { continue };
        let item = list.peek(end).expect("a list that is a value has elements");
        ctx.reply.array(2);
        ctx.reply.bulk(key);
        ctx.reply.bulk(item.bytes(&mut [0; 20]));
        list.discard(end);
        ctx.keys.effect(&[pop_name(end), key]);
        removed(ctx, key, pop_event(end), 1);
        return Ok(Outcome::Done);
    }
    wait(args, 1..last, deadline, TimeoutReply::NullArray)
}

pub(super) fn blpop(ctx: &mut Context, args: Args) -> Handled {
    blocking_pop(ctx, args, End::Front)
}

pub(super) fn brpop(ctx: &mut Context, args: Args) -> Handled {
    blocking_pop(ctx, args, End::Back)
}

fn blocking_move(ctx: &mut Context, args: Args, from: End, to: End, timeout: &[u8]) -> Handled {
    let deadline = deadline(timeout, ctx.keys.now())?;
    let (source, target) = (args.at(1), args.at(2));
    if move_one(ctx, source, target, from, to)? {
        ctx.keys.effect(&[b"LMOVE", source, target, end_name(from), end_name(to)]);
        return Ok(Outcome::Done);
    }
    wait(args, 1..2, deadline, TimeoutReply::NullArrayOrNull)
}

pub(super) fn blmove(ctx: &mut Context, args: Args) -> Handled {
    blocking_move(ctx, args, end(args.at(3))?, end(args.at(4))?, args.at(5))
}

pub(super) fn brpoplpush(ctx: &mut Context, args: Args) -> Handled {
    blocking_move(ctx, args, End::Back, End::Front, args.at(3))
}
