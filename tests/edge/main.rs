//! The end of memory: an engine on WebAssembly's own allocator with a ceiling of a few megabytes, under a mix of commands that need
//! more than there is. Nothing may end it; it has to go on reading and deleting, and to take writes again once there is room.
//!
//! An allocation that fails where nothing expects it aborts the process, as it ends an instance of WebAssembly: what is printed then
//! names the seed and the command. `CACHELET_EDGE=first-last` runs other seeds.

mod arena;
mod load;

use cachelet::bytes::Rng;
use cachelet::engine::{Engine, SessionId, Setup};
use cachelet::memory::leaving;
use cachelet::persist::Store;
use cachelet::resp::{Args, Span};
use std::collections::HashMap;

/// Bytes of a request that the door always has room for.
const REQUEST: usize = 64 << 10;
const NOW: i64 = 1_700_000_000_000_000;
const STORE: Store =
    Store { object: 1 << 20, operations: 100, bytes: 1 << 20, appends: true, logs: true, eventual: false };

/// What a run came to.
#[derive(Debug, Default)]
pub struct Counts {
    run: usize,
    refused: usize,
    failed: usize,
    /// Requests and transfers for which there was no memory at the door.
    outside: usize,
}

/// An engine as its host drives it.
pub struct Host {
    engine: Engine,
    rng: Rng,
    sessions: Vec<SessionId>,
    request: Vec<u8>,
    spans: Vec<Span>,
    out: Vec<u8>,
    now: i64,
    keeps: bool,
    counts: Counts,
}

impl Host {
    fn open(seed: u64, ceiling: usize, keeps: bool, config: &[(&str, &str)]) -> Host {
        arena::set_ceiling(ceiling);
        let mut engine = Engine::new(cachelet::catalog::table(), Setup { seed, now_us: NOW, databases: 16 });
        engine.set_memory_source(Some(arena::usage));
        if keeps {
            engine.expect_store();
        }
        for (name, value) in config {
            engine.configure(name, &[value.as_bytes()]).unwrap();
        }
        if keeps {
            let mut recovery = engine.begin_recovery(STORE, Vec::new(), false);
            engine.recover(&mut recovery, None).unwrap();
            engine.end_recovery(recovery, NOW);
        }
        // A client in the program, three over sockets, and one that nothing but the test speaks through.
        let sessions = [true, false, false, false, true].map(|internal| engine.open(internal)).to_vec();
        let rng = Rng::new(seed);
        let (request, spans) = (Vec::with_capacity(REQUEST), Vec::with_capacity(1024));
        Host { engine, rng, sessions, request, spans, out: Vec::new(), now: NOW, keeps, counts: Counts::default() }
    }

    /// Makes room for a request, as the door does.
    fn has_room(&mut self, size: usize, count: usize) -> bool {
        let (request, spans) = (&mut self.request, &mut self.spans);
        request.clear();
        spans.clear();
        if request.capacity() > 8 * REQUEST && size <= REQUEST {
            request.shrink_to(REQUEST);
        }
        let room = |more: usize| more * size_of::<Span>();
        let there_is = (request.capacity() >= size || leaving(size, || request.try_reserve_exact(size).ok()).is_some())
            && (spans.capacity() >= count || leaving(room(count), || spans.try_reserve_exact(count).ok()).is_some());
        self.counts.outside += !there_is as usize;
        there_is
    }

    /// Runs one command as the typed client does; its reply. Nothing where memory has no room for the request itself.
    fn call(&mut self, at: usize, words: &[Vec<u8>]) -> Option<Vec<u8>> {
        let size: usize = words.iter().map(Vec::len).sum();
        if !self.has_room(size, words.len()) {
            return None;
        }
        let (request, spans) = (&mut self.request, &mut self.spans);
        for word in words {
            spans.push(Span { start: request.len() as u32, len: word.len() as u32 });
            request.extend_from_slice(word);
        }
        self.out.clear();
        self.engine.call(self.sessions[at], Args::new(&self.request, &self.spans), &mut self.out);
        if self.out.capacity() > 1 << 20 {
            let out = std::mem::take(&mut self.out);
            let reply = arena::without(|| out.to_vec());
            drop(out);
            self.after();
            return Some(self.count(reply));
        }
        let reply = arena::without(|| self.out.to_vec());
        self.after();
        Some(self.count(reply))
    }

    fn count(&mut self, reply: Vec<u8>) -> Vec<u8> {
        self.counts.run += 1;
        self.counts.refused += reply.starts_with(b"-OOM") as usize;
        self.counts.failed += (reply.starts_with(b"-") && !reply.starts_with(b"-OOM")) as usize;
        reply
    }

    /// Hands in a request as a socket does.
    fn receive(&mut self, at: usize, words: &[Vec<u8>]) {
        let bytes = arena::without(|| {
            let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
            for word in words {
                bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
                bytes.extend_from_slice(word);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes
        });
        self.counts.run += 1;
        if !self.has_room(bytes.len(), 0) {
            return;
        }
        self.request.extend_from_slice(&bytes);
        arena::without(|| drop(bytes));
        self.engine.receive(self.sessions[at], &self.request);
        self.after();
    }

    /// What a host does between calls: takes what is to be sent and to be written, opens closed sessions anew.
    fn after(&mut self) {
        arena::settle();
        while let Some(id) = self.engine.next_listed() {
            let unsent = self.engine.output(id).len();
            self.engine.sent(id, unsent);
            if self.engine.is_to_close(id) {
                self.engine.close(id);
                let fresh = self.engine.open(id == self.sessions[0] || id == self.sessions[4]);
                self.sessions.iter_mut().filter(|session| **session == id).for_each(|session| *session = fresh);
            }
        }
        if self.keeps && (self.engine.storage_want().hold || self.rng.below(20) == 0) {
            while self.engine.next_write(0).is_some() {
                self.engine.wrote(Ok(()));
            }
        }
        arena::settle();
    }

    fn pass(&mut self, micros: i64) {
        self.now += micros;
        self.engine.set_clock(self.now);
        self.engine.tick();
        self.after();
    }
}

fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// One life at the edge.
fn live(seed: u64, commands: usize) -> Counts {
    let mut rng = Rng::new(seed * 7919);
    let keeps = rng.below(3) == 0;
    let ceiling = (3 + rng.below(12)) << 20;
    let mut config = vec![];
    if rng.below(3) == 0 {
        config.push(("notify-keyspace-events", "KEA"));
    }
    match rng.below(4) {
        0 => config.push(("maxmemory-policy", "allkeys-lru")),
        1 => config.extend([("list-max-listpack-size", "2"), ("hash-max-listpack-entries", "100000")]),
        _ => {}
    }
    if keeps {
        config.push(("appendfsync", ["always", "everysec", "no"][rng.below(3)]));
    }
    let evicts = config.contains(&("maxmemory-policy", "allkeys-lru"));
    let mut host = arena::within(|| Host::open(seed, ceiling, keeps, &config));
    // What was acknowledged of a few keys that nothing else touches.
    let mut known: HashMap<usize, Vec<u8>> = HashMap::new();
    let run = |host: &mut Host, line: &[Vec<u8>]| {
        load::say(seed, line);
        arena::within(|| host.call(4, line))
    };
    run(&mut host, &words("CONFIG SET maxmemory-samples 5"));
    arena::within(|| host.receive(1, &words("SUBSCRIBE c0 c1")));
    if rng.below(3) == 0 {
        arena::within(|| host.receive(2, &words("MONITOR")));
    }
    if rng.below(3) == 0 {
        arena::within(|| host.receive(3, &words("CLIENT TRACKING ON BCAST")));
    }
    for number in 0..commands {
        if rng.below(10) == 0 && !evicts {
            let (key, value) = (rng.below(30), load::value(&mut rng));
            let name = format!("known:{key}").into_bytes();
            let append = rng.below(2) == 0;
            let line = vec![if append { b"APPEND".to_vec() } else { b"SET".to_vec() }, name.clone(), value.clone()];
            match run(&mut host, &line) {
                Some(reply) if !reply.starts_with(b"-") => match append {
                    true => known.entry(key).or_default().extend(value),
                    false => drop(known.insert(key, value)),
                },
                _ if known.values().map(Vec::len).sum::<usize>() > ceiling / 4 => {
                    let gone = run(&mut host, &[b"DEL".to_vec(), name]);
                    gone.filter(|reply| !reply.starts_with(b"-")).map(|_| known.remove(&key));
                }
                _ => {}
            }
            continue;
        }
        if rng.below(40) == 0 {
            // What is dumped is restored elsewhere, more than once.
            let reply = run(&mut host, &load::dump(&mut rng)).unwrap_or_default();
            if let Some(from) = reply.starts_with(b"$").then(|| reply.iter().position(|&byte| byte == b'\n')).flatten()
            {
                for _ in 0..3 {
                    let payload = reply[from + 1..reply.len() - 2].to_vec();
                    let key = format!("s{}", rng.below(300)).into_bytes();
                    run(&mut host, &[b"RESTORE".to_vec(), key, b"0".to_vec(), payload, b"REPLACE".to_vec()]);
                }
            }
        }
        let line = load::command(&mut rng);
        load::say(seed, &line);
        match rng.below(10) {
            0..5 => drop(arena::within(|| host.call(0, &line))),
            5..9 => arena::within(|| host.receive([1, 2, 3][rng.below(3)], &line)),
            _ => {
                arena::within(|| host.receive(0, &words("MULTI")));
                for _ in 0..rng.below(6) {
                    let line = load::command(&mut rng);
                    load::say(seed, &line);
                    arena::within(|| host.receive(0, &line));
                }
                load::say(seed, &words("EXEC"));
                arena::within(|| host.receive(0, &words("EXEC")));
            }
        }
        if number % 50 == 0 {
            // A session that only listens runs nothing else.
            let at = [0, 2, 3][rng.below(3)];
            arena::within(|| host.receive(at, &words(["RESET", "UNSUBSCRIBE", "HELLO 3"][rng.below(3)])));
            load::say(seed, &words("(tick)"));
            arena::within(|| host.pass(20_000));
        }
        if number % 1000 == 999 {
            // As full as it is: reads and deletes go on.
            for key in known.keys().copied().collect::<Vec<_>>() {
                check(&mut host, seed, key, &known);
            }
            for _ in 0..100 {
                run(&mut host, &load::removal(&mut rng));
            }
        }
    }
    for key in known.keys().copied().collect::<Vec<_>>() {
        check(&mut host, seed, key, &known);
    }
    let ping = run(&mut host, &words("DBSIZE")).expect("room for a short request");
    assert!(ping.starts_with(b":"), "seed {seed}: {:?}", String::from_utf8_lossy(&ping));
    let gone = run(&mut host, &words("FLUSHALL")).expect("room for a short request");
    assert_eq!(gone, b"+OK\r\n", "seed {seed}");
    arena::within(|| (0..100).for_each(|_| host.pass(1000)));
    run(&mut host, &words("RESET"));
    for number in 0..100 {
        let line = [b"SET".to_vec(), format!("again:{number}").into_bytes(), vec![b'v'; 5000]];
        let set = run(&mut host, &line).expect("room again");
        assert_eq!(set, b"+OK\r\n", "seed {seed}: {:?}", arena::usage());
    }
    arena::within(|| {
        let Host { counts, engine, .. } = host;
        drop(engine);
        counts
    })
}

fn check(host: &mut Host, seed: u64, key: usize, known: &HashMap<usize, Vec<u8>>) {
    let line = words(&format!("STRLEN known:{key}"));
    load::say(seed, &line);
    let reply = arena::within(|| host.call(4, &line));
    if let Some(reply) = reply {
        assert_eq!(reply, format!(":{}\r\n", known[&key].len()).into_bytes(), "seed {seed}: known:{key}");
    }
    let line = words(&format!("GET known:{key}"));
    load::say(seed, &line);
    // A reply may be too large for what is left; then it says so.
    if let Some(reply) = arena::within(|| host.call(4, &line)).filter(|reply| reply.starts_with(b"$")) {
        let from = reply.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        assert!(reply[from..reply.len() - 2] == known[&key][..], "seed {seed}: known:{key}");
    }
}

#[test]
fn at_the_end_of_memory_nothing_ends_and_nothing_acknowledged_is_lost() {
    load::watch();
    // Made at its first use, for good.
    cachelet::rdb::crc64(0, b"");
    let seeds = std::env::var("CACHELET_EDGE").unwrap_or_else(|_| "1-8".into());
    let (first, last) = seeds.split_once('-').expect("first-last");
    let mut total = Counts::default();
    for seed in first.parse().unwrap()..=last.parse::<u64>().unwrap() {
        // A thread of its own: what the engine keeps for its thread is gone with it.
        let counts = std::thread::spawn(move || live(seed, 3000)).join().unwrap_or_else(|_| panic!("seed {seed}"));
        assert_eq!(arena::reset(), 0, "seed {seed}: bytes that nobody freed");
        println!("{seed}: {counts:?}");
        total.run += counts.run;
        total.refused += counts.refused;
    }
    assert!(total.refused * 50 > total.run, "{total:?}: memory did end");
}
