//! The family through the engine: replies in both protocols, errors and their order, effects, events, waits. The
//! replies were compared with a redis-server's; the transcripts hold many more.

use crate::commands;
use crate::engine::{Engine, SessionId, Setup, Table, FAMILIES};
use crate::keyspace::Class;

struct Room {
    engine: Engine,
    id: SessionId,
}

impl Room {
    fn new(resp3: bool) -> Self {
        let table = Table::new(commands::FAMILIES, FAMILIES);
        let mut engine = Engine::new(table, Setup { seed: 1, now_us: 1_000_000, databases: 16 });
        let id = engine.open(true);
        engine.session_mut(id).unwrap().resp3 = resp3;
        Room { engine, id }
    }

    /// What an inline command answers, CRLF shown as blanks.
    fn ask(&mut self, line: &str) -> String {
        let id = self.id;
        self.ask_as(id, line)
    }

    fn ask_as(&mut self, id: SessionId, line: &str) -> String {
        self.engine.receive(id, format!("{line}\r\n").as_bytes());
        self.answer(id)
    }

    fn answer(&mut self, id: SessionId) -> String {
        let text = String::from_utf8_lossy(self.engine.output(id)).into_owned();
        self.engine.sent(id, text.len());
        text.replace("\r\n", " ").trim_end().to_owned()
    }

    fn all(&mut self, lines: &[(&str, &str)]) {
        for (line, reply) in lines {
            assert_eq!(self.ask(line), *reply, "{line}");
        }
    }
}

#[test]
fn adding_under_conditions() {
    Room::new(false).all(&[
        ("ZADD z 1 a 2 b 2 a", ":2"),
        ("ZSCORE z a", "$1 2"),
        ("ZADD z NX 5 a 3 c", ":1"),
        ("ZADD z XX CH 5 a 9 d", ":1"),
        ("ZADD z GT CH 4 a 6 b", ":1"),
        ("ZADD z LT CH 4 a 7 b", ":1"),
        ("ZADD z GT 1 e", ":1"),
        ("ZADD z INCR 2.5 a", "$3 6.5"),
        ("ZADD z NX INCR 1 a", "$-1"),
        ("ZADD z XX INCR 1 nobody", "$-1"),
        ("ZADD z LT INCR 1 a", "$-1"),
        ("ZADD none XX 1 a", ":0"),
        ("EXISTS none", ":0"),
        ("ZINCRBY z inf a", "$3 inf"),
        ("ZINCRBY z -inf a", "-ERR resulting score is not a number (NaN)"),
        ("ZADD z 1", "-ERR wrong number of arguments for 'zadd' command"),
        ("ZADD z nx 1", "-ERR syntax error"),
        ("ZADD z NX XX 1 a", "-ERR XX and NX options at the same time are not compatible"),
        ("ZADD z NX GT x a", "-ERR GT, LT, and/or NX options at the same time are not compatible"),
        ("ZADD z INCR 1 a 2 b", "-ERR INCR option supports a single increment-element pair"),
        ("ZADD z 1 new x b", "-ERR value is not a valid float"),
        ("ZADD z nan a", "-ERR value is not a valid float"),
        ("ZSCORE z new", "$-1"),
        ("SET s x", "+OK"),
        ("ZADD s nan a", "-ERR value is not a valid float"),
        ("ZADD s 1 a", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("ZCARD z", ":4"),
        ("ZREM z a b c d e f", ":4"),
        ("EXISTS z", ":0"),
    ]);
}

#[test]
fn ranks_and_scores_in_both_protocols() {
    let build = ("ZADD z 1 a 2 b 2.5 c", ":3");
    Room::new(false).all(&[
        build,
        ("ZRANK z c", ":2"),
        ("ZREVRANK z c WITHSCORE", "*2 :0 $3 2.5"),
        ("ZRANK z x", "$-1"),
        ("ZRANK z x WITHSCORE", "*-1"),
        ("ZRANK z a WITHSCORES", "-ERR syntax error"),
        ("ZRANK z a WITHSCORE x", "-ERR wrong number of arguments for 'zrank' command"),
        ("ZMSCORE z a x", "*2 $1 1 $-1"),
        ("ZRANGE z 0 -1 WITHSCORES", "*6 $1 a $1 1 $1 b $1 2 $1 c $3 2.5"),
        ("ZPOPMIN z", "*2 $1 a $1 1"),
        ("ZPOPMAX z 5", "*4 $1 c $3 2.5 $1 b $1 2"),
        ("ZPOPMIN z", "*0"),
    ]);
    Room::new(true).all(&[
        build,
        ("ZREVRANK z c WITHSCORE", "*2 :0 ,2.5"),
        ("ZRANK z x WITHSCORE", "_"),
        ("ZSCORE z c", ",2.5"),
        ("ZRANGE z 1 -1 WITHSCORES", "*2 *2 $1 b ,2 *2 $1 c ,2.5"),
        ("ZMPOP 2 none z MAX COUNT 1", "*2 $1 z *1 *2 $1 c ,2.5"),
        ("ZPOPMIN z", "*2 $1 a ,1"),
        ("ZPOPMIN z 1", "*1 *2 $1 b ,2"),
        ("ZMPOP 1 z MIN", "_"),
        ("ZPOPMIN z -1", "-ERR value is out of range, must be positive"),
        ("ZPOPMIN z 1 2", "-ERR syntax error"),
        ("ZMPOP 0 z MIN", "-ERR numkeys should be greater than 0"),
        ("ZMPOP 9223372036854775807 z MIN", "-ERR syntax error"),
        ("ZMPOP 1 z MIN COUNT 0", "-ERR count should be greater than 0"),
        ("ZMPOP 1 z MIN COUNT 1 COUNT 1", "-ERR syntax error"),
    ]);
}

#[test]
fn ranges_of_every_kind() {
    Room::new(false).all(&[
        ("ZADD z 1 a 2 b 3 c 4 d", ":4"),
        ("ZRANGE z -2 9223372036854775807", "*2 $1 c $1 d"),
        ("ZREMRANGEBYRANK z 9223372036854775807 -9223372036854775808", ":0"),
        ("ZRANGE z (1 3 BYSCORE", "*2 $1 b $1 c"),
        ("ZRANGE z +inf (2 BYSCORE REV LIMIT 1 -1", "*1 $1 c"),
        ("ZRANGE z -inf inf BYSCORE LIMIT -1 5", "*0"),
        ("ZRANGE z 0 -1 LIMIT 0 -1", "*4 $1 a $1 b $1 c $1 d"),
        (
            "ZRANGE z 0 -1 LIMIT 0 1",
            "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
        ),
        ("ZRANGE z - + BYLEX WITHSCORES", "-ERR syntax error, WITHSCORES not supported in combination with BYLEX"),
        ("ZRANGE z 0 1 BYSCORE BYLEX", "-ERR syntax error"),
        ("ZRANGE z 0 x BYSCORE", "-ERR min or max is not a float"),
        ("ZRANGE z 0 1 BYLEX", "-ERR min or max not valid string range item"),
        ("ZRANGE z 0 1.5", "-ERR value is not an integer or out of range"),
        ("ZRANGEBYSCORE z \"\" 1e400 LIMIT 3 1", "*1 $1 d"),
        ("ZCOUNT z \" 2\" (4", ":2"),
        ("ZCOUNT z \"2 \" 3", "-ERR min or max is not a float"),
        ("ZREVRANGE z 0 0 WITHSCORES", "*2 $1 d $1 4"),
        ("ZRANGESTORE copy z 1 2 REV", ":2"),
        ("ZRANGE copy 0 -1", "*2 $1 b $1 c"),
        ("ZRANGESTORE copy z 9 10", ":0"),
        ("EXISTS copy", ":0"),
        ("ZRANGESTORE z z 5 2 BYSCORE REV LIMIT 0 2", ":2"),
        ("ZRANGE z 0 -1", "*2 $1 c $1 d"),
        ("ZREMRANGEBYSCORE z (3 inf", ":1"),
        ("ZADD lex 0 a 0 b 0 c", ":3"),
        ("ZLEXCOUNT lex (a +", ":2"),
        ("ZREVRANGEBYLEX lex [b -", "*2 $1 b $1 a"),
        ("ZREMRANGEBYLEX lex [a (c", ":2"),
    ]);
}

#[test]
fn combinations() {
    Room::new(false).all(&[
        ("ZADD a 1 x 2 y", ":2"),
        ("ZADD b 10 y 20 z", ":2"),
        ("SADD s y", ":1"),
        ("ZUNION 3 a b s WITHSCORES", "*6 $1 x $1 1 $1 y $2 13 $1 z $2 20"),
        ("ZINTER 2 a b WEIGHTS 2 -1 WITHSCORES", "*2 $1 y $2 -6"),
        ("ZINTER 2 a b AGGREGATE MAX WITHSCORES", "*2 $1 y $2 10"),
        ("ZDIFF 2 a s WITHSCORES", "*2 $1 x $1 1"),
        ("ZINTERCARD 2 a b LIMIT 0", ":1"),
        ("ZUNIONSTORE a 2 a a", ":2"),
        ("ZRANGE a 0 -1 WITHSCORES", "*4 $1 x $1 2 $1 y $1 4"),
        ("ZDIFFSTORE a 1 none", ":0"),
        ("EXISTS a", ":0"),
        ("ZADD i inf m", ":1"),
        ("ZADD j -inf m", ":1"),
        ("ZUNION 2 i j WITHSCORES", "*2 $1 m $1 0"),
        ("ZINTER 1 i WEIGHTS 0 WITHSCORES", "*2 $1 m $1 0"),
        ("ZUNION 0 a", "-ERR at least 1 input key is needed for 'zunion' command"),
        ("ZUNIONSTORE d 3 a b", "-ERR syntax error"),
        ("ZUNION 2 a b WEIGHTS 1", "-ERR syntax error"),
        ("ZUNION 1 b WEIGHTS x", "-ERR weight value is not a float"),
        ("ZUNION 1 b AGGREGATE AVG", "-ERR syntax error"),
        ("ZDIFF 1 b WEIGHTS 1", "-ERR syntax error"),
        ("ZINTERCARD 1 b LIMIT -1", "-ERR LIMIT can't be negative"),
        ("ZUNIONSTORE d 1 b WITHSCORES", "-ERR syntax error"),
        ("SET t x", "+OK"),
        ("ZUNION 1 t WEIGHTS x", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
    ]);
}

#[test]
fn random_members_are_bounded_and_distinct() {
    let mut room = Room::new(false);
    for number in 0..100 {
        room.ask(&format!("ZADD z {number} m{number}"));
    }
    for count in [1, 5, 12, 13, 60, 100, 1000] {
        let answer = room.ask(&format!("ZRANDMEMBER z {count}"));
        let members: std::collections::HashSet<&str> = answer.split(' ').filter(|word| word.starts_with('m')).collect();
        assert_eq!(members.len(), count.min(100));
    }
    assert!(room.ask("ZRANDMEMBER z -300 WITHSCORES").starts_with("*600 "));
    room.all(&[
        ("ZRANDMEMBER z 0", "*0"),
        ("ZRANDMEMBER none", "$-1"),
        ("ZRANDMEMBER none 5", "*0"),
        ("ZRANDMEMBER z -9223372036854775807", "-ERR value is out of range"),
        ("ZRANDMEMBER z 4611686018427387904 WITHSCORES", "-ERR value is out of range"),
        ("ZRANDMEMBER z 1 WITHSCORE", "-ERR syntax error"),
    ]);
}

#[test]
fn scanning_shows_scores_as_redis_stores_them() {
    let mut room = Room::new(true);
    room.all(&[
        ("ZADD z 0.1 a 3 b", ":2"),
        ("ZSCAN z 0", "*2 $1 0 *4 $1 a $3 0.1 $1 b $1 3"),
        ("ZSCAN z 0 MATCH b COUNT 1", "*2 $1 0 *2 $1 b $1 3"),
        ("ZSCAN none x", "-ERR invalid cursor"),
        ("ZSCAN none 0 COUNT", "*2 $1 0 *0"),
        ("ZSCAN z 0 COUNT 0", "-ERR syntax error"),
    ]);
    room.engine.keyspace.limits.sorted_set.entries = 0;
    room.all(&[("ZADD l 0.1 a", ":1"), ("ZSCAN l 0", "*2 $1 0 *2 $1 a $19 0.10000000000000001")]);
}

#[test]
fn waiting_clients_are_served_in_turn_and_effects_name_what_was_taken() {
    let mut room = Room::new(false);
    room.engine.record_effects(true);
    let (first, second) = (room.engine.open(true), room.engine.open(true));
    for id in [first, second] {
        room.engine.session_mut(id).unwrap().resp3 = false;
    }
    assert_eq!(room.ask_as(first, "BZPOPMAX other z 0"), "");
    assert_eq!(room.ask_as(second, "BZMPOP 1 1 z MIN COUNT 5"), "");
    room.ask("SET other x");
    room.ask("DEL other");
    assert_eq!(room.ask("ZADD z 1 a 2 b 3 c"), ":3");
    assert_eq!(room.answer(first), "*3 $1 z $1 c $1 3");
    assert_eq!(room.answer(second), "*2 $1 z *2 *2 $1 a $1 1 *2 $1 b $1 2");
    let effects: Vec<String> = room
        .engine
        .take_effects()
        .iter()
        .flat_map(|unit| &unit.effects)
        .map(|effect| effect.argv.iter().map(|arg| String::from_utf8_lossy(arg)).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(effects[2..], ["ZADD z 1 a 2 b 3 c", "zpopmax z", "zpopmin z 5"]);
    assert_eq!(room.ask_as(second, "BZPOPMIN z 0.5"), "");
    room.engine.set_clock(2_000_000);
    room.engine.tick();
    assert_eq!(room.answer(second), "*-1");
    assert_eq!(room.ask("BZPOPMIN z -1"), "-ERR timeout is negative");
}

#[test]
fn events_and_the_count_of_changes() {
    let mut room = Room::new(false);
    room.ask("ZADD z 1 a");
    let changes = |room: &mut Room, line: &str| {
        let space = &mut room.engine.keyspace;
        space.changes.record_events = u32::MAX;
        let (before, mut out) = (space.changes.dirty, Vec::new());
        let mut ctx = commands::Context {
            keys: space.keys(0),
            reply: crate::resp::Reply::new(&mut out, false),
            name: "test",
            databases: 16,
        };
        let (mut bytes, mut spans) = (Vec::new(), Vec::new());
        assert!(crate::resp::split_inline(line.as_bytes(), &mut bytes, &mut spans));
        let args = crate::resp::Args::new(&bytes, &spans);
        let name = String::from_utf8_lossy(args.at(0)).to_lowercase();
        let declared = super::TABLE.iter().find(|declared| declared.spec.name == name).unwrap();
        declared.run.unwrap()(&mut ctx, args).unwrap();
        let events: Vec<&str> =
            space.changes.events.drain(..).filter(|e| e.class != Class::NEW).map(|e| e.name).collect();
        (space.changes.dirty - before, events)
    };
    assert_eq!(changes(&mut room, "ZADD z 1 a"), (0, vec![]));
    assert_eq!(changes(&mut room, "ZADD z 2 a 3 b"), (2, vec!["zadd"]));
    assert_eq!(changes(&mut room, "ZINCRBY z 1 a"), (1, vec!["zincr"]));
    assert_eq!(changes(&mut room, "ZINCRBY z 0 a"), (0, vec![]));
    assert_eq!(changes(&mut room, "ZUNIONSTORE d 1 z"), (1, vec!["zunionstore"]));
    assert_eq!(changes(&mut room, "ZPOPMIN z 5"), (2, vec!["zpopmin", "del"]));
    assert_eq!(changes(&mut room, "ZREMRANGEBYRANK d 0 0"), (1, vec!["zremrangebyrank"]));
    assert_eq!(changes(&mut room, "ZREM d a b c"), (1, vec!["zrem", "del"]));
    assert_eq!(changes(&mut room, "ZPOPMIN d").0, 0);
}

#[test]
fn a_large_range_is_gone_at_once_and_its_memory_comes_back_in_slices() {
    let mut room = Room::new(false);
    for start in (0..10_000).step_by(100) {
        let pairs: String = (start..start + 100).map(|number| format!(" {number} m{number}")).collect();
        room.ask(&format!("ZADD z{pairs}"));
    }
    room.all(&[
        ("ZREMRANGEBYSCORE z 100 9899", ":9800"),
        ("ZCARD z", ":200"),
        ("ZSCORE z m5000", "$-1"),
        ("ZADD z 1 m5000", ":1"),
    ]);
    let free = |room: &mut Room| {
        let mut slices = 0;
        assert!(room.engine.keyspace.has_garbage());
        while room.engine.keyspace.free_some(2000) {
            slices += 1;
        }
        slices
    };
    assert!(free(&mut room) > 5);
    room.all(&[("ZCARD z", ":201"), ("ZSCORE z m5000", "$1 1"), ("ZRANK z m5000", ":2")]);
    // One that is removed while its members wait, and one that loses all of them, are garbage as a whole.
    for (number, command) in ["ZREMRANGEBYRANK z 0 -1", "DEL z", "RENAME z y"].into_iter().enumerate() {
        for start in (0..2000).step_by(100) {
            let pairs: String = (start..start + 100).map(|number| format!(" {number} m{number}")).collect();
            room.ask(&format!("ZADD z{pairs}"));
        }
        if number > 0 {
            room.ask("ZREMRANGEBYRANK z 10 -10");
        }
        room.ask(command);
        free(&mut room);
        assert_eq!(room.ask("EXISTS z"), ":0");
    }
    assert_eq!(room.ask("ZCARD y"), ":19");
}
