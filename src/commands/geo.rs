//! Geo: members at positions on the earth, kept in a sorted set whose scores are [`crate::structures::geohash`]es.
//!
//! This file declares the family and holds what works on single members; [`search`] has the six commands that
//! search around a point.

mod search;
#[cfg(test)]
mod tests;

use super::{double, Context, DataHandler, Handled, Outcome};
use crate::keyspace::{Class, Value};
use crate::resp::{Args, Fault, Reply};
use crate::structures::geohash::{self, Point};
use crate::structures::sorted_set::{Change, SortedSet};
use search::{georadius, georadius_ro, georadiusbymember, georadiusbymember_ro, geosearch, geosearchstore};

crate::commands! {
    /// The geo commands.
    pub static TABLE: DataHandler, group "geo";

    /// Puts members at positions, adding those that are new; a condition narrows that.
    "geoadd" {
        since "3.2.0", cost "O(log N) for each member", flags [WRITE DENYOOM],
        args "key@RW.update [condition=(NX | XX)] [CH] data=(longitude:double latitude:double member)...",
        reply "int",
        run geoadd,
    }
    /// Answers the distance between two members.
    "geodist" {
        since "3.2.0", cost "O(1)", flags [READONLY],
        args "key@RO.access member1 member2 [unit=(M | KM | FT | MI)]",
        reply "bytes?",
        run geodist,
    }
    /// Answers the positions of members as standard geohashes.
    "geohash" {
        since "3.2.0", cost "O(1) for each member", flags [READONLY],
        args "key@RO.access [member...]",
        reply "[bytes?]",
        run geohash,
    }
    /// Answers the positions of members.
    "geopos" {
        since "3.2.0", cost "O(1) for each member", flags [READONLY],
        args "key@RO.access [member...]",
        reply "[[double double]?]",
        run geopos,
    }
    /// Answers or stores the members within a distance of a position.
    "georadius" {
        since "3.2.0", cost "O(N + log M) for N members in the square around the circle, M in all",
        flags [WRITE DENYOOM MOVABLEKEYS],
        args "key@RO.access longitude:double latitude:double radius:double unit=(M | KM | FT | MI) [WITHCOORD] [WITHDIST] [WITHHASH] [count-block=(COUNT count:int [ANY])] [order=(ASC | DESC)] [store=(STORE storekey@OW.update | STOREDIST storedistkey@OW.update)]",
        reply "[any] | int",
        run georadius,
    }
    /// Answers the members within a distance of a position.
    "georadius_ro" {
        since "3.2.10", cost "O(N + log M) for N members in the square around the circle, M in all", flags [READONLY],
        args "key@RO.access longitude:double latitude:double radius:double unit=(M | KM | FT | MI) [WITHCOORD] [WITHDIST] [WITHHASH] [count-block=(COUNT count:int [ANY])] [order=(ASC | DESC)]",
        reply "[any]",
        run georadius_ro,
    }
    /// Answers or stores the members within a distance of a member.
    "georadiusbymember" {
        since "3.2.0", cost "O(N + log M) for N members in the square around the circle, M in all",
        flags [WRITE DENYOOM MOVABLEKEYS],
        args "key@RO.access member radius:double unit=(M | KM | FT | MI) [WITHCOORD] [WITHDIST] [WITHHASH] [count-block=(COUNT count:int [ANY])] [order=(ASC | DESC)] [store=(STORE storekey@OW.update | STOREDIST storedistkey@OW.update)]",
        reply "[any] | int",
        run georadiusbymember,
    }
    /// Answers the members within a distance of a member.
    "georadiusbymember_ro" {
        since "3.2.10", cost "O(N + log M) for N members in the square around the circle, M in all", flags [READONLY],
        args "key@RO.access member radius:double unit=(M | KM | FT | MI) [WITHCOORD] [WITHDIST] [WITHHASH] [count-block=(COUNT count:int [ANY])] [order=(ASC | DESC)]",
        reply "[any]",
        run georadiusbymember_ro,
    }
    /// Answers the members in a circle or a box around a member or a position.
    "geosearch" {
        since "6.2.0", cost "O(N + log M) for N members in the square around the area, M in all", flags [READONLY],
        args "key@RO.access from=(FROMMEMBER member | FROMLONLAT fromlonlat=(longitude:double latitude:double)) by=(circle=(BYRADIUS radius:double unit=(M | KM | FT | MI)) | box=(BYBOX width:double height:double unit=(M | KM | FT | MI))) [order=(ASC | DESC)] [count-block=(COUNT count:int [ANY])] [WITHCOORD] [WITHDIST] [WITHHASH]",
        reply "[any]",
        run geosearch,
    }
    /// Stores the members in a circle or a box around a member or a position, and answers how many they are.
    "geosearchstore" {
        since "6.2.0", cost "O(N + log M) for N members in the square around the area, M in all",
        flags [WRITE DENYOOM],
        args "destination@OW.update source@RO.access from=(FROMMEMBER member | FROMLONLAT fromlonlat=(longitude:double latitude:double)) by=(circle=(BYRADIUS radius:double unit=(M | KM | FT | MI)) | box=(BYBOX width:double height:double unit=(M | KM | FT | MI))) [order=(ASC | DESC)] [count-block=(COUNT count:int [ANY])] [STOREDIST]",
        reply "int",
        run geosearchstore,
    }
}

/// Reads longitude and latitude from argument `at` on.
fn position(args: Args, at: usize) -> Result<Point, Fault> {
    let (longitude, latitude) = (double(args.at(at))?, double(args.at(at + 1))?);
    if longitude.abs() > geohash::LONGITUDE || latitude.abs() > geohash::LATITUDE {
        let text = format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}");
        return Err(Fault::made(text));
    }
    Ok(Point { longitude, latitude })
}

/// Reads a unit of length: how many meters it has.
fn unit(args: Args, at: usize) -> Result<f64, Fault> {
    match () {
        () if args.is(at, "M") => Ok(1.0),
        () if args.is(at, "KM") => Ok(1000.0),
        () if args.is(at, "FT") => Ok(0.3048),
        () if args.is(at, "MI") => Ok(1609.34),
        () => Err(Fault::Text("ERR unsupported unit provided. please use M, KM, FT, MI")),
    }
}

/// Writes a distance with four digits behind the point, of the scaled number the nearest, the even one of two.
fn write_distance(reply: &mut Reply, distance: f64) {
    let scaled = (distance * 10_000.0).round_ties_even();
    // What C makes of a number that is none.
    let scaled = if scaled.abs() < i64::MAX as f64 { scaled as i64 } else { i64::MIN };
    let (sign, whole) = (if scaled < 0 { "-" } else { "" }, scaled.unsigned_abs());
    reply.bulk(format!("{sign}{}.{:04}", whole / 10_000, whole % 10_000).as_bytes());
}

/// Writes a coordinate in full: 17 digits behind the point, less the zeros at the end.
fn write_coordinate(reply: &mut Reply, degrees: f64) {
    let text = format!("{degrees:.17}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let text = if text == "-0" { "0" } else { text };
    if reply.resp3() {
        reply.raw(format!(",{text}\r\n").as_bytes());
    } else {
        reply.bulk(text.as_bytes());
    }
}

fn write_point(reply: &mut Reply, point: Point) {
    reply.array(2);
    write_coordinate(reply, point.longitude);
    write_coordinate(reply, point.latitude);
}

fn geoadd(ctx: &mut Context, args: Args) -> Handled {
    let key = args.at(1);
    let (mut nx, mut xx, mut ch) = (false, false, false);
    let mut at = 2;
    while at < args.len() {
        let option = match () {
            () if args.is(at, "NX") => &mut nx,
            () if args.is(at, "XX") => &mut xx,
            () if args.is(at, "CH") => &mut ch,
            () => break,
        };
        *option = true;
        at += 1;
    }
    let words = args.len() - at;
    if words == 0 || words % 3 != 0 || (nx && xx) {
        return Err(Fault::Syntax);
    }
    // Every position is checked before anything changes.
    let places = (at..args.len()).step_by(3);
    for place in places.clone() {
        position(args, place)?;
    }
    let limits = ctx.keys.space().limits.sorted_set;
    let (mut added, mut updated) = (0, 0);
    let apply = |set: &mut SortedSet| -> Result<(), Fault> {
        for place in places {
            let score = geohash::score(position(args, place)?);
            let change = set.update(args.at(place + 2), &limits, |old| match old {
                None if xx => None,
                Some(_) if nx => None,
                _ => Some(score),
            });
            added += (change == Change::Added) as u64;
            updated += (change == Change::Updated) as u64;
        }
        Ok(())
    };
    match ctx.keys.sorted_set_mut(key)? {
        Some(set) => apply(set)?,
        None if xx => {}
        None => {
            let mut set = SortedSet::sized(words / 3, args.at(at + 2).len(), &limits);
            apply(&mut set)?;
            ctx.keys.put(key, Value::SortedSet(set));
        }
    }
    if added + updated > 0 {
        ctx.keys.modified(key, Class::SORTED_SET, "zadd");
        ctx.keys.dirty(added + updated - 1);
    }
    ctx.reply.int(if ch { added + updated } else { added } as i64);
    Ok(Outcome::Done)
}

fn geodist(ctx: &mut Context, args: Args) -> Handled {
    let unit = match args.len() {
        4 => 1.0,
        5 => unit(args, 4)?,
        _ => return Err(Fault::Syntax),
    };
    let set = ctx.keys.read_sorted_set(args.at(1))?;
    let score = |at: usize| set?.score(args.at(at));
    match (score(2), score(3)) {
        (Some(one), Some(other)) => {
            write_distance(&mut ctx.reply, geohash::distance(geohash::point(one), geohash::point(other)) / unit);
        }
        _ => ctx.reply.null(),
    }
    Ok(Outcome::Done)
}

fn geohash(ctx: &mut Context, args: Args) -> Handled {
    let set = ctx.keys.read_sorted_set(args.at(1))?;
    ctx.reply.array(args.len() - 2);
    for member in args.iter_from(2) {
        match set.and_then(|set| set.score(member)) {
            Some(score) => ctx.reply.bulk(&geohash::text(geohash::point(score))),
            None => ctx.reply.null(),
        }
    }
    Ok(Outcome::Done)
}

fn geopos(ctx: &mut Context, args: Args) -> Handled {
    let set = ctx.keys.read_sorted_set(args.at(1))?;
    ctx.reply.array(args.len() - 2);
    for member in args.iter_from(2) {
        match set.and_then(|set| set.score(member)) {
            Some(score) => write_point(&mut ctx.reply, geohash::point(score)),
            None => ctx.reply.null_array(),
        }
    }
    Ok(Outcome::Done)
}
