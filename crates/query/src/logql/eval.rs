//! Evaluation over records.
//!
//! A metric query is lowered to the tree of PromQL, whose operators over step vectors are shared; only its leaves are
//! range aggregations over lines ([`leaf`]). What a store can test and what it need not give is found out in [`plan`].

mod leaf;
pub(crate) mod lines;
mod lower;
pub(crate) mod plan;
mod told;
mod window;

use std::sync::{Arc, Mutex, PoisonError};

use model::metrics::{Listing, SelectHints, Selection};
use model::{Ctx, Error, Matcher, MetricReader, RecordReader, TimeRange};

use super::ast::{MetricExpr, RangeAggregation};
use super::engine::{EngineOptions, QueryError, Stats};
use crate::promql::eval::{Evaluator, Leaves, Outcome, Rows, Steps};
use crate::promql::{self, QueryOutput};

/// When a metric query is evaluated, ms.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Times {
    At(i64),
    Range(i64, i64, i64),
}

/// Evaluates a metric query.
pub(crate) fn metric(
    ctx: &Ctx,
    reader: &dyn RecordReader,
    expr: &MetricExpr,
    options: &EngineOptions,
    times: Times,
) -> Result<(QueryOutput, Stats), QueryError> {
    let (tree, ranges) = lower::lower(expr);
    let source = Source { reader, ranges, stats: Mutex::default() };
    let engine = promql::Engine::new(promql::EngineOptions {
        max_samples: options.max_samples,
        threads: 1,
        ..promql::EngineOptions::default()
    });
    let output = match times {
        Times::At(t) => engine.instant_leaves(ctx, &Nothing, tree, &source, t)?,
        Times::Range(start, end, step) => {
            engine.range_leaves(ctx, &Nothing, tree, &source, (start, end, step))?
        }
    };
    let stats = *source.stats.lock().unwrap_or_else(PoisonError::into_inner);
    Ok((output, stats))
}

/// A leaf of the lowered tree.
struct Range {
    aggregation: Arc<RangeAggregation>,
    /// The labels that an aggregation above keeps, where it adds up what this one gives.
    above: Option<super::ast::Grouping>,
}

/// Computes the leaves.
struct Source<'a> {
    reader: &'a dyn RecordReader,
    ranges: Vec<Range>,
    stats: Mutex<Stats>,
}

impl Leaves for Source<'_> {
    fn rows(&self, evaluator: &Evaluator<'_>, index: usize, steps: Steps) -> Outcome<Rows> {
        let Some(range) = self.ranges.get(index) else { return Ok(Rows::empty(&evaluator.meter)) };
        let (rows, stats) = leaf::rows(evaluator, self.reader, range, steps)?;
        let mut all = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        all.lines += stats.lines;
        all.bytes += stats.bytes;
        all.kept += stats.kept;
        Ok(rows)
    }
}

/// There are no metrics below a query of logs.
struct Nothing;

impl MetricReader for Nothing {
    fn select(&self, _: &Ctx, _: &[Matcher], _: TimeRange, _: &SelectHints) -> model::Result<Selection> {
        Err(Error::internal("a query of logs has no series to select"))
    }

    fn label_names(&self, _: &Ctx, _: &[Matcher], _: TimeRange, _: usize) -> model::Result<Listing> {
        Ok(Listing::default())
    }

    fn label_values(
        &self,
        _: &Ctx,
        _: &str,
        _: &[Matcher],
        _: TimeRange,
        _: usize,
    ) -> model::Result<Listing> {
        Ok(Listing::default())
    }
}
