//! The few shapes that control files have. All parsers take bytes, allocate nothing and skip what they cannot read.

/// A single number; `max` and what is no number are `None`.
pub fn number(bytes: &[u8]) -> Option<u64> {
    digits(bytes.trim_ascii())
}

/// A limit: the number, or 0 for `max`, for v1's "no limit" (above 2^62) and for -1.
pub fn limit(bytes: &[u8]) -> Option<u64> {
    let text = bytes.trim_ascii();
    match text {
        b"max" | b"-1" => Some(0),
        _ => digits(text).map(|n| if n > 1 << 62 { 0 } else { n }),
    }
}

fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |sum, b| {
        let digit = b.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        sum.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// `key value` lines.
pub fn flat_keyed<'a>(bytes: &'a [u8]) -> impl Iterator<Item = (&'a [u8], u64)> + 'a {
    lines(bytes).filter_map(|line| {
        let mut words = words(line);
        Some((words.next()?, digits(words.next()?)?))
    })
}

/// Lines of a byte string.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty())
}

/// Words of a line.
pub fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|b| matches!(b, b' ' | b'\t')).filter(|word| !word.is_empty())
}

/// `MAJOR:MINOR` at the start of the per-device lines.
pub fn device(word: &[u8]) -> Option<(u32, u32)> {
    let colon = word.iter().position(|b| *b == b':')?;
    let major = u32::try_from(digits(&word[..colon])?).ok()?;
    let minor = u32::try_from(digits(&word[colon + 1..])?).ok()?;
    Some((major, minor))
}

/// `key=value` of v2's nested files.
pub fn pair(word: &[u8]) -> Option<(&[u8], u64)> {
    let at = word.iter().position(|b| *b == b'=')?;
    Some((&word[..at], digits(&word[at + 1..])?))
}

/// Total stall time in microseconds of a pressure file: (some, full).
pub fn pressure(bytes: &[u8]) -> Option<(u64, u64)> {
    let total = |line: &[u8]| words(line).filter_map(pair).find(|(key, _)| *key == b"total").map(|(_, v)| v);
    let mut some = None;
    let mut full = None;
    for line in lines(bytes) {
        if line.starts_with(b"some ") {
            some = total(line);
        } else if line.starts_with(b"full ") {
            full = total(line);
        }
    }
    Some((some?, full.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_limits() {
        assert_eq!(number(b"12\n"), Some(12));
        assert_eq!(number(b"max\n"), None);
        assert_eq!(number(b"99999999999999999999"), None, "overflow");
        assert_eq!(limit(b"max\n"), Some(0));
        assert_eq!(limit(b"9223372036854771712\n"), Some(0));
        assert_eq!(limit(b"-1\n"), Some(0));
        assert_eq!(limit(b"67108864\n"), Some(67_108_864));
        assert_eq!(limit(b""), None);
    }

    #[test]
    fn pressure_totals() {
        let file = b"some avg10=0.00 avg60=0.00 avg300=0.00 total=154210\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n";
        assert_eq!(pressure(file), Some((154_210, 7)));
        assert_eq!(pressure(b"some avg10=0.00 total=1\n"), Some((1, 0)));
        assert_eq!(pressure(b"full total=1"), None);
    }

    #[test]
    fn keyed_lines_skip_what_is_broken() {
        let pairs: Vec<_> = flat_keyed(b"a 1\nb\n\nc x\nd 4 extra\n").collect();
        assert_eq!(pairs, [(&b"a"[..], 1), (b"d", 4)]);
        assert_eq!(device(b"254:0"), Some((254, 0)));
        assert_eq!(device(b"Total"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = number(&bytes);
            let _ = limit(&bytes);
            let _ = pressure(&bytes);
            let _ = device(&bytes);
            flat_keyed(&bytes).for_each(drop);
        }

        #[test]
        fn written_numbers_read_back(value in 0u64..=u64::MAX) {
            proptest::prop_assert_eq!(number(format!("{value}\n").as_bytes()), Some(value));
        }
    }
}
