//! What is wrong with a query, and where.

use std::fmt;

use super::ast::Span;

/// How many mistakes of one query are noted: placing each takes time, and nobody reads more.
pub(super) const MAX_ERRORS: usize = 100;

/// One mistake in a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// The bytes it is about.
    pub span: Span,
    /// Line of the start of `span`, from 1; 0 where the query is empty.
    pub line: usize,
    /// Column of the start of `span` in bytes, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl ParseError {
    /// A mistake at `span` of `query`.
    pub fn new(query: &str, span: Span, message: impl Into<String>) -> Self {
        let (line, column) = if query.is_empty() { (0, 0) } else { line_column(query, span.start) };
        Self { span, line, column, message: message.into() }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return write!(f, "unknown position: parse error: {}", self.message);
        }
        write!(f, "{}:{}: parse error: {}", self.line, self.column, self.message)
    }
}

/// The mistakes found, at most a hundred; never empty. It is shown as the first one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseErrors(pub Vec<ParseError>);

impl fmt::Display for ParseErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.first() {
            Some(first) => first.fmt(f),
            None => f.write_str("parse error"),
        }
    }
}

impl std::error::Error for ParseErrors {}

/// Line and column of a byte, both from 1; a column counts bytes.
pub fn line_column(query: &str, at: usize) -> (usize, usize) {
    let before = query.as_bytes().get(..at).unwrap_or(query.as_bytes());
    let line = 1 + before.iter().filter(|b| **b == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|b| **b != b'\n').count();
    (line, column)
}
