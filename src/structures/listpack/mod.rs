//! Listpack: a sequence of strings and integers in one allocation, which one word names.
//!
//! ```text
//! total bytes u32 LE | entries u16 LE (65535: not stated) | entry* | FF        as Redis stores and dumps it
//! head (see `buffer`) | entry*                                                in memory
//! entry: encoding and data | backlen
//! ```
//!
//! The backlen holds the size of what stands before it, seven bits a byte, readable from the right. It makes walking
//! backwards possible, which only lists do often: their listpacks are *laced*. All others leave the backlens out, a byte
//! for most entries, and find what stands before an entry by walking from the front. Every call works on both.
//!
//! Small collections live in listpacks because one allocation without a pointer beats any table both in bytes and, up to
//! a few kilobytes, in time. A block may have a gap before the entries, so that pushing to and popping from the front of
//! a list does not move all of them.
//!
//! A *position* is an opaque offset. It is good until the next change of the listpack; every change returns the
//! positions that a caller may go on with.

mod buffer;
mod codec;
mod item;
#[cfg(test)]
pub(in crate::structures) mod tests;

use crate::bytes::same;
use crate::structures::order::sort_by;
use buffer::Buffer;
use codec::{back_step, backlen_size, decode, framed, hop, short_text, step, Encoded, END};
pub use item::{Item, Needle};

/// Header of Redis' form.
const HEADER: usize = 6;
const COUNT_UNKNOWN: usize = 65_535;

/// No listpack grows beyond this many bytes; callers ask [`Listpack::fits`] before they add.
pub const MAX_BYTES: usize = 1 << 30;

/// A compact sequence of entries; see the module's head for the format.
#[derive(Clone)]
#[repr(transparent)]
pub struct Listpack {
    buffer: Buffer,
}

impl Default for Listpack {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Listpack {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_list().entries(self.iter()).finish()
    }
}

/// Equal when the entries are.
impl PartialEq for Listpack {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Listpack {}

impl Listpack {
    /// An empty listpack; allocates nothing.
    pub fn new() -> Self {
        Listpack { buffer: Buffer::new(false) }
    }

    /// An empty listpack that can be walked backwards at no cost; allocates nothing.
    pub fn laced() -> Self {
        Listpack { buffer: Buffer::new(true) }
    }

    /// Takes in a listpack in Redis' form that came from outside. Every entry is checked; `None` for anything that is
    /// not a sound listpack of at most [`MAX_BYTES`]. O(bytes).
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_BYTES || bytes.len() < HEADER + 1 {
            return None;
        }
        let total = u32::from_le_bytes(bytes[..4].try_into().ok()?) as usize;
        let stated = u16::from_le_bytes(bytes[4..6].try_into().ok()?) as usize;
        if total != bytes.len() || bytes[total - 1] != END {
            return None;
        }
        let entries = &bytes[HEADER..total - 1];
        let count = codec::validate(entries)?;
        if stated != COUNT_UNKNOWN && stated != count {
            return None;
        }
        Some(Self::of_entries(entries, true, count, false))
    }

    /// The entries in Redis' form, header to end mark. O(bytes).
    pub fn to_bytes(&self) -> Vec<u8> {
        let total = self.byte_len();
        let mut bytes = Vec::with_capacity(total);
        bytes.extend_from_slice(&(total as u32).to_le_bytes());
        bytes.extend_from_slice(&(self.len().min(COUNT_UNKNOWN) as u16).to_le_bytes());
        if self.is_laced() {
            bytes.extend_from_slice(self.buffer.entries());
        } else {
            codec::relace(self.buffer.entries(), false, true, &mut bytes);
        }
        bytes.push(END);
        bytes
    }

    /// A listpack of the entries in `bytes`, which are in one form, in the other or in the same.
    #[inline(never)]
    fn of_entries(bytes: &[u8], laced: bool, count: usize, into: bool) -> Self {
        let mut pack = Listpack { buffer: Buffer::new(into) };
        if count > 0 {
            let mut entries = Vec::with_capacity(bytes.len() + if into { count } else { 0 });
            codec::relace(bytes, laced, into, &mut entries);
            pack.buffer.splice(0, 0, &entries);
            pack.buffer.set_count(count);
        }
        pack
    }

    /// Whether entries have backlens.
    #[inline]
    pub fn is_laced(&self) -> bool {
        self.buffer.laced()
    }

    /// Adds the backlens, for a listpack that is going to be walked backwards, or takes them off. O(bytes) where they
    /// are not so already.
    #[inline]
    pub fn lace(&mut self, laced: bool) {
        if self.is_laced() != laced {
            *self = Self::of_entries(self.buffer.entries(), !laced, self.len(), laced);
        }
    }

    /// Size in Redis' form: what its limits in bytes speak of. O(1) if laced, else O(entries).
    #[inline]
    pub fn byte_len(&self) -> usize {
        HEADER + 1 + self.buffer.len() + if self.is_laced() { 0 } else { self.lacing() }
    }

    /// Bytes of the backlens that are left out.
    #[inline(never)]
    fn lacing(&self) -> usize {
        let (bytes, mut at, mut total) = (self.buffer.entries(), 0, 0);
        while at < bytes.len() {
            let size = step(bytes, at, false);
            total += backlen_size(size);
            at += size;
        }
        total
    }

    /// Bytes of heap held, slack included.
    pub fn heap_bytes(&self) -> usize {
        self.buffer.heap_bytes()
    }

    /// Number of entries. O(1) below 65,535, from there on O(entries).
    #[inline]
    pub fn len(&self) -> usize {
        self.buffer.count()
    }

    /// Whether there are no entries.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.buffer.len() == 0
    }

    /// Whether `entries` more entries with `bytes` of text in all are sure to stay within [`MAX_BYTES`] in Redis' form.
    #[inline]
    pub fn fits(&self, bytes: usize, entries: usize) -> bool {
        let lacing = if self.is_laced() { 0 } else { 5 * self.len() };
        let added = bytes as u64 + entries as u64 * 10;
        (HEADER + 1 + self.buffer.len() + lacing) as u64 + added <= MAX_BYTES as u64
    }

    /// Position of the first entry.
    #[inline]
    pub fn first(&self) -> Option<usize> {
        (!self.is_empty()).then_some(0)
    }

    /// Position of the last entry. O(1) if laced.
    #[inline]
    pub fn last(&self) -> Option<usize> {
        self.prev(self.buffer.len())
    }

    /// Position of the entry after the one at `at`.
    #[inline]
    pub fn next(&self, at: usize) -> Option<usize> {
        let next = at + step(self.buffer.entries(), at, self.is_laced());
        (next < self.buffer.len()).then_some(next)
    }

    /// Position of the entry before the one at `at`. O(1) if laced, else O(bytes).
    #[inline]
    pub fn prev(&self, at: usize) -> Option<usize> {
        if at == 0 {
            return None;
        }
        let bytes = self.buffer.entries();
        if self.is_laced() {
            return Some(at - back_step(bytes, at));
        }
        let mut before = 0;
        loop {
            let next = before + step(bytes, before, false);
            if next >= at {
                return Some(before);
            }
            before = next;
        }
    }

    /// The entry at a position.
    #[inline]
    pub fn get(&self, at: usize) -> Item<'_> {
        decode(self.buffer.entries(), at).0
    }

    /// Position of entry `index`; negative counts from the end, -1 being the last. Walks from the nearer end, if laced.
    pub fn seek(&self, index: i64) -> Option<usize> {
        let count = self.len() as i64;
        let index = if index < 0 { index + count } else { index };
        if index < 0 || index >= count {
            return None;
        }
        let (bytes, laced) = (self.buffer.entries(), self.is_laced());
        if index <= count / 2 || !laced {
            let mut at = 0;
            for _ in 0..index {
                at += step(bytes, at, laced);
            }
            Some(at)
        } else {
            let mut at = bytes.len();
            for _ in index..count {
                at -= back_step(bytes, at);
            }
            Some(at)
        }
    }

    /// Position of the first entry equal to `needle` among the one at `from` and then every entry after skipping
    /// `skip` (1 looks at the fields of field and value pairs). O(bytes).
    pub fn find(&self, from: Option<usize>, needle: &[u8], skip: usize) -> Option<usize> {
        let (text, needle, laced) = (needle, Needle::new(needle), self.is_laced());
        let (mut at, bytes) = (from?, self.buffer.entries());
        while at < bytes.len() {
            at += match short_text(bytes, at) {
                // Short text is what most entries are: told apart by length and last byte, without a call.
                Some(entry) => {
                    if entry.len() == text.len() && entry.last() == text.last() && same(entry, text) {
                        return Some(at);
                    }
                    entry.len() + 1 + laced as usize
                }
                None => {
                    let (item, size) = decode(bytes, at);
                    if item.matches(&needle) {
                        return Some(at);
                    }
                    framed(size, laced)
                }
            };
            for _ in 0..skip {
                if at >= bytes.len() {
                    return None;
                }
                at += hop(bytes, at, laced);
            }
        }
        None
    }

    /// The entries from the first on.
    pub fn iter(&self) -> Iter<'_> {
        self.iter_from(Some(0))
    }

    /// The entries from position `at` to the end; no position gives none.
    pub fn iter_from(&self, at: Option<usize>) -> Iter<'_> {
        let bytes = self.buffer.entries();
        Iter { bytes, at: at.unwrap_or(bytes.len()), laced: self.is_laced() }
    }

    /// The entries from the last one back.
    pub fn rev(&self) -> Rev<'_> {
        self.rev_to(self.buffer.len())
    }

    /// The entries from position `at`, included, back to the first; no position gives none. O(bytes) to begin with
    /// unless laced.
    pub fn rev_from(&self, at: Option<usize>) -> Rev<'_> {
        let bytes = self.buffer.entries();
        self.rev_to(at.map_or(0, |at| at + step(bytes, at, self.is_laced())))
    }

    fn rev_to(&self, end: usize) -> Rev<'_> {
        let bytes = self.buffer.entries();
        if self.is_laced() {
            return Rev { bytes, end, stops: None };
        }
        let (mut stops, mut at) = (Vec::with_capacity(self.len()), 0);
        while at < end {
            stops.push(at as u32);
            at += step(bytes, at, false);
        }
        Rev { bytes, end, stops: Some(stops) }
    }

    /// Whether no two are equal among the first entry and every one after skipping `skip`. O(n log n).
    pub fn distinct(&self, skip: usize) -> bool {
        let mut entries: Vec<Item<'_>> = self.iter().step_by(skip + 1).collect();
        let text = |a: &Item<'_>, b: &Item<'_>| a.bytes(&mut [0; 20]).cmp(b.bytes(&mut [0; 20]));
        sort_by(&mut entries, text);
        entries.windows(2).all(|pair| pair[0] != pair[1])
    }

    /// Adds an entry at the end. Amortised O(entry) for a list's, O(bytes) where the block must grow.
    #[inline]
    pub fn push_back<'a>(&mut self, entry: impl Into<Item<'a>>) {
        self.put(self.buffer.len(), 0, entry.into());
    }

    /// Adds two entries at the end, which changes the block once.
    pub fn push_pair<'a>(&mut self, first: impl Into<Item<'a>>, second: impl Into<Item<'a>>) {
        let (laced, at) = (self.is_laced(), self.buffer.len());
        let (first, second) = (Encoded::new(first.into()), Encoded::new(second.into()));
        let (before, behind) = (first.size(laced), second.size(laced));
        let place = self.buffer.open(at, 0, before + behind);
        // SAFETY: the place has room for as many bytes as the two have, which fill it.
        unsafe {
            first.write_to(place, laced);
            second.write_to(place.add(before), laced);
        }
        self.buffer.changed(2);
    }

    /// Adds an entry at the front. Amortised O(entry) if laced, else O(bytes).
    #[inline]
    pub fn push_front<'a>(&mut self, entry: impl Into<Item<'a>>) {
        self.put(0, 0, entry.into());
    }

    /// Inserts before the entry at `at`; returns the new entry's position. O(bytes).
    pub fn insert_before<'a>(&mut self, at: usize, entry: impl Into<Item<'a>>) -> usize {
        self.put(at, 0, entry.into())
    }

    /// Inserts after the entry at `at`; returns the new entry's position. O(bytes).
    pub fn insert_after<'a>(&mut self, at: usize, entry: impl Into<Item<'a>>) -> usize {
        self.put(at + self.step(at), 0, entry.into())
    }

    /// Replaces the entry at `at`; returns its position now. O(bytes) when the size changes.
    pub fn replace<'a>(&mut self, at: usize, entry: impl Into<Item<'a>>) -> usize {
        self.put(at, self.step(at), entry.into())
    }

    /// Deletes the entry at `at`; returns the position of the one that followed. O(bytes).
    pub fn delete(&mut self, at: usize) -> Option<usize> {
        self.delete_run(at, 1)
    }

    /// Deletes the last entry, which is at `at`. O(1), at times O(bytes).
    #[inline]
    pub fn delete_last(&mut self, at: usize) {
        self.buffer.truncate(at);
        self.buffer.changed(-1);
        self.buffer.settle();
    }

    /// Deletes up to `count` entries from position `at` on; returns the position of the one that followed. O(bytes).
    pub fn delete_run(&mut self, at: usize, count: usize) -> Option<usize> {
        let (mut stop, mut deleted) = (at, 0);
        while deleted < count && stop < self.buffer.len() {
            stop += self.step(stop);
            deleted += 1;
        }
        self.cut(at, stop, deleted)
    }

    /// Deletes `count` entries from `index` on (negative counts from the end); what is not there is ignored.
    pub fn delete_range(&mut self, index: i64, count: usize) {
        let Some(at) = self.seek(index) else { return };
        let from = if index < 0 { index + self.len() as i64 } else { index };
        let left = self.len() - from as usize;
        if count >= left {
            self.cut(at, self.buffer.len(), left);
        } else {
            self.delete_run(at, count);
        }
    }

    /// Keeps the entries for which `keep` says so, asked in order. One pass, O(bytes).
    pub fn retain(&mut self, mut keep: impl FnMut(Item<'_>) -> bool) {
        let (mut read, mut write, mut gone) = (0, 0, 0);
        while read < self.buffer.len() {
            let (item, size) = decode(self.buffer.entries(), read);
            let size = framed(size, self.is_laced());
            if keep(item) {
                if read != write {
                    self.buffer.move_down(read, size, write);
                }
                write += size;
            } else {
                gone += 1;
            }
            read += size;
        }
        if gone > 0 {
            self.buffer.splice(write, read - write, &[]);
            self.buffer.changed(-gone);
            self.buffer.settle();
        }
    }

    /// Adds all entries of `other` at the end. O(bytes of both).
    pub fn append(&mut self, mut other: Listpack) {
        other.lace(self.is_laced());
        self.buffer.splice(self.buffer.len(), 0, other.buffer.entries());
        self.buffer.changed(other.len() as isize);
    }

    /// Splits at entry `index`: the entries from there on leave as a listpack of their own. O(bytes).
    pub fn split_off(&mut self, index: usize) -> Listpack {
        let mut other = Listpack { buffer: Buffer::new(self.is_laced()) };
        if let Some(at) = self.seek(index as i64) {
            let moved = self.len() - index;
            let tail = &self.buffer.entries()[at..];
            other.buffer.splice(0, 0, tail);
            other.buffer.set_count(moved);
            self.cut(at, self.buffer.len(), moved);
        }
        other
    }

    #[inline]
    fn step(&self, at: usize) -> usize {
        step(self.buffer.entries(), at, self.is_laced())
    }

    fn put(&mut self, at: usize, replaced: usize, entry: Item<'_>) -> usize {
        let (entry, laced) = (Encoded::new(entry), self.is_laced());
        let place = self.buffer.open(at, replaced, entry.size(laced));
        // SAFETY: the place has as many bytes as the entry.
        unsafe { entry.write_to(place, laced) };
        if replaced == 0 {
            self.buffer.changed(1);
        } else {
            self.buffer.settle();
        }
        at
    }

    fn cut(&mut self, from: usize, to: usize, entries: usize) -> Option<usize> {
        if entries > 0 {
            self.buffer.splice(from, to - from, &[]);
            self.buffer.changed(-(entries as isize));
            self.buffer.settle();
        }
        (from < self.buffer.len()).then_some(from)
    }
}

/// Iterator over entries; see [`Listpack::iter`].
#[derive(Clone)]
pub struct Iter<'a> {
    bytes: &'a [u8],
    at: usize,
    laced: bool,
}

impl<'a> Iter<'a> {
    /// An iterator over nothing.
    pub fn empty() -> Self {
        Iter { bytes: &[], at: 0, laced: false }
    }

    /// The next entry; for loops that are hot.
    #[inline(always)]
    pub fn take_one(&mut self) -> Option<Item<'a>> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let (item, size) = decode(self.bytes, self.at);
        self.at += framed(size, self.laced);
        Some(item)
    }

    /// Position of the entry that comes next; none at the end.
    #[inline]
    pub fn place(&self) -> Option<usize> {
        (self.at < self.bytes.len()).then_some(self.at)
    }

    /// Passes over an entry; its position.
    #[inline]
    pub fn skip_one(&mut self) -> Option<usize> {
        let at = self.place()?;
        self.at += step(self.bytes, at, self.laced);
        Some(at)
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        self.take_one()
    }
}

/// Iterator over entries backwards; see [`Listpack::rev`].
#[derive(Clone)]
pub struct Rev<'a> {
    bytes: &'a [u8],
    /// Where the entry that comes next ends.
    end: usize,
    /// Where entries begin that are still to come, unless backlens tell.
    stops: Option<Vec<u32>>,
}

impl<'a> Iterator for Rev<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        let at = match &mut self.stops {
            Some(stops) => stops.pop()? as usize,
            None if self.end == 0 => return None,
            None => self.end - back_step(self.bytes, self.end),
        };
        self.end = at;
        Some(decode(self.bytes, at).0)
    }
}
