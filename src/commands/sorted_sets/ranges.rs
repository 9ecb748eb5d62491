//! Ranges: by rank, by score, by member; answered, counted, stored or taken out.

use super::{note_removed, store, write_range};
use crate::bytes::number::parse_f64;
use crate::commands::{int, Context, Handled, Options, Outcome};
use crate::resp::{Args, Fault};
use crate::structures::sorted_set::{LexBound, ScoreBound, SortedSet, Span};

/// What a range speaks of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// A range as given.
enum Bounds<'a> {
    Rank(i64, i64),
    Score(ScoreBound, ScoreBound),
    Lex(LexBound<'a>, LexBound<'a>),
}

impl<'a> Bounds<'a> {
    fn read(by: By, min: &'a [u8], max: &'a [u8]) -> Result<Self, Fault> {
        Ok(match by {
            By::Rank => Bounds::Rank(int(min)?, int(max)?),
            By::Score => Bounds::Score(score_bound(min)?, score_bound(max)?),
            By::Lex => Bounds::Lex(lex_bound(min)?, lex_bound(max)?),
        })
    }

    /// The entries inside; ranks count from the high end when `reverse`, and so does the answer's start.
    fn span(&self, set: &SortedSet, reverse: bool) -> Span {
        let len = set.len();
        let span = match *self {
            Bounds::Rank(start, stop) => {
                let len = len as i64;
                let from_end = |rank: i64| if rank < 0 { rank.saturating_add(len) } else { rank };
                let start = from_end(start).clamp(0, len);
                let end = from_end(stop).clamp(-1, len - 1) + 1;
                return Span { start: start as usize, count: (end - start).max(0) as usize };
            }
            Bounds::Score(min, max) => set.by_score(min, max),
            Bounds::Lex(min, max) => set.by_lex(min, max),
        };
        if reverse {
            Span { start: len.saturating_sub(span.start + span.count), count: span.count }
        } else {
            span
        }
    }
}

fn score_bound(text: &[u8]) -> Result<ScoreBound, Fault> {
    match text.strip_prefix(b"(") {
        Some(rest) => Ok(ScoreBound::Exclusive(range_score(rest)?)),
        None => Ok(ScoreBound::Inclusive(range_score(text)?)),
    }
}

/// Range scores are laxer than other doubles, as C reads them: leading blanks, nothing at all for 0, infinity or 0
/// for what is too large or too small, the end at a zero byte.
fn range_score(text: &[u8]) -> Result<f64, Fault> {
    if let Some(score) = parse_f64(text) {
        return Ok(score);
    }
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Ok(0.0);
    }
    let start = text.iter().position(|byte| !matches!(byte, b' ' | b'\t'..=b'\r')).unwrap_or(text.len());
    let number = &text[start..];
    let decimal = || {
        let plain = number.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
        std::str::from_utf8(number).ok().filter(|_| plain)?.parse().ok()
    };
    parse_f64(number).or_else(decimal).ok_or(Fault::Text("ERR min or max is not a float"))
}

fn lex_bound(text: &[u8]) -> Result<LexBound<'_>, Fault> {
    match text {
        b"-" => Ok(LexBound::Lowest),
        b"+" => Ok(LexBound::Highest),
        [b'[', member @ ..] => Ok(LexBound::Inclusive(member)),
        [b'(', member @ ..] => Ok(LexBound::Exclusive(member)),
        _ => Err(Fault::Text("ERR min or max not valid string range item")),
    }
}

/// What a command of the ZRANGE family leaves open or fixes.
struct Form {
    /// Index of the source key.
    source: usize,
    /// The destination key, for ZRANGESTORE.
    store: bool,
    by: Option<By>,
    reverse: Option<bool>,
}

fn range(ctx: &mut Context, args: Args, form: Form) -> Handled {
    let Form { source, store: storing, mut by, mut reverse } = form;
    let (mut scores, mut limit) = (false, (0, -1));
    let mut options = Options::new(args, source + 3);
    while options.left() > 0 {
        if !storing && options.take("WITHSCORES") {
            scores = true;
        } else if options.left() >= 3 && options.take("LIMIT") {
            limit = (int(options.value()?)?, int(options.value()?)?);
        } else if reverse.is_none() && options.take("REV") {
            reverse = Some(true);
        } else if by.is_none() && options.take("BYLEX") {
            by = Some(By::Lex);
        } else if by.is_none() && options.take("BYSCORE") {
            by = Some(By::Score);
        } else {
            return Err(Fault::Syntax);
        }
    }
    let (by, reverse) = (by.unwrap_or(By::Rank), reverse.unwrap_or(false));
    if limit.1 != -1 && by == By::Rank {
        let text = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX";
        return Err(Fault::Text(text));
    }
    if scores && by == By::Lex {
        return Err(Fault::Text("ERR syntax error, WITHSCORES not supported in combination with BYLEX"));
    }
    let (mut min, mut max) = (args.at(source + 1), args.at(source + 2));
    if reverse && by != By::Rank {
        (min, max) = (max, min);
    }
    let bounds = Bounds::read(by, min, max)?;
    let limits = ctx.keys.space().limits.sorted_set;
    let set = ctx.keys.read_sorted_set(args.at(source))?;
    let range = set.map(|set| {
        let mut span = bounds.span(set, reverse);
        if by != By::Rank {
            // A negative offset is past everything; a negative count is no limit.
            let skipped = usize::try_from(limit.0).unwrap_or(usize::MAX).min(span.count);
            span = Span { start: span.start + skipped, count: span.count - skipped };
            span.count = span.count.min(usize::try_from(limit.1).unwrap_or(usize::MAX));
        }
        set.range(span.start, span.count, reverse)
    });
    if !storing {
        match range {
            Some(range) => write_range(&mut ctx.reply, range, scores),
            None => ctx.reply.array(0),
        }
        return Ok(Outcome::Done);
    }
    let mut stored = SortedSet::sized(range.as_ref().map_or(0, |range| range.len()), 0, &limits);
    for (member, score) in range.into_iter().flatten() {
        stored.insert(member.bytes(&mut [0; 20]), score, &limits);
    }
    store(ctx, args.at(1), stored, "zrangestore")
}

pub(super) fn zrange(ctx: &mut Context, args: Args) -> Handled {
    range(ctx, args, Form { source: 1, store: false, by: None, reverse: None })
}

pub(super) fn zrangestore(ctx: &mut Context, args: Args) -> Handled {
    range(ctx, args, Form { source: 2, store: true, by: None, reverse: None })
}

pub(super) fn zrevrange(ctx: &mut Context, args: Args) -> Handled {
    range(ctx, args, Form { source: 1, store: false, by: Some(By::Rank), reverse: Some(true) })
}

pub(super) fn zrangebyscore(ctx: &mut Context, args: Args) -> Handled {
    range(ctx, args, Form { source: 1, store: false, by: Some(By::Score), reverse: Some(false) })
}

pub(super) fn zrevrangebyscore(ctx: &mut Context, args: Args) -> Handled {
    range(ctx, args, Form { source: 1, store: false, by: Some(By::Score), reverse: Some(true) })
}

pub(super) fn zrangebylex(ctx: &mut Context, args: Args) -> Handled {
    range(ctx, args, Form { source: 1, store: false, by: Some(By::Lex), reverse: Some(false) })
}

pub(super) fn zrevrangebylex(ctx: &mut Context, args: Args) -> Handled {
    range(ctx, args, Form { source: 1, store: false, by: Some(By::Lex), reverse: Some(true) })
}

fn count(ctx: &mut Context, args: Args, by: By) -> Handled {
    let bounds = Bounds::read(by, args.at(2), args.at(3))?;
    let count = ctx.keys.read_sorted_set(args.at(1))?.map_or(0, |set| bounds.span(set, false).count);
    ctx.reply.count(count);
    Ok(Outcome::Done)
}

pub(super) fn zcount(ctx: &mut Context, args: Args) -> Handled {
    count(ctx, args, By::Score)
}

pub(super) fn zlexcount(ctx: &mut Context, args: Args) -> Handled {
    count(ctx, args, By::Lex)
}

fn remove(ctx: &mut Context, args: Args, by: By, event: &'static str) -> Handled {
    let key = args.at(1);
    let bounds = Bounds::read(by, args.at(2), args.at(3))?;
    let mut removed = 0;
    if let Some(set) = ctx.keys.sorted_set_mut(key)? {
        let span = bounds.span(set, false);
        removed = span.count;
        set.remove_span(span);
        if set.has_dead() {
            ctx.keys.purge_later(key);
        }
    }
    note_removed(ctx, key, removed, event);
    ctx.reply.count(removed);
    Ok(Outcome::Done)
}

pub(super) fn zremrangebyrank(ctx: &mut Context, args: Args) -> Handled {
    remove(ctx, args, By::Rank, "zremrangebyrank")
}

pub(super) fn zremrangebyscore(ctx: &mut Context, args: Args) -> Handled {
    remove(ctx, args, By::Score, "zremrangebyscore")
}

pub(super) fn zremrangebylex(ctx: &mut Context, args: Args) -> Handled {
    remove(ctx, args, By::Lex, "zremrangebylex")
}
