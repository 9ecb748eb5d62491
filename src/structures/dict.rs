//! dict: to come.
