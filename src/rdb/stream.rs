//! Streams.
//!
//! ```text
//! count | (id, listpack)×          nodes; the id as a string of sixteen bytes, high first
//! length | last ms | last seq
//! first ms | first seq | deleted ms | deleted seq | added                   from the second edition on
//! count | group×
//! group:    name | last ms | last seq | entries read, from the second edition on
//!           count | (id 16 bytes, time i64 LE, count)×                      what is pending
//!           count | consumer×
//! consumer: name | seen i64 LE | active i64 LE, in the third edition | count | (id 16 bytes)×
//! ```

use super::damage::{Damage, Kind};
use super::read::Reader;
use super::types;
use super::write::Writer;
use crate::bytes::number::I64_TEXT;
use crate::keyspace::Value;
use crate::structures::stream::{Group, Stream, StreamId};
use std::collections::BTreeMap;

impl Writer {
    fn id(&mut self, id: StreamId) {
        self.length(id.ms);
        self.length(id.seq);
    }

    /// The second edition, which 7.0 reads: when consumers were active is lost in it.
    pub(super) fn stream(&mut self, stream: &Stream) {
        let log = &stream.log;
        self.length(log.node_count() as u64);
        for (id, pack) in log.nodes() {
            self.string(&id.to_key());
            self.string(&pack.to_bytes());
        }
        self.length(log.len());
        self.id(log.last);
        self.id(log.first());
        self.id(log.max_deleted);
        self.length(log.added);
        self.length(stream.groups.len() as u64);
        stream.groups.iter().for_each(|group| self.group(group));
    }

    fn group(&mut self, group: &Group) {
        self.string(group.name());
        self.id(group.last);
        self.length(group.entries_read.unwrap_or(-1) as u64);
        self.length(group.pending() as u64);
        for (id, delivery) in group.pending_from(StreamId::MIN) {
            self.raw(&id.to_key());
            self.raw(&delivery.time.to_le_bytes());
            self.length(delivery.count as u64);
        }
        self.length(group.consumers().len() as u64);
        for consumer in group.consumers() {
            self.string(consumer.name());
            self.raw(&consumer.seen.to_le_bytes());
            self.length(consumer.pending() as u64);
            consumer.pending_from(StreamId::MIN).for_each(|id| self.raw(&id.to_key()));
        }
    }
}

impl Reader<'_> {
    fn id(&mut self) -> Result<StreamId, Damage> {
        Ok(StreamId::new(self.length()?, self.length()?))
    }

    fn key(&mut self) -> Result<StreamId, Damage> {
        Ok(StreamId::from_key(self.fixed()?))
    }

    fn time(&mut self) -> Result<i64, Damage> {
        Ok(i64::from_le_bytes(self.fixed()?))
    }

    pub(super) fn stream(&mut self, kind: u8) -> Result<Value, Damage> {
        let at = self.position();
        let unsound = |reader: &Self| reader.damage_at(at, Kind::Nested("stream"));
        let mut stream = Stream::default();
        for _ in 0..self.length()? {
            let key = self.string()?;
            let Ok(key) = <[u8; 16]>::try_from(key.bytes(&mut [0; I64_TEXT])) else { return unsound(self) };
            let pack = self.listpack()?;
            if !stream.log.push_node(StreamId::from_key(key), pack) {
                return unsound(self);
            }
        }
        let (len, last) = (self.length()?, self.id()?);
        let (mut max_deleted, mut added) = (StreamId::MIN, len);
        if kind != types::STREAM_LISTPACKS {
            // The first entry's id follows from the nodes.
            self.id()?;
            max_deleted = self.id()?;
            added = self.length()?;
        }
        if len != stream.log.len() || !stream.log.restore_counters(last, max_deleted, added) {
            return unsound(self);
        }
        for _ in 0..self.length()? {
            self.group(kind, &mut stream)?;
        }
        Ok(Value::Stream(Box::new(stream)))
    }

    fn group(&mut self, kind: u8, stream: &mut Stream) -> Result<(), Damage> {
        let at = self.position();
        let unsound = |reader: &Self| reader.damage_at(at, Kind::Nested("consumer group"));
        let Stream { log, groups } = stream;
        let (name, last) = (self.string()?, self.id()?);
        let entries_read = match kind {
            types::STREAM_LISTPACKS => log.position(last),
            _ => Some(self.length()? as i64).filter(|read| *read != -1),
        };
        let Some(group) = groups.add(name.bytes(&mut [0; I64_TEXT]), last, entries_read) else { return unsound(self) };
        let mut pending = BTreeMap::new();
        for _ in 0..self.length()? {
            let (id, time, count) = (self.key()?, self.time()?, self.length()? as i64);
            if pending.insert(id, (time, count)).is_some() {
                return unsound(self);
            }
        }
        for _ in 0..self.length()? {
            let (name, seen) = (self.string()?, self.time()?);
            // Older editions have nothing better than when it last asked.
            let active = if kind == types::STREAM_LISTPACKS_3 { self.time()? } else { seen };
            let Some(consumer) = group.add_consumer(name.bytes(&mut [0; I64_TEXT]), seen) else { return unsound(self) };
            group.consumer_mut(consumer).active = active;
            for _ in 0..self.length()? {
                let Some((id, (time, count))) = pending.remove_entry(&self.key()?) else { return unsound(self) };
                group.deliver(id, consumer, time, count);
            }
        }
        // What is pending is pending at somebody.
        if pending.is_empty() {
            Ok(())
        } else {
            unsound(self)
        }
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
pub(super) mod tests;
