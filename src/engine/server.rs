//! Commands about the server itself.

use super::{Call, Engine};
use crate::commands::{help, Handled, Outcome};

/// HELP of every container whose subcommands live in this room.
pub(super) fn help(engine: &mut Engine, mut call: Call) -> Handled {
    let container = call.spec.name.split('|').next().unwrap_or_default();
    let specs = engine.table.commands().iter().map(|command| command.spec);
    help::write_specs(&mut call.reply(), specs, container);
    Ok(Outcome::Done)
}

impl Engine {
    /// CONFIG RESETSTAT: counters of what happened start anew; those of what is there stay.
    pub(super) fn reset_stats(&mut self) {
        self.stats = super::Stats::default();
        self.keyspace.stats = crate::keyspace::Stats::default();
    }
}
