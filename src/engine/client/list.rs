//! The lines of CLIENT LIST, and the filters of CLIENT LIST and CLIENT KILL.

use crate::bytes::number::parse_i64;
use crate::commands::{Handled, Outcome};
use crate::engine::acl::UserId;
use crate::engine::{Call, Engine, Session, SessionId};
use crate::resp::Fault;
use crate::structures::order::sort_by_key;
use std::fmt::Write;

/// A kind of client that filters name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ClientType {
    Normal,
    Replica,
    Pubsub,
    Master,
}

impl ClientType {
    fn parse(name: &[u8]) -> Result<Self, Fault> {
        Ok(match name.to_ascii_lowercase().as_slice() {
            b"normal" => ClientType::Normal,
            b"slave" | b"replica" => ClientType::Replica,
            b"pubsub" => ClientType::Pubsub,
            b"master" => ClientType::Master,
            _ => return Err(Fault::naming("ERR Unknown client type '", name, "'")),
        })
    }

    fn of(session: &Session) -> Self {
        if session.subscriptions() > 0 {
            ClientType::Pubsub
        } else {
            ClientType::Normal
        }
    }
}

/// Where a session's client is; Redis' form for an address that is not known when it is in this program.
pub(in crate::engine) fn address(address: &str) -> &str {
    if address.is_empty() {
        "?:0"
    } else {
        address
    }
}

/// One session's line, without the line end.
fn line(id: SessionId, session: &Session, user: &[u8], now: i64) -> String {
    let mut flags = String::new();
    let tracks = session.tracks.as_deref();
    for (flag, set) in [
        ('O', session.monitor),
        ('P', session.subscriptions() > 0),
        ('x', session.transaction.is_some()),
        ('b', session.blocked.is_some() || session.paused),
        ('t', tracks.is_some()),
        ('R', tracks.is_some_and(|tracks| tracks.broken)),
        ('B', tracks.is_some_and(|tracks| tracks.bcast)),
        ('d', session.watch_broken),
        ('c', session.closing),
        ('A', session.killed),
        ('e', session.no_evict),
        ('T', session.no_touch),
    ] {
        if set {
            flags.push(flag);
        }
    }
    if flags.is_empty() {
        flags.push('N');
    }
    let queued = session.transaction.as_ref();
    let argv = session.blocked.as_ref().map_or(0, |blocked| blocked.args.size());
    let queue = queued.map_or(0, |transaction| transaction.size());
    let mut line = format!("id={} addr={}", session.client_id, address(&session.address));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut field = |name: &str, value: &dyn std::fmt::Display| {
        let _ = write!(line, " {name}={value}");
    };
    field("laddr", &address(&session.local_address));
    field("fd", &id);
    field("name", &text(&session.name));
    field("age", &((now - session.created) / 1000));
    field("idle", &((now - session.active) / 1000));
    field("flags", &flags);
    field("db", &session.db);
    field("sub", &session.channels.len());
    field("psub", &session.patterns.len());
    field("ssub", &session.shard_channels.len());
    field("multi", &queued.map_or(-1, |transaction| (transaction.queue.len() + transaction.running) as i64));
    field("watch", &session.watched.len());
    field("qbuf", &session.unprocessed());
    field("qbuf-free", &(session.pending.capacity() - session.unprocessed()));
    field("argv-mem", &argv);
    field("multi-mem", &queue);
    field("rbs", &session.out.capacity());
    field("rbp", &session.out.len());
    field("obl", &session.unsent());
    field("oll", &0);
    field("omem", &0);
    field("tot-mem", &session.bytes());
    field("events", &if session.unsent() > 0 { "rw" } else { "r" });
    field("cmd", &session.last_command);
    field("user", &text(user));
    field("redir", &tracks.map_or(-1, |tracks| tracks.redirect()));
    field("resp", &if session.resp3 { 3 } else { 2 });
    field("lib-name", &text(&session.library.0));
    field("lib-ver", &text(&session.library.1));
    line
}

impl Engine {
    /// A session's line in CLIENT LIST; empty when it is gone.
    pub(crate) fn describe_client(&self, id: SessionId) -> String {
        let line = |session: &Session| line(id, session, self.acl.name(session.user), self.keyspace.now());
        self.session(id).map(line).unwrap_or_default()
    }
}

pub(super) fn info(engine: &mut Engine, mut call: Call) -> Handled {
    let line = engine.describe_client(call.session) + "\n";
    call.reply().verbatim("txt", line.as_bytes());
    Ok(Outcome::Done)
}

pub(super) fn list(engine: &mut Engine, mut call: Call) -> Handled {
    let args = call.args;
    let mut wanted_type = None;
    let mut wanted_ids = None;
    if args.len() == 4 && args.is(2, "type") {
        wanted_type = Some(ClientType::parse(args.at(3))?);
    } else if args.len() > 3 && args.is(2, "id") {
        let ids: Option<Vec<i64>> = args.iter_from(3).map(parse_i64).collect();
        wanted_ids = Some(ids.ok_or(Fault::Text("ERR Invalid client ID"))?);
    } else if args.len() != 2 {
        return Err(Fault::Syntax);
    }
    let mut sessions: Vec<(SessionId, &Session)> = engine
        .sessions()
        .filter(|(_, session)| {
            !session.killed
                && wanted_type.is_none_or(|wanted| wanted == ClientType::of(session))
                && wanted_ids.as_ref().is_none_or(|ids| ids.contains(&session.client_id))
        })
        .collect();
    sort_by_key(&mut sessions, |(_, session)| {
        let asked_for = wanted_ids.as_ref().and_then(|ids| ids.iter().position(|&id| id == session.client_id));
        (asked_for, session.client_id)
    });
    let mut text = String::new();
    for (id, session) in sessions {
        text.push_str(&line(id, session, engine.acl.name(session.user), engine.keyspace.now()));
        text.push('\n');
    }
    call.reply().verbatim("txt", text.as_bytes());
    Ok(Outcome::Done)
}

/// Filters of CLIENT KILL that must all fit.
#[derive(Default)]
struct Filters<'a> {
    id: Option<i64>,
    kind: Option<ClientType>,
    user: Option<UserId>,
    address: Option<&'a [u8]>,
    local_address: Option<&'a [u8]>,
    min_age: Option<i64>,
}

impl Filters<'_> {
    fn fit(&self, session: &Session, now: i64) -> bool {
        self.id.is_none_or(|id| id == session.client_id)
            && self.kind.is_none_or(|kind| kind == ClientType::of(session))
            && self.user.is_none_or(|user| user == session.user)
            && self.address.is_none_or(|wanted| wanted == address(&session.address).as_bytes())
            && self.local_address.is_none_or(|wanted| wanted == address(&session.local_address).as_bytes())
            && self.min_age.is_none_or(|seconds| now / 1000 - session.created / 1000 >= seconds)
    }
}

pub(super) fn kill(engine: &mut Engine, mut call: Call) -> Handled {
    let args = call.args;
    let mut filters = Filters::default();
    let old_form = args.len() == 3;
    let mut spare_caller = !old_form;
    if old_form {
        filters.address = Some(args.at(2));
    }
    let mut at = if old_form { 3 } else { 2 };
    while at < args.len() {
        let Some(value) = args.get(at + 1) else { return Err(Fault::Syntax) };
        if args.is(at, "id") {
            let id = parse_i64(value).filter(|&id| id > 0);
            filters.id = Some(id.ok_or(Fault::Text("ERR client-id should be greater than 0"))?);
        } else if args.is(at, "maxage") {
            let age = parse_i64(value).ok_or(Fault::Text("ERR maxage is not an integer or out of range"))?;
            if age <= 0 {
                return Err(Fault::Text("ERR maxage should be greater than 0"));
            }
            filters.min_age = Some(age);
        } else if args.is(at, "type") {
            filters.kind = Some(ClientType::parse(value)?);
        } else if args.is(at, "addr") {
            filters.address = Some(value);
        } else if args.is(at, "laddr") {
            filters.local_address = Some(value);
        } else if args.is(at, "user") {
            let unknown = || Fault::made([b"ERR No such user '", value, b"'"].concat());
            filters.user = Some(engine.acl.id_of(value).ok_or_else(unknown)?);
        } else if args.is(at, "skipme") {
            spare_caller = match (args.is(at + 1, "yes"), args.is(at + 1, "no")) {
                (true, _) => true,
                (_, true) => false,
                _ => return Err(Fault::Syntax),
            };
        } else {
            return Err(Fault::Syntax);
        }
        at += 2;
    }
    let now = engine.keyspace.now();
    let fitting: Vec<SessionId> = engine
        .sessions()
        .filter(|(id, session)| {
            let spared = session.killed || session.internal || (spare_caller && *id == call.session);
            !spared && filters.fit(session, now)
        })
        .map(|(id, _)| id)
        .collect();
    for &id in &fitting {
        if id == call.session {
            // It still gets its reply.
            engine.caller(&call).closing = true;
        } else {
            engine.kill(id);
        }
    }
    if !old_form {
        call.reply().count(fitting.len());
    } else if fitting.is_empty() {
        return Err(Fault::Text("ERR No such client"));
    } else {
        call.reply().ok();
    }
    Ok(Outcome::Done)
}
