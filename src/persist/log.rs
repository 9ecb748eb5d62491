//! The append log's bytes: units of effects, gathered until a frame of them is handed to the store.

use super::frame::{self, Kind};
use crate::memory::leaving;
use crate::resp::Span;

/// Bytes of a frame's head at most, and of a buffer that is kept for what follows.
const HEAD: usize = 48;
const MODEST: usize = 64 << 10;

/// Effects that were not handed to a store yet, as they will stand in the log.
#[derive(Default)]
pub struct LogBuffer {
    units: Vec<u8>,
    /// Number of the last effect in it, and how many are.
    pub(super) last: u64,
    count: u64,
    /// The last unit's instant.
    time: i64,
    /// Where the unit that is being written begins, where its first effect does, and its instant.
    open: Option<(usize, usize, i64)>,
}

impl LogBuffer {
    /// A buffer whose first effect follows the one numbered `last`.
    pub(super) fn new(last: u64) -> Self {
        LogBuffer { last, ..LogBuffer::default() }
    }

    /// Bytes that wait.
    pub fn len(&self) -> usize {
        self.units.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// Makes room for `bytes` more of effects, and for the head of their frame; false where memory has none.
    pub fn reserve(&mut self, bytes: usize) -> bool {
        let bytes = bytes + HEAD;
        let units = &mut self.units;
        leaving(bytes, || units.try_reserve(bytes).or_else(|_| units.try_reserve_exact(bytes)).ok()).is_some()
    }

    /// Number of the last effect.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Whether a unit is open.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Begins a unit: effects of one instant (milliseconds since 1970) that are repeated all or none.
    #[inline]
    pub fn begin(&mut self, time: i64) {
        let start = self.units.len();
        let since = if self.count == 0 { time } else { time - self.time };
        // As postcard writes a signed number: its sign is its lowest bit.
        frame::put_number(&mut self.units, (since << 1 ^ since >> 63) as u64);
        self.open = Some((start, self.units.len(), time));
    }

    /// Adds an effect to the unit that is open: a command that runs in database `db`.
    #[inline]
    pub fn effect<'a>(&mut self, db: usize, argv: impl ExactSizeIterator<Item = &'a [u8]>) {
        frame::put_number(&mut self.units, argv.len() as u64);
        frame::put_number(&mut self.units, db as u64);
        argv.for_each(|arg| frame::put_bytes(&mut self.units, arg));
        self.count += 1;
        self.last += 1;
    }

    /// Ends the unit. One without effects leaves nothing behind.
    #[inline]
    pub fn end(&mut self) {
        match self.open.take() {
            Some((start, first, _)) if first == self.units.len() => self.units.truncate(start),
            Some((_, _, time)) => {
                self.units.push(0);
                self.time = time;
            }
            None => {}
        }
    }

    /// Takes all units out as one frame of the log `epoch`.
    pub(super) fn frame(&mut self, epoch: u64) -> Vec<u8> {
        // A transaction that switches the log itself is cut in two.
        self.end();
        let mut out = Vec::with_capacity(HEAD + if self.units.capacity() <= MODEST { self.units.len() } else { 0 });
        let start = frame::begin(&mut out, Kind::Log);
        frame::put(&mut out, &(epoch, self.last + 1 - self.count));
        if self.units.capacity() <= MODEST {
            out.extend_from_slice(&self.units);
            // The next command will want the buffer.
            self.units.clear();
        } else {
            // A second copy of that much may be more than memory has: the head moves in before it.
            let (head, length) = (out, self.units.len());
            out = std::mem::take(&mut self.units);
            out.resize(length + head.len(), 0);
            out.copy_within(..length, head.len());
            out[..head.len()].copy_from_slice(&head);
        }
        frame::seal(&mut out, start);
        self.count = 0;
        out
    }
}

/// Reads the units of a frame's body, effect by effect.
pub struct Units<'b> {
    body: &'b [u8],
    rest: &'b [u8],
    time: i64,
    inside: bool,
}

/// What comes next in a frame.
pub enum Next {
    /// A unit begins, at this instant (milliseconds since 1970).
    Unit(i64),
    /// An effect in this database; its words are the spans.
    Effect(usize),
    /// Nothing more.
    End,
}

impl<'b> Units<'b> {
    /// The frame's log, the number of its first effect, and its units.
    pub(super) fn new(body: &'b [u8]) -> Option<(u64, u64, Self)> {
        let mut rest = body;
        let (epoch, first) = frame::take(&mut rest)?;
        Some((epoch, first, Units { body, rest, time: 0, inside: false }))
    }

    /// What the spans lie in.
    pub fn bytes(&self) -> &'b [u8] {
        self.body
    }

    /// The next piece; `spans` are an effect's words. `None` when it does not read.
    pub fn next(&mut self, spans: &mut Vec<Span>) -> Option<Next> {
        if !self.inside {
            if self.rest.is_empty() {
                return Some(Next::End);
            }
            self.time = self.time.checked_add(frame::take(&mut self.rest)?)?;
            self.inside = true;
            return Some(Next::Unit(self.time));
        }
        let words: u32 = frame::take(&mut self.rest)?;
        if words == 0 {
            self.inside = false;
            return self.next(spans);
        }
        let db: u32 = frame::take(&mut self.rest)?;
        spans.clear();
        for _ in 0..words {
            let word: &[u8] = frame::take(&mut self.rest)?;
            let end = self.body.len() - self.rest.len();
            spans.push(Span { start: (end - word.len()) as u32, len: word.len() as u32 });
        }
        Some(Next::Effect(db as usize))
    }
}
