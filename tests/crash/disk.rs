//! A store in memory that forgets what was not synced, tears what is appended, and fails, as a seed says.

use cachelet::bytes::Rng;
use cachelet::persist::{Operation, Store, Write};
use std::collections::BTreeMap;

/// The program is gone.
pub struct Crash;

/// See the module.
pub struct Disk {
    /// What it takes and promises.
    pub store: Store,
    /// Some writes fail.
    pub faulty: bool,
    /// Operations so far.
    pub operations: usize,
    limit: Option<usize>,
    rng: Rng,
    safe: BTreeMap<String, Vec<u8>>,
    /// Operations that a crash may undo.
    loose: Vec<(Operation, String, Vec<u8>)>,
}

fn apply(objects: &mut BTreeMap<String, Vec<u8>>, (operation, name, bytes): &(Operation, String, Vec<u8>)) {
    match operation {
        Operation::Put => drop(objects.insert(name.clone(), bytes.clone())),
        Operation::Append => objects.entry(name.clone()).or_default().extend_from_slice(bytes),
        Operation::Delete => drop(objects.remove(name)),
    }
}

impl Disk {
    pub fn new(store: Store, seed: u64, limit: Option<usize>) -> Self {
        let rng = Rng::new(seed ^ 0xD15C);
        Disk { store, faulty: false, operations: 0, limit, rng, safe: BTreeMap::new(), loose: Vec::new() }
    }

    fn all(&self) -> BTreeMap<String, Vec<u8>> {
        let mut all = self.safe.clone();
        self.loose.iter().for_each(|operation| apply(&mut all, operation));
        all
    }

    pub fn names(&self) -> Vec<String> {
        self.all().into_keys().collect()
    }

    pub fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.all().remove(name)
    }

    /// Replaces an object by what `change` makes of it.
    pub fn damage(&mut self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        self.safe = self.all();
        self.loose.clear();
        change(self.safe.get_mut(name).expect("the object"));
    }

    pub fn copy(&self) -> Disk {
        Disk { safe: self.all(), loose: Vec::new(), rng: Rng::new(1), limit: None, ..*self }
    }

    /// Counts an operation; the one at the limit does not come to its end.
    fn step(&mut self) -> bool {
        self.operations += 1;
        self.limit.is_some_and(|limit| self.operations > limit)
    }

    fn torn(&mut self, operation: &(Operation, String, Vec<u8>)) {
        if operation.0 == Operation::Append && self.rng.below(2) == 0 {
            let length = self.rng.below(operation.2.len() + 1);
            self.loose.push((Operation::Append, operation.1.clone(), operation.2[..length].to_vec()));
        }
    }

    pub fn write(&mut self, write: &Write) -> Result<Result<(), String>, Crash> {
        assert!(write.operations.len() <= self.store.operations.max(1));
        let fails = self.faulty && self.rng.below(5) == 0;
        let fails_at = if fails { self.rng.below(write.operations.len() + 1) } else { usize::MAX };
        for (at, operation) in write.operations.iter().enumerate() {
            assert!(operation.2.len() <= self.store.object, "{} of {} bytes", operation.1, operation.2.len());
            assert!(self.store.appends || operation.0 != Operation::Append);
            if self.step() {
                self.torn(operation);
                self.crash();
                return Err(Crash);
            }
            if at == fails_at {
                self.torn(operation);
                return Ok(Err("no space".into()));
            }
            self.loose.push(operation.clone());
        }
        if write.durable {
            if self.step() {
                self.crash();
                return Err(Crash);
            }
            if fails {
                // Whether it is durable or not, the program does not get to know.
                return Ok(Err("an error of the device".into()));
            }
            // The end of a log does not wait for what is put beside it.
            let appends = |operation: &(Operation, String, Vec<u8>)| operation.0 == Operation::Append;
            let of_log = !write.operations.is_empty() && write.operations.iter().all(appends);
            let put: Vec<String> =
                self.loose.iter().filter(|each| of_log && !appends(each)).map(|each| each.1.clone()).collect();
            let (loose, safe): (Vec<_>, Vec<_>) =
                std::mem::take(&mut self.loose).into_iter().partition(|each| put.contains(&each.1));
            self.loose = loose;
            safe.iter().for_each(|operation| apply(&mut self.safe, operation));
        }
        Ok(Ok(()))
    }

    /// Forgets: where objects are written whole, the last writes; else, of each object for itself, the last ones.
    pub fn crash(&mut self) {
        self.limit = None;
        let loose = std::mem::take(&mut self.loose);
        if !self.store.appends {
            let kept = self.rng.below(loose.len() + 1);
            loose[..kept].iter().for_each(|operation| apply(&mut self.safe, operation));
            return;
        }
        let mut gone: Vec<String> = Vec::new();
        for operation in &loose {
            if self.rng.below(6) == 0 {
                gone.push(operation.1.clone());
            }
            if !gone.contains(&operation.1) {
                apply(&mut self.safe, operation);
            }
        }
    }
}
