//! XGROUP and XACK, and what commands that give entries to consumers leave for those who repeat their changes.

use super::{any_id, explain, no_group_in, read_ids, strict_id};
use crate::bytes::c_text;
use crate::commands::{int, Context, Handled, Outcome};
use crate::keyspace::Class;
use crate::resp::{Args, Fault};
use crate::structures::stream::{ConsumerId, Group, Stream, StreamId};

const NO_KEY: Fault = Fault::Text(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option \
     to create an empty stream automatically.",
);

/// The consumer of this name, made where there was none: then true.
pub(super) fn member(group: &mut Group, name: &[u8], now: i64) -> (ConsumerId, bool) {
    match group.find_consumer(name) {
        Some(consumer) => (consumer, false),
        None => (group.add_consumer(name, now).expect("there was none of that name"), true),
    }
}

/// What changed in a group for one consumer, in the order in which it is to be repeated.
#[derive(Default)]
pub(super) struct GroupEffects {
    recording: bool,
    steps: Vec<Step>,
}

enum Step {
    /// Ids that were given to the consumer, with one time and one count for all.
    Claimed { time: i64, count: i64, ids: Vec<StreamId> },
    /// An id that is not pending any more.
    Dropped(StreamId),
}

impl GroupEffects {
    pub(super) fn new(recording: bool) -> Self {
        GroupEffects { recording, steps: Vec::new() }
    }

    pub(super) fn claimed(&mut self, id: StreamId, now: i64, times: i64) {
        if !self.recording {
            return;
        }
        match self.steps.last_mut() {
            Some(Step::Claimed { time, count, ids }) if (*time, *count) == (now, times) => ids.push(id),
            _ => self.steps.push(Step::Claimed { time: now, count: times, ids: vec![id] }),
        }
    }

    pub(super) fn dropped(&mut self, id: StreamId) {
        if self.recording {
            self.steps.push(Step::Dropped(id));
        }
    }
}

/// Notes what a command did in a group: a consumer it made, and deliveries.
pub(super) fn note(ctx: &mut Context, key: &[u8], group: &[u8], consumer: &[u8], created: bool, effects: GroupEffects) {
    if created {
        ctx.keys.modified_unseen(key, Class::STREAM, "xgroup-createconsumer");
        ctx.keys.effect(&[b"XGROUP", b"CREATECONSUMER", key, group, consumer]);
    }
    for step in effects.steps {
        match step {
            Step::Dropped(id) => ctx.keys.effect(&[b"XACK", key, group, &id.text()]),
            Step::Claimed { time, count, ids } => {
                let (time, count) = (time.to_string(), count.max(0).to_string());
                let ids: Vec<_> = ids.into_iter().map(StreamId::text).collect();
                let mut effect = vec![&b"XCLAIM"[..], key, group, consumer, b"0"];
                effect.extend(ids.iter().map(|id| &id[..]));
                effect.extend([b"TIME", time.as_bytes(), b"RETRYCOUNT", count.as_bytes(), b"FORCE", b"JUSTID"]);
                ctx.keys.effect(&effect);
            }
        }
    }
}

/// Notes how far a group has come.
pub(super) fn note_position(ctx: &mut Context, key: &[u8], group: &[u8], position: (StreamId, Option<i64>)) {
    if ctx.keys.space().changes.record_effects {
        let (last, read) = (position.0.text(), position.1.unwrap_or(-1).to_string());
        ctx.keys.effect(&[b"XGROUP", b"SETID", key, group, &last, b"ENTRIESREAD", read.as_bytes()]);
    }
}

/// The options of CREATE and SETID behind their id.
struct Options {
    make_stream: bool,
    entries_read: Option<i64>,
}

fn options(args: Args, creating: bool) -> Result<Options, Fault> {
    let mut read = Options { make_stream: false, entries_read: None };
    let mut options = crate::commands::Options::new(args, 5);
    while options.left() > 0 {
        if creating && options.take("MKSTREAM") {
            read.make_stream = true;
        } else if options.left() > 1 && options.take("ENTRIESREAD") {
            read.entries_read = match int(options.value()?)? {
                -1 => None,
                ..0 => return Err(Fault::Text("ERR value for ENTRIESREAD must be positive or -1")),
                count => Some(count),
            };
        } else {
            return Err(Fault::bad_subcommand(args));
        }
    }
    Ok(read)
}

pub(super) fn xgroup_create(ctx: &mut Context, args: Args) -> Handled {
    let options = options(args, true)?;
    let (key, name) = (args.at(2), args.at(3));
    let stream = ctx.keys.stream_mut(key)?;
    if stream.is_none() && !options.make_stream {
        return Err(NO_KEY);
    }
    if args.len() > 8 {
        return Err(Fault::bad_subcommand(args));
    }
    let last = match c_text(args.at(4)) {
        b"$" => stream.as_ref().map_or(StreamId::MIN, |stream| stream.log.last),
        _ => strict_id(args.at(4), 0)?,
    };
    let created = stream.is_none();
    let stream = ctx.keys.stream_or_new(key)?;
    if stream.groups.add(name, last, options.entries_read).is_none() {
        return Err(Fault::Text("BUSYGROUP Consumer Group name already exists"));
    }
    if created {
        ctx.keys.modified(key, Class::STREAM, "xgroup-create");
    } else {
        ctx.keys.modified_unseen(key, Class::STREAM, "xgroup-create");
    }
    ctx.reply.ok();
    Ok(Outcome::Done)
}

/// Opens the stream of a subcommand that needs it, and its group's name.
fn open<'c>(ctx: &'c mut Context, args: Args) -> Result<&'c mut Stream, Fault> {
    ctx.keys.stream_mut(args.at(2))?.ok_or(NO_KEY)
}

pub(super) fn xgroup_setid(ctx: &mut Context, args: Args) -> Handled {
    let options = options(args, false)?;
    let (key, name) = (args.at(2), args.at(3));
    let Stream { log, groups } = open(ctx, args)?;
    let group = groups.get_mut(name).ok_or_else(|| no_group_in(key, name))?;
    if args.len() > 7 {
        return Err(Fault::bad_subcommand(args));
    }
    group.last = match c_text(args.at(4)) {
        b"$" => log.last,
        _ => any_id(args.at(4), 0)?,
    };
    group.entries_read = options.entries_read;
    ctx.keys.modified_unseen(key, Class::STREAM, "xgroup-setid");
    ctx.reply.ok();
    Ok(Outcome::Done)
}

pub(super) fn xgroup_destroy(ctx: &mut Context, args: Args) -> Handled {
    let key = args.at(2);
    let destroyed = open(ctx, args)?.groups.delete(args.at(3));
    if destroyed {
        ctx.keys.modified_unseen(key, Class::STREAM, "xgroup-destroy");
        // Consumers that wait for entries of the group are to learn that it is gone.
        ctx.keys.wake(key);
    }
    ctx.reply.flag(destroyed);
    Ok(Outcome::Done)
}

pub(super) fn xgroup_createconsumer(ctx: &mut Context, args: Args) -> Handled {
    let (key, name, now) = (args.at(2), args.at(3), ctx.keys.now());
    let group = open(ctx, args)?.groups.get_mut(name).ok_or_else(|| no_group_in(key, name))?;
    let created = group.add_consumer(args.at(4), now).is_some();
    if created {
        ctx.keys.modified_unseen(key, Class::STREAM, "xgroup-createconsumer");
    }
    ctx.reply.flag(created);
    Ok(Outcome::Done)
}

pub(super) fn xgroup_delconsumer(ctx: &mut Context, args: Args) -> Handled {
    let (key, name) = (args.at(2), args.at(3));
    let group = open(ctx, args)?.groups.get_mut(name).ok_or_else(|| no_group_in(key, name))?;
    let pending = group.delete_consumer(args.at(4));
    if pending.is_some() {
        ctx.keys.modified_unseen(key, Class::STREAM, "xgroup-delconsumer");
    }
    ctx.reply.count(pending.unwrap_or(0));
    Ok(Outcome::Done)
}

pub(super) fn xgroup_help(ctx: &mut Context, _args: Args) -> Handled {
    explain(ctx, "xgroup")
}

pub(super) fn xack(ctx: &mut Context, args: Args) -> Handled {
    let (key, name) = (args.at(1), args.at(2));
    let mut done = 0;
    // A reader for Redis' counters, a writer for us.
    ctx.keys.read_stream(key)?;
    let stream = ctx.keys.stream_mut(key)?;
    if let Some(group) = stream.and_then(|stream| stream.groups.get_mut(name)) {
        for id in read_ids(args, 3)? {
            done += u64::from(group.acknowledge(id));
        }
    }
    ctx.keys.dirty(done);
    ctx.reply.int(done as i64);
    Ok(Outcome::Done)
}
