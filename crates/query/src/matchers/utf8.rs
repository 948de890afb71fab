//! The notation for UTF-8: names and values in quotes, or without any reserved character.

use model::{MatchOp, Matcher};

use super::is_reserved;
use crate::promql::quote::unquote;

/// Reads a list; where it begins with `{` it ends with `}`, and only there.
pub(super) fn list(text: &str) -> Result<Vec<Matcher>, String> {
    Parser { lexer: Lexer::new(text), matchers: Vec::new() }.list()
}

/// Reads exactly one matcher.
pub(super) fn one(text: &str) -> Result<Matcher, String> {
    let mut found = list(text)?;
    match (found.len(), found.pop()) {
        (1, Some(matcher)) => Ok(matcher),
        (0, _) => Err("no matchers".to_owned()),
        (many, _) => Err(format!("expected 1 matcher, found {many}")),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    End,
    Open,
    Close,
    Comma,
    Operator(MatchOp),
    Quoted,
    Bare,
}

/// A piece of the text, and the characters it spans.
#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
    from: usize,
    to: usize,
}

impl Token<'_> {
    fn value(&self) -> Result<String, String> {
        if self.kind != Kind::Quoted {
            return Ok(self.text.to_owned());
        }
        let value = unquote(self.text).and_then(|bytes| String::from_utf8(bytes).ok());
        value.ok_or_else(|| format!("{}:{}: {}: invalid input", self.from, self.to, self.text))
    }
}

struct Lexer<'a> {
    text: &'a str,
    /// Bytes and characters read.
    at: usize,
    column: usize,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, column: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The next token, which stays the next one.
    fn peek(&self) -> Result<Token<'a>, String> {
        let trimmed = self.rest().trim_start();
        let from = self.column + self.rest()[..self.rest().len() - trimmed.len()].chars().count();
        let token = |kind, len: usize| {
            let text = &trimmed[..len];
            Ok(Token { kind, text, from, to: from + text.chars().count() })
        };
        let Some(c) = trimmed.chars().next() else { return token(Kind::End, 0) };
        match c {
            '{' => token(Kind::Open, 1),
            '}' => token(Kind::Close, 1),
            ',' => token(Kind::Comma, 1),
            '=' if trimmed.starts_with("=~") => token(Kind::Operator(MatchOp::Regex), 2),
            '=' => token(Kind::Operator(MatchOp::Equal), 1),
            '!' if trimmed.starts_with("!=") => token(Kind::Operator(MatchOp::NotEqual), 2),
            '!' if trimmed.starts_with("!~") => token(Kind::Operator(MatchOp::NotRegex), 2),
            '!' if trimmed.len() == 1 => {
                Err(format!("{from}:{}: unexpected end of input, expected one of '=~'", from + 1))
            }
            '!' => Err(format!("{from}:{}: !: expected one of '=~'", from + 1)),
            '"' => match quoted(trimmed) {
                Some(len) => token(Kind::Quoted, len),
                None => {
                    let to = from + trimmed.chars().count();
                    Err(format!("{from}:{to}: {trimmed}: missing end \""))
                }
            },
            c if is_reserved(c) => Err(format!("{from}:{}: {c}: invalid input", from + 1)),
            _ => token(Kind::Bare, trimmed.find(is_reserved).unwrap_or(trimmed.len())),
        }
    }

    fn take(&mut self, token: Token<'_>) {
        let skipped = self.rest().len() - self.rest().trim_start().len();
        self.at += skipped + token.text.len();
        self.column = token.to;
    }
}

/// Bytes of the text in quotes that `text` begins with.
fn quoted(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    matchers: Vec<Matcher>,
}

impl<'a> Parser<'a> {
    fn list(mut self) -> Result<Vec<Matcher>, String> {
        let first = self.lexer.peek()?;
        let braced = first.kind == Kind::Open;
        if braced {
            self.lexer.take(first);
        }
        let next = if braced || first.kind != Kind::End { self.lexer.peek()? } else { first };
        if !matches!(next.kind, Kind::Close | Kind::End) {
            while self.matcher()? {}
        }
        self.close(braced)?;
        let last = self.lexer.peek().map_err(|e| format!("{e}: expected end of input"))?;
        if last.kind != Kind::End {
            return Err(format!("{}:{}: {}: expected end of input", last.from, last.to, last.text));
        }
        Ok(self.matchers)
    }

    /// The next token where `wanted` takes it; otherwise an error that ends with what was expected.
    fn next(&self, wanted: fn(Kind) -> bool, expected: &str) -> Result<Token<'a>, String> {
        let found = self.lexer.peek().and_then(|token| match token.kind {
            Kind::End => Err("end of input".to_owned()),
            kind if wanted(kind) => Ok(token),
            _ => Err(format!("{}:{}: unexpected {}", token.from, token.to, token.text)),
        });
        found.map_err(|e| format!("{e}: {expected}"))
    }

    /// Reads a matcher and the comma behind it; whether another one follows.
    fn matcher(&mut self) -> Result<bool, String> {
        let text = |kind| matches!(kind, Kind::Quoted | Kind::Bare);
        let token = self.next(text, "expected label name")?;
        self.lexer.take(token);
        let name = token.value()?;
        let operator = |kind| matches!(kind, Kind::Operator(_));
        let token = self.next(operator, "expected an operator such as '=', '!=', '=~' or '!~'")?;
        self.lexer.take(token);
        // `next` lets only operators pass.
        let Kind::Operator(op) = token.kind else { return Ok(false) };
        let token = self.next(text, "expected label value")?;
        self.lexer.take(token);
        let matcher = Matcher::line_wise(name, op, token.value()?);
        self.matchers.push(matcher.map_err(|e| format!("failed to create matcher: {e}"))?);

        if self.lexer.peek().is_ok_and(|token| token.kind == Kind::End) {
            return Ok(false);
        }
        let after = |kind| matches!(kind, Kind::Comma | Kind::Close);
        let token = self.next(after, "expected a comma or close brace")?;
        if token.kind == Kind::Close {
            return Ok(false);
        }
        self.lexer.take(token);
        if self.lexer.peek().is_ok_and(|token| token.kind == Kind::End) {
            return Ok(false);
        }
        let after = |kind| matches!(kind, Kind::Close | Kind::Quoted | Kind::Bare);
        let token = self.next(after, "expected a matcher or close brace after comma")?;
        Ok(token.kind != Kind::Close)
    }

    fn close(&mut self, braced: bool) -> Result<(), String> {
        let close = |kind| kind == Kind::Close;
        match self.next(close, "expected close brace") {
            Ok(token) if braced => {
                self.lexer.take(token);
                Ok(())
            }
            Ok(token) => Err(format!("0:{}: }}: expected opening brace", token.to)),
            Err(e) if braced => Err(format!("0:{}: {e}", self.lexer.column)),
            Err(_) => Ok(()),
        }
    }
}
