//! PromQL: text to tree ([`parse`]), tree to text.

pub mod ast;
pub mod engine;
pub mod error;
pub mod signature;
pub mod value;

pub use ast::Expr;
pub use engine::{Engine, EngineOptions, QueryError};
pub use error::{ParseError, ParseErrors};
pub use value::{InstantSample, QueryOutput, SampleValue, Series, Value};
