use super::table::PARAMETERS;
use super::*;
use crate::engine::tests::{ask, engine};

#[test]
fn every_default_is_read_and_shown_as_it_stands_and_is_what_a_new_engine_does() {
    for (at, parameter) in PARAMETERS.iter().enumerate() {
        let value = parameter.kind.parse(parameter.default.as_bytes()).expect(parameter.name);
        assert_eq!(parameter.kind.show(&value), parameter.default.as_bytes(), "{}", parameter.name);
        assert!(at == 0 || PARAMETERS[at - 1].name < parameter.name, "{} is out of order", parameter.name);
    }
    let (mut set, new) = (engine(), engine());
    for index in 0..PARAMETERS.len() {
        let value = set.config.values()[index].clone();
        set.put(index, value);
    }
    let figures = |engine: &Engine| {
        format!(
            "{:?} {:?} {} {} {} {:?} {:?} {} {:?} {:?}",
            engine.keyspace.limits,
            engine.limits,
            engine.notify,
            engine.expiry_budget,
            engine.expiry_interval,
            (engine.acl.open, engine.acl.all_channels),
            engine.debug_allowed,
            engine.keyspace.databases(),
            engine.memory,
            (&engine.keyspace.eviction, &engine.keyspace.access),
        )
    };
    assert_eq!(figures(&set), figures(&new));
}

#[test]
fn get_matches_names_and_patterns_once_each() {
    let mut engine = engine();
    let id = engine.open(false);
    engine.set_host_parameter("Port", b"6380");
    assert_eq!(ask(&mut engine, id, "CONFIG GET HZ hz h[z]"), "*2\r\n$2\r\nHZ\r\n$2\r\n10\r\n");
    assert_eq!(ask(&mut engine, id, "CONFIG GET nothing"), "*0\r\n");
    assert_eq!(ask(&mut engine, id, "CONFIG GET po*"), "*2\r\n$4\r\nport\r\n$4\r\n6380\r\n");
    let both = ask(&mut engine, id, "CONFIG GET hash-max-*-entries");
    assert!(both.contains("listpack") && both.contains("ziplist"), "{both}");
}

#[test]
fn set_changes_all_or_nothing_with_the_errors_of_redis() {
    let mut engine = engine();
    let id = engine.open(false);
    engine.set_host_parameter("port", b"6380");
    for (line, error) in [
        ("foo bar", "Unknown option or number of arguments for CONFIG SET - 'foo'"),
        ("hz 20 foo bar", "Unknown option or number of arguments for CONFIG SET - 'foo'"),
        ("hz 20 HZ 30", "CONFIG SET failed (possibly related to argument 'HZ') - duplicate parameter"),
        ("hz 20 hz x", "CONFIG SET failed (possibly related to argument 'hz') - duplicate parameter"),
        (
            "hz 20 timeout x",
            "CONFIG SET failed (possibly related to argument 'timeout') - argument couldn't be parsed into an integer",
        ),
        (
            "hz 20 maxclients 0",
            "CONFIG SET failed (possibly related to argument 'maxclients') - argument must be between 1 and 4294967295 \
             inclusive",
        ),
        ("hz 20 databases 3", "CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config"),
        ("hz 20 port 3", "CONFIG SET failed (possibly related to argument 'port') - can't set immutable config"),
        (
            "hz 20 maxmemory 1.5k",
            "CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value",
        ),
        (
            "hz 20 maxmemory-policy lru",
            "CONFIG SET failed (possibly related to argument 'maxmemory-policy') - argument(s) must be one of the following: \
             volatile-lru, volatile-lfu, volatile-random, volatile-ttl, allkeys-lru, allkeys-lfu, allkeys-random, noeviction",
        ),
        (
            "hz 20 appendonly yes",
            "CONFIG SET failed (possibly related to argument 'appendonly') - this database is kept nowhere: it was opened without storage",
        ),
        (
            "hz 20 save \"900 1\"",
            "CONFIG SET failed (possibly related to argument 'save') - this database is kept nowhere: it was opened without storage",
        ),
        ("hz 20 save 900", "CONFIG SET failed (possibly related to argument 'save') - Invalid save parameters"),
        (
            "hz 20 lazyfree-lazy-expire maybe",
            "CONFIG SET failed (possibly related to argument 'lazyfree-lazy-expire') - argument must be 'yes' or 'no'",
        ),
        (
            "client-output-buffer-limit \"master 1 1 1\"",
            "CONFIG SET failed (possibly related to argument 'client-output-buffer-limit') - Invalid client class \
             specified in buffer limit configuration.",
        ),
    ] {
        assert_eq!(ask(&mut engine, id, &format!("CONFIG SET {line}")), format!("-ERR {error}\r\n"));
    }
    assert_eq!(engine.parameter("hz").as_deref(), Some(&b"10"[..]));
    assert_eq!(ask(&mut engine, id, "CONFIG SET hz 50 maxmemory-policy ALLKEYS-LRU save \"\""), "+OK\r\n");
    assert_eq!(engine.expiry_interval, 20);
    assert_eq!(engine.parameter("maxmemory-policy").as_deref(), Some(&b"allkeys-lru"[..]));
}

#[test]
fn limits_on_output_change_class_by_class() {
    let mut engine = engine();
    let id = engine.open(false);
    ask(&mut engine, id, "CONFIG SET client-output-buffer-limit \"replica 100mb 2kb 3 pubsub 1k 1 1\"");
    let shown = engine.parameter("client-output-buffer-limit").unwrap();
    assert_eq!(shown, b"normal 0 0 0 slave 104857600 2048 3 pubsub 1000 1 1");
    assert_eq!(engine.limits.output[2].hard, 1000);
}

#[test]
fn event_classes_are_shown_as_redis_shows_them() {
    let mut engine = engine();
    for (given, shown) in [("KEA", "AKE"), ("KElszhxetdmn", "lshzxetdnKEm"), ("g$lszhxetd", "A"), ("", "")] {
        engine.configure("notify-keyspace-events", &[given.as_bytes()]).unwrap();
        assert_eq!(engine.parameter("notify-keyspace-events").unwrap(), shown.as_bytes());
    }
    assert!(engine.configure("notify-keyspace-events", &[b"q"]).unwrap_err().starts_with("Invalid event class"));
}

#[test]
fn a_password_that_is_taken_back_lets_everybody_in() {
    let mut engine = engine();
    engine.configure("requirepass", &[b"secret"]).unwrap();
    let id = engine.open(false);
    assert!(ask(&mut engine, id, "GET k").starts_with("-NOAUTH"));
    engine.configure("requirepass", &[b""]).unwrap();
    assert_eq!(ask(&mut engine, id, "GET k"), "$-1\r\n");
}

#[test]
fn a_host_starts_an_engine_from_a_file() {
    let text = b"# comment\n\ndatabases 4\r\n  save \"\"\nrequirepass \"a b\"\nclient-output-buffer-limit pubsub 1 2 3\nport 1\n";
    let directives = read_directives(text).unwrap();
    assert_eq!(directives.len(), 5);
    assert_eq!((directives[2].line, directives[2].args[0].as_slice()), (5, &b"a b"[..]));
    let mut engine = engine();
    let mut unknown = Vec::new();
    for Directive { name, args, .. } in &directives {
        let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        if let Err(error) = engine.configure(name, &args) {
            unknown.push((name.as_str(), error));
        }
    }
    assert_eq!(unknown, [("port", "Bad directive or wrong number of arguments".to_owned())]);
    assert_eq!(engine.keyspace.databases(), 4);
    assert_eq!(engine.limits.output[2].seconds, 3);
    assert!(read_directives(b"a\nb \"c\n").unwrap_err().starts_with("line 2:"));
    assert!(engine.configure("hz", &[b"1", b"2"]).is_err());
}

#[test]
fn memory_has_the_units_of_redis() {
    for (text, bytes) in [("1", 1), ("1b", 1), ("1k", 1000), ("1KB", 1024), ("2Mb", 2 << 20), ("1g", 1_000_000_000)] {
        assert_eq!(kinds::parse_memory(text.as_bytes()), Some(bytes), "{text}");
    }
    for text in ["", "k", "-1", "1.5k", "1kib", "9999999999999999999", "9223372036854775807k"] {
        assert_eq!(kinds::parse_memory(text.as_bytes()), None, "{text}");
    }
}
