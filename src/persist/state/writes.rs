//! The next write, and what became of the last: the log first, then the snapshot that runs, then what is not needed any
//! more.

use super::{Fsync, Operation, Persistence, Phase, Reason, Step, Store, Write, FLUSHING, QUEUED, RETRY};
use crate::keyspace::Keyspace;
use crate::memory::is_room_for;
use crate::persist::manifest::names;
use crate::persist::LOGS;

impl Persistence {
    /// The next thing to write, if something is due; [`Persistence::wrote`] says how it went. What is more than the store
    /// takes at once comes in several. `flushing` objects of a snapshot are still on their way to the disk, beside this
    /// thread: while nobody waits for the snapshot, nothing is asked of the store that would have to wait for them.
    pub fn next(&mut self, now: i64, flushing: u32) -> Option<Write> {
        let store = self.store?;
        let mut rest = match self.rest.take() {
            Some(rest) => rest,
            None if self.step.is_some() => return None,
            None => self.next_whole(store, now, flushing)?,
        };
        let mut bytes = 0;
        let fits = rest.operations.iter().take(store.operations.max(1)).take_while(|(_, name, content)| {
            bytes += name.len() + content.len();
            bytes <= store.bytes
        });
        let count = fits.count().max(1);
        if count >= rest.operations.len() {
            return Some(rest);
        }
        let left = rest.operations.split_off(count);
        self.rest = Some(Write { operations: left, durable: rest.durable });
        Some(Write { durable: false, ..rest })
    }

    fn next_whole(&mut self, store: Store, now: i64, flushing: u32) -> Option<Write> {
        let flushing = if self.is_hurried() { 0 } else { flushing };
        if self.bare && self.snapshot_is_due(now) {
            self.step = Some(Step::First);
            let (name, bytes) = self.manifest.write(usize::MAX).remove(0);
            return Some(Write { operations: vec![(Operation::Put, name, bytes)], durable: true });
        }
        if self.log_is_due(now) {
            let only_sync = self.frames.is_empty() && self.pending_log() == 0;
            return (!only_sync || flushing == 0).then(|| self.next_log(store, now));
        }
        let most = if self.chunks.is_empty() { 0 } else { FLUSHING };
        if self.snapshot_is_due(now) {
            if self.is_behind(store) {
                // The log would have to wait for it when the first chunks are on their way.
                return Some(self.sync_log());
            }
            return (flushing <= most).then(|| self.next_of_snapshot(store));
        }
        let mut write = Write::default();
        let most = if flushing > 0 { 0 } else { self.deletions };
        while write.operations.len() < most {
            let Some(name) = self.deletes.pop() else { break };
            write.operations.push((Operation::Delete, name, Vec::new()));
        }
        self.deletions -= write.operations.len();
        self.step = (!write.operations.is_empty()).then_some(Step::Deletes);
        self.step.is_some().then_some(write)
    }

    /// Before a segment begins the one before is to be durable: else a crash could leave a hole between them.
    fn is_behind(&self, store: Store) -> bool {
        store.appends && self.fresh && self.durable < self.written
    }

    fn sync_log(&mut self) -> Write {
        self.step = Some(Step::Sync { last: self.written });
        Write { operations: Vec::new(), durable: true }
    }

    fn next_log(&mut self, store: Store, now: i64) -> Write {
        if self.frames.is_empty() && self.pending_log() > 0 {
            self.push_frame();
        }
        if self.frames.is_empty() || self.is_behind(store) {
            return self.sync_log();
        }
        let mut frame = self.frames.remove(0);
        let gathers = !store.appends && self.fsync == Fsync::Everysec;
        let durable = self.fsync == Fsync::Always || self.asked > self.durable || gathers;
        let name = format!("{LOGS}{:012}", self.segment);
        let (parts, segment) = (frame.bytes.len().div_ceil(store.object) as u32, self.segment);
        let (mut objects, operation) = (Vec::new(), if store.appends { Operation::Append } else { Operation::Put });
        if !store.appends {
            names(name.clone(), parts, &mut objects);
        }
        let mut operations = Vec::new();
        if parts == 1 && !is_room_for(2 * frame.bytes.len()) {
            // No copy is kept where there is no room for one.
            self.log_bytes += frame.bytes.len() as u64;
            let bytes = std::mem::take(&mut frame.bytes);
            operations.push((operation, objects.pop().unwrap_or(name.clone()), bytes));
        }
        for (at, piece) in frame.bytes.chunks(store.object).enumerate() {
            operations.push((operation, objects.get(at).unwrap_or(&name).clone(), piece.to_vec()));
        }
        let parts = if store.appends { 1 } else { parts };
        if !store.appends {
            self.segment += 1;
        }
        if !durable && self.sync_at == i64::MAX {
            self.sync_at = now + 1000;
        }
        self.step = Some(Step::Log { frame, parts, segment, durable });
        Write { operations, durable }
    }

    fn next_of_snapshot(&mut self, store: Store) -> Write {
        let mut write = Write::default();
        let mut bytes = 0;
        while bytes < QUEUED.min(store.bytes) && !self.chunks.is_empty() {
            let (name, content) = self.chunks.remove(0);
            bytes += name.len() + content.len();
            write.operations.push((Operation::Put, name, content));
        }
        if !write.operations.is_empty() {
            self.allowance = self.allowance.saturating_sub(bytes);
            self.step = Some(Step::Chunks(self.number));
            return write;
        }
        let Some((plan, _, phase)) = &mut self.plan else { return write };
        write.durable = true;
        if *phase == Phase::Settling {
            self.step = Some(Step::Settle);
            return write;
        }
        // Before this object nothing has happened.
        let (name, content) = plan.manifest.write(store.object).pop().expect("one at least");
        write.operations.push((Operation::Put, name, content));
        self.step = Some(Step::Manifest);
        write
    }

    /// Says how the write under way went; true when somebody may have waited for it.
    pub fn wrote(&mut self, space: &mut Keyspace, result: Result<(), String>) -> bool {
        if result.is_err() {
            self.rest = None;
        }
        let Some(step) = self.step.take_if(|_| self.rest.is_none()) else { return false };
        match result {
            Ok(()) => self.succeeded(space, step),
            Err(text) => self.failed(space, step, text),
        }
    }

    fn succeeded(&mut self, space: &mut Keyspace, step: Step) -> bool {
        match step {
            Step::Log { frame, parts, segment, durable } => {
                self.fresh = self.segment != segment;
                self.log_bytes += frame.bytes.len() as u64;
                self.written = frame.last;
                self.log_failure = None;
                if self.segments.last().map(|held| held.0) != Some(segment) {
                    self.segments.push((segment, parts));
                }
                if durable {
                    self.is_durable_up_to(frame.last, space.now());
                }
                durable
            }
            Step::Sync { last } => {
                self.is_durable_up_to(last, space.now());
                true
            }
            Step::First => {
                self.bare = false;
                false
            }
            Step::Settle => {
                if let Some((_, _, phase)) = &mut self.plan {
                    *phase = Phase::Naming;
                }
                false
            }
            Step::Manifest => {
                self.finish(space);
                true
            }
            Step::Chunks(_) | Step::Deletes => false,
        }
    }

    fn is_durable_up_to(&mut self, last: u64, now: i64) {
        self.durable = last;
        let all = self.durable >= self.sequence() && self.frames.is_empty();
        self.sync_at = if all { i64::MAX } else { now + 1000 };
    }

    fn failed(&mut self, space: &mut Keyspace, step: Step, text: String) -> bool {
        let now = space.now();
        match step {
            Step::Log { frame, segment, parts, durable } => {
                if durable && self.written > self.durable {
                    self.established = false;
                    self.again = Some(Reason::Rewrite);
                }
                // What was appended may be torn: the next try goes to a segment of its own.
                self.segments.push((segment, parts));
                self.segment = self.segment.max(segment + 1);
                self.fresh = true;
                // A log that has begun anew since has a snapshot with what is in it.
                if frame.epoch >= self.epoch && frame.bytes.is_empty() {
                    // It was not kept here: another log takes its place, which begins with a snapshot.
                    self.established = false;
                    self.again = Some(Reason::Rewrite);
                } else if frame.epoch >= self.epoch {
                    self.frames.insert(0, frame);
                }
                self.log_fails(now, text)
            }
            Step::Sync { .. } => {
                // Nobody knows what of it is durable, and it is not kept here: another log takes its place, which begins
                // with a snapshot.
                self.established = false;
                self.again = Some(Reason::Rewrite);
                self.log_fails(now, text)
            }
            // Of a snapshot that was given up meanwhile.
            Step::Chunks(number) if self.running_number() != Some(number) => false,
            Step::First | Step::Settle | Step::Chunks(_) | Step::Manifest => {
                let manifest_may_stand = matches!(step, Step::Manifest);
                self.snapshot_failure = Some(text);
                self.abandon(space, manifest_may_stand);
                true
            }
            Step::Deletes => false,
        }
    }

    fn log_fails(&mut self, now: i64, text: String) -> bool {
        self.retry_at = now + RETRY;
        self.delayed_syncs += 1;
        self.log_failure = Some(text);
        true
    }
}
