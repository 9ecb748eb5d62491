//! Strings and counters: the declarations. Setting and getting whole values is in [`values`], counting in
//! [`counters`], work on parts of a string in [`ranges`], comparing two in [`mod@lcs`], what depends on the value held in
//! [`conditions`].

mod conditions;
mod counters;
mod lcs;
mod ranges;
mod values;

use super::{Context, DataHandler, Handled, Outcome};
use conditions::{delex, digest};
use counters::{decr, decrby, incr, incrby, incrbyfloat};
use lcs::lcs;
pub(super) use ranges::grow;
use ranges::{append, getrange, setrange, strlen};
use values::{get, getdel, getex, getset, mget, mset, msetex, msetnx, psetex, set, setex, setnx};

crate::commands! {
    /// The string commands.
    pub static TABLE: DataHandler, group "string";

    /// Adds bytes at the end of a string, which begins empty where there is no key; answers the new length.
    "append" {
        since "2.0.0", cost "O(1) amortized, for the bytes appended", flags [WRITE DENYOOM FAST],
        args "key@RW.insert value",
        reply "int",
        run append,
    }
    /// Subtracts one from a counter, which starts at 0, and answers it.
    "decr" {
        since "1.0.0", cost "O(1)", flags [WRITE DENYOOM FAST],
        args "key@RW.access.update",
        reply "int",
        run decr,
    }
    /// Subtracts an integer from a counter, which starts at 0, and answers it.
    "decrby" {
        since "1.0.0", cost "O(1)", flags [WRITE DENYOOM FAST],
        args "key@RW.access.update decrement:int",
        reply "int",
        run decrby,
    }
    /// Deletes a key, on request only if the string it holds, or that string's digest, is or is not the given one.
    "delex" {
        since "8.4.0", cost "O(1), O(N) for the N bytes that are compared or digested", flags [WRITE FAST],
        args "key@RW.delete.variable_flags [condition=(IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | IFDNE ifdne-digest)]",
        reply "int",
        run delex,
    }
    /// Answers the XXH3 digest of a string in hexadecimal.
    "digest" {
        since "8.4.0", cost "O(N) for N bytes", flags [READONLY FAST],
        args "key@RO.access",
        reply "bytes?",
        run digest,
    }
    /// Answers the value of a string key.
    "get" {
        since "1.0.0", cost "O(1)", flags [READONLY FAST],
        args "key@RO.access",
        reply "bytes?",
        run get,
    }
    /// Answers the value of a string key and deletes the key.
    "getdel" {
        since "6.2.0", cost "O(1)", flags [WRITE FAST],
        args "key@RW.access.delete",
        reply "bytes?",
        run getdel,
    }
    /// Answers the value of a string key and sets or removes its expiry.
    "getex" {
        since "6.2.0", cost "O(1)", flags [WRITE FAST],
        args "key@RW.access.update [expiration=(EX seconds:int | PX milliseconds:int | EXAT unix-time-seconds:time | PXAT unix-time-milliseconds:time | PERSIST)]",
        reply "bytes?",
        run getex,
    }
    /// Answers the bytes of a string from one position to another, both included; negative ones count from its end.
    "getrange" {
        since "2.4.0", cost "O(N) for the N bytes answered", flags [READONLY],
        args "key@RO.access start:int end:int",
        reply "bytes",
        run getrange,
    }
    /// Sets a key to a string and answers the string it held before.
    "getset" {
        since "1.0.0", cost "O(1)", flags [WRITE DENYOOM FAST],
        args "key@RW.access.update value",
        reply "bytes?",
        run getset,
    }
    /// Adds one to a counter, which starts at 0, and answers it.
    "incr" {
        since "1.0.0", cost "O(1)", flags [WRITE DENYOOM FAST],
        args "key@RW.access.update",
        reply "int",
        run incr,
    }
    /// Adds an integer to a counter, which starts at 0, and answers it.
    "incrby" {
        since "1.0.0", cost "O(1)", flags [WRITE DENYOOM FAST],
        args "key@RW.access.update increment:int",
        reply "int",
        run incrby,
    }
    /// Adds a floating point number to the one a key holds, 0 where there is none, and answers the sum as text.
    "incrbyfloat" {
        since "2.6.0", cost "O(1)", flags [WRITE DENYOOM FAST],
        args "key@RW.access.update increment:double",
        reply "bytes",
        run incrbyfloat,
    }
    /// Finds the longest common subsequence of two strings: itself, its length, or where its parts lie.
    "lcs" {
        since "7.0.0", cost "O(N*M) for strings of N and M bytes", flags [READONLY],
        args "key1@RO.access key2@RO.access [LEN] [IDX] [MINMATCHLEN min-match-len:int] [WITHMATCHLEN]",
        reply "bytes | int | {any}",
        run lcs,
    }
    /// Answers the values of several keys, null for each that is missing or no string.
    "mget" {
        since "1.0.0", cost "O(N) for N keys", flags [READONLY FAST],
        args "key@RO.access...",
        reply "[bytes?]",
        tips "request_policy:multi_shard",
        run mget,
    }
    /// Sets several keys to a string each, whatever they held before.
    "mset" {
        since "1.0.1", cost "O(N) for N keys", flags [WRITE DENYOOM],
        args "data=(key@OW.update value)...",
        reply "ok",
        tips "request_policy:multi_shard response_policy:all_succeeded",
        run mset,
    }
    /// Sets several keys to a string each, with one expiry; on request only if all or none of them are there.
    "msetex" {
        since "8.4.0", cost "O(N) for N keys", flags [WRITE DENYOOM MOVABLEKEYS],
        args "numkeys:int data=(key@OW.update value)... [condition=(NX | XX)] [expiration=(EX seconds:int | PX milliseconds:int | EXAT unix-time-seconds:time | PXAT unix-time-milliseconds:time | KEEPTTL)]",
        reply "int",
        run msetex,
    }
    /// Sets several keys to a string each, unless one of them is there already.
    "msetnx" {
        since "1.0.1", cost "O(N) for N keys", flags [WRITE DENYOOM],
        args "data=(key@OW.insert value)...",
        reply "int",
        run msetnx,
    }
    /// Sets a key to a string that expires in so many milliseconds.
    "psetex" {
        since "2.6.0", cost "O(1)", flags [WRITE DENYOOM],
        args "key@OW.update milliseconds:int value",
        reply "ok",
        run psetex,
    }
    /// Sets a key to a string, whatever it held before; on request only if it is there or is not or holds what is
    /// expected, and with an expiry.
    "set" {
        since "1.0.0", cost "O(1)", flags [WRITE DENYOOM],
        args "key@RW.access.update.variable_flags value [condition=(NX | XX | IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | IFDNE ifdne-digest)] [GET] [expiration=(EX seconds:int | PX milliseconds:int | EXAT unix-time-seconds:time | PXAT unix-time-milliseconds:time | KEEPTTL)]",
        reply "ok | bytes?",
        run set,
    }
    /// Sets a key to a string that expires in so many seconds.
    "setex" {
        since "2.0.0", cost "O(1)", flags [WRITE DENYOOM],
        args "key@OW.update seconds:int value",
        reply "ok",
        run setex,
    }
    /// Sets a key to a string unless it is there already.
    "setnx" {
        since "1.0.0", cost "O(1)", flags [WRITE DENYOOM FAST],
        args "key@OW.insert value",
        reply "int",
        run setnx,
    }
    /// Writes bytes into a string at an offset, with zeros up to there where it is shorter; answers its length.
    "setrange" {
        since "2.2.0", cost "O(N) for the N bytes written, and for the zeros in front of them", flags [WRITE DENYOOM],
        args "key@RW.update offset:int value",
        reply "int",
        run setrange,
    }
    /// Answers the length of a string in bytes, 0 where there is no key.
    "strlen" {
        since "2.2.0", cost "O(1)", flags [READONLY FAST],
        args "key@RO",
        reply "int",
        run strlen,
    }
    /// The old name of GETRANGE.
    "substr" {
        since "1.0.0", cost "O(N) for the N bytes answered", flags [READONLY],
        args "key@RO.access start:int end:int",
        reply "bytes",
        run getrange,
    }
}

#[cfg(test)]
mod conditions_tests;
#[cfg(test)]
mod tests;
