use super::push_quoted;
use crate::engine::tests::{ask, engine, text};

#[test]
fn a_line_is_printable_whatever_the_argument() {
    let mut line = String::new();
    push_quoted(&mut line, &(0..=255).collect::<Vec<u8>>());
    assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    assert!(line.starts_with("\"\\x00") && line.contains("\\a\\b\\t\\n") && line.ends_with("\\xfe\\xff\""));
}

#[test]
fn who_is_gone_is_shown_nothing() {
    let mut engine = engine();
    let (a, b) = (engine.open(false), engine.open(false));
    assert_eq!(ask(&mut engine, a, "MONITOR"), "+OK\r\n");
    assert!(ask(&mut engine, a, "CLIENT INFO").contains(" flags=O "));
    ask(&mut engine, b, "PING");
    assert!(text(&mut engine, a).ends_with("+1.000000 [0 ?:0] \"PING\"\r\n"));
    engine.close(a);
    assert!(engine.monitors.is_empty());
    ask(&mut engine, b, "PING");
}
