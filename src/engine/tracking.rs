//! CLIENT TRACKING: who may hold which keys in a cache of its own, and telling it when they change.
//!
//! Without BCAST the engine remembers, for each key that a tracking session read, who read it; the first change tells
//! them and forgets the key. With BCAST nothing is remembered but prefixes, and what changed under them is told once
//! for each input. A table entry names a session and the client that had it then, so that entries of clients that are
//! gone cost nothing to leave behind: they go with the key's next change, or with the limit
//! `tracking-table-max-keys`.

use super::table::Command;
use super::{Call, Engine, PowerHandler, Session, SessionId};
use crate::bytes::number::parse_i64;
use crate::bytes::Rng;
use crate::commands::spec::flags;
use crate::commands::{Handled, Outcome};
use crate::resp::{Args, Fault, Reply};
use crate::structures::dict::{Dict, Keyed};
use crate::structures::ordered::{OrderedMap, OrderedSet};

crate::commands! {
    /// The CLIENT commands about tracking.
    pub static TABLE: PowerHandler, group "connection";

    /// Decides whether the keys that the connection's next command reads are tracked.
    "client|caching" {
        since "6.0.0", cost "O(1)", flags [LOADING NOSCRIPT STALE],
        args "mode=(YES | NO)",
        reply "ok",
        run caching,
    }
    /// Answers which client gets this one's tracking messages: 0 for itself, -1 while it tracks nothing.
    "client|getredir" {
        since "6.0.0", cost "O(1)", flags [LOADING NOSCRIPT STALE],
        args "",
        reply "int",
        run getredir,
    }
    /// Starts or ends telling this connection, or another for it, when keys that it has read are changed.
    "client|tracking" {
        since "6.0.0", cost "O(1); with prefixes O(N) where N is their number, squared",
        flags [LOADING NOSCRIPT STALE],
        args "status=(ON | OFF) [REDIRECT client-id:int] [(PREFIX prefix)...] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
        reply "ok",
        run tracking,
    }
    /// Tells how the connection tracks keys.
    "client|trackinginfo" {
        since "6.2.0", cost "O(1)", flags [LOADING NOSCRIPT STALE],
        args "",
        reply "{any}",
        run trackinginfo,
    }
}

/// Where RESP2 clients find the messages.
const CHANNEL: &[u8] = b"__redis__:invalidate";

/// Most keys that are pushed out of a full table before one command.
const EVICTIONS: usize = 100;

/// A session while one client has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Holder {
    session: SessionId,
    client: i64,
}

/// How a session tracks.
#[derive(Default)]
pub(crate) struct Tracks {
    /// Who gets the messages instead.
    redirect: Option<Holder>,
    /// It is known that `redirect` is gone.
    pub(crate) broken: bool,
    pub(crate) bcast: bool,
    optin: bool,
    optout: bool,
    noloop: bool,
    /// CLIENT CACHING was given for the command to come.
    caching: bool,
    prefixes: OrderedSet<Box<[u8]>>,
}

impl Tracks {
    /// The client that gets the messages; 0 for the session's own.
    pub(crate) fn redirect(&self) -> i64 {
        self.redirect.map_or(0, |holder| holder.client)
    }
}

/// A key and who read it.
struct TrackedKey {
    key: Box<[u8]>,
    holders: Vec<Holder>,
}

impl Keyed for TrackedKey {
    fn key(&self) -> &[u8] {
        &self.key
    }
}

/// Who listens to a prefix, and what changed under it in this input and by whom.
#[derive(Default)]
struct Prefix {
    holders: OrderedSet<Holder>,
    changed: OrderedMap<Box<[u8]>, Option<Holder>>,
}

/// What all sessions track.
pub(crate) struct TrackingTable {
    /// Sessions that track.
    pub(crate) sessions: usize,
    /// `tracking-table-max-keys`; 0 for no limit.
    pub(crate) limit: usize,
    keys: Dict<TrackedKey>,
    holders: usize,
    prefixes: OrderedMap<Box<[u8]>, Prefix>,
    /// Some prefix has changes to tell.
    changed: bool,
    /// How often in a row the table was found full: the effort grows with it.
    found_full: usize,
    /// Chance of its own, so that the keyspace's is the same with and without trackers.
    rng: Rng,
    seed: u64,
}

impl TrackingTable {
    pub(crate) fn new(seed: u64) -> Self {
        TrackingTable {
            sessions: 0,
            limit: 1_000_000,
            keys: Dict::new(seed),
            holders: 0,
            prefixes: OrderedMap::new(),
            changed: false,
            found_full: 0,
            rng: Rng::new(seed),
            seed,
        }
    }

    /// Keys in the table, entries over all of them, and prefixes.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        (self.keys.len(), self.holders, self.prefixes.len())
    }
}

/// What a message names.
enum Named<'a> {
    Key(&'a [u8]),
    Keys(&'a [&'a [u8]]),
    /// All keys: everything was flushed.
    All,
}

fn write_named(reply: &mut Reply, named: &Named) {
    match named {
        Named::All => reply.null(),
        Named::Key(key) => {
            reply.array(1);
            reply.bulk(key);
        }
        Named::Keys(keys) => {
            reply.array(keys.len());
            keys.iter().for_each(|key| reply.bulk(key));
        }
    }
}

impl Engine {
    fn holder(&self, id: SessionId) -> Option<Holder> {
        self.session(id).map(|session| Holder { session: id, client: session.client_id })
    }

    /// The session of a holder, unless its client is gone.
    fn held(&self, holder: Holder) -> Option<&Session> {
        self.session(holder.session).filter(|session| session.client_id == holder.client && !session.killed)
    }

    /// Whether somebody tracks keys.
    #[inline]
    pub(crate) fn tracks(&self) -> bool {
        self.tracking.sessions > 0
    }

    /// Ends a session's tracking.
    pub(crate) fn stop_tracking(&mut self, id: SessionId) {
        let Some(holder) = self.holder(id) else { return };
        let Some(tracks) = self.session_mut(id).and_then(|session| session.tracks.take()) else { return };
        for prefix in tracks.prefixes.iter() {
            if let Some(state) = self.tracking.prefixes.get_mut(prefix) {
                state.holders.remove(&holder);
                if state.holders.is_empty() {
                    self.tracking.prefixes.remove(prefix);
                }
            }
        }
        self.tracking.sessions -= 1;
        if self.tracking.sessions == 0 {
            self.tracking.keys = Dict::new(self.tracking.seed);
            self.tracking.holders = 0;
        }
        self.refresh_listeners();
    }

    /// Remembers the keys that a session's command read, and ends what CLIENT CACHING said.
    pub(crate) fn remember_keys(&mut self, id: SessionId, command: Command, args: Args) {
        let Some(holder) = self.holder(id) else { return };
        let Some(session) = self.session_mut(id) else { return };
        let in_transaction = session.transaction.is_some();
        let Some(tracks) = session.tracks.as_deref_mut() else { return };
        let caching = tracks.caching;
        // Inside MULTI what CLIENT CACHING said holds until EXEC is through.
        if !in_transaction && !command.spec.name.starts_with("client|") {
            tracks.caching = false;
        }
        let wanted = !(tracks.bcast || tracks.optin && !caching || tracks.optout && caching);
        if !wanted || !command.spec.has(flags::READONLY) || command.spec.has(flags::PUBSUB) {
            return;
        }
        let table = &mut self.tracking;
        command.spec.visit_keys(args, &mut |at, flags| {
            if flags.contains("not_key") {
                return;
            }
            let key = args.at(at);
            let make = || TrackedKey { key: key.into(), holders: Vec::with_capacity(1) };
            let (entry, _) = table.keys.get_or_insert_with(key, make);
            if let Err(place) = entry.holders.binary_search(&holder) {
                entry.holders.insert(place, holder);
                table.holders += 1;
            }
        });
    }

    /// Tells those who read `key` that it has changed, and notes it for prefixes that it begins with.
    pub(crate) fn invalidate(&mut self, key: &[u8]) {
        let by = self.current;
        for (prefix, state) in self.tracking.prefixes.iter_mut() {
            if key.starts_with(prefix) {
                state.changed.insert(key.into(), by.map(|(session, client)| Holder { session, client }));
                self.tracking.changed = true;
            }
        }
        self.tell_holders(key, by);
    }

    fn tell_holders(&mut self, key: &[u8], by: Option<(SessionId, i64)>) {
        let Some(entry) = self.tracking.keys.remove(key) else { return };
        self.tracking.holders -= entry.holders.len();
        for holder in entry.holders {
            let tracks = self.held(holder).and_then(|session| session.tracks.as_deref());
            let own = by == Some((holder.session, holder.client));
            if tracks.is_some_and(|tracks| !(tracks.bcast || tracks.noloop && own)) {
                self.send_tracking(holder, Named::Key(key));
            }
        }
    }

    /// Tells everybody that all keys are gone.
    pub(crate) fn invalidate_all(&mut self) {
        let trackers: Vec<Holder> = self
            .sessions()
            .filter(|(_, session)| session.tracks.is_some())
            .map(|(id, session)| Holder { session: id, client: session.client_id })
            .collect();
        for holder in trackers {
            self.send_tracking(holder, Named::All);
        }
        self.tracking.keys = Dict::new(self.tracking.seed);
        self.tracking.holders = 0;
    }

    /// Tells those who track prefixes what has changed under them since the last time.
    pub(crate) fn broadcast_changes(&mut self) {
        if !std::mem::take(&mut self.tracking.changed) {
            return;
        }
        let prefixes: Vec<Box<[u8]>> = self.tracking.prefixes.keys().cloned().collect();
        for prefix in prefixes {
            let Some(state) = self.tracking.prefixes.get_mut(&prefix) else { continue };
            let changed = std::mem::take(&mut state.changed);
            if changed.is_empty() {
                continue;
            }
            let holders: Vec<Holder> = state.holders.iter().copied().collect();
            for holder in holders {
                let noloop =
                    self.held(holder).and_then(|session| session.tracks.as_deref()).is_some_and(|tracks| tracks.noloop);
                let others = changed.iter().filter(|(_, by)| !(noloop && **by == Some(holder)));
                let keys: Vec<&[u8]> = others.map(|(key, _)| &**key).collect();
                if !keys.is_empty() {
                    self.send_tracking(holder, Named::Keys(&keys));
                }
            }
        }
    }

    /// Pushes keys out of a table that holds more than it may.
    pub(crate) fn limit_tracking(&mut self) {
        let table = &mut self.tracking;
        if table.limit == 0 || table.keys.len() <= table.limit {
            table.found_full = 0;
            return;
        }
        table.found_full += 1;
        for _ in 0..EVICTIONS.saturating_mul(self.tracking.found_full) {
            let table = &mut self.tracking;
            let Some(key) = table.keys.random(&mut table.rng).map(|entry| entry.key.clone()) else { break };
            self.tell_holders(&key, None);
            if self.tracking.keys.len() <= self.tracking.limit {
                self.tracking.found_full = 0;
                return;
            }
        }
    }

    /// Sends a message to a session that tracks, or to whom it redirects.
    fn send_tracking(&mut self, holder: Holder, named: Named) {
        let Some(tracks) = self.held(holder).and_then(|session| session.tracks.as_deref()) else { return };
        let redirect = tracks.redirect;
        let target = redirect.unwrap_or(holder);
        let Some(session) = self.held(target) else {
            self.redirect_is_broken(holder, target.client);
            return;
        };
        if !(session.resp3 || redirect.is_some() && session.subscriptions() > 0) {
            return;
        }
        self.write_to(target.session, |reply| {
            if reply.resp3() {
                reply.push(2);
                reply.bulk(b"invalidate");
            } else {
                reply.array(3);
                reply.bulk(b"message");
                reply.bulk(CHANNEL);
            }
            write_named(reply, &named);
        });
    }

    fn redirect_is_broken(&mut self, holder: Holder, target: i64) {
        if let Some(tracks) = self.session_mut(holder.session).and_then(|session| session.tracks.as_deref_mut()) {
            tracks.broken = true;
        }
        self.write_to(holder.session, |reply| {
            if reply.resp3() {
                reply.push(2);
                reply.bulk(b"tracking-redir-broken");
                reply.int(target);
            }
        });
    }
}

fn overlaps(a: &[u8], b: &[u8]) -> bool {
    let common = a.len().min(b.len());
    a[..common] == b[..common]
}

fn overlap(prefix: &[u8], what: &[u8], other: &[u8]) -> Fault {
    let parts: [&[u8]; 7] = [
        b"ERR Prefix '",
        prefix,
        b"' overlaps with ",
        what,
        b" prefix '",
        other,
        b"'. Prefixes for a single client must not overlap.",
    ];
    Fault::made(parts.concat())
}

fn tracking(engine: &mut Engine, mut call: Call) -> Handled {
    let args = call.args;
    let mut given = Tracks::default();
    let mut prefixes: Vec<&[u8]> = Vec::new();
    let mut at = 3;
    while at < args.len() {
        let more = at + 1 < args.len();
        if args.is(at, "redirect") && more {
            if given.redirect.is_some() {
                return Err(Fault::Text("ERR A client can only redirect to a single other client"));
            }
            let client = parse_i64(args.at(at + 1)).ok_or(Fault::NotInteger)?;
            let found = engine.sessions().find(|(_, session)| session.client_id == client && !session.killed);
            let (session, _) = found.ok_or(Fault::Text("ERR The client ID you want redirect to does not exist"))?;
            given.redirect = Some(Holder { session, client });
            at += 1;
        } else if args.is(at, "prefix") && more {
            prefixes.push(args.at(at + 1));
            at += 1;
        } else if args.is(at, "bcast") {
            given.bcast = true;
        } else if args.is(at, "optin") {
            given.optin = true;
        } else if args.is(at, "optout") {
            given.optout = true;
        } else if args.is(at, "noloop") {
            given.noloop = true;
        } else {
            return Err(Fault::Syntax);
        }
        at += 1;
    }
    if args.is(2, "on") {
        start(engine, &call, given, &prefixes)?;
    } else if args.is(2, "off") {
        engine.stop_tracking(call.session);
    } else {
        return Err(Fault::Syntax);
    }
    call.reply().ok();
    Ok(Outcome::Done)
}

fn start(engine: &mut Engine, call: &Call, mut given: Tracks, prefixes: &[&[u8]]) -> Result<(), Fault> {
    if !given.bcast && !prefixes.is_empty() {
        return Err(Fault::Text("ERR PREFIX option requires BCAST mode to be enabled"));
    }
    let held = engine.caller(call).tracks.as_deref();
    if held.is_some_and(|held| held.bcast != given.bcast) {
        return Err(Fault::Text(
            "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it \
             with a different mode.",
        ));
    }
    if given.bcast && (given.optin || given.optout) {
        return Err(Fault::Text("ERR OPTIN and OPTOUT are not compatible with BCAST"));
    }
    if given.optin && given.optout {
        return Err(Fault::Text("ERR You can't specify both OPTIN mode and OPTOUT mode"));
    }
    if held.is_some_and(|held| given.optin && held.optout || given.optout && held.optin) {
        return Err(Fault::Text(
            "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it \
             with a different mode.",
        ));
    }
    for (at, prefix) in prefixes.iter().enumerate() {
        if let Some(other) = held.and_then(|held| held.prefixes.iter().find(|other| overlaps(prefix, other))) {
            return Err(overlap(prefix, b"an existing", other));
        }
        if let Some(other) = prefixes[at + 1..].iter().find(|other| overlaps(prefix, other)) {
            return Err(overlap(prefix, b"another provided", other));
        }
    }
    let new = held.is_none();
    let Some(holder) = engine.holder(call.session) else { return Ok(()) };
    if let Some(held) = engine.caller(call).tracks.as_deref_mut() {
        given.prefixes = std::mem::take(&mut held.prefixes);
        given.caching = held.caching;
    }
    if given.bcast {
        let all: [&[u8]; 1] = [b""];
        for prefix in if prefixes.is_empty() { &all } else { prefixes } {
            given.prefixes.insert((*prefix).into());
            engine.tracking.prefixes.or_default((*prefix).into()).holders.insert(holder);
        }
    }
    engine.caller(call).tracks = Some(Box::new(given));
    engine.tracking.sessions += new as usize;
    engine.refresh_listeners();
    Ok(())
}

fn caching(engine: &mut Engine, mut call: Call) -> Handled {
    let (yes, no) = (call.args.is(2, "yes"), call.args.is(2, "no"));
    let Some(tracks) = engine.caller(&call).tracks.as_deref_mut() else {
        return Err(Fault::Text(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
        ));
    };
    if yes && !tracks.optin {
        return Err(Fault::Text("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode."));
    }
    if no && !tracks.optout {
        return Err(Fault::Text("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode."));
    }
    if !yes && !no {
        return Err(Fault::Syntax);
    }
    tracks.caching = true;
    call.reply().ok();
    Ok(Outcome::Done)
}

fn getredir(engine: &mut Engine, mut call: Call) -> Handled {
    let client = engine.caller(&call).tracks.as_deref().map_or(-1, Tracks::redirect);
    call.reply().int(client);
    Ok(Outcome::Done)
}

fn trackinginfo(engine: &mut Engine, call: Call) -> Handled {
    let off = Tracks::default();
    let held = engine.caller(&call).tracks.as_deref();
    let tracks = held.unwrap_or(&off);
    let flags: Vec<&str> = [
        ("on", held.is_some()),
        ("off", held.is_none()),
        ("bcast", tracks.bcast),
        ("optin", tracks.optin),
        ("caching-yes", tracks.optin && tracks.caching),
        ("optout", tracks.optout),
        ("caching-no", tracks.optout && tracks.caching),
        ("noloop", tracks.noloop),
        ("broken_redirect", tracks.broken),
    ]
    .into_iter()
    .filter_map(|(name, set)| set.then_some(name))
    .collect();
    let mut reply = Reply::new(call.out, call.resp3);
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"redirect");
    reply.int(if held.is_some() { tracks.redirect() } else { -1 });
    reply.bulk(b"prefixes");
    reply.array(tracks.prefixes.len());
    tracks.prefixes.iter().for_each(|prefix| reply.bulk(prefix));
    Ok(Outcome::Done)
}

#[cfg(test)]
#[path = "tracking_tests.rs"]
mod tests;
