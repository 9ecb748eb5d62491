//! Joins the families into the command table.

use crate::engine::Table;

/// The table of every command that this build has.
pub fn table() -> Table {
    Table::new(crate::commands::FAMILIES, crate::engine::FAMILIES)
}
