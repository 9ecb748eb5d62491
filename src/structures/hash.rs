//! hash: to come.
