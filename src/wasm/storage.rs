//! Persistence through the door: the host reads objects for a recovery, and then carries out one write after the other.

use super::{at, micros, Door};
use crate::engine::SessionId;
use crate::persist::{Goal, Operation, Store};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;

/// Chunks that are fetched ahead.
const AHEAD: usize = 16;

#[wasm_bindgen]
impl Door {
    /// Says that there will be a store, so that CONFIG takes what concerns it.
    pub fn expect_store(&mut self) {
        self.inner.engine.expect_store();
    }

    /// Begins to read back a keyspace from a store that takes objects of so many bytes, and so many operations and bytes in
    /// one write; `flags` are 1 when it appends, 2 when it is fit for a log, 4 when others may see it late. `listed` are
    /// the names of all its objects, sorted, a line each. With `salvage` what is whole of a damaged store is kept.
    pub fn begin_recovery(
        &mut self,
        object: f64,
        operations: f64,
        bytes: f64,
        flags: u32,
        listed: &str,
        salvage: bool,
    ) {
        // Beyond what a frame's length can say nothing is written in one piece.
        let size = |number: f64| (number as usize).min(1 << 30);
        let store = Store {
            object: size(object),
            operations: size(operations),
            bytes: size(bytes),
            appends: flags & 1 != 0,
            logs: flags & 2 != 0,
            eventual: flags & 4 != 0,
        };
        let listed = listed.lines().map(str::to_owned).collect();
        self.inner.recovery = Some(self.inner.engine.begin_recovery(store, listed, salvage));
    }

    /// The next objects that the recovery wants, a line each; none when it has all.
    pub fn wanted(&self) -> String {
        self.inner.recovery.as_ref().map_or(String::new(), |recovery| recovery.wanted(AHEAD).join("\n"))
    }

    /// Takes the object wanted first, `undefined` where there is none. Throws what is damaged, and where.
    pub fn recover(&mut self, bytes: Option<Vec<u8>>) -> Result<(), JsError> {
        let inner = &mut *self.inner;
        let Some(recovery) = &mut inner.recovery else { return Ok(()) };
        inner.engine.recover(recovery, bytes.as_deref()).map_err(|damaged| {
            JsError::new(&format!(
                "{damaged}. Nothing was changed. Opened with recover \"salvage\", what is whole is kept and the rest is \
                 given up"
            ))
        })
    }

    /// Ends the recovery: from here on what happens is kept. Answers what was loaded: `[found, keys, time of the snapshot,
    /// effects, bytes, cut object, offset, bytes cut, lost, lost, ...]`.
    pub fn end_recovery(&mut self, now: f64) -> Array {
        let list = Array::new();
        if let Some(recovery) = self.inner.recovery.take() {
            let report = self.inner.engine.end_recovery(recovery, micros(now));
            let (object, offset, cut) = report.cut.unwrap_or_default();
            list.push(&report.found.into());
            for number in [report.keys, report.snapshot_at as u64, report.effects, report.bytes] {
                list.push(&(number as f64).into());
            }
            list.push(&object.into());
            list.push(&(offset as f64).into());
            list.push(&(cut as f64).into());
            for damaged in report.lost {
                list.push(&damaged.to_string().into());
            }
        }
        list
    }

    /// The next write: `[durable, kind, name, bytes, kind, name, bytes, ...]`, kinds being 0 put, 1 append, 2 delete;
    /// `undefined` when nothing is due, or what is due would wait for one of the `flushing` objects that the store still
    /// flushes by itself. No operation asks for a sync.
    pub fn next_write(&mut self, now: f64, flushing: u32) -> Option<Array> {
        let engine = &mut self.inner.engine;
        engine.set_clock(micros(now));
        let write = engine.next_write(flushing)?;
        let list = Array::of1(&write.durable.into());
        for (operation, name, bytes) in write.operations {
            let kind = match operation {
                Operation::Put => 0,
                Operation::Append => 1,
                Operation::Delete => 2,
            };
            list.push(&kind.into());
            list.push(&name.into());
            list.push(&Uint8Array::from(bytes.as_slice()));
        }
        Some(list)
    }

    /// Says how the write went: the store's words where it failed.
    pub fn wrote(&mut self, error: Option<String>, now: f64) {
        let engine = &mut self.inner.engine;
        engine.set_clock(micros(now));
        engine.wrote(error.map_or(Ok(()), Err));
    }

    /// Asks that all that was done so far becomes durable now; what to give to `is_durable`.
    pub fn request_durable(&mut self, now: f64) -> f64 {
        let engine = &mut self.inner.engine;
        engine.set_clock(micros(now));
        match engine.request_durable() {
            Goal::Effect(number) => number as f64,
            Goal::Snapshot(number) => -(number as f64) - 1.0,
        }
    }

    /// Whether what was asked for is durable. Throws the store's words when it fails for now.
    pub fn is_durable(&self, goal: f64) -> Result<bool, JsError> {
        let goal = if goal < 0.0 { Goal::Snapshot((-goal - 1.0) as u64) } else { Goal::Effect(goal as u64) };
        self.inner.engine.is_reached(goal).map_err(|text| JsError::new(&text))
    }

    /// Whether there is an append log.
    pub fn logs(&self) -> bool {
        self.inner.engine.logs()
    }

    /// Whether the end of the program is to write a snapshot first.
    pub fn saves_at_end(&self) -> bool {
        self.inner.engine.saves_at_end()
    }

    /// A session as bytes, for a connection that outlives this engine; `undefined` while they cannot say what it holds.
    pub fn remember(&self, session: SessionId) -> Option<Vec<u8>> {
        self.inner.engine.remember(session)
    }

    /// Makes a new session what `remember` said of another; false where that cannot be.
    pub fn resume(&mut self, session: SessionId, state: &[u8]) -> bool {
        self.inner.engine.resume(session, state)
    }

    /// Says that the end's writes failed; whether that calls the end off.
    pub fn refuse_shutdown(&mut self) -> bool {
        self.inner.engine.refuse_shutdown()
    }
}

impl super::Inner {
    /// Leaves what is to be done for the store where JavaScript looks after every call.
    #[inline]
    pub(super) fn leave_wants(&mut self) {
        let want = self.engine.storage_want();
        self.wants = want.write as u32 | (want.hold as u32) << 1 | (want.tick as u32) << 2 | (want.asked as u32) << 3;
    }
}

/// Where [`door_call`](super::door_call) and its like leave what is to be done for the store.
///
/// # Safety
/// See [`super::door_request`].
#[no_mangle]
pub unsafe extern "C" fn door_wants_at(door: *mut u8) -> *const u32 {
    &raw const unsafe { at(door) }.wants
}

/// What is to be done for the store: 1 when something is to be written, 2 more when replies must wait for it, 4 more when
/// ticks are wanted soon, 8 more when the write is not to be put off.
///
/// # Safety
/// See [`super::door_request`].
#[no_mangle]
pub unsafe extern "C" fn door_storage(door: *mut u8) -> u32 {
    let inner = unsafe { at(door) };
    inner.leave_wants();
    inner.wants
}
