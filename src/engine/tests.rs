use super::*;

pub(super) fn engine() -> Engine {
    Engine::new(Table::new(crate::commands::FAMILIES, FAMILIES), Setup { seed: 1, now_us: 1_000_000, databases: 16 })
}

/// What a session answers to an inline command.
pub(super) fn ask(engine: &mut Engine, id: SessionId, line: &str) -> String {
    engine.receive(id, format!("{line}\r\n").as_bytes());
    text(engine, id)
}

/// Takes what a session has to send.
pub(super) fn text(engine: &mut Engine, id: SessionId) -> String {
    let text = String::from_utf8_lossy(engine.output(id)).into_owned();
    engine.sent(id, text.len());
    text
}

#[test]
fn get_and_set_through_resp() {
    let mut engine = engine();
    let id = engine.open(false);
    engine.receive(id, b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\nhi\r\n*2\r\n$3\r\nget\r\n$1\r\na\r\n");
    assert_eq!(engine.output(id), b"+OK\r\n$2\r\nhi\r\n");
}

#[test]
fn a_request_over_http_ends_the_connection_before_its_body_is_run() {
    let mut engine = engine();
    let id = engine.open(false);
    engine.receive(id, b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET hacked 1\r\n");
    assert!(engine.is_to_close(id));
    assert_eq!(engine.output(id), b"");
    let other = engine.open(false);
    assert_eq!(ask(&mut engine, other, "GET hacked"), "$-1\r\n");
    assert_eq!(ask(&mut engine, other, "Host: x"), "");
    assert!(engine.is_to_close(other));
}

#[test]
fn a_watched_key_that_was_written_stops_exec() {
    let mut engine = engine();
    let (a, b) = (engine.open(false), engine.open(false));
    assert_eq!(ask(&mut engine, a, "WATCH k"), "+OK\r\n");
    assert_eq!(ask(&mut engine, a, "MULTI"), "+OK\r\n");
    assert_eq!(ask(&mut engine, a, "SET k 1"), "+QUEUED\r\n");
    assert_eq!(ask(&mut engine, b, "SET k 2"), "+OK\r\n");
    assert_eq!(ask(&mut engine, a, "EXEC"), "*-1\r\n");
    assert_eq!(ask(&mut engine, a, "GET k"), "$1\r\n2\r\n");
}

#[test]
fn effects_are_numbered_and_a_transaction_is_one_unit() {
    let mut engine = engine();
    engine.record_effects(true);
    let id = engine.open(false);
    for line in ["SET a 1", "GET a", "MULTI", "SET b 2", "SET c 3", "EXEC"] {
        ask(&mut engine, id, line);
    }
    let units = engine.take_effects();
    assert_eq!(units.len(), 2);
    assert_eq!((units[0].first, units[0].effects.len()), (1, 1));
    assert_eq!((units[1].first, units[1].effects.len()), (2, 2));
}

#[test]
fn a_pipeline_sent_whole_is_answered_piece_by_piece() {
    let mut engine = engine();
    let id = engine.open(false);
    engine.receive(id, format!("SET k {}\r\n", "x".repeat(60000)).as_bytes());
    engine.sent(id, 5);
    let mut request = Vec::new();
    (0..500).for_each(|i| request.extend_from_slice(format!("GET k\r\nECHO {i}\r\n").as_bytes()));
    for part in request.chunks(777) {
        engine.receive(id, part);
    }
    assert!(engine.session(id).is_some_and(|session| session.unprocessed() > 5000));
    let mut replies = Vec::new();
    while !engine.output(id).is_empty() {
        let part = engine.output(id)[..engine.output(id).len().min(100_000)].to_vec();
        engine.sent(id, part.len());
        replies.extend_from_slice(&part);
    }
    let mut expected = Vec::new();
    for i in 0..500 {
        let number = i.to_string();
        let reply = format!("$60000\r\n{}\r\n${}\r\n{number}\r\n", "x".repeat(60000), number.len());
        expected.extend_from_slice(reply.as_bytes());
    }
    assert!(replies == expected);
    assert!(engine.session(id).is_some_and(|session| session.unprocessed() == 0 && session.processed == 0));
}

#[test]
fn a_client_that_never_reads_is_bounded() {
    let mut engine = engine();
    let id = engine.open(false);
    engine.receive(id, format!("SET k {}\r\n", "x".repeat(60000)).as_bytes());
    let request = b"GET k\r\n".repeat(1000);
    engine.receive(id, &request);
    let unsent = engine.output(id).len();
    assert!(unsent < STALL + 70000, "{unsent}");
    let mut total = 0;
    while !engine.output(id).is_empty() {
        let some = engine.output(id).len().min(100_000);
        total += some;
        engine.sent(id, some);
    }
    assert_eq!(total, 5 + 1000 * 60010);
}

#[test]
fn whatever_changes_a_key_moves_its_version_and_reading_it_does_not() {
    let mut engine = engine();
    let id = engine.open(false);
    let set = "SET k v";
    for (setup, line) in [
        (set, "SET k other"),
        (set, "APPEND k x"),
        (set, "SETRANGE k 1 x"),
        (set, "SETBIT k 1 1"),
        (set, "GETSET k x"),
        (set, "GETDEL k"),
        (set, "GETEX k PX 1"),
        (set, "MSET a 1 k 2"),
        ("SET k 1", "INCR k"),
        ("SET k 1", "INCRBYFLOAT k 1.5"),
        (set, "DEL k"),
        (set, "UNLINK k"),
        (set, "EXPIRE k 10"),
        ("SET k v EX 10", "PERSIST k"),
        (set, "RENAME k other"),
        ("SET other v", "RENAME other k"),
        ("SET other v", "COPY other k REPLACE"),
        (set, "MOVE k 3"),
        (set, "SWAPDB 0 1"),
        (set, "FLUSHDB"),
        (set, "FLUSHALL ASYNC"),
        ("PFADD other a b", "PFMERGE k other"),
        (set, "SORT other BY nosort STORE k"),
        (set, "BITOP NOT k other"),
        ("LPUSH k a b", "LPOP k"),
        ("HSET k f v", "HDEL k f"),
    ] {
        ask(&mut engine, id, "FLUSHALL");
        ask(&mut engine, id, setup);
        let before = *engine.keyspace.version(b"k");
        for line in ["GET k", "STRLEN k", "TTL k", "EXISTS k", "TYPE k", "OBJECT ENCODING k", "DUMP k", "MGET k a"] {
            ask(&mut engine, id, line);
        }
        assert_eq!(*engine.keyspace.version(b"k"), before, "reading after {setup}");
        ask(&mut engine, id, line);
        assert_ne!(*engine.keyspace.version(b"k"), before, "{line} after {setup}");
    }
    ask(&mut engine, id, "SET k v PX 5");
    let before = *engine.keyspace.version(b"k");
    engine.set_clock(2_000_000);
    engine.tick();
    assert_ne!(*engine.keyspace.version(b"k"), before, "the key expired");
}

#[test]
fn a_key_that_stands_where_the_one_before_stood_is_found_at_its_own_place() {
    let mut engine = engine();
    let id = engine.open(true);
    let mut out = Vec::new();
    // The same bytes of memory hold another key for each call, as the host's buffer does.
    let mut line = *b"SETk0v0";
    let spans = [(0, 3), (3, 2), (5, 2)].map(|(start, len)| crate::resp::Span { start, len });
    for digit in b'0'..=b'9' {
        (line[4], line[6]) = (digit, digit);
        engine.call(id, crate::resp::Args::new(&line, &spans), &mut out);
    }
    line[..3].copy_from_slice(b"GET");
    for digit in b'0'..=b'9' {
        line[4] = digit;
        out.clear();
        engine.call(id, crate::resp::Args::new(&line, &spans[..2]), &mut out);
        assert_eq!(out, [b"$2\r\nv", &[digit][..], b"\r\n"].concat());
    }
}

#[test]
fn expired_keys_stay_a_small_part_of_what_is_in_memory() {
    let mut engine = engine();
    let id = engine.open(true);
    let mut rng = crate::bytes::Rng::new(7);
    let mut deadlines = Vec::new();
    let (mut now, mut due, mut most) = (1000i64, 0, 0);
    // Ten seconds in which 20 keys come every millisecond, each of which lives for up to two.
    for step in 0..10_000 {
        now += 1;
        engine.set_clock(now * 1000);
        for i in 0..20 {
            let ttl = 1 + rng.below(2000) as i64;
            deadlines.push(now + ttl);
            ask(&mut engine, id, &format!("SET {step}:{i} v PX {ttl}"));
        }
        if now >= due {
            due = engine.tick().unwrap_or(now);
        }
        if step % 100 == 99 {
            deadlines.retain(|&at| at > now);
            let held = engine.keyspace.database(0).len();
            most = most.max(100 * (held - deadlines.len()) / held);
        }
    }
    assert!(most < 10, "{most} % of the keys in memory had expired");
}
