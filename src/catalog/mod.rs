//! Joins the families into the command table, and renders what is declared: COMMAND, syntax lines, JSON.

mod command;
pub mod facts;
mod json;
pub mod tree;

pub use json::json;

use crate::engine::Table;

/// The table of every command that this build has.
pub fn table() -> Table {
    let power: Vec<_> = crate::engine::FAMILIES.iter().copied().chain([command::TABLE]).collect();
    Table::new(crate::commands::FAMILIES, &power)
}
