use crate::engine::tests::{ask, engine, text};
use crate::engine::{Engine, SessionId};
use crate::persist::Store;

const STORE: Store =
    Store { object: 1 << 20, operations: 100, bytes: 1 << 20, appends: true, logs: true, eventual: false };

/// An engine with an empty store that takes everything.
fn kept(config: &[(&str, &str)]) -> (Engine, SessionId) {
    let mut engine = engine();
    engine.expect_store();
    for (name, value) in config {
        engine.configure(name, &[value.as_bytes()]).unwrap();
    }
    let mut recovery = engine.begin_recovery(STORE, Vec::new(), false);
    engine.recover(&mut recovery, None).unwrap();
    engine.end_recovery(recovery, 1_000_000_000);
    settle(&mut engine);
    let session = engine.open(false);
    (engine, session)
}

/// Lets the store take everything, and time pass for a snapshot.
fn settle(engine: &mut Engine) {
    for _ in 0..50 {
        while engine.next_write().is_some() {
            engine.wrote(Ok(()));
        }
        engine.tick();
    }
}

#[test]
fn snapshots_are_begun_scheduled_and_refused_in_redis_words() {
    let (mut engine, a) = kept(&[]);
    assert_eq!(ask(&mut engine, a, "BGSAVE NOW"), "-ERR syntax error\r\n");
    assert_eq!(ask(&mut engine, a, "BGSAVE"), "+Background saving started\r\n");
    assert_eq!(ask(&mut engine, a, "BGSAVE"), "-ERR Background save already in progress\r\n");
    assert_eq!(ask(&mut engine, a, "SAVE"), "-ERR Background save already in progress\r\n");
    assert_eq!(ask(&mut engine, a, "BGREWRITEAOF"), "+Background append only file rewriting scheduled\r\n");
    settle(&mut engine);
    assert_eq!(ask(&mut engine, a, "BGREWRITEAOF"), "+Background append only file rewriting started\r\n");
    assert!(ask(&mut engine, a, "BGREWRITEAOF").contains("already in progress"));
    assert!(ask(&mut engine, a, "BGSAVE").starts_with("-ERR Another child process is active (AOF?)"));
    assert_eq!(ask(&mut engine, a, "BGSAVE SCHEDULE"), "+Background saving scheduled\r\n");
    settle(&mut engine);
    ask(&mut engine, a, "MULTI");
    ask(&mut engine, a, "BGSAVE");
    assert_eq!(ask(&mut engine, a, "EXEC"), "*1\r\n+Background saving scheduled\r\n");
}

#[test]
fn waitaof_answers_when_the_log_is_durable_and_save_when_the_snapshot_is_named() {
    let (mut engine, a) = kept(&[("appendonly", "yes"), ("appendfsync", "no")]);
    ask(&mut engine, a, "SET a 1");
    assert_eq!(ask(&mut engine, a, "WAITAOF 0 0 0"), "*2\r\n:0\r\n:0\r\n");
    assert_eq!(ask(&mut engine, a, "WAITAOF 1 0 0"), "");
    settle(&mut engine);
    assert_eq!(text(&mut engine, a), "*2\r\n:1\r\n:0\r\n");
    assert_eq!(ask(&mut engine, a, "WAITAOF 1 0 0"), "*2\r\n:1\r\n:0\r\n");
    assert_eq!(ask(&mut engine, a, "SAVE"), "");
    settle(&mut engine);
    assert_eq!(text(&mut engine, a), "+OK\r\n");
}

#[test]
fn a_save_that_fails_answers_err_and_refuses_writes_until_one_succeeds() {
    let (mut engine, a) = kept(&[("save", "900 1")]);
    ask(&mut engine, a, "SET a 1");
    assert_eq!(ask(&mut engine, a, "SAVE"), "");
    assert!(engine.next_write().is_some());
    engine.wrote(Err("no space".into()));
    assert_eq!(text(&mut engine, a), "-ERR\r\n");
    assert!(ask(&mut engine, a, "SET a 2").starts_with("-MISCONF Redis is configured to save RDB snapshots"));
    assert!(ask(&mut engine, a, "PING").starts_with("-MISCONF"));
    assert_eq!(ask(&mut engine, a, "GET a"), "$1\r\n1\r\n");
    assert_eq!(ask(&mut engine, a, "BGSAVE"), "+Background saving started\r\n");
    settle(&mut engine);
    assert_eq!(ask(&mut engine, a, "SET a 2"), "+OK\r\n");
}
