//! Changes on the condition of what a string holds: the tests of SET and DELEX, and the digest that some go by.

use super::{Context, Handled, Outcome};
use crate::bytes::number::I64_TEXT;
use crate::bytes::xxh3::xxh3;
use crate::keyspace::{StrRef, ValueRef};
use crate::resp::{Args, Fault};

/// A test of the string that a key holds.
#[derive(Clone, Copy)]
pub(super) enum Test<'a> {
    /// IFEQ: it is this one.
    Is(&'a [u8]),
    /// IFNE
    IsNot(&'a [u8]),
    /// IFDEQ: its digest is this one.
    Digests(&'a [u8]),
    /// IFDNE
    DigestsNot(&'a [u8]),
}

impl<'a> Test<'a> {
    /// The test that `word` and the argument behind it ask for.
    pub(super) fn named(word: &[u8], with: &'a [u8]) -> Option<Self> {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        match () {
            () if is("ifeq") => Some(Test::Is(with)),
            () if is("ifne") => Some(Test::IsNot(with)),
            () if is("ifdeq") => Some(Test::Digests(with)),
            () if is("ifdne") => Some(Test::DigestsNot(with)),
            () => None,
        }
    }

    /// Whether `string` passes; a digest must have the length of one.
    pub(super) fn passes(self, string: StrRef) -> Result<bool, Fault> {
        let mut text = [0; I64_TEXT];
        let bytes = string.bytes(&mut text);
        match self {
            Test::Is(other) => Ok(bytes == other),
            Test::IsNot(other) => Ok(bytes != other),
            Test::Digests(other) | Test::DigestsNot(other) => {
                let digest = digest_of(bytes);
                if other.len() != digest.len() {
                    return Err(Fault::Text("ERR must be exactly 16 hexadecimal characters"));
                }
                Ok(other.eq_ignore_ascii_case(&digest) == matches!(self, Test::Digests(_)))
            }
        }
    }

    /// Whether a missing key passes.
    pub(super) fn passes_nothing(self) -> bool {
        matches!(self, Test::IsNot(_) | Test::DigestsNot(_))
    }
}

/// The digest as clients see it: sixteen hexadecimal digits.
fn digest_of(bytes: &[u8]) -> [u8; 16] {
    let digest = xxh3(bytes);
    std::array::from_fn(|at| b"0123456789abcdef"[(digest >> (60 - 4 * at)) as usize & 15])
}

pub(super) fn digest(ctx: &mut Context, args: Args) -> Handled {
    match ctx.keys.read_string(args.at(1))? {
        Some(string) => ctx.reply.bulk(&digest_of(string.bytes(&mut [0; I64_TEXT]))),
        None => ctx.reply.null(),
    }
    Ok(Outcome::Done)
}

pub(super) fn delex(ctx: &mut Context, args: Args) -> Handled {
    let key = args.at(1);
    let deletes = match args.len() {
        2 => true,
        4 => match ctx.keys.read(key) {
            None => false,
            Some(ValueRef::Str(string)) => Test::named(args.at(2), args.at(3))
                .ok_or(Fault::Text("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE"))?
                .passes(string)?,
            Some(_) => return Err(Fault::Text("ERR Key should be of string type if conditions are specified")),
        },
        _ => return Err(Fault::Arity(ctx.name)),
    };
    let deleted = deletes && ctx.keys.delete(key);
    if deleted {
        ctx.keys.effect(&[b"DEL", key]);
    }
    ctx.reply.flag(deleted);
    Ok(Outcome::Done)
}
