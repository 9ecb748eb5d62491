//! The table of a large hash, and the order in which its fields expire.

use super::Put;
use crate::structures::dict::{Dict, Keyed};
use crate::structures::pair::Pair;
use crate::structures::stream::{IdMap, StreamId};

/// Fields in a hash table. Operations are O(1), O(log n) for fields that expire.
#[derive(Clone)]
pub(super) struct Table {
    pub(super) dict: Dict<Pair>,
    /// Heap bytes of all fields.
    pub(super) bytes: usize,
    /// Only where a field was ever to expire.
    timer: Option<Box<Timer>>,
}

#[derive(Clone)]
struct Timer {
    /// Expiry and hash of the name of every field that expires. Fields that have both in common share an entry.
    order: IdMap<()>,
    /// Fields that expire by then are as good as gone, though they are still here: there were too many to remove at
    /// once.
    hidden: i64,
}

/// An entry of the order: an expiry and the hash of a name.
fn mark(at: i64, hash: u64) -> StreamId {
    StreamId::new(at as u64, hash)
}

/// `hidden` when nothing is.
pub(super) const NOTHING: i64 = i64::MIN;

impl Table {
    pub(super) fn with_capacity(seed: u64, fields: usize) -> Self {
        Table { dict: Dict::with_capacity(seed, fields), bytes: 0, timer: None }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let timer = self.timer.as_ref().map_or(0, |timer| size_of::<Timer>() + timer.order.heap_bytes());
        size_of::<Table>() + self.bytes + self.dict.table_bytes() + timer
    }

    pub(super) fn is_timed(&self) -> bool {
        self.timer.is_some()
    }

    pub(super) fn make_timed(&mut self) -> &mut Self {
        self.timer.get_or_insert_with(|| Box::new(Timer { order: IdMap::default(), hidden: NOTHING }));
        self
    }

    /// When the first field expires.
    pub(super) fn soonest(&self) -> Option<i64> {
        self.timer.as_ref()?.order.first().map(|(mark, ())| mark.ms as i64)
    }

    /// Up to when fields are hidden.
    #[inline]
    pub(super) fn hidden(&self) -> i64 {
        self.timer.as_ref().map_or(NOTHING, |timer| timer.hidden)
    }

    #[inline]
    pub(super) fn hides_some(&self) -> bool {
        self.hidden() != NOTHING
    }

    #[inline]
    pub(super) fn get(&self, name: &[u8]) -> Option<&Pair> {
        self.dict.get(name).filter(|field| shows(self.hidden(), field))
    }

    /// Takes in a field, which replaces one of the same name.
    pub(super) fn insert(&mut self, field: Pair) {
        let hash = self.dict.hash_of(field.key());
        self.bytes += field.heap_bytes();
        let at = field.expiry();
        if let Some(replaced) = self.dict.insert_hashed(hash, field) {
            self.bytes -= replaced.heap_bytes();
            self.unschedule(replaced.expiry(), hash);
        }
        self.schedule(at, hash);
    }

    /// Puts a value; whether that created the field.
    pub(super) fn put(&mut self, name: &[u8], value: &[u8], how: Put) -> bool {
        let hash = self.dict.hash_of(name);
        let (field, created) = self.dict.get_or_insert_with_hashed(hash, name, || Pair::new(name, value, None));
        if created {
            self.bytes += field.heap_bytes();
        } else if how != Put::Absent {
            self.bytes -= field.heap_bytes();
            let expiry = field.expiry().filter(|_| how == Put::Clear);
            if expiry.is_some() {
                *field = Pair::new(name, value, None);
            } else {
                field.set_value(value);
            }
            self.bytes += field.heap_bytes();
            self.unschedule(expiry, hash);
        }
        created
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> bool {
        let hash = self.dict.hash_of(name);
        let Some(field) = self.dict.remove_hashed(hash, name) else { return false };
        self.bytes -= field.heap_bytes();
        self.unschedule(field.expiry(), hash);
        true
    }

    /// Sets or takes off the expiry of a field; false when there is no such field.
    pub(super) fn set_expiry(&mut self, name: &[u8], expiry: Option<i64>) -> bool {
        let hash = self.dict.hash_of(name);
        let Some(field) = self.dict.get_mut_hashed(hash, name) else { return false };
        let before = field.expiry();
        self.bytes -= field.heap_bytes();
        field.set_expiry(expiry);
        self.bytes += field.heap_bytes();
        let after = field.expiry();
        if before != after {
            self.unschedule(before, hash);
            self.schedule(after, hash);
        }
        true
    }

    fn schedule(&mut self, expiry: Option<i64>, hash: u64) {
        if let Some(at) = expiry {
            self.make_timed().timer.as_mut().expect("just made").order.insert(mark(at, hash), ());
        }
    }

    /// Takes an entry out of the order, unless another field needs it still.
    fn unschedule(&mut self, expiry: Option<i64>, hash: u64) {
        let (Some(at), Some(timer)) = (expiry, &mut self.timer) else { return };
        if self.dict.find_hashed(hash, |field| field.expiry() == Some(at)).is_none() {
            timer.order.remove(mark(at, hash));
        }
    }

    /// Removes about `budget` of the fields that are due, the soonest first, and shows the name of each; hides the
    /// rest of them. How many were removed.
    pub(super) fn expire(&mut self, now: i64, budget: usize, gone: &mut dyn FnMut(&[u8])) -> usize {
        let Some(timer) = &mut self.timer else { return 0 };
        let mut count = 0;
        timer.hidden = NOTHING;
        while let Some((first, ())) = timer.order.first().filter(|(first, ())| first.ms as i64 <= now) {
            if count >= budget {
                timer.hidden = now;
                break;
            }
            timer.order.remove(first);
            while let Some(field) = self.dict.take_hashed(first.seq, |field| field.expiry() == Some(first.ms as i64)) {
                self.bytes -= field.heap_bytes();
                gone(field.key());
                count += 1;
            }
        }
        count
    }

    /// Removes a field that is hidden; whether it was.
    pub(super) fn remove_hidden(&mut self, name: &[u8]) -> bool {
        let hidden = self.hidden();
        self.dict.get(name).is_some_and(|field| !shows(hidden, field)) && self.remove(name)
    }

    /// How many fields are hidden. O(n) where some are.
    pub(super) fn count_hidden(&self) -> usize {
        match self.hidden() {
            NOTHING => 0,
            hidden => self.dict.iter().filter(|field| !shows(hidden, field)).count(),
        }
    }

    /// Frees about `budget` fields; whether nothing is left.
    pub(super) fn free_some(&mut self, budget: usize) -> bool {
        let (held, fields) = (self.bytes, self.dict.len().max(1));
        let emptied = self.dict.free_some(budget);
        // What went is not weighed one by one; the rest is taken to be as heavy on average.
        self.bytes = (held as u64 * self.dict.len() as u64 / fields as u64) as usize;
        let Some(timer) = &mut self.timer else { return emptied };
        let mut freed = 0;
        while freed < budget && !timer.order.is_empty() {
            freed += timer.order.pop_chunk();
        }
        emptied && timer.order.is_empty()
    }
}

/// Whether a field is there for readers.
#[inline]
pub(super) fn shows(hidden: i64, field: &Pair) -> bool {
    hidden == NOTHING || field.expiry().is_none_or(|at| at > hidden)
}
