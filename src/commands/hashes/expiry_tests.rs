//! Fields that expire: effects, events, slices, and random commands against a model with the clock moved by hand. The
//! replies are in the transcripts.

use crate::bytes::Rng;
use crate::commands::testing::Bench;
use std::collections::BTreeMap;

/// Milliseconds since 1970 of a fresh [`Bench`].
const START: i64 = 1000;

fn at(bench: &mut Bench, millis: i64) {
    bench.space.set_clock(millis * 1000);
}

/// The argument vectors of removals, a line each.
fn removals(bench: &Bench) -> Vec<String> {
    let lines = bench.changes.removals.iter().map(|effect| effect.argv.join(&b' '));
    lines.map(|line| String::from_utf8_lossy(&line).into_owned()).collect()
}

#[test]
fn an_expiry_is_told_as_an_instant_and_of_the_fields_that_got_it() {
    let mut bench = Bench::new(1);
    bench.run("HSET h a 1 b 2 c 3");
    for (line, events, effects) in [
        ("HEXPIRE h 10 FIELDS 2 a x", "hexpire h", &["HPEXPIREAT h 11000 FIELDS 1 a"][..]),
        ("HPEXPIRE h 500 GT FIELDS 2 a b", "", &[]),
        ("HPEXPIREAT h 20000 NX FIELDS 3 a b c", "hexpire h", &["HPEXPIREAT h 20000 FIELDS 2 b c"]),
        ("HINCRBYFLOAT h a 0.5", "hincrbyfloat h", &["HSETEX h KEEPTTL FIELDS 1 a 1.5"]),
        ("HINCRBY h b 1", "hincrby h", &[]),
        ("HPERSIST h FIELDS 2 b x", "hpersist h", &[]),
        ("HGETEX h PX 5 FIELDS 2 b x", "hexpire h", &["HPEXPIREAT h 1005 FIELDS 1 b"]),
        ("HGETEX h PERSIST FIELDS 2 b b", "hpersist h", &["HPERSIST h FIELDS 1 b"]),
        ("HGETEX h FIELDS 1 b", "", &[]),
        ("HGETDEL h FIELDS 2 b x", "hdel h", &["HDEL h b"]),
        ("HSETEX h FXX EX 1 FIELDS 1 c 9", "hset h, hexpire h", &["HSETEX h PXAT 2000 FIELDS 1 c 9"]),
        ("HSETEX h FXX EX 1 FIELDS 1 y 9", "", &[]),
        ("HSETEX h KEEPTTL FIELDS 1 c 8", "hset h", &["HSETEX h KEEPTTL FIELDS 1 c 8"]),
        ("HSETEX h FIELDS 1 c 7", "hset h", &["HSETEX h FIELDS 1 c 7"]),
        ("HSETEX h EXAT 1 FIELDS 2 c 7 d 8", "hset h, hdel h", &["HDEL h c d"]),
        ("HEXPIREAT h 0 FIELDS 2 a x", "hdel h, del h", &["HDEL h a"]),
        ("HSETEX h PXAT 1 FIELDS 1 a 1", "hset h, hdel h, del h", &["HDEL h a"]),
    ] {
        let reply = bench.run(line);
        assert!(!reply.starts_with('-'), "{line}: {reply}");
        assert_eq!((bench.events(), bench.effects()), (events.to_owned(), effects.iter().map(|&e| e.into()).collect()));
        let changes = !events.is_empty();
        assert_eq!((bench.changes.dirty > 0, !bench.changes.touched.is_empty()), (changes, changes), "{line}");
    }
    assert!(!bench.space.keys(0).exists(b"h"));
    assert_eq!((bench.space.database(0).timed(), bench.space.next_expiry()), (0, None));
}

#[test]
fn due_fields_are_removed_by_whatever_looks_at_the_key() {
    for line in
        ["HGET h keep", "HLEN h", "EXISTS h", "TYPE h", "HSET h z 1", "OBJECT ENCODING h", "RENAME h g", "HDEL h a"]
    {
        let mut bench = Bench::new(1);
        bench.run("HSET h a 1 b 2 keep 3");
        bench.run("HPEXPIRE h 50 FIELDS 2 a b");
        at(&mut bench, START + 49);
        bench.run("HLEN h");
        assert!(removals(&bench).is_empty());
        at(&mut bench, START + 50);
        bench.run(line);
        // Fields of one instant expire in the order that the listpack has them in.
        assert_eq!(removals(&bench), ["HDEL h b a"], "{line}");
        assert!(bench.events().starts_with("hexpired h"), "{line}");
        assert_eq!(bench.space.stats.expired_fields, 2);
    }
}

#[test]
fn the_last_field_takes_the_key_along() {
    let mut bench = Bench::new(1);
    bench.run("HSET h a 1 b 2");
    bench.run("HPEXPIRE h 50 FIELDS 2 a b");
    at(&mut bench, START + 50);
    assert_eq!(bench.run("HLEN h"), ":0\r\n");
    assert_eq!((bench.events().as_str(), removals(&bench)), ("hexpired h, del h", vec!["HDEL h b a".to_owned()]));
    assert_eq!((bench.space.database(0).len(), bench.space.database(0).timed()), (0, 0));
    // A hash made anew is a plain one.
    bench.run("HSET h a 1");
    assert_eq!(bench.run("OBJECT ENCODING h"), "$8\r\nlistpack\r\n");
}

#[test]
fn hashes_with_expiring_fields_are_counted_wherever_they_go() {
    let mut bench = Bench::new(1);
    let timed = |bench: &Bench| (bench.space.database(0).timed(), bench.space.database(1).timed());
    for (line, count) in [
        ("HSETEX h PX 100 FIELDS 1 a 1", (1, 0)),
        ("HPEXPIRE h 200 FIELDS 1 a", (1, 0)),
        ("HPERSIST h FIELDS 1 a", (1, 0)),
        ("HSETEX g PX 100 FIELDS 1 a 1", (2, 0)),
        ("RENAME g f", (2, 0)),
        ("COPY f g", (3, 0)),
        ("COPY f g DB 1", (3, 1)),
        ("MOVE h 1", (2, 2)),
        ("SET f text", (1, 2)),
        ("RENAME f g", (0, 2)),
        ("SWAPDB 0 1", (2, 0)),
        ("HGETDEL g FIELDS 1 a", (1, 0)),
        ("HSET h b 1", (1, 0)),
        ("DEL h", (0, 0)),
    ] {
        assert!(!bench.run(line).starts_with('-'), "{line}");
        assert_eq!(timed(&bench), count, "{line}");
    }
    assert_eq!(bench.space.next_expiry(), None);
    bench.run("HSETEX g PX 100 FIELDS 1 a 1");
    bench.run("FLUSHALL");
    assert_eq!((timed(&bench), bench.space.next_expiry()), ((0, 0), None));
}

#[test]
fn expiries_go_along_with_copies_and_names() {
    let mut bench = Bench::new(1);
    bench.run("HSETEX h PX 100 FIELDS 1 a 1");
    bench.run("HSET h b 1");
    bench.run("COPY h g");
    bench.run("RENAME h f");
    at(&mut bench, START + 60);
    assert_eq!(bench.run("HPTTL g FIELDS 2 a b"), "*2\r\n:40\r\n:-1\r\n");
    assert_eq!(bench.run("HPTTL f FIELDS 2 a b"), "*2\r\n:40\r\n:-1\r\n");
    at(&mut bench, START + 100);
    assert_eq!(bench.run("HGETALL g"), "*2\r\n$1\r\nb\r\n$1\r\n1\r\n");
    while bench.space.expire_some(100) {}
    assert_eq!(bench.space.keys(0).held(b"f").map(crate::keyspace::ValueRef::len), Some(1));
}

#[test]
fn active_expiry_finds_fields_in_slices_and_nothing_else() {
    let mut bench = Bench::new(1);
    for key in 0..300 {
        for field in 0..20 {
            bench.run(&format!("HSET hash:{key} {field} x"));
        }
        bench.run(&format!("HPEXPIRE hash:{key} {} FIELDS 3 1 2 3", if key % 2 == 0 { 10 } else { 1_000_000 }));
        bench.run(&format!("SET other:{key} x"));
    }
    assert_eq!(bench.space.next_expiry(), Some(START + 10));
    at(&mut bench, START + 10);
    let mut slices = 1;
    while bench.space.expire_some(50) {
        slices += 1;
        assert!(slices < 1000);
    }
    assert!(slices > 5, "{slices}");
    assert_eq!((bench.space.stats.expired_fields, bench.space.database(0).timed()), (450, 300));
    assert_eq!(bench.space.next_expiry(), Some(START + 1_000_000));
    assert_eq!(bench.run("HLEN hash:0"), ":17\r\n");
    assert_eq!(bench.run("HLEN hash:1"), ":20\r\n");
}

/// A hash of 5,000 fields, half of which are due.
fn crowded() -> Bench {
    let mut bench = Bench::new(1);
    let mut set: Vec<Vec<u8>> = vec![b"HSET".to_vec(), b"h".to_vec()];
    (0..5000).for_each(|i| set.extend([format!("{i}").into_bytes(), b"1".to_vec()]));
    let mut expire = vec![b"HPEXPIRE".to_vec(), b"h".to_vec(), b"10".to_vec(), b"FIELDS".to_vec(), b"2500".to_vec()];
    (0..2500).for_each(|i| expire.push(format!("{i}").into_bytes()));
    for argv in [set, expire] {
        bench.run_args(&argv.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
    at(&mut bench, START + 10);
    bench
}

#[test]
fn many_due_fields_go_in_slices_and_nobody_sees_them_meanwhile() {
    let gone = |bench: &Bench| bench.space.stats.expired_fields;
    let mut bench = crowded();
    // Of hidden fields only their number shows, as it does in Redis.
    assert_eq!((bench.run("HLEN h"), gone(&bench)), (":4900\r\n".into(), 100));
    for field in [0, 1000, 2499] {
        let mut bench = crowded();
        for (line, reply) in [
            (format!("HGET h {field}"), "$-1\r\n"),
            (format!("HEXISTS h {field}"), ":0\r\n"),
            (format!("HSTRLEN h {field}"), ":0\r\n"),
            (format!("HMGET h {field} 2500"), "*2\r\n$-1\r\n$1\r\n1\r\n"),
            (format!("HTTL h FIELDS 2 {field} 2500"), "*2\r\n:-2\r\n:-1\r\n"),
        ] {
            assert_eq!(bench.run(&line), reply, "{line}");
        }
        assert_eq!(gone(&bench), 500);
        for (line, reply) in [
            (format!("HSETNX h {field} 5"), ":1\r\n"),
            (format!("HSET h {field} 5"), ":1\r\n"),
            (format!("HINCRBY h {field} 5"), ":5\r\n"),
            (format!("HINCRBYFLOAT h {field} 5"), "$1\r\n5\r\n"),
            (format!("HDEL h {field} 2500"), ":1\r\n"),
            (format!("HPERSIST h FIELDS 1 {field}"), "*1\r\n:-2\r\n"),
            (format!("HEXPIRE h 5 FIELDS 1 {field}"), "*1\r\n:-2\r\n"),
            (format!("HGETEX h EX 5 FIELDS 1 {field}"), "*1\r\n$-1\r\n"),
            (format!("HGETDEL h FIELDS 1 {field}"), "*1\r\n$-1\r\n"),
            (format!("HSETEX h FXX FIELDS 1 {field} x"), ":0\r\n"),
            (format!("HSETEX h KEEPTTL FIELDS 1 {field} x"), ":1\r\n"),
        ] {
            let mut bench = crowded();
            assert_eq!(bench.run(&line), reply, "{line}");
            let told: usize = removals(&bench).iter().map(|line| line.split(' ').count() - 2).sum();
            assert_eq!(told as u64, gone(&bench), "{line}");
            assert!((100..2500).contains(&told), "{line}: {told}");
            assert!(removals(&bench).iter().any(|line| line.split(' ').any(|name| name == field.to_string())));
        }
    }
    for line in ["HGETALL h", "HKEYS h", "HVALS h", "HSCAN h 0 COUNT 100000", "HRANDFIELD h 5000"] {
        let mut bench = crowded();
        let elements = bench.run(line).matches('$').count();
        assert_eq!(elements, if line == "HGETALL h" { 5000 } else { 2500 + line.contains("SCAN") as usize * 2501 });
        assert_eq!(gone(&bench), if line.starts_with("HR") { 2500 } else { 100 }, "{line}");
    }
    let mut bench = crowded();
    let mut slices = 1;
    while bench.space.expire_some(100) {
        slices += 1;
    }
    assert!((8..30).contains(&slices), "{slices}");
    assert_eq!((gone(&bench), bench.space.backlog, bench.run("HLEN h").as_str()), (2500, false, ":2500\r\n"));
}

type Model = BTreeMap<String, BTreeMap<String, (String, Option<i64>)>>;

/// What a keyspace holds, with all expiries.
fn contents(bench: &mut Bench) -> Model {
    let mut found = Model::new();
    for entry in bench.space.database(0).iter() {
        let crate::keyspace::ValueRef::Hash(hash) = entry.value() else { panic!("only hashes here") };
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        let fields = hash.entries().map(|(name, value, at)| (text(name.to_vec()), (text(value.to_vec()), at)));
        found.insert(text(entry.key().to_vec()), fields.collect());
    }
    found
}

/// Repeats on `replica`, whose clock stands still, what the last command of `bench` changed.
fn repeat(bench: &Bench, line: &str, replica: &mut Bench) {
    let changes = &bench.changes;
    let told = changes.removals.iter().chain(&changes.effects);
    for effect in told {
        let argv: Vec<&[u8]> = effect.argv.iter().map(|arg| &arg[..]).collect();
        replica.run_args(&argv);
    }
    if changes.dirty > 0 && changes.effects.is_empty() {
        replica.run(line);
    }
}

#[test]
fn random_commands_against_a_model_and_their_effects_on_a_replica() {
    for seed in 0..40 {
        let mut rng = Rng::new(seed);
        let (mut bench, mut replica, mut model) = (Bench::new(seed), Bench::new(seed + 1), Model::new());
        at(&mut replica, 0);
        let entries = [2, 8, 512][rng.below(3)];
        bench.space.limits.hash.entries = entries;
        replica.space.limits.hash.entries = entries;
        let mut now = START;
        for _ in 0..600 {
            let (key, name) = (format!("h{}", rng.below(3)), format!("f{}", rng.below(8)));
            let (after, value) = (rng.below(120) as i64, rng.below(100).to_string());
            let fields = model.entry(key.clone()).or_default();
            let present = fields.get(&name).cloned();
            let flag = |yes: bool| format!(":{}\r\n", yes as u8);
            let deadline = Some(now + after).filter(|_| after > 0);
            let text = |value: &Option<(String, Option<i64>)>| match value {
                Some((value, _)) => format!("${}\r\n{value}\r\n", value.len()),
                None => "$-1\r\n".to_owned(),
            };
            // Sets an expiry, or removes the field where it is past.
            let expire = |fields: &mut BTreeMap<String, (String, Option<i64>)>| match deadline {
                Some(_) => fields.get_mut(&name).expect("a field").1 = deadline,
                None => drop(fields.remove(&name)),
            };
            let (line, reply) = match rng.below(13) {
                0 => {
                    fields.insert(name.clone(), (value.clone(), None));
                    (format!("HSET {key} {name} {value}"), flag(present.is_none()))
                }
                1 => {
                    fields.entry(name.clone()).or_insert((value.clone(), None));
                    (format!("HSETNX {key} {name} {value}"), flag(present.is_none()))
                }
                2 => {
                    fields.remove(&name);
                    (format!("HDEL {key} {name}"), flag(present.is_some()))
                }
                3 => {
                    let sum = present.as_ref().map_or(0, |(held, _)| held.parse::<i64>().expect("a number")) + 1;
                    fields.insert(name.clone(), (sum.to_string(), present.and_then(|(_, at)| at)));
                    (format!("HINCRBY {key} {name} 1"), format!(":{sum}\r\n"))
                }
                4 => {
                    let sum = present.as_ref().map_or(0, |(held, _)| held.parse::<i64>().expect("a number")) + 1;
                    let field = (sum.to_string(), present.and_then(|(_, at)| at));
                    let reply = text(&Some(field.clone()));
                    fields.insert(name.clone(), field);
                    (format!("HINCRBYFLOAT {key} {name} 1"), reply)
                }
                5 | 6 => {
                    let condition = rng.below(5);
                    let held = present.as_ref().and_then(|(_, at)| *at);
                    let allowed = match condition {
                        0 => held.is_none(),
                        1 => held.is_some(),
                        2 => held.is_some_and(|held| now + after > held),
                        3 => held.is_none_or(|held| now + after < held),
                        _ => true,
                    };
                    let word = [" NX", " XX", " GT", " LT", ""][condition];
                    let answer = match (&present, allowed, deadline) {
                        (None, ..) => -2,
                        (_, false, _) => 0,
                        (.., None) => 2,
                        (.., Some(_)) => 1,
                    };
                    if answer > 0 {
                        expire(fields);
                    }
                    (format!("HPEXPIRE {key} {after}{word} FIELDS 1 {name}"), format!("*1\r\n:{answer}\r\n"))
                }
                7 => {
                    let answer = match &present {
                        None => -2,
                        Some((_, None)) => -1,
                        Some((_, Some(_))) => 1,
                    };
                    if answer == 1 {
                        fields.get_mut(&name).expect("a field").1 = None;
                    }
                    (format!("HPERSIST {key} FIELDS 1 {name}"), format!("*1\r\n:{answer}\r\n"))
                }
                8 => {
                    let left = match &present {
                        None => -2,
                        Some((_, at)) => at.map_or(-1, |at| at - now),
                    };
                    (format!("HPTTL {key} FIELDS 1 {name}"), format!("*1\r\n:{left}\r\n"))
                }
                9 => {
                    if present.is_some() {
                        expire(fields);
                    }
                    (format!("HGETEX {key} PX {after} FIELDS 1 {name}"), format!("*1\r\n{}", text(&present)))
                }
                10 => {
                    fields.remove(&name);
                    (format!("HGETDEL {key} FIELDS 1 {name}"), format!("*1\r\n{}", text(&present)))
                }
                11 => {
                    let kind = rng.below(4);
                    let (wanted, keep) = ([None, Some(true), Some(false), None][kind], kind == 3);
                    let met = wanted.is_none_or(|wanted| wanted == present.is_some());
                    if met && keep {
                        fields.insert(name.clone(), (value.clone(), present.and_then(|(_, at)| at)));
                    } else if met {
                        fields.insert(name.clone(), (value.clone(), None));
                        expire(fields);
                    }
                    let words = ["", "FXX ", "FNX ", "KEEPTTL "][kind];
                    let time = if keep { String::new() } else { format!("PX {after} ") };
                    (format!("HSETEX {key} {words}{time}FIELDS 1 {name} {value}"), flag(met))
                }
                _ => {
                    let count = fields.len();
                    (format!("HLEN {key}"), format!(":{count}\r\n"))
                }
            };
            assert_eq!(bench.run(&line), reply, "seed {seed}, at {now}: {line}");
            repeat(&bench, &line, &mut replica);
            model.retain(|_, fields| !fields.is_empty());
            if rng.below(3) == 0 {
                now += rng.below(40) as i64;
                at(&mut bench, now);
                for fields in model.values_mut() {
                    fields.retain(|_, (_, at)| at.is_none_or(|at| at > now));
                }
                model.retain(|_, fields| !fields.is_empty());
            }
            if rng.below(10) == 0 {
                while bench.space.expire_some(1 + rng.below(50)) {}
                bench.changes = std::mem::take(&mut bench.space.changes);
                repeat(&bench, "", &mut replica);
                bench.run("EXISTS x");
                assert_eq!(contents(&mut bench), model);
                assert_eq!(contents(&mut replica), model);
                assert!(bench.space.next_expiry().is_none_or(|at| at > now));
            }
        }
    }
}
