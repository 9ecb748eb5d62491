//! Plays the transcripts through the engine: bytes in, bytes out, several connections, the clock by hand.
//!
//! `TRANSCRIPT=lists SECTION=LPOS cargo test --test transcripts` plays the files and sections whose names hold that.

#[path = "transcripts/format.rs"]
mod format;
#[path = "transcripts/frames.rs"]
mod frames;

use cachelet::engine::{Engine, SessionId, Setup};
use cachelet::memory::Usage;
use format::{Action, Line, Section, Step};
use frames::{escape, frame, matches, unescape, Frame};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Any instant will do; transcripts only name those of 1970 and of the year 3021.
const START_US: i64 = 1_700_000_000_000_000;

/// One connection's end of the wire.
#[derive(Default)]
struct Connection {
    session: Option<SessionId>,
    /// Bytes that are not a whole frame yet.
    rest: Vec<u8>,
    /// Frames that arrived in this step; `None` is the end of the connection.
    came: Vec<Option<Frame>>,
}

struct Player {
    engine: Engine,
    now_us: i64,
    connections: BTreeMap<String, Connection>,
    saved: BTreeMap<String, Vec<u8>>,
    /// Input arrives in pieces of this many bytes.
    piece: usize,
}

impl Player {
    fn new(piece: usize) -> Self {
        let setup = Setup { seed: 7, now_us: START_US, ..Setup::default() };
        let mut engine = Engine::new(cachelet::catalog::table(), setup);
        // What is in use is said, not measured: transcripts name limits of which one byte is too little and gigabytes are enough.
        engine.set_memory_source(Some(|| Usage { used: 1 << 20, peak: 1 << 20, ..Usage::default() }));
        // As the oracle is started.
        engine.configure("enable-debug-command", &[b"yes"]).expect("a parameter");
        Player { engine, now_us: START_US, connections: BTreeMap::new(), saved: BTreeMap::new(), piece }
    }

    fn open(&mut self, who: &str, resp3: bool) -> SessionId {
        let session = self.engine.open(false);
        if let Some(state) = self.engine.session_mut(session) {
            state.address = "127.0.0.1:50000".to_owned();
            state.local_address = "127.0.0.1:6379".to_owned();
        }
        self.connections.insert(who.to_owned(), Connection { session: Some(session), ..Connection::default() });
        if resp3 {
            self.engine.receive(session, b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n");
            self.drain();
            self.connections.get_mut(who).expect("just made").came.clear();
        }
        session
    }

    /// Takes what the engine has for every connection, as a host does.
    fn drain(&mut self) {
        while let Some(session) = self.engine.next_listed() {
            let bytes = self.engine.output(session).to_vec();
            self.engine.sent(session, bytes.len());
            let closed = self.engine.is_to_close(session);
            if closed {
                self.engine.close(session);
            }
            let connection = self.connections.values_mut().find(|connection| connection.session == Some(session));
            let Some(connection) = connection else { continue };
            connection.rest.extend_from_slice(&bytes);
            while let Some(whole) = frame(&connection.rest) {
                connection.rest.drain(..whole.text.len());
                connection.came.push(Some(whole));
            }
            if closed {
                connection.session = None;
                connection.came.push(None);
            }
        }
    }

    /// Moves the clock and ticks whenever the engine asked for it on the way.
    fn advance(&mut self, ms: i64) {
        let end = self.now_us + ms * 1000;
        while let Some(at) = self.engine.next_tick().map(|at| at * 1000).filter(|&at| at <= end) {
            self.now_us = at.max(self.now_us + 1);
            self.engine.set_clock(self.now_us);
            self.engine.tick();
            self.drain();
        }
        self.now_us = end;
        self.engine.set_clock(end);
    }

    fn act(&mut self, step: &Step, resp3: bool) {
        for connection in self.connections.values_mut() {
            connection.came.clear();
        }
        let bytes = match &step.action {
            Action::Clock(ms) => return self.advance(*ms),
            Action::Open => {
                self.open(&step.who, resp3);
                return;
            }
            Action::Close => {
                if let Some(session) = self.connections.remove(&step.who).and_then(|connection| connection.session) {
                    self.engine.close(session);
                }
                return self.drain();
            }
            Action::Raw(bytes) => bytes.clone(),
            Action::Send(words) => self.request(words),
        };
        let session = match self.connections.get(&step.who) {
            Some(connection) => connection.session,
            None => Some(self.open(&step.who, resp3)),
        };
        for piece in bytes.chunks(self.piece) {
            if let Some(session) = session {
                self.engine.receive(session, piece);
            }
        }
        self.drain();
    }

    fn request(&self, words: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            let mut word = word.clone();
            for (name, value) in &self.saved {
                if word == format!("$({name})").as_bytes() {
                    word.clone_from(value);
                }
            }
            bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            bytes.extend_from_slice(&word);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes
    }

    /// What differs from what a step asks for.
    fn differences(&mut self, step: &Step, report: &mut String) {
        for (who, connection) in &self.connections {
            let wanted: Vec<&Line> = step.replies.iter().filter(|line| line.who == *who).collect();
            for (line, came) in wanted.iter().zip(&connection.came) {
                if let (true, Some(came)) = (line.rule == "save", came) {
                    self.saved.insert(line.want.trim().to_owned(), came.body.clone().unwrap_or_default());
                }
            }
            let wanted: Vec<&Line> = wanted.into_iter().filter(|line| line.want != "(nothing)").collect();
            if !all_match(&wanted, &connection.came) {
                let _ = writeln!(report, "    line {}: {}", step.line, clip(&step.text));
                for line in wanted {
                    let _ = writeln!(report, "      expected {who}< {}", clip(&line.want));
                }
                for came in &connection.came {
                    let text = came.as_ref().map_or("(closed)".to_owned(), |frame| escape(&frame.text));
                    let _ = writeln!(report, "      got      {who}< {}", clip(&text));
                }
            }
            if !connection.rest.is_empty() {
                let _ = writeln!(report, "    line {}: half a frame: {}", step.line, escape(&connection.rest));
            }
        }
    }
}

fn clip(text: &str) -> String {
    match text.char_indices().nth(700) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

fn all_match(wanted: &[&Line], came: &[Option<Frame>]) -> bool {
    if wanted.len() != came.len() {
        return false;
    }
    let mut loose: (Vec<_>, Vec<_>) = (Vec::new(), Vec::new());
    for (line, came) in wanted.iter().zip(came) {
        if line.rule == "shuffled" {
            loose.0.push(unescape(line.want.as_bytes()));
            loose.1.push(came.as_ref().map(|frame| frame.text.clone()).unwrap_or_default());
        } else if !matches(&line.rule, &line.want, came.as_ref()) {
            return false;
        }
    }
    loose.0.sort();
    loose.1.sort();
    loose.0 == loose.1
}

fn play(section: &Section, piece: usize) -> String {
    let mut player = Player::new(piece);
    let mut report = String::new();
    for step in &section.steps {
        player.act(step, section.resp3);
        player.differences(step, &mut report);
    }
    report
}

#[test]
fn every_transcript_plays_as_recorded() {
    let only = std::env::var("TRANSCRIPT").unwrap_or_default();
    let title = std::env::var("SECTION").unwrap_or_default();
    let mut files: Vec<_> = std::fs::read_dir("tests/transcripts")
        .expect("the transcripts")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "transcript"))
        .filter(|path| path.to_string_lossy().contains(&only))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no transcript's name holds {only:?}");
    let mut failures = 0;
    for path in files {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a transcript");
        let sections = format::parse(&text, &name);
        let (mut good, mut bad) = (0, 0);
        for section in sections.iter().filter(|section| section.title.contains(&title)) {
            // However a network cuts the bytes, the replies are the same.
            let mut report = String::new();
            for piece in [usize::MAX, 1, 1000] {
                let played = std::panic::catch_unwind(|| play(section, piece));
                report = played.unwrap_or_else(|_| "    it panicked\n".to_owned());
                if !report.is_empty() {
                    if piece != usize::MAX {
                        report.push_str(&format!("    with its input in pieces of {piece}\n"));
                    }
                    break;
                }
            }
            if section.later {
                // Once it plays, nothing may hold it back: what is not played may break again.
                let plays = report.is_empty();
                report = if plays { "    it plays by now: take its @later away\n".to_owned() } else { continue };
            }
            if report.is_empty() {
                good += 1;
                continue;
            }
            bad += 1;
            println!("{name}:{}: {}\n{report}", section.line, section.title);
        }
        println!("{name}: {good} sections as recorded, {bad} not");
        failures += bad;
    }
    assert_eq!(failures, 0, "sections that do not play as recorded");
}
