//! The values of keys by their type: reading, writing, and writing with creation. All answer WRONGTYPE to another type.
//! What is the same for all types is compiled once: it answers a bare pointer, which each type makes a reference of.

use super::super::database::Place;
use super::{Entry, HASH, LIST, SET, SORTED_SET, STREAM};
use crate::keyspace::{Keys, Value};
use crate::resp::Fault;
use crate::structures::hash::Hash;
use crate::structures::list::List;
use crate::structures::set::Set;
use crate::structures::sorted_set::SortedSet;
use crate::structures::stream::Stream;
use std::ptr;

/// Stands for a value of another type where null stands for no key; no value has this address, in the middle of the first
/// word of memory.
const OTHER: *mut u8 = ptr::without_provenance_mut(1);

/// A type of values that are not strings.
///
/// # Safety
/// A value of kind `KIND` must be of this type.
pub(in crate::keyspace) unsafe trait Boxed {
    const KIND: u8;
}

fn find(entry: Option<&Entry>, kind: u8) -> *mut u8 {
    match entry {
        None => ptr::null_mut(),
        Some(entry) if entry.kind() == kind => entry.address(),
        Some(_) => OTHER,
    }
}

/// # Safety
/// `at` must be what [`find`] answers for the kind of `T` and an entry that nobody else uses during `'e`.
#[inline(always)]
unsafe fn found<'e, T: Boxed>(at: *mut u8) -> Result<Option<&'e mut T>, Fault> {
    if at == OTHER {
        return Err(Fault::WrongType);
    }
    // SAFETY: it is null, or where a value of that kind is.
    Ok(unsafe { at.cast::<T>().as_mut() })
}

impl Entry {
    /// Its value for writing, if that is of this type.
    #[inline]
    pub(in crate::keyspace) fn get_mut<T: Boxed>(&mut self) -> Option<&mut T> {
        // SAFETY: a value of that kind is of that type, and this entry's alone.
        unsafe { found(find(Some(self), T::KIND)).ok().flatten() }
    }
}

macro_rules! typed {
    ($(#[doc = $what:literal] $variant:ident $kind:ident: $read:ident, $write:ident, $create:ident;)*) => {
        $(
            // SAFETY: `Body::value` makes values of this kind from values of this type; nothing else does.
            unsafe impl Boxed for $variant {
                const KIND: u8 = $kind;
            }
        )*

        impl Keys<'_> { $(
            #[doc = concat!("Reads ", $what, "; counts a hit or a miss.")]
            #[inline(always)]
            pub fn $read(&mut self, key: &[u8]) -> Result<Option<&$variant>, Fault> {
                // SAFETY: the keyspace is borrowed for as long as what was found in it.
                unsafe { found(self.read_kind(key, $kind)).map(|found| found.map(|found| &*found)) }
            }

            #[doc = concat!("Opens ", $what, " for writing, if the key is there.")]
            #[inline(always)]
            pub fn $write(&mut self, key: &[u8]) -> Result<Option<&mut $variant>, Fault> {
                // SAFETY: the keyspace is borrowed for as long as what was found in it.
                unsafe { found(self.write_kind(key, $kind)) }
            }

            #[doc = concat!("Opens ", $what, " for writing; makes an empty one where there is no key. The caller must \
                leave it non-empty or call [`Keys::remove_if_empty`].")]
            pub fn $create(&mut self, key: &[u8]) -> Result<&mut $variant, Fault> {
                let make = || Value::$variant(Default::default());
                // SAFETY: the keyspace is borrowed for as long as what was found in it.
                unsafe { found(self.make_kind(key, $kind, make))?.ok_or(Fault::WrongType) }
            }
        )* }
    };
}

typed! {
    /// a list
    List LIST: read_list, list_mut, list_or_new;
    /// a hash
    Hash HASH: read_hash, hash_mut, hash_or_new;
    /// a set
    Set SET: read_set, set_mut, set_or_new;
    /// a sorted set
    SortedSet SORTED_SET: read_sorted_set, sorted_set_mut, sorted_set_or_new;
    /// a stream
    Stream STREAM: read_stream, stream_mut, stream_or_new;
}

impl Keys<'_> {
    fn read_kind(&mut self, key: &[u8], kind: u8) -> *mut u8 {
        find(self.read_entry(key), kind)
    }

    fn write_kind(&mut self, key: &[u8], kind: u8) -> *mut u8 {
        find(self.write(key).map(|entry| &*entry), kind)
    }

    fn make_kind(&mut self, key: &[u8], kind: u8, make: fn() -> Value) -> *mut u8 {
        let at = self.write_kind(key, kind);
        if !at.is_null() {
            return at;
        }
        self.put(key, make());
        self.write_kind(key, kind)
    }

    /// Opens a hash for writing that is settled; makes an empty one where there is no key.
    pub(in crate::keyspace) fn hash_at_or_new(&mut self, place: Place, key: &[u8]) -> Result<&mut Hash, Fault> {
        let mut at = find(self.write_at(place, key).map(|entry| &*entry), HASH);
        if at.is_null() {
            self.put(key, Value::Hash(Default::default()));
            at = self.write_kind(key, HASH);
        }
        // SAFETY: the keyspace is borrowed for as long as what was found in it.
        unsafe { found(at)?.ok_or(Fault::WrongType) }
    }

    /// Opens a hash for writing that is settled, if the key is there.
    #[inline(always)]
    pub(in crate::keyspace) fn hash_at(&mut self, place: Place, key: &[u8]) -> Result<Option<&mut Hash>, Fault> {
        // SAFETY: the keyspace is borrowed for as long as what was found in it.
        unsafe { found(find(self.write_at(place, key).map(|entry| &*entry), HASH)) }
    }
}
