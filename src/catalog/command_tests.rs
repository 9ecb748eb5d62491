use crate::engine::{Engine, SessionId, Setup};

fn engine() -> Engine {
    Engine::new(crate::catalog::table(), Setup::default())
}

fn ask(engine: &mut Engine, id: SessionId, line: &str) -> String {
    engine.receive(id, format!("{line}\r\n").as_bytes());
    let text = String::from_utf8_lossy(engine.output(id)).into_owned();
    engine.sent(id, text.len());
    text
}

#[test]
fn info_is_what_a_server_answers() {
    let mut engine = engine();
    let id = engine.open(false);
    assert_eq!(
        ask(&mut engine, id, "COMMAND INFO get"),
        "*1\r\n*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n*3\r\n+@read\r\n+@string\r\n+@fast\r\n\
         *0\r\n*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n\
         $4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:1\r\n$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n*6\r\n\
         $7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n*0\r\n"
    );
    assert!(
        ask(&mut engine, id, "COMMAND INFO nothing get|x config|get").starts_with("*3\r\n$-1\r\n$-1\r\n*10\r\n$10\r\n")
    );
    let count = engine.table().commands().iter().filter(|command| !command.spec.name.contains('|')).count();
    assert_eq!(ask(&mut engine, id, "COMMAND COUNT"), format!(":{count}\r\n"));
    assert!(ask(&mut engine, id, "COMMAND").starts_with(&format!("*{count}\r\n*10\r\n")));
    assert!(ask(&mut engine, id, "COMMAND INFO").starts_with(&format!("*{count}\r\n*10\r\n")));
}

#[test]
fn docs_hold_the_tree_of_arguments() {
    let mut engine = engine();
    let id = engine.open(false);
    let docs = ask(&mut engine, id, "COMMAND DOCS client|reply");
    assert!(docs.starts_with("*2\r\n$12\r\nclient|reply\r\n*10\r\n$7\r\nsummary\r\n"), "{docs}");
    assert!(
        docs.ends_with(
            "$9\r\narguments\r\n*1\r\n*6\r\n$4\r\nname\r\n$6\r\naction\r\n$4\r\ntype\r\n$5\r\noneof\r\n$9\r\narguments\r\n*3\r\n\
             *8\r\n$4\r\nname\r\n$2\r\non\r\n$4\r\ntype\r\n$10\r\npure-token\r\n$12\r\ndisplay_text\r\n$2\r\non\r\n$5\r\ntoken\r\n$2\r\nON\r\n\
             *8\r\n$4\r\nname\r\n$3\r\noff\r\n$4\r\ntype\r\n$10\r\npure-token\r\n$12\r\ndisplay_text\r\n$3\r\noff\r\n$5\r\ntoken\r\n$3\r\nOFF\r\n\
             *8\r\n$4\r\nname\r\n$4\r\nskip\r\n$4\r\ntype\r\n$10\r\npure-token\r\n$12\r\ndisplay_text\r\n$4\r\nskip\r\n$5\r\ntoken\r\n$4\r\nSKIP\r\n"
        ),
        "{docs}"
    );
    assert_eq!(ask(&mut engine, id, "COMMAND DOCS nothing"), "*0\r\n");
    assert!(ask(&mut engine, id, "COMMAND DOCS config").contains("$11\r\nsubcommands\r\n*10\r\n$10\r\nconfig|get\r\n"));
}

#[test]
fn keys_are_found_as_a_server_finds_them() {
    let mut engine = engine();
    let id = engine.open(false);
    for (line, reply) in [
        ("GETKEYS foo bar", "-ERR Invalid command specified\r\n"),
        ("GETKEYS object foo k", "-ERR Invalid command specified\r\n"),
        ("GETKEYS object|encoding k", "-ERR Invalid command specified\r\n"),
        ("GETKEYS ping a", "-ERR The command has no key arguments\r\n"),
        ("GETKEYS ssubscribe a", "-ERR The command has no key arguments\r\n"),
        ("GETKEYS get", "-ERR Invalid number of arguments specified for command\r\n"),
        ("GETKEYS mset a 1 b 2", "*2\r\n$1\r\na\r\n$1\r\nb\r\n"),
        ("GETKEYS zunionstore d 2 a b", "*3\r\n$1\r\nd\r\n$1\r\na\r\n$1\r\nb\r\n"),
        ("GETKEYS zunionstore d 5 a b", "-ERR Invalid arguments specified for command\r\n"),
        ("GETKEYS zunionstore d x a b", "-ERR Invalid arguments specified for command\r\n"),
        ("GETKEYS lmpop 0 LEFT x", "-ERR Invalid arguments specified for command\r\n"),
        ("GETKEYS object encoding k", "*1\r\n$1\r\nk\r\n"),
        ("GETKEYSANDFLAGS set a b", "*1\r\n*2\r\n$1\r\na\r\n*2\r\n+OW\r\n+update\r\n"),
        ("GETKEYSANDFLAGS set a b get", "*1\r\n*2\r\n$1\r\na\r\n*3\r\n+RW\r\n+access\r\n+update\r\n"),
        (
            "GETKEYSANDFLAGS lmove a b left right",
            "*2\r\n*2\r\n$1\r\na\r\n*3\r\n+RW\r\n+access\r\n+delete\r\n*2\r\n$1\r\nb\r\n*2\r\n+RW\r\n+insert\r\n",
        ),
    ] {
        assert_eq!(ask(&mut engine, id, &format!("COMMAND {line}")), reply, "{line}");
    }
}

#[test]
fn lists_filter_by_category_and_pattern() {
    let mut engine = engine();
    let id = engine.open(false);
    let filtered = |engine: &mut Engine, filter: &str| ask(engine, id, &format!("COMMAND LIST FILTERBY {filter}"));
    assert_eq!(filtered(&mut engine, "MODULE foo"), "*0\r\n");
    assert_eq!(filtered(&mut engine, "ACLCAT foo"), "*0\r\n");
    assert!(filtered(&mut engine, "ACLCAT HASH").contains("$4\r\nhset\r\n"));
    assert_eq!(filtered(&mut engine, "PATTERN CONFIG|G*"), "*1\r\n$10\r\nconfig|get\r\n");
    for wrong in ["COMMAND LIST foo", "COMMAND LIST FILTERBY", "COMMAND LIST FILTERBY foo bar"] {
        assert_eq!(ask(&mut engine, id, wrong), "-ERR syntax error\r\n");
    }
}

#[test]
fn every_container_explains_itself() {
    let mut engine = engine();
    let id = engine.open(false);
    let containers: Vec<&str> = engine
        .table()
        .commands()
        .iter()
        .filter(|command| engine.table().subcommands(command.spec).next().is_some())
        .map(|command| command.spec.name)
        .collect();
    assert!(containers.len() >= 5);
    for container in containers {
        let title = container.to_ascii_uppercase();
        let reply = ask(&mut engine, id, &format!("{title} HELP"));
        assert!(reply.contains(&format!("+{title} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n")));
    }
}
