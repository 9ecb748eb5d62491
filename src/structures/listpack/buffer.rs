//! The allocation behind a listpack: a head, and the entries, reached through one word that may lie at any address.
//!
//! ```text
//! narrow: | units and flags u16 | start u16 | end u16 | count u16 | gap | entries | slack |
//! wide:   | units and flags u32 | start u32 | end u32 | count u32 | gap | entries | slack |
//! ```
//! The block has 8 · units + 4 bytes; `start` and `end` count from its beginning. All numbers are little-endian, so that
//! the flags are in the first byte of both. An empty listpack that never held anything has no block of its own but a
//! constant head with room for nothing.

use super::MAX_BYTES;
use crate::structures::block::{allocate, release, resize, snug};
use std::ptr::NonNull;

/// The head has numbers of four bytes.
const WIDE: usize = 1;
/// Entries have backlens.
const LACED: usize = 2;
/// Bits below the units.
const FLAGS: usize = 7;
/// Largest block that a narrow head can describe.
const NARROW: usize = 8 * 8191 + 4;

// What a head tells beside its units and flags.
const START: usize = 1;
const END: usize = 2;
const COUNT: usize = 3;

static EMPTY: [u8; 8] = [0, 0, 8, 0, 8, 0, 0, 0];
static EMPTY_LACED: [u8; 8] = [LACED as u8, 0, 8, 0, 8, 0, 0, 0];

/// See the file's head.
#[repr(C, packed)]
pub(super) struct Buffer {
    block: NonNull<u8>,
}

// SAFETY: a buffer owns its block alone, and the constant heads are never written.
unsafe impl Send for Buffer {}
// SAFETY: as above; nothing changes through a shared reference.
unsafe impl Sync for Buffer {}

/// Size of a head.
#[inline]
fn head(wide: bool) -> usize {
    8 << wide as usize
}

impl Buffer {
    pub(super) fn new(laced: bool) -> Self {
        let head = if laced { &EMPTY_LACED } else { &EMPTY };
        Buffer { block: NonNull::from(head).cast() }
    }

    #[inline(always)]
    fn base(&self) -> *mut u8 {
        self.block.as_ptr()
    }

    #[inline(always)]
    fn flags(&self) -> usize {
        // SAFETY: the block begins with a head, and that with the flags.
        unsafe { *self.base() as usize }
    }

    #[inline(always)]
    fn wide(&self) -> bool {
        self.flags() & WIDE != 0
    }

    #[inline(always)]
    pub(super) fn laced(&self) -> bool {
        self.flags() & LACED != 0
    }

    /// Reads one of the head's four numbers.
    #[inline(always)]
    fn read(&self, at: usize) -> usize {
        // SAFETY: a narrow head has four numbers of two bytes, a wide one four of four; `at` is below four.
        unsafe {
            if self.wide() {
                u32::from_le_bytes(self.base().add(4 * at).cast::<[u8; 4]>().read()) as usize
            } else {
                u16::from_le_bytes(self.base().add(2 * at).cast::<[u8; 2]>().read()) as usize
            }
        }
    }

    /// Writes one of the head's numbers. Never called for a constant head: that has room for nothing, so whoever writes
    /// has got a block before.
    #[inline(always)]
    fn write(&mut self, at: usize, value: usize) {
        // SAFETY: as for `read`; the block is this buffer's own, and `self` is borrowed exclusively.
        unsafe {
            if self.wide() {
                self.base().add(4 * at).cast::<[u8; 4]>().write((value as u32).to_le_bytes());
            } else {
                self.base().add(2 * at).cast::<[u8; 2]>().write((value as u16).to_le_bytes());
            }
        }
    }

    /// Size of the block, that of a constant included.
    #[inline(always)]
    fn size(&self) -> usize {
        (self.read(0) & !FLAGS) + 4
    }

    /// Whether it has a block of its own. Blocks are larger than the four bytes that constants state.
    #[inline(always)]
    fn is_owned(&self) -> bool {
        self.size() > 4
    }

    /// Bytes of heap.
    pub(super) fn heap_bytes(&self) -> usize {
        match self.size() {
            4 => 0,
            size => size,
        }
    }

    #[inline(always)]
    pub(super) fn count(&self) -> usize {
        self.read(COUNT)
    }

    /// Sets the number of entries, which changes only where bytes were added or removed.
    #[inline(always)]
    pub(super) fn set_count(&mut self, count: usize) {
        self.write(COUNT, count);
    }

    /// Bytes of the entries.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.read(END) - self.read(START)
    }

    /// The entries.
    #[inline(always)]
    pub(super) fn entries(&self) -> &[u8] {
        let (start, end) = (self.read(START), self.read(END));
        // SAFETY: start and end lie in the block (or behind the constant head, both there), and what is between them was
        // written; it stays as long as the borrow.
        unsafe { std::slice::from_raw_parts(self.base().add(start), end - start) }
    }

    /// Copies `size` bytes at `from` down to `to`.
    #[inline]
    pub(super) fn move_down(&mut self, from: usize, size: usize, to: usize) {
        assert!(to <= from && from + size <= self.len());
        let start = self.read(START);
        // SAFETY: both ranges are within the entries, which are this buffer's own where there are any.
        unsafe { self.base().add(start + from).copy_to(self.base().add(start + to), size) };
    }

    /// Turns `remove` bytes at `at` into what `parts` hold one behind the other; of what stands before and behind, the
    /// shorter moves where there is room.
    pub(super) fn splice(&mut self, at: usize, remove: usize, parts: [&[u8]; 3]) {
        let insert = parts[0].len() + parts[1].len() + parts[2].len();
        let len = self.len();
        assert!(at <= len && remove <= len - at);
        let behind = len - at - remove;
        if insert > remove {
            let more = insert - remove;
            // Only lists are pushed to at the front; a gap would be waste for others.
            let to_front = at < behind && (self.gap() >= more || at == 0 && self.laced());
            self.reserve(if to_front { more } else { 0 }, if to_front { 0 } else { more });
            self.shift(at, remove, insert, to_front);
        } else if insert < remove {
            self.shift(at, remove, insert, at < behind);
        }
        let mut to = self.read(START) + at;
        for part in parts {
            // SAFETY: the entries have `insert` bytes at `at` now, which the parts fill to the last; they are borrowed
            // from elsewhere, since `self` is borrowed exclusively.
            unsafe { self.base().add(to).copy_from_nonoverlapping(part.as_ptr(), part.len()) };
            to += part.len();
        }
    }

    /// Makes `remove` bytes at `at` `insert`, unwritten so far, by moving what stands before them or behind; there is
    /// room on that side.
    #[inline]
    fn shift(&mut self, at: usize, remove: usize, insert: usize, front: bool) {
        let (start, end) = (self.read(START), self.read(END));
        let (from, count, to) = match front {
            true => (start, at, start + remove - insert),
            false => (start + at + remove, end - start - at - remove, start + at + insert),
        };
        // SAFETY: the source is entries; the target is as long and lies in the block, because the side that moves has
        // room for the difference.
        unsafe { self.base().add(from).copy_to(self.base().add(to), count) };
        if front {
            self.write(START, to);
        } else {
            self.write(END, end + insert - remove);
        }
    }

    /// Room before the entries.
    #[inline]
    fn gap(&self) -> usize {
        self.read(START) - head(self.wide())
    }

    /// What is added beyond need. Bytes count more than copies: lists grow by an eighth at their open ends, others stay
    /// exact while they are small and then grow by a sixteenth.
    fn slack(&self) -> usize {
        match self.len() {
            len if self.laced() => len / 8 + 8,
            0..=127 => 0,
            len => len / 16,
        }
    }

    /// Makes sure of `front` bytes before the entries, or of `back` behind them; one of the two is 0.
    #[inline]
    fn reserve(&mut self, front: usize, back: usize) {
        if self.gap() < front || self.size() < self.read(END) + back {
            self.grow(front, back);
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, front: usize, back: usize) {
        let more = front + back;
        assert!(self.len() + more <= MAX_BYTES, "a listpack past its limit: fits() was not asked");
        let free = self.size().saturating_sub(head(self.wide()) + self.len());
        let room = more + self.slack();
        // What deletions at the other end have left is used first, if it pays for the move; little must not, again
        // and again.
        match (front > 0, free >= room) {
            (true, true) => self.place(self.size() - self.len()),
            (true, false) => self.reshape(room, 0),
            (false, true) => self.place(head(self.wide())),
            (false, false) => self.reshape(0, room),
        }
    }

    /// Moves the entries to `start` within the block.
    fn place(&mut self, start: usize) {
        let (from, len) = (self.read(START), self.len());
        // SAFETY: both ranges lie in the block: who calls has seen that `start` plus `len` do not pass its end.
        unsafe { self.base().add(from).copy_to(self.base().add(start), len) };
        self.write(START, start);
        self.write(END, start + len);
    }

    /// Makes room for `more` bytes behind the entries and no slack: for who knows what comes.
    pub(super) fn make_room(&mut self, more: usize) {
        if self.size() < self.read(END) + more && self.len() + more <= MAX_BYTES {
            self.reshape(0, more);
        }
    }

    /// Moves the entries to a block with `gap` bytes before them and `room` behind, a little more where the allocator
    /// would round.
    pub(super) fn reshape(&mut self, gap: usize, room: usize) {
        let len = self.len();
        let narrow = snug(head(false) + gap + len + room);
        let wide = narrow > NARROW;
        let size = if wide { snug(head(true) + gap + len + room) } else { narrow };
        let (old, start) = (self.size(), head(wide) + gap);
        if self.is_owned() && wide == self.wide() && start == self.read(START) {
            if size != old {
                // SAFETY: `old` is what the block was allocated with; the address is replaced at once.
                self.block = unsafe { resize(self.block, old, size) };
            }
        } else {
            let (entries, count, laced) = (self.read(START), self.count(), self.laced());
            let (from, block, owned) = (self.block, allocate(size), self.is_owned());
            // SAFETY: `len` bytes from `entries` on are this buffer's entries. The new block is another one and has
            // `start + len` bytes at least; its flags are written before anything reads them.
            unsafe {
                block.add(start).copy_from_nonoverlapping(from.add(entries), len);
                block.write(wide as u8 | if laced { LACED as u8 } else { 0 });
            }
            self.block = block;
            if owned {
                // SAFETY: the old block, with the size it was allocated with; nothing names it any more.
                unsafe { release(from, old) };
            }
            self.write(START, start);
            self.write(END, start + len);
            self.write(COUNT, count);
        }
        let flags = self.flags() & FLAGS;
        self.write(0, size - 4 | flags);
    }

    /// Gives back what is idle once it is much: more than half of a list's node, a quarter of others.
    #[inline]
    pub(super) fn settle(&mut self) {
        let (len, size) = (self.len(), self.size());
        let most = if self.laced() { 2 * len + 128 } else { len + len / 4 + 64 };
        if size > most {
            self.reshape(0, self.slack());
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.is_owned() {
            // SAFETY: the block is this buffer's own and was allocated with the size that it states.
            unsafe { release(self.block, self.size()) };
        }
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        let mut copy = Buffer::new(self.laced());
        if self.len() > 0 {
            copy.make_room(self.len());
            copy.splice(0, 0, [self.entries(), &[], &[]]);
            copy.set_count(self.count());
        }
        copy
    }
}
