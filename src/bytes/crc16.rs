//! CRC16 (XMODEM: polynomial 0x1021, start 0) and the hash slot of a key, as Redis Cluster defines them.

/// Number of hash slots.
pub const SLOTS: u16 = 16384;

const fn tables() -> [[u16; 256]; 4] {
    let mut tables = [[0u16; 256]; 4];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 != 0 { (crc << 1) ^ 0x1021 } else { crc << 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut lane = 1;
    while lane < 4 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[lane - 1][byte];
            tables[lane][byte] = (before << 8) ^ tables[0][(before >> 8) as usize];
            byte += 1;
        }
        lane += 1;
    }
    tables
}

static TABLES: [[u16; 256]; 4] = tables();

/// CRC16/XMODEM of `bytes`. Four bytes a step: every command pays for this once per key.
#[inline(always)]
pub fn crc16(bytes: &[u8]) -> u16 {
    let mut crc = 0u16;
    let mut blocks = bytes.chunks_exact(4);
    for block in &mut blocks {
        crc = TABLES[3][(block[0] ^ (crc >> 8) as u8) as usize]
            ^ TABLES[2][(block[1] ^ crc as u8) as usize]
            ^ TABLES[1][block[2] as usize]
            ^ TABLES[0][block[3] as usize];
    }
    for &byte in blocks.remainder() {
        crc = (crc << 8) ^ TABLES[0][((crc >> 8) as u8 ^ byte) as usize];
    }
    crc
}

/// The hash slot of `key`: of its `{tag}` when the first `{` is followed by a non-empty run up to a `}`.
#[inline(never)]
pub fn key_slot(key: &[u8]) -> u16 {
    crc16(hash_tag(key)) & (SLOTS - 1)
}

/// Whether some byte is `{`, eight at a time.
#[inline(always)]
fn has_brace(key: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // A byte that is zero borrows from its highest bit.
    let found = |word: u64| {
        let word = word ^ (ONES * b'{' as u64);
        word.wrapping_sub(ONES) & !word & (ONES << 7) != 0
    };
    let mut blocks = key.chunks_exact(8);
    blocks.any(|block| found(u64::from_le_bytes(block.try_into().expect("eight bytes"))))
        || key[key.len() & !7..].contains(&b'{')
}

/// The part of `key` that decides its slot.
#[inline(always)]
pub fn hash_tag(key: &[u8]) -> &[u8] {
    if has_brace(key) {
        return braced(key);
    }
    key
}

#[cold]
#[inline(never)]
fn braced(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|&byte| byte == b'{') else { return key };
    let rest = &key[open + 1..];
    match rest.iter().position(|&byte| byte == b'}') {
        Some(length) if length > 0 => &rest[..length],
        _ => key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_value_of_the_standard() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(crc16(b""), 0);
    }

    #[test]
    fn four_bytes_a_step_equals_one() {
        let bytes: Vec<u8> = (0..257u32).map(|i| (i * 31 + 7) as u8).collect();
        for end in 0..bytes.len() {
            let mut slow = 0u16;
            for &byte in &bytes[..end] {
                slow = (slow << 8) ^ TABLES[0][((slow >> 8) as u8 ^ byte) as usize];
            }
            assert_eq!(crc16(&bytes[..end]), slow);
        }
    }

    #[test]
    fn tags_decide_the_slot() {
        assert_eq!(key_slot(b"{user1000}.following"), key_slot(b"{user1000}.followers"));
        assert_eq!(hash_tag(b"foo{}{bar}"), b"foo{}{bar}");
        assert_eq!(hash_tag(b"foo{{bar}}zap"), b"{bar");
        for at in 0..20 {
            let key = [&b"0123456789abcdefghij"[..at], b"{tag}", &b"0123456789abcdefghij"[at..]].concat();
            assert_eq!(hash_tag(&key), b"tag", "a tag at {at}");
        }
        assert_eq!(key_slot(b"foo"), 12182);
    }
}
