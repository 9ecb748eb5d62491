use crate::engine::tests::{ask, engine, text};
use crate::engine::{Engine, SessionId};

/// An engine, an administrator, and a session of a user `bob` with these rules.
fn with_user(rules: &str) -> (Engine, SessionId, SessionId) {
    let mut engine = engine();
    let (admin, bob) = (engine.open(false), engine.open(false));
    assert_eq!(ask(&mut engine, admin, &format!("ACL SETUSER bob on >x {rules}")), "+OK\r\n");
    assert_eq!(ask(&mut engine, bob, "AUTH bob x"), "+OK\r\n");
    (engine, admin, bob)
}

fn described(engine: &mut Engine, admin: SessionId, name: &str) -> String {
    let list = ask(engine, admin, "ACL LIST");
    let start = format!("user {name} ");
    let line = list.lines().find(|line| line.starts_with(&start)).unwrap_or_default();
    line.strip_prefix(&start).unwrap_or_default().to_owned()
}

#[test]
fn rules_are_kept_in_order_and_written_canonically() {
    let mut engine = engine();
    let admin = engine.open(false);
    assert_eq!(described(&mut engine, admin, "default"), "on nopass sanitize-payload ~* &* +@all");
    let hash = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    for (rules, line) in [
        ("", "off sanitize-payload resetchannels -@all".to_owned()),
        ("ON >x", format!("on sanitize-payload #{hash} resetchannels -@all")),
        ("nopass", "off nopass sanitize-payload resetchannels -@all".into()),
        ("+GET +@Read -@write", "off sanitize-payload resetchannels -@all +get +@read -@write".into()),
        ("+@all -@hash -@slow +hget -@hash", "off sanitize-payload resetchannels +@all -@slow +hget -@hash".into()),
        ("+@all -get +@all", "off sanitize-payload resetchannels +@all".into()),
        ("+config|get -config +config|SET", "off sanitize-payload resetchannels -@all -config +config|set".into()),
        ("+select|0 +select|1", "off sanitize-payload resetchannels -@all +select|0 +select|1".into()),
        (
            "~a* %R~b* %W~b* %rW~c %W~d &x &y &x",
            "off sanitize-payload ~a* ~b* ~c %W~d resetchannels &x &y -@all".into(),
        ),
        ("allkeys allchannels allcommands", "off sanitize-payload ~* &* +@all".into()),
        (
            "(+get ~a) (%R~b +@read) ( ~c +set )",
            "off sanitize-payload resetchannels -@all (~a resetchannels -@all +get) \
             (%R~b resetchannels -@all +@read) (~c resetchannels -@all +set)"
                .into(),
        ),
        ("(+get ~a) clearselectors", "off sanitize-payload resetchannels -@all".into()),
        ("+get ~a on >x &y (+set) reset", "off sanitize-payload resetchannels -@all".into()),
        ("skip-sanitize-payload", "off skip-sanitize-payload resetchannels -@all".into()),
        (&format!(">x <x >y !{}", hash), String::new()),
    ] {
        ask(&mut engine, admin, "ACL DELUSER bob");
        let reply = ask(&mut engine, admin, &format!("ACL SETUSER bob {rules}"));
        assert_eq!(reply == "+OK\r\n", !line.is_empty(), "{rules}: {reply}");
        assert_eq!(described(&mut engine, admin, "bob"), line, "{rules}");
    }
}

#[test]
fn what_is_described_makes_the_same_user_again() {
    let mut engine = engine();
    let admin = engine.open(false);
    for rules in ["on >a >b ~x* +@all -@dangerous +info", "nopass %R~a &c +get (+set %W~b) (~c -@all +@string)"] {
        assert_eq!(ask(&mut engine, admin, &format!("ACL SETUSER one {rules}")), "+OK\r\n");
        let line = described(&mut engine, admin, "one");
        assert_eq!(ask(&mut engine, admin, &format!("ACL SETUSER two reset {line}")), "+OK\r\n");
        assert_eq!(described(&mut engine, admin, "two"), line);
    }
}

#[test]
fn wrong_rules_change_nothing() {
    let mut engine = engine();
    let admin = engine.open(false);
    for (rules, why) in [
        ("+nope", "'+nope': Unknown command or category name in ACL"),
        ("-get|x", "'-get|x': Unknown command or category name in ACL"),
        ("+@nope", "'+@nope': Unknown command or category name in ACL"),
        ("+acl|", "'+acl|': Syntax error"),
        ("+acl|nope", "'+acl|nope': Unknown command or category name in ACL"),
        ("+acl|cat|x", "'+acl|cat|x': Allowing first-arg of a subcommand is not supported"),
        ("nonsense", "'nonsense': Syntax error"),
        ("%~a", "'%~a': Syntax error"),
        ("%RR~a", "'%RR~a': Syntax error"),
        ("%X~a", "'%X~a': Syntax error"),
        ("\"~a b\"", "'~a b': Syntax error"),
        ("~* ~a", "'~a': Adding a pattern after the * pattern (or the 'allkeys' flag)"),
        ("&* &a", "'&a': Adding a pattern after the * pattern (or the 'allchannels' flag)"),
        ("<x", "'<x': The password you are trying to remove from the user does not exist"),
        ("#12", "'#12': The password hash must be exactly 64 characters"),
        ("(+get +nope)", "'(+get +nope)': Unknown command or category name in ACL"),
    ] {
        let reply = ask(&mut engine, admin, &format!("ACL SETUSER bob on {rules}"));
        assert!(reply.starts_with(&format!("-ERR Error in ACL SETUSER modifier {why}")), "{rules}: {reply}");
    }
    let reply = ask(&mut engine, admin, "ACL SETUSER bob +get (+set ~a");
    assert_eq!(reply, "-ERR Unmatched parenthesis in acl selector starting at '(+set'.\r\n");
    let reply = ask(&mut engine, admin, "ACL SETUSER \"b b\"");
    assert_eq!(reply, "-ERR Usernames can't contain spaces or null characters\r\n");
    assert_eq!(ask(&mut engine, admin, "ACL USERS"), "*1\r\n$7\r\ndefault\r\n");
}

#[test]
fn commands_keys_and_channels_are_refused_and_logged() {
    let (mut engine, admin, bob) =
        with_user("+@read +set +publish +subscribe +multi +exec +select|0 %R~r* %W~w* ~b* &c*");
    for (line, reply) in [
        ("DEL b", "-NOPERM User bob has no permissions to run the 'del' command\r\n"),
        ("CONFIG GET a", "-NOPERM User bob has no permissions to run the 'config|get' command\r\n"),
        ("SELECT 0", "+OK\r\n"),
        ("SELECT 1", "-NOPERM User bob has no permissions to run the 'select' command\r\n"),
        ("GET r", "$-1\r\n"),
        ("GET w", "-NOPERM No permissions to access a key\r\n"),
        ("SET w 1", "+OK\r\n"),
        ("SET r 1", "-NOPERM No permissions to access a key\r\n"),
        ("SET w 1 GET", "-NOPERM No permissions to access a key\r\n"),
        ("SET b 1 GET", "$-1\r\n"),
        ("MGET b1 r1 x", "-NOPERM No permissions to access a key\r\n"),
        ("PUBLISH c1 m", ":0\r\n"),
        ("PUBLISH d m", "-NOPERM No permissions to access a channel\r\n"),
        ("MULTI", "+OK\r\n"),
        ("GET x", "-NOPERM No permissions to access a key\r\n"),
        ("EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n"),
        ("AUTH bob wrong", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"),
    ] {
        assert_eq!(ask(&mut engine, bob, line), reply, "{line}");
    }
    let log = ask(&mut engine, admin, "ACL LOG 2");
    assert!(log.starts_with("*2\r\n*20\r\n$5\r\ncount\r\n:1\r\n$6\r\nreason\r\n$4\r\nauth\r\n"), "{log}");
    assert!(
        log.contains("$7\r\ncontext\r\n$5\r\nmulti\r\n$6\r\nobject\r\n$1\r\nx\r\n$8\r\nusername\r\n$3\r\nbob\r\n"),
        "{log}"
    );
    assert!(log.contains(" cmd=get user=bob "), "{log}");
    assert_eq!(ask(&mut engine, admin, "ACL LOG RESET"), "+OK\r\n");
    for _ in 0..3 {
        ask(&mut engine, bob, "GET w");
    }
    let log = ask(&mut engine, admin, "ACL LOG");
    assert!(log.starts_with("*1\r\n*20\r\n$5\r\ncount\r\n:3\r\n"), "{log}");
    ask(&mut engine, admin, "CONFIG SET acllog-max-len 0");
    assert_eq!(ask(&mut engine, admin, "ACL LOG"), "*0\r\n");
}

#[test]
fn one_selector_must_allow_the_whole_command() {
    let (mut engine, admin, bob) = with_user("+get ~a (+set ~b) (+mset ~a ~b)");
    assert_eq!(ask(&mut engine, bob, "GET a"), "$-1\r\n");
    assert_eq!(ask(&mut engine, bob, "SET b 1"), "+OK\r\n");
    assert_eq!(ask(&mut engine, bob, "MSET a 1 b 2"), "+OK\r\n");
    assert_eq!(ask(&mut engine, bob, "SET a 1"), "-NOPERM No permissions to access a key\r\n");
    assert_eq!(ask(&mut engine, admin, "ACL DRYRUN bob GET a"), "+OK\r\n");
    for (line, reply) in [
        ("bob GET b", "User bob has no permissions to access the 'b' key"),
        ("bob PING", "User bob has no permissions to run the 'ping' command"),
        ("bob MSET a 1 c 2", "User bob has no permissions to access the 'c' key"),
        ("nobody GET b", "-ERR User 'nobody' not found"),
        ("bob nope", "-ERR Command 'nope' not found"),
        ("bob acl|cat", "-ERR Command 'acl|cat' not found"),
        ("bob GET", "-ERR wrong number of arguments for 'get' command"),
        ("bob ACL", "-ERR wrong number of arguments for 'acl' command"),
    ] {
        let got = ask(&mut engine, admin, &format!("ACL DRYRUN {line}"));
        assert!(got.trim_end().ends_with(reply), "{line}: {got}");
    }
}

#[test]
fn exec_and_waits_hold_commands_against_the_rules_of_their_moment() {
    let (mut engine, admin, bob) = with_user("+@all ~*");
    for line in ["MULTI", "SET k 1", "PING"] {
        ask(&mut engine, bob, line);
    }
    ask(&mut engine, admin, "ACL SETUSER bob resetkeys");
    let reply = ask(&mut engine, bob, "EXEC");
    assert!(reply.starts_with("*2\r\n-NOPERM ACLs rules changed between the moment"), "{reply}");
    assert!(
        reply.ends_with("for the following reason: no permission to touch the specified keys\r\n+PONG\r\n"),
        "{reply}"
    );
    ask(&mut engine, admin, "ACL SETUSER bob ~*");
    assert_eq!(ask(&mut engine, bob, "BLPOP list 0"), "");
    ask(&mut engine, admin, "ACL SETUSER bob -blpop");
    ask(&mut engine, admin, "RPUSH list a");
    assert_eq!(text(&mut engine, bob), "-NOPERM User bob has no permissions to run the 'blpop' command\r\n");
    assert_eq!(ask(&mut engine, bob, "LLEN list"), ":1\r\n");
}

#[test]
fn who_is_removed_or_may_hear_no_more_is_closed() {
    let (mut engine, admin, bob) = with_user("+@all ~* &a* &b");
    assert!(ask(&mut engine, bob, "SUBSCRIBE a1").starts_with("*3"));
    assert_eq!(ask(&mut engine, admin, "ACL SETUSER bob &c"), "+OK\r\n");
    assert!(!engine.is_to_close(bob));
    assert_eq!(ask(&mut engine, admin, "ACL SETUSER bob resetchannels &a1 &b"), "+OK\r\n");
    assert!(!engine.is_to_close(bob));
    assert_eq!(ask(&mut engine, admin, "ACL SETUSER bob resetchannels &b"), "+OK\r\n");
    assert!(engine.is_to_close(bob));
    let other = engine.open(false);
    ask(&mut engine, other, "AUTH bob x");
    assert_eq!(ask(&mut engine, admin, "ACL DELUSER bob nobody"), ":1\r\n");
    assert!(engine.is_to_close(other));
    let reply = ask(&mut engine, admin, "ACL DELUSER default");
    assert_eq!(reply, "-ERR The 'default' user cannot be removed\r\n");
    // Who removes itself still gets the answer.
    ask(&mut engine, admin, "ACL SETUSER eve on nopass +@all");
    ask(&mut engine, admin, "AUTH eve x");
    assert_eq!(ask(&mut engine, admin, "ACL DELUSER eve"), ":1\r\n");
    assert!(engine.is_to_close(admin));
}

#[test]
fn the_default_user_can_be_shut() {
    let (mut engine, admin, _) = with_user("+@all ~*");
    ask(&mut engine, admin, "ACL SETUSER default off");
    let late = engine.open(false);
    assert_eq!(ask(&mut engine, late, "GET a"), "-NOAUTH Authentication required.\r\n");
    assert!(ask(&mut engine, late, "AUTH default x").starts_with("-WRONGPASS "));
    assert!(ask(&mut engine, late, "HELLO 3 AUTH bob x").starts_with("%7"));
    assert_eq!(ask(&mut engine, late, "ACL WHOAMI"), "$3\r\nbob\r\n");
    assert_eq!(ask(&mut engine, admin, "GET a"), "$-1\r\n");
    ask(&mut engine, admin, "ACL SETUSER default on resetpass >p -@all");
    assert_eq!(ask(&mut engine, late, "RESET"), "+RESET\r\n");
    assert_eq!(ask(&mut engine, late, "AUTH p"), "+OK\r\n");
    assert_eq!(ask(&mut engine, late, "GET a"), "-NOPERM User default has no permissions to run the 'get' command\r\n");
    assert_eq!(
        ask(&mut engine, admin, "PING"),
        "-NOPERM User default has no permissions to run the 'ping' command\r\n"
    );
}

#[test]
fn a_client_in_this_program_is_bound_by_nothing_until_it_asks_to_be() {
    let (mut engine, admin, _) = with_user("+get ~a");
    ask(&mut engine, admin, "ACL SETUSER default -@all resetkeys off");
    let inside = engine.open(true);
    assert_eq!(ask(&mut engine, inside, "SET k 1"), "+OK\r\n");
    assert_eq!(ask(&mut engine, inside, "ACL WHOAMI"), "_\r\n");
    assert_eq!(ask(&mut engine, inside, "AUTH bob x"), "+OK\r\n");
    assert_eq!(ask(&mut engine, inside, "GET k"), "-NOPERM No permissions to access a key\r\n");
    assert_eq!(ask(&mut engine, inside, "RESET"), "+RESET\r\n");
    assert_eq!(ask(&mut engine, inside, "GET k"), "$1\r\n1\r\n");
}

#[test]
fn passwords_are_made_of_the_hosts_entropy_alone() {
    let mut engine = engine();
    let id = engine.open(false);
    assert!(ask(&mut engine, id, "ACL GENPASS").starts_with("-ERR ACL GENPASS needs a source of entropy"));
    engine.set_entropy(|bytes| bytes.fill(0xa7));
    assert_eq!(ask(&mut engine, id, "ACL GENPASS"), format!("$64\r\n{}\r\n", "a7".repeat(32)));
    assert_eq!(ask(&mut engine, id, "ACL GENPASS 5"), "$2\r\na7\r\n");
    assert_eq!(ask(&mut engine, id, "ACL GENPASS 9"), "$3\r\na7a\r\n");
    for bits in ["0", "-1", "4097"] {
        assert!(ask(&mut engine, id, &format!("ACL GENPASS {bits}")).starts_with("-ERR ACL GENPASS argument must be"));
    }
}

#[test]
fn clients_are_listed_and_closed_by_user() {
    let (mut engine, admin, bob) = with_user("+client ~*");
    assert!(ask(&mut engine, bob, "CLIENT INFO").contains(" user=bob "));
    assert_eq!(ask(&mut engine, admin, "CLIENT KILL USER nobody"), "-ERR No such user 'nobody'\r\n");
    assert_eq!(ask(&mut engine, admin, "CLIENT KILL USER bob"), ":1\r\n");
    assert!(engine.is_to_close(bob));
}

#[test]
fn keys_behind_words_and_counts_are_found() {
    let (mut engine, _, bob) = with_user("+@all ~a*");
    let refused = "-NOPERM No permissions to access a key\r\n";
    for line in [
        "XREAD STREAMS b 0",
        "XREAD COUNT 1 STREAMS a b 0 0",
        "XREADGROUP GROUP g c STREAMS b >",
        "XREADGROUP GROUP g STREAMS STREAMS b >",
        "XREADGROUP GROUP STREAMS a STREAMS b >",
        "LMPOP 2 a b LEFT",
        "ZUNION 2 a b",
        "ZUNIONSTORE a 1 b",
        "BZMPOP 0 2 a b MIN",
        "SINTERCARD 2 a b",
        "XGROUP CREATE b g 0",
        "OBJECT ENCODING b",
        "MSET a 1 b 2",
    ] {
        assert_eq!(ask(&mut engine, bob, line), refused, "{line}");
    }
    for line in ["XREAD STREAMS a a2 0 0", "ZUNION 1 a", "LMPOP 2 a a2 LEFT"] {
        assert_ne!(ask(&mut engine, bob, line), refused, "{line}");
    }
}

#[test]
fn whether_a_password_is_needed_is_the_default_users_matter() {
    let mut engine = engine();
    let admin = engine.open(true);
    assert!(engine.needs_no_password());
    for (line, open) in [
        ("ACL SETUSER default resetpass >secret", false),
        ("ACL SETUSER default nopass", true),
        ("CONFIG SET requirepass secret", false),
        ("ACL SETUSER default nopass", true),
        ("ACL SETUSER default off", false),
        ("ACL SETUSER default on", true),
        ("ACL SETUSER other on >x", true),
    ] {
        assert_eq!(ask(&mut engine, admin, line), "+OK\r\n");
        assert_eq!(engine.needs_no_password(), open, "{line}");
    }
}

#[test]
fn users_of_a_configuration_file() {
    let mut engine = engine();
    let admin = engine.open(true);
    assert_eq!(engine.configure("user", &[b"bob", b"on", b">x", b"~b:*", b"+get"]), Ok(()));
    assert_eq!(engine.configure("USER", &[b"default", b"on", b">y", b"+@all", b"~*"]), Ok(()));
    assert!(!engine.needs_no_password());
    assert!(described(&mut engine, admin, "bob").ends_with("~b:* resetchannels -@all +get"));
    assert!(!described(&mut engine, admin, "default").contains("&*"), "its rules replace all it had");
    assert_eq!(engine.configure("user", &[b"bob", b"on"]), Err("Duplicate user 'bob' found".into()));
    assert_eq!(engine.configure("user", &[]), Err("Bad directive or wrong number of arguments".into()));
    let wrong = engine.configure("user", &[b"eve", b"+nothing"]).unwrap_err();
    assert!(wrong.starts_with("Error in ACL SETUSER modifier '+nothing'"), "{wrong}");
}

#[test]
fn a_session_that_its_host_trusts_is_nobody() {
    let mut engine = engine();
    assert_eq!(engine.configure("requirepass", &[b"secret"]), Ok(()));
    let id = engine.open(false);
    assert!(ask(&mut engine, id, "GET a").starts_with("-NOAUTH"));
    engine.trust(id);
    assert_eq!(ask(&mut engine, id, "GET a"), "$-1\r\n");
}

#[test]
fn refusals_are_counted_by_their_reason() {
    let (mut engine, admin, bob) = with_user("~b:* +get +subscribe &b:*");
    for line in
        ["GET b:1", "GET a", "SET b:1 x", "SET b:1 x", "SUBSCRIBE a", "AUTH bob wrong", "AUTH eve x", "AUTH default"]
    {
        ask(&mut engine, bob, line);
    }
    let counts = |engine: &mut Engine| -> Vec<String> {
        let info = ask(engine, admin, "INFO stats");
        let names =
            ["acl_access_denied_auth", "acl_access_denied_cmd", "acl_access_denied_key", "acl_access_denied_channel"];
        let value = |name| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        names.into_iter().map(|name| value(name).unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(counts(&mut engine), ["2", "2", "1", "1"]);
    ask(&mut engine, admin, "CONFIG RESETSTAT");
    assert_eq!(counts(&mut engine), ["0", "0", "0", "0"]);
}
