//! COMMAND and its subcommands, rendered from the table.

use super::facts;
use super::tree::{self, Argument};
use crate::bytes::glob;
use crate::commands::grammar::{Begin, Find, KeySpec};
use crate::commands::spec::Spec;
use crate::commands::{help, Handled, Outcome};
use crate::engine::{Call, Command, Engine, PowerHandler, Table};
use crate::resp::{Args, Fault, Reply};

crate::commands! {
    /// The COMMAND commands.
    pub static TABLE: PowerHandler, group "server";

    /// Describes every command: arity, flags, keys.
    "command" {
        since "2.8.13", cost "O(N) where N is the number of commands", flags [LOADING STALE],
        args "",
        reply "[any]",
        tips "nondeterministic_output_order",
        also "connection",
        run all,
    }
    /// Counts the commands.
    "command|count" {
        since "2.8.13", cost "O(1)", flags [LOADING STALE],
        args "",
        reply "int",
        also "connection",
        run count,
    }
    /// Answers what documentation says of commands: summary, cost, arguments.
    "command|docs" {
        since "7.0.0", cost "O(N) where N is the number of commands asked for", flags [LOADING STALE],
        args "[command-name...]",
        reply "{any}",
        tips "nondeterministic_output_order",
        also "connection",
        run docs,
    }
    /// Answers which arguments of a whole command are keys.
    "command|getkeys" {
        since "2.8.13", cost "O(N) where N is the number of arguments", flags [LOADING STALE],
        args "command [arg...]",
        reply "[bytes]",
        also "connection",
        run getkeys,
    }
    /// Answers which arguments of a whole command are keys, and what it does to each.
    "command|getkeysandflags" {
        since "7.0.0", cost "O(N) where N is the number of arguments", flags [LOADING STALE],
        args "command [arg...]",
        reply "[any]",
        also "connection",
        run getkeysandflags,
    }
    /// Explains the subcommands.
    "command|help" {
        since "5.0.0", cost "O(1)", flags [LOADING STALE],
        args "",
        reply "[simple]",
        also "connection",
        run explain,
    }
    /// Describes the given commands: arity, flags, keys.
    "command|info" {
        since "2.8.13", cost "O(N) where N is the number of commands asked for", flags [LOADING STALE],
        args "[command-name...]",
        reply "[any]",
        tips "nondeterministic_output_order",
        also "connection",
        run info,
    }
    /// Lists the names of commands.
    "command|list" {
        since "7.0.0", cost "O(N) where N is the number of commands", flags [LOADING STALE],
        args "[FILTERBY filterby=(MODULE module-name | ACLCAT category | PATTERN pattern:pattern)]",
        reply "[bytes]",
        tips "nondeterministic_output_order",
        also "connection",
        run list,
    }
}

fn is_subcommand(spec: &Spec) -> bool {
    spec.name.contains('|')
}

/// Commands that are no subcommands.
fn top_level(table: &Table) -> impl Iterator<Item = Command> + '_ {
    table.commands().iter().copied().filter(|command| !is_subcommand(command.spec))
}

fn all(engine: &mut Engine, mut call: Call) -> Handled {
    let table = engine.table();
    let mut reply = call.reply();
    reply.array(top_level(table).count());
    top_level(table).for_each(|command| write_info(&mut reply, table, command));
    Ok(Outcome::Done)
}

fn count(engine: &mut Engine, mut call: Call) -> Handled {
    call.reply().count(top_level(engine.table()).count());
    Ok(Outcome::Done)
}

fn info(engine: &mut Engine, call: Call) -> Handled {
    if call.args.len() == 2 {
        return all(engine, call);
    }
    let (mut call, table) = (call, engine.table());
    let names = call.args.iter_from(2);
    let mut reply = call.reply();
    reply.array(names.len());
    for name in names {
        match table.find_name(name) {
            Some(command) => write_info(&mut reply, table, command),
            None => reply.null(),
        }
    }
    Ok(Outcome::Done)
}

fn docs(engine: &mut Engine, mut call: Call) -> Handled {
    let table = engine.table();
    let commands: Vec<Command> = if call.args.len() == 2 {
        top_level(table).collect()
    } else {
        call.args.iter_from(2).filter_map(|name| table.find_name(name)).collect()
    };
    let mut reply = call.reply();
    reply.map(commands.len());
    for command in commands {
        reply.bulk(command.spec.name.as_bytes());
        write_docs(&mut reply, table, command.spec);
    }
    Ok(Outcome::Done)
}

fn list(engine: &mut Engine, mut call: Call) -> Handled {
    let args = call.args;
    let wanted: Box<dyn Fn(&Spec) -> bool> = match args.len() {
        2 => Box::new(|_| true),
        5 if args.is(2, "filterby") && args.is(3, "module") => Box::new(|_| false),
        5 if args.is(2, "filterby") && args.is(3, "aclcat") => {
            let category = facts::category(args.at(4));
            Box::new(move |spec| category.is_some_and(|category| spec.categories().contains(&category)))
        }
        5 if args.is(2, "filterby") && args.is(3, "pattern") => {
            let pattern = args.at(4);
            Box::new(move |spec| glob::matches(pattern, spec.name.as_bytes(), true))
        }
        _ => return Err(Fault::Syntax),
    };
    let names: Vec<&str> = engine
        .table()
        .commands()
        .iter()
        .filter(|command| wanted(command.spec))
        .map(|command| command.spec.name)
        .collect();
    let mut reply = call.reply();
    reply.array(names.len());
    names.iter().for_each(|name| reply.bulk(name.as_bytes()));
    Ok(Outcome::Done)
}

fn explain(engine: &mut Engine, mut call: Call) -> Handled {
    let specs = engine.table().commands().iter().map(|command| command.spec);
    help::write_specs(&mut call.reply(), specs, "command");
    Ok(Outcome::Done)
}

/// The keys of the whole command that stands behind COMMAND GETKEYS, with what is done to each.
fn keys_of<'a>(table: &Table, args: Args<'a>) -> Result<Vec<(&'a [u8], &'static str)>, Fault> {
    let unknown = Fault::Text("ERR Invalid command specified");
    let mut command =
        table.find_name(args.at(2)).filter(|command| !is_subcommand(command.spec)).ok_or(unknown.clone())?;
    if table.subcommands(command.spec).next().is_some() {
        if let Some(sub) = args.get(3) {
            command = table.find_sub(command.spec, sub).ok_or(unknown)?;
        }
    }
    let spec = command.spec;
    if !facts::has_keys(spec) {
        return Err(Fault::Text("ERR The command has no key arguments"));
    }
    if !spec.takes(args.len() - 2) {
        return Err(Fault::Text("ERR Invalid number of arguments specified for command"));
    }
    let whole = args.skip(2);
    let mut keys = Vec::new();
    let sound = spec.visit_keys(whole, &mut |at, flags| {
        if !facts::is_no_key(flags) {
            keys.push((whole.at(at), actual_flags(spec, whole, flags)));
        }
    });
    if !sound || (keys.is_empty() && !spec.has(crate::commands::spec::flags::NO_MANDATORY_KEYS)) {
        return Err(Fault::Text("ERR Invalid arguments specified for command"));
    }
    Ok(keys)
}

/// What a command with options does to its key: only the options say it.
fn actual_flags(spec: &Spec, args: Args, declared: &'static str) -> &'static str {
    match spec.name {
        "set" if (3..args.len()).any(|at| args.is(at, "get")) => "RW.access.update",
        "set" => "OW.update",
        _ => declared,
    }
}

fn getkeys(engine: &mut Engine, mut call: Call) -> Handled {
    let keys = keys_of(engine.table(), call.args)?;
    let mut reply = call.reply();
    reply.array(keys.len());
    keys.iter().for_each(|(key, _)| reply.bulk(key));
    Ok(Outcome::Done)
}

fn getkeysandflags(engine: &mut Engine, mut call: Call) -> Handled {
    let keys = keys_of(engine.table(), call.args)?;
    let mut reply = call.reply();
    reply.array(keys.len());
    for (key, flags) in keys {
        reply.array(2);
        reply.bulk(key);
        write_words(&mut reply, &flags.split('.').collect::<Vec<_>>());
    }
    Ok(Outcome::Done)
}

fn write_words(reply: &mut Reply, words: &[&str]) {
    reply.set(words.len());
    words.iter().for_each(|word| reply.simple(word));
}

fn write_info(reply: &mut Reply, table: &Table, command: Command) {
    let spec = command.spec;
    let (first, last, step) = facts::legacy_range(spec);
    reply.array(10);
    reply.bulk(spec.name.as_bytes());
    reply.int(facts::arity(table, spec));
    write_words(reply, &facts::flag_names(spec));
    [first, last, step].into_iter().for_each(|number| reply.int(number));
    let categories: Vec<String> = facts::categories(spec).iter().map(|name| format!("@{name}")).collect();
    write_words(reply, &categories.iter().map(String::as_str).collect::<Vec<_>>());
    let tips: Vec<&str> = spec.tips.split_whitespace().collect();
    reply.set(tips.len());
    tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    let keys = spec.keys.as_slice();
    reply.set(keys.len());
    keys.iter().for_each(|key| write_key_spec(reply, key));
    let subcommands: Vec<Command> = table.subcommands(spec).collect();
    reply.set(subcommands.len());
    subcommands.into_iter().for_each(|command| write_info(reply, table, command));
}

fn write_key_spec(reply: &mut Reply, key: &KeySpec) {
    let part = |reply: &mut Reply, name: &str, kind: &str| {
        reply.bulk(name.as_bytes());
        reply.map(2);
        reply.bulk(b"type");
        reply.bulk(kind.as_bytes());
        reply.bulk(b"spec");
    };
    let numbers = |reply: &mut Reply, fields: &[(&str, i64)]| {
        reply.map(fields.len());
        for (name, number) in fields {
            reply.bulk(name.as_bytes());
            reply.int(*number);
        }
    };
    reply.map(3);
    reply.bulk(b"flags");
    write_words(reply, &key.flags.split('.').collect::<Vec<_>>());
    match key.begin {
        Begin::Index(index) => {
            part(reply, "begin_search", "index");
            numbers(reply, &[("index", index as i64)]);
        }
        Begin::Keyword(word, from) => {
            part(reply, "begin_search", "keyword");
            reply.map(2);
            reply.bulk(b"keyword");
            reply.bulk(word.as_bytes());
            reply.bulk(b"startfrom");
            reply.int(from as i64);
        }
        Begin::Unknown => {
            part(reply, "begin_search", "unknown");
            reply.map(0);
        }
    }
    match key.find {
        Find::Range { last, step, limit } => {
            part(reply, "find_keys", "range");
            numbers(reply, &[("lastkey", last as i64), ("keystep", step as i64), ("limit", limit as i64)]);
        }
        Find::Count { step } => {
            part(reply, "find_keys", "keynum");
            numbers(reply, &[("keynumidx", 0), ("firstkey", 1), ("keystep", step as i64)]);
        }
        Find::Unknown => {
            part(reply, "find_keys", "unknown");
            reply.map(0);
        }
    }
}

fn write_docs(reply: &mut Reply, table: &Table, spec: &Spec) {
    let arguments = if table.subcommands(spec).next().is_some() { Vec::new() } else { tree::parse(spec.grammar) };
    let subcommands: Vec<Command> = table.subcommands(spec).collect();
    let texts =
        [("summary", spec.summary.trim()), ("since", spec.since), ("group", spec.group), ("complexity", spec.cost)];
    let texts: Vec<_> = texts.into_iter().filter(|(_, text)| !text.is_empty()).collect();
    reply.map(texts.len() + !arguments.is_empty() as usize + !subcommands.is_empty() as usize);
    for (name, text) in texts {
        reply.bulk(name.as_bytes());
        reply.bulk(text.as_bytes());
    }
    if !arguments.is_empty() {
        reply.bulk(b"arguments");
        write_arguments(reply, &arguments);
    }
    if !subcommands.is_empty() {
        reply.bulk(b"subcommands");
        reply.map(subcommands.len());
        for command in subcommands {
            reply.bulk(command.spec.name.as_bytes());
            write_docs(reply, table, command.spec);
        }
    }
}

fn write_arguments(reply: &mut Reply, arguments: &[Argument]) {
    reply.array(arguments.len());
    for argument in arguments {
        let flags = argument.flags();
        let is_group = !argument.arguments.is_empty();
        let optional = [!is_group, argument.key_spec.is_some(), argument.token.is_some(), !flags.is_empty(), is_group];
        reply.map(2 + optional.into_iter().filter(|there| *there).count());
        let mut text = |name: &str, value: &str| {
            reply.bulk(name.as_bytes());
            reply.bulk(value.as_bytes());
        };
        text("name", &argument.name);
        text("type", argument.kind.name());
        if !is_group {
            text("display_text", &argument.name);
        }
        if let Some(index) = argument.key_spec {
            reply.bulk(b"key_spec_index");
            reply.count(index);
        }
        if let Some(token) = argument.token {
            reply.bulk(b"token");
            reply.bulk(token.as_bytes());
        }
        if !flags.is_empty() {
            reply.bulk(b"flags");
            write_words(reply, &flags);
        }
        if is_group {
            reply.bulk(b"arguments");
            write_arguments(reply, &argument.arguments);
        }
    }
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
