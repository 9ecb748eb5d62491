//! Versions of keys, for a host that keeps copies of values: a counter for every group of keys, found by their hash, that
//! moves before any of them changes in any way. A copy is good as long as its group's counter stands where it stood when
//! the copy was made. Writing costs one addition, and reading a copy none of the engine's work.

use super::database::Place;
use super::Keyspace;

/// How many groups there are: a write makes one in so many copies doubtful.
const GROUPS: usize = 8192;

/// A counter for each group. Their address stays the same as long as the keyspace lives.
pub struct Versions {
    // 32 bits: a copy would have to sleep through four billion writes to its group.
    groups: Box<[u32]>,
}

impl Default for Versions {
    fn default() -> Self {
        Versions { groups: vec![0; GROUPS].into() }
    }
}

impl Versions {
    /// The counter of the group of the key at `place` moves.
    #[inline(always)]
    pub(super) fn bump(&mut self, place: Place) {
        let group = &mut self.groups[place.hash as usize % GROUPS];
        *group = group.wrapping_add(1);
    }

    /// All counters move.
    fn bump_all(&mut self) {
        self.groups.iter_mut().for_each(|group| *group = group.wrapping_add(1));
    }
}

impl Keyspace {
    /// Comes before a change of whole databases, and of what all keys have in common.
    pub(super) fn will_write_all(&mut self) {
        self.versions.bump_all();
    }

    /// The counter of the group that `key` is in, of whatever database; it moves before the key changes in any way,
    /// and stays where it is in memory.
    pub fn version(&self, key: &[u8]) -> &u32 {
        let place = super::database::place(self.seed, key);
        &self.versions.groups[place.hash as usize % GROUPS]
    }
}
