//! Numbers as text, by Redis' rules: what counts as an integer, how a double is read and printed.

/// Room enough for any `i64` in decimal.
pub const I64_TEXT: usize = 20;

/// Reads an integer as Redis does: no blanks, no plus, no leading zeros, no `-0`; `None` also on overflow.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > I64_TEXT {
        return None;
    }
    let (negative, digits) = match text[0] {
        b'-' => (true, &text[1..]),
        _ => (false, text),
    };
    let first = *digits.first()?;
    if first == b'0' {
        return (text.len() == 1).then_some(0);
    }
    let mut value = 0u64;
    for (at, &digit) in digits.iter().enumerate() {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // Nineteen digits always fit: only the twentieth is worth a check, which in wasm is a product of 128 bits.
        value = if at < 19 { value * 10 + digit as u64 } else { value.checked_mul(10)?.checked_add(digit as u64)? };
    }
    if negative {
        (value <= 1 << 63).then(|| (value as i64).wrapping_neg())
    } else {
        i64::try_from(value).ok()
    }
}

/// A number without its last digit, and that digit as text. A product: compilers that mind size divide.
#[inline(always)]
fn last_digit(number: u32) -> (u32, u8) {
    let rest = ((number as u64 * 0xCCCC_CCCD) >> 35) as u32;
    (rest, b'0' + (number - rest * 10) as u8)
}

/// Writes `value` in decimal into the end of `buffer` and returns the text.
#[inline]
pub fn format_i64(value: i64, buffer: &mut [u8; I64_TEXT]) -> &[u8] {
    let mut at = I64_TEXT;
    let mut rest = value.unsigned_abs();
    // 64 bits are divided once for eight digits.
    while rest > u32::MAX as u64 {
        let mut low = (rest % 100_000_000) as u32;
        rest /= 100_000_000;
        for _ in 0..8 {
            at -= 1;
            (low, buffer[at]) = last_digit(low);
        }
    }
    let mut rest = rest as u32;
    loop {
        at -= 1;
        (rest, buffer[at]) = last_digit(rest);
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        at -= 1;
        buffer[at] = b'-';
    }
    &buffer[at..]
}

/// Appends `value` in decimal.
#[inline]
pub fn push_i64(out: &mut Vec<u8>, value: i64) {
    super::append(out, format_i64(value, &mut [0; I64_TEXT]));
}

/// Reads a double as Redis' `string2d` does: the whole text, no leading blank, decimal or hexadecimal,
/// `inf`/`infinity` with a sign, never NaN; out of range is `None`.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    if text.is_empty() || text.len() > 4096 {
        return None;
    }
    let (negative, body) = match text[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let value = if body.eq_ignore_ascii_case(b"inf") || body.eq_ignore_ascii_case(b"infinity") {
        f64::INFINITY
    } else if body.len() > 2 && body[..2].eq_ignore_ascii_case(b"0x") {
        parse_hex(&body[2..])?
    } else {
        // Rust also reads "nan", "infinity" and a second sign: only digits, point and exponent may pass.
        if !body.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
            || matches!(body.first(), None | Some(b'+' | b'-'))
        {
            return None;
        }
        let value: f64 = std::str::from_utf8(body).ok()?.parse().ok()?;
        let zero = body.iter().take_while(|byte| !matches!(byte, b'e' | b'E')).all(|byte| matches!(byte, b'0' | b'.'));
        // strtod reports ERANGE for both ends and Redis refuses them.
        if value.is_infinite() || (value == 0.0 && !zero) {
            return None;
        }
        value
    };
    Some(if negative { -value } else { value })
}

fn parse_hex(text: &[u8]) -> Option<f64> {
    let (mantissa, exponent) = match text.iter().position(|byte| matches!(byte, b'p' | b'P')) {
        Some(at) => {
            let digits = &text[at + 1..];
            let digits = digits.strip_prefix(b"+").unwrap_or(digits);
            (&text[..at], std::str::from_utf8(digits).ok()?.parse::<i32>().ok()?)
        }
        None => (text, 0),
    };
    let (mut value, mut scale, mut point, mut seen) = (0f64, 0i32, false, false);
    for &byte in mantissa {
        if byte == b'.' && !point {
            point = true;
            continue;
        }
        value = value * 16.0 + (byte as char).to_digit(16)? as f64;
        seen = true;
        if point {
            scale -= 4;
        }
    }
    let value = value * 2f64.powi(exponent.saturating_add(scale));
    (seen && value.is_finite()).then_some(value)
}

/// The largest magnitude at which an integral double prints as an integer: 2^62.
pub const INTEGRAL: f64 = (1u64 << 62) as f64;

/// Appends a double as Redis 7.4 replies it: the shortest digits that read back the same, integers without a
/// point, exponents as in `1e+21` and `1e-7`, `inf`, `-inf`, `nan`.
pub fn push_f64(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        return out.extend_from_slice(b"nan");
    }
    if value.is_infinite() {
        return out.extend_from_slice(if value > 0.0 { b"inf" } else { b"-inf" });
    }
    if value == 0.0 {
        return out.extend_from_slice(if value.is_sign_negative() { b"-0" } else { b"0" });
    }
    // Integers print as such up to 2^62, half of what an i64 holds (Redis' double2ll).
    if value.fract() == 0.0 && value.abs() <= INTEGRAL {
        return push_i64(out, value as i64);
    }
    // `{:e}` gives the shortest round-trip digits: d[.ddd]e[-]x
    let text = format!("{:e}", value.abs());
    let (digits, exponent) = text.split_once('e').expect("an exponent");
    let exponent: i32 = exponent.parse().expect("a number");
    let digits: Vec<u8> = digits.bytes().filter(|&byte| byte != b'.').collect();
    if value < 0.0 {
        out.push(b'-');
    }
    push_digits(out, &digits, exponent);
}

/// Places the point among shortest `digits` of a number d.ddd × 10^`exponent`, as fpconv's emit step does.
fn push_digits(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    let count = digits.len() as i32;
    // k: power of ten of the last digit.
    let k = exponent - (count - 1);
    let magnitude = exponent.abs();
    if k >= 0 && magnitude < count + 7 {
        out.extend_from_slice(digits);
        out.resize(out.len() + k as usize, b'0');
        return;
    }
    if k < 0 && (k > -7 || magnitude < 4) {
        let offset = count + k;
        if offset <= 0 {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + (-offset) as usize, b'0');
            out.extend_from_slice(digits);
        } else {
            out.extend_from_slice(&digits[..offset as usize]);
            out.push(b'.');
            out.extend_from_slice(&digits[offset as usize..]);
        }
        return;
    }
    out.push(digits[0]);
    if count > 1 {
        out.push(b'.');
        out.extend_from_slice(&digits[1..]);
    }
    out.push(b'e');
    out.push(if exponent < 0 { b'-' } else { b'+' });
    push_i64(out, magnitude as i64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_strict() {
        for (text, value) in [
            ("0", 0),
            ("-1", -1),
            ("4294967295", u32::MAX as i64),
            ("4294967296", u32::MAX as i64 + 1),
            ("100000000000000000", 100_000_000_000_000_000),
            ("-429496729600000001", -429_496_729_600_000_001),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(parse_i64(text.as_bytes()), Some(value));
            let mut out = Vec::new();
            push_i64(&mut out, value);
            assert_eq!(out, text.as_bytes());
        }
        for text in [
            "",
            "-",
            "+1",
            "01",
            "-0",
            " 1",
            "1 ",
            "1.0",
            "9223372036854775808",
            "-9223372036854775809",
            "184467440737095516160",
        ] {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn doubles_read_as_strtod() {
        for (text, value) in [
            ("1.5", 1.5),
            ("-.5", -0.5),
            ("5.", 5.0),
            ("+inf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("1e3", 1000.0),
            ("0x10", 16.0),
            ("0x1p-1", 0.5),
        ] {
            assert_eq!(parse_f64(text.as_bytes()), Some(value), "{text}");
        }
        for text in ["", "nan", "-nan", " 1", "1 ", "1e400", "1e-400", "--1", "0x", "abc", "1.2.3", ".", "e5", "infin"]
        {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn doubles_print_shortest() {
        for (value, text) in [
            (3.0, "3"),
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (1e21, "1e+21"),
            (1e-7, "1e-7"),
            (1.5e300, "1.5e+300"),
            (0.30000000000000004, "0.30000000000000004"),
            (1e17, "100000000000000000"),
            (4611686018427387904.0, "4611686018427387904"),
            (4611686018427389000.0, "4611686018427389000"),
            (1e19, "1e+19"),
            (123456.789, "123456.789"),
            (0.0001, "0.0001"),
        ] {
            let mut out = Vec::new();
            push_f64(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}
