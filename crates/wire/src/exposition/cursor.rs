//! A position in the body, and the tokens both formats are made of.

use super::{ParseError, Text};

/// Walks a body byte by byte. Cuts happen only beside ASCII bytes, so slices are always at character borders.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at the beginning of `body`, which must be UTF-8.
    pub(crate) fn new(body: &'a [u8]) -> Result<Self, ParseError> {
        match std::str::from_utf8(body) {
            Ok(text) => Ok(Self { text, at: 0 }),
            Err(error) => {
                let at = error.valid_up_to();
                let text = std::str::from_utf8(&body[..at]).unwrap_or_default();
                let byte = body.get(at).copied().unwrap_or_default();
                Err(Self { text, at }.error_at(at, format_args!("invalid UTF-8, byte 0x{byte:02x}")))
            }
        }
    }

    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    pub(crate) const fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(crate) const fn bump(&mut self) {
        self.at += 1;
    }

    /// Steps over `byte` if it is next.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Steps over `word` if it is next.
    pub(crate) fn eat_str(&mut self, word: &str) -> bool {
        let is_next = self.rest().starts_with(word);
        self.at += if is_next { word.len() } else { 0 };
        is_next
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The text from `start` to here.
    pub(crate) fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Steps over bytes while `accept`s says so and returns them.
    pub(crate) fn take_while(&mut self, accept: impl Fn(u8) -> bool) -> &'a str {
        let start = self.at;
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(|b| accept(*b)) {
            self.at += 1;
        }
        self.since(start)
    }

    /// Steps over spaces and tabs.
    pub(crate) fn skip_blanks(&mut self) {
        self.take_while(|b| b == b' ' || b == b'\t');
    }

    /// The rest of the line; stands on its newline (or at the end) afterwards.
    pub(crate) fn line(&mut self) -> &'a str {
        self.take_while(|b| b != b'\n')
    }

    /// A metric name of the classic syntax, or `""`.
    pub(crate) fn metric_name(&mut self) -> &'a str {
        self.word(true)
    }

    /// A label name of the classic syntax, or `""`.
    pub(crate) fn label_name(&mut self) -> &'a str {
        self.word(false)
    }

    fn word(&mut self, colon: bool) -> &'a str {
        if self.peek().is_some_and(|b| b.is_ascii_digit()) {
            return "";
        }
        self.take_while(|b| b.is_ascii_alphanumeric() || b == b'_' || (colon && b == b':'))
    }

    /// A quoted string; stands behind its closing quote afterwards. `None`: it does not start or does not end.
    pub(crate) fn quoted(&mut self, newlines: bool) -> Option<Text<'a>> {
        if self.peek() != Some(b'"') {
            return None;
        }
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let mut at = start;
        loop {
            match *bytes.get(at)? {
                b'"' => break,
                b'\\' => at += 2,
                b'\n' if !newlines => return None,
                _ => at += 1,
            }
        }
        self.at = at + 1;
        self.text.get(start..at).map(Text::quoted)
    }

    /// An error here.
    pub(crate) fn error(&self, message: impl std::fmt::Display) -> ParseError {
        self.error_at(self.at, message)
    }

    /// "expected `what`, got ..." here.
    pub(crate) fn expected(&self, what: &str) -> ParseError {
        let got = match self.rest().chars().next() {
            None => "the end".to_owned(),
            Some('\n') => "the end of the line".to_owned(),
            Some(c) => format!("{c:?}"),
        };
        self.error(format_args!("expected {what}, got {got}"))
    }

    /// An error at byte `at`.
    pub(crate) fn error_at(&self, at: usize, message: impl std::fmt::Display) -> ParseError {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        ParseError {
            line: before.bytes().filter(|b| *b == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.to_string(),
        }
    }
}
