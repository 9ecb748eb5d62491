//! Fields that expire, against a model, in all forms of a hash.

use super::*;
use crate::structures::listpack::tests::text;
use std::collections::HashMap;

type Model = HashMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

fn check(hash: &Hash, model: &Model, now: i64) {
    let alive = |(_, (_, expiry)): &(&Vec<u8>, &(Vec<u8>, Option<i64>))| expiry.is_none_or(|at| at > now);
    let seen: Model = hash.entries().map(|(field, value, expiry)| (field.to_vec(), (value.to_vec(), expiry))).collect();
    let shown: Model = model.iter().filter(alive).map(|(name, field)| (name.clone(), field.clone())).collect();
    assert_eq!(seen, shown);
    assert_eq!(hash.shown(), shown.len());
    assert_eq!(hash.len(), model.len());
    assert_eq!(hash.soonest(), model.values().filter_map(|(_, expiry)| *expiry).min());
    match &hash.form {
        Form::Table(table) => {
            assert_eq!(table.bytes, table.dict.iter().map(Pair::heap_bytes).sum::<usize>());
        }
        Form::Timed(_) => {
            let order: Vec<i64> = hash.entries().map(|(_, _, expiry)| expiry.unwrap_or(i64::MAX)).collect();
            assert!(order.is_sorted(), "{order:?}");
        }
        Form::Pack(_) => assert!(!hash.is_timed()),
    }
}

#[test]
fn behaves_as_a_map_of_fields_that_expire() {
    for seed in 0..80 {
        let mut rng = Rng::new(seed);
        let limits = Limits {
            entries: [0, 3, 20, 128, 100_000][rng.below(5)],
            value: [0, 10, 64, 1 << 20][rng.below(4)],
            seed: 7,
        };
        let (mut hash, mut model) = (Hash::new(), Model::new());
        let (many, budget) = (rng.below(300) + 1, [1, 3, 1000][rng.below(3)]);
        let mut now = 1000;
        for turn in 0..1000 {
            let field = match rng.below(4) {
                0 => text(&mut rng),
                _ => format!("{}", rng.below(many)).into_bytes(),
            };
            let value = text(&mut rng);
            // As the owner does before a write.
            if hash.remove_hidden(&field) {
                assert!(model.remove(&field).is_some_and(|(_, expiry)| expiry.is_some_and(|at| at <= now)));
            }
            match rng.below(10) {
                0 | 1 => {
                    let created = hash.set(&field, &value, limits);
                    assert_eq!(created, model.insert(field, (value, None)).is_none());
                }
                2 => {
                    let expiry = model.get(&field).and_then(|(_, expiry)| *expiry);
                    let created = hash.set_keeping_expiry(&field, &value, limits);
                    assert_eq!(created, model.insert(field, (value, expiry)).is_none());
                }
                3 => {
                    let absent = !model.contains_key(&field);
                    assert_eq!(hash.set_if_absent(&field, &value, limits), absent);
                    model.entry(field).or_insert((value, None));
                }
                4 => assert_eq!(hash.remove(&field), model.remove(&field).is_some()),
                5..=7 => {
                    // Few instants, so that many fields share one.
                    let at = (rng.below(5) > 0).then(|| now + 1 + rng.below(8) as i64 * 40);
                    let found = model.get_mut(&field).map(|held| held.1 = at).is_some();
                    assert_eq!(hash.set_expiry(&field, at), found);
                }
                8 => {
                    assert_eq!(hash.expiry(&field), model.get(&field).map(|(_, expiry)| *expiry));
                    assert_eq!(hash.get(&field).map(|value| value.to_vec()).as_ref(), model.get(&field).map(|f| &f.0));
                    assert_eq!(hash.contains(&field), model.contains_key(&field));
                }
                _ => {
                    now += rng.below(60) as i64;
                    let mut gone = Vec::new();
                    let count = hash.expire(now, budget, &mut |field| gone.push(field.to_vec()));
                    assert_eq!(count, gone.len());
                    for field in gone {
                        let (_, expiry) = model.remove(&field).expect("a field that was there");
                        assert!(expiry.is_some_and(|at| at <= now));
                    }
                    let due = model.values().any(|(_, expiry)| expiry.is_some_and(|at| at <= now));
                    assert_eq!(due, hash.hides_some());
                    assert!(!due || budget < 1000);
                }
            }
            if turn % 50 == 0 {
                check(&hash, &model, now);
                check(&hash.clone(), &model, now);
            }
        }
        check(&hash, &model, now);
        while !hash.free_some(50) {}
        assert!(hash.is_empty());
    }
}

#[test]
fn the_encoding_says_that_fields_may_expire_and_never_goes_back() {
    let limits = Limits { entries: 3, value: 64, seed: 7 };
    let mut hash = Hash::new();
    hash.set(b"f", b"1", limits);
    assert!(hash.set_expiry(b"f", None) && !hash.is_timed());
    assert!(!hash.set_expiry(b"x", Some(5)));
    assert_eq!(hash.encoding(), "listpackex");
    assert!(hash.set_expiry(b"f", Some(5)));
    hash.set(b"f", b"2", limits);
    assert_eq!((hash.soonest(), hash.expiry(b"f"), hash.encoding()), (None, Some(None), "listpackex"));
    hash.set_expiry(b"f", Some(5));
    hash.set_keeping_expiry(b"f", &[b'v'; 65], limits);
    assert_eq!((hash.soonest(), hash.encoding(), hash.is_timed()), (Some(5), "hashtable", true));
}

#[test]
fn a_plain_hash_is_no_larger_for_the_timed_ones() {
    assert_eq!(size_of::<Hash>(), size_of::<Listpack>() + 1);
    let field = |expiry| Pair::new(b"name", b"value", expiry).heap_bytes();
    assert_eq!((field(None), field(Some(1))), (12, 20));
}

#[test]
fn a_field_keeps_its_expiry_apart_from_name_and_value() {
    for length in [0, 1, 14, 15, 16, 142, 143, 144, 255, 256, 70_000] {
        let name = vec![b'\xFF'; length];
        for at in [1, 5, LATEST] {
            let long = Pair::new(b"name", &name, Some(at));
            assert_eq!((long.key(), long.value(), long.expiry()), (&b"name"[..], &name[..], Some(at)));
            let copy = long.clone();
            drop(long);
            assert_eq!((copy.key(), copy.value(), copy.expiry()), (&b"name"[..], &name[..], Some(at)));
            let mut field = Pair::new(&name, b"value", None);
            field.set_expiry(Some(at));
            assert_eq!((field.key(), field.value(), field.expiry()), (&name[..], &b"value"[..], Some(at)));
            field.set_expiry(Some(7));
            field.set_value(b"longer value");
            assert_eq!((field.key(), field.value(), field.expiry()), (&name[..], &b"longer value"[..], Some(7)));
            field.set_expiry(None);
            assert_eq!((field.key(), field.value(), field.expiry()), (&name[..], &b"longer value"[..], None));
            assert_eq!(field.heap_bytes(), Pair::new(&name, b"longer value", None).heap_bytes());
        }
    }
}

#[test]
fn what_is_due_at_once_goes_in_slices_and_is_hidden_meanwhile() {
    let limits = Limits { entries: 0, value: 0, seed: 7 };
    let mut hash = Hash::new();
    for i in 0..3000 {
        let name = i.to_string();
        hash.set(name.as_bytes(), b"v", limits);
        hash.set_expiry(name.as_bytes(), (i % 3 > 0).then_some(10));
    }
    assert_eq!(hash.expire(9, 100, &mut |_| panic!("nothing is due")), 0);
    assert_eq!(hash.expire(10, 100, &mut |_| {}), 100);
    assert_eq!((hash.len(), hash.shown(), hash.iter().count()), (2900, 1000, 1000));
    assert!(hash.hides_some() && !hash.contains(b"1") && hash.get(b"2").is_none() && hash.expiry(b"1").is_none());
    let mut scanned = 0;
    let mut cursor = hash.scan(0, 100, &mut |_, _| scanned += 1);
    while cursor != 0 {
        cursor = hash.scan(cursor, 100, &mut |_, _| scanned += 1);
    }
    assert_eq!(scanned, 1000);
    let mut slices = 0;
    while hash.hides_some() {
        hash.expire(10, 100, &mut |_| {});
        slices += 1;
    }
    assert_eq!((slices, hash.len()), (19, 1000));
}

#[test]
fn a_listpack_from_outside_is_checked_and_put_in_order() {
    let limits = Limits { entries: 3, value: 64, seed: 7 };
    let hash = |entries: &[&str]| {
        let mut pack = Listpack::new();
        entries.iter().for_each(|entry| pack.push_back(entry.as_bytes()));
        Hash::from_timed_listpack(pack, limits)
    };
    let sound = hash(&["a", "1", "0", "b", "2", "9", "c", "3", "5"]).expect("sound");
    let names: Vec<_> = sound.iter().map(|(name, _)| name.to_vec()).collect();
    assert_eq!((names, sound.soonest()), (vec![b"c".to_vec(), b"b".to_vec(), b"a".to_vec()], Some(5)));
    let large = hash(&["a", "1", "0", "b", "2", "9", "c", "3", "5", "d", "4", "0"]).expect("sound");
    assert_eq!((large.encoding(), large.soonest(), large.len()), ("hashtable", Some(5), 4));
    for unsound in [
        &["a", "1"][..],
        &["a", "1", "x"],
        &["a", "1", "-1"],
        &["a", "1", "70368744177664"],
        &["a", "1", "0", "a", "2", "0"],
        &["a", "1", "0", "b", "1", "0", "c", "1", "0", "a", "2", "0"],
    ] {
        assert!(hash(unsound).is_none(), "{unsound:?}");
    }
}
