use crate::bytes::Rng;
use crate::commands::testing::{sorted, Bench};
use std::collections::{BTreeMap, BTreeSet};

fn bench(lines: &[&str]) -> Bench {
    let mut bench = Bench::new(7);
    lines.iter().for_each(|line| drop(bench.run(line)));
    bench
}

type Model = BTreeMap<String, BTreeSet<String>>;

fn of(model: &Model, key: &str) -> BTreeSet<String> {
    model.get(key).cloned().unwrap_or_default()
}

fn put(model: &mut Model, key: &str, set: BTreeSet<String>) {
    if set.is_empty() {
        model.remove(key);
    } else {
        model.insert(key.into(), set);
    }
}

/// The result of an operation over keys, and its reply in an implementation that is nothing but sets.
fn combine(model: &Model, operation: &str, keys: &[String]) -> BTreeSet<String> {
    keys[1..].iter().fold(of(model, &keys[0]), |sum, key| match operation {
        "INTER" => &sum & &of(model, key),
        "UNION" => &sum | &of(model, key),
        _ => &sum - &of(model, key),
    })
}

#[test]
fn random_commands_agree_with_std_sets() {
    for seed in 0..8 {
        let mut rng = Rng::new(seed);
        let mut bench = Bench::new(seed);
        let mut model = Model::new();
        // Some runs stay in one form, others cross all borders.
        let span = [6, 40, 200, 900][rng.below(4)];
        let texts = rng.below(3) == 0;
        for _ in 0..1_000 {
            let key = |rng: &mut Rng| format!("k{}", rng.below(4));
            let member = |rng: &mut Rng| {
                let number = rng.below(span);
                if texts && number % 5 == 0 {
                    format!("m{number}")
                } else {
                    number.to_string()
                }
            };
            let (name, other) = (key(&mut rng), key(&mut rng));
            let members: BTreeSet<String> = (0..1 + rng.below(span / 2)).map(|_| member(&mut rng)).collect();
            let list = members.iter().cloned().collect::<Vec<_>>().join(" ");
            match rng.below(12) {
                0..=2 => {
                    let before = of(&model, &name);
                    let added = (&members - &before).len();
                    assert_eq!(bench.run(&format!("SADD {name} {list}")), format!(":{added}\r\n"));
                    put(&mut model, &name, &before | &members);
                }
                3 => {
                    let before = of(&model, &name);
                    let removed = (&members & &before).len();
                    assert_eq!(bench.run(&format!("SREM {name} {list}")), format!(":{removed}\r\n"));
                    put(&mut model, &name, &before - &members);
                }
                4 => {
                    let moved = member(&mut rng);
                    let there = of(&model, &name).contains(&moved);
                    assert_eq!(bench.run(&format!("SMOVE {name} {other} {moved}")), format!(":{}\r\n", there as u8));
                    if there {
                        let mut source = of(&model, &name);
                        source.remove(&moved);
                        put(&mut model, &name, source);
                        model.entry(other).or_default().insert(moved);
                    }
                }
                5 => {
                    let count = rng.below(12);
                    let popped: BTreeSet<String> =
                        sorted(&bench.run(&format!("SPOP {name} {count}"))).into_iter().collect();
                    let before = of(&model, &name);
                    assert_eq!(popped.len(), count.min(before.len()));
                    assert!(popped.is_subset(&before));
                    put(&mut model, &name, &before - &popped);
                }
                6 => {
                    let count = rng.below(20);
                    let drawn = sorted(&bench.run(&format!("SRANDMEMBER {name} {count}")));
                    let distinct: BTreeSet<String> = drawn.iter().cloned().collect();
                    assert_eq!((drawn.len(), distinct.len()), (distinct.len(), count.min(of(&model, &name).len())));
                    assert!(distinct.is_subset(&of(&model, &name)));
                }
                operation => {
                    let operation = ["INTER", "UNION", "DIFF"][operation % 3];
                    let keys: Vec<String> = (0..1 + rng.below(4)).map(|_| key(&mut rng)).collect();
                    let result = combine(&model, operation, &keys);
                    let list = keys.join(" ");
                    let answered = sorted(&bench.run(&format!("S{operation} {list}")));
                    let mut expected: Vec<String> = result.iter().cloned().collect();
                    expected.sort();
                    assert_eq!(answered, expected, "{operation} {list}");
                    if operation == "INTER" {
                        let limit = rng.below(5);
                        let most = if limit == 0 { usize::MAX } else { limit };
                        let reply = bench.run(&format!("SINTERCARD {} {list} LIMIT {limit}", keys.len()));
                        assert_eq!(reply, format!(":{}\r\n", result.len().min(most)));
                    }
                    if rng.below(3) == 0 {
                        let reply = bench.run(&format!("S{operation}STORE {other} {list}"));
                        assert_eq!(reply, format!(":{}\r\n", result.len()));
                        put(&mut model, &other, result);
                    }
                }
            }
            assert_eq!(bench.run(&format!("SCARD {name}")), format!(":{}\r\n", of(&model, &name).len()));
            assert_eq!(bench.run(&format!("EXISTS {name}")), format!(":{}\r\n", model.contains_key(&name) as u8));
        }
        for (name, members) in &model {
            let expected: Vec<String> = members.iter().cloned().collect();
            assert_eq!(sorted(&bench.run(&format!("SMEMBERS {name}"))), expected);
        }
    }
}

#[test]
fn effects_of_pops_reproduce_them() {
    let mut bench = bench(&[]);
    let members: Vec<String> = (0..5_000).map(|n| format!("m{n}")).collect();
    bench.run(&format!("SADD s {}", members.join(" ")));
    let mut replica = Bench::new(99);
    replica.run(&format!("SADD s {}", members.join(" ")));
    for line in ["SPOP s", "SPOP s 3", "SPOP s 2500", "SPOP s 1", "SPOP s 2400"] {
        bench.run(line);
        let effects = bench.effects();
        assert!(!effects.is_empty() && effects.iter().all(|effect| effect.starts_with("SREM s ")));
        effects.iter().for_each(|effect| drop(replica.run(effect)));
        assert_eq!(sorted(&bench.run("SMEMBERS s")), sorted(&replica.run("SMEMBERS s")));
    }
    bench.run("SPOP s 2500");
    assert_eq!((bench.effects(), bench.events().as_str()), (vec!["DEL s".to_string()], "spop s, del s"));
    assert_eq!(bench.changes.dirty, 95);
    assert_eq!(bench.run("EXISTS s"), ":0\r\n");
}

#[test]
fn events_and_counts_of_changes() {
    let mut bench = bench(&["SADD a 1 2 3", "SADD b 3"]);
    for (line, events, dirty) in [
        ("SADD a 3", "", 0),
        ("SADD a 4 5", "sadd a", 2),
        ("SREM a 9", "", 0),
        ("SREM a 4 5", "srem a", 2),
        ("SMOVE a b 9", "", 0),
        ("SMOVE a a 1", "", 0),
        ("SMOVE a b 3", "srem a", 1),
        ("SMOVE b c 3", "srem b, del b, sadd c", 2),
        ("SPOP c", "spop c, del c", 1),
        ("SINTERSTORE d a none", "", 0),
        ("SUNIONSTORE d a none", "sunionstore d", 1),
        ("SDIFFSTORE d d a", "del d", 1),
        ("SPOP a 1", "spop a", 1),
        ("SRANDMEMBER a", "", 0),
        ("SREM a 1 2", "srem a, del a", 1),
    ] {
        bench.run(line);
        assert_eq!((bench.events().as_str(), bench.changes.dirty), (events, dirty), "{line}");
    }
}

#[test]
fn storing_replaces_other_types_and_forgets_the_expiry() {
    let mut bench = bench(&["SET d x", "EXPIRE d 100", "SADD a 1 2"]);
    assert_eq!(bench.run("SUNIONSTORE d a"), ":2\r\n");
    assert_eq!((bench.run("TTL d"), bench.run("TYPE d")), (":-1\r\n".into(), "+set\r\n".into()));
    bench.run("SET d x");
    assert_eq!(bench.run("SINTERSTORE d a none"), ":0\r\n");
    assert_eq!(bench.run("EXISTS d"), ":0\r\n");
}

#[test]
fn results_take_the_most_compact_form() {
    let mut bench = bench(&["SADD ints 1 2 3", "SADD mixed 1 2 a"]);
    let many: Vec<String> = (0..600).map(|n| n.to_string()).collect();
    bench.run(&format!("SADD many {}", many.join(" ")));
    for (line, form) in [
        ("SINTERSTORE d mixed ints", "intset"),
        ("SINTERSTORE d many ints", "intset"),
        ("SUNIONSTORE d mixed ints", "listpack"),
        ("SUNIONSTORE d many", "hashtable"),
        ("SDIFFSTORE d mixed ints", "listpack"),
    ] {
        bench.run(line);
        assert!(bench.run("OBJECT ENCODING d").contains(form), "{line}");
    }
    // Popping nearly all leaves a set made anew.
    bench.run("SPOP many 590");
    assert!(bench.run("OBJECT ENCODING many").contains("listpack"));
}

#[test]
fn resp3_answers_sets_where_redis_does() {
    let mut bench = bench(&["SADD s a"]);
    bench.resp3 = true;
    for (line, reply) in [
        ("SMEMBERS s", "~1\r\n$1\r\na\r\n"),
        ("SMEMBERS none", "~0\r\n"),
        ("SINTER s", "~1\r\n$1\r\na\r\n"),
        ("SUNION none", "~0\r\n"),
        ("SDIFF s none", "~1\r\n$1\r\na\r\n"),
        ("SRANDMEMBER s 1", "*1\r\n$1\r\na\r\n"),
        ("SRANDMEMBER none", "_\r\n"),
        ("SRANDMEMBER none 1", "*0\r\n"),
        ("SSCAN s 0", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n"),
        ("SPOP s 0", "~0\r\n"),
        ("SPOP s 1", "~1\r\n$1\r\na\r\n"),
        ("SPOP s", "_\r\n"),
    ] {
        assert_eq!(bench.run(line), reply, "{line}");
    }
}

#[test]
fn hostile_counts_are_refused_before_they_cost_memory() {
    let mut bench = bench(&["SADD s a", "SADD long x"]);
    bench.run(&format!("SADD long {}", "y".repeat(10_000)));
    for count in ["-9223372036854775807", "-4611686018427387904", "-100000000"] {
        assert_eq!(bench.run(&format!("SRANDMEMBER s {count}")), "-ERR value is out of range\r\n");
    }
    assert_eq!(bench.run("SRANDMEMBER long -100000"), "-ERR value is out of range\r\n");
    assert_eq!(bench.run("SRANDMEMBER s -3"), "*3\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n");
    assert_eq!(bench.run("SPOP s 9223372036854775807"), "*1\r\n$1\r\na\r\n");
    assert_eq!(
        bench.run("SINTERCARD 9223372036854775807 s"),
        "-ERR Number of keys can't be greater than number of args\r\n"
    );
}
