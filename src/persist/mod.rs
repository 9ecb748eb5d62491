//! Persistence without I/O: which bytes go under which name, when, and what they mean when they are read back. A host
//! carries out the writes that [`Persistence`] asks for, one after the other, and says how each went.
//!
//! ```text
//! manifest                       names what makes up the keyspace; written last, so that it swaps old for new
//! chunk/<snapshot>.<number>      neighbouring segments as they were at one instant; never changed
//! log/<number>                   what was changed since, in order; where a store cannot append, an object for each piece
//! <name>.<part>                  an object that is longer than the store allows, in parts
//! ```
//!
//! All of them are made of frames:
//!
//! ```text
//! frame:    length u32 LE | CRC64 of the payload, u64 LE | payload
//! payload:  kind u8 | format version u8 | body, in postcard unless said otherwise
//!           M  the manifest
//!           S  database, segment, count | key, expiry, access | type u8 and value as in RDB | key, ...
//!           L  epoch, number of the first effect | time since the last unit | argc, database, words | ... | 0 | ...
//! ```
//!
//! A snapshot costs what changed: chunks all of whose segments are as they were stay, and the next manifest names
//! them again. The log's frames carry the number of their first effect, so a hole shows, and a piece that was written
//! twice is applied once; and an epoch, which a snapshot of a database that had no log begins anew.

mod frame;
mod log;
mod manifest;
mod recovery;
mod snapshot;
mod state;

pub use log::{LogBuffer, Next, Units};
pub use recovery::{Damaged, Recovery, Report, Target};
pub(crate) use state::Reason;
pub use state::{Fsync, Goal, Operation, Persistence, Store, Want, Write};

/// Begins to keep track of which segments of a keyspace are written.
pub fn track(space: &mut crate::keyspace::Keyspace) {
    space.tracker.start(space.databases(), snapshot::take_early);
}

/// Name of the manifest.
pub const MANIFEST: &str = "manifest";

/// What chunks' names begin with.
pub const CHUNKS: &str = "chunk/";

/// What the names of the log's segments begin with.
pub const LOGS: &str = "log/";

/// Version of the format that is written, and the only one that is read.
const VERSION: u8 = 1;
