//! Every command with arguments chosen to hurt.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cachelet_fuzz::commands::run(data));
