//! Positions on the earth as numbers: longitude and latitude, each cut in halves again and again, their bits taken
//! in turns. Points that are close have numbers that are close, so that a sorted set finds neighbours by score.
//!
//! ```text
//! 52 bits, highest first:  lon lat lon lat ... lon lat      26 of each
//! ```
//!
//! Latitudes reach from -85.05112878 to 85.05112878, as in web maps. Scores are decoded and distances computed in
//! Redis' order of operations, so that the same points have the same numbers and the same distances. [`search`]
//! chooses the cells that cover an area.

pub mod search;
#[cfg(test)]
mod tests;
mod trigonometry;

use trigonometry::{asin, cos, sin};

/// Cuts of each coordinate in a score.
pub const STEPS: u32 = 26;

/// Highest longitude; the lowest is its negative.
pub const LONGITUDE: f64 = 180.0;

/// Highest latitude; the lowest is its negative.
pub const LATITUDE: f64 = 85.05112878;

/// Radius of the earth in meters, a quadratic mean.
pub(crate) const EARTH: f64 = 6372797.560856;

const DEGREE: f64 = std::f64::consts::PI / 180.0;

/// A position in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// East of Greenwich.
    pub longitude: f64,
    /// North of the equator.
    pub latitude: f64,
}

/// What is cut: from the negative of these to them.
#[derive(Clone, Copy)]
struct World {
    longitude: f64,
    latitude: f64,
}

/// The one that scores speak of.
const MERCATOR: World = World { longitude: LONGITUDE, latitude: LATITUDE };

/// The one that geohashes as text speak of.
const GLOBE: World = World { longitude: LONGITUDE, latitude: 90.0 };

/// A rectangle that a number of cuts leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Two bits for each cut.
    pub bits: u64,
    /// Cuts of each coordinate, from 1 to [`STEPS`].
    pub steps: u32,
}

/// The edges of a cell, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edges {
    /// Lowest longitude.
    pub west: f64,
    /// Highest longitude.
    pub east: f64,
    /// Lowest latitude.
    pub south: f64,
    /// Highest latitude.
    pub north: f64,
}

/// Spreads 32 bits over the even bits.
fn spread(number: u32) -> u64 {
    let mut bits = number as u64;
    for (shift, mask) in [
        (16, 0x0000_ffff_0000_ffff),
        (8, 0x00ff_00ff_00ff_00ff),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
        (2, 0x3333_3333_3333_3333),
        (1, 0x5555_5555_5555_5555),
    ] {
        bits = (bits | bits << shift) & mask;
    }
    bits
}

/// Gathers the even bits.
fn gather(bits: u64) -> u32 {
    let mut bits = bits & 0x5555_5555_5555_5555;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0f0f_0f0f_0f0f_0f0f),
        (4, 0x00ff_00ff_00ff_00ff),
        (8, 0x0000_ffff_0000_ffff),
        (16, 0x0000_0000_ffff_ffff),
    ] {
        bits = (bits | bits >> shift) & mask;
    }
    bits as u32
}

impl Cell {
    fn of_columns(longitude: u32, latitude: u32, steps: u32) -> Cell {
        Cell { bits: spread(latitude) | spread(longitude) << 1, steps }
    }

    fn in_world(point: Point, steps: u32, world: World) -> Cell {
        let column = |value: f64, most: f64| ((value + most) / (most + most) * (1u64 << steps) as f64) as u32;
        // The outermost edge belongs to a column of its own, one past the last.
        Cell::of_columns(column(point.longitude, world.longitude), column(point.latitude, world.latitude), steps)
    }

    /// The cell of `steps` cuts in which `point` lies, which must be inside of the limits.
    pub fn of(point: Point, steps: u32) -> Cell {
        Cell::in_world(point, steps, MERCATOR)
    }

    /// Longitude's and latitude's column.
    fn columns(self) -> (u32, u32) {
        (gather(self.bits >> 1), gather(self.bits))
    }

    /// Its edges.
    pub fn edges(self) -> Edges {
        let (longitude, latitude) = self.columns();
        let parts = (1u64 << self.steps) as f64;
        let edge = |column: u32, most: f64| -most + (column as f64 / parts) * (most + most);
        Edges {
            west: edge(longitude, LONGITUDE),
            east: edge(longitude.wrapping_add(1), LONGITUDE),
            south: edge(latitude, LATITUDE),
            north: edge(latitude.wrapping_add(1), LATITUDE),
        }
    }

    /// The cell so many columns to the east and to the north; the world is round in both ways.
    pub fn moved(self, east: i32, north: i32) -> Cell {
        let (longitude, latitude) = self.columns();
        // What does not move keeps even a column past the last.
        let step = |column: u32, by: i32| match by {
            0 => column,
            by => column.wrapping_add_signed(by) & ((1u64 << self.steps) - 1) as u32,
        };
        Cell::of_columns(step(longitude, east), step(latitude, north), self.steps)
    }

    /// The scores inside: from the first to below the second.
    pub fn scores(self) -> (f64, f64) {
        let shift = 2 * (STEPS - self.steps);
        ((self.bits << shift) as f64, ((self.bits + 1) << shift) as f64)
    }
}

/// The score of a point, which must be inside of the limits.
pub fn score(point: Point) -> f64 {
    Cell::of(point, STEPS).bits as f64
}

/// The point that a score stands for: the middle of its cell. Any score stands for one, as any number may have
/// been stored.
pub fn point(score: f64) -> Point {
    let Edges { west, east, south, north } = Cell { bits: bits_of(score), steps: STEPS }.edges();
    Point {
        longitude: ((west + east) / 2.0).clamp(-LONGITUDE, LONGITUDE),
        latitude: ((south + north) / 2.0).clamp(-LATITUDE, LATITUDE),
    }
}

/// What becomes of a double that is made a 64-bit number without sign, as x86-64 does it when it does not fit.
fn bits_of(score: f64) -> u64 {
    const HALF: f64 = (1u64 << 63) as f64;
    let signed = |number: f64| {
        if (-HALF..HALF).contains(&number) {
            number as i64 as u64
        } else {
            1 << 63
        }
    };
    if score < HALF {
        signed(score)
    } else {
        signed(score - HALF) ^ 1 << 63
    }
}

/// A standard geohash of 11 characters. Its last one would take more bits than there are, and is always `0`.
pub fn text(point: Point) -> [u8; 11] {
    const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
    let bits = Cell::in_world(point, STEPS, GLOBE).bits;
    std::array::from_fn(|at| match at {
        10 => ALPHABET[0],
        at => ALPHABET[(bits >> (52 - (at + 1) * 5)) as usize & 31],
    })
}

/// Meters along a meridian between two latitudes.
pub(crate) fn latitude_distance(a: f64, b: f64) -> f64 {
    EARTH * (b * DEGREE - a * DEGREE).abs()
}

/// Meters between two points on the great circle (haversine).
pub fn distance(a: Point, b: Point) -> f64 {
    let v = sin((b.longitude * DEGREE - a.longitude * DEGREE) / 2.0);
    if v == 0.0 {
        return latitude_distance(a.latitude, b.latitude);
    }
    let (from, to) = (a.latitude * DEGREE, b.latitude * DEGREE);
    let u = sin((to - from) / 2.0);
    let square = u * u + cos(from) * cos(to) * v * v;
    2.0 * EARTH * asin(square.sqrt())
}
