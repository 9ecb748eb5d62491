//! Values as bytes: DUMP hands one out, RESTORE takes one in. The bytes are Redis' own ([`crate::rdb`]), so that
//! keys move between Cachelet and a server either way.

use super::{int, Context, DataHandler, Handled, Options, Outcome};
use crate::keyspace::Class;
use crate::rdb;
use crate::resp::{Args, Fault};

crate::commands! {
    /// The commands that turn values into bytes and back.
    pub static TABLE: DataHandler, group "generic";

    /// Answers the value of a key in Redis' serialized form.
    "dump" {
        since "2.6.0", cost "O(N) for N bytes of the value", flags [READONLY],
        args "key@RO.access",
        reply "bytes?",
        tips "nondeterministic_output",
        run dump,
    }
    /// Makes a key from a value in Redis' serialized form.
    "restore" {
        since "2.6.0", cost "O(N) for N bytes of the value, O(N*log(M)) for a sorted set of M members",
        flags [WRITE DENYOOM],
        args "key@OW.update ttl:int serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds:int] [FREQ frequency:int]",
        reply "ok",
        also "dangerous",
        run restore,
    }
    /// Makes a key from a value in Redis' serialized form, in a slot that is being taken over.
    "restore-asking" {
        since "3.0.0", cost "As RESTORE", flags [WRITE DENYOOM ASKING],
        args "key@OW.update ttl:int serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds:int] [FREQ frequency:int]",
        reply "ok",
        also "keyspace dangerous",
        group "server",
        run restore,
    }
}

fn dump(ctx: &mut Context, args: Args) -> Handled {
    match ctx.keys.read(args.at(1)) {
        Some(value) => ctx.reply.bulk(&rdb::dump(value)),
        None => ctx.reply.null(),
    }
    Ok(Outcome::Done)
}

#[derive(Default)]
struct RestoreOptions {
    replace: bool,
    absolute: bool,
    idle: Option<i64>,
    frequency: Option<i64>,
}

impl RestoreOptions {
    fn read(args: Args) -> Result<Self, Fault> {
        let mut found = RestoreOptions::default();
        let mut options = Options::new(args, 4);
        while options.left() > 0 {
            if options.take("replace") {
                found.replace = true;
            } else if options.take("absttl") {
                found.absolute = true;
            } else if options.left() >= 2 && found.frequency.is_none() && options.take("idletime") {
                found.idle = Some(int(options.value()?)?);
                if found.idle < Some(0) {
                    return Err(Fault::Text("ERR Invalid IDLETIME value, must be >= 0"));
                }
            } else if options.left() >= 2 && found.idle.is_none() && options.take("freq") {
                found.frequency = Some(int(options.value()?)?);
                if !(Some(0)..=Some(255)).contains(&found.frequency) {
                    return Err(Fault::Text("ERR Invalid FREQ value, must be >= 0 and <= 255"));
                }
            } else {
                return Err(Fault::Syntax);
            }
        }
        Ok(found)
    }
}

fn restore(ctx: &mut Context, args: Args) -> Handled {
    let (key, payload) = (args.at(1), args.at(3));
    let options = RestoreOptions::read(args)?;
    if !options.replace && ctx.keys.exists(key) {
        return Err(Fault::Text("BUSYKEY Target key name already exists."));
    }
    let ttl = int(args.at(2))?;
    if ttl < 0 {
        return Err(Fault::Text("ERR Invalid TTL value, must be >= 0"));
    }
    let body = rdb::open(payload).ok_or(Fault::Text("ERR DUMP payload version or checksum are wrong"))?;
    let value = rdb::restore(body, &ctx.keys.space().limits).map_err(|damage| match &damage.kind {
        kind if kind.is_unsupported() => Fault::made(format!("ERR Bad data format: {kind}")),
        _ => Fault::Text("ERR Bad data format"),
    })?;
    let now = ctx.keys.now();
    // As in Redis a sum past 64 bits comes round to the distant past.
    let expire_at = (ttl > 0).then(|| if options.absolute { ttl } else { ttl.wrapping_add(now) });
    if expire_at.is_some_and(|at| ctx.keys.is_past(at)) {
        if ctx.keys.delete(key) {
            ctx.keys.effect(&[b"DEL", key]);
        }
        ctx.reply.ok();
        return Ok(Outcome::Done);
    }
    if !ctx.keys.put(key, value) {
        // Redis deletes what was there and so makes the key anew.
        ctx.keys.notify(key, Class::NEW, "new");
    }
    if let Some(at) = expire_at {
        ctx.keys.set_expiry(key, expire_at);
        if !options.absolute {
            let at = at.to_string();
            let mut argv: Vec<&[u8]> = vec![b"RESTORE", key, at.as_bytes(), payload];
            argv.extend(args.iter_from(4));
            argv.push(b"ABSTTL");
            ctx.keys.effect(&argv);
        }
    }
    ctx.keys.set_use(key, options.idle.map(|idle| idle as u64), options.frequency.map(|counter| counter as u8));
    ctx.keys.modified(key, Class::GENERIC, "restore");
    ctx.reply.ok();
    Ok(Outcome::Done)
}

#[cfg(test)]
#[path = "dump_tests.rs"]
mod tests;
