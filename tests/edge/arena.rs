//! A memory that ends: the allocator of WebAssembly over a fixed piece of address space, for one thread, counted as there. Other
//! threads, and this one outside of [`within`], have the system's.

use cachelet::memory::{Counted, Heap, Usage};
use dlmalloc::Dlmalloc;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Most bytes there can be.
const SIZE: usize = 32 << 20;
const PAGE: usize = 64 << 10;

#[repr(align(65536))]
struct Space(UnsafeCell<[u8; SIZE]>);

// SAFETY: dlmalloc alone hands out what is in it.
unsafe impl Sync for Space {}

static SPACE: Space = Space(UnsafeCell::new([0; SIZE]));
static TAKEN: AtomicUsize = AtomicUsize::new(0);
static CEILING: AtomicUsize = AtomicUsize::new(SIZE);

struct Memory;

// SAFETY: each byte of the space is handed out once.
unsafe impl dlmalloc::Allocator for Memory {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        let (taken, size) = (TAKEN.load(Relaxed), size.next_multiple_of(PAGE));
        if taken + size > CEILING.load(Relaxed) {
            return (null_mut(), 0, 0);
        }
        TAKEN.store(taken + size, Relaxed);
        (SPACE.0.get().cast::<u8>().wrapping_add(taken), size, 0)
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
        false
    }

    fn page_size(&self) -> usize {
        PAGE
    }
}

struct Dl(UnsafeCell<Dlmalloc<Memory>>);

// SAFETY: only the thread that is within uses it.
unsafe impl Sync for Dl {}

impl Dl {
    #[allow(clippy::mut_from_ref)]
    fn get(&self) -> &mut Dlmalloc<Memory> {
        // SAFETY: one thread, and no call of it is made from within another.
        unsafe { &mut *self.0.get() }
    }
}

// SAFETY: handed on unchanged.
unsafe impl GlobalAlloc for Dl {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { self.get().malloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { self.get().free(block, layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        unsafe { self.get().realloc(block, layout.size(), layout.align(), size) }
    }
}

// SAFETY: dlmalloc keeps a chunk's size in the word before the block, with flags in the lowest bits.
unsafe impl Heap for Dl {
    unsafe fn size_of(&self, block: *mut u8) -> usize {
        unsafe { block.cast::<usize>().sub(1).read() & !7 }
    }
}

static HEAP: Counted<Dl> = Counted::new(Dl(UnsafeCell::new(Dlmalloc::new_with_allocator(Memory))));

thread_local! {
    static WITHIN: Cell<bool> = const { Cell::new(false) };
}

struct Split;

#[global_allocator]
static SPLIT: Split = Split;

fn is_ours(block: *mut u8) -> bool {
    (block as usize).wrapping_sub(SPACE.0.get() as usize) < SIZE
}

// SAFETY: a block goes back to where it came from, which its address says.
unsafe impl GlobalAlloc for Split {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe {
            match WITHIN.get() {
                true => HEAP.alloc(layout),
                false => System.alloc(layout),
            }
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe {
            match is_ours(block) {
                true => HEAP.dealloc(block, layout),
                false => System.dealloc(block, layout),
            }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        unsafe {
            match is_ours(block) {
                true => HEAP.realloc(block, layout, size),
                false => System.realloc(block, layout, size),
            }
        }
    }
}

/// Sets where this thread allocates back as it was, however what runs ends.
struct Back(bool);

impl Drop for Back {
    fn drop(&mut self) {
        WITHIN.set(self.0);
    }
}

/// Runs `work` on this memory.
pub fn within<R>(work: impl FnOnce() -> R) -> R {
    let _back = Back(WITHIN.replace(true));
    work()
}

/// Runs `work`, which is called within, on the system's.
pub fn without<R>(work: impl FnOnce() -> R) -> R {
    let _back = Back(WITHIN.replace(false));
    work()
}

/// Lets memory come to `bytes` in all. What was taken before stays.
pub fn set_ceiling(bytes: usize) {
    CEILING.store(bytes.min(SIZE), Relaxed);
    HEAP.refill();
}

/// What the host does after each call: fills the reserve again if it can be had.
pub fn settle() {
    if HEAP.is_exhausted() {
        HEAP.refill();
    }
}

/// Makes the memory as new; nothing may be in it any more. Returns what still was.
pub fn reset() -> usize {
    let left = HEAP.usage().used;
    HEAP.release();
    // SAFETY: nobody holds anything of it.
    unsafe { *HEAP.heap().0.get() = Dlmalloc::new_with_allocator(Memory) };
    TAKEN.store(0, Relaxed);
    left
}

/// An engine's source of figures.
pub fn usage() -> Usage {
    settle();
    Usage { heap: TAKEN.load(Relaxed), total: TAKEN.load(Relaxed), limit: CEILING.load(Relaxed), ..HEAP.usage() }
}
