//! The keys of one database as a command sees them: expired keys are gone, reads are counted, writes are noted.

use super::database::{place, Place};
use super::entry::{Body, Entry, Scratch, LAST, NEVER};
use super::{Class, Keyspace, StrRef, StringMut, Used, Value, ValueRef};
use crate::resp::Fault;

/// A view of one database, made for the length of a command.
pub struct Keys<'k> {
    pub(super) space: &'k mut Keyspace,
    pub(super) db: usize,
}

/// What becomes of a key's expiry when its value is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// It stays; a new key does not expire.
    Keep,
    /// The key does not expire.
    Never,
    /// The key expires at this instant, in milliseconds since 1970.
    At(i64),
}

/// When the first field of a timed hash expires.
fn timing(value: &Value) -> Option<i64> {
    match value {
        Value::Hash(hash) if hash.is_timed() => Some(hash.soonest().unwrap_or(NEVER)),
        _ => None,
    }
}

impl Keys<'_> {
    /// Reads a string; counts a hit or a miss.
    #[inline]
    pub fn read_string(&mut self, key: &[u8]) -> Result<Option<StrRef<'_>>, Fault> {
        match self.read_entry(key) {
            None => Ok(None),
            Some(entry) => entry.string().map(Some).ok_or(Fault::WrongType),
        }
    }

    /// Opens a string for writing in place, if the key is there.
    #[inline]
    pub fn string_mut(&mut self, key: &[u8]) -> Result<Option<StringMut<'_>>, Fault> {
        match self.write(key) {
            None => Ok(None),
            Some(entry) => entry.string_mut().map(Some).ok_or(Fault::WrongType),
        }
    }

    /// The number of this database.
    pub fn db(&self) -> usize {
        self.db
    }

    /// The keyspace behind this view: clock, limits, chance, changes, other databases.
    pub fn space(&mut self) -> &mut Keyspace {
        self.space
    }

    /// The same command's view of another database. Panics when there is no such database.
    pub fn other(&mut self, db: usize) -> Keys<'_> {
        self.space.keys(db)
    }

    #[inline]
    pub(super) fn place(&self, key: &[u8]) -> Place {
        let known = &self.space.known;
        if known.address == key.as_ptr() as usize && known.length == key.len() {
            return known.place;
        }
        place(self.space.seed, key)
    }

    /// Comes before every write to the key at `place`, and to all that belongs to it.
    #[inline]
    pub(super) fn will_write(&mut self, place: Place) {
        self.space.versions.bump(place);
        self.space.will_write(self.db, place.segment());
    }

    /// Removes the key when its time has come.
    #[inline(always)]
    pub(super) fn settle(&mut self, place: Place, key: &[u8]) {
        if self.space.databases[self.db].may_be_due(place, self.space.now) {
            self.settle_slowly(place, key);
        }
    }

    #[cold]
    fn settle_slowly(&mut self, place: Place, key: &[u8]) {
        if self.space.holds_expiry {
            return;
        }
        let Some(entry) = self.space.databases[self.db].find(place, key) else { return };
        if entry.deadline() <= self.space.now {
            self.expire_now(key);
        } else if entry.value().soonest() <= self.space.now {
            self.expire_fields(place, key, super::fields::AT_ONCE);
        }
    }

    /// Removes a key whose time has come, and says so to everybody.
    pub(super) fn expire_now(&mut self, key: &[u8]) {
        let place = self.place(key);
        self.will_write(place);
        if let Some(old) = self.space.databases[self.db].remove(place, key) {
            self.discard(old);
            self.space.stats.expired += 1;
            self.space.changes.removal(self.db, key);
            self.space.changes.notify(Class::EXPIRED, "expired", key, self.db);
            self.space.changes.touch(self.db, key);
        }
    }

    /// Frees what was a key; a large value in slices, later.
    pub(super) fn discard(&mut self, entry: Entry) {
        if entry.value().is_large() {
            self.space.garbage.push(entry.into_value());
        }
    }

    /// Reads the value of `key` for a command: counts a hit or a miss and marks it as used.
    #[inline]
    pub fn read(&mut self, key: &[u8]) -> Option<ValueRef<'_>> {
        self.read_entry(key).map(Entry::value)
    }

    pub(super) fn read_entry(&mut self, key: &[u8]) -> Option<&Entry> {
        let place = self.place(key);
        self.settle(place, key);
        let space = &mut *self.space;
        match space.databases[self.db].find_mut(place, key) {
            Some(entry) => {
                space.stats.hits += 1;
                if space.touches {
                    space.access.mark(entry);
                }
                Some(entry)
            }
            None => {
                space.stats.misses += 1;
                space.changes.notify(Class::KEY_MISS, "keymiss", key, self.db);
                None
            }
        }
    }

    /// Opens the entry of `key` for writing to its value: marks it as used, counts nothing.
    #[inline]
    pub fn write(&mut self, key: &[u8]) -> Option<&mut Entry> {
        let place = self.place(key);
        self.settle(place, key);
        self.write_at(place, key)
    }

    /// [`Keys::write`] of a key that is settled.
    #[inline]
    pub(super) fn write_at(&mut self, place: Place, key: &[u8]) -> Option<&mut Entry> {
        self.will_write(place);
        let space = &mut *self.space;
        let entry = space.databases[self.db].find_mut(place, key)?;
        space.access.mark(entry);
        Some(entry)
    }

    /// Looks at the entry of `key` without counting or marking it as used.
    #[inline]
    pub fn peek(&mut self, key: &[u8]) -> Option<&Entry> {
        let place = self.place(key);
        self.settle(place, key);
        self.space.databases[self.db].find(place, key)
    }

    /// What is remembered of the use of `key`; nothing without such a key.
    pub fn used(&mut self, key: &[u8]) -> Used {
        let access = self.peek(key).map(Entry::access);
        access.map_or(Used::default(), |access| self.space.access.used(access))
    }

    /// Looks at the entry of `key`: counts a hit or a miss as reading does, but does not mark it as used.
    pub fn look(&mut self, key: &[u8]) -> Option<&Entry> {
        let place = self.place(key);
        self.settle(place, key);
        let space = &mut *self.space;
        let found = space.databases[self.db].find(place, key);
        match found {
            Some(_) => space.stats.hits += 1,
            None => {
                space.stats.misses += 1;
                space.changes.notify(Class::KEY_MISS, "keymiss", key, self.db);
            }
        }
        found
    }

    /// The value of a key that this command has read already: for commands that work on several keys at once.
    pub fn held(&self, key: &[u8]) -> Option<ValueRef<'_>> {
        self.space.databases[self.db].find(self.place(key), key).map(Entry::value)
    }

    /// Whether the key is there. Counts and marks nothing.
    #[inline]
    pub fn exists(&mut self, key: &[u8]) -> bool {
        self.peek(key).is_some()
    }

    /// Gives `key` this value, whatever it held, and no expiry. True when the key is new.
    pub fn put(&mut self, key: &[u8], value: Value) -> bool {
        self.replace(key, value, Expiry::Never)
    }

    /// Gives `key` this value and keeps its expiry. True when the key is new.
    pub fn put_keeping_expiry(&mut self, key: &[u8], value: Value) -> bool {
        self.replace(key, value, Expiry::Keep)
    }

    /// Gives `key` this value, whatever it held, and this expiry. True when the key is new.
    pub fn put_until(&mut self, key: &[u8], value: Value, expiry: Expiry) -> bool {
        self.replace(key, value, expiry)
    }

    fn replace(&mut self, key: &[u8], value: Value, expiry: Expiry) -> bool {
        let timed = timing(&value);
        let new = self.store(key, Body::value(value, &mut Scratch::new()), expiry);
        if let Some(soonest) = timed {
            self.retime(key, false, true, soonest);
        }
        new
    }

    /// Gives `key` the string `bytes`, whatever it held, with one lookup and, over a string of about the same length,
    /// without allocating. True when the key is new.
    #[inline(never)]
    pub fn put_string(&mut self, key: &[u8], bytes: &[u8], expiry: Expiry) -> bool {
        self.store(key, Body::string(bytes), expiry)
    }

    /// Gives `key` this value as used now, with one lookup. True when the key is new.
    fn store(&mut self, key: &[u8], body: Body, expiry: Expiry) -> bool {
        let place = self.place(key);
        self.settle(place, key);
        self.will_write(place);
        let space = &mut *self.space;
        let database = &mut space.databases[self.db];
        let access = space.access.fresh();
        let mut deadline = match expiry {
            Expiry::Keep | Expiry::Never => NEVER,
            Expiry::At(at) => at.min(LAST),
        };
        let (entry, new) = database.open(space.seed, place, key, || Entry::new(key, body, deadline, access));
        let (mut was, mut old) = (NEVER, None);
        if !new {
            if deadline == NEVER && entry.overwrite(body) {
                space.access.mark(entry);
                return false;
            }
            was = entry.deadline();
            if expiry == Expiry::Keep {
                deadline = was;
            }
            old = entry.set(body, deadline);
            space.access.mark(entry);
        }
        if was != deadline {
            database.deadline_changed(place, was, deadline);
        }
        if new {
            space.changes.notify(Class::NEW, "new", key, self.db);
        }
        if let Some(old) = old {
            if old.view().is_timed() {
                self.retime(key, true, false, NEVER);
            }
            if old.view().is_large() {
                self.space.garbage.push(old);
            }
        }
        new
    }

    /// Gives a key that is not there a value, an expiry (milliseconds since 1970) and access data, as they were kept
    /// somewhere: notes nothing. False when the key is there already.
    pub fn load(&mut self, key: &[u8], value: Value, expire_at: Option<i64>, access: u32) -> bool {
        let place = self.place(key);
        let timed = timing(&value);
        let deadline = expire_at.map_or(NEVER, |at| at.min(LAST));
        let space = &mut *self.space;
        let database = &mut space.databases[self.db];
        let make = || Entry::new(key, Body::value(value, &mut Scratch::new()), deadline, access);
        let (_, new) = database.open(space.seed, place, key, make);
        if new && deadline != NEVER {
            database.deadline_changed(place, NEVER, deadline);
        }
        if let Some(soonest) = timed.filter(|_| new) {
            self.retime(key, false, true, soonest);
        }
        new
    }

    /// Removes `key` and hands out its value. Notes nothing: see [`Keys::delete`].
    pub fn take(&mut self, key: &[u8]) -> Option<(Value, Option<i64>)> {
        let entry = self.remove(key)?;
        let expiry = entry.expire_at();
        Some((entry.into_value(), expiry))
    }

    pub(super) fn remove(&mut self, key: &[u8]) -> Option<Entry> {
        let place = self.place(key);
        self.settle(place, key);
        self.will_write(place);
        self.space.databases[self.db].remove(place, key)
    }

    /// Removes `key` and notes a `del` event and one change; false when it was not there. Large values are freed
    /// in slices, so this never holds the thread.
    pub fn delete(&mut self, key: &[u8]) -> bool {
        let removed = self.remove(key);
        let deleted = removed.is_some();
        if let Some(entry) = removed {
            self.discard(entry);
            self.modified(key, Class::GENERIC, "del");
        }
        deleted
    }

    /// Removes `key` with a `del` event when its aggregate has lost its last element. Does not count as a change
    /// of its own: the removal of the element did.
    pub fn remove_if_empty(&mut self, key: &[u8]) -> bool {
        let empty = self.peek(key).is_some_and(|entry| entry.value().is_empty());
        if empty {
            if let Some(entry) = self.remove(key) {
                self.discard(entry);
            }
            self.notify(key, Class::GENERIC, "del");
        }
        empty
    }

    /// Says that members of the sorted set at `key` were taken out whose memory can be given back later.
    pub fn purge_later(&mut self, key: &[u8]) {
        self.space.thinned.push((self.db, key.into()));
    }

    /// When `key` expires: `None` without such a key, `Some(None)` when it does not expire. Milliseconds since 1970.
    pub fn expiry(&mut self, key: &[u8]) -> Option<Option<i64>> {
        self.peek(key).map(Entry::expire_at)
    }

    /// Sets when `key` expires (milliseconds since 1970), or that it does not; false without such a key. Notes
    /// nothing.
    pub fn set_expiry(&mut self, key: &[u8], at: Option<i64>) -> bool {
        let place = self.place(key);
        let at = at.map_or(NEVER, |at| at.min(LAST));
        self.will_write(place);
        self.space.databases[self.db].set_expiry(place, key, at)
    }

    /// What is remembered of the use of `key`, for [`Keys::set_access`].
    pub fn access(&mut self, key: &[u8]) -> Option<u32> {
        self.peek(key).map(Entry::access)
    }

    /// Takes over what is remembered of another key's use.
    pub fn set_access(&mut self, key: &[u8], access: Option<u32>) {
        let place = self.place(key);
        if let (Some(access), Some(entry)) = (access, self.space.databases[self.db].find_mut(place, key)) {
            entry.set_access(access);
        }
    }

    /// Takes over what another server remembers of the use of `key`: for how many seconds it was not used, its counter under LFU. Where
    /// the policy has no use for what is given, the key is new. Nothing without such a key.
    pub fn set_use(&mut self, key: &[u8], idle: Option<u64>, frequency: Option<u8>) {
        let access = &self.space.access;
        let access = access.imported(idle, frequency).unwrap_or(access.fresh());
        self.set_access(key, Some(access));
    }

    /// Notes one change of `key`: for the effects, for those who watch it or wait for it, and as an event.
    #[inline]
    pub fn modified(&mut self, key: &[u8], class: u32, event: &'static str) {
        let changes = &mut self.space.changes;
        changes.dirty += 1;
        changes.touch(self.db, key);
        changes.notify(class, event, key, self.db);
    }

    /// Notes one change of `key` that those who watch it or wait for it do not see: what consumer groups keep.
    #[inline]
    pub fn modified_unseen(&mut self, key: &[u8], class: u32, event: &'static str) {
        let changes = &mut self.space.changes;
        changes.dirty += 1;
        changes.notify(class, event, key, self.db);
    }

    /// Has those who wait for `key` look again, though nothing changed that those who watch it see.
    pub fn wake(&mut self, key: &[u8]) {
        let changes = &mut self.space.changes;
        if changes.record_touched {
            changes.woken.push((self.db, key.into()));
        }
    }

    /// Notes an event of `key` and nothing else.
    #[inline]
    pub fn notify(&mut self, key: &[u8], class: u32, event: &'static str) {
        self.space.changes.notify(class, event, key, self.db);
    }

    /// Counts further changes of a command that made several at once.
    #[inline]
    pub fn dirty(&mut self, more: u64) {
        self.space.changes.dirty += more;
    }

    /// Replaces the running command by `argv` as what reproduces its change; several calls add up.
    pub fn effect(&mut self, argv: &[&[u8]]) {
        self.space.changes.effect(self.db, argv);
    }

    /// Milliseconds since 1970.
    #[inline]
    pub fn now(&self) -> i64 {
        self.space.now
    }

    /// Whether what expires at `at` (milliseconds since 1970) is gone now.
    #[inline]
    pub fn is_past(&self, at: i64) -> bool {
        at <= self.space.now && !self.space.holds_expiry
    }

    /// A key chosen at random among those that have not expired.
    pub fn random_key(&mut self) -> Option<Box<[u8]>> {
        // Redis gives up after a hundred expired ones when nothing else may be there.
        for _ in 0..100 {
            let space = &mut *self.space;
            let entry = space.databases[self.db].random(&mut space.rng)?;
            let (key, due): (Box<[u8]>, bool) = (entry.key().into(), entry.deadline() <= space.now);
            if !due {
                return Some(key);
            }
            self.expire_now(&key);
        }
        None
    }
}
