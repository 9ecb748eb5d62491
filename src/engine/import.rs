//! Importing: a file of a Redis server read into the keyspace. The session that imports has the keyspace to itself: others are
//! answered LOADING, as by a server that loads. Nothing expires meanwhile: an append log, which its host hands in as this
//! session's commands, has the deletion of what expired where it happened, and what came before was meant for the key as it
//! was.

use super::{Engine, SessionId};
use crate::rdb::file::FileReader;
use crate::rdb::{Damage, Kind};

/// An import that is under way.
pub(crate) struct Import {
    pub(crate) session: SessionId,
    reader: FileReader,
}

impl Engine {
    /// Begins an import, or its next file, in `session`. Keys that are there already are replaced when `replaces`, else a
    /// file that has them is refused. The keyspace is handed back by [`Engine::end_import`].
    pub fn begin_import(&mut self, session: SessionId, replaces: bool) {
        self.keyspace.holds_expiry = true;
        self.import = Some(Box::new(Import { session, reader: FileReader::new(replaces) }));
    }

    /// Hands in the next bytes of an RDB file; see [`FileReader::feed`].
    pub fn import(&mut self, bytes: &[u8], last: bool) -> Result<Option<Vec<u8>>, Damage> {
        let Some(import) = &mut self.import else { return Ok(None) };
        let read = import.reader.feed(bytes, last, &mut self.keyspace);
        let offset = import.reader.offset();
        if self.wants_effects() {
            self.record(0, None);
        }
        self.settle_changes();
        if read.is_ok() && !self.has_room() {
            return Err(Damage::new(offset, Kind::NoMemory));
        }
        read
    }

    /// The reader of the RDB file that is being imported.
    pub fn importing(&self) -> Option<&FileReader> {
        self.import.as_ref().map(|import| &import.reader)
    }

    /// Ends the import, and with it what is due by now. Nothing happens when none is under way.
    pub fn end_import(&mut self) {
        self.import = None;
        self.keyspace.holds_expiry = false;
        // Whoever repeats the effects sees commands on keys that were due, and now their deletion.
        while self.expire_some() {}
        self.settle_changes();
        self.serve_waits();
        self.finish();
    }
}
