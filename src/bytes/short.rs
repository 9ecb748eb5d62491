//! Copying and comparing a few bytes where they are. In wasm `memory.copy` is a call out of the module, and comparing
//! slices is a loop over bytes: for keys and short values either costs more than the rest of the work on them. Both here
//! are at most four overlapping loads; longer bytes go the usual way.

/// Bytes that [`append`] copies by itself.
const SHORT: usize = 64;

#[inline(always)]
fn read8(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[inline(always)]
fn read4(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// Whether both are the same bytes. O(n).
#[inline(never)]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    same_at_once(a, b)
}

/// [`same`] where a call counts.
#[inline(always)]
pub fn same_at_once(a: &[u8], b: &[u8]) -> bool {
    let length = a.len();
    if length != b.len() {
        return false;
    }
    // The second length is the same: saying so spares its checks.
    let b = &b[..length];
    match length {
        0 => true,
        1..4 => a[0] == b[0] && a[length / 2] == b[length / 2] && a[length - 1] == b[length - 1],
        4..8 => read4(a, 0) == read4(b, 0) && read4(a, length - 4) == read4(b, length - 4),
        8..=16 => read8(a, 0) == read8(b, 0) && read8(a, length - 8) == read8(b, length - 8),
        17..=32 => {
            read8(a, 0) == read8(b, 0)
                && read8(a, 8) == read8(b, 8)
                && read8(a, length - 16) == read8(b, length - 16)
                && read8(a, length - 8) == read8(b, length - 8)
        }
        _ => a == b,
    }
}

#[cold]
#[inline(never)]
fn grow(out: &mut Vec<u8>, more: usize) {
    out.reserve(more);
}

#[inline(always)]
fn reserve(out: &mut Vec<u8>, more: usize) {
    if out.capacity() - out.len() < more {
        grow(out, more);
    }
}

/// Copies `N` bytes at `at` from one to the other.
///
/// # Safety
/// `from` is valid for reads and `to` for writes of `at + N` bytes, and they do not overlap.
#[inline(always)]
unsafe fn copy<const N: usize>(from: *const u8, to: *mut u8, at: usize) {
    unsafe { to.add(at).cast::<[u8; N]>().write_unaligned(from.add(at).cast::<[u8; N]>().read_unaligned()) }
}

/// Copies `length` bytes. O(n).
///
/// # Safety
/// `from` is valid for reads and `to` for writes of `length` bytes, and they do not overlap.
#[inline(never)]
pub unsafe fn copy_bytes(from: *const u8, to: *mut u8, length: usize) {
    // SAFETY: by the caller's promise.
    unsafe { copy_at_once(from, to, length) }
}

/// [`copy_bytes`] where a call counts.
///
/// # Safety
/// As for that.
#[inline(always)]
pub unsafe fn copy_at_once(from: *const u8, to: *mut u8, length: usize) {
    // SAFETY: each arm copies within 0..length and together all of it, by its pattern.
    unsafe {
        match length {
            0 => {}
            1..4 => {
                copy::<1>(from, to, 0);
                copy::<1>(from, to, length / 2);
                copy::<1>(from, to, length - 1);
            }
            4..8 => {
                copy::<4>(from, to, 0);
                copy::<4>(from, to, length - 4);
            }
            8..=16 => {
                copy::<8>(from, to, 0);
                copy::<8>(from, to, length - 8);
            }
            17..=32 => {
                copy::<16>(from, to, 0);
                copy::<16>(from, to, length - 16);
            }
            33..=SHORT => {
                copy::<16>(from, to, 0);
                copy::<16>(from, to, 16);
                copy::<16>(from, to, length - 32);
                copy::<16>(from, to, length - 16);
            }
            _ => std::ptr::copy_nonoverlapping(from, to, length),
        }
    }
}

/// Appends `bytes` to `out`. O(n).
#[inline]
pub fn append(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = bytes.len();
    if length > SHORT {
        return out.extend_from_slice(bytes);
    }
    reserve(out, length);
    let start = out.len();
    // SAFETY: `bytes` has `length` bytes, and room for as many behind `start` was just made in another allocation, which
    // a `&mut` keeps apart from `bytes`.
    unsafe {
        copy_at_once(bytes.as_ptr(), out.as_mut_ptr().add(start), length);
        out.set_len(start + length);
    }
}

/// Appends a few bytes, whose number is known, without a call. O(n).
#[inline(always)]
pub fn append_array<const N: usize>(out: &mut Vec<u8>, bytes: &[u8; N]) {
    reserve(out, N);
    let start = out.len();
    // SAFETY: room for as many bytes behind `start` was just made.
    unsafe {
        out.as_mut_ptr().add(start).cast::<[u8; N]>().write_unaligned(*bytes);
        out.set_len(start + N);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_copied_and_compared_whole() {
        let bytes: Vec<u8> = (0..200u32).map(|i| (i * 31 + 7) as u8).collect();
        for length in 0..150 {
            let text = &bytes[3..3 + length];
            let mut out = b"before".to_vec();
            append(&mut out, text);
            assert_eq!(out, [b"before", text].concat());
            assert!(same(text, &out[6..]));
            assert!(!same(text, &bytes[3..4 + length]));
            for at in 0..length {
                out[6 + at] ^= 0x80;
                assert!(!same(text, &out[6..]), "byte {at} of {length}");
                out[6 + at] ^= 0x80;
            }
        }
    }
}
