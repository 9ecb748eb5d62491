//! Consumer groups: who was given what and has not acknowledged it yet.
//!
//! An entry that is pending stands once, in its group's list, with its consumer's number, the time and the count; the
//! consumer's own list holds nothing but ids.

use super::id::StreamId;
use super::ids::IdMap;

/// A delivery that was not acknowledged yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// When it was last delivered, in milliseconds since 1970.
    pub time: i64,
    /// How many times it was delivered.
    pub count: i64,
    consumer: u32,
}

impl Delivery {
    /// Whom it was delivered to.
    pub fn consumer(&self) -> ConsumerId {
        ConsumerId(self.consumer)
    }
}

/// The number of a consumer within its group; good until the consumer is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerId(u32);

/// A member of a group.
#[derive(Clone, Debug)]
pub struct Consumer {
    name: Box<[u8]>,
    /// When it last asked, in milliseconds since 1970.
    pub seen: i64,
    /// When it last got something; -1 when it never did.
    pub active: i64,
    pending: IdMap<()>,
}

impl Consumer {
    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// How many deliveries it has not acknowledged. O(1).
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The ids of those from `start` on.
    pub fn pending_from(&self, start: StreamId) -> impl Iterator<Item = StreamId> + Clone + '_ {
        self.pending.iter_from(start).map(|(id, ())| id)
    }
}

/// A consumer group.
#[derive(Clone, Debug)]
pub struct Group {
    name: Box<[u8]>,
    /// The id that was last delivered.
    pub last: StreamId,
    /// How many entries had been added when that one was; none when it is not known.
    pub entries_read: Option<i64>,
    pending: IdMap<Delivery>,
    /// Consumers by number; the numbers of deleted ones are used again.
    consumers: Vec<Option<Consumer>>,
    /// The numbers of the consumers by name.
    order: Vec<u32>,
}

impl Group {
    pub(super) fn new(name: &[u8], last: StreamId, entries_read: Option<i64>) -> Self {
        let name = name.into();
        Group { name, last, entries_read, pending: IdMap::default(), consumers: Vec::new(), order: Vec::new() }
    }

    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    fn find(&self, name: &[u8]) -> Result<usize, usize> {
        self.order.binary_search_by(|number| {
            let consumer = self.consumers[*number as usize].as_ref();
            consumer.map_or(&[][..], |consumer| &consumer.name).cmp(name)
        })
    }

    /// Finds a consumer. O(log consumers).
    pub fn find_consumer(&self, name: &[u8]) -> Option<ConsumerId> {
        self.find(name).ok().map(|at| ConsumerId(self.order[at]))
    }

    /// Adds a consumer first seen at `now`; none when there is one of that name. O(consumers) small moves.
    pub fn add_consumer(&mut self, name: &[u8], now: i64) -> Option<ConsumerId> {
        let at = self.find(name).err()?;
        let consumer = Some(Consumer { name: name.into(), seen: now, active: -1, pending: IdMap::default() });
        let number = match self.consumers.len() == self.order.len() {
            true => {
                self.consumers.push(consumer);
                self.consumers.len() - 1
            }
            false => {
                let free = self.consumers.iter().position(Option::is_none)?;
                self.consumers[free] = consumer;
                free
            }
        };
        self.order.insert(at, number as u32);
        Some(ConsumerId(number as u32))
    }

    /// Deletes a consumer and what it has not acknowledged; how much that was. O(pending · log).
    pub fn delete_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let at = self.find(name).ok()?;
        let consumer = self.consumers[self.order.remove(at) as usize].take()?;
        for (id, ()) in consumer.pending.iter() {
            self.pending.remove(id);
        }
        Some(consumer.pending.len())
    }

    /// The consumers by name.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = &Consumer> {
        self.order.iter().map(|number| self.consumers[*number as usize].as_ref().expect("listed by name"))
    }

    /// A consumer. Panics when it was deleted.
    pub fn consumer(&self, id: ConsumerId) -> &Consumer {
        self.consumers[id.0 as usize].as_ref().expect("a consumer that was not deleted")
    }

    /// A consumer, to note when it asked and got something. Panics when it was deleted.
    pub fn consumer_mut(&mut self, id: ConsumerId) -> &mut Consumer {
        self.consumers[id.0 as usize].as_mut().expect("a consumer that was not deleted")
    }

    /// How many deliveries were not acknowledged. O(1).
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Those from `start` on.
    pub fn pending_from(&self, start: StreamId) -> impl Iterator<Item = (StreamId, &Delivery)> + Clone {
        self.pending.iter_from(start)
    }

    /// The first and the last id that is pending.
    pub fn pending_ends(&self) -> Option<(StreamId, StreamId)> {
        Some((self.pending.first()?.0, self.pending.last()?.0))
    }

    /// A pending delivery.
    pub fn delivery(&self, id: StreamId) -> Option<&Delivery> {
        self.pending.get(id)
    }

    /// A pending delivery, to change its time and count.
    pub fn delivery_mut(&mut self, id: StreamId) -> Option<&mut Delivery> {
        self.pending.get_mut(id)
    }

    /// Makes an entry pending at `consumer`, whoever had it before. O(log pending).
    pub fn deliver(&mut self, id: StreamId, consumer: ConsumerId, time: i64, count: i64) {
        let new = Delivery { time, count, consumer: consumer.0 };
        let old = self.pending.insert(id, new).map(|old| old.consumer);
        if old != Some(new.consumer) {
            if let Some(old) = old {
                self.consumer_mut(ConsumerId(old)).pending.remove(id);
            }
            self.consumer_mut(consumer).pending.insert(id, ());
        }
    }

    /// Ends a delivery; false when it was not pending. O(log pending).
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(delivery) = self.pending.remove(id) else { return false };
        self.consumer_mut(delivery.consumer()).pending.remove(id);
        true
    }

    /// Items for freeing and accounting.
    pub(super) fn weight(&self) -> usize {
        1 + self.pending.len() / 16 + self.order.len()
    }

    /// Bytes of heap. O(consumers + pending / 128).
    pub(super) fn heap_bytes(&self) -> usize {
        let own = |consumer: &Consumer| consumer.name.len() + consumer.pending.heap_bytes();
        self.name.len()
            + self.pending.heap_bytes()
            + self.consumers.capacity() * size_of::<Option<Consumer>>()
            + self.order.capacity() * size_of::<u32>()
            + self.consumers().map(own).sum::<usize>()
    }

    /// Frees up to `budget` items of a group that nobody uses any more; how many are left of the budget, none when it
    /// was not enough.
    pub(super) fn free_some(&mut self, mut budget: usize) -> Option<usize> {
        while let Some(consumer) = self.consumers.last_mut() {
            while let Some(consumer) = consumer.as_mut().filter(|consumer| !consumer.pending.is_empty()) {
                budget = budget.checked_sub(1 + consumer.pending.pop_chunk() / 16)?;
            }
            budget = budget.checked_sub(1)?;
            self.consumers.pop();
        }
        self.order.clear();
        while !self.pending.is_empty() {
            budget = budget.checked_sub(1 + self.pending.pop_chunk() / 16)?;
        }
        Some(budget)
    }
}
