//! Requests as bytes of a socket.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cachelet_fuzz::requests::run(data));
