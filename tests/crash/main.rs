//! Crashes: a history of commands is run against a store that fails, tears and forgets, and is cut at every single
//! operation of the store. What is read back must be the state after some prefix of the history that contains all that
//! was acknowledged as durable. Time, faults and order come from the seed: a failing one is run again by
//! `CACHELET_CRASH_SEED=n cargo test --test crash`, more of them by `CACHELET_CRASH_SEEDS=n`.

mod disk;
mod histories;

use cachelet::bytes::Rng;
use cachelet::engine::{Engine, Setup};
use cachelet::persist::{Report, Store};
use disk::{Crash, Disk};
use histories::{digest, History, State};

/// A store that appends, as files do; one that takes small objects in whole writes; one whose readers lag.
const STORES: [Store; 3] = [
    Store { object: 1 << 20, operations: 1000, bytes: 1 << 20, appends: true, logs: true, eventual: false },
    Store { object: 700, operations: 4, bytes: 2000, appends: false, logs: true, eventual: false },
    Store { object: 1 << 20, operations: 8, bytes: 1 << 20, appends: false, logs: true, eventual: true },
];

/// An engine with its disk: a program that runs until it crashes.
struct Life {
    engine: Engine,
    session: u32,
    now: i64,
    /// What every state so far looked like; the first is what was read back.
    states: Vec<State>,
    /// The newest state that was acknowledged as durable.
    acknowledged: usize,
    /// What became of the write under way, which the program has not heard yet.
    unheard: Option<Result<(), String>>,
    /// Objects that the store says it flushes by itself.
    flushing: u32,
}

impl Life {
    fn open(disk: &mut Disk, config: &[(&str, &str)], now: i64, salvage: bool) -> Result<(Life, Report), String> {
        let setup = Setup { seed: 7, now_us: now * 1000, databases: 2 };
        let mut engine = Engine::new(cachelet::catalog::table(), setup);
        engine.expect_store();
        for (name, value) in config {
            engine.configure(name, &[value.as_bytes()]).unwrap();
        }
        let mut recovery = engine.begin_recovery(disk.store, disk.names(), salvage);
        loop {
            // As a host does that fetches several at once.
            let names = recovery.wanted(1);
            if names.is_empty() {
                break;
            }
            for name in names {
                let bytes = disk.get(&name);
                engine.recover(&mut recovery, bytes.as_deref()).map_err(|damaged| damaged.to_string())?;
            }
        }
        let report = engine.end_recovery(recovery, now * 1000);
        let session = engine.open(true);
        let states = vec![histories::state(&engine)];
        Ok((Life { engine, session, now, states, acknowledged: 0, unheard: None, flushing: 0 }, report))
    }

    fn command(&mut self, line: &[Vec<u8>]) {
        let reply = histories::call(&mut self.engine, self.session, line);
        if std::env::var("CACHELET_CRASH_TRACE").is_ok() {
            let text = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(30)]).into_owned();
            let words: Vec<_> = line.iter().map(|word| text(word)).collect();
            eprintln!("{} {:?} -> {:?}", self.states.len(), words.join(" "), text(&reply));
        }
        let refused = reply.starts_with(b"-MISCONF");
        assert!(!reply.is_empty() || !refused);
        self.note();
    }

    /// Writes down what the state is now.
    fn note(&mut self) {
        self.states.push(histories::state(&self.engine));
        self.look();
    }

    fn look(&mut self) {
        if self.engine.is_durable() {
            self.acknowledged = self.states.len() - 1;
        }
    }

    /// Carries out one write, if one is due, and hears of it.
    fn write(&mut self, disk: &mut Disk) -> Result<bool, Crash> {
        let begun = self.begin_write(disk)?;
        self.hear();
        Ok(begun)
    }

    /// Carries out one write, if one is due and none is under way; the program goes on before it hears of it.
    fn begin_write(&mut self, disk: &mut Disk) -> Result<bool, Crash> {
        if self.unheard.is_some() {
            return Ok(false);
        }
        let flushing = self.flushing;
        let Some(write) = self.engine.next_write(flushing) else { return Ok(false) };
        self.unheard = Some(disk.write(&write)?);
        Ok(true)
    }

    /// Hears of the write under way.
    fn hear(&mut self) {
        if let Some(result) = self.unheard.take() {
            self.engine.wrote(result);
            self.look();
        }
    }

    fn pass(&mut self, millis: i64) {
        self.now += millis;
        self.engine.set_clock(self.now * 1000);
        self.engine.tick();
        self.note();
    }
}

/// What one run had to do.
#[derive(Default)]
struct Tally {
    operations: usize,
    acknowledged: usize,
}

/// Runs the history of a seed until the disk has done `limit` operations and crashes; reads back, and checks; lives on
/// from there for a second and a third time.
fn run(seed: u64, limit: Option<usize>) -> Tally {
    let mut rng = Rng::new(seed);
    let store = STORES[rng.below(3)];
    let fsync = ["always", "everysec", "no"][rng.below(3)];
    let appendonly = ["yes", "yes", "no"][rng.below(3)];
    let save = ["", "1 5", "3 1"][rng.below(3)];
    let config =
        [("appendfsync", fsync), ("appendonly", appendonly), ("save", save), ("auto-aof-rewrite-min-size", "600")];
    let mut disk = Disk::new(store, seed, limit);
    let mut history = History::new(seed);
    let mut now = 1_700_000_000_000;
    let mut tally = Tally::default();
    for life in 0..3 {
        disk.faulty = rng.below(3) == 0;
        // Stores in browsers answer when other commands have run; files answer at once.
        let slow = rng.below(2) == 0;
        let (mut alive, _) = Life::open(&mut disk, &config, now, false)
            .unwrap_or_else(|text| panic!("seed {seed}, crash at {limit:?}, life {life}: {text}"));
        let crashed = (|| -> Result<(), Crash> {
            while alive.write(&mut disk)? {}
            for _ in 0..40 {
                alive.flushing = [0, 0, 1, 4][rng.below(4)];
                match rng.below(12) {
                    0..=5 => alive.command(&history.next()),
                    6 => {
                        let millis = [1, 3, 40, 300, 1100][rng.below(5)];
                        alive.pass(millis);
                    }
                    7 => {
                        let line = ["BGSAVE", "BGREWRITEAOF", "BGSAVE SCHEDULE", "SAVE"][rng.below(4)];
                        // It may wait, and must not keep the others waiting.
                        let own = std::mem::replace(&mut alive.session, 0);
                        alive.session = alive.engine.open(true);
                        alive.command(&histories::words(line));
                        alive.session = own;
                    }
                    8 if rng.below(4) == 0 => drop(alive.engine.request_durable()),
                    _ if slow && rng.below(2) == 0 => alive.hear(),
                    _ if slow => drop(alive.begin_write(&mut disk)?),
                    _ => drop(alive.write(&mut disk)?),
                }
            }
            Ok(())
        })()
        .is_err();
        tally.acknowledged += alive.acknowledged;
        if !crashed {
            disk.crash();
        }
        now = alive.now + 5;
        disk.faulty = false;
        let (read, report) = Life::open(&mut disk, &config, now, false)
            .unwrap_or_else(|text| panic!("seed {seed}, crash at {limit:?}, life {life}: {text}"));
        let seen = digest(&read.states[0], now);
        let found = alive.states.iter().rposition(|state| digest(state, now) == seen);
        let good = found.is_some_and(|at| {
            // The same state may have been there before and after.
            at >= alive.acknowledged
        });
        assert!(
            good,
            "seed {seed}, crash at {limit:?}, life {life}: read back state {found:?} of {}, acknowledged was {}; {report:?}",
            alive.states.len(),
            alive.acknowledged
        );
    }
    tally.operations = disk.operations;
    tally
}

#[test]
fn after_a_crash_at_any_operation_of_the_store_a_prefix_with_all_that_was_acknowledged_is_there() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (from, to) = match number("CACHELET_CRASH_SEED") {
        Some(seed) => (seed, seed + 1),
        None => (0, number("CACHELET_CRASH_SEEDS").unwrap_or(24)),
    };
    let (mut crashes, mut acknowledged) = (0, 0);
    for seed in from..to {
        let tally = run(seed, None);
        acknowledged += tally.acknowledged;
        let only = number("CACHELET_CRASH_AT").map(|at| at as usize);
        for limit in (0..tally.operations).filter(|at| only.is_none_or(|only| only == *at)) {
            run(seed, Some(limit));
            crashes += 1;
        }
    }
    println!("{crashes} crashes in {} histories", to - from);
    assert!(acknowledged > 0, "nothing was ever acknowledged");
}

/// A disk with a snapshot, and a log behind it of several frames.
fn kept(store: Store) -> (Disk, Vec<State>) {
    let config = [("appendfsync", "always"), ("appendonly", "yes")];
    let mut disk = Disk::new(store, 5, None);
    let (mut life, _) = Life::open(&mut disk, &config, 1_700_000_000_000, false).unwrap();
    let mut states = life.states.clone();
    let lines = [
        "SET a 1",
        "RPUSH list x y 3",
        "HSET hash f v g w",
        "BGREWRITEAOF",
        "SADD set a b",
        "MULTI",
        "ZADD z 1 one",
        "XADD s 1-1 f v",
        "EXEC",
        "PEXPIREAT a 1800000000000",
    ];
    for line in lines {
        life.command(&histories::words(line));
        for _ in 0..6 {
            while life.write(&mut disk).ok() == Some(true) {}
            life.pass(1);
        }
        states.push(life.states.last().unwrap().clone());
    }
    (disk, states)
}

/// Opens a disk of which something was damaged: it is refused with the object's name, or what is read is some earlier state and
/// says what was cut; salvaged, it always opens, and says what went.
fn open_damaged(disk: &Disk, states: &[State], object: &str, what: &str) -> bool {
    let known = |state: &State| states.iter().any(|known| digest(known, 0) == digest(state, 0));
    let now = 1_700_000_001_000;
    let refused = match Life::open(&mut disk.copy(), &[], now, false) {
        Err(text) => {
            assert!(
                text.starts_with(object) || text.starts_with("chunk/") || text.starts_with("log/"),
                "{what}: {text}"
            );
            true
        }
        Ok((life, report)) => {
            assert!(known(&life.states[0]), "{what}: wrong data were read");
            let last = digest(&life.states[0], 0) == digest(states.last().unwrap(), 0);
            assert!(last || report.cut.is_some() || what.contains("a length"), "{what}: something went without a word");
            false
        }
    };
    let (_, report) = Life::open(&mut disk.copy(), &[], now, true).unwrap_or_else(|text| panic!("{what}: {text}"));
    assert!(!refused || !report.lost.is_empty(), "{what}: salvaged without a word");
    refused
}

#[test]
fn every_bit_that_flips_and_every_length_is_refused_or_told() {
    for store in [STORES[0], Store { object: 64, ..STORES[1] }] {
        let (disk, states) = kept(store);
        let (whole, report) = Life::open(&mut disk.copy(), &[], 1_700_000_001_000, false).unwrap();
        assert_eq!(digest(&whole.states[0], 0), digest(states.last().unwrap(), 0));
        assert!(report.keys > 0 && report.effects > 0, "{report:?}");
        let (mut refused, mut tried) = (0, 0);
        for name in disk.names() {
            let length = disk.get(&name).unwrap().len();
            for bit in 0..length * 8 {
                let mut damaged = disk.copy();
                damaged.damage(&name, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
                refused += open_damaged(&damaged, &states, &name, &format!("{name}, bit {bit}")) as usize;
                tried += 1;
            }
            for cut in 0..length {
                let mut damaged = disk.copy();
                damaged.damage(&name, |bytes| bytes.truncate(cut));
                open_damaged(&damaged, &states, &name, &format!("{name}, a length of {cut}"));
            }
        }
        assert!(refused > tried / 2, "{refused} of {tried} refused");
    }
}
