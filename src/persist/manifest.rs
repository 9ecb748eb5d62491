//! The manifest: what the keyspace is made of.

use super::frame::{self, Kind, Unframed};
use serde::{Deserialize, Serialize};

/// Segments that stand in one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Chunk {
    /// Number of the snapshot that wrote it, and its own in that.
    pub id: (u64, u32),
    /// The first segment's position, and the one behind the last; see [`crate::keyspace::Tracker`].
    pub from: u32,
    pub to: u32,
    /// Length in bytes; 0 for segments without keys, which have no object.
    pub bytes: u64,
    /// How many objects it is cut into.
    pub parts: u32,
}

impl Chunk {
    pub(super) fn name(&self) -> String {
        format!("{}{:012}.{:05}", super::CHUNKS, self.id.0, self.id.1)
    }

    /// The names of its objects, added to `to`.
    pub(super) fn names(&self, to: &mut Vec<String>) {
        names(self.name(), if self.bytes == 0 { 0 } else { self.parts }, to);
    }
}

/// The names of the objects that `name` is cut into, added to `to`.
pub(super) fn names(name: String, parts: u32, to: &mut Vec<String>) {
    match parts {
        1 => to.push(name),
        _ => part_names(&name, parts, to),
    }
}

/// The names of the parts of `name`, added to `to`.
pub(super) fn part_names(name: &str, parts: u32, to: &mut Vec<String>) {
    for part in 0..parts {
        to.push(format!("{name}.{part:05}"));
    }
}

/// What the manifest says.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// Number of the snapshot.
    pub snapshot: u64,
    /// Its instant, in milliseconds since 1970.
    pub at: i64,
    /// Number of the last effect that is in the snapshot.
    pub sequence: u64,
    /// Whether a log follows it, and which.
    pub log: bool,
    pub epoch: u64,
    /// Number of the log segment that begins right behind the snapshot.
    pub log_from: u64,
    /// All segments, in order of their position.
    pub chunks: Vec<Chunk>,
    /// Objects that this manifest no longer names and that stay one snapshot longer, for those who still see the last one.
    pub leaving: Vec<Chunk>,
}

/// What the object under the manifest's name holds.
#[derive(Serialize, Deserialize)]
enum Root {
    Whole(Manifest),
    /// It is too long for one object: the frame of a `Whole` one stands in so many parts.
    Elsewhere {
        snapshot: u64,
        parts: u32,
    },
}

/// What was read under the manifest's name.
pub(super) enum Found {
    Manifest(Manifest),
    /// The objects that hold it.
    Parts(Vec<String>),
}

impl Manifest {
    /// Bytes of all chunks.
    pub(super) fn bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.bytes).sum()
    }

    fn part_names(snapshot: u64, parts: u32) -> Vec<String> {
        let mut to = Vec::new();
        part_names(&format!("{}{snapshot:012}.manifest", super::CHUNKS), parts, &mut to);
        to
    }

    /// The objects to write, the manifest's own last.
    pub(super) fn write(&self, limit: usize) -> Vec<(String, Vec<u8>)> {
        let framed = |root: &Root| {
            let mut out = Vec::new();
            let start = frame::begin(&mut out, Kind::Manifest);
            frame::put(&mut out, root);
            frame::seal(&mut out, start);
            out
        };
        let whole = framed(&Root::Whole(self.clone()));
        if whole.len() <= limit {
            return vec![(super::MANIFEST.into(), whole)];
        }
        let parts = whole.len().div_ceil(limit) as u32;
        let mut objects = Vec::new();
        for (name, piece) in Self::part_names(self.snapshot, parts).into_iter().zip(whole.chunks(limit)) {
            objects.push((name, piece.to_vec()));
        }
        objects.push((super::MANIFEST.into(), framed(&Root::Elsewhere { snapshot: self.snapshot, parts })));
        objects
    }

    /// Reads the object under the manifest's name, or its parts put together.
    pub(super) fn read(bytes: &[u8]) -> Result<Found, Unframed> {
        let (mut body, taken) = frame::read(bytes, Kind::Manifest)?;
        if taken != bytes.len() {
            return Err(Unframed::Unsound);
        }
        match frame::take(&mut body).filter(|_| body.is_empty()) {
            Some(Root::Whole(manifest)) => Ok(Found::Manifest(manifest)),
            Some(Root::Elsewhere { snapshot, parts }) => Ok(Found::Parts(Self::part_names(snapshot, parts))),
            None => Err(Unframed::Unsound),
        }
    }
}
