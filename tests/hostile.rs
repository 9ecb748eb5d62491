//! Hostile input through the whole engine: random bytes, and every command with arguments chosen to hurt. Nothing
//! may trap, nothing may grow without bound, and the next client is served as if nothing had been.
//!
//! Everything follows from the seed: a failure prints it, and running with it again shows the same.

use cachelet::bytes::Rng;
use cachelet::catalog;
use cachelet::engine::{Engine, SessionId, Setup};

fn engine(seed: u64) -> Engine {
    Engine::new(catalog::table(), Setup { seed, now_us: 1_700_000_000_000_000, ..Setup::default() })
}

/// Takes a session's output, as a transport does.
fn drain(engine: &mut Engine, id: SessionId) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let bytes = engine.output(id).to_vec();
        if bytes.is_empty() {
            return all;
        }
        engine.sent(id, bytes.len());
        all.extend(bytes);
    }
}

fn request(words: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n", word.len()).into_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Arguments that have hurt somebody before.
const NASTY: &[&[u8]] = &[
    b"",
    b"0",
    b"-1",
    b"1",
    b"2",
    b"3",
    b"-0",
    b"+1",
    b"01",
    b" 1",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775808",
    b"4294967295",
    b"4294967296",
    b"2147483647",
    b"-2147483648",
    b"536870912",
    b"1e308",
    b"-1e308",
    b"1e-400",
    b"nan",
    b"inf",
    b"-inf",
    b"(1",
    b"[a",
    b"-",
    b"+",
    b"*",
    b"?",
    b"[",
    b"[a-",
    b"\\",
    b"\xff\xfe\x00",
    b"a\r\nb",
    b"$",
    b">",
    b"0-0",
    b"18446744073709551615-18446744073709551615",
    b"{a}",
    b"{}",
    b"0x10",
    b"1.5",
    b".5",
    b"5.",
    b"a",
    b"b",
    b"k1",
    b"k2",
    b"k3",
    b"list",
    b"hash",
    b"set",
    b"zset",
    b"string",
];

fn argument(rng: &mut Rng, words: &[&str]) -> Vec<u8> {
    match rng.below(10) {
        0..=4 => NASTY[rng.below(NASTY.len())].to_vec(),
        5..=7 if !words.is_empty() => words[rng.below(words.len())].as_bytes().to_vec(),
        8 => (0..rng.below(80)).map(|_| rng.next_u64() as u8).collect(),
        _ => format!("{}", rng.next_u64() as i64 >> rng.below(64)).into_bytes(),
    }
}

/// Commands that end or hold what the test runs on.
fn is_left_out(name: &str) -> bool {
    matches!(name, "shutdown" | "quit" | "client|pause" | "client|reply" | "auth" | "hello" | "config|set" | "debug")
        || name.starts_with("debug|")
}

#[test]
fn every_command_survives_arguments_chosen_to_hurt() {
    for seed in 0..40u64 {
        let mut engine = engine(seed);
        let mut rng = Rng::new(seed);
        let names: Vec<(&'static str, Vec<&'static str>)> = engine
            .table()
            .commands()
            .iter()
            .filter(|command| !is_left_out(command.spec.name))
            .map(|command| {
                let grammar = command.spec.grammar;
                let words = grammar
                    .split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit()))
                    .filter(|word| word.len() > 1);
                (command.spec.name, words.collect())
            })
            .collect();
        let mut id = engine.open(false);
        for step in 0..2500 {
            let (name, words) = &names[rng.below(names.len())];
            let mut argv: Vec<Vec<u8>> = name.split('|').map(|word| word.as_bytes().to_vec()).collect();
            for _ in 0..rng.below(7) {
                argv.push(argument(&mut rng, words));
            }
            let bytes = request(&argv);
            engine.receive(id, &bytes);
            drain(&mut engine, id);
            if rng.below(20) == 0 {
                engine.set_clock(1_700_000_000_000_000 + step * 1_000_000);
                engine.tick();
            }
            // Blocked, closed by CLIENT KILL, or in an unfinished transaction: a new client takes over.
            if engine.is_to_close(id) || engine.session(id).is_none() || rng.below(50) == 0 {
                engine.close(id);
                id = engine.open(rng.below(2) == 0);
            }
        }
        let fresh = engine.open(false);
        engine.receive(fresh, b"*1\r\n$4\r\nPING\r\n");
        assert_eq!(drain(&mut engine, fresh), b"+PONG\r\n", "seed {seed}");
    }
}

#[test]
fn random_bytes_end_in_an_error_or_wait_for_more() {
    let pieces: &[&[u8]] = &[
        b"*1\r\n",
        b"*3\r\n",
        b"$3\r\n",
        b"SET",
        b"GET",
        b"\r\n",
        b"*",
        b"$",
        b"-1",
        b"1000000000",
        b"\n",
        b"\"",
        b"'",
        b" ",
        b"\x00",
        b"PING\r\n",
        b"*0\r\n",
        b"$0\r\n\r\n",
        b"$-1\r\n",
        b":5\r\n",
        b"a",
        b"*2147483647\r\n",
        b"$536870912\r\n",
    ];
    for seed in 0..3000u64 {
        let mut rng = Rng::new(seed);
        let mut engine = engine(seed);
        let id = engine.open(false);
        for _ in 0..rng.below(60) {
            let mut bytes = pieces[rng.below(pieces.len())].to_vec();
            if rng.below(8) == 0 {
                let at = rng.below(bytes.len());
                bytes[at] ^= 1 << rng.below(8);
            }
            engine.receive(id, &bytes);
            drain(&mut engine, id);
        }
        let fresh = engine.open(false);
        engine.receive(fresh, b"PING\r\n");
        assert_eq!(drain(&mut engine, fresh), b"+PONG\r\n", "seed {seed}");
    }
}

#[test]
fn ten_thousand_clients_that_come_and_go_leave_nothing() {
    let mut engine = engine(1);
    for round in 0..10_000u32 {
        let id = engine.open(false);
        match round % 5 {
            0 => engine.receive(id, b"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n"),
            1 => engine.receive(id, b"WATCH a b c\r\nMULTI\r\nSET a 1\r\n"),
            2 => engine.receive(id, b"BLPOP nothing 0\r\n"),
            3 => engine.receive(id, b"*1\r\n$536870912\r\nhalf"),
            _ => engine.receive(id, b"PING\r\n"),
        }
        engine.close(id);
    }
    assert_eq!(engine.sessions().count(), 0);
    let id = engine.open(false);
    assert!(id < 4, "session ids are used again");
    engine.receive(id, b"PUBSUB CHANNELS\r\n");
    assert_eq!(drain(&mut engine, id), b"*0\r\n");
}
