use super::*;
use crate::bytes::Rng;
use std::collections::VecDeque;

/// A text that is at times empty, a number of any size, binary, or large.
pub(in crate::structures) fn text(rng: &mut Rng) -> Vec<u8> {
    match rng.below(12) {
        0 => Vec::new(),
        1..=4 => {
            let value = rng.next_u64() as i64 >> rng.below(64);
            value.to_string().into_bytes()
        }
        5 => (rng.below(9000) as i64 - 4500).to_string().into_bytes(),
        6 => (rng.next_u64() as i64 >> rng.below(64)).to_string().into_bytes().into_iter().chain([b'x']).collect(),
        7 if rng.below(8) == 0 => {
            vec![rng.next_u64() as u8; [4095, 4096, 16_375, 16_376, 16_377, 16_378, 16_379, 20_000][rng.below(8)]]
        }
        8 => vec![rng.next_u64() as u8; [62, 63, 64, 65, 124, 125, 126, 127, 128, 129, 300][rng.below(11)]],
        _ => (0..rng.below(12)).map(|_| rng.next_u64() as u8).collect(),
    }
}

fn check(pack: &Listpack, model: &VecDeque<Vec<u8>>) {
    assert_eq!(pack.len(), model.len());
    assert!(pack.iter().map(|item| item.to_vec()).eq(model.iter().cloned()));
    assert!(pack.rev().map(|item| item.to_vec()).eq(model.iter().rev().cloned()));
    let bytes = pack.to_bytes();
    assert_eq!(bytes.len(), pack.byte_len());
    let copy = Listpack::from_bytes(&bytes).expect("what we write is sound");
    assert_eq!(&copy, pack);
    assert_eq!((copy.len(), copy.to_bytes()), (model.len(), bytes));
    let mut other = pack.clone();
    other.lace(!pack.is_laced());
    assert_eq!((&other, other.byte_len()), (pack, pack.byte_len()));
}

#[test]
fn behaves_as_a_deque() {
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let (mut pack, mut model) = (Listpack::new(), VecDeque::new());
        pack.lace(seed % 2 == 0);
        // Some runs lean to one kind of use, so that gaps and slack build up.
        let lean = rng.below(4);
        for turn in 0..400 {
            let entry = text(&mut rng);
            let index = rng.below(model.len() + 1);
            let choice = if rng.below(3) > 0 { lean } else { rng.below(12) };
            match choice {
                0 => {
                    pack.push_front(&entry[..]);
                    model.push_front(entry);
                }
                1 => {
                    pack.push_back(&entry[..]);
                    model.push_back(entry);
                }
                2 if !model.is_empty() && turn % 2 == 0 => {
                    pack.delete(pack.first().unwrap());
                    model.pop_front();
                }
                3 if !model.is_empty() && turn % 2 == 0 => {
                    assert_eq!(pack.delete(pack.last().unwrap()), None);
                    model.pop_back();
                }
                2 | 3 => {
                    pack.push_back(&entry[..]);
                    model.push_back(entry);
                }
                4 if index < model.len() => {
                    let at = pack.insert_before(pack.seek(index as i64).unwrap(), &entry[..]);
                    assert!(pack.get(at).eq_bytes(&entry));
                    model.insert(index, entry);
                }
                5 if index < model.len() => {
                    let at = pack.insert_after(pack.seek(index as i64).unwrap(), &entry[..]);
                    assert!(pack.get(at).eq_bytes(&entry));
                    model.insert(index + 1, entry);
                }
                6 | 7 if index < model.len() => {
                    let back = index as i64 - model.len() as i64;
                    let at = pack.replace(pack.seek(back).unwrap(), &entry[..]);
                    assert!(pack.get(at).eq_bytes(&entry));
                    model[index] = entry;
                }
                8 if index < model.len() => {
                    let next = pack.delete(pack.seek(index as i64).unwrap());
                    model.remove(index);
                    assert_eq!(next.map(|at| pack.get(at).to_vec()), model.get(index).cloned());
                }
                9 if index < model.len() => {
                    let count = rng.below(5);
                    pack.delete_range(index as i64 - if turn % 2 == 0 { model.len() as i64 } else { 0 }, count);
                    model.drain(index..(index + count).min(model.len()));
                }
                10 => {
                    let mut other = pack.split_off(index);
                    assert_eq!(pack.len(), index);
                    other.lace(turn % 3 == 0);
                    pack.append(other);
                }
                11 => {
                    let bit = rng.below(8) as u32;
                    pack.retain(|item| item.len() as u32 & 15 != bit);
                    model.retain(|entry: &Vec<u8>| entry.len() as u32 & 15 != bit);
                }
                _ => {}
            }
            assert!(pack.heap_bytes() <= 2 * pack.byte_len() + pack.byte_len() / 4 + 300);
            if turn % 50 == 49 {
                pack.lace(!pack.is_laced());
            }
            if turn % 8 == 0 {
                check(&pack, &model);
                let sought = model.get(index).cloned().unwrap_or_default();
                let skip = rng.below(3);
                let found = pack.find(pack.first(), &sought, skip);
                let expected = model.iter().step_by(skip + 1).position(|entry| *entry == sought);
                assert_eq!(found, expected.map(|at| pack.seek((at * (skip + 1)) as i64).unwrap()));
                assert!(pack
                    .iter_from(pack.seek(index as i64))
                    .map(|item| item.to_vec())
                    .eq(model.iter().skip(index).cloned()));
                if index < model.len() {
                    assert!(pack.rev_from(pack.seek(index as i64)).map(|item| item.to_vec()).eq(model
                        .iter()
                        .take(index + 1)
                        .rev()
                        .cloned()));
                }
            }
        }
        check(&pack, &model);
    }
}

#[test]
fn walks_step_by_step() {
    for mut pack in [Listpack::new(), Listpack::laced()] {
        assert_eq!((pack.first(), pack.last(), pack.seek(0), pack.seek(-1)), (None, None, None, None));
        for value in [5i64, -1, 4096, 40_000, 9_000_000, 1 << 40] {
            pack.push_back(value);
        }
        let mut at = pack.first();
        let mut seen = Vec::new();
        while let Some(here) = at {
            seen.push(pack.get(here).as_i64().unwrap());
            at = pack.next(here);
        }
        let mut at = pack.last();
        while let Some(here) = at {
            assert_eq!(pack.get(here), Item::Int(seen.pop().unwrap()));
            at = pack.prev(here);
        }
        assert!(seen.is_empty());
        assert_eq!((pack.seek(6), pack.seek(-7)), (None, None));
    }
}

#[test]
fn integers_at_every_border_keep_their_encoding() {
    let mut pack = Listpack::new();
    for (value, size) in [
        (0i64, 2),
        (127, 2),
        (128, 3),
        (-1, 3),
        (4095, 3),
        (-4096, 3),
        (4096, 4),
        (-4097, 4),
        (32_767, 4),
        (-32_768, 4),
        (32_768, 5),
        (-32_769, 5),
        (8_388_607, 5),
        (-8_388_608, 5),
        (8_388_608, 6),
        (-8_388_609, 6),
        (2_147_483_647, 6),
        (-2_147_483_648, 6),
        (2_147_483_648, 10),
        (-2_147_483_649, 10),
        (i64::MAX, 10),
        (i64::MIN, 10),
    ] {
        let before = pack.byte_len();
        pack.push_back(value.to_string().as_bytes());
        assert_eq!(pack.byte_len() - before, size, "{value}");
        assert!(matches!(pack.get(pack.last().unwrap()), Item::Int(read) if read == value), "{value}");
    }
}

#[test]
fn counts_past_what_the_header_can_state() {
    let mut pack = Listpack::new();
    for _ in 0..70_000 {
        pack.push_back(1);
    }
    assert_eq!((pack.len(), &pack.to_bytes()[4..6]), (70_000, &[255, 255][..]));
    assert_eq!(Listpack::from_bytes(&pack.to_bytes()).unwrap().len(), 70_000);
    pack.delete_range(0, 10_000);
    assert_eq!((pack.len(), &pack.to_bytes()[4..6]), (60_000, &60_000u16.to_le_bytes()[..]));
}

#[test]
fn foreign_bytes_are_refused_or_sound() {
    let mut refused = 0;
    for seed in 0..20_000 {
        let mut rng = Rng::new(seed);
        let mut pack = Listpack::new();
        for _ in 0..rng.below(6) {
            pack.push_back(&text(&mut rng));
        }
        let mut bytes = pack.to_bytes();
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(bytes.len());
            match rng.below(4) {
                0 => bytes[at] = rng.next_u64() as u8,
                1 => bytes[at] = 0xF0 | rng.next_u64() as u8,
                2 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, rng.next_u64() as u8),
            }
        }
        if rng.below(4) > 0 && bytes.len() > 4 {
            let total = bytes.len() as u32;
            bytes[..4].copy_from_slice(&total.to_le_bytes());
        }
        match Listpack::from_bytes(&bytes) {
            None => refused += 1,
            Some(pack) => {
                let forward: Vec<_> = pack.iter().map(|item| item.to_vec()).collect();
                let mut backward: Vec<_> = pack.rev().map(|item| item.to_vec()).collect();
                backward.reverse();
                assert_eq!(forward, backward);
                assert_eq!(forward.len(), pack.len());
            }
        }
    }
    assert!(refused > 10_000);
    assert!(Listpack::from_bytes(b"").is_none());
    assert!(Listpack::from_bytes(&[7, 0, 0, 0, 0, 0, 0xFF]).is_some());
    assert!(Listpack::from_bytes(&[7, 0, 0, 0, 1, 0, 0xFF]).is_none());
    assert!(Listpack::from_bytes(&[12, 0, 0, 0, 1, 0, 0xF0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]).is_none());
}

#[test]
fn memory_follows_the_entries() {
    for mut pack in [Listpack::new(), Listpack::laced()] {
        for value in 0..3000 {
            pack.push_front(value);
        }
        for _ in 0..2990 {
            pack.delete(pack.last().unwrap());
        }
        assert_eq!((pack.len(), pack.heap_bytes() < 300), (10, true));
        // A queue that never grows must neither leak its gap nor keep moving.
        for value in 0..100_000 {
            pack.push_back(value);
            pack.delete(pack.first().unwrap());
            assert!(pack.heap_bytes() < 400);
        }
    }
}

#[test]
fn a_small_one_has_no_slack_beyond_what_the_allocator_rounds() {
    assert_eq!((size_of::<Listpack>(), Listpack::new().heap_bytes()), (size_of::<usize>(), 0));
    let mut pack = Listpack::new();
    for entry in ["name", "ada", "born", "1815", "city", "London"] {
        pack.push_back(entry.as_bytes());
        let exact = 6 + pack.byte_len() - 7 - pack.len();
        assert!((exact..exact + 8).contains(&pack.heap_bytes()), "{exact} {}", pack.heap_bytes());
    }
}

#[test]
fn a_large_one_grows_and_shrinks_by_small_parts() {
    for mut pack in [Listpack::new(), Listpack::laced()] {
        let entry = [b'x'; 1000];
        for count in 1..=200 {
            pack.push_back(&entry[..]);
            assert_eq!((pack.len(), pack.iter().count()), (count, count));
        }
        for count in (0..200).rev() {
            pack.delete(if count % 2 == 0 { 0 } else { pack.last().unwrap() });
            assert_eq!((pack.len(), pack.rev().count()), (count, count));
        }
        assert!(pack.heap_bytes() < 300);
    }
}

/// The listpack inside a DUMP of a hash, as a 7.0 server wrote it.
#[test]
fn the_bytes_are_those_of_a_server() {
    let mut pack = Listpack::new();
    for entry in ["0", "127", "128", "-1", "4095", "-4096", "4096", "-32768", "32768", "-8388608", "8388608"] {
        pack.push_back(entry.as_bytes());
    }
    for entry in ["-2147483648", "2147483648", "-9223372036854775808", "", "a", "01", "-0"] {
        pack.push_back(entry.as_bytes());
    }
    let long = [vec![b'y'; 64], vec![b'z'; 5000], vec![b'w'; 16_378]];
    for entry in &long {
        pack.push_back(entry);
    }
    let mut expected =
        vec![0x00, 0x01, 0x7f, 0x01, 0xc0, 0x80, 0x02, 0xdf, 0xff, 0x02, 0xcf, 0xff, 0x02, 0xd0, 0x00, 0x02];
    expected.extend_from_slice(
        b"\xf1\x00\x10\x03\xf1\x00\x80\x03\xf2\x00\x80\x00\x04\xf2\x00\x00\x80\x04\xf3\x00\x00\x80\x00\x05",
    );
    expected.extend_from_slice(
        b"\xf3\x00\x00\x00\x80\x05\xf4\x00\x00\x00\x80\x00\x00\x00\x00\x09\xf4\x00\x00\x00\x00\x00\x00\x00\x80\x09",
    );
    expected.extend_from_slice(b"\x80\x01\x81a\x02\x8201\x03\x82-0\x03");
    expected.extend_from_slice(&[b"\xe0\x40", &long[0][..], b"\x42"].concat());
    expected.extend_from_slice(&[b"\xf0\x88\x13\x00\x00", &long[1][..], b"\x27\x8d"].concat());
    // 16,383 bytes would fit two bytes of backlen; the format spends three.
    expected.extend_from_slice(&[b"\xf0\xfa\x3f\x00\x00", &long[2][..], b"\x00\xff\xff"].concat());
    assert_eq!(&pack.to_bytes()[HEADER..pack.byte_len() - 1], expected);
    pack.lace(true);
    assert_eq!(&pack.to_bytes()[HEADER..pack.byte_len() - 1], expected);
}
