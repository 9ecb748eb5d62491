//! XINFO.

use super::read::write_entries;
use super::{explain, no_group_in, write_entry, write_id};
use crate::commands::{int, Context, Handled, Outcome};
use crate::resp::{Args, Fault, Reply};
use crate::structures::stream::{Consumer, Group, Stream, StreamId};

fn int_or_null(reply: &mut Reply, number: Option<i64>) {
    match number {
        Some(number) => reply.int(number),
        None => reply.null(),
    }
}

pub(super) fn xinfo_help(ctx: &mut Context, _args: Args) -> Handled {
    explain(ctx, "xinfo")
}

pub(super) fn xinfo_consumers(ctx: &mut Context, args: Args) -> Handled {
    let (key, name, now) = (args.at(2), args.at(3), ctx.keys.now());
    let reply = &mut ctx.reply;
    let stream = ctx.keys.read_stream(key)?.ok_or(Fault::NoSuchKey)?;
    let group = stream.groups.get(name).ok_or_else(|| no_group_in(key, name))?;
    reply.array(group.consumers().len());
    for consumer in group.consumers() {
        reply.map(4);
        reply.bulk(b"name");
        reply.bulk(consumer.name());
        reply.bulk(b"pending");
        reply.count(consumer.pending());
        reply.bulk(b"idle");
        reply.int(now.saturating_sub(consumer.seen).max(0));
        reply.bulk(b"inactive");
        reply.int(match consumer.active {
            -1 => -1,
            active => now.saturating_sub(active),
        });
    }
    Ok(Outcome::Done)
}

pub(super) fn xinfo_groups(ctx: &mut Context, args: Args) -> Handled {
    let reply = &mut ctx.reply;
    let stream = ctx.keys.read_stream(args.at(2))?.ok_or(Fault::NoSuchKey)?;
    reply.array(stream.groups.len());
    for group in stream.groups.iter() {
        reply.map(6);
        reply.bulk(b"name");
        reply.bulk(group.name());
        reply.bulk(b"consumers");
        reply.count(group.consumers().len());
        reply.bulk(b"pending");
        reply.count(group.pending());
        reply.bulk(b"last-delivered-id");
        write_id(reply, group.last);
        reply.bulk(b"entries-read");
        int_or_null(reply, group.entries_read);
        reply.bulk(b"lag");
        int_or_null(reply, stream.lag(group));
    }
    Ok(Outcome::Done)
}

/// How many entries and deliveries a full account holds without COUNT.
const FULL: usize = 10;

pub(super) fn xinfo_stream(ctx: &mut Context, args: Args) -> Handled {
    let reply = &mut ctx.reply;
    let stream = ctx.keys.read_stream(args.at(2))?.ok_or(Fault::NoSuchKey)?;
    let most = match args.len() {
        3 => None,
        4 | 6 if args.is(3, "FULL") && (args.len() == 4 || args.is(4, "COUNT")) => {
            Some(match args.get(5).map(int).transpose()? {
                None | Some(..0) => FULL,
                Some(0) => usize::MAX,
                Some(count) => usize::try_from(count).unwrap_or(usize::MAX),
            })
        }
        _ => return Err(Fault::bad_subcommand(args)),
    };
    let log = &stream.log;
    reply.map(if most.is_some() { 9 } else { 10 });
    reply.bulk(b"length");
    reply.int(log.len() as i64);
    reply.bulk(b"radix-tree-keys");
    reply.count(log.node_count());
    reply.bulk(b"radix-tree-nodes");
    reply.count(log.radix_nodes());
    reply.bulk(b"last-generated-id");
    write_id(reply, log.last);
    reply.bulk(b"max-deleted-entry-id");
    write_id(reply, log.max_deleted);
    reply.bulk(b"entries-added");
    reply.int(log.added as i64);
    reply.bulk(b"recorded-first-entry-id");
    write_id(reply, log.first());
    match most {
        Some(most) => write_full(reply, stream, most),
        None => {
            reply.bulk(b"groups");
            reply.count(stream.groups.len());
            let ends = [
                ("first-entry", log.range(StreamId::MIN, StreamId::MAX).next()),
                ("last-entry", log.range_back(StreamId::MIN, StreamId::MAX).next()),
            ];
            for (name, entry) in ends {
                reply.bulk(name.as_bytes());
                match entry {
                    Some(entry) => write_entry(reply, entry),
                    None => reply.null(),
                }
            }
        }
    }
    Ok(Outcome::Done)
}

fn write_full(reply: &mut Reply, stream: &Stream, most: usize) {
    reply.bulk(b"entries");
    write_entries(reply, stream.log.range(StreamId::MIN, StreamId::MAX).take(most));
    reply.bulk(b"groups");
    reply.array(stream.groups.len());
    for group in stream.groups.iter() {
        reply.map(7);
        reply.bulk(b"name");
        reply.bulk(group.name());
        reply.bulk(b"last-delivered-id");
        write_id(reply, group.last);
        reply.bulk(b"entries-read");
        int_or_null(reply, group.entries_read);
        reply.bulk(b"lag");
        int_or_null(reply, stream.lag(group));
        reply.bulk(b"pel-count");
        reply.count(group.pending());
        reply.bulk(b"pending");
        reply.array(group.pending().min(most));
        for (id, delivery) in group.pending_from(StreamId::MIN).take(most) {
            reply.array(4);
            write_id(reply, id);
            reply.bulk(group.consumer(delivery.consumer()).name());
            reply.int(delivery.time);
            reply.int(delivery.count);
        }
        reply.bulk(b"consumers");
        reply.array(group.consumers().len());
        for consumer in group.consumers() {
            write_consumer(reply, group, consumer, most);
        }
    }
}

fn write_consumer(reply: &mut Reply, group: &Group, consumer: &Consumer, most: usize) {
    reply.map(5);
    reply.bulk(b"name");
    reply.bulk(consumer.name());
    reply.bulk(b"seen-time");
    reply.int(consumer.seen);
    reply.bulk(b"active-time");
    reply.int(consumer.active);
    reply.bulk(b"pel-count");
    reply.count(consumer.pending());
    reply.bulk(b"pending");
    reply.array(consumer.pending().min(most));
    for id in consumer.pending_from(StreamId::MIN).take(most) {
        let (time, count) = group.delivery(id).map_or((0, 0), |delivery| (delivery.time, delivery.count));
        reply.array(3);
        write_id(reply, id);
        reply.int(time);
        reply.int(count);
    }
}
