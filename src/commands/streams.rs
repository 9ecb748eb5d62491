//! Streams.
//!
//! This file declares the family and holds what works on the entries alone; [`read`] has ranges and what waits for
//! entries, [`groups`] the consumer groups, [`pending`] what was delivered and not acknowledged, [`references`] deletion
//! that minds it, [`info`] XINFO.

mod groups;
mod info;
mod pending;
mod read;
mod references;
#[cfg(test)]
mod tests;

use super::{help, int, Context, DataHandler, Handled, Outcome};
use crate::bytes::c_text;
use crate::keyspace::Class;
use crate::resp::{Args, Fault, Reply};
use crate::structures::stream::{Entry, Seq, StreamId, Trim};
use groups::{
    xack, xgroup_create, xgroup_createconsumer, xgroup_delconsumer, xgroup_destroy, xgroup_help, xgroup_setid,
};
use info::{xinfo_consumers, xinfo_groups, xinfo_help, xinfo_stream};
use pending::{xautoclaim, xclaim, xpending};
use read::{xrange, xread, xreadgroup, xrevrange};
use references::{xackdel, xdelex};

commands! {
    /// The stream commands.
    pub static TABLE: DataHandler, group "stream";

    /// Takes entries off a group's list of what is pending, as done with, and counts those that were on it.
    "xack" {
        since "5.0.0", cost "O(log N) for each id, N being what is pending", flags [WRITE FAST],
        args "key@RW.update group id...",
        reply "int",
        run xack,
    }
    /// Takes entries off a group's list of what is pending and deletes them, as far as other groups let go of them.
    "xackdel" {
        since "8.2.0", cost "O(1) for each id", flags [WRITE FAST],
        args "key@RW.delete group [condition=(KEEPREF | DELREF | ACKED)] IDS ids=(numids:int id...)",
        reply "[int]",
        run xackdel,
    }
    /// Adds an entry of fields and values to a stream, under a new id, and trims the stream where asked to.
    "xadd" {
        since "5.0.0", cost "O(1), and O(N) for N entries trimmed", flags [WRITE DENYOOM FAST],
        args "key@RW.update [NOMKSTREAM] [trim=(strategy=(MAXLEN | MINID) [operator=(= | ~)] threshold [LIMIT count:int])] id-selector=(* | id) data=(field value)...",
        reply "bytes?",
        tips "nondeterministic_output",
        run xadd,
    }
    /// Hands a consumer what others have left pending for too long, from an id on, as much as COUNT says.
    "xautoclaim" {
        since "6.2.0", cost "O(1) for a small COUNT", flags [WRITE FAST],
        args "key@RW.delete group consumer min-idle-time start [COUNT count:int] [JUSTID]",
        reply "[bytes [[bytes [bytes]] | bytes] [bytes]]",
        tips "nondeterministic_output",
        run xautoclaim,
    }
    /// Hands a consumer these entries, where others have left them pending for too long.
    "xclaim" {
        since "5.0.0", cost "O(log N) for each id, N being what is pending", flags [WRITE FAST],
        args "key@RW.update group consumer min-idle-time id... [IDLE ms:int] [TIME unix-time-milliseconds:time] [RETRYCOUNT count:int] [FORCE] [JUSTID] [LASTID lastid]",
        reply "[[bytes [bytes]] | bytes]",
        tips "nondeterministic_output",
        run xclaim,
    }
    /// Deletes entries and counts those that were there.
    "xdel" {
        since "5.0.0", cost "O(1) for each id", flags [WRITE FAST],
        args "key@RW.delete id...",
        reply "int",
        run xdel,
    }
    /// Deletes entries, and says of each whether it went: groups may keep what they hold, lose it, or hold the entry.
    "xdelex" {
        since "8.2.0", cost "O(1) for each id", flags [WRITE FAST],
        args "key@RW.delete [condition=(KEEPREF | DELREF | ACKED)] IDS ids=(numids:int id...)",
        reply "[int]",
        run xdelex,
    }
    /// Makes, changes and deletes consumer groups.
    "xgroup" {
        since "5.0.0", cost "Depends on the subcommand", flags [],
        args "",
        reply "container",
    }
    /// Makes a group that is given the entries after an id; `$` is the last one.
    "xgroup|create" {
        since "5.0.0", cost "O(1)", flags [WRITE DENYOOM],
        args "key@RW.insert group id-selector=(id | $) [MKSTREAM] [ENTRIESREAD entriesread:int]",
        reply "ok",
        run xgroup_create,
    }
    /// Makes a consumer in a group.
    "xgroup|createconsumer" {
        since "6.2.0", cost "O(1)", flags [WRITE DENYOOM],
        args "key@RW.insert group consumer",
        reply "int",
        run xgroup_createconsumer,
    }
    /// Deletes a consumer with what it has pending, and counts that.
    "xgroup|delconsumer" {
        since "5.0.0", cost "O(N) for N entries that it has pending", flags [WRITE],
        args "key@RW.delete group consumer",
        reply "int",
        run xgroup_delconsumer,
    }
    /// Deletes a group with all that is pending in it.
    "xgroup|destroy" {
        since "5.0.0", cost "O(N) for N entries that are pending", flags [WRITE],
        args "key@RW.delete group",
        reply "int",
        run xgroup_destroy,
    }
    /// Explains the subcommands.
    "xgroup|help" {
        since "5.0.0", cost "O(1)", flags [LOADING STALE],
        args "",
        reply "[simple]",
        run xgroup_help,
    }
    /// Sets the id after which a group is given entries.
    "xgroup|setid" {
        since "5.0.0", cost "O(1)", flags [WRITE],
        args "key@RW.update group id-selector=(id | $) [ENTRIESREAD entriesread:int]",
        reply "ok",
        run xgroup_setid,
    }
    /// Tells about streams and their groups.
    "xinfo" {
        since "5.0.0", cost "Depends on the subcommand", flags [],
        args "",
        reply "container",
    }
    /// Lists the consumers of a group.
    "xinfo|consumers" {
        since "5.0.0", cost "O(N) for N consumers", flags [READONLY],
        args "key@RO.access group",
        reply "[{any}]",
        tips "nondeterministic_output",
        run xinfo_consumers,
    }
    /// Lists the groups of a stream.
    "xinfo|groups" {
        since "5.0.0", cost "O(N) for N groups", flags [READONLY],
        args "key@RO.access",
        reply "[{any}]",
        run xinfo_groups,
    }
    /// Explains the subcommands.
    "xinfo|help" {
        since "5.0.0", cost "O(1)", flags [LOADING STALE],
        args "",
        reply "[simple]",
        run xinfo_help,
    }
    /// Tells about a stream: its counters, its ends, and in full its entries, groups and what is pending.
    "xinfo|stream" {
        since "5.0.0", cost "O(N) for N nodes of a hundred entries", flags [READONLY],
        args "key@RO.access [full-block=(FULL [COUNT count:int])]",
        reply "{any}",
        run xinfo_stream,
    }
    /// Counts the entries.
    "xlen" {
        since "5.0.0", cost "O(1)", flags [READONLY FAST],
        args "key@RO",
        reply "int",
        run xlen,
    }
    /// Tells what is pending in a group: in short, or entry by entry.
    "xpending" {
        since "5.0.0", cost "O(N) for N consumers in short, else for N entries looked at", flags [READONLY],
        args "key@RO.access group [filters=([IDLE min-idle-time:int] start end count:int [consumer])]",
        reply "[int bytes? bytes? [[bytes bytes]]?] | [[bytes bytes int int]]",
        tips "nondeterministic_output",
        run xpending,
    }
    /// Answers the entries between two ids.
    "xrange" {
        since "5.0.0", cost "O(N) for N entries answered", flags [READONLY],
        args "key@RO.access start end [COUNT count:int]",
        reply "[[bytes [bytes]]]?",
        run xrange,
    }
    /// Answers the entries of several streams after an id each, and waits for one where asked to.
    "xread" {
        since "5.0.0", cost "O(N) for N entries answered", flags [READONLY BLOCKING MOVABLEKEYS],
        args "[COUNT count:int] [BLOCK milliseconds:int] STREAMS streams=(key@RO.access... id...)",
        reply "{[[bytes [bytes]]]}?",
        run xread,
    }
    /// Answers entries as a consumer of a group: new ones, which are pending then, or those it has pending.
    "xreadgroup" {
        since "5.0.0", cost "O(N log M) for N entries answered, M being what is pending", flags [WRITE BLOCKING MOVABLEKEYS],
        args "GROUP group-block=(group consumer) [COUNT count:int] [BLOCK milliseconds:int] [NOACK] STREAMS streams=(key@RO.access... id...)",
        reply "{[[bytes [bytes]?]]}?",
        run xreadgroup,
    }
    /// Answers the entries between two ids, last one first.
    "xrevrange" {
        since "5.0.0", cost "O(N) for N entries answered", flags [READONLY],
        args "key@RO.access end start [COUNT count:int]",
        reply "[[bytes [bytes]]]?",
        run xrevrange,
    }
    /// Sets the id after which a stream's next one must come, and the counters kept beside it.
    "xsetid" {
        since "5.0.0", cost "O(1)", flags [WRITE DENYOOM FAST],
        args "key@RW.update last-id [ENTRIESADDED entries-added:int] [MAXDELETEDID max-deleted-id]",
        reply "ok",
        run xsetid,
    }
    /// Deletes the oldest entries beyond a number, or before an id, and counts them.
    "xtrim" {
        since "5.0.0", cost "O(N) for N entries deleted", flags [WRITE],
        args "key@RW.delete trim=(strategy=(MAXLEN | MINID) [operator=(= | ~)] threshold [LIMIT count:int])",
        reply "int",
        tips "nondeterministic_output",
        run xtrim,
    }
}

const BAD_ID: Fault = Fault::Text("ERR Invalid stream ID specified as stream command argument");

/// Reads an id where `-` and `+` are none.
fn strict_id(text: &[u8], missing_seq: u64) -> Result<StreamId, Fault> {
    StreamId::parse(text, missing_seq).ok_or(BAD_ID)
}

/// Reads an id, `-` being the first and `+` the last.
fn any_id(text: &[u8], missing_seq: u64) -> Result<StreamId, Fault> {
    match c_text(text) {
        b"-" if text.len() < 128 => Ok(StreamId::MIN),
        b"+" if text.len() < 128 => Ok(StreamId::MAX),
        _ => strict_id(text, missing_seq),
    }
}

/// Reads the start of an interval; with `(` in front it is not part of it.
fn interval_start(text: &[u8]) -> Result<StreamId, Fault> {
    match text {
        [b'(', id @ ..] if !id.is_empty() => {
            strict_id(id, 0)?.next().ok_or(Fault::Text("ERR invalid start ID for the interval"))
        }
        _ => any_id(text, 0),
    }
}

/// Reads the end of an interval; with `(` in front it is not part of it.
fn interval_end(text: &[u8]) -> Result<StreamId, Fault> {
    match text {
        [b'(', id @ ..] if !id.is_empty() => {
            strict_id(id, u64::MAX)?.prev().ok_or(Fault::Text("ERR invalid end ID for the interval"))
        }
        _ => any_id(text, u64::MAX),
    }
}

fn write_id(reply: &mut Reply, id: StreamId) {
    reply.bulk(&id.text());
}

/// Writes an entry as a pair of its id and its fields and values.
fn write_entry(reply: &mut Reply, entry: Entry) {
    reply.array(2);
    write_id(reply, entry.id);
    reply.array(entry.fields.len() * 2);
    let mut buffer = [0; crate::bytes::number::I64_TEXT];
    for (name, value) in entry.fields {
        reply.bulk(name.bytes(&mut buffer));
        reply.bulk(value.bytes(&mut buffer));
    }
}

/// How XADD and XTRIM are to trim.
#[derive(Default)]
struct Trimming {
    what: Option<Trim>,
    /// Whole nodes only, as `~` asks for.
    roughly: bool,
    limit: u64,
}

/// The id that XADD is given.
enum NewId {
    Auto,
    Given(u64, Seq),
}

/// The options of XADD, up to its id, and of XTRIM.
#[derive(Default)]
struct AddOptions {
    trimming: Trimming,
    no_create: bool,
    id: Option<NewId>,
    /// Index of the id among the arguments, or how many there are.
    id_at: usize,
}

/// Reads the options of XADD, or of XTRIM, which has fewer.
fn read_options(ctx: &mut Context, args: Args, adding: bool) -> Result<AddOptions, Fault> {
    let mut options = AddOptions::default();
    let (trimming, mut limit) = (&mut options.trimming, None);
    let mut at = 2;
    while at < args.len() {
        let more = args.len() - 1 - at;
        let by_len = args.is(at, "MAXLEN");
        if adding && c_text(args.at(at)) == b"*" {
            options.id = Some(NewId::Auto);
            break;
        } else if more > 0 && (by_len || args.is(at, "MINID")) {
            if trimming.what.is_some() {
                let text = "ERR syntax error, MAXLEN and MINID options at the same time are not compatible";
                return Err(Fault::Text(text));
            }
            let operator = if more >= 2 { c_text(args.at(at + 1)) } else { b"" };
            trimming.roughly = operator == b"~";
            at += usize::from(matches!(operator, b"~" | b"="));
            at += 1;
            trimming.what = Some(if by_len {
                let most = int(args.at(at))?;
                Trim::MaxLen(u64::try_from(most).map_err(|_| Fault::Text("ERR The MAXLEN argument must be >= 0."))?)
            } else {
                Trim::MinId(strict_id(args.at(at), 0)?)
            });
        } else if more > 0 && args.is(at, "LIMIT") {
            at += 1;
            let most = int(args.at(at))?;
            limit = Some(u64::try_from(most).map_err(|_| Fault::Text("ERR The LIMIT argument must be >= 0."))?);
        } else if adding && args.is(at, "NOMKSTREAM") {
            options.no_create = true;
        } else if adding {
            let (ms, seq) = StreamId::parse_open(args.at(at)).ok_or(BAD_ID)?;
            options.id = Some(NewId::Given(ms, seq));
            break;
        } else {
            return Err(Fault::Syntax);
        }
        at += 1;
    }
    options.id_at = at;
    if trimming.what.is_none() && limit.is_some_and(|limit| limit > 0) {
        return Err(Fault::Text("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"));
    }
    if !adding && trimming.what.is_none() {
        return Err(Fault::Text("ERR syntax error, XTRIM must be called with a trimming strategy"));
    }
    if limit.is_some() && !trimming.roughly {
        return Err(Fault::Text("ERR syntax error, LIMIT cannot be used without the special ~ option"));
    }
    if trimming.roughly {
        // A hundred nodes by default, within reason.
        trimming.limit = limit.unwrap_or_else(|| match ctx.keys.space().limits.stream.entries as u64 {
            0 => 10_000,
            entries => entries.saturating_mul(100).min(1_000_000),
        });
    }
    Ok(options)
}

fn xadd(ctx: &mut Context, args: Args) -> Handled {
    let options = read_options(ctx, args, true)?;
    let first = options.id_at + 1;
    if args.len() < first + 2 || (args.len() - first) % 2 == 1 {
        return Err(Fault::Arity("xadd"));
    }
    if matches!(options.id, Some(NewId::Given(0, Seq::Given(0) | Seq::Missing))) {
        return Err(Fault::Text("ERR The ID specified in XADD must be greater than 0-0"));
    }
    let (key, now, limits) = (args.at(1), ctx.keys.now(), ctx.keys.space().limits.stream);
    let last = match ctx.keys.stream_mut(key)? {
        Some(stream) => stream.log.last,
        None if options.no_create => {
            ctx.reply.null();
            return Ok(Outcome::Done);
        }
        None => StreamId::MIN,
    };
    if last == StreamId::MAX {
        return Err(Fault::Text("ERR The stream has exhausted the last possible ID, unable to add more items"));
    }
    let id = match options.id {
        None | Some(NewId::Auto) => {
            let fresh = StreamId::new(now.max(0) as u64, 0);
            if fresh.ms > last.ms {
                Some(fresh)
            } else {
                last.next()
            }
        }
        Some(NewId::Given(ms, Seq::Auto)) if ms == last.ms => last.seq.checked_add(1).map(|seq| StreamId { ms, seq }),
        Some(NewId::Given(ms, Seq::Given(seq))) => Some(StreamId { ms, seq }),
        Some(NewId::Given(ms, Seq::Auto | Seq::Missing)) => Some(StreamId { ms, seq: 0 }),
    };
    let id = id
        .filter(|id| *id > last)
        .ok_or(Fault::Text("ERR The ID specified in XADD is equal or smaller than the target stream top item"))?;
    let pairs = (0..(args.len() - first) / 2).map(|pair| (args.at(first + pair * 2), args.at(first + pair * 2 + 1)));
    let log = &mut ctx.keys.stream_or_new(key)?.log;
    if !log.append(limits, id, pairs.clone()) {
        let unused = log.added == 0 && log.last == StreamId::MIN;
        if unused {
            ctx.keys.take(key);
        }
        return Err(Fault::Text("ERR Elements are too large to be stored"));
    }
    let trimming = &options.trimming;
    let trimmed = trimming.what.map_or(0, |what| log.trim(what, trimming.roughly, trimming.limit));
    let len = log.len();
    write_id(&mut ctx.reply, id);
    ctx.keys.modified(key, Class::STREAM, "xadd");
    if trimmed > 0 {
        ctx.keys.notify(key, Class::STREAM, "xtrim");
    }
    let chosen = !matches!(options.id, Some(NewId::Given(_, Seq::Given(_) | Seq::Missing)));
    if (chosen || trimming.roughly) && ctx.keys.space().changes.record_effects {
        let (id, len) = (id.text(), len.to_string());
        let mut effect = vec![&b"XADD"[..], key];
        if trimming.roughly && trimmed > 0 {
            // Trimming always takes the oldest: how many are left says it all.
            effect.extend([&b"MAXLEN"[..], b"=", len.as_bytes()]);
        } else if !trimming.roughly {
            effect.extend(args.iter_from(2).take(options.id_at - 2));
        }
        effect.push(&id);
        effect.extend(args.iter_from(first));
        ctx.keys.effect(&effect);
    }
    Ok(Outcome::Done)
}

fn xtrim(ctx: &mut Context, args: Args) -> Handled {
    let trimming = read_options(ctx, args, false)?.trimming;
    let key = args.at(1);
    let (mut trimmed, mut len) = (0, 0);
    if let (Some(stream), Some(what)) = (ctx.keys.stream_mut(key)?, trimming.what) {
        trimmed = stream.log.trim(what, trimming.roughly, trimming.limit);
        len = stream.log.len();
    }
    if trimmed > 0 {
        ctx.keys.modified(key, Class::STREAM, "xtrim");
        ctx.keys.dirty(trimmed - 1);
        if trimming.roughly {
            ctx.keys.effect(&[b"XTRIM", key, b"MAXLEN", b"=", len.to_string().as_bytes()]);
        }
    }
    ctx.reply.int(trimmed as i64);
    Ok(Outcome::Done)
}

fn xlen(ctx: &mut Context, args: Args) -> Handled {
    let len = ctx.keys.read_stream(args.at(1))?.map_or(0, |stream| stream.log.len());
    ctx.reply.int(len as i64);
    Ok(Outcome::Done)
}

/// Reads the ids from argument `from` on, before anything is done with one.
fn read_ids(args: Args, from: usize) -> Result<Vec<StreamId>, Fault> {
    args.iter_from(from).map(|text| strict_id(text, 0)).collect()
}

fn xdel(ctx: &mut Context, args: Args) -> Handled {
    let key = args.at(1);
    let mut deleted = 0;
    if let Some(stream) = ctx.keys.stream_mut(key)? {
        for id in read_ids(args, 2)? {
            deleted += u64::from(stream.log.delete(id));
        }
    }
    if deleted > 0 {
        ctx.keys.modified(key, Class::STREAM, "xdel");
        ctx.keys.dirty(deleted - 1);
    }
    ctx.reply.int(deleted as i64);
    Ok(Outcome::Done)
}

fn xsetid(ctx: &mut Context, args: Args) -> Handled {
    let id = strict_id(args.at(2), 0)?;
    let (mut added, mut max_deleted) = (None, StreamId::MIN);
    let mut options = super::Options::new(args, 3);
    while options.left() > 0 {
        let valued = options.left() > 1;
        if valued && options.take("ENTRIESADDED") {
            let number = int(options.value()?)?;
            added = Some(u64::try_from(number).map_err(|_| Fault::Text("ERR entries_added must be positive"))?);
        } else if valued && options.take("MAXDELETEDID") {
            max_deleted = strict_id(options.value()?, 0)?;
            if id < max_deleted {
                let text = "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id";
                return Err(Fault::Text(text));
            }
        } else {
            return Err(Fault::Syntax);
        }
    }
    let key = args.at(1);
    let log = &mut ctx.keys.stream_mut(key)?.ok_or(Fault::NoSuchKey)?.log;
    if id < log.max_deleted {
        return Err(Fault::Text("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"));
    }
    if let Some(top) = log.last_live() {
        if id < top {
            return Err(Fault::Text("ERR The ID specified in XSETID is smaller than the target stream top item"));
        }
        if added.is_some_and(|added| added < log.len()) {
            let text = "ERR The entries_added specified in XSETID is smaller than the target stream length";
            return Err(Fault::Text(text));
        }
    }
    log.last = id;
    log.added = added.unwrap_or(log.added);
    if max_deleted != StreamId::MIN {
        log.max_deleted = max_deleted;
    }
    ctx.keys.modified_unseen(key, Class::STREAM, "xsetid");
    ctx.reply.ok();
    Ok(Outcome::Done)
}

/// An error text that names two of the arguments: `parts` stand before, between and behind them.
fn naming(parts: [&str; 3], first: &[u8], second: &[u8]) -> Fault {
    Fault::made([parts[0].as_bytes(), c_text(first), parts[1].as_bytes(), c_text(second), parts[2].as_bytes()].concat())
}

/// The error of commands that need a group.
fn no_group(key: &[u8], group: &[u8]) -> Fault {
    naming(["NOGROUP No such key '", "' or consumer group '", "'"], key, group)
}

/// The same, where the key is known to be there.
fn no_group_in(key: &[u8], group: &[u8]) -> Fault {
    naming(["NOGROUP No such consumer group '", "' for key name '", "'"], group, key)
}

fn explain(ctx: &mut Context, container: &str) -> Handled {
    help::write(&mut ctx.reply, TABLE, container);
    Ok(Outcome::Done)
}
