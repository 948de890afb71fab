//! Where the reader stands, and the pieces of a line.

use std::borrow::Cow;

use super::FieldValue;
use crate::exposition::ParseError;

#[derive(Debug, Clone)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// The start of a line that was told in an error, and its number: counting goes on from there, so that many errors
    /// cost no more than one walk.
    counted: (usize, usize),
}

impl<'a> Scanner<'a> {
    pub(super) fn new(body: &'a [u8]) -> Result<Self, ParseError> {
        match std::str::from_utf8(body) {
            Ok(text) => Ok(Self { text, at: 0, counted: (0, 1) }),
            Err(error) => {
                // What is before the damage is valid.
                let text = std::str::from_utf8(&body[..error.valid_up_to()]).unwrap_or_default();
                Err(Self { text, at: text.len(), counted: (0, 1) }.error("invalid UTF-8"))
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// Goes to the next line that is neither blank nor a comment.
    pub(super) fn find_line(&mut self) -> Option<()> {
        loop {
            match self.peek()? {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                b'#' => self.skip_line(),
                _ => return Some(()),
            }
        }
    }

    pub(super) fn skip_line(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += rest.find('\n').map_or(rest.len(), |newline| newline + 1);
    }

    /// Steps over blanks; `false` where there is none.
    pub(super) fn blanks(&mut self) -> bool {
        let before = self.at;
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        self.at > before
    }

    /// Text up to one of `ends` or the end of the line. A backslash before a comma, an equals sign, a blank or a backslash
    /// takes its meaning away.
    pub(super) fn word(&mut self, ends: &[u8]) -> Cow<'a, str> {
        let from = self.at;
        let mut escaped = false;
        while let Some(byte) = self.peek() {
            if byte == b'\\' && self.text.as_bytes().get(self.at + 1).is_some_and(|next| is_escapable(*next))
            {
                escaped = true;
                self.at += 2;
                continue;
            }
            if byte == b'\n' || byte == b'\r' || ends.contains(&byte) {
                break;
            }
            self.at += 1;
        }
        // Both ends stand before or behind ASCII.
        let raw = self.text.get(from..self.at).unwrap_or_default();
        if escaped { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) }
    }

    /// The value of a field.
    pub(super) fn value(&mut self) -> Result<FieldValue<'a>, ParseError> {
        let from = self.at;
        if self.eat(b'"') {
            return self.text(from);
        }
        let word = self.word(b", \t");
        let number = match &*word {
            "t" | "T" | "true" | "True" | "TRUE" => Some(1.0),
            "f" | "F" | "false" | "False" | "FALSE" => Some(0.0),
            word => number(word),
        };
        number.map(FieldValue::Number).ok_or_else(|| {
            let message = match word.is_empty() {
                true => "expected the value of a field".to_owned(),
                false => format!("{:?} is no number, boolean or text in quotes", shortened(&word)),
            };
            self.error_at(from, message)
        })
    }

    /// Text in quotes, which may hold line ends.
    fn text(&mut self, from: usize) -> Result<FieldValue<'a>, ParseError> {
        let start = self.at;
        let mut escaped = false;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'"' => {
                    // The quote is behind it.
                    let raw = self.text.get(start..self.at - 1).unwrap_or_default();
                    let text = if escaped { unquote(raw).into() } else { Cow::Borrowed(raw) };
                    return Ok(FieldValue::Text(text));
                }
                b'\\' if matches!(self.peek(), Some(b'"' | b'\\')) => {
                    escaped = true;
                    self.at += 1;
                }
                _ => {}
            }
        }
        // Only the line where it starts is given up.
        self.at = from;
        Err(self.error_at(from, "the text has no closing quote"))
    }

    pub(super) fn timestamp(&mut self) -> Result<Option<i64>, ParseError> {
        let from = self.at;
        let word = self.word(b" \t");
        if word.is_empty() {
            return Ok(None);
        }
        match word.parse() {
            Ok(t) => Ok(Some(t)),
            Err(_) => Err(self.error_at(from, format!("{:?} is no timestamp", shortened(&word)))),
        }
    }

    pub(super) fn end_of_line(&mut self) -> Result<(), ParseError> {
        self.blanks();
        self.eat(b'\r');
        match self.peek() {
            None => Ok(()),
            Some(b'\n') => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(self.error("expected the end of the line")),
        }
    }

    pub(super) fn error(&mut self, message: &str) -> ParseError {
        self.error_at(self.at, message.to_owned())
    }

    /// An error at byte `at`, which is never before that of the last error.
    fn error_at(&mut self, at: usize, message: impl Into<String>) -> ParseError {
        let (from, line) = self.counted;
        let before = self.text.get(from..at).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = line + before.bytes().filter(|b| *b == b'\n').count();
        self.counted = (from + line_start, line);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        ParseError { line, column, message: message.into() }
    }
}

const fn is_escapable(byte: u8) -> bool {
    matches!(byte, b',' | b'=' | b' ' | b'\\')
}

fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().and_then(|next| u8::try_from(*next).ok());
        if c == '\\' && next.is_some_and(is_escapable) {
            out.extend(chars.next());
        } else {
            out.push(c);
        }
    }
    out
}

/// A text in quotes as it was meant: only quotes and backslashes are escaped.
fn unquote(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.next_if(|next| c == '\\' && matches!(next, '"' | '\\'));
        out.push(next.unwrap_or(c));
    }
    out
}

/// A float, or a whole number with its suffix. Integers beyond 2^53 lose their last digits.
fn number(word: &str) -> Option<f64> {
    if let Some(digits) = word.strip_suffix('i') {
        return digits.parse::<i64>().ok().map(|n| n as f64);
    }
    if let Some(digits) = word.strip_suffix('u') {
        return digits.parse::<u64>().ok().map(|n| n as f64);
    }
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None; // Rust also reads "inf" and "nan"
    }
    word.parse().ok().filter(|n: &f64| n.is_finite())
}

fn shortened(word: &str) -> &str {
    word.char_indices().nth(40).map_or(word, |(at, _)| &word[..at])
}
