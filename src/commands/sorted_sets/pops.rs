//! Entries taken from an end, chosen at random, or walked through.

use super::{note_removed, open_entries, write_entry, write_member};
use crate::bytes::number::push_f64;
use crate::commands::scan::{answer, cursor, ScanOptions};
use crate::commands::{deadline, int, int_in, Context, Handled, Options, Outcome, TimeoutReply, Wait};
use crate::resp::{Args, Fault, Reply};
use std::collections::BTreeSet;

/// Which end entries are taken from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

impl End {
    fn command(self) -> &'static str {
        match self {
            End::Min => "zpopmin",
            End::Max => "zpopmax",
        }
    }
}

/// What an answer holds beside the entries, and how.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Entries one after the other.
    Flat,
    /// An array of pairs.
    Pairs,
    /// The key, a member and its score.
    KeyFlat,
    /// The key, then an array of pairs.
    KeyPairs,
}

/// Takes up to `count` entries out of `key`; false, and nothing written, when there is no sorted set.
fn pop(ctx: &mut Context, key: &[u8], end: End, count: usize, shape: Shape) -> Result<bool, Fault> {
    let Some(set) = ctx.keys.sorted_set_mut(key)? else { return Ok(false) };
    let count = count.min(set.len());
    let reply = &mut ctx.reply;
    match shape {
        Shape::Flat => reply.array(count * 2),
        Shape::Pairs => reply.array(count),
        Shape::KeyFlat => {
            reply.array(count * 2 + 1);
            reply.bulk(key);
        }
        Shape::KeyPairs => {
            reply.array(2);
            reply.bulk(key);
            reply.array(count);
        }
    }
    for _ in 0..count {
        set.take(0, end == End::Max, |member, score| {
            if matches!(shape, Shape::Pairs | Shape::KeyPairs) {
                reply.array(2);
            }
            reply.bulk(member);
            reply.double(score);
        });
    }
    note_removed(ctx, key, count, end.command());
    Ok(true)
}

fn pop_one(ctx: &mut Context, args: Args, end: End) -> Handled {
    if args.len() > 3 {
        return Err(Fault::Syntax);
    }
    let counted = args.len() == 3;
    let mut count = 1;
    if counted {
        let fault = Fault::Text("ERR value is out of range, must be positive");
        count = usize::try_from(int_in(args.at(2), 0..=i64::MAX, fault)?).unwrap_or(usize::MAX);
    }
    let shape = if counted && ctx.reply.resp3() { Shape::Pairs } else { Shape::Flat };
    if !pop(ctx, args.at(1), end, count, shape)? {
        ctx.reply.array(0);
    }
    Ok(Outcome::Done)
}

pub(super) fn zpopmin(ctx: &mut Context, args: Args) -> Handled {
    pop_one(ctx, args, End::Min)
}

pub(super) fn zpopmax(ctx: &mut Context, args: Args) -> Handled {
    pop_one(ctx, args, End::Max)
}

/// Pops from the first of `keys` that holds a sorted set; false when none does.
fn pop_first<'a>(
    ctx: &mut Context,
    keys: impl Iterator<Item = &'a [u8]>,
    end: End,
    count: usize,
    shape: Shape,
) -> Result<bool, Fault> {
    for key in keys {
        if pop(ctx, key, end, count, shape)? {
            // What reproduces it names the key, so that whoever repeats it need not look for it.
            match shape {
                Shape::KeyPairs => {
                    ctx.keys.effect(&[end.command().as_bytes(), key, count.to_string().as_bytes()]);
                }
                _ => ctx.keys.effect(&[end.command().as_bytes(), key]),
            }
            return Ok(true);
        }
    }
    Ok(false)
}

fn wait<'a>(keys: impl Iterator<Item = &'a [u8]>, deadline: Option<i64>) -> Outcome {
    let keys = keys.map(Box::from).collect();
    Outcome::Wait(Wait::new("zset", keys, deadline, TimeoutReply::NullArray))
}

fn pop_waiting(ctx: &mut Context, args: Args, end: End) -> Handled {
    let last = args.len() - 1;
    let deadline = deadline(args.at(last), ctx.keys.now())?;
    let keys = args.iter_from(1).take(last - 1);
    if pop_first(ctx, keys.clone(), end, 1, Shape::KeyFlat)? {
        return Ok(Outcome::Done);
    }
    Ok(wait(keys, deadline))
}

pub(super) fn bzpopmin(ctx: &mut Context, args: Args) -> Handled {
    pop_waiting(ctx, args, End::Min)
}

pub(super) fn bzpopmax(ctx: &mut Context, args: Args) -> Handled {
    pop_waiting(ctx, args, End::Max)
}

/// Reads `numkeys key... MIN|MAX [COUNT count]` from argument `at` on: how many keys, the end, how many entries.
fn read_pop_many(args: Args, at: usize) -> Result<(usize, End, usize), Fault> {
    let keys = int_in(args.at(at), 1..=i64::MAX, Fault::Text("ERR numkeys should be greater than 0"))?;
    let keys = usize::try_from(keys).unwrap_or(usize::MAX);
    let mut options = Options::new(args, keys.saturating_add(at + 1).min(args.len()));
    let end = if options.take("MIN") {
        End::Min
    } else if options.take("MAX") {
        End::Max
    } else {
        return Err(Fault::Syntax);
    };
    let mut count = None;
    while options.left() > 0 {
        if count.is_some() || options.left() < 2 || !options.take("COUNT") {
            return Err(Fault::Syntax);
        }
        let fault = Fault::Text("ERR count should be greater than 0");
        count = Some(int_in(options.value()?, 1..=i64::MAX, fault)?);
    }
    Ok((keys, end, usize::try_from(count.unwrap_or(1)).unwrap_or(usize::MAX)))
}

pub(super) fn zmpop(ctx: &mut Context, args: Args) -> Handled {
    let (keys, end, count) = read_pop_many(args, 1)?;
    if !pop_first(ctx, args.iter_from(2).take(keys), end, count, Shape::KeyPairs)? {
        ctx.reply.null_array();
    }
    Ok(Outcome::Done)
}

pub(super) fn bzmpop(ctx: &mut Context, args: Args) -> Handled {
    let (keys, end, count) = read_pop_many(args, 2)?;
    let deadline = deadline(args.at(1), ctx.keys.now())?;
    let keys = args.iter_from(3).take(keys);
    if pop_first(ctx, keys.clone(), end, count, Shape::KeyPairs)? {
        return Ok(Outcome::Done);
    }
    Ok(wait(keys, deadline))
}

pub(super) fn zrandmember(ctx: &mut Context, args: Args) -> Handled {
    if args.len() == 2 {
        let mut rng = ctx.keys.space().rng.clone();
        match ctx.keys.read_sorted_set(args.at(1))?.and_then(|set| set.random(&mut rng)) {
            Some((member, _)) => write_member(&mut ctx.reply, member),
            None => ctx.reply.null(),
        }
        ctx.keys.space().rng = rng;
        return Ok(Outcome::Done);
    }
    let wanted = int(args.at(2))?;
    if wanted == i64::MIN {
        let text = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
        return Err(Fault::Text(text));
    }
    let scores = args.len() == 4;
    if args.len() > 4 || (scores && !args.is(3, "WITHSCORES")) {
        return Err(Fault::Syntax);
    }
    if scores && !(-(i64::MAX / 2)..=i64::MAX / 2).contains(&wanted) {
        return Err(Fault::OutOfRange);
    }
    let bulk = ctx.keys.space().limits.bulk;
    let mut rng = ctx.keys.space().rng.clone();
    let reply = &mut ctx.reply;
    let Some(set) = ctx.keys.read_sorted_set(args.at(1))?.filter(|_| wanted != 0) else {
        reply.array(0);
        return Ok(Outcome::Done);
    };
    if wanted < 0 {
        // Redis would write such a reply until its memory ends; here it is refused before it outgrows a bulk string.
        let (count, start) = (wanted.unsigned_abs(), reply.written());
        if count.saturating_mul(7) > bulk as u64 {
            return Err(Fault::OutOfRange);
        }
        open_entries(reply, count as usize, scores);
        for _ in 0..count {
            if let Some((member, score)) = set.random(&mut rng) {
                write_entry(reply, member, score, scores);
            }
            if reply.written() - start > bulk {
                return Err(Fault::OutOfRange);
            }
        }
    } else {
        let len = set.len();
        let count = usize::try_from(wanted).unwrap_or(usize::MAX).min(len);
        open_entries(reply, count, scores);
        if count < len / 8 {
            // Floyd's sampling: each of `count` draws adds one rank that was not there.
            let mut ranks = BTreeSet::new();
            for top in len - count..len {
                let rank = rng.below(top + 1);
                if !ranks.insert(rank) {
                    ranks.insert(top);
                }
            }
            for (member, score) in ranks.into_iter().filter_map(|rank| set.at(rank)) {
                write_entry(reply, member, score, scores);
            }
        } else {
            // Selection sampling: each entry is taken with the chance that leaves the right number for the rest.
            let mut left = count;
            for (seen, (member, score)) in set.iter().enumerate() {
                if left > 0 && rng.below(len - seen) < left {
                    left -= 1;
                    write_entry(reply, member, score, scores);
                }
            }
        }
    }
    ctx.keys.space().rng = rng;
    Ok(Outcome::Done)
}

pub(super) fn zscan(ctx: &mut Context, args: Args) -> Handled {
    let from = cursor(args.at(2))?;
    let Some(set) = ctx.keys.read_sorted_set(args.at(1))? else { return answer(&mut ctx.reply, 0, 0, b"") };
    let options = ScanOptions::read(args, 3, false, false)?;
    // Small sets show a score as it is stored, large ones with seventeen digits: so does Redis.
    let stored = set.encoding() == "listpack";
    let (mut text, mut digits, mut count) = (Vec::new(), Vec::new(), 0);
    let mut found = Reply::new(&mut text, ctx.reply.resp3());
    let next = set.scan(from, options.count, |member, score| {
        if options.wants(member) {
            digits.clear();
            if stored {
                push_f64(&mut digits, score);
            } else {
                push_digits_17(&mut digits, score);
            }
            found.bulk(member);
            found.bulk(&digits);
            count += 2;
        }
    });
    answer(&mut ctx.reply, next, count, &text)
}

/// Appends a double with up to seventeen significant digits, as C's `%.17g` writes it.
fn push_digits_17(out: &mut Vec<u8>, value: f64) {
    if !value.is_finite() || value == 0.0 {
        return push_f64(out, value);
    }
    let text = format!("{value:.16e}");
    let (mantissa, exponent) = text.split_once('e').expect("an exponent");
    let exponent: i32 = exponent.parse().expect("a number");
    let trimmed = |text: &str| -> String {
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text.to_owned(),
        }
    };
    let text = if (-4..17).contains(&exponent) {
        trimmed(&format!("{value:.*}", (16 - exponent) as usize))
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs())
    };
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seventeen_digits() {
        for (value, text) in [
            (0.1, "0.10000000000000001"),
            (3.0, "3"),
            (-2.5, "-2.5"),
            (1e17, "1e+17"),
            (1e16, "10000000000000000"),
            (1e-5, "1.0000000000000001e-05"),
            (0.0001, "0.0001"),
            (1.5e300, "1.5000000000000001e+300"),
            (f64::INFINITY, "inf"),
        ] {
            let mut out = Vec::new();
            push_digits_17(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}
