//! Owners of one word that may lie at any address, so that a container is five bytes wherever it is kept: a byte for its
//! form, and the address of a block that holds everything else, its own size included. A `Vec` or a boxed slice is two
//! or three words, and entries and tables keep millions.

use std::alloc::{handle_alloc_error, Layout};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// The size of a block for `bytes` bytes, so that it follows from what the block holds and need not be kept: in steps
/// of a 2^`steps`th, so that a change seldom moves all, and one that the allocator does not round, which takes a
/// word of every chunk for itself and makes chunks multiples of eight.
#[inline]
pub(super) fn roomy(bytes: usize, steps: u32) -> usize {
    // Five below a multiple of the step all low bits are set.
    let step = 1 << (usize::BITS - (bytes >> steps).leading_zeros());
    ((bytes.max(5) - 5) | (step - 1) | 7) + 5
}

/// What a block begins with are numbers of four bytes at most.
#[inline]
fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 4).expect("a size below half the memory")
}

/// A new block of `size` bytes, which hold nothing yet.
pub(super) fn allocate(size: usize) -> NonNull<u8> {
    assert!(size > 0);
    // SAFETY: the size is not zero.
    let block = unsafe { std::alloc::alloc(layout(size)) };
    NonNull::new(block).unwrap_or_else(|| handle_alloc_error(layout(size)))
}

/// The block with another size; what it held up to the smaller size stays.
///
/// # Safety
/// `block` came from this module with size `old` and was not released; `new` is not zero.
pub(super) unsafe fn resize(block: NonNull<u8>, old: usize, new: usize) -> NonNull<u8> {
    // SAFETY: the layout it was allocated with, by the contract; `layout` refuses sizes beyond isize::MAX.
    let moved = unsafe { std::alloc::realloc(block.as_ptr(), layout(old), layout(new).size()) };
    NonNull::new(moved).unwrap_or_else(|| handle_alloc_error(layout(new)))
}

/// Gives a block back.
///
/// # Safety
/// `block` came from this module with size `size`, was not released, and is not used after.
pub(super) unsafe fn release(block: NonNull<u8>, size: usize) {
    // SAFETY: the layout it was allocated with, by the contract.
    unsafe { std::alloc::dealloc(block.as_ptr(), layout(size)) }
}

/// A `Box` that may lie at any address.
#[repr(C, packed)]
pub struct PackedBox<T>(NonNull<T>);

// SAFETY: it owns its value alone, as a box does.
unsafe impl<T: Send> Send for PackedBox<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for PackedBox<T> {}

impl<T> PackedBox<T> {
    /// Puts a value on the heap.
    pub fn new(value: T) -> Self {
        PackedBox(NonNull::from(Box::leak(Box::new(value))))
    }
}

impl<T> Deref for PackedBox<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the value came from a box that was leaked in `new` and lives until `drop`.
        unsafe { { self.0 }.as_ref() }
    }
}

impl<T> DerefMut for PackedBox<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and nobody else has it.
        unsafe { { self.0 }.as_mut() }
    }
}

impl<T> Drop for PackedBox<T> {
    fn drop(&mut self) {
        // SAFETY: it was leaked by `new` and is taken back once.
        drop(unsafe { Box::from_raw({ self.0 }.as_ptr()) });
    }
}

impl<T: Clone> Clone for PackedBox<T> {
    fn clone(&self) -> Self {
        PackedBox::new(T::clone(self))
    }
}

impl<T: Default> Default for PackedBox<T> {
    fn default() -> Self {
        PackedBox::new(T::default())
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for PackedBox<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        T::fmt(self, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_fits_a_block_gives_the_same_size() {
        for steps in [4, 5, 6, usize::BITS - 1] {
            let mut held = roomy(0, steps);
            for bytes in 0..200_000 {
                let size = roomy(bytes, steps);
                assert!(size >= bytes && size % 8 == 4);
                assert!(bytes <= held || size > held);
                assert!(bytes > held || size == held, "{bytes} in {held}");
                assert!(size <= bytes + (bytes >> (steps - 1)) + 12);
                held = size;
            }
        }
    }
}
