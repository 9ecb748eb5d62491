//! Sessions whose connections outlive the engine: what one is, as bytes, and one that is the same again.
//!
//! ```text
//! | flags u8 | db u16 | length u8, user | length u16, name | SUBSCRIBE … in RESP |     little-endian
//! ```

use super::{Engine, SessionId};
use crate::engine::acl::NOBODY;
use crate::engine::session::ReplyMode;

const RESP3: u8 = 1;
const TRUSTED: u8 = 2;
const AUTHENTICATED: u8 = 4;
const NO_EVICT: u8 = 8;
const NO_TOUCH: u8 = 16;

impl Engine {
    /// A session as bytes; `None` while it holds what these cannot say: a transaction, watched keys, a wait, a part of a command
    /// or of a reply, tracking, MONITOR.
    pub fn remember(&self, id: SessionId) -> Option<Vec<u8>> {
        let session = self.session(id)?;
        let holds = session.transaction.is_some()
            || !session.watched.is_empty()
            || session.blocked.is_some()
            || session.tracks.is_some()
            || session.monitor
            || session.reply_mode != ReplyMode::On
            || session.unprocessed() + session.unsent() > 0
            || session.closing
            || session.killed;
        let user = if session.user == NOBODY { &b""[..] } else { self.acl.name(session.user) };
        let (user_length, name_length) = (u8::try_from(user.len()).ok()?, u16::try_from(session.name.len()).ok()?);
        if holds {
            return None;
        }
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        let mut bytes = vec![
            flag(session.resp3, RESP3)
                | flag(session.user == NOBODY, TRUSTED)
                | flag(session.authenticated, AUTHENTICATED)
                | flag(session.no_evict, NO_EVICT)
                | flag(session.no_touch, NO_TOUCH),
        ];
        bytes.extend_from_slice(&(session.db as u16).to_le_bytes());
        bytes.push(user_length);
        bytes.extend_from_slice(user);
        bytes.extend_from_slice(&name_length.to_le_bytes());
        bytes.extend_from_slice(&session.name);
        let lists = [
            ("SUBSCRIBE", &session.channels),
            ("PSUBSCRIBE", &session.patterns),
            ("SSUBSCRIBE", &session.shard_channels),
        ];
        for (command, names) in lists {
            for name in names.iter() {
                bytes.extend_from_slice(
                    format!("*2\r\n${}\r\n{command}\r\n${}\r\n", command.len(), name.len()).as_bytes(),
                );
                bytes.extend_from_slice(name);
                bytes.extend_from_slice(b"\r\n");
            }
        }
        Some(bytes)
    }

    /// Makes a new session what [`Engine::remember`] said of another. False where it cannot be: its user is gone.
    pub fn resume(&mut self, id: SessionId, mut bytes: &[u8]) -> bool {
        let mut take = |length: usize| {
            let (taken, rest) = bytes.split_at_checked(length)?;
            bytes = rest;
            Some(taken)
        };
        let mut read = || {
            let flags = *take(1)?.first()?;
            let db = u16::from_le_bytes(take(2)?.try_into().ok()?);
            let length = *take(1)?.first()?;
            let user = take(length as usize)?;
            let length = u16::from_le_bytes(take(2)?.try_into().ok()?);
            Some((flags, db as usize, user, take(length as usize)?))
        };
        let Some((flags, db, user, name)) = read() else { return false };
        let user = if flags & TRUSTED != 0 { Some(NOBODY) } else { self.acl.id_of(user) };
        let Some(user) = user.filter(|_| db < self.keyspace.databases()) else { return false };
        let unrestricted = self.acl.is_unrestricted(user);
        let Some(session) = self.session_mut(id) else { return false };
        session.user = user;
        session.unrestricted = unrestricted;
        session.authenticated = flags & AUTHENTICATED != 0;
        session.resp3 = flags & RESP3 != 0;
        session.no_evict = flags & NO_EVICT != 0;
        session.no_touch = flags & NO_TOUCH != 0;
        session.db = db;
        session.name = name.to_vec();
        self.receive(id, bytes);
        let confirmed = self.output(id).len();
        self.sent(id, confirmed);
        true
    }
}

#[cfg(test)]
#[path = "hibernation_tests.rs"]
mod tests;
