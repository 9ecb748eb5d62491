//! CLIENT: what is known of every session, and what one may do to others. [`limits`] holds what every session is
//! held to (output, idleness, number, pauses), [`list`] the lines of CLIENT LIST and the filters over them.

pub(super) mod limits;
pub(super) mod list;

use super::connection::{is_printable, BAD_CLIENT_NAME};
use super::{Call, Engine, PowerHandler, ReplyMode};
use crate::bytes::number::parse_i64;
use crate::commands::{Handled, Outcome};
use crate::resp::Fault;

crate::commands! {
    /// The CLIENT commands.
    pub static TABLE: PowerHandler, group "connection";

    /// Tells about clients and steers them.
    "client" {
        since "2.4.0", cost "Depends on the subcommand", flags [],
        args "",
        reply "container",
    }
    /// Answers the connection's name.
    "client|getname" {
        since "2.6.9", cost "O(1)", flags [LOADING NOSCRIPT STALE],
        args "",
        reply "bytes?",
        run getname,
    }
    /// Explains the subcommands.
    "client|help" {
        since "5.0.0", cost "O(1)", flags [LOADING STALE],
        args "",
        reply "[simple]",
        run crate::engine::help,
    }
    /// Answers the connection's number, which is never given twice.
    "client|id" {
        since "5.0.0", cost "O(1)", flags [LOADING NOSCRIPT STALE],
        args "",
        reply "int",
        run id,
    }
    /// Describes this connection in one line.
    "client|info" {
        since "6.2.0", cost "O(1)", flags [LOADING NOSCRIPT STALE],
        args "",
        reply "bytes",
        tips "nondeterministic_output",
        run list::info,
    }
    /// Closes connections, by address or by filters that must all fit.
    "client|kill" {
        since "2.4.0", cost "O(N) where N is the number of connections", flags [ADMIN LOADING NOSCRIPT STALE],
        args "filter=(old-format | new-format=(ID client-id:int | TYPE client-type=(NORMAL | MASTER | SLAVE | REPLICA | PUBSUB) | USER username | ADDR addr | LADDR laddr | SKIPME skipme=(YES | NO) | MAXAGE maxage:int)...)",
        reply "ok | int",
        run list::kill,
    }
    /// Describes connections, one to a line.
    "client|list" {
        since "2.4.0", cost "O(N) where N is the number of connections", flags [ADMIN LOADING NOSCRIPT STALE],
        args "[TYPE client-type=(NORMAL | MASTER | REPLICA | PUBSUB)] [ID client-id:int...]",
        reply "bytes",
        tips "nondeterministic_output",
        run list::list,
    }
    /// Exempts the connection from being closed to save memory, or ends that.
    "client|no-evict" {
        since "7.0.0", cost "O(1)", flags [ADMIN LOADING NOSCRIPT STALE],
        args "enabled=(ON | OFF)",
        reply "ok",
        run no_evict,
    }
    /// Lets the connection's commands leave the time of last use of keys alone, or ends that.
    "client|no-touch" {
        since "7.2.0", cost "O(1)", flags [LOADING NOSCRIPT STALE],
        args "enabled=(ON | OFF)",
        reply "ok",
        run no_touch,
    }
    /// Holds back all commands, or those that write, for some milliseconds.
    "client|pause" {
        since "3.0.0", cost "O(1)", flags [ADMIN LOADING NOSCRIPT STALE],
        args "timeout:int [mode=(WRITE | ALL)]",
        reply "ok",
        run pause,
    }
    /// Says whether this connection gets replies.
    "client|reply" {
        since "3.2.0", cost "O(1)", flags [LOADING NOSCRIPT STALE],
        args "action=(ON | OFF | SKIP)",
        reply "ok",
        run reply,
    }
    /// Notes which library speaks.
    "client|setinfo" {
        since "7.2.0", cost "O(1)", flags [LOADING NOSCRIPT STALE],
        args "attr=(LIB-NAME libname | LIB-VER libver)",
        reply "ok",
        tips "request_policy:all_nodes response_policy:all_succeeded",
        run setinfo,
    }
    /// Names the connection.
    "client|setname" {
        since "2.6.9", cost "O(1)", flags [LOADING NOSCRIPT STALE],
        args "connection-name",
        reply "ok",
        tips "request_policy:all_nodes response_policy:all_succeeded",
        run setname,
    }
    /// Ends the wait of another connection's command.
    "client|unblock" {
        since "5.0.0", cost "O(log N) where N is the number of connections", flags [ADMIN LOADING NOSCRIPT STALE],
        args "client-id:int [unblock-type=(TIMEOUT | ERROR)]",
        reply "int",
        run unblock,
    }
    /// Ends a pause.
    "client|unpause" {
        since "6.2.0", cost "O(N) where N is the number of paused connections", flags [ADMIN LOADING NOSCRIPT STALE],
        args "",
        reply "ok",
        run unpause,
    }
}

fn ok(mut call: Call) -> Handled {
    call.reply().ok();
    Ok(Outcome::Done)
}

fn getname(engine: &mut Engine, mut call: Call) -> Handled {
    let name = &engine.caller(&call).name;
    let mut reply = call.reply();
    if name.is_empty() {
        reply.null();
    } else {
        reply.bulk(name);
    }
    Ok(Outcome::Done)
}

fn id(engine: &mut Engine, mut call: Call) -> Handled {
    let id = engine.caller(&call).client_id;
    call.reply().int(id);
    Ok(Outcome::Done)
}

fn on_or_off(call: &Call) -> Result<bool, Fault> {
    match (call.args.is(2, "on"), call.args.is(2, "off")) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(Fault::Syntax),
    }
}

fn no_evict(engine: &mut Engine, call: Call) -> Handled {
    engine.caller(&call).no_evict = on_or_off(&call)?;
    ok(call)
}

fn no_touch(engine: &mut Engine, call: Call) -> Handled {
    engine.caller(&call).no_touch = on_or_off(&call)?;
    ok(call)
}

fn pause(engine: &mut Engine, call: Call) -> Handled {
    let args = call.args;
    if args.len() > 4 {
        return Err(Fault::bad_subcommand(args));
    }
    let all = match (args.get(3), args.is(3, "all"), args.is(3, "write")) {
        (None, ..) | (_, true, _) => true,
        (_, _, true) => false,
        _ => return Err(Fault::Text("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    };
    let millis = parse_i64(args.at(2)).ok_or(Fault::Text("ERR timeout is not an integer or out of range"))?;
    if millis < 0 {
        return Err(Fault::NegativeTimeout);
    }
    let until = engine.keyspace.now().checked_add(millis).ok_or(Fault::Text("ERR timeout is out of range"))?;
    engine.pause(until, all);
    ok(call)
}

fn unpause(engine: &mut Engine, call: Call) -> Handled {
    engine.unpause();
    ok(call)
}

fn reply(engine: &mut Engine, call: Call) -> Handled {
    let args = call.args;
    let session = engine.caller(&call);
    session.reply_mode = if args.is(2, "on") {
        ReplyMode::On
    } else if args.is(2, "off") {
        ReplyMode::Off
    } else if !args.is(2, "skip") {
        return Err(Fault::Syntax);
    } else if session.reply_mode == ReplyMode::Off {
        ReplyMode::Off
    } else {
        ReplyMode::SkipNext
    };
    ok(call)
}

fn setinfo(engine: &mut Engine, call: Call) -> Handled {
    let (attribute, value) = (call.args.at(2), call.args.at(3));
    let library = &mut engine.caller(&call).library;
    let (place, name) = if call.args.is(2, "lib-name") {
        (&mut library.0, "lib-name")
    } else if call.args.is(2, "lib-ver") {
        (&mut library.1, "lib-ver")
    } else {
        return Err(Fault::naming("ERR Unrecognized option '", attribute, "'"));
    };
    if !is_printable(value) {
        return Err(Fault::made(format!("ERR {name} cannot contain spaces, newlines or special characters.")));
    }
    *place = value.to_vec();
    ok(call)
}

fn setname(engine: &mut Engine, call: Call) -> Handled {
    if !is_printable(call.args.at(2)) {
        return Err(BAD_CLIENT_NAME);
    }
    engine.caller(&call).name = call.args.at(2).to_vec();
    ok(call)
}

fn unblock(engine: &mut Engine, mut call: Call) -> Handled {
    let args = call.args;
    if args.len() > 4 {
        return Err(Fault::made("ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP."));
    }
    let with_error = match (args.get(3), args.is(3, "timeout"), args.is(3, "error")) {
        (None, ..) | (_, true, _) => false,
        (_, _, true) => true,
        _ => return Err(Fault::Text("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
    };
    let client = parse_i64(args.at(2)).ok_or(Fault::NotInteger)?;
    let found = engine.sessions().find(|(_, session)| session.client_id == client && session.blocked.is_some());
    let found = found.map(|(id, _)| id);
    if let Some(id) = found {
        if with_error {
            engine.unblock(id);
            engine.write_to(id, |reply| {
                reply.error(&Fault::Text("UNBLOCKED client unblocked via CLIENT UNBLOCK"));
            });
            engine.resumable.push_back(id);
        } else {
            engine.time_out(id);
        }
    }
    call.reply().flag(found.is_some());
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests;
