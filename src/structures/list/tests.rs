use super::*;
use crate::bytes::Rng;
use crate::structures::listpack::tests::text;
use std::collections::VecDeque;

fn check(list: &List, model: &VecDeque<Vec<u8>>) {
    assert_eq!(list.len(), model.len());
    assert!(list.iter().map(|item| item.to_vec()).eq(model.iter().cloned()));
    assert_eq!(list.peek(End::Front).map(|item| item.to_vec()), model.front().cloned());
    assert_eq!(list.peek(End::Back).map(|item| item.to_vec()), model.back().cloned());
    if let Form::Quick(quick) = &list.form {
        quick.check();
    }
}

fn matching(model: &VecDeque<Vec<u8>>, element: &[u8]) -> Vec<usize> {
    (0..model.len()).filter(|&at| model[at] == element).collect()
}

#[test]
fn behaves_as_a_deque() {
    for seed in 0..80 {
        let mut rng = Rng::new(seed);
        let config = [-1, -2, -5, 1, 2, 3, 16, 128, 0, -9][rng.below(10)];
        let fill = Fill::from_config(config);
        let (mut list, mut model) = (List::new(), VecDeque::<Vec<u8>>::new());
        let lean = rng.below(3);
        for turn in 0..600 {
            let element = if rng.below(3) == 0 { vec![b'a' + rng.below(3) as u8] } else { text(&mut rng) };
            let index = rng.below(model.len() + 1);
            if rng.below(20) > 0 {
                list.make_room(element.len(), 1, fill);
            }
            let end = if rng.below(2) == 0 { End::Front } else { End::Back };
            match if rng.below(4) > 0 { lean } else { rng.below(11) } {
                0 | 1 => {
                    list.push(end, &element, fill);
                    match end {
                        End::Front => model.push_front(element),
                        End::Back => model.push_back(element),
                    }
                }
                2 if turn % 3 == 0 => {
                    let expected = match end {
                        End::Front => model.pop_front(),
                        End::Back => model.pop_back(),
                    };
                    assert_eq!(list.pop(end), expected);
                }
                2 | 3 => {
                    list.insert(index, &element, fill);
                    model.insert(index, element);
                }
                4 => {
                    assert_eq!(list.set(index, &element, fill), index < model.len());
                    if index < model.len() {
                        model[index] = element;
                    }
                }
                5 | 6 => {
                    let limit = rng.below(4);
                    let mut found = matching(&model, &element);
                    if end == End::Back {
                        found.reverse();
                    }
                    if limit > 0 {
                        found.truncate(limit);
                    }
                    assert_eq!(list.remove(&element, limit, end), found.len());
                    found.sort();
                    for at in found.into_iter().rev() {
                        model.remove(at);
                    }
                }
                7 => {
                    let widest = [4, 40, 400][rng.below(3)];
                    let count = rng.below(widest);
                    list.remove_range(index, count);
                    model.drain(index..(index + count).min(model.len()));
                }
                8 if rng.below(6) == 0 => {
                    let count = rng.below(model.len() + 3);
                    list.trim(index, count);
                    model = model.into_iter().skip(index).take(count).collect();
                }
                9 => {
                    let seen = list.position(&element);
                    assert_eq!(seen, matching(&model, &element).first().copied());
                    assert_eq!(list.get(index).map(|item| item.to_vec()), model.get(index).cloned());
                }
                10 => list.shrink(fill),
                _ => {}
            }
            if turn % 16 == 0 {
                check(&list, &model);
                let forward = list.iter_from(index, End::Front).map(|item| item.to_vec());
                assert!(forward.eq(model.iter().skip(index).cloned()));
                let backward = list.iter_from(index, End::Back).map(|item| item.to_vec());
                let expected = if index < model.len() { index + 1 } else { 0 };
                assert!(backward.eq(model.iter().take(expected).rev().cloned()));
            }
        }
        check(&list, &model);
        let copy = list.clone();
        let mut slices = 0;
        while !list.free_some(2) {
            slices += 1;
            assert!(slices < 1000);
        }
        assert!(list.is_empty());
        check(&copy, &model);
    }
}

#[test]
fn the_encoding_follows_the_limits() {
    // By bytes: the listpack may reach 8 KB and comes back at half of that.
    let fill = Fill::from_config(-2);
    let mut list = List::new();
    let mut pushed = 0;
    while list.encoding() == "listpack" {
        list.make_room(100, 1, fill);
        list.push(End::Back, &[b'x'; 100], fill);
        pushed += 1;
    }
    // 103 bytes each after a header of 7; 78 of them leave no room for 100 more bytes.
    assert_eq!(pushed, (8192 - 7 - 100) / 103 + 2);
    while list.encoding() == "quicklist" {
        assert!(list.discard(End::Back));
        list.shrink(fill);
    }
    assert_eq!(list.len(), (4096 - 7) / 103);
    // By entries.
    let fill = Fill::from_config(10);
    let mut list = List::new();
    for pushed in 1..=11 {
        list.make_room(1, 1, fill);
        list.push(End::Front, b"x", fill);
        assert_eq!(list.encoding(), if pushed > 10 { "quicklist" } else { "listpack" });
    }
    // Two nodes: the second must go before the first may be a listpack.
    list.remove_range(1, 8);
    list.shrink(fill);
    assert_eq!((list.len(), list.encoding()), (3, "quicklist"));
    list.discard(End::Front);
    list.shrink(fill);
    assert_eq!((list.len(), list.encoding()), (2, "listpack"));
    // A large element stands alone and keeps the list a quicklist.
    list.make_room(9000, 1, fill);
    list.push(End::Front, &[0; 9000], fill);
    list.trim(0, 1);
    list.shrink(fill);
    assert_eq!((list.len(), list.encoding()), (1, "quicklist"));
    assert_eq!(list.pop(End::Back), Some(vec![0; 9000]));
    list.shrink(fill);
    assert_eq!((list.len(), list.encoding()), (0, "listpack"));
}

#[test]
fn memory_stays_near_the_elements() {
    let (fill, mut list) = (Fill::default(), List::new());
    let mut held = 0;
    for value in 0..100_000 {
        let element = format!("element:{value}");
        held += element.len() + 2;
        list.make_room(element.len(), 1, fill);
        list.push(if value % 2 == 0 { End::Front } else { End::Back }, element.as_bytes(), fill);
    }
    assert!(list.heap_bytes() < held + held / 50, "{} for {held}", list.heap_bytes());
    list.trim(50_000, 10);
    assert!(list.heap_bytes() < 20_000, "{}", list.heap_bytes());
}

#[test]
fn replacing_does_not_swell_a_node() {
    let (fill, mut list) = (Fill::from_config(-1), List::new());
    for _ in 0..3000 {
        list.make_room(1, 1, fill);
        list.push(End::Back, b"1", fill);
    }
    let large = [b'l'; 4000];
    for index in 0..3000 {
        list.make_room(large.len(), 1, fill);
        list.set(index, &large, fill);
    }
    if let Form::Quick(quick) = &list.form {
        assert!(quick.largest_node() <= 2 * 4096);
    }
    assert!(list.iter().all(|item| item.eq_bytes(&large)));
}
