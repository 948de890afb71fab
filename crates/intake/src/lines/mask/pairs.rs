//! Names that announce a secret, and the values that follow them: `password=x`, `"apiKey": "x"`, `--token x`,
//! `<secret>x</secret>`.

use std::ops::Range;

use super::places::{OPEN, is_masked};
use super::tokens::run;
use super::{Found, Kind};

/// The longest name that is looked at.
const NAME: usize = 64;
/// The longest value between tags.
const BETWEEN_TAGS: usize = 512;

/// What a name may end with, without `_`, `-`, `.` and case, so that its value is a secret whatever it looks like.
const STRONG: [&str; 17] = [
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "secretkey",
    "clientsecret",
    "accesskey",
    "privatekey",
    "accesstoken",
    "authtoken",
    "refreshtoken",
    "idtoken",
    "sessiontoken",
    "accountkey",
    "passwords",
    "비밀번호",
    "패스워드",
];
/// Likewise, but its value must look like one: these words are also used for other things.
const WEAK: [&str; 8] = ["token", "secret", "pwd", "credential", "credentials", "secrets", "tokens", "암호"];
/// Its value may begin with a scheme.
const AUTHORIZATION: &str = "authorization";
/// Values that hide nothing.
const NOTHING: [&str; 7] = ["null", "true", "false", "none", "nil", "undefined", "required"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strength {
    Strong,
    Weak,
    Authorization,
}

/// Looks at the name that has an anchor in it.
pub(super) fn look(text: &str, here: Range<usize>) -> Option<Found> {
    let bytes = text.as_bytes();
    let before = &bytes[here.start.saturating_sub(NAME)..here.start];
    let start = here.start - before.iter().rev().take_while(|b| is_name(**b)).count();
    let end = run(&bytes[..bytes.len().min(here.end + NAME)], here.end, is_name);
    // The name in a replacement is no name, nor is the end of a partial one.
    if text[..start].ends_with(OPEN) || text[..start].ends_with('*') {
        return None;
    }
    let strength = strength(&text[start..end])?;
    value(text, start..end, strength)
}

/// Looks at what follows a word that is a name by itself.
pub(super) fn look_word(text: &str, here: Range<usize>) -> Option<Found> {
    let strength = strength(&text[here.clone()])?;
    value(text, here, strength)
}

/// Whether the value of the field `name` is a secret.
pub(super) fn is_secret(name: &str, value: &str) -> bool {
    strength(name).is_some_and(|strength| hides(value, strength))
}

/// Whether values of the field `name` may be secrets because of it.
pub(super) fn is_suspect(name: &str) -> bool {
    strength(name).is_some()
}

/// Whether every value of the field `name` is a secret.
pub(super) fn is_strong(name: &str) -> bool {
    matches!(strength(name), Some(Strength::Strong | Strength::Authorization))
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

fn strength(name: &str) -> Option<Strength> {
    let mut plain = [0; NAME];
    let mut length = 0;
    for byte in name.bytes().filter(|b| !matches!(b, b'_' | b'-' | b'.')) {
        *plain.get_mut(length)? = byte.to_ascii_lowercase();
        length += 1;
    }
    let plain = &plain[..length];
    let ends = |word: &str| plain.ends_with(word.as_bytes());
    if STRONG.iter().any(|word| ends(word)) {
        Some(Strength::Strong)
    } else if WEAK.iter().any(|word| ends(word)) {
        Some(Strength::Weak)
    } else {
        plain.ends_with(AUTHORIZATION.as_bytes()).then_some(Strength::Authorization)
    }
}

fn hides(value: &str, strength: Strength) -> bool {
    let value = value.trim();
    if value.is_empty() || is_masked(value) || NOTHING.iter().any(|word| value.eq_ignore_ascii_case(word)) {
        return false;
    }
    if strength != Strength::Weak {
        return true;
    }
    let digit = value.bytes().any(|b| b.is_ascii_digit());
    let number = value.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    // A directory (`PWD=/root`), a count (`tokens=20000000`) and a plain word are none.
    value.len() >= 8 && !number && !value.starts_with('/') && (digit || value.len() >= 20)
}

/// The value behind a name, where there is one.
fn value(text: &str, name: Range<usize>, strength: Strength) -> Option<Found> {
    let bytes = text.as_bytes();
    let at = |place: usize| bytes.get(place).copied().unwrap_or(0);
    let mut here = name.end;
    let slashes = run(bytes, here, |b| b == b'\\') - here;
    here += slashes;
    let quoted_name = matches!(at(here), b'"' | b'\'');
    if quoted_name || (slashes == 0 && at(here) == b']') {
        here += 1;
    } else if slashes > 0 {
        return None;
    }
    let blank = |from| run(bytes, from, |b| matches!(b, b' ' | b'\t'));
    let spaced = blank(here);
    let rest = &bytes[spaced..];
    here = if rest.starts_with(b"=>") || rest.starts_with(b":=") {
        spaced + 2
    } else if rest.starts_with(b"%3D") || rest.starts_with(b"%3d") {
        spaced + 3
    } else if rest.first() == Some(&b'=') && rest.get(1) != Some(&b'=')
        || rest.first() == Some(&b':') && rest.get(1) != Some(&b':')
    {
        spaced + 1
    } else if rest.first() == Some(&b'>') && name.start > 0 && bytes[name.start - 1] == b'<' {
        return between_tags(text, spaced + 1, strength);
    } else if spaced > here {
        let flag = text[name.clone()].starts_with("--") && !rest.starts_with(b"-");
        let quoted = matches!(rest.first(), Some(b'"' | b'\'')) && strength == Strength::Strong;
        if !flag && !quoted {
            return None;
        }
        spaced
    } else {
        return None;
    };
    let (place, quoted) = extent(text, blank(here), strength);
    let found = hides(&text[place.clone()], strength).then(|| Found::new(place, kind(strength)))?;
    // A number in JSON becomes a text.
    let number = !quoted && bytes.get(name.end) == Some(&b'"');
    Some(Found { quote: number, ..found })
}

fn kind(strength: Strength) -> Kind {
    if strength == Strength::Authorization { Kind::Authorization } else { Kind::Password }
}

fn between_tags(text: &str, start: usize, strength: Strength) -> Option<Found> {
    let end = run(&text.as_bytes()[..text.len().min(start + BETWEEN_TAGS)], start, |b| b != b'<');
    let place = start..end;
    let value = text.get(place.clone())?;
    hides(value, strength).then(|| Found::new(place, kind(strength)))
}

/// Where a value begins and ends, and whether it is in quotation marks, possibly escaped ones; without, it goes up to what
/// ends a word.
fn extent(text: &str, from: usize, strength: Strength) -> (Range<usize>, bool) {
    let bytes = text.as_bytes();
    let at = |place: usize| bytes.get(place).copied().unwrap_or(0);
    let mut start = from;
    // Some("x"), ["x"], b'x'
    if bytes[start..].starts_with(b"Some(") {
        start += 5;
    } else if at(start) == b'[' && !text[start..].starts_with(OPEN)
        || matches!(at(start), b'b' | b'u' | b'r') && matches!(at(start + 1), b'"' | b'\'')
    {
        start += 1;
    }
    let slashes = run(bytes, start, |b| b == b'\\') - start;
    let quote = at(start + slashes);
    if matches!(quote, b'"' | b'\'') {
        let inside = start + slashes + 1;
        let start = without_scheme(text, inside, strength);
        return (start..closing(bytes, inside, quote, slashes), true);
    }
    let start = without_scheme(text, start, strength);
    let ends = |b: u8| b <= b' ' || matches!(b, b'"' | b'\'' | b'&' | b',' | b';' | b'<' | b'`' | b'\\');
    (start..run(bytes, start, |b| !ends(b)), false)
}

/// Behind `Basic ` and its like, which is no secret.
fn without_scheme(text: &str, start: usize, strength: Strength) -> usize {
    if strength != Strength::Authorization {
        return start;
    }
    let word = run(text.as_bytes(), start, |b| b.is_ascii_alphanumeric() || b == b'-');
    let value = run(text.as_bytes(), word, |b| b == b' ');
    let more = text.as_bytes().get(value).is_some_and(|b| !matches!(b, b'"' | b'\'') && *b > b' ');
    if word > start && value > word && more { value } else { start }
}

/// Where the closing quotation mark is; the end of the text where there is none. It has as many backslashes as the
/// opening one, and one within the value has more.
fn closing(bytes: &[u8], from: usize, quote: u8, slashes: usize) -> usize {
    let mut seen = 0;
    for (at, &byte) in bytes.iter().enumerate().skip(from) {
        if byte == b'\\' {
            seen += 1;
            continue;
        }
        let closes = if slashes == 0 { seen % 2 == 0 } else { seen <= slashes };
        if byte == quote && closes {
            return at - if slashes == 0 { 0 } else { seen };
        }
        seen = 0;
    }
    bytes.len()
}
