//! list: to come.
