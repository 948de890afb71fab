//! What may be about a person: e-mail addresses, card and account numbers, phone numbers, IP addresses. All are off by default.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::tokens::run;
use super::{Found, Kind};
use crate::lines::config::Masking;

/// Which are looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Personal {
    emails: bool,
    cards: bool,
    ibans: bool,
    phones: bool,
    ips: bool,
}

impl Personal {
    pub(super) fn new(config: &Masking) -> Self {
        Self {
            emails: config.emails,
            cards: config.card_numbers,
            ibans: config.ibans,
            phones: config.phone_numbers,
            ips: config.ip_addresses,
        }
    }

    pub(super) fn any(&self) -> bool {
        self.emails || self.cards || self.ibans || self.phones || self.ips
    }

    pub(super) fn look(&self, text: &str, found: &mut Vec<Found>) {
        if self.emails {
            emails(text, found);
        }
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let before = at.checked_sub(1).map_or(b' ', |before| bytes[before]);
            let inside = before.is_ascii_alphanumeric() || matches!(before, b'_' | b'.' | b'-' | b':' | b'+');
            let end = match bytes[at] {
                _ if inside => None,
                byte if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b':' | b'(') => {
                    self.at(text, at)
                }
                _ => None,
            };
            match end {
                Some((end, kind)) => {
                    found.push(Found::new(at..end, kind));
                    at = end;
                }
                None => at += 1,
            }
        }
    }

    fn at(&self, text: &str, at: usize) -> Option<(usize, Kind)> {
        let ip = || self.ips.then(|| ip(text, at)).flatten().map(|end| (end, Kind::Ip));
        let iban = || self.ibans.then(|| iban(text, at)).flatten().map(|end| (end, Kind::Iban));
        let card = || self.cards.then(|| card(text, at)).flatten().map(|end| (end, Kind::Card));
        let phone = || self.phones.then(|| phone(text, at)).flatten().map(|end| (end, Kind::Phone));
        ip().or_else(iban).or_else(card).or_else(phone)
    }
}

fn emails(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let mut floor = 0;
    for at in memchr::memchr_iter(b'@', bytes) {
        let local = |b: &&u8| b.is_ascii_alphanumeric() || b".!#$%&*+/=?^_{|}~-".contains(b);
        // A local part has at most 64 bytes (RFC 5321).
        let from = floor.max(at.saturating_sub(64));
        let start = at - bytes[from..at].iter().rev().take_while(local).count();
        let mut end = run(bytes, at + 1, |b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
        while matches!(bytes[end - 1], b'.' | b'-') {
            end -= 1;
        }
        let domain = text.get(at + 1..end).unwrap_or_default();
        let named = domain.rsplit_once('.').is_some_and(|(host, top)| {
            !host.is_empty() && top.len() >= 2 && top.bytes().all(|b| b.is_ascii_alphabetic())
        });
        if start < at && named {
            found.push(Found::new(start..end, Kind::Email));
            floor = end;
        }
    }
}

/// Digits with single separators between them: where they end, and the digits.
fn number(text: &str, at: usize, separators: &[u8], most: usize) -> (usize, Vec<u8>) {
    let bytes = text.as_bytes();
    let (mut digits, mut here, mut end) = (Vec::with_capacity(20), at, at);
    while let Some(&byte) = bytes.get(here) {
        if byte.is_ascii_digit() {
            digits.push(byte - b'0');
            end = here + 1;
        } else if !separators.contains(&byte) || !bytes.get(here + 1).is_some_and(u8::is_ascii_digit) {
            break;
        }
        here += 1;
        if digits.len() > most {
            break;
        }
    }
    (end, digits)
}

fn ends_a_word(text: &str, end: usize) -> bool {
    text.as_bytes().get(end).is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'_')
}

/// 13 to 19 digits with Luhn's check digit (ISO/IEC 7812-1) that begin as those of the large issuers do.
fn card(text: &str, at: usize) -> Option<usize> {
    let (end, digits) = number(text, at, b" -", 19);
    if !(13..=19).contains(&digits.len()) || !matches!(digits[0], 2..=6 | 9) || !ends_a_word(text, end) {
        return None;
    }
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(*digit);
            let doubled = if digit > 4 { digit * 2 - 9 } else { digit * 2 };
            if place % 2 == 1 { doubled } else { digit }
        })
        .sum();
    sum.is_multiple_of(10).then_some(end)
}

/// Country, check digits, account (ISO 13616), with or without a blank after each four.
fn iban(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let head = bytes.get(at..at + 4)?;
    let country = head[..2].iter().all(u8::is_ascii_uppercase) && head[2..].iter().all(u8::is_ascii_digit);
    country.then_some(())?;
    let (mut compact, mut here, mut best) = (Vec::with_capacity(34), at, None);
    while let Some(&byte) = bytes.get(here) {
        if byte.is_ascii_uppercase() || byte.is_ascii_digit() {
            compact.push(byte);
        } else if byte != b' ' || compact.len() % 4 != 0 {
            break;
        }
        here += 1;
        if compact.len() > 34 {
            break;
        }
        if (15..=34).contains(&compact.len()) && ends_a_word(text, here) && is_iban(&compact) {
            best = Some(here);
        }
    }
    best
}

/// Countries and the lengths of their account numbers, by the registry of ISO 13616: without them one of a hundred
/// identifiers that begin with two letters and two digits would be taken for one.
const IBANS: &str = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18\
    FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24\
    ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28\
    TL23TN24TR26UA29VA22VG24XK20YE30";

fn is_iban(compact: &[u8]) -> bool {
    let (head, account) = compact.split_at(4);
    let length = [b'0' + (compact.len() / 10) as u8, b'0' + (compact.len() % 10) as u8];
    if !IBANS.as_bytes().chunks_exact(4).any(|known| known[..2] == head[..2] && known[2..] == length) {
        return false;
    }
    let rest = account.iter().chain(head).fold(0u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    rest == 1
}

/// `+82 10-1234-5678`, `010-1234-5678`, `(02) 123-4567`: with a country code, or with separators and a leading zero.
fn phone(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let international = bytes[at] == b'+';
    let bracket = bytes[at] == b'(';
    let start = at + usize::from(international || bracket);
    let (mut end, mut digits) = number(text, start, b" -.()", 15);
    if bracket {
        let close = (bytes.get(end) == Some(&b')')).then_some(end + 1)?;
        let next = run(bytes, close, |b| b == b' ');
        let (more, rest) = number(text, next, b" -.", 15);
        digits.extend(rest);
        end = more;
    }
    let separated = end - start > digits.len();
    let shape = if international {
        (8..=15).contains(&digits.len())
    } else {
        digits.first() == Some(&0) && (9..=11).contains(&digits.len()) && separated
    };
    (shape && ends_a_word(text, end)).then_some(end)
}

fn ip(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let v4 = run(bytes, at, |b| b.is_ascii_digit() || b == b'.');
    if (7..=15).contains(&(v4 - at)) && ends_a_word(text, v4) && text[at..v4].parse::<Ipv4Addr>().is_ok() {
        return Some(v4);
    }
    let v6 = run(bytes, at, |b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'));
    let address = text[at..v6].trim_end_matches(':');
    // `12:30:45` and `::` are none.
    let long = address.len() >= 6 && (address.contains("::") || address.matches(':').count() == 7);
    let end = at + address.len();
    (long && end - at <= 45 && ends_a_word(text, end) && address.parse::<Ipv6Addr>().is_ok()).then_some(end)
}
