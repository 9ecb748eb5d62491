//! A session's own state: who it is, which protocol it speaks, which database it uses.

use super::{Call, Engine, PowerHandler, ReplyMode};
use crate::bytes::number::parse_i64;
use crate::commands::{Handled, Outcome};
use crate::resp::{Fault, Reply};

/// The Redis version that replies and behaviour follow; HELLO and INFO name it.
pub const REDIS_VERSION: &str = "7.4.0";

crate::commands! {
    /// The connection commands.
    pub static TABLE: PowerHandler, group "connection";

    /// Proves who the client is.
    "auth" {
        since "1.0.0", cost "O(1)", flags [ALLOW_BUSY FAST LOADING NO_AUTH NOSCRIPT STALE],
        args "[username] password",
        reply "ok",
        run auth,
    }
    /// Answers the given message.
    "echo" {
        since "1.0.0", cost "O(1)", flags [FAST LOADING STALE],
        args "message",
        reply "bytes",
        run echo,
    }
    /// Greets the server: chooses the protocol, may authenticate and name the client.
    "hello" {
        since "6.0.0", cost "O(1)", flags [ALLOW_BUSY FAST LOADING NO_AUTH NOSCRIPT STALE],
        args "[arguments=(protover:int [AUTH auth=(username password)] [SETNAME clientname])]",
        reply "{any}",
        run hello,
    }
    /// Answers PONG, or the given message.
    "ping" {
        since "1.0.0", cost "O(1)", flags [FAST],
        args "[message]",
        reply "simple | bytes",
        tips "request_policy:all_shards response_policy:all_succeeded",
        run ping,
    }
    /// Asks the server to close the connection.
    "quit" {
        since "1.0.0", cost "O(1)", flags [ALLOW_BUSY FAST LOADING NO_AUTH NOSCRIPT STALE],
        args "[ignored...]",
        reply "ok",
        run quit,
    }
    /// Puts the connection back into the state of a new one.
    "reset" {
        since "6.2.0", cost "O(1)", flags [ALLOW_BUSY FAST LOADING NO_AUTH NOSCRIPT STALE],
        args "",
        reply "simple",
        run reset,
    }
    /// Chooses the database that the connection works on.
    "select" {
        since "1.0.0", cost "O(1)", flags [FAST LOADING STALE],
        args "index:int",
        reply "ok",
        run select,
    }
}

fn auth(engine: &mut Engine, mut call: Call) -> Handled {
    let args = call.args;
    match args.len() {
        2 if engine.default_needs_no_password() => {
            return Err(Fault::Text(
                "ERR AUTH <password> called without any password configured for the default user. \
                 Are you sure your configuration is correct?",
            ));
        }
        2 => engine.authenticate(call.session, args.at(0), b"default", args.at(1))?,
        3 => engine.authenticate(call.session, args.at(0), args.at(1), args.at(2))?,
        _ => return Err(Fault::Syntax),
    }
    call.reply().ok();
    Ok(Outcome::Done)
}

fn echo(_: &mut Engine, mut call: Call) -> Handled {
    let message = call.args.at(1);
    call.reply().bulk(message);
    Ok(Outcome::Done)
}

/// Whether a name can stand in CLIENT LIST's line.
pub(super) fn is_printable(name: &[u8]) -> bool {
    name.iter().all(|byte| (b'!'..=b'~').contains(byte))
}

pub(super) const BAD_CLIENT_NAME: Fault =
    Fault::Text("ERR Client names cannot contain spaces, newlines or special characters.");

fn hello(engine: &mut Engine, call: Call) -> Handled {
    let args = call.args;
    let protocol = match args.get(1) {
        None => None,
        Some(text) => match parse_i64(text) {
            None => return Err(Fault::Text("ERR Protocol version is not an integer or out of range")),
            Some(version @ 2..=3) => Some(version),
            Some(_) => return Err(Fault::Text("NOPROTO unsupported protocol version")),
        },
    };
    let (mut credentials, mut name, mut at) = (None, None, 2);
    while at < args.len() {
        let left = args.len() - 1 - at;
        if args.is(at, "AUTH") && left >= 2 {
            credentials = Some((args.at(at + 1), args.at(at + 2)));
            at += 3;
        } else if args.is(at, "SETNAME") && left >= 1 {
            if !is_printable(args.at(at + 1)) {
                return Err(BAD_CLIENT_NAME);
            }
            name = Some(args.at(at + 1));
            at += 2;
        } else {
            return Err(Fault::naming("ERR Syntax error in HELLO option '", args.at(at), "'"));
        }
    }
    if let Some((user, password)) = credentials {
        engine.authenticate(call.session, args.at(0), user, password)?;
    }
    let session = engine.caller(&call);
    if !session.authenticated {
        return Err(Fault::Text(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> \
             <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
        ));
    }
    if let Some(name) = name {
        session.name = name.to_vec();
    }
    if let Some(version) = protocol {
        session.resp3 = version == 3;
    }
    // The reply is in the protocol that was just chosen.
    let (resp3, id) = (session.resp3, session.client_id);
    let mut reply = Reply::new(call.out, resp3);
    reply.map(7);
    for (key, value) in [("server", "redis"), ("version", REDIS_VERSION)] {
        reply.bulk(key.as_bytes());
        reply.bulk(value.as_bytes());
    }
    for (key, value) in [("proto", if resp3 { 3 } else { 2 }), ("id", id)] {
        reply.bulk(key.as_bytes());
        reply.int(value);
    }
    for (key, value) in [("mode", "standalone"), ("role", "master")] {
        reply.bulk(key.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"modules");
    reply.array(0);
    Ok(Outcome::Done)
}

fn ping(engine: &mut Engine, mut call: Call) -> Handled {
    let args = call.args;
    if args.len() > 2 {
        return Err(Fault::Arity("ping"));
    }
    let listens = engine.caller(&call).only_listens();
    let mut reply = call.reply();
    if listens {
        reply.array(2);
        reply.bulk(b"pong");
        reply.bulk(args.get(1).unwrap_or_default());
    } else if let Some(message) = args.get(1) {
        reply.bulk(message);
    } else {
        reply.simple("PONG");
    }
    Ok(Outcome::Done)
}

fn quit(engine: &mut Engine, mut call: Call) -> Handled {
    engine.caller(&call).closing = true;
    call.reply().ok();
    Ok(Outcome::Done)
}

fn reset(engine: &mut Engine, mut call: Call) -> Handled {
    let session = engine.caller(&call);
    session.transaction = None;
    session.db = 0;
    // A client in this program reads RESP3 alone, and need not authenticate.
    session.resp3 = session.internal;
    session.name.clear();
    session.reply_mode = ReplyMode::On;
    session.no_evict = false;
    session.no_touch = false;
    engine.set_first_user(call.session);
    engine.unwatch_all(call.session);
    engine.forget_subscriptions(call.session);
    engine.stop_tracking(call.session);
    engine.stop_monitoring(call.session);
    call.reply().simple("RESET");
    Ok(Outcome::Done)
}

fn select(engine: &mut Engine, mut call: Call) -> Handled {
    let index = parse_i64(call.args.at(1)).ok_or(Fault::NotInteger)?;
    if i32::try_from(index).is_err() {
        return Err(Fault::Text("ERR value is out of range, value must between -2147483648 and 2147483647"));
    }
    let databases = engine.keyspace.databases();
    let index = usize::try_from(index).ok().filter(|&index| index < databases).ok_or(Fault::DbIndex)?;
    engine.caller(&call).db = index;
    call.reply().ok();
    Ok(Outcome::Done)
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
