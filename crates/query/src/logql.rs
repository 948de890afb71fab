//! LogQL: text to tree ([`parse`]), tree to text, and the [`Engine`] that evaluates trees over records.

pub mod ast;
mod engine;
mod error;
mod eval;
mod lex;
mod parse;
mod pipeline;
mod print;
pub mod units;

pub use ast::Expr;
pub use engine::{Direction, Engine, EngineOptions, LogEntry, LogQuery, LogStream, QueryError, Stats};
pub use error::ParseError;
pub use parse::{parse, parse_matchers};
pub use pipeline::detect::{FieldKind, Fields, FoundField};
pub use print::format;
