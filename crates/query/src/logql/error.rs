//! What is wrong with a query, and where, in Loki's words.

use std::fmt;

use super::ast::Span;
use crate::promql::error::line_column;

/// A mistake in a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// The bytes it is about; empty where it is about the query as a whole.
    pub span: Span,
    /// Line of the start of `span`, from 1; 0 for the query as a whole.
    pub line: usize,
    /// Column of the start of `span` in bytes, from 1; 0 for the query as a whole.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl ParseError {
    /// A mistake at `span` of `query`.
    pub fn new(query: &str, span: Span, message: impl Into<String>) -> Self {
        let (line, column) = line_column(query, span.start);
        Self { span, line, column, message: message.into() }
    }

    /// A mistake of the query as a whole.
    pub fn whole(message: impl Into<String>) -> Self {
        Self { span: Span::default(), line: 0, column: 0, message: message.into() }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return write!(f, "parse error : {}", self.message);
        }
        write!(f, "parse error at line {}, col {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for ParseError {}
