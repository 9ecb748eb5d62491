use super::*;
use std::collections::{BTreeSet, HashMap};

fn texts(set: &Set) -> BTreeSet<Vec<u8>> {
    set.iter().map(|member| member.to_vec()).collect()
}

fn of(members: impl IntoIterator<Item = String>) -> Set {
    let mut set = Set::new();
    for member in members {
        set.add(member.as_bytes(), &Limits::default());
    }
    set
}

#[test]
fn agrees_with_a_btree_set_in_every_form() {
    for round in 0..40u64 {
        let mut rng = Rng::new(round);
        let limits = Limits { intset: [0, 5, 60, 512][rng.below(4)], ..Limits::default() };
        let (span, texts_from) = ([10usize, 100, 200, 2_000][rng.below(4)], rng.below(3_000));
        let mut set = Set::new();
        let mut model: BTreeSet<Vec<u8>> = BTreeSet::new();
        for step in 0..3_000 {
            let number = rng.below(span);
            let member = if step > texts_from && number % 7 == 0 {
                format!("{}member:{number}", "x".repeat(number % 70))
            } else {
                (number as i64 - 50).to_string()
            };
            let member = member.into_bytes();
            match rng.below(12) {
                0..=5 => assert_eq!(set.add(&member, &limits), model.insert(member)),
                6 => assert_eq!(set.add_item(Item::from(&member), &limits), model.insert(member)),
                7 | 8 => assert_eq!(set.remove(&member), model.remove(&member)),
                9 => match set.pop_random(&mut rng) {
                    Some(popped) => assert!(model.remove(&popped)),
                    None => assert!(model.is_empty()),
                },
                10 => {
                    assert_eq!(set.contains_item(Item::from(&member)), model.contains(&member));
                    match set.random(&mut rng) {
                        Some(drawn) => assert!(model.contains(&drawn.to_vec())),
                        None => assert!(model.is_empty()),
                    }
                }
                _ => assert_eq!(set.contains(&member), model.contains(&member)),
            }
            assert_eq!(set.len(), model.len());
            match set.encoding() {
                "intset" => assert!(set.len() <= limits.intset.max(1)),
                "listpack" => assert!(set.len() <= 128 && set.iter().all(|member| member.len() <= 64)),
                _ => {}
            }
        }
        assert_eq!(texts(&set), model);
        assert_eq!(set.iter().len(), model.len());
    }
}

#[test]
fn forms_change_where_redis_changes_them() {
    let numbers = |count: usize| of((0..count).map(|number| number.to_string()));
    assert_eq!(numbers(512).encoding(), "intset");
    assert_eq!(numbers(513).encoding(), "hashtable");
    let with_text = |mut set: Set, text: &str| {
        assert!(set.add(text.as_bytes(), &Limits::default()));
        set.encoding()
    };
    assert_eq!(with_text(numbers(127), "a"), "listpack");
    assert_eq!(with_text(numbers(128), "a"), "hashtable");
    assert_eq!(with_text(numbers(1), &"a".repeat(64)), "listpack");
    assert_eq!(with_text(numbers(1), &"a".repeat(65)), "hashtable");
    assert_eq!(with_text(numbers(1), "01"), "listpack");
    let words = |count: usize| of((0..count).map(|number| format!("w{number}")));
    assert_eq!(words(128).encoding(), "listpack");
    assert_eq!(with_text(words(128), "7"), "hashtable");
    // No way back up.
    let mut set = of(["1".into(), "a".into()]);
    set.remove(b"a");
    assert_eq!(set.encoding(), "listpack");
    // What an intset's own integers may not exceed in a listpack.
    let mut narrow = Limits::default();
    narrow.listpack.value = 3;
    let mut set = of(["-1000".into()]);
    set.add(b"a", &narrow);
    assert_eq!(set.encoding(), "hashtable");
    for (first, hint, form) in [
        (&b"1"[..], 512, "intset"),
        (b"1", 513, "hashtable"),
        (b"a", 128, "listpack"),
        (b"a", 129, "hashtable"),
        (b"1", 1, "intset"),
    ] {
        let mut set = Set::for_members(first, hint, &Limits::default());
        assert_eq!(set.encoding(), form);
        set.prepare(hint, &Limits::default());
        assert_eq!(set.encoding(), form);
    }
    let mut set = words(3);
    set.prepare(129, &Limits::default());
    assert_eq!((set.encoding(), set.len()), ("hashtable", 3));
}

#[test]
fn drawing_is_even_and_distinct() {
    for set in [
        of((0..20).map(|n| n.to_string())),
        of((0..20).map(|n| format!("w{n}"))),
        of((0..20).map(|n| "y".repeat(70 + n))),
    ] {
        let mut rng = Rng::new(3);
        let mut drawn: HashMap<Vec<u8>, usize> = HashMap::new();
        for _ in 0..2_000 {
            for count in [1, 5, 13] {
                let mut seen = BTreeSet::new();
                set.random_distinct(&mut rng, count, &mut |member| {
                    assert!(seen.insert(member.to_vec()));
                    *drawn.entry(member.to_vec()).or_default() += 1;
                });
                assert_eq!(seen.len(), count);
            }
        }
        assert!(drawn.values().all(|count| (1_700..2_100).contains(count)), "{}: {drawn:?}", set.encoding());
        let mut all = 0;
        set.random_distinct(&mut rng, 1_000, &mut |_| all += 1);
        assert_eq!(all, 20);
    }
}

#[test]
fn popping_many_takes_exactly_that_many() {
    for make in [
        |size: usize| of((0..size).map(|n| n.to_string())),
        |size: usize| of((0..size).map(|n| format!("w{n}"))),
        |size: usize| of((0..size).map(|n| format!("{}{n}", "z".repeat(65)))),
    ] {
        for size in [1usize, 10, 100, 500] {
            for count in [0usize, 1, 5, 9, 60, 90, 99, 495, 500, 1_000] {
                let mut set = make(size);
                let mut all = texts(&set);
                let mut popped = 0;
                let mut rng = Rng::new(count as u64);
                set.pop_many(&mut rng, count, &Limits::default(), &mut |member| {
                    assert!(all.remove(&member.to_vec()));
                    popped += 1;
                });
                assert_eq!(popped, count.min(size));
                assert_eq!(texts(&set), all);
            }
        }
    }
}

#[test]
fn scanned_and_freed_piecemeal() {
    let mut set = of((0..3_000).map(|n| format!("w{n}")));
    let (mut cursor, mut seen) = (0, BTreeSet::new());
    loop {
        cursor = set.scan(cursor, 7, &mut |member| assert!(seen.insert(member.to_vec())));
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen, texts(&set));
    let (whole, sampled) = (set.heap_bytes(0), set.heap_bytes(5));
    assert!(whole > 3_000 * 8 && sampled.abs_diff(whole) < whole / 4);
    assert!(!set.free_some(500) && set.len() < 3_000);
    while !set.free_some(500) {}
    assert_eq!((set.len(), set.heap_bytes(0)), (0, 0));
    let mut small = of((0..30).map(|n| n.to_string()));
    let mut visited = 0;
    assert_eq!(small.scan(77, 1, &mut |_| visited += 1), 0);
    assert_eq!(visited, 30);
    assert!(small.free_some(1));
}
