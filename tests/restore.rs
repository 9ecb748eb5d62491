//! Damaged payloads with a right checksum, restored into a running engine: an error, or a value that everything may be
//! done with. Nothing may trap, and what commands say about the value has to agree.

use cachelet::bytes::Rng;
use cachelet::catalog;
use cachelet::engine::{Engine, SessionId, Setup};
use cachelet::rdb;

struct Client {
    engine: Engine,
    id: SessionId,
}

impl Client {
    fn new(seed: u64) -> Self {
        let setup = Setup { seed, now_us: 1_700_000_000_000_000, ..Setup::default() };
        let mut engine = Engine::new(catalog::table(), setup);
        let id = engine.open(false);
        Client { engine, id }
    }

    fn run(&mut self, words: &[&[u8]]) -> Vec<u8> {
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

    fn line(&mut self, line: &str) -> Vec<u8> {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        self.run(&words)
    }

    /// The number in the first line of a reply.
    fn number(&mut self, line: &str) -> i64 {
        let reply = self.line(line);
        let end = reply.iter().position(|&byte| byte == b'\r').expect("a line");
        std::str::from_utf8(&reply[1..end]).ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{line}"))
    }

    /// The bytes that DUMP answers.
    fn dump(&mut self, key: &str) -> Vec<u8> {
        let reply = self.line(&format!("DUMP {key}"));
        let start = reply.iter().position(|&byte| byte == b'\n').expect("a length") + 1;
        reply[start..reply.len() - 2].to_vec()
    }
}

fn with_footer(body: &[u8]) -> Vec<u8> {
    let mut payload = body.to_vec();
    payload.extend_from_slice(&rdb::WRITTEN.to_le_bytes());
    payload.extend_from_slice(&rdb::crc64(0, &payload).to_le_bytes());
    payload
}

/// Keys of all types, small and large.
const KEYS: &[(&str, &str)] = &[
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
const USES: &[(&str, &[&str])] = &[
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

fn use_value(client: &mut Client, rng: &mut Rng) {
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

#[test]
fn a_damaged_payload_is_an_error_or_a_value_like_any() {
    let (mut restored, mut refused) = (0, 0);
    for seed in 0..12 {
        let (mut client, mut rng) = (Client::new(seed), Rng::new(seed));
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
        for round in 0..400 {
            let mut body = bodies[rng.below(bodies.len())].clone();
            for _ in 0..1 + rng.below(3) {
                let at = if round % 2 == 0 { rng.below(body.len()) } else { rng.below(body.len().min(32)) };
                match rng.below(5) {
                    0 => body.truncate(at.max(1)),
                    1 => body[at] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF][rng.below(6)],
                    2 => body.insert(at, rng.next_u64() as u8),
                    3 => body[0] = rng.below(26) as u8,
                    _ => body[at] ^= 1 << rng.below(8),
                }
            }
            let reply = client.run(&[b"RESTORE", b"k", b"0", &with_footer(&body), b"REPLACE"]);
            if reply == b"+OK\r\n" {
                use_value(&mut client, &mut rng);
                restored += 1;
            } else {
                assert!(reply.starts_with(b"-ERR Bad data format"), "{}", reply.escape_ascii());
                refused += 1;
            }
            client.line("DEL k");
        }
        assert_eq!(client.line("PING"), b"+PONG\r\n");
    }
    assert!(restored > 300 && refused > 1000, "{restored} {refused}");
}
