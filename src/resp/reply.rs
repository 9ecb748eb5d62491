//! Replies, written in the session's protocol straight into its output. RESP3's types are what handlers name;
//! RESP2 gets the older shape of each (a map as a flat array, a double as a bulk string...).
//!
//! A reply may be larger than the memory that is left. What does not fit is then left out, and [`lost`] says so: whoever
//! asked for the reply takes back what there is of it and answers an error. It is to replies what errno is to C, because
//! handlers write in a thousand places and none of them could do anything about it.

use super::Fault;
use crate::bytes::number::{format_i64, push_f64, push_i64, I64_TEXT};
use crate::bytes::{append, append_array};
use crate::memory::leaving;
use std::cell::Cell;

thread_local! {
    static LOST: Cell<bool> = const { Cell::new(false) };
}

/// Whether something that was written since the last call is missing for lack of memory.
#[inline]
pub fn lost() -> bool {
    LOST.take()
}

/// The least that an output grows by where memory is too short to double it.
const STEP: usize = 64 << 10;

/// Makes room for `more` bytes; what cannot be had is lost, and nothing is tried again until somebody has asked.
#[cold]
#[inline(never)]
fn make_room(out: &mut Vec<u8>, more: usize) -> bool {
    let there_is = !LOST.get()
        && leaving(out.len() + more, || {
            let done = out.try_reserve(more).is_ok()
                || out.try_reserve_exact(more.max(STEP)).is_ok()
                || out.try_reserve_exact(more).is_ok();
            done.then_some(())
        })
        .is_some();
    LOST.set(!there_is);
    there_is
}

/// Moves what is in `more` behind what is in `out`; what does not fit is lost.
pub fn join(out: &mut Vec<u8>, more: &mut Vec<u8>) {
    if out.is_empty() {
        std::mem::swap(out, more);
    } else {
        Reply::new(out, false).raw(more);
        more.clear();
    }
}

/// Writes replies into an output buffer.
pub struct Reply<'a> {
    out: &'a mut Vec<u8>,
    resp3: bool,
}

/// A place where a length will be filled in: see [`Reply::defer`].
#[must_use = "a deferred length has to be filled in"]
pub struct Mark(usize);

impl<'a> Reply<'a> {
    /// A writer at the end of `out`.
    #[inline]
    pub fn new(out: &'a mut Vec<u8>, resp3: bool) -> Self {
        Reply { out, resp3 }
    }

    /// Whether the session speaks RESP3.
    #[inline]
    pub fn resp3(&self) -> bool {
        self.resp3
    }

    /// Bytes in the output so far, for [`Reply::rewind`].
    #[inline]
    pub fn written(&self) -> usize {
        self.out.len()
    }

    /// Takes back everything written after `length` bytes.
    #[inline]
    pub fn rewind(&mut self, length: usize) {
        self.out.truncate(length);
    }

    /// Whether there is room for `more` bytes, now at the latest.
    #[inline(always)]
    fn has_room(&mut self, more: usize) -> bool {
        self.out.capacity() - self.out.len() >= more || make_room(self.out, more)
    }

    /// Appends bytes that are already RESP.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        if self.has_room(bytes.len()) {
            append(self.out, bytes);
        }
    }

    /// [`Reply::raw`] of a few bytes.
    #[inline(always)]
    fn put<const N: usize>(&mut self, bytes: &[u8; N]) {
        if self.has_room(N) {
            append_array(self.out, bytes);
        }
    }

    #[inline]
    fn header(&mut self, kind: u8, number: i64) {
        match number {
            0..10 => self.put(&[kind, b'0' + number as u8, b'\r', b'\n']),
            10..100 => {
                // A product and a shift instead of a division.
                let tens = (number as u32 * 205) >> 11;
                let ones = number as u32 - tens * 10;
                self.put(&[kind, b'0' + tens as u8, b'0' + ones as u8, b'\r', b'\n']);
            }
            _ => self.long_header(kind, number),
        }
    }

    #[inline(never)]
    fn long_header(&mut self, kind: u8, number: i64) {
        if self.has_room(I64_TEXT + 3) {
            self.out.push(kind);
            push_i64(self.out, number);
            append(self.out, b"\r\n");
        }
    }

    /// `+OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.put(b"+OK\r\n");
    }

    /// A simple string; `text` must hold neither CR nor LF.
    pub fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    fn line(&mut self, kind: u8, text: &[u8]) {
        if self.has_room(text.len() + 3) {
            self.out.push(kind);
            self.out.extend_from_slice(text);
            self.out.extend_from_slice(b"\r\n");
        }
    }

    /// An error. CR and LF in a made text become blanks, so that a reply cannot be forged through it.
    pub fn error(&mut self, fault: &Fault) {
        let start = self.out.len() + 1;
        self.line(b'-', &fault.bytes());
        let end = self.out.len().saturating_sub(2);
        let text = self.out.get_mut(start..end).unwrap_or_default();
        text.iter_mut().filter(|byte| matches!(byte, b'\r' | b'\n')).for_each(|byte| *byte = b' ');
    }

    /// An integer.
    #[inline]
    pub fn int(&mut self, number: i64) {
        self.header(b':', number);
    }

    /// A count as an integer.
    #[inline]
    pub fn count(&mut self, number: usize) {
        self.header(b':', number as i64);
    }

    /// 1 or 0: what commands answered before RESP3 had booleans, and still do.
    #[inline]
    pub fn flag(&mut self, yes: bool) {
        self.put(&[b':', b'0' + yes as u8, b'\r', b'\n']);
    }

    /// RESP3's boolean; 1 or 0 in RESP2.
    pub fn boolean(&mut self, yes: bool) {
        match (self.resp3, yes) {
            (true, true) => self.raw(b"#t\r\n"),
            (true, false) => self.raw(b"#f\r\n"),
            _ => self.flag(yes),
        }
    }

    /// A bulk string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        if self.has_room(bytes.len() + 24) {
            self.header(b'$', bytes.len() as i64);
            append(self.out, bytes);
            append_array(self.out, b"\r\n");
        }
    }

    /// An integer as a bulk string.
    #[inline]
    pub fn bulk_int(&mut self, number: i64) {
        let mut buffer = [0; I64_TEXT];
        self.bulk(format_i64(number, &mut buffer));
    }

    /// A verbatim string (`txt`, `mkd`) in RESP3, a bulk string in RESP2.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        if self.resp3 {
            self.header(b'=', text.len() as i64 + 4);
            self.raw(format.as_bytes());
            self.line(b':', text);
        } else {
            self.bulk(text);
        }
    }

    /// A double: RESP3's own type, a bulk string in RESP2.
    pub fn double(&mut self, number: f64) {
        let mut text = Vec::with_capacity(24);
        push_f64(&mut text, number);
        if self.resp3 {
            self.line(b',', &text);
        } else {
            self.bulk(&text);
        }
    }

    /// No value: `_` in RESP3, the null bulk string in RESP2.
    #[inline]
    pub fn null(&mut self) {
        self.raw(if self.resp3 { b"_\r\n" } else { b"$-1\r\n" });
    }

    /// No array: `_` in RESP3, the null array in RESP2.
    #[inline]
    pub fn null_array(&mut self) {
        self.raw(if self.resp3 { b"_\r\n" } else { b"*-1\r\n" });
    }

    /// Opens an array of `length` replies.
    #[inline]
    pub fn array(&mut self, length: usize) {
        self.header(b'*', length as i64);
    }

    /// Opens a map of `pairs` key and value replies; a flat array of twice as many in RESP2.
    pub fn map(&mut self, pairs: usize) {
        if self.resp3 {
            self.header(b'%', pairs as i64);
        } else {
            self.header(b'*', pairs as i64 * 2);
        }
    }

    /// Opens a set of `length` replies; an array in RESP2.
    pub fn set(&mut self, length: usize) {
        self.header(if self.resp3 { b'~' } else { b'*' }, length as i64);
    }

    /// Opens a push of `length` replies; an array in RESP2.
    pub fn push(&mut self, length: usize) {
        self.header(if self.resp3 { b'>' } else { b'*' }, length as i64);
    }

    /// Remembers this place for a header whose length is known only later.
    pub fn defer(&mut self) -> Mark {
        Mark(self.out.len())
    }

    /// Puts an array header of `length` at the mark. Moves what was written since: O(bytes since the mark).
    pub fn fill_array(&mut self, mark: Mark, length: usize) {
        self.fill(mark, b'*', length as i64);
    }

    /// Puts a map header of `pairs` at the mark. Moves what was written since: O(bytes since the mark).
    pub fn fill_map(&mut self, mark: Mark, pairs: usize) {
        let (kind, number) = if self.resp3 { (b'%', pairs) } else { (b'*', pairs * 2) };
        self.fill(mark, kind, number as i64);
    }

    /// Puts a set header of `length` at the mark. Moves what was written since: O(bytes since the mark).
    pub fn fill_set(&mut self, mark: Mark, length: usize) {
        self.fill(mark, if self.resp3 { b'~' } else { b'*' }, length as i64);
    }

    fn fill(&mut self, mark: Mark, kind: u8, number: i64) {
        let end = self.out.len();
        self.header(kind, number);
        let header = self.out.len() - end;
        self.out[mark.0..].rotate_right(header);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(resp3: bool, write: impl FnOnce(&mut Reply)) -> String {
        let mut out = b"x".to_vec();
        write(&mut Reply::new(&mut out, resp3));
        String::from_utf8(out[1..].to_vec()).unwrap()
    }

    #[test]
    fn every_type_in_both_protocols() {
        let all = |reply: &mut Reply| {
            reply.map(1);
            reply.set(2);
            reply.double(1.5);
            reply.boolean(true);
            reply.null();
            reply.null_array();
            reply.verbatim("txt", b"hi");
            reply.int(-12);
            reply.push(1);
        };
        assert_eq!(written(false, all), "*2\r\n*2\r\n$3\r\n1.5\r\n:1\r\n$-1\r\n*-1\r\n$2\r\nhi\r\n:-12\r\n*1\r\n");
        assert_eq!(written(true, all), "%1\r\n~2\r\n,1.5\r\n#t\r\n_\r\n_\r\n=6\r\ntxt:hi\r\n:-12\r\n>1\r\n");
    }

    #[test]
    fn a_deferred_length_goes_before_what_follows_it() {
        let text = written(false, |reply| {
            let mark = reply.defer();
            reply.bulk(b"abc");
            reply.fill_array(mark, 12);
        });
        assert_eq!(text, "*12\r\n$3\r\nabc\r\n");
    }

    #[test]
    fn errors_cannot_carry_a_second_reply() {
        assert_eq!(written(false, |reply| reply.error(&Fault::made("ERR a\r\n+OK"))), "-ERR a  +OK\r\n");
    }
}
