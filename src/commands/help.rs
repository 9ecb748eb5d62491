//! The HELP of a family of subcommands, written from its declarations.

use super::spec::{Declared, Spec};
use crate::resp::Reply;

/// Answers the subcommands of `container` among `table`: a line with the arguments of each, one with its summary.
pub fn write<H>(reply: &mut Reply, table: &[Declared<H>], container: &str) {
    write_specs(reply, table.iter().map(|declared| &declared.spec), container);
}

/// The same for declarations that come from anywhere.
pub fn write_specs<'s>(reply: &mut Reply, specs: impl Iterator<Item = &'s Spec> + Clone, container: &str) {
    let subcommands = || {
        specs.clone().filter_map(|spec| {
            let name = spec.name.strip_prefix(container)?.strip_prefix('|')?;
            Some((name, spec))
        })
    };
    reply.array(1 + 2 * subcommands().count());
    let title = container.to_ascii_uppercase();
    reply.simple(&format!("{title} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    // HELP itself comes last.
    let (own, others): (Vec<_>, Vec<_>) = subcommands().partition(|(name, _)| *name == "help");
    for (name, spec) in others.into_iter().chain(own) {
        let line = format!("{} {}", name.to_ascii_uppercase(), arguments(spec.grammar));
        reply.simple(line.trim_end());
        reply.simple(&format!("    {}", spec.summary.trim()));
    }
}

/// A grammar as people read it: names in angle brackets, without types, key flags and labels.
pub fn arguments(grammar: &str) -> String {
    let mut text = String::new();
    let mut rest = grammar;
    while let Some(first) = rest.chars().next() {
        let end = rest.find([' ', '\n', '[', ']', '(', ')', '|']).unwrap_or(rest.len());
        if end == 0 {
            text.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (word, after) = rest.split_at(end);
        rest = after;
        if word.ends_with('=') {
            continue;
        }
        let (word, dots) = word.strip_suffix("...").map_or((word, ""), |word| (word, "..."));
        let name = word.split(['@', ':']).next().unwrap_or_default();
        if name.chars().any(|letter| letter.is_ascii_lowercase()) {
            text.push_str(&format!("<{name}>"));
        } else {
            text.push_str(name);
        }
        text.push_str(dots);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_readable() {
        assert_eq!(arguments("key@RO"), "<key>");
        assert_eq!(arguments("key@RW.update seconds:int [condition=(NX | XX)]"), "<key> <seconds> [(NX | XX)]");
        assert_eq!(arguments("key@RO.access... [LIMIT limit:int]"), "<key>... [LIMIT <limit>]");
    }
}
