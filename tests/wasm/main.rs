//! The door, tested where it stands: in Node and in a headless Chromium, through wasm-bindgen.
#![cfg(target_arch = "wasm32")]

use cachelet::wasm::{
    door_call, door_close, door_is_to_close, door_next, door_open, door_output, door_output_at, door_receive,
    door_reply, door_request, door_sent, door_spans, door_tick, Door,
};
use js_sys::{Array, Object, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

const NOW: f64 = 1_700_000_000_000.0;

fn options(databases: f64) -> JsValue {
    let options = Object::new();
    let seed = Array::of2(&JsValue::from(1), &JsValue::from(2));
    for (name, value) in [("seed", seed.into()), ("now", JsValue::from(NOW)), ("databases", JsValue::from(databases))] {
        Reflect::set(&options, &JsValue::from(name), &value).expect("a plain object");
    }
    options.into()
}

/// Runs one command through the shared buffers, as the facade does; the raw reply.
fn call(door: *mut u8, session: u32, words: &[&str], now: f64) -> String {
    let bytes = words.concat();
    // SAFETY: `door` comes from a living Door, and the buffers have the room that was asked for.
    unsafe {
        let request = door_request(door, bytes.len());
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), request, bytes.len());
        let spans = door_spans(door, words.len());
        let mut start = 0;
        for (at, word) in words.iter().enumerate() {
            (*spans.add(at)).start = start;
            (*spans.add(at)).len = word.len() as u32;
            start += word.len() as u32;
        }
        let length = door_call(door, session, words.len(), now);
        String::from_utf8_lossy(std::slice::from_raw_parts(door_reply(door), length)).into_owned()
    }
}

#[wasm_bindgen_test]
fn a_command_goes_in_and_its_reply_comes_out() {
    let mut owner = Door::new(options(16.0)).expect("an engine");
    let door = owner.address() as *mut u8;
    // SAFETY: `door` comes from a living Door, here and below.
    let session = unsafe { door_open(door, true, NOW) };
    assert_eq!(call(door, session, &["SET", "a", "hello"], NOW), "+OK\r\n");
    assert_eq!(call(door, session, &["get", "a"], NOW), "$5\r\nhello\r\n");
    assert_eq!(call(door, session, &["GET", "none"], NOW), "_\r\n");
    assert_eq!(call(door, session, &["INCR", "a"], NOW), "-ERR value is not an integer or out of range\r\n");
}

#[wasm_bindgen_test]
fn resp_goes_in_and_output_waits_to_be_taken() {
    let mut owner = Door::new(options(16.0)).expect("an engine");
    let door = owner.address() as *mut u8;
    let input = b"*1\r\n$4\r\nPING\r\nQUIT\r\n";
    unsafe {
        let session = door_open(door, false, NOW);
        let request = door_request(door, input.len());
        std::ptr::copy_nonoverlapping(input.as_ptr(), request, input.len());
        door_receive(door, session, input.len(), NOW);
        assert_eq!(door_next(door), session as i32);
        let length = door_output(door, session);
        let output = std::slice::from_raw_parts(door_output_at(door, session), length).to_vec();
        assert_eq!(output, b"+PONG\r\n+OK\r\n");
        assert!(!door_is_to_close(door, session), "not before its output is taken");
        door_sent(door, session, length);
        assert!(door_is_to_close(door, session));
        door_close(door, session);
    }
}

#[wasm_bindgen_test]
fn time_moves_only_when_it_is_handed_in() {
    let mut owner = Door::new(options(16.0)).expect("an engine");
    let door = owner.address() as *mut u8;
    let session = unsafe { door_open(door, true, NOW) };
    call(door, session, &["SET", "a", "1"], NOW);
    assert_eq!(call(door, session, &["PEXPIRE", "a", "50"], NOW), ":1\r\n");
    assert_eq!(call(door, session, &["PTTL", "a"], NOW + 20.0), ":30\r\n");
    let wanted = unsafe { door_tick(door, NOW + 20.0) };
    assert!(wanted > NOW + 20.0, "{wanted}");
    assert_eq!(call(door, session, &["EXISTS", "a"], NOW + 50.0), ":0\r\n");
}

#[wasm_bindgen_test]
fn large_arguments_get_room_and_figures_are_true() {
    let mut owner = Door::new(options(16.0)).expect("an engine");
    let door = owner.address() as *mut u8;
    let session = unsafe { door_open(door, true, NOW) };
    let big = "x".repeat(3 << 20);
    assert_eq!(call(door, session, &["SET", "big", &big], NOW), "+OK\r\n");
    assert_eq!(call(door, session, &["STRLEN", "big"], NOW), format!(":{}\r\n", big.len()));
    let figures = owner.figures().expect("figures");
    let keys = Reflect::get(&figures, &JsValue::from("keys")).expect("a field");
    assert_eq!(keys.as_f64(), Some(1.0));
}

#[wasm_bindgen_test]
fn options_that_are_none_are_refused() {
    assert!(Door::new(JsValue::NULL).is_err());
}

#[wasm_bindgen_test]
fn the_platform_lends_chance_for_secrets_and_a_clock_for_slow_commands() {
    let mut owner = Door::new(options(16.0)).expect("an engine");
    let door = owner.address() as *mut u8;
    let session = unsafe { door_open(door, true, NOW) };
    let (one, other) = (call(door, session, &["ACL", "GENPASS"], NOW), call(door, session, &["ACL", "GENPASS"], NOW));
    assert!(one.starts_with("$64\r\n") && one != other, "{one}");
    call(door, session, &["CONFIG", "SET", "slowlog-log-slower-than", "0"], NOW);
    call(door, session, &["SET", "a", "1"], NOW);
    assert_ne!(call(door, session, &["SLOWLOG", "LEN"], NOW), ":0\r\n");
}

/// A figure of INFO memory.
fn memory(door: *mut u8, session: u32, name: &str) -> usize {
    let text = call(door, session, &["INFO", "memory"], NOW);
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|figure| figure.parse().ok()).unwrap_or_else(|| panic!("{name} in {text}"))
}

#[wasm_bindgen_test]
fn what_the_allocator_holds_is_known_to_the_byte() {
    let mut owner = Door::new(options(16.0)).expect("an engine");
    let door = owner.address() as *mut u8;
    let session = unsafe { door_open(door, true, NOW) };
    let value = "x".repeat(100_000);
    // The first round makes what stays: the segments of the database, the room for the request.
    for _ in 0..2 {
        call(door, session, &["SET", "big", &value], NOW);
        call(door, session, &["DEL", "big"], NOW);
    }
    let before = memory(door, session, "used_memory");
    call(door, session, &["SET", "big", &value], NOW);
    let usage: usize = call(door, session, &["MEMORY", "USAGE", "big"], NOW)[1..].trim_end().parse().expect("a number");
    let held = memory(door, session, "used_memory") - before;
    assert!(held > 100_000 && held.abs_diff(usage) < 256, "{held} bytes, said to be {usage}");
    call(door, session, &["DEL", "big"], NOW);
    assert_eq!(memory(door, session, "used_memory"), before);
    let (heap, total) = (memory(door, session, "allocator_active"), memory(door, session, "used_memory_rss"));
    assert!(before < heap && heap < total, "{before} of {heap} of {total}");
    assert_eq!(total, core::arch::wasm32::memory_size::<0>() << 16);
    assert!(memory(door, session, "used_memory_peak") >= before + held);
}
