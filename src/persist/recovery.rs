//! Reading a keyspace back: the manifest, the chunks it names, the log behind them. What is damaged is refused, with the
//! object, the offset and the way out; only the end of the log may be missing, as a crash leaves it.

use super::frame::{self, Kind, Unframed};
use super::log::Units;
use super::manifest::{part_names, Chunk, Found, Manifest};
use super::snapshot::load;
use super::{Persistence, Store, CHUNKS, LOGS, MANIFEST};
use crate::keyspace::{Keyspace, Segment};
use std::fmt;

/// Pieces of a log that are fetched ahead for each chunk that would be: they are smaller.
const PIECES_AHEAD: usize = 8;

/// What is wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// Its name.
    pub object: String,
    /// Where in it, in bytes.
    pub offset: u64,
    /// What.
    pub what: String,
}

impl fmt::Display for Damaged {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Damaged { object, offset, what } = self;
        write!(out, "{object} is damaged at byte {offset}: {what}")
    }
}

/// What was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// There was something to load.
    pub found: bool,
    /// Keys in the snapshot.
    pub keys: u64,
    /// When the snapshot was made, in milliseconds since 1970.
    pub snapshot_at: i64,
    /// Effects of the log that were applied.
    pub effects: u64,
    /// Bytes read.
    pub bytes: u64,
    /// The end of the log that a crash left torn: object, offset, bytes that were cut off.
    pub cut: Option<(String, u64, u64)>,
    /// What was given up, where damage was to be salvaged.
    pub lost: Vec<Damaged>,
}

/// What a recovery fills.
pub trait Target {
    /// The keyspace.
    fn space(&mut self) -> &mut Keyspace;
    /// Repeats the effects; how many. Says what is wrong where one does not run.
    fn replay(&mut self, units: Units<'_>) -> Result<u64, String>;
}

/// What [`Persistence`] goes on from.
pub(super) struct Recovered {
    pub manifest: Manifest,
    /// Number of the last snapshot there ever was, and of the next log segment.
    pub number: u64,
    pub segment: u64,
    pub segments: Vec<(u64, u32)>,
    pub log_bytes: u64,
    pub sequence: u64,
    /// Objects that nothing names.
    pub leftover: Vec<String>,
    /// What is in the store is not what is in memory: all is to be written again.
    pub anew: bool,
    /// There is no manifest.
    pub bare: bool,
    /// Effects since the snapshot.
    pub changes: u64,
}

enum Stage {
    Manifest,
    Chunk(Chunk),
    Log(u64),
    Done,
}

/// A recovery under way: asks for one object after the other.
pub struct Recovery {
    store: Store,
    salvage: bool,
    /// Names of chunks and of log segments in the store.
    listed: Vec<String>,
    manifest: Manifest,
    stage: Stage,
    /// Objects that the stage still wants, and what came of it so far.
    /// The next one stands last.
    wanted: Vec<String>,
    gathered: Vec<u8>,
    missing: bool,
    /// What is still to be read, the next one last.
    chunks: Vec<Chunk>,
    logs: Vec<(u64, u32)>,
    /// Number of the last effect that was applied.
    sequence: u64,
    log_bytes: u64,
    /// The log went on behind a place where it is torn.
    torn: Option<(String, u64, u64)>,
    /// The rest of the log is given up.
    ended: bool,
    may_tear: bool,
    bare: bool,
    report: Report,
}

impl Recovery {
    /// Begins; `listed` are the names of all objects in the store, sorted. `salvage` keeps what is whole of a damaged store.
    pub fn new(store: Store, listed: Vec<String>, salvage: bool) -> Self {
        Recovery {
            store,
            salvage,
            listed,
            manifest: Manifest::default(),
            stage: Stage::Manifest,
            wanted: vec![MANIFEST.to_owned()],
            gathered: Vec::new(),
            missing: false,
            chunks: Vec::new(),
            logs: Vec::new(),
            sequence: 0,
            log_bytes: 0,
            torn: None,
            ended: false,
            may_tear: false,
            bare: true,
            report: Report::default(),
        }
    }

    /// The names wanted next, in order, `most` chunks ahead, and more of a log in pieces: several can be fetched at once.
    /// None when all is read.
    pub fn wanted(&self, most: usize) -> Vec<String> {
        let mut list: Vec<String> = self.wanted.iter().rev().cloned().collect();
        if list.is_empty() {
            return list;
        }
        self.chunks.iter().rev().take(most).for_each(|chunk| chunk.names(&mut list));
        if self.chunks.len() <= most && !self.store.appends && !self.ended {
            for &log in self.logs.iter().rev().take(PIECES_AHEAD * most) {
                self.log_names(log, &mut list);
            }
        }
        list
    }

    /// Adds the names of a log segment in so many parts; whether it is a single object.
    fn log_names(&self, (number, parts): (u64, u32), names: &mut Vec<String>) -> bool {
        let name = log_name(number);
        // One in parts has names with numbers even if only the first is there.
        let single = self.listed.binary_search(&name).is_ok();
        match single {
            true => names.push(name),
            false => part_names(&name, parts, names),
        }
        single
    }

    /// Takes the object that is wanted first; `None` where there is none.
    pub fn feed(&mut self, bytes: Option<&[u8]>, target: &mut dyn Target) -> Result<(), Damaged> {
        if self.wanted.pop().is_none() {
            return Ok(());
        }
        match bytes {
            Some(bytes) if !self.missing => self.gathered.extend_from_slice(bytes),
            Some(_) => {}
            None => self.missing = true,
        }
        self.report.bytes += bytes.map_or(0, <[u8]>::len) as u64;
        while self.wanted.is_empty() && !matches!(self.stage, Stage::Done) {
            let gathered = std::mem::take(&mut self.gathered);
            let missing = std::mem::take(&mut self.missing);
            let stage = std::mem::replace(&mut self.stage, Stage::Done);
            match stage {
                Stage::Manifest => self.read_manifest(&gathered, missing)?,
                Stage::Chunk(chunk) => self.read_chunk(&chunk, &gathered, missing, target)?,
                Stage::Log(number) => self.read_log(number, &gathered, missing, target)?,
                Stage::Done => {}
            }
            if self.wanted.is_empty() {
                self.go_on(target)?;
            }
        }
        Ok(())
    }

    /// Damage: an error, or written down where it is to be salvaged.
    fn damage(&mut self, object: String, offset: u64, what: impl Into<String>) -> Result<(), Damaged> {
        let damaged = Damaged { object, offset, what: what.into() };
        if !self.salvage {
            return Err(damaged);
        }
        self.report.lost.push(damaged);
        Ok(())
    }

    fn read_manifest(&mut self, bytes: &[u8], missing: bool) -> Result<(), Damaged> {
        if missing {
            let other = |name: &&String| name.starts_with(CHUNKS) || name.starts_with(LOGS);
            return match self.listed.iter().find(other).cloned() {
                Some(name) => self.damage(MANIFEST.into(), 0, format!("it is missing, though there is {name}")),
                None => Ok(()),
            };
        }
        match Manifest::read(bytes) {
            Ok(Found::Manifest(manifest)) => {
                self.report.found = manifest.snapshot > 0;
                self.bare = false;
                self.report.snapshot_at = manifest.at;
                self.sequence = manifest.sequence;
                self.chunks = manifest.chunks.iter().rev().filter(|chunk| chunk.bytes > 0).cloned().collect();
                if manifest.log {
                    self.find_logs(manifest.log_from);
                }
                self.manifest = manifest;
                Ok(())
            }
            Ok(Found::Parts(mut names)) => {
                names.reverse();
                self.wanted = names;
                self.stage = Stage::Manifest;
                Ok(())
            }
            Err(Unframed::Newer(version)) => Err(newer(MANIFEST.into(), 0, version)),
            Err(_) => self.damage(MANIFEST.into(), 0, "its checksum does not fit"),
        }
    }

    /// Numbers of the log's segments that are listed, with their parts.
    fn find_logs(&mut self, from: u64) {
        for (number, _) in self.listed.iter().filter_map(|name| log_number(name)) {
            match self.logs.last_mut() {
                Some(last) if last.0 == number => last.1 += 1,
                _ if number >= from => self.logs.push((number, 1)),
                _ => {}
            }
        }
        self.logs.reverse();
    }

    /// The next stage.
    fn go_on(&mut self, target: &mut dyn Target) -> Result<(), Damaged> {
        if let Some(chunk) = self.chunks.pop() {
            chunk.names(&mut self.wanted);
            self.wanted.reverse();
            self.stage = Stage::Chunk(chunk);
            return Ok(());
        }
        if self.sequence == self.manifest.sequence {
            // What the log changes from here on was written since the snapshot.
            let tracker = &mut target.space().tracker;
            (0..tracker.len()).for_each(|at| tracker.set(at, Segment::Clean));
        }
        if let Some(log) = self.logs.pop().filter(|_| !self.ended) {
            let mut names = Vec::new();
            let single = self.log_names(log, &mut names);
            names.reverse();
            self.wanted = names;
            // What is written as one object stands whole or not at all.
            self.may_tear = self.store.appends || !single;
            self.stage = Stage::Log(log.0);
        }
        Ok(())
    }

    fn read_chunk(
        &mut self,
        chunk: &Chunk,
        bytes: &[u8],
        missing: bool,
        target: &mut dyn Target,
    ) -> Result<(), Damaged> {
        let name = chunk.name();
        if missing {
            return self.damage(name, bytes.len() as u64, "it is missing, or a part of it");
        }
        if bytes.len() as u64 != chunk.bytes {
            let what = format!("it has {} bytes where the manifest says {}", bytes.len(), chunk.bytes);
            self.damage(name.clone(), bytes.len() as u64, what)?;
        }
        let mut at = 0;
        while at < bytes.len() {
            match frame::read(&bytes[at..], Kind::Segment) {
                Ok((body, taken)) => {
                    match load(target.space(), body) {
                        Ok(keys) => self.report.keys += keys,
                        Err(damage) => {
                            let what = damage.map_or("an entry that does not read".into(), |damage| damage.to_string());
                            self.damage(name.clone(), at as u64, what)?;
                        }
                    }
                    at += taken;
                }
                Err(Unframed::Newer(version)) => return Err(newer(name, at as u64, version)),
                Err(_) => {
                    self.damage(name.clone(), at as u64, "a segment whose checksum does not fit")?;
                    match next_frame(bytes, at + 1, Kind::Segment) {
                        Some(next) => at = next,
                        None => break,
                    }
                }
            }
        }
        Ok(())
    }

    fn read_log(&mut self, number: u64, bytes: &[u8], missing: bool, target: &mut dyn Target) -> Result<(), Damaged> {
        let name = log_name(number);
        let mut at = 0;
        if missing && bytes.is_empty() {
            self.damage(name, 0, "it is missing, or its first part")?;
            self.ended = true;
            return Ok(());
        }
        while at < bytes.len() && !self.ended {
            let (body, taken) = match frame::read(&bytes[at..], Kind::Log) {
                Ok(found) => found,
                Err(Unframed::Newer(version)) => return Err(newer(name, at as u64, version)),
                Err(_) => {
                    // A crash leaves an end that is torn; sound frames behind it are a sign of something else. Where
                    // objects are written whole, nothing tears.
                    let goes_on = next_frame(bytes, at + 1, Kind::Log).is_some();
                    if goes_on || !self.may_tear {
                        self.damage(name, at as u64, "a frame whose checksum does not fit")?;
                        self.ended = true;
                    } else {
                        self.torn = Some((name, at as u64, (bytes.len() - at) as u64));
                    }
                    return Ok(());
                }
            };
            let Some((epoch, first, units)) = Units::new(body) else {
                self.damage(name, at as u64, "a frame that does not read")?;
                self.ended = true;
                return Ok(());
            };
            if epoch == self.manifest.epoch {
                // A frame that was written twice is one that was not known to have arrived.
                if first > self.sequence + 1 {
                    let (object, offset) = match self.torn.take() {
                        Some((object, offset, _)) => (object, offset),
                        None => (name, at as u64),
                    };
                    self.damage(
                        object,
                        offset,
                        format!("the effects from {} to {} are missing", self.sequence + 1, first - 1),
                    )?;
                    self.ended = true;
                    return Ok(());
                }
                if first == self.sequence + 1 {
                    match target.replay(units) {
                        Ok(effects) => {
                            self.torn = None;
                            self.sequence += effects;
                            self.report.effects += effects;
                        }
                        Err(what) => {
                            self.damage(name, at as u64, what)?;
                            self.ended = true;
                            return Ok(());
                        }
                    }
                }
            }
            at += taken;
            self.log_bytes += taken as u64;
        }
        Ok(())
    }

    /// Whether nothing more is wanted.
    pub fn is_done(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Ends the recovery: `persistence` goes on from here.
    pub fn finish(mut self, persistence: &mut Persistence, space: &mut Keyspace) -> Report {
        self.report.cut = self.torn.take();
        let anew = !self.report.lost.is_empty();
        let mut manifest = self.manifest;
        // Numbers of objects are never used twice: what a listing still shows of an old one stays harmless.
        let mut number = manifest.snapshot;
        let mut segment = manifest.log_from;
        let (mut leftover, mut segments) = (Vec::new(), Vec::<(u64, u32)>::new());
        let named = |id: (u64, u32)| {
            let has = |chunks: &[Chunk]| chunks.iter().any(|chunk| chunk.id == id);
            has(&manifest.chunks) || has(&manifest.leaving)
        };
        for name in self.listed {
            if let Some((log, _)) = log_number(&name) {
                segment = segment.max(log);
                match segments.last_mut() {
                    Some(last) if last.0 == log => last.1 += 1,
                    _ if manifest.log && log >= manifest.log_from && !anew => segments.push((log, 1)),
                    _ => leftover.push(name),
                }
            } else if let Some(rest) = name.strip_prefix(CHUNKS) {
                let mut words = rest.split('.');
                let of = words.next().and_then(|text| text.parse().ok()).unwrap_or(0);
                number = number.max(of);
                // A manifest's own parts have a word where chunks have a number.
                let stays = match words.next().and_then(|text| text.parse().ok()) {
                    Some(own) => named((of, own)),
                    None => of == manifest.snapshot,
                };
                if !stays || anew {
                    leftover.push(name);
                }
            }
        }
        if anew {
            // Nothing of the old may be named again; it goes once the new stands.
            manifest.chunks.clear();
            let tracker = &mut space.tracker;
            (0..tracker.len()).for_each(|at| tracker.set(at, Segment::Written));
        }
        let recovered = Recovered {
            manifest,
            number,
            segment: segment + 1,
            segments,
            log_bytes: self.log_bytes,
            sequence: self.sequence,
            leftover,
            anew,
            bare: self.bare,
            changes: self.report.effects,
        };
        persistence.loaded = self.report.keys;
        persistence.attach(space, self.store, recovered);
        self.report
    }
}

fn newer(object: String, offset: u64, version: u8) -> Damaged {
    Damaged { object, offset, what: format!("format version {version} was written by a later release") }
}

fn log_name(number: u64) -> String {
    format!("{LOGS}{number:012}")
}

/// The number of the log segment that an object's name tells, and the part's.
fn log_number(name: &str) -> Option<(u64, u32)> {
    let rest = name.strip_prefix(LOGS)?;
    let (number, part) = rest.split_once('.').unwrap_or((rest, "0"));
    Some((number.parse().ok()?, part.parse().ok()?))
}

/// Where the next sound frame begins.
fn next_frame(bytes: &[u8], from: usize, kind: Kind) -> Option<usize> {
    (from..bytes.len()).find(|&at| frame::read(&bytes[at..], kind).is_ok())
}
