//! The argument grammar of a command, and what follows from it at compile time: arity and key positions.
//!
//! A grammar is written as documentation writes it, with a little more precision:
//!
//! | written | means |
//! | --- | --- |
//! | `WORD` | a literal word, in any case |
//! | `name`, `name:int` | a value; after the colon its type: `int`, `double`, `time`, `pattern`, else a string |
//! | `key@RO.access` | a key, with the flags of its key specification |
//! | `name@?RO.access`, `name:pattern@?…` | what names keys that only the command itself finds (`keys_by`); neighbours with the same flags share a specification |
//! | `[…]` | may be left out |
//! | `what=(a \| b)` | one of; the name is for documentation and may be missing |
//! | `what=(a b)` | a group |
//! | `…...` | one or more of the element before, e.g. `key@RO...`, `data=(score:double member)...` |
//!
//! Everything here runs in constant evaluation: a declaration costs nothing at start-up.

/// How one key specification finds its first key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At this argument; 0 is the command's name.
    Index(u8),
    /// Behind this word, searched from the given argument on.
    Keyword(&'static str, u8),
    /// Known only to the command's own hatch.
    Unknown,
}

/// How a key specification goes on from its first key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// Up to `last` (counted from the first key; negative: from the end of the arguments, -1 being the last), every
    /// `step`th argument. With a `limit` of n above 1, only the first nth part of the rest are keys.
    Range {
        /// Last key.
        last: i8,
        /// Distance between keys.
        step: u8,
        /// Share of the arguments that are keys; 0 and 1: all.
        limit: u8,
    },
    /// As many as the number in the argument where the specification begins says, behind it, every `step`th argument.
    Count {
        /// Distance between keys.
        step: u8,
    },
    /// Known only to the command's own hatch.
    Unknown,
}

/// One key specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// Flags as written behind the `@`, parted by dots: `RW.access.update`.
    pub flags: &'static str,
    /// Where the keys begin.
    pub begin: Begin,
    /// Where they are.
    pub find: Find,
}

/// Up to four key specifications.
#[derive(Clone, Copy, Debug)]
pub struct KeySpecs {
    list: [KeySpec; 4],
    len: usize,
}

impl KeySpecs {
    /// The specifications in the order of the grammar.
    pub fn as_slice(&self) -> &[KeySpec] {
        &self.list[..self.len]
    }
}

const fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\n'
}

const fn skip_blanks(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && is_blank(text[at]) {
        at += 1;
    }
    at
}

/// End of a plain word: it stops at blanks, brackets, bars and dots-of-repetition.
const fn word_end(text: &[u8], mut at: usize) -> usize {
    while at < text.len() {
        let byte = text[at];
        if is_blank(byte)
            || byte == b'['
            || byte == b']'
            || byte == b'('
            || byte == b')'
            || byte == b'|'
            || repeats(text, at)
        {
            break;
        }
        at += 1;
    }
    at
}

const fn repeats(text: &[u8], at: usize) -> bool {
    at + 2 < text.len() && text[at] == b'.' && text[at + 1] == b'.' && text[at + 2] == b'.'
}

/// Fewest arguments an element takes, whether it may take more, and where it ends.
struct Extent {
    fewest: usize,
    open: bool,
    end: usize,
}

/// Alternatives up to the closing bracket or the end.
const fn alternatives(text: &[u8], at: usize) -> Extent {
    let mut best = sequence(text, at);
    loop {
        let next = skip_blanks(text, best.end);
        if next >= text.len() || text[next] != b'|' {
            best.end = next;
            return best;
        }
        let other = sequence(text, next + 1);
        let open = best.open || other.open || best.fewest != other.fewest;
        let fewest = if other.fewest < best.fewest { other.fewest } else { best.fewest };
        best = Extent { fewest, open, end: other.end };
    }
}

const fn sequence(text: &[u8], at: usize) -> Extent {
    let mut whole = Extent { fewest: 0, open: false, end: at };
    loop {
        let next = skip_blanks(text, whole.end);
        if next >= text.len() || text[next] == b']' || text[next] == b')' || text[next] == b'|' {
            whole.end = next;
            return whole;
        }
        let one = element(text, next);
        whole = Extent { fewest: whole.fewest + one.fewest, open: whole.open || one.open, end: one.end };
    }
}

const fn element(text: &[u8], at: usize) -> Extent {
    let mut one = if text[at] == b'[' {
        let inside = alternatives(text, at + 1);
        Extent { fewest: 0, open: true, end: inside.end + 1 }
    } else {
        let end = word_end(text, at);
        if end < text.len() && text[end] == b'(' {
            let inside = alternatives(text, end + 1);
            Extent { fewest: inside.fewest, open: inside.open, end: inside.end + 1 }
        } else {
            assert!(end > at, "a grammar holds a stray bracket");
            Extent { fewest: 1, open: false, end }
        }
    };
    if repeats(text, one.end) {
        one.open = true;
        one.end += 3;
    }
    one
}

/// How many words a command's name has: one for the bar of a subcommand.
const fn name_words(name: &str) -> usize {
    let name = name.as_bytes();
    let (mut words, mut at) = (1, 0);
    while at < name.len() {
        if name[at] == b'|' {
            words += 1;
        }
        at += 1;
    }
    words
}

/// The arity of a command: exact when positive, the fewest arguments when negative; the name counts.
pub const fn arity(name: &str, grammar: &str) -> i8 {
    let whole = alternatives(grammar.as_bytes(), 0);
    assert!(whole.end >= grammar.len(), "a grammar closes a bracket that it did not open");
    let fewest = (whole.fewest + name_words(name)) as i8;
    if whole.open {
        -fewest
    } else {
        fewest
    }
}

const fn slice(text: &'static str, from: usize, to: usize) -> &'static str {
    let (_, rest) = text.split_at(from);
    let (part, _) = rest.split_at(to - from);
    part
}

/// Position of `@` in the word or group that spans `at..end`, or `end`.
const fn at_sign(text: &[u8], at: usize, end: usize) -> usize {
    let mut i = at;
    while i < end && text[i] != b'@' {
        i += 1;
    }
    i
}

/// Where the word begins that ends before `at`.
const fn word_start(text: &[u8], mut at: usize) -> usize {
    while at > 0 && !matches!(text[at - 1], b' ' | b'\n' | b'[' | b'(' | b'|') {
        at -= 1;
    }
    at
}

const fn skip_blanks_back(text: &[u8], mut at: usize) -> usize {
    while at > 0 && is_blank(text[at - 1]) {
        at -= 1;
    }
    at
}

const fn equals(text: &[u8], from: usize, to: usize, word: &[u8]) -> bool {
    if to - from != word.len() {
        return false;
    }
    let mut i = 0;
    while i < word.len() {
        if text[from + i] != word[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// Whether `spec` is one without positions that has these flags.
const fn same(spec: KeySpec, flags: &str) -> bool {
    matches!(spec.find, Find::Unknown) && equals(spec.flags.as_bytes(), 0, spec.flags.len(), flags.as_bytes())
}

/// The key specifications that follow from a grammar.
pub const fn keys(name: &str, grammar: &'static str) -> KeySpecs {
    let text = grammar.as_bytes();
    let none = KeySpec { flags: "", begin: Begin::Unknown, find: Find::Unknown };
    let mut specs = KeySpecs { list: [none; 4], len: 0 };
    let mut position = name_words(name);
    // Where the first element stands that may be missing or repeated; 0 before there is one.
    let mut open_from = 0;
    let mut at = skip_blanks(text, 0);
    // The word before: `numkeys` and keywords say where keys begin.
    let (mut before, mut before_end) = (0, 0);
    while at < text.len() {
        let one = element(text, at);
        let sign = at_sign(text, at, one.end);
        if sign < one.end && sign + 1 < text.len() && text[sign + 1] == b'?' {
            let flags = slice(grammar, sign + 2, word_end(text, sign));
            if !(specs.len > 0 && same(specs.list[specs.len - 1], flags)) {
                specs.list[specs.len] = KeySpec { flags, begin: Begin::Unknown, find: Find::Unknown };
                specs.len += 1;
            }
        } else if sign < one.end {
            let flags_end = word_end(text, sign);
            let flags = slice(grammar, sign + 1, flags_end);
            let repeated = repeats(text, one.end - 3) || repeats(text, flags_end);
            let rest = alternatives(text, one.end);
            let last = -1 - rest.fewest as i8;
            if text[at] == b'[' && !repeated {
                // [WORD key@…], [what=(WORD key@… | OTHER key@…)]
                let mut sign = sign;
                while sign < one.end {
                    let end = skip_blanks_back(text, word_start(text, sign));
                    let keyword = slice(grammar, word_start(text, end), end);
                    specs.list[specs.len] = KeySpec {
                        flags: slice(grammar, sign + 1, word_end(text, sign)),
                        begin: Begin::Keyword(keyword, position as u8),
                        find: Find::Range { last: 0, step: 1, limit: 0 },
                    };
                    specs.len += 1;
                    sign = at_sign(text, sign + 1, one.end);
                }
            } else {
                let (begin, find) = if equals(text, before, before_end, b"numkeys:int") {
                    let word = word_end(text, at);
                    let step = if word < one.end && text[word] == b'(' { one.fewest } else { 1 };
                    (Begin::Index(position as u8 - 1), Find::Count { step: step as u8 })
                } else if open_from > 0 {
                    (
                        Begin::Keyword(slice(grammar, before, before_end), open_from as u8),
                        Find::Range { last: -1, step: 1, limit: 2 },
                    )
                } else if !repeated {
                    (Begin::Index(position as u8), Find::Range { last: 0, step: 1, limit: 0 })
                } else {
                    let step =
                        if word_end(text, at) < one.end && text[word_end(text, at)] == b'(' { one.fewest } else { 1 };
                    (Begin::Index(position as u8), Find::Range { last, step: step as u8, limit: 0 })
                };
                specs.list[specs.len] = KeySpec { flags, begin, find };
                specs.len += 1;
            }
        }
        before = at;
        before_end = word_end(text, at);
        if one.open && open_from == 0 {
            open_from = position;
        }
        position += one.fewest;
        at = skip_blanks(text, one.end);
    }
    specs
}

#[cfg(test)]
#[path = "grammar_tests.rs"]
mod tests;
