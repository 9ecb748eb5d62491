//! What memory there is and may be: the allocator's figures, which a host lends, and the limit that commands are held to.

use crate::engine::Engine;
use crate::memory::Usage;

/// Where figures of memory come from, and what the engine is held to.
#[derive(Default)]
pub(crate) struct Memory {
    source: Option<fn() -> Usage>,
    /// Bytes in use when the engine was new.
    pub(super) startup: usize,
    /// `maxmemory` in bytes; 0 for none.
    pub(crate) limit: usize,
}

impl Engine {
    /// Lends the engine the allocator's figures, or takes them away. Without them INFO and MEMORY leave fields out, and
    /// nothing holds `maxmemory`. To be called while the engine is new: what is in use then counts as its own need.
    pub fn set_memory_source(&mut self, source: Option<fn() -> Usage>) {
        self.memory.source = source;
        self.memory.startup = self.memory_usage().map_or(0, |usage| usage.used);
    }

    /// The allocator's figures.
    #[inline]
    pub fn memory_usage(&self) -> Option<Usage> {
        self.memory.source.map(|source| source())
    }
}
