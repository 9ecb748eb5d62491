//! What the transcripts do not see of SET's conditions, DELEX, DIGEST and MSETEX: effects, events, hostile counts.

use crate::commands::testing::Bench;

#[test]
fn a_condition_that_holds_is_left_out_of_the_effect() {
    let mut bench = Bench::new(1);
    bench.run("SET k a");
    for (line, reply, effect) in [
        ("SET k b IFEQ x", "$-1", None),
        ("SET k b IFEQ a", "+OK", Some("SET k b")),
        ("SET k c IFNE a PX 50", "+OK", Some("SET k c PXAT 1050")),
        ("SET k d IFDNE 0123456789abcdef KEEPTTL", "+OK", Some("SET k d KEEPTTL")),
        ("DELEX k IFEQ x", ":0", None),
        ("DELEX k IFEQ d", ":1", Some("DEL k")),
        ("DELEX k IFNE d", ":0", None),
        ("SET k e IFNE d", "+OK", Some("SET k e")),
        ("DELEX k", ":1", Some("DEL k")),
        ("MSETEX 2 a 1 b 2 XX", ":0", None),
        ("MSETEX 2 a 1 b 2 NX EX 1", ":1", Some("MSETEX 2 a 1 b 2 PXAT 2000")),
        ("MSETEX 2 a 1 b 2 KEEPTTL XX", ":1", Some("MSETEX 2 a 1 b 2 KEEPTTL")),
        ("MSETEX 2 a 1 b 2", ":1", Some("MSETEX 2 a 1 b 2")),
    ] {
        assert_eq!(bench.run(line), format!("{reply}\r\n"), "{line}");
        assert_eq!(bench.effects(), effect.into_iter().collect::<Vec<_>>(), "{line}");
        assert_eq!(bench.changes.dirty > 0, effect.is_some(), "{line}");
    }
}

#[test]
fn every_key_has_its_event() {
    let mut bench = Bench::new(1);
    bench.run("MSETEX 2 a 1 b 2 EX 1");
    assert_eq!((bench.events().as_str(), bench.changes.dirty), ("set a, expire a, set b, expire b", 2));
    bench.run("DELEX a IFNE x");
    assert_eq!(bench.events(), "del a");
}

#[test]
fn a_digest_is_that_of_the_text_and_may_be_written_either_way() {
    let mut bench = Bench::new(1);
    for value in ["Hello", "12345", "-999"] {
        bench.run(&format!("SET k {value}"));
        let reply = bench.run("DIGEST k");
        let shown = &reply[5..21];
        assert_eq!(shown, format!("{:016x}", crate::bytes::xxh3::xxh3(value.as_bytes())));
        assert_eq!(bench.run(&format!("SET k {value} IFDEQ {}", shown.to_uppercase())), "+OK\r\n");
        assert_eq!(bench.run(&format!("DELEX k IFDNE {shown}")), ":0\r\n");
    }
    // Its leading zeros belong to it.
    bench.run("SET k v8lf0c11xh8ymlqztfd3eeq16kfn4sspw7fqmnuuq3k3t75em5wdizgcdw7uc26nnf961u2jkfzkjytls2kwlj7626sd");
    assert_eq!(bench.run("DIGEST k"), "$16\r\n00006c38adf31777\r\n");
}

#[test]
fn a_count_of_keys_that_are_not_there_is_refused() {
    let mut bench = Bench::new(1);
    for count in ["2", "2147483647"] {
        assert_eq!(bench.run(&format!("MSETEX {count} a 1 b")), "-ERR wrong number of key-value pairs\r\n");
    }
    for count in ["0", "-1", "2147483648", "9223372036854775807", "x"] {
        assert_eq!(bench.run(&format!("MSETEX {count} a 1 b")), "-ERR invalid numkeys value\r\n");
    }
}
