use crate::engine::tests::{ask, engine, text};
use crate::engine::{Engine, SessionId};
use crate::persist::{Store, MANIFEST};

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
        while engine.next_write(0).is_some() {
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
    assert!(engine.next_write(0).is_some());
    engine.wrote(Err("no space".into()));
    assert_eq!(text(&mut engine, a), "-ERR\r\n");
    assert!(ask(&mut engine, a, "SET a 2").starts_with("-MISCONF Redis is configured to save RDB snapshots"));
    assert!(ask(&mut engine, a, "PING").starts_with("-MISCONF"));
    assert_eq!(ask(&mut engine, a, "GET a"), "$1\r\n1\r\n");
    assert_eq!(ask(&mut engine, a, "BGSAVE"), "+Background saving started\r\n");
    settle(&mut engine);
    assert_eq!(ask(&mut engine, a, "SET a 2"), "+OK\r\n");
}

/// Has the store take everything but the manifest, whose write is under way when this returns.
fn until_the_manifest(engine: &mut Engine) {
    for _ in 0..50 {
        while let Some(write) = engine.next_write(0) {
            if write.operations.iter().any(|(_, name, _)| name == MANIFEST) {
                return;
            }
            engine.wrote(Ok(()));
        }
        engine.tick();
    }
    panic!("no manifest was written");
}

#[test]
fn a_snapshot_that_the_store_is_about_to_name_is_not_taken_for_the_one_that_save_asks_for() {
    let (mut engine, a) = kept(&[]);
    ask(&mut engine, a, "SET a 1");
    ask(&mut engine, a, "BGREWRITEAOF");
    until_the_manifest(&mut engine);
    ask(&mut engine, a, "SET a 2");
    assert_eq!(ask(&mut engine, a, "SAVE"), "");
    engine.wrote(Ok(()));
    assert_eq!(text(&mut engine, a), "", "the rewrite's manifest is not SAVE's");
    until_the_manifest(&mut engine);
    assert_eq!(text(&mut engine, a), "");
    engine.wrote(Ok(()));
    assert_eq!(text(&mut engine, a), "+OK\r\n");
}

#[test]
fn a_log_that_begins_anew_does_not_wait_for_what_the_last_one_had_under_way() {
    let (mut engine, a) = kept(&[("appendonly", "yes")]);
    ask(&mut engine, a, "SET a 1");
    assert!(engine.next_write(0).is_some());
    ask(&mut engine, a, "CONFIG SET appendonly no");
    ask(&mut engine, a, "SET b 1");
    ask(&mut engine, a, "CONFIG SET appendonly yes");
    engine.tick();
    engine.wrote(Ok(()));
    settle(&mut engine);
    assert!(engine.is_durable());
}

#[test]
fn a_wait_for_the_log_that_timed_out_leaves_nothing_for_the_next_one() {
    let (mut engine, a) = kept(&[("appendonly", "yes"), ("appendfsync", "no")]);
    ask(&mut engine, a, "SET a 1");
    assert_eq!(ask(&mut engine, a, "WAITAOF 1 0 5"), "");
    let write = engine.next_write(0);
    assert!(write.is_some());
    engine.set_clock(1_000_010_000);
    engine.tick();
    assert_eq!(text(&mut engine, a), "*2\r\n:0\r\n:0\r\n");
    ask(&mut engine, a, "SET a 2");
    assert_eq!(ask(&mut engine, a, "WAITAOF 1 0 0"), "");
    // The first write is durable now, the second is not.
    engine.wrote(Ok(()));
    assert_eq!(text(&mut engine, a), "");
    settle(&mut engine);
    assert_eq!(text(&mut engine, a), "*2\r\n:1\r\n:0\r\n");
}

#[test]
fn a_save_that_is_unblocked_answers_null() {
    let (mut engine, a) = kept(&[]);
    let b = engine.open(false);
    let id = ask(&mut engine, a, "CLIENT ID").trim_matches([':', '\r', '\n']).to_owned();
    assert_eq!(ask(&mut engine, a, "SAVE"), "");
    assert_eq!(ask(&mut engine, b, &format!("CLIENT UNBLOCK {id}")), ":1\r\n");
    assert_eq!(text(&mut engine, a), "$-1\r\n");
}

/// What stands in the next write, `flushing` objects being on their way: names, and whether it is durable.
fn next(engine: &mut Engine, flushing: u32) -> Option<(Vec<String>, bool)> {
    let write = engine.next_write(flushing)?;
    engine.wrote(Ok(()));
    Some((write.operations.into_iter().map(|(_, name, _)| name).collect(), write.durable))
}

#[test]
fn a_snapshot_does_not_ask_for_what_would_wait_for_its_own_objects_unless_somebody_waits_for_it() {
    let (mut engine, a) = kept(&[("appendonly", "yes"), ("appendfsync", "everysec")]);
    ask(&mut engine, a, "SET a 1");
    settle(&mut engine);
    ask(&mut engine, a, "BGSAVE");
    for _ in 0..10 {
        engine.tick();
    }
    assert_eq!(next(&mut engine, 0), Some((Vec::new(), true)), "the log's sync, before its next segment");
    assert_eq!(next(&mut engine, 4), None, "enough is on its way");
    let (names, durable) = next(&mut engine, 3).unwrap();
    assert!(names[0].starts_with("chunk/") && !durable);
    assert_eq!(next(&mut engine, 1), None, "all chunks are to be there before the manifest");
    // The log goes on meanwhile; only its sync waits a little.
    ask(&mut engine, a, "SET a 2");
    let (names, durable) = next(&mut engine, 1).unwrap();
    assert!(names[0].starts_with("log/") && !durable);
    engine.set_clock(1_002_000_000);
    engine.tick();
    assert_eq!(next(&mut engine, 1), None);
    assert_eq!(next(&mut engine, 0), Some((Vec::new(), true)), "the log's sync");
    assert_eq!(next(&mut engine, 0), Some((Vec::new(), true)), "the chunks'");
    assert_eq!(next(&mut engine, 0), Some((vec![MANIFEST.to_owned()], true)));
    // What is not needed any more goes when nothing is on its way.
    engine.tick();
    assert_eq!(next(&mut engine, 1), None);
    assert!(next(&mut engine, 0).is_some());
    // Who waits is not kept waiting.
    ask(&mut engine, a, "SET a 3");
    settle(&mut engine);
    assert_eq!(ask(&mut engine, a, "SAVE"), "");
    while next(&mut engine, 9).is_some() {}
    assert_eq!(text(&mut engine, a), "+OK\r\n");
}

#[test]
fn a_store_that_is_not_fit_for_a_log_gets_none() {
    let mut engine = engine();
    engine.expect_store();
    let mut recovery = engine.begin_recovery(Store { logs: false, eventual: true, ..STORE }, Vec::new(), false);
    engine.recover(&mut recovery, None).unwrap();
    engine.end_recovery(recovery, 1_000_000_000);
    let a = engine.open(false);
    let refused = ask(&mut engine, a, "CONFIG SET appendonly yes");
    assert!(
        refused.contains("'appendonly') - this database is kept in a store that is not fit for a log"),
        "{refused}"
    );
    assert_eq!(ask(&mut engine, a, "CONFIG GET appendonly"), "*2\r\n$10\r\nappendonly\r\n$2\r\nno\r\n");
    assert_eq!(ask(&mut engine, a, "CONFIG SET appendonly no"), "+OK\r\n");
}

#[test]
fn a_log_that_goes_on_while_it_is_rewritten_counts_what_came_meanwhile() {
    let (mut engine, a) = kept(&[("appendonly", "yes"), ("appendfsync", "always")]);
    let bytes = |engine: &mut Engine| {
        let info = ask(engine, a, "INFO persistence");
        let field = |name: &str| -> u64 {
            let line = info.lines().find_map(|line| line.strip_prefix(name)).expect("the field");
            line.parse().expect("a number")
        };
        field("aof_current_size:") - field("aof_base_size:")
    };
    ask(&mut engine, a, "SET a 1");
    settle(&mut engine);
    assert!(bytes(&mut engine) > 0);
    ask(&mut engine, a, "BGREWRITEAOF");
    ask(&mut engine, a, "SET b 1");
    while next(&mut engine, 0).is_some() {}
    settle(&mut engine);
    assert!(bytes(&mut engine) > 0, "the second SET stands behind the snapshot");
    ask(&mut engine, a, "BGREWRITEAOF");
    settle(&mut engine);
    assert_eq!(bytes(&mut engine), 0);
}

#[test]
fn shutdown_save_writes_a_snapshot_beside_the_log() {
    let (mut engine, a) = kept(&[("appendonly", "yes")]);
    let saved = |engine: &mut Engine| {
        let goal = engine.request_durable();
        for _ in 0..50 {
            while let Some(write) = engine.next_write(0) {
                engine.wrote(Ok(()));
                if write.operations.iter().any(|(_, name, _)| name == MANIFEST) {
                    assert_eq!(engine.is_reached(goal), Ok(true));
                    return true;
                }
            }
            engine.tick();
        }
        false
    };
    ask(&mut engine, a, "SET a 1");
    assert!(!saved(&mut engine), "the log has it");
    ask(&mut engine, a, "SHUTDOWN SAVE");
    assert!(saved(&mut engine));
}
