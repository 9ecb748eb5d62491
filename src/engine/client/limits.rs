//! What every session is held to: how much it may leave unread or unsent, how long it may be idle, how many there
//! may be, and pauses. Clients in this program are exempt: they have no connection that could be cut.

use crate::commands::spec::flags;
use crate::engine::table::Command;
use crate::engine::{Engine, Session, SessionId};

/// Milliseconds between two walks over all sessions.
const WALK_EVERY: i64 = 1000;

/// A limit on unsent output; 0 means none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Bytes at which a session is closed at once.
    pub hard: u64,
    /// Bytes above which a session may stay for `seconds`.
    pub soft: u64,
    /// See `soft`.
    pub seconds: u64,
}

/// What sessions are held to, as CONFIG sets it.
#[derive(Clone, Debug)]
pub struct SessionLimits {
    /// `maxclients`.
    pub clients: usize,
    /// `timeout`, in seconds; 0 for none.
    pub idle: i64,
    /// `client-query-buffer-limit`, in bytes.
    pub input: usize,
    /// What all sessions together may have sent without its having been run, in bytes. Redis leaves that to the machine;
    /// here it shares four gigabytes with the data, and whoever fills them takes everybody down.
    pub all_input: usize,
    /// `maxmemory-clients`: what all sessions together may hold, in bytes; a share of `maxmemory` in percent when negative; 0 for no
    /// limit.
    pub all_memory: i64,
    /// `client-output-buffer-limit` of the classes normal, replica and pubsub.
    pub output: [OutputLimit; 3],
}

impl Default for SessionLimits {
    fn default() -> Self {
        SessionLimits {
            clients: 10000,
            idle: 0,
            input: 1 << 30,
            all_input: 1 << 30,
            all_memory: 0,
            output: [
                OutputLimit::default(),
                OutputLimit { hard: 256 << 20, soft: 64 << 20, seconds: 60 },
                OutputLimit { hard: 32 << 20, soft: 8 << 20, seconds: 60 },
            ],
        }
    }
}

/// A pause that CLIENT PAUSE began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pause {
    pub(crate) until: i64,
    /// All commands are held back, not only those that write.
    pub(crate) all: bool,
}

impl Engine {
    /// Starts a pause, or adds to the one that runs: the later end and the wider reach win.
    pub(crate) fn pause(&mut self, until: i64, all: bool) {
        let running = self.pause.unwrap_or(Pause { until, all });
        self.pause = Some(Pause { until: running.until.max(until), all: running.all || all });
    }

    /// Ends a pause: what was held back runs next.
    pub(crate) fn unpause(&mut self) {
        if self.pause.take().is_some() {
            for (id, session) in self.sessions.iter_mut().enumerate() {
                if let Some(session) = session.as_mut().filter(|session| session.paused) {
                    session.paused = false;
                    self.resumable.push_back(id as SessionId);
                }
            }
        }
    }

    /// Whether a pause holds this command back.
    #[cold]
    pub(crate) fn holds_back(&mut self, id: SessionId, command: Command) -> bool {
        let Some(pause) = self.pause else { return false };
        if self.keyspace.now() >= pause.until {
            self.unpause();
            return false;
        }
        let Some(session) = self.session_mut(id) else { return false };
        let changes = |command: &Command| command.spec.flags & (flags::WRITE | flags::MAY_REPLICATE) != 0;
        let queued = session.transaction.as_ref().filter(|_| command.spec.name == "exec");
        let held = !session.internal
            && (pause.all
                || changes(&command)
                || queued.is_some_and(|transaction| transaction.queue.iter().any(|(command, _)| changes(command))));
        session.paused = held;
        held
    }

    /// Whether changes that time alone would make must wait.
    pub(crate) fn is_paused(&self) -> bool {
        self.pause.is_some_and(|pause| self.keyspace.now() < pause.until)
    }

    /// Closes a session at once. Nothing it waited for, watched or listened to reaches it any more.
    pub(crate) fn kill(&mut self, id: SessionId) {
        self.next_epoch();
        self.unblock(id);
        self.unwatch_all(id);
        self.forget_subscriptions(id);
        self.stop_tracking(id);
        self.stop_monitoring(id);
        if let Some(session) = self.session_mut(id) {
            session.killed = true;
            session.pending = Vec::new();
            session.processed = 0;
            session.transaction = None;
        }
        self.list(id);
    }

    /// Closes the sessions that hold the most unprocessed input while all together hold too much, and those that hold the most
    /// memory while all together are above `maxmemory-clients`. Costs a walk over all sessions, so it is asked for only when
    /// one holds more than a little.
    #[cold]
    pub(crate) fn bound_sessions(&mut self) {
        let (input, memory) = (self.limits.all_input, self.client_memory_limit());
        while let Some(id) = self.largest_session(input, Session::unprocessed) {
            self.stats.input_limit_closed += 1;
            self.kill(id);
        }
        let evictable = |session: &Session| if session.no_evict || session.internal { 0 } else { session.bytes() };
        while let Some(id) = self.largest_session(memory, evictable) {
            self.stats.evicted_sessions += 1;
            self.kill(id);
        }
    }

    /// `maxmemory-clients` in bytes, and as in Redis never less than what a few clients need.
    fn client_memory_limit(&self) -> usize {
        let bytes = match (self.limits.all_memory, self.memory.limit) {
            (0, _) | (i64::MIN..0, 0) => return usize::MAX,
            (share @ i64::MIN..0, limit) => (limit as u64).saturating_mul(share.unsigned_abs()) / 100,
            (bytes, _) => bytes as u64,
        };
        usize::try_from(bytes).unwrap_or(usize::MAX).max(128 << 10)
    }

    /// The session that holds the most while all together hold more than `limit`.
    fn largest_session(&self, limit: usize, held: impl Fn(&Session) -> usize) -> Option<SessionId> {
        let sessions = self.sessions().filter(|(_, session)| !session.killed);
        let sizes = sessions.map(|(id, session)| (held(session), id));
        let (total, largest) = sizes.fold((0, (0, 0)), |(total, most), one| (total + one.0, one.max(most)));
        (total > limit && largest.0 > 0).then_some(largest.1)
    }

    /// Closes a session that leaves too much unread.
    pub(crate) fn check_output_limit(&mut self, id: SessionId) {
        let now = self.keyspace.now();
        let Some(session) = self.sessions.get_mut(id as usize).and_then(Option::as_deref_mut) else { return };
        let limit = self.limits.output[class(session)];
        if limit.hard == 0 && limit.soft == 0 || session.internal || session.killed {
            session.over_soft_limit_since = None;
            return;
        }
        let unsent = session.unsent() as u64;
        let mut over = limit.hard > 0 && unsent >= limit.hard;
        if limit.soft > 0 && unsent >= limit.soft {
            let since = *session.over_soft_limit_since.get_or_insert(now);
            over |= now - since > (limit.seconds as i64).saturating_mul(1000);
            self.next_walk = self.next_walk.min(now + WALK_EVERY);
        } else {
            session.over_soft_limit_since = None;
        }
        if over {
            self.stats.output_limit_closed += 1;
            self.kill(id);
        }
    }

    /// Looks whether a session with this much output makes all of them hold too much.
    pub(crate) fn check_client_memory(&mut self, id: SessionId) {
        if self.limits.all_memory != 0 && self.session(id).is_some_and(|session| session.out.len() > 64 << 10) {
            self.bound_sessions();
        }
    }

    /// Closes sessions that were idle, or over their soft limit, for too long. One walk over all sessions, at most
    /// once a second and only while there is something to look for.
    pub(crate) fn walk_sessions(&mut self) {
        let now = self.keyspace.now();
        if self.pause.is_some_and(|pause| pause.until <= now) {
            self.unpause();
        }
        if now < self.next_walk {
            return;
        }
        self.next_walk = if self.limits.idle > 0 { now + WALK_EVERY } else { i64::MAX };
        let longest = self.limits.idle.saturating_mul(1000);
        let (mut idle, mut over) = (Vec::new(), Vec::new());
        for (id, session) in self.sessions() {
            let waits = session.blocked.is_some() || session.paused || session.subscriptions() > 0;
            if longest > 0 && !session.internal && !waits && now - session.active > longest {
                idle.push(id);
            } else if session.over_soft_limit_since.is_some() {
                over.push(id);
            }
        }
        idle.into_iter().for_each(|id| self.kill(id));
        over.into_iter().for_each(|id| self.check_output_limit(id));
    }

    /// When [`Engine::walk_sessions`] is wanted.
    pub(crate) fn next_session_walk(&self) -> Option<i64> {
        let walk = (self.next_walk != i64::MAX).then_some(self.next_walk);
        walk.into_iter().chain(self.pause.map(|pause| pause.until)).min()
    }

    /// Turns a new session away when there are too many.
    pub(crate) fn check_client_limit(&mut self, id: SessionId) {
        if self.connections < self.limits.clients {
            self.connections += 1;
            return;
        }
        self.stats.rejected += 1;
        self.write_to(id, |reply| reply.raw(b"-ERR max number of clients reached\r\n"));
        if let Some(session) = self.session_mut(id) {
            session.refused = true;
            session.closing = true;
        }
    }
}

/// Index of a session's class in the limits on output.
fn class(session: &Session) -> usize {
    if session.subscriptions() > 0 {
        2
    } else {
        0
    }
}
