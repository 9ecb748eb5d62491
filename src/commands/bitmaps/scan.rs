//! Counting and finding bits, a word at a time.

/// How many bits are set. O(n), a word at a time.
pub(super) fn count(bytes: &[u8]) -> u64 {
    let mut words = bytes.chunks_exact(8);
    // Counts of up to 2^32 bits at once stay in range: no string is that long.
    let whole: u64 = words.by_ref().map(|word| u64::from_le_bytes(eight(word)).count_ones() as u64).sum();
    whole + words.remainder().iter().map(|byte| byte.count_ones() as u64).sum::<u64>()
}

/// How many of the bits from `first` to `last`, both inside, are set.
pub(super) fn count_between(bytes: &[u8], first: u64, last: u64) -> u64 {
    let whole = &bytes[(first >> 3) as usize..=(last >> 3) as usize];
    let before = bytes[(first >> 3) as usize] & !from(first);
    let behind = bytes[(last >> 3) as usize] & !upto(last);
    count(whole) - (before.count_ones() + behind.count_ones()) as u64
}

/// Position of the first bit from `first` to `last`, both inside, that is `bit`. O(n), a word at a time.
pub(super) fn find(bytes: &[u8], first: u64, last: u64, bit: bool) -> Option<u64> {
    // Looks for a one: where a zero is wanted, in the complement.
    let turned = if bit { 0 } else { !0u8 };
    let (start, end) = ((first >> 3) as usize, (last >> 3) as usize);
    let at = |index: usize, byte: u8| (byte != 0).then(|| ((index as u64) << 3) + byte.leading_zeros() as u64);
    let head = (bytes[start] ^ turned) & from(first);
    if start == end {
        return at(start, head & upto(last));
    }
    if head != 0 {
        return at(start, head);
    }
    let tail = at(end, (bytes[end] ^ turned) & upto(last));
    let inside = &bytes[start + 1..end];
    let none = if bit { 0 } else { !0u64 };
    let mut words = inside.chunks_exact(8);
    let skipped = words.position(|word| u64::from_ne_bytes(eight(word)) != none).unwrap_or(inside.len() / 8) * 8;
    let rest = inside[skipped..].iter().position(|byte| byte ^ turned != 0);
    match rest {
        Some(further) => {
            let index = start + 1 + skipped + further;
            at(index, bytes[index] ^ turned)
        }
        None => tail,
    }
}

/// The bits of a byte from that of `position` on.
fn from(position: u64) -> u8 {
    0xff >> (position & 7)
}

/// The bits of a byte up to that of `position`.
fn upto(position: u64) -> u8 {
    !(0x7f >> (position & 7))
}

fn eight(word: &[u8]) -> [u8; 8] {
    word.try_into().expect("chunks of eight")
}
