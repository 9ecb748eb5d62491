//! ACL LOG: what was refused, newest first; what repeats within a minute is counted, not listed again.

use super::check::Reason;
use crate::resp::Reply;
use std::collections::VecDeque;

/// Entries that are looked at for a repetition.
const LOOK_BACK: usize = 10;

/// Milliseconds within which the same refusal counts as a repetition.
const REPEATS_WITHIN: i64 = 60_000;

/// Longest part of a client's own words that is kept.
const KEPT: usize = 4096;

struct Entry {
    count: i64,
    reason: Reason,
    context: &'static str,
    object: Box<[u8]>,
    username: Box<[u8]>,
    client: String,
    id: i64,
    created: i64,
    updated: i64,
}

/// The log.
pub(crate) struct Log {
    entries: VecDeque<Entry>,
    next: i64,
    longest: usize,
}

impl Default for Log {
    fn default() -> Self {
        Log { entries: VecDeque::new(), next: 0, longest: 128 }
    }
}

/// What is noted of a refusal.
pub(crate) struct Refusal<'a> {
    pub(crate) reason: Reason,
    pub(crate) in_transaction: bool,
    pub(crate) object: &'a [u8],
    pub(crate) username: &'a [u8],
    pub(crate) client: String,
}

impl Log {
    /// Sets `acllog-max-len`.
    pub(crate) fn set_longest(&mut self, longest: usize) {
        self.longest = longest;
        self.entries.truncate(longest);
    }

    pub(crate) fn add(&mut self, refusal: Refusal, now: i64) {
        let Refusal { reason, in_transaction, object, username, client } = refusal;
        let context = if in_transaction { "multi" } else { "toplevel" };
        let (object, username) = (&object[..object.len().min(KEPT)], &username[..username.len().min(KEPT)]);
        let same = self.entries.iter().take(LOOK_BACK).position(|entry| {
            entry.reason == reason
                && entry.context == context
                && (now - entry.updated).abs() <= REPEATS_WITHIN
                && *entry.object == *object
                && *entry.username == *username
        });
        let entry = match same.and_then(|at| self.entries.remove(at)) {
            Some(entry) => Entry { count: entry.count + 1, client, updated: now, ..entry },
            None => {
                let (id, object, username) = (self.next, object.into(), username.into());
                self.next += 1;
                Entry { count: 1, reason, context, object, username, client, id, created: now, updated: now }
            }
        };
        self.entries.push_front(entry);
        self.entries.truncate(self.longest);
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Answers the newest `count` entries.
    pub(crate) fn write(&self, reply: &mut Reply, count: usize, now: i64) {
        let count = count.min(self.entries.len());
        reply.array(count);
        for entry in self.entries.iter().take(count) {
            let reason = match entry.reason {
                Reason::Command => "command",
                Reason::Key => "key",
                Reason::Auth => "auth",
                Reason::Channel => "channel",
            };
            reply.map(10);
            reply.bulk(b"count");
            reply.int(entry.count);
            for (name, text) in [
                ("reason", reason.as_bytes()),
                ("context", entry.context.as_bytes()),
                ("object", &entry.object),
                ("username", &entry.username),
            ] {
                reply.bulk(name.as_bytes());
                reply.bulk(text);
            }
            reply.bulk(b"age-seconds");
            reply.double((now - entry.updated) as f64 / 1000.0);
            reply.bulk(b"client-info");
            reply.bulk(entry.client.as_bytes());
            for (name, number) in [
                ("entry-id", entry.id),
                ("timestamp-created", entry.created),
                ("timestamp-last-updated", entry.updated),
            ] {
                reply.bulk(name.as_bytes());
                reply.int(number);
            }
        }
    }
}
