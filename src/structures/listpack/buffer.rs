//! The allocation behind a listpack: a head, and the entries, reached through one word that may lie at any address.
//!
//! ```text
//! | length << 2 | flags u32 | count u16 | gap | entries | slack |        all numbers little-endian
//! ```
//! As in Redis' form a count of 65,535 stands for as many or more, which are then to be counted. A gap has its size in
//! its first four bytes; the flags say whether there is one. How large the block is follows from
//! the three sizes, see [`roomy`]: slack is what they leave of a step. A buffer without entries has no block of its own
//! but a constant head.

use super::codec::step;
use super::{COUNT_UNKNOWN, MAX_BYTES};
use crate::structures::block::{allocate, release, resize, roomy};
use std::ptr::NonNull;

/// There is a gap before the entries.
const GAPPED: usize = 1;
/// Entries have backlens.
const LACED: usize = 2;

const HEAD: usize = 6;
/// The smallest gap there can be.
const GAP: usize = 4;
/// From so many bytes on entries that are deleted at the front leave a gap where a list's are not.
const LARGE: usize = 512;

static EMPTY: [u8; HEAD] = [0; HEAD];
static EMPTY_LACED: [u8; HEAD] = [LACED as u8, 0, 0, 0, 0, 0];

/// See the file's head.
#[repr(C, packed)]
pub(super) struct Buffer {
    block: NonNull<u8>,
}

// SAFETY: a buffer owns its block alone, and the constant heads are never written.
unsafe impl Send for Buffer {}
// SAFETY: as above; nothing changes through a shared reference.
unsafe impl Sync for Buffer {}

impl Buffer {
    pub(super) fn new(laced: bool) -> Self {
        let head = if laced { &EMPTY_LACED } else { &EMPTY };
        Buffer { block: NonNull::from(head).cast() }
    }

    /// Reads the number at `at`.
    ///
    /// # Safety
    /// It is the head's first, or that of a gap.
    #[inline(always)]
    unsafe fn read(&self, at: usize) -> usize {
        // SAFETY: there are four bytes at `at`, by the contract.
        u32::from_le_bytes(unsafe { self.block.add(at).cast::<[u8; 4]>().read() }) as usize
    }

    /// Writes the number at `at`.
    ///
    /// # Safety
    /// As for `read`, and the block is no constant.
    #[inline(always)]
    unsafe fn write(&mut self, at: usize, value: usize) {
        // SAFETY: there are four bytes at `at`, by the contract, which are this buffer's own.
        unsafe { self.block.add(at).cast::<[u8; 4]>().write((value as u32).to_le_bytes()) };
    }

    #[inline(always)]
    fn first(&self) -> usize {
        // SAFETY: a block, or the constant, begins with a head.
        unsafe { self.read(0) }
    }

    #[inline(always)]
    pub(super) fn laced(&self) -> bool {
        self.first() & LACED != 0
    }

    /// Number of entries. O(1) below 65,535.
    #[inline(always)]
    pub(super) fn count(&self) -> usize {
        match self.stated() {
            COUNT_UNKNOWN => self.counted(),
            count => count,
        }
    }

    #[inline(always)]
    fn stated(&self) -> usize {
        // SAFETY: it is the head's second number.
        u16::from_le_bytes(unsafe { self.block.add(4).cast::<[u8; 2]>().read() }) as usize
    }

    #[cold]
    #[inline(never)]
    fn counted(&self) -> usize {
        let (entries, mut at, mut count) = (self.entries(), 0, 0);
        while at < entries.len() {
            at += step(entries, at, self.laced());
            count += 1;
        }
        count
    }

    /// Says that entries were added or removed, and are whole again.
    #[inline(always)]
    pub(super) fn changed(&mut self, by: isize) {
        match self.stated() {
            COUNT_UNKNOWN if by >= 0 => {}
            COUNT_UNKNOWN => self.set_count(self.counted()),
            count => self.set_count(count.wrapping_add_signed(by)),
        }
    }

    /// Sets the number of entries.
    #[inline(always)]
    pub(super) fn set_count(&mut self, count: usize) {
        if self.len() > 0 {
            let count = count.min(COUNT_UNKNOWN) as u16;
            // SAFETY: the head's second number; what has entries has a block of its own.
            unsafe { self.block.add(4).cast::<[u8; 2]>().write(count.to_le_bytes()) };
        }
    }

    /// Bytes of the entries.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.first() >> 2
    }

    /// Bytes between the head and the entries.
    #[inline(always)]
    fn gap(&self) -> usize {
        match self.first() & GAPPED {
            0 => 0,
            // SAFETY: the flag says that a gap follows the head.
            _ => unsafe { self.read(HEAD) },
        }
    }

    /// The entries.
    #[inline(always)]
    pub(super) fn entries(&self) -> &[u8] {
        let (gap, len) = (self.gap(), self.len());
        // SAFETY: head, gap and entries follow each other in the block, all entries written; they stay for the borrow.
        unsafe { std::slice::from_raw_parts(self.block.add(HEAD + gap).as_ptr(), len) }
    }

    /// Bytes of heap.
    pub(super) fn heap_bytes(&self) -> usize {
        match self.len() {
            0 => 0,
            len => self.size(self.gap(), len),
        }
    }

    /// Size of the block for so much. A list's ends change often, others rather stay small.
    #[inline]
    fn size(&self, gap: usize, len: usize) -> usize {
        roomy(HEAD + gap + len, if self.laced() { 4 } else { 6 })
    }

    /// Copies `size` bytes at `from` down to `to`.
    #[inline]
    pub(super) fn move_down(&mut self, from: usize, size: usize, to: usize) {
        assert!(to <= from && from + size <= self.len());
        // SAFETY: both ranges are within the entries, which are this buffer's own where there are any.
        unsafe {
            let entries = self.block.add(HEAD + self.gap());
            entries.add(from).copy_to(entries.add(to), size);
        }
    }

    /// Turns `remove` bytes at `at` into `bytes`.
    pub(super) fn splice(&mut self, at: usize, remove: usize, bytes: &[u8]) {
        let place = self.open(at, remove, bytes.len());
        // SAFETY: the place has as many bytes, which are borrowed from elsewhere, since `self` is borrowed exclusively.
        unsafe { place.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
    }

    /// Takes away all bytes from `len` on.
    #[inline]
    pub(super) fn truncate(&mut self, len: usize) {
        let (gap, held) = (self.gap(), self.len());
        if len > 0 && self.size(gap, len) == self.size(gap, held) {
            assert!(len <= held);
            self.state(gap, len);
        } else {
            self.open_slowly(len, held - len, 0);
        }
    }

    /// Turns `remove` bytes at `at` into `insert`, whose place it returns: all of them must be written before the entries
    /// are read. Of what stands before and behind, the shorter moves where there is room.
    #[inline]
    pub(super) fn open(&mut self, at: usize, remove: usize, insert: usize) -> NonNull<u8> {
        let (len, gap) = (self.len(), self.gap());
        // What fits the block leaves it as large as it is: see the test of `roomy`.
        if at == len && len > 0 && HEAD + gap + len + insert <= self.size(gap, len) {
            self.state(gap, len + insert);
        } else {
            self.open_slowly(at, remove, insert);
        }
        // SAFETY: the entries have `insert` bytes from `at` on by now.
        unsafe { self.block.add(HEAD + self.gap() + at) }
    }

    #[inline(never)]
    fn open_slowly(&mut self, at: usize, remove: usize, insert: usize) {
        let (len, gap) = (self.len(), self.gap());
        assert!(at <= len && remove <= len - at);
        let (rest, behind) = (len - remove, len - remove - at);
        let whole = rest + insert;
        assert!(whole < MAX_BYTES, "a listpack past its limit: fits() was not asked");
        // By how much the gap would change if what stands before moved, and to what.
        let moved = gap + remove;
        let fits = moved == insert || moved >= insert + GAP;
        let pays = self.laced() || len >= LARGE;
        if at < behind && fits && pays {
            self.shift(at, gap, moved - insert);
            self.state(moved - insert, whole);
        } else if at == 0 && remove == 0 && behind > 0 && self.laced() {
            // Lists are pushed to at the front; for others a gap would be waste.
            let room = whole / 8 + 8;
            self.place(room + insert, len, len);
            self.state(room, whole);
        } else {
            if whole > len {
                self.fit(len, whole);
            }
            let from = HEAD + self.gap() + at;
            // SAFETY: `behind` bytes are entries; their new place ends at `whole` bytes of entries, for which there is
            // room by now.
            if behind > 0 {
                unsafe { self.block.add(from + remove).copy_to(self.block.add(from + insert), behind) };
            }
            if whole < len {
                self.fit(whole, whole);
            }
        }
    }

    /// Moves the first `count` bytes of the entries so that they begin behind another gap. The head is not told.
    fn shift(&mut self, count: usize, from: usize, to: usize) {
        // SAFETY: both ranges lie in the block: before entries that stay where they are.
        unsafe { self.block.add(HEAD + from).copy_to(self.block.add(HEAD + to), count) };
    }

    /// Writes the sizes into the head and the gap, for the block as it is.
    #[inline]
    fn state(&mut self, gap: usize, len: usize) {
        debug_assert!(len > 0 && (gap == 0 || gap >= GAP));
        let flags = self.first() & LACED | if gap > 0 { GAPPED } else { 0 };
        // SAFETY: who calls has entries, so the block is this buffer's own; it has room for head and gap.
        unsafe {
            self.write(0, len << 2 | flags);
            if gap > 0 {
                self.write(HEAD, gap);
            }
        }
    }

    /// Makes it a block for `whole` bytes of entries, of which the first `kept` are those it has.
    #[inline]
    fn fit(&mut self, kept: usize, whole: usize) {
        let (gap, held) = (self.gap(), self.heap_bytes());
        if whole > 0 && self.size(gap, whole) == held {
            self.state(gap, whole);
        } else {
            // A gap that pops have left pays for the move that closes it; a small one must not, again and again.
            let pays = whole > kept && gap > kept / 8;
            self.place(if pays { 0 } else { gap }, kept, whole);
        }
    }

    /// Makes it a block for `gap` and `whole` bytes of entries, of which the first `kept` are those it has.
    #[inline(never)]
    fn place(&mut self, gap: usize, kept: usize, whole: usize) {
        let (held, before, laced, count) = (self.heap_bytes(), self.gap(), self.laced(), self.stated());
        let (old, size) = (self.block, self.size(gap, whole));
        if whole == 0 {
            self.block = Buffer::new(laced).forget();
        } else if held > 0 && (gap == before || size == held) {
            if gap < before {
                self.shift(kept, before, gap);
            }
            if size != held {
                // SAFETY: `held` is what the block was allocated with; the address is replaced at once.
                self.block = unsafe { resize(old, held, size) };
            }
            if gap > before {
                self.shift(kept, before, gap);
            }
            return self.state(gap, whole);
        } else {
            self.block = allocate(size);
            // SAFETY: the new block has its head and `HEAD + gap + kept` bytes at least; `kept` bytes behind the old gap
            // are entries. The flags are written before anything reads them.
            unsafe {
                self.block.add(HEAD + gap).copy_from_nonoverlapping(old.add(HEAD + before), kept);
                self.write(0, if laced { LACED } else { 0 });
            }
            self.state(gap, whole);
            self.set_count(count);
        }
        if held > 0 {
            // SAFETY: the old block, with the size it was allocated with; nothing names it any more.
            unsafe { release(old, held) };
        }
    }

    /// The block, which nobody releases now.
    fn forget(self) -> NonNull<u8> {
        let block = self.block;
        std::mem::forget(self);
        block
    }

    /// Gives the gap back once it is much: as large as the entries in a list, a quarter of them in others.
    #[inline]
    pub(super) fn settle(&mut self) {
        let (len, gap) = (self.len(), self.gap());
        if gap > if self.laced() { len + 128 } else { len / 4 + 64 } {
            self.place(0, len, len);
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let held = self.heap_bytes();
        if held > 0 {
            // SAFETY: the block is this buffer's own and was allocated with that size.
            unsafe { release(self.block, held) };
        }
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        let mut copy = Buffer::new(self.laced());
        copy.splice(0, 0, self.entries());
        copy.set_count(self.count());
        copy
    }
}
