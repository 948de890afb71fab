//! Walks a tree and computes each node for all steps of the query at once.
//!
//! A node yields whole columns ([`Rows`]): one row a series, one cell a step. Labels are grouped, joined and changed
//! once a series; values are computed in loops over columns. Rows keep the order in which their selector was sorted
//! (by labels), and every reduction adds in that order, so that equal queries over equal data give equal bits.
//!
//! Start reading at [`Evaluator::eval`]; selectors are in `select`, windows in `window`.

pub(crate) mod candidates;
pub(crate) mod cells;
pub(crate) mod charge;
pub(crate) mod gather;
pub(crate) mod hints;
pub(crate) mod invariant;
pub(crate) mod lean;
pub(crate) mod presence;
pub(crate) mod rows;
pub(crate) mod select;
pub(crate) mod steps;
pub(crate) mod subquery;
pub(crate) mod tally;
pub(crate) mod top;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use model::{Cost, Ctx, ErrorKind, MetricReader};

use super::annotations::Notes;
use super::ast::{At, Expr, Span, ValueType};
use super::engine::{EngineOptions, QueryError};
pub(crate) use cells::{Cell, Cells};
use charge::Meter;
pub(crate) use rows::{Row, Rows};
pub(crate) use steps::Steps;
use tally::Tallies;

/// What an evaluation yields, or why it fails.
pub(crate) type Outcome<T> = Result<T, QueryError>;

/// Where the series of selectors come from that a store of metrics does not have: other languages lower to trees whose
/// selectors are numbered.
pub(crate) trait Leaves: Sync {
    /// The series of selector `index` at all `steps`, sorted by labels.
    fn rows(&self, evaluator: &Evaluator<'_>, index: usize, steps: Steps) -> Outcome<Rows>;
}

/// What a node yields at all steps.
pub(crate) enum Evaluated {
    /// One number a step.
    Scalar(Vec<f64>),
    /// A text.
    Text(String),
    /// Series.
    Vector(Rows),
}

/// What the stores told about the data they gave.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    pub(crate) infos: BTreeSet<String>,
    /// Lengths of spans that were read in place of samples, ms.
    pub(crate) resolutions: BTreeSet<i64>,
}

/// One query under evaluation; shared by the threads that read for it.
pub(crate) struct Evaluator<'a> {
    pub(crate) ctx: &'a Ctx,
    pub(crate) reader: &'a dyn MetricReader,
    pub(crate) options: &'a EngineOptions,
    /// Start, end and step of the whole query.
    pub(crate) query: Steps,
    /// At one time that was asked for, not at steps.
    pub(crate) instant: bool,
    /// Stands for the reader.
    pub(crate) leaves: Option<&'a dyn Leaves>,
    /// End as asked for; it need not lie on a step.
    pub(crate) query_end: i64,
    pub(crate) notes: Notes,
    pub(crate) meter: Meter,
    /// The selectors of whose histograms nobody needs the buckets.
    pub(crate) counts_only: Vec<Span>,
    pub(crate) tallies: Tallies,
    store_warnings: Mutex<Vec<String>>,
    told: Mutex<Told>,
    series_read: AtomicU64,
    samples_read: AtomicU64,
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(
        ctx: &'a Ctx,
        reader: &'a dyn MetricReader,
        options: &'a EngineOptions,
        expr: &Expr,
        query: Steps,
        query_end: i64,
    ) -> Self {
        Self {
            ctx,
            reader,
            options,
            query,
            instant: false,
            leaves: None,
            query_end,
            notes: Notes::default(),
            meter: Meter::new(ctx.budget.clone(), options.max_samples),
            counts_only: hints::counts_only(expr),
            tallies: Tallies::new(options.sample_stats, query),
            store_warnings: Mutex::default(),
            told: Mutex::default(),
            series_read: AtomicU64::new(0),
            samples_read: AtomicU64::new(0),
        }
    }

    /// Computes `expr`, which is no range vector, at all `steps`.
    pub(crate) fn eval(&self, expr: &Expr, steps: Steps) -> Outcome<Evaluated> {
        self.check()?;
        self.check_size(steps)?;
        if steps.len > 1 && invariant::evaluate_once(expr) {
            return self.tally_once(steps, || self.eval(expr, steps.first()))?.repeat(steps.len);
        }
        match expr {
            Expr::Number(number) => Ok(Evaluated::Scalar(vec![number.value; steps.len])),
            Expr::String(text) => Ok(Evaluated::Text(text.value.clone())),
            Expr::Vector(selector) => match self.leaves {
                None => self.instant_selector(selector, steps),
                Some(leaves) => {
                    let index = selector.name.as_deref().and_then(|name| name.parse().ok());
                    leaves.rows(self, index.unwrap_or(usize::MAX), steps)
                }
            }
            .map(Evaluated::Vector),
            Expr::Paren(paren) => self.eval(&paren.expr, steps),
            Expr::Unary(unary) => self.unary(unary, steps),
            Expr::Binary(binary) => self.binary(binary, steps),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate, steps).map(Evaluated::Vector),
            Expr::Call(call) => self.call(call, steps),
            Expr::Matrix(_) | Expr::Subquery(_) => {
                Err(QueryError::Execution("a range vector cannot be evaluated at several steps".to_owned()))
            }
        }
    }

    /// Refuses a grid of steps that no result could fill.
    fn check_size(&self, steps: Steps) -> Outcome<()> {
        const SMALL: usize = 100_000;
        if steps.len > SMALL {
            self.meter.charge().grow(steps.len as u64, rows::bytes_of(steps.len))?;
        }
        Ok(())
    }

    /// Computes an instant vector.
    pub(crate) fn vector(&self, expr: &Expr, steps: Steps) -> Outcome<Rows> {
        match self.eval(expr, steps)? {
            Evaluated::Vector(rows) => Ok(rows),
            _ => Err(wrong_type(expr, ValueType::Vector)),
        }
    }

    /// Computes a scalar: one number a step.
    pub(crate) fn scalar(&self, expr: &Expr, steps: Steps) -> Outcome<Vec<f64>> {
        match self.eval(expr, steps)? {
            Evaluated::Scalar(values) => Ok(values),
            _ => Err(wrong_type(expr, ValueType::Scalar)),
        }
    }

    /// The text of a string literal.
    pub(crate) fn text<'e>(&self, expr: &'e Expr) -> Outcome<&'e str> {
        match expr.unparenthesized() {
            Expr::String(text) => Ok(&text.value),
            _ => Err(wrong_type(expr, ValueType::String)),
        }
    }

    /// Whether metric names go at the end of the query instead of at each function.
    pub(crate) fn delayed(&self) -> bool {
        self.options.delayed_name_removal
    }

    /// The time that an `@` modifier fixes.
    pub(crate) fn fixed(&self, at: Option<At>) -> Option<i64> {
        at.map(|at| match at {
            At::Time(t) => t,
            At::Start => self.query.start,
            At::End => self.query_end,
        })
    }

    /// Fails once the deadline passed or the caller went.
    pub(crate) fn check(&self) -> Outcome<()> {
        self.ctx.check().map_err(|e| self.failed(e))
    }

    /// What a failure of a store or budget means to the query.
    pub(crate) fn failed(&self, error: model::Error) -> QueryError {
        match error.kind {
            ErrorKind::Timeout if self.ctx.cancel.is_cancelled() => QueryError::Canceled,
            ErrorKind::Timeout => QueryError::Timeout,
            ErrorKind::Limited => QueryError::TooManySamples(error.message),
            _ => QueryError::Storage(error),
        }
    }

    fn store_warned(&self, warnings: Vec<String>) {
        let mut all = self.store_warnings.lock().unwrap_or_else(PoisonError::into_inner);
        for warning in warnings {
            if !all.contains(&warning) {
                all.push(warning);
            }
        }
    }

    fn store_told(&self, infos: Vec<String>, resolutions: Vec<i64>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.infos.extend(infos);
        told.resolutions.extend(resolutions);
    }

    /// What the stores told about the data, each thing once.
    pub(crate) fn told(&self) -> Told {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the stores said.
    pub(crate) fn store_warnings(&self) -> Vec<String> {
        self.store_warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count_read(&self, samples: usize) {
        self.series_read.fetch_add(1, Ordering::Relaxed);
        self.samples_read.fetch_add(samples as u64, Ordering::Relaxed);
    }

    /// What the query read so far.
    pub(crate) fn cost(&self) -> Cost {
        let samples = self.samples_read.load(Ordering::Relaxed);
        Cost { series: self.series_read.load(Ordering::Relaxed), samples, bytes: samples * 16 }
    }
}

impl Evaluated {
    /// The value of the only step, at `len` steps.
    fn repeat(self, len: usize) -> Outcome<Self> {
        Ok(match self {
            Self::Scalar(values) => Self::Scalar(vec![values.first().copied().unwrap_or(f64::NAN); len]),
            Self::Text(text) => Self::Text(text),
            Self::Vector(rows) => Self::Vector(rows.repeat(len)?),
        })
    }
}

/// The parser checks types; this is said where a tree was built by hand.
fn wrong_type(expr: &Expr, want: ValueType) -> QueryError {
    QueryError::Execution(format!("expected {}, got {}", want.describe(), expr.value_type().describe()))
}
