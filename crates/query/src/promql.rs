//! PromQL: text to tree ([`parse`]), tree to text, and the [`Engine`] that evaluates trees.

pub(crate) mod aggregate;
mod annotations;
pub mod ast;
mod binary;
mod check;
pub mod duration;
pub mod engine;
pub mod error;
pub(crate) mod eval;
pub mod features;
mod functions;
mod lex;
mod log;
mod native;
mod number;
mod parse;
mod print;
pub(crate) mod quote;
mod results;
pub mod series_desc;
pub mod signature;
pub mod uses;
pub mod value;

pub use ast::Expr;
pub use duration::{DurationContext, DurationError, format_duration, parse_duration, resolve_durations};
pub use engine::{Engine, EngineOptions, QueryError};
pub use error::{ParseError, ParseErrors};
pub use eval::hints::note_resets;
pub use log::{LoggedQuery, Logs, QueryLog, QueryOrigin};
pub use native::{equal as equal_histograms, text as histogram_text};
pub use number::go_g;
pub use parse::{ParseOptions, parse, parse_selector, parse_with};
pub use print::format;
pub use results::Results;
pub use uses::{metric_names, uses_label};
pub use value::{InstantSample, QueryOutput, QueryStats, SampleStats, SampleValue, Series, Value};
