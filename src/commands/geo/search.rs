//! Searching around a point: GEOSEARCH and its older forms, which differ in where the arguments stand and in
//! whether and where the members found are stored.

use super::{position, unit, write_distance, write_point};
use crate::bytes::number::{parse_f64, push_f64};
use crate::commands::{int, Context, Handled, Outcome};
use crate::keyspace::{Class, Value};
use crate::resp::{Args, Fault, Reply};
use crate::structures::geohash::search::{Area, Shape};
use crate::structures::geohash::{self, Point};
use crate::structures::listpack::Item;
use crate::structures::order::{sort_by, sort_part};
use crate::structures::sorted_set::{ScoreBound, SortedSet};

/// Where a form has the middle of the search.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// A position, then the radius.
    Position,
    /// A member, then the radius.
    Member,
    /// Options say it all.
    Options,
}

/// Whether a form stores what it finds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Storing {
    Never,
    /// Where an option says.
    Option,
    /// Where the first argument says.
    Always,
}

#[derive(Clone, Copy)]
struct Form {
    origin: Origin,
    storing: Storing,
}

/// A member found.
struct Found<'s> {
    member: Item<'s>,
    score: f64,
    point: Point,
    /// In meters.
    distance: f64,
}

/// What a search asks for.
#[derive(Default)]
struct Wanted<'a> {
    center: Option<Point>,
    shape: Option<(Shape, f64)>,
    with_distance: bool,
    with_hash: bool,
    with_point: bool,
    descending: Option<bool>,
    /// 0 for all.
    count: usize,
    any: bool,
    store: Option<&'a [u8]>,
    store_distance: bool,
}

const NO_MEMBER: Fault = Fault::Text("ERR could not decode requested zset member");

/// Members in one ZADD that stands for a stored search.
const EFFECT_MEMBERS: usize = 512;

fn length(args: Args, at: usize, fault: &'static str) -> Result<f64, Fault> {
    parse_f64(args.at(at)).ok_or(Fault::Text(fault))
}

fn circle(args: Args, at: usize) -> Result<(Shape, f64), Fault> {
    let radius = length(args, at, "ERR need numeric radius")?;
    if radius < 0.0 {
        return Err(Fault::Text("ERR radius cannot be negative"));
    }
    Ok((Shape::Circle { radius }, unit(args, at + 1)?))
}

fn rectangle(args: Args, at: usize) -> Result<(Shape, f64), Fault> {
    let width = length(args, at, "ERR need numeric width")?;
    let height = length(args, at + 1, "ERR need numeric height")?;
    if width < 0.0 || height < 0.0 {
        return Err(Fault::Text("ERR height or width cannot be negative"));
    }
    Ok((Shape::Box { width, height }, unit(args, at + 2)?))
}

fn place(set: &SortedSet, member: &[u8]) -> Result<Point, Fault> {
    set.score(member).map(geohash::point).ok_or(NO_MEMBER)
}

/// The nowhere from which a search in a missing key starts: only its other arguments are checked.
const NOWHERE: Point = Point { longitude: 0.0, latitude: 0.0 };

impl<'a> Wanted<'a> {
    /// Reads the arguments of a search in `set`, which may be missing.
    fn read(args: Args<'a>, form: Form, set: Option<&SortedSet>) -> Result<Self, Fault> {
        let mut wanted = Wanted::default();
        let options = match form.origin {
            Origin::Position => {
                wanted.center = Some(position(args, 2)?);
                wanted.shape = Some(circle(args, 4)?);
                6
            }
            Origin::Member => {
                if let Some(set) = set {
                    wanted.center = Some(place(set, args.at(2))?);
                    wanted.shape = Some(circle(args, 3)?);
                }
                5
            }
            Origin::Options if form.storing == Storing::Always => {
                wanted.store = Some(args.at(1));
                3
            }
            Origin::Options => 2,
        };
        wanted.read_options(args, options, form, set)?;
        wanted.check(args, form)?;
        Ok(wanted)
    }

    fn read_options(
        &mut self,
        args: Args<'a>,
        mut at: usize,
        form: Form,
        set: Option<&SortedSet>,
    ) -> Result<(), Fault> {
        let options = form.origin == Origin::Options;
        let (mut from_member, mut from_position) = (false, false);
        while at < args.len() {
            let left = args.len() - at - 1;
            let is = |word: &str| args.is(at, word);
            match () {
                () if is("WITHDIST") => self.with_distance = true,
                () if is("WITHHASH") => self.with_hash = true,
                () if is("WITHCOORD") => self.with_point = true,
                () if is("ANY") => self.any = true,
                () if is("ASC") => self.descending = Some(false),
                () if is("DESC") => self.descending = Some(true),
                () if is("COUNT") && left >= 1 => {
                    let count = int(args.at(at + 1))?;
                    if count <= 0 {
                        return Err(Fault::Text("ERR COUNT must be > 0"));
                    }
                    self.count = usize::try_from(count).unwrap_or(usize::MAX);
                    at += 1;
                }
                () if form.storing == Storing::Option && left >= 1 && (is("STORE") || is("STOREDIST")) => {
                    self.store = Some(args.at(at + 1));
                    self.store_distance = is("STOREDIST");
                    at += 1;
                }
                () if options && left >= 1 && !from_position && is("FROMMEMBER") => {
                    from_member = true;
                    self.center = Some(set.map_or(Ok(NOWHERE), |set| place(set, args.at(at + 1)))?);
                    at += 1;
                }
                () if options && left >= 2 && !from_member && is("FROMLONLAT") => {
                    from_position = true;
                    self.center = Some(position(args, at + 1)?);
                    at += 2;
                }
                () if options && left >= 2 && !matches!(self.shape, Some((Shape::Box { .. }, _))) && is("BYRADIUS") => {
                    self.shape = Some(circle(args, at + 1)?);
                    at += 2;
                }
                () if options && left >= 3 && !matches!(self.shape, Some((Shape::Circle { .. }, _))) && is("BYBOX") => {
                    self.shape = Some(rectangle(args, at + 1)?);
                    at += 3;
                }
                () if form.storing == Storing::Always && is("STOREDIST") => self.store_distance = true,
                () => return Err(Fault::Syntax),
            }
            at += 1;
        }
        Ok(())
    }

    /// Options that are missing or do not go together.
    fn check(&self, args: Args, form: Form) -> Result<(), Fault> {
        if self.store.is_some() && (self.with_distance || self.with_hash || self.with_point) {
            let who = if form.storing == Storing::Always { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
            let text = format!("ERR {who} is not compatible with WITHDIST, WITHHASH and WITHCOORD options");
            return Err(Fault::made(text));
        }
        let one_of = |what: &str| {
            let name = String::from_utf8_lossy(args.at(0));
            Err(Fault::made(format!("ERR exactly one of {what} can be specified for {name}")))
        };
        if form.origin == Origin::Options && self.center.is_none() {
            return one_of("FROMMEMBER or FROMLONLAT");
        }
        if form.origin == Origin::Options && self.shape.is_none() {
            return one_of("BYRADIUS and BYBOX");
        }
        if self.any && self.count == 0 {
            return Err(Fault::Text("ERR the ANY argument requires COUNT argument"));
        }
        Ok(())
    }

    /// Searches `set`: what is answered or stored, in order.
    fn search<'s>(&self, area: Area, set: &'s SortedSet) -> Vec<Found<'s>> {
        let enough = if self.any { self.count } else { usize::MAX };
        let mut found: Vec<Found> = Vec::new();
        let mut before = None;
        'cells: for (number, cell) in area.cells().enumerate() {
            // The cell in the middle is none that others are compared with, as in Redis.
            if number > 0 && before.replace(cell) == Some(cell) {
                continue;
            }
            let (min, max) = cell.scores();
            let span = set.by_score(ScoreBound::Inclusive(min), ScoreBound::Exclusive(max));
            for (member, score) in set.range(span.start, span.count, false) {
                let point = geohash::point(score);
                let Some(distance) = area.distance_inside(point) else { continue };
                found.push(Found { member, score, point, distance });
                if found.len() >= enough {
                    break 'cells;
                }
            }
        }
        let count = if self.count == 0 { found.len() } else { self.count.min(found.len()) };
        // The nearest are meant where a count, and nothing else, was given.
        let descending = self.descending.or((self.count > 0 && !self.any).then_some(false));
        if let Some(descending) = descending {
            let order = |a: &Found, b: &Found| {
                let order = a.distance.total_cmp(&b.distance);
                if descending {
                    order.reverse()
                } else {
                    order
                }
            };
            if count == found.len() {
                sort_by(&mut found, order);
            } else {
                sort_part(&mut found, 0..count, order);
            }
        }
        found.truncate(count);
        found
    }

    /// Answers the members found.
    fn reply(&self, reply: &mut Reply, found: &[Found], unit: f64) {
        let extras = self.with_distance as usize + self.with_hash as usize + self.with_point as usize;
        reply.array(found.len());
        for Found { member, score, point, distance } in found {
            if extras > 0 {
                reply.array(1 + extras);
            }
            reply.bulk(member.bytes(&mut [0; 20]));
            if self.with_distance {
                write_distance(reply, distance / unit);
            }
            if self.with_hash {
                reply.int(hash_shown(*score));
            }
            if self.with_point {
                write_point(reply, *point);
            }
        }
    }
}

/// A score as an integer, as x86-64 makes it one.
fn hash_shown(score: f64) -> i64 {
    if score.abs() < i64::MAX as f64 {
        score as i64
    } else {
        i64::MIN
    }
}

fn run(ctx: &mut Context, args: Args, form: Form) -> Handled {
    let limits = ctx.keys.space().limits.sorted_set;
    let source = if form.storing == Storing::Always { 2 } else { 1 };
    let set = ctx.keys.read_sorted_set(args.at(source))?;
    let wanted = Wanted::read(args, form, set)?;
    let (found, unit) = match (set, wanted.center, wanted.shape) {
        (Some(set), Some(center), Some((shape, unit))) => (wanted.search(Area { center, shape, unit }, set), unit),
        _ => (Vec::new(), 1.0),
    };
    let Some(destination) = wanted.store else {
        wanted.reply(&mut ctx.reply, &found, unit);
        return Ok(Outcome::Done);
    };
    let longest = found.iter().map(|found| found.member.len()).max().unwrap_or(0);
    let mut stored = SortedSet::sized(found.len(), longest, &limits);
    for Found { member, score, distance, .. } in &found {
        let score = if wanted.store_distance { distance / unit } else { *score };
        // A distance that is no number, as rounding may make one of points that are opposite to each other.
        let score = if score.is_nan() { 0.0 } else { score };
        stored.insert(member.bytes(&mut [0; 20]), score, &limits);
    }
    drop(found);
    let event = if form.storing == Storing::Always { "geosearchstore" } else { "georadiusstore" };
    store(ctx, destination, stored, event)
}

/// Puts `set` in the place of whatever `key` holds, and says it so that whoever repeats it needs no trigonometry.
fn store(ctx: &mut Context, key: &[u8], set: SortedSet, event: &'static str) -> Handled {
    let count = set.len();
    ctx.reply.count(count);
    if count == 0 {
        if ctx.keys.delete(key) {
            ctx.keys.effect(&[b"DEL", key]);
        }
        return Ok(Outcome::Done);
    }
    if ctx.keys.space().changes.record_effects {
        ctx.keys.effect(&[b"DEL", key]);
        let mut at = 0;
        while at < count {
            let mut words = vec![b"ZADD".to_vec(), key.to_vec()];
            for (member, score) in set.range(at, EFFECT_MEMBERS, false) {
                let mut text = Vec::new();
                push_f64(&mut text, score);
                words.extend([text, member.to_vec()]);
            }
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            ctx.keys.effect(&words);
            at += EFFECT_MEMBERS;
        }
    }
    ctx.keys.put(key, Value::SortedSet(set));
    ctx.keys.modified(key, Class::SORTED_SET, event);
    ctx.keys.dirty(count as u64 - 1);
    Ok(Outcome::Done)
}

pub(super) fn georadius(ctx: &mut Context, args: Args) -> Handled {
    run(ctx, args, Form { origin: Origin::Position, storing: Storing::Option })
}

pub(super) fn georadius_ro(ctx: &mut Context, args: Args) -> Handled {
    run(ctx, args, Form { origin: Origin::Position, storing: Storing::Never })
}

pub(super) fn georadiusbymember(ctx: &mut Context, args: Args) -> Handled {
    run(ctx, args, Form { origin: Origin::Member, storing: Storing::Option })
}

pub(super) fn georadiusbymember_ro(ctx: &mut Context, args: Args) -> Handled {
    run(ctx, args, Form { origin: Origin::Member, storing: Storing::Never })
}

pub(super) fn geosearch(ctx: &mut Context, args: Args) -> Handled {
    run(ctx, args, Form { origin: Origin::Options, storing: Storing::Never })
}

pub(super) fn geosearchstore(ctx: &mut Context, args: Args) -> Handled {
    run(ctx, args, Form { origin: Origin::Options, storing: Storing::Always })
}
