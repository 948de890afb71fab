//! A cursor over a description.

use super::{MAX_VALUES, ParseError, ParseErrors, Span};

/// What is wrong, and where.
#[derive(Debug)]
pub(super) struct Fault {
    span: Span,
    message: String,
}

impl Fault {
    pub(super) fn new(start: usize, end: usize, message: impl Into<String>) -> Self {
        Self { span: Span::new(start, end), message: message.into() }
    }

    pub(super) fn into_errors(self, text: &str) -> ParseErrors {
        ParseErrors(vec![ParseError::new(text, self.span, self.message)])
    }
}

pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn is_done(&self) -> bool {
        self.rest().is_empty()
    }

    pub(super) fn fault(&self, message: impl Into<String>) -> Fault {
        let length = self.rest().chars().next().map_or(0, char::len_utf8);
        Fault::new(self.at, self.at + length, message)
    }

    pub(super) fn starts_with(&self, any: [char; 2]) -> bool {
        self.rest().starts_with(any)
    }

    pub(super) fn eat(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    pub(super) fn take_while(&mut self, mut accept: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or("")
    }

    /// Steps over a sign; whether it is `-`.
    pub(super) fn sign(&mut self) -> bool {
        !self.eat("+") && self.eat("-")
    }

    /// The digits of a decimal number without sign.
    pub(super) fn digits(&mut self) -> &'a str {
        let mut last = ' ';
        self.take_while(|c| {
            let fits = c.is_ascii_digit()
                || matches!(c, '.' | 'e' | 'E' | '_')
                || (matches!(c, '+' | '-') && matches!(last, 'e' | 'E'));
            last = c;
            fits
        })
    }

    /// `xN`, if it is there.
    pub(super) fn repetition(&mut self) -> Result<Option<usize>, Fault> {
        let start = self.at;
        if !self.eat("x") {
            return Ok(None);
        }
        let digits = self.take_while(|c| c.is_ascii_digit());
        match digits.parse::<usize>() {
            Ok(count) if count < MAX_VALUES => Ok(Some(count)),
            Ok(_) => Err(Fault::new(start, self.at, format!("more than {MAX_VALUES} values"))),
            Err(_) => Err(Fault::new(start, self.at, "expected how often to repeat, e.g. x10")),
        }
    }
}
