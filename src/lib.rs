//! Cachelet: a Redis-compatible keyspace that runs inside the program that needs it.
//!
//! The rooms below stand lowest first; a room imports only rooms listed before it
//! (`tests/layers.rs` holds that). The engine owns bytes, keys and the time it is handed: clock, seed,
//! storage and sockets are arguments or come back as requests, so the same input gives the same bytes.
//!
//! A first tour: [`resp`] cuts requests out of bytes, [`engine`] passes each through its gates and to the
//! handler that one block in [`mod@commands`] declares, the handler works on a [`keyspace`] made of
//! [`structures`], and [`wasm`] is the one room that knows JavaScript.

// The docs are built with their private items: whoever reads them works on this house.
#![allow(rustdoc::private_intra_doc_links)]

pub mod memory;
pub mod bytes;
pub mod resp;
pub mod structures;
pub mod keyspace;
pub mod rdb;
pub mod persist;
pub mod commands;
pub mod engine;
pub mod catalog;
#[cfg(target_arch = "wasm32")]
pub mod wasm;
