//! Which segments were written since they were last put into a snapshot, and copy-on-write for a snapshot that runs: a
//! segment that it has not taken yet is taken before the first write to it. A keyspace that nobody keeps anywhere has no
//! flags, and a write pays for one comparison.

use super::{Keyspace, SEGMENTS};

/// What a segment's flag says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// It is as the last snapshot has it, or will have it.
    Clean,
    /// It was written since.
    Written,
    /// The snapshot that runs will take it as it is now.
    Wanted,
}

/// Takes a segment, given by its position, as the bytes that a snapshot keeps; nothing where memory has no room for them.
pub type Take = fn(&Keyspace, usize) -> Option<Vec<u8>>;

/// The flags of all segments, by position: the database's number times [`SEGMENTS`], plus the segment's in it.
#[derive(Default)]
pub struct Tracker {
    flags: Vec<Segment>,
    take: Option<Take>,
    /// Segments that were taken before a write, by position.
    pub early: Vec<(usize, Vec<u8>)>,
    /// A database was emptied or exchanged while a snapshot ran: its point in time is lost.
    pub upset: bool,
    /// So it is because memory had no room for a segment that was to be taken before a write.
    pub short: bool,
}

impl Tracker {
    /// Begins to keep flags, all segments being written; `take` takes a segment for a snapshot.
    pub fn start(&mut self, databases: usize, take: Take) {
        self.flags = vec![Segment::Written; databases * SEGMENTS];
        self.take = Some(take);
    }

    /// How many segments there are; 0 when nobody keeps flags.
    pub fn len(&self) -> usize {
        self.flags.len()
    }

    /// Whether nobody keeps flags.
    pub fn is_empty(&self) -> bool {
        self.flags.is_empty()
    }

    /// The flag of the segment at `position`.
    pub fn get(&self, position: usize) -> Segment {
        self.flags[position]
    }

    /// Sets the flag of the segment at `position`.
    pub fn set(&mut self, position: usize, flag: Segment) {
        self.flags[position] = flag;
    }

    /// A database was emptied or exchanged.
    pub(super) fn whole(&mut self, db: usize) {
        if let Some(flags) = self.flags.get_mut(db * SEGMENTS..(db + 1) * SEGMENTS) {
            self.upset |= flags.contains(&Segment::Wanted);
            flags.fill(Segment::Written);
        }
    }
}

impl Keyspace {
    /// Comes before every write to a segment.
    #[inline]
    pub(super) fn will_write(&mut self, db: usize, segment: usize) {
        let position = db * SEGMENTS + segment;
        if self.tracker.flags.get(position).is_some_and(|&flag| flag != Segment::Written) {
            self.first_write(position);
        }
    }

    #[cold]
    #[inline(never)]
    fn first_write(&mut self, position: usize) {
        if self.tracker.flags[position] == Segment::Wanted {
            if let Some(take) = self.tracker.take {
                match take(self, position) {
                    Some(bytes) => self.tracker.early.push((position, bytes)),
                    None => (self.tracker.upset, self.tracker.short) = (true, true),
                }
            }
        }
        self.tracker.flags[position] = Segment::Written;
    }
}
