//! What is declared of a command, and the macro that declares it.

use super::grammar::{Begin, Find, KeySpecs};
use crate::resp::Args;

/// What a command does to data and may do to the engine; gates read these, never a handler's identity.
pub mod flags {
    #![allow(missing_docs)]
    pub const WRITE: u32 = 1 << 0;
    pub const READONLY: u32 = 1 << 1;
    pub const DENYOOM: u32 = 1 << 2;
    pub const ADMIN: u32 = 1 << 3;
    pub const PUBSUB: u32 = 1 << 4;
    pub const NOSCRIPT: u32 = 1 << 5;
    pub const BLOCKING: u32 = 1 << 6;
    pub const LOADING: u32 = 1 << 7;
    pub const STALE: u32 = 1 << 8;
    pub const SKIP_MONITOR: u32 = 1 << 9;
    pub const SKIP_SLOWLOG: u32 = 1 << 10;
    pub const ASKING: u32 = 1 << 11;
    pub const FAST: u32 = 1 << 12;
    pub const NO_AUTH: u32 = 1 << 13;
    pub const MAY_REPLICATE: u32 = 1 << 14;
    pub const NO_MULTI: u32 = 1 << 15;
    pub const MOVABLEKEYS: u32 = 1 << 16;
    pub const ALLOW_BUSY: u32 = 1 << 17;
    pub const NO_ASYNC_LOADING: u32 = 1 << 18;
    pub const NO_MANDATORY_KEYS: u32 = 1 << 19;

    /// The names COMMAND shows, in the order Redis lists them.
    pub const NAMES: &[(u32, &str)] = &[
        (WRITE, "write"),
        (READONLY, "readonly"),
        (DENYOOM, "denyoom"),
        (ADMIN, "admin"),
        (PUBSUB, "pubsub"),
        (NOSCRIPT, "noscript"),
        (BLOCKING, "blocking"),
        (LOADING, "loading"),
        (STALE, "stale"),
        (SKIP_MONITOR, "skip_monitor"),
        (SKIP_SLOWLOG, "skip_slowlog"),
        (ASKING, "asking"),
        (FAST, "fast"),
        (NO_AUTH, "no_auth"),
        (MAY_REPLICATE, "may_replicate"),
        (NO_MULTI, "no_multi"),
        (MOVABLEKEYS, "movablekeys"),
        (ALLOW_BUSY, "allow_busy"),
        (NO_ASYNC_LOADING, "no_async_loading"),
        (NO_MANDATORY_KEYS, "no_mandatory_keys"),
    ];
}

/// The ACL categories, without the `@`, in Redis' order.
pub const CATEGORIES: &[&str] = &[
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
];

/// Calls back with the index of every key among the arguments and the flags of its use.
pub type KeysBy = fn(Args, &mut dyn FnMut(usize, &'static str));

/// The declared facts of one command or subcommand.
#[derive(Debug)]
pub struct Spec {
    /// Lower case; a subcommand is `container|sub`.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// The Redis version it appeared in.
    pub since: &'static str,
    /// Redis' group: `string`, `sorted-set`, `generic`...
    pub group: &'static str,
    /// Complexity.
    pub cost: &'static str,
    /// Of [`flags`].
    pub flags: u32,
    /// Arguments, as [`super::grammar`] describes.
    pub grammar: &'static str,
    /// From the grammar: exact when positive, the fewest when negative; the name counts.
    pub arity: i8,
    /// From the grammar: where the keys are.
    pub keys: KeySpecs,
    /// Finds the keys of the few commands whose grammar cannot say where they are.
    pub keys_by: Option<KeysBy>,
    /// The reply's shape for typed clients, as [`super`] describes.
    pub reply: &'static str,
    /// COMMAND INFO's tips, parted by blanks.
    pub tips: &'static str,
    /// ACL categories beyond those that follow from group and flags, parted by blanks.
    pub also: &'static str,
}

impl Spec {
    /// Whether it has all of `flags`.
    #[inline]
    pub fn has(&self, flags: u32) -> bool {
        self.flags & flags == flags
    }

    /// Whether this many arguments, the name included, fit.
    #[inline]
    pub fn takes(&self, arguments: usize) -> bool {
        if self.arity >= 0 {
            arguments == self.arity as usize
        } else {
            arguments >= self.arity.unsigned_abs() as usize
        }
    }

    /// Whether this is the name of a family of subcommands and does nothing itself.
    pub fn is_container(&self) -> bool {
        self.reply == "container"
    }

    /// Its ACL categories, without the `@`.
    pub fn categories(&self) -> Vec<&'static str> {
        let mut all = Vec::new();
        let mut add = |name| {
            if !all.contains(&name) {
                all.push(name);
            }
        };
        if self.is_container() {
            return vec!["slow"];
        }
        for (flag, names) in [
            (flags::WRITE, &["write"][..]),
            (flags::READONLY, &["read"]),
            (flags::ADMIN, &["admin", "dangerous"]),
            (flags::PUBSUB, &["pubsub"]),
            (flags::BLOCKING, &["blocking"]),
        ] {
            if self.has(flag) {
                names.iter().for_each(|&name| add(name));
            }
        }
        add(if self.has(flags::FAST) { "fast" } else { "slow" });
        // Where `also` names another home, Redis files the command there instead of under its group.
        let (also, instead) = match self.also.strip_prefix('=') {
            Some(also) => (also, true),
            None => (self.also, false),
        };
        also.split_whitespace().for_each(&mut add);
        if !instead {
            match self.group {
                "server" | "pubsub" | "cluster" => {}
                "sorted-set" => add("sortedset"),
                "generic" => add("keyspace"),
                "transactions" => add("transaction"),
                group => add(group),
            }
        }
        all
    }

    /// Calls `visit` with the index of every key among `args` and the flags of its specification; false when
    /// the arguments do not say (a count that is none, a keyword that is missing from where it must be).
    pub fn visit_keys(&self, args: Args, visit: &mut dyn FnMut(usize, &'static str)) -> bool {
        if let Some(keys_by) = self.keys_by {
            keys_by(args, visit);
            return true;
        }
        let mut sound = true;
        for spec in self.keys.as_slice() {
            let first = match spec.begin {
                Begin::Index(index) => index as usize,
                Begin::Keyword(word, from) => match (from as usize..args.len()).find(|&index| args.is(index, word)) {
                    Some(index) => index + 1,
                    None => continue,
                },
                Begin::Unknown => continue,
            };
            match spec.find {
                Find::Range { last, step, limit } => {
                    let last = match last {
                        last if last >= 0 => first + last as usize,
                        last if limit > 1 => {
                            let rest = args.len().saturating_sub(first);
                            (first + rest / limit as usize).wrapping_sub(last.unsigned_abs() as usize)
                        }
                        last => args.len().wrapping_sub(last.unsigned_abs() as usize),
                    };
                    let mut at = first;
                    while at <= last && at < args.len() {
                        visit(at, spec.flags);
                        at += step as usize;
                    }
                }
                Find::Count { step } => {
                    let step = step as usize;
                    let count = args.get(first).and_then(crate::bytes::number::parse_i64);
                    let count = count.and_then(|count| usize::try_from(count).ok());
                    // The last key must be there, what belongs to it need not.
                    match count.filter(|&count| count == 0 || (count - 1) < (args.len() - first - 1).div_ceil(step)) {
                        Some(count) => (0..count).for_each(|key| visit(first + 1 + key * step, spec.flags)),
                        None => sound = false,
                    }
                }
                Find::Unknown => {}
            }
        }
        sound
    }
}

/// A command's facts with what runs it.
#[derive(Debug)]
pub struct Declared<H> {
    /// The facts.
    pub spec: Spec,
    /// The handler; none for a container, whose subcommands have theirs.
    pub run: Option<H>,
}

/// Declares the commands of one family; see the examples in `strings.rs` and the guide in [`super`].
#[macro_export]
macro_rules! commands {
    (
        $(#[doc = $family:literal])*
        $vis:vis static $table:ident: $handler:ty, group $group:literal;
        $(
            $(#[doc = $summary:literal])+
            $name:literal {
                since $since:literal, cost $cost:literal, flags [$($flag:ident)*],
                args $args:literal,
                reply $reply:literal
                $(, tips $tips:literal)?
                $(, also $also:literal)?
                $(, group $own_group:literal)?
                $(, keys_by $keys_by:expr)?
                $(, run $run:expr)?
                $(,)?
            }
        )*
    ) => {
        $(#[doc = $family])*
        $vis static $table: &[$crate::commands::spec::Declared<$handler>] = &[$(
            $crate::commands::spec::Declared {
                spec: $crate::commands::spec::Spec {
                    name: $name,
                    summary: concat!($($summary),+),
                    since: $since,
                    group: $crate::commands!(@first $($own_group,)? $group),
                    cost: $cost,
                    flags: 0 $(| $crate::commands::spec::flags::$flag)*,
                    grammar: $args,
                    arity: const { $crate::commands::grammar::arity($name, $args) },
                    keys: const { $crate::commands::grammar::keys($name, $args) },
                    keys_by: $crate::commands!(@handler $($keys_by)?),
                    reply: $reply,
                    tips: $crate::commands!(@first $($tips,)? ""),
                    also: $crate::commands!(@first $($also,)? ""),
                },
                run: $crate::commands!(@handler $($run)?),
            },
        )*];
    };
    (@first $first:literal $(, $rest:literal)*) => { $first };
    (@handler) => { None };
    (@handler $run:expr) => { Some($run) };
}
