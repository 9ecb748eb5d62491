//! The commands of persistence, the gate that stands when a store fails, and repeating a log.

use super::{Call, Engine, PowerHandler, SessionId};
use crate::commands::spec::{flags, Spec};
use crate::commands::{Handled, Outcome, TimeoutReply, Wait};
use crate::keyspace::Keyspace;
use crate::persist::{Damaged, Fsync, Goal, Next, Reason, Recovery, Report, Store, Target, Units, Want, Write};
use crate::resp::{Args, Fault};

crate::commands! {
    /// The commands that make what is in memory last.
    pub static TABLE: PowerHandler, group "server";

    /// Rewrites the append log: a snapshot takes the place of what it holds.
    "bgrewriteaof" {
        since "1.0.0", cost "O(1)", flags [ADMIN NOSCRIPT NO_ASYNC_LOADING],
        args "",
        reply "simple",
        run bgrewriteaof,
    }
    /// Begins a snapshot, which is written while other commands run.
    "bgsave" {
        since "1.0.0", cost "O(1)", flags [ADMIN NOSCRIPT NO_ASYNC_LOADING],
        args "[SCHEDULE]",
        reply "simple",
        run bgsave,
    }
    /// Answers when the last snapshot was written, in seconds since 1970.
    "lastsave" {
        since "1.0.0", cost "O(1)", flags [FAST LOADING STALE],
        args "",
        reply "int",
        tips "nondeterministic_output",
        also "admin dangerous",
        run lastsave,
    }
    /// Writes a snapshot, and answers when it is durable.
    "save" {
        since "1.0.0", cost "O(N) where N is the number of keys in all databases", flags [ADMIN NOSCRIPT NO_MULTI NO_ASYNC_LOADING],
        args "",
        reply "ok",
        run save,
    }
}

/// The `kind` of waits that the store ends.
const SAVED: &str = "save";
pub(super) const LOGGED: &str = "log";

/// A session that waits for the store, and for the effect or the snapshot of which number.
pub(crate) struct StoreWait {
    session: SessionId,
    number: u64,
    /// It waits for replicas as well, of which there are none.
    in_vain: bool,
}

const NO_STORE: Fault = Fault::Text("ERR this database is kept nowhere: it was opened without storage");

fn attached(engine: &Engine) -> Result<(), Fault> {
    engine.persist.is_attached().then_some(()).ok_or(NO_STORE)
}

fn simple(call: &mut Call, text: &str) -> Handled {
    call.reply().simple(text);
    Ok(Outcome::Done)
}

fn in_transaction(engine: &mut Engine, call: &Call) -> bool {
    engine.caller(call).transaction.is_some()
}

fn save(engine: &mut Engine, call: Call) -> Handled {
    attached(engine)?;
    if engine.persist.running() == Some(Reason::Save) {
        return Err(Fault::Text("ERR Background save already in progress"));
    }
    // A rewrite that runs is no obstacle: it makes way, and what it was for is done by this snapshot; or it is all but
    // written, and this snapshot follows it.
    let number = if engine.persist.make_way(&mut engine.keyspace) {
        engine.persist.begin(&mut engine.keyspace, Reason::Save);
        engine.persist.take_all(&mut engine.keyspace);
        engine.persist.snapshot_number()
    } else {
        engine.persist.queue(Reason::Save);
        engine.persist.snapshot_number() + 1
    };
    Ok(engine.wait_for_store(&call, SAVED, number, None, false))
}

fn bgsave(engine: &mut Engine, mut call: Call) -> Handled {
    let schedule = match call.args.len() {
        1 => false,
        2 if call.args.is(1, "schedule") => true,
        _ => return Err(Fault::Syntax),
    };
    attached(engine)?;
    let queued = in_transaction(engine, &call);
    match engine.persist.running() {
        Some(Reason::Save) => return Err(Fault::Text("ERR Background save already in progress")),
        Some(Reason::Rewrite) if !schedule && !queued => {
            return Err(Fault::Text(
                "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to \
                 schedule a BGSAVE whenever possible.",
            ))
        }
        None if !queued => {
            engine.persist.begin(&mut engine.keyspace, Reason::Save);
            return simple(&mut call, "Background saving started");
        }
        _ => {}
    }
    engine.persist.queue(Reason::Save);
    simple(&mut call, "Background saving scheduled")
}

fn bgrewriteaof(engine: &mut Engine, mut call: Call) -> Handled {
    attached(engine)?;
    let queued = in_transaction(engine, &call);
    match engine.persist.running() {
        Some(Reason::Rewrite) => {
            return Err(Fault::Text("ERR Background append only file rewriting already in progress"))
        }
        None if !queued => {
            engine.persist.begin(&mut engine.keyspace, Reason::Rewrite);
            return simple(&mut call, "Background append only file rewriting started");
        }
        _ => {}
    }
    engine.persist.queue(Reason::Rewrite);
    simple(&mut call, "Background append only file rewriting scheduled")
}

fn lastsave(engine: &mut Engine, mut call: Call) -> Handled {
    let at = if engine.persist.is_attached() { engine.persist.last_save } else { engine.started_us.div_euclid(1000) };
    call.reply().int(at.div_euclid(1000));
    Ok(Outcome::Done)
}

impl Engine {
    /// Has the calling session wait until the effect or the snapshot of that number is durable.
    pub(super) fn wait_for_store(
        &mut self,
        call: &Call,
        kind: &'static str,
        number: u64,
        deadline: Option<i64>,
        in_vain: bool,
    ) -> Outcome {
        // Of one that was refused within EXEC nothing may be left.
        self.forget_store_wait(call.session);
        self.store_waits.push(StoreWait { session: call.session, number, in_vain });
        let on_timeout = if kind == LOGGED { TimeoutReply::ZeroZero } else { TimeoutReply::Null };
        Outcome::Wait(Wait::new(kind, Vec::new(), deadline, on_timeout))
    }

    /// Forgets what a session waits for: its wait ends.
    pub(super) fn forget_store_wait(&mut self, id: SessionId) {
        self.store_waits.retain(|wait| wait.session != id);
    }

    /// Ends the waits of those for whom the store is done.
    pub(super) fn serve_store_waits(&mut self) {
        if self.store_waits.is_empty() {
            return;
        }
        for wait in std::mem::take(&mut self.store_waits) {
            let blocked = self.session(wait.session).and_then(|session| session.blocked.as_ref());
            let kind = blocked.map_or("", |blocked| blocked.wait.kind);
            let ended = match kind {
                SAVED => !self.persist.is_writing(wait.number),
                LOGGED => self.persist.durable() >= wait.number && !wait.in_vain,
                _ => continue,
            };
            if !ended {
                self.store_waits.push(wait);
                continue;
            }
            let saved = self.persist.has_written(wait.number);
            self.unblock(wait.session);
            self.write_to(wait.session, |reply| match kind {
                SAVED if saved => reply.ok(),
                SAVED => reply.error(&Fault::Text("ERR")),
                _ => {
                    reply.array(2);
                    reply.int(1);
                    reply.int(0);
                }
            });
            self.resumable.push_back(wait.session);
        }
    }

    /// Why a command is refused while the store fails.
    #[inline]
    pub(super) fn check_store(&self, spec: &Spec) -> Result<(), Fault> {
        match self.persist.refusal() {
            Some(fault) if spec.has(flags::WRITE) || spec.name == "ping" => Err(fault),
            _ => Ok(()),
        }
    }

    /// Says that this engine will be given a store: what CONFIG says of persistence may then be set.
    pub fn expect_store(&mut self) {
        self.persist.expected = true;
    }

    /// Begins to read a keyspace back. The host fetches what the recovery wants and hands it to [`Engine::recover`].
    pub fn begin_recovery(&mut self, store: Store, listed: Vec<String>, salvage: bool) -> Recovery {
        crate::persist::track(&mut self.keyspace);
        Recovery::new(store, listed, salvage)
    }

    /// Takes the object that `recovery` wants first.
    pub fn recover(&mut self, recovery: &mut Recovery, bytes: Option<&[u8]>) -> Result<(), Damaged> {
        recovery.feed(bytes, self)
    }

    /// Ends a recovery: from here on what happens is kept in the store.
    pub fn end_recovery(&mut self, recovery: Recovery, now_us: i64) -> Report {
        self.set_clock(now_us);
        let report = recovery.finish(&mut self.persist, &mut self.keyspace);
        self.reset_stats();
        self.refresh_listeners();
        report
    }

    /// What the host is to do for the store now.
    #[inline]
    pub fn storage_want(&self) -> Want {
        self.persist.want(self.keyspace.now())
    }

    /// The next write for the store, which still flushes so many objects by itself; [`Engine::wrote`] says how it went
    /// before another is handed out.
    pub fn next_write(&mut self, flushing: u32) -> Option<Write> {
        self.persist.next(self.keyspace.now(), flushing)
    }

    /// Says how the last write went. Under `appendfsync always` a failure closes the connections whose replies waited for
    /// it: nobody may take for done what is not.
    pub fn wrote(&mut self, result: Result<(), String>) {
        let failed = result.is_err();
        let held = self.persist.want(self.keyspace.now()).hold;
        if self.persist.wrote(&mut self.keyspace, result) {
            self.serve_store_waits();
            if failed && held && self.persist.log_failure.is_some() {
                let waiting = self.sessions().filter(|(_, session)| !session.internal && session.unsent() > 0);
                let waiting: Vec<SessionId> = waiting.map(|(id, _)| id).collect();
                waiting.into_iter().for_each(|id| self.kill(id));
            }
            self.finish();
        }
    }

    /// Asks that all that was done so far becomes durable now, in a snapshot where SHUTDOWN SAVE said so; what to wait for.
    pub fn request_durable(&mut self) -> Goal {
        self.persist.ask(&mut self.keyspace, self.shutdown_saves == Some(true))
    }

    /// Whether what was asked for is durable; the store's words when it fails for now.
    pub fn is_reached(&self, goal: Goal) -> Result<bool, String> {
        self.persist.is_reached(goal)
    }

    /// Whether all that was done is durable.
    pub fn is_durable(&self) -> bool {
        self.persist.is_durable()
    }

    /// Whether there is an append log.
    pub fn logs(&self) -> bool {
        self.persist.log.is_some()
    }

    /// Whether an end of the program is to write a snapshot first: SHUTDOWN said so, or there are save points.
    pub fn saves_at_end(&self) -> bool {
        let persist = &self.persist;
        persist.is_attached() && self.shutdown_saves.unwrap_or(!persist.save_points.is_empty())
    }

    /// Whether what a session waits for stands in the log: what WAITAOF answers when its time is up.
    pub(super) fn logged_for(&self, id: SessionId) -> bool {
        let wait = self.store_waits.iter().find(|wait| wait.session == id);
        self.persist.log.is_some() && wait.is_some_and(|wait| self.persist.durable() >= wait.number)
    }

    pub(super) fn set_append_log(&mut self, wanted: bool) {
        self.persist.set_log(wanted);
        self.refresh_listeners();
    }

    pub(super) fn set_fsync(&mut self, choice: i64) {
        self.persist.fsync = match choice {
            0 => Fsync::Always,
            1 => Fsync::Everysec,
            _ => Fsync::No,
        };
    }

    fn replayer(&mut self) -> SessionId {
        let id = self.replayer.unwrap_or_else(|| self.open(true));
        self.replayer = Some(id);
        id
    }

    /// Repeats one effect.
    fn repeat(&mut self, id: SessionId, db: usize, args: Args, out: &mut Vec<u8>) -> Result<(), String> {
        let name = || String::from_utf8_lossy(args.at(0)).into_owned();
        if db >= self.keyspace.databases() {
            return Err(format!("an effect in database {db}, where there are {}", self.keyspace.databases()));
        }
        if let Some(session) = self.session_mut(id) {
            session.db = db;
        }
        let command = self.find(args).map_err(|_| format!("an effect '{}' that is no command", name()))?;
        out.clear();
        let outcome = self.perform(id, command, args, out);
        self.settle_changes();
        // A command that failed half-way, as PFADD does at a damaged value, fails half-way again.
        if outcome != Outcome::Done {
            return Err(format!("'{}' would wait", name()));
        }
        Ok(())
    }
}

impl Target for Engine {
    fn space(&mut self) -> &mut Keyspace {
        &mut self.keyspace
    }

    fn replay(&mut self, mut units: Units<'_>) -> Result<u64, String> {
        let id = self.replayer();
        let (mut spans, mut out, mut count) = (Vec::new(), Vec::new(), 0);
        let bytes = units.bytes();
        loop {
            match units.next(&mut spans) {
                None => return Err("a unit that does not read".into()),
                Some(Next::End) => return Ok(count),
                // What happens again happens at the instant at which it happened: nothing expires that had not then.
                Some(Next::Unit(time)) => self.set_clock(time.saturating_mul(1000)),
                Some(Next::Effect(db)) => {
                    self.repeat(id, db, Args::new(bytes, &spans), &mut out)?;
                    count += 1;
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "persistence_tests.rs"]
mod tests;
