//! The id of a stream's entry: a moment in milliseconds and a number within it.

use crate::bytes::c_text;
use crate::bytes::number::parse_i64;
use std::ops::Deref;

/// An id; ordered by milliseconds, then by sequence number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Milliseconds, as a rule since 1970.
    pub ms: u64,
    /// Number among the entries of that millisecond.
    pub seq: u64,
}

/// Longest text of an id that is read, as in Redis.
const MAX_TEXT: usize = 127;

impl StreamId {
    /// `0-0`, which no entry has.
    pub const MIN: StreamId = StreamId { ms: 0, seq: 0 };
    /// The last id there is.
    pub const MAX: StreamId = StreamId { ms: u64::MAX, seq: u64::MAX };

    /// An id of its parts.
    pub const fn new(ms: u64, seq: u64) -> Self {
        StreamId { ms, seq }
    }

    /// The id after this one; none after the last.
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => Some(StreamId { ms: self.ms.checked_add(1)?, seq: 0 }),
        }
    }

    /// The id before this one; none before the first.
    pub fn prev(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => Some(StreamId { ms: self.ms.checked_sub(1)?, seq: u64::MAX }),
        }
    }

    /// Reads `ms-seq`, or `ms` alone, which gets `missing_seq`.
    pub fn parse(text: &[u8], missing_seq: u64) -> Option<Self> {
        match Self::parse_open(text)? {
            (ms, Seq::Given(seq)) => Some(StreamId { ms, seq }),
            (ms, Seq::Missing) => Some(StreamId { ms, seq: missing_seq }),
            (_, Seq::Auto) => None,
        }
    }

    /// Reads `ms`, `ms-seq` or `ms-*`.
    pub fn parse_open(text: &[u8]) -> Option<(u64, Seq)> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let text = c_text(text);
        let dash = text.iter().position(|&byte| byte == b'-');
        let (ms, seq) = match dash {
            None => (text, None),
            Some(dash) => (&text[..dash], Some(&text[dash + 1..])),
        };
        let ms = parse_u64(ms)?;
        let seq = match seq {
            None => Seq::Missing,
            Some(b"*") => Seq::Auto,
            Some(seq) => Seq::Given(parse_u64(seq)?),
        };
        Some((ms, seq))
    }

    /// The text `ms-seq`.
    pub fn text(self) -> IdText {
        let mut text = IdText { bytes: [0; 41], start: 41 };
        text.push(self.seq);
        text.start -= 1;
        text.bytes[text.start] = b'-';
        text.push(self.ms);
        text
    }

    /// The sixteen bytes, high first, under which Redis files an id: they sort as the ids do.
    pub fn to_key(self) -> [u8; 16] {
        (u128::from(self.ms) << 64 | u128::from(self.seq)).to_be_bytes()
    }

    /// The id of [`StreamId::to_key`]'s bytes.
    pub fn from_key(key: [u8; 16]) -> Self {
        let number = u128::from_be_bytes(key);
        StreamId { ms: (number >> 64) as u64, seq: number as u64 }
    }
}

/// The second part of an id as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seq {
    /// A number.
    Given(u64),
    /// Nothing.
    Missing,
    /// `*`: to be chosen.
    Auto,
}

/// The text of an id; reads as its bytes.
#[derive(Clone, Copy)]
pub struct IdText {
    bytes: [u8; 41],
    start: usize,
}

impl IdText {
    fn push(&mut self, mut number: u64) {
        loop {
            self.start -= 1;
            self.bytes[self.start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return;
            }
        }
    }
}

impl Deref for IdText {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

/// Reads a number as Redis reads the parts of an id. It is laxer than elsewhere: what is no plain integer goes through
/// C's strtoull, with its leading blanks, signs and zeros.
fn parse_u64(text: &[u8]) -> Option<u64> {
    if let Some(number) = parse_i64(text) {
        return u64::try_from(number).ok();
    }
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count();
    let (negative, digits) = match &text[blanks..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let number = digits.iter().try_fold(0u64, |number, digit| match digit {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    })?;
    Some(if negative { number.wrapping_neg() } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_both_ways() {
        for id in [StreamId::MIN, StreamId::MAX, StreamId::new(1_700_000_000_000, 7), StreamId::new(10, 100)] {
            assert_eq!(&id.text()[..], format!("{}-{}", id.ms, id.seq).as_bytes());
            assert_eq!(StreamId::parse(&id.text(), 9), Some(id));
            assert_eq!(StreamId::from_key(id.to_key()), id);
        }
        assert_eq!(StreamId::parse(b"5", 9), Some(StreamId::new(5, 9)));
        assert_eq!(StreamId::parse_open(b"5-*"), Some((5, Seq::Auto)));
        assert_eq!(StreamId::parse(b"5-*", 0), None);
        for lax in [&b"05-01"[..], b" 5- 1", b"+5-+1", b"5-1\0x", b"5--18446744073709551615"] {
            assert_eq!(StreamId::parse(lax, 0), Some(StreamId::new(5, 1)), "{lax:?}");
        }
        for wrong in [&b""[..], b"-", b"-1", b"5-", b"5--1", b"5-1-1", b"a", b"5-18446744073709551616", &[b'1'; 128]] {
            assert_eq!(StreamId::parse(wrong, 0), None, "{wrong:?}");
        }
    }

    #[test]
    fn neighbours() {
        assert_eq!(StreamId::new(1, u64::MAX).next(), Some(StreamId::new(2, 0)));
        assert_eq!(StreamId::new(2, 0).prev(), Some(StreamId::new(1, u64::MAX)));
        assert_eq!((StreamId::MAX.next(), StreamId::MIN.prev()), (None, None));
    }
}
