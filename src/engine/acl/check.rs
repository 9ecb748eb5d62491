//! Whether a user may run a command with these arguments.

use super::rules::{Selector, User};
use crate::bytes::glob;
use crate::commands::spec::flags;
use crate::engine::table::Command;
use crate::resp::{Args, Fault};

/// What was refused, by weight: of several selectors' reasons the heaviest is told, and of its arguments the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    Command,
    Key,
    Auth,
    Channel,
}

/// A refusal, and the argument it is about.
pub(crate) type Denial = (Reason, usize);

/// A key among the arguments: where, whether it is read, whether it is written.
type KeyUse = (usize, bool, bool);

impl User {
    /// Whether some selector allows the command as a whole.
    pub(crate) fn check(&self, command: Command, args: Args) -> Result<(), Denial> {
        let mut keys = None;
        let mut heaviest = (Reason::Command, 0);
        for selector in &self.selectors {
            match selector.check(command, args, &mut keys) {
                Ok(()) => return Ok(()),
                Err(denial) => heaviest = heaviest.max(denial),
            }
        }
        Err(heaviest)
    }

    /// Whether some selector allows the command and all keys there are, to read: commands that build names of keys
    /// from patterns need that.
    fn reads_every_key(&self, command: Command, args: Args) -> bool {
        self.selectors.iter().any(|selector| selector.all_keys && selector.allows(command, args))
    }

    /// The error of SORT's options that read keys which its arguments do not name.
    pub(crate) fn check_patterns(&self, command: Command, args: Args) -> Result<(), Fault> {
        if !matches!(command.spec.name, "sort" | "sort_ro") || self.reads_every_key(command, args) {
            return Ok(());
        }
        let mut at = 2;
        while at < args.len() {
            let left = args.len() - 1 - at;
            if args.is(at, "limit") && left >= 2 {
                at += 2;
            } else if args.is(at, "store") && left >= 1 {
                at += 1;
            } else if args.is(at, "by") && left >= 1 {
                if args.at(at + 1).contains(&b'*') {
                    return Err(Fault::Text("ERR BY option of SORT denied due to insufficient ACL permissions"));
                }
                at += 1;
            } else if args.is(at, "get") && left >= 1 {
                return Err(Fault::Text("ERR GET option of SORT denied due to insufficient ACL permissions"));
            }
            at += 1;
        }
        Ok(())
    }
}

impl Selector {
    fn check(&self, command: Command, args: Args, keys: &mut Option<Vec<KeyUse>>) -> Result<(), Denial> {
        if !command.spec.has(flags::NO_AUTH) && !self.allows(command, args) {
            return Err((Reason::Command, 0));
        }
        if !self.all_keys {
            for &(at, reads, writes) in keys.get_or_insert_with(|| keys_of(command, args)).iter() {
                let fits = self.keys.iter().any(|known| {
                    (known.read || !reads)
                        && (known.write || !writes)
                        && glob::matches(&known.pattern, args.at(at), false)
                });
                if !fits {
                    return Err((Reason::Key, at));
                }
            }
        }
        if !self.all_channels {
            if let Some((names, patterns)) = channels_of(command, args) {
                for at in names {
                    if !allows_channel(&self.channels, args.at(at), patterns) {
                        return Err((Reason::Channel, at));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether one of the allowed patterns covers a channel; a pattern to listen to must be one of them itself.
pub(crate) fn allows_channel(allowed: &[Box<[u8]>], name: &[u8], is_pattern: bool) -> bool {
    allowed.iter().any(|known| if is_pattern { **known == *name } else { glob::matches(known, name, false) })
}

/// The keys of a command. Arguments that do not say which are keys say none: the command itself will refuse them.
fn keys_of(command: Command, args: Args) -> Vec<KeyUse> {
    let mut keys = Vec::new();
    let sound = command.spec.visit_keys(args, &mut |at, declared| {
        let has = |wanted: &str| declared.split('.').any(|flag| flag == wanted);
        if has("not_key") {
            return;
        }
        let writes = has("insert") || has("update") || has("delete");
        let (reads, writes) = match command.spec.name {
            // Their options say what they do.
            "set" => ((3..args.len()).any(|at| args.is(at, "get")), true),
            "bitfield" => (true, bitfield_writes(args)),
            _ => (has("access"), writes),
        };
        keys.push((at, reads, writes));
    });
    if !sound {
        keys.clear();
    }
    keys
}

/// Whether BITFIELD does more than GET; what it would refuse counts as writing.
fn bitfield_writes(args: Args) -> bool {
    let mut at = 2;
    while at < args.len() {
        let left = args.len() - 1 - at;
        at += match () {
            _ if args.is(at, "get") && left >= 2 => 3,
            _ if args.is(at, "overflow") && left >= 1 => 2,
            _ => return true,
        };
    }
    false
}

/// Which arguments are channels, and whether they are patterns. Leaving a channel is always allowed.
fn channels_of(command: Command, args: Args) -> Option<(std::ops::Range<usize>, bool)> {
    match command.spec.name {
        "subscribe" | "ssubscribe" => Some((1..args.len(), false)),
        "psubscribe" => Some((1..args.len(), true)),
        "publish" | "spublish" => Some((1..2, false)),
        _ => None,
    }
}
