//! BITCOUNT and BITPOS: ranges of bytes or bits, counted from either end.

use super::scan;
use crate::bytes::number::I64_TEXT;
use crate::commands::{int, Context, Handled, Outcome};
use crate::resp::{Args, Fault};

/// A range as given: both ends included, negative ones counted from the end.
#[derive(Clone, Copy)]
struct Range {
    start: i64,
    end: i64,
    bits: bool,
}

const WHOLE: Range = Range { start: 0, end: -1, bits: false };

impl Range {
    /// The first and last bit inside of a string of `length` bytes; nothing when there is none.
    fn within(&self, length: usize) -> Option<(u64, u64)> {
        let length = length as i64;
        let units = if self.bits { length << 3 } else { length };
        let absolute = |at: i64| if at < 0 { (units + at).max(0) } else { at };
        let (start, end) = (absolute(self.start), absolute(self.end).min(units - 1));
        if start > end {
            return None;
        }
        let (start, end) = (start as u64, end as u64);
        Some(if self.bits { (start, end) } else { (start << 3, (end << 3) + 7) })
    }
}

/// Whether the word at `index`, if any, says that a range is one of bits.
fn unit(args: Args, index: usize) -> Result<bool, Fault> {
    match args.get(index) {
        None => Ok(false),
        Some(_) if args.is(index, "BIT") => Ok(true),
        Some(_) if args.is(index, "BYTE") => Ok(false),
        Some(_) => Err(Fault::Syntax),
    }
}

pub(super) fn bitcount(ctx: &mut Context, args: Args) -> Handled {
    let range = match args.len() {
        2 => WHOLE,
        4 | 5 => Range { start: int(args.at(2))?, end: int(args.at(3))?, bits: unit(args, 4)? },
        _ => return Err(Fault::Syntax),
    };
    let mut buffer = [0; I64_TEXT];
    let bytes = ctx.keys.read_string(args.at(1))?.map_or(&[][..], |value| value.bytes(&mut buffer));
    // Two ends in the wrong order hold nothing, even where both lie in front of the string.
    let reversed = range.start < 0 && range.end < 0 && range.start > range.end;
    let count = match range.within(bytes.len()).filter(|_| !reversed) {
        Some((first, last)) => scan::count_between(bytes, first, last),
        None => 0,
    };
    ctx.reply.int(count as i64);
    Ok(Outcome::Done)
}

pub(super) fn bitpos(ctx: &mut Context, args: Args) -> Handled {
    let bit = match int(args.at(2))? {
        0 => false,
        1 => true,
        _ => return Err(Fault::Text("ERR The bit argument must be 1 or 0.")),
    };
    let range = match args.len() {
        3 => WHOLE,
        4 => Range { start: int(args.at(3))?, ..WHOLE },
        5 | 6 => {
            // The unit is looked at between the two ends.
            let start = int(args.at(3))?;
            let bits = unit(args, 5)?;
            Range { start, end: int(args.at(4))?, bits }
        }
        _ => return Err(Fault::Syntax),
    };
    let mut buffer = [0; I64_TEXT];
    let position = match ctx.keys.read_string(args.at(1))?.map(|value| value.bytes(&mut buffer)) {
        None => (!bit).then_some(0),
        Some(bytes) => range.within(bytes.len()).and_then(|(first, last)| {
            let found = scan::find(bytes, first, last, bit);
            // A string without a clear bit is followed by clear ones, unless the range has an end.
            found.or_else(|| (!bit && args.len() < 5).then_some((bytes.len() as u64) << 3))
        }),
    };
    ctx.reply.int(position.map_or(-1, |position| position as i64));
    Ok(Outcome::Done)
}
