//! One key with its value, its expiry and when it was last used.

use super::Value;
use crate::structures::dict::Keyed;

/// `expire_at` of a key that does not expire.
pub(crate) const NEVER: i64 = i64::MAX;

/// `expire_at` of a key that expires in the last millisecond there is, whose own number means never.
pub(crate) const LAST: i64 = NEVER - 1;

/// A key and what belongs to it.
#[derive(Debug)]
pub struct Entry {
    key: Box<[u8]>,
    pub(crate) value: Value,
    pub(crate) expire_at: i64,
    pub(crate) access: u32,
}

impl Entry {
    /// A key without expiry, last used at `access` (seconds).
    pub(crate) fn new(key: &[u8], value: Value, access: u32) -> Self {
        Entry { key: key.into(), value, expire_at: NEVER, access }
    }

    /// The key's name.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// Its value.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// When it expires, in milliseconds since 1970.
    pub fn expire_at(&self) -> Option<i64> {
        match self.expire_at {
            NEVER => None,
            LAST => Some(i64::MAX),
            at => Some(at),
        }
    }

    /// When it was last used, in seconds since 1970, modulo 2^32.
    pub fn access(&self) -> u32 {
        self.access
    }
}

impl Keyed for Entry {
    #[inline]
    fn key(&self) -> &[u8] {
        &self.key
    }
}
