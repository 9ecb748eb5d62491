//! The data commands: a file per family, and in it one block per command that declares everything about it.
//!
//! # How a family is written
//! `commands! { static TABLE: DataHandler, group "…"; … }` holds a block per command:
//!
//! ```text
//! /// Answers the value of a string key.          <- summary, in our own words, one sentence
//! "get" {
//!     since "1.0.0", cost "O(1)", flags [READONLY FAST],
//!     args "key@RO.access",                        <- grammar: see `grammar`
//!     reply "bytes?",                              <- for typed clients: see below
//!     tips "…", also "…",                          <- optional; `also` = ACL categories beyond the derived ones
//!     run get,                                     <- `fn get(ctx: &mut Context, args: Args) -> Handled`
//! }
//! ```
//! Arity, key positions, COMMAND, HELP, TypeScript signatures and pages follow from the block. The engine has
//! checked the arity before a handler runs. A handler reads `args.at(1)…`, works on `ctx.keys`
//! ([`crate::keyspace::Keys`]), writes its reply to `ctx.reply` ([`crate::resp::Reply`]) and returns
//! `Ok(Outcome::Done)`, or an `Err(Fault)` that undoes what it wrote to the reply (it must not have changed data by
//! then). For each change it calls `ctx.keys.modified(key, Class::…, "event")` once (dirty + watch + wait + event in
//! one), `ctx.keys.dirty(n)` for further ones; a command that changed nothing calls neither. When repeating the
//! command elsewhere would not give the same data (relative time, chance, floats, partial pops), it calls
//! `ctx.keys.effect(&[b"SREM", key, member])` with what would. A blocking command first tries; if there is nothing,
//! it returns `Ok(Outcome::Wait(…))` and is run again, from the start, once one of its keys was written.
//!
//! # Reply shapes
//! `ok`, `int`, `bytes`, `double`, `bool`, `simple`, `any`; `?` behind one allows null; `[x]` an array, `[x y]` a tuple,
//! `{x}` a map from bytes to x, `<x>` a set; `a | b` either; `container` for the parent of subcommands.

#[macro_use]
pub mod spec;
pub mod bitmaps;
mod context;
pub mod dump;
pub mod geo;
pub mod grammar;
pub mod hashes;
pub mod help;
pub mod hyperloglog;
pub mod keys;
pub mod lists;
mod scan;
pub mod sets;
pub mod sort;
pub mod sorted_sets;
pub mod streams;
pub mod strings;
#[cfg(test)]
mod testing;

pub use context::{
    database, deadline, double, int, int_in, Context, DataHandler, Handled, Options, Outcome, TimeoutReply, Wait,
};

/// Every family of data commands.
pub static FAMILIES: &[&[spec::Declared<DataHandler>]] = &[
    strings::TABLE,
    keys::TABLE,
    lists::TABLE,
    hashes::TABLE,
    sets::TABLE,
    sorted_sets::TABLE,
    bitmaps::TABLE,
    dump::TABLE,
    hyperloglog::TABLE,
    streams::TABLE,
    geo::TABLE,
    sort::TABLE,
];
