use super::*;
use std::alloc::System;
use std::cell::Cell;

/// The system's allocator with a limit, and blocks of the size that was asked for.
struct Limited {
    held: Cell<usize>,
    limit: Cell<usize>,
}

const HEADER: usize = 16;

unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if self.held.get() + layout.size() > self.limit.get() {
            return null_mut();
        }
        self.held.set(self.held.get() + layout.size());
        let whole = Layout::from_size_align(layout.size() + HEADER, HEADER).unwrap();
        unsafe {
            let at = System.alloc(whole);
            at.cast::<usize>().write(layout.size());
            at.add(HEADER)
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.held.set(self.held.get() - layout.size());
        let whole = Layout::from_size_align(layout.size() + HEADER, HEADER).unwrap();
        unsafe { System.dealloc(block.sub(HEADER), whole) }
    }
}

unsafe impl Heap for Limited {
    unsafe fn size_of(&self, block: *mut u8) -> usize {
        unsafe { block.sub(HEADER).cast::<usize>().read() }
    }
}

fn counted(limit: usize) -> Counted<Limited> {
    let heap = Counted::new(Limited { held: Cell::new(0), limit: Cell::new(limit) });
    heap.refill();
    heap
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

#[test]
fn what_is_held_is_counted_to_the_byte_and_the_reserve_is_not() {
    let heap = counted(1 << 20);
    assert_eq!((heap.usage().used, heap.reserved()), (0, RESERVE));
    unsafe {
        let a = heap.alloc(layout(100));
        let b = heap.alloc_zeroed(layout(50));
        assert_eq!((heap.usage().used, heap.usage().peak), (150, 150));
        let a = heap.realloc(a, layout(100), 300);
        assert_eq!(heap.usage().used, 350);
        assert_eq!(heap.usage().peak, 450, "a block that moves is there twice");
        heap.dealloc(a, layout(300));
        heap.dealloc(b, layout(50));
    }
    assert_eq!((heap.usage().used, heap.usage().peak, heap.usage().exhausted), (0, 450, false));
}

#[test]
fn what_fails_is_served_from_the_reserve_once_and_the_heap_says_so_until_it_can_be_filled() {
    let heap = counted(RESERVE + 1000);
    unsafe {
        let a = heap.alloc(layout(1000));
        assert!(!heap.usage().exhausted);
        let b = heap.alloc(layout(5000));
        assert!(!b.is_null(), "from the reserve");
        assert!(heap.usage().exhausted);
        assert_eq!((heap.usage().used, heap.reserved()), (6000, 0));
        heap.refill();
        assert!(heap.usage().exhausted, "there is no room for it");
        assert_eq!(heap.reserved(), 0);
        let c = heap.alloc(layout(RESERVE - 5000));
        assert!(!c.is_null(), "what failed to be filled is free to be used");
        assert!(heap.alloc(layout(1)).is_null());
        assert!(heap.realloc(a, layout(1000), 1001).is_null());
        assert_eq!(heap.usage().used, RESERVE + 1000, "a failure counts nothing");
        heap.dealloc(b, layout(5000));
        heap.dealloc(c, layout(RESERVE - 5000));
        heap.refill();
        assert!(!heap.usage().exhausted);
        assert_eq!((heap.usage().used, heap.reserved()), (1000, RESERVE));
        heap.dealloc(a, layout(1000));
    }
}

#[test]
fn what_is_larger_than_the_reserve_does_not_take_it() {
    let heap = counted(RESERVE + 1000);
    unsafe {
        assert!(heap.alloc(layout(RESERVE + 1001)).is_null());
    }
    assert_eq!((heap.usage().exhausted, heap.reserved()), (false, RESERVE));
}
