//! RESP frames as bytes, and the rules by which a transcript's lines compare with them. The JavaScript side
//! (`tests/js/oracle/frames.mjs`) holds the same rules.

/// One reply or push, cut out of a stream.
#[derive(Clone, Debug)]
pub struct Frame {
    pub kind: u8,
    /// What stands in the first line behind the type byte.
    pub head: Vec<u8>,
    /// The text of a blob; of a line type the head; nothing for aggregates and nulls.
    pub body: Option<Vec<u8>>,
    /// Elements of an aggregate, keys and values of a map in turn.
    pub items: Option<Vec<Frame>>,
    /// The whole frame as sent.
    pub text: Vec<u8>,
}

/// The frame at the start of `bytes`; `None` when it is not whole.
pub fn frame(bytes: &[u8]) -> Option<Frame> {
    let line = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let (kind, head) = (bytes[0], bytes[1..line].to_vec());
    let count = || std::str::from_utf8(&bytes[1..line]).ok()?.parse::<i64>().ok();
    let mut end = line + 2;
    let mut body = None;
    let mut items = None;
    match kind {
        b'$' | b'=' | b'!' => {
            if let Ok(length) = usize::try_from(count().expect("a length")) {
                body = Some(bytes.get(end..end + length)?.to_vec());
                end += length + 2;
            }
        }
        b'*' | b'~' | b'>' | b'%' | b'|' => {
            let width = if matches!(kind, b'%' | b'|') { 2 } else { 1 };
            let mut found = Vec::new();
            for _ in 0..count().expect("a count").max(0) * width {
                let item = frame(bytes.get(end..)?)?;
                end += item.text.len();
                found.push(item);
            }
            items = Some(found);
        }
        b'+' | b'-' | b':' | b',' | b'#' | b'_' | b'(' => body = Some(head.clone()),
        _ => panic!("not a reply: {}", escape(&bytes[..bytes.len().min(60)])),
    }
    Some(Frame { kind, head, body, items, text: bytes.get(..end)?.to_vec() })
}

/// Bytes as a line of a transcript holds them.
pub fn escape(bytes: &[u8]) -> String {
    let mut out = String::new();
    for &byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\r' => out.push_str("\\r"),
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            0x20..=0x7e => out.push(byte as char),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out
}

/// The byte at the start of escaped `text` and how many bytes of text stand for it.
fn unescape_one(text: &[u8]) -> (u8, usize) {
    if text[0] != b'\\' || text.len() == 1 {
        return (text[0], 1);
    }
    match text[1] {
        b'r' => (b'\r', 2),
        b'n' => (b'\n', 2),
        b't' => (b'\t', 2),
        b'a' => (7, 2),
        b'b' => (8, 2),
        b'x' => {
            let code = text.get(2..4).and_then(|code| std::str::from_utf8(code).ok());
            match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
                Some(byte) => (byte, 4),
                None => (b'x', 2),
            }
        }
        other => (other, 2),
    }
}

/// The bytes that escaped `text` stands for.
pub fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let (byte, taken) = unescape_one(&text[at..]);
        out.push(byte);
        at += taken;
    }
    out
}

/// Whether what arrived (`None`: the connection was closed) is what a line asks for by `rule`.
pub fn matches(rule: &str, want: &str, came: Option<&Frame>) -> bool {
    if want == "(closed)" {
        return came.is_none();
    }
    let Some(came) = came else { return false };
    let expected = || frame(&unescape(want.as_bytes())).expect("a whole frame");
    match rule {
        "" => unescape(want.as_bytes()) == came.text,
        "any" => true,
        "save" => matches!(came.kind, b':' | b'$'),
        "type" => want.as_bytes().first() == Some(&came.kind),
        "error" => {
            let word = |text: &[u8]| text.split(|byte| matches!(byte, b' ' | b'\r')).next().unwrap_or(&[]).to_vec();
            came.kind == b'-' && word(&came.text[1..]) == word(&unescape(want.as_bytes())[1..])
        }
        "int" => {
            let (low, high) = want.trim().split_once("..").expect("low..high");
            let number = |text: &str| text.parse::<i64>().expect("a number");
            let value = std::str::from_utf8(&came.head).ok().and_then(|text| text.parse::<i64>().ok());
            came.kind == b':' && value.is_some_and(|value| (number(low)..=number(high)).contains(&value))
        }
        "pattern" => glob(want.as_bytes(), &came.text),
        "set" => same_set(&expected(), came, 1),
        "pairs" => same_set(&expected(), came, 2),
        "scan" => same_scan(&expected(), came, 1),
        "scanpairs" => same_scan(&expected(), came, 2),
        "deep" => canonical(&expected()) == canonical(came),
        _ => panic!("no such rule: ~{rule}"),
    }
}

fn same_set(expected: &Frame, came: &Frame, width: usize) -> bool {
    let width = if expected.kind == b'%' { 2 } else { width };
    match (&expected.items, &came.items) {
        (Some(a), Some(b)) => expected.kind == came.kind && sorted(a, width) == sorted(b, width),
        _ => false,
    }
}

fn same_scan(expected: &Frame, came: &Frame, width: usize) -> bool {
    let parts = |frame: &Frame| {
        let items = frame.items.as_ref().filter(|items| items.len() == 2)?;
        Some((items[0].body.as_deref() == Some(b"0"), sorted(items[1].items.as_ref()?, width)))
    };
    parts(came).is_some_and(|found| Some(found) == parts(expected))
}

fn sorted(items: &[Frame], width: usize) -> Vec<Vec<u8>> {
    let mut groups: Vec<Vec<u8>> =
        items.chunks(width).map(|group| group.iter().flat_map(|item| item.text.clone()).collect()).collect();
    groups.sort();
    groups
}

fn canonical(frame: &Frame) -> Vec<u8> {
    let Some(items) = &frame.items else { return frame.text.clone() };
    let width = if frame.kind == b'%' { 2 } else { 1 };
    let parts: Vec<Vec<u8>> = items.iter().map(canonical).collect();
    let mut groups: Vec<Vec<u8>> = parts.chunks(width).map(|group| group.concat()).collect();
    groups.sort();
    let mut out = vec![frame.kind];
    out.extend_from_slice(&frame.head);
    out.extend_from_slice(&groups.concat());
    out
}

/// `*` any bytes, `?` one byte, a backslash escapes.
fn glob(mut pattern: &[u8], mut text: &[u8]) -> bool {
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        let stepped = match pattern.first() {
            None => text.is_empty(),
            Some(b'*') => {
                pattern = &pattern[1..];
                retry = Some((pattern, text));
                continue;
            }
            Some(b'?') if !text.is_empty() => {
                pattern = &pattern[1..];
                text = &text[1..];
                continue;
            }
            Some(b'?') => false,
            Some(_) => {
                let (byte, taken) = unescape_one(pattern);
                if text.first() == Some(&byte) {
                    pattern = &pattern[taken..];
                    text = &text[1..];
                    continue;
                }
                false
            }
        };
        if stepped {
            return true;
        }
        // Let the last star swallow one byte more.
        match retry {
            Some((after, rest)) if !rest.is_empty() => {
                retry = Some((after, &rest[1..]));
                (pattern, text) = (after, &rest[1..]);
            }
            _ => return false,
        }
    }
}
