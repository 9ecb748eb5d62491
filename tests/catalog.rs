//! Holds what follows from the declarations against the facts of a server of 7.4, and the generated files against the
//! declarations.

use cachelet::catalog::{facts, json, table, tree};
use cachelet::commands::grammar::{Begin, Find};
use cachelet::commands::spec::Spec;
use cachelet::engine::Table;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Facts that differ from the declarations on purpose: command, what differs, why.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("client|kill", "arguments", "the filters are no options: at least one is needed"),
    ("debug", "arguments", "the facts leave its subcommands out"),
    ("set", "arguments", "the conditions that 8.4 added"),
    ("quit", "arguments", "the facts leave out that it ignores what follows"),
    ("lcs", "key specifications", "one for each key instead of one for both: the same positions"),
    ("lcs", "arguments", "one key specification for each key"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The facts by command, subcommands included; none when the file is not there.
fn read_facts() -> Option<BTreeMap<String, Value>> {
    // A work tree of its own stands one folder deeper than the main one.
    let places = ["../shared/facts/commands.json", "../../shared/facts/commands.json"];
    let Some(path) = places.iter().map(|place| root().join(place)).find(|path| path.exists()) else {
        eprintln!("SKIPPED: {} is not there: the declarations are held against nothing", places[0]);
        return None;
    };
    let text = std::fs::read_to_string(path).expect("the facts are readable");
    let Value::Array(list) = serde_json::from_str(&text).expect("the facts are JSON") else { panic!("a list") };
    let mut all = BTreeMap::new();
    for mut command in list {
        let subcommands = command.as_object_mut().expect("an object").remove("subcommands");
        for one in subcommands.iter().flat_map(|list| list.as_array().expect("a list")).chain([&command]) {
            all.insert(one["name"].as_str().expect("a name").to_owned(), one.clone());
        }
    }
    Some(all)
}

fn words(value: &Value) -> BTreeSet<String> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
}

fn set<T: ToString>(list: impl IntoIterator<Item = T>) -> BTreeSet<String> {
    list.into_iter().map(|word| word.to_string()).collect()
}

/// A key specification in the words of the facts.
fn key_spec(spec: &Value) -> String {
    let mut flags: Vec<String> = words(&spec["flags"]).into_iter().collect();
    flags.sort();
    format!("{flags:?} {} {}", spec["begin_search"], spec["find_keys"])
}

fn own_key_specs(spec: &Spec) -> Vec<String> {
    let one = |kind: &str, fields: Value| serde_json::json!({ "type": kind, "spec": fields });
    let list = spec.keys.as_slice().iter().map(|key| {
        let begin = match key.begin {
            Begin::Index(index) => one("index", serde_json::json!({ "index": index })),
            Begin::Keyword(word, from) => one("keyword", serde_json::json!({ "keyword": word, "startfrom": from })),
            Begin::Unknown => one("unknown", serde_json::json!({})),
        };
        let find = match key.find {
            Find::Range { last, step, limit } => {
                one("range", serde_json::json!({ "lastkey": last, "keystep": step, "limit": limit }))
            }
            Find::Count { step } => {
                one("keynum", serde_json::json!({ "keynumidx": 0, "firstkey": 1, "keystep": step }))
            }
            Find::Unknown => one("unknown", serde_json::json!({})),
        };
        let flags: Vec<&str> = key.flags.split('.').collect();
        key_spec(&serde_json::json!({ "flags": flags, "begin_search": begin, "find_keys": find }))
    });
    list.collect()
}

/// An argument tree of the facts in one line, as far as grammars can say it: a word that stands for itself has no name
/// of its own there.
fn fact_tree(list: &Value) -> String {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let all = list.iter().map(|argument| {
        let kind = argument["type"].as_str().expect("a type");
        let token = argument.get("token").map(|token| token.as_str().expect("a word").to_owned());
        let mut line = kind.to_owned();
        if kind == "pure-token" {
            line += &format!(" {:?}", token.unwrap_or_default());
        } else {
            let name = argument["name"].as_str().expect("a name").replace([' ', '_'], "-");
            line += &format!(" {name}");
            if let Some(token) = token {
                line += &format!(" after {token:?}");
            }
        }
        if let Some(index) = argument.get("key_spec_index") {
            line += &format!(" #{index}");
        }
        for flag in words(&argument["flags"]) {
            line += &format!(" {flag}");
        }
        if let Some(inner) = argument.get("arguments") {
            line += &format!(" ({})", fact_tree(inner));
        }
        line
    });
    all.collect::<Vec<_>>().join(", ")
}

fn own_tree(list: &[tree::Argument]) -> String {
    let all = list.iter().map(|argument| {
        let mut line = argument.kind.name().to_owned();
        if argument.kind == tree::ArgumentKind::PureToken {
            line += &format!(" {:?}", argument.token.unwrap_or_default());
        } else {
            line += &format!(" {}", argument.name);
            if let Some(token) = argument.token {
                line += &format!(" after {token:?}");
            }
        }
        if let Some(index) = argument.key_spec {
            line += &format!(" #{index}");
        }
        for flag in set(argument.flags()) {
            line += &format!(" {flag}");
        }
        if !argument.arguments.is_empty() {
            line += &format!(" ({})", own_tree(&argument.arguments));
        }
        line
    });
    all.collect::<Vec<_>>().join(", ")
}

/// Whether a command came after the version that the facts were read from.
fn is_newer(since: &str) -> bool {
    let mut numbers = since.split('.').map(|number| number.parse::<u32>().expect("a version"));
    (numbers.next(), numbers.next()) > (Some(7), Some(4))
}

/// Everything that differs for one command.
fn differences(table: &Table, spec: &Spec, fact: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, own: String, known: String| {
        let excused = DIFFERENCES.iter().any(|(name, field, _)| *name == spec.name && *field == what);
        if own != known && !excused {
            found.push(format!("{}: {what}\n    ours:  {own}\n    known: {known}", spec.name));
        } else if own == known && excused {
            found.push(format!("{}: {what} is said to differ but does not", spec.name));
        }
    };
    compare("arity", facts::arity(table, spec).to_string(), fact["arity"].to_string());
    compare("flags", format!("{:?}", set(facts::flag_names(spec))), format!("{:?}", words(&fact["flags"])));
    let (first, last, step) = facts::legacy_range(spec);
    let known = format!("{} {} {}", fact["first_key"], fact["last_key"], fact["step"]);
    compare("range", format!("{first} {last} {step}"), known);
    let categories = set(facts::categories(spec).iter().map(|name| format!("@{name}")));
    compare("categories", format!("{categories:?}"), format!("{:?}", words(&fact["acl"])));
    let tips = set(spec.tips.split_whitespace());
    compare("tips", format!("{tips:?}"), format!("{:?}", words(&fact["tips"])));
    let known: Vec<String> = fact["key_specs"].as_array().expect("a list").iter().map(key_spec).collect();
    compare("key specifications", format!("{:?}", own_key_specs(spec)), format!("{known:?}"));
    compare("since", spec.since.into(), fact["since"].as_str().unwrap_or_default().into());
    compare("group", spec.group.into(), fact["group"].as_str().unwrap_or_default().into());
    compare("arguments", own_tree(&tree::parse(spec.grammar)), fact_tree(&fact["arguments"]));
    found
}

#[test]
fn declarations_agree_with_the_facts_of_a_server() {
    let Some(known) = read_facts() else { return };
    let table = table();
    let mut found = Vec::new();
    for command in table.commands() {
        match known.get(command.spec.name) {
            Some(fact) => found.extend(differences(&table, command.spec, fact)),
            None if is_newer(command.spec.since) => {}
            None => found.push(format!("{}: no such command is known", command.spec.name)),
        }
    }
    assert!(found.is_empty(), "{} differences\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_command_is_described() {
    for command in table().commands() {
        let Spec { name, summary, reply, .. } = command.spec;
        let summary = summary.trim();
        assert!(summary.ends_with('.') && summary.len() > 8, "{name}: the summary is a sentence: {summary}");
        assert!(!reply.is_empty() && !reply.contains("TODO"), "{name}: the reply has a shape");
    }
}

/// Writes `text` to a generated file when `UPDATE_GENERATED=1` asks for it; fails when the file says something else.
fn generated(path: &Path, text: &str) {
    let path = root().join(path);
    if std::env::var_os("UPDATE_GENERATED").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be made");
        std::fs::write(&path, text).expect("the file can be written");
    }
    let held = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(held == text, "{} is stale: UPDATE_GENERATED=1 cargo test --test catalog writes it anew", path.display());
}

#[test]
fn generated_files_are_fresh() {
    let text = json(&table());
    let parsed: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(parsed.as_array().map(Vec::len), Some(table().commands().len()));
    generated(Path::new("js/generated/commands.json"), &text);
}
