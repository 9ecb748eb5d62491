//! What transcripts do not see: effects, events, and that the effects alone lead to the same streams.

use crate::bytes::Rng;
use crate::commands;
use crate::commands::testing::Bench;
use crate::engine::{Engine, SessionId, Setup, Table, FAMILIES};
use crate::resp::{Args, Span};

#[test]
fn what_is_chosen_is_written_out() {
    let mut bench = Bench::new(1);
    let mut effects = |line: &str| {
        bench.run(line);
        bench.effects().join("; ")
    };
    assert_eq!(effects("XADD s * a 1"), "XADD s 1000-0 a 1");
    assert_eq!(effects("XADD s 1000-* a 1"), "XADD s 1000-1 a 1");
    assert_eq!(effects("XADD s 1001-0 a 1"), "");
    assert_eq!(effects("XADD s MAXLEN 3 2000-5 a 1"), "");
    assert_eq!(effects("XADD s NOMKSTREAM MINID = 3 2000-* a 1"), "XADD s NOMKSTREAM MINID = 3 2000-6 a 1");
    assert_eq!(effects("XADD s MAXLEN ~ 1 2000-7 a 1"), "XADD s 2000-7 a 1");
    assert_eq!(effects("XTRIM s MAXLEN ~ 1"), "");
    assert_eq!(effects("XADD s MAXLEN ~ 0 LIMIT 0 3000-0 a 1"), "XADD s MAXLEN = 0 3000-0 a 1");
    assert_eq!(effects("XADD s 3000-1 a 1"), "");
    assert_eq!(effects("XTRIM s MINID ~ 4000"), "XTRIM s MAXLEN = 0");
}

#[test]
fn what_groups_did_is_written_out() {
    let mut bench = Bench::new(1);
    let mut effects = |line: &str| {
        bench.run(line);
        bench.effects().join("; ")
    };
    effects("XADD s 1-1 a 1");
    effects("XADD s 2-1 a 1");
    assert_eq!(effects("XGROUP CREATE s g 0"), "");
    assert_eq!(
        effects("XREADGROUP GROUP g c STREAMS s >"),
        "XGROUP CREATECONSUMER s g c; XCLAIM s g c 0 1-1 2-1 TIME 1000 RETRYCOUNT 1 FORCE JUSTID; \
         XGROUP SETID s g 2-1 ENTRIESREAD 2"
    );
    assert_eq!(effects("XREADGROUP GROUP g c STREAMS s 0"), "");
    assert_eq!(effects("XREADGROUP GROUP g d BLOCK 0 STREAMS s >"), "XGROUP CREATECONSUMER s g d");
    assert_eq!(effects("XCLAIM s g d 0 1-1 IDLE 400"), "XCLAIM s g d 0 1-1 TIME 600 RETRYCOUNT 3 FORCE JUSTID");
    assert_eq!(effects("XCLAIM s g d 0 9-9 LASTID 3-0"), "XGROUP SETID s g 3-0 ENTRIESREAD 2");
    effects("XDEL s 1-1");
    assert_eq!(
        effects("XAUTOCLAIM s g e 0 0 JUSTID"),
        "XGROUP CREATECONSUMER s g e; XACK s g 1-1; XCLAIM s g e 0 2-1 TIME 1000 RETRYCOUNT 2 FORCE JUSTID"
    );
    assert_eq!(effects("XACK s g 2-1"), "");
    effects("XADD s 4-1 a 1");
    assert_eq!(effects("XREADGROUP GROUP g c NOACK STREAMS s >"), "XGROUP SETID s g 4-1 ENTRIESREAD 3");
}

#[test]
fn events_name_what_happened() {
    let mut bench = Bench::new(1);
    for (line, events) in [
        ("XADD s 1-1 a 1", "xadd s"),
        ("XADD s MAXLEN 1 2-1 a 1", "xadd s, xtrim s"),
        ("XADD s MAXLEN 5 3-1 a 1", "xadd s"),
        ("XTRIM s MAXLEN 5", ""),
        ("XTRIM s MAXLEN 1", "xtrim s"),
        ("XDEL s 9-9", ""),
        ("XDEL s 3-1", "xdel s"),
        ("XSETID s 5-1", "xsetid s"),
        ("XGROUP CREATE s g 0", "xgroup-create s"),
        ("XGROUP SETID s g 0", "xgroup-setid s"),
        ("XGROUP CREATECONSUMER s g a", "xgroup-createconsumer s"),
        ("XGROUP CREATECONSUMER s g a", ""),
        ("XGROUP DELCONSUMER s g a", "xgroup-delconsumer s"),
        ("XADD s 6-1 a 1", "xadd s"),
        ("XREADGROUP GROUP g a STREAMS s >", "xgroup-createconsumer s"),
        ("XCLAIM s g b 0 6-1", "xgroup-createconsumer s"),
        ("XACK s g 6-1", ""),
        ("XGROUP DESTROY s g", "xgroup-destroy s"),
        ("XGROUP DESTROY s g", ""),
    ] {
        bench.run(line);
        assert_eq!(bench.events(), events, "{line}");
    }
}

#[test]
fn a_wait_is_as_long_as_said() {
    let mut bench = Bench::new(1);
    for line in
        ["XREAD BLOCK 0 STREAMS s $", "XREAD BLOCK 5 STREAMS s 0", "XREAD BLOCK 9223372036854774807 STREAMS s +"]
    {
        assert_eq!(bench.run(line), "waits", "{line}");
    }
    assert_eq!(bench.run("XREAD BLOCK 9223372036854774808 STREAMS s $"), "-ERR timeout is out of range\r\n");
    assert_eq!(bench.run("XREAD STREAMS s $"), "*-1\r\n");
}

struct Server {
    engine: Engine,
    id: SessionId,
}

impl Server {
    fn new() -> Self {
        let table = Table::new(commands::FAMILIES, FAMILIES);
        let mut engine = Engine::new(table, Setup { seed: 1, now_us: 1_000_000, databases: 16 });
        engine.keyspace.limits.stream.entries = 4;
        engine.record_effects(true);
        let id = engine.open(true);
        Server { engine, id }
    }

    fn run(&mut self, argv: &[&[u8]]) -> String {
        let (mut bytes, mut spans, mut out) = (Vec::new(), Vec::new(), Vec::new());
        for arg in argv {
            spans.push(Span { start: bytes.len() as u32, len: arg.len() as u32 });
            bytes.extend_from_slice(arg);
        }
        self.engine.call(self.id, Args::new(&bytes, &spans), &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    fn line(&mut self, line: &str) -> String {
        self.run(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>())
    }

    /// Everything about a stream but when its consumers were there.
    fn account(&mut self, key: &str) -> String {
        let full = self.line(&format!("XINFO STREAM {key} FULL COUNT 0"));
        let mut lines = full.split("\r\n");
        let mut account = Vec::new();
        while let Some(line) = lines.next() {
            if matches!(line, "seen-time" | "active-time") {
                lines.next();
            }
            account.push(line);
        }
        account.join(" ")
    }
}

#[test]
fn effects_alone_lead_to_the_same_streams() {
    for seed in 0..10 {
        let mut rng = Rng::new(seed);
        let (mut first, mut second) = (Server::new(), Server::new());
        let mut top = 1u64;
        for turn in 0..400 {
            let key = ["s", "s", "t"][rng.below(3)];
            let (group, consumer) = (["g", "h"][rng.below(2)], ["a", "b", "c"][rng.below(3)]);
            let some = format!("{}-{}", rng.below(top as usize + 2), rng.below(3));
            let trim = match rng.below(4) {
                0 => format!("MAXLEN ~ {} LIMIT {}", rng.below(9), rng.below(9)),
                1 => format!("MINID ~ {some}"),
                2 => format!("MAXLEN {}", rng.below(9)),
                _ => format!("MINID = {some}"),
            };
            top += rng.below(2) as u64;
            let line = match rng.below(20) {
                0..=4 => format!("XADD {key} {top}-* f {turn}"),
                5 => format!("XADD {key} * f {turn} g x"),
                6 => format!("XADD {key} {trim} {top}-* f {turn}"),
                7 => format!("XTRIM {key} {trim}"),
                8 => format!("XDEL {key} {some}"),
                9 => format!("XGROUP CREATE {key} {group} $ MKSTREAM"),
                10 => format!("XGROUP SETID {key} {group} {some}"),
                11..=13 => format!("XREADGROUP GROUP {group} {consumer} COUNT 2 STREAMS {key} >"),
                14 => format!("XREADGROUP GROUP {group} {consumer} NOACK STREAMS s t > >"),
                15 => format!("XACK {key} {group} {some}"),
                16 => format!("XCLAIM {key} {group} {consumer} 0 {some} {top} FORCE LASTID {some}"),
                17 => format!("XAUTOCLAIM {key} {group} {consumer} 0 - COUNT 3"),
                18 => format!("XGROUP DELCONSUMER {key} {group} {consumer}"),
                _ => format!("XSETID {key} {top}-9"),
            };
            first.line(&line);
            let now = 1_000_000 + turn * 3000;
            for unit in first.engine.take_effects() {
                for effect in unit.effects {
                    second.run(&effect.argv.iter().map(|arg| &**arg).collect::<Vec<_>>());
                }
            }
            for key in ["s", "t"] {
                assert_eq!(first.account(key), second.account(key), "seed {seed}: {line}");
            }
            first.engine.set_clock(now);
            second.engine.set_clock(now);
        }
    }
}

#[test]
fn deletion_that_only_took_references_is_a_change() {
    let mut bench = Bench::new(1);
    for line in ["XADD s 1-1 a 1", "XGROUP CREATE s g 0", "XREADGROUP GROUP g c STREAMS s >", "XDEL s 1-1"] {
        bench.run(line);
    }
    let mut counted = |line: &str| {
        bench.run(line);
        bench.changes.dirty
    };
    assert_eq!(counted("XDELEX s IDS 1 1-1"), 0);
    assert_eq!(counted("XDELEX s ACKED IDS 1 1-1"), 0);
    assert_eq!(counted("XDELEX s DELREF IDS 2 1-1 1-1"), 1);
    assert_eq!(counted("XDELEX s DELREF IDS 1 1-1"), 0);
}
