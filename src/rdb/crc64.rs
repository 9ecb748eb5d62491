//! CRC64 as Redis ends its files and payloads with: the polynomial of Jones, reflected, start 0, nothing added.

use std::sync::OnceLock;

/// 0xAD93D23594C935A9 with its bits reversed.
const POLYNOMIAL: u64 = 0x95AC_9329_AC4B_C9B5;

/// `TABLES[n][b]` is what byte b does to the sum n bytes later. Sixteen kilobytes that do not compress: made at first
/// use instead of being shipped.
static TABLES: OnceLock<Box<[[u64; 256]; 8]>> = OnceLock::new();

fn tables() -> &'static [[u64; 256]; 8] {
    TABLES.get_or_init(|| {
        let mut tables = Box::new([[0; 256]; 8]);
        for byte in 0..256 {
            let mut crc = byte as u64;
            for _ in 0..8 {
                crc = if crc & 1 != 0 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
            }
            tables[0][byte] = crc;
        }
        for lane in 1..8 {
            for byte in 0..256 {
                let before = tables[lane - 1][byte];
                tables[lane][byte] = before >> 8 ^ tables[0][before as u8 as usize];
            }
        }
        tables
    })
}

/// The sum of `bytes` behind whatever gave `crc`; 0 to begin. Eight bytes a step.
pub fn crc64(crc: u64, bytes: &[u8]) -> u64 {
    let tables = tables();
    let mut crc = crc;
    let mut words = bytes.chunks_exact(8);
    for word in &mut words {
        crc ^= u64::from_le_bytes(word.try_into().expect("eight bytes"));
        let lanes = crc.to_le_bytes();
        crc = lanes.iter().zip(tables.iter().rev()).fold(0, |sum, (&byte, table)| sum ^ table[byte as usize]);
    }
    for &byte in words.remainder() {
        crc = crc >> 8 ^ tables[0][(crc as u8 ^ byte) as usize];
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::crc64;

    #[test]
    fn the_check_value_and_any_split() {
        assert_eq!(crc64(0, b"123456789"), 0xE9C6_D914_C4B8_D9CA);
        let bytes: Vec<u8> = (0..1000u32).map(|at| (at * 7) as u8).collect();
        let whole = crc64(0, &bytes);
        for at in [0, 1, 7, 8, 9, 500, 999, 1000] {
            assert_eq!(crc64(crc64(0, &bytes[..at]), &bytes[at..]), whole);
        }
    }
}
