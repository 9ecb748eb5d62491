//! The seeded hash of the tables. Folded 32×32-bit products: wasm has no 64×64→128 multiply, and this shape
//! costs two `i64.mul` a block. The seed is secret per engine so that keys cannot be chosen to collide.

#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let low = (a as u32 as u64).wrapping_mul(b >> 32);
    let high = (a >> 32).wrapping_mul(b as u32 as u64);
    low ^ high.rotate_left(32) ^ a.wrapping_mul(b)
}

#[inline(always)]
fn read8(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[inline(always)]
fn read4(bytes: &[u8], at: usize) -> u64 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as u64
}

const K0: u64 = 0x9E37_79B9_7F4A_7C15;
const K1: u64 = 0xD6E8_FEB8_6659_FD93;

/// A 64-bit hash of `bytes` under `seed`. All bits are usable: tables take low bits, scans take high ones.
#[inline]
pub fn hash_bytes(seed: u64, bytes: &[u8]) -> u64 {
    let length = bytes.len();
    let mut state = seed ^ (length as u64).wrapping_mul(K0);
    let (a, b) = if length > 16 {
        let mut at = 0;
        while at + 16 < length {
            state = fold(read8(bytes, at) ^ state, read8(bytes, at + 8) ^ K1).wrapping_add(state.rotate_left(23));
            at += 16;
        }
        (read8(bytes, length - 16), read8(bytes, length - 8))
    } else if length >= 8 {
        (read8(bytes, 0), read8(bytes, length - 8))
    } else if length >= 4 {
        (read4(bytes, 0), read4(bytes, length - 4))
    } else if length > 0 {
        ((bytes[0] as u64) << 16 | (bytes[length / 2] as u64) << 8 | bytes[length - 1] as u64, 0)
    } else {
        (0, 0)
    };
    state = fold(a ^ state ^ K0, b ^ state.rotate_left(32) ^ K1);
    state ^= state >> 32;
    state = state.wrapping_mul(K1);
    state ^ (state >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_keys_spread_over_high_and_low_bits() {
        for pad in [0usize, 3, 12, 40] {
            let mut low = [0u32; 256];
            let mut high = [0u32; 256];
            for i in 0..65536u32 {
                let key = format!("{}{:x}", "k".repeat(pad), i);
                let hash = hash_bytes(7, key.as_bytes());
                low[hash as u8 as usize] += 1;
                high[(hash >> 56) as usize] += 1;
            }
            for count in low.iter().chain(&high) {
                assert!((128..400).contains(count), "{pad}: {count} of an expected 256");
            }
        }
    }

    #[test]
    fn the_seed_changes_it() {
        assert_ne!(hash_bytes(1, b"key"), hash_bytes(2, b"key"));
    }
}
