//! The door, tested where it stands: in Node and in a headless Chromium, through wasm-bindgen.
#![cfg(target_arch = "wasm32")]

use cachelet::wasm::{
    door_call, door_close, door_is_to_close, door_mail, door_next, door_open, door_output, door_output_at, door_read,
    door_receive, door_reply, door_request, door_run, door_sent, door_spans, door_tick, Door,
};
use wasm_bindgen_test::wasm_bindgen_test;

const NOW: f64 = 1_700_000_000_000.0;

fn open(databases: usize) -> Door {
    Door::new(1, 2, NOW, databases, 0.0)
}

/// Puts arguments into the shared buffers, as the facade does.
fn put(door: *mut u8, words: &[&str]) {
    let bytes = words.concat();
    // SAFETY: `door` comes from a living Door, and the buffers have the room that was asked for.
    unsafe {
        let request = door_request(door, bytes.len());
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), request, bytes.len());
        let spans = door_spans(door, words.len());
        let mut start = request as u32 - mail(door, 2);
        for (at, word) in words.iter().enumerate() {
            (*spans.add(at)).start = start;
            (*spans.add(at)).len = word.len() as u32;
            start += word.len() as u32;
        }
    }
}

/// Runs one command through the shared buffers; the raw reply.
fn call(door: *mut u8, session: u32, words: &[&str], now: f64) -> String {
    put(door, words);
    // SAFETY: `door` comes from a living Door.
    unsafe {
        let length = door_call(door, session, words.len(), now);
        String::from_utf8_lossy(std::slice::from_raw_parts(door_reply(door), length)).into_owned()
    }
}

#[wasm_bindgen_test]
fn a_command_goes_in_and_its_reply_comes_out() {
    let mut owner = open(16);
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
    let mut owner = open(16);
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
    let mut owner = open(16);
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
    let mut owner = open(16);
    let door = owner.address() as *mut u8;
    let session = unsafe { door_open(door, true, NOW) };
    let big = "x".repeat(3 << 20);
    assert_eq!(call(door, session, &["SET", "big", &big], NOW), "+OK\r\n");
    assert_eq!(call(door, session, &["STRLEN", "big"], NOW), format!(":{}\r\n", big.len()));
    assert_eq!(owner.figures().get(0), 1, "keys");
}

/// The words that both sides write: see src/wasm/lane.rs.
fn mail(door: *mut u8, word: usize) -> u32 {
    // SAFETY: `door` comes from a living Door.
    unsafe { *door_mail(door).cast::<u32>().add(word) }
}

#[wasm_bindgen_test]
fn a_plain_command_goes_by_its_index_and_simple_replies_come_as_codes() {
    let mut owner = open(16);
    let door = owner.address() as *mut u8;
    let session = unsafe { door_open(door, true, NOW) };
    let run = |name: &str, args: &[&str]| {
        put(door, &[&[""], args].concat());
        unsafe { door_run(door, session, owner.find(name) as usize, args.len() + 1, NOW) }
    };
    assert_eq!(run("set", &["a", "hello"]), -1);
    assert_eq!(run("get", &["b"]), -2);
    assert_eq!(run("incrby", &["n", "-7"]), -3);
    assert_eq!(mail(door, 5) as i32, -7);
    assert_eq!(run("get", &["a"]), -4);
    assert_eq!(unsafe { std::slice::from_raw_parts(mail(door, 3) as *const u8, mail(door, 4) as usize) }, b"hello");
    run("set", &["a", "\u{e9}"]);
    assert_eq!(run("get", &["a"]), -5);
    assert_eq!(run("incrby", &["n", "9000000000"]), 13, "a number beyond 32 bits comes as it is written");
    assert_eq!(run("get", &[]), "-ERR wrong number of arguments for 'get' command\r\n".len() as i32);
    assert_eq!(run("set", &["a", "1", "NX"]), -2);
    assert_eq!(owner.find("ping"), -1, "it is not about data");
    assert_eq!(owner.find("object|encoding"), -1);
    assert_eq!(owner.find("none"), -1);
}

#[wasm_bindgen_test]
fn a_read_says_whether_it_may_be_copied_and_what_would_end_that() {
    let mut owner = open(16);
    let door = owner.address() as *mut u8;
    let session = unsafe { door_open(door, true, NOW) };
    let get = owner.find("get") as usize;
    let read = |key: &str, now: f64| {
        put(door, &["", key]);
        unsafe { door_read(door, session, get, 2, now) };
        mail(door, 6) as *const u32
    };
    assert!(read("a", NOW).is_null(), "there is nothing");
    call(door, session, &["SET", "a", "1"], NOW);
    let version = read("a", NOW);
    assert!(!version.is_null());
    let before = unsafe { *version };
    call(door, session, &["APPEND", "a", "1"], NOW);
    assert_ne!(unsafe { *version }, before);
    call(door, session, &["PEXPIRE", "a", "1500"], NOW);
    assert!(!read("a", NOW).is_null(), "it lives on in the next second");
    assert!(read("a", NOW + 1000.0).is_null(), "it dies in this second");
    call(door, session, &["SELECT", "3"], NOW);
    call(door, session, &["SET", "a", "1"], NOW);
    assert!(!read("a", NOW).is_null() && mail(door, 7) == 3);
    call(door, session, &["MULTI"], NOW);
    assert!(read("a", NOW).is_null(), "it is queued");
    call(door, session, &["EXEC"], NOW);
    assert!(!read("a", NOW).is_null());
    call(door, session, &["CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"], NOW);
    assert!(read("a", NOW).is_null(), "each read counts");
}

#[wasm_bindgen_test]
fn the_platform_lends_chance_for_secrets_and_a_clock_for_slow_commands() {
    let mut owner = open(16);
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
    let mut owner = open(16);
    let door = owner.address() as *mut u8;
    let session = unsafe { door_open(door, true, NOW) };
    let value = "x".repeat(100_000);
    // The first round makes what stays: the segments of the database, the room for the request and for the longest reply.
    for _ in 0..2 {
        call(door, session, &["SET", "big", &value], NOW);
        call(door, session, &["DEL", "big"], NOW);
        memory(door, session, "used_memory");
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
