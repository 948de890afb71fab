//! Fields and numbers of the kernel's text files, as bytes, without allocation.

use std::borrow::Cow;

/// The lines of a file without their ends, empty ones left out.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .split(|b| *b == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|l| !l.is_empty())
}

/// Fields between spaces and tabs.
pub(crate) fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|b| matches!(b, b' ' | b'\t')).filter(|f| !f.is_empty())
}

/// The text without white space at its ends.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii()
}

/// A decimal number, all of the bytes.
pub(crate) fn number(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || bytes.len() > 20 {
        return None;
    }
    let mut n = 0u64;
    for b in bytes {
        let digit = b.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        n = n.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(n)
}

/// A decimal number with an optional sign.
pub(crate) fn signed(bytes: &[u8]) -> Option<i64> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// A number as the kernel writes it: mostly integers, sometimes with a sign or a fraction.
pub(crate) fn float(bytes: &[u8]) -> Option<f64> {
    match number(bytes) {
        Some(n) => Some(n as f64),
        None => std::str::from_utf8(bytes).ok()?.parse().ok().filter(|v: &f64| v.is_finite()),
    }
}

/// The bytes as text; what is no UTF-8 is replaced.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// The part before and after the first `separator`.
pub(crate) fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|b| *b == separator)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

/// Decimal digits of `n` in a buffer on the stack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Digits {
    buffer: [u8; 20],
    start: usize,
}

impl Digits {
    pub(crate) fn new(mut n: u64) -> Self {
        let mut buffer = [0; 20];
        let mut start = buffer.len();
        loop {
            start -= 1; // a u64 has at most 20 digits
            buffer[start] = b'0' + (n % 10) as u8;
            n /= 10;
            if n == 0 {
                return Self { buffer, start };
            }
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.buffer[self.start..]).unwrap_or_default() // only ASCII digits are in it
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_with_borders() {
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(number(b"18446744073709551616"), None);
        for bad in [&b""[..], b"-1", b"1 ", b"0x1", b"000000000000000000001"] {
            assert_eq!(number(bad), None, "{bad:?}");
        }
        assert_eq!(float(b"-1"), Some(-1.0));
        assert_eq!(float(b"nan"), None);
    }

    proptest! {
        #[test]
        fn digits_are_what_format_writes(n in any::<u64>()) {
            let digits = Digits::new(n);
            prop_assert_eq!(digits.as_str(), n.to_string());
        }

        #[test]
        fn numbers_read_back(n in any::<u64>()) {
            prop_assert_eq!(number(n.to_string().as_bytes()), Some(n));
        }
    }
}
