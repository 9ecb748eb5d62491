//! A keyspace to run single commands on, for the families' unit tests: no session, no gates.

use super::{Context, Outcome, FAMILIES};
use crate::keyspace::{Changes, Keyspace};
use crate::resp::{Args, Reply, Span};

/// A keyspace and what the last command changed in it.
pub(super) struct Bench {
    pub(super) space: Keyspace,
    pub(super) db: usize,
    pub(super) resp3: bool,
    pub(super) changes: Changes,
}

impl Bench {
    /// Sixteen empty databases at one second past 1970; everything that changes is recorded.
    pub(super) fn new(seed: u64) -> Self {
        let mut space = Keyspace::new(16, seed);
        space.set_clock(1_000_000);
        let mut bench = Bench { space, db: 0, resp3: false, changes: Changes::default() };
        bench.record();
        bench
    }

    fn record(&mut self) {
        let changes = &mut self.space.changes;
        (changes.record_effects, changes.record_events) = (true, u32::MAX);
        (changes.record_touched, changes.record_whole) = (true, true);
    }

    /// Runs a command of words parted by single blanks; the raw reply. A wait answers `waits`.
    pub(super) fn run(&mut self, line: &str) -> String {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        String::from_utf8_lossy(&self.run_args(&words)).into_owned()
    }

    /// [`Bench::run`] for arguments of any bytes.
    pub(super) fn run_args(&mut self, words: &[&[u8]]) -> Vec<u8> {
        let (mut bytes, mut spans) = (Vec::new(), Vec::new());
        for word in words {
            spans.push(Span { start: bytes.len() as u32, len: word.len() as u32 });
            bytes.extend_from_slice(word);
        }
        let named =
            |name: &str| FAMILIES.iter().flat_map(|family| family.iter()).find(|declared| declared.spec.name == name);
        let name = String::from_utf8_lossy(words[0]).to_lowercase();
        let mut declared = named(&name).unwrap_or_else(|| panic!("no command {name}"));
        if declared.run.is_none() {
            let sub = String::from_utf8_lossy(words[1]).to_lowercase();
            declared = named(&format!("{name}|{sub}")).unwrap_or_else(|| panic!("no subcommand {sub}"));
        }
        assert!(declared.spec.takes(words.len()), "arity is the engine's to check");
        let mut out = Vec::new();
        let mut context = Context {
            databases: self.space.databases(),
            keys: self.space.keys(self.db),
            reply: Reply::new(&mut out, self.resp3),
            name: declared.spec.name,
        };
        match declared.run.expect("a handler")(&mut context, Args::new(&bytes, &spans)) {
            Ok(Outcome::Done) => {}
            Ok(Outcome::Wait(_)) => out = b"waits".to_vec(),
            Err(fault) => {
                out.clear();
                Reply::new(&mut out, self.resp3).error(&fault);
            }
        }
        self.changes = std::mem::take(&mut self.space.changes);
        self.record();
        out
    }

    /// The events of the last command: `sadd s, del t`.
    pub(super) fn events(&self) -> String {
        let events: Vec<String> = self
            .changes
            .events
            .iter()
            .map(|event| format!("{} {}", event.name, String::from_utf8_lossy(&event.key)))
            .filter(|event| !event.starts_with("keymiss ") && !event.starts_with("new "))
            .collect();
        events.join(", ")
    }

    /// The effects of the last command, a line each; empty when the command stands for itself.
    pub(super) fn effects(&self) -> Vec<String> {
        let line = |argv: &Vec<Box<[u8]>>| -> String {
            argv.iter().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect::<Vec<_>>().join(" ")
        };
        self.changes.effects.iter().map(|effect| line(&effect.argv)).collect()
    }
}

/// The elements of a flat array or set reply of bulk strings, sorted.
pub(super) fn sorted(reply: &str) -> Vec<String> {
    let mut lines = reply.split("\r\n");
    assert!(lines.next().is_some_and(|head| head.starts_with(['*', '~'])), "{reply}");
    let mut elements: Vec<String> =
        lines.filter(|line| !line.starts_with('$') && !line.is_empty()).map(Into::into).collect();
    elements.sort();
    elements
}
