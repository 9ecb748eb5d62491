//! What happens inside of lists: access by index and range, search, insertion, removal.

use super::{fill, index_in, removed, span, written};
use crate::commands::{int, int_in, Context, Handled, Options, Outcome};
use crate::keyspace::Class;
use crate::resp::{Args, Fault};
use crate::structures::list::End;
use crate::structures::listpack::Needle;

/// Integers whose sign can be turned around, and what Redis says to others.
fn turnable(text: &[u8]) -> Result<i64, Fault> {
    match int(text)? {
        i64::MIN => Err(Fault::Text(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        )),
        number => Ok(number),
    }
}

pub(super) fn llen(ctx: &mut Context, args: Args) -> Handled {
    let length = ctx.keys.read_list(args.at(1))?.map_or(0, |list| list.len());
    ctx.reply.count(length);
    Ok(Outcome::Done)
}

pub(super) fn lindex(ctx: &mut Context, args: Args) -> Handled {
    let Some(list) = ctx.keys.read_list(args.at(1))? else {
        ctx.reply.null();
        return Ok(Outcome::Done);
    };
    match index_in(list, int(args.at(2))?).and_then(|index| list.get(index)) {
        Some(item) => ctx.reply.bulk(item.bytes(&mut [0; 20])),
        None => ctx.reply.null(),
    }
    Ok(Outcome::Done)
}

pub(super) fn lset(ctx: &mut Context, args: Args) -> Handled {
    let (key, element) = (args.at(1), args.at(3));
    let fill = fill(ctx);
    let list = ctx.keys.list_mut(key)?.ok_or(Fault::NoSuchKey)?;
    let index = index_in(list, int(args.at(2))?).ok_or(Fault::IndexOutOfRange)?;
    list.make_room(element.len(), 1, fill);
    list.set(index, element, fill);
    list.shrink(fill);
    ctx.keys.modified(key, Class::LIST, "lset");
    ctx.reply.ok();
    Ok(Outcome::Done)
}

pub(super) fn lrange(ctx: &mut Context, args: Args) -> Handled {
    let (start, stop) = (int(args.at(2))?, int(args.at(3))?);
    let Some(list) = ctx.keys.read_list(args.at(1))? else {
        ctx.reply.array(0);
        return Ok(Outcome::Done);
    };
    let (index, count) = span(list.len(), start, stop);
    ctx.reply.array(count);
    for item in list.iter_from(index, End::Front).take(count) {
        ctx.reply.bulk(item.bytes(&mut [0; 20]));
    }
    Ok(Outcome::Done)
}

pub(super) fn ltrim(ctx: &mut Context, args: Args) -> Handled {
    let key = args.at(1);
    let (start, stop) = (int(args.at(2))?, int(args.at(3))?);
    if let Some(list) = ctx.keys.list_mut(key)? {
        let before = list.len();
        let (index, count) = span(before, start, stop);
        list.trim(index, count);
        match before - count {
            // As in Redis, a key that was only looked over counts as written to those who watch it.
            0 => written(ctx, key, "ltrim"),
            trimmed => removed(ctx, key, "ltrim", trimmed),
        }
    }
    ctx.reply.ok();
    Ok(Outcome::Done)
}

pub(super) fn lrem(ctx: &mut Context, args: Args) -> Handled {
    let key = args.at(1);
    let count = turnable(args.at(2))?;
    let from = if count < 0 { End::Back } else { End::Front };
    let limit = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let gone = ctx.keys.list_mut(key)?.map_or(0, |list| list.remove(args.at(3), limit, from));
    if gone > 0 {
        removed(ctx, key, "lrem", gone);
    }
    ctx.reply.count(gone);
    Ok(Outcome::Done)
}

pub(super) fn linsert(ctx: &mut Context, args: Args) -> Handled {
    let (key, element) = (args.at(1), args.at(4));
    let behind = match () {
        () if args.is(2, "after") => 1,
        () if args.is(2, "before") => 0,
        () => return Err(Fault::Syntax),
    };
    let fill = fill(ctx);
    let Some(list) = ctx.keys.list_mut(key)? else {
        ctx.reply.count(0);
        return Ok(Outcome::Done);
    };
    // Redis makes room before it looks for the pivot, and the encoding shows it.
    list.make_room(element.len(), 1, fill);
    match list.position(args.at(3)) {
        Some(pivot) => {
            list.insert(pivot + behind, element, fill);
            ctx.reply.count(list.len());
            ctx.keys.modified(key, Class::LIST, "linsert");
        }
        None => ctx.reply.int(-1),
    }
    Ok(Outcome::Done)
}

pub(super) fn lpos(ctx: &mut Context, args: Args) -> Handled {
    let (mut rank, mut count, mut longest) = (1, None, 0);
    let mut options = Options::new(args, 3);
    while options.left() > 0 {
        if options.left() < 2 {
            return Err(Fault::Syntax);
        }
        if options.take("rank") {
            rank = turnable(options.value()?)?;
            if rank == 0 {
                return Err(Fault::Text(
                    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... \
                     or use negative to start from the end of the list",
                ));
            }
        } else if options.take("count") {
            count = Some(int_in(options.value()?, 0..=i64::MAX, Fault::Text("ERR COUNT can't be negative"))?);
        } else if options.take("maxlen") {
            longest = int_in(options.value()?, 0..=i64::MAX, Fault::Text("ERR MAXLEN can't be negative"))?;
        } else {
            return Err(Fault::Syntax);
        }
    }
    // One by one: of all places of a large list there could be more than memory has room for.
    let (mark, mut found) = (ctx.reply.defer(), 0);
    if let Some(list) = ctx.keys.read_list(args.at(1))? {
        let needle = Needle::new(args.at(2));
        let length = list.len();
        let (from, first) = if rank < 0 { (End::Back, length - 1) } else { (End::Front, 0) };
        let looked_at = if longest == 0 { usize::MAX } else { usize::try_from(longest).unwrap_or(usize::MAX) };
        let wanted = match count {
            None => 1,
            Some(0) => usize::MAX,
            Some(count) => usize::try_from(count).unwrap_or(usize::MAX),
        };
        let skipped = usize::try_from(rank.unsigned_abs() - 1).unwrap_or(usize::MAX);
        let matches = list.iter_from(first, from).take(looked_at).enumerate();
        let matches = matches.filter(|(_, item)| item.matches(&needle)).skip(skipped).take(wanted);
        for (at, _) in matches {
            ctx.reply.count(if rank < 0 { length - 1 - at } else { at });
            found += 1;
        }
    }
    match count {
        Some(_) => ctx.reply.fill_array(mark, found),
        None if found == 0 => ctx.reply.null(),
        None => {}
    }
    Ok(Outcome::Done)
}
