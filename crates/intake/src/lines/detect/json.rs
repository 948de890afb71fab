//! JSON: a walk over the members of an object, and of objects within. Broken JSON gives what came before the break.

use std::ops::Range;

use super::found::Found;
use super::names::{Meaning, Name, take};

/// How deep objects within objects are looked at.
const DEPTH: usize = 3;
/// The most bytes that are unescaped of a text.
const UNESCAPED: usize = 4 << 10;
/// Objects whose name says nothing about their members.
const TRANSPARENT: [&[u8]; 9] =
    [b"context", b"attributes", b"fields", b"mdc", b"extra", b"labels", b"data", b"attr", b"resource"];

/// Walks over the object that begins at `start`; `false` where none does.
pub(super) fn object(body: &str, start: usize, found: &mut Found) -> bool {
    let mut walk = Walk { body, bytes: body.as_bytes(), at: start, found };
    walk.members(Name::EMPTY, 0).is_some() || walk.at > start + 1
}

struct Walk<'a, 'f> {
    body: &'a str,
    bytes: &'a [u8],
    at: usize,
    found: &'f mut Found,
}

/// A text without its quotation marks.
struct Text {
    range: Range<usize>,
    escaped: bool,
}

impl Walk<'_, '_> {
    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at).is_some_and(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn members(&mut self, parent: Name, depth: usize) -> Option<()> {
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let name = self.text()?;
            self.expect(b':')?;
            self.value(parent, name.range, depth)?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
            if self.peek()? != b'"' {
                return None;
            }
        }
    }

    fn meaning(&mut self, parent: Name, name: Range<usize>) -> Option<Meaning> {
        let name = &self.bytes[name];
        if parent.as_bytes().is_empty() { self.found.meaning(name) } else { parent.with(name)?.meaning() }
    }

    fn value(&mut self, parent: Name, name: Range<usize>, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => {
                let text = self.text()?;
                if let Some(meaning) = self.meaning(parent, name) {
                    self.take(meaning, text);
                }
            }
            b'{' => match parent.with(&self.bytes[name]) {
                Some(name) if depth < DEPTH => {
                    let transparent = TRANSPARENT.contains(&name.as_bytes());
                    self.members(if transparent { Name::EMPTY } else { name }, depth + 1)?;
                }
                _ => self.skip()?,
            },
            b'[' => self.skip()?,
            _ => {
                let start = self.at;
                let rest = &self.bytes[start..];
                let end = rest.iter().position(|b| matches!(b, b',' | b'}' | b']') || *b <= b' ');
                self.at = start + end?;
                if let Some(meaning) = self.meaning(parent, name) {
                    let range = start..self.at;
                    let value = self.body.get(range.clone())?;
                    if !matches!(value, "null" | "true" | "false") {
                        take(meaning, value, self.body, Some(range), self.found);
                    }
                }
            }
        }
        Some(())
    }

    fn take(&mut self, meaning: Meaning, text: Text) {
        let Some(value) = self.body.get(text.range.clone()) else { return };
        if text.escaped {
            let plain = unescape(value);
            take(meaning, &plain, self.body, None, self.found);
        } else {
            take(meaning, value, self.body, Some(text.range), self.found);
        }
    }

    fn text(&mut self) -> Option<Text> {
        self.expect(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += quote(self.bytes.get(self.at..)?)?;
            if self.bytes[self.at] == b'"' {
                self.at += 1;
                return Some(Text { range: start..self.at - 1, escaped });
            }
            escaped = true;
            self.at += 2;
        }
    }

    /// Goes past an object or a list.
    fn skip(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            match self.bytes.get(self.at)? {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.checked_sub(1)?,
                b'"' => {
                    self.text()?;
                    continue;
                }
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }
}

/// Where the first quotation mark or backslash is. Most texts are short: eight bytes are looked at in one step, and only
/// behind the first some is searched as in long ones.
fn quote(text: &[u8]) -> Option<usize> {
    const STEP: usize = size_of::<u64>();
    const STEPS: usize = 4;
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES << 7;
    // The lowest bit that is set is that of the first byte that is 0 (Mycroft 1987); higher ones may be wrong.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    for (step, eight) in text.chunks_exact(STEP).take(STEPS).enumerate() {
        let Some(eight) = eight.first_chunk() else { break };
        let word = u64::from_le_bytes(*eight);
        let found = zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
        if found != 0 {
            return Some(step * STEP + found.trailing_zeros() as usize / 8);
        }
    }
    let from = (text.len() / STEP).min(STEPS) * STEP;
    Some(from + memchr::memchr2(b'"', b'\\', &text[from..])?)
}

/// The text that a JSON text with escapes stands for; what is wrongly escaped is left out.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(UNESCAPED));
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if out.len() >= UNESCAPED {
            break;
        }
        if char != '\\' {
            out.push(char);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                out.extend(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32));
            }
            Some(other @ ('"' | '\\' | '/')) => out.push(other),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn quotes_are_where_they_are(text in "[a-z\"\\\\!#\\[\\]\u{a2}\u{22dc}]{0,60}", plain in "[!#a\\[\\]\u{a2}]{0,50}") {
            for text in [text.clone(), format!("{plain}{text}"), plain] {
                let want = text.bytes().position(|b| matches!(b, b'"' | b'\\'));
                prop_assert_eq!(quote(text.as_bytes()), want);
            }
        }
    }
}
