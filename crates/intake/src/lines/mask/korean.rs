//! Resident registration numbers (주민등록번호): a birthday, a dash, and seven digits, of which the first tells the century
//! and the last checks the others.

use super::{Found, Kind};

/// How far behind a word such as `rrn` the number may begin.
const NEAR: usize = 40;
/// What the digits count for in the check digit.
const WEIGHTS: [u32; 12] = [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5];

/// Finds numbers with a dash whose check digit is right.
pub(super) fn look(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    for dash in memchr::memchr_iter(b'-', bytes) {
        // The digit after the dash rules out nearly all other dashes.
        if !matches!(bytes.get(dash + 1), Some(b'1'..=b'8')) || dash < 6 {
            continue;
        }
        let (start, end) = (dash - 6, dash + 8);
        let Some(digits) = bytes.get(start..end).and_then(digits) else { continue };
        if stands_alone(bytes, start, end) && is_birthday(&digits) && is_checked(&digits) {
            found.push(Found::new(start..end, Kind::ResidentNumber));
        }
    }
}

/// Finds a number behind a word that announces it, with or without a dash. Numbers given out since October 2020 have
/// no check digit: the word is taken for it.
pub(super) fn look_near(text: &str, from: usize) -> Option<Found> {
    let bytes = text.as_bytes();
    let until = bytes.len().min(from + NEAR);
    let start = from + bytes.get(from..until)?.iter().position(u8::is_ascii_digit)?;
    [14, 13].into_iter().find_map(|length| {
        let end = start + length;
        let digits = bytes.get(start..end).and_then(digits)?;
        (stands_alone(bytes, start, end) && is_birthday(&digits))
            .then(|| Found::new(start..end, Kind::ResidentNumber))
    })
}

/// The 13 digits of `900101-1234568` or `9001011234568`.
fn digits(text: &[u8]) -> Option<[u32; 13]> {
    let mut digits = [0; 13];
    let mut at = 0;
    for (place, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                *digits.get_mut(at)? = u32::from(byte - b'0');
                at += 1;
            }
            b'-' if place == 6 => {}
            _ => return None,
        }
    }
    (at == 13).then_some(digits)
}

fn stands_alone(bytes: &[u8], start: usize, end: usize) -> bool {
    let joins =
        |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    !joins(start.checked_sub(1).and_then(|before| bytes.get(before))) && !joins(bytes.get(end))
}

fn is_birthday(digits: &[u32; 13]) -> bool {
    let pair = |at: usize| digits[at] * 10 + digits[at + 1];
    let century = match digits[6] {
        1 | 2 | 5 | 6 => 1900,
        3 | 4 | 7 | 8 => 2000,
        _ => return false,
    };
    let (year, month, day) = (century + pair(0), pair(2), pair(4));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

fn is_checked(digits: &[u32; 13]) -> bool {
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    // Those of foreigners (5 to 8) count from 13.
    let from = if digits[6] >= 5 { 13 } else { 11 };
    (from - sum % 11) % 10 == digits[12]
}
