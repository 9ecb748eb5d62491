//! The family through the engine. Replies that depend on neither clock nor limits were compared with a redis-server's.

use crate::bytes::Rng;
use crate::commands::testing::Bench;
use crate::engine::{Engine, SessionId, Setup, Table, FAMILIES};

/// An engine with one session, and the clock at 1,000,000 ms.
struct Room(Engine, SessionId);

impl Room {
    fn new() -> Self {
        let table = Table::new(crate::commands::FAMILIES, FAMILIES);
        let mut engine = Engine::new(table, Setup { seed: 1, now_us: 1_000_000_000, databases: 16 });
        engine.record_effects(true);
        let id = engine.open(false);
        Room(engine, id)
    }

    /// The reply to a line, its line ends shown as blanks; errors in one piece.
    fn ask(&mut self, line: &str) -> String {
        self.0.receive(self.1, format!("{line}\r\n").as_bytes());
        self.reply()
    }

    fn reply(&mut self) -> String {
        let reply = String::from_utf8_lossy(self.0.output(self.1)).trim_end().replace("\r\n", " ");
        self.0.sent(self.1, usize::MAX);
        reply
    }

    fn rows(&mut self, rows: &[(&str, &str)]) {
        for (line, reply) in rows {
            assert_eq!(self.ask(line), *reply, "{line}");
        }
    }

    /// The effects since the last call, an effect a line.
    fn effects(&mut self) -> Vec<String> {
        let units = self.0.take_effects();
        let effects = units.into_iter().flat_map(|unit| unit.effects);
        effects.map(|effect| String::from_utf8_lossy(&effect.argv.join(&b' ')).into_owned()).collect()
    }
}

const SYNTAX: &str = "-ERR syntax error";
const NOT_INTEGER: &str = "-ERR value is not an integer or out of range";
const NOT_FLOAT: &str = "-ERR value is not a valid float";
const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";
const TOO_LONG: &str = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)";
const BAD_EXPIRE: &str = "-ERR invalid expire time in 'set' command";

#[test]
fn set_writes_under_its_conditions() {
    Room::new().rows(&[
        ("SET k 1 XX", "$-1"),
        ("SET k 1 NX", "+OK"),
        ("SET k 2 NX", "$-1"),
        ("SET k 2 nx get", "$1 1"),
        ("SET k 2 XX GET", "$1 1"),
        ("SET k 3 GET GET XX XX", "$1 2"),
        ("SET none 1 XX GET", "$-1"),
        ("EXISTS none", ":0"),
        ("SET none 1 NX GET", "$-1"),
        ("GET none", "$1 1"),
        ("SADD s m", ":1"),
        ("SET s 1 NX GET", WRONG_TYPE),
        ("SET s 1 GET", WRONG_TYPE),
        ("SET s 1", "+OK"),
    ]);
}

#[test]
fn the_options_of_set_exclude_each_other_and_their_errors_have_an_order() {
    Room::new().rows(&[
        ("SET k v NX XX", SYNTAX),
        ("SET k v EX 1 PX 1", SYNTAX),
        ("SET k v EX 1 KEEPTTL", SYNTAX),
        ("SET k v KEEPTTL EXAT 1", SYNTAX),
        ("SET k v PERSIST", SYNTAX),
        ("SET k v EX", SYNTAX),
        ("SET k v EX x NOPE", SYNTAX),
        ("SET k v EX x", NOT_INTEGER),
        ("SET k v EX 0", BAD_EXPIRE),
        ("SET k v PXAT -1", BAD_EXPIRE),
        ("SET k v EX 9223372036854775807", BAD_EXPIRE),
        ("SET k v PX 9223372036854775807", BAD_EXPIRE),
        ("EXISTS k", ":0"),
        ("SADD s m", ":1"),
        ("SET s v GET EX 0", BAD_EXPIRE),
        ("SETEX k 0 v", "-ERR invalid expire time in 'setex' command"),
        ("PSETEX k x v", NOT_INTEGER),
        ("PSETEX k -1 v", "-ERR invalid expire time in 'psetex' command"),
        // Repeating is allowed, and the last one counts.
        ("SET k v EX 5 EX 7 KEEPTTL KEEPTTL", SYNTAX),
        ("SET k v EX 5 ex 7", "+OK"),
        ("TTL k", ":7"),
        ("SET k v KEEPTTL keepttl", "+OK"),
        ("TTL k", ":7"),
        ("SET k v", "+OK"),
        ("TTL k", ":-1"),
        ("SET k v PXAT 9223372036854775807", "+OK"),
        ("GET k", "$1 v"),
        ("SET k v EXAT 1", "+OK"),
        ("GET k", "$-1"),
    ]);
}

#[test]
fn getex_answers_first_and_asks_for_the_number_only_then() {
    let mut room = Room::new();
    room.rows(&[
        ("GETEX k EX x", "$-1"),
        ("GETEX k NX", SYNTAX),
        ("GETEX k KEEPTTL", SYNTAX),
        ("GETEX k EX 1 PERSIST", SYNTAX),
        ("SADD s m", ":1"),
        ("GETEX s EX 0", WRONG_TYPE),
        ("SET k v", "+OK"),
        ("GETEX k EX x", NOT_INTEGER),
        ("GETEX k EX 0", "-ERR invalid expire time in 'getex' command"),
    ]);
    room.effects();
    room.rows(&[
        ("GETEX k", "$1 v"),
        ("GETEX k PERSIST", "$1 v"),
        ("GETEX k EX 5", "$1 v"),
        ("PEXPIRETIME k", ":1005000"),
        ("GETEX k PXAT 2000000", "$1 v"),
        ("GETEX k PERSIST", "$1 v"),
        ("TTL k", ":-1"),
        ("GETEX k EXAT 1000", "$1 v"),
        ("EXISTS k", ":0"),
    ]);
    assert_eq!(room.effects(), ["PEXPIREAT k 1005000", "PEXPIREAT k 2000000", "PERSIST k", "DEL k"]);
}

#[test]
fn effects_hold_no_relative_time_no_float_sum_and_no_read() {
    let mut room = Room::new();
    for line in [
        "SET a 1 EX 5",
        "SET a 2 GET",
        "SET a 3 XX GET KEEPTTL",
        "SET a 3 NX",
        "SETEX b 5 v",
        "PSETEX b 5 v",
        "SET b v EXAT 2000 XX",
        "GETSET b w",
        "INCRBYFLOAT c 0.1",
        "INCRBYFLOAT c 0.2",
        "INCR n",
        "INCRBY a x",
        "GETDEL c",
        "GETDEL c",
        "SETRANGE c 0 \"\"",
        "MSETNX a 1 z 2",
        "MSET y 1 z 2",
        "STRLEN y",
    ] {
        room.ask(line);
    }
    assert_eq!(
        room.effects(),
        [
            "SET a 1 PXAT 1005000",
            "SET a 2",
            "SET a 3 KEEPTTL",
            "SET b v PXAT 1005000",
            "SET b v PXAT 1000005",
            "SET b v PXAT 2000000",
            "SET b w",
            "SET c 0.1 KEEPTTL",
            "SET c 0.3 KEEPTTL",
            "INCR n",
            "DEL c",
            "MSET y 1 z 2",
        ]
    );
}

#[test]
fn events_name_the_change_and_the_expiry_apart() {
    let mut bench = Bench::new(1);
    for (line, events, dirty) in [
        ("SET k v", "set k", 1),
        ("SET k v EX 5", "set k, expire k", 1),
        ("SET k v NX", "", 0),
        ("SET k v KEEPTTL GET", "set k", 1),
        ("GETEX k", "", 0),
        ("GETEX k PERSIST", "persist k", 1),
        ("GETEX k PERSIST", "", 0),
        ("GETEX k PX 7", "expire k", 1),
        ("GETEX k EXAT 1", "del k", 1),
        ("SETEX k 5 v", "set k, expire k", 1),
        ("GETSET k 1", "set k", 1),
        ("DECR k", "incrby k", 1),
        ("INCRBYFLOAT k 1", "incrbyfloat k", 1),
        ("APPEND k 1", "append k", 1),
        ("SETRANGE k 1 1", "setrange k", 1),
        ("MSET a 1 b 2 a 3", "set a, set b, set a", 3),
        ("MSETNX a 1 c 2", "", 0),
        ("MSETNX c 1 d 2", "set c, set d", 2),
        ("GETDEL k", "del k", 1),
        ("GETDEL k", "", 0),
        ("LCS a b", "", 0),
    ] {
        bench.run(line);
        assert_eq!((bench.events().as_str(), bench.changes.dirty), (events, dirty), "{line}");
    }
}

#[test]
fn nulls_and_maps_take_their_resp3_forms() {
    let mut bench = Bench::new(1);
    bench.resp3 = true;
    for (line, reply) in [
        ("GET k", "_\r\n"),
        ("SET k ab XX", "_\r\n"),
        ("SET k ab GET", "_\r\n"),
        ("MGET k x", "*2\r\n$2\r\nab\r\n_\r\n"),
        ("SETNX k v", ":0\r\n"),
        ("INCRBYFLOAT f 0.5", "$3\r\n0.5\r\n"),
        ("LCS k k IDX", "%2\r\n$7\r\nmatches\r\n*1\r\n*2\r\n*2\r\n:0\r\n:1\r\n*2\r\n:0\r\n:1\r\n$3\r\nlen\r\n:2\r\n"),
    ] {
        assert_eq!(bench.run(line), reply, "{line}");
    }
}

#[test]
fn counters_count_in_64_bits_or_not_at_all() {
    Room::new().rows(&[
        ("INCR n", ":1"),
        ("DECRBY n -9", ":10"),
        ("OBJECT ENCODING n", "$3 int"),
        ("SET n 9223372036854775806", "+OK"),
        ("INCR n", ":9223372036854775807"),
        ("INCR n", "-ERR increment or decrement would overflow"),
        ("DECRBY n -9223372036854775808", "-ERR decrement would overflow"),
        ("INCRBY n -9223372036854775808", ":-1"),
        ("INCRBY n 1.0", NOT_INTEGER),
        ("SET n 010", "+OK"),
        ("INCR n", NOT_INTEGER),
        ("SADD s m", ":1"),
        ("INCR s", WRONG_TYPE),
        // The argument is looked at before the key.
        ("INCRBY s x", NOT_INTEGER),
        ("INCRBYFLOAT s x", WRONG_TYPE),
        // What was appended counts as well.
        ("SET n 1", "+OK"),
        ("APPEND n 2", ":2"),
        ("OBJECT ENCODING n", "$3 raw"),
        ("INCR n", ":13"),
        ("OBJECT ENCODING n", "$3 int"),
        ("INCRBYFLOAT n 1", "$2 14"),
        ("OBJECT ENCODING n", "$6 embstr"),
        ("DECR n", ":13"),
        ("INCRBYFLOAT f 5.0e3", "$4 5000"),
        ("INCRBYFLOAT f x", NOT_FLOAT),
        ("INCRBYFLOAT f nan", NOT_FLOAT),
        ("INCRBYFLOAT f -inf", "-ERR increment would produce NaN or Infinity"),
        ("GET f", "$4 5000"),
        ("SET f abc EX 5", "+OK"),
        ("INCRBYFLOAT f 1", NOT_FLOAT),
        ("SET f 1.5 KEEPTTL", "+OK"),
        ("INCRBYFLOAT f -1.5", "$1 0"),
        ("TTL f", ":5"),
    ]);
}

#[test]
fn parts_are_read_and_written_within_the_limit() {
    let mut room = Room::new();
    room.0.keyspace.limits.bulk = 20;
    room.rows(&[
        ("SETRANGE k 3 abc", ":6"),
        ("GET k", "$6 \0\0\0abc"),
        ("OBJECT ENCODING k", "$3 raw"),
        ("SETRANGE k 0 xyz", ":6"),
        ("SETRANGE k 17 abcd", TOO_LONG),
        ("SETRANGE k 17 abc", ":20"),
        ("APPEND k \"\"", ":20"),
        ("APPEND k !", TOO_LONG),
        ("STRLEN k", ":20"),
        ("SETRANGE k 9223372036854775807 abc", TOO_LONG),
        ("SETRANGE k 9223372036854775808 abc", NOT_INTEGER),
        ("SETRANGE k -1 \"\"", "-ERR offset is out of range"),
        ("SETRANGE none 9223372036854775807 \"\"", ":0"),
        ("SETRANGE none 18 abc", TOO_LONG),
        ("EXISTS none", ":0"),
        ("SETRANGE k 9223372036854775807 \"\"", ":20"),
        ("SADD s m", ":1"),
        ("SETRANGE s 9223372036854775807 \"\"", WRONG_TYPE),
        ("APPEND s x", WRONG_TYPE),
        ("STRLEN s", WRONG_TYPE),
        ("APPEND n \"\"", ":0"),
        ("EXISTS n", ":1"),
        ("SET n -15", "+OK"),
        ("STRLEN n", ":3"),
        ("SETRANGE n 1 7", ":3"),
        ("INCR n", ":-74"),
        ("SET g \"Hello World\"", "+OK"),
        ("GETRANGE g 0 4", "$5 Hello"),
        ("GETRANGE g -5 -1", "$5 World"),
        ("SUBSTR g 6 100", "$5 World"),
        ("GETRANGE g -100 -100", "$1 H"),
        ("GETRANGE g 0 -100", "$1 H"),
        ("GETRANGE g -1 -2", "$0"),
        ("GETRANGE g 11 20", "$0"),
        ("GETRANGE g 9223372036854775807 -9223372036854775808", "$0"),
        ("GETRANGE g -9223372036854775808 9223372036854775807", "$11 Hello World"),
        ("GETRANGE none 0 -1", "$0"),
        ("GETRANGE s x 1", NOT_INTEGER),
        ("GETRANGE s 0 1", WRONG_TYPE),
    ]);
}

#[test]
fn an_offset_that_memory_cannot_hold_is_an_error() {
    let mut room = Room::new();
    room.0.keyspace.limits.bulk = usize::MAX >> 1;
    let refused = "-OOM command not allowed when used memory > 'maxmemory'.";
    let offset = (usize::MAX >> 1) - 8;
    room.rows(&[
        (&format!("SETRANGE k {offset} abc"), refused),
        ("EXISTS k", ":0"),
        ("SET k v", "+OK"),
        (&format!("SETRANGE k {offset} abc"), refused),
        ("GET k", "$1 v"),
    ]);
}

#[test]
fn several_keys_at_once() {
    Room::new().rows(&[
        ("MSET a", "-ERR wrong number of arguments for 'mset' command"),
        ("MSET a 1 b", "-ERR wrong number of arguments for 'mset' command"),
        ("MSETNX a 1 b", "-ERR wrong number of arguments for 'msetnx' command"),
        ("MSET a 1 b 2 a 3", "+OK"),
        ("SADD s m", ":1"),
        ("MGET a b none s a", "*5 $1 3 $1 2 $-1 $-1 $1 3"),
        ("MSETNX c 1 b 2", ":0"),
        ("EXISTS c", ":0"),
        ("MSETNX c 1 d 2 c 3", ":1"),
        ("MGET c d", "*2 $1 3 $1 2"),
        ("SETNX c 9", ":0"),
        ("SETNX e 9", ":1"),
        ("GETSET e 10", "$1 9"),
        ("GETSET s 10", WRONG_TYPE),
        ("GETDEL s", WRONG_TYPE),
        ("GETDEL e", "$2 10"),
        ("GETDEL e", "$-1"),
    ]);
}

#[test]
fn lcs_in_all_its_forms() {
    let mut room = Room::new();
    room.rows(&[
        ("MSET a ohmytext b mynewtext", "+OK"),
        ("LCS a b", "$6 mytext"),
        ("LCS a b LEN", ":6"),
        ("LCS a b idx", "*4 $7 matches *2 *2 *2 :4 :7 *2 :5 :8 *2 *2 :2 :3 *2 :0 :1 $3 len :6"),
        ("LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN", "*4 $7 matches *1 *3 *2 :4 :7 *2 :5 :8 :4 $3 len :6"),
        ("LCS a b IDX MINMATCHLEN -5 MINMATCHLEN 9223372036854775807", "*4 $7 matches *0 $3 len :6"),
        ("LCS a none", "$0"),
        ("LCS none none IDX", "*4 $7 matches *0 $3 len :0"),
        ("LCS a b IDX LEN", "-ERR If you want both the length and indexes, please just use IDX."),
        ("LCS a b MINMATCHLEN", SYNTAX),
        ("LCS a b MINMATCHLEN x LEN IDX", NOT_INTEGER),
        ("SADD s m", ":1"),
        ("LCS none s NOPE", "-ERR The specified keys must contain string values"),
        ("INCRBY n 12345", ":12345"),
        ("LCS n n", "$5 12345"),
    ]);
    room.0.keyspace.limits.bulk = 9 * 10 * 4 - 1;
    room.rows(&[
        ("LCS a b LEN", "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"),
        ("LCS a a LEN", ":8"),
    ]);
}

/// Redis' way: the whole table, and the walk back through it.
fn lcs_by_table(a: &[u8], b: &[u8]) -> (usize, Vec<u8>) {
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            table[i][j] =
                if a[i - 1] == b[j - 1] { table[i - 1][j - 1] + 1 } else { table[i - 1][j].max(table[i][j - 1]) };
        }
    }
    let (mut i, mut j, mut common) = (a.len(), b.len(), Vec::new());
    while i > 0 && j > 0 {
        if a[i - 1] == b[j - 1] {
            common.push(a[i - 1]);
            i -= 1;
            j -= 1;
        } else if table[i - 1][j] > table[i][j - 1] {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    common.reverse();
    (table[a.len()][b.len()], common)
}

#[test]
fn lcs_agrees_with_the_whole_table() {
    let (mut room, mut rng) = (Room::new(), Rng::new(5));
    for round in 0..400 {
        let letters = 1 + rng.below(if round % 2 == 0 { 3 } else { 20 });
        let mut text = |most| -> String {
            let length = rng.below(most);
            (0..length).map(|_| (b'a' + rng.below(letters) as u8) as char).collect()
        };
        let (a, b) = (text(150), text(if round % 3 == 0 { 10 } else { 200 }));
        room.ask(&format!("MSET a \"{a}\" b \"{b}\""));
        let (length, common) = lcs_by_table(a.as_bytes(), b.as_bytes());
        assert_eq!(room.ask("LCS a b LEN"), format!(":{length}"));
        let common = String::from_utf8(common).unwrap();
        assert_eq!(room.ask("LCS a b"), format!("${length} {common}").trim_end(), "{a} {b}");
    }
}

/// A random command of the family, errors and all.
fn any_line(rng: &mut Rng) -> String {
    let key = |rng: &mut Rng| ["a", "b", "c", "d"][rng.below(4)];
    let value = |rng: &mut Rng| ["1", "-7", "2.5", "text", "\"\"", "9223372036854775807", "longer text"][rng.below(7)];
    let when = |rng: &mut Rng| {
        let all = [
            "",
            "EX 5",
            "PX 3",
            "PX 900",
            "EXAT 1001",
            "PXAT 1000400",
            "PXAT 999",
            "KEEPTTL",
            "PERSIST",
            "NX",
            "XX",
            "GET",
        ];
        all[rng.below(all.len())]
    };
    let (k, v, w) = (key(rng), value(rng), when(rng));
    match rng.below(14) {
        0..=2 => format!("SET {k} '{v}' {w} {}", when(rng)).replace("'\"\"'", "''"),
        3 => format!("GETEX {k} {w}"),
        4 => format!("INCRBYFLOAT {k} 0.7"),
        5 => format!("INCRBY {k} 3"),
        6 => format!("APPEND {k} 5"),
        7 => format!("SETRANGE {k} {} 12", rng.below(6)),
        8 => format!("MSETNX {k} 1 {} 2", key(rng)),
        9 => format!("GETDEL {k}"),
        10 => format!("PSETEX {k} {} 8", 1 + rng.below(50)),
        11 => format!("GETSET {k} '{v}'").replace("'\"\"'", "''"),
        12 => format!("SETNX {k} 4"),
        _ => format!("MSET {k} 1 {} 2", key(rng)),
    }
}

#[test]
fn repeating_the_effects_later_gives_the_same_data() {
    let (mut room, mut rng) = (Room::new(), Rng::new(9));
    let mut replica = Room::new();
    for step in 0..3000 {
        room.0.set_clock(1_000_000_000 + step * 7_000);
        room.ask(&any_line(&mut rng));
        // The replica's clock stands still: only what it is told may make a key go.
        for unit in room.0.take_effects() {
            for effect in unit.effects {
                let mut request = format!("*{}\r\n", effect.argv.len()).into_bytes();
                for arg in &effect.argv {
                    request.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
                    request.extend_from_slice(arg);
                    request.extend_from_slice(b"\r\n");
                }
                replica.0.receive(replica.1, &request);
                let reply = replica.reply();
                assert!(!reply.starts_with('-'), "{reply}");
            }
        }
        if step % 10 == 0 {
            for key in ["a", "b", "c", "d"] {
                for ask in ["EXISTS", "GET", "PEXPIRETIME"] {
                    let line = format!("{ask} {key}");
                    let expected = room.ask(&line);
                    for effect in room.0.take_effects().into_iter().flat_map(|unit| unit.effects) {
                        assert_eq!(&*effect.argv[0], b"DEL");
                        replica.ask(&format!("DEL {key}"));
                    }
                    assert_eq!(replica.ask(&line), expected, "{line} at step {step}");
                }
            }
        }
    }
}

#[test]
fn any_bytes_as_arguments_are_answered() {
    let (mut room, mut rng) = (Room::new(), Rng::new(11));
    let names: Vec<&str> = super::TABLE.iter().map(|declared| declared.spec.name).collect();
    let words: Vec<&[u8]> = vec![
        b"a",
        b"s",
        b"",
        b"0",
        b"-1",
        b"9223372036854775807",
        b"-9223372036854775808",
        b"1e4932",
        b"EX",
        b"IDX",
        b"\0\xff",
    ];
    room.ask("SADD s m");
    for _ in 0..5000 {
        let mut request = Vec::new();
        let count = rng.below(6);
        let mut args = vec![names[rng.below(names.len())].as_bytes()];
        args.extend((0..count).map(|_| words[rng.below(words.len())]));
        request.extend_from_slice(format!("*{}\r\n", args.len()).as_bytes());
        for arg in args {
            request.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            request.extend_from_slice(arg);
            request.extend_from_slice(b"\r\n");
        }
        room.0.receive(room.1, &request);
        assert!(!room.reply().is_empty());
        room.effects();
    }
}
