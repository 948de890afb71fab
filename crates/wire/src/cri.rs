//! Lines of container runtimes (CRI): `2024-05-01T10:00:00.000000000Z stdout F text`.

use crate::timestamp;

/// An entry: a line, or a piece of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The text.
    pub text: &'a [u8],
    /// `stdout` or `stderr`.
    pub stderr: bool,
    /// Nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// Whether the line goes on in the next entry of its stream.
    pub partial: bool,
}

/// Reads a line without its newline; `None` where it is of another format.
pub fn decode(line: &[u8]) -> Option<Entry<'_>> {
    let (time_ns, length) = timestamp::prefix(line)?;
    let rest = line.get(length..)?.strip_prefix(b" ")?;
    let (stderr, rest) = if let Some(rest) = rest.strip_prefix(b"stdout ") {
        (false, rest)
    } else {
        (true, rest.strip_prefix(b"stderr ")?)
    };
    // Tags are separated by colons; the first one says whether the line is whole.
    let space = memchr::memchr(b' ', rest).unwrap_or(rest.len());
    let partial = match rest[..space].split(|b| *b == b':').next()? {
        b"F" => false,
        b"P" => true,
        _ => return None,
    };
    let text = rest.get(space + 1..).unwrap_or_default();
    Some(Entry { text: text.strip_suffix(b"\r").unwrap_or(text), stderr, time_ns, partial })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn entries_of_runtimes() {
        let time_ns = 1_714_557_600_000_000_007;
        let entry = |text, stderr, partial| Some(Entry { text, stderr, time_ns, partial });
        assert_eq!(decode(b"2024-05-01T10:00:00.000000007Z stdout F a b"), entry(b"a b", false, false));
        assert_eq!(decode(b"2024-05-01T19:00:00.000000007+09:00 stderr P:x ab"), entry(b"ab", true, true));
        assert_eq!(decode(b"2024-05-01T10:00:00.000000007Z stdout F "), entry(b"", false, false));
        assert_eq!(decode(b"2024-05-01T10:00:00.000000007Z stdout F"), entry(b"", false, false));
        for line in [
            &b""[..],
            b"text",
            b"2024-05-01T10:00:00Z",
            b"2024-05-01T10:00:00Z stdin F x",
            b"2024-05-01T10:00:00Z stdout X x",
        ] {
            assert_eq!(decode(line), None);
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read(line in prop::collection::vec(any::<u8>(), 0..60), cut in 0usize..50) {
            decode(&line);
            let mut good = b"2024-05-01T10:00:00.000000007Z stdout F ".to_vec();
            good.extend_from_slice(&line);
            prop_assert_eq!(decode(&good).map(|e| e.partial), Some(false));
            good.truncate(cut);
            decode(&good);
        }
    }
}
