//! The heap, counted: what it holds to the byte, the most it ever held, and a reserve that is given up when an
//! allocation fails, so that what runs can finish.
//!
//! [`Counted`] wraps any allocator that can tell the size of its blocks, and knows no target: `src/wasm` puts it around
//! the allocator of WebAssembly, tests around the system's. The counters are atomics only to be statics; where there is
//! one thread they cost a load and a store.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering::Relaxed};

/// What is known of the heap, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// What allocations hold now, with what the allocator adds to each; the reserve is not counted.
    pub used: usize,
    /// The most that `used` ever was.
    pub peak: usize,
    /// What the allocator has taken from its host: `used`, the reserve, and what is free between.
    pub heap: usize,
    /// All memory of the instance: the heap, the stack and what is static.
    pub total: usize,
    /// What `total` may become.
    pub limit: usize,
    /// An allocation failed and took the reserve: until it can be had again, nothing may grow.
    pub exhausted: bool,
}

impl Usage {
    /// Whether memory could end in one command: what is left is less than twice what is in use, with the reserve.
    #[inline]
    pub fn is_tight(&self) -> bool {
        self.limit.saturating_sub(self.total) / 2 < self.used + RESERVE
    }

    /// Whether memory could end in one command that copies no key: what is left is less than half of what is in use, with the
    /// reserve twice: an index that doubles is a small part of its elements.
    #[inline]
    pub fn is_close(&self) -> bool {
        self.limit.saturating_sub(self.total) < self.used / 2 + 2 * RESERVE
    }
}

/// Bytes of each block of the reserve, and how many blocks there are. Small ones come back sooner where free memory lies in
/// pieces; given up together they are one piece again, as a rule.
const BLOCK: Layout = match Layout::from_size_align(64 << 10, 8) {
    Ok(layout) => layout,
    Err(_) => unreachable!(),
};
const BLOCKS: usize = 4;

/// Bytes of the reserve: what a command may allocate in all without asking beforehand.
pub const RESERVE: usize = BLOCK.size() * BLOCKS;

/// Whether `bytes` can be had, in two equal pieces: for what is about to allocate without being able to fail. What the reserve
/// holds several times over need not be asked for. O(1); memory may grow by it, as what follows would make it.
#[inline]
pub fn is_room_for(bytes: usize) -> bool {
    bytes <= RESERVE / 4 || can_reserve(bytes)
}

/// Whether `bytes` can be had in two equal pieces, with or without the reserve.
#[cold]
#[inline(never)]
pub fn can_reserve(bytes: usize) -> bool {
    sparing(|| {
        let (mut one, mut other) = (Vec::<u8>::new(), Vec::<u8>::new());
        let can = one.try_reserve_exact(bytes - bytes / 2).is_ok() && other.try_reserve_exact(bytes / 2).is_ok();
        drop(std::hint::black_box((one, other)));
        can
    })
}

thread_local! {
    /// Whether what fails now does so without the reserve.
    static SPARING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`, which is ready for allocations that fail: they leave the reserve alone.
pub fn sparing<R>(work: impl FnOnce() -> R) -> R {
    let before = SPARING.replace(true);
    let result = work();
    SPARING.set(before);
    result
}

thread_local! {
    static PROMISED: Cell<usize> = const { Cell::new(0) };
}

/// Says how many bytes were found to be there for the command that runs.
pub fn promise(bytes: usize) {
    PROMISED.set(bytes);
}

/// What [`promise`] said: who takes memory while a command runs leaves that much.
pub fn promised() -> usize {
    PROMISED.get()
}

/// Room for `count` items, if it can be had without the reserve.
pub fn room_for<T>(count: usize) -> Option<Vec<T>> {
    let mut room = Vec::new();
    sparing(|| room.try_reserve_exact(count)).ok()?;
    Some(room)
}

/// What is next to nothing, in bytes.
const SMALL: usize = 4 << 10;

/// [`sparing`], and half a reserve is left afterwards, unless `whole` bytes, what the block then holds, are next to nothing: once the reserve is gone
/// what can do without memory leaves the rest to what cannot.
pub fn leaving<R>(whole: usize, work: impl FnOnce() -> Option<R>) -> Option<R> {
    sparing(|| {
        let mut rest = Vec::<u8>::new();
        if whole > SMALL && rest.try_reserve_exact(RESERVE / 2).is_err() {
            return None;
        }
        let result = work();
        drop(std::hint::black_box(rest));
        result
    })
}

/// Bytes that an allocation of `bytes` takes: a word of the allocator's own, rounded up to two words, four at least.
/// So it is with dlmalloc, which WebAssembly has.
pub fn allocated(bytes: usize) -> usize {
    const WORD: usize = size_of::<usize>();
    match bytes {
        0 => 0,
        _ => (bytes + WORD).next_multiple_of(2 * WORD).max(4 * WORD),
    }
}

/// An allocator that can tell how much a block takes.
///
/// # Safety
/// As for [`GlobalAlloc`]; `size_of` must answer the same from the block's allocation to its end.
pub unsafe trait Heap: GlobalAlloc {
    /// Bytes that the block at `block`, which is allocated, takes with the allocator's own.
    ///
    /// # Safety
    /// `block` was returned by this allocator and was not freed.
    unsafe fn size_of(&self, block: *mut u8) -> usize;
}

/// An allocator that counts; see the module.
pub struct Counted<H> {
    heap: H,
    used: AtomicUsize,
    peak: AtomicUsize,
    reserve: [AtomicPtr<u8>; BLOCKS],
    exhausted: AtomicBool,
}

impl<H: Heap> Counted<H> {
    /// Counts `heap`, of which nothing is allocated. There is no reserve yet: see [`Counted::refill`].
    pub const fn new(heap: H) -> Self {
        Counted {
            heap,
            used: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            reserve: [const { AtomicPtr::new(null_mut()) }; BLOCKS],
            exhausted: AtomicBool::new(false),
        }
    }

    /// The allocator below.
    pub fn heap(&self) -> &H {
        &self.heap
    }

    /// The figures kept here: the rest is left at 0, for who knows the machine to fill in.
    #[inline]
    pub fn usage(&self) -> Usage {
        Usage {
            used: self.used.load(Relaxed),
            peak: self.peak.load(Relaxed),
            exhausted: self.is_exhausted(),
            ..Usage::default()
        }
    }

    /// Whether an allocation failed and the reserve is gone.
    #[inline]
    pub fn is_exhausted(&self) -> bool {
        self.exhausted.load(Relaxed)
    }

    /// Bytes of the reserve that are held now.
    pub fn reserved(&self) -> usize {
        self.reserve.iter().filter(|block| !block.load(Relaxed).is_null()).count() * BLOCK.size()
    }

    /// Fills the reserve if it can be had, in which case the heap is exhausted no more; else gives back what there is of it.
    pub fn refill(&self) {
        let mut whole = true;
        for place in &self.reserve {
            if place.load(Relaxed).is_null() {
                // SAFETY: the layout has a size, and the block goes back to the heap it came from.
                place.store(unsafe { self.heap.alloc(BLOCK) }, Relaxed);
            }
            whole &= !place.load(Relaxed).is_null();
        }
        self.exhausted.store(!whole, Relaxed);
        if !whole {
            self.release();
        }
    }

    /// Gives the reserve back to the heap; whether there was any.
    pub fn release(&self) -> bool {
        let mut any = false;
        for place in &self.reserve {
            let block = place.swap(null_mut(), Relaxed);
            if !block.is_null() {
                // SAFETY: it was allocated by `refill` with this layout, and no place names it any more.
                unsafe { self.heap.dealloc(block, BLOCK) };
                any = true;
            }
        }
        any
    }

    /// Tries again what failed, with the reserve given up. What the reserve could not hold is not worth it: who asks for that
    /// much is ready for a refusal.
    #[cold]
    #[inline(never)]
    fn last_resort(&self, size: usize, again: &dyn Fn() -> *mut u8) -> *mut u8 {
        if size > RESERVE || SPARING.get() || !self.release() {
            return null_mut();
        }
        self.exhausted.store(true, Relaxed);
        again()
    }

    #[inline]
    fn count(&self, more: usize, less: usize) {
        let used = self.used.load(Relaxed).wrapping_add(more).wrapping_sub(less);
        self.used.store(used, Relaxed);
        if used > self.peak.load(Relaxed) {
            self.peak.store(used, Relaxed);
        }
    }

    /// Allocates by `make`, which takes `old` if there is one, and counts.
    #[inline]
    fn counted(&self, size: usize, make: impl Fn() -> *mut u8, old: Option<*mut u8>) -> *mut u8 {
        // SAFETY: what is asked for its size is the old block before the heap may free it, or one the heap just returned.
        let before = old.map_or(0, |block| unsafe { self.heap.size_of(block) });
        let mut block = make();
        if block.is_null() {
            block = self.last_resort(size, &make);
        }
        if !block.is_null() {
            let size = unsafe { self.heap.size_of(block) };
            if Some(block) == old {
                self.count(size, before);
            } else {
                // A block that moved was there twice for a moment, which the peak knows.
                self.count(size, 0);
                self.count(0, before);
            }
        }
        block
    }
}

// SAFETY: every call is handed on to the heap with what it was called with; a block that `last_resort` gets comes from the
// same call made again.
unsafe impl<H: Heap> GlobalAlloc for Counted<H> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.counted(layout.size(), || unsafe { self.heap.alloc(layout) }, None)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.counted(layout.size(), || unsafe { self.heap.alloc_zeroed(layout) }, None)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.count(0, unsafe { self.heap.size_of(block) });
        unsafe { self.heap.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.counted(size, || unsafe { self.heap.realloc(block, layout, size) }, Some(block))
    }
}

#[cfg(test)]
mod tests;
