//! Every error a command can answer with. The first word of a text is a contract: clients match on it.

use super::Args;
use crate::bytes::c_text;
use std::borrow::Cow;

/// An error reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The key holds another type.
    WrongType,
    /// Options that do not fit the command's grammar.
    Syntax,
    /// Not an integer, or outside 64 bits.
    NotInteger,
    /// Not a floating point number.
    NotFloat,
    /// An integer outside the range that is allowed here.
    OutOfRange,
    /// The command needs an existing key.
    NoSuchKey,
    /// An index outside the list.
    IndexOutOfRange,
    /// An offset or a length outside what is allowed.
    StringTooLong,
    /// A counter would leave 64 bits.
    Overflow,
    /// A float operation gave NaN or infinity.
    NotFinite,
    /// A blocking timeout that is negative.
    NegativeTimeout,
    /// A blocking timeout that is no number.
    BadTimeout,
    /// A database number outside the configured ones.
    DbIndex,
    /// Wrong number of arguments for the named command.
    Arity(&'static str),
    /// `invalid expire time in '<command>' command`.
    BadExpire(&'static str),
    /// A whole text, first word included, written where it belongs to one command alone.
    Text(&'static str),
    /// A text made on the spot, which may repeat a client's bytes; control characters are replaced when it is written.
    Made(Box<[u8]>),
}

/// The part of a client's word that an error text repeats where Redis sets a limit: 128 bytes, up to the first zero byte.
pub fn quoted(word: &[u8]) -> &[u8] {
    let word = c_text(word);
    &word[..word.len().min(QUOTED)]
}

/// See [`quoted`].
pub const QUOTED: usize = 128;

impl Fault {
    /// What a command that would grow answers where memory is short.
    pub const NO_MEMORY: Fault = Fault::Text("OOM command not allowed when used memory > 'maxmemory'.");

    /// What stands for a reply that is larger than the memory that is left.
    pub const REPLY_LOST: Fault = Fault::Text("OOM the reply does not fit in memory");

    /// A fault with a text made on the spot, first word included.
    pub fn made(text: impl Into<Vec<u8>>) -> Self {
        Fault::Made(text.into().into())
    }

    /// A fault that repeats a client's word as Redis does: as a C string, so up to its first zero byte, whatever the
    /// other bytes are.
    pub fn naming(before: &str, word: &[u8], after: &str) -> Self {
        Fault::made([before.as_bytes(), c_text(word), after.as_bytes()].concat())
    }

    /// What Redis answers to the arguments of a known subcommand that fit none of its forms.
    pub fn bad_subcommand(args: Args) -> Self {
        let container = String::from_utf8_lossy(args.at(0)).to_ascii_uppercase();
        let before = "ERR unknown subcommand or wrong number of arguments for '";
        Fault::naming(before, quoted(args.at(1)), &format!("'. Try {container} HELP."))
    }

    /// The text for people: bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> Cow<'_, str> {
        match self.bytes() {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// What stands behind the `-` of the reply.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        let text: &str = match self {
            Fault::WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value",
            Fault::Syntax => "ERR syntax error",
            Fault::NotInteger => "ERR value is not an integer or out of range",
            Fault::NotFloat => "ERR value is not a valid float",
            Fault::OutOfRange => "ERR value is out of range",
            Fault::NoSuchKey => "ERR no such key",
            Fault::IndexOutOfRange => "ERR index out of range",
            Fault::StringTooLong => "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
            Fault::Overflow => "ERR increment or decrement would overflow",
            Fault::NotFinite => "ERR increment would produce NaN or Infinity",
            Fault::NegativeTimeout => "ERR timeout is negative",
            Fault::BadTimeout => "ERR timeout is not a float or out of range",
            Fault::DbIndex => "ERR DB index is out of range",
            Fault::Arity(name) => {
                return Cow::Owned(format!("ERR wrong number of arguments for '{name}' command").into_bytes());
            }
            Fault::BadExpire(name) => {
                return Cow::Owned(format!("ERR invalid expire time in '{name}' command").into_bytes())
            }
            Fault::Text(text) => text,
            Fault::Made(text) => return Cow::Borrowed(text),
        };
        Cow::Borrowed(text.as_bytes())
    }

    /// The first word: `ERR`, `WRONGTYPE`, `NOAUTH`...
    pub fn code(&self) -> String {
        self.text().split(' ').next().unwrap_or_default().to_owned()
    }
}
