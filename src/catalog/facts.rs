//! What follows from a declaration: the positions, flags and categories that COMMAND INFO shows.

use crate::commands::grammar::{Begin, Find};
use crate::commands::spec::{flags, Spec, CATEGORIES};
use crate::engine::Table;
use crate::structures::order::sort_by_key;

/// Categories of a command in Redis' order, without the `@`.
pub fn categories(spec: &Spec) -> Vec<&'static str> {
    let mut all = spec.categories();
    sort_by_key(&mut all, |name| CATEGORIES.iter().position(|known| known == name));
    all
}

/// Whether `name` is a category, in any case; its own form when it is.
pub fn category(name: &[u8]) -> Option<&'static str> {
    CATEGORIES.iter().copied().find(|known| known.as_bytes().eq_ignore_ascii_case(name))
}

/// Flags as COMMAND INFO shows them. `may_replicate` is one that Redis keeps to itself.
pub fn flag_names(spec: &Spec) -> Vec<&'static str> {
    let shown = flags::NAMES.iter().filter(|(flag, _)| spec.has(*flag) && *flag != flags::MAY_REPLICATE);
    shown.map(|(_, name)| *name).collect()
}

/// The arity that COMMAND INFO shows: a container takes a subcommand at least, unless it does something itself.
pub fn arity(table: &Table, spec: &Spec) -> i64 {
    match table.subcommands(spec).next() {
        Some(_) if spec.is_container() => -2,
        Some(_) => -1,
        None => spec.arity as i64,
    }
}

/// First key, last key and step, as clients older than key specifications want them: exact for one plain range, for
/// several ranges that follow each other their union, else what is known.
pub fn legacy_range(spec: &Spec) -> (i64, i64, i64) {
    let specs = spec.keys.as_slice();
    if let [one] = specs {
        if let (Begin::Index(first), Find::Range { last, step, .. }) = (one.begin, one.find) {
            let first = first as i64;
            return (first, if last >= 0 { first + last as i64 } else { last as i64 }, step as i64);
        }
    }
    let (mut first_key, mut last_key) = (None, 0i64);
    for one in specs {
        let (Begin::Index(first), Find::Range { last, step: 1, .. }) = (one.begin, one.find) else { continue };
        if last_key != 0 && last_key != first as i64 - 1 {
            continue;
        }
        first_key = Some(first_key.unwrap_or(first as i64).min(first as i64));
        let absolute = if last >= 0 { first as i64 + last as i64 } else { last as i64 };
        // One that is counted from the end goes further than any other.
        last_key = if last_key < 0 || absolute < 0 { last_key.min(absolute) } else { last_key.max(absolute) };
    }
    match first_key {
        Some(first) => (first, last_key, 1),
        None => (0, 0, 0),
    }
}

/// Whether some of its arguments are keys.
pub fn has_keys(spec: &Spec) -> bool {
    spec.keys.as_slice().iter().any(|one| !is_no_key(one.flags))
}

/// Whether a specification finds what is no key: a shard channel, which only decides the slot.
pub fn is_no_key(flags: &str) -> bool {
    flags.split('.').any(|flag| flag == "not_key")
}

/// The syntax line of a command: its name and its arguments as documentation writes them.
pub fn syntax(spec: &Spec) -> String {
    let name = spec.name.to_ascii_uppercase().replace('|', " ");
    let arguments = super::tree::syntax(&super::tree::parse(spec.grammar));
    format!("{name} {arguments}").trim_end().to_owned()
}
