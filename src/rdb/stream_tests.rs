use super::super::tests::word;
use super::*;
use crate::bytes::Rng;
use crate::keyspace::Keyspace;
use crate::rdb::{dump, open, restore};
use crate::structures::stream::NodeLimits;

/// A stream in words: counters, entries, groups with what is pending.
pub(in crate::rdb) fn show(stream: &Stream) -> Vec<String> {
    let log = &stream.log;
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let id = |id: StreamId| text(&id.text());
    let mut parts = vec![format!("{} {} {} {}", id(log.last), id(log.first()), id(log.max_deleted), log.added)];
    for entry in log.range(StreamId::MIN, StreamId::MAX) {
        let pairs = entry.fields.map(|(name, value)| format!("{}={}", text(&name.to_vec()), text(&value.to_vec())));
        parts.push(format!("{} {}", id(entry.id), pairs.collect::<Vec<_>>().join(" ")));
    }
    for group in stream.groups.iter() {
        parts.push(format!("group {} {} {:?}", text(group.name()), id(group.last), group.entries_read));
        for (at, delivery) in group.pending_from(StreamId::MIN) {
            parts.push(format!("{} {} {}", id(at), delivery.time, delivery.count));
        }
        for consumer in group.consumers() {
            let own: Vec<_> = consumer.pending_from(StreamId::MIN).map(id).collect();
            parts.push(format!("consumer {} {} {}", text(consumer.name()), consumer.seen, own.join(" ")));
        }
    }
    parts
}

/// A stream of about `many` entries, some deleted, with groups.
fn any_stream(rng: &mut Rng, many: usize) -> Stream {
    let mut stream = Stream::default();
    let limits = NodeLimits { bytes: 4096, entries: 1 + rng.below(100) };
    for _ in 0..many {
        let last = stream.log.last;
        let id = StreamId::new(last.ms + rng.below(3) as u64, last.seq + 1);
        let (name, value) = (word(rng), word(rng));
        let pairs = [(&b"field"[..], &value[..]), (&name[..], &b"12"[..])];
        assert!(stream.log.append(limits, id, pairs[..1 + rng.below(2)].iter().copied()));
        if rng.below(5) == 0 {
            stream.log.delete(StreamId::new(rng.below(many) as u64, 1 + rng.below(many) as u64));
        }
    }
    for name in ["g", "h"].iter().take(rng.below(3)) {
        let read = Some(rng.below(9) as i64).filter(|read| *read > 3);
        let group = stream.groups.add(name.as_bytes(), stream.log.last, read).expect("a new name");
        let consumers = [group.add_consumer(b"a", 5), group.add_consumer(&word(rng), 1_700_000_000_000)];
        for _ in 0..rng.below(20) {
            if let Some(consumer) = consumers[rng.below(2)] {
                group.deliver(StreamId::new(rng.below(9) as u64, rng.below(9) as u64), consumer, 1 << rng.below(42), 2);
            }
        }
    }
    stream
}

fn restored(body: &[u8]) -> Option<Vec<String>> {
    match restore(body, &Keyspace::new(1, 7).limits) {
        Ok(Value::Stream(stream)) => Some(show(&stream)),
        _ => None,
    }
}

#[test]
fn what_was_dumped_restores_to_the_same_and_damage_is_refused_or_sound() {
    let (mut sound, mut refused) = (0, 0);
    for seed in 0..400 {
        let mut rng = Rng::new(seed);
        let many = if seed % 8 == 0 { rng.below(300) } else { rng.below(8) };
        let stream = any_stream(&mut rng, many);
        let shown = show(&stream);
        let payload = dump(Value::Stream(Box::new(stream)).view());
        let body = open(&payload).expect("a footer");
        assert_eq!(restored(body), Some(shown));
        for _ in 0..20 {
            let mut body = body.to_vec();
            for _ in 0..1 + rng.below(3) {
                let at = rng.below(body.len());
                match rng.below(4) {
                    0 => body.truncate(at.max(1)),
                    1 => body[at] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF][rng.below(6)],
                    2 => body.insert(at, rng.next_u64() as u8),
                    _ => body[at] ^= 1 << rng.below(8),
                }
            }
            match restore(&body, &Keyspace::new(1, 7).limits) {
                Ok(value) => {
                    let Value::Stream(stream) = &value else { continue };
                    assert_eq!(restored(open(&dump(value.view())).expect("a footer")), Some(show(stream)));
                    sound += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(sound > 300 && refused > 3000, "{sound} {refused}");
}

/// What a 7.0 server answered to DUMP of a stream with a deleted entry, two groups, and entries pending at two
/// consumers; and what the same is in the first edition, which 5.0 wrote.
#[test]
fn a_payload_of_a_server_restores_and_is_written_back() {
    let Ok(Value::Stream(stream)) = restore(open(SERVER).expect("a footer"), &Keyspace::new(1, 7).limits) else {
        panic!("it restores")
    };
    assert_eq!(
        show(&stream),
        [
            "3-1 1-1 2-1 3",
            "1-1 a=1 b=x",
            "3-1 a=3 b=z",
            "group g 3-1 Some(3)",
            "1-1 1700000000000 5",
            "3-1 1700000000001 1",
            "consumer c 1795420611401 1-1",
            "consumer d 1795420611452 3-1",
            "group h 2-0 None",
        ]
    );
    assert_eq!(dump(Value::Stream(stream).view()), SERVER);
}

#[test]
fn the_editions_differ_in_their_counters() {
    let stream = any_stream(&mut Rng::new(3), 0);
    assert_eq!(show(&stream)[0], "0-0 0-0 0-0 0");
    let mut one = Stream::default();
    let pairs = [(&b"a"[..], &b"9"[..])];
    assert!(one.log.append(NodeLimits { bytes: 0, entries: 0 }, StreamId::new(1, 1), pairs.into_iter()));
    let pack = one.log.nodes().next().map(|(_, pack)| pack.to_bytes()).expect("a node");
    let node = [&[1, 16][..], &StreamId::new(1, 1).to_key(), &[pack.len() as u8], &pack].concat();
    let group = |read: &[u8], active: &[u8]| {
        let (id, time) = (StreamId::new(1, 1).to_key(), 7i64.to_le_bytes());
        let parts: [&[u8]; 14] =
            [&[1, 1], b"g", &[1, 1], read, &[1], &id, &time, &[3, 1, 1], b"c", &time, active, &[1], &id, &[]];
        parts.concat()
    };
    let shown = |counters: &str, read: &str| {
        let consumer = "consumer c 7 1-1";
        let lines = [counters, "1-1 a=9", &format!("group g 1-1 {read}"), "1-1 7 3", consumer];
        Some(lines.map(str::to_owned).to_vec())
    };
    let first = [&[15][..], &node, &[1, 1, 1], &group(&[], &[])].concat();
    assert_eq!(restored(&first), shown("1-1 1-1 0-0 1", "Some(1)"));
    let second = [&[19][..], &node, &[1, 1, 1, 1, 1, 0, 5, 6], &group(&[4], &[])].concat();
    assert_eq!(restored(&second), shown("1-1 1-1 0-5 6", "Some(4)"));
    let third = [&[21][..], &node, &[1, 1, 1, 1, 1, 0, 5, 6], &group(&[4], &9i64.to_le_bytes())].concat();
    assert_eq!(restored(&third), shown("1-1 1-1 0-5 6", "Some(4)"));
    // A wrong count of entries, a last id before them, an entry pending at nobody, or at two.
    for (at, byte) in [(node.len() + 1, 2), (node.len() + 2, 0)] {
        let mut wrong = second.clone();
        wrong[at] = byte;
        assert_eq!(restored(&wrong), None, "{at}");
    }
    let mut nobody = second.clone();
    let at = nobody.len() - 17;
    nobody[at] = 0;
    nobody.truncate(at + 1);
    assert_eq!(restored(&nobody), None);
    let mut twice = second.clone();
    twice[at] = 2;
    twice.extend_from_slice(&StreamId::new(1, 1).to_key());
    assert_eq!(restored(&twice), None);
}

/// The payload of that test.
const SERVER: &[u8] = b"\x13\x01\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01<<\x00\x00\x00\
    \x18\x00\x02\x01\x01\x01\x02\x01\x81a\x02\x81b\x02\x00\x01\x02\x01\x00\x01\x00\x01\x01\x01\
    \x81x\x02\x05\x01\x03\x01\x01\x01\x00\x01\x02\x01\x81y\x02\x05\x01\x02\x01\x02\x01\x00\x01\
    \x03\x01\x81z\x02\x05\x01\xff\x02\x03\x01\x01\x01\x02\x01\x03\x02\x01g\x03\x01\x03\x02\x00\
    \x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00h\xe5\xcf\x8b\x01\x00\x00\x05\
    \x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x01\x01h\xe5\xcf\x8b\x01\x00\x00\
    \x01\x02\x01cIch\x07\xa2\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\
    \x00\x00\x00\x00\x01\x01d|ch\x07\xa2\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x03\
    \x00\x00\x00\x00\x00\x00\x00\x01\x01h\x02\x00\x81\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x0a\
    \x00\x14F\x13|C\xa4\xdd$";
