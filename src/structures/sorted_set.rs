//! sorted_set: to come.
