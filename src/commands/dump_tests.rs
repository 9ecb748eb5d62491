//! What transcripts do not see of DUMP and RESTORE: effects, events, expiry by the clock.

use crate::commands::testing::Bench;
use crate::rdb;

fn dumped(bench: &mut Bench, key: &[u8]) -> Vec<u8> {
    let reply = bench.run_args(&[b"DUMP", key]);
    let head = reply.iter().position(|&byte| byte == b'\n').expect("a bulk string") + 1;
    reply[head..reply.len() - 2].to_vec()
}

fn text(reply: Vec<u8>) -> String {
    String::from_utf8_lossy(&reply).into_owned()
}

#[test]
fn a_relative_ttl_is_repeated_as_an_instant() {
    let mut bench = Bench::new(1);
    bench.run("SET a 1");
    let payload = dumped(&mut bench, b"a");
    assert_eq!(text(bench.run_args(&[b"RESTORE", b"b", b"500", &payload, b"IDLETIME", b"7"])), "+OK\r\n");
    let effects = &bench.changes.effects;
    assert_eq!(effects.len(), 1);
    let argv: Vec<&[u8]> = effects[0].argv.iter().map(AsRef::as_ref).collect();
    assert_eq!(argv, [b"RESTORE", &b"b"[..], b"1500", &payload, b"IDLETIME", b"7", b"ABSTTL"]);
    assert_eq!(bench.events(), "restore b");
    assert_eq!(bench.run("PTTL b"), ":500\r\n");
    assert_eq!(bench.run("PEXPIRETIME b"), ":1500\r\n");
    // An instant, or no expiry, is repeated as it came.
    assert_eq!(text(bench.run_args(&[b"RESTORE", b"b", b"9000", &payload, b"ABSTTL", b"REPLACE"])), "+OK\r\n");
    assert!(bench.effects().is_empty());
    assert_eq!(bench.run("PEXPIRETIME b"), ":9000\r\n");
    assert_eq!(text(bench.run_args(&[b"RESTORE", b"b", b"0", &payload, b"REPLACE"])), "+OK\r\n");
    assert_eq!(bench.run("PTTL b"), ":-1\r\n");
}

#[test]
fn what_would_expire_at_once_deletes_what_it_replaces() {
    let mut bench = Bench::new(1);
    bench.run("SET a 1");
    let payload = dumped(&mut bench, b"a");
    for ttl in ["1000", "1"] {
        bench.run("SET b 1");
        let restored = bench.run_args(&[b"RESTORE", b"b", ttl.as_bytes(), &payload, b"ABSTTL", b"REPLACE"]);
        assert_eq!(text(restored), "+OK\r\n");
        assert_eq!((bench.effects(), bench.events()), (vec!["DEL b".to_owned()], "del b".to_owned()));
        assert_eq!(bench.run("EXISTS b"), ":0\r\n");
    }
    let restored = bench.run_args(&[b"RESTORE", b"b", b"1", &payload, b"ABSTTL"]);
    assert_eq!((text(restored), bench.changes.dirty), ("+OK\r\n".to_owned(), 0));
    // A sum past the end of time is an instant long ago.
    let restored = bench.run_args(&[b"RESTORE", b"b", b"9223372036854775807", &payload]);
    assert_eq!((text(restored), bench.run("EXISTS b")), ("+OK\r\n".to_owned(), ":0\r\n".to_owned()));
}

#[test]
fn idle_time_is_taken_over() {
    let mut bench = Bench::new(1);
    bench.space.set_clock(1_700_000_000_000_000);
    bench.run("SET a 1");
    let payload = dumped(&mut bench, b"a");
    bench.run_args(&[b"RESTORE", b"b", b"0", &payload, b"IDLETIME", b"1000"]);
    assert_eq!(bench.run("OBJECT IDLETIME b"), ":1000\r\n");
    bench.run_args(&[b"RESTORE", b"b", b"0", &payload, b"REPLACE", b"FREQ", b"200"]);
    assert_eq!(bench.run("OBJECT IDLETIME b"), ":0\r\n");
}

#[test]
fn idle_time_outlives_the_wrap_of_its_clock_of_24_bits() {
    let wrap = 1_700_000_000_i64 >> 24 << 24;
    let mut bench = Bench::new(1);
    bench.space.set_clock((wrap - 10) * 1_000_000);
    bench.run("SET a 1");
    bench.space.set_clock((wrap + 20) * 1_000_000);
    assert_eq!(bench.run("OBJECT IDLETIME a"), ":30\r\n");
    let payload = dumped(&mut bench, b"a");
    for (idle, answer) in [(25, ":25\r\n"), (16_777_215, ":16777215\r\n"), (i64::MAX, ":16777215\r\n")] {
        bench.run_args(&[b"RESTORE", b"b", b"0", &payload, b"REPLACE", b"IDLETIME", idle.to_string().as_bytes()]);
        assert_eq!(bench.run("OBJECT IDLETIME b"), answer);
    }
}

#[test]
fn bad_data_is_told_apart_from_what_is_not_supported() {
    let mut bench = Bench::new(1);
    let mut restore = |body: &[u8]| {
        let mut payload = body.to_vec();
        payload.extend_from_slice(&rdb::WRITTEN.to_le_bytes());
        payload.extend_from_slice(&rdb::crc64(0, &payload).to_le_bytes());
        text(bench.run_args(&[b"RESTORE", b"k", b"0", &payload]))
    };
    assert_eq!(restore(b"\0\x05hell"), "-ERR Bad data format\r\n");
    assert_eq!(restore(b"\x18\x01"), "-ERR Bad data format\r\n");
    assert!(restore(b"\x07\x81\0\0\0\0\0\0\0\0").contains("module type 'AAAAAAAAA'"));
    // Redis does not mind bytes behind the value.
    assert_eq!(restore(b"\0\x02hi there"), "+OK\r\n");
}

#[test]
fn fields_keep_their_expiries_and_expire_as_ever() {
    let mut bench = Bench::new(1);
    for entries in [512, 1] {
        bench.space.limits.hash.entries = entries;
        bench.run("HSETEX h PX 500 FIELDS 2 a 1 b 2");
        bench.run("HSET h plain 3");
        let payload = dumped(&mut bench, b"h");
        // What 7.0 cannot read says so.
        assert_eq!(payload[payload.len() - 10..][..2], rdb::WRITTEN_FIELDS.to_le_bytes());
        assert_eq!(text(bench.run_args(&[b"RESTORE", b"g", b"0", &payload])), "+OK\r\n");
        assert_eq!(dumped(&mut bench, b"g").len(), payload.len());
        assert_eq!(bench.run("HPTTL g FIELDS 3 a b plain"), "*3\r\n:500\r\n:500\r\n:-1\r\n");
        assert_eq!(bench.space.database(0).timed(), 2);
        bench.space.set_clock(1_500_000);
        assert_eq!(bench.run("HLEN g"), ":1\r\n");
        // A payload may be older than what it holds: then it holds less.
        assert_eq!(text(bench.run_args(&[b"RESTORE", b"g", b"0", &payload, b"REPLACE"])), "+OK\r\n");
        assert_eq!(bench.run("HGETALL g"), "*2\r\n$5\r\nplain\r\n$1\r\n3\r\n");
        bench.run("FLUSHALL");
        bench.space.set_clock(1_000_000);
    }
    bench.run("HSET h a 1");
    let payload = dumped(&mut bench, b"h");
    assert_eq!(payload[payload.len() - 10..][..2], rdb::WRITTEN.to_le_bytes());
}
