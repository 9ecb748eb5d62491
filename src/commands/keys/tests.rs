use crate::commands::testing::{sorted, Bench};

fn bench(lines: &[&str]) -> Bench {
    let mut bench = Bench::new(5);
    lines.iter().for_each(|line| drop(bench.run(line)));
    bench
}

#[test]
fn conditions_of_an_expiry() {
    // Seconds already set (0: none), the options, whether 100 seconds may be set.
    for (present, options, allowed) in [
        (0, "", true),
        (50, "", true),
        (0, "NX", true),
        (50, "NX", false),
        (0, "XX", false),
        (50, "XX", true),
        (0, "GT", false),
        (50, "GT", true),
        (100, "GT", false),
        (150, "gt", false),
        (0, "LT", true),
        (50, "LT", false),
        (100, "LT", false),
        (150, "lt", true),
        (0, "XX LT", false),
        (150, "XX LT", true),
        (0, "XX GT", false),
        (50, "XX GT", true),
    ] {
        let mut bench = bench(&["SET k v"]);
        if present > 0 {
            bench.run(&format!("EXPIRE k {present}"));
        }
        let line = format!("EXPIRE k 100 {options}");
        assert_eq!(bench.run(line.trim_end()), format!(":{}\r\n", allowed as u8), "{present} {options}");
        let left = if allowed {
            100
        } else if present == 0 {
            -1
        } else {
            present
        };
        assert_eq!(bench.run("TTL k"), format!(":{left}\r\n"), "{present} {options}");
        assert!(bench.events().is_empty());
    }
}

#[test]
fn expiries_become_absolute_effects() {
    let mut bench = bench(&["SET k v"]);
    for (line, effect) in [
        ("EXPIRE k 10", "PEXPIREAT k 11000"),
        ("PEXPIRE k 10", "PEXPIREAT k 1010"),
        ("EXPIREAT k 10", "PEXPIREAT k 10000"),
        ("PEXPIREAT k 1001", "PEXPIREAT k 1001"),
    ] {
        assert_eq!(bench.run(line), ":1\r\n");
        assert_eq!((bench.effects(), bench.events().as_str()), (vec![effect.to_string()], "expire k"));
    }
    assert_eq!(bench.run("PERSIST k"), ":1\r\n");
    assert_eq!((bench.effects().len(), bench.events().as_str()), (0, "persist k"));
    assert_eq!(bench.run("EXPIRE k -1"), ":1\r\n");
    assert_eq!((bench.effects(), bench.events().as_str()), (vec!["DEL k".to_string()], "del k"));
    for line in ["EXPIRE none 10", "EXPIRE none -10", "PERSIST none"] {
        assert_eq!(bench.run(line), ":0\r\n");
        assert_eq!((bench.effects().len(), bench.changes.dirty), (0, 0));
    }
}

#[test]
fn far_ends_of_time() {
    let mut bench = bench(&["SET k v"]);
    for line in ["EXPIRE k 9223372036854775807", "EXPIRE k 9223372036854775", "EXPIREAT k 9223372036854776"] {
        let name = line.split(' ').next().unwrap().to_lowercase();
        assert_eq!(bench.run(line), format!("-ERR invalid expire time in '{name}' command\r\n"));
    }
    assert_eq!(bench.run("PEXPIRE k 9223372036854775807"), "-ERR invalid expire time in 'pexpire' command\r\n");
    assert_eq!(bench.run("EXPIRE k -9223372036854775808"), "-ERR invalid expire time in 'expire' command\r\n");
    assert_eq!(bench.run("PEXPIREAT k 9223372036854775807"), ":1\r\n");
    assert_eq!(bench.run("EXPIRETIME k"), ":9223372036854776\r\n");
    assert_eq!(bench.run("PEXPIRETIME k"), ":9223372036854775807\r\n");
    assert_eq!(bench.run("EXISTS k"), ":1\r\n");
    assert_eq!(bench.run("PEXPIRE k -9223372036854775808"), ":1\r\n");
    assert_eq!(bench.run("EXISTS k"), ":0\r\n");
}

#[test]
fn remaining_time_is_rounded_to_the_nearest_second() {
    let mut bench = bench(&["SET k v", "PEXPIRE k 1499"]);
    assert_eq!((bench.run("TTL k"), bench.run("PTTL k")), (":1\r\n".into(), ":1499\r\n".into()));
    bench.run("PEXPIRE k 1500");
    assert_eq!((bench.run("TTL k"), bench.run("EXPIRETIME k")), (":2\r\n".into(), ":3\r\n".into()));
    bench.space.set_clock(2_499_999);
    assert_eq!(bench.run("PTTL k"), ":1\r\n");
    bench.space.set_clock(2_500_000);
    assert_eq!(bench.run("PTTL k"), ":-2\r\n");
}

#[test]
fn renaming_carries_the_expiry_along() {
    let mut bench = bench(&["SET a 1", "EXPIRE a 100", "SET b 2", "EXPIRE b 5", "SET c 3"]);
    assert_eq!(bench.run("RENAME a b"), "+OK\r\n");
    assert_eq!((bench.events().as_str(), bench.changes.dirty), ("rename_from a, rename_to b", 1));
    assert_eq!(bench.changes.touched.len(), 2);
    assert_eq!((bench.run("TTL b"), bench.run("GET b")), (":100\r\n".into(), "$1\r\n1\r\n".into()));
    assert_eq!(bench.run("RENAME c b"), "+OK\r\n");
    assert_eq!(bench.run("TTL b"), ":-1\r\n");
    assert_eq!(bench.run("RENAMENX b b"), ":0\r\n");
    assert_eq!(bench.run("DBSIZE"), ":1\r\n");
}

#[test]
fn copies_are_independent() {
    let mut bench = bench(&["SADD s a b", "EXPIRE s 100"]);
    assert_eq!(bench.run("COPY s t"), ":1\r\n");
    assert_eq!((bench.events().as_str(), bench.changes.dirty), ("copy_to t", 1));
    bench.run("SADD t c");
    assert_eq!(
        (bench.run("SCARD s"), bench.run("SCARD t"), bench.run("TTL t")),
        (":2\r\n".into(), ":3\r\n".into(), ":100\r\n".into())
    );
    assert_eq!(bench.run("COPY s s DB 3"), ":1\r\n");
    assert_eq!(bench.changes.events[0].db, 3);
    bench.db = 3;
    assert_eq!((bench.run("SCARD s"), bench.run("TTL s")), (":2\r\n".into(), ":100\r\n".into()));
    assert_eq!(bench.run("COPY none s"), ":0\r\n");
}

#[test]
fn moving_between_databases() {
    let mut bench = bench(&["SET k v", "EXPIRE k 100"]);
    assert_eq!(bench.run("MOVE k 2"), ":1\r\n");
    assert_eq!((bench.events().as_str(), bench.changes.dirty), ("move_from k, move_to k", 1));
    let touched: Vec<usize> = bench.changes.touched.iter().map(|(db, _)| *db).collect();
    assert_eq!(touched, [0, 2]);
    assert_eq!(bench.run("MOVE k 2"), ":0\r\n");
    bench.run("SET k w");
    assert_eq!(bench.run("MOVE k 2"), ":0\r\n");
    assert_eq!(bench.run("SWAPDB 0 2"), "+OK\r\n");
    assert_eq!((bench.run("GET k"), bench.run("TTL k")), ("$1\r\nv\r\n".into(), ":100\r\n".into()));
    assert_eq!(bench.run("FLUSHDB ASYNC"), "+OK\r\n");
    assert_eq!((bench.run("DBSIZE"), bench.space.database(2).len()), (":0\r\n".into(), 1));
    assert_eq!(bench.run("FLUSHALL"), "+OK\r\n");
    assert_eq!(bench.space.database(2).len(), 0);
}

#[test]
fn what_has_expired_is_not_seen_and_scanning_removes_it() {
    let mut bench = bench(&["SET a 1", "SET b 1", "PEXPIRE b 5", "SADD c 1"]);
    bench.space.set_clock(1_005_000);
    assert_eq!(bench.run("DBSIZE"), ":3\r\n");
    assert_eq!(sorted(&bench.run("KEYS *")), ["a", "c"]);
    assert_eq!(bench.run("SCAN 0 COUNT 100 TYPE STRING"), "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n");
    assert_eq!(bench.events(), "expired b");
    assert_eq!(bench.run("DBSIZE"), ":2\r\n");
    assert_eq!(bench.run("SCAN 0 COUNT 100 TYPE nothing"), "*2\r\n$1\r\n0\r\n*0\r\n");
}

#[test]
fn reading_about_a_key_does_not_use_it() {
    let mut bench = bench(&["SET k v"]);
    bench.space.set_clock(31_000_000);
    for line in ["TYPE k", "TTL k", "EXISTS k", "OBJECT ENCODING k", "SCAN 0", "KEYS *"] {
        bench.run(line);
        assert_eq!(bench.run("OBJECT IDLETIME k"), ":30\r\n", "{line}");
    }
    bench.run("TOUCH k");
    assert_eq!(bench.run("OBJECT IDLETIME k"), ":0\r\n");
    let before = bench.space.stats;
    for line in ["TYPE k", "EXISTS k none", "TTL none", "OBJECT REFCOUNT k"] {
        bench.run(line);
    }
    assert_eq!((bench.space.stats.hits - before.hits, bench.space.stats.misses - before.misses), (3, 2));
}

#[test]
fn help_follows_from_the_declarations() {
    let mut bench = bench(&[]);
    let help = bench.run("OBJECT HELP");
    assert!(help.starts_with("*11\r\n+OBJECT <subcommand>") && help.contains("+ENCODING <key>\r\n"));
}
