//! The arguments of a command as a tree, read from its grammar ([`crate::commands::grammar`]): for COMMAND DOCS, for
//! hints, and for everything that is generated. Reading costs O(length of the grammar) and happens when it is asked for.

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentKind {
    /// A key.
    Key,
    /// Any bytes.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Double,
    /// A glob pattern.
    Pattern,
    /// Seconds or milliseconds since 1970.
    UnixTime,
    /// A word that stands for itself.
    PureToken,
    /// One of [`Argument::arguments`].
    OneOf,
    /// All of [`Argument::arguments`], in order.
    Block,
}

impl ArgumentKind {
    /// Redis' name for it.
    pub fn name(self) -> &'static str {
        match self {
            ArgumentKind::Key => "key",
            ArgumentKind::String => "string",
            ArgumentKind::Integer => "integer",
            ArgumentKind::Double => "double",
            ArgumentKind::Pattern => "pattern",
            ArgumentKind::UnixTime => "unix-time",
            ArgumentKind::PureToken => "pure-token",
            ArgumentKind::OneOf => "oneof",
            ArgumentKind::Block => "block",
        }
    }
}

/// One argument, or a group of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its name; a word that stands for itself is named by its lower case.
    pub name: String,
    /// What it is.
    pub kind: ArgumentKind,
    /// The word that goes before it, or that it is.
    pub token: Option<&'static str>,
    /// It may be left out.
    pub optional: bool,
    /// It may be given several times.
    pub multiple: bool,
    /// Each time with its token.
    pub multiple_token: bool,
    /// Which of the command's key specifications finds it.
    pub key_spec: Option<usize>,
    /// What it consists of.
    pub arguments: Vec<Argument>,
}

impl Argument {
    fn new(name: &str, kind: ArgumentKind) -> Self {
        Argument {
            name: name.to_owned(),
            kind,
            token: None,
            optional: false,
            multiple: false,
            multiple_token: false,
            key_spec: None,
            arguments: Vec::new(),
        }
    }

    /// Redis' words for how often it is given.
    pub fn flags(&self) -> Vec<&'static str> {
        let all = [(self.optional, "optional"), (self.multiple, "multiple"), (self.multiple_token, "multiple_token")];
        all.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect()
    }

    /// As documentation writes it: `key`, `[EX seconds]`, `<LEFT | RIGHT>`, `member [member ...]`.
    pub fn syntax(&self) -> String {
        let value = match self.kind {
            ArgumentKind::PureToken => String::new(),
            ArgumentKind::OneOf => {
                let all: Vec<String> = self.arguments.iter().map(Argument::syntax).collect();
                // Brackets around it are enough when it may be left out.
                if self.optional && self.token.is_none() {
                    all.join(" | ")
                } else {
                    format!("<{}>", all.join(" | "))
                }
            }
            ArgumentKind::Block => syntax(&self.arguments),
            _ => self.name.clone(),
        };
        let with_token = |value: &str| match self.token {
            Some("") => format!("\"\" {value}").trim_end().to_owned(),
            Some(token) => format!("{token} {value}").trim_end().to_owned(),
            None => value.to_owned(),
        };
        let mut text = with_token(&value);
        if self.multiple {
            let again = if self.multiple_token { text.clone() } else { value };
            text = format!("{text} [{again} ...]");
        }
        if self.optional {
            text = format!("[{text}]");
        }
        text
    }
}

/// Arguments in a line, as documentation writes them.
pub fn syntax(arguments: &[Argument]) -> String {
    arguments.iter().map(Argument::syntax).collect::<Vec<_>>().join(" ")
}

/// Reads a grammar. One that the declarations' own check at compile time let pass is read whole.
pub fn parse(grammar: &'static str) -> Vec<Argument> {
    let mut reader = Reader { rest: grammar, key_specs: 0, unknown: None };
    let mut alternatives = reader.alternatives();
    if alternatives.len() == 1 {
        alternatives.remove(0)
    } else {
        vec![one_of("", alternatives)]
    }
}

/// How a piece was written, which decides what a word before it means.
#[derive(PartialEq, Eq)]
enum Shape {
    /// A word that stands for itself.
    Token,
    /// A value or a group: a token before it belongs to it.
    Value,
    /// In brackets: complete in itself.
    Optional,
}

struct Reader {
    rest: &'static str,
    /// Words with key flags that were passed: each has a specification of its own, save neighbours without positions.
    key_specs: usize,
    /// Flags of the last specification if it has no positions.
    unknown: Option<&'static str>,
}

/// A group in which one of several sequences is chosen.
fn one_of(name: &str, alternatives: Vec<Vec<Argument>>) -> Argument {
    let mut group = Argument::new(name, ArgumentKind::OneOf);
    group.arguments = alternatives.into_iter().map(single).collect();
    group
}

/// A sequence as one argument.
fn single(mut sequence: Vec<Argument>) -> Argument {
    if sequence.len() == 1 {
        return sequence.remove(0);
    }
    let name = sequence.first().map(|first| first.name.clone()).unwrap_or_default();
    Argument { arguments: sequence, ..Argument::new(&name, ArgumentKind::Block) }
}

impl Reader {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\n']);
    }

    fn take(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Sequences parted by bars, up to a closing bracket or the end.
    fn alternatives(&mut self) -> Vec<Vec<Argument>> {
        let mut all = vec![self.sequence()];
        while self.take("|") {
            all.push(self.sequence());
        }
        all
    }

    fn sequence(&mut self) -> Vec<Argument> {
        let mut all = Vec::new();
        let mut token: Option<Argument> = None;
        loop {
            self.skip_blanks();
            if self.rest.is_empty() || self.rest.starts_with([']', ')', '|']) {
                all.extend(token);
                return all;
            }
            let (shape, mut piece) = self.piece();
            match (shape, token.take()) {
                (Shape::Value, Some(word)) => {
                    piece.token = word.token;
                    all.push(piece);
                }
                (Shape::Token, word) => {
                    all.extend(word);
                    token = Some(piece);
                }
                (_, word) => {
                    all.extend(word);
                    all.push(piece);
                }
            }
        }
    }

    /// A word, a group or something in brackets, with its dots.
    fn piece(&mut self) -> (Shape, Argument) {
        let (shape, mut piece) = if self.take("[") {
            let mut inside = self.inside();
            let mut piece = if inside.len() == 1 { single(inside.remove(0)) } else { one_of("", inside) };
            piece.optional = true;
            (Shape::Optional, piece)
        } else {
            let end = self.word_end();
            let (word, rest) = self.rest.split_at(end);
            self.rest = rest;
            match (word.strip_suffix('=').unwrap_or(word), self.take("(")) {
                (name, true) => (Shape::Value, self.group(name)),
                _ => self.word(word),
            }
        };
        if self.take("...") {
            piece.multiple = true;
            piece.multiple_token = shape == Shape::Value && piece.token.is_some();
        }
        (shape, piece)
    }

    /// What is inside a bracket that was just opened, and past its end.
    fn inside(&mut self) -> Vec<Vec<Argument>> {
        let inside = self.alternatives();
        if !self.take("]") {
            self.take(")");
        }
        inside
    }

    fn group(&mut self, name: &str) -> Argument {
        let mut inside = self.inside();
        if inside.len() > 1 {
            return one_of(name, inside);
        }
        let sequence = inside.remove(0);
        if name.is_empty() {
            return single(sequence);
        }
        Argument { arguments: sequence, ..Argument::new(name, ArgumentKind::Block) }
    }

    fn word(&mut self, word: &'static str) -> (Shape, Argument) {
        if !word.contains(|letter: char| letter.is_ascii_lowercase()) {
            let token = if word == "\"\"" { "" } else { word };
            let name = if token.is_empty() { "empty-string".to_owned() } else { token.to_ascii_lowercase() };
            return (Shape::Token, Argument { token: Some(token), ..Argument::new(&name, ArgumentKind::PureToken) });
        }
        if let Some((name, flags)) = word.split_once("@?") {
            if self.unknown.replace(flags) != Some(flags) {
                self.key_specs += 1;
            }
            let (name, kind) = match name.split_once(':') {
                Some((name, _)) => (name, ArgumentKind::Pattern),
                None => (name, ArgumentKind::Key),
            };
            return (Shape::Value, Argument { key_spec: Some(self.key_specs - 1), ..Argument::new(name, kind) });
        }
        if let Some((name, flags)) = word.split_once('@') {
            self.unknown = None;
            let is_key = !flags.split('.').any(|flag| flag == "not_key");
            let kind = if is_key { ArgumentKind::Key } else { ArgumentKind::String };
            let key_spec = is_key.then_some(self.key_specs);
            self.key_specs += 1;
            return (Shape::Value, Argument { key_spec, ..Argument::new(name, kind) });
        }
        let (name, kind) = match word.split_once(':') {
            Some((name, "int")) => (name, ArgumentKind::Integer),
            Some((name, "double")) => (name, ArgumentKind::Double),
            Some((name, "time")) => (name, ArgumentKind::UnixTime),
            Some((name, "pattern")) => (name, ArgumentKind::Pattern),
            Some((name, _)) => (name, ArgumentKind::String),
            None => (word, ArgumentKind::String),
        };
        (Shape::Value, Argument::new(name, kind))
    }

    fn word_end(&self) -> usize {
        let stops = self.rest.find([' ', '\n', '[', ']', '(', ')', '|']).unwrap_or(self.rest.len());
        self.rest[..stops].find("...").unwrap_or(stops)
    }
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
