//! One key with its value, its expiry and when it was last used.

use super::Value;
use crate::structures::dict::Keyed;

/// `expire_at` of a key that does not expire.
pub(crate) const NEVER: i64 = i64::MAX;

/// `expire_at` of a key that expires in the last millisecond there is, whose own number means never.
pub(crate) const LAST: i64 = NEVER - 1;

/// What access data holds: 24 bits.
pub(crate) const ACCESS_MASK: u32 = 0xFF_FFFF;

/// A key and what belongs to it.
#[derive(Debug)]
pub struct Entry {
    key: Box<[u8]>,
    pub(crate) value: Value,
    pub(crate) expire_at: i64,
    access: u32,
}

impl Entry {
    /// A key without expiry, with this access data.
    pub(crate) fn new(key: &[u8], value: Value, access: u32) -> Self {
        Entry { key: key.into(), value, expire_at: NEVER, access: access & ACCESS_MASK }
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

    /// What is remembered of its use, 24 bits: see [`super::access`].
    #[inline]
    pub fn access(&self) -> u32 {
        self.access
    }

    /// Replaces the access data by the low 24 bits of `access`.
    #[inline]
    pub(crate) fn set_access(&mut self, access: u32) {
        self.access = access & ACCESS_MASK;
    }
}

impl Keyed for Entry {
    #[inline]
    fn key(&self) -> &[u8] {
        &self.key
    }
}
