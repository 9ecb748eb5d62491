//! Packed forms inside payloads: listpacks, ziplists, intsets, zipmaps.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cachelet_fuzz::payloads::packed(data));
