//! The little of a certificate (RFC 5280) that `rustls` does not show: its alternative names and when it is valid.

use std::net::IpAddr;

const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const BOOLEAN: u8 = 0x01;
const UTC_TIME: u8 = 0x17;
const GENERAL_TIME: u8 = 0x18;
/// `[0]` version and `[3]` extensions of the certificate's body.
const VERSION: u8 = 0xA0;
const EXTENSIONS: u8 = 0xA3;
/// subjectAltName, 2.5.29.17.
const ALT_NAME: [u8; 3] = [0x55, 0x1D, 0x11];

/// Names of the subject as Go lists them: DNS names, e-mail addresses, IP addresses, URIs. `None` if the certificate
/// cannot be read.
pub(super) fn names(certificate: &[u8]) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut body = body(certificate)?;
    while let Some((tag, content, rest)) = item(body) {
        body = rest;
        if tag != EXTENSIONS {
            continue;
        }
        let mut list = inside(content, SEQUENCE)?;
        while let Some((_, extension, rest)) = item(list) {
            list = rest;
            if let Some(value) = alt_name(extension) {
                collect(inside(inside(value, OCTETS)?, SEQUENCE)?, &mut found);
            }
        }
    }
    Some(found)
}

/// From when until when it is valid, Unix seconds.
pub(super) fn validity(certificate: &[u8]) -> Option<(i64, i64)> {
    let mut body = body(certificate)?;
    if body.first() == Some(&VERSION) {
        body = item(body)?.2;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        body = item(body)?.2;
    }
    let times = inside(body, SEQUENCE)?;
    let (tag, from, rest) = item(times)?;
    let (until_tag, until, _) = item(rest)?;
    Some((time(tag, from)?, time(until_tag, until)?))
}

/// The content of the first part, `tbsCertificate`.
fn body(certificate: &[u8]) -> Option<&[u8]> {
    inside(inside(certificate, SEQUENCE)?, SEQUENCE)
}

/// The rest of an extension after its OID, and after whether it is critical, if it is the one we look for.
fn alt_name(extension: &[u8]) -> Option<&[u8]> {
    let (tag, oid, rest) = item(extension)?;
    if tag != OID || oid != ALT_NAME {
        return None;
    }
    match item(rest)? {
        (BOOLEAN, _, value) => Some(value),
        _ => Some(rest),
    }
}

fn collect(mut list: &[u8], found: &mut Vec<String>) {
    while let Some((tag, content, rest)) = item(list) {
        list = rest;
        match tag {
            // rfc822Name, dNSName, uniformResourceIdentifier.
            0x81 | 0x82 | 0x86 => found.push(String::from_utf8_lossy(content).into_owned()),
            // iPAddress.
            0x87 => {
                let four = <[u8; 4]>::try_from(content).map(IpAddr::from);
                let address = four.or_else(|_| <[u8; 16]>::try_from(content).map(IpAddr::from));
                found.extend(address.ok().map(|address| address.to_string()));
            }
            _ => {}
        }
    }
}

fn inside(bytes: &[u8], expected: u8) -> Option<&[u8]> {
    item(bytes).filter(|(tag, ..)| *tag == expected).map(|(_, content, _)| content)
}

/// Tag, content, and what follows.
fn item(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let digits = usize::from(first & 0x7F);
        if digits == 0 || digits > 4 {
            return None;
        }
        let (digits, rest) = rest.split_at_checked(digits)?;
        (digits.iter().fold(0usize, |n, digit| n << 8 | usize::from(*digit)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
fn time(tag: u8, text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i16 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERAL_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let part = |n: usize| rest.get(2 * n..2 * n + 2)?.parse::<i8>().ok();
    let date = jiff::civil::Date::new(year, part(0)?, part(1)?).ok()?;
    let time = jiff::civil::Time::new(part(2)?, part(3)?, part(4)?, 0).ok()?;
    Some(date.to_datetime(time).to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}
