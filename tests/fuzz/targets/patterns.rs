//! Glob patterns.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cachelet_fuzz::patterns::run(data));
