//! From registers to a cardinality: Otmar Ertl's estimator ("New cardinality estimation algorithms for HyperLogLog
//! sketches", arXiv:1702.01284, algorithm 6), which needs no table and no bias correction. Additions and
//! multiplications are in Redis' order, so that the same registers give the same number.

use super::{REGISTERS, ZERO_BITS};

/// 1 / (2 ln 2).
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// How many registers have which value.
pub(super) struct Histogram([u32; 64]);

impl Default for Histogram {
    fn default() -> Self {
        Histogram([0; 64])
    }
}

impl Histogram {
    /// Counts `registers` more of this value, which is below 64.
    #[inline]
    pub(super) fn add(&mut self, value: u8, registers: u32) {
        self.0[value as usize & 63] += registers;
    }

    /// The cardinality. Registers past what a hash can ask for, which only a made value has, count for nothing.
    pub(super) fn estimate(&self) -> u64 {
        let all = REGISTERS as f64;
        let last = ZERO_BITS as usize;
        let mut z = all * tau((all - self.0[last + 1] as f64) / all);
        for &registers in self.0[1..=last].iter().rev() {
            z = (z + registers as f64) * 0.5;
        }
        z += all * sigma(self.0[0] as f64 / all);
        let estimate = (ALPHA * all * all / z).round();
        // What C makes of a number that is out of range, as when all registers are past the last.
        if estimate < i64::MAX as f64 {
            estimate as u64
        } else {
            1 << 63
        }
    }
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}
