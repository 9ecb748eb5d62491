use super::*;

const fn range(last: i8, step: u8) -> Find {
    Find::Range { last, step, limit: 0 }
}

#[test]
fn arity_follows_from_the_grammar() {
    for (name, grammar, expected) in [
        ("get", "key@RO.access", 2),
        ("ping", "[message]", -1),
        ("time", "", 1),
        ("set", "key@OW.update value [condition=(NX | XX)] [GET] [expiry=(EX seconds:int | KEEPTTL)]", -3),
        ("mset", "data=(key@OW.update value)...", -3),
        ("client|setname", "name", 3),
        ("blpop", "key@RW...  timeout:double", -3),
        ("x", "(a b | c)", -2),
        ("y", "(a | c)", 2),
    ] {
        assert_eq!(arity(name, grammar), expected, "{name}");
    }
}

#[test]
fn key_positions_follow_from_the_grammar() {
    let one = |name: &str, grammar: &'static str| -> KeySpec {
        let specs = keys(name, grammar);
        assert_eq!(specs.as_slice().len(), 1, "{name}");
        specs.as_slice()[0]
    };
    let get = one("get", "key@RO.access");
    assert_eq!((get.flags, get.begin, get.find), ("RO.access", Begin::Index(1), range(0, 1)));
    let del = one("del", "key@RM.delete...");
    assert_eq!((del.flags, del.begin, del.find), ("RM.delete", Begin::Index(1), range(-1, 1)));
    let mset = one("mset", "data=(key@OW.update value)...");
    assert_eq!((mset.flags, mset.begin, mset.find), ("OW.update", Begin::Index(1), range(-1, 2)));
    let blpop = one("blpop", "key@RW... timeout:double");
    assert_eq!((blpop.begin, blpop.find), (Begin::Index(1), range(-2, 1)));
    let xread = one("xread", "[COUNT count:int] STREAMS key@RO... id...");
    assert_eq!((xread.begin, xread.find), (Begin::Keyword("STREAMS", 1), Find::Range { last: -1, step: 1, limit: 2 }));
    let encoding = one("object|encoding", "key@RO");
    assert_eq!(encoding.begin, Begin::Index(2));
    let union = keys("zunionstore", "destination@OW.update numkeys:int key@RO.access... [WEIGHTS weight:int...]");
    assert_eq!(union.as_slice()[0].begin, Begin::Index(1));
    assert_eq!((union.as_slice()[1].begin, union.as_slice()[1].find), (Begin::Index(2), Find::Count { step: 1 }));
    let pairs = keys("msetex", "numkeys:int data=(key@OW.update value)... [condition=(NX | XX)]");
    assert_eq!((pairs.as_slice()[0].begin, pairs.as_slice()[0].find), (Begin::Index(1), Find::Count { step: 2 }));
    let geo = keys("georadius", "key@RO longitude latitude radius unit=(M | KM) [STORE key@OW.update]");
    assert_eq!(geo.as_slice()[1].begin, Begin::Keyword("STORE", 6));
    let either = keys("georadiusbymember", "key@RO member radius unit [store=(STORE a@OW.update | STOREDIST b@OW)]");
    let [_, store, distance] = either.as_slice() else { panic!("three specifications") };
    assert_eq!((store.flags, store.begin, store.find), ("OW.update", Begin::Keyword("STORE", 5), range(0, 1)));
    assert_eq!((distance.flags, distance.begin, distance.find), ("OW", Begin::Keyword("STOREDIST", 5), range(0, 1)));
}

#[test]
fn keys_that_only_the_command_finds() {
    const GRAMMAR: &str =
        "key@RO.access [BY by:pattern@?RO.access] [(GET get:pattern@?RO.access)...] [STORE to@?OW.update]";
    let specs = keys("sort", GRAMMAR);
    let unknown = |flags| KeySpec { flags, begin: Begin::Unknown, find: Find::Unknown };
    assert_eq!(specs.as_slice()[1..], [unknown("RO.access"), unknown("OW.update")]);
    assert_eq!(arity("sort", GRAMMAR), -2);
}
