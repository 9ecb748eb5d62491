//! Text as C sees it. Where Redis reads or prints an argument as a C string, bytes behind the first zero are not there.

/// The bytes of `text` before its first zero byte. O(n).
pub fn c_text(text: &[u8]) -> &[u8] {
    &text[..text.iter().position(|&byte| byte == 0).unwrap_or(text.len())]
}
