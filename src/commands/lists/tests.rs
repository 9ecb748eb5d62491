//! What transcripts do not see: effects, encodings, who is served when, the marks that a command leaves.

use crate::engine::{Engine, SessionId, Setup, Table};

fn engine() -> Engine {
    let setup = Setup { seed: 1, now_us: 1_000_000, databases: 16 };
    Engine::new(Table::new(crate::commands::FAMILIES, crate::engine::FAMILIES), setup)
}

fn text(engine: &mut Engine, id: SessionId) -> String {
    let text = String::from_utf8_lossy(engine.output(id)).into_owned();
    engine.sent(id, text.len());
    text
}

fn ask(engine: &mut Engine, id: SessionId, line: &str) -> String {
    engine.receive(id, format!("{line}\r\n").as_bytes());
    text(engine, id)
}

fn effects(engine: &mut Engine) -> Vec<String> {
    let units = engine.take_effects();
    let line = |argv: &Vec<Box<[u8]>>| {
        argv.iter().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect::<Vec<_>>().join(" ")
    };
    units.iter().flat_map(|unit| unit.effects.iter().map(|effect| line(&effect.argv))).collect()
}

fn encoding(engine: &mut Engine, key: &str) -> &'static str {
    engine.keyspace.keys(0).peek(key.as_bytes()).map_or("none", |entry| entry.encoding())
}

fn elements(engine: &mut Engine, id: SessionId, key: &str) -> Vec<String> {
    let text = ask(engine, id, &format!("LRANGE {key} 0 -1"));
    text.split("\r\n").skip(1).filter(|line| !line.is_empty() && !line.starts_with('$')).map(str::to_owned).collect()
}

#[test]
fn waiting_clients_are_served_in_the_order_in_which_they_began() {
    let mut engine = engine();
    let [a, b, c, pusher] = [(); 4].map(|()| engine.open(false));
    assert_eq!(ask(&mut engine, a, "BLPOP q other 0"), "");
    assert_eq!(ask(&mut engine, b, "BRPOP q 0"), "");
    assert_eq!(ask(&mut engine, c, "BLMPOP 0 2 none q RIGHT COUNT 5"), "");
    assert_eq!(ask(&mut engine, pusher, "RPUSH q 1 2 3 4"), ":4\r\n");
    assert_eq!(text(&mut engine, a), "*2\r\n$1\r\nq\r\n$1\r\n1\r\n");
    assert_eq!(text(&mut engine, b), "*2\r\n$1\r\nq\r\n$1\r\n4\r\n");
    assert_eq!(text(&mut engine, c), "*2\r\n$1\r\nq\r\n*2\r\n$1\r\n3\r\n$1\r\n2\r\n");
    assert_eq!(encoding(&mut engine, "q"), "none");
}

#[test]
fn a_move_may_serve_the_next_one() {
    let mut engine = engine();
    engine.record_effects(true);
    let [a, b, pusher] = [(); 3].map(|()| engine.open(false));
    assert_eq!(ask(&mut engine, a, "BLMOVE one two LEFT RIGHT 0"), "");
    assert_eq!(ask(&mut engine, b, "BRPOPLPUSH two three 0"), "");
    assert_eq!(ask(&mut engine, pusher, "LPUSH one x"), ":1\r\n");
    assert_eq!(text(&mut engine, a), "$1\r\nx\r\n");
    assert_eq!(text(&mut engine, b), "$1\r\nx\r\n");
    assert_eq!(elements(&mut engine, pusher, "three"), ["x"]);
    assert_eq!(effects(&mut engine), ["LPUSH one x", "LMOVE one two LEFT RIGHT", "LMOVE two three RIGHT LEFT"]);
}

#[test]
fn a_wait_ends_with_its_time() {
    let mut engine = engine();
    let ids: Vec<_> = (0..4).map(|_| engine.open(false)).collect();
    for (&id, line) in ids.iter().zip(["BLPOP q 0.5", "BLMOVE q r LEFT LEFT .5", "BLMPOP 0.5 1 q LEFT", "BRPOP q 0.6"])
    {
        assert_eq!(ask(&mut engine, id, line), "");
    }
    engine.set_clock(1_500_000);
    engine.tick();
    for &id in &ids[..3] {
        assert_eq!(text(&mut engine, id), "*-1\r\n");
    }
    assert_eq!(text(&mut engine, ids[3]), "");
    engine.session_mut(ids[3]).unwrap().resp3 = true;
    engine.set_clock(1_600_000);
    engine.tick();
    assert_eq!(text(&mut engine, ids[3]), "_\r\n");
}

#[test]
fn nothing_waits_inside_a_transaction() {
    let mut engine = engine();
    let id = engine.open(false);
    ask(&mut engine, id, "MULTI");
    for line in ["BLPOP q 0", "BLMOVE q r LEFT LEFT 0", "BRPOPLPUSH q r 0", "BLMPOP 0 1 q LEFT"] {
        assert_eq!(ask(&mut engine, id, line), "+QUEUED\r\n");
    }
    assert_eq!(ask(&mut engine, id, "EXEC"), "*4\r\n*-1\r\n$-1\r\n$-1\r\n*-1\r\n");
}

#[test]
fn a_key_of_another_type_does_not_end_a_wait() {
    let mut engine = engine();
    let [a, b] = [(); 2].map(|()| engine.open(false));
    assert_eq!(ask(&mut engine, a, "BLPOP q 0"), "");
    assert_eq!(ask(&mut engine, b, "SET q text"), "+OK\r\n");
    assert_eq!(text(&mut engine, a), "");
    assert_eq!(
        ask(&mut engine, b, "BLPOP q 0"),
        "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
    );
}

#[test]
fn pops_are_recorded_as_what_they_took() {
    let mut engine = engine();
    engine.record_effects(true);
    let id = engine.open(false);
    ask(&mut engine, id, "RPUSH l 1 2 3 4 5 6 7 8");
    effects(&mut engine);
    for line in
        ["BLPOP none l 0", "BRPOP l 0", "LMPOP 2 none l LEFT COUNT 2", "BLMPOP 0 1 l RIGHT", "LPOP l", "RPOP l 9"]
    {
        ask(&mut engine, id, line);
    }
    assert_eq!(effects(&mut engine), ["LPOP l", "RPOP l", "LPOP l 2", "RPOP l 1", "LPOP l", "RPOP l 9"]);
    for line in ["LPOP l", "LPUSHX l a", "LREM l 0 a", "LTRIM l 0 1", "LMPOP 1 l LEFT", "LMOVE l m LEFT LEFT"] {
        ask(&mut engine, id, line);
    }
    assert_eq!(effects(&mut engine), [""; 0]);
}

#[test]
fn a_rotation_keeps_the_list() {
    let mut engine = engine();
    let id = engine.open(false);
    ask(&mut engine, id, "RPUSH l a b c");
    assert_eq!(ask(&mut engine, id, "LMOVE l l LEFT RIGHT"), "$1\r\na\r\n");
    assert_eq!(elements(&mut engine, id, "l"), ["b", "c", "a"]);
    ask(&mut engine, id, "LTRIM l 0 0");
    assert_eq!(ask(&mut engine, id, "RPOPLPUSH l l"), "$1\r\nb\r\n");
    assert_eq!(elements(&mut engine, id, "l"), ["b"]);
}

#[test]
fn the_encoding_follows_the_configured_limit() {
    let mut engine = engine();
    engine.keyspace.limits.list = 4;
    let id = engine.open(false);
    ask(&mut engine, id, "RPUSH l 1 2 3 4");
    assert_eq!(encoding(&mut engine, "l"), "listpack");
    // The pivot is not there, but room was made.
    assert_eq!(ask(&mut engine, id, "LINSERT l BEFORE 9 x"), ":-1\r\n");
    assert_eq!(encoding(&mut engine, "l"), "quicklist");
    ask(&mut engine, id, "RPOP l");
    assert_eq!(encoding(&mut engine, "l"), "quicklist");
    ask(&mut engine, id, "RPOP l");
    assert_eq!(encoding(&mut engine, "l"), "listpack");
    ask(&mut engine, id, &format!("LSET l 0 {}", "x".repeat(9000)));
    assert_eq!(encoding(&mut engine, "l"), "quicklist");
    ask(&mut engine, id, "LSET l 0 x");
    assert_eq!(elements(&mut engine, id, "l"), ["x", "2"]);
}

#[test]
fn a_trim_that_removes_nothing_still_breaks_a_watch() {
    let mut engine = engine();
    let [a, b] = [(); 2].map(|()| engine.open(false));
    ask(&mut engine, a, "RPUSH l 1 2");
    for (line, reply) in
        [("LTRIM l 0 -1", "*-1\r\n"), ("LREM l 0 9", "*1\r\n:2\r\n"), ("LPUSHX none 9", "*1\r\n:2\r\n")]
    {
        ask(&mut engine, a, "WATCH l none");
        ask(&mut engine, b, line);
        ask(&mut engine, a, "MULTI");
        ask(&mut engine, a, "LLEN l");
        assert_eq!(ask(&mut engine, a, "EXEC"), reply, "{line}");
    }
}

#[test]
fn results_count_changes_as_redis_does() {
    let mut engine = engine();
    let mut dirty = |line: &str| {
        let (bytes, spans) = split(line);
        let mut out = Vec::new();
        let id = engine.open(true);
        let command = engine.table().find_name(line.split(' ').next().unwrap().as_bytes()).unwrap();
        engine.perform(id, command, crate::resp::Args::new(&bytes, &spans), &mut out);
        std::mem::take(&mut engine.keyspace.changes.dirty)
    };
    for (line, count) in [
        ("rpush l 1 2 3 4 5 6", 6),
        ("lpop l", 1),
        ("rpop l 2", 2),
        ("lmove l m LEFT LEFT", 1),
        ("lset l 0 9", 1),
        ("linsert l AFTER 9 8", 1),
        ("linsert l AFTER 7 8", 0),
        ("ltrim l 0 -1", 0),
        ("ltrim l 1 1", 2),
        ("lrem l 0 8", 1),
        ("lpop l", 0),
        ("lpushx l 1", 0),
    ] {
        assert_eq!(dirty(line), count, "{line}");
    }
}

fn split(line: &str) -> (Vec<u8>, Vec<crate::resp::Span>) {
    let (mut bytes, mut spans) = (Vec::new(), Vec::new());
    assert!(crate::resp::split_inline(line.as_bytes(), &mut bytes, &mut spans));
    (bytes, spans)
}
