//! The short way of the typed client: commands by their index in the table, and replies that need no bytes as plain numbers.
//! Every command goes through the engine's gates as all do.
//!
//! ```text
//! request: | names of commands | scratch: what JavaScript writes ... |
//!          ^ Mail::base        ^ door_request(door, length)
//! spans:   start and length of each argument, counted from Mail::base; the name's is set here
//! ```

use super::{allocator, enter, Inner};
use crate::engine::{Engine, SessionId};
use crate::resp::{Args, Span};

/// Words that both sides read and write; js/door.ts has the same list. Its address stays the same.
#[repr(C)]
#[derive(Default)]
pub(super) struct Mail {
    /// GETs that JavaScript answered from copies, for the session of the last [`door_read`] before each. Goes round.
    pub(super) copied: u32,
    /// Where [`Engine::epoch`] stands.
    epoch: u32,
    /// Where the request begins.
    pub(super) base: u32,
    /// Where the reply that is a text stands, and its length; the reply that is an integer.
    text: u32,
    length: u32,
    integer: i32,
    /// Where the version of the key of the last [`door_read`] stands; 0 when no copy may be made.
    version: u32,
    /// The database it was read from.
    db: u32,
}

/// What an engine's door has for the short way.
pub(super) struct Lane {
    pub(super) mail: Mail,
    /// By index in the table: where the name stands; empty for what is not plain.
    names: Vec<Span>,
    /// The session of the last [`door_read`], the epoch in which it was looked at, its database if it may have copies.
    reader: (SessionId, u32, Option<usize>),
    /// The session that JavaScript answers from copies, and how many of these answers the engine has counted.
    copier: SessionId,
    pub(super) counted: u32,
}

/// What [`door_run`] and [`door_read`] return in place of a length.
mod code {
    pub(super) const OK: i32 = -1;
    pub(super) const NULL: i32 = -2;
    pub(super) const INTEGER: i32 = -3;
    /// A text of ASCII alone.
    pub(super) const ASCII: i32 = -4;
    pub(super) const TEXT: i32 = -5;
}

impl Lane {
    /// Writes the names of the plain commands into `request`, which is empty.
    pub(super) fn new(engine: &Engine, request: &mut Vec<u8>) -> Self {
        let mut names = Vec::with_capacity(engine.table().commands().len());
        for command in engine.table().commands() {
            let start = request.len();
            if command.is_plain() {
                request.extend(command.spec.name.bytes().map(|byte| byte.to_ascii_uppercase()));
            }
            names.push(Span { start: start as u32, len: (request.len() - start) as u32 });
        }
        Lane { mail: Mail::default(), names, reader: (SessionId::MAX, 0, None), copier: 0, counted: 0 }
    }

    /// Whether the command at `index` may go this way.
    pub(super) fn takes(&self, index: usize) -> bool {
        self.names.get(index).is_some_and(|name| name.len > 0)
    }

    /// Bytes of names at the beginning of the request.
    #[inline]
    pub(super) fn head(&self) -> usize {
        self.names.last().map_or(0, |name| (name.start + name.len) as usize)
    }
}

impl Inner {
    fn run(&mut self, session: SessionId, index: usize, count: usize) -> i32 {
        let Some(&name) = self.lane.names.get(index) else { return 0 };
        let Some(spans) = self.spans.get_mut(..count).filter(|spans| !spans.is_empty()) else { return 0 };
        spans[0] = name;
        self.engine.call_known(session, index, Args::new(&self.request, spans), &mut self.reply);
        self.leave_wants();
        allocator::settle();
        self.outcome()
    }

    /// What the reply says, as a code where that is enough, else its length.
    #[inline]
    fn outcome(&mut self) -> i32 {
        let mail = &mut self.lane.mail;
        match self.reply[..] {
            [b'+', b'O', b'K', b'\r', b'\n'] => return code::OK,
            [b'_', ..] => return code::NULL,
            [b':', ref digits @ .., b'\r', b'\n'] => {
                let number = crate::bytes::number::parse_i64(digits).and_then(|number| i32::try_from(number).ok());
                if let Some(number) = number {
                    mail.integer = number;
                    return code::INTEGER;
                }
            }
            [b'$', ref rest @ ..] => {
                if let Some(header) = rest.iter().take(12).position(|&byte| byte == b'\n') {
                    let text = &rest[header + 1..rest.len() - 2];
                    (mail.text, mail.length) = (text.as_ptr() as u32, text.len() as u32);
                    return if text.is_ascii() { code::ASCII } else { code::TEXT };
                }
            }
            _ => {}
        }
        self.reply.len() as i32
    }

    /// The database from which the value just read for `session` may be copied: it will be there to the end of this
    /// second, if nobody changes it.
    fn source(&mut self, session: SessionId) -> Option<usize> {
        let epoch = *self.engine.epoch();
        if (self.lane.reader.0, self.lane.reader.1) != (session, epoch) {
            self.lane.reader = (session, epoch, self.engine.copies_for(session));
        }
        let db = self.lane.reader.2?;
        let key = Args::new(&self.request, &self.spans).at(1);
        let keyspace = &mut self.engine.keyspace;
        let end = (keyspace.now().div_euclid(1000) + 1) * 1000;
        keyspace.keys(db).expiry(key)?.is_none_or(|at| at >= end).then_some(db)
    }

    /// Counts what JavaScript answered from copies.
    #[cold]
    #[inline(never)]
    pub(super) fn count_copied(&mut self) {
        let copied = self.lane.mail.copied;
        let reads = copied.wrapping_sub(std::mem::replace(&mut self.lane.counted, copied));
        self.engine.count_copied(self.lane.copier, reads);
    }
}

/// Where the words of `Mail` stand.
///
/// # Safety
/// See [`super::door_request`].
#[no_mangle]
pub unsafe extern "C" fn door_mail(door: *mut u8) -> *const u32 {
    let inner = unsafe { super::at(door) };
    inner.lane.mail.epoch = inner.engine.epoch() as *const u32 as u32;
    (&raw const inner.lane.mail).cast()
}

/// Runs the plain command at `index` in the table with `count` arguments, name included, at `now` (ms since 1970); all
/// arguments but the name are in scratch and spans. Returns a code or the reply's length, 0 when the session waits.
///
/// # Safety
/// See [`super::door_request`].
#[no_mangle]
pub unsafe extern "C" fn door_run(door: *mut u8, session: SessionId, index: usize, count: usize, now: f64) -> i32 {
    unsafe { enter(door, now) }.run(session, index, count)
}

/// [`door_run`] of a GET by a client that would copy what it reads: `Mail` says whether it may.
/// The copy is good until the second ends, the epoch moves, or the key's version does.
///
/// # Safety
/// See [`super::door_request`].
#[no_mangle]
pub unsafe extern "C" fn door_read(door: *mut u8, session: SessionId, index: usize, count: usize, now: f64) -> i32 {
    let inner = unsafe { enter(door, now) };
    let code = inner.run(session, index, count);
    let source = if matches!(code, code::ASCII | code::TEXT) { inner.source(session) } else { None };
    inner.lane.mail.version = source.map_or(0, |db| {
        inner.lane.mail.db = db as u32;
        inner.lane.copier = session;
        let key = Args::new(&inner.request, &inner.spans).at(1);
        inner.engine.keyspace.version(key) as *const u32 as u32
    });
    code
}
