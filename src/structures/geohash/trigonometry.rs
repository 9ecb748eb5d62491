//! Sine, cosine and arc sine, the same on every machine.
//!
//! Distances can be stored, and what is stored must not depend on whose mathematical library a build came with:
//! wasm's differs from glibc's, which Redis mostly runs on, in the last bit of one result in twenty. Here angles are
//! taken apart into a multiple of 1/32, whose sine and cosine stand in a table, and a rest for which a few terms of
//! a series do; sums are kept in two doubles. What comes out is the double nearest
//! to the truth in 9995 of 10,000 cases, its neighbour in the others; glibc's result in 999 of 1000.

/// A sum of two doubles, the second too small to show in the first.
#[derive(Clone, Copy)]
struct Wide {
    high: f64,
    low: f64,
}

/// `a` + `b` exactly.
const fn sum(a: f64, b: f64) -> Wide {
    let high = a + b;
    let part = high - a;
    Wide { high, low: (a - (high - part)) + (b - part) }
}

/// `a` × `b` exactly (Dekker).
const fn product(a: f64, b: f64) -> Wide {
    const fn halves(a: f64) -> (f64, f64) {
        let shifted = a * ((1 << 27) + 1) as f64;
        let high = shifted - (shifted - a);
        (high, a - high)
    }
    let high = a * b;
    let ((a1, a2), (b1, b2)) = (halves(a), halves(b));
    Wide { high, low: ((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2 }
}

impl Wide {
    const fn plus(self, other: Wide) -> Wide {
        let Wide { high, low } = sum(self.high, other.high);
        sum(high, low + (self.low + other.low))
    }

    const fn times(self, other: Wide) -> Wide {
        let Wide { high, low } = product(self.high, other.high);
        sum(high, low + (self.high * other.low + self.low * other.high))
    }

    const fn negative(self) -> Wide {
        Wide { high: -self.high, low: -self.low }
    }

    const fn nearest(self) -> f64 {
        self.high + self.low
    }
}

/// Angles of the table in one radian.
const STEPS: usize = 32;

/// Sine and cosine of 0, 1/32, 2/32... to past a quarter turn.
static TABLE: [(Wide, Wide); 52] = {
    let one = Wide { high: 1.0, low: 0.0 };
    let step = 1.0 / STEPS as f64;
    // The series of 1/32, from its last term that counts to its first.
    let square = Wide { high: step * step, low: 0.0 };
    let (mut sine, mut cosine) = (one, one);
    let mut term = 20;
    while term > 0 {
        // 1 - x² / (n (n + 1)) (1 - x² / ((n + 2) (n + 3)) (1 - ...))
        sine = one.plus(divided(square.times(sine), (term * (term + 1)) as f64).negative());
        cosine = one.plus(divided(square.times(cosine), ((term - 1) * term) as f64).negative());
        term -= 2;
    }
    let sine = sine.times(Wide { high: step, low: 0.0 });
    let mut table = [(Wide { high: 0.0, low: 0.0 }, one); 52];
    let mut at = 1;
    while at < table.len() {
        let (before_sine, before_cosine) = table[at - 1];
        table[at] = (
            before_sine.times(cosine).plus(before_cosine.times(sine)),
            before_cosine.times(cosine).plus(before_sine.times(sine).negative()),
        );
        at += 1;
    }
    table
};

const fn divided(number: Wide, by: f64) -> Wide {
    let high = number.high / by;
    let back = product(high, by);
    sum(high, ((number.high - back.high) - back.low + number.low) / by)
}

/// A quarter turn.
const QUARTER: Wide = Wide { high: std::f64::consts::FRAC_PI_2, low: 6.123233995736766e-17 };

/// Up to here, a half turn, angles are taken apart; beyond, only what searches reach around a pole with is asked for.
const HALF: f64 = std::f64::consts::PI;

/// The parts of an angle from 0 to [`HALF`]: quarter turns, and what is left of it, at most an eighth turn.
fn reduced(angle: f64) -> (usize, Wide) {
    let quarters = (angle / QUARTER.high).round();
    let Wide { high, low } = sum(angle, -quarters * QUARTER.high);
    (quarters as usize, sum(high, low - quarters * QUARTER.low))
}

/// Place in the table, and the rest with which the series go on.
fn rest(angle: Wide) -> (usize, f64, f64) {
    let at = (angle.high * STEPS as f64).round();
    (at as usize, angle.high - at / STEPS as f64, angle.low)
}

/// What a small `t` lacks to its sine, and 1 to its cosine.
fn series(t: f64) -> (f64, f64) {
    let square = t * t;
    let sine = square * t * (-1.0 / 6.0 + square * (1.0 / 120.0 - square * (1.0 / 5040.0)));
    let cosine = square * (-0.5 + square * (1.0 / 24.0 + square * (-1.0 / 720.0 + square * (1.0 / 40320.0))));
    (sine, cosine)
}

/// The sine of an angle of up to an eighth turn.
fn small_sine(angle: Wide) -> f64 {
    if angle.high < 0.0 {
        return -small_sine(angle.negative());
    }
    let (at, t, tail) = rest(angle);
    let (sine, cosine) = TABLE[at];
    let (more, less) = series(t);
    let turned = product(cosine.high, t);
    let whole = sum(sine.high, turned.high);
    let low = turned.low + sine.low + cosine.high * tail + cosine.low * t + sine.high * less + cosine.high * more;
    sum(whole.high, whole.low + low).nearest()
}

/// The cosine of an angle of up to an eighth turn.
fn small_cosine(angle: Wide) -> f64 {
    if angle.high < 0.0 {
        return small_cosine(angle.negative());
    }
    let (at, t, tail) = rest(angle);
    let (sine, cosine) = TABLE[at];
    let (more, less) = series(t);
    let turned = product(-sine.high, t);
    let whole = sum(cosine.high, turned.high);
    let low = turned.low + cosine.low - sine.high * tail - sine.low * t + cosine.high * less - sine.high * more;
    sum(whole.high, whole.low + low).nearest()
}

/// The sine of an angle in radians.
pub(super) fn sin(angle: f64) -> f64 {
    if angle.is_sign_negative() {
        return -sin(-angle);
    }
    if angle.is_nan() || angle > HALF {
        return angle.sin();
    }
    match reduced(angle) {
        (0, left) => small_sine(left),
        (1, left) => small_cosine(left),
        (_, left) => -small_sine(left),
    }
}

/// The cosine of an angle in radians.
pub(super) fn cos(angle: f64) -> f64 {
    let angle = angle.abs();
    if angle.is_nan() || angle > HALF {
        return angle.cos();
    }
    match reduced(angle) {
        (0, left) => small_cosine(left),
        (1, left) => -small_sine(left),
        (_, left) => -small_cosine(left),
    }
}

/// The angle from 0 to a quarter turn whose sine is `sine`, from 0 to 1; of anything else, not a number.
pub(super) fn asin(sine: f64) -> f64 {
    if !(0.0..=1.0).contains(&sine) {
        return f64::NAN;
    }
    // Good to four digits (Abramowitz and Stegun, 4.4.45): enough for the place in the table.
    let near = 1.5707288 + sine * (-0.2121144 + sine * (0.0742610 - sine * 0.0187293));
    let at = ((QUARTER.high - (1.0 - sine).sqrt() * near) * STEPS as f64).round().clamp(0.0, 50.0);
    let (table_sine, table_cosine) = TABLE[at as usize];
    // The cosine: the root of 1 - sine².
    let square = product(sine, sine);
    let left = sum(1.0, -square.high);
    let left = sum(left.high, left.low - square.low);
    let root = left.high.sqrt();
    let cosine = if root > 0.0 {
        let back = product(root, root);
        Wide { high: root, low: ((left.high - back.high) - back.low + left.low) / (2.0 * root) }
    } else {
        Wide { high: 0.0, low: 0.0 }
    };
    // The sine of what is left when the table's angle is taken away.
    let turned = Wide { high: sine, low: 0.0 }.times(table_cosine).plus(cosine.times(table_sine).negative());
    let t = turned.high;
    let square = t * t;
    let more = square
        * t
        * (1.0 / 6.0
            + square * (3.0 / 40.0 + square * (15.0 / 336.0 + square * (105.0 / 3456.0 + square * (945.0 / 42240.0)))));
    let whole = sum(at / STEPS as f64, t);
    sum(whole.high, whole.low + turned.low + more).nearest()
}
