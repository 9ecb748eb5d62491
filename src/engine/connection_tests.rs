use crate::engine::tests::{ask, engine, text};

#[test]
fn hello_switches_the_protocol_of_its_own_reply() {
    let mut engine = engine();
    let id = engine.open(false);
    assert!(ask(&mut engine, id, "HELLO").starts_with("*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n"));
    let reply = ask(&mut engine, id, "HELLO 3 SETNAME bob");
    assert!(reply.starts_with("%7\r\n$6\r\nserver\r\n"), "{reply}");
    assert!(reply.ends_with("$7\r\nmodules\r\n*0\r\n"), "{reply}");
    assert_eq!(ask(&mut engine, id, "CLIENT GETNAME"), "$3\r\nbob\r\n");
    assert_eq!(ask(&mut engine, id, "HELLO 4"), "-NOPROTO unsupported protocol version\r\n");
    assert_eq!(ask(&mut engine, id, "HELLO 2 FOO"), "-ERR Syntax error in HELLO option 'FOO'\r\n");
    assert!(ask(&mut engine, id, "HELLO 2 AUTH nobody x").starts_with("-WRONGPASS "));
}

#[test]
fn a_password_keeps_strangers_out() {
    let mut engine = engine();
    engine.configure("requirepass", &[b"secret"]).unwrap();
    let id = engine.open(false);
    assert_eq!(ask(&mut engine, id, "GET k"), "-NOAUTH Authentication required.\r\n");
    assert!(ask(&mut engine, id, "FOO").starts_with("-ERR unknown command 'FOO'"));
    assert!(ask(&mut engine, id, "HELLO 3").starts_with("-NOAUTH HELLO must be called"));
    for wrong in ["AUTH secreT", "AUTH secre", "AUTH secrets", "AUTH \"\"", "AUTH nobody secret"] {
        assert!(ask(&mut engine, id, wrong).starts_with("-WRONGPASS "), "{wrong}");
    }
    assert_eq!(ask(&mut engine, id, "AUTH default secret"), "+OK\r\n");
    assert_eq!(ask(&mut engine, id, "GET k"), "$-1\r\n");
    assert_eq!(ask(&mut engine, id, "RESET"), "+RESET\r\n");
    assert_eq!(ask(&mut engine, id, "GET k"), "-NOAUTH Authentication required.\r\n");
    assert!(ask(&mut engine, id, "HELLO 3 AUTH default secret").starts_with("%7\r\n"));
    let inside = engine.open(true);
    assert_eq!(ask(&mut engine, inside, "GET k"), "_\r\n");
}

#[test]
fn reset_forgets_what_a_connection_gathered() {
    let mut engine = engine();
    let id = engine.open(false);
    for line in ["CLIENT SETNAME bob", "SELECT 3", "WATCH k", "SUBSCRIBE c", "SSUBSCRIBE c"] {
        ask(&mut engine, id, line);
    }
    assert_eq!(ask(&mut engine, id, "PING hi"), "*2\r\n$4\r\npong\r\n$2\r\nhi\r\n");
    assert_eq!(ask(&mut engine, id, "RESET"), "+RESET\r\n");
    assert_eq!(ask(&mut engine, id, "PING"), "+PONG\r\n");
    let session = engine.session(id).unwrap();
    assert!(session.name.is_empty() && session.db == 0 && session.watched.is_empty());
    assert!(engine.watches.is_empty() && engine.subscriptions.is_empty());
}

#[test]
fn quit_answers_and_closes() {
    let mut engine = engine();
    let id = engine.open(false);
    engine.receive(id, b"QUIT\r\nPING\r\n");
    assert!(!engine.is_to_close(id));
    assert_eq!(text(&mut engine, id), "+OK\r\n");
    assert!(engine.is_to_close(id));
}

#[test]
fn select_refuses_what_is_no_database() {
    let mut engine = engine();
    let id = engine.open(false);
    assert_eq!(ask(&mut engine, id, "SELECT 16"), "-ERR DB index is out of range\r\n");
    assert_eq!(ask(&mut engine, id, "SELECT -1"), "-ERR DB index is out of range\r\n");
    assert_eq!(ask(&mut engine, id, "SELECT x"), "-ERR value is not an integer or out of range\r\n");
    assert!(ask(&mut engine, id, "SELECT 99999999999").starts_with("-ERR value is out of range, value must between"));
    assert_eq!(ask(&mut engine, id, "SELECT 15"), "+OK\r\n");
}
