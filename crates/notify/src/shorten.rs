//! Texts that have to fit, and keys of fixed length.

use sha2::{Digest, Sha256};

/// At most `most` characters; the last of them is `…` where something was cut.
pub(crate) fn to_chars(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept = if most <= 3 { most } else { most - 1 };
    let mut out: String = text.chars().take(kept).collect();
    if most > 3 {
        out.push('…');
    }
    out
}

/// At most `most` bytes, and whole characters; they end with `…` where something was cut.
pub(crate) fn to_bytes(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    match most {
        0..3 => ".".repeat(most),
        _ => format!("{}…", &text[..text.floor_char_boundary(most - 3)]),
    }
}

/// A key as a digest: services limit the length of what they tell repeated notifications by.
pub(crate) fn digest(key: &str) -> String {
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_ends_with_a_sign() {
        assert_eq!(to_chars("봉화대", 3), "봉화대");
        assert_eq!(to_chars("봉화대에서", 4), "봉화대…");
        assert_eq!(to_chars("abcdef", 2), "ab");
        assert_eq!(to_bytes("abcdef", 6), "abcdef");
        assert_eq!(to_bytes("abcdefg", 6), "abc…");
        assert_eq!(to_bytes("봉화대", 8), "봉…");
        assert_eq!(to_bytes("abcd", 2), "..");
        assert_eq!(digest("").len(), 64);
    }
}
