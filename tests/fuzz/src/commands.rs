//! Every command, with arguments chosen to hurt, over a keyspace that holds all types, for sessions of both protocols and
//! one in this program. What the bytes stand for is chosen by the bytes, so that a fuzzer steers.

use super::payloads;
use cachelet::catalog;
use cachelet::engine::{Engine, SessionId, Setup};
use cachelet::resp::{Args, Span};
use std::sync::OnceLock;

/// Arguments that have hurt somebody before, and the names of keys and members that are there.
const WORDS: &[&str] = &[
    "",
    "0",
    "-1",
    "1",
    "2",
    "3",
    "-0",
    "+1",
    "01",
    " 1",
    "10",
    "100",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551615",
    "4294967295",
    "4294967296",
    "2147483647",
    "-2147483648",
    "536870912",
    "1e308",
    "-1e308",
    "1e-400",
    "nan",
    "inf",
    "-inf",
    "(1",
    "[a",
    "(",
    "[",
    "-",
    "+",
    "*",
    "?",
    "[a-",
    "\\",
    "$",
    ">",
    "~",
    "=",
    "0-0",
    "1-1",
    "2-*",
    "18446744073709551615-18446744073709551615",
    "{a}",
    "{}",
    "0x10",
    "1.5",
    ".5",
    "5.",
    "a",
    "b",
    "f1",
    "f2",
    "m1",
    "g",
    "c",
    "u8",
    "i64",
    "u63",
    "#1",
    "km",
    "string",
    "long",
    "list",
    "integers",
    "set",
    "hash",
    "timed",
    "zset",
    "stream",
    "log",
    "geo",
    "none",
    "BYSCORE",
    "STREAMS",
    "FIELDS",
    "IDS",
    "EX",
    "PX",
    "NX",
    "XX",
    "COUNT",
    "LIMIT",
    "WITHSCORES",
    "GET",
    "SET",
    "BLOCK",
    "GROUP",
    "LEFT",
    "RIGHT",
    "FULL",
    "on",
    "off",
    "nopass",
    ">p",
    "+@all",
    "~*",
];

/// Commands that end or hold what this runs on, or lift the limits that it is to be held in.
fn is_left_out(name: &str) -> bool {
    matches!(name, "shutdown" | "quit" | "client|pause" | "config|set" | "debug")
}

struct Known {
    name: Vec<&'static str>,
    words: Vec<&'static str>,
}

/// The commands with the words of their grammars.
fn known() -> &'static [Known] {
    static KNOWN: OnceLock<Vec<Known>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let engine = Engine::new(catalog::table(), Setup::default());
        let wanted = engine.table().commands().iter().filter(|command| !is_left_out(command.spec.name));
        let split = |grammar: &'static str| {
            let words = grammar.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit()));
            words.filter(|word| word.len() > 1).collect()
        };
        wanted.map(|one| Known { name: one.spec.name.split('|').collect(), words: split(one.spec.grammar) }).collect()
    })
}

/// What is left of the input; zeros behind its end.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first)
    }

    fn bytes(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn argument(&mut self, words: &[&str]) -> Vec<u8> {
        match self.byte() % 8 {
            0 if !words.is_empty() => words[self.byte() % words.len()].into(),
            1 => {
                let length = self.byte() % 40;
                self.bytes(length).to_vec()
            }
            2 => {
                let (mut number, bits) = ([0; 8], self.byte() % 64);
                let bytes = self.bytes(8);
                number[..bytes.len()].copy_from_slice(bytes);
                (i64::from_le_bytes(number) >> bits).to_string().into_bytes()
            }
            3 => {
                let length = self.byte() % 40;
                payloads::with_footer(self.bytes(length))
            }
            _ => WORDS[self.byte() % WORDS.len()].into(),
        }
    }
}

fn run_words(engine: &mut Engine, id: SessionId, words: &[Vec<u8>]) {
    let (mut bytes, mut spans) = (Vec::new(), Vec::new());
    for word in words {
        spans.push(Span { start: bytes.len() as u32, len: word.len() as u32 });
        bytes.extend_from_slice(word);
    }
    let args = Args::new(&bytes, &spans);
    let mut out = Vec::new();
    if id == 0 {
        engine.call(id, args, &mut out);
    } else {
        args.write_resp(&mut out);
        engine.receive(id, &out);
    }
    engine.sent(id, engine.output(id).len());
}

/// The input is commands: whose, which, and each argument's kind and value.
pub fn run(data: &[u8]) {
    const START: i64 = 1_700_000_000_000_000;
    let mut engine = Engine::new(catalog::table(), Setup { seed: 1, now_us: START, ..Setup::default() });
    engine.configure("proto-max-bulk-len", &[b"1mb"]).expect("a limit");
    let mut sessions = [engine.open(true), engine.open(false), engine.open(false)];
    run_words(&mut engine, sessions[2], &["HELLO", "3"].map(|word| word.into()));
    let filling =
        payloads::KEYS.iter().flat_map(|(_, line)| (1..6).map(|number| line.replace("{}", &number.to_string())));
    let more = ["XGROUP CREATE stream g 0", "XREADGROUP GROUP g c COUNT 2 STREAMS stream >", "GEOADD geo 1 2 a 3 4 b"];
    for line in filling.chain(more.map(str::to_owned)) {
        let words: Vec<Vec<u8>> = line.split(' ').map(|word| word.into()).collect();
        run_words(&mut engine, sessions[0], &words);
    }
    let (known, mut input, mut now) = (known(), Input(data), START);
    for _ in 0..64 {
        if input.0.is_empty() {
            break;
        }
        let whose = input.byte();
        if whose >= 230 {
            now += (1_000 << (whose - 230)).min(100_000_000_000);
            engine.set_clock(now);
            engine.tick();
        }
        let at = whose % sessions.len();
        let which = input.byte() << 8 | input.byte();
        let command = &known[which % known.len()];
        let mut words: Vec<Vec<u8>> = command.name.iter().map(|&word| word.into()).collect();
        for _ in 0..input.byte() % 9 {
            words.push(input.argument(&command.words));
        }
        run_words(&mut engine, sessions[at], &words);
        if engine.session(sessions[at]).is_none() || engine.is_to_close(sessions[at]) {
            engine.close(sessions[at]);
            sessions[at] = engine.open(at == 0);
        }
    }
    engine.tick();
    sessions.into_iter().for_each(|id| engine.close(id));
    super::serves_the_next(&mut engine);
    assert_eq!(engine.sessions().count(), 0);
}

/// A few commands each; the fuzzer finds the others.
pub fn seeds() -> Vec<Vec<u8>> {
    (0..=255u8)
        .step_by(8)
        .map(|start| (0..120u8).map(|byte| byte.wrapping_mul(37).wrapping_add(start)).collect())
        .collect()
}
