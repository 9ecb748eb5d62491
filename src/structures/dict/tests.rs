use super::*;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};

thread_local! {
    static MOVED: Cell<usize> = const { Cell::new(0) };
}

/// Called wherever items are moved between tables.
pub(super) fn moved(items: usize) {
    MOVED.with(|count| count.set(count.get() + items));
}

fn moved_by(work: impl FnOnce()) -> usize {
    MOVED.with(|count| count.set(0));
    work();
    MOVED.with(|count| count.get())
}

#[derive(Clone, Debug, PartialEq)]
struct Pair(Vec<u8>, u64);

impl Keyed for Pair {
    fn key(&self) -> &[u8] {
        &self.0
    }
}

fn key(number: usize) -> Vec<u8> {
    format!("key:{number}").into_bytes()
}

fn check<T: Keyed>(dict: &Dict<T>) {
    if let Form::Many(directory) = &dict.form {
        directory.check(dict.seed);
    }
    assert_eq!(dict.iter().count(), dict.len());
    assert_eq!(dict.iter().len(), dict.len());
}

#[test]
fn agrees_with_a_std_map() {
    for (seed, span) in [(1u64, 20usize), (2, 600), (3, 5_000)] {
        let mut rng = Rng::new(seed);
        let mut dict: Dict<Pair> = Dict::new(seed);
        let mut model: HashMap<Vec<u8>, u64> = HashMap::new();
        for step in 0..60_000u64 {
            // Phases of growth and decline, so that splits and merges both happen often.
            let growing = step / 8_000 % 2 == 0;
            let name = key(rng.below(span));
            match rng.below(10) {
                0 => assert_eq!(dict.get(&name).map(|pair| pair.1), model.get(&name).copied()),
                1 => {
                    let (pair, created) = dict.get_or_insert_with(&name, || Pair(name.clone(), step));
                    assert_eq!(created, !model.contains_key(&name));
                    pair.1 += 1;
                    *model.entry(name).or_insert(step) += 1;
                }
                2..=7 if growing => {
                    let old = dict.insert(Pair(name.clone(), step));
                    assert_eq!(old.map(|pair| pair.1), model.insert(name, step));
                }
                8 if !growing => {
                    let popped = dict.pop_any();
                    assert_eq!(popped.is_none(), model.is_empty());
                    if let Some(Pair(name, value)) = popped {
                        assert_eq!(model.remove(&name), Some(value));
                    }
                }
                _ => assert_eq!(dict.remove(&name).map(|pair| pair.1), model.remove(&name)),
            }
            assert_eq!(dict.len(), model.len());
            if step % 500 == 0 {
                check(&dict);
            }
        }
        for Pair(name, value) in dict.iter() {
            assert_eq!(model.get(name), Some(value));
        }
    }
}

#[test]
fn a_scan_visits_all_that_stays_exactly_once() {
    for seed in 0..30u64 {
        let mut rng = Rng::new(seed);
        let mut dict: Dict<Vec<u8>> = Dict::new(seed);
        let stay = [0usize, 3, 400, 3_000][rng.below(4)];
        for number in 0..stay {
            dict.insert(key(number));
        }
        for number in 0..rng.below(6_000) {
            dict.insert(key(100_000 + number));
        }
        let shrinking = rng.below(2) == 0;
        let mut seen: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut cursor = 0;
        loop {
            let count = 1 + rng.below(200);
            let mut visited = 0;
            cursor = dict.scan(cursor, count, &mut |item| {
                visited += 1;
                *seen.entry(item.clone()).or_default() += 1;
            });
            assert!(visited <= count);
            if cursor == 0 {
                break;
            }
            assert!(visited > 0 && cursor < 1 << CURSOR_BITS);
            for _ in 0..rng.below(400) {
                let passing = key(100_000 + rng.below(8_000));
                if rng.below(8) < if shrinking { 1 } else { 6 } {
                    dict.insert(passing);
                } else {
                    dict.remove(&passing);
                }
            }
        }
        for number in 0..stay {
            assert_eq!(seen.get(&key(number)), Some(&1), "seed {seed}, item {number}");
        }
        check(&dict);
    }
}

#[test]
fn hostile_cursors_are_safe_and_finish() {
    let mut rng = Rng::new(9);
    for items in [0usize, 1, 300, 5_000] {
        let mut dict: Dict<Vec<u8>> = Dict::new(5);
        (0..items).for_each(|number| drop(dict.insert(key(number))));
        for edge in [1, u64::MAX, 1 << CURSOR_BITS, (1 << CURSOR_BITS) - 1, 1 << 63] {
            dict.scan(edge, usize::MAX, &mut |_| {});
            assert_eq!(dict.scan(edge, usize::MAX, &mut |_| {}), 0);
        }
        for _ in 0..1_000 {
            let cursor = rng.next_u64() >> rng.below(64);
            let next = dict.scan(cursor, rng.below(50), &mut |_| {});
            assert!(next == 0 || next > cursor);
        }
    }
}

#[test]
fn no_operation_moves_more_than_a_segment() {
    let mut dict: Dict<Vec<u8>> = Dict::new(11);
    let mut most = 0;
    for number in 0..150_000 {
        most = most.max(moved_by(|| drop(dict.insert(key(number)))));
    }
    check(&dict);
    assert!(most <= SEGMENT_ITEMS, "an insert moved {most}");
    let average = dict.len() / if let Form::Many(directory) = &dict.form { directory.segments.len() } else { 1 };
    assert!(average >= SEGMENT_ITEMS / 2, "segments hold {average} items on average");
    most = 0;
    for number in 0..150_000 {
        most = most.max(moved_by(|| drop(dict.remove(&key(number)))));
    }
    assert!(most <= SEGMENT_ITEMS, "a removal moved {most}");
    assert_eq!(dict.table_bytes(), 0);
}

#[test]
fn churn_does_not_grow_the_tables() {
    for items in [100usize, 440, 20_000] {
        let mut dict: Dict<Vec<u8>> = Dict::new(12);
        (0..items).for_each(|number| drop(dict.insert(key(number))));
        let before = dict.table_bytes();
        let moved = moved_by(|| {
            for number in 0..200_000 {
                dict.remove(&key(number));
                dict.insert(key(number + items));
            }
        });
        check(&dict);
        assert!(dict.table_bytes() <= before * 5 / 2, "{items}: {before} became {}", dict.table_bytes());
        assert!(moved < 200_000 * 6, "{items}: {moved} moved");
    }
}

#[test]
fn equal_hashes_do_not_deepen_the_directory() {
    // Items whose hashes agree in every bit the directory sees, as an attacker who knew the seed would send.
    let mut dict: Dict<Vec<u8>> = Dict::new(0);
    let crowd: Vec<Vec<u8>> = (0..400_000).map(key).filter(|key| hash_bytes(0, key) >> 57 == 77).collect();
    assert!(crowd.len() > 2_000);
    for item in &crowd {
        dict.insert(item.clone());
    }
    check(&dict);
    assert!(crowd.iter().all(|item| dict.contains(item)));
    let Form::Many(directory) = &dict.form else { panic!("still one table") };
    assert!(directory.bytes() < 120 * dict.len());
    let mut seen = HashSet::new();
    let mut cursor = 0;
    loop {
        cursor = dict.scan(cursor, 10, &mut |item| assert!(seen.insert(item.clone())));
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen.len(), crowd.len());
}

#[test]
fn chance_is_even() {
    for items in [1usize, 5, 100, 1_000] {
        let mut rng = Rng::new(items as u64);
        let mut dict: Dict<Vec<u8>> = Dict::new(4);
        // Grown and shrunk, so that tables are sparse.
        (0..items * 5).for_each(|number| drop(dict.insert(key(number))));
        (items..items * 5).for_each(|number| drop(dict.remove(&key(number))));
        let mut drawn: HashMap<Vec<u8>, usize> = HashMap::new();
        for _ in 0..items * 200 {
            *drawn.entry(dict.random(&mut rng).unwrap().clone()).or_default() += 1;
        }
        assert_eq!(drawn.len(), items);
        let mut popped = HashSet::new();
        while let Some(item) = dict.pop_random(&mut rng) {
            popped.insert(item);
            assert_eq!(dict.len() + popped.len(), items);
        }
        assert_eq!(popped.len(), items);
        assert!(drawn.values().all(|count| (100..320).contains(count)), "{items}");
    }
    assert_eq!(Dict::<Vec<u8>>::new(1).random(&mut Rng::new(1)), None);
}

#[test]
fn samples_are_distinct_and_as_many_as_asked() {
    let mut rng = Rng::new(21);
    for items in [0usize, 1, 16, 447, 3_000] {
        let mut dict: Dict<Vec<u8>> = Dict::new(6);
        (0..items).for_each(|number| drop(dict.insert(key(number))));
        for n in [0usize, 1, 5, 16, 1_000, 10_000] {
            let mut seen = HashSet::new();
            let visited = dict.sample(&mut rng, n, |item| assert!(seen.insert(item.clone())));
            assert_eq!(visited, n.min(items));
            assert_eq!(seen.len(), visited);
        }
    }
}

#[test]
fn emptied_piecemeal() {
    let mut dict: Dict<Vec<u8>> = Dict::new(6);
    (0..10_000).for_each(|number| drop(dict.insert(key(number))));
    let mut slices = 0;
    while !dict.free_some(1_000) {
        slices += 1;
        check(&dict);
        // What is left still works.
        dict.insert(key(1_000_000));
        assert!(dict.contains(&key(1_000_000)));
    }
    assert!((5..=10).contains(&slices));
    assert_eq!((dict.len(), dict.table_bytes()), (0, 0));
    assert!(dict.free_some(1) && dict.pop_any().is_none());

    (0..2_000).for_each(|number| drop(dict.insert(key(number))));
    let mut left = 2_000;
    while dict.pop_any().is_some() {
        left -= 1;
        assert_eq!(dict.len(), left);
    }
    assert_eq!((left, dict.table_bytes()), (0, 0));
}

#[test]
fn a_small_dict_is_small() {
    assert!(size_of::<Dict<Box<[u8]>>>() <= 5 * size_of::<usize>());
    let dict: Dict<Box<[u8]>> = Dict::new(1);
    assert_eq!(dict.heap_bytes(|item| item.len()), 0);
}
