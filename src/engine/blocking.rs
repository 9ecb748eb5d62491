//! Commands that wait for keys: who waits for what, serving them in Redis' order, giving up in time.
//!
//! A waiting command is kept whole and run again when one of its keys was written. Clients are served per key in
//! the order in which they began to wait; keys in the order in which they were written.

use super::{Engine, SessionId};
use crate::commands::{Outcome, TimeoutReply, Wait};
use crate::resp::{join, Args, Reply, Span};
use crate::structures::ordered::{OrderedMap, OrderedSet};
use std::collections::VecDeque;

/// A command with its arguments, kept beyond the input it came from.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeptArgs {
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

impl KeptArgs {
    pub(crate) fn new(args: Args) -> Self {
        Self::of(args.iter_from(0))
    }

    fn of<'a>(args: impl ExactSizeIterator<Item = &'a [u8]>) -> Self {
        let mut kept = KeptArgs { bytes: Vec::new(), spans: Vec::with_capacity(args.len()) };
        for arg in args {
            kept.spans.push(Span { start: kept.bytes.len() as u32, len: arg.len() as u32 });
            kept.bytes.extend_from_slice(arg);
        }
        kept
    }

    pub(crate) fn args(&self) -> Args<'_> {
        Args::new(&self.bytes, &self.spans)
    }

    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }
}

/// A session's waiting command.
pub(crate) struct Blocked {
    pub(crate) command: super::table::Command,
    pub(crate) args: KeptArgs,
    pub(crate) wait: Box<Wait>,
    pub(crate) db: usize,
}

/// Who waits for what.
#[derive(Default)]
pub(crate) struct Waits {
    queues: OrderedMap<(usize, Box<[u8]>), VecDeque<SessionId>>,
    deadlines: OrderedSet<(i64, SessionId)>,
    /// Keys that were written and that somebody waits for, in order.
    ready: VecDeque<(usize, Box<[u8]>)>,
    pub(crate) count: usize,
}

impl Waits {
    /// Notes that a key was written.
    pub(crate) fn written(&mut self, db: usize, key: &[u8]) {
        if self.queues.is_empty() {
            return;
        }
        let name = (db, key.into());
        if self.queues.contains_key(&name) && !self.ready.contains(&name) {
            self.ready.push_back(name);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn next_deadline(&self) -> Option<i64> {
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }

    /// How many keys are waited for.
    pub(crate) fn keys(&self) -> usize {
        self.queues.len()
    }
}

impl TimeoutReply {
    pub(crate) fn write(self, reply: &mut Reply) {
        match self {
            TimeoutReply::Null => reply.null(),
            TimeoutReply::NullArray | TimeoutReply::NullArrayOrNull => reply.null_array(),
            TimeoutReply::Zero => reply.int(0),
            TimeoutReply::ZeroZero => {
                reply.array(2);
                reply.int(0);
                reply.int(0);
            }
        }
    }

    /// What is answered at once where waiting is not allowed.
    pub(crate) fn write_refusal(self, reply: &mut Reply) {
        match self {
            TimeoutReply::Null | TimeoutReply::NullArrayOrNull => reply.null(),
            _ => self.write(reply),
        }
    }
}

impl Engine {
    /// Puts a session to wait.
    pub(crate) fn block(&mut self, id: SessionId, command: super::table::Command, args: Args, mut wait: Box<Wait>) {
        let Some(session) = self.session_mut(id) else { return };
        let db = session.db;
        let (keys, deadline) = (wait.keys.clone(), wait.deadline);
        let args = match wait.again.take() {
            Some(again) => KeptArgs::of(again.iter().map(|arg| &**arg)),
            None => KeptArgs::new(args),
        };
        session.blocked = Some(Blocked { command, args, wait, db });
        for key in keys {
            let queue = self.waits.queues.or_default((db, key));
            if !queue.contains(&id) {
                queue.push_back(id);
            }
        }
        if let Some(deadline) = deadline {
            self.waits.deadlines.insert((deadline, id));
        }
        self.waits.count += 1;
        self.next_epoch();
        self.refresh_listeners();
    }

    /// Ends a session's wait without a reply; what it waited with.
    pub(crate) fn unblock(&mut self, id: SessionId) -> Option<Blocked> {
        let blocked = self.session_mut(id)?.blocked.take()?;
        self.forget_store_wait(id);
        for key in &blocked.wait.keys {
            let name = (blocked.db, key.clone());
            if let Some(queue) = self.waits.queues.get_mut(&name) {
                queue.retain(|&waiting| waiting != id);
                if queue.is_empty() {
                    self.waits.queues.remove(&name);
                }
            }
        }
        if let Some(deadline) = blocked.wait.deadline {
            self.waits.deadlines.remove(&(deadline, id));
        }
        self.waits.count -= 1;
        self.refresh_listeners();
        Some(blocked)
    }

    /// Ends a wait with what its time-out answers, and goes on with the session's input later.
    pub(crate) fn time_out(&mut self, id: SessionId) {
        let local = self.logged_for(id);
        if let Some(blocked) = self.unblock(id) {
            if blocked.wait.kind == super::persistence::LOGGED {
                self.write_to(id, |reply| {
                    reply.array(2);
                    reply.int(local as i64);
                    reply.int(0);
                });
                self.resumable.push_back(id);
                return;
            }
            self.write_to(id, |reply| blocked.wait.on_timeout.write(reply));
            self.resumable.push_back(id);
        }
    }

    /// Ends the waits whose time is up.
    pub(crate) fn time_out_waits(&mut self) {
        while let Some(&(deadline, id)) = self.waits.deadlines.first() {
            if deadline > self.keyspace.now() {
                break;
            }
            self.time_out(id);
        }
    }

    /// Runs the waiting commands of written keys again, until no key is left that could serve somebody.
    #[inline(always)]
    pub(crate) fn serve_waits(&mut self) {
        if !self.waits.ready.is_empty() {
            self.serve_ready();
        }
    }

    #[cold]
    #[inline(never)]
    fn serve_ready(&mut self) {
        // What an import reads is whole only at its end.
        if self.keyspace.holds_expiry {
            return;
        }
        while let Some((db, key)) = self.waits.ready.pop_front() {
            let Some(queue) = self.waits.queues.get(&(db, key.clone())) else { continue };
            for id in queue.clone() {
                let Some(blocked) = self.session(id).and_then(|session| session.blocked.as_ref()) else { continue };
                let (kind, any_change) = (blocked.wait.kind, blocked.wait.any_change);
                let fits = self.keyspace.keys(db).peek(&key).is_some_and(|entry| entry.value().type_name() == kind);
                if !fits && !any_change {
                    continue;
                }
                self.retry(id);
                self.settle_changes();
            }
        }
    }

    fn retry(&mut self, id: SessionId) {
        let Some(session) = self.session_mut(id) else { return };
        let Some(blocked) = session.blocked.take() else { return };
        let mut out = session.take_output();
        let db = std::mem::replace(&mut session.db, blocked.db);
        let client = self.session(id).map_or(0, |session| session.client_id);
        let current = self.current.replace((id, client));
        // Permissions may have changed while it waited.
        let permitted = match self.session(id).is_some_and(|session| !session.unrestricted) {
            true => self.check_permission(id, blocked.command, blocked.args.args()),
            false => Ok(()),
        };
        let permitted = permitted.and_then(|()| self.check_room(id, blocked.command, blocked.args.args()));
        let outcome = match permitted {
            Ok(()) => self.perform(id, blocked.command, blocked.args.args(), &mut out),
            Err(fault) => {
                self.refuse(id, &fault, &mut out);
                Outcome::Done
            }
        };
        self.settle_changes();
        self.observe(id, blocked.command, blocked.args.args(), true);
        self.current = current;
        if let Some(session) = self.session_mut(id) {
            session.db = db;
            join(&mut out, &mut session.out);
            session.out = out;
            session.blocked = Some(blocked);
            if matches!(outcome, Outcome::Done) {
                self.unblock(id);
                self.list(id);
                self.resumable.push_back(id);
            }
        }
    }
}
