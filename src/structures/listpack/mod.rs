//! Listpack: a sequence of strings and integers in one allocation, byte for byte as Redis stores and dumps it.
//!
//! ```text
//! total bytes u32 LE | entries u16 LE (65535: not stated) | entry* | FF
//! entry: encoding and data | backlen
//! ```
//!
//! The backlen holds the size of what stands before it, seven bits a byte, readable from the right; it is what
//! makes walking backwards possible. Small collections live in listpacks because one allocation without a
//! pointer beats any table both in bytes and, up to a few kilobytes, in time.
//!
//! Two departures in memory, none in the bytes: the entry count is kept beside the buffer, so that `len` costs
//! nothing even past 65,535 entries, and the buffer may have a gap before the header, so that pushing to
//! and popping from the front moves six bytes instead of all of them.
//!
//! A *position* is an opaque offset. It is good until the next change of the listpack; every change returns the
//! positions that a caller may go on with.

mod codec;
mod item;
#[cfg(test)]
pub(in crate::structures) mod tests;

use crate::structures::order::sort_by;
use codec::{back_step, decode, short_text, step, Encoded, END};
pub use item::{Item, Needle};

const HEADER: usize = 6;
const COUNT_UNKNOWN: usize = 65_535;

/// No listpack grows beyond this many bytes; callers ask [`Listpack::fits`] before they add.
pub const MAX_BYTES: usize = 1 << 30;

/// A compact sequence of entries; see the module's head for the format.
#[derive(Clone)]
pub struct Listpack {
    /// A gap of `start` bytes, then the listpack up to the end.
    buffer: Vec<u8>,
    start: u32,
    count: u32,
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

impl PartialEq for Listpack {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Listpack {}

impl Listpack {
    /// An empty listpack: seven bytes.
    pub fn new() -> Self {
        Self::with_capacity(0)
    }

    /// An empty listpack with room for `bytes` of encoded entries.
    pub fn with_capacity(bytes: usize) -> Self {
        let mut buffer = Vec::with_capacity(bytes.min(MAX_BYTES) + HEADER + 1);
        buffer.extend_from_slice(&[HEADER as u8 + 1, 0, 0, 0, 0, 0, END]);
        Listpack { buffer, start: 0, count: 0 }
    }

    /// Takes in a listpack that came from outside. Every entry is checked; `None` for anything that is not a
    /// sound listpack of at most [`MAX_BYTES`]. O(bytes).
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_BYTES || bytes.len() < HEADER + 1 {
            return None;
        }
        let total = u32::from_le_bytes(bytes[..4].try_into().ok()?) as usize;
        let stated = u16::from_le_bytes(bytes[4..6].try_into().ok()?) as usize;
        if total != bytes.len() || bytes[total - 1] != END {
            return None;
        }
        let count = codec::validate(&bytes[HEADER..total - 1])?;
        if stated != COUNT_UNKNOWN && stated != count {
            return None;
        }
        Some(Listpack { buffer: bytes.to_vec(), start: 0, count: count as u32 })
    }

    /// The bytes as Redis knows them, header to end mark.
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer[self.start as usize..]
    }

    /// Size of [`as_bytes`](Self::as_bytes): what Redis' limits in bytes speak of.
    #[inline]
    pub fn byte_len(&self) -> usize {
        self.buffer.len() - self.start as usize
    }

    /// Bytes of heap held, slack included.
    pub fn heap_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// Number of entries. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there are no entries.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether `entries` more entries with `bytes` of text in all are sure to stay within [`MAX_BYTES`].
    #[inline]
    pub fn fits(&self, bytes: usize, entries: usize) -> bool {
        let added = bytes as u64 + entries as u64 * 10;
        self.byte_len() as u64 + added <= MAX_BYTES as u64
    }

    #[inline]
    fn head(&self) -> usize {
        self.start as usize + HEADER
    }

    #[inline]
    fn tail(&self) -> usize {
        self.buffer.len() - 1
    }

    /// Position of the first entry.
    #[inline]
    pub fn first(&self) -> Option<usize> {
        (self.count > 0).then(|| self.head())
    }

    /// Position of the last entry.
    #[inline]
    pub fn last(&self) -> Option<usize> {
        (self.count > 0).then(|| self.tail() - back_step(&self.buffer, self.tail()))
    }

    /// Position of the entry after the one at `at`.
    #[inline]
    pub fn next(&self, at: usize) -> Option<usize> {
        let next = at + step(&self.buffer, at);
        (next < self.tail()).then_some(next)
    }

    /// Position of the entry before the one at `at`.
    #[inline]
    pub fn prev(&self, at: usize) -> Option<usize> {
        (at > self.head()).then(|| at - back_step(&self.buffer, at))
    }

    /// The entry at a position.
    #[inline]
    pub fn get(&self, at: usize) -> Item<'_> {
        decode(&self.buffer, at).0
    }

    /// Position of entry `index`; negative counts from the end, -1 being the last. Walks from the nearer end.
    pub fn seek(&self, index: i64) -> Option<usize> {
        let count = self.count as i64;
        let index = if index < 0 { index + count } else { index };
        if index < 0 || index >= count {
            return None;
        }
        if index <= count / 2 {
            let mut at = self.head();
            for _ in 0..index {
                at += step(&self.buffer, at);
            }
            Some(at)
        } else {
            let mut at = self.tail();
            for _ in index..count {
                at -= back_step(&self.buffer, at);
            }
            Some(at)
        }
    }

    /// Position of the first entry equal to `needle` among the one at `from` and then every entry after skipping
    /// `skip` (1 looks at the fields of field and value pairs). O(bytes).
    pub fn find(&self, from: Option<usize>, needle: &[u8], skip: usize) -> Option<usize> {
        let (text, needle) = (needle, Needle::new(needle));
        let (mut at, bytes) = (from?, &self.buffer[..self.tail()]);
        while at < bytes.len() {
            at += match short_text(bytes, at) {
                // Short text is what most entries are: told apart by length and last byte, without a call.
                Some(entry) => {
                    if entry.len() == text.len() && entry.last() == text.last() && entry == text {
                        return Some(at);
                    }
                    entry.len() + 2
                }
                None => {
                    let (item, size) = decode(bytes, at);
                    if item.matches(&needle) {
                        return Some(at);
                    }
                    size
                }
            };
            for _ in 0..skip {
                if at >= bytes.len() {
                    return None;
                }
                at += step(bytes, at);
            }
        }
        None
    }

    /// The entries, from either end.
    pub fn iter(&self) -> Iter<'_> {
        Iter { bytes: &self.buffer, front: self.head(), back: self.tail() }
    }

    /// The entries from position `at` to the end; no position gives none.
    pub fn iter_from(&self, at: Option<usize>) -> Iter<'_> {
        Iter { bytes: &self.buffer, front: at.unwrap_or(self.tail()), back: self.tail() }
    }

    /// The entries from the first to position `at`, both included; meant to be walked backwards.
    pub fn iter_to(&self, at: Option<usize>) -> Iter<'_> {
        let back = at.map_or(self.head(), |at| at + step(&self.buffer, at));
        Iter { bytes: &self.buffer, front: self.head(), back }
    }

    /// Whether no two are equal among the first entry and every one after skipping `skip`. O(n log n).
    pub fn distinct(&self, skip: usize) -> bool {
        let mut entries: Vec<Item<'_>> = self.iter().step_by(skip + 1).collect();
        let text = |a: &Item<'_>, b: &Item<'_>| a.bytes(&mut [0; 20]).cmp(b.bytes(&mut [0; 20]));
        sort_by(&mut entries, text);
        entries.windows(2).all(|pair| pair[0] != pair[1])
    }

    /// Adds an entry at the end. Amortised O(entry).
    #[inline]
    pub fn push_back<'a>(&mut self, entry: impl Into<Item<'a>>) {
        let entry = Encoded::new(entry.into());
        self.reserve_back(entry.size());
        self.buffer.pop();
        entry.push_to(&mut self.buffer);
        self.buffer.push(END);
        self.state(self.count + 1);
    }

    /// Adds an entry at the front. Amortised O(entry).
    #[inline]
    pub fn push_front<'a>(&mut self, entry: impl Into<Item<'a>>) {
        self.put(self.head(), 0, entry.into());
    }

    /// Inserts before the entry at `at`; returns the new entry's position. O(bytes).
    pub fn insert_before<'a>(&mut self, at: usize, entry: impl Into<Item<'a>>) -> usize {
        self.put(at, 0, entry.into())
    }

    /// Inserts after the entry at `at`; returns the new entry's position. O(bytes).
    pub fn insert_after<'a>(&mut self, at: usize, entry: impl Into<Item<'a>>) -> usize {
        self.put(at + step(&self.buffer, at), 0, entry.into())
    }

    /// Replaces the entry at `at`; returns its position now. O(bytes) when the size changes.
    pub fn replace<'a>(&mut self, at: usize, entry: impl Into<Item<'a>>) -> usize {
        self.put(at, step(&self.buffer, at), entry.into())
    }

    /// Deletes the entry at `at`; returns the position of the one that followed. O(bytes).
    pub fn delete(&mut self, at: usize) -> Option<usize> {
        self.delete_run(at, 1)
    }

    /// Deletes up to `count` entries from position `at` on; returns the position of the one that followed. O(bytes).
    pub fn delete_run(&mut self, at: usize, count: usize) -> Option<usize> {
        let (mut stop, mut deleted) = (at, 0);
        while deleted < count && stop < self.tail() {
            stop += step(&self.buffer, stop);
            deleted += 1;
        }
        self.cut(at, stop, deleted as u32)
    }

    /// Deletes `count` entries from `index` on (negative counts from the end); what is not there is ignored.
    pub fn delete_range(&mut self, index: i64, count: usize) {
        let Some(at) = self.seek(index) else { return };
        let from = if index < 0 { index + self.count as i64 } else { index };
        let left = self.count as usize - from as usize;
        if count >= left {
            self.cut(at, self.tail(), left as u32);
        } else {
            self.delete_run(at, count);
        }
    }

    /// Keeps the entries for which `keep` says so, asked in order. One pass, O(bytes).
    pub fn retain(&mut self, mut keep: impl FnMut(Item<'_>) -> bool) {
        let end = self.tail();
        let (mut read, mut write, mut count) = (self.head(), self.head(), 0);
        while read < end {
            let (item, size) = decode(&self.buffer, read);
            if keep(item) {
                if read != write {
                    self.buffer.copy_within(read..read + size, write);
                }
                write += size;
                count += 1;
            }
            read += size;
        }
        if count != self.count {
            self.buffer[write] = END;
            self.buffer.truncate(write + 1);
            self.state(count);
            self.settle();
        }
    }

    /// Adds all entries of `other` at the end. O(bytes of both).
    pub fn append(&mut self, other: &Listpack) {
        let entries = &other.buffer[other.head()..other.tail()];
        self.reserve_back(entries.len());
        self.buffer.pop();
        self.buffer.extend_from_slice(entries);
        self.buffer.push(END);
        self.state(self.count + other.count);
    }

    /// Splits at entry `index`: the entries from there on leave as a listpack of their own. O(bytes).
    pub fn split_off(&mut self, index: usize) -> Listpack {
        let Some(at) = self.seek(index as i64) else { return Listpack::new() };
        let mut other = Listpack::with_capacity(self.tail() - at);
        other.buffer.pop();
        other.buffer.extend_from_slice(&self.buffer[at..]);
        let moved = self.count - index as u32;
        other.state(moved);
        self.cut(at, self.tail(), moved);
        other
    }

    /// Gives back slack and gap; for a listpack that is not going to change soon.
    pub fn shrink(&mut self) {
        self.close_gap();
        self.buffer.shrink_to_fit();
    }

    fn put(&mut self, at: usize, replaced: usize, entry: Item<'_>) -> usize {
        let entry = Encoded::new(entry);
        let at = self.splice(at, replaced, entry.size());
        entry.write_to(&mut self.buffer[at..]);
        self.state(self.count + u32::from(replaced == 0));
        if replaced > entry.size() {
            let offset = at - self.start as usize;
            self.settle();
            return self.start as usize + offset;
        }
        at
    }

    fn cut(&mut self, from: usize, to: usize, entries: u32) -> Option<usize> {
        let offset = from - self.start as usize;
        self.splice(from, to - from, 0);
        self.state(self.count - entries);
        self.settle();
        let next = self.start as usize + offset;
        (next < self.tail()).then_some(next)
    }

    /// Writes the header for the buffer as it stands.
    #[inline]
    fn state(&mut self, count: u32) {
        self.count = count;
        let (start, total) = (self.start as usize, self.byte_len() as u32);
        let header: &mut [u8; HEADER] = (&mut self.buffer[start..start + HEADER]).try_into().expect("a header");
        header[..4].copy_from_slice(&total.to_le_bytes());
        header[4..].copy_from_slice(&(count.min(COUNT_UNKNOWN as u32) as u16).to_le_bytes());
    }

    /// Turns `remove` bytes at `at` into `insert` bytes of unspecified content, moving the shorter side where
    /// there is room, and returns where they are now.
    fn splice(&mut self, at: usize, remove: usize, insert: usize) -> usize {
        let start = self.start as usize;
        let (before, after) = (at - start, self.buffer.len() - at - remove);
        if insert <= remove {
            let less = remove - insert;
            if before < after {
                self.buffer.copy_within(start..at, start + less);
                self.start += less as u32;
                return at + less;
            }
            self.buffer.copy_within(at + remove.., at + insert);
            self.buffer.truncate(self.buffer.len() - less);
            return at;
        }
        let more = insert - remove;
        if before < after && (start >= more || (remove == 0 && before == HEADER)) {
            self.open_gap(more);
            let start = self.start as usize;
            self.buffer.copy_within(start..start + before, start - more);
            self.start -= more as u32;
            return start - more + before;
        }
        self.reserve_back(more);
        let (at, end) = (self.start as usize + before, self.buffer.len());
        self.buffer.resize(end + more, 0);
        self.buffer.copy_within(at + remove..end, at + insert);
        at
    }

    /// Growth by an eighth: a listpack is small or a list's open end, and bytes count more than copies.
    fn slack(&self) -> usize {
        self.byte_len() / 8 + 8
    }

    #[inline]
    fn reserve_back(&mut self, more: usize) {
        if self.buffer.capacity() - self.buffer.len() < more {
            self.grow_back(more);
        }
    }

    #[cold]
    fn grow_back(&mut self, more: usize) {
        assert!(self.byte_len() + more <= MAX_BYTES, "a listpack past its limit: fits() was not asked");
        let (gap, slack) = (self.start as usize, self.slack());
        self.close_gap();
        // A gap that pops have left pays for the move that closes it; a small one must not, again and again.
        if gap < slack || self.buffer.capacity() - self.buffer.len() < more {
            self.buffer.reserve_exact(more + slack);
        }
    }

    #[inline]
    fn open_gap(&mut self, more: usize) {
        if (self.start as usize) < more {
            self.grow_front(more);
        }
    }

    #[cold]
    fn grow_front(&mut self, more: usize) {
        assert!(self.byte_len() + more <= MAX_BYTES, "a listpack past its limit: fits() was not asked");
        let (start, end) = (self.start as usize, self.buffer.len());
        let gap = more + self.slack();
        if self.buffer.capacity() - end >= gap {
            self.buffer.resize(end + gap, 0);
            self.buffer.copy_within(start..end, start + gap);
            self.start += gap as u32;
        } else {
            let mut buffer = Vec::with_capacity(gap + end - start);
            buffer.resize(gap, 0);
            buffer.extend_from_slice(&self.buffer[start..]);
            self.buffer = buffer;
            self.start = gap as u32;
        }
    }

    fn close_gap(&mut self) {
        if self.start > 0 {
            let start = self.start as usize;
            self.buffer.copy_within(start.., 0);
            self.buffer.truncate(self.buffer.len() - start);
            self.start = 0;
        }
    }

    /// After deletions: gives memory back once more than half of it is idle.
    #[inline]
    fn settle(&mut self) {
        if self.buffer.capacity() > 2 * self.byte_len() + 128 {
            self.close_gap();
            self.buffer.shrink_to(self.buffer.len() + self.slack());
        }
    }
}

/// Iterator over entries; see [`Listpack::iter`].
#[derive(Clone)]
pub struct Iter<'a> {
    bytes: &'a [u8],
    front: usize,
    back: usize,
}

impl Iter<'_> {
    /// An iterator over nothing.
    pub fn empty() -> Self {
        Iter { bytes: &[], front: 0, back: 0 }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        if self.front >= self.back {
            return None;
        }
        let (item, size) = decode(self.bytes, self.front);
        self.front += size;
        Some(item)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        self.back -= back_step(self.bytes, self.back);
        Some(decode(self.bytes, self.back).0)
    }
}
