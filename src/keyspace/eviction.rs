//! Eviction: which key goes when memory is short.
//!
//! As in Redis a few keys of each database are looked at, chosen by chance, and the best of them are kept in a pool of
//! [`POOL`]; the best of the pool goes. A few samples and a small memory of good ones come close to looking at all keys.
//! Differently from Redis the pool holds what does not change with time (when a key was last used, not for how long it has
//! not been), a key that was used since it came into the pool is no candidate any more, and each sample is chosen by
//! itself, not with its neighbours in the table. Random policies are the same with chance for a score.
//!
//! Costs O(databases in use × samples) for each key that goes. Where fewer than one key in sixteen is volatile, and only those may
//! go, a sample is all volatile keys of a segment, and costs O(keys of a segment).

use super::access::Access;
use super::database::{Database, Place, Segment};
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
        // What is remembered of the last use reads otherwise now: it takes a use to set it right, which a copy would spare.
        self.will_write_all();
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

    /// Evicts one key by the policy, or removes one that has expired; how many keys were looked at for it, 0 when none may go. Its
    /// memory may be given back later, see [`Keyspace::free_some`].
    pub fn evict_one(&mut self) -> usize {
        let Policy { volatile_only, order: Some(order) } = self.eviction.policy else { return 0 };
        let mut looked = 0;
        loop {
            let before = looked;
            for db in 0..self.databases.len() {
                looked += self.offer_some(db, volatile_only, order);
            }
            if looked == before {
                return 0;
            }
            while let Some(Candidate { score: offered, db, place }) = self.eviction.pool.pop() {
                let Some(entry) = self.databases.get(db).and_then(|database| database.find_hash(place)) else {
                    continue;
                };
                // It may be not volatile any more, or used meanwhile.
                let fits = !volatile_only || entry.deadline() != NEVER;
                if !fits || score(&self.access, entry, order, self.now, u64::MAX) < offered {
                    continue;
                }
                let (key, due) = (Box::<[u8]>::from(entry.key()), entry.deadline() <= self.now);
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
                return looked;
            }
        }
    }

    /// Offers some keys of a database to the pool, chosen by chance; how many were looked at for that.
    fn offer_some(&mut self, db: usize, volatile: bool, order: Order) -> usize {
        let (database, now, lot) = (&mut self.databases[db], self.now, self.rng.next_u64());
        let (mut looked, mut offered) = (0, 0);
        let (access, eviction) = (&self.access, &mut self.eviction);
        let samples = eviction.samples;
        let mut offer = |segment: usize, hash: u64, entry: &Entry| {
            looked += 1;
            if !volatile || entry.deadline() != NEVER {
                offered += 1;
                let score = score(access, entry, order, now, hash.wrapping_mul(lot | 1) >> 1);
                eviction.offer(Candidate { score, db, place: Place { segment, hash } });
            }
            offered
        };
        // Of very few keys chance would miss some.
        if database.weight(volatile) <= samples {
            for (number, segment) in database.segments.iter().enumerate().filter(|(_, one)| one.weight(volatile) > 0) {
                segment.entries.scan(0, usize::MAX, &mut |entry| {
                    offer(number, segment.entries.hash_of(entry.key()), entry);
                });
            }
            return looked;
        }
        let mut seen = 0;
        while seen < samples {
            let Some(number) = database.draw_segment(volatile, &mut self.rng) else { break };
            let Segment { entries, .. } = &database.segments[number];
            if volatile && database.segments[number].is_sparse() {
                // All of those that may go are offered: to hit one by chance would take as long.
                entries.scan(0, usize::MAX, &mut |entry| seen = offer(number, entries.hash_of(entry.key()), entry));
                continue;
            }
            // Again until one is hit that may go: each is then as likely whatever others there are in its segment.
            let before = seen;
            while let Some(entry) = entries.random(&mut self.rng).filter(|_| seen == before) {
                seen = offer(number, entries.hash_of(entry.key()), entry);
            }
        }
        looked
    }
}

/// The higher, the earlier the entry goes; what has expired first of all. Does not change while time passes, but for LFU, where it
/// rises; falls when the entry is used. `lot` is what decides where chance does.
fn score(access: &Access, entry: &Entry, order: Order, now: i64, lot: u64) -> u64 {
    if entry.deadline() <= now {
        return u64::MAX;
    }
    match order {
        Order::Soonest => i64::MAX.abs_diff(entry.deadline()),
        Order::LeastFrequent => 255 - access.frequency(entry.access()) as u64,
        Order::LeastRecent => i64::MAX.abs_diff(now / 1000 - access.idle(entry.access()) as i64),
        Order::Random => lot,
    }
}

/// How often a segment is drawn, and drawn again where that would favour those with few keys, before all are counted.
const DRAWS: usize = 32;

impl Segment {
    /// How many of its keys may go.
    fn weight(&self, volatile: bool) -> usize {
        if volatile {
            self.volatile
        } else {
            self.entries.len()
        }
    }

    /// Whether so few of its keys are volatile that to draw one by chance takes about as long as to look at all.
    fn is_sparse(&self) -> bool {
        self.volatile * 16 < self.entries.len()
    }
}

impl Database {
    /// How many of its keys may go.
    fn weight(&self, volatile: bool) -> usize {
        if volatile {
            self.volatile()
        } else {
            self.len()
        }
    }

    /// An entry by chance, all are equally likely. O(1) expected where keys are spread over segments, else O(segments).
    pub(super) fn random(&mut self, rng: &mut Rng) -> Option<&Entry> {
        let segment = self.draw_segment(false, rng)?;
        self.segments[segment].entries.random(rng)
    }

    /// A segment by chance, each as likely as it has keys that may go.
    fn draw_segment(&mut self, volatile: bool, rng: &mut Rng) -> Option<usize> {
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
        let weights = || self.segments.iter().map(|segment| segment.weight(volatile));
        *widest = weights().max()?;
        let mut at = rng.below(weights().sum::<usize>().max(1));
        weights().position(|weight| {
            let here = at < weight;
            at = at.wrapping_sub(weight);
            here
        })
    }

    /// The entry at a place that was sampled, if one is there still.
    fn find_hash(&self, place: Place) -> Option<&Entry> {
        self.segments.get(place.segment)?.entries.find_hashed(place.hash, |_| true)
    }
}

#[cfg(test)]
#[path = "eviction_tests.rs"]
mod tests;
