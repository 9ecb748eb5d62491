//! Hostile input through the whole engine, by the targets of tests/fuzz. Nothing may trap, nothing may grow without bound,
//! and the next client is served as if nothing had been.
//!
//! Everything follows from the seed: a failure prints it, and running with it again shows the same.

#[path = "fuzz/src/lib.rs"]
#[allow(dead_code)]
mod fuzz;

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

/// What libFuzzer drives where it can (`npm test -- fuzz`), every machine does a little of: the seeds, what was once found,
/// and random changes of both. With CACHELET_FUZZ_SEEDS naming a folder the seeds are written there, for libFuzzer.
#[test]
fn nothing_traps_on_what_the_fuzzer_starts_from_and_has_found() {
    let folder = std::env::var_os("CACHELET_FUZZ_SEEDS").map(std::path::PathBuf::from);
    for target in fuzz::TARGETS {
        let mut inputs = (target.seeds)();
        assert!(!inputs.is_empty(), "{}", target.name);
        if let Some(folder) = folder.as_ref().map(|folder| folder.join(target.name)) {
            std::fs::create_dir_all(&folder).expect("a folder");
            for (number, seed) in inputs.iter().enumerate() {
                std::fs::write(folder.join(format!("seed-{number}")), seed).expect("a file");
            }
        }
        for found in std::fs::read_dir(format!("tests/fuzz/found/{}", target.name)).into_iter().flatten() {
            inputs.push(std::fs::read(found.expect("an entry").path()).expect("a file"));
        }
        inputs.iter().for_each(|input| (target.run)(input));
    }
}

/// One random change.
fn change(input: &mut Vec<u8>, rng: &mut Rng) {
    let at = rng.below(input.len() + 1);
    match rng.below(5) {
        0 => input.truncate(at),
        1 => input.insert(at, rng.next_u64() as u8),
        2 if at < input.len() => input[at] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF][rng.below(6)],
        3 => {
            let piece: Vec<u8> = input[at..].iter().take(rng.below(16)).copied().collect();
            let to = rng.below(input.len() + 1);
            input.splice(to..to, piece);
        }
        _ if at < input.len() => input[at] ^= 1 << rng.below(8),
        _ => input.push(rng.next_u64() as u8),
    }
}

#[test]
fn nothing_traps_on_inputs_changed_at_random() {
    for target in fuzz::TARGETS {
        let seeds = (target.seeds)();
        for seed in 0..400u64 {
            let mut rng = Rng::new(seed);
            let mut input = seeds[rng.below(seeds.len())].clone();
            for _ in 0..1 + rng.below(8) {
                change(&mut input, &mut rng);
            }
            let run = || (target.run)(&input);
            if let Err(panic) = std::panic::catch_unwind(run) {
                eprintln!("{}, seed {seed}: {}", target.name, input.escape_ascii());
                std::panic::resume_unwind(panic);
            }
        }
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
