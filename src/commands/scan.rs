//! What the SCAN family shares: cursors and options.

use super::{int, Handled, Options, Outcome};
use crate::bytes::glob;
use crate::bytes::number::parse_i64;
use crate::resp::{Args, Fault, Reply};

/// The options of SCAN and its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanOptions<'a> {
    /// COUNT: about how many elements to visit; at least 1.
    pub count: usize,
    /// MATCH: only elements whose name matches. `None` also for `*`, which all do.
    pub pattern: Option<&'a [u8]>,
    /// TYPE: only keys of this type.
    pub kind: Option<&'a [u8]>,
    /// NOVALUES: fields without their values.
    pub no_values: bool,
}

impl<'a> ScanOptions<'a> {
    /// Reads the options from argument `from` on. TYPE is SCAN's alone, NOVALUES is HSCAN's.
    pub fn read(args: Args<'a>, from: usize, with_type: bool, with_no_values: bool) -> Result<Self, Fault> {
        let mut found = ScanOptions { count: 10, pattern: None, kind: None, no_values: false };
        let mut options = Options::new(args, from);
        while options.left() > 0 {
            if options.left() >= 2 && options.take("count") {
                let count = int(options.value()?)?;
                if count < 1 {
                    return Err(Fault::Syntax);
                }
                found.count = usize::try_from(count).unwrap_or(usize::MAX);
            } else if options.left() >= 2 && options.take("match") {
                found.pattern = Some(options.value()?).filter(|pattern| *pattern != b"*");
            } else if with_type && options.left() >= 2 && options.take("type") {
                found.kind = Some(options.value()?);
            } else if options.take("novalues") {
                if !with_no_values {
                    return Err(Fault::Text("ERR NOVALUES option can only be used in HSCAN"));
                }
                found.no_values = true;
            } else {
                return Err(Fault::Syntax);
            }
        }
        Ok(found)
    }

    /// Whether an element of that name is wanted.
    #[inline]
    pub fn wants(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, name, false))
    }
}

/// Answers a cursor, and `count` elements that are written already. Scans write them aside: the cursor, which comes first, is known
/// only in the end, and a list of them could need more memory than there is.
pub fn answer(reply: &mut Reply, next: u64, count: usize, elements: &[u8]) -> Handled {
    reply.array(2);
    reply.bulk(next.to_string().as_bytes());
    reply.array(count);
    reply.raw(elements);
    Ok(Outcome::Done)
}

/// Reads a cursor: an unsigned integer as `strtoull` reads it, except that a plain negative one is refused.
pub fn cursor(text: &[u8]) -> Result<u64, Fault> {
    const INVALID: Fault = Fault::Text("ERR invalid cursor");
    if let Some(number) = parse_i64(text) {
        return u64::try_from(number).map_err(|_| INVALID);
    }
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return Err(INVALID);
    }
    let mut number = 0u64;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return Err(INVALID);
        }
        number = number.checked_mul(10).and_then(|number| number.checked_add(digit as u64)).ok_or(INVALID)?;
    }
    Ok(if negative { number.wrapping_neg() } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_as_the_c_library_reads_them() {
        for (text, number) in [("0", 0), ("007", 7), ("+5", 5), ("-0", 0), ("18446744073709551615", u64::MAX)] {
            assert_eq!(cursor(text.as_bytes()), Ok(number), "{text}");
        }
        for text in ["", "-1", "a", "1a", " 1", "1 ", "18446744073709551616", "+", "1.0"] {
            assert_eq!(cursor(text.as_bytes()), Err(Fault::Text("ERR invalid cursor")), "{text}");
        }
    }
}
