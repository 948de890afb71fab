//! Query languages over the store traits of `model`.
//!
//! What it is: PromQL from text to result. [`promql::parse`] makes a tree whose nodes know their place in the text,
//! [`promql::format`] makes text of a tree, [`promql::Engine`] evaluates it against any `MetricReader`. LogQL
//! ([`logql`]) does the same over any `RecordReader`: its metric queries are lowered to trees of PromQL, whose operators
//! over step vectors they share. [`template`] is what templates of alerts and of lines have in common.
//!
//! What it is not: it names no store, listens to nothing, knows no API's shape and never asks for the time.
//!
//! ```text
//! text --lex, parse, check--> tree --eval--> selectors read partitions of series side by side
//!                                            -> window functions over decoded runs -> rows of cells, one a step
//!                                            -> functions, operators, aggregations on whole rows -> Value
//! ```
//!
//! Start reading at `promql/ast.rs`, then `promql/eval.rs` (the walk over the tree) and `promql/eval/select.rs` (how
//! data comes in). `promql/native.rs` is the arithmetic of native histograms. For logs: `logql/ast.rs`,
//! `logql/pipeline.rs` (what a line passes), `logql/eval/leaf.rs` (lines become series).

#![forbid(unsafe_code)]

pub mod logql;
pub mod matchers;
pub mod promql;
pub mod template;
