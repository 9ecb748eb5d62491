//! intset: to come.
