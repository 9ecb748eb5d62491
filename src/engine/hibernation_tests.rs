use crate::engine::tests::{ask, engine, text};

#[test]
fn a_session_is_the_same_again_in_another_engine() {
    let mut engine = engine();
    let id = engine.open(false);
    for line in [
        "HELLO 3",
        "SELECT 3",
        "CLIENT SETNAME ada",
        "CLIENT NO-EVICT ON",
        "SUBSCRIBE a b",
        "PSUBSCRIBE p*",
        "SSUBSCRIBE s",
    ] {
        ask(&mut engine, id, line);
    }
    let bytes = engine.remember(id).unwrap();
    let mut other = super::super::tests::engine();
    let (again, sender) = (other.open(false), other.open(false));
    assert!(other.resume(again, &bytes));
    assert_eq!(other.remember(again).unwrap(), bytes);
    assert_eq!(text(&mut other, again), "", "nothing is told twice");
    let info = ask(&mut other, again, "CLIENT INFO");
    for part in ["name=ada", "db=3", "resp=3", "sub=2", "psub=1", "ssub=1", "user=default"] {
        assert!(info.contains(part), "{part}: {info}");
    }
    assert_eq!(ask(&mut other, sender, "PUBLISH b hello"), ":1\r\n");
    assert_eq!(text(&mut other, again), ">3\r\n$7\r\nmessage\r\n$1\r\nb\r\n$5\r\nhello\r\n");
    for cut in 0..8 {
        let newer = other.open(false);
        assert!(!other.resume(newer, &bytes[..cut]), "cut at {cut}");
    }
}

#[test]
fn what_cannot_be_made_again_is_not_remembered() {
    for line in ["MULTI", "WATCH a", "BLPOP a 0", "CLIENT TRACKING ON", "MONITOR", "CLIENT REPLY OFF", "*1\r\n$4\r\nPI"]
    {
        let mut engine = engine();
        let id = engine.open(false);
        if line.starts_with('*') {
            engine.receive(id, line.as_bytes());
        } else {
            ask(&mut engine, id, if line.contains("TRACKING") { "HELLO 3" } else { "PING" });
            ask(&mut engine, id, line);
        }
        assert_eq!(engine.remember(id), None, "{line}");
    }
}
