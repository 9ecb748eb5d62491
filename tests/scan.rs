//! The promise of the SCAN family, through the whole engine: what is there from the first call to the last is
//! returned, however much is written, renamed, expired or moved between the calls.

use cachelet::bytes::Rng;
use cachelet::engine::{Engine, SessionId, Setup, Table, FAMILIES};
use std::collections::HashMap;

struct Client {
    engine: Engine,
    session: SessionId,
    now_us: i64,
}

impl Client {
    fn new(seed: u64) -> Self {
        let table = Table::new(cachelet::commands::FAMILIES, FAMILIES);
        let mut engine = Engine::new(table, Setup { seed, now_us: 1_000_000, databases: 16 });
        let session = engine.open(false);
        Client { engine, session, now_us: 1_000_000 }
    }

    fn ask(&mut self, line: &str) -> String {
        self.engine.receive(self.session, format!("{line}\r\n").as_bytes());
        let reply = String::from_utf8(self.engine.output(self.session).to_vec()).expect("text");
        self.engine.sent(self.session, reply.len());
        assert!(!reply.starts_with('-'), "{line}: {reply}");
        reply
    }

    fn pass(&mut self, millis: usize) {
        self.now_us += millis as i64 * 1000;
        self.engine.set_clock(self.now_us);
    }

    /// One call of a SCAN command: the next cursor and the elements.
    fn scan(&mut self, line: &str) -> (u64, Vec<String>) {
        let reply = self.ask(line);
        let mut words = reply.split("\r\n").filter(|word| !word.is_empty() && !word.starts_with(['$', '*']));
        let cursor = words.next().expect("a cursor").parse().expect("a number");
        (cursor, words.map(Into::into).collect())
    }
}

#[test]
fn a_scan_of_keys_returns_all_that_stays() {
    for seed in 0..10 {
        let mut rng = Rng::new(seed);
        let mut client = Client::new(seed);
        let stay = [1, 50, 1_000, 4_000][rng.below(4)];
        (0..stay).for_each(|n| drop(client.ask(&format!("SET stay:{n} x"))));
        (0..rng.below(3_000)).for_each(|n| drop(client.ask(&format!("SADD come:{n} {n}"))));
        let (mut cursor, mut seen) = (0, HashMap::<String, usize>::new());
        loop {
            let count = 1 + rng.below(60);
            let filter = ["", " MATCH stay:*", " TYPE string", " MATCH s* TYPE STRING"][rng.below(4)];
            let (next, names) = client.scan(&format!("SCAN {cursor} COUNT {count}{filter}"));
            assert!(next < 1 << 53, "clients that keep cursors in doubles would lose {next}");
            names.into_iter().for_each(|name| *seen.entry(name).or_default() += 1);
            cursor = next;
            if cursor == 0 {
                break;
            }
            for _ in 0..rng.below(60) {
                let (a, b) = (rng.below(4_000), rng.below(4_000));
                match rng.below(8) {
                    0..=2 => client.ask(&format!("SADD come:{a} {b}")),
                    3 => client.ask(&format!("DEL come:{a}")),
                    4 => client.ask(&format!("PEXPIRE come:{a} {}", b % 50)),
                    5 => client.ask(&format!("MOVE come:{a} 1")),
                    6 if client.ask(&format!("EXISTS come:{a}")) == ":1\r\n" => {
                        client.ask(&format!("RENAME come:{a} come:{b}"))
                    }
                    // The value of a key that stays may change, and its type.
                    _ => client.ask(&format!("SET stay:{} {b}", a % stay)),
                };
            }
            client.pass(rng.below(10));
            if rng.below(10) == 0 {
                client.engine.tick();
            }
        }
        for n in 0..stay {
            assert_eq!(seen.get(&format!("stay:{n}")), Some(&1), "seed {seed}, key {n} of {stay}");
        }
    }
}

#[test]
fn a_scan_of_a_set_returns_all_that_stays() {
    for seed in 0..10 {
        let mut rng = Rng::new(seed);
        let mut client = Client::new(seed);
        // A small set becomes a table on the way.
        let stay = [1, 100, 600, 3_000][rng.below(4)];
        (0..stay).for_each(|n| drop(client.ask(&format!("SADD s stay:{n}"))));
        let (mut cursor, mut seen) = (0, HashMap::<String, usize>::new());
        loop {
            let (next, members) = client.scan(&format!("SSCAN s {cursor} COUNT {} MATCH *", 1 + rng.below(60)));
            assert!(next < 1 << 53);
            members.into_iter().for_each(|member| *seen.entry(member).or_default() += 1);
            cursor = next;
            if cursor == 0 {
                break;
            }
            for _ in 0..rng.below(100) {
                let verb = ["SADD", "SADD", "SREM"][rng.below(3)];
                client.ask(&format!("{verb} s come:{}", rng.below(3_000)));
            }
        }
        for n in 0..stay {
            assert_eq!(seen.get(&format!("stay:{n}")), Some(&1), "seed {seed}, member {n} of {stay}");
        }
    }
}

#[test]
fn a_cursor_that_nobody_gave_out_is_harmless() {
    let mut rng = Rng::new(3);
    let mut client = Client::new(3);
    (0..2_000).for_each(|n| drop(client.ask(&format!("SET key:{n} x"))));
    (0..2_000).for_each(|n| drop(client.ask(&format!("SADD s member:{n}"))));
    for _ in 0..500 {
        let cursor = rng.next_u64() >> rng.below(64);
        for line in [format!("SCAN {cursor} COUNT 20"), format!("SSCAN s {cursor} COUNT 20")] {
            let (next, names) = client.scan(&line);
            assert!((next == 0 || next > cursor) && names.len() <= 20);
        }
    }
}
