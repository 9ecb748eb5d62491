//! Reads transcripts; `tests/transcripts/README.md` describes them.

use super::frames::unescape;

/// A stretch of a transcript that starts with nothing: no keys, no connections.
pub struct Section {
    pub title: String,
    pub line: usize,
    pub resp3: bool,
    /// Not for this engine yet.
    pub later: bool,
    pub steps: Vec<Step>,
}

/// What happens.
pub enum Action {
    /// A request, word by word.
    Send(Vec<Vec<u8>>),
    /// Bytes as they are.
    Raw(Vec<u8>),
    /// The clock moves by milliseconds.
    Clock(i64),
    Open,
    Close,
}

/// Something that happens, and what must arrive because of it.
pub struct Step {
    pub line: usize,
    pub text: String,
    pub who: String,
    pub action: Action,
    pub replies: Vec<Line>,
}

/// A line that asks for a frame.
pub struct Line {
    pub who: String,
    pub rule: String,
    pub want: String,
}

/// Reads a transcript.
pub fn parse(text: &str, file: &str) -> Vec<Section> {
    let mut sections = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if read(line, at + 1, &mut sections).is_none() {
            panic!("{file}:{}: not understood: {line}", at + 1);
        }
    }
    sections
}

fn read(line: &str, number: usize, sections: &mut Vec<Section>) -> Option<()> {
    // Rows about other servers, and reasons, say nothing about this engine.
    let others = ["#", "reason ", "@ours ", "  7.0 ("];
    if line.trim().is_empty() || others.iter().any(|start| line.starts_with(start)) {
        return Some(());
    }
    if let Some(title) = line.strip_prefix("== ") {
        sections.push(Section { title: title.to_owned(), line: number, resp3: false, later: false, steps: Vec::new() });
        return Some(());
    }
    let section = sections.last_mut()?;
    if let Some(version) = line.strip_prefix("@resp ") {
        section.resp3 = version == "3";
        return Some(());
    }
    if line.starts_with("@later ") {
        section.later = true;
        return Some(());
    }
    let (who, rest) = line.split_at(line.find(|c: char| !c.is_alphanumeric() && c != '_')?);
    if let Some(reply) = rest.strip_prefix('<') {
        let mut want = reply.strip_prefix(' ').unwrap_or(reply);
        let mut rule = "";
        // A tilde before a letter names a rule; before a digit it is a RESP3 set.
        if let Some(named) = want.strip_prefix('~').filter(|named| named.starts_with(|c: char| c.is_ascii_lowercase()))
        {
            (rule, want) = named.split_once(' ').unwrap_or((named, ""));
        }
        let line = Line { who: who.to_owned(), rule: rule.to_owned(), want: want.to_owned() };
        section.steps.last_mut()?.replies.push(line);
        return Some(());
    }
    let action = match rest {
        ": open" => Action::Open,
        ": close" => Action::Close,
        _ => {
            if let Some(raw) = rest.strip_prefix(">> ") {
                Action::Raw(words(raw)?.concat())
            } else if let Some(request) = rest.strip_prefix("> ") {
                Action::Send(words(request)?)
            } else {
                Action::Clock(rest.strip_prefix("+ ")?.strip_suffix(" ms")?.parse().ok()?)
            }
        }
    };
    let step = Step { line: number, text: line.to_owned(), who: who.to_owned(), action, replies: Vec::new() };
    section.steps.push(step);
    Some(())
}

/// Splits an argument line; `None` when its quotes do not balance.
fn words(line: &str) -> Option<Vec<Vec<u8>>> {
    let mut out = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let used = if let Some(each) = rest.strip_prefix("@each(") {
            let end = each.find(')')?;
            let (range, template) = each[..end].split_once(' ')?;
            let (from, to) = range.split_once("..")?;
            for number in from.parse::<i64>().ok()?..=to.parse::<i64>().ok()? {
                let words = template.split_whitespace();
                out.extend(words.map(|word| word.replace('%', &number.to_string()).into_bytes()));
            }
            "@each(".len() + end + 1
        } else if rest.starts_with('"') {
            let mut end = 1;
            while rest.as_bytes().get(end)? != &b'"' {
                end += if rest.as_bytes()[end] == b'\\' { 2 } else { 1 };
            }
            let word = unescape(&rest.as_bytes()[1..end]);
            let times = rest[end + 1..].strip_prefix('*').map(|times| times.split(' ').next().unwrap_or(""));
            out.push(word.repeat(times.map_or(Some(1), |times| times.parse().ok())?));
            end + 1 + times.map_or(0, |times| times.len() + 1)
        } else if rest.starts_with('\'') {
            let mut end = 1;
            while rest.as_bytes().get(end)? != &b'\'' {
                end += if rest.as_bytes()[end] == b'\\' { 2 } else { 1 };
            }
            out.push(rest[1..end].replace("\\'", "'").into_bytes());
            end + 1
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            out.push(rest.as_bytes()[..end].to_vec());
            end
        };
        let after = &rest[used..];
        if !after.is_empty() && !after.starts_with(char::is_whitespace) {
            return None;
        }
        rest = after.trim_start();
    }
    Some(out)
}
