//! The engine: sessions, the gates every command passes, and what a command sets off beyond its own data.
//!
//! It is synchronous and does no I/O. A host opens sessions, hands in bytes ([`Engine::receive`]) or whole commands
//! ([`Engine::call`]) after setting the clock, then drains: sessions with output ([`Engine::next_listed`],
//! [`Engine::output`]), effects ([`Engine::take_effects`]), and the moment of the next [`Engine::tick`].

mod acl;
mod blocking;
mod client;
mod config;
mod connection;
mod copies;
mod debug;
mod dispatch;
mod effects;
mod hibernation;
mod import;
mod info;
mod latency;
mod memory;
mod monitor;
mod persistence;
mod pubsub;
mod server;
mod session;
mod slowlog;
mod table;
mod tracking;
mod transactions;
mod wait;

pub use acl::Entropy;
pub use client::limits::{OutputLimit, SessionLimits};
pub use config::{read_directives, Directive};
pub use connection::REDIS_VERSION;
pub use dispatch::Call;
pub use effects::Unit;
pub use info::CommandStats;
pub use session::{ReplyMode, Session, SessionId};
pub use slowlog::Stopwatch;
pub use table::{Command, Table};

use crate::commands::spec::Declared;
use crate::commands::Handled;
use crate::keyspace::Keyspace;
use crate::memory::leaving;
use crate::persist::Persistence;
use crate::resp::{join, lost, Parsed, Reply};
use crate::structures::ordered::OrderedMap;
use acl::Acl;
use blocking::Waits;
use client::limits::Pause;
use config::{Config, DebugAllowed};
use effects::EffectStream;
use latency::Latency;
use memory::Memory;
use pubsub::Subscriptions;
use server::help;
use slowlog::Slowlog;
use std::collections::VecDeque;
use tracking::TrackingTable;

/// A handler of a command that needs more than data: sessions, channels, configuration.
pub type PowerHandler = fn(&mut Engine, Call) -> Handled;

/// The families that live in this room.
pub static FAMILIES: &[&[Declared<PowerHandler>]] = &[
    transactions::TABLE,
    pubsub::TABLE,
    connection::TABLE,
    acl::commands::TABLE,
    client::TABLE,
    config::TABLE,
    server::TABLE,
    tracking::TABLE,
    monitor::TABLE,
    slowlog::TABLE,
    latency::TABLE,
    memory::TABLE,
    wait::TABLE,
    persistence::TABLE,
];

/// A session whose unsent output exceeds this many bytes gets no further command run until the host has taken
/// some: a client that never reads costs this and one reply, no more.
const STALL: usize = 1 << 20;

/// What an engine is made with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Seed of all chance and of the tables' hash.
    pub seed: u64,
    /// The instant of its making, in microseconds since 1970.
    pub now_us: i64,
    /// Number of databases.
    pub databases: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Setup { seed: 0, now_us: 0, databases: 16 }
    }
}

/// Counters for INFO that are not the keyspace's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    /// Sessions ever opened.
    pub sessions: u64,
    /// Commands run.
    pub commands: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes handed to the host.
    pub bytes_out: u64,
    /// Errors answered.
    pub errors: u64,
    /// Sessions closed because their output grew past its limit.
    pub output_limit_closed: u64,
    /// Sessions closed because their input grew past its limit.
    pub input_limit_closed: u64,
    /// Sessions closed because all of them together held too much memory.
    pub evicted_sessions: u64,
    /// Sessions turned away because there were too many.
    pub rejected: u64,
    /// What ACL refused: commands, keys, log-ins, channels.
    pub denied: [u64; 4],
}

/// One Redis-compatible server without a socket.
pub struct Engine {
    /// The data.
    pub keyspace: Keyspace,
    table: Table,
    sessions: Vec<Option<Box<Session>>>,
    free: Vec<SessionId>,
    next_client_id: i64,
    pub(crate) waits: Waits,
    pub(crate) watches: OrderedMap<(usize, Box<[u8]>), Vec<SessionId>>,
    pub(crate) effects: EffectStream,
    pub(crate) subscriptions: Subscriptions,
    /// `notify-keyspace-events`: classes of events and the channels they go to.
    pub(crate) notify: u32,
    /// Sessions whose wait ended and whose input may go on.
    pub(crate) resumable: VecDeque<SessionId>,
    /// Sessions with something for the host.
    listed: VecDeque<SessionId>,
    /// Counters for INFO.
    pub stats: Stats,
    /// When it was made, in microseconds since 1970.
    pub started_us: i64,
    /// Who may do what.
    pub(crate) acl: Acl,
    /// What sessions are held to.
    pub(crate) limits: SessionLimits,
    /// Open sessions with a transport, those turned away not counted.
    pub(crate) connections: usize,
    pub(crate) pause: Option<Pause>,
    /// When the sessions are next looked through for idle ones.
    pub(crate) next_walk: i64,
    pub(crate) config: Config,
    /// `enable-debug-command`.
    pub(crate) debug_allowed: DebugAllowed,
    /// Entries that one slice of active expiry visits, from `active-expire-effort`.
    pub(crate) expiry_budget: usize,
    /// Milliseconds between two slices of active expiry, from `hz`.
    pub(crate) expiry_interval: i64,
    /// DEBUG SET-ACTIVE-EXPIRE.
    pub(crate) active_expiry: bool,
    /// SHUTDOWN was asked for.
    pub(crate) shutdown: bool,
    /// Whether it said that a snapshot is to be written first, or not.
    pub(crate) shutdown_saves: Option<bool>,
    /// Who said SHUTDOWN last: session, client, and whether by force.
    pub(crate) shutdown_by: Option<(SessionId, i64, bool)>,
    pub(crate) memory: Memory,
    /// By index in the table.
    command_stats: Vec<CommandStats>,
    error_stats: OrderedMap<String, u64>,
    pub(crate) tracking: TrackingTable,
    /// Sessions that MONITOR.
    pub(crate) monitors: Vec<SessionId>,
    /// The session whose command runs, and its client.
    pub(crate) current: Option<(SessionId, i64)>,
    pub(crate) slowlog: Slowlog,
    pub(crate) latency: Latency,
    pub(crate) persist: Persistence,
    /// Sessions that wait for the store.
    pub(crate) store_waits: Vec<persistence::StoreWait>,
    /// The session in which effects are repeated.
    pub(crate) replayer: Option<SessionId>,
    pub(crate) import: Option<Box<import::Import>>,
    /// See [`Engine::epoch`].
    epoch: u32,
}

impl Engine {
    /// An empty engine that runs the commands of `table`.
    pub fn new(table: Table, setup: Setup) -> Self {
        let mut keyspace = Keyspace::new(setup.databases, setup.seed);
        keyspace.set_clock(setup.now_us);
        let acl = Acl::new(&table);
        let command_stats = vec![CommandStats::default(); table.commands().len()];
        Engine {
            keyspace,
            table,
            sessions: Vec::new(),
            free: Vec::new(),
            next_client_id: 1,
            waits: Waits::default(),
            watches: OrderedMap::new(),
            effects: EffectStream::default(),
            subscriptions: Subscriptions::default(),
            notify: 0,
            resumable: VecDeque::new(),
            listed: VecDeque::new(),
            stats: Stats::default(),
            started_us: setup.now_us,
            acl,
            limits: SessionLimits::default(),
            connections: 0,
            pause: None,
            next_walk: i64::MAX,
            config: Config::new(),
            debug_allowed: DebugAllowed::default(),
            expiry_budget: 2000,
            expiry_interval: 100,
            active_expiry: true,
            shutdown: false,
            shutdown_saves: None,
            shutdown_by: None,
            memory: Memory::default(),
            command_stats,
            error_stats: OrderedMap::new(),
            tracking: TrackingTable::new(setup.seed),
            monitors: Vec::new(),
            current: None,
            slowlog: Slowlog::default(),
            latency: Latency::default(),
            persist: Persistence::default(),
            store_waits: Vec::new(),
            replayer: None,
            import: None,
            epoch: 0,
        }
    }

    /// Sets the instant that the commands to come see, in microseconds since 1970.
    #[inline]
    pub fn set_clock(&mut self, now_us: i64) {
        self.keyspace.set_clock(now_us);
    }

    /// Opens a session. `internal` is a client in the same program: it need not authenticate and speaks RESP3.
    pub fn open(&mut self, internal: bool) -> SessionId {
        let mut session = Session::new(self.next_client_id, self.keyspace.now());
        session.internal = internal;
        session.resp3 = internal;
        self.next_client_id += 1;
        self.stats.sessions += 1;
        let session = Some(Box::new(session));
        let id = match self.free.pop() {
            Some(id) => {
                self.sessions[id as usize] = session;
                id
            }
            None => {
                self.sessions.push(session);
                self.sessions.len() as SessionId - 1
            }
        };
        self.set_first_user(id);
        self.next_epoch();
        if !internal {
            self.check_client_limit(id);
        }
        id
    }

    /// Closes a session: its wait, watches and subscriptions end, unsent output is dropped.
    pub fn close(&mut self, id: SessionId) {
        let Some(session) = self.session(id) else { return };
        self.connections -= !(session.internal || session.refused) as usize;
        self.unblock(id);
        self.unwatch_all(id);
        self.forget_subscriptions(id);
        self.stop_tracking(id);
        self.stop_monitoring(id);
        self.sessions[id as usize] = None;
        self.next_epoch();
        self.resumable.retain(|&other| other != id);
        self.listed.retain(|&other| other != id);
        self.free.push(id);
        self.refresh_listeners();
    }

    /// A session's state.
    #[inline]
    pub fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(id as usize)?.as_deref()
    }

    /// A session's state, for changing.
    #[inline]
    pub fn session_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions.get_mut(id as usize)?.as_deref_mut()
    }

    /// All open sessions by id.
    pub fn sessions(&self) -> impl Iterator<Item = (SessionId, &Session)> {
        self.sessions.iter().enumerate().filter_map(|(id, session)| Some((id as SessionId, session.as_deref()?)))
    }

    /// Hands in bytes that a session's client sent. Whole requests are run, the rest is kept.
    pub fn receive(&mut self, id: SessionId, input: &[u8]) {
        let now = self.keyspace.now();
        let Some(session) = self.session_mut(id) else { return };
        session.active = now;
        session.traffic.0 += input.len() as u64;
        if session.closing || session.killed {
            return;
        }
        if session.pending.is_empty() && !session.holds_input() && !session.stalled {
            let taken = self.process(id, input);
            self.keep(id, &input[taken..]);
        } else if self.keep(id, input) {
            self.go_on(id);
        }
        self.stats.bytes_in += input.len() as u64;
        self.finish();
    }

    /// Keeps input for later; false when it is too much and the session is closed for it.
    fn keep(&mut self, id: SessionId, rest: &[u8]) -> bool {
        let limit = self.query_buffer_limit();
        let Some(session) = self.session_mut(id) else { return false };
        if rest.is_empty() || session.closing || session.killed {
            return true;
        }
        let there_is = leaving(rest.len(), || session.pending.try_reserve(rest.len()).ok()).is_some();
        if session.unprocessed() + rest.len() > limit || !there_is {
            self.stats.input_limit_closed += 1;
            self.kill(id);
            return false;
        }
        session.pending.extend_from_slice(rest);
        if session.unprocessed() > 64 << 10 {
            self.bound_sessions();
        }
        self.session(id).is_some_and(|session| !session.killed)
    }

    /// Goes on with a session's kept input.
    fn go_on(&mut self, id: SessionId) {
        let Some(session) = self.session_mut(id) else { return };
        if session.pending.is_empty() || session.holds_input() || session.stalled {
            return;
        }
        let mut pending = std::mem::take(&mut session.pending);
        let start = std::mem::take(&mut session.processed);
        let done = start + self.process(id, &pending[start..]);
        if let Some(session) = self.session_mut(id) {
            if done == pending.len() {
                // Keep a modest buffer: the next request will want it.
                if pending.capacity() <= 64 << 10 {
                    pending.clear();
                    session.pending = pending;
                }
            } else {
                // What is left moves to the front only when it is the smaller part: a client that takes its replies
                // in small pieces would else have all of its input moved for each.
                if done > pending.len() / 2 {
                    pending.drain(..done);
                } else {
                    session.processed = done;
                }
                session.pending = pending;
            }
        }
    }

    /// Runs the whole requests at the start of `bytes`; how many bytes they took.
    fn process(&mut self, id: SessionId, bytes: &[u8]) -> usize {
        let limits = self.keyspace.limits.bulk;
        let Some(session) = self.session_mut(id) else { return bytes.len() };
        let Some(mut parser) = session.parser.take() else { return bytes.len() };
        let mut out = session.take_output();
        let mut at = 0;
        self.slowlog.carry(true);
        loop {
            let open = self.acl.open;
            let Some(session) = self.session_mut(id) else { break };
            if session.holds_input() {
                break;
            }
            if out.len() > STALL {
                session.stalled = true;
                break;
            }
            let trusted = session.authenticated || open;
            match parser.next(&bytes[at..], limits, trusted) {
                Ok(Parsed::Incomplete) => break,
                Ok(Parsed::Nothing(taken)) => at += taken,
                Ok(Parsed::Request(taken)) => {
                    let args = parser.args(&bytes[at..]);
                    if !self.run(id, args, &mut out) {
                        break;
                    }
                    at += taken;
                    // Pushes that arrived while the command ran follow its reply.
                    if let Some(session) = self.session_mut(id).filter(|session| !session.out.is_empty()) {
                        join(&mut out, &mut session.out);
                    }
                }
                Err(text) => {
                    session.closing = true;
                    self.count_error("ERR".into());
                    Reply::new(&mut out, false).error(&crate::resp::Fault::made(text));
                    at = bytes.len();
                    break;
                }
            }
        }
        self.slowlog.carry(false);
        let Some(session) = self.session_mut(id) else { return bytes.len() };
        if session.killed {
            out.clear();
        }
        session.out = out;
        parser.trim();
        session.parser = Some(parser);
        if session.unsent() > 0 || session.closing || session.killed {
            self.list(id);
            self.check_output_limit(id);
            self.check_client_memory(id);
        }
        self.check_lost(id);
        at
    }

    /// Closes a session whose output lacks something for want of memory: what follows would be taken for it.
    #[inline]
    fn check_lost(&mut self, id: SessionId) {
        if lost() {
            self.stats.output_limit_closed += 1;
            self.kill(id);
        }
    }

    /// Runs one whole command for a session and appends its reply to `out`. This is the in-process door: no RESP
    /// is parsed.
    #[inline]
    pub fn call(&mut self, id: SessionId, args: crate::resp::Args, out: &mut Vec<u8>) {
        if args.len() > 0 && self.session(id).is_some_and(|session| !session.holds_input()) {
            self.run(id, args, out);
            if let Some(session) = self.session_mut(id) {
                if session.unsent() > 0 || session.killed || session.closing {
                    self.list(id);
                }
            }
        }
        self.finish();
    }

    /// What follows the commands of one input: sessions whose waits ended go on with their own input.
    #[inline]
    fn finish(&mut self) {
        while let Some(id) = self.resumable.pop_front() {
            self.go_on(id);
        }
        if self.tracks() {
            self.broadcast_changes();
        }
    }

    /// Writes a reply or push to a session from outside its own commands.
    pub(crate) fn write_to(&mut self, id: SessionId, write: impl FnOnce(&mut Reply)) {
        let Some(session) = self.session_mut(id) else { return };
        if session.killed || session.closing {
            return;
        }
        let resp3 = session.resp3;
        write(&mut Reply::new(&mut session.out, resp3));
        self.list(id);
        self.check_lost(id);
        self.check_output_limit(id);
        self.check_client_memory(id);
    }

    /// Puts a session on the host's list.
    pub(crate) fn list(&mut self, id: SessionId) {
        if let Some(session) = self.session_mut(id) {
            if !session.listed {
                session.listed = true;
                self.listed.push_back(id);
            }
        }
    }

    /// The next session that has output, or is to be closed; the host asks until there is none.
    pub fn next_listed(&mut self) -> Option<SessionId> {
        let id = self.listed.pop_front()?;
        if let Some(session) = self.session_mut(id) {
            session.listed = false;
        }
        Some(id)
    }

    /// A session's unsent output; nothing for one that is to be closed at once.
    pub fn output(&self, id: SessionId) -> &[u8] {
        self.session(id).filter(|session| !session.killed).map_or(&[], |session| &session.out[session.out_sent..])
    }

    /// Says that the host took `count` bytes of a session's output. A session that stood still goes on.
    pub fn sent(&mut self, id: SessionId, count: usize) {
        let now = self.keyspace.now();
        let Some(session) = self.session_mut(id) else { return };
        let count = count.min(session.unsent());
        session.active = session.active.max(now);
        session.out_sent += count;
        session.traffic.1 += count as u64;
        if session.out_sent == session.out.len() {
            if session.out.capacity() > 64 << 10 {
                session.out = Vec::new();
            } else {
                session.out.clear();
            }
            session.out_sent = 0;
        }
        let resume = session.stalled && session.unsent() <= STALL / 2;
        if resume {
            session.stalled = false;
        }
        self.stats.bytes_out += count as u64;
        self.check_output_limit(id);
        if resume {
            self.go_on(id);
            self.finish();
        }
    }

    /// Whether the host is to close a session: at once when killed, else when its output is sent.
    pub fn is_to_close(&self, id: SessionId) -> bool {
        self.session(id).is_some_and(|session| session.killed || (session.closing && session.unsent() == 0))
    }

    /// Does what time asks for: ends waits, removes expired keys, frees unlinked values; one slice of each. Returns
    /// when it is wanted again, in milliseconds since 1970.
    pub fn tick(&mut self) -> Option<i64> {
        self.walk_sessions();
        self.time_out_waits();
        let mut more = self.active_expiry && !self.is_paused() && self.expire_some();
        more |= self.evict_some();
        self.settle_changes();
        self.serve_waits();
        more |= self.keyspace.free_some(2000);
        self.persist.tick(&mut self.keyspace);
        self.serve_store_waits();
        self.finish();
        if more {
            return Some(self.keyspace.now() + 1);
        }
        self.next_tick()
    }

    /// When [`Engine::tick`] is wanted, in milliseconds since 1970; `None` while nothing waits for time.
    pub fn next_tick(&self) -> Option<i64> {
        let now = self.keyspace.now();
        // Active expiry need not be punctual: nobody sees an expired key. `hz` rounds a second bound its cost.
        let expiry = self.keyspace.next_expiry().map(|at| at.max(now + self.expiry_interval));
        let garbage = (self.keyspace.has_garbage() || self.is_evicting()).then_some(now + 1);
        [expiry, garbage, self.waits.next_deadline(), self.next_session_walk(), self.persist.next_tick(now)]
            .into_iter()
            .flatten()
            .min()
    }

    /// Which lists of changes somebody reads.
    pub(crate) fn refresh_listeners(&mut self) {
        self.keyspace.changes.record_whole = !self.watches.is_empty() || !self.waits.is_empty();
        self.keyspace.changes.record_touched = self.keyspace.changes.record_whole || self.tracks();
        self.keyspace.changes.record_effects = self.wants_effects();
        self.keyspace.changes.record_events = self.heard_events();
    }

    fn query_buffer_limit(&self) -> usize {
        self.limits.input
    }
}

#[cfg(test)]
mod tests;
