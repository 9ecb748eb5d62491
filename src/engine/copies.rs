//! For a host that answers reads out of copies of what it read before: when it may, and what it owes the engine for it.
//!
//! A copy is good for a session while three things stand still: the version of the key ([`Keyspace::version`]), what
//! stands between the session and its commands ([`Engine::epoch`]), and the second, in which a read after the first one
//! changes nothing about the key. Its expiry the host must know.
//!
//! [`Keyspace::version`]: crate::keyspace::Keyspace::version

use super::{Command, Engine, SessionId};
use crate::resp::Args;

impl Engine {
    /// Moves whenever anything but a plain command on data happens: to a session, to a setting, to who looks on. Stays
    /// where it is in memory as the engine does.
    #[inline]
    pub fn epoch(&self) -> &u32 {
        &self.epoch
    }

    /// What stands between sessions and their commands may have changed.
    #[inline]
    pub(crate) fn next_epoch(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
    }

    /// The database of a session whose reads may be answered from copies until the epoch moves; `None` while a read
    /// does more than a second one in the same second would have to.
    pub fn copies_for(&self, id: SessionId) -> Option<usize> {
        let session = self.session(id)?;
        let plain = session.is_plain(self.acl.open) && !session.holds_input() && !session.no_touch;
        let silent = self.is_unobserved() && !self.times_everybody() && !self.keyspace.counts_uses();
        (plain && silent).then_some(session.db)
    }

    /// Counts `reads` GETs of a session that the host answered from copies.
    pub fn count_copied(&mut self, id: SessionId, reads: u32) {
        let Some(get) = self.table.find_name(b"get") else { return };
        let Some(session) = self.session_mut(id) else { return };
        session.commands += reads as u64;
        session.last_command = get.spec.name;
        self.stats.commands += reads as u64;
        self.keyspace.stats.hits += reads as u64;
        self.command_stats[get.index as usize].calls += reads as u64;
    }

    /// [`Engine::call`] of a command whose index in the table is known; its name stands among `args` all the same.
    #[inline]
    pub fn call_known(&mut self, id: SessionId, index: usize, args: Args, out: &mut Vec<u8>) {
        match self.table.get(index) {
            Some(command) if self.may_run(id, &command, args) => {
                self.run_plain(id, command, args, out);
                self.finish();
            }
            _ => self.call(id, args, out),
        }
    }

    #[inline(always)]
    fn may_run(&self, id: SessionId, command: &Command, args: Args) -> bool {
        self.passes(id, command, args) && self.session(id).is_some_and(|session| !session.holds_input())
    }
}
