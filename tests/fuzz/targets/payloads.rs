//! Payloads for RESTORE.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cachelet_fuzz::payloads::any(data));
