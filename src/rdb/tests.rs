//! Payloads of real servers, of ours, and damaged ones.

use super::*;
use crate::bytes::number::I64_TEXT;
use crate::bytes::Rng;
use crate::keyspace::Keyspace;
use crate::structures::hash::Hash;
use crate::structures::list::{End, Fill, List};
use crate::structures::listpack::Item;
use crate::structures::set::{Limits as SetLimits, Set};
use crate::structures::sorted_set::SortedSet;

fn limits() -> EncodingLimits {
    Keyspace::new(1, 7).limits
}

fn payload(body: &[u8], version: u16) -> Vec<u8> {
    let mut payload = body.to_vec();
    payload.extend_from_slice(&version.to_le_bytes());
    let sum = crc64(0, &payload);
    payload.extend_from_slice(&sum.to_le_bytes());
    payload
}

/// A value as text, sets and hashes sorted.
fn show(value: &Value) -> String {
    shown(value.view())
}

pub(super) fn shown(value: ValueRef) -> String {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let mut parts: Vec<String> = match value {
        ValueRef::Str(string) => vec![text(string.bytes(&mut [0; I64_TEXT]))],
        ValueRef::List(list) => list.iter().map(|item| text(&item.to_vec())).collect(),
        ValueRef::Set(set) => set.iter().map(|item| text(&item.to_vec())).collect(),
        ValueRef::Hash(hash) => {
            let expiry = |at: Option<i64>| at.map_or(String::new(), |at| format!("@{at}"));
            let field = |f: Item, v: Item, at| format!("{}={}{}", text(&f.to_vec()), text(&v.to_vec()), expiry(at));
            hash.entries().map(|(f, v, at)| field(f, v, at)).collect()
        }
        ValueRef::SortedSet(set) => set.iter().map(|(m, s)| format!("{}:{}", text(&m.to_vec()), s)).collect(),
        ValueRef::Stream(stream) => super::stream::tests::show(stream),
    };
    if matches!(value, ValueRef::Set(_) | ValueRef::Hash(_)) {
        parts.sort();
    }
    format!("{} {}", value.encoding(), parts.join(" "))
}

fn read(body: &[u8]) -> Result<String, Damage> {
    restore(body, &limits()).map(|value| show(&value))
}

pub(super) fn word(rng: &mut Rng) -> Vec<u8> {
    match rng.below(8) {
        0 => (rng.next_u64() as i64 >> rng.below(64)).to_string().into_bytes(),
        1 => (0..rng.below(40)).map(|_| rng.next_u64() as u8).collect(),
        2 => vec![b'x'; rng.below(300)],
        3 if rng.below(20) == 0 => vec![b'y'; 9000],
        _ => (0..1 + rng.below(8)).map(|_| b'a' + rng.below(5) as u8).collect(),
    }
}

/// A value of any type and encoding.
pub(super) fn any_value(rng: &mut Rng, limits: &EncodingLimits) -> Value {
    let many = if rng.below(6) == 0 { 1 + rng.below(700) } else { 1 + rng.below(10) };
    let set_limits = SetLimits { listpack: limits.set, intset: limits.intset };
    match rng.below(6) {
        0 => Value::string(&word(rng)),
        1 => {
            let (mut list, fill) = (List::new(), Fill::from_config(limits.list));
            for _ in 0..many {
                let word = word(rng);
                list.make_room(word.len(), 1, fill);
                list.push(if rng.below(2) == 0 { End::Front } else { End::Back }, &word, fill);
            }
            Value::List(list)
        }
        2 => {
            let mut set = Set::new();
            for _ in 0..many {
                set.add(&word(rng), &set_limits);
            }
            Value::Set(set)
        }
        3 => {
            let (mut set, shift) = (Set::new(), rng.below(64));
            for _ in 0..many {
                set.add((rng.next_u64() as i64 >> shift).to_string().as_bytes(), &set_limits);
            }
            Value::Set(set)
        }
        4 => {
            let mut set = SortedSet::new();
            for _ in 0..many {
                let score = match rng.below(4) {
                    0 => f64::NEG_INFINITY,
                    1 => rng.unit() * 1e9,
                    _ => rng.below(50) as f64,
                };
                set.insert(&word(rng), score, &limits.sorted_set);
            }
            Value::SortedSet(set)
        }
        _ => {
            let mut hash = Hash::new();
            for _ in 0..many {
                hash.set(&word(rng), &word(rng), limits.hash);
            }
            if rng.below(2) == 0 {
                hash.make_timed();
                let names: Vec<Vec<u8>> = hash.iter().map(|(name, _)| name.to_vec()).collect();
                for name in names {
                    if rng.below(3) == 0 {
                        hash.set_expiry(&name, Some(1 + (rng.next_u64() >> (18 + rng.below(45))) as i64));
                    }
                }
            }
            Value::Hash(hash)
        }
    }
}

#[test]
fn what_was_dumped_restores_to_the_same() {
    let (mut rng, limits) = (Rng::new(1), limits());
    let mut encodings = std::collections::BTreeSet::new();
    for _ in 0..3000 {
        let value = any_value(&mut rng, &limits);
        let payload = dump(value.view());
        let back = restore(open(&payload).expect("a footer"), &limits).expect("a value");
        encodings.insert(format!("{} {}", value.view().type_name(), value.view().encoding()));
        // A string that grew, and a listpack a little past its limit, come back in their tightest form.
        let tightened = matches!(value, Value::Str(_) | Value::List(_));
        let strip = |text: String| text.split_once(' ').map(|(_, rest)| rest.to_owned());
        if tightened {
            assert_eq!(strip(show(&back)), strip(show(&value)));
        } else {
            assert_eq!(show(&back), show(&value));
        }
        let mut reader = Reader::new(open(&payload).expect("a footer"));
        let kind = reader.byte().expect("a type");
        reader.value(kind, &limits).expect("a value");
        assert_eq!(reader.left(), 0);
    }
    assert_eq!(encodings.len(), 13, "{encodings:?}");
}

/// A string with a short length.
pub(super) fn string(bytes: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.length(bytes.len() as u64);
    writer.raw(bytes);
    writer.into_bytes()
}

/// A ziplist as Redis before 7.0 would have written it.
fn ziplist(entries: &[&str]) -> Vec<u8> {
    let (mut bytes, mut before, mut tail) = (vec![0; 10], 0, 10);
    for entry in entries {
        tail = bytes.len();
        if before < 254 {
            bytes.push(before as u8);
        } else {
            bytes.push(254);
            bytes.extend_from_slice(&(before as u32).to_le_bytes());
        }
        match entry.parse::<i64>() {
            Ok(number @ 0..=12) => bytes.push(0xF1 + number as u8),
            Ok(number) => {
                let (code, width) = match number {
                    -0x80..=0x7F => (0xFE, 1),
                    -0x8000..=0x7FFF => (0xC0, 2),
                    -0x80_0000..=0x7F_FFFF => (0xF0, 3),
                    -0x8000_0000..=0x7FFF_FFFF => (0xD0, 4),
                    _ => (0xE0, 8),
                };
                bytes.push(code);
                bytes.extend_from_slice(&number.to_le_bytes()[..width]);
            }
            Err(_) => {
                match entry.len() {
                    length @ 0..=63 => bytes.push(length as u8),
                    length @ 64..=16383 => bytes.extend_from_slice(&(length as u16 | 0x4000).to_be_bytes()),
                    length => {
                        bytes.push(0x80);
                        bytes.extend_from_slice(&(length as u32).to_be_bytes());
                    }
                }
                bytes.extend_from_slice(entry.as_bytes());
            }
        }
        before = bytes.len() - tail;
    }
    bytes.push(0xFF);
    let total = bytes.len() as u32;
    bytes[..4].copy_from_slice(&total.to_le_bytes());
    bytes[4..8].copy_from_slice(&(tail as u32).to_le_bytes());
    bytes[8..10].copy_from_slice(&(entries.len() as u16).to_le_bytes());
    bytes
}

fn zipmap(entries: &[&str]) -> Vec<u8> {
    let mut bytes = vec![entries.len() as u8 / 2];
    for (at, entry) in entries.iter().enumerate() {
        if entry.len() < 254 {
            bytes.push(entry.len() as u8);
        } else {
            bytes.push(254);
            bytes.extend_from_slice(&(entry.len() as u32).to_le_bytes());
        }
        if at % 2 == 1 {
            bytes.push(2);
        }
        bytes.extend_from_slice(entry.as_bytes());
        if at % 2 == 1 {
            bytes.extend_from_slice(b"\0\0");
        }
    }
    bytes.push(0xFF);
    bytes
}

fn listpack(entries: &[&str]) -> Vec<u8> {
    let mut pack = crate::structures::listpack::Listpack::new();
    entries.iter().for_each(|entry| pack.push_back(entry.as_bytes()));
    pack.to_bytes()
}

/// `kind` before the pieces.
fn body(kind: u8, pieces: &[&[u8]]) -> Vec<u8> {
    let mut body = vec![kind];
    pieces.iter().for_each(|piece| body.extend_from_slice(piece));
    body
}

/// One body of every encoding that is read, with what it reads as.
pub(super) fn every_encoding() -> Vec<(Vec<u8>, String)> {
    let long = "l".repeat(300);
    let numbers =
        ["0", "12", "13", "-1", "-129", "32767", "-32769", "8388607", "-8388609", "2147483648", "-2147483649"];
    let all = numbers.join(" ");
    let mut cases = vec![
        (body(types::STRING, &[&string(b"hello")]), "embstr hello".to_owned()),
        (body(types::STRING, &[b"\xc0\xfe"]), "int -2".to_owned()),
        (body(types::STRING, &[b"\xc1\x39\x30"]), "int 12345".to_owned()),
        (body(types::STRING, &[b"\xc2\0\0\0\x80"]), "int -2147483648".to_owned()),
        (body(types::STRING, &[b"\xc3\x09\x1b\x01aa\xe0\x0e\0\x01aa"]), format!("embstr {}", "a".repeat(27))),
        (body(types::STRING, &[b"\x80\0\0\0\x02hi"]), "embstr hi".to_owned()),
        (body(types::STRING, &[b"\x81\0\0\0\0\0\0\0\x02hi"]), "embstr hi".to_owned()),
        (body(types::STRING, &[&string(b"077")]), "embstr 077".to_owned()),
        (body(types::LIST, &[b"\x03", &string(b"a"), b"\xc0\x05", &string(b"")]), "listpack a 5 ".to_owned()),
        (body(types::LIST_ZIPLIST, &[&string(&ziplist(&numbers))]), format!("listpack {all}")),
        (
            body(types::LIST_ZIPLIST, &[&string(&ziplist(&[&long, "x", &long, "y"]))]),
            format!("listpack {long} x {long} y"),
        ),
        (
            body(
                types::LIST_QUICKLIST,
                &[b"\x03", &string(&ziplist(&["a"])), &string(&ziplist(&[])), &string(&ziplist(&["1"]))],
            ),
            "quicklist a 1".to_owned(),
        ),
        (body(types::LIST_QUICKLIST_2, &[b"\x01\x02", &string(&listpack(&["a", "1"]))]), "listpack a 1".to_owned()),
        (
            body(types::LIST_QUICKLIST_2, &[b"\x02\x01", &string(b"plain"), b"\x02", &string(&listpack(&["1"]))]),
            "quicklist plain 1".to_owned(),
        ),
        (body(types::SET, &[b"\x02", b"\xc0\x05", &string(b"3")]), "intset 3 5".to_owned()),
        (body(types::SET, &[b"\x02", b"\xc0\x05", &string(b"a")]), "listpack 5 a".to_owned()),
        (body(types::SET, &[b"\x02", b"\xc0\x05", &string(&[b'a'; 65])]), format!("hashtable 5 {}", "a".repeat(65))),
        (body(types::SET_INTSET, &[&string(b"\x02\0\0\0\x02\0\0\0\x01\0\x02\0")]), "intset 1 2".to_owned()),
        (body(types::SET_LISTPACK, &[&string(&listpack(&["b", "a", "7"]))]), "listpack 7 a b".to_owned()),
        (
            body(types::ZSET, &[b"\x03", &string(b"a"), b"\x031.5", &string(b"b"), b"\xff", &string(b"c"), b"\xfe"]),
            "listpack b:-inf a:1.5 c:inf".to_owned(),
        ),
        (body(types::ZSET_2, &[b"\x01", &string(b"a"), &1.5f64.to_le_bytes()]), "listpack a:1.5".to_owned()),
        (body(types::ZSET_ZIPLIST, &[&string(&ziplist(&["a", "1", "b", "2.5"]))]), "listpack a:1 b:2.5".to_owned()),
        (
            body(types::ZSET_LISTPACK, &[&string(&listpack(&["b", "-inf", "a", "0.10000000000000001", "c", "1e+21"]))]),
            "listpack b:-inf a:0.1 c:1000000000000000000000".to_owned(),
        ),
        (
            body(types::HASH, &[b"\x02", &string(b"f"), b"\xc0\x01", &string(b"g"), &string(b"v")]),
            "listpack f=1 g=v".to_owned(),
        ),
        (body(types::HASH_ZIPMAP, &[&string(&zipmap(&["f", "1", "g", &long]))]), format!("listpack f=1 g={long}")),
        (body(types::HASH_ZIPLIST, &[&string(&ziplist(&["f", "1", "g", "v"]))]), "listpack f=1 g=v".to_owned()),
        (body(types::HASH_LISTPACK, &[&string(&listpack(&["f", "1", "g", "v"]))]), "listpack f=1 g=v".to_owned()),
        (
            body(
                types::HASH_METADATA_PRE_GA,
                &[b"\x02\0", &string(b"f"), b"\xc0\x01\x05", &string(b"g"), &string(b"v")],
            ),
            "listpackex f=1 g=v@5".to_owned(),
        ),
        (
            body(types::HASH_LISTPACK_EX_PRE_GA, &[&string(&listpack(&["f", "1", "0", "g", "v", "5"]))]),
            "listpackex f=1 g=v@5".to_owned(),
        ),
        (
            body(
                types::HASH_METADATA,
                &[&5u64.to_le_bytes(), b"\x02\x03", &string(b"f"), b"\xc0\x01\x01", &string(b"g"), &string(b"v")],
            ),
            "listpackex f=1@7 g=v@5".to_owned(),
        ),
        (
            body(types::HASH_LISTPACK_EX, &[&5u64.to_le_bytes(), &string(&listpack(&["g", "v", "5", "f", "1", "0"]))]),
            "listpackex f=1 g=v@5".to_owned(),
        ),
    ];
    // What is past the limits of a compact form comes in its large one.
    let many: Vec<String> = (0..600).map(|number| format!("{number:04}x")).collect();
    let pairs: Vec<&str> = many.iter().flat_map(|field| [field.as_str(), "1"]).collect();
    let shown = |infix: &str| many.iter().map(|field| format!("{field}{infix}")).collect::<Vec<_>>().join(" ");
    let names: Vec<&str> = many.iter().map(String::as_str).collect();
    cases.push((body(types::HASH_LISTPACK, &[&string(&listpack(&pairs))]), format!("hashtable {}", shown("=1"))));
    let timed: Vec<&str> = many.iter().flat_map(|field| [field.as_str(), "1", "9"]).collect();
    let timed = body(types::HASH_LISTPACK_EX, &[&9u64.to_le_bytes(), &string(&listpack(&timed))]);
    cases.push((timed, format!("hashtable {}", shown("=1@9"))));
    cases.push((body(types::ZSET_LISTPACK, &[&string(&listpack(&pairs))]), format!("skiplist {}", shown(":1"))));
    cases.push((body(types::SET_LISTPACK, &[&string(&listpack(&names))]), format!("hashtable {}", shown(""))));
    cases
}

#[test]
fn every_encoding_reads() {
    for (body, text) in every_encoding() {
        assert_eq!(read(&body).as_deref(), Ok(text.as_str()), "{}", body.escape_ascii());
        assert_eq!(open(&payload(&body, 9)), Some(&body[..]));
    }
}

#[test]
fn a_footer_is_checked() {
    let sound = payload(b"\0\x02hi", WRITTEN);
    assert!(open(&sound).is_some());
    assert!(open(&payload(b"\0\x02hi", NEWEST)).is_some());
    assert!(open(&payload(b"\0\x02hi", NEWEST + 1)).is_none());
    for at in 0..sound.len() {
        assert!(open(&sound[..at]).is_none());
        let mut damaged = sound.clone();
        damaged[at] ^= 16;
        assert!(open(&damaged).is_none());
    }
}

#[test]
fn damage_is_named_with_its_place() {
    let kind = |body: &[u8]| read(body).expect_err("damage");
    for (body, offset, why) in [
        (&b""[..], 0, Kind::Truncated),
        (b"\0", 1, Kind::Truncated),
        (b"\0\x05hell", 2, Kind::Truncated),
        (b"\0\x82", 1, Kind::Length),
        (b"\0\xc4", 1, Kind::StringEncoding(4)),
        (b"\0\xc3\x02\x14\x20\x05", 1, Kind::Compression),
        (b"\0\x81\xff\xff\xff\xff\xff\xff\xff\xff", 10, Kind::Truncated),
        (b"\x01\0", 1, Kind::Empty),
        (b"\x02\0", 1, Kind::Empty),
        (b"\x02\x81\xff\xff\xff\xff\xff\xff\xff\xff", 1, Kind::Truncated),
        (b"\x02\x02\x01a\x01a", 4, Kind::Duplicate),
        (b"\x04\x02\x01a\x01b\x01a\x01c", 6, Kind::Duplicate),
        (b"\x05\x01\x01a\0\0\0\0\0\0\xf8\x7f", 4, Kind::Score),
        (b"\x03\x01\x01a\xfd", 4, Kind::Score),
        (b"\x0b\x03abc", 1, Kind::Nested("intset")),
        (b"\x10\x03abc", 1, Kind::Nested("listpack")),
        (b"\x0e\x01\x03abc", 2, Kind::Nested("ziplist")),
        (b"\x12\x01\x03\x03abc", 2, Kind::Nested("quicklist")),
        (b"\x12\x01\x01\0", 2, Kind::Nested("quicklist")),
        (b"\x09\x02\x01\xff", 1, Kind::Nested("zipmap")),
        (b"\x63", 1, Kind::Type(99)),
        (b"\x18\x01", 1, Kind::Truncated),
        (b"\x18\xe8\x03\0\0\0\0\0\0\0", 9, Kind::Empty),
        (b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01\x01a\x01b", 10, Kind::Expiry),
        (b"\x18\0\0\0\0\0\x40\0\0\x01\x01\x01a\x01b", 10, Kind::Expiry),
        (b"\x18\xe8\x03\0\0\0\0\0\0\x02\x01\x01a\x01b\0\x01a\x01c", 15, Kind::Duplicate),
        (b"\x19\0\0\0\0\0\0\0\0\x03abc", 9, Kind::Nested("listpack")),
        (b"\x17\x07\x07\0\0\0\0\0\xff", 1, Kind::Empty),
        (b"\x07\x81\x2d\xb6\x21\xb6\x3b\x6f\x2c\x01", 1, Kind::Module("Lbchtjtvs".into())),
    ] {
        let found = kind(body);
        assert_eq!(found.offset, offset, "{} {found}", body.escape_ascii());
        if !matches!(why, Kind::Module(_)) {
            assert_eq!(found.kind, why, "{}", body.escape_ascii());
        }
    }
    // Members out of order, a field without value, a field that comes twice.
    for body in [
        body(types::ZSET_LISTPACK, &[&string(&listpack(&["b", "2", "a", "1"]))]),
        body(types::ZSET_LISTPACK, &[&string(&listpack(&["a", "1", "a", "2"]))]),
        body(types::ZSET_LISTPACK, &[&string(&listpack(&["a", "nan"]))]),
        body(types::HASH_LISTPACK, &[&string(&listpack(&["f", "1", "g"]))]),
        body(types::HASH_LISTPACK, &[&string(&listpack(&["f", "1", "f", "2"]))]),
        body(types::SET_LISTPACK, &[&string(&listpack(&["f", "f"]))]),
    ] {
        assert!(read(&body).is_err(), "{}", body.escape_ascii());
    }
}

/// What may be done with a value that came from outside is done to it.
fn exercise(value: &Value, limits: &EncodingLimits) {
    assert!(!value.view().is_empty());
    let shown = show(value);
    let again = restore(open(&dump(value.view())).expect("a footer"), limits).expect("our own");
    assert_eq!(show(&again).split_once(' ').map(|(_, rest)| rest), shown.split_once(' ').map(|(_, rest)| rest));
}

#[test]
fn damaged_bodies_are_refused_or_sound() {
    let (mut rng, limits) = (Rng::new(5), limits());
    let mut bodies: Vec<Vec<u8>> = every_encoding().into_iter().map(|(body, _)| body).collect();
    for _ in 0..60 {
        let payload = dump(any_value(&mut rng, &limits).view());
        bodies.push(open(&payload).expect("a footer").to_vec());
    }
    let (mut sound, mut refused) = (0, 0);
    for round in 0..30_000 {
        let mut body = bodies[rng.below(bodies.len())].clone();
        for _ in 0..1 + rng.below(3) {
            let at = match round % 2 {
                0 => rng.below(body.len()),
                // Where the lengths and headers are.
                _ => rng.below(body.len().min(24)),
            };
            match rng.below(5) {
                0 => body.truncate(at.max(1)),
                1 => body[at] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF][rng.below(6)],
                2 => body.insert(at, rng.next_u64() as u8),
                3 => body[0] = rng.below(26) as u8,
                _ => body[at] ^= 1 << rng.below(8),
            }
        }
        match restore(&body, &limits) {
            Ok(value) => {
                exercise(&value, &limits);
                sound += 1;
            }
            Err(damage) => {
                assert!(damage.offset <= body.len() as u64, "{damage}");
                refused += 1;
            }
        }
    }
    assert!(sound > 1000 && refused > 10_000, "{sound} {refused}");
}
