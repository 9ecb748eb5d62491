//! Both forms, and the way from one to the other, against a sorted vector and a map.

use super::*;
use std::collections::{BTreeMap, HashSet};

const LIMITS: Limits = Limits { entries: 128, value: 64, seed: 11 };
const LARGE: Limits = Limits { entries: 0, value: 0, seed: 11 };

/// The model: scores by member; the order is made when asked for.
#[derive(Default)]
struct Model(BTreeMap<Vec<u8>, f64>);

impl Model {
    fn sorted(&self) -> Vec<(Vec<u8>, f64)> {
        let mut entries: Vec<_> = self.0.iter().map(|(member, score)| (member.clone(), *score)).collect();
        entries.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap().then_with(|| a.0.cmp(&b.0)));
        entries
    }
}

fn member(rng: &mut Rng, space: usize) -> Vec<u8> {
    let number = rng.below(space);
    match number % 5 {
        0 => number.to_string().into_bytes(),
        1 => format!("member:{number}").into_bytes(),
        2 => format!("a rather longer member, never inline {number}").into_bytes(),
        3 => vec![b'\0'; number % 40].into_iter().chain(number.to_string().into_bytes()).collect(),
        _ => format!("-{number}").into_bytes(),
    }
}

fn score(rng: &mut Rng) -> f64 {
    match rng.below(8) {
        0 => f64::INFINITY,
        1 => f64::NEG_INFINITY,
        2 => 0.0,
        3 => -0.0,
        4 => rng.below(5) as f64,
        5 => rng.unit() * 1e-9,
        6 => rng.below(1 << 30) as f64 * 1e12,
        _ => rng.unit() * 10.0 - 5.0,
    }
}

fn bound(rng: &mut Rng) -> ScoreBound {
    let score = score(rng);
    if rng.below(2) == 0 {
        ScoreBound::Inclusive(score)
    } else {
        ScoreBound::Exclusive(score)
    }
}

fn owned(set: &SortedSet, start: usize, count: usize, reverse: bool) -> Vec<(Vec<u8>, f64)> {
    set.range(start, count, reverse).map(|(member, score)| (member.to_vec(), score)).collect()
}

fn check(set: &SortedSet, model: &Model, rng: &mut Rng) {
    if let Form::Large(large) = &set.form {
        large.check();
    }
    let sorted = model.sorted();
    assert_eq!(set.len(), sorted.len());
    assert_eq!(owned(set, 0, usize::MAX, false), sorted);
    let mut reversed = sorted.clone();
    reversed.reverse();
    assert_eq!(owned(set, 0, usize::MAX, true), reversed);
    for _ in 0..20 {
        let (start, count) = (rng.below(sorted.len() + 2), rng.below(sorted.len() + 2));
        let end = (start + count).min(sorted.len());
        assert_eq!(owned(set, start, count, false), sorted.get(start..end).unwrap_or(&[]));
        assert_eq!(owned(set, start, count, true), reversed.get(start..end).unwrap_or(&[]));
        let (min, max) = (bound(rng), bound(rng));
        let inside: Vec<usize> =
            (0..sorted.len()).filter(|&at| !min.above(sorted[at].1) && max.reaches(sorted[at].1)).collect();
        let span = set.by_score(min, max);
        assert_eq!(span.count, inside.len());
        if let Some(&first) = inside.first() {
            assert_eq!(span.start, first);
        }
    }
    for (rank, (member, score)) in sorted.iter().enumerate() {
        assert_eq!(set.rank(member, false), Some((rank, *score)));
        assert_eq!(set.rank(member, true), Some((sorted.len() - 1 - rank, *score)));
        assert_eq!(set.score(member), Some(*score));
    }
}

fn random_life(seed: u64, limits: &Limits, space: usize, operations: usize) {
    let mut rng = Rng::new(seed);
    let (mut set, mut model) = (SortedSet::new(), Model::default());
    for operation in 0..operations {
        // Long tides, so that sets grow large and empty again.
        let growing = (operation / (operations / 6 + 1)) % 2 == 0;
        match rng.below(10) {
            0..=5 if growing => {
                let (member, score) = (member(&mut rng, space), score(&mut rng));
                let expected = match model.0.get(&member) {
                    None => Change::Added,
                    Some(&old) if old == score => Change::Unchanged,
                    Some(_) => Change::Updated,
                };
                assert_eq!(set.insert(&member, score, limits), expected);
                if expected != Change::Unchanged {
                    model.0.insert(member, score);
                }
            }
            6 => {
                let sorted = model.sorted();
                if let Some((member, old)) = sorted.get(rng.below(sorted.len().max(1))) {
                    let score = old + rng.unit();
                    set.insert(member, score, limits);
                    model.0.insert(member.clone(), score);
                }
            }
            7 => {
                let reverse = rng.below(2) == 0;
                let mut sorted = model.sorted();
                if reverse {
                    sorted.reverse();
                }
                let rank = rng.below(3);
                let mut popped = None;
                assert_eq!(
                    set.take(rank, reverse, |member, score| popped = Some((member.to_vec(), score))),
                    rank < sorted.len()
                );
                assert_eq!(popped.as_ref(), sorted.get(rank));
                if let Some((member, _)) = popped {
                    model.0.remove(&member);
                }
            }
            8 if rng.below(20) == 0 => {
                let most = if rng.below(4) == 0 { set.len() + 1 } else { 30 };
                let span = Span { start: rng.below(set.len() + 1), count: rng.below(most) };
                for (member, _) in model.sorted().into_iter().skip(span.start).take(span.count) {
                    model.0.remove(&member);
                }
                set.remove_span(span);
            }
            8 if rng.below(20) == 0 => drop(set.purge(1)),
            _ => {
                let member = member(&mut rng, space);
                assert_eq!(set.remove(&member), model.0.remove(&member));
            }
        }
        if operation % (operations / 40 + 1) == 0 {
            check(&set, &model, &mut rng);
        }
    }
    check(&set, &model, &mut rng);
    let copy = set.clone();
    while !set.is_empty() {
        assert!(set.take(0, false, |_, _| ()));
        if set.len() % 50 == 0 {
            if let Form::Large(large) = &set.form {
                large.check();
            }
        }
    }
    check(&copy, &model, &mut rng);
}

#[test]
fn small_sets_live_like_the_model() {
    for seed in 0..4 {
        random_life(seed, &LIMITS, 100, 3000);
    }
}

#[test]
fn sets_that_change_form_live_like_the_model() {
    for seed in 0..3 {
        random_life(seed, &LIMITS, 1000, 4000);
    }
}

#[test]
fn large_sets_live_like_the_model() {
    random_life(1, &LARGE, 200, 6000);
    random_life(2, &LARGE, 5000, 12000);
}

#[test]
fn a_large_tree_stays_sound_in_every_order_of_arrival() {
    for pattern in 0..4u64 {
        let mut rng = Rng::new(pattern);
        let mut set = SortedSet::new();
        let count = 6000u64;
        let place = |at: u64| match pattern {
            0 => at,
            1 => count - at,
            2 => at * 2_654_435_761 % 65_536,
            _ => 7,
        };
        for at in 0..count {
            set.insert(format!("m{at}").as_bytes(), place(at) as f64, &LARGE);
        }
        let Form::Large(large) = &set.form else { panic!("a large set") };
        large.check();
        // Out of the middle, so that inner nodes merge too.
        while set.len() > 10 {
            let rank = set.len() / 3 + rng.below(set.len() / 3);
            set.take(rank, false, |_, _| ());
            if set.len() % 500 == 0 {
                let Form::Large(large) = &set.form else { panic!("a large set") };
                large.check();
            }
        }
        assert_eq!(set.iter().count(), 10);
    }
}

#[test]
fn ranges_of_any_size_are_cut_out_of_a_sound_tree() {
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let (mut set, mut model) = (SortedSet::new(), Model::default());
        let count = [200, 3000, 9000][rng.below(3)];
        for _ in 0..count {
            let (member, score) = (member(&mut rng, 20_000), rng.below(1000) as f64);
            set.insert(&member, score, &LARGE);
            model.0.insert(member, score);
        }
        while !set.is_empty() {
            let start = rng.below(set.len());
            let most = [set.len(), 300, 70][rng.below(3)];
            let span = Span { start, count: 1 + rng.below(most) };
            let gone: Vec<_> = owned(&set, span.start, span.count, false);
            set.remove_span(span);
            let Form::Large(large) = &set.form else { panic!("a large set") };
            large.check();
            for (member, score) in &gone {
                model.0.remove(member);
                assert_eq!((set.score(member), set.rank(member, false), set.remove(member)), (None, None, None));
                // Some come back, with the same score or another.
                if rng.below(40) == 0 {
                    let score = score + rng.below(2) as f64;
                    assert_eq!(set.insert(member, score, &LARGE), Change::Added);
                    model.0.insert(member.clone(), score);
                }
            }
            let mut seen = HashSet::new();
            assert_eq!(set.scan(0, usize::MAX, |member, _| assert!(seen.insert(member.to_vec()))), 0);
            assert!(seen.len() == model.0.len() && seen.iter().all(|member| model.0.contains_key(member)));
            if rng.below(3) == 0 {
                check(&set, &model, &mut rng);
            }
            if rng.below(2) == 0 {
                set.purge(rng.below(400));
            }
        }
        while !set.purge(100) {}
        assert_eq!((set.weight(), set.has_dead()), (0, false));
        assert!(set.heap_bytes() < 20_000, "{}", set.heap_bytes());
    }
}

#[test]
fn what_was_cut_out_goes_in_slices_and_leaves_the_rest() {
    let mut set = SortedSet::new();
    for number in 0..20_000 {
        set.insert(format!("member:{number}").as_bytes(), number as f64, &LARGE);
    }
    set.remove_span(Span { start: 100, count: 19_800 });
    let full = set.heap_bytes();
    assert_eq!((set.len(), set.has_dead()), (200, true));
    assert!(set.weight() > 19_000);
    let mut slices = 0;
    while !set.purge(500) {
        slices += 1;
    }
    assert!((35..100).contains(&slices), "{slices}");
    assert_eq!((set.len(), set.weight(), set.iter().count()), (200, 200, 200));
    assert!(set.heap_bytes() < full / 4, "{} of {full}", set.heap_bytes());
    // A set that is given up before that is freed like any other.
    set.remove_span(Span { start: 0, count: 150 });
    while !set.free_some(500) {}
}

#[test]
fn the_form_changes_at_the_limits() {
    let mut set = SortedSet::new();
    for number in 0..128 {
        set.insert(format!("{number}").as_bytes(), 1.0, &LIMITS);
    }
    assert_eq!(set.encoding(), "listpack");
    set.insert(b"5", 2.0, &LIMITS);
    assert_eq!(set.encoding(), "listpack");
    set.insert(b"one more", 2.0, &LIMITS);
    assert_eq!(set.encoding(), "skiplist");
    let mut set = SortedSet::new();
    set.insert(&[b'x'; 64], 1.0, &LIMITS);
    assert_eq!(set.encoding(), "listpack");
    set.insert(&[b'x'; 65], 1.0, &LIMITS);
    assert_eq!((set.encoding(), set.len()), ("skiplist", 2));
    assert_eq!(SortedSet::sized(129, 1, &LIMITS).encoding(), "skiplist");
    assert_eq!(SortedSet::sized(1, 65, &LIMITS).encoding(), "skiplist");
}

#[test]
fn small_sets_hold_the_bytes_of_redis() {
    let mut set = SortedSet::new();
    for (member, score) in [(&b"b"[..], 1.5), (b"a", -0.0), (b"12", 3.0), (b"c", f64::INFINITY)] {
        set.insert(member, score, &LIMITS);
    }
    let Form::Small(small) = &set.form else { panic!("a small set") };
    let bytes = b"\x25\0\0\0\x08\0\x81a\x02\0\x01\x81b\x02\x831.5\x04\x0c\x01\x03\x01\x81c\x02\x83inf\x04\xff";
    assert_eq!(&small.pack().to_bytes()[6..], &bytes[6..]);
}

#[test]
fn lexical_ranges() {
    for limits in [LIMITS, LARGE] {
        let mut set = SortedSet::new();
        for member in ["", "a", "aa", "b", "c", "d", "5"] {
            set.insert(member.as_bytes(), 0.0, &limits);
        }
        let count = |min, max| set.by_lex(min, max).count;
        assert_eq!(count(LexBound::Lowest, LexBound::Highest), 7);
        assert_eq!(count(LexBound::Highest, LexBound::Lowest), 0);
        assert_eq!(set.by_lex(LexBound::Inclusive(b"a"), LexBound::Exclusive(b"c")), Span { start: 2, count: 3 });
        assert_eq!(set.by_lex(LexBound::Exclusive(b"a"), LexBound::Inclusive(b"c")), Span { start: 3, count: 3 });
        assert_eq!(count(LexBound::Inclusive(b"c"), LexBound::Inclusive(b"a")), 0);
        assert_eq!(count(LexBound::Exclusive(b"a"), LexBound::Exclusive(b"a")), 0);
        assert_eq!(count(LexBound::Lowest, LexBound::Exclusive(b"")), 0);
    }
}

#[test]
fn a_scan_meets_everyone_who_stays_exactly_once() {
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let mut set = SortedSet::new();
        for number in 0..2000 {
            set.insert(format!("stays {number}").as_bytes(), score(&mut rng), &LARGE);
            set.insert(format!("goes {number}").as_bytes(), score(&mut rng), &LARGE);
        }
        let (mut seen, mut cursor) = (HashSet::new(), 0);
        let mut calls = 0;
        loop {
            cursor = set.scan(cursor, 50, |member, _| {
                if member.starts_with(b"stays") {
                    assert!(seen.insert(member.to_vec()), "twice");
                }
            });
            calls += 1;
            if cursor == 0 {
                break;
            }
            for _ in 0..40 {
                set.remove(format!("goes {}", rng.below(2000)).as_bytes());
                set.insert(format!("comes {}", rng.below(4000)).as_bytes(), score(&mut rng), &LARGE);
                set.insert(format!("stays {}", rng.below(2000)).as_bytes(), score(&mut rng), &LARGE);
            }
        }
        assert_eq!(seen.len(), 2000);
        assert!(calls > 70);
    }
    let mut set = SortedSet::new();
    set.insert(b"a", 1.0, &LARGE);
    assert_eq!(set.scan(u64::MAX, 10, |_, _| panic!("nobody is there")), 0);
}

#[test]
fn what_is_emptied_gives_its_memory_back() {
    let mut set = SortedSet::new();
    for number in 0..20_000 {
        set.insert(format!("member:{number}").as_bytes(), number as f64, &LARGE);
    }
    let full = set.heap_bytes();
    for number in 0..19_900 {
        set.remove(format!("member:{number}").as_bytes());
    }
    assert!(set.heap_bytes() < full / 4, "{} of {full}", set.heap_bytes());
    let mut calls = 0;
    let mut set = SortedSet::new();
    for number in 0..20_000 {
        set.insert(format!("member:{number}").as_bytes(), number as f64, &LARGE);
    }
    while !set.free_some(500) {
        calls += 1;
    }
    assert!((20..200).contains(&calls), "{calls}");
}

#[test]
fn random_picks_reach_everyone() {
    for limits in [LIMITS, LARGE] {
        let mut set = SortedSet::new();
        assert!(set.random(&mut Rng::new(1)).is_none());
        for number in 0..100 {
            set.insert(format!("{number}").as_bytes(), 0.0, &limits);
        }
        let mut rng = Rng::new(3);
        let seen: HashSet<Vec<u8>> = (0..2000).map(|_| set.random(&mut rng).unwrap().0.to_vec()).collect();
        assert_eq!(seen.len(), 100);
    }
}
