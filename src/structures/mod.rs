//! The containers behind the values: no keys, no clock, no replies. Each states what its operations cost.

pub mod dict;
pub mod hash;
pub mod intset;
pub mod list;
pub mod listpack;
pub mod set;
pub mod sorted_set;
