//! Strings and counters.

use super::{Context, DataHandler, Handled, Outcome};
use crate::keyspace::{Class, Value};
use crate::resp::Args;

crate::commands! {
    /// The string commands.
    pub static TABLE: DataHandler, group "string";

    /// Answers the value of a string key.
    "get" {
        since "1.0.0", cost "O(1)", flags [READONLY FAST],
        args "key@RO.access",
        reply "bytes?",
        run get,
    }
    /// Sets a key to a string, whatever it held before.
    "set" {
        since "1.0.0", cost "O(1)", flags [WRITE DENYOOM],
        args "key@RW.access.update.variable_flags value",
        reply "ok | bytes?",
        run set,
    }
}

fn get(ctx: &mut Context, args: Args) -> Handled {
    match ctx.keys.read_string(args.at(1))? {
        Some(value) => ctx.reply.bulk(value.bytes(&mut [0; 20])),
        None => ctx.reply.null(),
    }
    Ok(Outcome::Done)
}

fn set(ctx: &mut Context, args: Args) -> Handled {
    ctx.keys.put(args.at(1), Value::string(args.at(2)));
    ctx.keys.modified(args.at(1), Class::STRING, "set");
    ctx.reply.ok();
    Ok(Outcome::Done)
}
