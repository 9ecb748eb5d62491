//! The one room that knows JavaScript.
