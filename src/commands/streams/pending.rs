//! What was delivered and not acknowledged: XPENDING tells, XCLAIM and XAUTOCLAIM hand it to another consumer.

use super::groups::{member, note, note_position, GroupEffects};
use super::{interval_end, interval_start, naming, no_group, strict_id, write_entry, write_id};
use crate::commands::{int, int_in, Context, Handled, Options, Outcome};
use crate::resp::{Args, Fault, Reply};
use crate::structures::stream::{Group, Stream, StreamId};

/// The part of XPENDING's pending entries that is wanted.
struct Window<'a> {
    min_idle: i64,
    start: StreamId,
    end: StreamId,
    most: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Window<'a> {
    fn read(args: Args<'a>) -> Result<Self, Fault> {
        let (mut at, mut min_idle) = (3, 0);
        if args.is(3, "IDLE") {
            min_idle = int(args.at(4))?;
            if args.len() < 8 {
                return Err(Fault::Syntax);
            }
            at = 5;
        }
        let most = usize::try_from(int(args.at(at + 2))?.max(0)).unwrap_or(usize::MAX);
        let (start, end) = (interval_start(args.at(at))?, interval_end(args.at(at + 1))?);
        Ok(Window { min_idle, start, end, most, consumer: args.get(at + 3) })
    }
}

pub(super) fn xpending(ctx: &mut Context, args: Args) -> Handled {
    let window = match args.len() {
        3 => None,
        6..=9 => Some(Window::read(args)?),
        _ => return Err(Fault::Syntax),
    };
    let (key, name, now) = (args.at(1), args.at(2), ctx.keys.now());
    let reply = &mut ctx.reply;
    let stream = ctx.keys.read_stream(key)?;
    let group = stream.and_then(|stream| stream.groups.get(name)).ok_or_else(|| no_group(key, name))?;
    match window {
        None => write_summary(reply, group),
        Some(window) => write_window(reply, group, &window, now),
    }
    Ok(Outcome::Done)
}

fn write_summary(reply: &mut Reply, group: &Group) {
    reply.array(4);
    reply.count(group.pending());
    let Some((first, last)) = group.pending_ends() else {
        reply.null();
        reply.null();
        return reply.null_array();
    };
    write_id(reply, first);
    write_id(reply, last);
    let busy = || group.consumers().filter(|consumer| consumer.pending() > 0);
    reply.array(busy().count());
    for consumer in busy() {
        reply.array(2);
        reply.bulk(consumer.name());
        reply.bulk_int(consumer.pending() as i64);
    }
}

fn write_window(reply: &mut Reply, group: &Group, window: &Window, now: i64) {
    let (mark, mut count) = (reply.defer(), 0);
    let mut write = |id: StreamId| {
        let Some(delivery) = group.delivery(id).filter(|_| count < window.most) else { return };
        let idle = now.saturating_sub(delivery.time);
        if window.min_idle == 0 || idle >= window.min_idle {
            count += 1;
            reply.array(4);
            write_id(reply, id);
            reply.bulk(group.consumer(delivery.consumer()).name());
            reply.int(idle.max(0));
            reply.int(delivery.count);
        }
    };
    match window.consumer.map(|name| group.find_consumer(name)) {
        _ if window.most == 0 => {}
        Some(None) => {}
        Some(Some(consumer)) => {
            let ids = group.consumer(consumer).pending_from(window.start);
            ids.take_while(|id| *id <= window.end).for_each(&mut write);
        }
        None => {
            let ids = group.pending_from(window.start).map(|(id, _)| id);
            ids.take_while(|id| *id <= window.end).for_each(&mut write);
        }
    }
    reply.fill_array(mark, count);
}

/// Reads a least idle time; a negative one is none.
fn min_idle(text: &[u8], fault: &'static str) -> Result<i64, Fault> {
    int_in(text, i64::MIN..=i64::MAX, Fault::Text(fault)).map(|idle| idle.max(0))
}

/// The options of XCLAIM.
struct Claim {
    /// Ids as they were given, from argument 5 on.
    ids: Vec<StreamId>,
    /// When the entries count as delivered.
    time: i64,
    count: Option<i64>,
    force: bool,
    just_id: bool,
    last: StreamId,
}

impl Claim {
    fn read(args: Args, now: i64) -> Result<Self, Fault> {
        let ids: Vec<StreamId> = args.iter_from(5).map_while(|text| StreamId::parse(text, 0)).collect();
        let mut options = Options::new(args, 5 + ids.len());
        let mut claim = Claim { ids, time: -1, count: None, force: false, just_id: false, last: StreamId::MIN };
        let number = |text, fault| int_in(text, i64::MIN..=i64::MAX, Fault::Text(fault));
        while options.left() > 0 {
            let valued = options.left() > 1;
            if options.take("FORCE") {
                claim.force = true;
            } else if options.take("JUSTID") {
                claim.just_id = true;
            } else if valued && options.take("IDLE") {
                let idle = number(options.value()?, "ERR Invalid IDLE option argument for XCLAIM")?;
                claim.time = now.wrapping_sub(idle);
            } else if valued && options.take("TIME") {
                claim.time = number(options.value()?, "ERR Invalid TIME option argument for XCLAIM")?;
            } else if valued && options.take("RETRYCOUNT") {
                let count = number(options.value()?, "ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
                claim.count = Some(count).filter(|count| *count >= 0);
            } else if valued && options.take("LASTID") {
                claim.last = strict_id(options.value()?, 0)?;
            } else {
                let option = args.at(options.at());
                return Err(naming(["ERR Unrecognized XCLAIM option '", "'", ""], option, b""));
            }
        }
        // A clock that is ahead, or nonsense, is no reason to refuse: it counts as now.
        if !(0..=now).contains(&claim.time) {
            claim.time = now;
        }
        Ok(claim)
    }
}

pub(super) fn xclaim(ctx: &mut Context, args: Args) -> Handled {
    let (key, name, member_name, now) = (args.at(1), args.at(2), args.at(3), ctx.keys.now());
    if ctx.keys.read_stream(key)?.is_none_or(|stream| stream.groups.get(name).is_none()) {
        return Err(no_group(key, name));
    }
    let least = min_idle(args.at(4), "ERR Invalid min-idle-time argument for XCLAIM")?;
    let claim = Claim::read(args, now)?;
    let recording = ctx.keys.space().changes.record_effects;
    let reply = &mut ctx.reply;
    let Some(Stream { log, groups }) = ctx.keys.stream_mut(key)? else { return Err(no_group(key, name)) };
    let Some(group) = groups.get_mut(name) else { return Err(no_group(key, name)) };
    let advanced = claim.last > group.last;
    if advanced {
        group.last = claim.last;
    }
    let (consumer, created) = member(group, member_name, now);
    group.consumer_mut(consumer).seen = now;
    let mut effects = GroupEffects::new(recording);
    let (mark, mut count, mut changes) = (reply.defer(), 0, 0);
    for &id in &claim.ids {
        let Some(entry) = log.get(id) else {
            // An entry that was deleted is nobody's any more.
            if group.acknowledge(id) {
                effects.dropped(id);
                changes += 1;
            }
            continue;
        };
        let times = match group.delivery(id) {
            None if !claim.force => continue,
            Some(delivery) if least > 0 && now.saturating_sub(delivery.time) < least => continue,
            Some(delivery) => delivery.count,
            None => 1,
        };
        let times = claim.count.unwrap_or(times.wrapping_add(i64::from(!claim.just_id)));
        group.deliver(id, consumer, claim.time, times);
        group.consumer_mut(consumer).active = now;
        effects.claimed(id, claim.time, times);
        if claim.just_id {
            write_id(reply, id);
        } else {
            write_entry(reply, entry);
        }
        count += 1;
        changes += 1;
    }
    reply.fill_array(mark, count);
    let position = (group.last, group.entries_read);
    note(ctx, key, name, member_name, created, effects);
    if advanced {
        note_position(ctx, key, name, position);
    }
    // Redis counts the new position only when nothing else tells of it.
    ctx.keys.dirty(if changes == 0 { u64::from(advanced) } else { changes });
    Ok(Outcome::Done)
}

/// How many pending entries XAUTOCLAIM looks at for each that it may claim.
const LOOKS: usize = 10;

pub(super) fn xautoclaim(ctx: &mut Context, args: Args) -> Handled {
    let (key, name, member_name, now) = (args.at(1), args.at(2), args.at(3), ctx.keys.now());
    let least = min_idle(args.at(4), "ERR Invalid min-idle-time argument for XAUTOCLAIM")?;
    let start = interval_start(args.at(5))?;
    let (mut most, mut just_id) = (100, false);
    let mut options = Options::new(args, 6);
    while options.left() > 0 {
        if options.left() > 1 && options.take("COUNT") {
            let fault = Fault::Text("ERR COUNT must be > 0");
            let count = int_in(options.value()?, 1..=i64::MAX / 16, fault)?;
            most = usize::try_from(count).unwrap_or(usize::MAX);
        } else if options.take("JUSTID") {
            just_id = true;
        } else {
            return Err(Fault::Syntax);
        }
    }
    // A reader for Redis' counters, a writer for us.
    ctx.keys.read_stream(key)?;
    let recording = ctx.keys.space().changes.record_effects;
    let reply = &mut ctx.reply;
    let Some(Stream { log, groups }) = ctx.keys.stream_mut(key)? else { return Err(no_group(key, name)) };
    let Some(group) = groups.get_mut(name) else { return Err(no_group(key, name)) };
    let (consumer, created) = member(group, member_name, now);
    group.consumer_mut(consumer).seen = now;

    let mut looks = most.saturating_mul(LOOKS);
    let (mut claimed, mut deleted) = (Vec::new(), Vec::new());
    let mut effects = GroupEffects::new(recording);
    // Where to go on: none at the end.
    let mut next = group.pending_from(start).next().map(|(id, _)| id);
    while let Some(id) = next.filter(|_| looks > 0 && claimed.len() + deleted.len() < most) {
        looks -= 1;
        next = id.next().and_then(|after| group.pending_from(after).next()).map(|(id, _)| id);
        if log.get(id).is_none() {
            group.acknowledge(id);
            effects.dropped(id);
            deleted.push(id);
            continue;
        }
        let Some(delivery) = group.delivery(id) else { continue };
        if least > 0 && now.saturating_sub(delivery.time) < least {
            continue;
        }
        let times = delivery.count.wrapping_add(i64::from(!just_id));
        group.deliver(id, consumer, now, times);
        group.consumer_mut(consumer).active = now;
        effects.claimed(id, now, times);
        claimed.push(id);
    }

    reply.array(3);
    write_id(reply, next.unwrap_or_default());
    reply.array(claimed.len());
    for &id in &claimed {
        match log.get(id).filter(|_| !just_id) {
            Some(entry) => write_entry(reply, entry),
            None => write_id(reply, id),
        }
    }
    reply.array(deleted.len());
    deleted.iter().for_each(|&id| write_id(reply, id));
    note(ctx, key, name, member_name, created, effects);
    ctx.keys.dirty((claimed.len() + deleted.len()) as u64);
    Ok(Outcome::Done)
}
