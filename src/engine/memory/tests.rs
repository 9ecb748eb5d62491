use crate::engine::tests::{ask, engine};
use crate::memory::Usage;

#[test]
fn sizes_follow_what_is_held() {
    let mut engine = engine();
    let id = engine.open(false);
    let mut usage = |setup: &str| -> usize {
        ask(&mut engine, id, "DEL k");
        ask(&mut engine, id, setup);
        let reply = ask(&mut engine, id, "MEMORY USAGE k SAMPLES 0");
        reply.trim_start_matches(':').trim_end().parse().expect("an integer")
    };
    let small = usage("SET k 1");
    assert!((30..200).contains(&small), "{small}");
    let large = usage(&format!("SET k {}", "x".repeat(10_000))) - small;
    assert!((10_000..10_100).contains(&large), "{large}");
    let members: String = (0..1000).map(|number| format!(" member-of-some-length-{number:06}")).collect();
    let fields = members.replace(" ", " value ").trim_start_matches(" value").to_owned() + " value";
    for (setup, low, high) in [
        (format!("RPUSH k{members}"), 28, 40),
        (format!("SADD k{members}"), 28 + 16, 28 + 70),
        (format!("HSET k{fields}"), 34 + 16, 34 + 70),
    ] {
        let each = usage(&setup) / 1000;
        assert!((low..=high).contains(&each), "{each}: {}", &setup[..10]);
    }
}

#[test]
fn figures_that_are_not_known_are_left_out() {
    let mut engine = engine();
    let id = engine.open(false);
    ask(&mut engine, id, "SET a 1");
    let stats = ask(&mut engine, id, "MEMORY STATS");
    assert!(stats.contains("keys.count\r\n:1\r\n") && stats.contains("$4\r\ndb.0\r\n") && !stats.contains("peak"));
    assert!(stats.starts_with("*12\r\n"), "{stats}");
    engine.set_memory_source(Some(|| Usage {
        used: 3_000_000,
        peak: 4_000_000,
        heap: 3_600_000,
        total: 4_500_000,
        limit: 9_000_000,
        exhausted: false,
    }));
    ask(&mut engine, id, "HELLO 3");
    let stats = ask(&mut engine, id, "MEMORY STATS");
    assert!(stats.starts_with("%22\r\n") && stats.contains("peak.percentage\r\n,75\r\n"), "{stats}");
    for (name, value) in [
        ("startup.allocated", ":3000000"),
        ("allocator-fragmentation.ratio", ",1.2"),
        ("rss-overhead.bytes", ":900000"),
        ("fragmentation", ",1.5"),
        ("fragmentation.bytes", ":1500000"),
    ] {
        assert!(stats.contains(&format!("\r\n{name}\r\n{value}\r\n")), "{name} in {stats}");
    }
    assert!(ask(&mut engine, id, "MEMORY DOCTOR").contains("Nothing stands out: 1 keys"));
}

#[test]
fn purge_frees_what_waits() {
    let mut engine = engine();
    let id = engine.open(false);
    let members: String = (0..1000).map(|number| format!(" {number}a")).collect();
    ask(&mut engine, id, &format!("SADD k{members}"));
    ask(&mut engine, id, "UNLINK k");
    assert!(engine.keyspace.has_garbage());
    assert_eq!(ask(&mut engine, id, "MEMORY PURGE"), "+OK\r\n");
    assert!(!engine.keyspace.has_garbage());
}
