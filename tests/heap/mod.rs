//! A counting heap for tests: what this thread's allocations hold, with what dlmalloc would add to each.

use cachelet::memory::Usage;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static USED: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

struct PerThread;

#[global_allocator]
static HEAP: PerThread = PerThread;

/// A word of the allocator's own, rounded up to two, four at least.
fn chunk(layout: Layout) -> usize {
    const WORD: usize = size_of::<usize>();
    (layout.size() + WORD).next_multiple_of(2 * WORD).max(4 * WORD)
}

fn count(more: usize, less: usize) {
    let used = USED.get().wrapping_add(more).wrapping_sub(less);
    USED.set(used);
    // A thread may free what another allocated: then it holds less than nothing.
    if used < usize::MAX / 2 && used > PEAK.get() {
        PEAK.set(used);
    }
}

// SAFETY: every call is handed on to the system's allocator, unchanged.
unsafe impl GlobalAlloc for PerThread {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(chunk(layout), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(0, chunk(layout));
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller keeps the size within what a layout may have.
        count(chunk(unsafe { Layout::from_size_align_unchecked(size, layout.align()) }), chunk(layout));
        unsafe { System.realloc(at, layout, size) }
    }
}

/// What this thread holds, as an engine's source of figures.
pub fn usage() -> Usage {
    Usage {
        used: USED.get(),
        peak: PEAK.get(),
        heap: USED.get(),
        total: USED.get(),
        limit: usize::MAX,
        exhausted: false,
    }
}
