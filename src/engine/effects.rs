//! The effect stream: what every change was, in order, numbered, in units that must be repeated whole.

use super::Engine;
use crate::keyspace::Effect;
use crate::resp::Args;

/// Effects that belong together: of one command, or of one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Number of its first effect; the first of all is 1.
    pub first: u64,
    /// The effects in order.
    pub effects: Vec<Effect>,
}

/// Effects that were not taken yet.
#[derive(Default)]
pub(crate) struct EffectStream {
    wanted: bool,
    units: Vec<Unit>,
    next: u64,
    /// The unit that is being filled, while a transaction runs.
    open: Option<Vec<Effect>>,
    /// Bytes of what was not taken.
    bytes: usize,
}

impl EffectStream {
    /// Bytes of the effects that were not taken, which do not count towards `maxmemory`: evictions would make more of them, and so
    /// lead to more evictions.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn add(&mut self, effects: impl Iterator<Item = Effect>) {
        let size = |arg: &[u8]| {
            (size_of::<Box<[u8]>>() + arg.len() + 2 * size_of::<usize>()).next_multiple_of(2 * size_of::<usize>())
        };
        let mut bytes = 0;
        let effects = effects.inspect(|effect| {
            bytes += effect.argv.iter().map(|arg| size(arg)).sum::<usize>() + 2 * size_of::<Effect>()
        });
        match &mut self.open {
            Some(open) => open.extend(effects),
            None => {
                let effects = effects.collect();
                self.seal(effects);
            }
        }
        self.bytes += bytes;
    }

    fn seal(&mut self, effects: Vec<Effect>) {
        if !effects.is_empty() {
            let first = self.next + 1;
            self.next += effects.len() as u64;
            self.units.push(Unit { first, effects });
        }
    }
}

impl Engine {
    /// Starts or stops recording effects. A host that records must take them regularly.
    pub fn record_effects(&mut self, wanted: bool) {
        self.effects.wanted = wanted;
        if !wanted {
            self.take_effects();
        }
        self.refresh_listeners();
    }

    /// The effects since the last call, in units.
    pub fn take_effects(&mut self) -> Vec<Unit> {
        self.effects.bytes = 0;
        std::mem::take(&mut self.effects.units)
    }

    /// Whether somebody reads the effects: a host, or the append log.
    #[inline]
    pub(crate) fn wants_effects(&self) -> bool {
        self.effects.wanted || self.persist.log.is_some()
    }

    pub(crate) fn begin_unit(&mut self) {
        self.effects.open = Some(Vec::new());
        if let Some(log) = &mut self.persist.log {
            log.begin(self.keyspace.now());
        }
    }

    pub(crate) fn end_unit(&mut self) {
        if let Some(effects) = self.effects.open.take() {
            self.effects.seal(effects);
        }
        if let Some(log) = &mut self.persist.log {
            log.end();
        }
    }

    /// Puts what a command changed into the stream; `args` stand for it when it named no effects of its own.
    #[inline(never)]
    pub(crate) fn record(&mut self, db: usize, args: Option<Args>) {
        let changes = &mut self.keyspace.changes;
        let args = args.filter(|_| changes.effects.is_empty());
        if let Some(log) = &mut self.persist.log {
            if args.is_none() && changes.removals.is_empty() && changes.effects.is_empty() {
                return;
            }
            // Written as it will stand in the log, from where it is: a plain SET is copied once.
            let alone = !log.is_open();
            if alone {
                log.begin(self.keyspace.now());
            }
            let changes = &self.keyspace.changes;
            for effect in changes.removals.iter().chain(&changes.effects) {
                log.effect(effect.db, effect.argv.iter().map(|arg| &**arg));
            }
            if let Some(args) = args {
                log.effect(db, args.iter_from(0));
            }
            if alone {
                log.end();
            }
            self.persist.noted(self.keyspace.now());
        }
        let changes = &mut self.keyspace.changes;
        if !self.effects.wanted {
            changes.removals.clear();
            changes.effects.clear();
            return;
        }
        let verbatim = args.map(|args| Effect { db, argv: args.iter_from(0).map(Box::from).collect() });
        let removals = std::mem::take(&mut changes.removals);
        let own = std::mem::take(&mut changes.effects);
        self.effects.add(removals.into_iter().chain(own).chain(verbatim));
    }
}
