//! Snapshots: which segments are written anew, and what they look like.
//!
//! A snapshot is of one instant. Segments are taken in order, a slice of them at a time; one that is written to before
//! its turn is taken first (see [`crate::keyspace::Tracker`]). Neighbours share a chunk of about [`Plan::target`] bytes;
//! a chunk none of whose segments was written since it was made is left as it is.

use super::frame::{self, Kind};
use super::manifest::{Chunk, Manifest};
use crate::keyspace::{EncodingLimits, Keyspace, Segment, SEGMENTS};
use crate::memory::{is_room_for, promised};
use crate::rdb::{Damage, Reader, Writer};

/// Whether memory has room for [`take`], and for `beside` bytes.
fn is_room(space: &Keyspace, position: usize, beside: usize) -> bool {
    let entries = space.database(position / SEGMENTS).segment(position % SEGMENTS);
    // What is written doubles as it grows.
    is_room_for(4 * entries.map(|entry| entry.footprint(1)).sum::<usize>() + beside)
}

/// [`take`] before a write: nothing where that would leave too little for the command that writes.
pub(super) fn take_early(space: &Keyspace, position: usize) -> Option<Vec<u8>> {
    is_room(space, position, promised()).then(|| take(space, position))
}

/// The segment at `position` as a frame; nothing for one without keys.
///
/// # Cost
/// O(bytes of its values). A segment has a thousandth of the keys, but a value is never cut.
pub(super) fn take(space: &Keyspace, position: usize) -> Vec<u8> {
    let (db, segment) = (position / SEGMENTS, position % SEGMENTS);
    let database = space.database(db);
    let count = database.segment_len(segment);
    let mut out = Vec::new();
    if count == 0 {
        return out;
    }
    let start = frame::begin(&mut out, Kind::Segment);
    frame::put(&mut out, &(db as u32, segment as u32, count as u32));
    let mut writer = Writer::continuing(out);
    for entry in database.segment(segment) {
        let out = writer.buffer();
        frame::put_bytes(out, entry.key());
        frame::put(out, &(entry.expire_at(), entry.access()));
        writer.kind(entry.value());
        writer.value(entry.value());
    }
    let mut out = writer.into_bytes();
    frame::seal(&mut out, start);
    out
}

/// Puts the entries of a segment's frame into the keyspace; how many. `None` when it does not read, with the damage where a
/// value is to blame.
pub(super) fn load(space: &mut Keyspace, mut body: &[u8]) -> Result<u64, Option<Damage>> {
    let limits: EncodingLimits = space.limits;
    let (db, segment, count): (u32, u32, u32) = frame::take(&mut body).ok_or(None)?;
    if db as usize >= space.databases() || segment as usize >= SEGMENTS {
        return Err(None);
    }
    for _ in 0..count {
        let key: &[u8] = frame::take(&mut body).ok_or(None)?;
        let (expire_at, access): (Option<i64>, u32) = frame::take(&mut body).ok_or(None)?;
        let mut reader = Reader::new(body);
        let kind = reader.byte()?;
        let value = reader.value(kind, &limits)?;
        body = &body[reader.position()..];
        if !space.keys(db as usize).load(key, value, expire_at, access) {
            return Err(None);
        }
    }
    if body.is_empty() {
        Ok(count as u64)
    } else {
        Err(None)
    }
}

/// A snapshot that runs.
pub(super) struct Plan {
    /// What the next manifest will say; its chunks are those that are done or stay.
    pub manifest: Manifest,
    /// Chunks of the last manifest that this one replaces.
    pub replaced: Vec<Chunk>,
    /// Ranges of positions to be written, the next one last.
    ranges: Vec<(usize, usize)>,
    /// Where the chunk that is being filled begins, and what is in it.
    from: usize,
    at: usize,
    filling: Vec<u8>,
    /// When it began, and how many changes it will have saved.
    pub begun_us: i64,
    pub changes: u64,
    /// Bytes of the log before it, which it takes the place of.
    pub log_bytes: u64,
    /// About how many bytes a chunk has.
    target: usize,
    /// Most bytes of an object.
    limit: usize,
    /// Bytes that were taken before a write.
    pub copied: usize,
}

impl Plan {
    /// Decides what is to be written, and marks it as wanted.
    pub(super) fn new(space: &mut Keyspace, last: &Manifest, next: Manifest, target: usize, limit: usize) -> Self {
        let tracker = &mut space.tracker;
        tracker.early.clear();
        tracker.upset = false;
        let all = tracker.len();
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        let (mut kept, mut replaced) = (Vec::new(), Vec::new());
        let mut add = |from: usize, to: usize| match ranges.last_mut() {
            Some(range) if range.1 == from => range.1 = to,
            _ => ranges.push((from, to)),
        };
        // A small chunk beside one that is written is written with it: else they would only become more.
        let written = |chunk: &Chunk| {
            (chunk.from as usize..chunk.to as usize).any(|at| at >= all || tracker.get(at) == Segment::Written)
        };
        let is_written: Vec<bool> = last.chunks.iter().map(written).collect();
        for (at, chunk) in last.chunks.iter().enumerate() {
            let beside = (at > 0 && is_written[at - 1]) || is_written.get(at + 1) == Some(&true);
            if is_written[at] || (beside && chunk.bytes < target as u64 / 4) {
                add(chunk.from as usize, (chunk.to as usize).min(all));
                replaced.push(chunk.clone());
            } else {
                kept.push(chunk.clone());
            }
        }
        let end = last.chunks.last().map_or(0, |chunk| chunk.to as usize);
        if end < all {
            add(end, all);
        }
        for &(from, to) in &ranges {
            for position in from..to {
                let empty = space.database(position / SEGMENTS).segment_len(position % SEGMENTS) == 0;
                space.tracker.set(position, if empty { Segment::Clean } else { Segment::Wanted });
            }
        }
        ranges.reverse();
        let from = ranges.last().map_or(0, |range| range.0);
        let manifest = Manifest { chunks: kept, ..next };
        Plan {
            manifest,
            replaced,
            ranges,
            from,
            at: from,
            filling: Vec::new(),
            begun_us: space.now_us(),
            changes: 0,
            log_bytes: 0,
            target,
            limit,
            copied: 0,
        }
    }

    /// Goes on until about `budget` bytes are taken; the objects that were finished meanwhile. True when all is taken, nothing when
    /// memory has no room to go on.
    pub(super) fn go_on(
        &mut self,
        space: &mut Keyspace,
        budget: usize,
        done: &mut Vec<(String, Vec<u8>)>,
    ) -> Option<bool> {
        let mut taken = 0;
        while let Some(&(_, to)) = self.ranges.last() {
            while self.at < to {
                // A look at a segment costs a little, too.
                if taken >= budget {
                    return Some(false);
                }
                let before = self.filling.len();
                self.take(space)?;
                taken += self.filling.len() - before + 16;
                if self.filling.len() >= self.target {
                    self.finish(done);
                }
            }
            self.finish(done);
            self.ranges.pop();
            if let Some(&(from, _)) = self.ranges.last() {
                (self.from, self.at) = (from, from);
            }
        }
        Some(true)
    }

    /// Takes the next segment into the chunk that is being filled.
    fn take(&mut self, space: &mut Keyspace) -> Option<()> {
        let position = self.at;
        self.at += 1;
        if space.tracker.get(position) == Segment::Wanted {
            // Beside it the chunk doubles, and is cut into objects.
            if !is_room(space, position, 3 * self.filling.len()) {
                return None;
            }
            self.filling.append(&mut take(space, position));
            space.tracker.set(position, Segment::Clean);
        } else if let Some(at) = space.tracker.early.iter().position(|early| early.0 == position) {
            let (_, mut bytes) = space.tracker.early.swap_remove(at);
            self.copied += bytes.len();
            if !is_room_for(3 * (self.filling.len() + bytes.len())) {
                return None;
            }
            self.filling.append(&mut bytes);
        }
        Some(())
    }

    /// Ends the chunk that is being filled.
    fn finish(&mut self, done: &mut Vec<(String, Vec<u8>)>) {
        if self.at == self.from {
            return;
        }
        let bytes = std::mem::take(&mut self.filling);
        let number = self.manifest.chunks.iter().filter(|chunk| chunk.id.0 == self.manifest.snapshot).count();
        let parts = bytes.len().div_ceil(self.limit) as u32;
        let chunk = Chunk {
            id: (self.manifest.snapshot, number as u32),
            from: self.from as u32,
            to: self.at as u32,
            bytes: bytes.len() as u64,
            parts,
        };
        if parts == 1 {
            done.push((chunk.name(), bytes));
        } else {
            let mut names = Vec::new();
            chunk.names(&mut names);
            for (name, piece) in names.into_iter().zip(bytes.chunks(self.limit)) {
                done.push((name, piece.to_vec()));
            }
        }
        let at = self.manifest.chunks.partition_point(|other| other.from < chunk.from);
        self.manifest.chunks.insert(at, chunk);
        self.from = self.at;
    }

    /// The snapshot is given up: what it was to write counts as written to again.
    pub(super) fn give_up(&self, space: &mut Keyspace) {
        space.tracker.early.clear();
        let mut again = |from: usize, to: usize| {
            (from..to.min(space.tracker.len())).for_each(|position| space.tracker.set(position, Segment::Written));
        };
        self.replaced.iter().for_each(|chunk| again(chunk.from as usize, chunk.to as usize));
        self.own().for_each(|chunk| again(chunk.from as usize, chunk.to as usize));
        self.ranges.iter().for_each(|range| again(range.0, range.1));
    }

    /// The chunks that this snapshot made itself.
    pub(super) fn own(&self) -> impl Iterator<Item = &Chunk> {
        let number = self.manifest.snapshot;
        self.manifest.chunks.iter().filter(move |chunk| chunk.id.0 == number)
    }
}
