//! The containers behind the values: no keys, no clock, no replies. Each states what its operations cost.

pub(crate) mod block;
pub mod dict;
pub mod geohash;
pub mod hash;
pub mod hyperloglog;
pub mod intset;
pub mod list;
pub mod listpack;
pub mod order;
pub mod ordered;
mod pair;
pub mod partial_sort;
pub mod set;
pub mod sorted_set;
pub mod stream;

/// When a compact form gives way to its table, and the seed that the table then hashes with.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most entries of the compact form.
    pub entries: usize,
    /// Longest entry of the compact form, in bytes.
    pub value: usize,
    /// Seed of the table's hash.
    pub seed: u64,
}
