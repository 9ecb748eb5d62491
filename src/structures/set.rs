//! set: to come.
