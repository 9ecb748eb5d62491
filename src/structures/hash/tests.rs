use super::*;
use crate::structures::listpack::tests::text;
use std::collections::{HashMap, HashSet};

const SMALL: Limits = Limits { entries: 128, value: 64, seed: 7 };

fn check(hash: &Hash, model: &HashMap<Vec<u8>, Vec<u8>>) {
    assert_eq!(hash.len(), model.len());
    let seen: HashMap<_, _> = hash.iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect();
    assert_eq!(hash.iter().count(), model.len());
    assert_eq!(&seen, model);
    if let Form::Table(table) = &hash.form {
        assert_eq!(table.bytes, table.dict.iter().map(Pair::heap_bytes).sum::<usize>());
    }
}

#[test]
fn behaves_as_a_map() {
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let limits = Limits {
            entries: [0, 3, 20, 128, 100_000][rng.below(5)],
            value: [0, 10, 64, 1 << 20][rng.below(4)],
            seed: 7,
        };
        let (mut hash, mut model) = (Hash::new(), HashMap::<Vec<u8>, Vec<u8>>::new());
        let many = rng.below(400) + 1;
        for turn in 0..800 {
            let field = match rng.below(3) {
                0 => text(&mut rng),
                _ => format!("{}", rng.below(many)).into_bytes(),
            };
            let value = text(&mut rng);
            match rng.below(8) {
                0..=3 => {
                    let created = hash.set(&field, &value, limits);
                    assert_eq!(created, model.insert(field, value).is_none());
                }
                4 => {
                    let absent = !model.contains_key(&field);
                    assert_eq!(hash.set_if_absent(&field, &value, limits), absent);
                    model.entry(field).or_insert(value);
                }
                5 => assert_eq!(hash.remove(&field), model.remove(&field).is_some()),
                6 => {
                    assert_eq!(hash.get(&field).map(|value| value.to_vec()).as_ref(), model.get(&field));
                    assert_eq!(hash.contains(&field), model.contains_key(&field));
                    assert_eq!(hash.value_len(&field), model.get(&field).map(Vec::len));
                }
                _ => {
                    let drawn = hash.random(&mut rng).map(|(field, value)| (field.to_vec(), value.to_vec()));
                    assert_eq!(drawn.is_none(), model.is_empty());
                    if let Some((field, value)) = drawn {
                        assert_eq!(model.get(&field), Some(&value));
                    }
                }
            }
            if turn % 64 == 0 {
                check(&hash, &model);
                check(&hash.clone(), &model);
            }
        }
        check(&hash, &model);
        if !model.is_empty() {
            for count in [0, 1, model.len() / 5, model.len() / 2, model.len() - 1, model.len(), model.len() + 9] {
                let mut drawn = HashSet::new();
                hash.random_distinct(count, &mut rng, &mut |field, value| {
                    assert!(value.eq_bytes(&model[&field.to_vec()]));
                    assert!(drawn.insert(field.to_vec()), "drawn twice");
                });
                assert_eq!(drawn.len(), count.min(model.len()));
            }
        }
        let (mut cursor, mut seen) = (0, HashMap::new());
        loop {
            cursor = hash.scan(cursor, 10, &mut |field, value| {
                seen.insert(field.to_vec(), value.to_vec());
            });
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(seen, model);
        while !hash.free_some(100) {
            assert!(!hash.is_empty());
        }
        assert!(hash.is_empty());
    }
}

#[test]
fn the_encoding_follows_the_limits_and_never_goes_back() {
    let limits = SMALL;
    let mut hash = Hash::new();
    for field in 0..=128 {
        assert_eq!(hash.encoding(), "listpack");
        hash.set(format!("field:{field}").as_bytes(), b"value", limits);
    }
    assert_eq!(hash.encoding(), "hashtable");
    for field in 0..=127 {
        assert!(hash.remove(format!("field:{field}").as_bytes()));
    }
    assert_eq!((hash.len(), hash.encoding()), (1, "hashtable"));
    for (field, value, encoding) in [(64, 64, "listpack"), (65, 1, "hashtable"), (1, 65, "hashtable")] {
        let mut hash = Hash::new();
        hash.set(&vec![b'f'; field], &vec![b'v'; value], limits);
        assert_eq!(hash.encoding(), encoding);
    }
    // A long value for a field that exists is no reason to change anything if it is not to be set.
    let mut hash = Hash::new();
    hash.set(b"f", b"v", limits);
    assert!(!hash.set_if_absent(b"f", &[b'v'; 100], limits));
    assert_eq!(hash.encoding(), "listpack");
    hash.make_room(128, limits);
    assert_eq!(hash.encoding(), "listpack");
    hash.make_room(129, limits);
    assert_eq!((hash.encoding(), hash.len()), ("hashtable", 1));
}

#[test]
fn every_field_has_its_chance() {
    let mut rng = Rng::new(1);
    for limits in [SMALL, Limits { entries: 0, value: 0, seed: 7 }] {
        let mut hash = Hash::new();
        for field in 0..30 {
            hash.set(format!("{field}").as_bytes(), b"", limits);
        }
        let (mut one, mut some) = (HashMap::<Vec<u8>, u32>::new(), HashMap::<Vec<u8>, u32>::new());
        for _ in 0..3000 {
            *one.entry(hash.random(&mut rng).unwrap().0.to_vec()).or_default() += 1;
            hash.random_distinct(3, &mut rng, &mut |field, _| *some.entry(field.to_vec()).or_default() += 1);
            hash.random_distinct(15, &mut rng, &mut |field, _| *some.entry(field.to_vec()).or_default() += 1);
        }
        assert_eq!(one.len(), 30);
        assert!(one.values().all(|&times| (40..200).contains(&times)));
        assert!(some.values().all(|&times| (1500..2100).contains(&times)), "{some:?}");
    }
}

#[test]
fn long_names_keep_apart_from_their_values() {
    for length in [0, 1, 127, 128, 129, 255, 256, 70_000] {
        let name = vec![b'n'; length];
        let mut field = Pair::new(&name, b"value", None);
        assert_eq!((field.key(), field.value()), (&name[..], &b"value"[..]));
        field.set_value(b"other");
        assert_eq!((field.key(), field.value()), (&name[..], &b"other"[..]));
        field.set_value(b"");
        assert_eq!((field.key(), field.value()), (&name[..], &b""[..]));
    }
}
