//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.

use super::blocking::KeptArgs;
use super::table::Command;
use super::{Call, Engine, PowerHandler, SessionId};
use crate::commands::{Handled, Outcome};
use crate::resp::Fault;

/// Commands queued since MULTI.
#[derive(Default)]
pub(crate) struct Transaction {
    pub(crate) queue: Vec<(Command, KeptArgs)>,
    bytes: usize,
    /// A command could not be queued: EXEC will refuse.
    pub(crate) spoiled: bool,
    /// How many commands EXEC is running: they see the transaction as still open.
    pub(crate) running: usize,
}

impl Transaction {
    /// Puts a command at the end of the queue.
    pub(crate) fn push(&mut self, command: Command, args: KeptArgs) {
        self.bytes += args.size();
        self.queue.push((command, args));
    }

    /// Bytes of the queued arguments.
    pub(crate) fn size(&self) -> usize {
        self.bytes
    }
}

crate::commands! {
    /// The transaction commands.
    pub static TABLE: PowerHandler, group "transactions";

    /// Opens a transaction: the commands that follow are queued until EXEC.
    "multi" {
        since "1.2.0", cost "O(1)", flags [FAST LOADING NOSCRIPT STALE ALLOW_BUSY],
        args "",
        reply "ok",
        run multi,
    }
    /// Runs the queued commands as one unit, unless a watched key was written.
    "exec" {
        since "1.2.0", cost "Depends on commands in the transaction", flags [LOADING NOSCRIPT STALE SKIP_SLOWLOG],
        args "",
        reply "[any]?",
        run exec,
    }
    /// Drops the queued commands and forgets the watched keys.
    "discard" {
        since "2.0.0", cost "O(N), when N is the number of queued commands", flags [FAST LOADING NOSCRIPT STALE ALLOW_BUSY],
        args "",
        reply "ok",
        run discard,
    }
    /// Makes the next EXEC depend on the given keys staying as they are.
    "watch" {
        since "2.2.0", cost "O(1) for every key.", flags [FAST LOADING NOSCRIPT STALE ALLOW_BUSY],
        args "key@RO...",
        reply "ok",
        run watch,
    }
    /// Forgets the watched keys.
    "unwatch" {
        since "2.2.0", cost "O(1)", flags [FAST LOADING NOSCRIPT STALE ALLOW_BUSY],
        args "",
        reply "ok",
        run unwatch,
    }
}

fn multi(engine: &mut Engine, mut call: Call) -> Handled {
    let session = engine.caller(&call);
    if session.transaction.is_some() {
        return Err(Fault::Text("ERR MULTI calls can not be nested"));
    }
    session.transaction = Some(Transaction::default());
    call.reply().ok();
    Ok(Outcome::Done)
}

fn discard(engine: &mut Engine, mut call: Call) -> Handled {
    if engine.caller(&call).transaction.take().is_none() {
        return Err(Fault::Text("ERR DISCARD without MULTI"));
    }
    engine.unwatch_all(call.session);
    call.reply().ok();
    Ok(Outcome::Done)
}

fn watch(engine: &mut Engine, mut call: Call) -> Handled {
    if engine.caller(&call).transaction.is_some() {
        return Err(Fault::Text("ERR WATCH inside MULTI is not allowed"));
    }
    let db = engine.caller(&call).db;
    for key in call.args.iter_from(1) {
        // A key that is due but still there counts as gone already: its removal later is no change.
        engine.keyspace.keys(db).exists(key);
        engine.settle_changes();
        let name: (usize, Box<[u8]>) = (db, key.into());
        let session = engine.caller(&call);
        if !session.watched.contains(&name) {
            session.watched.push(name.clone());
            engine.watches.or_default(name).push(call.session);
        }
    }
    engine.refresh_listeners();
    call.reply().ok();
    Ok(Outcome::Done)
}

fn unwatch(engine: &mut Engine, mut call: Call) -> Handled {
    engine.unwatch_all(call.session);
    call.reply().ok();
    Ok(Outcome::Done)
}

fn exec(engine: &mut Engine, mut call: Call) -> Handled {
    let Some(transaction) = engine.caller(&call).transaction.take() else {
        return Err(Fault::Text("ERR EXEC without MULTI"));
    };
    let running = transaction.queue.len();
    // A watched key that has expired meanwhile counts as written.
    for (db, key) in engine.caller(&call).watched.clone() {
        engine.keyspace.keys(db).exists(&key);
    }
    engine.settle_changes();
    let broken = engine.caller(&call).watch_broken;
    engine.unwatch_all(call.session);
    if transaction.spoiled {
        return Err(Fault::Text("EXECABORT Transaction discarded because of previous errors."));
    }
    if broken {
        call.reply().null_array();
        return Ok(Outcome::Done);
    }
    call.reply().array(running);
    engine.caller(&call).transaction = Some(Transaction { running, ..Transaction::default() });
    engine.begin_unit();
    for (command, args) in &transaction.queue {
        let checked = engine.check_queued(call.session, *command, args);
        if let Err(fault) = checked.and_then(|()| engine.check_room(call.session, *command, args.args())) {
            engine.refuse(call.session, &fault, call.out);
            continue;
        }
        let outcome = engine.perform(call.session, *command, args.args(), call.out);
        engine.settle_changes();
        engine.observe(call.session, *command, args.args(), false);
        if let Outcome::Wait(wait) = outcome {
            // Inside a transaction nothing waits.
            let resp3 = engine.caller(&call).resp3;
            wait.on_timeout.write_refusal(&mut crate::resp::Reply::new(call.out, resp3));
        }
    }
    engine.end_unit();
    if let Some(session) = engine.session_mut(call.session) {
        session.transaction = None;
    }
    Ok(Outcome::Done)
}

impl Engine {
    /// Forgets what a session watches.
    pub(crate) fn unwatch_all(&mut self, id: SessionId) {
        let Some(session) = self.session_mut(id) else { return };
        session.watch_broken = false;
        for name in std::mem::take(&mut session.watched) {
            if let Some(watchers) = self.watches.get_mut(&name) {
                watchers.retain(|&watcher| watcher != id);
                if watchers.is_empty() {
                    self.watches.remove(&name);
                }
            }
        }
        self.refresh_listeners();
    }
}
