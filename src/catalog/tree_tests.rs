use super::*;

fn line(grammar: &'static str) -> String {
    syntax(&parse(grammar))
}

#[test]
fn syntax_reads_as_documentation_does() {
    for (grammar, expected) in [
        ("", ""),
        ("key@RO.access", "key"),
        ("key@RW value [condition=(NX | XX)] [GET]", "key value [NX | XX] [GET]"),
        ("[expiration=(EX seconds:int | KEEPTTL)]", "[EX seconds | KEEPTTL]"),
        ("source@RW whereto=(LEFT | RIGHT)", "source <LEFT | RIGHT>"),
        ("numkeys:int key@RO... [WEIGHTS weight:int...]", "numkeys key [key ...] [WEIGHTS weight [weight ...]]"),
        ("[LIMIT limit=(offset:int count:int)]", "[LIMIT offset count]"),
        ("data=(score:double member)...", "score member [score member ...]"),
        ("[(GET get-pattern:pattern)...]", "[GET get-pattern [GET get-pattern ...]]"),
        ("args=(host-port=(host port:int) | no-one=(NO ONE))", "<host port | NO ONE>"),
        ("[AGGREGATE aggregate=(SUM | MIN)]", "[AGGREGATE <SUM | MIN>]"),
        ("key-selector=(key@RO | \"\")", "<key | \"\">"),
    ] {
        assert_eq!(line(grammar), expected);
    }
}

#[test]
fn a_token_belongs_to_the_value_behind_it() {
    let tree = parse("key@RO [MATCH pattern:pattern] [COUNT count:int] [NOVALUES]");
    assert_eq!((tree[1].token, tree[1].kind, tree[1].optional), (Some("MATCH"), ArgumentKind::Pattern, true));
    assert_eq!((tree[3].token, tree[3].kind), (Some("NOVALUES"), ArgumentKind::PureToken));
    assert_eq!(tree[3].name, "novalues");
}

#[test]
fn keys_know_their_specification() {
    let tree = parse("destination@OW numkeys:int key@RO... [STORE key@OW]");
    let specs: Vec<_> = tree.iter().map(|argument| argument.key_spec).collect();
    assert_eq!(specs, [Some(0), None, Some(1), Some(2)]);
    assert_eq!(parse("data=(key@OW value)...")[0].arguments[0].key_spec, Some(0));
    assert_eq!(parse("shardchannel@not_key message")[0].key_spec, None);
}
