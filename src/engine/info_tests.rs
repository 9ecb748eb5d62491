use crate::engine::tests::{ask, engine};
use crate::memory::Usage;

fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::to_owned))
}

#[test]
fn sections_come_in_order_and_as_asked() {
    let mut engine = engine();
    let id = engine.open(false);
    let titles = |text: &str| {
        let titles: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# ")).collect();
        titles.join(" ")
    };
    let default = "Server Clients Memory Persistence Stats Replication Errorstats Cluster Keyspace";
    assert_eq!(titles(&ask(&mut engine, id, "INFO")), default);
    assert_eq!(titles(&ask(&mut engine, id, "INFO default")), default);
    assert_eq!(
        titles(&ask(&mut engine, id, "INFO everything")),
        default.replace("Errorstats", "Commandstats Errorstats")
    );
    assert_eq!(titles(&ask(&mut engine, id, "INFO keyspace SERVER nothing")), "Server Keyspace");
    assert_eq!(ask(&mut engine, id, "INFO nothing"), "$0\r\n\r\n");
    assert_eq!(ask(&mut engine, id, "INFO replication cluster"), "$115\r\n# Replication\r\nrole:master\r\nconnected_slaves:0\r\nmaster_failover_state:no-failover\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n");
}

#[test]
fn figures_are_true() {
    let mut engine = engine();
    let (a, b) = (engine.open(false), engine.open(false));
    for line in ["SET k v", "SET l v", "GET k", "GET nothing", "WATCH k", "FOO", "HSET k f v", "SELECT 99"] {
        ask(&mut engine, a, line);
    }
    ask(&mut engine, a, "PEXPIRE k 5000");
    ask(&mut engine, b, "SUBSCRIBE c");
    engine.set_clock(engine.keyspace.now_us() + 3_000_000);
    let text = ask(&mut engine, a, "INFO all");
    for (name, value) in [
        ("uptime_in_seconds", "3"),
        ("connected_clients", "2"),
        ("pubsub_clients", "1"),
        ("watching_clients", "1"),
        ("keyspace_hits", "1"),
        ("keyspace_misses", "1"),
        ("total_connections_received", "2"),
        ("total_commands_processed", "11"),
        ("total_error_replies", "3"),
        ("errorstat_ERR", "count=2"),
        ("errorstat_WRONGTYPE", "count=1"),
        ("cmdstat_set", "calls=2,usec=0,usec_per_call=0.00,rejected_calls=0,failed_calls=0"),
        ("cmdstat_hset", "calls=1,usec=0,usec_per_call=0.00,rejected_calls=0,failed_calls=1"),
        ("db0", "keys=2,expires=1,avg_ttl=2000,subexpiry=0"),
    ] {
        assert_eq!(field(&text, name).as_deref(), Some(value), "{name} in {text}");
    }
    assert_eq!(field(&text, "used_memory"), None, "nobody said how much");
    assert_eq!(field(&text, "run_id").unwrap().len(), 40);
    engine.set_memory_source(Some(|| Usage { used: 3 << 20, peak: 3 << 20, ..Usage::default() }));
    let text = ask(&mut engine, a, "INFO memory");
    assert_eq!(field(&text, "used_memory").as_deref(), Some("3145728"));
    assert_eq!(field(&text, "used_memory_peak_human").as_deref(), Some("3.00M"));
    assert_eq!(ask(&mut engine, a, "CONFIG RESETSTAT"), "+OK\r\n");
    let text = ask(&mut engine, a, "INFO all");
    assert_eq!(field(&text, "keyspace_hits").as_deref(), Some("0"));
    assert_eq!(field(&text, "cmdstat_set"), None);
    assert_eq!(field(&text, "errorstat_ERR"), None);
}

#[test]
fn commands_stopped_by_a_gate_are_counted_as_rejected() {
    let mut engine = engine();
    let id = engine.open(false);
    ask(&mut engine, id, "GET");
    ask(&mut engine, id, "CONFIG");
    let text = ask(&mut engine, id, "INFO commandstats");
    assert!(
        text.contains("cmdstat_get:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0\r\n"),
        "{text}"
    );
    assert!(text.contains("cmdstat_config:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,"), "{text}");
}
