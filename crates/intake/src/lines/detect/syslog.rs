//! Syslog lines as text: RFC 5424, RFC 3164, and the latter without its number, as files have it.

use wire::timestamp;

use super::found::{Field, Found};
use super::values::Level;
use super::{logfmt, text};

/// A line that begins with `<34>`; `false` where it is none.
pub(super) fn numbered(body: &str, start: usize, now_ns: i64, found: &mut Found) -> bool {
    let bytes = &body.as_bytes()[start..];
    let digits = bytes.iter().skip(1).take(3).take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 || bytes.get(digits + 1) != Some(&b'>') {
        return false;
    }
    let Some(number) = body.get(start + 1..start + 1 + digits).and_then(|n| n.parse::<i64>().ok()) else {
        return false;
    };
    if let Some(level) = Level::of_number(number % 8) {
        found.level(level);
    }
    let rest = start + digits + 2;
    if body[rest..].starts_with("1 ") {
        let message = rfc5424(body, rest + 2, found).unwrap_or(rest);
        logfmt::pairs(body, message, found);
    } else {
        let message = unnumbered(body, rest, now_ns, found).unwrap_or(rest);
        logfmt::pairs(body, message, found);
    }
    true
}

/// `TIMESTAMP HOST APP PROCID MSGID SD MESSAGE`: where the structured data begins.
fn rfc5424(body: &str, start: usize, found: &mut Found) -> Option<usize> {
    let mut at = start;
    for part in 0..5 {
        let end = at + memchr::memchr(b' ', body.as_bytes().get(at..)?)?;
        match part {
            0 => found.time(timestamp::parse(&body.as_bytes()[at..end])),
            2 if &body[at..end] != "-" => found.text(Field::Service, body, at..end),
            _ => {}
        }
        at = end + 1;
    }
    Some(at)
}

/// `May  1 10:00:00 host tag[123]: message`: where the message begins.
pub(super) fn unnumbered(body: &str, start: usize, now_ns: i64, found: &mut Found) -> Option<usize> {
    let bytes = body.as_bytes();
    if !bytes.get(start)?.is_ascii_uppercase() || bytes.get(start + 3) != Some(&b' ') {
        return None;
    }
    let (time, length) = timestamp::syslog_prefix(&bytes[start..], now_ns)?;
    found.time(Some(time));
    let host = start + length + 1;
    let tag = host + memchr::memchr(b' ', bytes.get(host..)?)? + 1;
    let tag_end = tag + bytes.get(tag..)?.iter().position(|b| matches!(b, b'[' | b':' | b' '))?;
    let colon = tag_end + bytes[tag_end..].iter().take(16).position(|b| *b == b':')?;
    found.text(Field::Service, body, tag..tag_end);
    let message = text::blank(bytes, colon + 1);
    Some(message)
}
