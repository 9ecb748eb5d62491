//! XXH3, the 64-bit digest that DIGEST answers: seed 0 and the default secret, as defined by the xxHash
//! specification. Each range of lengths has a way of its own; past 240 bytes eight lanes run over stripes of 64.

const PRIME32_1: u64 = 0x9E37_79B1;
const PRIME32_2: u64 = 0x85EB_CA77;
const PRIME32_3: u64 = 0xC2B2_AE3D;
const PRIME64_1: u64 = 0x9E37_79B1_85EB_CA87;
const PRIME64_2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const PRIME64_3: u64 = 0x1656_67B1_9E37_79F9;
const PRIME64_4: u64 = 0x85EB_CA77_C2B2_AE63;
const PRIME64_5: u64 = 0x27D4_EB2F_1656_67C5;
const PRIME_MX1: u64 = 0x1656_6791_9E37_79F9;
const PRIME_MX2: u64 = 0x9FB2_1C65_1E98_DF25;

#[rustfmt::skip]
const SECRET: [u8; 192] = [
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
    0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
    0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
    0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
    0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
    0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
    0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
    0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
    0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
    0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
    0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
    0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
];

/// Bytes that all lanes take at once.
const STRIPE: usize = 64;
/// How far the secret moves with each stripe.
const SECRET_STEP: usize = 8;
const STRIPES_PER_BLOCK: usize = (SECRET.len() - STRIPE) / SECRET_STEP;
const BLOCK: usize = STRIPE * STRIPES_PER_BLOCK;

fn read4(bytes: &[u8], at: usize) -> u64 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as u64
}

fn read8(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Both halves of the whole product, folded.
fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    product as u64 ^ (product >> 64) as u64
}

fn avalanche(mut hash: u64) -> u64 {
    hash = (hash ^ hash >> 37).wrapping_mul(PRIME_MX1);
    hash ^ hash >> 32
}

/// The avalanche of XXH64, for the shortest inputs.
fn old_avalanche(mut hash: u64) -> u64 {
    hash = (hash ^ hash >> 33).wrapping_mul(PRIME64_2);
    hash = (hash ^ hash >> 29).wrapping_mul(PRIME64_3);
    hash ^ hash >> 32
}

/// Sixteen bytes at `at` with sixteen of the secret.
fn mix(bytes: &[u8], at: usize, secret: usize) -> u64 {
    fold(read8(bytes, at) ^ read8(&SECRET, secret), read8(bytes, at + 8) ^ read8(&SECRET, secret + 8))
}

/// The XXH3 digest of `bytes`. O(n).
pub fn xxh3(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    match length {
        0 => old_avalanche(read8(&SECRET, 56) ^ read8(&SECRET, 64)),
        1..=3 => {
            let (first, middle, last) = (bytes[0] as u64, bytes[length / 2] as u64, bytes[length - 1] as u64);
            let all = first << 16 | middle << 24 | last | (length as u64) << 8;
            old_avalanche(all ^ read4(&SECRET, 0) ^ read4(&SECRET, 4))
        }
        4..=8 => {
            let all = read4(bytes, length - 4) | read4(bytes, 0) << 32;
            let mut hash = all ^ read8(&SECRET, 8) ^ read8(&SECRET, 16);
            hash ^= hash.rotate_left(49) ^ hash.rotate_left(24);
            hash = hash.wrapping_mul(PRIME_MX2);
            hash ^= (hash >> 35).wrapping_add(length as u64);
            hash = hash.wrapping_mul(PRIME_MX2);
            hash ^ hash >> 28
        }
        9..=16 => {
            let low = read8(bytes, 0) ^ read8(&SECRET, 24) ^ read8(&SECRET, 32);
            let high = read8(bytes, length - 8) ^ read8(&SECRET, 40) ^ read8(&SECRET, 48);
            let sum = (length as u64).wrapping_add(low.swap_bytes()).wrapping_add(high);
            avalanche(sum.wrapping_add(fold(low, high)))
        }
        17..=128 => {
            let mut hash = (length as u64).wrapping_mul(PRIME64_1);
            // Pairs of sixteen bytes from both ends towards the middle.
            for pair in (0..=(length - 1) / 32).rev() {
                hash = hash.wrapping_add(mix(bytes, 16 * pair, 32 * pair));
                hash = hash.wrapping_add(mix(bytes, length - 16 * (pair + 1), 32 * pair + 16));
            }
            avalanche(hash)
        }
        129..=240 => {
            let mut hash = (length as u64).wrapping_mul(PRIME64_1);
            for part in 0..8 {
                hash = hash.wrapping_add(mix(bytes, 16 * part, 16 * part));
            }
            hash = avalanche(hash);
            for part in 8..length / 16 {
                hash = hash.wrapping_add(mix(bytes, 16 * part, 16 * (part - 8) + 3));
            }
            avalanche(hash.wrapping_add(mix(bytes, length - 16, 136 - 17)))
        }
        _ => long(bytes),
    }
}

fn accumulate(lanes: &mut [u64; 8], stripe: &[u8], secret: usize) {
    for lane in 0..8 {
        let data = read8(stripe, 8 * lane);
        let key = data ^ read8(&SECRET, secret + 8 * lane);
        lanes[lane ^ 1] = lanes[lane ^ 1].wrapping_add(data);
        lanes[lane] = lanes[lane].wrapping_add((key as u32 as u64).wrapping_mul(key >> 32));
    }
}

fn long(bytes: &[u8]) -> u64 {
    let mut lanes = [PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1];
    // The last byte always belongs to the last stripe, which may overlap the one before.
    let last = bytes.len() - 1;
    for block in bytes[..last].chunks(BLOCK) {
        for (number, stripe) in block.chunks_exact(STRIPE).enumerate() {
            accumulate(&mut lanes, stripe, SECRET_STEP * number);
        }
        if block.len() == BLOCK {
            for (lane, state) in lanes.iter_mut().enumerate() {
                *state ^= *state >> 47 ^ read8(&SECRET, SECRET.len() - STRIPE + 8 * lane);
                *state = state.wrapping_mul(PRIME32_1);
            }
        }
    }
    accumulate(&mut lanes, &bytes[bytes.len() - STRIPE..], SECRET.len() - STRIPE - 7);
    let mut hash = (bytes.len() as u64).wrapping_mul(PRIME64_1);
    for pair in 0..4 {
        let (low, high) = (read8(&SECRET, 11 + 16 * pair), read8(&SECRET, 19 + 16 * pair));
        hash = hash.wrapping_add(fold(lanes[2 * pair] ^ low, lanes[2 * pair + 1] ^ high));
    }
    avalanche(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Digests by the reference implementation, of bytes made as in the test, at all borders between lengths.
    const KNOWN: &[(usize, u64)] = &[
        (0, 0x2d06800538d394c2),
        (1, 0xc44bdff4074eecdb),
        (2, 0x9aaf71d6a8c4da34),
        (3, 0x1729c78f56ec7369),
        (4, 0xe5097d6d2a406dde),
        (8, 0x89b9b1111ecd5976),
        (9, 0x4f8bd97d83c43f4a),
        (16, 0x28c46b1ac7dd9199),
        (17, 0xbc27ad52fefe0fc7),
        (32, 0x1c0c57b83dd2390b),
        (33, 0x19c0b169eb8ea460),
        (64, 0xa148b5d46b6a962d),
        (65, 0x5add33e9f1f3611d),
        (96, 0x631a84840ead7a8d),
        (97, 0xdf41d9d218d724d0),
        (128, 0xe0f015b7a5fce1a9),
        (129, 0x75f53e768feaca19),
        (160, 0xe2a3454bbbd63655),
        (239, 0x0fa973a49e949fbe),
        (240, 0x25fd307fab8ae123),
        (241, 0x4ec0cf1426e2ccd9),
        (255, 0xee40d16779a45a76),
        (1023, 0x21d09b098eddad04),
        (1024, 0xc849db82ed726d1d),
        (1025, 0x6a55ef7828c55abd),
        (2049, 0x10aec40dcc1661c5),
        (100000, 0x947250430066e51a),
    ];

    fn data(length: usize) -> Vec<u8> {
        (0..length).map(|i| (i * i * 31 + i * 7 + (i >> 3)) as u8).collect()
    }

    #[test]
    fn digests_are_those_of_the_reference() {
        for &(length, digest) in KNOWN {
            assert_eq!(xxh3(&data(length)), digest, "{length} bytes");
        }
        // One sum over every length up to 3,000.
        let sum = (0..3000)
            .fold(0u64, |sum, length| sum.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(xxh3(&data(length))));
        assert_eq!(sum, 0x21ef0cf24e175f09);
        assert_eq!(xxh3(b"Hello world"), 0xb6acb9d84a38ff74);
    }
}
