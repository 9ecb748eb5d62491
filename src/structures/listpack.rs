//! listpack: to come.
