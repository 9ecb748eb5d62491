//! Byte strings and what is read from or written to them: numbers, patterns, hashes, slots, randomness.

pub mod c_text;
pub mod crc16;
pub mod extended;
pub mod glob;
pub mod hash;
pub mod number;
pub mod random;
pub mod sha256;
pub mod short;
pub mod xxh3;

pub use c_text::c_text;
pub use crc16::key_slot;
pub use hash::hash_bytes;
pub use random::Rng;
pub use sha256::sha256;
pub use short::{append, append_array, copy_bytes, same, same_at_once};
