//! `key=value` pairs, wherever in a line they stand.

use super::found::Found;
use super::names::{NAME, take};

/// The most pairs of a line.
const PAIRS: usize = 200;

/// Takes the pairs from `start` on.
pub(super) fn pairs(body: &str, start: usize, found: &mut Found) {
    let bytes = body.as_bytes();
    let mut at = start;
    for _ in 0..PAIRS {
        let Some(equals) = memchr::memchr(b'=', &bytes[at..]).map(|offset| at + offset) else { return };
        let length = bytes[at..equals].iter().rev().take(NAME + 1).take_while(|b| is_name(**b)).count();
        let key = equals - length;
        let before = key.checked_sub(1).map_or(b' ', |before| bytes[before]);
        // `?a=b` and `&a=b` are parts of an address.
        let alone = matches!(before, b' ' | b'\t' | b'\n' | b'[' | b'(' | b'{' | b',' | b';' | b'|');
        let quoted = bytes.get(equals + 1) == Some(&b'"');
        let value = equals + 1 + usize::from(quoted);
        let end = if quoted { closing(bytes, value) } else { word(bytes, value) };
        at = if quoted { (end + 1).min(bytes.len()) } else { equals + 1 };
        if !alone || length == 0 || end == value {
            continue;
        }
        let meaning = found.meaning(&bytes[key..equals]);
        if let (Some(meaning), Some(text)) = (meaning, body.get(value..end)) {
            take(meaning, text, body, Some(value..end), found);
        }
        at = at.max(end);
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

fn word(bytes: &[u8], at: usize) -> usize {
    let ends = |b: &u8| b.is_ascii_whitespace() || matches!(b, b',' | b';' | b')' | b']' | b'}' | b'"');
    at + bytes[at..].iter().position(ends).unwrap_or(bytes.len() - at)
}

fn closing(bytes: &[u8], mut at: usize) -> usize {
    while let Some(offset) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += offset;
        if bytes[at] == b'"' {
            return at;
        }
        at += 2;
    }
    bytes.len()
}
