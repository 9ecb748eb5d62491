//! Eviction: which key goes when memory is short.
//!
//! As in Redis a few keys of each database are looked at, chosen by chance, and the best of them are kept in a pool of
//! [`POOL`]; the best of the pool goes. A few samples and a small memory of good ones come close to looking at all keys.
//! Differently from Redis the pool holds what does not change with time (when a key was last used, not for how long it has
//! not been), a key that was used since it came into the pool is no candidate any more, and each sample is chosen by
//! itself, not with its neighbours in the table.
//!
//! Costs O(databases in use × samples) for each key that goes.

use super::access::Access;
use super::database::{self, Database, Place, Segment};
use super::entry::{Entry, NEVER};
use super::{Class, Keyspace};
use crate::bytes::Rng;

/// Most candidates that are remembered.
const POOL: usize = 16;

/// Which keys may go, and which of them first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Only keys that have an expiry.
    pub volatile_only: bool,
    /// What makes a key the first to go; `None` when none may go.
    pub order: Option<Order>,
}

/// What makes a key the first to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// It was not used for the longest time.
    LeastRecent,
    /// It is used least often.
    LeastFrequent,
    /// Chance.
    Random,
    /// It expires first.
    Soonest,
}

/// A key that could go. Keys are known by their place and hash: whoever shares both goes in its stead.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    /// The higher, the earlier it goes.
    score: u64,
    db: usize,
    place: Place,
}

/// How keys are chosen, and those that were looked at.
#[derive(Debug, Default)]
pub(crate) struct Eviction {
    pub(super) policy: Policy,
    /// `maxmemory-samples`.
    pub(super) samples: usize,
    /// Candidates, the best last.
    pool: Vec<Candidate>,
    /// The database that a random policy took the last key from.
    last_db: usize,
}

impl Eviction {
    pub(super) fn new() -> Self {
        Eviction { samples: 5, ..Eviction::default() }
    }

    /// Puts a candidate into the pool, unless it is there or the pool is full of better ones.
    fn offer(&mut self, candidate: Candidate) {
        let at = self.pool.partition_point(|held| held.score < candidate.score);
        let known = |held: &Candidate| held.db == candidate.db && held.place == candidate.place;
        if self.pool.iter().any(known) {
            return;
        }
        if self.pool.len() < POOL {
            self.pool.insert(at, candidate);
        } else if at > 0 {
            self.pool[..at].rotate_left(1);
            self.pool[at - 1] = candidate;
        }
    }
}

impl Keyspace {
    /// Chooses the policy of eviction. What keys remember of their use changes its meaning with it, see [`super::access`].
    pub fn set_policy(&mut self, policy: Policy) {
        self.eviction.policy = policy;
        self.eviction.pool.clear();
        self.access.by_frequency = policy.order == Some(Order::LeastFrequent);
    }

    /// The policy of eviction.
    pub fn policy(&self) -> Policy {
        self.eviction.policy
    }

    /// `maxmemory-samples`: how many keys of a database are looked at for each that goes.
    pub fn set_samples(&mut self, samples: usize) {
        self.eviction.samples = samples;
    }

    /// `lfu-log-factor` and `lfu-decay-time` in minutes; what is `None` stays.
    pub fn set_frequency_limits(&mut self, log_factor: Option<i64>, decay_minutes: Option<i64>) {
        self.access.log_factor = log_factor.unwrap_or(self.access.log_factor);
        self.access.decay_minutes = decay_minutes.unwrap_or(self.access.decay_minutes);
    }

    /// Evicts one key by the policy, or removes one that has expired; false when none may go. Its memory may be given back
    /// later, see [`Keyspace::free_some`].
    pub fn evict_one(&mut self) -> bool {
        let policy = self.eviction.policy;
        let found = match policy.order {
            None => None,
            Some(Order::Random) => self.random_candidate(policy.volatile_only),
            Some(order) => self.best_candidate(policy.volatile_only, order),
        };
        let Some((db, key, due)) = found else { return false };
        let mut keys = self.keys(db);
        if due {
            keys.expire_now(&key);
        } else if let Some(entry) = keys.remove(&key) {
            keys.discard(entry);
            self.stats.evicted += 1;
            self.changes.removal(db, &key);
            self.changes.notify(Class::EVICTED, "evicted", &key, db);
            self.changes.touch(db, &key);
        }
        true
    }

    /// A key of the next database that has one which may go, and whether it has expired.
    fn random_candidate(&mut self, volatile: bool) -> Option<(usize, Box<[u8]>, bool)> {
        let count = self.databases.len();
        for _ in 0..count {
            self.eviction.last_db = (self.eviction.last_db + 1) % count;
            let db = self.eviction.last_db;
            if let Some((_, entry)) = self.databases[db].sample(volatile, &mut self.rng) {
                return Some((db, entry.key().into(), entry.deadline() <= self.now));
            }
        }
        None
    }

    /// The best key of the pool, after some of each database were offered to it.
    fn best_candidate(&mut self, volatile: bool, order: Order) -> Option<(usize, Box<[u8]>, bool)> {
        let samples = self.eviction.samples;
        loop {
            let mut any = false;
            for db in 0..self.databases.len() {
                let database = &mut self.databases[db];
                let there_are = if volatile { database.volatile() } else { database.len() };
                any |= there_are > 0;
                let mut offer = |place, entry: &Entry| {
                    let score = score(&self.access, entry, order, self.now);
                    self.eviction.offer(Candidate { score, db, place });
                };
                if there_are > samples {
                    for _ in 0..samples {
                        if let Some((place, entry)) = database.sample(volatile, &mut self.rng) {
                            offer(place, entry);
                        }
                    }
                } else if there_are > 0 {
                    // Chance would miss some of so few.
                    let may_go = |entry: &&Entry| !volatile || entry.deadline() != NEVER;
                    for entry in database.iter().filter(may_go) {
                        offer(database::place(self.seed, entry.key()), entry);
                    }
                }
            }
            if !any {
                return None;
            }
            while let Some(Candidate { score: offered, db, place }) = self.eviction.pool.pop() {
                // It may be gone, not volatile any more, or used meanwhile.
                let Some(entry) = self.databases.get(db).and_then(|database| database.find_hash(place)) else {
                    continue;
                };
                let fits = !volatile || entry.deadline() != NEVER;
                if fits && score(&self.access, entry, order, self.now) >= offered {
                    return Some((db, entry.key().into(), entry.deadline() <= self.now));
                }
            }
        }
    }
}

/// The higher, the earlier the entry goes; what has expired first of all. Does not change while time passes, but for LFU, where it
/// rises; falls when the entry is used.
fn score(access: &Access, entry: &Entry, order: Order, now: i64) -> u64 {
    if entry.deadline() <= now {
        return u64::MAX;
    }
    match order {
        Order::Soonest => i64::MAX.abs_diff(entry.deadline()),
        Order::LeastFrequent => 255 - access.frequency(entry.access()) as u64,
        _ => i64::MAX.abs_diff(now / 1000 - access.idle(entry.access()) as i64),
    }
}

/// How often a segment is drawn, and drawn again where that would favour those with few keys, before all are counted.
const DRAWS: usize = 32;

/// A segment of which fewer keys than one in so many are volatile is walked for one, instead of drawing again.
const SPARSE: usize = 16;

impl Segment {
    /// How many of its keys may go.
    fn weight(&self, volatile: bool) -> usize {
        if volatile {
            self.volatile
        } else {
            self.entries.len()
        }
    }

    /// An entry by chance; there is one.
    fn sample(&self, volatile: bool, rng: &mut Rng) -> Option<&Entry> {
        if !volatile {
            return self.entries.random(rng);
        }
        if self.volatile * SPARSE >= self.entries.len() {
            for _ in 0..4 * SPARSE {
                let entry = self.entries.random(rng)?;
                if entry.deadline() != NEVER {
                    return Some(entry);
                }
            }
        }
        let at = rng.below(self.volatile);
        self.entries.iter().filter(|entry| entry.deadline() != NEVER).nth(at)
    }
}

impl Database {
    /// An entry by chance, of those that have an expiry where `volatile`; all are equally likely. O(1) expected where keys are
    /// spread over segments and a fair part of them is volatile, else O(segments + keys of one segment).
    pub(super) fn sample(&mut self, volatile: bool, rng: &mut Rng) -> Option<(Place, &Entry)> {
        let segment = self.draw_segment(volatile, rng)?;
        let Segment { entries, .. } = &self.segments[segment];
        let entry = self.segments[segment].sample(volatile, rng)?;
        Some((Place { segment, hash: entries.hash_of(entry.key()) }, entry))
    }

    /// A segment by chance, each as likely as it has keys.
    fn draw_segment(&mut self, volatile: bool, rng: &mut Rng) -> Option<usize> {
        let total = if volatile { self.volatile() } else { self.len() };
        if total == 0 {
            return None;
        }
        let widest = &mut self.widest[volatile as usize];
        // At first nothing is known of how many keys a segment has at most.
        for _ in 0..if *widest == 0 { 0 } else { DRAWS } {
            let segment = rng.below(self.segments.len());
            let weight = self.segments[segment].weight(volatile);
            *widest = weight.max(*widest);
            if rng.below(*widest) < weight {
                return Some(segment);
            }
        }
        let mut at = rng.below(total);
        let mut found = None;
        *widest = 0;
        for (number, segment) in self.segments.iter().enumerate() {
            let weight = segment.weight(volatile);
            *widest = weight.max(*widest);
            if found.is_none() && at < weight {
                found = Some(number);
            }
            at = at.wrapping_sub(weight);
        }
        found
    }

    /// The entry at a place that was sampled, if one is there still.
    fn find_hash(&self, place: Place) -> Option<&Entry> {
        self.segments.get(place.segment)?.entries.find_hashed(place.hash, |_| true)
    }
}

#[cfg(test)]
#[path = "eviction_tests.rs"]
mod tests;
