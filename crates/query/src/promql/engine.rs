//! The door of the language: a query goes in, a value comes out.

use model::{Ctx, ErrorKind, MetricReader};

use super::error::ParseErrors;
use super::value::QueryOutput;

/// How queries are evaluated.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// How far back an instant selector looks for a sample, ms.
    pub lookback_ms: i64,
    /// How many samples a query may hold at a time.
    pub max_samples: u64,
    /// Experimental functions, aggregations and syntax.
    pub experimental: bool,
    /// Keeps the metric's name until the end of the query, so that `label_replace` and `by (__name__)` see it.
    pub delayed_name_removal: bool,
    /// The step of a subquery that names none, ms.
    pub subquery_step_ms: i64,
    /// How many threads one query may use.
    pub threads: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            lookback_ms: 300_000,
            max_samples: 50_000_000,
            experimental: false,
            delayed_name_removal: false,
            subquery_step_ms: 60_000,
            threads: std::thread::available_parallelism().map_or(1, |n| n.get().min(8)),
        }
    }
}

/// Why there is no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum QueryError {
    /// The text is not a query.
    #[error("{0}")]
    Parse(ParseErrors),
    /// The query cannot be evaluated over this data.
    #[error("{0}")]
    Execution(String),
    /// The caller has gone.
    #[error("query was canceled in expression evaluation")]
    Canceled,
    /// The deadline passed.
    #[error("query timed out in expression evaluation")]
    Timeout,
    /// The query needs more samples or more memory than it may have.
    #[error("{0}")]
    TooManySamples(String),
    /// The store failed.
    #[error("{0}")]
    Storage(model::Error),
}

impl QueryError {
    /// The kind of failure, for APIs that have no better words.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Parse(_) | Self::Execution(_) => ErrorKind::Invalid,
            Self::Canceled | Self::Timeout => ErrorKind::Timeout,
            Self::TooManySamples(_) => ErrorKind::Limited,
            Self::Storage(error) => error.kind,
        }
    }
}

/// Evaluates queries. Cheap to share; holds no data.
#[derive(Debug, Clone, Default)]
pub struct Engine {
    options: EngineOptions,
}

impl Engine {
    /// An engine with these settings.
    pub fn new(options: EngineOptions) -> Self {
        Self { options }
    }

    /// The settings.
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// Evaluates `query` at `t_ms`.
    pub fn instant(
        &self,
        _ctx: &Ctx,
        _reader: &dyn MetricReader,
        _query: &str,
        _t_ms: i64,
    ) -> Result<QueryOutput, QueryError> {
        Err(QueryError::Execution("evaluation is being built".to_owned()))
    }

    /// Evaluates `query` at `start`, `start + step`, ... up to `end` (all ms); the result is a matrix.
    pub fn range(
        &self,
        _ctx: &Ctx,
        _reader: &dyn MetricReader,
        _query: &str,
        _start: i64,
        _end: i64,
        _step: i64,
    ) -> Result<QueryOutput, QueryError> {
        Err(QueryError::Execution("evaluation is being built".to_owned()))
    }
}
