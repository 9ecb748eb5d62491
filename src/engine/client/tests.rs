use super::limits::OutputLimit;
use crate::engine::tests::{ask, engine, text};

#[test]
fn a_line_names_the_fields_of_redis_in_order() {
    let mut engine = engine();
    let id = engine.open(false);
    engine.session_mut(id).unwrap().address = "10.0.0.1:99".into();
    ask(&mut engine, id, "CLIENT SETINFO lib-name lib");
    let line = ask(&mut engine, id, "CLIENT INFO");
    let names: Vec<&str> =
        line.lines().nth(1).unwrap().split(' ').filter_map(|field| field.split('=').next()).collect();
    assert_eq!(
        names.join(" "),
        "id addr laddr fd name age idle flags db sub psub ssub multi watch qbuf qbuf-free argv-mem multi-mem rbs rbp obl \
         oll omem tot-mem events cmd user redir resp lib-name lib-ver"
    );
    assert!(line.contains("id=1 addr=10.0.0.1:99 laddr=?:0"), "{line}");
    assert!(line.contains(" cmd=client|info user=default redir=-1 resp=2 lib-name=lib lib-ver=\n"), "{line}");
}

#[test]
fn lists_filter_by_type_and_by_number() {
    let mut engine = engine();
    let (a, b) = (engine.open(false), engine.open(false));
    ask(&mut engine, b, "SUBSCRIBE c");
    let all = ask(&mut engine, a, "CLIENT LIST");
    assert!(all.find("id=1 ").unwrap() < all.find("id=2 ").unwrap());
    assert!(ask(&mut engine, a, "CLIENT LIST TYPE pubsub").contains("\nid=2 "));
    assert!(!ask(&mut engine, a, "CLIENT LIST TYPE pubsub").contains("id=1 "));
    assert_eq!(ask(&mut engine, a, "CLIENT LIST TYPE master"), "$0\r\n\r\n");
    assert!(ask(&mut engine, a, "CLIENT LIST ID 2 9").contains("flags=P "));
    assert_eq!(ask(&mut engine, a, "CLIENT LIST ID x"), "-ERR Invalid client ID\r\n");
}

#[test]
fn killing_by_address_by_filters_and_oneself() {
    let mut engine = engine();
    let (a, b, c) = (engine.open(false), engine.open(false), engine.open(false));
    engine.session_mut(b).unwrap().address = "h:2".into();
    assert_eq!(ask(&mut engine, a, "CLIENT KILL h:1"), "-ERR No such client\r\n");
    assert_eq!(ask(&mut engine, a, "CLIENT KILL h:2"), "+OK\r\n");
    assert!(engine.is_to_close(b));
    assert_eq!(ask(&mut engine, a, "CLIENT KILL h:2"), "-ERR No such client\r\n");
    engine.set_clock(engine.keyspace.now_us() + 10_000_000);
    assert_eq!(ask(&mut engine, a, "CLIENT KILL MAXAGE 11 SKIPME no"), ":0\r\n");
    assert_eq!(ask(&mut engine, a, "CLIENT KILL MAXAGE 10"), ":1\r\n");
    assert!(engine.is_to_close(c));
    assert_eq!(ask(&mut engine, a, "CLIENT KILL TYPE normal"), ":0\r\n");
    assert_eq!(ask(&mut engine, a, "CLIENT KILL ID 1 SKIPME no"), ":1\r\n");
    assert!(engine.is_to_close(a));
}

#[test]
fn a_pause_keeps_input_until_it_ends() {
    let mut engine = engine();
    let (a, b) = (engine.open(false), engine.open(false));
    assert_eq!(ask(&mut engine, a, "CLIENT PAUSE 100 WRITE"), "+OK\r\n");
    assert_eq!(ask(&mut engine, b, "GET k"), "$-1\r\n");
    assert_eq!(ask(&mut engine, b, "SET k v"), "");
    assert_eq!(ask(&mut engine, b, "GET k"), "");
    assert_eq!(ask(&mut engine, a, "FOO").split('\'').next(), Some("-ERR unknown command "));
    assert_eq!(ask(&mut engine, a, "GET k"), "$-1\r\n");
    let wanted = engine.next_tick().unwrap();
    assert_eq!(wanted, engine.keyspace.now() + 100);
    engine.set_clock(wanted * 1000);
    engine.tick();
    assert_eq!(text(&mut engine, b), "+OK\r\n$1\r\nv\r\n");
    ask(&mut engine, a, "CLIENT PAUSE 100");
    assert_eq!(ask(&mut engine, b, "GET k"), "");
    let inside = engine.open(true);
    assert_eq!(ask(&mut engine, inside, "CLIENT UNPAUSE"), "+OK\r\n");
    assert_eq!(text(&mut engine, b), "$1\r\nv\r\n");
}

#[test]
fn a_paused_transaction_is_held_back_when_it_writes() {
    let mut engine = engine();
    let (a, b) = (engine.open(false), engine.open(false));
    ask(&mut engine, b, "MULTI");
    ask(&mut engine, b, "SET k v");
    ask(&mut engine, a, "CLIENT PAUSE 100 WRITE");
    assert_eq!(ask(&mut engine, b, "EXEC"), "");
    ask(&mut engine, a, "CLIENT UNPAUSE");
    assert_eq!(text(&mut engine, b), "*1\r\n+OK\r\n");
}

#[test]
fn replies_are_off_but_pushes_are_not() {
    let mut engine = engine();
    let a = engine.open(false);
    assert_eq!(ask(&mut engine, a, "CLIENT REPLY SKIP"), "");
    assert_eq!(ask(&mut engine, a, "PING"), "");
    assert_eq!(ask(&mut engine, a, "PING"), "+PONG\r\n");
    assert_eq!(ask(&mut engine, a, "CLIENT REPLY OFF"), "");
    assert_eq!(ask(&mut engine, a, "PING"), "");
    assert_eq!(ask(&mut engine, a, "SUBSCRIBE c"), "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    assert_eq!(ask(&mut engine, a, "RESET"), "+RESET\r\n");
    assert_eq!(ask(&mut engine, a, "PING"), "+PONG\r\n");
}

#[test]
fn a_listener_that_does_not_read_is_cut_off() {
    let mut engine = engine();
    let (a, b) = (engine.open(false), engine.open(false));
    engine.limits.output[2] = OutputLimit { hard: 5000, soft: 1000, seconds: 2 };
    ask(&mut engine, a, "SUBSCRIBE c");
    let message = format!("PUBLISH c {}", "x".repeat(1200));
    assert_eq!(ask(&mut engine, b, &message), ":1\r\n");
    assert!(!engine.is_to_close(a));
    for _ in 0..3 {
        let wanted = engine.next_tick().unwrap();
        engine.set_clock(wanted * 1000);
        engine.tick();
    }
    assert!(engine.is_to_close(a), "over the soft limit for three seconds");
    assert_eq!(ask(&mut engine, b, &message), ":0\r\n");
    engine.close(a);
    let a = engine.open(false);
    ask(&mut engine, a, "SUBSCRIBE c");
    for _ in 0..5 {
        ask(&mut engine, b, &message);
    }
    assert!(engine.is_to_close(a), "over the hard limit");
    assert_eq!(engine.stats.output_limit_closed, 2);
}

#[test]
fn idle_sessions_and_those_too_many_are_closed() {
    let mut engine = engine();
    let (a, b) = (engine.open(false), engine.open(false));
    engine.limits.clients = 2;
    let c = engine.open(false);
    assert_eq!(text(&mut engine, c), "-ERR max number of clients reached\r\n");
    assert!(engine.is_to_close(c));
    engine.close(c);
    engine.limits.idle = 10;
    engine.next_walk = 0;
    ask(&mut engine, b, "SUBSCRIBE x");
    for _ in 0..12 {
        let wanted = engine.tick().unwrap();
        engine.set_clock(wanted * 1000);
    }
    assert!(engine.is_to_close(a) && !engine.is_to_close(b));
    engine.close(a);
    let d = engine.open(false);
    assert_eq!(ask(&mut engine, d, "PING"), "+PONG\r\n");
}

#[test]
fn an_unread_request_is_bounded() {
    let mut engine = engine();
    let a = engine.open(false);
    engine.limits.input = 1000;
    engine.receive(a, b"*2\r\n$3\r\nGET\r\n$100000\r\n");
    assert!(!engine.is_to_close(a));
    engine.receive(a, &[b'x'; 2000]);
    assert!(engine.is_to_close(a));
}

#[test]
fn a_transaction_that_grows_without_end_is_bounded() {
    let mut engine = engine();
    let a = engine.open(false);
    engine.limits.input = 10_000;
    ask(&mut engine, a, "MULTI");
    let command = format!("SET k {}", "x".repeat(1000));
    for _ in 0..9 {
        assert_eq!(ask(&mut engine, a, &command), "+QUEUED\r\n");
    }
    ask(&mut engine, a, &command);
    assert!(engine.is_to_close(a));
    assert_eq!(engine.stats.input_limit_closed, 1);
}

#[test]
fn no_touch_leaves_the_time_of_last_use_alone() {
    let mut engine = engine();
    let (a, b) = (engine.open(false), engine.open(false));
    ask(&mut engine, a, "SET k v");
    engine.set_clock(engine.keyspace.now_us() + 10_000_000);
    assert_eq!(ask(&mut engine, b, "CLIENT NO-TOUCH ON"), "+OK\r\n");
    ask(&mut engine, b, "GET k");
    assert_eq!(ask(&mut engine, b, "OBJECT IDLETIME k"), ":10\r\n");
    ask(&mut engine, b, "TOUCH k");
    assert_eq!(ask(&mut engine, b, "OBJECT IDLETIME k"), ":0\r\n");
    engine.set_clock(engine.keyspace.now_us() + 10_000_000);
    ask(&mut engine, a, "GET k");
    assert_eq!(ask(&mut engine, b, "OBJECT IDLETIME k"), ":0\r\n");
}

#[test]
fn unprocessed_input_of_all_sessions_together_is_bounded() {
    let mut engine = engine();
    engine.limits.all_input = 1 << 20;
    let part = vec![b'x'; 100_000];
    let ids: Vec<_> = (0..20).map(|_| engine.open(false)).collect();
    for _ in 0..3 {
        for &id in &ids {
            if engine.session(id).is_some_and(|session| session.pending.is_empty()) {
                engine.receive(id, b"*2\r\n$4\r\nECHO\r\n$500000000\r\n");
            }
            engine.receive(id, &part);
        }
        let held: usize = engine.sessions().map(|(_, session)| session.pending.len()).sum();
        assert!(held <= 1 << 20);
    }
    assert!(engine.stats.input_limit_closed > 0);
    let other = engine.open(false);
    assert_eq!(ask(&mut engine, other, "PING"), "+PONG\r\n");
}
