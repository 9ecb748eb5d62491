//! Writing a keyspace out.

use super::super::{crc64, Writer};
use super::{ops, MAGIC};
use crate::keyspace::{Entry, Keyspace, Order, SEGMENTS};

/// Writes all keys of a keyspace in pieces: version 10, which every server since 7.0 reads; version 12, which 7.4 and later read,
/// if a hash has fields that expire. A segment is written as it is when its turn comes: a keyspace that is not written to between
/// two pieces is written as of one instant, and another is still written whole, each key once.
#[derive(Default)]
pub struct FileWriter {
    writer: Writer,
    sum: u64,
    /// Database and segment that come next; `None` before the header.
    at: Option<(usize, usize)>,
    /// The database that was chosen last.
    chosen: Option<usize>,
}

impl FileWriter {
    /// The next piece: whole segments, until they are `least` bytes; nothing when everything is written.
    ///
    /// # Cost
    /// O(bytes).
    pub fn next(&mut self, space: &Keyspace, least: usize) -> Vec<u8> {
        let (mut db, mut segment) = self.at.unwrap_or_else(|| {
            self.header(space);
            (0, 0)
        });
        if db > space.databases() {
            return Vec::new();
        }
        while db < space.databases() && self.writer.bytes().len() < least {
            for entry in space.database(db).segment(segment) {
                self.entry(space, db, entry);
            }
            segment += 1;
            if segment == SEGMENTS || space.database(db).is_empty() {
                (db, segment) = (db + 1, 0);
            }
        }
        let ended = db == space.databases();
        if ended {
            self.writer.byte(ops::EOF);
        }
        self.sum = crc64(self.sum, self.writer.bytes());
        if ended {
            db += 1;
            self.writer.raw(&self.sum.to_le_bytes());
        }
        self.at = Some((db, segment));
        self.writer.take()
    }

    /// The header, and when the file was written.
    fn header(&mut self, space: &Keyspace) {
        let fields_expire = (0..space.databases()).any(|db| space.database(db).timed() > 0);
        let writer = &mut self.writer;
        writer.raw(MAGIC);
        writer.raw(if fields_expire { b"0012" } else { b"0010" });
        writer.byte(ops::AUX);
        writer.string(b"ctime");
        writer.number(space.now() / 1000);
    }

    fn entry(&mut self, space: &Keyspace, db: usize, entry: &Entry) {
        let expire_at = entry.expire_at();
        if expire_at.is_some_and(|at| at <= space.now()) {
            return;
        }
        let writer = &mut self.writer;
        if self.chosen.replace(db) != Some(db) {
            writer.byte(ops::SELECT);
            writer.length(db as u64);
            writer.byte(ops::RESIZE);
            writer.length(space.database(db).len() as u64);
            writer.length(space.database(db).volatile() as u64);
        }
        if let Some(at) = expire_at {
            writer.byte(ops::EXPIRE_MS);
            writer.raw(&at.to_le_bytes());
        }
        // What eviction goes by, as a server does.
        let used = space.used(entry);
        match (space.policy().order, used.idle, used.frequency) {
            (Some(Order::LeastRecent), Some(idle), _) => {
                writer.byte(ops::IDLE);
                writer.length(idle as u64);
            }
            (Some(Order::LeastFrequent), _, Some(frequency)) => {
                writer.byte(ops::FREQUENCY);
                writer.byte(frequency as u8);
            }
            _ => {}
        }
        writer.kind(entry.value());
        writer.string(entry.key());
        writer.value(entry.value());
    }
}
