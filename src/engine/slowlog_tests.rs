use crate::engine::tests::{ask, engine};
use std::cell::Cell;

thread_local! {
    /// Nanoseconds now, and how far each reading moves them.
    static CLOCK: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

fn stopwatch() -> u64 {
    let (now, step) = CLOCK.get();
    CLOCK.set((now + step, step));
    now
}

/// Lets every command take so many microseconds.
pub(crate) fn take(engine: &mut crate::engine::Engine, micros: u64) {
    CLOCK.set((0, micros * 1000));
    engine.set_stopwatch(Some(stopwatch));
}

#[test]
fn what_took_long_is_kept_the_latest_first() {
    let mut engine = engine();
    let id = engine.open(false);
    ask(&mut engine, id, "CLIENT SETNAME me");
    ask(&mut engine, id, "CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 2");
    take(&mut engine, 15);
    ask(&mut engine, id, "GET a");
    ask(&mut engine, id, "AUTH secret");
    ask(&mut engine, id, "SET b c");
    take(&mut engine, 0);
    ask(&mut engine, id, "CONFIG SET slowlog-log-slower-than -1");
    assert_eq!(ask(&mut engine, id, "SLOWLOG LEN"), ":2\r\n");
    assert_eq!(
        ask(&mut engine, id, "SLOWLOG GET"),
        "*2\r\n*6\r\n:2\r\n:1\r\n:15\r\n*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\nc\r\n$3\r\n?:0\r\n$2\r\nme\r\n\
         *6\r\n:1\r\n:1\r\n:15\r\n*2\r\n$4\r\nAUTH\r\n$10\r\n(redacted)\r\n$3\r\n?:0\r\n$2\r\nme\r\n"
    );
    assert_eq!(ask(&mut engine, id, "SLOWLOG GET 0"), "*0\r\n");
    assert_eq!(ask(&mut engine, id, "SLOWLOG RESET"), "+OK\r\n");
    assert_eq!(ask(&mut engine, id, "SLOWLOG GET -1"), "*0\r\n");
}

#[test]
fn only_what_can_be_slow_is_timed_unless_somebody_asks_for_all() {
    let mut engine = engine();
    let id = engine.open(false);
    take(&mut engine, 20_000);
    for line in ["SET a 1", "GET a", "KEYS *"] {
        ask(&mut engine, id, line);
    }
    assert_eq!(ask(&mut engine, id, "SLOWLOG LEN"), ":1\r\n");
    let stats = ask(&mut engine, id, "INFO commandstats");
    assert!(stats.contains("cmdstat_keys:calls=1,usec=20000,usec_per_call=20000.00,"), "{stats}");
    assert!(stats.contains("cmdstat_get:calls=1,usec=0,"), "{stats}");
}

#[test]
fn long_commands_are_cut() {
    let mut engine = engine();
    let id = engine.open(false);
    ask(&mut engine, id, "CONFIG SET slowlog-log-slower-than 0");
    take(&mut engine, 1);
    ask(&mut engine, id, &format!("DEL {}", "k ".repeat(40)));
    ask(&mut engine, id, &format!("GET {}", "x".repeat(130)));
    let log = ask(&mut engine, id, "SLOWLOG GET 2");
    assert!(log.contains(&format!("$146\r\n{}... (2 more bytes)\r\n", "x".repeat(128))), "{log}");
    assert!(log.contains("*32\r\n$3\r\nDEL\r\n") && log.contains("... (10 more arguments)"), "{log}");
}

#[test]
fn a_transaction_is_logged_by_its_commands() {
    let mut engine = engine();
    let id = engine.open(false);
    ask(&mut engine, id, "CONFIG SET slowlog-log-slower-than 0");
    for line in ["MULTI", "SET a 1", "GET a"] {
        ask(&mut engine, id, line);
    }
    take(&mut engine, 1);
    ask(&mut engine, id, "EXEC");
    engine.set_stopwatch(None);
    assert_eq!(ask(&mut engine, id, "SLOWLOG LEN"), ":2\r\n");
}

#[test]
fn secrets_are_not_kept() {
    let mut engine = engine();
    let id = engine.open(false);
    ask(&mut engine, id, "CONFIG SET slowlog-log-slower-than 0");
    take(&mut engine, 1);
    ask(&mut engine, id, "ACL SETUSER bob on >secret allcommands");
    ask(&mut engine, id, "HELLO 2 AUTH bob secret");
    ask(&mut engine, id, "CONFIG SET hz 10 requirepass secret");
    let log = ask(&mut engine, id, "SLOWLOG GET -1");
    assert!(log.contains("requirepass\r\n$10\r\n(redacted)\r\n") && !log.contains("secret"), "{log}");
}
