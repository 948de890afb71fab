//! PromQL: text to tree ([`parse`]), tree to text.

pub mod ast;
pub mod error;
pub mod signature;

pub use ast::Expr;
pub use error::{ParseError, ParseErrors};
