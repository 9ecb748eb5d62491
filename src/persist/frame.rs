//! Frames: pieces of bytes that know their length and whether they are whole.

use super::VERSION;
use crate::rdb::crc64;
use serde::{Deserialize, Serialize};

/// Bytes before a frame's payload.
pub(super) const HEAD: usize = 12;

/// What a frame holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Manifest = b'M' as isize,
    Segment = b'S' as isize,
    Log = b'L' as isize,
}

/// Why bytes are no frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unframed {
    /// They end before the frame does.
    Cut,
    /// The checksum is another's, or the length cannot be.
    Unsound,
    /// A sound frame of a format that came later.
    Newer(u8),
}

/// Makes room for a frame's head and begins its payload; see [`seal`].
pub(super) fn begin(out: &mut Vec<u8>, kind: Kind) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD]);
    out.extend_from_slice(&[kind as u8, VERSION]);
    start
}

/// Ends the frame that began at `start`.
pub(super) fn seal(out: &mut [u8], start: usize) {
    let sum = crc64(0, &out[start + HEAD..]);
    let length = (out.len() - start - HEAD) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    out[start + 4..start + HEAD].copy_from_slice(&sum.to_le_bytes());
}

/// The frame at the start of `bytes`: its body, and how many bytes it takes with its head. A frame of another kind is
/// unsound here.
pub(super) fn read(bytes: &[u8], kind: Kind) -> Result<(&[u8], usize), Unframed> {
    let head = bytes.get(..HEAD).ok_or(Unframed::Cut)?;
    let length = u32::from_le_bytes(head[..4].try_into().expect("four bytes")) as usize;
    if length < 2 {
        return Err(Unframed::Unsound);
    }
    let payload = bytes.get(HEAD..HEAD + length).ok_or(Unframed::Cut)?;
    if crc64(0, payload) != u64::from_le_bytes(head[4..].try_into().expect("eight bytes")) {
        return Err(Unframed::Unsound);
    }
    match payload[1] {
        _ if payload[0] != kind as u8 => Err(Unframed::Unsound),
        VERSION => Ok((&payload[2..], HEAD + length)),
        version => Err(Unframed::Newer(version)),
    }
}

/// Writes a value in postcard behind what is there.
#[inline]
pub(super) fn put<T: Serialize>(out: &mut Vec<u8>, value: &T) {
    *out = postcard::to_extend(value, std::mem::take(out)).expect("a Vec takes everything");
}

/// Reads a value in postcard off the front of `bytes`.
#[inline]
pub(super) fn take<'b, T: Deserialize<'b>>(bytes: &mut &'b [u8]) -> Option<T> {
    let (value, rest) = postcard::take_from_bytes(bytes).ok()?;
    *bytes = rest;
    Some(value)
}

/// Writes a number as postcard writes one that is not signed.
#[inline]
pub(super) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Writes bytes as postcard does: their length, and they.
#[inline]
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}
