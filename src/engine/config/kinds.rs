//! What configuration values look like: reading them, and writing them as CONFIG GET shows them.

use crate::bytes::number::parse_i64;
use crate::engine::pubsub::{NOTIFY_KEYEVENT, NOTIFY_KEYSPACE};
use crate::engine::OutputLimit;
use crate::keyspace::Class;
use std::borrow::Cow;

/// What a parameter accepts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// `yes` or `no`.
    Flag,
    /// An integer in this range.
    Int(i64, i64),
    /// Bytes in this range, with Redis' units.
    Memory(i64, i64),
    /// Bytes, or a share of `maxmemory` as `5%`: a negative number then.
    Share,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any bytes.
    Text,
    /// Letters of event classes.
    Events,
    /// Class, hard limit, soft limit, seconds; several times.
    OutputLimits,
    /// Seconds and changes; several times.
    SavePoints,
}

/// A value that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Flag(bool),
    Int(i64),
    Choice(usize),
    Text(Vec<u8>),
    Events(u32),
    /// Only the classes that were named.
    OutputLimits([Option<OutputLimit>; 3]),
    SavePoints(Vec<(i64, i64)>),
}

impl Kind {
    /// Whether a line of a configuration file may give several words.
    pub(crate) fn takes_words(self) -> bool {
        matches!(self, Kind::OutputLimits | Kind::SavePoints)
    }

    /// Reads a value; the text behind Redis' "CONFIG SET failed" when it is none.
    pub(crate) fn parse(self, text: &[u8]) -> Result<Value, Cow<'static, str>> {
        let in_range = |number: i64, min: i64, max: i64| {
            if (min..=max).contains(&number) {
                Ok(Value::Int(number))
            } else {
                Err(Cow::Owned(format!("argument must be between {min} and {max} inclusive")))
            }
        };
        match self {
            Kind::Flag if text.eq_ignore_ascii_case(b"yes") => Ok(Value::Flag(true)),
            Kind::Flag if text.eq_ignore_ascii_case(b"no") => Ok(Value::Flag(false)),
            Kind::Flag => Err("argument must be 'yes' or 'no'".into()),
            Kind::Int(min, max) => {
                in_range(parse_i64(text).ok_or("argument couldn't be parsed into an integer")?, min, max)
            }
            Kind::Memory(min, max) => in_range(parse_memory(text).ok_or("argument must be a memory value")?, min, max),
            Kind::Share => {
                let number = match text.strip_suffix(b"%") {
                    Some(share) => match parse_i64(share) {
                        Some(101..) => return Err("percentage argument must be less or equal to 100".into()),
                        share => share.filter(|&share| share >= 0).map(|share| -share),
                    },
                    None => parse_memory(text),
                };
                Ok(Value::Int(number.ok_or("argument must be a memory or percent value")?))
            }
            Kind::Choice(names) => {
                let found = names.iter().position(|name| text.eq_ignore_ascii_case(name.as_bytes()));
                let error = || format!("argument(s) must be one of the following: {}", names.join(", "));
                Ok(Value::Choice(found.ok_or_else(error)?))
            }
            Kind::Text => Ok(Value::Text(text.to_vec())),
            Kind::Events => Ok(Value::Events(parse_events(text)?)),
            Kind::OutputLimits => parse_output_limits(&words(text)),
            Kind::SavePoints => parse_save_points(&words(text)),
        }
    }

    /// A value as CONFIG GET shows it.
    pub(crate) fn show(self, value: &Value) -> Vec<u8> {
        match (self, value) {
            (_, Value::Flag(yes)) => if *yes { "yes" } else { "no" }.into(),
            (Kind::Share, Value::Int(number)) if *number < 0 => format!("{}%", -number).into(),
            (_, Value::Int(number)) => number.to_string().into(),
            (Kind::Choice(names), Value::Choice(index)) => names[*index].into(),
            (_, Value::Choice(_)) => Vec::new(),
            (_, Value::Text(text)) => text.clone(),
            (_, Value::Events(flags)) => show_events(*flags).into(),
            (_, Value::OutputLimits(limits)) => show_output_limits(limits).into(),
            (_, Value::SavePoints(points)) => {
                let points: Vec<String> =
                    points.iter().map(|(seconds, changes)| format!("{seconds} {changes}")).collect();
                points.join(" ").into()
            }
        }
    }
}

fn words(text: &[u8]) -> Vec<&[u8]> {
    text.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty()).collect()
}

/// Reads bytes with a unit: `k` is 1000, `kb` 1024, and so on up to `gb`; in any case.
pub(crate) fn parse_memory(text: &[u8]) -> Option<i64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, unit) = text.split_at(digits);
    let factor = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1i64 << 30,
        _ => return None,
    };
    // Digits alone, so that a leading zero is no error.
    std::str::from_utf8(number).ok()?.parse::<i64>().ok()?.checked_mul(factor)
}

/// Letters in the order in which Redis shows them.
const CLASSES: &[(u8, u32)] = &[
    (b'g', Class::GENERIC),
    (b'$', Class::STRING),
    (b'l', Class::LIST),
    (b's', Class::SET),
    (b'h', Class::HASH),
    (b'z', Class::SORTED_SET),
    (b'x', Class::EXPIRED),
    (b'e', Class::EVICTED),
    (b't', Class::STREAM),
    (b'd', MODULE),
];
/// Events of modules: there are none, but `d` is part of what `A` stands for.
const MODULE: u32 = 1 << 13;
const CHANNELS: &[(u8, u32)] =
    &[(b'n', Class::NEW), (b'K', NOTIFY_KEYSPACE), (b'E', NOTIFY_KEYEVENT), (b'm', Class::KEY_MISS)];

fn every_class() -> u32 {
    CLASSES.iter().fold(0, |all, (_, class)| all | class)
}

fn parse_events(text: &[u8]) -> Result<u32, Cow<'static, str>> {
    text.iter().try_fold(0, |flags, &letter| {
        if letter == b'A' {
            return Ok(flags | every_class());
        }
        let class = CLASSES.iter().chain(CHANNELS).find(|(known, _)| *known == letter);
        let (_, class) = class.ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?;
        Ok(flags | class)
    })
}

fn show_events(flags: u32) -> String {
    let all = every_class();
    let letters = |known: &'static [(u8, u32)]| {
        known.iter().filter(move |(_, class)| flags & class != 0).map(|(letter, _)| *letter as char)
    };
    let classes = if flags & all == all { "A".to_owned() } else { letters(CLASSES).collect() };
    classes + &letters(CHANNELS).collect::<String>()
}

/// The classes of clients under the names that CONFIG GET shows.
const CLIENT_CLASSES: [&str; 3] = ["normal", "slave", "pubsub"];

fn parse_output_limits(words: &[&[u8]]) -> Result<Value, Cow<'static, str>> {
    if words.len() % 4 != 0 {
        return Err("Wrong number of arguments in buffer limit configuration.".into());
    }
    let mut limits = [None; 3];
    for words in words.chunks(4) {
        let class = match words[0].to_ascii_lowercase().as_slice() {
            b"normal" => 0,
            b"slave" | b"replica" => 1,
            b"pubsub" => 2,
            _ => return Err("Invalid client class specified in buffer limit configuration.".into()),
        };
        let seconds = parse_i64(words[3]).filter(|&seconds| seconds >= 0);
        let (Some(hard), Some(soft), Some(seconds)) = (parse_memory(words[1]), parse_memory(words[2]), seconds) else {
            return Err("Error in hard, soft or soft_seconds setting in buffer limit configuration.".into());
        };
        limits[class] = Some(OutputLimit { hard: hard as u64, soft: soft as u64, seconds: seconds as u64 });
    }
    Ok(Value::OutputLimits(limits))
}

fn show_output_limits(limits: &[Option<OutputLimit>; 3]) -> String {
    let shown = limits.iter().zip(CLIENT_CLASSES).filter_map(|(limit, class)| {
        let OutputLimit { hard, soft, seconds } = (*limit)?;
        Some(format!("{class} {hard} {soft} {seconds}"))
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn parse_save_points(words: &[&[u8]]) -> Result<Value, Cow<'static, str>> {
    let invalid = "Invalid save parameters";
    if words.len() % 2 != 0 {
        return Err(invalid.into());
    }
    let points = words.chunks(2).map(|pair| {
        let (seconds, changes) = (parse_i64(pair[0])?, parse_i64(pair[1])?);
        (seconds >= 1 && changes >= 0).then_some((seconds, changes))
    });
    Ok(Value::SavePoints(points.collect::<Option<_>>().ok_or(invalid)?))
}
