//! What a command changed: effects for those who must repeat it, events for those who listen to keys, touched
//! keys for those who watch or wait. Each list is kept only while somebody reads it, so that a plain SET in a
//! cache without listeners pays for one counter.

/// The class of a keyspace event, as the letters of `notify-keyspace-events` name them.
pub struct Class;

#[allow(missing_docs)]
impl Class {
    pub const GENERIC: u32 = 1 << 2;
    pub const STRING: u32 = 1 << 3;
    pub const LIST: u32 = 1 << 4;
    pub const SET: u32 = 1 << 5;
    pub const HASH: u32 = 1 << 6;
    pub const SORTED_SET: u32 = 1 << 7;
    pub const EXPIRED: u32 = 1 << 8;
    pub const EVICTED: u32 = 1 << 9;
    pub const STREAM: u32 = 1 << 10;
    pub const KEY_MISS: u32 = 1 << 11;
    pub const NEW: u32 = 1 << 14;
}

/// A keyspace event: a class, the event's name, the key it happened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// One of [`Class`].
    pub class: u32,
    /// As in Redis: `set`, `lpush`, `expired`...
    pub name: &'static str,
    /// The key.
    pub key: Box<[u8]>,
    /// The database it is in.
    pub db: usize,
}

/// A deterministic command that reproduces a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The database it runs in.
    pub db: usize,
    /// The command's name and arguments.
    pub argv: Vec<Box<[u8]>>,
}

/// What the running command changed so far. The engine empties it after each command.
#[derive(Debug, Default)]
pub struct Changes {
    /// How many changes, as Redis counts them.
    pub dirty: u64,
    /// Effects that stand for the command; none means that the command itself is its effect.
    pub effects: Vec<Effect>,
    /// Deletions of expired or evicted keys, which come before the command's own effects.
    pub removals: Vec<Effect>,
    /// Keyspace events in order.
    pub events: Vec<Event>,
    /// Keys that were written, with their databases.
    pub touched: Vec<(usize, Box<[u8]>)>,
    /// Keys whose waiting commands are to look again, with their databases; those who watch them see no change.
    pub woken: Vec<(usize, Box<[u8]>)>,
    /// Somebody reads the effects.
    pub record_effects: bool,
    /// Classes of events that somebody reads.
    pub record_events: u32,
    /// A whole database was changed at once. Its keys are not among the touched ones for those who track, only for
    /// those who watch or wait.
    pub whole: bool,
    /// A database was emptied.
    pub flushed: bool,
    /// Somebody watches, waits for or tracks keys.
    pub record_touched: bool,
    /// Somebody watches or waits for keys, and must know every key of a database that changes whole.
    pub record_whole: bool,
}

impl Changes {
    /// Puts `argv` in the place of the command that runs as what reproduces its change; several add up.
    pub fn effect(&mut self, db: usize, argv: &[&[u8]]) {
        if self.record_effects {
            self.effects.push(Effect { db, argv: argv.iter().map(|&arg| arg.into()).collect() });
        }
    }

    /// Records that an expired or evicted key was removed.
    pub fn removal(&mut self, db: usize, key: &[u8]) {
        if self.record_effects {
            self.removals.push(Effect { db, argv: vec![b"DEL".as_slice().into(), key.into()] });
        }
    }

    /// Records an event.
    #[inline(always)]
    pub fn notify(&mut self, class: u32, name: &'static str, key: &[u8], db: usize) {
        if self.record_events & class != 0 {
            self.note_event(class, name, key, db);
        }
    }

    #[cold]
    #[inline(never)]
    fn note_event(&mut self, class: u32, name: &'static str, key: &[u8], db: usize) {
        self.events.push(Event { class, name, key: key.into(), db });
    }

    /// Records that a key was written.
    #[inline(always)]
    pub fn touch(&mut self, db: usize, key: &[u8]) {
        if self.record_touched {
            self.note_touched(db, key);
        }
    }

    #[cold]
    #[inline(never)]
    fn note_touched(&mut self, db: usize, key: &[u8]) {
        self.touched.push((db, key.into()));
    }
}
