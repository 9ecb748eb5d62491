use crate::engine::tests::{ask, engine, text};
use crate::keyspace::Class;

#[test]
fn messages_reach_channels_patterns_and_shards_in_both_protocols() {
    let mut engine = engine();
    let (a, b, publisher) = (engine.open(false), engine.open(false), engine.open(false));
    assert_eq!(
        ask(&mut engine, a, "SUBSCRIBE x y x"),
        "*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\ny\r\n:2\r\n\
         *3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:2\r\n"
    );
    engine.session_mut(b).unwrap().resp3 = true;
    assert_eq!(ask(&mut engine, b, "PSUBSCRIBE x*"), ">3\r\n$10\r\npsubscribe\r\n$2\r\nx*\r\n:1\r\n");
    assert_eq!(ask(&mut engine, b, "SSUBSCRIBE s"), ">3\r\n$10\r\nssubscribe\r\n$1\r\ns\r\n:1\r\n");
    assert_eq!(ask(&mut engine, publisher, "PUBLISH x hi"), ":2\r\n");
    assert_eq!(text(&mut engine, a), "*3\r\n$7\r\nmessage\r\n$1\r\nx\r\n$2\r\nhi\r\n");
    assert_eq!(text(&mut engine, b), ">4\r\n$8\r\npmessage\r\n$2\r\nx*\r\n$1\r\nx\r\n$2\r\nhi\r\n");
    assert_eq!(ask(&mut engine, publisher, "SPUBLISH s hi"), ":1\r\n");
    assert_eq!(text(&mut engine, b), ">3\r\n$8\r\nsmessage\r\n$1\r\ns\r\n$2\r\nhi\r\n");
    assert_eq!(ask(&mut engine, publisher, "SPUBLISH x hi"), ":0\r\n");
    assert_eq!(ask(&mut engine, publisher, "PUBSUB NUMSUB x s"), "*4\r\n$1\r\nx\r\n:1\r\n$1\r\ns\r\n:0\r\n");
    assert_eq!(ask(&mut engine, publisher, "PUBSUB CHANNELS"), "*2\r\n$1\r\nx\r\n$1\r\ny\r\n");
    assert_eq!(ask(&mut engine, publisher, "PUBSUB CHANNELS y*"), "*1\r\n$1\r\ny\r\n");
    assert_eq!(ask(&mut engine, publisher, "PUBSUB SHARDCHANNELS"), "*1\r\n$1\r\ns\r\n");
    assert_eq!(ask(&mut engine, publisher, "PUBSUB SHARDNUMSUB s"), "*2\r\n$1\r\ns\r\n:1\r\n");
    assert_eq!(ask(&mut engine, publisher, "PUBSUB NUMPAT"), ":1\r\n");
    engine.close(a);
    engine.close(b);
    assert!(engine.subscriptions.is_empty());
}

#[test]
fn unsubscribing_from_everything_names_each_or_says_null() {
    let mut engine = engine();
    let a = engine.open(false);
    assert_eq!(ask(&mut engine, a, "UNSUBSCRIBE"), "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n");
    ask(&mut engine, a, "SUBSCRIBE a b");
    assert!(ask(&mut engine, a, "GET k").starts_with("-ERR Can't execute 'get': only (P|S)SUBSCRIBE"));
    assert_eq!(
        ask(&mut engine, a, "UNSUBSCRIBE"),
        "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:0\r\n"
    );
    assert_eq!(ask(&mut engine, a, "GET k"), "$-1\r\n");
    assert!(engine.subscriptions.is_empty());
}

#[test]
fn a_push_to_the_publisher_itself_follows_its_reply() {
    let mut engine = engine();
    let a = engine.open(false);
    engine.session_mut(a).unwrap().resp3 = true;
    ask(&mut engine, a, "SUBSCRIBE c");
    assert_eq!(ask(&mut engine, a, "PUBLISH c m"), ":1\r\n>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n");
    ask(&mut engine, a, "MULTI");
    ask(&mut engine, a, "PUBLISH c m");
    assert_eq!(ask(&mut engine, a, "EXEC"), "*1\r\n:1\r\n>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n");
}

#[test]
fn events_go_to_the_channels_that_the_configuration_names() {
    let mut engine = engine();
    let (a, b) = (engine.open(false), engine.open(false));
    engine.notify = super::NOTIFY_KEYEVENT | super::NOTIFY_KEYSPACE | Class::STRING;
    ask(&mut engine, a, "PSUBSCRIBE __key*");
    ask(&mut engine, b, "SET k v");
    assert_eq!(
        text(&mut engine, a),
        "*4\r\n$8\r\npmessage\r\n$6\r\n__key*\r\n$16\r\n__keyspace@0__:k\r\n$3\r\nset\r\n\
         *4\r\n$8\r\npmessage\r\n$6\r\n__key*\r\n$18\r\n__keyevent@0__:set\r\n$1\r\nk\r\n"
    );
    engine.notify = super::NOTIFY_KEYEVENT;
    engine.refresh_listeners();
    ask(&mut engine, b, "SET k v");
    assert_eq!(text(&mut engine, a), "");
}
