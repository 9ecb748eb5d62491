//! Strings that say they are HyperLogLogs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cachelet_fuzz::hyperloglogs::run(data));
