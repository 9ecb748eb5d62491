//! HyperLogLog: how many different elements were added, within 0.81% (standard error), in at most 12 KB.
//!
//! An element's hash chooses one of 16384 registers, which keeps the longest run of zeros that the rest of such a
//! hash began with. A value is a string, the very bytes that Redis has, so that it can be read with GET, kept
//! anywhere and written back with SET:
//!
//! ```text
//! 0        4         5           8                    16
//! +--------+---------+-----------+--------------------+-------------
//! | "HYLL" | 0 dense | 3 bytes,  | cached cardinality | registers
//! |        | 1 sparse| unused    | 64 bits, lowest    |
//! |        |         |           | byte first         |
//! +--------+---------+-----------+--------------------+-------------
//! ```
//!
//! The highest bit of the cached cardinality says that it is out of date. Dense registers have 6 bits each, packed
//! from the lowest bit of the first byte up: 12288 bytes. Sparse ones are runs of equal registers: see [`sparse`].
//!
//! Whoever can write strings can write broken ones: nothing here trusts what it reads.

mod estimate;
mod hash;
pub mod sparse;
#[cfg(test)]
mod tests;

use crate::bytes::Rng;
use estimate::Histogram;
use hash::murmur64a;

/// Number of registers.
pub const REGISTERS: usize = 1 << INDEX_BITS;

/// Bits of an element's hash that choose its register.
const INDEX_BITS: u32 = 14;

/// The other bits of the hash, whose zeros are counted.
const ZERO_BITS: u32 = 64 - INDEX_BITS;

const HEADER: usize = 16;
const MAGIC: &[u8] = b"HYLL";
const REGISTER_BITS: usize = 6;

/// Length of a dense value, in bytes.
pub const DENSE: usize = HEADER + REGISTERS * REGISTER_BITS / 8;

const SEED: u64 = 0xadc8_3b19;

/// The sparse runs of a value do not add up to its registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupted;

/// The value of every register.
pub type Registers = [u8; REGISTERS];

/// A value to which nothing was added: sparse, its cardinality known to be 0.
pub fn new() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + 8);
    bytes.extend_from_slice(MAGIC);
    bytes.resize(HEADER, 0);
    bytes[4] = 1;
    sparse::push_zeros(&mut bytes, REGISTERS);
    bytes
}

/// Whether a string has the header of a value and, when dense, its length. O(1).
pub fn is_valid(bytes: &[u8]) -> bool {
    match bytes.get(4) {
        Some(0) => bytes.starts_with(MAGIC) && bytes.len() == DENSE,
        Some(1) => bytes.starts_with(MAGIC) && bytes.len() >= HEADER,
        _ => false,
    }
}

/// Whether a valid value is dense.
pub fn is_dense(bytes: &[u8]) -> bool {
    bytes[4] == 0
}

/// The cardinality as it was counted last, unless something was added since. O(1).
pub fn cached(bytes: &[u8]) -> Option<u64> {
    let cached = u64::from_le_bytes(bytes[8..HEADER].try_into().expect("eight bytes"));
    (cached >> 63 == 0).then_some(cached)
}

/// Keeps a cardinality that was counted. O(1).
pub fn cache(bytes: &mut [u8], cardinality: u64) {
    bytes[8..HEADER].copy_from_slice(&cardinality.to_le_bytes());
}

/// Marks the cached cardinality as out of date. O(1).
pub fn invalidate(bytes: &mut [u8]) {
    bytes[HEADER - 1] |= 0x80;
}

/// Adds an element to a valid value; true when a register changed. A sparse value becomes dense when it would
/// take more than `most` bytes. O(1); in a sparse value O(its length).
pub fn add(bytes: &mut Vec<u8>, element: &[u8], most: usize) -> Result<bool, Corrupted> {
    let (index, value) = place(element);
    if is_dense(bytes) {
        Ok(raise(&mut bytes[HEADER..], index, value))
    } else {
        sparse::raise(bytes, index, value, most, &mut sparse::Cursor::default())
    }
}

/// The register that an element belongs to, and the value that it asks for.
fn place(element: &[u8]) -> (usize, u8) {
    let hash = murmur64a(element, SEED);
    let index = hash as usize & (REGISTERS - 1);
    // The bit behind the last one ends the longest run.
    let zeros = (hash >> INDEX_BITS | 1 << ZERO_BITS).trailing_zeros();
    (index, zeros as u8 + 1)
}

/// The value of a dense register.
fn register(dense: &[u8], index: usize) -> u8 {
    let bit = index * REGISTER_BITS;
    let (low, high) = (dense[bit / 8], dense.get(bit / 8 + 1).copied().unwrap_or(0));
    (u16::from_le_bytes([low, high]) >> (bit % 8)) as u8 & 63
}

fn set_register(dense: &mut [u8], index: usize, value: u8) {
    let (bit, mask) = (index * REGISTER_BITS, 63u16);
    let (byte, shift) = (bit / 8, bit % 8);
    let high = dense.get(byte + 1).copied().unwrap_or(0);
    let pair = u16::from_le_bytes([dense[byte], high]) & !(mask << shift) | (value as u16 & mask) << shift;
    dense[byte] = pair as u8;
    if let Some(high) = dense.get_mut(byte + 1) {
        *high = (pair >> 8) as u8;
    }
}

/// Raises a dense register to `value`; false when it has that much already.
fn raise(dense: &mut [u8], index: usize, value: u8) -> bool {
    let raised = register(dense, index) < value;
    if raised {
        set_register(dense, index, value);
    }
    raised
}

/// Four registers out of three bytes.
fn four(bytes: &[u8]) -> [u8; 4] {
    let all = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]);
    [0, 6, 12, 18].map(|shift| (all >> shift) as u8 & 63)
}

/// The estimated cardinality of a valid value. O(registers).
pub fn count(bytes: &[u8]) -> Result<u64, Corrupted> {
    let mut histogram = Histogram::default();
    if is_dense(bytes) {
        bytes[HEADER..].chunks_exact(3).flat_map(four).for_each(|value| histogram.add(value, 1));
    } else {
        sparse::walk(bytes, |_, run, value| histogram.add(value, run as u32))?;
    }
    Ok(histogram.estimate())
}

/// The estimated cardinality behind registers. O(registers).
pub fn count_registers(registers: &Registers) -> u64 {
    let mut histogram = Histogram::default();
    registers.iter().for_each(|&value| histogram.add(value, 1));
    histogram.estimate()
}

/// Raises `registers` to those of a valid value: afterwards they are of the union. O(registers).
pub fn merge(bytes: &[u8], registers: &mut Registers) -> Result<(), Corrupted> {
    if is_dense(bytes) {
        for (target, source) in registers.chunks_exact_mut(4).zip(bytes[HEADER..].chunks_exact(3)) {
            target.iter_mut().zip(four(source)).for_each(|(target, value)| *target = value.max(*target));
        }
        return Ok(());
    }
    sparse::walk(bytes, |first, run, value| {
        registers[first..first + run].iter_mut().for_each(|target| *target = value.max(*target));
    })
}

/// Raises the registers of a valid value to `registers`, lowest first: the order decides how sparse runs are cut.
/// O(registers + length).
pub fn absorb(bytes: &mut Vec<u8>, registers: &Registers, most: usize) -> Result<(), Corrupted> {
    let mut cursor = sparse::Cursor::default();
    for (index, &value) in registers.iter().enumerate().filter(|(_, &value)| value > 0) {
        if is_dense(bytes) {
            raise(&mut bytes[HEADER..], index, value);
        } else {
            sparse::raise(bytes, index, value, most, &mut cursor)?;
        }
    }
    Ok(())
}

/// Makes a valid value dense; false when it is already. On an error it stays as it was. O(registers).
pub fn densify(bytes: &mut Vec<u8>) -> Result<bool, Corrupted> {
    if is_dense(bytes) {
        return Ok(false);
    }
    let mut dense = vec![0; DENSE];
    dense[..HEADER].copy_from_slice(&bytes[..HEADER]);
    dense[4] = 0;
    sparse::walk(bytes, |first, run, value| {
        if value > 0 {
            (first..first + run).for_each(|index| set_register(&mut dense[HEADER..], index, value));
        }
    })?;
    *bytes = dense;
    Ok(true)
}

/// The registers of a valid dense value, in order. O(registers).
pub fn dense_registers(bytes: &[u8]) -> impl Iterator<Item = u8> + '_ {
    bytes[HEADER..].chunks_exact(3).flat_map(four)
}

/// Checks the structure against itself: packed registers against plain ones, sparse values against dense ones, and
/// estimates against what was added. O(10,000 elements); the error says what went wrong.
pub fn self_test(rng: &mut Rng) -> Result<(), String> {
    let mut plain = [0; REGISTERS];
    let mut dense = vec![0; DENSE - HEADER];
    for _ in 0..20 {
        for (index, plain) in plain.iter_mut().enumerate() {
            *plain = rng.below(64) as u8;
            set_register(&mut dense, index, *plain);
        }
        if let Some(index) = (0..REGISTERS).find(|&index| register(&dense, index) != plain[index]) {
            let (held, wanted) = (register(&dense, index), plain[index]);
            return Err(format!("Register {index} should be {wanted} but is {held}"));
        }
    }
    let (mut small, mut large) = (new(), new());
    densify(&mut large).map_err(|_| "An empty value is corrupted")?;
    let (seed, elements) = (rng.next_u64(), 10_000u64);
    let mut checkpoint = 1;
    for number in 1..=elements {
        let element = (seed ^ number).to_le_bytes();
        let changed = add(&mut small, &element, 3000);
        let expected = add(&mut large, &element, 0);
        if changed != expected {
            return Err("Sparse and dense values disagree on what is new".into());
        }
        if number != checkpoint {
            continue;
        }
        checkpoint *= 10;
        let estimate = count(&large).map_err(|_| "A dense value is corrupted")?;
        if count(&small) != Ok(estimate) {
            return Err("Sparse and dense values disagree on their cardinality".into());
        }
        // Six standard errors; in small sets a collision or two.
        let allowed = (number as f64 * 6.0 * 1.04 / (REGISTERS as f64).sqrt()).ceil() as u64;
        let allowed = if number <= 10 { 1 } else { allowed };
        if estimate.abs_diff(number) > allowed {
            return Err(format!("Too big an error: {number} elements are counted as {estimate}"));
        }
    }
    Ok(())
}
