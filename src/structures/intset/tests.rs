use super::*;
use std::collections::BTreeSet;

#[test]
fn agrees_with_a_btree_set() {
    for (seed, bits) in [(1u64, 4u32), (2, 16), (3, 20), (4, 33), (5, 64)] {
        let mut rng = Rng::new(seed);
        let mut set = Intset::new();
        let mut model = BTreeSet::new();
        for _ in 0..4_000 {
            let value = (rng.next_u64() as i64) >> (64 - bits);
            match rng.below(5) {
                0 | 1 => assert_eq!(set.add(value), model.insert(value)),
                2 => assert_eq!(set.remove(value), model.remove(&value)),
                3 if !model.is_empty() => {
                    let index = rng.below(model.len());
                    let expected = *model.iter().nth(index).unwrap();
                    assert_eq!(set.get(index), Some(expected));
                    assert_eq!(set.remove_at(index), Some(expected));
                    model.remove(&expected);
                }
                _ => assert_eq!(set.contains(value), model.contains(&value)),
            }
            assert_eq!(set.len(), model.len());
            assert_eq!((set.first(), set.last()), (model.first().copied(), model.last().copied()));
            let exact = HEAD + set.len() * set.width();
            assert!(set.heap_bytes() <= exact + exact / 16 + 8);
        }
        assert!(set.iter().eq(model.iter().copied()));
        assert_eq!(set.iter().len(), model.len());
        assert_eq!(Intset::from_bytes(&set.to_bytes()), Some(set.clone()));
        assert!(set.random(&mut rng).is_none_or(|value| model.contains(&value)));
    }
}

#[test]
fn the_bytes_are_those_of_redis() {
    let mut set = Intset::new();
    assert!(set.add(5) && set.add(-1) && !set.add(5));
    assert_eq!(set.to_bytes(), [2, 0, 0, 0, 2, 0, 0, 0, 0xFF, 0xFF, 5, 0]);
    assert!(set.add(-32_769));
    assert_eq!(set.to_bytes(), [4, 0, 0, 0, 3, 0, 0, 0, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 5, 0, 0, 0]);
    assert!(set.add(i64::MAX) && set.add(i64::MIN));
    assert_eq!((set.width(), set.len()), (8, 5));
    // The width stays when what needed it has gone.
    assert!(set.remove(i64::MAX) && set.remove(i64::MIN) && !set.remove(7));
    assert_eq!(set.width(), 8);
}

#[test]
fn hostile_bytes_are_refused() {
    for bytes in [
        &b""[..],
        &[2, 0, 0, 0],
        &[3, 0, 0, 0, 0, 0, 0, 0],
        &[2, 1, 0, 0, 0, 0, 0, 0],
        &[2, 0, 0, 0, 1, 0, 0, 0],
        &[2, 0, 0, 0, 0, 0, 0, 0, 1, 0],
        &[8, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF],
        &[2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 1, 0],
        &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0],
    ] {
        assert_eq!(Intset::from_bytes(bytes), None, "{bytes:?}");
    }
}
