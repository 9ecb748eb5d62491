//! What transcripts do not see: effects, and results against a search of everything.

use crate::bytes::Rng;
use crate::commands::testing::{sorted, Bench};
use crate::structures::geohash::{distance, point, score, Point};

const SICILY: &str = "GEOADD s 13.361389 38.115556 Palermo 15.087269 37.502669 Catania";

#[test]
fn a_stored_search_is_told_without_trigonometry() {
    let mut bench = Bench::new(1);
    bench.run(SICILY);
    assert_eq!((bench.changes.dirty, bench.events()), (2, "zadd s".to_owned()));
    assert_eq!(bench.effects().len(), 0);
    bench.run("GEOSEARCHSTORE d s FROMLONLAT 15 37 BYRADIUS 200 km");
    assert_eq!((bench.changes.dirty, bench.events()), (2, "geosearchstore d".to_owned()));
    assert_eq!(bench.effects(), ["DEL d", "ZADD d 3479099956230698 Palermo 3479447370796909 Catania"]);
    bench.run("GEORADIUSBYMEMBER s Palermo 100 km STOREDIST d");
    assert_eq!((bench.changes.dirty, bench.events()), (1, "georadiusstore d".to_owned()));
    assert_eq!(bench.effects(), ["DEL d", "ZADD d 0 Palermo"]);
    bench.run("GEORADIUS s 0 0 1 m STORE d");
    assert_eq!(
        (bench.changes.dirty, bench.events(), bench.effects()),
        (1, "del d".to_owned(), vec!["DEL d".to_owned()])
    );
    bench.run("GEORADIUS s 0 0 1 m STORE d");
    assert_eq!((bench.changes.dirty, bench.effects().len()), (0, 0));
    bench.run("GEOADD s XX 13.361389 38.115556 Palermo 1 1 Nowhere");
    assert_eq!(bench.changes.dirty, 0);
}

#[test]
fn a_large_stored_search_is_told_in_parts() {
    let mut bench = Bench::new(1);
    for number in 0..1200 {
        bench.run(&format!("GEOADD s {}.5 {}.5 m{number}", number % 60, number % 50));
    }
    bench.run("GEOSEARCHSTORE d s FROMLONLAT 30 25 BYRADIUS 20000 km");
    let effects = bench.effects();
    let words: usize = effects[1..].iter().map(|effect| effect.split(' ').count() - 2).sum();
    assert_eq!((effects.len(), words), (4, 2400));
}

#[test]
fn a_search_finds_what_looking_at_everything_finds() {
    let mut rng = Rng::new(8);
    let mut bench = Bench::new(1);
    let mut points = Vec::new();
    for number in 0..500 {
        let at = Point { longitude: rng.below(40_000) as f64 / 1e3 - 20.0, latitude: rng.below(60_000) as f64 / 1e3 };
        bench.run(&format!("GEOADD s {} {} m{number}", at.longitude, at.latitude));
        points.push((format!("m{number}"), point(score(at))));
    }
    for _ in 0..100 {
        let center = Point { longitude: rng.below(30) as f64 - 15.0, latitude: rng.below(50) as f64 };
        let radius = rng.below(3000) as f64;
        let from = format!("FROMLONLAT {} {}", center.longitude, center.latitude);
        let inside = |at: &Point| distance(center, *at) <= radius * 1000.0;
        let mut wanted: Vec<String> =
            points.iter().filter(|(_, at)| inside(at)).map(|(name, _)| name.clone()).collect();
        wanted.sort();
        assert_eq!(sorted(&bench.run(&format!("GEOSEARCH s {from} BYRADIUS {radius} km"))), wanted);
        // The nearest first, some of them or all.
        let mut near: Vec<&(String, Point)> = points.iter().filter(|(_, at)| inside(at)).collect();
        near.sort_by(|(_, a), (_, b)| distance(center, *a).total_cmp(&distance(center, *b)));
        let count = 1 + rng.below(40);
        let nearest: Vec<&str> = near.iter().take(count).map(|(name, _)| name.as_str()).collect();
        let reply = bench.run(&format!("GEOSEARCH s {from} BYRADIUS {radius} km COUNT {count}"));
        let names: Vec<&str> = reply.split("\r\n").filter(|line| line.starts_with('m')).collect();
        assert_eq!(names, nearest);
    }
}
