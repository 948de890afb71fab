//! The door of the language: a query goes in, a value comes out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{Ctx, ErrorKind, MetricReader, TimeRange};

use super::ast::{Expr, ValueType};
use super::duration::{DurationContext, resolve_durations};
use super::error::{ParseError, ParseErrors};
use super::eval::{Evaluated, Evaluator, Leaves, Rows, Steps};
use super::log::Logs;
use super::parse::{ParseOptions, parse_with};
use super::results::{Beginning, Key, Results, reach, reads};
use super::value::{QueryOutput, QueryStats, SampleStats, Series, Value};

/// How queries are evaluated.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// How far back an instant selector looks for a sample, ms.
    pub lookback_ms: i64,
    /// How many samples a query may hold at a time.
    pub max_samples: u64,
    /// What is allowed beyond the stable language.
    pub syntax: ParseOptions,
    /// Keeps the metric's name until the end of the query, so that `label_replace` and `by (__name__)` see it.
    pub delayed_name_removal: bool,
    /// Counts the samples that a query looks at, for [`QueryOutput::stats`].
    pub sample_stats: bool,
    /// Gives these counts for each step, too.
    pub per_step_stats: bool,
    /// Looks at `__type__` to tell a counter, instead of at the metric's name.
    pub type_and_unit_labels: bool,
    /// `rate`, `increase`, `irate`, `resets` and `start_timestamp` look at start timestamps.
    pub start_timestamps: bool,
    /// The step of a subquery that names none, ms.
    pub subquery_step_ms: i64,
    /// How many threads one query may use.
    pub threads: usize,
    /// Lets the store give summaries in place of samples where the result is the same.
    pub summaries: bool,
    /// Where those who evaluate keep a record of it.
    pub logs: Logs,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            lookback_ms: 300_000,
            max_samples: 50_000_000,
            syntax: ParseOptions::default(),
            delayed_name_removal: false,
            sample_stats: false,
            per_step_stats: false,
            type_and_unit_labels: false,
            start_timestamps: false,
            subquery_step_ms: 60_000,
            threads: std::thread::available_parallelism().map_or(1, |n| n.get().min(8)),
            summaries: true,
            logs: Logs::default(),
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

/// Evaluates queries. Cheap to share; holds no data but what [`Engine::with_results`] lets it keep.
#[derive(Debug, Clone, Default)]
pub struct Engine {
    options: EngineOptions,
    results: Option<Arc<Results>>,
}

impl Engine {
    /// An engine with these settings.
    pub fn new(options: EngineOptions) -> Self {
        Self { options, results: None }
    }

    /// The same engine, which keeps results of range queries and uses them as long as they hold.
    pub fn with_results(mut self, results: Arc<Results>) -> Self {
        self.results = Some(results);
        self
    }

    /// The same engine, which uses no results that it kept.
    pub fn without_results(mut self) -> Self {
        self.results = None;
        self
    }

    /// An engine with other settings that keeps results in the same place.
    pub fn with_options(&self, options: EngineOptions) -> Self {
        Self { options, results: self.results.clone() }
    }

    /// The settings.
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// Evaluates `query` at `t_ms`.
    pub fn instant(
        &self,
        ctx: &Ctx,
        reader: &dyn MetricReader,
        query: &str,
        t_ms: i64,
    ) -> Result<QueryOutput, QueryError> {
        let mut watch = Watch::start();
        let expr = self.parse(query)?;
        self.instant_timed(ctx, reader, query, expr, t_ms, &mut watch)
    }

    /// Evaluates a tree at `t_ms`; `query` is its text, for the places in notes.
    pub fn instant_expr(
        &self,
        ctx: &Ctx,
        reader: &dyn MetricReader,
        query: &str,
        expr: Expr,
        t_ms: i64,
    ) -> Result<QueryOutput, QueryError> {
        self.instant_timed(ctx, reader, query, expr, t_ms, &mut Watch::start())
    }

    fn instant_timed(
        &self,
        ctx: &Ctx,
        reader: &dyn MetricReader,
        query: &str,
        mut expr: Expr,
        t_ms: i64,
        watch: &mut Watch,
    ) -> Result<QueryOutput, QueryError> {
        resolve(query, &mut expr, DurationContext { step_ms: 0, range_ms: 0 })?;
        let steps = Steps::at(t_ms);
        let mut evaluator = Evaluator::new(ctx, reader, &self.options, &expr, steps, t_ms);
        evaluator.instant = true;
        let mut stats = QueryStats { preparation: watch.lap(), ..QueryStats::default() };
        let found = with_room(&expr, || at_instant(&evaluator, &expr, steps))?;
        stats.evaluation = watch.lap();
        let value = match found {
            Found::Value(value) => value,
            Found::Rows(rows) => Value::Vector(rows.into_vector(t_ms)),
        };
        stats.sorting = watch.lap();
        Ok(output(&evaluator, query, value, stats))
    }

    /// Evaluates a tree at `t_ms` whose selectors are `leaves`.
    pub(crate) fn instant_leaves(
        &self,
        ctx: &Ctx,
        reader: &dyn MetricReader,
        expr: Expr,
        leaves: &dyn Leaves,
        t_ms: i64,
    ) -> Result<QueryOutput, QueryError> {
        let steps = Steps::at(t_ms);
        let mut evaluator = Evaluator::new(ctx, reader, &self.options, &expr, steps, t_ms);
        (evaluator.instant, evaluator.leaves) = (true, Some(leaves));
        let value = match with_room(&expr, || at_instant(&evaluator, &expr, steps))? {
            Found::Value(value) => value,
            Found::Rows(rows) => Value::Vector(rows.into_vector(t_ms)),
        };
        Ok(output(&evaluator, "", value, QueryStats::default()))
    }

    /// Evaluates a tree at the steps from `start` to `end` (`start`, `end`, `step` in ms) whose selectors are `leaves`.
    pub(crate) fn range_leaves(
        &self,
        ctx: &Ctx,
        reader: &dyn MetricReader,
        expr: Expr,
        leaves: &dyn Leaves,
        (start, end, step): (i64, i64, i64),
    ) -> Result<QueryOutput, QueryError> {
        let steps = Steps::range(start, end, step);
        let mut evaluator = Evaluator::new(ctx, reader, &self.options, &expr, steps, end);
        evaluator.leaves = Some(leaves);
        let value = match with_room(&expr, || over_range(&evaluator, &expr, steps))? {
            Found::Value(value) => value,
            Found::Rows(rows) => Value::Matrix(rows.into_matrix(steps)),
        };
        Ok(output(&evaluator, "", value, QueryStats::default()))
    }

    /// Evaluates `query` at `start`, `start + step`, ... up to `end` (all ms); the result is a matrix.
    pub fn range(
        &self,
        ctx: &Ctx,
        reader: &dyn MetricReader,
        query: &str,
        start: i64,
        end: i64,
        step: i64,
    ) -> Result<QueryOutput, QueryError> {
        let mut watch = Watch::start();
        let expr = self.parse(query)?;
        self.range_timed(ctx, reader, query, expr, (start, end, step), &mut watch)
    }

    /// Evaluates a tree at the steps from `start` to `end` (`start`, `end`, `step` in ms).
    pub fn range_expr(
        &self,
        ctx: &Ctx,
        reader: &dyn MetricReader,
        query: &str,
        expr: Expr,
        times: (i64, i64, i64),
    ) -> Result<QueryOutput, QueryError> {
        self.range_timed(ctx, reader, query, expr, times, &mut Watch::start())
    }

    fn range_timed(
        &self,
        ctx: &Ctx,
        reader: &dyn MetricReader,
        query: &str,
        mut expr: Expr,
        (start, end, step): (i64, i64, i64),
        watch: &mut Watch,
    ) -> Result<QueryOutput, QueryError> {
        if !matches!(expr.value_type(), ValueType::Vector | ValueType::Scalar) {
            return Err(QueryError::Execution(format!(
                "invalid expression type \"{}\" for range query, must be Scalar or instant Vector",
                expr.value_type().describe()
            )));
        }
        if step <= 0 {
            return Err(QueryError::Execution(
                "zero or negative query resolution step widths are not accepted. Try a positive integer"
                    .to_owned(),
            ));
        }
        let range_ms = end.saturating_sub(start);
        let step_ms = if range_ms == 0 { 0 } else { step };
        resolve(query, &mut expr, DurationContext { step_ms, range_ms })?;
        let steps = Steps::range(start, end, step);
        let evaluate = |steps: Steps, watch: &mut Watch| {
            let evaluator = Evaluator::new(ctx, reader, &self.options, &expr, steps, end);
            let mut stats = QueryStats { preparation: watch.lap(), ..QueryStats::default() };
            let found = with_room(&expr, || over_range(&evaluator, &expr, steps))?;
            stats.evaluation = watch.lap();
            let value = match found {
                Found::Value(value) => value,
                Found::Rows(rows) => Value::Matrix(rows.into_matrix(steps)),
            };
            stats.sorting = watch.lap();
            Ok(output(&evaluator, query, value, stats))
        };
        let Some((results, key, back)) = self.keeping(query, &expr, steps) else {
            return evaluate(steps, watch);
        };
        // What changes from here on is not in what is kept now.
        let seen = reader.version(TimeRange::new(steps.start.saturating_sub(back), steps.last()));
        let Some(seen) = seen else { return evaluate(steps, watch) };
        ctx.check().map_err(|_| {
            if ctx.cancel.is_cancelled() { QueryError::Canceled } else { QueryError::Timeout }
        })?;
        let output = match results.beginning(&key, steps, back, reader) {
            None => evaluate(steps, watch)?,
            Some(beginning) if beginning.last() >= steps.last() => {
                return Ok(whole(&beginning, watch));
            }
            Some(beginning) => {
                let rest = Steps::range(beginning.last().saturating_add(steps.step), end, steps.step);
                let mut output = evaluate(rest, watch)?;
                if let Value::Matrix(series) = &mut output.value {
                    *series = beginning.join(std::mem::take(series));
                }
                output
            }
        };
        results.keep(key, steps, (seen.layout, seen.now), &output);
        Ok(output)
    }

    /// The result of a range query where it was kept and still holds as a whole: that takes no time worth a thread.
    /// `expr` is what `query` was parsed to.
    /// Whatever is wrong with the query is left to [`Engine::range`].
    pub fn kept(
        &self,
        reader: &dyn MetricReader,
        query: &str,
        expr: &Expr,
        (start, end, step): (i64, i64, i64),
    ) -> Option<QueryOutput> {
        self.results.as_ref()?;
        let mut watch = Watch::start();
        if step <= 0 || end <= start {
            return None;
        }
        let mut expr = expr.clone();
        let context = DurationContext { step_ms: step, range_ms: end.saturating_sub(start) };
        resolve(query, &mut expr, context).ok()?;
        let steps = Steps::range(start, end, step);
        let (results, key, back) = self.keeping(query, &expr, steps)?;
        let beginning = results.beginning(&key, steps, back, reader)?;
        (beginning.last() >= steps.last()).then(|| whole(&beginning, &mut watch))
    }

    /// Whether evaluating `expr` takes less time than handing it to another thread.
    pub fn is_little(
        &self,
        reader: &dyn MetricReader,
        expr: &Expr,
        (start, end, step): (i64, i64, i64),
    ) -> bool {
        /// Steps, nodes, and how far apart start and end may be, ms.
        const STEPS: i64 = 300;
        const NODES: usize = 16;
        const RANGE: i64 = 6 * 3_600_000;
        if end.saturating_sub(start) > RANGE || (step > 0 && (end - start) / step > STEPS) {
            return false;
        }
        let (mut nodes, mut little) = (0, true);
        expr.walk(&mut |expr| {
            nodes += 1;
            let (selector, back) = match expr {
                Expr::Vector(selector) => (selector, self.options.lookback_ms),
                Expr::Matrix(matrix) if matrix.range.expr.is_none() => (&matrix.selector, matrix.range.ms),
                Expr::Matrix(_) | Expr::Subquery(_) => {
                    little = false;
                    return;
                }
                _ => return,
            };
            let plain = selector.offset.is_none() && selector.at.is_none() && selector.extension.is_none();
            little &= plain && nodes <= NODES && back <= RANGE;
            let range = TimeRange::new(start.saturating_sub(back).saturating_add(1), end);
            little = little && reader.is_little(&selector.matchers, range);
        });
        little && nodes <= NODES
    }

    /// Where and how the result of a query is kept, and how far back its steps reach, if it may be kept.
    fn keeping(&self, query: &str, expr: &Expr, steps: Steps) -> Option<(&Results, Key, i64)> {
        let results = self.results.as_deref()?;
        if steps.len < 2 || expr.value_type() != ValueType::Vector || !reads(expr) {
            return None;
        }
        let key = Key::new(query, steps, &self.options)?;
        Some((results, key, reach(expr, &self.options)?))
    }

    /// Parses a query with the syntax that is switched on.
    pub fn parse(&self, query: &str) -> Result<Expr, QueryError> {
        parse_with(query, &self.options.syntax).map_err(QueryError::Parse)
    }
}

/// A result of which nothing had to be evaluated.
fn whole(beginning: &Beginning, watch: &mut Watch) -> QueryOutput {
    let value = Value::Matrix(beginning.join(Vec::new()));
    let stats = QueryStats { evaluation: watch.lap(), ..QueryStats::default() };
    QueryOutput { value, infos: beginning.infos(), stats, ..QueryOutput::default() }
}

/// What came out, not in its last shape yet.
enum Found {
    Value(Value),
    Rows(Rows),
}

fn at_instant(evaluator: &Evaluator<'_>, expr: &Expr, steps: Steps) -> Result<Found, QueryError> {
    let t = steps.start;
    Ok(Found::Value(match expr.unparenthesized() {
        Expr::Matrix(matrix) => Value::Matrix(evaluator.top_matrix(matrix, steps)?),
        Expr::Subquery(subquery) => Value::Matrix(evaluator.top_subquery(subquery, steps)?),
        expr => match evaluator.eval(expr, steps)? {
            Evaluated::Scalar(values) => Value::Scalar { t, v: values.first().copied().unwrap_or(f64::NAN) },
            Evaluated::Text(s) => Value::String { t, s },
            Evaluated::Vector(mut rows) => {
                rows.finish_names()?;
                return Ok(Found::Rows(rows));
            }
        },
    }))
}

fn over_range(evaluator: &Evaluator<'_>, expr: &Expr, steps: Steps) -> Result<Found, QueryError> {
    Ok(match evaluator.eval(expr, steps)? {
        Evaluated::Scalar(values) => {
            let points = values.into_iter().enumerate().map(|(i, v)| (steps.time(i), v)).collect();
            Found::Value(Value::Matrix(vec![Series { points, ..Series::default() }]))
        }
        Evaluated::Vector(mut rows) => {
            rows.finish_names()?;
            Found::Rows(rows)
        }
        Evaluated::Text(_) => Found::Value(Value::Matrix(Vec::new())),
    })
}

/// Times the parts of a query.
struct Watch(Instant);

impl Watch {
    fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the last lap.
    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        now.duration_since(std::mem::replace(&mut self.0, now))
    }
}

/// Runs `evaluate` where the stack is large enough for the depth of `expr`: a few nested calls are evaluated on the
/// caller's thread, a deep tree on one of its own.
fn with_room<T: Send>(
    expr: &Expr,
    evaluate: impl FnOnce() -> Result<T, QueryError> + Send,
) -> Result<T, QueryError> {
    /// Levels that every thread has room for.
    const SHALLOW: usize = 24;
    /// Stack of one level with some to spare, in builds without optimisation too.
    const LEVEL: usize = 128 << 10;
    let depth = expr.depth();
    if depth <= SHALLOW {
        return evaluate();
    }
    let failed = |text: String| QueryError::Storage(model::Error::internal(text));
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("deep query".to_owned())
            .stack_size(depth * LEVEL)
            .spawn_scoped(scope, evaluate)
            .map_err(|e| failed(format!("no thread for a deep query: {e}")))?;
        thread.join().unwrap_or_else(|_| Err(failed("a deep query failed".to_owned())))
    })
}

fn resolve(query: &str, expr: &mut Expr, context: DurationContext) -> Result<(), QueryError> {
    resolve_durations(expr, &context)
        .map_err(|e| QueryError::Parse(ParseErrors(vec![ParseError::new(query, e.span, e.message)])))
}

fn output(evaluator: &Evaluator<'_>, query: &str, value: Value, mut stats: QueryStats) -> QueryOutput {
    let (mut warnings, mut infos) = evaluator.notes.render(query);
    warnings.extend(evaluator.store_warnings());
    let told = evaluator.told();
    infos.extend(told.infos);
    let resolutions = told.resolutions.into_iter().rev().collect();
    stats.peak_samples = evaluator.meter.peak();
    stats.samples = evaluator.tallies.finish().map(|tally| {
        let steps = |counts: &[u64]| match evaluator.options.per_step_stats {
            true => counts.iter().enumerate().map(|(i, count)| (evaluator.query.time(i), *count)).collect(),
            false => Vec::new(),
        };
        SampleStats {
            total: tally.total.iter().sum(),
            read: tally.read.iter().sum(),
            total_per_step: steps(&tally.total),
            read_per_step: steps(&tally.read),
        }
    });
    QueryOutput { value, warnings, infos, resolutions, cost: evaluator.cost(), stats }
}
