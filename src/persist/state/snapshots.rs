//! Snapshots as they run: begun by a command, a save point or a log that has grown; taken in slices; named by a manifest.

use super::{
    Fsync, Past, Persistence, Phase, Reason, Step, CHUNK, DELETIONS, FILE_DELETIONS, LARGE_CHUNK, PIECES, QUEUED,
    RETRY, SAVE_RETRY, SLICE,
};
use crate::keyspace::Keyspace;
use crate::persist::manifest::{names, Chunk, Manifest};
use crate::persist::snapshot::Plan;
use crate::persist::LOGS;

impl Persistence {
    /// Whether a snapshot runs, and for what.
    pub(crate) fn running(&self) -> Option<Reason> {
        self.plan.as_ref().map(|(_, reason, _)| *reason)
    }

    /// When the running snapshot began (microseconds since 1970), and bytes it copied.
    pub(crate) fn running_since(&self, space: &Keyspace) -> Option<(i64, usize)> {
        let early: usize = space.tracker.early.iter().map(|early| early.1.len()).sum();
        self.plan.as_ref().map(|(plan, _, _)| (plan.begun_us, plan.copied + early))
    }

    /// Begins a snapshot of this instant, unless one runs.
    pub(crate) fn begin(&mut self, space: &mut Keyspace, reason: Reason) -> bool {
        let Some(store) = self.store.filter(|_| self.plan.is_none()) else { return false };
        self.push_frame();
        // The log goes on in a segment of its own, so that all before can go.
        self.segment += 1;
        self.fresh = true;
        self.number += 1;
        let log = self.log.is_some();
        if log && !self.established {
            self.epoch = self.number;
            self.frames.clear();
        }
        let next = Manifest {
            snapshot: self.number,
            at: space.now(),
            sequence: self.sequence(),
            log,
            epoch: self.epoch,
            log_from: self.segment,
            ..Manifest::default()
        };
        let target = if store.eventual { LARGE_CHUNK } else { CHUNK };
        let mut plan = Plan::new(space, &self.manifest, next, target, store.object);
        plan.changes = self.changes;
        plan.log_bytes = self.log_bytes;
        self.last_try = space.now();
        self.plan = Some((plan, reason, Phase::Taking));
        true
    }

    /// Asks for a snapshot behind the one that runs, or when the transaction that runs is over.
    pub(crate) fn queue(&mut self, reason: Reason) {
        self.again = Some(reason);
    }

    /// Gives up the snapshot that runs for another one of now; false where the store is about to name it: then it stays.
    pub(crate) fn make_way(&mut self, space: &mut Keyspace) -> bool {
        let all_but_written = matches!(self.step, Some(Step::Settle | Step::Manifest));
        if !all_but_written {
            self.give_up(space);
        }
        !all_but_written
    }

    /// Number of the snapshot that runs.
    pub(super) fn running_number(&self) -> Option<u64> {
        self.plan.as_ref().map(|(plan, _, _)| plan.manifest.snapshot)
    }

    /// Number of the last snapshot that was begun.
    pub(crate) fn snapshot_number(&self) -> u64 {
        self.number
    }

    /// Whether the snapshot of that number is being written, or waits for its turn.
    pub(crate) fn is_writing(&self, number: u64) -> bool {
        self.running_number().is_some_and(|running| running <= number) || (self.again.is_some() && self.number < number)
    }

    /// Whether the snapshot of that number, or a later one, is in the store.
    pub(crate) fn has_written(&self, number: u64) -> bool {
        self.manifest.snapshot >= number
    }

    /// Takes all that the running snapshot still wants, at once.
    pub(crate) fn take_all(&mut self, space: &mut Keyspace) {
        self.take_some(space, usize::MAX);
        self.is_waited_for = true;
    }

    fn take_some(&mut self, space: &mut Keyspace, budget: usize) {
        if space.tracker.upset {
            space.tracker.upset = false;
            if std::mem::take(&mut space.tracker.short) {
                return self.lacks_memory(space);
            }
            if let Some((_, reason, Phase::Taking)) = self.plan {
                self.give_up(space);
                self.begin(space, reason);
            }
        }
        if let Some((plan, _, phase @ Phase::Taking)) = &mut self.plan {
            let mut done = Vec::new();
            let Some(all) = plan.go_on(space, budget, &mut done) else { return self.lacks_memory(space) };
            if all {
                *phase = Phase::Settling;
                // A manifest too long for one object stands in parts, which its own object names.
                let mut parts = plan.manifest.write(self.store.map_or(usize::MAX, |store| store.object));
                parts.pop();
                done.extend(parts);
            }
            self.chunks.append(&mut done);
        }
    }

    /// The running snapshot is left for want of memory, and tried again later: no failure of the store, after which writes, and so
    /// deletions, would be refused.
    fn lacks_memory(&mut self, space: &mut Keyspace) {
        if matches!(self.plan, Some((_, _, Phase::Taking))) {
            self.abandon(space, false);
            self.forget_early_log();
        }
    }

    /// Makes room in the log for so many bytes of effects; false where memory has none.
    pub(crate) fn is_room_in_log(&mut self, bytes: usize) -> bool {
        let reserve = |state: &mut Self| state.log.as_mut().is_none_or(|log| log.reserve(bytes));
        reserve(self) || self.forget_early_log() && reserve(self)
    }

    /// Lets go of what a log holds that no snapshot stands before: the next one begins behind it.
    pub(crate) fn forget_early_log(&mut self) -> bool {
        let is_early = self.plan.is_none() && self.anew() && self.step.is_none();
        if is_early {
            self.push_frame();
            self.frames.clear();
        }
        is_early
    }

    /// Does what time asks for: slices of a snapshot, save points, rewrites.
    pub fn tick(&mut self, space: &mut Keyspace) {
        if self.store.is_none() {
            return;
        }
        let now = space.now();
        let most = if self.store.is_some_and(|store| store.appends) { FILE_DELETIONS } else { DELETIONS };
        self.deletions = self.deletes.len().min(most);
        match self.plan {
            Some(_) => {
                let queued: usize = self.chunks.iter().map(|chunk| chunk.1.len()).sum();
                if queued < QUEUED {
                    self.take_some(space, SLICE);
                }
                self.allowance = self.allowance.max(2 * SLICE);
            }
            None => {
                let again = self.again.take();
                if let Some(reason) = again.or_else(|| self.due(now)) {
                    self.begin(space, reason);
                }
            }
        }
    }

    /// What kind of snapshot is due by itself.
    fn due(&self, now: i64) -> Option<Reason> {
        let unsaved = self.anew() && now >= self.last_try + RETRY;
        if unsaved || (now >= self.last_try + RETRY && self.is_rewrite_due()) {
            return Some(Reason::Rewrite);
        }
        (self.next_save().is_some_and(|at| now >= at)).then_some(Reason::Save)
    }

    /// A log waits for the snapshot that it begins with.
    fn anew(&self) -> bool {
        self.log.is_some() && !self.established
    }

    fn is_rewrite_due(&self) -> bool {
        let Some(store) = self.store.filter(|_| self.log.is_some()) else { return false };
        let size = self.base_bytes + self.log_bytes;
        let grown = self.log_bytes * 100 / self.base_bytes.max(1);
        let large = self.rewrite_percentage > 0 && size > self.rewrite_min_size && grown >= self.rewrite_percentage;
        large || (!store.appends && self.segments.len() >= PIECES)
    }

    /// When a save point is reached, if nothing more happens.
    fn next_save(&self) -> Option<i64> {
        let reached = self.save_points.iter().filter(|point| self.changes >= point.1 as u64);
        let at = reached.map(|point| self.last_save + point.0.saturating_mul(1000)).min()?;
        Some(if self.saves.failed { at.max(self.last_try + SAVE_RETRY) } else { at })
    }

    /// When [`Persistence::tick`] or [`Persistence::next`] is wanted (milliseconds since 1970).
    pub fn next_tick(&self, now: i64) -> Option<i64> {
        self.store?;
        let syncs = self.log.is_some() || self.durable < self.written;
        let sync =
            (syncs && self.sync_at != i64::MAX && self.fsync != Fsync::No).then(|| self.sync_at.max(self.retry_at));
        let gathered = (self.pending_log() > 0 && self.fsync == Fsync::No).then(|| self.sync_at.max(self.retry_at));
        let retry = (!self.frames.is_empty() && self.established).then_some(self.retry_at);
        let slice = (self.plan.is_some() || self.again.is_some() || !self.deletes.is_empty()).then_some(now + 1);
        let due = self.plan.is_none().then(|| {
            let rewrite = (self.anew() || self.is_rewrite_due()).then_some(self.last_try + RETRY);
            [rewrite, self.next_save()].into_iter().flatten().min()
        });
        [sync, gathered, retry, slice, due.flatten()].into_iter().flatten().min().map(|at| at.max(now + 1))
    }

    /// The manifest is in the store.
    pub(super) fn finish(&mut self, space: &mut Keyspace) {
        let Some((plan, reason, _)) = self.plan.take() else { return };
        let now = space.now_us();
        let before = std::mem::replace(&mut self.manifest, plan.manifest);
        // Where others may still see the last manifest, what it names stays one snapshot longer.
        let gone = if self.store.is_some_and(|store| store.eventual) {
            self.manifest.leaving = plan.replaced;
            before.leaving
        } else {
            plan.replaced
        };
        self.delete_all(&gone);
        let from = self.manifest.log_from;
        for &(segment, parts) in self.segments.iter().filter(|held| held.0 < from) {
            names(format!("{LOGS}{segment:012}"), parts, &mut self.deletes);
        }
        self.segments.retain(|held| held.0 >= from);
        self.log_bytes = self.log_bytes.saturating_sub(plan.log_bytes);
        self.base_bytes = self.manifest.bytes();
        self.snapshot_failure = None;
        if self.manifest.log && self.log.is_some() && self.manifest.epoch == self.epoch {
            self.established = true;
            self.log_failure = None;
            // What the snapshot holds needs no log.
            self.written = self.written.max(self.manifest.sequence);
            self.durable = self.durable.max(self.manifest.sequence);
        }
        self.changes = self.changes.saturating_sub(plan.changes);
        self.last_save = now.div_euclid(1000);
        (self.allowance, self.is_waited_for) = (0, false);
        self.note(reason, plan.copied, now - plan.begun_us, false);
    }

    fn note(&mut self, reason: Reason, copied: usize, took_us: i64, failed: bool) {
        let past = match reason {
            Reason::Save => &mut self.saves,
            Reason::Rewrite => &mut self.rewrites,
        };
        *past = Past { count: past.count + 1, took: took_us.div_euclid(1000), failed, copied };
    }

    /// Leaves the running snapshot, and what it has written so far.
    fn give_up(&mut self, space: &mut Keyspace) -> Option<(Plan, Reason)> {
        let (plan, reason, _) = self.plan.take()?;
        plan.give_up(space);
        self.is_waited_for = false;
        self.chunks.clear();
        plan.own().for_each(|chunk| chunk.names(&mut self.deletes));
        Some((plan, reason))
    }

    fn delete_all(&mut self, chunks: &[Chunk]) {
        chunks.iter().for_each(|chunk| chunk.names(&mut self.deletes));
    }

    /// The running snapshot failed.
    pub(super) fn abandon(&mut self, space: &mut Keyspace, manifest_may_stand: bool) {
        let deletes = self.deletes.len();
        let Some((plan, reason)) = self.give_up(space) else { return };
        if manifest_may_stand {
            // Whether the new manifest stands nobody knows: what either one names stays until a later one is written.
            self.deletes.truncate(deletes);
        }
        let now = space.now_us();
        self.note(reason, plan.copied, now - plan.begun_us, true);
    }
}
