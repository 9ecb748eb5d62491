//! A bound on single allocations: nothing that a few hundred bytes ask for may need more. The system gives the memory; what
//! asks for too much ends the program, and so counts as a finding.

use std::alloc::{GlobalAlloc, Layout, System};

/// In bytes. SRANDMEMBER may answer 64 MB, and a vector doubles.
const MOST: usize = 160 << 20;

struct Bounded;

fn check(size: usize) {
    if size > MOST {
        eprintln!("an allocation of {size} bytes");
        std::process::abort();
    }
}

// SAFETY: every call is handed on to the system's allocator, unchanged.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        check(size);
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Bounded = Bounded;
