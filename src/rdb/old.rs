//! The compact encodings before listpacks. They are read and turned into listpacks; nothing writes them any more.

use crate::structures::listpack::{Item, Listpack};

/// End mark of both.
const END: u8 = 0xFF;

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    let word: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    Some(u32::from_le_bytes(word) as usize)
}

fn push(pack: &mut Listpack, item: Item<'_>) -> Option<()> {
    if !pack.fits(item.len(), 1) {
        return None;
    }
    pack.push_back(item);
    Some(())
}

/// The entries of a ziplist; `None` if it is not sound in every byte. O(bytes).
///
/// ```text
/// total bytes u32 LE | offset of the last entry u32 LE | entries u16 LE (65535: not stated) | entry* | FF
/// entry: size of the one before (u8, or FE and u32 LE) | encoding and data
///   00llllll text | 01llllll l text | 80 u32 BE text
///   C0 i16 | D0 i32 | E0 i64 | F0 i24 (all LE) | FE i8 | F1..FD: the integers 0..12
/// ```
pub(super) fn ziplist(bytes: &[u8]) -> Option<Listpack> {
    const HEADER: usize = 10;
    if bytes.len() <= HEADER || u32_at(bytes, 0)? != bytes.len() || *bytes.last()? != END {
        return None;
    }
    let (tail, stated) = (u32_at(bytes, 4)?, u16::from_le_bytes([bytes[8], bytes[9]]));
    let entries = &bytes[..bytes.len() - 1];
    let mut pack = Listpack::new();
    let (mut at, mut before, mut last) = (HEADER, 0, tail);
    while at < entries.len() {
        let start = at;
        let (size, width) = match entries[at] {
            0xFE => (u32_at(entries, at + 1)?, 5),
            END => return None,
            size => (size as usize, 1),
        };
        if size != before {
            return None;
        }
        at += width;
        let (item, size) = ziplist_entry(entries.get(at..)?)?;
        push(&mut pack, item)?;
        at += size;
        (before, last) = (at - start, start);
    }
    let counted = stated == u16::MAX || stated as usize == pack.len();
    (counted && last == tail).then_some(pack)
}

/// Encoding and data at the start of `bytes`, and their size.
fn ziplist_entry(bytes: &[u8]) -> Option<(Item<'_>, usize)> {
    let first = *bytes.first()?;
    let (head, length): (usize, usize) = match first >> 6 {
        0 => (1, first as usize),
        1 => (2, (first as usize & 63) << 8 | *bytes.get(1)? as usize),
        2 => {
            let word: [u8; 4] = bytes.get(1..5)?.try_into().ok()?;
            (5, u32::from_be_bytes(word) as usize)
        }
        _ => {
            let width = match first {
                0xC0 => 2,
                0xD0 => 4,
                0xE0 => 8,
                0xF0 => 3,
                0xFE => 1,
                0xF1..=0xFD => return Some((Item::Int(first as i64 - 0xF1), 1)),
                _ => return None,
            };
            // At the top of eight bytes, so that the shift down brings the sign along.
            let mut wide = [0; 8];
            wide[8 - width..].copy_from_slice(bytes.get(1..1 + width)?);
            return Some((Item::Int(i64::from_le_bytes(wide) >> (64 - 8 * width)), 1 + width));
        }
    };
    let text = bytes.get(head..head.checked_add(length)?)?;
    Some((Item::from(text), head + length))
}

/// Fields and values of a zipmap; `None` if it is not sound. O(bytes).
///
/// ```text
/// fields u8 (254: not stated) | (length field | length unused u8 value unused bytes)* | FF
/// length: u8 below 254, or FE and u32 LE
/// ```
pub(super) fn zipmap(bytes: &[u8]) -> Option<Listpack> {
    let (&stated, rest) = bytes.split_first()?;
    let (&end, entries) = rest.split_last()?;
    if end != END {
        return None;
    }
    let mut pack = Listpack::new();
    let mut at = 0;
    let length = |at: &mut usize| -> Option<usize> {
        let (length, width) = match *entries.get(*at)? {
            0xFE => (u32_at(entries, *at + 1)?, 5),
            END => return None,
            length => (length as usize, 1),
        };
        *at += width;
        Some(length)
    };
    let text = |at: &mut usize, length: usize| -> Option<&[u8]> {
        let end = at.checked_add(length)?;
        let text = entries.get(*at..end)?;
        *at = end;
        Some(text)
    };
    while at < entries.len() {
        let size = length(&mut at)?;
        push(&mut pack, Item::from(text(&mut at, size)?))?;
        let size = length(&mut at)?;
        let unused = *text(&mut at, 1)?.first()? as usize;
        push(&mut pack, Item::from(text(&mut at, size)?))?;
        text(&mut at, unused)?;
    }
    (stated >= 254 || stated as usize == pack.len() / 2).then_some(pack)
}
