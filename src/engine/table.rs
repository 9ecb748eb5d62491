//! The command table: found by name in one probe or two, whatever the case.

use super::{Engine, PowerHandler};
use crate::commands::spec::{Declared, Spec};
use crate::commands::DataHandler;

/// What runs a command.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// On data alone.
    Data(DataHandler),
    /// With the engine's powers: sessions, channels, configuration.
    Power(PowerHandler),
    /// Through its subcommands.
    Container,
}

/// A command as the engine knows it.
#[derive(Clone, Copy)]
pub struct Command {
    /// What is declared of it.
    pub spec: &'static Spec,
    pub(crate) run: Run,
    /// Its place in [`Table::commands`].
    pub(crate) index: u16,
    /// It has subcommands.
    pub(crate) has_subcommands: bool,
}

impl Command {
    fn new(spec: &'static Spec, run: Run) -> Self {
        Command { spec, run, index: 0, has_subcommands: false }
    }
}

/// Longest command name, `container|subcommand` included.
const MAX_NAME: usize = 40;

/// All commands. Made once for an engine from the families it is given.
pub struct Table {
    commands: Vec<Command>,
    /// Open addressing over the hash of the lower-case name; [`EMPTY`] or an index into `commands`.
    index: Vec<u16>,
}

const EMPTY: u16 = u16::MAX;

fn hash(name: &[u8]) -> usize {
    // Names are few and known: a cheap mix of folded bytes spreads them.
    let mut state = name.len() as u32;
    for &byte in name {
        state = (state ^ (byte | 0x20) as u32).wrapping_mul(0x0100_0193);
    }
    (state ^ (state >> 15)) as usize
}

impl Table {
    /// A table of data families and power families.
    pub fn new(data: &[&'static [Declared<DataHandler>]], power: &[&'static [Declared<PowerHandler>]]) -> Self {
        let data = data
            .iter()
            .flat_map(|family| family.iter())
            .map(|declared| Command::new(&declared.spec, declared.run.map_or(Run::Container, Run::Data)));
        let power = power
            .iter()
            .flat_map(|family| family.iter())
            .map(|declared| Command::new(&declared.spec, declared.run.map_or(Run::Container, Run::Power)));
        let mut commands: Vec<Command> = data.chain(power).collect();
        commands.sort_unstable_by_key(|command| command.spec.name);
        let containers: Vec<&str> =
            commands.iter().filter_map(|command| Some(command.spec.name.split_once('|')?.0)).collect();
        for (at, command) in commands.iter_mut().enumerate() {
            command.index = at as u16;
            command.has_subcommands = containers.contains(&command.spec.name);
        }
        let mut table = Table { index: vec![EMPTY; (commands.len() * 3).next_power_of_two()], commands };
        for at in 0..table.commands.len() {
            let name = table.commands[at].spec.name.as_bytes();
            debug_assert!(name.len() <= MAX_NAME && table.find_name(name).is_none(), "{name:?}");
            let mut slot = hash(name) & (table.index.len() - 1);
            while table.index[slot] != EMPTY {
                slot = (slot + 1) & (table.index.len() - 1);
            }
            table.index[slot] = at as u16;
        }
        table
    }

    /// Every command and subcommand, by name.
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// The command at `index` of [`Table::commands`].
    #[inline]
    pub fn get(&self, index: usize) -> Option<Command> {
        self.commands.get(index).copied()
    }

    /// Finds a command by its name, or a subcommand by `container|sub`, in any case.
    #[inline]
    pub fn find_name(&self, name: &[u8]) -> Option<Command> {
        let mut slot = hash(name) & (self.index.len() - 1);
        loop {
            let at = self.index[slot];
            if at == EMPTY {
                return None;
            }
            let command = &self.commands[at as usize];
            if command.spec.name.as_bytes().eq_ignore_ascii_case(name) {
                return Some(*command);
            }
            slot = (slot + 1) & (self.index.len() - 1);
        }
    }

    /// Finds the subcommand `sub` of `container`.
    pub fn find_sub(&self, container: &Spec, sub: &[u8]) -> Option<Command> {
        if sub.contains(&b'|') || container.name.len() + 1 + sub.len() > MAX_NAME {
            return None;
        }
        let mut name = [0u8; MAX_NAME];
        let length = container.name.len() + 1 + sub.len();
        name[..container.name.len()].copy_from_slice(container.name.as_bytes());
        name[container.name.len()] = b'|';
        name[container.name.len() + 1..length].copy_from_slice(sub);
        self.find_name(&name[..length])
    }

    /// The subcommands of `container`, by name.
    pub fn subcommands<'a>(&'a self, container: &'a Spec) -> impl Iterator<Item = Command> + 'a {
        self.commands
            .iter()
            .copied()
            .filter(|command| command.spec.name.strip_prefix(container.name).is_some_and(|rest| rest.starts_with('|')))
    }
}

impl Engine {
    /// The command table.
    pub fn table(&self) -> &Table {
        &self.table
    }
}
