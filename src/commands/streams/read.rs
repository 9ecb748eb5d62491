//! Ranges, and reading what comes after an id: XREAD, and XREADGROUP for consumers of a group.

use super::groups::{member, GroupEffects};
use super::{interval_end, interval_start, naming, strict_id, write_entry, write_id};
use crate::bytes::c_text;
use crate::commands::{int, Context, Handled, Outcome, TimeoutReply, Wait};
use crate::resp::{Args, Fault, Reply};
use crate::structures::stream::{ConsumerId, Group, Log, Stream, StreamId};

fn range(ctx: &mut Context, args: Args, reverse: bool) -> Handled {
    let (start_at, end_at) = if reverse { (3, 2) } else { (2, 3) };
    let start = interval_start(args.at(start_at))?;
    let end = interval_end(args.at(end_at))?;
    let mut most = usize::MAX;
    let mut options = crate::commands::Options::new(args, 4);
    while options.left() > 0 {
        if options.left() < 2 || !options.take("COUNT") {
            return Err(Fault::Syntax);
        }
        // A negative count is one of 0, that is of none.
        most = usize::try_from(int(options.value()?)?.max(0)).unwrap_or(usize::MAX);
    }
    let reply = &mut ctx.reply;
    let Some(stream) = ctx.keys.read_stream(args.at(1))? else {
        reply.array(0);
        return Ok(Outcome::Done);
    };
    if most == 0 {
        reply.null_array();
    } else if reverse {
        write_entries(reply, stream.log.range_back(start, end).take(most));
    } else {
        write_entries(reply, stream.log.range(start, end).take(most));
    }
    Ok(Outcome::Done)
}

pub(super) fn xrange(ctx: &mut Context, args: Args) -> Handled {
    range(ctx, args, false)
}

pub(super) fn xrevrange(ctx: &mut Context, args: Args) -> Handled {
    range(ctx, args, true)
}

/// Writes entries as an array.
pub(super) fn write_entries<'a>(
    reply: &mut Reply,
    entries: impl Iterator<Item = crate::structures::stream::Entry<'a>>,
) {
    let (mark, mut count) = (reply.defer(), 0);
    for entry in entries {
        write_entry(reply, entry);
        count += 1;
    }
    reply.fill_array(mark, count);
}

/// The options of XREAD and XREADGROUP.
struct Reading<'a> {
    group: Option<(&'a [u8], &'a [u8])>,
    /// Most entries of each stream.
    most: usize,
    /// When waiting ends: `Some(None)` for never, `None` when there is no waiting.
    deadline: Option<Option<i64>>,
    no_ack: bool,
    /// Index of the first key, and how many there are.
    keys_at: usize,
    keys: usize,
}

impl<'a> Reading<'a> {
    fn read(args: Args<'a>, grouped: bool, now: i64) -> Result<Self, Fault> {
        let mut reading = Reading { group: None, most: usize::MAX, deadline: None, no_ack: false, keys_at: 0, keys: 0 };
        let mut at = 1;
        while at < args.len() {
            let more = args.len() - 1 - at;
            if more > 0 && args.is(at, "BLOCK") {
                at += 1;
                reading.deadline = Some(deadline(args.at(at), now)?);
            } else if more > 0 && args.is(at, "COUNT") {
                at += 1;
                reading.most = match int(args.at(at))? {
                    ..=0 => usize::MAX,
                    most => usize::try_from(most).unwrap_or(usize::MAX),
                };
            } else if more > 0 && args.is(at, "STREAMS") {
                if more % 2 == 1 {
                    return Err(Fault::Text(if grouped {
                        "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified."
                    } else {
                        "ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified."
                    }));
                }
                (reading.keys_at, reading.keys) = (at + 1, more / 2);
                break;
            } else if more >= 2 && args.is(at, "GROUP") {
                if !grouped {
                    let text = "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.";
                    return Err(Fault::Text(text));
                }
                reading.group = Some((args.at(at + 1), args.at(at + 2)));
                at += 2;
            } else if args.is(at, "NOACK") {
                if !grouped {
                    let text = "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.";
                    return Err(Fault::Text(text));
                }
                reading.no_ack = true;
            } else {
                return Err(Fault::Syntax);
            }
            at += 1;
        }
        if reading.keys == 0 {
            return Err(Fault::Syntax);
        }
        if grouped && reading.group.is_none() {
            return Err(Fault::Text("ERR Missing GROUP option for XREADGROUP"));
        }
        Ok(reading)
    }

    fn wait(&self, args: Args, deadline: Option<i64>) -> Box<Wait> {
        let keys = args.iter_from(self.keys_at).take(self.keys).map(Box::from).collect();
        Wait::new("stream", keys, deadline, TimeoutReply::NullArray)
    }
}

/// Reads a timeout in milliseconds: the deadline, none for 0.
fn deadline(text: &[u8], now: i64) -> Result<Option<i64>, Fault> {
    let millis =
        crate::bytes::number::parse_i64(text).ok_or(Fault::Text("ERR timeout is not an integer or out of range"))?;
    match millis {
        ..0 => Err(Fault::NegativeTimeout),
        0 => Ok(None),
        _ => now.checked_add(millis).map(Some).ok_or(Fault::Text("ERR timeout is out of range")),
    }
}

/// What one key of the reply begins with.
fn write_key(reply: &mut Reply, key: &[u8]) {
    if !reply.resp3() {
        reply.array(2);
    }
    reply.bulk(key);
}

/// Puts the length in front of the streams that were written.
fn close(reply: &mut Reply, mark: crate::resp::Mark, streams: usize) {
    if reply.resp3() {
        reply.fill_map(mark, streams);
    } else {
        reply.fill_array(mark, streams);
    }
}

pub(super) fn xread(ctx: &mut Context, args: Args) -> Handled {
    let reading = Reading::read(args, false, ctx.keys.now())?;
    let mut after = Vec::new();
    let mut resolved = false;
    for at in reading.keys_at..reading.keys_at + reading.keys {
        let stream = ctx.keys.read_stream(args.at(at))?;
        let id = args.at(at + reading.keys);
        after.push(match c_text(id) {
            b"$" => {
                resolved = true;
                stream.map_or(StreamId::MIN, |stream| stream.log.last)
            }
            b"+" => stream.and_then(|stream| stream.log.last_live()?.prev()).unwrap_or_default(),
            b">" => {
                return Err(Fault::Text(
                    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
                ));
            }
            _ => strict_id(id, 0)?,
        });
    }
    let (mark, mut streams) = (ctx.reply.defer(), 0);
    for (index, after) in after.iter().enumerate() {
        let key = args.at(reading.keys_at + index);
        let Some(stream) = ctx.keys.read_stream(key)? else { continue };
        let Some(start) = after.next().filter(|start| stream.log.last_live() >= Some(*start)) else { continue };
        streams += 1;
        write_key(&mut ctx.reply, key);
        write_entries(&mut ctx.reply, stream.log.range(start, StreamId::MAX).take(reading.most));
    }
    if streams > 0 {
        close(&mut ctx.reply, mark, streams);
        return Ok(Outcome::Done);
    }
    let Some(deadline) = reading.deadline else {
        ctx.reply.null_array();
        return Ok(Outcome::Done);
    };
    let mut wait = reading.wait(args, deadline);
    if resolved {
        // What `$` stood for now is what it stands for when the wait is over.
        let mut again: Vec<Box<[u8]>> = args.iter_from(0).map(Box::from).collect();
        for (id, after) in again[reading.keys_at + reading.keys..].iter_mut().zip(after) {
            if c_text(id) == b"$" {
                *id = Box::from(&after.text()[..]);
            }
        }
        wait.again = Some(again);
    }
    Ok(Outcome::Wait(wait))
}

/// What a consumer wants of one stream.
enum Wanted {
    /// What nobody in the group was given yet.
    New,
    /// What it has pending itself, after an id.
    History(StreamId),
}

pub(super) fn xreadgroup(ctx: &mut Context, args: Args) -> Handled {
    let now = ctx.keys.now();
    let reading = Reading::read(args, true, now)?;
    let (group_name, consumer_name) = reading.group.ok_or(Fault::Syntax)?;
    let mut wanted = Vec::new();
    for at in reading.keys_at..reading.keys_at + reading.keys {
        let key = args.at(at);
        let stream = ctx.keys.read_stream(key)?;
        if stream.is_none_or(|stream| stream.groups.get(group_name).is_none()) {
            let parts = ["NOGROUP No such key '", "' or consumer group '", "' in XREADGROUP with GROUP option"];
            return Err(naming(parts, key, group_name));
        }
        let id = args.at(at + reading.keys);
        wanted.push(match c_text(id) {
            b"$" => return Err(meaningless('$')),
            b"+" => return Err(meaningless('+')),
            b">" => Wanted::New,
            _ => match strict_id(id, 0)? {
                // Spelled out, the last id of all means what `>` means.
                StreamId::MAX => Wanted::New,
                id => Wanted::History(id),
            },
        });
    }
    let (mark, mut streams) = (ctx.reply.defer(), 0);
    for (index, wanted) in wanted.iter().enumerate() {
        let key = args.at(reading.keys_at + index);
        // Redis looks each key up a second time, as a reader does.
        ctx.keys.read_stream(key)?;
        let recording = ctx.keys.space().changes.record_effects;
        let reply = &mut ctx.reply;
        let Some(Stream { log, groups }) = ctx.keys.stream_mut(key)? else { continue };
        let Some(group) = groups.get_mut(group_name) else { continue };
        let has_new = log.last_live().is_some_and(|top| top > group.last);
        let (consumer, created) = member(group, consumer_name, now);
        group.consumer_mut(consumer).seen = now;
        let mut effects = GroupEffects::new(recording);
        let mut delivered = false;
        match wanted {
            Wanted::New if !has_new => {}
            Wanted::New => {
                streams += 1;
                write_key(reply, key);
                deliver(reply, log, group, consumer, now, &reading, &mut effects);
                delivered = true;
            }
            Wanted::History(after) => {
                streams += 1;
                write_key(reply, key);
                repeat(reply, log, group, consumer, now, *after, reading.most);
            }
        }
        let position = (group.last, group.entries_read);
        super::groups::note(ctx, key, group_name, consumer_name, created, effects);
        if delivered {
            super::groups::note_position(ctx, key, group_name, position);
            ctx.keys.dirty(1);
        }
    }
    if streams > 0 {
        close(&mut ctx.reply, mark, streams);
        return Ok(Outcome::Done);
    }
    let Some(deadline) = reading.deadline else {
        ctx.reply.null_array();
        return Ok(Outcome::Done);
    };
    let mut wait = reading.wait(args, deadline);
    wait.any_change = true;
    Ok(Outcome::Wait(wait))
}

fn meaningless(id: char) -> Fault {
    Fault::made(format!(
        "ERR The {id} ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by \
         specifying a proper ID, or use the > ID to get new messages. The {id} ID would just return an empty result set."
    ))
}

/// Gives a consumer what comes after the group's last id.
fn deliver(
    reply: &mut Reply,
    log: &Log,
    group: &mut Group,
    consumer: ConsumerId,
    now: i64,
    reading: &Reading,
    effects: &mut GroupEffects,
) {
    let (mark, mut count) = (reply.defer(), 0);
    let start = group.last.next().unwrap_or(StreamId::MAX);
    for entry in log.range(start, StreamId::MAX).take(reading.most) {
        let id = entry.id;
        // The count of entries read goes on while nothing is missing on the way, and is else found anew.
        let counts = group.last >= log.first() && !log.has_gap_from(group.last);
        group.entries_read = match group.entries_read.filter(|_| counts) {
            Some(read) => Some(read.wrapping_add(1)),
            None => log.position(id),
        };
        group.last = id;
        write_entry(reply, entry);
        count += 1;
        if !reading.no_ack {
            group.deliver(id, consumer, now, 1);
            group.consumer_mut(consumer).active = now;
            effects.claimed(id, now, 1);
        }
    }
    reply.fill_array(mark, count);
}

/// Answers what a consumer has pending after an id, as delivered once more; entries deleted meanwhile without fields.
fn repeat(
    reply: &mut Reply,
    log: &Log,
    group: &mut Group,
    consumer: ConsumerId,
    now: i64,
    after: StreamId,
    most: usize,
) {
    let start = after.next().unwrap_or(StreamId::MAX);
    let ids: Vec<StreamId> = group.consumer(consumer).pending_from(start).take(most).collect();
    reply.array(ids.len());
    for id in ids {
        let Some(entry) = log.get(id) else {
            reply.array(2);
            write_id(reply, id);
            reply.null_array();
            continue;
        };
        write_entry(reply, entry);
        if let Some(delivery) = group.delivery_mut(id) {
            delivery.time = now;
            delivery.count = delivery.count.wrapping_add(1);
        }
    }
}
