//! Glob patterns: the work is bounded by pattern × text, where a matcher that goes back star by star takes a lifetime.

use cachelet::bytes::glob;

/// The first byte says where the rest is cut in pattern and text, and whether case counts.
pub fn run(data: &[u8]) {
    let Some((cut, bytes)) = data.split_first() else { return };
    let (pattern, text) = bytes.split_at(bytes.len() * usize::from(cut >> 1) / 128);
    let (matched, work) = glob::measured(pattern, text, cut & 1 == 1);
    assert_eq!(matched, glob::matches(pattern, text, cut & 1 == 1));
    let bound = (pattern.len() as u64 + 1) * (text.len() as u64 + 1);
    assert!(work <= bound, "{work} bytes of pattern looked at, of {bound}");
    // A pattern that is its text's literal matches it.
    let literal: Vec<u8> = text.iter().flat_map(|byte| [b'\\', *byte]).collect();
    assert!(glob::matches(&literal, text, false));
}

/// Patterns with stars, classes and escapes.
pub fn seeds() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 5] = [
        b"\x90*a*a*a*a*a*bxaaaaaaaaaaaa",
        b"\x80h[a-e]l?*llohallo there",
        b"\x80[^a-z\\]]\\*[Q*Q",
        b"\xc0*[abc]*[^x]*[a-]*zabcabcabc",
        b"\x81HE?LO*hello",
    ];
    texts.map(<[u8]>::to_vec).to_vec()
}
