//! What transcripts do not see: effects, encodings, counted changes, bounds.

use crate::engine::{Engine, SessionId, Setup, Table};
use crate::resp::{split_inline, Args};

fn engine() -> (Engine, SessionId) {
    let setup = Setup { seed: 1, now_us: 1_000_000, databases: 16 };
    let mut engine = Engine::new(Table::new(crate::commands::FAMILIES, crate::engine::FAMILIES), setup);
    let id = engine.open(false);
    (engine, id)
}

fn ask(engine: &mut Engine, id: SessionId, line: &str) -> String {
    engine.receive(id, format!("{line}\r\n").as_bytes());
    let text = String::from_utf8_lossy(engine.output(id)).into_owned();
    engine.sent(id, text.len());
    text
}

fn encoding(engine: &mut Engine, key: &str) -> &'static str {
    engine.keyspace.keys(0).peek(key.as_bytes()).map_or("none", |entry| entry.encoding())
}

#[test]
fn a_float_sum_is_recorded_as_its_digits() {
    let (mut engine, id) = engine();
    engine.record_effects(true);
    assert_eq!(ask(&mut engine, id, "HINCRBYFLOAT h f 0.1"), "$3\r\n0.1\r\n");
    assert_eq!(ask(&mut engine, id, "HINCRBYFLOAT h f 0.2"), "$3\r\n0.3\r\n");
    assert_eq!(ask(&mut engine, id, "HINCRBYFLOAT h f x"), "-ERR value is not a valid float\r\n");
    let units = engine.take_effects();
    let written: Vec<_> = units.iter().map(|unit| unit.effects[0].argv.join(&b' ')).collect();
    assert_eq!(written, [&b"HSET h f 0.1"[..], b"HSET h f 0.3"]);
}

#[test]
fn a_failed_addition_makes_no_key() {
    let (mut engine, id) = engine();
    for line in ["HINCRBY h f x", "HINCRBYFLOAT h f x", "HINCRBYFLOAT h f inf", "HSET h f", "HSET h a b c"] {
        assert!(ask(&mut engine, id, line).starts_with("-ERR"), "{line}");
        assert_eq!(encoding(&mut engine, "h"), "none", "{line}");
    }
}

#[test]
fn the_last_field_takes_the_key_along() {
    let (mut engine, id) = engine();
    ask(&mut engine, id, "HSET h a 1 b 2");
    assert_eq!(ask(&mut engine, id, "HDEL h a b c"), ":2\r\n");
    assert_eq!(encoding(&mut engine, "h"), "none");
}

#[test]
fn changes_are_counted_as_redis_does() {
    let (mut engine, id) = engine();
    for (line, count) in [
        ("hset h a 1 b 2 a 3", 3),
        ("hmset h a 1", 1),
        ("hsetnx h a 1", 0),
        ("hsetnx h c 1", 1),
        ("hincrby h a 1", 1),
        ("hincrbyfloat h a 1", 1),
        ("hdel h a b x", 2),
        ("hdel h x", 0),
        ("hget h c", 0),
    ] {
        let (mut bytes, mut spans, mut out) = (Vec::new(), Vec::new(), Vec::new());
        assert!(split_inline(line.as_bytes(), &mut bytes, &mut spans));
        let args = Args::new(&bytes, &spans);
        let command = engine.table().find_name(args.at(0)).expect("a command");
        engine.perform(id, command, args, &mut out);
        assert_eq!(std::mem::take(&mut engine.keyspace.changes.dirty), count, "{line}");
    }
}

#[test]
fn a_hostile_count_cannot_fill_the_memory() {
    let (mut engine, id) = engine();
    engine.keyspace.limits.bulk = 1 << 20;
    ask(&mut engine, id, &format!("HSET h f {}", "x".repeat(1000)));
    for line in ["HRANDFIELD h -9223372036854775807", "HRANDFIELD h -100000 WITHVALUES"] {
        assert_eq!(ask(&mut engine, id, line), "-ERR value is out of range\r\n", "{line}");
    }
    assert_eq!(ask(&mut engine, id, "HRANDFIELD h 9223372036854775807"), "*1\r\n$1\r\nf\r\n");
}

#[test]
fn the_encoding_follows_the_configured_limits() {
    let (mut engine, id) = engine();
    engine.keyspace.limits.hash.entries = 2;
    ask(&mut engine, id, "HSET a f 1 g 2");
    assert_eq!(encoding(&mut engine, "a"), "listpack");
    // Three pairs are announced, although they are one field.
    ask(&mut engine, id, "HSET b f 1 f 2 f 3");
    assert_eq!(encoding(&mut engine, "b"), "hashtable");
    assert_eq!(ask(&mut engine, id, "HGETALL b"), "*2\r\n$1\r\nf\r\n$1\r\n3\r\n");
    ask(&mut engine, id, &format!("HINCRBY {} f 1", "k"));
    ask(&mut engine, id, &format!("HSETNX k {} 1", "f".repeat(65)));
    assert_eq!(encoding(&mut engine, "k"), "hashtable");
}

#[test]
fn scans_meet_every_field_of_a_table() {
    let (mut engine, id) = engine();
    for field in 0..2000 {
        ask(&mut engine, id, &format!("HSET h field:{field} {field}"));
    }
    let (mut cursor, mut seen) = (String::from("0"), std::collections::BTreeSet::new());
    loop {
        let reply = ask(&mut engine, id, &format!("HSCAN h {cursor} NOVALUES COUNT 50"));
        let mut lines = reply.split("\r\n").filter(|line| !line.is_empty() && !line.starts_with(['*', '$']));
        cursor = lines.next().expect("a cursor").to_owned();
        seen.extend(lines.map(str::to_owned));
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(seen.len(), 2000);
}
