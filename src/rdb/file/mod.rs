//! RDB files: every key of every database, one after the other.
//!
//! ```text
//! file:  "REDIS" | version, four digits | item* | FF | CRC64 of all before, u64 LE: from version 5 on; 0 is not checked
//! item:  type key value                   a key of the database chosen last; FC, F8, F9 before it are its own
//!        FC ms i64 LE | FD seconds i32 LE when the key that follows expires
//!        F8 seconds | F9 frequency u8     how long it was not used, or how often it was
//!        FE number                        chooses a database
//!        FB keys expiries                 how many it holds
//!        F4 slot keys expiries            how many are in a hash slot
//!        FA name value                    about the file
//!        F5 library                       functions
//!        F7 module data                   data of a module that is no key's
//! ```
//!
//! [`FileReader`] takes a file in pieces of any size, [`FileWriter`] gives one out in pieces: neither holds more of it than
//! the value that is being read or written.

mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::{FileReader, Report};
pub use write::FileWriter;

/// Operations, as they stand where a type could.
mod ops {
    pub const SLOT_INFO: u8 = 0xF4;
    pub const FUNCTION: u8 = 0xF5;
    pub const MODULE_AUX: u8 = 0xF7;
    pub const IDLE: u8 = 0xF8;
    pub const FREQUENCY: u8 = 0xF9;
    pub const AUX: u8 = 0xFA;
    pub const RESIZE: u8 = 0xFB;
    pub const EXPIRE_MS: u8 = 0xFC;
    pub const EXPIRE: u8 = 0xFD;
    pub const SELECT: u8 = 0xFE;
    pub const EOF: u8 = 0xFF;
}

/// What a file begins with.
pub const MAGIC: &[u8; 5] = b"REDIS";
