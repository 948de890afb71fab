//! Variables that say the time of their record: its seconds, its fraction of a second, and so on. They are told by the time,
//! and not kept.

use disk::varint::Corrupt;

const SECOND: u64 = 1_000_000_000;
const TENS: [u64; 10] =
    [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/// What a variable says of the time (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// Two digits each.
    Hour,
    Minute,
    Second,
    /// So many digits of the fraction of a second, with a `Z` behind them or without.
    Fraction {
        digits: u8,
        zulu: bool,
    },
    /// Seconds since 1970, with so many digits of the fraction and no point.
    Epoch {
        digits: u8,
    },
}

impl Says {
    /// What a text can say that says this time.
    pub(super) fn of(text: &[u8], time_ns: i64) -> Option<Self> {
        let candidates: &[Self] = match (text.len(), text.last()?) {
            (2, b'0'..=b'9') => &[Self::Second, Self::Minute, Self::Hour],
            (len @ (4 | 7 | 10), b'Z') => &[Self::Fraction { digits: len as u8 - 1, zulu: true }],
            (len @ (3 | 6 | 9), b'0'..=b'9') => &[Self::Fraction { digits: len as u8, zulu: false }],
            (len @ (10 | 13 | 16 | 19), b'0'..=b'9') => &[Self::Epoch { digits: len as u8 - 10 }],
            _ => return None,
        };
        candidates.iter().copied().find(|says| says.holds(text, time_ns))
    }

    /// Its number, and how many digits that has.
    fn number(self, time_ns: i64) -> Option<(u64, usize)> {
        // Nobody writes dates of before 1970 like this.
        let ns = u64::try_from(time_ns).ok()?;
        Some(match self {
            Self::Hour => (ns / (3600 * SECOND) % 24, 2),
            Self::Minute => (ns / (60 * SECOND) % 60, 2),
            Self::Second => (ns / SECOND % 60, 2),
            Self::Fraction { digits, .. } => {
                (ns % SECOND / TENS[9 - usize::from(digits)], usize::from(digits))
            }
            Self::Epoch { digits } => (ns / TENS[9 - usize::from(digits)], 10 + usize::from(digits)),
        })
    }

    fn zulu(self) -> bool {
        matches!(self, Self::Fraction { zulu: true, .. })
    }

    /// Whether this is what is written at a time.
    pub(super) fn holds(self, text: &[u8], time_ns: i64) -> bool {
        let Some((mut number, len)) = self.number(time_ns) else { return false };
        let digits = match self.zulu() {
            true => text.strip_suffix(b"Z"),
            false => Some(text),
        };
        let Some(digits) = digits.filter(|digits| digits.len() == len) else { return false };
        for digit in digits.iter().rev() {
            if *digit != b'0' + (number % 10) as u8 {
                return false;
            }
            number /= 10;
        }
        number == 0
    }

    /// Appends what is written at a time.
    pub(super) fn write(self, time_ns: i64, out: &mut Vec<u8>) {
        let Some((mut number, len)) = self.number(time_ns) else { return };
        let start = out.len();
        out.resize(start + len, b'0');
        for digit in out[start..].iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
        if self.zulu() {
            out.push(b'Z');
        }
    }

    pub(super) fn code(self) -> u8 {
        match self {
            Self::Hour => 0,
            Self::Minute => 1,
            Self::Second => 2,
            Self::Fraction { digits, zulu } => 16 + digits + 16 * u8::from(zulu),
            Self::Epoch { digits } => 48 + digits,
        }
    }

    pub(super) fn read(code: u8) -> Result<Self, Corrupt> {
        Ok(match code {
            0 => Self::Hour,
            1 => Self::Minute,
            2 => Self::Second,
            17..=25 => Self::Fraction { digits: code - 16, zulu: false },
            33..=41 => Self::Fraction { digits: code - 32, zulu: true },
            48..=57 => Self::Epoch { digits: code - 48 },
            _ => return Err(Corrupt("unknown part of a time")),
        })
    }
}

/// Whether a text may lie within a variable that says the time, in one that is no number by itself.
pub(super) fn may_be_within(needle: &[u8]) -> bool {
    needle.strip_suffix(b"Z").is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TIME: i64 = 1_795_240_803_070_605_040;

    #[test]
    fn what_says_the_time_is_found() {
        for (text, want) in [
            ("03", Some(Says::Second)),
            ("00", Some(Says::Minute)),
            ("06", Some(Says::Hour)),
            ("070", Some(Says::Fraction { digits: 3, zulu: false })),
            ("070605Z", Some(Says::Fraction { digits: 6, zulu: true })),
            ("070605040", Some(Says::Fraction { digits: 9, zulu: false })),
            ("1795240803", Some(Says::Epoch { digits: 0 })),
            ("1795240803070", Some(Says::Epoch { digits: 3 })),
            ("71", None),
            ("071", None),
            ("07Z", None),
            ("3", None),
            ("", None),
            ("Z", None),
        ] {
            let says = Says::of(text.as_bytes(), TIME);
            assert_eq!(says, want, "{text}");
            if let Some(says) = says {
                let mut out = Vec::new();
                says.write(TIME, &mut out);
                assert_eq!(String::from_utf8(out).unwrap(), text);
                assert_eq!(Says::read(says.code()).unwrap(), says);
            }
        }
        assert_eq!(Says::of(b"59", -1), None);
    }

    proptest! {
        #[test]
        fn what_is_written_holds(code in any::<u8>(), time_ns in any::<i64>()) {
            let Ok(says) = Says::read(code) else { return Ok(()) };
            prop_assert_eq!(says.code(), code);
            let mut out = Vec::new();
            says.write(time_ns, &mut out);
            // Epochs of other centuries have more digits or fewer.
            let fits = (1_000_000_000..10_000_000_000).contains(&(time_ns / 1_000_000_000));
            if fits {
                prop_assert!(says.holds(&out, time_ns), "{:?}", String::from_utf8_lossy(&out));
            }
        }
    }
}
