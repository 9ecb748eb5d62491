//! Users and their rules: reading the words of ACL SETUSER, and writing them back in Redis' canonical form.

use crate::bytes::sha256::{sha256, write_hex};
use crate::commands::spec::{Spec, CATEGORIES};
use crate::engine::table::{Command, Table};
use crate::resp::{split_inline, Args};
use crate::structures::ordered::OrderedMap;

/// Why a rule was refused; [`RuleFault::text`] is Redis' wording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RuleFault {
    UnknownName,
    Syntax,
    KeysAfterAll,
    ChannelsAfterAll,
    NoSuchPassword,
    BadHash,
    FirstArgOfSubcommand,
}

impl RuleFault {
    pub(crate) fn text(self) -> &'static str {
        match self {
            RuleFault::UnknownName => "Unknown command or category name in ACL",
            RuleFault::Syntax => "Syntax error",
            RuleFault::KeysAfterAll => {
                "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any \
                 effect. Try 'resetkeys' to start with an empty list of patterns"
            }
            RuleFault::ChannelsAfterAll => {
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any \
                 effect. Try 'resetchannels' to start with an empty list of channels"
            }
            RuleFault::NoSuchPassword => "The password you are trying to remove from the user does not exist",
            RuleFault::BadHash => {
                "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
            }
            RuleFault::FirstArgOfSubcommand => "Allowing first-arg of a subcommand is not supported",
        }
    }
}

/// Keys that match may be read, written, or both.
#[derive(Clone, Debug)]
pub(crate) struct KeyPattern {
    pub(crate) pattern: Box<[u8]>,
    pub(crate) read: bool,
    pub(crate) write: bool,
}

impl KeyPattern {
    fn write_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(match (self.read, self.write) {
            (true, true) => b"~",
            (false, _) => b"%W~",
            (true, false) => b"%R~",
        });
        out.extend_from_slice(&self.pattern);
    }
}

/// Rules that must allow a command together: its name, its keys and its channels.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    /// Every command, without looking further.
    pub(crate) all_commands: bool,
    pub(crate) all_keys: bool,
    pub(crate) all_channels: bool,
    /// Starts from `+@all`: commands that are not known yet would be allowed.
    future: bool,
    /// A bit for each command, by its index in the table.
    commands: Vec<u64>,
    /// First arguments with which a command is allowed that is not allowed otherwise.
    first_args: OrderedMap<u16, Vec<Box<[u8]>>>,
    /// The command rules as they were given, what later ones replaced left out; each with its sign.
    rules: Vec<Box<[u8]>>,
    pub(crate) keys: Vec<KeyPattern>,
    pub(crate) channels: Vec<Box<[u8]>>,
}

impl Selector {
    fn new(all_channels: bool) -> Self {
        Selector { all_channels, ..Selector::default() }
    }

    /// Whether the command may run with these arguments, keys and channels aside.
    pub(crate) fn allows(&self, command: Command, args: Args) -> bool {
        self.all_commands || self.bit(command.index) || {
            let words = self.first_args.get(&command.index);
            words.zip(args.get(1)).is_some_and(|(words, arg)| words.iter().any(|word| word.eq_ignore_ascii_case(arg)))
        }
    }

    fn bit(&self, index: u16) -> bool {
        self.commands.get(index as usize / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    fn set_bit(&mut self, index: u16, allow: bool) {
        let (word, bit) = (index as usize / 64, 1 << (index % 64));
        if self.commands.len() <= word {
            self.commands.resize(word + 1, 0);
        }
        if allow {
            self.commands[word] |= bit;
        } else {
            self.commands[word] &= !bit;
            self.all_commands = false;
        }
    }

    /// Allows or denies a command with all its subcommands.
    fn set_command(&mut self, table: &Table, command: Command, allow: bool) {
        self.set_bit(command.index, allow);
        self.first_args.remove(&command.index);
        if command.has_subcommands {
            table.subcommands(command.spec).for_each(|sub| self.set_bit(sub.index, allow));
        }
    }

    fn set_category(&mut self, table: &Table, category: &str, allow: bool) {
        // A container comes before its subcommands: its own category decides for all of them, then theirs.
        for &command in table.commands() {
            if command.spec.categories().contains(&category) {
                self.set_command(table, command, allow);
            }
        }
    }

    fn set_all_commands(&mut self, table: &Table, allow: bool) {
        self.commands = vec![if allow { u64::MAX } else { 0 }; table.commands().len() / 64 + 1];
        (self.all_commands, self.future) = (allow, allow);
        self.rules.clear();
        self.first_args.clear();
    }

    /// Notes a command rule; those that it makes void go.
    fn note(&mut self, name: &[u8], allow: bool) {
        let name = name.to_ascii_lowercase();
        self.rules.retain(|rule| {
            let rest = rule[1..].strip_prefix(&name[..]);
            !rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'|')
        });
        let sign: &[u8] = if allow { b"+" } else { b"-" };
        self.rules.push([sign, &name].concat().into());
    }

    /// Applies one rule.
    fn apply(&mut self, table: &Table, rule: &[u8]) -> Result<(), RuleFault> {
        let is = |word: &str| rule.eq_ignore_ascii_case(word.as_bytes());
        if is("allkeys") || is("~*") || is("resetkeys") {
            self.all_keys = !is("resetkeys");
            self.keys.clear();
        } else if is("allchannels") || is("&*") || is("resetchannels") {
            self.all_channels = !is("resetchannels");
            self.channels.clear();
        } else if is("allcommands") || is("+@all") {
            self.set_all_commands(table, true);
        } else if is("nocommands") || is("-@all") {
            self.set_all_commands(table, false);
        } else {
            match rule {
                [b'~', pattern @ ..] => self.add_keys(pattern, true, true)?,
                [b'%', rest @ ..] => {
                    let end = rest.iter().position(|&byte| byte == b'~').unwrap_or(rest.len());
                    let (mut read, mut write) = (false, false);
                    if self.all_keys {
                        return Err(RuleFault::KeysAfterAll);
                    }
                    for letter in &rest[..end] {
                        let wanted = match letter {
                            b'r' | b'R' => &mut read,
                            b'w' | b'W' => &mut write,
                            _ => return Err(RuleFault::Syntax),
                        };
                        if std::mem::replace(wanted, true) {
                            return Err(RuleFault::Syntax);
                        }
                    }
                    if !read && !write {
                        return Err(RuleFault::Syntax);
                    }
                    self.add_keys(rest.get(end + 1..).unwrap_or_default(), read, write)?;
                }
                [b'&', pattern @ ..] => {
                    if self.all_channels {
                        return Err(RuleFault::ChannelsAfterAll);
                    }
                    if has_spaces(pattern) {
                        return Err(RuleFault::Syntax);
                    }
                    if !self.channels.iter().any(|known| **known == *pattern) {
                        self.channels.push(pattern.into());
                    }
                }
                [sign @ (b'+' | b'-'), b'@', name @ ..] => {
                    let known = CATEGORIES.iter().find(|known| known.as_bytes().eq_ignore_ascii_case(name));
                    self.set_category(table, known.ok_or(RuleFault::UnknownName)?, *sign == b'+');
                    self.note(&rule[1..], *sign == b'+');
                }
                [b'+', name @ ..] => self.add_command(table, name)?,
                [b'-', name @ ..] => {
                    let command = table.find_name(name).ok_or(RuleFault::UnknownName)?;
                    self.set_command(table, command, false);
                    self.note(command.spec.name.as_bytes(), false);
                }
                _ => return Err(RuleFault::Syntax),
            }
        }
        Ok(())
    }

    fn add_keys(&mut self, pattern: &[u8], read: bool, write: bool) -> Result<(), RuleFault> {
        if self.all_keys {
            return Err(RuleFault::KeysAfterAll);
        }
        if has_spaces(pattern) {
            return Err(RuleFault::Syntax);
        }
        match self.keys.iter_mut().find(|known| *known.pattern == *pattern) {
            Some(known) => {
                known.read |= read;
                known.write |= write;
            }
            None => self.keys.push(KeyPattern { pattern: pattern.into(), read, write }),
        }
        Ok(())
    }

    fn add_command(&mut self, table: &Table, name: &[u8]) -> Result<(), RuleFault> {
        let Some(bar) = name.iter().rposition(|&byte| byte == b'|') else {
            let command = table.find_name(name).ok_or(RuleFault::UnknownName)?;
            self.set_command(table, command, true);
            self.note(command.spec.name.as_bytes(), true);
            return Ok(());
        };
        let (parent, word) = (&name[..bar], &name[bar + 1..]);
        let command = table.find_name(parent).ok_or(RuleFault::UnknownName)?;
        if parent.contains(&b'|') {
            return Err(RuleFault::FirstArgOfSubcommand);
        }
        if word.is_empty() {
            return Err(RuleFault::Syntax);
        }
        if command.has_subcommands {
            let sub = table.find_sub(command.spec, word).ok_or(RuleFault::UnknownName)?;
            self.set_command(table, sub, true);
        } else {
            let words = self.first_args.or_default(command.index);
            if !words.iter().any(|known| known.eq_ignore_ascii_case(word)) {
                words.push(word.into());
            }
        }
        self.note(name, true);
        Ok(())
    }

    /// The command rules, as ACL GETUSER shows them.
    pub(crate) fn describe_commands(&self) -> Vec<u8> {
        let mut out = if self.future { b"+@all".to_vec() } else { b"-@all".to_vec() };
        for rule in &self.rules {
            out.push(b' ');
            out.extend_from_slice(rule);
        }
        out
    }

    /// The key patterns, as ACL GETUSER shows them.
    pub(crate) fn describe_keys(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.all_keys {
            out.extend_from_slice(b"~*");
        }
        for (at, pattern) in self.keys.iter().enumerate() {
            if at > 0 {
                out.push(b' ');
            }
            pattern.write_to(&mut out);
        }
        out
    }

    /// The channel patterns, as ACL GETUSER shows them.
    pub(crate) fn describe_channels(&self) -> Vec<u8> {
        if self.all_channels {
            return b"&*".to_vec();
        }
        let patterns: Vec<Vec<u8>> = self.channels.iter().map(|pattern| [b"&", &**pattern].concat()).collect();
        patterns.join(&b' ')
    }

    fn describe(&self) -> Vec<u8> {
        let channels = if self.all_channels { &b""[..] } else { b"resetchannels" };
        let parts = [self.describe_keys(), channels.to_vec(), self.describe_channels(), self.describe_commands()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(&b' ')
    }
}

/// Who may do what.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) enabled: bool,
    /// Any password will do.
    pub(crate) nopass: bool,
    /// RESTORE checks its payload all the same: here it always does. Kept because it is shown.
    skip_sanitize: bool,
    pub(crate) passwords: Vec<[u8; 32]>,
    /// The root selector, then those in brackets.
    pub(crate) selectors: Vec<Selector>,
}

impl User {
    /// A user who may do nothing and cannot log in.
    pub(crate) fn new(all_channels: bool) -> Self {
        User {
            enabled: false,
            nopass: false,
            skip_sanitize: false,
            passwords: Vec::new(),
            selectors: vec![Selector::new(all_channels)],
        }
    }

    /// The user everybody is at first: may do everything, needs no password.
    pub(crate) fn open(table: &Table) -> Self {
        let mut user = User::new(true);
        (user.enabled, user.nopass) = (true, true);
        user.root().all_keys = true;
        user.root().set_all_commands(table, true);
        user
    }

    fn root(&mut self) -> &mut Selector {
        &mut self.selectors[0]
    }

    /// Whether nothing need be checked.
    pub(crate) fn is_unrestricted(&self) -> bool {
        self.selectors.iter().any(|rules| rules.all_commands && rules.all_keys && rules.all_channels)
    }

    /// Whether `password` is one of the user's. The time it takes says nothing about how much of a hash fits.
    pub(crate) fn accepts(&self, password: &[u8]) -> bool {
        if !self.enabled {
            return false;
        }
        let given = sha256(password);
        let mut fits = self.nopass;
        for known in &self.passwords {
            let difference = known.iter().zip(given).fold(0, |all, (known, given)| all | (known ^ given));
            fits |= std::hint::black_box(difference) == 0;
        }
        fits
    }

    /// Replaces all passwords: by one, or by none needed when it is empty.
    pub(crate) fn set_password(&mut self, password: &[u8]) {
        self.nopass = password.is_empty();
        self.passwords.clear();
        if !self.nopass {
            self.passwords.push(sha256(password));
        }
    }

    /// Applies one rule; `all_channels` is what `acl-pubsub-default` gives to new selectors.
    pub(crate) fn apply(&mut self, table: &Table, rule: &[u8], all_channels: bool) -> Result<(), RuleFault> {
        match rule.to_ascii_lowercase().as_slice() {
            b"" => {}
            b"on" => self.enabled = true,
            b"off" => self.enabled = false,
            b"nopass" | b"resetpass" => {
                self.nopass = rule.eq_ignore_ascii_case(b"nopass");
                self.passwords.clear();
            }
            b"skip-sanitize-payload" => self.skip_sanitize = true,
            b"sanitize-payload" => self.skip_sanitize = false,
            b"clearselectors" => self.selectors.truncate(1),
            b"reset" => *self = User::new(all_channels),
            _ => match rule {
                [b'>' | b'#', password @ ..] => {
                    let hash = if rule[0] == b'>' { sha256(password) } else { read_hash(password)? };
                    if !self.passwords.contains(&hash) {
                        self.passwords.push(hash);
                    }
                    self.nopass = false;
                }
                [b'<' | b'!', password @ ..] => {
                    let hash = if rule[0] == b'<' { sha256(password) } else { read_hash(password)? };
                    let known = self.passwords.iter().position(|known| *known == hash);
                    self.passwords.remove(known.ok_or(RuleFault::NoSuchPassword)?);
                }
                [b'(', inner @ .., b')'] => {
                    let mut selector = Selector::new(all_channels);
                    let (mut bytes, mut spans) = (Vec::new(), Vec::new());
                    // Quotes that do not fit leave nothing to apply, as in Redis.
                    if split_inline(inner, &mut bytes, &mut spans) {
                        for rule in Args::new(&bytes, &spans).iter_from(0) {
                            selector.apply(table, rule)?;
                        }
                    }
                    self.selectors.push(selector);
                }
                _ => self.root().apply(table, rule)?,
            },
        }
        Ok(())
    }

    /// The words that stand for its state.
    pub(crate) fn flags(&self) -> Vec<&'static str> {
        let mut flags = vec![if self.enabled { "on" } else { "off" }];
        if self.nopass {
            flags.push("nopass");
        }
        flags.push(if self.skip_sanitize { "skip-sanitize-payload" } else { "sanitize-payload" });
        flags
    }

    /// The hashes of its passwords in hexadecimal digits.
    pub(crate) fn hashes(&self) -> Vec<Vec<u8>> {
        let hex = |hash: &[u8; 32]| {
            let mut text = Vec::with_capacity(64);
            write_hex(&mut text, hash);
            text
        };
        self.passwords.iter().map(hex).collect()
    }

    /// The user in one line, its name left out: what ACL SETUSER would make it again from.
    pub(crate) fn describe(&self) -> Vec<u8> {
        let mut out = self.flags().join(" ").into_bytes();
        for hash in self.hashes() {
            out.extend_from_slice(b" #");
            out.extend_from_slice(&hash);
        }
        for (at, selector) in self.selectors.iter().enumerate() {
            out.push(b' ');
            let rules = selector.describe();
            out.extend(if at == 0 { rules } else { [b"(", &rules[..], b")"].concat() });
        }
        out
    }
}

/// Whether a name or pattern holds what parts words.
pub(crate) fn has_spaces(text: &[u8]) -> bool {
    text.iter().any(|&byte| byte == 0 || byte == 0x0b || byte.is_ascii_whitespace())
}

fn read_hash(text: &[u8]) -> Result<[u8; 32], RuleFault> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(RuleFault::BadHash),
    };
    let mut hash = [0; 32];
    if text.len() != 64 {
        return Err(RuleFault::BadHash);
    }
    for (byte, pair) in hash.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Ok(hash)
}

/// Puts the words of a selector in brackets that spaces parted together again; the word whose bracket stays open, if
/// one does.
pub(crate) fn merge_brackets<'a>(words: impl Iterator<Item = &'a [u8]>) -> Result<Vec<Vec<u8>>, &'a [u8]> {
    let mut merged = Vec::new();
    // The word that opened it, and the selector so far.
    let mut open: Option<(&[u8], Vec<u8>)> = None;
    for word in words {
        match &mut open {
            Some((_, selector)) => {
                selector.push(b' ');
                selector.extend_from_slice(word);
            }
            None if word.first() == Some(&b'(') => open = Some((word, word.to_vec())),
            None => {
                merged.push(word.to_vec());
                continue;
            }
        }
        if word.last() == Some(&b')') {
            merged.extend(open.take().map(|(_, selector)| selector));
        }
    }
    match open {
        Some((start, _)) => Err(start),
        None => Ok(merged),
    }
}

/// The commands of a category, by name.
pub(crate) fn in_category(table: &Table, category: &str) -> Vec<&'static Spec> {
    let specs = table.commands().iter().map(|command| command.spec);
    specs.filter(|spec| spec.categories().contains(&category)).collect()
}
