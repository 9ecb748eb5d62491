//! The command table: found by name in one probe or two, whatever the case.

use super::memory::Needs;
use super::{Engine, PowerHandler};
use crate::commands::grammar::Begin;
use crate::commands::spec::{flags, Declared, Spec};
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
    /// It is called by its name alone and works on data alone: no session, no setting changes by it.
    pub(crate) is_plain: bool,
    /// Its first argument is a key.
    pub(crate) has_key: bool,
    /// What it needs memory for.
    pub(super) needs: Needs,
    /// It may take long: nothing that is declared of it says otherwise.
    pub(crate) may_be_slow: bool,
}

impl Command {
    /// Whether it is called by its name alone and works on data alone: no session and no setting changes by it.
    pub fn is_plain(&self) -> bool {
        self.is_plain
    }

    fn new(spec: &'static Spec, run: Run) -> Self {
        let is_plain = matches!(run, Run::Data(_)) && !spec.name.contains('|');
        let may_be_slow = !spec.has(flags::FAST) && !spec.cost.starts_with("O(1)");
        let has_key = spec.keys.as_slice().first().is_some_and(|keys| matches!(keys.begin, Begin::Index(1)));
        Command { spec, run, index: 0, has_subcommands: false, is_plain, has_key, needs: Needs::of(spec), may_be_slow }
    }
}

/// Longest command name, `container|subcommand` included.
const MAX_NAME: usize = 40;

/// All commands. Made once for an engine from the families it is given.
pub struct Table {
    commands: Vec<Command>,
    /// Open addressing over the hash of the name.
    slots: Vec<Slot>,
}

/// A place in the index: what tells names apart, and where the command is.
#[derive(Clone, Copy)]
struct Slot {
    /// See [`word`].
    word: u64,
    length: u8,
    /// Word and length say it all: the name is of letters and has eight at most.
    is_whole: bool,
    /// [`EMPTY`], or an index into the commands.
    index: u16,
}

const EMPTY: u16 = u16::MAX;

/// The first and the last four bytes of a name, with bit 5 set as in lower case letters. A byte that becomes a letter by
/// that was this letter in one of its cases.
#[inline(always)]
fn word(name: &[u8]) -> u64 {
    let four = |at: usize| u32::from_le_bytes(name[at..at + 4].try_into().expect("four bytes")) as u64;
    let length = name.len();
    let word = match length {
        0 => 0,
        1..4 => (name[0] as u64) | (name[length / 2] as u64) << 8 | (name[length - 1] as u64) << 16,
        _ => four(0) | four(length - 4) << 32,
    };
    word | 0x2020_2020_2020_2020
}

#[inline(always)]
fn hash(word: u64, length: usize) -> usize {
    let mixed = (word ^ length as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 40) as usize
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
        let mut commands: Vec<Command> = Vec::with_capacity(512);
        // One after the other to its place: a sort is more code than all else that runs before the first reply.
        for command in data.chain(power) {
            let at = commands.partition_point(|other| other.spec.name < command.spec.name);
            commands.insert(at, command);
        }
        for at in 0..commands.len() {
            commands[at].index = at as u16;
            let Some((container, _)) = commands[at].spec.name.split_once('|') else { continue };
            if let Ok(container) = commands.binary_search_by(|command| command.spec.name.cmp(container)) {
                commands[container].has_subcommands = true;
                commands[container].is_plain = false;
            }
        }
        // Few names are looked up among many commands: the other way round took a seventh of an engine's making.
        for (name, tell) in Needs::told() {
            if let Ok(at) = commands.binary_search_by(|command| command.spec.name.cmp(name)) {
                tell(&mut commands[at].needs);
            }
        }
        let empty = Slot { word: 0, length: 0, is_whole: false, index: EMPTY };
        let mut table = Table { slots: vec![empty; (commands.len() * 2).next_power_of_two()], commands };
        for at in 0..table.commands.len() {
            let name = table.commands[at].spec.name.as_bytes();
            debug_assert!(name.len() <= MAX_NAME && table.find_name(name).is_none(), "{name:?}");
            let is_whole = name.len() <= 8 && name.iter().all(u8::is_ascii_lowercase);
            let slot = Slot { word: word(name), length: name.len() as u8, is_whole, index: at as u16 };
            let mut place = hash(slot.word, name.len()) & (table.slots.len() - 1);
            while table.slots[place].index != EMPTY {
                place = (place + 1) & (table.slots.len() - 1);
            }
            table.slots[place] = slot;
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
    #[inline(never)]
    pub fn find_name(&self, name: &[u8]) -> Option<Command> {
        self.look_up(name).copied()
    }

    /// [`Table::find_name`] without a copy.
    #[inline(always)]
    pub(crate) fn look_up(&self, name: &[u8]) -> Option<&Command> {
        let word = word(name);
        let mut place = hash(word, name.len());
        loop {
            let slot = &self.slots[place & (self.slots.len() - 1)];
            if slot.index == EMPTY {
                return None;
            }
            if slot.word == word && slot.length as usize == name.len() {
                let command = &self.commands[slot.index as usize];
                if slot.is_whole || command.spec.name.as_bytes().eq_ignore_ascii_case(name) {
                    return Some(command);
                }
            }
            place += 1;
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
