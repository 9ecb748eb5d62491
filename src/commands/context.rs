//! What a data command works with, and what it may ask for.

use crate::keyspace::Keys;
use crate::resp::{Args, Fault, Reply};

/// The surroundings of one run of a data command.
pub struct Context<'e> {
    /// The keys of the session's database.
    pub keys: Keys<'e>,
    /// Where the reply goes.
    pub reply: Reply<'e>,
    /// The declared name of the running command, for error texts.
    pub name: &'static str,
    /// How many databases there are.
    pub databases: usize,
}

/// What a handler leaves for the engine to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing: the reply is written.
    Done,
    /// To wait: nothing was written or changed. The engine runs the command again when one of the keys was
    /// written, and answers for it when the time is up or waiting is not allowed (MULTI, scripts).
    Wait(Box<Wait>),
}

/// A wait for keys.
#[derive(Debug, PartialEq, Eq)]
pub struct Wait {
    /// The type that ends the wait, as TYPE names it: `list`, `zset`, `stream`.
    pub kind: &'static str,
    /// Whether it ends, with what the command then answers, when a key is deleted or becomes of another type too.
    pub any_change: bool,
    /// The keys that are waited for, in order of preference.
    pub keys: Vec<Box<[u8]>>,
    /// When to give up, in milliseconds since 1970; `None` for never.
    pub deadline: Option<i64>,
    /// The reply when the time is up.
    pub on_timeout: TimeoutReply,
    /// The arguments to run again with, when they are not those that the client sent: what stood for the moment of the
    /// first run is written out in them.
    pub again: Option<Vec<Box<[u8]>>>,
}

impl Wait {
    /// A wait until one of `keys` is written and is of `kind`.
    pub fn new(kind: &'static str, keys: Vec<Box<[u8]>>, deadline: Option<i64>, on_timeout: TimeoutReply) -> Box<Self> {
        Box::new(Wait { kind, any_change: false, keys, deadline, on_timeout, again: None })
    }
}

/// What a wait answers when its time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutReply {
    /// The null array.
    NullArray,
    /// The null bulk string.
    Null,
    /// Zero: WAIT.
    Zero,
    /// Two zeros: WAITAOF.
    ZeroZero,
    /// The null array, but the null bulk string where waiting is not allowed: BLMOVE and BRPOPLPUSH.
    NullArrayOrNull,
}

/// What every handler returns. An error undoes whatever part of the reply was written.
pub type Handled = Result<Outcome, Fault>;

/// A handler of a command that works on data alone.
pub type DataHandler = fn(&mut Context, Args) -> Handled;

/// Reads a blocking timeout in seconds: the deadline, `None` for 0 = for ever.
pub fn deadline(timeout: &[u8], now: i64) -> Result<Option<i64>, Fault> {
    let seconds = crate::bytes::number::parse_f64(timeout).ok_or(Fault::BadTimeout)?;
    if seconds < 0.0 {
        return Err(Fault::NegativeTimeout);
    }
    // Redis rounds up: a wait must not end early.
    let millis = (seconds * 1000.0).ceil();
    if millis > (i64::MAX - now) as f64 {
        return Err(Fault::Text("ERR timeout is out of range"));
    }
    Ok((millis > 0.0).then_some(now + millis as i64))
}

/// Reads one argument as an integer.
#[inline]
pub fn int(text: &[u8]) -> Result<i64, Fault> {
    crate::bytes::number::parse_i64(text).ok_or(Fault::NotInteger)
}

/// Reads one argument as an integer in `range`; `fault` when it is none or outside.
pub fn int_in(text: &[u8], range: std::ops::RangeInclusive<i64>, fault: Fault) -> Result<i64, Fault> {
    match crate::bytes::number::parse_i64(text) {
        Some(number) if range.contains(&number) => Ok(number),
        _ => Err(fault),
    }
}

/// Reads one argument as a double; never NaN.
#[inline]
pub fn double(text: &[u8]) -> Result<f64, Fault> {
    crate::bytes::number::parse_f64(text).ok_or(Fault::NotFloat)
}

/// Reads a database number of `databases`.
pub fn database(text: &[u8], databases: usize) -> Result<usize, Fault> {
    let index = int(text)?;
    usize::try_from(index).ok().filter(|&index| index < databases).ok_or(Fault::DbIndex)
}

/// Walks through options behind the fixed arguments.
pub struct Options<'a> {
    args: Args<'a>,
    at: usize,
}

impl<'a> Options<'a> {
    /// Options from argument `from` on.
    #[inline]
    pub fn new(args: Args<'a>, from: usize) -> Self {
        Options { args, at: from }
    }

    /// The next word, if any; the walk moves behind it.
    #[inline]
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<&'a [u8]> {
        let word = self.args.get(self.at)?;
        self.at += 1;
        Some(word)
    }

    /// Whether the next word is `token` (in any case); moves behind it when it is.
    #[inline]
    pub fn take(&mut self, token: &str) -> bool {
        let found = self.args.is(self.at, token);
        self.at += found as usize;
        found
    }

    /// The value of the option just taken; a syntax error when it is missing.
    #[inline]
    pub fn value(&mut self) -> Result<&'a [u8], Fault> {
        self.next().ok_or(Fault::Syntax)
    }

    /// How many words are left.
    #[inline]
    pub fn left(&self) -> usize {
        self.args.len() - self.at.min(self.args.len())
    }

    /// The index of the next word among the arguments.
    pub fn at(&self) -> usize {
        self.at
    }
}
