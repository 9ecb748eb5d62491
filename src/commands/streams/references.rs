//! XDELEX and XACKDEL: deletion that minds what the groups of a stream still hold of an entry.

use super::strict_id;
use crate::commands::{int, Context, Handled, Outcome};
use crate::keyspace::Class;
use crate::resp::{Args, Fault};
use crate::structures::stream::{Stream, StreamId};

/// What becomes of the groups' pending deliveries of an entry that is to go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Policy {
    /// They stay.
    Keep,
    /// They go too.
    Drop,
    /// While there are some, or a group has not come that far, the entry stays.
    Respect,
}

/// There is no such entry, or nothing of it is pending.
const ABSENT: i64 = -1;
const DELETED: i64 = 1;
/// A group needs it yet.
const REFERENCED: i64 = 2;

/// Reads the policy and the ids, in whichever order they stand from argument `at` on; the ids as they are written.
fn read(args: Args<'_>, mut at: usize) -> Result<(Policy, Vec<&[u8]>), Fault> {
    let (mut policy, mut ids) = (None, None);
    while at < args.len() {
        let named = [("KEEPREF", Policy::Keep), ("DELREF", Policy::Drop), ("ACKED", Policy::Respect)];
        let found = named.into_iter().find(|(word, _)| policy.is_none() && args.is(at, word));
        if let Some((_, one)) = found {
            policy = Some(one);
            at += 1;
        } else if args.is(at, "IDS") && at + 1 < args.len() {
            let positive = int(args.at(at + 1)).ok().and_then(|number| usize::try_from(number).ok());
            let count = positive
                .filter(|&count| count > 0)
                .ok_or(Fault::Text("ERR Number of IDs must be a positive integer"))?;
            if count > args.len() - at - 2 {
                return Err(Fault::Text("ERR The `numids` parameter must match the number of arguments"));
            }
            ids = Some(args.iter_from(at + 2).take(count).collect());
            at += 2 + count;
        } else {
            return Err(Fault::Syntax);
        }
    }
    Ok((policy.unwrap_or(Policy::Keep), ids.ok_or(Fault::Text("ERR IDS option is required"))?))
}

/// Both commands: of XACKDEL the entries are first acknowledged in `group`, and only what was pending there is touched.
fn delete(ctx: &mut Context, args: Args, group: Option<&[u8]>) -> Handled {
    let key = args.at(1);
    // A reader for Redis' counters of hits where it is one; a wrong type comes before wrong options.
    if group.is_some() {
        ctx.keys.read_stream(key)?;
    } else {
        ctx.keys.stream_mut(key)?;
    }
    let (policy, texts) = read(args, if group.is_some() { 3 } else { 2 })?;
    let stream = ctx.keys.stream_mut(key)?;
    let Some(stream) = stream.filter(|stream| group.is_none_or(|name| stream.groups.get(name).is_some())) else {
        ctx.reply.array(texts.len());
        texts.iter().for_each(|_| ctx.reply.int(ABSENT));
        return Ok(Outcome::Done);
    };
    let ids: Vec<StreamId> = texts.into_iter().map(|text| strict_id(text, 0)).collect::<Result<_, _>>()?;
    ctx.reply.array(ids.len());
    let (mut deleted, mut changed) = (0, 0);
    for id in ids {
        let Stream { log, groups } = &mut *stream;
        let mut touched = false;
        if let Some(name) = group {
            if !groups.get_mut(name).is_some_and(|group| group.acknowledge(id)) {
                ctx.reply.int(ABSENT);
                continue;
            }
            touched = true;
        }
        if policy == Policy::Drop {
            touched |= groups.forget(id);
        }
        let kept = policy == Policy::Respect && groups.need(id);
        let gone = !kept && log.delete(id);
        ctx.reply.int(match (kept, gone || group.is_some()) {
            (true, _) => REFERENCED,
            (false, true) => DELETED,
            (false, false) => ABSENT,
        });
        deleted += u64::from(gone);
        changed += u64::from(gone || touched);
    }
    if deleted > 0 {
        ctx.keys.modified(key, Class::STREAM, "xdel");
        changed -= 1;
    }
    ctx.keys.dirty(changed);
    Ok(Outcome::Done)
}

pub(super) fn xdelex(ctx: &mut Context, args: Args) -> Handled {
    delete(ctx, args, None)
}

pub(super) fn xackdel(ctx: &mut Context, args: Args) -> Handled {
    delete(ctx, args, Some(args.at(2)))
}
