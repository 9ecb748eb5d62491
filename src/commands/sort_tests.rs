//! What transcripts do not see of SORT: its bounds, what it leaves for those who repeat it, and order against a
//! plain sort.

use crate::bytes::Rng;
use crate::commands::testing::Bench;

/// The elements of a flat array reply.
fn elements(reply: &str) -> Vec<String> {
    let lines: Vec<&str> = reply.split("\r\n").collect();
    assert!(lines[0].starts_with('*'), "{reply}");
    lines[1..].chunks_exact(2).map(|pair| pair[1].to_owned()).collect()
}

#[test]
fn every_part_of_a_sorted_list_is_where_a_whole_sort_puts_it() {
    let mut rng = Rng::new(3);
    for round in 0..60 {
        let mut bench = Bench::new(round);
        let count = 1 + rng.below(120);
        let mut expected: Vec<(i64, String)> = Vec::new();
        for _ in 0..count {
            let element = format!("{}", rng.below(200));
            let weight = rng.below(20) as i64;
            bench.run(&format!("RPUSH l {element}"));
            bench.run(&format!("SET w_{element} {weight}"));
            expected.retain(|(_, other)| *other != element || round % 2 == 0);
            expected.push((weight, element));
        }
        if round % 2 == 1 {
            // No element twice: weights are unambiguous.
            bench.run("DEL l");
            for (_, element) in &expected {
                bench.run(&format!("RPUSH l {element}"));
            }
            expected.sort();
        } else {
            expected.sort_by_key(|(_, element)| element.parse::<i64>().expect("a number"));
        }
        let by = if round % 2 == 1 { "BY w_* " } else { "" };
        let (start, count) = (rng.below(130), rng.below(130));
        let whole: Vec<String> = expected.into_iter().map(|(_, element)| element).collect();
        let part: Vec<String> = whole.iter().skip(start).take(count).cloned().collect();
        assert_eq!(elements(&bench.run(&format!("SORT l {by}LIMIT {start} {count}"))), part);
        let part: Vec<String> = whole.iter().rev().skip(start).take(count).cloned().collect();
        assert_eq!(elements(&bench.run(&format!("SORT l {by}DESC LIMIT {start} {count}"))), part);
    }
}

#[test]
fn equal_weights_keep_a_list_in_its_order_and_a_set_in_that_of_its_bytes() {
    let mut bench = Bench::new(1);
    bench.run("RPUSH l d b c a");
    assert_eq!(elements(&bench.run("SORT l BY w_* ALPHA")), ["d", "b", "c", "a"]);
    assert_eq!(elements(&bench.run("SORT l BY w_* ALPHA LIMIT 1 2")), ["b", "c"]);
    assert_eq!(elements(&bench.run("SORT l BY w_* ALPHA DESC")), ["d", "b", "c", "a"]);
    bench.run("SADD s d b c a");
    assert_eq!(bench.run("SORT s BY w_* ALPHA STORE t"), ":4\r\n");
    assert_eq!(elements(&bench.run("LRANGE t 0 -1")), ["a", "b", "c", "d"]);
}

#[test]
fn storing_notes_every_element_and_stands_for_itself() {
    let mut bench = Bench::new(1);
    bench.run("RPUSH l 3 1 2");
    bench.run("SORT l STORE t");
    assert_eq!((bench.events(), bench.changes.dirty, bench.effects()), ("sortstore t".into(), 3, vec![]));
    bench.run("SORT missing STORE t");
    assert_eq!((bench.events(), bench.changes.dirty), ("del t".into(), 1));
    bench.run("SORT missing STORE t");
    assert_eq!((bench.events(), bench.changes.dirty), (String::new(), 0));
    bench.run("SORT_RO l BY w_*");
    assert_eq!(bench.changes.dirty, 0);
}

#[test]
fn reading_by_patterns_counts_and_removes_what_has_expired() {
    let mut bench = Bench::new(1);
    bench.run("RPUSH l 1 2");
    bench.run("SET w_1 5");
    bench.run("PEXPIREAT w_1 2000");
    bench.run("SET w_2 4");
    assert_eq!(elements(&bench.run("SORT l BY w_*")), ["2", "1"]);
    bench.space.set_clock(3_000_000);
    let before = bench.space.stats;
    assert_eq!(elements(&bench.run("SORT l BY w_*")), ["1", "2"]);
    let after = bench.space.stats;
    assert_eq!((after.hits - before.hits, after.misses - before.misses, after.expired - before.expired), (2, 1, 1));
}

#[test]
fn a_few_large_values_cannot_be_asked_for_without_end() {
    let mut bench = Bench::new(1);
    bench.space.limits.bulk = 1 << 20;
    let (large, many) = (vec![b'x'; 10_000], vec![b"a".as_slice(); 200]);
    bench.run_args(&[b"SET", b"v_a", &large]);
    let mut push: Vec<&[u8]> = vec![b"RPUSH", b"l"];
    push.extend(many);
    bench.run_args(&push);
    let refused = "-ERR the result of SORT exceeds maximum allowed size (proto-max-bulk-len)\r\n";
    assert_eq!(bench.run("SORT l ALPHA GET v_*"), refused);
    assert_eq!(bench.run("SORT l ALPHA GET v_* STORE t"), refused);
    assert_eq!(bench.run("EXISTS t"), ":0\r\n");
    assert_eq!(elements(&bench.run("SORT l ALPHA LIMIT 0 50 GET v_*")).len(), 50);
    let mut nothing: Vec<&[u8]> = vec![b"SORT", b"l", b"ALPHA"];
    nothing.extend([b"GET".as_slice(), b"none"].repeat(2000));
    assert_eq!(String::from_utf8_lossy(&bench.run_args(&nothing)), refused);
}
