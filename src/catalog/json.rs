//! Every command as JSON, for everything that is generated outside of Rust: types, pages, completion.
//!
//! One object to a line, in the order of names:
//! `{"name","summary","syntax","arity","flags":[],"group","since","cost","reply","categories":[],"tips":[],
//! "keys":[{"flags":[]}],"range":[first,last,step],"arguments":[...]}`. Arguments are trees of `{"name","type","token"?,
//! "optional"?,"multiple"?,"multiple_token"?,"key_spec"?,"arguments"?}`. A container has `"container":true`.

use super::facts;
use super::tree::{self, Argument};
use crate::engine::Table;
use std::fmt::Write;

/// A JSON object that is being written.
struct Object(String);

impl Object {
    fn new() -> Self {
        Object("{".into())
    }

    fn raw(mut self, name: &str, value: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        let _ = write!(self.0, "{}:{value}", quoted(name));
        self
    }

    fn text(self, name: &str, value: &str) -> Self {
        self.raw(name, &quoted(value))
    }

    fn number(self, name: &str, value: i64) -> Self {
        self.raw(name, &value.to_string())
    }

    /// True, or not there.
    fn flag(self, name: &str, value: bool) -> Self {
        if value {
            self.raw(name, "true")
        } else {
            self
        }
    }

    fn texts<'t>(self, name: &str, values: impl IntoIterator<Item = &'t str>) -> Self {
        let values: Vec<String> = values.into_iter().map(quoted).collect();
        self.raw(name, &format!("[{}]", values.join(",")))
    }

    fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            control if control < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", control as u32);
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// The text of `commands.json`: what is declared of every command of `table`, and what follows from it.
pub fn json(table: &Table) -> String {
    let mut lines = Vec::new();
    for command in table.commands() {
        let spec = command.spec;
        let (first, last, step) = facts::legacy_range(spec);
        let has_subcommands = table.subcommands(spec).next().is_some();
        let arguments = if has_subcommands { Vec::new() } else { tree::parse(spec.grammar) };
        let keys: Vec<String> =
            spec.keys.as_slice().iter().map(|key| Object::new().texts("flags", key.flags.split('.')).end()).collect();
        let object = Object::new()
            .text("name", spec.name)
            .text("summary", spec.summary.trim())
            .text("syntax", &facts::syntax(spec))
            .number("arity", facts::arity(table, spec))
            .texts("flags", facts::flag_names(spec))
            .text("group", spec.group)
            .text("since", spec.since)
            .text("cost", spec.cost)
            .text("reply", spec.reply)
            .flag("container", has_subcommands)
            .texts("categories", facts::categories(spec))
            .texts("tips", spec.tips.split_whitespace())
            .raw("keys", &format!("[{}]", keys.join(",")))
            .raw("range", &format!("[{first},{last},{step}]"))
            .raw("arguments", &list(&arguments));
        lines.push(object.end());
    }
    format!("[\n{}\n]\n", lines.join(",\n"))
}

fn list(arguments: &[Argument]) -> String {
    let all: Vec<String> = arguments.iter().map(argument).collect();
    format!("[{}]", all.join(","))
}

fn argument(argument: &Argument) -> String {
    let mut object = Object::new().text("name", &argument.name).text("type", argument.kind.name());
    if let Some(token) = argument.token {
        object = object.text("token", token);
    }
    object = object
        .flag("optional", argument.optional)
        .flag("multiple", argument.multiple)
        .flag("multiple_token", argument.multiple_token);
    if let Some(index) = argument.key_spec {
        object = object.number("key_spec", index as i64);
    }
    if !argument.arguments.is_empty() {
        object = object.raw("arguments", &list(&argument.arguments));
    }
    object.end()
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn texts_are_escaped() {
        assert_eq!(quoted("a\"b\\c\nd"), r#""a\"b\\c\u000ad""#);
    }
}
