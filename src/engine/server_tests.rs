use crate::engine::tests::{ask, engine, text};

#[test]
fn time_is_the_instant_that_was_handed_in() {
    let mut engine = engine();
    let id = engine.open(false);
    engine.set_clock(1_700_000_000_000_123);
    assert_eq!(ask(&mut engine, id, "TIME"), "*2\r\n$10\r\n1700000000\r\n$3\r\n123\r\n");
    assert_eq!(ask(&mut engine, id, "ROLE"), "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n");
}

#[test]
fn shutdown_is_a_wish_that_can_be_taken_back() {
    let mut engine = engine();
    let (a, b) = (engine.open(false), engine.open(false));
    for line in ["SHUTDOWN foo", "SHUTDOWN SAVE NOSAVE", "SHUTDOWN ABORT NOW"] {
        assert_eq!(ask(&mut engine, a, line), "-ERR syntax error\r\n");
    }
    assert_eq!(ask(&mut engine, a, "SHUTDOWN ABORT"), "-ERR No shutdown in progress.\r\n");
    assert!(ask(&mut engine, a, "SHUTDOWN SAVE").starts_with("-ERR Errors trying to SHUTDOWN"));
    assert!(!engine.shutdown_requested());
    assert_eq!(ask(&mut engine, a, "SHUTDOWN NOSAVE NOW"), "");
    assert!(engine.shutdown_requested());
    assert_eq!(ask(&mut engine, b, "SHUTDOWN ABORT"), "+OK\r\n");
    assert!(!engine.shutdown_requested());
}

#[test]
fn a_shutdown_whose_writes_fail_is_called_off_and_answered_unless_it_is_by_force() {
    let mut engine = engine();
    let (a, b) = (engine.open(false), engine.open(false));
    assert!(engine.refuse_shutdown(), "a signal of the host's is called off as well");
    assert_eq!(ask(&mut engine, a, "SHUTDOWN"), "");
    assert!(engine.refuse_shutdown() && !engine.shutdown_requested());
    assert_eq!(text(&mut engine, a), "-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
    assert_eq!(ask(&mut engine, a, "PING"), "+PONG\r\n");
    assert_eq!(ask(&mut engine, a, "SHUTDOWN FORCE"), "");
    assert!(!engine.refuse_shutdown() && engine.shutdown_requested());
    assert_eq!(text(&mut engine, a), "");
    assert_eq!(ask(&mut engine, b, "SHUTDOWN ABORT"), "+OK\r\n");
    assert!(engine.refuse_shutdown());
    assert_eq!(text(&mut engine, a), "", "its wish was taken back before");
}

#[test]
fn lolwut_names_the_version_and_leaves_chance_alone() {
    let mut engine = engine();
    let id = engine.open(false);
    let mut untouched = engine.keyspace.rng.clone();
    assert!(ask(&mut engine, id, "LOLWUT").contains("Redis ver. 7.4.0\n"));
    assert_eq!(engine.keyspace.rng.next_u64(), untouched.next_u64());
    assert!(ask(&mut engine, id, "LOLWUT VERSION x").starts_with("-ERR value is not an integer"));
}

#[test]
fn debug_is_closed_until_it_is_opened() {
    let mut engine = engine();
    let (near, far, inside) = (engine.open(false), engine.open(false), engine.open(true));
    engine.session_mut(near).unwrap().address = "127.0.0.1:5".into();
    engine.session_mut(far).unwrap().address = "10.0.0.1:5".into();
    let tries = |engine: &mut crate::engine::Engine| {
        [near, far, inside].map(|id| ask(engine, id, "DEBUG SET-ACTIVE-EXPIRE 1").starts_with("+OK"))
    };
    assert_eq!(tries(&mut engine), [false, false, false]);
    engine.configure("enable-debug-command", &[b"local"]).unwrap();
    assert_eq!(tries(&mut engine), [true, false, true]);
    engine.configure("enable-debug-command", &[b"yes"]).unwrap();
    assert_eq!(tries(&mut engine), [true, true, true]);
}

#[test]
fn debug_helps_tests() {
    let mut engine = engine();
    engine.configure("enable-debug-command", &[b"yes"]).unwrap();
    let id = engine.open(false);
    assert_eq!(ask(&mut engine, id, "DEBUG OBJECT k"), "-ERR no such key\r\n");
    assert_eq!(ask(&mut engine, id, "SET k:1 old"), "+OK\r\n");
    assert_eq!(ask(&mut engine, id, "DEBUG POPULATE 3 k 9"), "+OK\r\n");
    assert_eq!(ask(&mut engine, id, "GET k:1"), "$3\r\nold\r\n");
    assert_eq!(ask(&mut engine, id, "GET k:2"), "$9\r\nvalue:2\0\0\r\n");
    assert!(ask(&mut engine, id, "DEBUG OBJECT k:1").starts_with("+Value refcount:1 encoding:embstr lru:"));
    assert_eq!(ask(&mut engine, id, "DEBUG ERROR \"MY error\""), "-MY error\r\n");
    assert_eq!(ask(&mut engine, id, "DEBUG PROTOCOL map"), "*6\r\n:0\r\n:0\r\n:1\r\n:1\r\n:2\r\n:0\r\n");
    engine.session_mut(id).unwrap().resp3 = true;
    assert_eq!(ask(&mut engine, id, "DEBUG PROTOCOL map"), "%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n");
    assert!(
        ask(&mut engine, id, "DEBUG foo").starts_with("-ERR unknown subcommand or wrong number of arguments for 'foo'")
    );
    assert!(ask(&mut engine, id, "DEBUG SLEEP 1").starts_with("-ERR DEBUG SLEEP is not available"));
    assert_eq!(ask(&mut engine, id, "DEBUG SET-ACTIVE-EXPIRE 0"), "+OK\r\n");
    ask(&mut engine, id, "PEXPIRE k:1 1");
    engine.set_clock(engine.keyspace.now_us() + 5000);
    engine.tick();
    assert_eq!(ask(&mut engine, id, "DBSIZE"), ":3\r\n");
    assert_eq!(ask(&mut engine, id, "GET k:1"), "_\r\n");
    assert_eq!(text(&mut engine, id), "");
}

#[test]
fn help_is_written_from_the_table() {
    let mut engine = engine();
    let id = engine.open(false);
    for container in ["CLIENT", "CONFIG", "PUBSUB"] {
        let help = ask(&mut engine, id, &format!("{container} HELP"));
        assert!(help.contains(&format!("+{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n")));
        assert!(help.contains("+HELP\r\n+    "), "{help}");
    }
}
