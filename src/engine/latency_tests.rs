use crate::engine::slowlog::tests::take;
use crate::engine::tests::{ask, engine};

#[test]
fn the_longest_of_a_second_is_kept() {
    let mut engine = engine();
    let id = engine.open(false);
    ask(&mut engine, id, "CONFIG SET latency-monitor-threshold 5");
    for (second, micros) in [(1, 4_000), (1, 6_000), (1, 9_000), (1, 7_000), (3, 5_000)] {
        engine.set_clock(second * 1_000_000);
        take(&mut engine, micros);
        ask(&mut engine, id, "KEYS *");
        engine.set_stopwatch(None);
    }
    assert_eq!(ask(&mut engine, id, "LATENCY HISTORY command"), "*2\r\n*2\r\n:1\r\n:9\r\n*2\r\n:3\r\n:5\r\n");
    assert_eq!(ask(&mut engine, id, "LATENCY LATEST"), "*1\r\n*4\r\n$7\r\ncommand\r\n:3\r\n:5\r\n:9\r\n");
    let graph = ask(&mut engine, id, "LATENCY GRAPH command");
    assert!(graph.contains("command - high 9 ms, low 5 ms (all time high 9 ms)\n") && graph.contains("\no"), "{graph}");
    assert!(ask(&mut engine, id, "LATENCY DOCTOR").contains("1. command: 2 slow seconds, 7 ms on average"));
    assert_eq!(ask(&mut engine, id, "LATENCY RESET nope command"), ":1\r\n");
    assert_eq!(ask(&mut engine, id, "LATENCY LATEST"), "*0\r\n");
}

#[test]
fn histograms_have_the_bounds_of_redis() {
    let mut engine = engine();
    let id = engine.open(false);
    ask(&mut engine, id, "CONFIG SET latency-tracking yes");
    for micros in [0, 1, 2, 16, 17, 1000, 5_000_000] {
        take(&mut engine, micros);
        ask(&mut engine, id, "CLIENT ID");
    }
    engine.set_stopwatch(None);
    let expected = "*2\r\n$9\r\nclient|id\r\n*4\r\n$5\r\ncalls\r\n:7\r\n$14\r\nhistogram_usec\r\n*10\r\n\
                    :1\r\n:2\r\n:2\r\n:3\r\n:16\r\n:4\r\n:33\r\n:5\r\n";
    for name in ["client", "client|id", ""] {
        let got = ask(&mut engine, id, &format!("LATENCY HISTOGRAM {name}"));
        assert!(name.is_empty() || got.starts_with(expected) || got.contains(":1056\r\n:6\r\n"), "{got}");
        assert!(got.contains(":1\r\n:2\r\n:2\r\n:3\r\n:16\r\n:4\r\n:33\r\n:5\r\n:1056\r\n:6\r\n"), "{got}");
    }
}

#[test]
fn nothing_is_known_without_a_stopwatch() {
    let mut engine = engine();
    let id = engine.open(false);
    ask(&mut engine, id, "CONFIG SET latency-tracking yes latency-monitor-threshold 1 slowlog-log-slower-than 0");
    ask(&mut engine, id, "GET a");
    assert_eq!(ask(&mut engine, id, "LATENCY HISTOGRAM"), "*0\r\n");
    assert_eq!(ask(&mut engine, id, "SLOWLOG LEN"), ":0\r\n");
}
