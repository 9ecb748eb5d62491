//! The allocator of this instance: dlmalloc, which Rust's own for this target is too, counted, on memory that grows in
//! large steps and, where the host says so, only up to a ceiling.

use crate::memory::{Counted, Heap, Usage};
use core::arch::wasm32::{memory_grow, memory_size};
use dlmalloc::Dlmalloc;
use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes of a page of WebAssembly memory.
const PAGE: usize = 64 << 10;

/// Most pages there can be.
const PAGES: usize = 1 << 16;

#[global_allocator]
static HEAP: Counted<Dl> = Counted::new(Dl(UnsafeCell::new(
    const {
        let mut heap = Dlmalloc::new_with_allocator(Memory);
        // Asked for less than a page at first it takes what the linker left of one.
        assert!(heap.set_granularity(4096));
        heap
    },
)));

/// Bytes that were handed to dlmalloc so far.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// Pages that memory may come to.
static CEILING: AtomicUsize = AtomicUsize::new(PAGES);

extern "C" {
    /// Where what is static ends; the linker sets it.
    static __heap_base: u8;
}

/// The source of dlmalloc's memory. It only grows.
struct Memory;

impl Memory {
    fn taken(at: usize, size: usize) -> (*mut u8, usize, u32) {
        TAKEN.store(TAKEN.load(Relaxed) + size, Relaxed);
        (at as *mut u8, size, 0)
    }
}

// SAFETY: what is handed out is memory that nobody else has: pages that were just added, or what the linker left between
// what is static and the end of the first pages, once.
unsafe impl dlmalloc::Allocator for Memory {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        let pages = memory_size::<0>();
        if TAKEN.load(Relaxed) == 0 {
            let base = &raw const __heap_base as usize;
            let left = (pages * PAGE).saturating_sub(base);
            if left >= size {
                return Memory::taken(base, left);
            }
        }
        let needed = size.div_ceil(PAGE);
        let room = CEILING.load(Relaxed).saturating_sub(pages);
        if needed > room {
            return (null_mut(), 0, 0);
        }
        // A sixteenth of what there is, if that is more: every growth makes JavaScript engines drop the old buffer, which can
        // hold the thread for milliseconds, so few large steps cost less than thousands of small ones.
        let ahead = needed.max(pages / 16).min(room);
        for step in [ahead, needed] {
            if memory_grow::<0>(step) != usize::MAX {
                // The last bytes of the address space stay out: a pointer behind them would be null.
                let end = if pages + step == PAGES { 16 } else { 0 };
                return Memory::taken(pages * PAGE, step * PAGE - end);
            }
        }
        (null_mut(), 0, 0)
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        PAGE
    }
}

struct Dl(UnsafeCell<Dlmalloc<Memory>>);

// SAFETY: there is one thread.
unsafe impl Sync for Dl {}

impl Dl {
    #[allow(clippy::mut_from_ref)]
    fn get(&self) -> &mut Dlmalloc<Memory> {
        // SAFETY: there is one thread, and dlmalloc calls nothing that allocates: no second reference exists.
        unsafe { &mut *self.0.get() }
    }
}

// SAFETY: handed on to dlmalloc, which keeps what GlobalAlloc asks for.
unsafe impl GlobalAlloc for Dl {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { self.get().malloc(layout.size(), layout.align()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        unsafe { self.get().calloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { self.get().free(block, layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        unsafe { self.get().realloc(block, layout.size(), layout.align(), size) }
    }
}

// SAFETY: dlmalloc keeps a chunk's size in the word before the block, with flags in the three lowest bits, and changes it only
// in `realloc`.
unsafe impl Heap for Dl {
    unsafe fn size_of(&self, block: *mut u8) -> usize {
        unsafe { block.cast::<usize>().sub(1).read() & !7 }
    }
}

/// What is known of this instance's memory. A reserve that can be had again is had from here on.
pub(super) fn usage() -> Usage {
    settle();
    Usage {
        heap: TAKEN.load(Relaxed),
        total: memory_size::<0>() * PAGE,
        limit: CEILING.load(Relaxed).saturating_mul(PAGE),
        ..HEAP.usage()
    }
}

/// Fills the reserve, for the first time. Without it the first allocation that fails ends the instance.
pub(super) fn begin() {
    HEAP.refill();
}

/// Fills the reserve again if it was given up and can be had.
#[inline]
pub(super) fn settle() {
    if HEAP.is_exhausted() {
        HEAP.refill();
    }
}

/// Lets memory grow up to `bytes` and no further; 0 for as far as it can.
pub(super) fn set_ceiling(bytes: usize) {
    CEILING.store(if bytes == 0 { PAGES } else { bytes / PAGE }, Relaxed);
}
