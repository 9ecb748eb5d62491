//! Searching around a point: the cell that the point is in and those around it, of such a size that together they
//! cover the searched area, and the test that every candidate in them has to pass.

use super::{cos, distance, latitude_distance, Cell, Edges, Point, DEGREE, EARTH, STEPS};

/// What is searched around a point. Lengths are in the caller's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// Everything up to this far away.
    Circle {
        /// How far.
        radius: f64,
    },
    /// Everything in a rectangle around the point, its sides along the meridians and across.
    Box {
        /// From west to east.
        width: f64,
        /// From south to north.
        height: f64,
    },
}

/// A searched area.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// Its middle.
    pub center: Point,
    /// What is searched.
    pub shape: Shape,
    /// Meters in a unit of the shape's lengths.
    pub unit: f64,
}

/// Half of the earth's circumference on a map, in meters.
const MAP: f64 = 20037726.37;

/// Cuts after which a cell is about as large as a radius in meters: smaller ones near the poles.
fn steps(radius: f64, latitude: f64) -> u32 {
    if radius == 0.0 {
        return STEPS;
    }
    let (mut reach, mut steps) = (radius, -1i32);
    while reach < MAP {
        reach *= 2.0;
        steps += 1;
    }
    steps -= (latitude.abs() > 66.0) as i32 + (latitude.abs() > 80.0) as i32;
    steps.clamp(1, STEPS as i32) as u32
}

impl Area {
    /// The distance of `point` from the middle in meters, if it lies inside.
    pub fn distance_inside(&self, point: Point) -> Option<f64> {
        match self.shape {
            Shape::Circle { radius } => {
                let distance = distance(self.center, point);
                // Written so that what is not a number stays inside.
                if distance > radius * self.unit {
                    return None;
                }
                Some(distance)
            }
            Shape::Box { width, height } => {
                if latitude_distance(point.latitude, self.center.latitude) > height * self.unit / 2.0 {
                    return None;
                }
                let beside = Point { longitude: self.center.longitude, latitude: point.latitude };
                if distance(point, beside) > width * self.unit / 2.0 {
                    return None;
                }
                Some(distance(self.center, point))
            }
        }
    }

    /// A rectangle around the area. Near a pole it is no number, or wider than the world.
    fn edges(&self) -> Edges {
        let Point { longitude, latitude } = self.center;
        let (width, height) = match self.shape {
            Shape::Circle { radius } => (radius, radius),
            Shape::Box { width, height } => (width / 2.0, height / 2.0),
        };
        let (width, height) = (self.unit * width, self.unit * height);
        let up = height / EARTH / DEGREE;
        // Meridians stand closest together at the edge away from the equator.
        let outer = if latitude < 0.0 { latitude - up } else { latitude + up };
        let aside = width / EARTH / cos(outer * DEGREE) / DEGREE;
        Edges { west: longitude - aside, east: longitude + aside, south: latitude - up, north: latitude + up }
    }

    /// The cells that cover the area, in the order in which they are searched: the one in the middle first. The
    /// same cell may come twice in a row when cells are so large that they meet on the far side of the earth.
    pub fn cells(&self) -> impl Iterator<Item = Cell> {
        let edges = self.edges();
        let radius = match self.shape {
            Shape::Circle { radius } => radius,
            Shape::Box { width, height } => ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt(),
        };
        let mut steps = steps(radius * self.unit, self.center.latitude);
        let mut middle = Cell::of(self.center, steps);
        // Where the middle lies close to the edge of its cell the neighbours may not reach far enough.
        let short = middle.moved(0, 1).edges().north < edges.north
            || middle.moved(0, -1).edges().south > edges.south
            || middle.moved(1, 0).edges().east < edges.east
            || middle.moved(-1, 0).edges().west > edges.west;
        if steps > 1 && short {
            steps -= 1;
            middle = Cell::of(self.center, steps);
        }
        // Neighbours on a side to which the cell in the middle reaches far enough are of no use.
        let inner = middle.edges();
        let narrow = steps >= 2;
        let west = !(narrow && inner.west < edges.west);
        let east = !(narrow && inner.east > edges.east);
        let south = !(narrow && inner.south < edges.south);
        let north = !(narrow && inner.north > edges.north);
        [
            (0, 0, true),
            (0, 1, north),
            (0, -1, south),
            (1, 0, east),
            (-1, 0, west),
            (1, 1, north && east),
            (-1, 1, north && west),
            (1, -1, south && east),
            (-1, -1, south && west),
        ]
        .into_iter()
        .filter(|&(_, _, wanted)| wanted)
        .map(move |(to_east, to_north, _)| middle.moved(to_east, to_north))
    }
}
