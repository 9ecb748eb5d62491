use crate::engine::tests::{ask, engine, text};

#[test]
fn a_wait_ends_in_time_and_input_goes_on() {
    let mut engine = engine();
    let id = engine.open(false);
    assert_eq!(ask(&mut engine, id, "WAIT 1 50\r\nWAITAOF 0 2 10\r\nPING"), "");
    assert_eq!(engine.next_tick(), Some(1050));
    engine.set_clock(1_050_000);
    engine.tick();
    assert_eq!(text(&mut engine, id), ":0\r\n");
    engine.set_clock(1_060_000);
    engine.tick();
    assert_eq!(text(&mut engine, id), "*2\r\n:0\r\n:0\r\n+PONG\r\n");
}
