//! Payloads for RESTORE, checksum repaired: an error, or a value that everything may be done with, whose commands agree
//! about it, and that dumps and restores to the same.

use cachelet::bytes::Rng;
use cachelet::catalog;
use cachelet::engine::{Engine, SessionId, Setup};
use cachelet::rdb;

/// One client of an engine of its own.
pub struct Client {
    engine: Engine,
    id: SessionId,
}

impl Client {
    /// A fresh engine.
    pub fn new(seed: u64) -> Self {
        let setup = Setup { seed, now_us: 1_700_000_000_000_000, ..Setup::default() };
        let mut engine = Engine::new(catalog::table(), setup);
        let id = engine.open(false);
        Client { engine, id }
    }

    /// The reply to a command.
    pub fn run(&mut self, words: &[&[u8]]) -> Vec<u8> {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            bytes.extend(format!("${}\r\n", word.len()).into_bytes());
            bytes.extend_from_slice(word);
            bytes.extend_from_slice(b"\r\n");
        }
        self.engine.receive(self.id, &bytes);
        let mut all = Vec::new();
        loop {
            let output = self.engine.output(self.id).to_vec();
            if output.is_empty() {
                return all;
            }
            self.engine.sent(self.id, output.len());
            all.extend(output);
        }
    }

    /// The reply to a command of words parted by single blanks.
    pub fn line(&mut self, line: &str) -> Vec<u8> {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        self.run(&words)
    }

    /// The number in the first line of a reply.
    pub fn number(&mut self, line: &str) -> i64 {
        let reply = self.line(line);
        let end = reply.iter().position(|&byte| byte == b'\r').expect("a line");
        std::str::from_utf8(&reply[1..end]).ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{line}"))
    }

    /// The bytes that DUMP answers.
    pub fn dump(&mut self, key: &str) -> Vec<u8> {
        let reply = self.line(&format!("DUMP {key}"));
        let start = reply.iter().position(|&byte| byte == b'\n').expect("a length") + 1;
        reply[start..reply.len() - 2].to_vec()
    }
}

/// The payload of this body, with version and checksum.
pub fn with_footer(body: &[u8]) -> Vec<u8> {
    let mut payload = body.to_vec();
    payload.extend_from_slice(&rdb::WRITTEN.to_le_bytes());
    payload.extend_from_slice(&rdb::crc64(0, &payload).to_le_bytes());
    payload
}

/// Keys of all types, small and large.
pub const KEYS: &[(&str, &str)] = &[
    ("string", "SET string {}"),
    ("long", "APPEND long {}{}{}{}"),
    ("list", "RPUSH list {} b{} 3"),
    ("integers", "SADD integers {}"),
    ("set", "SADD set a{}"),
    ("hash", "HSET hash f{} {}"),
    ("timed", "HSETEX timed EX {}000 FIELDS 2 f{} {} plain{} x"),
    ("zset", "ZADD zset {} m{}"),
    ("stream", "XADD stream {}-1 f {} g {}"),
    ("log", "PFADD log e{}"),
];

/// What is done with a value, by type.
pub const USES: &[(&str, &[&str])] = &[
    (
        "string",
        &[
            "GET k",
            "STRLEN k",
            "GETRANGE k -3 -1",
            "BITCOUNT k",
            "PFCOUNT k",
            "SETRANGE k 3 xyz",
            "APPEND k y",
            "INCR k",
        ],
    ),
    (
        "list",
        &[
            "LRANGE k 0 -1",
            "LINDEX k 1",
            "LPOS k 3",
            "LINSERT k BEFORE 3 x",
            "LREM k 1 3",
            "LSET k 0 z",
            "RPOP k",
            "LPUSH k 9",
            "LTRIM k 1 -2",
            "SORT k ALPHA",
        ],
    ),
    (
        "set",
        &["SMEMBERS k", "SISMEMBER k a7", "SRANDMEMBER k -3", "SADD k 5 zz", "SREM k a7 3", "SPOP k 2", "SSCAN k 0"],
    ),
    (
        "hash",
        &[
            "HGETALL k",
            "HGET k f1",
            "HRANDFIELD k 2",
            "HSET k f1 9 new 1",
            "HINCRBY k f1 3",
            "HDEL k f2 f3",
            "HEXPIRE k 100 FIELDS 2 f1 f2",
            "HEXPIRE k 0 FIELDS 1 f3",
            "HPERSIST k FIELDS 2 f1 f2",
            "HPTTL k FIELDS 2 f1 x",
            "HGETEX k PX 5 FIELDS 1 f1",
            "HGETDEL k FIELDS 1 f2",
            "HSETEX k KEEPTTL FIELDS 2 f1 8 other 9",
            "HSCAN k 0",
        ],
    ),
    (
        "zset",
        &[
            "ZRANGE k 0 -1 WITHSCORES",
            "ZRANK k m3",
            "ZRANGEBYSCORE k 1 5",
            "ZREVRANGE k 0 2",
            "ZADD k 3.5 m3 1 new",
            "ZINCRBY k -7 m1",
            "ZREM k m2",
            "ZPOPMAX k 2",
            "ZREMRANGEBYRANK k 0 1",
            "ZSCAN k 0",
        ],
    ),
    (
        "stream",
        &[
            "XRANGE k - +",
            "XREVRANGE k + - COUNT 3",
            "XINFO STREAM k FULL",
            "XPENDING k g",
            "XREADGROUP GROUP g c COUNT 2 STREAMS k >",
            "XREADGROUP GROUP g c STREAMS k 0",
            "XACK k g 1-1 2-1",
            "XAUTOCLAIM k g d 0 0",
            "XDEL k 2-1 3-1",
            "XTRIM k MAXLEN 2",
            "XADD k * a b",
            "XGROUP DESTROY k g",
        ],
    ),
];

/// Does what can be done with the value at `k`.
pub fn use_value(client: &mut Client, rng: &mut Rng) {
    // Fields that are due go now, however many they are; else they would while we look.
    client.line("HRANDFIELD k");
    let kind = String::from_utf8(client.line("TYPE k")).expect("a type");
    let kind = kind[1..].trim_end().to_owned();
    if kind == "none" {
        // A hash all of whose fields had expired.
        return;
    }
    let uses = USES.iter().find(|(name, _)| *name == kind).map(|(_, uses)| *uses).expect("a type that is known");
    assert!(client.line("OBJECT ENCODING k").starts_with(b"$"));
    let (count, walk) = match kind.as_str() {
        "list" => ("LLEN k", "LRANGE k 0 -1"),
        "set" => ("SCARD k", "SMEMBERS k"),
        "hash" => ("HLEN k", "HKEYS k"),
        "zset" => ("ZCARD k", "ZRANGE k 0 -1"),
        "stream" => ("XLEN k", "XRANGE k - +"),
        _ => ("STRLEN k", "GET k"),
    };
    assert_eq!(client.number(count), client.number(walk), "{kind}");
    // What was dumped restores, and to the same size.
    let payload = client.dump("k");
    assert_eq!(client.run(&[b"RESTORE", b"copy", b"0", &payload, b"REPLACE"]), b"+OK\r\n", "{kind}");
    assert_eq!(client.number(count), client.number(&count.replace(" k", " copy")), "{kind}");
    for _ in 0..4 {
        client.line(uses[rng.below(uses.len())]);
        if client.line("EXISTS k") == b":0\r\n" {
            return;
        }
        assert_eq!(client.number(count), client.number(walk), "{kind}");
    }
}

/// The bodies of payloads of every type, small and large.
pub fn bodies(client: &mut Client, rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    for (key, command) in KEYS {
        for number in 1..=[3, 40, 400][rng.below(3)] {
            client.line(&command.replace("{}", &number.to_string()));
        }
        if *key == "stream" {
            client.line("XGROUP CREATE stream g 0");
            client.line("XREADGROUP GROUP g c COUNT 3 STREAMS stream >");
            client.line("XREADGROUP GROUP g d COUNT 2 STREAMS stream >");
        }
        let payload = client.dump(key);
        bodies.push(payload[..payload.len() - 10].to_vec());
    }
    bodies
}

/// Restores a body and uses what comes of it; whether it was taken.
pub fn restore(client: &mut Client, rng: &mut Rng, body: &[u8]) -> bool {
    let reply = client.run(&[b"RESTORE", b"k", b"0", &with_footer(body), b"REPLACE"]);
    let taken = reply == b"+OK\r\n";
    if taken {
        use_value(client, rng);
    } else {
        assert!(reply.starts_with(b"-ERR Bad data format"), "{}", reply.escape_ascii());
    }
    client.line("DEL k copy");
    taken
}

fn fresh(data: &[u8], body: &[u8]) {
    let seed = rdb::crc64(0, data);
    restore(&mut Client::new(seed), &mut Rng::new(seed), body);
}

/// The input is a body: a type and what follows it.
pub fn any(data: &[u8]) {
    fresh(data, data);
}

/// A length as RDB writes it, six, fourteen or thirty-two bits.
fn length(out: &mut Vec<u8>, len: usize) {
    match len {
        0..=63 => out.push(len as u8),
        64..=16383 => out.extend([0x40 | (len >> 8) as u8, len as u8]),
        _ => out.extend([&[0x80], &(len as u32).to_be_bytes()[..]].concat()),
    }
}

/// Types whose value is one packed string: zipmap, ziplists, intset, listpacks.
const PACKED: [u8; 9] = [9, 10, 11, 12, 13, 16, 17, 20, 23];

/// The input is a type and the bytes of its packed form, whatever its kind.
pub fn packed(data: &[u8]) {
    let Some((kind, pack)) = data.split_first() else { return };
    let mut body = vec![PACKED[*kind as usize % PACKED.len()]];
    length(&mut body, pack.len());
    body.extend_from_slice(pack);
    fresh(data, &body);
    // The same bytes as the only node of both kinds of quicklists.
    let mut list = if kind & 0x80 == 0 { vec![14, 1] } else { vec![18, 1, 2] };
    length(&mut list, pack.len());
    list.extend_from_slice(pack);
    fresh(data, &list);
}

/// The input is a stream: how many nodes the rest is cut from, then their entries, counters and groups as they come.
pub fn stream(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    fresh(data, &[&[[15, 19, 21][*kind as usize % 3]], rest].concat());
}

/// Bodies as a server makes them.
pub fn body_seeds() -> Vec<Vec<u8>> {
    (0..3).flat_map(|seed| bodies(&mut Client::new(seed), &mut Rng::new(seed))).collect()
}

/// The packed strings in them, behind the index of their type.
pub fn packed_seeds() -> Vec<Vec<u8>> {
    let packed = |body: Vec<u8>| {
        let kind = PACKED.iter().position(|kind| *kind == body[0])?;
        let skip = match body.get(1)? >> 6 {
            0 => 2,
            1 => 3,
            _ => return None,
        };
        Some([&[kind as u8], &body[skip..]].concat())
    };
    let mut seeds: Vec<Vec<u8>> = body_seeds().into_iter().filter_map(packed).collect();
    // What no server writes any more: a zipmap {a: b}, a ziplist [1, "a"].
    seeds.push(b"\x00\x01\x01a\x01\x00b\xff".to_vec());
    seeds.push(b"\x01\x10\0\0\0\x0c\0\0\0\x02\0\0\xf2\x02\x01a\xff".to_vec());
    seeds
}

/// Streams as a server makes them.
pub fn stream_seeds() -> Vec<Vec<u8>> {
    let streams = body_seeds().into_iter().filter(|body| matches!(body[0], 15 | 19 | 21));
    streams
        .map(|mut body| {
            body[0] = [15, 19, 21].iter().position(|kind| *kind == body[0]).unwrap_or(0) as u8;
            body
        })
        .collect()
}
