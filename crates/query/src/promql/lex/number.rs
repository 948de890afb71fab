//! Where a number or duration ends.

use super::{Token, is_alphanumeric};

/// The token at the start of `text` (a digit, or a dot and a digit) and its length in bytes. Without a token the
/// length is that of what was looked at: messages show it.
pub(super) fn scan(text: &str) -> (Option<Token>, usize) {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0 };
    if scanner.number() && !scanner.next_is(|b| is_alphanumeric(char::from(b))) {
        return (Some(Token::Number), scanner.at);
    }
    if scanner.duration_after_number() {
        return (Some(Token::Duration), scanner.at);
    }
    // What follows the mistake is shown, too, where it belongs to the word.
    let shown = scanner.at.min(text.len());
    let shown = (shown..=text.len()).find(|i| text.is_char_boundary(*i)).unwrap_or(text.len());
    (None, shown)
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn next_is(&self, accept: impl Fn(u8) -> bool) -> bool {
        self.bytes.get(self.at).is_some_and(|b| accept(*b))
    }

    fn eat(&mut self, accept: impl Fn(u8) -> bool) -> bool {
        let found = self.next_is(accept);
        self.at += usize::from(found);
        found
    }

    fn end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// Reads what looks like a number: digits with at most one dot and one exponent, `_` between digits, `0x` in
    /// front. `false` where that is broken; what follows is not looked at.
    fn number(&mut self) -> bool {
        let hex = self.bytes.first() == Some(&b'0') && matches!(self.bytes.get(1), Some(b'x' | b'X'));
        if hex {
            self.at = 2;
            self.eat(|b| b == b'_');
        }
        let is_digit = |b: u8| if hex { b.is_ascii_hexdigit() } else { b.is_ascii_digit() };
        let (mut dot, mut exponent) = (false, false);
        self.eat(|b| b == b'.').then(|| dot = true);
        loop {
            if self.eat(is_digit) {
                continue;
            }
            if self.next_is(|b| b == b'.') {
                self.at += 1;
                if dot || self.eat(|b| matches!(b, b'_' | b'.')) || hex {
                    return false;
                }
                dot = true;
            } else if self.next_is(|b| matches!(b, b'e' | b'E')) {
                self.at += 1;
                if exponent {
                    return false;
                }
                exponent = true;
                self.eat(|b| matches!(b, b'+' | b'-'));
                if self.eat(|b| matches!(b, b'.' | b'_' | b'e' | b'E')) || self.end() {
                    return false;
                }
            } else if self.next_is(|b| b == b'_') {
                self.at += 1;
                if self.eat(|b| matches!(b, b'.' | b'_' | b'e' | b'E')) || self.end() {
                    return false;
                }
            } else {
                return self.at > 0;
            }
        }
    }

    /// Reads on from the digits of a duration: a unit, then further digits and units. Wrong units such as `hs` pass;
    /// reading the value refuses them.
    fn duration_after_number(&mut self) -> bool {
        if !self.eat(|b| b"smhdwy".contains(&b)) {
            return false;
        }
        self.eat(|b| b == b's');
        while self.eat(|b| b.is_ascii_digit()) {
            while self.eat(|b| b.is_ascii_digit()) {}
            if !self.eat(|b| b"smhdw".contains(&b)) {
                return false;
            }
            self.eat(|b| b == b's');
        }
        if self.next_is(|b| is_alphanumeric(char::from(b))) {
            self.at += 1;
            return false;
        }
        true
    }
}
