//! Channels: who listens to what, and passing messages on.
//!
//! Every table here is ordered, so that the same subscriptions are served in the same order in every run.
//! Publishing costs one look-up in the channels, one match for each distinct pattern, and a copy for each receiver.

use super::{Call, Engine, PowerHandler, ReplyMode, Session, SessionId};
use crate::bytes::glob;
use crate::commands::{Handled, Outcome};
use crate::keyspace::Event;
use crate::resp::{Fault, Reply};
use crate::structures::ordered::{OrderedMap, OrderedSet};

crate::commands! {
    /// The publish and subscribe commands.
    pub static TABLE: PowerHandler, group "pubsub";

    /// Listens to every channel whose name matches one of the patterns.
    "psubscribe" {
        since "2.0.0", cost "O(N) where N is the number of patterns", flags [LOADING NOSCRIPT PUBSUB STALE],
        args "pattern:pattern...",
        reply "any",
        run psubscribe,
    }
    /// Sends a message to everybody who listens to a channel, and answers how many received it.
    "publish" {
        since "2.0.0",
        cost "O(N+M) where N is the number of receivers and M the number of patterns anybody listens to",
        flags [FAST LOADING PUBSUB STALE MAY_REPLICATE],
        args "channel message",
        reply "int",
        run publish,
    }
    /// Tells who listens to what.
    "pubsub" {
        since "2.8.0", cost "Depends on the subcommand", flags [],
        args "",
        reply "container",
    }
    /// Lists the channels that somebody listens to by name.
    "pubsub|channels" {
        since "2.8.0", cost "O(N) where N is the number of channels", flags [LOADING PUBSUB STALE],
        args "[pattern:pattern]",
        reply "[bytes]",
        run pubsub_channels,
    }
    /// Explains the subcommands.
    "pubsub|help" {
        since "6.2.0", cost "O(1)", flags [LOADING STALE],
        args "",
        reply "[simple]",
        run super::help,
    }
    /// Counts the distinct patterns that anybody listens to.
    "pubsub|numpat" {
        since "2.8.0", cost "O(1)", flags [LOADING PUBSUB STALE],
        args "",
        reply "int",
        run pubsub_numpat,
    }
    /// Counts, for each of the given channels, who listens to it by name.
    "pubsub|numsub" {
        since "2.8.0", cost "O(N) where N is the number of given channels", flags [LOADING PUBSUB STALE],
        args "[channel...]",
        reply "[any]",
        run pubsub_numsub,
    }
    /// Lists the shard channels that somebody listens to.
    "pubsub|shardchannels" {
        since "7.0.0", cost "O(N) where N is the number of shard channels", flags [LOADING PUBSUB STALE],
        args "[pattern:pattern]",
        reply "[bytes]",
        run pubsub_shardchannels,
    }
    /// Counts, for each of the given shard channels, who listens to it.
    "pubsub|shardnumsub" {
        since "7.0.0", cost "O(N) where N is the number of given shard channels", flags [LOADING PUBSUB STALE],
        args "[shardchannel...]",
        reply "[any]",
        run pubsub_shardnumsub,
    }
    /// Stops listening to patterns; to all when none is given.
    "punsubscribe" {
        since "2.0.0", cost "O(N) where N is the number of patterns", flags [LOADING NOSCRIPT PUBSUB STALE],
        args "[pattern:pattern...]",
        reply "any",
        run punsubscribe,
    }
    /// Sends a message to everybody who listens to a shard channel, and answers how many received it.
    "spublish" {
        since "7.0.0", cost "O(N) where N is the number of receivers",
        flags [FAST LOADING PUBSUB STALE MAY_REPLICATE],
        args "shardchannel@not_key message",
        reply "int",
        run spublish,
    }
    /// Listens to shard channels.
    "ssubscribe" {
        since "7.0.0", cost "O(N) where N is the number of shard channels", flags [LOADING NOSCRIPT PUBSUB STALE],
        args "shardchannel@not_key...",
        reply "any",
        run ssubscribe,
    }
    /// Listens to channels.
    "subscribe" {
        since "2.0.0", cost "O(N) where N is the number of channels", flags [LOADING NOSCRIPT PUBSUB STALE],
        args "channel...",
        reply "any",
        run subscribe,
    }
    /// Stops listening to shard channels; to all when none is given.
    "sunsubscribe" {
        since "7.0.0", cost "O(N) where N is the number of shard channels", flags [LOADING NOSCRIPT PUBSUB STALE],
        args "[shardchannel@not_key...]",
        reply "any",
        run sunsubscribe,
    }
    /// Stops listening to channels; to all when none is given.
    "unsubscribe" {
        since "2.0.0", cost "O(N) where N is the number of channels", flags [LOADING NOSCRIPT PUBSUB STALE],
        args "[channel...]",
        reply "any",
        run unsubscribe,
    }
}

type Listeners = OrderedMap<Box<[u8]>, OrderedSet<SessionId>>;

/// Who listens to what.
#[derive(Default)]
pub(crate) struct Subscriptions {
    channels: Listeners,
    patterns: Listeners,
    shard_channels: Listeners,
}

impl Subscriptions {
    pub(crate) fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty() && self.shard_channels.is_empty()
    }

    /// How many channels, patterns and shard channels have listeners.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        (self.channels.len(), self.patterns.len(), self.shard_channels.len())
    }

    fn of(&self, kind: Kind) -> &Listeners {
        match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
            Kind::Shard => &self.shard_channels,
        }
    }

    /// Takes a listener off a name; a name that nobody listens to is forgotten.
    fn remove(&mut self, kind: Kind, name: &[u8], id: SessionId) {
        let listeners = self.of_mut(kind);
        if let Some(ids) = listeners.get_mut(name) {
            ids.remove(&id);
            if ids.is_empty() {
                listeners.remove(name);
            }
        }
    }

    fn of_mut(&mut self, kind: Kind) -> &mut Listeners {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Shard => &mut self.shard_channels,
        }
    }
}

/// What a subscription names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Channel,
    Pattern,
    Shard,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Channel, Kind::Pattern, Kind::Shard];

    fn words(self) -> (&'static [u8], &'static [u8]) {
        match self {
            Kind::Channel => (b"subscribe", b"unsubscribe"),
            Kind::Pattern => (b"psubscribe", b"punsubscribe"),
            Kind::Shard => (b"ssubscribe", b"sunsubscribe"),
        }
    }

    fn of(self, session: &mut Session) -> &mut OrderedSet<Box<[u8]>> {
        match self {
            Kind::Channel => &mut session.channels,
            Kind::Pattern => &mut session.patterns,
            Kind::Shard => &mut session.shard_channels,
        }
    }

    /// The count that confirmations carry: shard channels are counted apart.
    fn count(self, session: &Session) -> usize {
        match self {
            Kind::Shard => session.shard_channels.len(),
            _ => session.channels.len() + session.patterns.len(),
        }
    }
}

/// Writes a confirmation. It is a push: CLIENT REPLY OFF does not hold it back.
fn confirm(engine: &mut Engine, call: &mut Call, kind: Kind, word: &[u8], name: Option<&[u8]>) {
    let session = engine.caller(call);
    let count = kind.count(session);
    let resp3 = session.resp3;
    let out = if session.reply_mode == ReplyMode::On { &mut *call.out } else { &mut session.out };
    let mut reply = Reply::new(out, resp3);
    reply.push(3);
    reply.bulk(word);
    match name {
        Some(name) => reply.bulk(name),
        None => reply.null(),
    }
    reply.count(count);
}

fn listen(engine: &mut Engine, mut call: Call, kind: Kind) -> Handled {
    for name in call.args.iter_from(1) {
        if kind.of(engine.caller(&call)).insert(name.into()) {
            engine.subscriptions.of_mut(kind).or_default(name.into()).insert(call.session);
        }
        confirm(engine, &mut call, kind, kind.words().0, Some(name));
    }
    engine.refresh_listeners();
    Ok(Outcome::Done)
}

fn leave(engine: &mut Engine, mut call: Call, kind: Kind) -> Handled {
    let all: Vec<Box<[u8]>>;
    let names: Vec<&[u8]> = if call.args.len() > 1 {
        call.args.iter_from(1).collect()
    } else {
        all = kind.of(engine.caller(&call)).iter().cloned().collect();
        all.iter().map(|name| &**name).collect()
    };
    if names.is_empty() {
        confirm(engine, &mut call, kind, kind.words().1, None);
    }
    for name in names {
        if kind.of(engine.caller(&call)).remove(name) {
            engine.subscriptions.remove(kind, name, call.session);
        }
        confirm(engine, &mut call, kind, kind.words().1, Some(name));
    }
    engine.refresh_listeners();
    Ok(Outcome::Done)
}

fn subscribe(engine: &mut Engine, call: Call) -> Handled {
    listen(engine, call, Kind::Channel)
}

fn psubscribe(engine: &mut Engine, call: Call) -> Handled {
    listen(engine, call, Kind::Pattern)
}

fn ssubscribe(engine: &mut Engine, call: Call) -> Handled {
    listen(engine, call, Kind::Shard)
}

fn unsubscribe(engine: &mut Engine, call: Call) -> Handled {
    leave(engine, call, Kind::Channel)
}

fn punsubscribe(engine: &mut Engine, call: Call) -> Handled {
    leave(engine, call, Kind::Pattern)
}

fn sunsubscribe(engine: &mut Engine, call: Call) -> Handled {
    leave(engine, call, Kind::Shard)
}

fn publish(engine: &mut Engine, mut call: Call) -> Handled {
    let receivers = engine.publish(call.args.at(1), call.args.at(2));
    call.reply().count(receivers);
    Ok(Outcome::Done)
}

fn spublish(engine: &mut Engine, mut call: Call) -> Handled {
    let (channel, message) = (call.args.at(1), call.args.at(2));
    let receivers = engine.deliver(Kind::Shard, channel, &[b"smessage", channel, message]);
    call.reply().count(receivers);
    Ok(Outcome::Done)
}

fn list(engine: &mut Engine, mut call: Call, kind: Kind) -> Handled {
    if call.args.len() > 3 {
        return Err(Fault::bad_subcommand(call.args));
    }
    let pattern = call.args.get(2);
    let mut reply = call.reply();
    let mark = reply.defer();
    let mut count = 0;
    for name in engine.subscriptions.of(kind).keys() {
        if pattern.is_none_or(|pattern| glob::matches(pattern, name, false)) {
            reply.bulk(name);
            count += 1;
        }
    }
    reply.fill_array(mark, count);
    Ok(Outcome::Done)
}

fn pubsub_channels(engine: &mut Engine, call: Call) -> Handled {
    list(engine, call, Kind::Channel)
}

fn pubsub_shardchannels(engine: &mut Engine, call: Call) -> Handled {
    list(engine, call, Kind::Shard)
}

fn count(engine: &mut Engine, mut call: Call, kind: Kind) -> Handled {
    let names = call.args.iter_from(2);
    let mut reply = call.reply();
    reply.array(names.len() * 2);
    for name in names {
        reply.bulk(name);
        reply.count(engine.subscriptions.of(kind).get(name).map_or(0, OrderedSet::len));
    }
    Ok(Outcome::Done)
}

fn pubsub_numsub(engine: &mut Engine, call: Call) -> Handled {
    count(engine, call, Kind::Channel)
}

fn pubsub_shardnumsub(engine: &mut Engine, call: Call) -> Handled {
    count(engine, call, Kind::Shard)
}

fn pubsub_numpat(engine: &mut Engine, mut call: Call) -> Handled {
    call.reply().count(engine.subscriptions.patterns.len());
    Ok(Outcome::Done)
}

impl Engine {
    /// Sends a message to everybody who listens to `channel`, by name or by pattern; how many received it.
    pub fn publish(&mut self, channel: &[u8], message: &[u8]) -> usize {
        if self.subscriptions.is_empty() {
            return 0;
        }
        let mut receivers = self.deliver(Kind::Channel, channel, &[b"message", channel, message]);
        if !self.subscriptions.patterns.is_empty() {
            let matching: Vec<Box<[u8]>> = (self.subscriptions.patterns.keys())
                .filter(|pattern| glob::matches(pattern, channel, false))
                .cloned()
                .collect();
            for pattern in matching {
                receivers += self.deliver(Kind::Pattern, &pattern, &[b"pmessage", &pattern, channel, message]);
            }
        }
        receivers
    }

    /// Writes a push to everybody who listens to `name`.
    fn deliver(&mut self, kind: Kind, name: &[u8], parts: &[&[u8]]) -> usize {
        let Some(listeners) = self.subscriptions.of(kind).get(name) else { return 0 };
        let listeners: Vec<SessionId> = listeners.iter().copied().collect();
        // The protocols differ in the first byte alone: the rest is written once.
        let mut push = Vec::new();
        let mut reply = Reply::new(&mut push, true);
        reply.push(parts.len());
        parts.iter().for_each(|part| reply.bulk(part));
        for &id in &listeners {
            self.write_to(id, |reply| {
                reply.raw(if reply.resp3() { b">" } else { b"*" });
                reply.raw(&push[1..]);
            });
        }
        listeners.len()
    }

    /// Publishes what happened to keys, as far as `notify-keyspace-events` asks for it.
    pub(crate) fn publish_events(&mut self, events: Vec<Event>) {
        for event in events {
            let db = event.db;
            if self.notify & NOTIFY_KEYSPACE != 0 {
                let channel = [format!("__keyspace@{db}__:").as_bytes(), &event.key].concat();
                self.publish(&channel, event.name.as_bytes());
            }
            if self.notify & NOTIFY_KEYEVENT != 0 {
                self.publish(format!("__keyevent@{db}__:{}", event.name).as_bytes(), &event.key);
            }
        }
    }

    /// The classes of events that somebody may hear.
    pub(crate) fn heard_events(&self) -> u32 {
        let published = self.notify & (NOTIFY_KEYSPACE | NOTIFY_KEYEVENT) != 0;
        if published && !self.subscriptions.is_empty() {
            self.notify
        } else {
            0
        }
    }

    /// Ends all subscriptions of a session without telling it.
    pub(crate) fn forget_subscriptions(&mut self, id: SessionId) {
        for kind in Kind::ALL {
            let Some(session) = self.session_mut(id) else { return };
            for name in std::mem::take(kind.of(session)) {
                self.subscriptions.remove(kind, &name, id);
            }
        }
        self.refresh_listeners();
    }
}

/// Bit of `notify-keyspace-events` for `__keyspace@…` channels, beside the classes of [`crate::keyspace::Class`].
pub(crate) const NOTIFY_KEYSPACE: u32 = 1 << 0;
/// Bit of `notify-keyspace-events` for `__keyevent@…` channels.
pub(crate) const NOTIFY_KEYEVENT: u32 = 1 << 1;

#[cfg(test)]
#[path = "pubsub_tests.rs"]
mod tests;
