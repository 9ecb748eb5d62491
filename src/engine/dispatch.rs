//! The way of a command: found in the table, through the gates, queued or run, and what it changed passed on.

use super::table::{Command, Run};
use super::{Engine, ReplyMode, Session, SessionId};
use crate::commands::spec::{flags, Spec};
use crate::commands::{Context, Outcome};
use crate::resp::{join, lost, quoted, Args, Fault, Reply, QUOTED};

/// One run of a command with the engine's powers.
pub struct Call<'a> {
    /// Whose command it is.
    pub session: SessionId,
    /// Its arguments, the name included.
    pub args: Args<'a>,
    /// What is declared of it.
    pub spec: &'static Spec,
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) resp3: bool,
}

impl Call<'_> {
    /// Where the reply goes.
    #[inline]
    pub fn reply(&mut self) -> Reply<'_> {
        Reply::new(self.out, self.resp3)
    }
}

impl Engine {
    /// The session whose command runs. Panics when it is gone: a session outlives its own command.
    #[inline]
    pub fn caller(&mut self, call: &Call) -> &mut Session {
        self.session_mut(call.session).expect("a session outlives its own command")
    }

    /// Runs a client's command: gates, reply, and everything it sets off. False when a pause holds it back: then it
    /// is to be run later, and nothing has happened.
    #[inline]
    pub(crate) fn run(&mut self, id: SessionId, args: Args, out: &mut Vec<u8>) -> bool {
        match self.table.look_up(args.at_once(0)) {
            Some(command) if self.passes(id, command, args) => {
                let command = *command;
                self.run_plain(id, command, args, out);
                true
            }
            _ => self.run_gated(id, args, out),
        }
    }

    /// Whether a command passes all gates, as nearly every one does, by what can be told at a glance: what works on
    /// data alone, from a session whose user may do everything, that queues nothing and of which nobody wants to know.
    /// For the others [`Engine::run_gated`] says what there is to say.
    #[inline(always)]
    pub(super) fn passes(&self, id: SessionId, command: &Command, args: Args) -> bool {
        let Some(session) = self.session(id) else { return false };
        command.is_plain
            && command.spec.takes(args.len())
            && session.is_plain(self.acl.open)
            && self.is_unobserved()
            && self.memory.suffices(command, args)
            && !self.persist.refuses()
    }

    /// Whether nobody sees the commands of others or holds them up: no monitor, no tracking, no pause, no import.
    #[inline]
    pub(crate) fn is_unobserved(&self) -> bool {
        self.pause.is_none() && self.import.is_none() && self.monitors.is_empty() && !self.tracks()
    }

    /// Runs a command that passes all gates: what [`Engine::run_gated`] comes to for it.
    #[inline(never)]
    pub(crate) fn run_plain(&mut self, id: SessionId, command: Command, args: Args, out: &mut Vec<u8>) {
        let now = self.keyspace.now();
        self.stats.commands += 1;
        let Some(session) = self.session_mut(id) else { return };
        session.active = now;
        session.commands += 1;
        session.last_command = command.spec.name;
        self.current = Some((id, session.client_id));
        if command.has_key {
            self.keyspace.remember(args.at_once(1));
        }
        let outcome = self.perform(id, command, args, out);
        self.keyspace.forget();
        self.settle_changes();
        self.current = None;
        if let Outcome::Wait(wait) = outcome {
            self.block(id, command, args, wait);
        }
        self.serve_waits();
    }

    #[inline(never)]
    fn run_gated(&mut self, id: SessionId, args: Args, out: &mut Vec<u8>) -> bool {
        let mut start = out.len();
        let found = self.find(args);
        if !found.as_ref().is_ok_and(|command| command.is_plain) {
            self.next_epoch();
        }
        let admitted = found.and_then(|command| {
            let admitted = self.admit(id, command, args);
            self.command_stats[command.index as usize].rejected += admitted.is_err() as u64;
            admitted.map(|()| command)
        });
        if self.pause.is_some() && admitted.as_ref().is_ok_and(|&command| self.holds_back(id, command)) {
            return false;
        }
        let (now, limit) = (self.keyspace.now(), self.limits.input);
        self.stats.commands += 1;
        let Some(session) = self.session_mut(id) else { return true };
        session.active = now;
        session.commands += 1;
        match admitted {
            Ok(command) => {
                let session = self.session_mut(id).expect("checked above");
                session.last_command = command.spec.name;
                let queues = session.transaction.is_some()
                    && !matches!(command.spec.name, "exec" | "discard" | "multi" | "watch" | "quit" | "reset");
                if queues {
                    let transaction = session.transaction.as_mut().expect("checked above");
                    transaction.push(command, super::blocking::KeptArgs::new(args));
                    Reply::new(out, false).raw(b"+QUEUED\r\n");
                    // What is queued is input that was not worked off.
                    if transaction.size() > limit {
                        self.stats.input_limit_closed += 1;
                        self.kill(id);
                    }
                } else {
                    let client = session.client_id;
                    if self.tracks() {
                        self.limit_tracking();
                        // What that told this session comes before its reply.
                        if let Some(session) = self.session_mut(id) {
                            join(out, &mut session.out);
                        }
                        start = out.len();
                    }
                    self.current = Some((id, client));
                    let outcome = self.perform(id, command, args, out);
                    self.settle_changes();
                    self.observe(id, command, args, false);
                    self.current = None;
                    if let Outcome::Wait(wait) = outcome {
                        self.block(id, command, args, wait);
                    }
                    self.serve_waits();
                }
            }
            Err(fault) if args.is(0, "exec") => {
                session.transaction = None;
                self.unwatch_all(id);
                self.refuse(id, &exec_abort(&fault), out);
            }
            // A browser was made to send a form to us: whatever else it holds must not run.
            Err(_) if args.is(0, "post") || args.is(0, "host:") => session.killed = true,
            Err(fault) => {
                if let Some(transaction) = &mut session.transaction {
                    transaction.spoiled = true;
                }
                if is_web_request(args.at(0)) {
                    // A web page makes a browser talk to this port: what follows in the request must not be run.
                    if let Some(session) = self.session_mut(id).filter(|session| !session.internal) {
                        session.killed = true;
                        return true;
                    }
                }
                self.refuse(id, &fault, out);
            }
        }
        let Some(session) = self.session_mut(id) else { return true };
        match session.reply_mode {
            ReplyMode::On => {}
            ReplyMode::Off => out.truncate(start),
            ReplyMode::SkipNext => {
                out.truncate(start);
                session.reply_mode = ReplyMode::Skip;
            }
            ReplyMode::Skip => {
                out.truncate(start);
                session.reply_mode = ReplyMode::On;
            }
        }
        true
    }

    pub(crate) fn refuse(&mut self, id: SessionId, fault: &Fault, out: &mut Vec<u8>) {
        self.count_error(fault.code());
        let resp3 = self.session(id).is_some_and(|session| session.resp3);
        Reply::new(out, resp3).error(fault);
    }

    /// Finds the command that `args` name, its subcommand where it has some, and checks the arity.
    #[inline]
    pub(super) fn find(&mut self, args: Args) -> Result<Command, Fault> {
        let Some(mut command) = self.table.find_name(args.at(0)) else { return Err(unknown(args)) };
        // `container|sub` is a name for COMMAND INFO, not for clients.
        if command.spec.name.contains('|') {
            return Err(unknown(args));
        }
        if command.has_subcommands && args.len() > 1 {
            let sub = args.at(1);
            command = self.table.find_sub(command.spec, sub).ok_or_else(|| {
                let container = command.spec.name.to_ascii_uppercase();
                Fault::naming("ERR unknown subcommand '", quoted(sub), &format!("'. Try {container} HELP."))
            })?;
        }
        if !command.spec.takes(args.len()) || matches!(command.run, Run::Container) {
            self.command_stats[command.index as usize].rejected += 1;
            return Err(Fault::Arity(command.spec.name));
        }
        Ok(command)
    }

    /// The gates, in Redis' order.
    #[inline]
    fn admit(&mut self, id: SessionId, command: Command, args: Args) -> Result<(), Fault> {
        let session = self.session(id).expect("the caller is open");
        if !session.authenticated && !self.acl.open && !command.spec.has(flags::NO_AUTH) {
            return Err(Fault::Text("NOAUTH Authentication required."));
        }
        if session.transaction.is_some() && command.spec.has(flags::NO_MULTI) {
            return Err(Fault::Text("ERR Command not allowed inside a transaction"));
        }
        if !session.unrestricted {
            self.check_permission(id, command, args)?;
        }
        self.check_memory(id, command, args)?;
        if self.persist.refuses() {
            self.check_store(command.spec)?;
        }
        let session = self.session(id).expect("the caller is open");
        if session.only_listens() {
            let name = command.spec.name;
            if !matches!(
                name,
                "ping"
                    | "subscribe"
                    | "ssubscribe"
                    | "psubscribe"
                    | "unsubscribe"
                    | "sunsubscribe"
                    | "punsubscribe"
                    | "quit"
                    | "reset"
            ) {
                return Err(Fault::made(format!(
                    "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
                )));
            }
        }
        if self.import.as_ref().is_some_and(|import| import.session != id) && !session.loads(command) {
            return Err(Fault::Text("LOADING Redis is loading the dataset in memory"));
        }
        if session.monitor && command.spec.flags & (flags::WRITE | flags::READONLY | flags::MAY_REPLICATE) != 0 {
            return Err(Fault::Text("ERR Replica can't interact with the keyspace"));
        }
        Ok(())
    }

    /// Runs a command that passed the gates. Its reply is in `out`, unless it waits.
    pub(crate) fn perform(&mut self, id: SessionId, command: Command, args: Args, out: &mut Vec<u8>) -> Outcome {
        let start = out.len();
        let Some(session) = self.session(id) else { return Outcome::Done };
        let (db, resp3) = (session.db, session.resp3);
        self.keyspace.touches = !session.no_touch || command.spec.name == "touch";
        let begun = self.start_timing(command);
        let handled = match command.run {
            Run::Data(handler) => {
                let databases = self.keyspace.databases();
                let mut context = Context {
                    keys: self.keyspace.keys(db),
                    reply: Reply::new(out, resp3),
                    name: command.spec.name,
                    databases,
                };
                handler(&mut context, args)
            }
            Run::Power(handler) => handler(self, Call { session: id, args, spec: command.spec, out, resp3 }),
            Run::Container => Err(Fault::Syntax),
        };
        let handled = if lost() { Err(Fault::REPLY_LOST) } else { handled };
        let outcome = match handled {
            Ok(outcome) => outcome,
            Err(fault) => {
                out.truncate(start);
                self.refuse(id, &fault, out);
                self.command_stats[command.index as usize].failed += 1;
                Outcome::Done
            }
        };
        if let Some(begun) = begun.filter(|_| outcome == Outcome::Done) {
            self.end_timing(id, command, args, begun);
        }
        // A command that waits is counted when it has been served.
        self.command_stats[command.index as usize].calls += (outcome == Outcome::Done) as u64;
        if self.wants_effects() {
            let verbatim = self.keyspace.changes.dirty > 0 && command.spec.has(flags::WRITE);
            self.record(db, verbatim.then_some(args));
        }
        outcome
    }

    /// Lets those who look on see a command that has run: monitors, unless they saw it when it began to wait, and the
    /// table of tracked keys.
    #[inline]
    pub(crate) fn observe(&mut self, id: SessionId, command: Command, args: Args, seen: bool) {
        if !seen && !self.monitors.is_empty() {
            self.feed_monitors(id, command, args);
        }
        if self.tracks() {
            self.remember_keys(id, command, args);
        }
    }

    /// Passes on what was changed: to those who watch, to those who wait, to those who listen.
    #[inline(always)]
    pub(crate) fn settle_changes(&mut self) {
        let changes = &mut self.keyspace.changes;
        self.persist.changes += changes.dirty;
        changes.dirty = 0;
        let quiet = changes.touched.is_empty() && changes.woken.is_empty() && !changes.whole;
        if quiet && changes.events.is_empty() && changes.removals.is_empty() {
            return;
        }
        self.settle_recorded();
    }

    #[cold]
    #[inline(never)]
    fn settle_recorded(&mut self) {
        let changes = &mut self.keyspace.changes;
        let (whole, flushed) = (std::mem::take(&mut changes.whole), std::mem::take(&mut changes.flushed));
        let tracks = self.tracks();
        if flushed && tracks {
            self.invalidate_all();
        }
        for (db, key) in std::mem::take(&mut self.keyspace.changes.woken) {
            self.waits.written(db, &key);
        }
        for name in std::mem::take(&mut self.keyspace.changes.touched) {
            if tracks && !whole {
                self.invalidate(&name.1);
            }
            self.waits.written(name.0, &name.1);
            if let Some(watchers) = self.watches.get(&name) {
                for id in watchers.clone() {
                    if let Some(session) = self.session_mut(id) {
                        session.watch_broken = true;
                    }
                }
            }
        }
        if !self.keyspace.changes.removals.is_empty() {
            self.record(0, None);
        }
        if !self.keyspace.changes.events.is_empty() {
            let events = std::mem::take(&mut self.keyspace.changes.events);
            self.publish_events(events);
        }
    }
}

/// Repeats the client's own bytes, whatever they are.
/// Whether a command's name is how a request over HTTP looks to a parser of RESP.
fn is_web_request(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

fn unknown(args: Args) -> Fault {
    let mut text = b"ERR unknown command '".to_vec();
    text.extend_from_slice(quoted(args.at(0)));
    text.extend_from_slice(b"', with args beginning with: ");
    let start = text.len();
    for arg in args.iter_from(1) {
        let given = text.len() - start;
        if given >= QUOTED {
            break;
        }
        text.push(b'\'');
        let arg = quoted(arg);
        text.extend_from_slice(&arg[..arg.len().min(QUOTED - given)]);
        text.extend_from_slice(b"' ");
    }
    Fault::made(text)
}

/// The error of an EXEC that was refused before it ran.
fn exec_abort(fault: &Fault) -> Fault {
    let reason = fault.bytes();
    let reason = reason.strip_prefix(b"ERR ").unwrap_or(&reason);
    Fault::made([b"EXECABORT Transaction discarded because of: ", reason].concat())
}
