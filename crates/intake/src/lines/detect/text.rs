//! Lines of applications: a time, a level and a component at the head, in one of the usual orders.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem;
use wire::timestamp;

use super::found::{Field, Found};
use super::json;
use super::values::{Level, ip, is_id};

/// How many bytes a head has at most.
const HEAD: usize = 200;
/// How many words of it are looked at.
const WORDS: usize = 12;

/// Where blanks end.
pub(super) fn blank(bytes: &[u8], at: usize) -> usize {
    at + bytes[at.min(bytes.len())..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
}

/// Reads the head of a line.
pub(super) fn head(body: &str, start: usize, found: &mut Found) {
    let bytes = body.as_bytes();
    let mut at = coloured(bytes, start);
    let open = usize::from(bytes.get(at) == Some(&b'['));
    let timed = timestamp::prefix(&bytes[at + open..]);
    if let Some((time, length)) = timed {
        found.time(Some(time));
        at += open + length;
    }
    if redis(body, at, found) {
        return;
    }
    let end = bytes.len().min(start + HEAD);
    let first_line = memchr::memchr2(b'\n', b'{', &bytes[at.min(end)..end]).map_or(end, |stop| at + stop);
    let mut words = Words { bytes: &bytes[..first_line], at };
    let mut before = None;
    for place in 0..WORDS {
        let Some(word) = words.next() else { return };
        let text = body.get(word.clone()).unwrap_or("");
        if let Some(level) = Level::parse(text)
            && is_level_here(bytes, &word, place, timed.is_some())
        {
            found.level(level);
            component(body, word.end, first_line, found);
            if let Some(before) = before.filter(|_| !found.has(Field::Component)) {
                found.text(Field::Component, body, before);
            }
            return;
        }
        if is_component(text) && text.contains(['.', '_']) {
            before = Some(word);
        }
    }
}

/// A level is written in capitals, or stands between brackets or bars, or right behind the time, or first with a colon.
fn is_level_here(bytes: &[u8], word: &Range<usize>, place: usize, timed: bool) -> bool {
    let after = bytes.get(word.end).copied().unwrap_or(b' ');
    let before = word.start.checked_sub(1).map_or(b' ', |at| bytes[at]);
    if !matches!(after, b' ' | b'\t' | b']' | b')' | b':' | b'|' | b'>' | b',' | b'\x1b' | b'\n' | b';') {
        return false;
    }
    let capitals = bytes[word.clone()].iter().all(u8::is_ascii_uppercase);
    let enclosed = matches!(
        (before, after),
        (b'[' | b':', b']') | (b'[', b' ' | b':') | (b'(', b')') | (b'<', b'>') | (b'|', b'|')
    ) || (before == b'[' && after == b',');
    let coloured = before == b'm' && after == b'\x1b';
    let first = place == 0 && (timed || after == b':');
    capitals || enclosed || coloured || first
}

/// Words of the head, without brackets, bars, colons and colours around them.
struct Words<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Iterator for Words<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        loop {
            self.at = coloured(self.bytes, self.at);
            match self.bytes.get(self.at)? {
                byte if is_word(*byte) => break,
                _ => self.at += 1,
            }
        }
        let start = self.at;
        self.at += self.bytes[start..].iter().take_while(|b| is_word(**b)).count();
        Some(start..self.at)
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$' | b'/') || byte >= 0x80
}

/// Behind escape sequences that colour a terminal.
fn coloured(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at) == Some(&0x1b) && bytes.get(at + 1) == Some(&b'[') {
        let length =
            bytes[at + 2..].iter().take(16).take_while(|b| b.is_ascii_digit() || **b == b';').count();
        at += 2 + length + usize::from(bytes.get(at + 2 + length).is_some());
    }
    at
}

fn is_component(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'$' | b':' | b'/' | b'-');
    (2..=120).contains(&text.len())
        && text.bytes().all(plain)
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// What follows the level: process ids, threads in brackets, and a logger with a colon or a dash behind it.
fn component(body: &str, from: usize, end: usize, found: &mut Found) {
    let bytes = &body.as_bytes()[..end];
    let mut at = from;
    for _ in 0..16 {
        at = coloured(bytes, at);
        let Some(byte) = bytes.get(at) else { return };
        match byte {
            b' ' | b'\t' | b']' | b')' | b'-' | b'|' | b':' | b'>' => {
                at += 1 + (blank(bytes, at + 1) - at - 1)
            }
            b'[' => {
                let Some(close) = memchr::memchr(b']', &bytes[at..]).map(|close| at + close) else { return };
                bracket(body, at + 1, close, found);
                at = close + 1;
            }
            _ => {
                let stop =
                    |b: &u8| matches!(b, b' ' | b'\t' | b'[' | b'=' | b'"' | b'\'' | b'(' | b'{' | b'|');
                let length = bytes[at..].iter().position(stop).unwrap_or(bytes.len() - at);
                let word = &bytes[at..at + length];
                if word.iter().all(u8::is_ascii_digit) {
                    at += length;
                    continue;
                }
                // `target: message` and `target:message`, but not `http://...`.
                let colon = word.windows(2).position(|w| w[0] == b':' && w[1] != b':' && w[1] != b'/');
                let colon = colon.filter(|c| *c == 0 || word[c - 1] != b':');
                let closed = colon.or(word.last().filter(|b| **b == b':').map(|_| length - 1));
                let next = blank(bytes, at + length);
                let dashed = matches!(bytes.get(next), Some(b':' | b'-' | b'|'))
                    && matches!(bytes.get(next + 1), Some(b' '));
                let name_end = closed.map_or(at + length, |colon| at + colon);
                let name = body.get(at..name_end).unwrap_or("");
                if (closed.is_some() || dashed) && is_component(name) {
                    found.text(Field::Component, body, at..name_end);
                }
                return;
            }
        }
    }
}

/// `[main]`, `[o.e.n.Node]`, `[shop,5f3c...,a1b2...]`.
fn bracket(body: &str, start: usize, end: usize, found: &mut Found) {
    let inside = body.get(start..end).unwrap_or("");
    let mut parts = inside.split(',').map(str::trim);
    if let (Some(service), Some(trace), Some(span)) = (parts.next(), parts.next(), parts.next())
        && is_id(trace, 16)
        && is_id(span, 8)
    {
        found.own(Field::Service, service);
        found.own(Field::TraceId, trace);
        found.own(Field::SpanId, span);
        return;
    }
    let name = inside.trim_end();
    if is_component(name) && (name.contains('.') || name.contains("::")) {
        found.text(Field::Component, body, start..start + name.len());
    }
}

/// `1:M 01 May 2024 10:00:00.123 * message`: the mark is the level.
fn redis(body: &str, at: usize, found: &mut Found) -> bool {
    let bytes = body.as_bytes().get(at..).unwrap_or_default();
    let digits = bytes.iter().take(8).take_while(|b| b.is_ascii_digit()).count();
    let role = bytes.get(digits + 1);
    if digits == 0 || bytes.get(digits) != Some(&b':') || !matches!(role, Some(b'M' | b'S' | b'C' | b'X')) {
        return false;
    }
    let Some(dot) = bytes.get(..bytes.len().min(48)).and_then(|head| memchr::memchr(b'.', head)) else {
        return false;
    };
    let level = match bytes.get(dot + 5) {
        Some(b'.') => Level::Debug,
        Some(b'-' | b'*') => Level::Info,
        Some(b'#') => Level::Warn,
        _ => return false,
    };
    found.level(level);
    true
}

/// What servers append to their errors (`, client: 10.0.0.1,` and `[client 10.0.0.1:80]`), and JSON at the end.
pub(super) fn tail(body: &str, start: usize, found: &mut Found) {
    static CLIENT: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"client"));
    let bytes = &body.as_bytes()[start..];
    if let Some(client) = CLIENT.find(bytes) {
        let rest = &body[start + client + "client".len()..];
        let rest = rest.strip_prefix(": ").or_else(|| rest.strip_prefix(' ')).unwrap_or("");
        let word = rest.split([',', ']', ' ']).next().unwrap_or("");
        if let Some(address) = ip(word) {
            found.own(Field::ClientIp, address);
        }
    }
    if bytes.last() == Some(&b'}')
        && let Some(open) = memmem::find(bytes, b"{\"").filter(|open| *open > 0)
    {
        json::object(body, start + open, found);
    }
}
