//! Against what follows from the definition; the numbers themselves were compared with a redis-server's.

use super::search::{Area, Shape};
use super::*;
use crate::bytes::Rng;

fn anywhere(rng: &mut Rng) -> Point {
    let part = |rng: &mut Rng| rng.below(1 << 30) as f64 / (1 << 29) as f64 - 1.0;
    Point { longitude: part(rng) * LONGITUDE, latitude: part(rng) * LATITUDE }
}

#[test]
fn known_points_have_known_numbers() {
    let palermo = Point { longitude: 13.361389, latitude: 38.115556 };
    let catania = Point { longitude: 15.087269, latitude: 37.502669 };
    assert_eq!(score(palermo), 3479099956230698.0);
    assert_eq!(score(catania), 3479447370796909.0);
    assert_eq!(&text(point(score(palermo))), b"sqc8b49rny0");
    let meters = distance(point(score(palermo)), point(score(catania)));
    assert!((meters - 166274.1516).abs() < 0.0001, "{meters}");
}

#[test]
fn bits_are_spread_and_gathered() {
    for number in [0, 1, 2, 0xffff_ffff, 0x8000_0001, 0x1234_5678] {
        assert_eq!(gather(spread(number)), number);
        assert_eq!(spread(number) & 0xaaaa_aaaa_aaaa_aaaa, 0);
    }
    assert_eq!(spread(0b1011), 0b100_0101);
}

#[test]
fn a_score_stands_for_a_point_nearby() {
    let mut rng = Rng::new(1);
    for _ in 0..5000 {
        let there = anywhere(&mut rng);
        let back = point(score(there));
        assert!(distance(there, back) < 0.7, "{there:?} {back:?}");
        assert_eq!(score(back), score(there));
    }
}

#[test]
fn any_score_stands_for_some_point() {
    for score in [0.0, -1.0, 0.5, 1e300, -1e300, f64::INFINITY, f64::NEG_INFINITY, 9e18, 1.8e19, f64::MIN_POSITIVE] {
        let Point { longitude, latitude } = point(score);
        assert!(longitude.abs() <= LONGITUDE && latitude.abs() <= LATITUDE, "{score}");
    }
}

#[test]
fn neighbours_touch() {
    let mut rng = Rng::new(2);
    for _ in 0..2000 {
        let steps = 3 + rng.below(24) as u32;
        let Point { longitude, latitude } = anywhere(&mut rng);
        let cell = Cell::of(Point { longitude: longitude * 0.7, latitude: latitude * 0.7 }, steps);
        let edges = cell.edges();
        assert_eq!(cell.moved(1, 0).edges().west, edges.east);
        assert_eq!(cell.moved(0, -1).edges().north, edges.south);
        assert_eq!(cell.moved(-1, 1).moved(1, -1), cell);
    }
    // Round the world.
    let corner = Cell::of(Point { longitude: 179.0, latitude: 85.0 }, 4);
    assert_eq!(corner.moved(1, 1), Cell::of(Point { longitude: -179.0, latitude: -85.0 }, 4));
}

#[test]
fn the_cells_of_an_area_hold_all_that_is_inside() {
    let mut rng = Rng::new(3);
    for _ in 0..400 {
        let Point { longitude, latitude } = anywhere(&mut rng);
        // Far from the poles and from the date line, where a search does not reach over.
        let center = Point { longitude: longitude * 0.5, latitude: latitude * 0.6 };
        let size = 10f64.powi(1 + rng.below(5) as i32) * (1.0 + rng.below(9) as f64);
        let shape = match rng.below(2) {
            0 => Shape::Circle { radius: size },
            _ => Shape::Box { width: size, height: size / (1.0 + rng.below(5) as f64) },
        };
        let area = Area { center, shape, unit: 1.0 };
        let cells: Vec<(f64, f64)> = area.cells().map(|cell| cell.scores()).collect();
        for _ in 0..300 {
            let near = anywhere(&mut rng);
            let reach = size / 60_000.0;
            let there = Point {
                longitude: center.longitude + near.longitude / LONGITUDE * reach,
                latitude: (center.latitude + near.latitude / LATITUDE * reach).clamp(-LATITUDE, LATITUDE),
            };
            if there.longitude.abs() > LONGITUDE {
                continue;
            }
            let score = score(there);
            if area.distance_inside(point(score)).is_some() {
                assert!(cells.iter().any(|&(min, max)| (min..max).contains(&score)), "{area:?} {there:?}");
            }
        }
    }
}

#[test]
fn no_length_is_too_strange() {
    let center = Point { longitude: 180.0, latitude: LATITUDE };
    for length in [0.0, f64::MIN_POSITIVE, 1e-300, 1e9, 1e300, f64::MAX, f64::INFINITY] {
        for shape in [Shape::Circle { radius: length }, Shape::Box { width: length, height: length }] {
            let area = Area { center, shape, unit: 1609.34 };
            assert!((1..=9).contains(&area.cells().count()));
            area.distance_inside(Point { longitude: -180.0, latitude: -LATITUDE });
        }
    }
}

#[test]
fn sine_cosine_and_arc_sine_are_right_to_the_last_place() {
    let mut rng = Rng::new(6);
    let mut part = || (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    let near = |ours: f64, theirs: f64| ours.to_bits().abs_diff(theirs.to_bits()) <= 1;
    let mut same = 0;
    for round in 0..30_000 {
        let small = 10f64.powi(-(round % 9));
        let (angle, ratio) = ((part() * 2.0 - 1.0) * 3.1 * small, if round % 2 == 0 { part() } else { part() * small });
        let results = [
            (sin(angle), angle.sin()),
            (cos(angle), angle.cos()),
            (asin(ratio), ratio.asin()),
            (asin(1.0 - ratio * small), (1.0 - ratio * small).asin()),
        ];
        for (ours, theirs) in results {
            assert!(near(ours, theirs), "{angle} {ratio}: {ours} {theirs}");
            same += (ours == theirs) as u32;
        }
    }
    // Libraries differ, but not that much.
    assert!(same > 100_000, "{same}");
}

#[test]
fn round_angles_have_the_known_values() {
    use std::f64::consts::{FRAC_PI_2, FRAC_PI_6, PI};
    assert_eq!([sin(0.0), cos(0.0), asin(0.0)], [0.0, 1.0, 0.0]);
    assert!(sin(-0.0).is_sign_negative() && sin(-1e-300) == -1e-300);
    assert_eq!([sin(FRAC_PI_2), asin(1.0), cos(PI)], [1.0, FRAC_PI_2, -1.0]);
    // What these doubles lack to a half and a quarter turn.
    assert_eq!(
        [sin(PI), cos(FRAC_PI_2), sin(-PI)],
        [1.2246467991473532e-16, 6.123233995736766e-17, -1.2246467991473532e-16]
    );
    assert_eq!(asin(0.5), FRAC_PI_6);
    assert!(asin(1.0 + f64::EPSILON).is_nan() && sin(f64::NAN).is_nan() && cos(f64::INFINITY).is_nan());
    assert_eq!([sin(10.0), cos(-10.0)], [10f64.sin(), 10f64.cos()]);
}
