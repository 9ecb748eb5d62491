//! Expiry of the fields of hashes. A segment's bound on what is due covers fields as it covers keys, so a key whose
//! segment has nothing due pays nothing; and active expiry finds hashes by the walk that finds keys.

use super::database::Place;
use super::entry::NEVER;
use super::{Class, Effect, Entry, Keys};
use crate::resp::Fault;
use crate::structures::hash::Hash;

/// About how many fields an access to a hash removes that are due. Should there be more, the rest is hidden, and removed by
/// further accesses and by active expiry: no access holds the thread for as long as a large hash may ask for.
pub(super) const AT_ONCE: usize = 100;

impl Keys<'_> {
    /// Opens a hash to write `fields`, if the key is there: those of them that are due are gone then.
    #[inline]
    pub fn hash_fields<'a>(
        &mut self,
        key: &[u8],
        fields: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Option<&mut Hash>, Fault> {
        let place = self.place(key);
        self.settle_fields(place, key, fields);
        self.hash_at(place, key)
    }

    /// [`Keys::hash_fields`] that makes an empty hash where there is no key. The caller must leave it non-empty or call
    /// [`Keys::remove_if_empty`].
    #[inline]
    pub fn hash_fields_or_new<'a>(
        &mut self,
        key: &[u8],
        fields: impl Iterator<Item = &'a [u8]>,
    ) -> Result<&mut Hash, Fault> {
        let place = self.place(key);
        self.settle_fields(place, key, fields);
        self.hash_at_or_new(place, key)
    }

    /// Opens a hash to set expiries of `fields`, if the key is there. The caller says so by [`Keys::fields_expire`].
    pub fn timed_hash<'a>(
        &mut self,
        key: &[u8],
        fields: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Option<&mut Hash>, Fault> {
        let place = self.place(key);
        if self.hash_fields(key, fields)?.is_some_and(|hash| !hash.is_timed()) {
            self.space.databases[self.db].retime(place, false, true, NEVER);
        }
        let mut hash = self.hash_at(place, key)?;
        if let Some(hash) = &mut hash {
            hash.make_timed();
        }
        Ok(hash)
    }

    /// Says that a field of the hash at `key` was given the expiry `at`.
    pub fn fields_expire(&mut self, key: &[u8], at: i64) {
        let place = self.place(key);
        self.space.databases[self.db].note_due(place, at);
    }

    /// Removes all fields of the hash at `key` that are due: for commands that look at all fields in any case.
    pub fn settle_hash(&mut self, key: &[u8]) {
        let place = self.place(key);
        self.settle(place, key);
        if self.space.backlog {
            self.expire_fields(place, key, usize::MAX);
        }
    }

    #[inline]
    fn settle_fields<'a>(&mut self, place: Place, key: &[u8], fields: impl Iterator<Item = &'a [u8]>) {
        self.settle(place, key);
        if self.space.backlog {
            self.remove_hidden(place, key, &mut { fields });
        }
    }

    #[cold]
    fn remove_hidden(&mut self, place: Place, key: &[u8], fields: &mut dyn Iterator<Item = &[u8]>) {
        self.will_write(place);
        let entry = self.space.databases[self.db].find_mut(place, key);
        let Some(hash) = entry.and_then(Entry::get_mut::<Hash>) else { return };
        let gone: Vec<Box<[u8]>> = fields.filter(|field| hash.remove_hidden(field)).map(Box::from).collect();
        let (count, empty) = (gone.len(), hash.is_empty());
        self.fields_gone(place, key, gone, count, empty);
    }

    /// Removes fields that are due, about `budget` of a large hash, and says so to everybody; how many.
    pub(super) fn expire_fields(&mut self, place: Place, key: &[u8], budget: usize) -> usize {
        self.will_write(place);
        let space = &mut *self.space;
        let recorded = space.changes.record_effects;
        let database = &mut space.databases[self.db];
        let entry = database.find_mut(place, key);
        let Some(hash) = entry.and_then(Entry::get_mut::<Hash>) else { return 0 };
        let mut gone = Vec::new();
        let count = hash.expire(space.now, budget, &mut |field| {
            if recorded {
                gone.push(Box::from(field));
            }
        });
        let (empty, soonest) = (hash.is_empty(), hash.soonest().unwrap_or(NEVER));
        space.backlog |= hash.hides_some();
        database.note_due(place, soonest);
        self.fields_gone(place, key, gone, count, empty);
        count
    }

    /// Records that `count` fields of a hash expired, which are `gone` where somebody wants to know, and removes the
    /// hash when it has become empty by that.
    fn fields_gone(&mut self, place: Place, key: &[u8], gone: Vec<Box<[u8]>>, count: usize, empty: bool) {
        if count == 0 {
            return;
        }
        let (space, db) = (&mut *self.space, self.db);
        space.stats.expired_fields += count as u64;
        if space.changes.record_effects {
            let mut argv = vec![Box::from(&b"HDEL"[..]), key.into()];
            argv.extend(gone);
            space.changes.removals.push(Effect { db, argv });
        }
        space.changes.notify(Class::HASH, "hexpired", key, db);
        space.changes.touch(db, key);
        if empty {
            space.databases[db].remove(place, key);
            space.changes.notify(Class::GENERIC, "del", key, db);
        }
    }

    /// Removes a key that is due, or fields of it that are, about `budget` at most; how many fields.
    pub(super) fn expire_due(&mut self, key: &[u8], budget: usize) -> usize {
        let place = self.place(key);
        let now = self.space.now;
        match self.space.databases[self.db].find(place, key) {
            Some(entry) if entry.deadline() <= now => {
                self.expire_now(key);
                0
            }
            Some(_) if budget == 0 => {
                self.space.databases[self.db].note_due(place, now);
                0
            }
            Some(_) => self.expire_fields(place, key, budget),
            None => 0,
        }
    }

    /// Says that the value of `key` was a timed hash before, is one now, and when its first field expires.
    #[cold]
    pub(super) fn retime(&mut self, key: &[u8], was: bool, is: bool, soonest: i64) {
        let place = self.place(key);
        self.space.databases[self.db].retime(place, was, is, soonest);
    }
}
