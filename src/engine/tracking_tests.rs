use crate::engine::tests::{ask, engine, text};
use crate::engine::{Engine, SessionId};

fn tracker(engine: &mut Engine, options: &str) -> SessionId {
    let id = engine.open(false);
    ask(engine, id, "HELLO 3");
    assert_eq!(ask(engine, id, &format!("CLIENT TRACKING ON {options}")), "+OK\r\n");
    id
}

#[test]
fn the_changes_of_one_input_are_told_together() {
    let mut engine = engine();
    let a = tracker(&mut engine, "BCAST");
    let b = engine.open(false);
    engine.receive(b, b"SET x 1\r\nSET c 1\r\nSET x 2\r\n");
    assert_eq!(text(&mut engine, a), ">2\r\n$10\r\ninvalidate\r\n*2\r\n$1\r\nc\r\n$1\r\nx\r\n");
}

#[test]
fn keys_that_expire_unseen_are_told_too() {
    let mut engine = engine();
    let a = tracker(&mut engine, "");
    ask(&mut engine, a, "SET k 1 PX 10");
    ask(&mut engine, a, "GET k");
    engine.set_clock(2_000_000);
    engine.tick();
    assert_eq!(text(&mut engine, a), ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n");
}

#[test]
fn nothing_is_recorded_without_trackers_nor_left_behind_by_them() {
    let mut engine = engine();
    let (a, b) = (tracker(&mut engine, ""), tracker(&mut engine, "BCAST PREFIX x PREFIX y"));
    ask(&mut engine, a, "MGET k l");
    ask(&mut engine, b, "GET k");
    assert!(engine.keyspace.changes.record_touched && !engine.keyspace.changes.record_whole);
    assert_eq!(engine.tracking.counts(), (2, 2, 2));
    engine.close(b);
    assert_eq!(engine.tracking.counts(), (2, 2, 0));
    ask(&mut engine, a, "RESET");
    assert_eq!(engine.tracking.counts(), (0, 0, 0));
    assert!(!engine.keyspace.changes.record_touched && !engine.tracks());
    engine.close(a);
    assert_eq!(engine.tracking.sessions, 0);
}

#[test]
fn whoever_gets_the_place_of_one_that_is_gone_hears_nothing() {
    let mut engine = engine();
    let (a, b) = (tracker(&mut engine, ""), tracker(&mut engine, ""));
    ask(&mut engine, b, "GET k");
    engine.close(b);
    let c = tracker(&mut engine, "");
    assert_eq!(b, c);
    ask(&mut engine, a, "SET k 1");
    assert_eq!(text(&mut engine, c), "");
}

#[test]
fn the_table_stays_near_its_limit() {
    let mut engine = engine();
    let a = tracker(&mut engine, "");
    ask(&mut engine, a, "CONFIG SET tracking-table-max-keys 50");
    for number in 0..500 {
        ask(&mut engine, a, &format!("MGET a{number} b{number} c{number}"));
        assert!(engine.tracking.counts().0 <= 53);
    }
    let (keys, holders, _) = engine.tracking.counts();
    assert_eq!(keys, holders);
}

#[test]
fn clients_are_marked_in_the_list() {
    let mut engine = engine();
    let a = tracker(&mut engine, "BCAST");
    let b = engine.open(false);
    ask(&mut engine, b, "CLIENT TRACKING ON REDIRECT 1");
    assert!(ask(&mut engine, a, "CLIENT INFO").contains(" flags=tB "));
    let line = ask(&mut engine, b, "CLIENT INFO");
    assert!(line.contains(" flags=t ") && line.contains(" redir=1 "), "{line}");
    assert!(ask(&mut engine, b, "INFO").contains("\r\ntracking_clients:2\r\n"));
}
