//! The 80-bit floats of x87 in software: what INCRBYFLOAT and HINCRBYFLOAT count in.
//!
//! Redis adds in C's `long double` and prints with `%.17Lf`, so that 0.1 + 0.2 is 0.3. Clients rely on these
//! digits, and neither `f64` nor a decimal type gives them. Only what the two commands need is here: reading
//! (correctly rounded, as glibc's `strtold`), adding (to nearest, ties to even) and writing. Numbers of up to 19
//! digits and moderate exponents stay in 128-bit integers; the rest goes through a big integer, at a cost that is
//! quadratic in the text, whose length [`MAX_TEXT`] bounds.

use super::number::push_i64;

/// Longest text that is read, in bytes: Redis' buffer for such numbers.
pub const MAX_TEXT: usize = 5 * 1024 - 1;

/// Exponent of the last bit of the smallest numbers.
const MIN_EXPONENT: i64 = -16445;
/// Exponent of the last bit of the greatest numbers.
const MAX_EXPONENT: i64 = 16320;
/// The exponent that marks infinity.
const INFINITE: i64 = i64::MAX;
/// 5 to this power fits 64 bits, and so does what it divides a 128-bit number down to.
const FAST_POWER: usize = 27;

/// A number with a 64-bit mantissa: ±`mantissa` × 2^`exponent`. The mantissa's top bit is set unless the exponent
/// is the smallest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extended {
    negative: bool,
    mantissa: u64,
    exponent: i64,
}

/// Why [`add_decimal`] has no sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalError {
    /// The current value is not a number.
    Current,
    /// The increment is not a number.
    Increment,
    /// The sum is infinite or not a number.
    NotFinite,
}

/// The sum of two numbers as text, in the digits that Redis gives.
pub fn add_decimal(current: &[u8], increment: &[u8]) -> Result<Vec<u8>, DecimalError> {
    let current = Extended::parse(current).ok_or(DecimalError::Current)?;
    let sum = current + Extended::parse(increment).ok_or(DecimalError::Increment)?;
    if !sum.is_finite() {
        return Err(DecimalError::NotFinite);
    }
    let mut text = Vec::with_capacity(24);
    sum.push(&mut text);
    Ok(text)
}

impl Extended {
    /// Reads the whole of `text`: decimal or hexadecimal, with or without exponent, or `inf`, `infinity`. `None` for
    /// anything else, for NaN, and for what is too great or too small to be told from infinity or zero.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let (negative, body) = match text.first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        if body.eq_ignore_ascii_case(b"inf") || body.eq_ignore_ascii_case(b"infinity") {
            return Some(Extended { negative, mantissa: 1 << 63, exponent: INFINITE });
        }
        let hexadecimal = body.len() > 2 && body[..2].eq_ignore_ascii_case(b"0x");
        let (magnitude, nonzero) = if hexadecimal {
            Literal::scan(&body[2..], true)?.hexadecimal()
        } else {
            Literal::scan(body, false)?.decimal()
        };
        // strtold says ERANGE for both ends, and Redis then refuses the text.
        let kept = magnitude.is_finite() && (magnitude.mantissa != 0 || !nonzero);
        kept.then_some(Extended { negative, ..magnitude })
    }

    /// Whether it is neither infinite nor what is left of infinity minus infinity.
    pub fn is_finite(&self) -> bool {
        self.exponent != INFINITE
    }

    /// The number nearest to `value` × 2^`exponent`, where `more` says that the true value is a little above (by less
    /// than one unit of `value`; then `value` must have at least 65 bits, unless it is too small to count).
    fn round(negative: bool, value: u128, more: bool, exponent: i64) -> Self {
        let bits = 128 - value.leading_zeros() as i64;
        let drop = (bits - 64).max(MIN_EXPONENT - exponent);
        let mut exponent = exponent + drop;
        let mut mantissa = match drop {
            ..=0 if value == 0 => 0,
            ..=0 => value << -drop,
            1..=128 => {
                let half = 1u128 << (drop - 1);
                let rest = value & (half | (half - 1));
                let kept = if drop == 128 { 0 } else { value >> drop };
                let up = rest > half || rest == half && (more || kept & 1 == 1);
                kept + up as u128
            }
            _ => 0,
        };
        if mantissa == 1 << 64 {
            mantissa >>= 1;
            exponent += 1;
        }
        if mantissa == 0 {
            exponent = MIN_EXPONENT;
        } else if exponent > MAX_EXPONENT {
            exponent = INFINITE;
        }
        Extended { negative, mantissa: mantissa as u64, exponent }
    }

    /// Appends the number as `%.17Lf` prints it, without the zeros at the end of the fraction and without the sign
    /// of a zero. At most 4,952 bytes. Infinity is `inf`.
    pub fn push(&self, out: &mut Vec<u8>) {
        let start = out.len();
        if self.negative {
            out.push(b'-');
        }
        if !self.is_finite() {
            return out.extend_from_slice(b"inf");
        }
        if self.exponent > 0 {
            return Big::from(self.mantissa).shifted_left(self.exponent as usize).push(out);
        }
        let places = self.exponent.unsigned_abs();
        let (mut whole, fraction) = match places {
            0..=63 => (self.mantissa >> places, self.mantissa & !(u64::MAX << places)),
            _ => (0, self.mantissa),
        };
        // The fraction has at most 64 bits and 10^17 has 57: the product fits, and from 2^-122 on it rounds to 0.
        const SCALE: u128 = 100_000_000_000_000_000;
        let mut digits = 0;
        if places < 122 {
            let scaled = fraction as u128 * SCALE;
            digits = scaled >> places;
            let rest = scaled & !(u128::MAX << places);
            let half = (1u128 << places) >> 1;
            digits += (rest > half || rest == half && rest != 0 && digits & 1 == 1) as u128;
        }
        if digits == SCALE {
            whole += 1;
            digits = 0;
        }
        if whole == 0 && digits == 0 {
            out.truncate(start);
        }
        push_unsigned(out, whole);
        if digits != 0 {
            out.push(b'.');
            let fraction = out.len();
            push_unsigned(out, digits as u64 + SCALE as u64);
            // The leading 1 kept the zeros behind the point.
            out.remove(fraction);
            while out.last() == Some(&b'0') {
                out.pop();
            }
        }
    }
}

impl std::ops::Add for Extended {
    type Output = Self;

    /// The sum, rounded to nearest, ties to even. Anything with an infinity in it is not finite.
    fn add(self, other: Self) -> Self {
        if !self.is_finite() || !other.is_finite() {
            return Extended { exponent: INFINITE, ..self };
        }
        let (great, small) = if (self.exponent, self.mantissa) >= (other.exponent, other.mantissa) {
            (self, other)
        } else {
            (other, self)
        };
        // One bit of room above for the carry, 63 below for what the smaller number adds there.
        let distance = great.exponent - small.exponent;
        let (wide, narrow) = ((great.mantissa as u128) << 63, (small.mantissa as u128) << 63);
        let (narrow, lost) = if distance < 128 {
            (narrow >> distance, narrow & !(u128::MAX << distance) != 0)
        } else {
            (0, narrow != 0)
        };
        let sum = if great.negative == small.negative { wide + narrow } else { wide - narrow - lost as u128 };
        Self::round(great.negative, sum, lost, great.exponent - 63)
    }
}

fn push_unsigned(out: &mut Vec<u8>, number: u64) {
    // A whole part is at most 2^64 - 1 and may not fit i64: its last digit goes apart.
    if number > i64::MAX as u64 {
        push_i64(out, (number / 10) as i64);
        out.push(b'0' + (number % 10) as u8);
    } else {
        push_i64(out, number as i64);
    }
}

/// The parts of a written number, checked.
struct Literal<'a> {
    /// Digits with at most one point among them.
    digits: &'a [u8],
    /// Of ten or of two.
    exponent: i64,
    /// Digits behind the point.
    fraction: i64,
}

impl<'a> Literal<'a> {
    fn scan(text: &'a [u8], hexadecimal: bool) -> Option<Self> {
        let mark = if hexadecimal { b'p' } else { b'e' };
        let end = text.iter().position(|byte| byte.to_ascii_lowercase() == mark);
        let digits = &text[..end.unwrap_or(text.len())];
        let point = digits.iter().position(|&byte| byte == b'.');
        let count = digits.len() - point.is_some() as usize;
        let all = digits.iter().enumerate().all(|(at, &byte)| match hexadecimal {
            true => byte.is_ascii_hexdigit() || point == Some(at),
            false => byte.is_ascii_digit() || point == Some(at),
        });
        if count == 0 || !all {
            return None;
        }
        let mut exponent = 0i64;
        if let Some(end) = end {
            let (negative, digits) = match text.get(end + 1)? {
                b'-' => (true, &text[end + 2..]),
                b'+' => (false, &text[end + 2..]),
                _ => (false, &text[end + 1..]),
            };
            if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                return None;
            }
            // Far beyond all that a text of this length can make up for.
            exponent = digits.iter().fold(0, |sum, digit| (sum * 10 + (digit - b'0') as i64).min(1_000_000));
            if negative {
                exponent = -exponent;
            }
        }
        Some(Literal { digits, exponent, fraction: point.map_or(0, |point| digits.len() - point - 1) as i64 })
    }

    /// Its magnitude, and whether any digit is not 0.
    fn hexadecimal(&self) -> (Extended, bool) {
        let (mut value, mut more, mut exponent) = (0u128, false, self.exponent - 4 * self.fraction);
        for digit in self.digits.iter().filter_map(|&byte| (byte as char).to_digit(16)) {
            if value >> 124 == 0 {
                value = value << 4 | digit as u128;
            } else {
                more |= digit != 0;
                exponent += 4;
            }
        }
        (Extended::round(false, value, more, exponent), value != 0)
    }

    /// Its magnitude, and whether any digit is not 0.
    fn decimal(&self) -> (Extended, bool) {
        let is_zero = |byte: &&u8| matches!(byte, b'0' | b'.');
        let leading = self.digits.iter().take_while(is_zero).count();
        let trailing = self.digits[leading..].iter().rev().take_while(is_zero);
        let trailing = trailing.fold((0, 0), |(bytes, zeros), &byte| (bytes + 1, zeros + (byte == b'0') as i64));
        let digits = self.digits[leading..self.digits.len() - trailing.0].iter().filter(|&&byte| byte != b'.');
        let digits = digits.map(|byte| (byte - b'0') as u64);
        let count = digits.clone().count();
        // The value is `digits` × 10^power.
        let power = self.exponent - self.fraction + trailing.1;
        let zero = Extended::round(false, 0, false, 0);
        let length = count as i64 + power;
        if count == 0 || length < -4950 {
            return (zero, count != 0);
        }
        if length > 4933 {
            return (Extended { exponent: INFINITE, ..zero }, true);
        }
        let distance = power.unsigned_abs() as usize;
        if count <= 19 && distance <= FAST_POWER {
            let value = digits.fold(0, |value, digit| value * 10 + digit) as u128;
            let scale = 5u64.pow(distance as u32) as u128;
            if power >= 0 {
                return (Extended::round(false, value * scale, false, power), true);
            }
            let shift = value.leading_zeros();
            let value = value << shift;
            return (Extended::round(false, value / scale, value % scale != 0, power - shift as i64), true);
        }
        let mut value = Big::default();
        digits.for_each(|digit| value.push_digit(digit as u32));
        if power >= 0 {
            value.multiply_by_power_of_five(distance);
            let (top, more, exponent) = value.top();
            return (Extended::round(false, top, more, exponent + power), true);
        }
        let mut divisor = Big::from(1);
        divisor.multiply_by_power_of_five(distance);
        let shift = divisor.bits() as i64 - value.bits() as i64;
        if shift >= 0 {
            value = value.shifted_left(shift as usize);
        } else {
            divisor = divisor.shifted_left(-shift as usize);
        }
        // Both have as many bits now: one bit of the quotient before the binary point, the others behind it.
        let mut quotient = 0u128;
        for _ in 0..=66 {
            quotient = quotient << 1 | value.subtract_if_greater(&divisor) as u128;
            value = value.shifted_left(1);
        }
        (Extended::round(false, quotient, !value.is_zero(), power - shift - 66), true)
    }
}

/// A natural number of any size, lowest 32 bits first, without zeros at the end.
#[derive(Clone, Default)]
struct Big(Vec<u32>);

impl From<u64> for Big {
    fn from(number: u64) -> Self {
        let mut big = Big(vec![number as u32, (number >> 32) as u32]);
        big.trim();
        big
    }
}

impl Big {
    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    fn bits(&self) -> usize {
        self.0.last().map_or(0, |last| self.0.len() * 32 - last.leading_zeros() as usize)
    }

    fn multiply_add(&mut self, factor: u32, term: u32) {
        let mut carry = term as u64;
        for part in &mut self.0 {
            carry += *part as u64 * factor as u64;
            *part = carry as u32;
            carry >>= 32;
        }
        if carry != 0 {
            self.0.push(carry as u32);
        }
    }

    fn push_digit(&mut self, digit: u32) {
        self.multiply_add(10, digit);
    }

    fn multiply_by_power_of_five(&mut self, power: usize) {
        // 5^13 is the greatest that fits 32 bits.
        for _ in 0..power / 13 {
            self.multiply_add(5u32.pow(13), 0);
        }
        self.multiply_add(5u32.pow((power % 13) as u32), 0);
    }

    fn shifted_left(&self, bits: usize) -> Self {
        let mut shifted = vec![0; bits / 32];
        let mut carry = 0u64;
        for &part in &self.0 {
            carry |= (part as u64) << (bits % 32);
            shifted.push(carry as u32);
            carry >>= 32;
        }
        shifted.push(carry as u32);
        let mut shifted = Big(shifted);
        shifted.trim();
        shifted
    }

    /// Its uppermost 128 bits, whether any bit below them is set, and the exponent of the lowest of the 128.
    fn top(&self) -> (u128, bool, i64) {
        let below = self.bits().saturating_sub(128);
        let part = |at: usize| self.0.get(at).copied().unwrap_or_default() as u128;
        let (word, bit) = (below / 32, below % 32);
        let low = (0..4).fold(0, |sum, at| sum | part(word + at) << (32 * at));
        let value = if bit == 0 { low } else { low >> bit | part(word + 4) << (128 - bit) };
        let more = self.0[..word].iter().any(|&part| part != 0) || part(word) & !(u128::MAX << bit) != 0;
        (value, more, below as i64)
    }

    /// Subtracts `other` unless that is greater; whether it did.
    fn subtract_if_greater(&mut self, other: &Big) -> bool {
        let order = self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()));
        if order.is_lt() {
            return false;
        }
        let mut borrow = 0i64;
        for (at, part) in self.0.iter_mut().enumerate() {
            borrow += *part as i64 - other.0.get(at).copied().unwrap_or_default() as i64;
            *part = borrow as u32;
            borrow >>= 32;
        }
        self.trim();
        true
    }

    /// Appends it in decimal.
    fn push(mut self, out: &mut Vec<u8>) {
        const CHUNK: u64 = 1_000_000_000;
        let start = out.len();
        while !self.is_zero() {
            let mut rest = 0u64;
            for part in self.0.iter_mut().rev() {
                rest = rest << 32 | *part as u64;
                *part = (rest / CHUNK) as u32;
                rest %= CHUNK;
            }
            self.trim();
            for _ in 0..9 {
                out.push(b'0' + (rest % 10) as u8);
                rest /= 10;
            }
        }
        while out.len() > start + 1 && out.last() == Some(&b'0') {
            out.pop();
        }
        out[start..].reverse();
    }
}

#[cfg(test)]
#[path = "extended_tests.rs"]
mod tests;
