use super::*;
use crate::bytes::Rng;
use crate::structures::listpack::{tests::text, Listpack};
use std::collections::BTreeMap;

const LIMITS: NodeLimits = NodeLimits { bytes: 4096, entries: 100 };

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn id(ms: u64, seq: u64) -> StreamId {
    StreamId::new(ms, seq)
}

fn add(log: &mut Log, limits: NodeLimits, id: StreamId, pairs: &[(Vec<u8>, Vec<u8>)]) {
    assert!(log.append(limits, id, pairs.iter().map(|(name, value)| (&name[..], &value[..]))));
}

fn owned(entry: Entry) -> (StreamId, Pairs) {
    (entry.id, entry.fields.map(|(name, value)| (name.to_vec(), value.to_vec())).collect())
}

/// A copy made of the nodes' bytes alone.
fn rebuilt(log: &Log) -> Log {
    let mut copy = Log::default();
    for (base, pack) in log.nodes() {
        assert!(copy.push_node(base, Listpack::from_bytes(&pack.to_bytes()).unwrap()));
    }
    assert!(copy.restore_counters(log.last, log.max_deleted, log.added));
    copy
}

#[test]
fn a_log_behaves_as_a_map() {
    for seed in 0..24 {
        let mut rng = Rng::new(seed);
        let (mut log, mut model) = (Log::default(), BTreeMap::<StreamId, Pairs>::new());
        let limits = match rng.below(3) {
            0 => LIMITS,
            1 => NodeLimits { bytes: 0, entries: 1 + rng.below(200) },
            _ => NodeLimits { bytes: 200 + rng.below(2000), entries: 0 },
        };
        let trims = seed % 3 == 0;
        let mut empty_nodes = false;
        for turn in 0..600u64 {
            let some = id(rng.below(700) as u64, rng.below(3) as u64);
            match rng.below(10) {
                0..=5 => {
                    let next = match rng.below(4) {
                        0 => log.last.next().unwrap(),
                        1 => id(log.last.ms + rng.below(300) as u64, log.last.seq + 1 + rng.below(9) as u64),
                        _ => id(log.last.ms + 1, rng.below(2) as u64 * rng.next_u64()),
                    };
                    let mut pairs = vec![(b"a".to_vec(), text(&mut rng)), (b"12".to_vec(), text(&mut rng))];
                    match rng.below(5) {
                        0 => pairs.push((text(&mut rng), text(&mut rng))),
                        1 => pairs[0].0 = text(&mut rng),
                        _ => {}
                    }
                    add(&mut log, limits, next, &pairs);
                    model.insert(next, pairs);
                }
                6 | 7 => {
                    let gone = *model.range(some..).next().map_or(&some, |(id, _)| id);
                    assert_eq!(log.delete(gone), model.remove(&gone).is_some());
                    assert!(!log.delete(gone));
                }
                8 if trims => {
                    let (whole, limit) = (rng.below(2) == 0, rng.below(3) as u64 * 70);
                    let before = model.len() as u64;
                    let by = match rng.below(2) {
                        0 => Trim::MaxLen(rng.below(model.len() + 2) as u64),
                        _ => Trim::MinId(some),
                    };
                    let removed = log.trim(by, whole, if whole { limit } else { 0 });
                    let expected = match by {
                        Trim::MaxLen(most) => before.saturating_sub(most),
                        Trim::MinId(least) => model.range(..least).count() as u64,
                    };
                    assert!(if whole { removed <= expected } else { removed == expected });
                    assert!(!whole || limit == 0 || removed <= limit);
                    (0..removed).for_each(|_| drop(model.pop_first()));
                    empty_nodes |= matches!(by, Trim::MinId(_)) && !whole;
                }
                _ => {}
            }
            assert_eq!(log.len(), model.len() as u64);
            assert_eq!(log.first(), model.first_key_value().map_or(StreamId::MIN, |(id, _)| *id));
            assert_eq!(log.last_live(), model.last_key_value().map(|(id, _)| *id));
            assert_eq!(log.get(some).map(owned), model.get(&some).cloned().map(|pairs| (some, pairs)));
            if turn % 50 == 0 {
                let other = id(rng.below(700) as u64, 0);
                let (start, end) = (some.min(other), some.max(other));
                let expected: Vec<_> = model.range(start..=end).map(|(id, pairs)| (*id, pairs.clone())).collect();
                assert!(log.range(start, end).map(owned).eq(expected.iter().cloned()));
                assert!(log.range_back(start, end).map(owned).eq(expected.iter().rev().cloned()));
                assert!(log.nodes().all(|(_, pack)| empty_nodes || pack.get(pack.first().unwrap()).as_i64() > Some(0)));
                let copy = rebuilt(&log);
                assert_eq!((copy.len(), copy.first(), copy.added), (log.len(), log.first(), log.added));
            }
        }
    }
}

#[test]
fn nodes_split_as_configured() {
    let pair = [(b"f".to_vec(), b"v".to_vec())];
    let mut log = Log::default();
    (1..=1000).for_each(|ms| add(&mut log, LIMITS, id(ms, 0), &pair));
    assert_eq!(log.node_count(), 10);
    // Whole nodes only, and no more than the limit.
    assert_eq!(log.trim(Trim::MaxLen(555), true, 0), 400);
    assert_eq!(log.trim(Trim::MaxLen(0), true, 199), 100);
    assert_eq!(log.trim(Trim::MinId(id(700, 0)), true, 0), 100);
    assert_eq!(log.trim(Trim::MinId(id(655, 0)), false, 0), 54);
    assert_eq!(log.trim(Trim::MinId(id(705, 0)), false, 0), 50);
    assert_eq!((log.len(), log.first(), log.node_count()), (296, id(705, 0), 3));
    let big = [(b"f".to_vec(), vec![b'x'; 5000])];
    (0..3).for_each(|seq| add(&mut log, LIMITS, id(2000, seq), &big));
    assert_eq!(log.node_count(), 6);
}

/// That node.
const NODE: &[u8] = b"y\x00\x00\x00(\x00\x04\x01\x01\x01\x02\x01\x84temp\x05\x84name\x05\
    \x00\x01\x02\x01\x00\x01\x00\x01\x0c\x01\x81a\x02\x05\x01\x03\x01\x01\x01\xdf\xd0\x02\xdf\xf9\
    \x02\x82bb\x03\x05\x01\x00\x01\x01\x01\xdf\xd1\x02\x02\x01\x84temp\x05\x08\x01\
    \x85other\x06\xf2p\x11\x01\x04\x08\x01\x00\x01\xf2h\xbf\x00\x04\xdf\xce\x02\
    \x01\x01\x81x\x02\x80\x01\x06\x01\x02\x01\xdc\x17\x02\xdf\xd3\x02\x01\x01\x81z\x02\x05\x01\
    \xff";

/// The nodes of the DUMP of a stream, as a 7.0 server wrote it: entries with the fields of the first, with others, ids
/// before the first one's sequence number, deleted entries.
#[test]
fn the_bytes_are_those_of_a_server() {
    let mut log = Log::default();
    let pairs = |words: &[&str]| -> Pairs {
        words.chunks(2).map(|pair| (pair[0].as_bytes().to_vec(), pair[1].as_bytes().to_vec())).collect()
    };
    add(&mut log, LIMITS, id(1000, 50), &pairs(&["temp", "12", "name", "a"]));
    add(&mut log, LIMITS, id(1001, 2), &pairs(&["temp", "-7", "name", "bb"]));
    add(&mut log, LIMITS, id(1001, 3), &pairs(&["temp", "8", "other", "70000"]));
    add(&mut log, LIMITS, id(50_000, 0), &pairs(&["x", ""]));
    add(&mut log, LIMITS, id(u64::MAX, 5), &pairs(&["temp", "1", "name", "z"]));
    assert!(log.delete(id(1001, 2)));
    let (base, pack) = log.nodes().next().unwrap();
    assert_eq!(base, id(1000, 50));
    assert_eq!(pack.to_bytes(), NODE);
}

#[test]
fn foreign_nodes_are_refused_or_sound() {
    let mut accepted = 0;
    for seed in 0..12_000 {
        let mut rng = Rng::new(seed);
        let mut log = Log::default();
        for ms in 1..2 + rng.below(4) as u64 {
            let mut pairs = vec![(b"a".to_vec(), b"1".to_vec())];
            if rng.below(3) == 0 {
                pairs.push((b"b".to_vec(), b"x".to_vec()));
            }
            add(&mut log, LIMITS, id(ms, 0), &pairs);
        }
        if rng.below(3) == 0 {
            log.delete(id(2, 0));
        }
        let (base, pack) = log.nodes().next().unwrap();
        let mut pack = pack.clone();
        for _ in 0..rng.below(3) {
            let at = pack.seek(rng.below(pack.len()) as i64).unwrap();
            match rng.below(5) {
                0 => drop(pack.delete(at)),
                1 => drop(pack.insert_before(at, b"x")),
                2 => drop(pack.replace(at, rng.next_u64() as i64 >> rng.below(64))),
                _ => drop(pack.replace(at, rng.below(8) as i64)),
            }
        }
        let mut copy = Log::default();
        if copy.push_node(base, pack.clone()) {
            accepted += 1;
            let forward: Vec<_> = copy.range(StreamId::MIN, StreamId::MAX).map(owned).collect();
            let mut backward: Vec<_> = copy.range_back(StreamId::MIN, StreamId::MAX).map(owned).collect();
            backward.reverse();
            assert_eq!(forward, backward);
            assert_eq!(forward.len() as u64, copy.len());
        }
        // Even an unchecked node must not trap or walk for ever.
        node::Forward::new(base, &pack).for_each(drop);
        node::Backward::new(base, &pack).take(1000).for_each(drop);
        node::last_id(base, &pack);
        node::mark(base, &mut pack, |_, _| node::Mark::Delete);
    }
    assert!(accepted > 4000 && accepted < 10_000, "{accepted}");
}

#[test]
fn the_radix_tree_that_redis_would_have() {
    /// Nodes of the compressed trie over keys that share the bytes before `depth`.
    fn count(keys: &[[u8; 16]], depth: usize) -> usize {
        if depth == 16 {
            return 1;
        }
        let shared = (depth..16).find(|&at| keys.iter().any(|key| key[at] != keys[0][at])).unwrap_or(16);
        if shared > depth {
            return 1 + count(keys, shared);
        }
        1 + keys.chunk_by(|a, b| a[depth] == b[depth]).map(|keys| count(keys, depth + 1)).sum::<usize>()
    }
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let (mut log, one) = (Log::default(), NodeLimits { bytes: 0, entries: 1 });
        let mut last = StreamId::MIN;
        for _ in 0..rng.below(60) {
            last = id(
                last.ms + (rng.next_u64() >> (10 + rng.below(54))),
                last.seq + 1 + (rng.next_u64() >> (10 + rng.below(54))),
            );
            add(&mut log, one, last, &[(vec![], vec![])]);
        }
        let keys: Vec<_> = log.nodes().map(|(id, _)| id.to_key()).collect();
        assert_eq!(log.radix_nodes(), if keys.is_empty() { 1 } else { count(&keys, 0) });
    }
}

#[test]
fn a_group_behaves_as_two_maps() {
    for seed in 0..30 {
        let mut rng = Rng::new(seed);
        let mut stream = Stream::default();
        let group = stream.groups.add(b"g", StreamId::MIN, None).unwrap();
        let mut model = BTreeMap::<StreamId, (Vec<u8>, i64, i64)>::new();
        let mut names = std::collections::BTreeSet::new();
        for turn in 0..3000 {
            let some = id(rng.below(400) as u64, 0);
            let name = format!("c{}", rng.below(6)).into_bytes();
            match rng.below(6) {
                0..=2 => {
                    let consumer = group.find_consumer(&name).or_else(|| group.add_consumer(&name, turn)).unwrap();
                    names.insert(name.clone());
                    group.deliver(some, consumer, turn, 1);
                    model.insert(some, (name, turn, 1));
                }
                3 | 4 => assert_eq!(group.acknowledge(some), model.remove(&some).is_some()),
                _ if rng.below(9) == 0 => {
                    let before = model.len();
                    model.retain(|_, (owner, ..)| *owner != name);
                    let gone = names.remove(&name).then_some(before - model.len());
                    assert_eq!(group.delete_consumer(&name), gone);
                }
                _ => {
                    if let Some(delivery) = group.delivery_mut(some) {
                        delivery.count += 1;
                        model.get_mut(&some).unwrap().2 += 1;
                    }
                }
            }
            assert_eq!(group.pending(), model.len());
            if turn % 100 == 0 {
                let seen: Vec<_> = group
                    .pending_from(some)
                    .map(|(id, d)| (id, (group.consumer(d.consumer()).name().to_vec(), d.time, d.count)))
                    .collect();
                assert!(seen.into_iter().eq(model.range(some..).map(|(id, delivery)| (*id, delivery.clone()))));
                assert!(group.consumers().map(|consumer| consumer.name().to_vec()).eq(names.iter().cloned()));
                for consumer in group.consumers() {
                    let own = model.iter().filter(|(_, (owner, ..))| *owner == consumer.name()).map(|(id, _)| *id);
                    assert!(consumer.pending_from(StreamId::MIN).eq(own));
                }
                let ends = model.first_key_value().map(|(id, _)| (*id, *model.last_key_value().unwrap().0));
                assert_eq!(group.pending_ends(), ends);
            }
        }
    }
}

#[test]
fn memory_is_counted_and_freed_in_slices() {
    let mut stream = Stream::default();
    for ms in 1..=100_000u64 {
        let value = (ms * 7919 % 100_000).to_string().into_bytes();
        assert!(stream.log.append(LIMITS, id(1_700_000_000_000 + ms, 0), [(&b"f"[..], &value[..])].into_iter()));
    }
    let per_entry = stream.heap_bytes() as f64 / 100_000.0;
    let payload = stream.log.nodes().map(|(_, pack)| pack.byte_len()).sum::<usize>() as f64 / 100_000.0;
    assert!(per_entry < payload + 0.7, "{per_entry} {payload}");
    let group = stream.groups.add(b"g", StreamId::MIN, None).unwrap();
    let consumer = group.add_consumer(b"c", 0).unwrap();
    for ms in 1..=100_000u64 {
        group.deliver(id(1_700_000_000_000 + ms, 0), consumer, 0, 1);
    }
    assert!(group.heap_bytes() < 100_000 * 57, "{}", group.heap_bytes());
    let (mut slices, weight) = (0, stream.weight());
    while !stream.free_some(100) {
        slices += 1;
    }
    assert!(slices > 100 && slices < weight, "{slices} {weight}");
    assert!(stream.log.is_empty() && stream.groups.is_empty());
}

#[test]
fn an_entry_too_large_changes_nothing() {
    // Never touched, so never backed by memory.
    let huge = vec![0; 1 << 30];
    let mut log = Log::default();
    assert!(!log.append(LIMITS, id(1, 0), [(&b"f"[..], &huge[..])].into_iter()));
    assert_eq!((log.len(), log.node_count(), log.last), (0, 0, StreamId::MIN));
}
