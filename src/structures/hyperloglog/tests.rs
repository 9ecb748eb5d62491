//! Against plain registers; broken values; what the estimates are worth. The bytes themselves were compared with a
//! redis-server's over many random commands, of which the transcripts keep some.

use super::*;

/// Adds to a value and to plain registers alike.
fn add_both(bytes: &mut Vec<u8>, plain: &mut Registers, element: &[u8], most: usize) {
    let (index, value) = place(element);
    let raised = plain[index] < value;
    plain[index] = plain[index].max(value);
    assert_eq!(add(bytes, element, most), Ok(raised));
}

fn registers(bytes: &[u8]) -> Registers {
    let mut registers = [0; REGISTERS];
    merge(bytes, &mut registers).expect("a sound value");
    registers
}

#[test]
fn the_hash_is_the_one_that_others_use() {
    assert_eq!(murmur64a(b"", 0), 0);
    assert_eq!(murmur64a(b"a", 0), 0x0717_17d2_d36b_6b11);
}

#[test]
fn an_empty_value_is_one_run_of_zeros() {
    let bytes = new();
    assert_eq!(bytes, b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff");
    assert!(is_valid(&bytes) && !is_dense(&bytes));
    assert_eq!((cached(&bytes), count(&bytes)), (Some(0), Ok(0)));
}

#[test]
fn both_forms_hold_what_plain_registers_hold() {
    let mut rng = Rng::new(5);
    for most in [0, 100, 3000, 20_000] {
        let (mut bytes, mut plain) = (new(), [0; REGISTERS]);
        for step in 0..6000 {
            let element = (rng.below(4000) as u64).to_le_bytes();
            add_both(&mut bytes, &mut plain, &element, most);
            assert!(is_dense(&bytes) || bytes.len() <= most.max(18));
            if step % 500 == 0 {
                assert_eq!(registers(&bytes), plain);
                assert_eq!(count(&bytes), Ok(count_registers(&plain)));
                let mut dense = bytes.clone();
                assert_eq!(densify(&mut dense), Ok(!is_dense(&bytes)));
                assert_eq!((registers(&dense), count(&dense)), (plain, count(&bytes)));
            }
        }
        assert_eq!(is_dense(&bytes), most < 20_000);
    }
}

#[test]
fn absorbing_writes_what_adding_from_the_start_would() {
    let mut rng = Rng::new(9);
    for round in 0..60 {
        let mut wanted = [0; REGISTERS];
        let spread = 1 + rng.below(6);
        for _ in 0..rng.below(900) {
            // Neighbours with equal values, so that runs are joined and cut.
            let index = rng.below(REGISTERS >> spread) << (spread % 3);
            wanted[index] = 1 + rng.below(1 + round % 4) as u8;
        }
        let mut bytes = new();
        for _ in 0..rng.below(200) {
            let element = rng.next_u64().to_le_bytes();
            add(&mut bytes, &element, 3000).expect("a sound value");
        }
        let mut slow = bytes.clone();
        absorb(&mut bytes, &wanted, 3000).expect("a sound value");
        for (index, &value) in wanted.iter().enumerate().filter(|(_, &value)| value > 0) {
            if is_dense(&slow) {
                raise(&mut slow[HEADER..], index, value);
            } else {
                sparse::raise(&mut slow, index, value, 3000, &mut sparse::Cursor::default()).expect("a sound value");
            }
        }
        assert!(bytes == slow, "round {round}");
    }
}

#[test]
fn a_value_too_high_for_a_run_makes_it_dense() {
    let mut bytes = new();
    sparse::raise(&mut bytes, 7, 32, 3000, &mut sparse::Cursor::default()).expect("a sound value");
    assert!(!is_dense(&bytes));
    sparse::raise(&mut bytes, 9, 33, 3000, &mut sparse::Cursor::default()).expect("a sound value");
    assert!(
        is_dense(&bytes) && dense_registers(&bytes).nth(7) == Some(32) && dense_registers(&bytes).nth(9) == Some(33)
    );
}

#[test]
fn estimates_stay_within_their_error() {
    for elements in [1u64, 10, 100, 1000, 10_000, 100_000] {
        let mut bytes = new();
        for number in 0..elements {
            add(&mut bytes, format!("element:{number}").as_bytes(), 3000).expect("a sound value");
        }
        let estimate = count(&bytes).expect("a sound value");
        assert!(estimate.abs_diff(elements) as f64 <= elements as f64 * 0.03, "{estimate} for {elements}");
    }
}

#[test]
fn the_cache_is_kept_until_something_changes() {
    let mut bytes = new();
    add(&mut bytes, b"a", 3000).expect("a sound value");
    assert_eq!(cached(&bytes), None);
    cache(&mut bytes, 1);
    assert_eq!(cached(&bytes), Some(1));
    assert_eq!(add(&mut bytes, b"a", 3000), Ok(false));
    assert_eq!(cached(&bytes), Some(1));
}

#[test]
fn whatever_the_bytes_nothing_panics() {
    let mut rng = Rng::new(21);
    for _ in 0..20_000 {
        let mut bytes = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80".to_vec();
        for _ in 0..rng.below(40) {
            bytes.push([0x40, 0x7f, 0xff, 0x00, rng.next_u64() as u8][rng.below(5)]);
        }
        assert!(is_valid(&bytes));
        let sums: usize = sparse::runs(&bytes).map(sparse::Run::registers).sum();
        assert_eq!(count(&bytes).is_ok(), sums == REGISTERS);
        let before = bytes.clone();
        if densify(&mut bytes.clone()).is_err() {
            assert_eq!(merge(&before, &mut [0; REGISTERS]), Err(Corrupted));
        }
        for _ in 0..20 {
            let element = rng.next_u64().to_le_bytes();
            let _ = add(&mut bytes, &element, 60);
            assert!(is_valid(&bytes));
        }
    }
    let full = [vec![0xff; DENSE]].concat();
    assert!(!is_valid(&full));
    let mut made = new();
    densify(&mut made).expect("a sound value");
    made[HEADER..].fill(0xff);
    assert_eq!(count(&made), Ok(1 << 63), "registers that no hash can ask for");
}

#[test]
fn the_self_test_passes() {
    assert_eq!(self_test(&mut Rng::new(1)), Ok(()));
}
