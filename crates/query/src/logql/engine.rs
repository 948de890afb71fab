//! The door of the language: a tree goes in, lines or a value come out.

use model::{Ctx, ErrorKind, Labels, RecordReader, RecordScan};

use super::ast::{LogExpr, MetricExpr};
use super::error::ParseError;
use super::eval;
use crate::promql;
use crate::promql::{QueryOutput, Value};

/// How queries are evaluated.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// How many series a result may have.
    pub max_series: usize,
    /// How many lines a result may have.
    pub max_lines: usize,
    /// How many samples a query may hold at a time.
    pub max_samples: u64,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { max_series: 500, max_lines: 5_000, max_samples: 50_000_000 }
    }
}

/// Why there is no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum QueryError {
    /// The text is not a query.
    #[error("{0}")]
    Parse(#[from] ParseError),
    /// The query cannot be evaluated over these lines, or its result is too large.
    #[error("{0}")]
    Execution(String),
    /// A store or a budget refuses.
    #[error("{0}")]
    Store(model::Error),
}

impl From<model::Error> for QueryError {
    fn from(error: model::Error) -> Self {
        Self::Store(error)
    }
}

impl From<promql::QueryError> for QueryError {
    fn from(error: promql::QueryError) -> Self {
        match error {
            promql::QueryError::Storage(error) => Self::Store(error),
            promql::QueryError::Canceled => Self::Store(model::Error::timeout("query was canceled")),
            promql::QueryError::Timeout => Self::Store(model::Error::timeout("query timed out")),
            promql::QueryError::TooManySamples(text) => {
                Self::Store(model::Error::new(ErrorKind::Limited, text))
            }
            other => Self::Execution(other.to_string()),
        }
    }
}

/// Which lines come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// The oldest.
    Forward,
    /// The newest.
    #[default]
    Backward,
}

/// What of a log query is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogQuery {
    /// First nanosecond.
    pub start_ns: i64,
    /// The nanosecond behind the last.
    pub end_ns: i64,
    /// At most so many lines.
    pub limit: usize,
    /// Which end first.
    pub direction: Direction,
    /// Of each stream at most one line in so many ns; 0: all.
    pub interval_ns: i64,
    /// Lines are grouped by the labels of their streams alone.
    pub by_stream: bool,
}

/// A line of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// The line as the pipeline left it.
    pub line: String,
    /// Labels that were sent beside it.
    pub structured: Labels,
    /// Labels that stages set.
    pub parsed: Labels,
    /// What was found in the line before it was stored, other than its level; filled where lines are grouped by stream.
    pub detected: Labels,
}

/// Lines with the same labels, in the order that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogStream {
    /// All labels; those of the stream alone where [`LogQuery::by_stream`] asks so.
    pub labels: Labels,
    /// The lines.
    pub entries: Vec<LogEntry>,
}

/// What a query looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Lines read.
    pub lines: u64,
    /// Their bytes, where they were read.
    pub bytes: u64,
    /// Lines that passed the pipeline.
    pub kept: u64,
}

/// Evaluates LogQL over any [`RecordReader`].
#[derive(Debug, Clone, Default)]
pub struct Engine {
    options: EngineOptions,
}

impl Engine {
    /// An engine with these options.
    pub fn new(options: EngineOptions) -> Self {
        Self { options }
    }

    /// Its options.
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// The lines of a log query.
    pub fn logs(
        &self,
        ctx: &Ctx,
        reader: &dyn RecordReader,
        expr: &LogExpr,
        query: LogQuery,
    ) -> Result<(Vec<LogStream>, Stats), QueryError> {
        if query.limit > self.options.max_lines {
            return Err(QueryError::Execution(format!(
                "max entries limit per query exceeded, limit > max_entries_limit_per_query ({} > {})",
                query.limit, self.options.max_lines
            )));
        }
        eval::lines::lines(ctx, reader, expr, query)
    }

    /// What a store tests by itself to find exactly the lines of `expr` from the first to the last nanosecond; `None`
    /// where a stage is more than a store can test.
    pub fn exact_scan(
        &self,
        ctx: &Ctx,
        reader: &dyn RecordReader,
        expr: &LogExpr,
        range: (i64, i64),
    ) -> Result<Option<RecordScan>, QueryError> {
        eval::plan::exact(ctx, reader, expr, range)
    }

    /// The value of a metric query at one time (ms): a vector or a scalar.
    pub fn instant(
        &self,
        ctx: &Ctx,
        reader: &dyn RecordReader,
        expr: &MetricExpr,
        t_ms: i64,
    ) -> Result<(QueryOutput, Stats), QueryError> {
        self.limited(eval::metric(ctx, reader, expr, &self.options, eval::Times::At(t_ms))?)
    }

    /// The values of a metric query at `start`, `start + step`, ... up to `end` (all ms): a matrix.
    pub fn range(
        &self,
        ctx: &Ctx,
        reader: &dyn RecordReader,
        expr: &MetricExpr,
        (start, end, step): (i64, i64, i64),
    ) -> Result<(QueryOutput, Stats), QueryError> {
        self.limited(eval::metric(ctx, reader, expr, &self.options, eval::Times::Range(start, end, step))?)
    }

    fn limited(&self, result: (QueryOutput, Stats)) -> Result<(QueryOutput, Stats), QueryError> {
        let series = match &result.0.value {
            Value::Vector(samples) => samples.len(),
            Value::Matrix(series) => series.len(),
            Value::Scalar { .. } | Value::String { .. } => 0,
        };
        let most = self.options.max_series;
        if series > most {
            return Err(QueryError::Execution(format!(
                "maximum number of series ({most}) reached for a single query; consider reducing query \
                 cardinality by adding more specific stream selectors, reducing the time range, or aggregating \
                 results with functions like sum(), count() or topk()"
            )));
        }
        Ok(result)
    }
}
