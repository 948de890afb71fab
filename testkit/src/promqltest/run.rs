//! Runs commands one after the other.

use std::sync::atomic::{AtomicBool, Ordering};

use model::metrics::Family;
use model::{
    Ctx, Listing, Matcher, MetricReader, Partition, SelectHints, Selected, Selection, SeriesData, TimeRange,
};
use query::promql::{Engine, EngineOptions, Expr, ParseOptions, QueryError, QueryOutput, Value};
use std::sync::Arc;

use super::expect::Message;
use super::script::{Command, Eval, EvalKind};
use super::{Report, at_modifier, compare, load, nhcb};
use crate::MemoryMetrics;

/// One minute, the distance of the steps around an instant.
const MINUTE: i64 = 60_000;

/// Store, engine, and what came out so far.
pub struct Runner {
    store: MemoryMetrics,
    engine: Engine,
    floats_only: bool,
    /// What came out so far.
    pub report: Report,
}

impl Runner {
    /// A runner over an empty store.
    pub fn new(floats_only: bool) -> Self {
        let options = EngineOptions {
            syntax: ParseOptions::ALL,
            delayed_name_removal: true,
            start_timestamps: true,
            ..EngineOptions::default()
        };
        Self {
            store: MemoryMetrics::new(),
            engine: Engine::new(options),
            floats_only,
            report: Report::default(),
        }
    }

    /// Runs one command of script `name`.
    pub fn run(&mut self, name: &str, command: &Command) {
        match command {
            Command::Clear => self.store.clear(),
            Command::Load { line, interval_ms, series, with_nhcb } => {
                load::load(&self.store, *interval_ms, series);
                if *with_nhcb && let Err(error) = nhcb::load(&self.store, *interval_ms, series) {
                    self.report.failures.push(format!("{name}:{line}: {error}"));
                }
            }
            Command::Eval(eval) => self.eval(name, eval),
        }
    }

    fn eval(&mut self, name: &str, eval: &Eval) {
        let watched = Watched { store: &self.store, histograms: Arc::default() };
        let outcome = self.outcome(eval, &watched);
        let histograms = watched.histograms.load(Ordering::Relaxed) || eval.expected.has_histograms();
        if self.floats_only && histograms {
            self.report.histograms += 1;
            return;
        }
        match outcome {
            Ok(()) => self.report.passed += 1,
            Err(error) => {
                self.report.failures.push(format!("{name}:{}: {}: {error}", eval.line, eval.query));
            }
        }
    }

    fn outcome(&self, eval: &Eval, store: &Watched<'_>) -> Result<(), String> {
        match eval.kind {
            EvalKind::Instant(t) => self.instant(eval, store, t),
            EvalKind::Range { start, end, step } => {
                let output = self.engine.range(&Ctx::unbounded(), store, &eval.query, start, end, step);
                let Some(output) = settle(eval, output)? else { return Ok(()) };
                match &output.value {
                    Value::Matrix(series) => {
                        compare::matrix(&eval.expected.series, series, start, Some(end), step)
                    }
                    other => Err(format!("expected a matrix, got {}", other.type_name())),
                }
            }
        }
    }

    fn instant(&self, eval: &Eval, store: &Watched<'_>, t: i64) -> Result<(), String> {
        let output = self.engine.instant(&Ctx::unbounded(), store, &eval.query, t);
        let Some(output) = settle(eval, output)? else { return Ok(()) };
        compare::instant(&eval.expected, &output.value)?;
        let expr = self.engine.parse(&eval.query).map_err(|e| e.to_string())?;
        self.middle_step(eval, store, &expr, t)?;
        if at_modifier::depends_on_time(&expr) {
            return Ok(());
        }
        let mut fixed = expr;
        at_modifier::fix(&mut fixed, t);
        let times = if t == 0 { [-1000, 0, 1000, 0, 0] } else { [-10 * t, 0, t / 5, t, 10 * t] };
        for other in times {
            let described = |e: String| format!("with its time fixed by @, evaluated at {other} ms: {e}");
            let ctx = Ctx::unbounded();
            let output = self
                .engine
                .instant_expr(&ctx, store, &eval.query, fixed.clone(), other)
                .map_err(|e| described(e.to_string()))?;
            compare::instant(&eval.expected, &output.value).map_err(described)?;
            self.middle_step(eval, store, &fixed, other).map_err(described)?;
        }
        Ok(())
    }

    /// Runs the expression as a range query around `t`, whose middle step must be the same.
    fn middle_step(&self, eval: &Eval, store: &Watched<'_>, expr: &Expr, t: i64) -> Result<(), String> {
        let expected = &eval.expected;
        if expected.string.is_some()
            || expected.matrix.is_some()
            || at_modifier::asks_about_query(expr, &eval.query)
        {
            return Ok(());
        }
        let described = |e: String| format!("as the middle of a range query: {e}");
        let times = (t - MINUTE, t + MINUTE, MINUTE);
        let output = self
            .engine
            .range_expr(&Ctx::unbounded(), store, &eval.query, expr.clone(), times)
            .map_err(|e| described(e.to_string()))?;
        let Value::Matrix(series) = &output.value else {
            return Err(described(format!("got {}", output.value.type_name())));
        };
        if expected.ordered {
            return Ok(());
        }
        let scalar = expected.number.is_some();
        compare::instant(expected, &compare::slice(series, t, scalar)).map_err(described)
    }
}

/// Checks failure and annotations; `None` where the eval failed as it should.
fn settle(eval: &Eval, output: Result<QueryOutput, QueryError>) -> Result<Option<QueryOutput>, String> {
    let expected = &eval.expected;
    match (output, &expected.fail) {
        (Err(error), Some(message)) => {
            let text = error.to_string();
            match message.accepts(&text) {
                true => Ok(None),
                false => Err(format!("failed as expected, but with {text:?}, expected {message:?}")),
            }
        }
        (Err(error), None) => Err(error.to_string()),
        (Ok(_), Some(_)) => Err("must fail".to_owned()),
        (Ok(output), None) => {
            annotations("warning", &expected.warn, expected.no_warn, &output.warnings)?;
            annotations("info", &expected.info, expected.no_info, &output.infos)?;
            Ok(Some(output))
        }
    }
}

fn annotations(kind: &str, wanted: &[Message], none: bool, got: &[String]) -> Result<(), String> {
    if none && !got.is_empty() {
        return Err(format!("no {kind} expected, got {got:?}"));
    }
    if let Some(missing) = wanted.iter().find(|m| !got.iter().any(|text| m.accepts(text))) {
        return Err(format!("{kind} {missing:?} is missing, got {got:?}"));
    }
    match got.iter().find(|text| !wanted.is_empty() && !wanted.iter().any(|m| m.accepts(text))) {
        Some(more) => Err(format!("unexpected {kind} {more:?}")),
        None => Ok(()),
    }
}

/// A reader that notes whether any native histogram was read.
struct Watched<'a> {
    store: &'a MemoryMetrics,
    histograms: Arc<AtomicBool>,
}

struct WatchedPartition {
    inner: Box<dyn Partition>,
    histograms: Arc<AtomicBool>,
}

impl Partition for WatchedPartition {
    fn next(&mut self, out: &mut SeriesData) -> model::Result<bool> {
        let more = self.inner.next(out)?;
        if more && !out.histograms.is_empty() {
            self.histograms.store(true, Ordering::Relaxed);
        }
        Ok(more)
    }
}

impl MetricReader for Watched<'_> {
    fn select(
        &self,
        ctx: &Ctx,
        matchers: &[Matcher],
        range: TimeRange,
        hints: &SelectHints,
    ) -> model::Result<Selection> {
        let mut selection = self.store.select(ctx, matchers, range, hints)?;
        if let Selected::Series(partitions) = &mut selection.data {
            for inner in std::mem::take(partitions) {
                let histograms = Arc::clone(&self.histograms);
                partitions.push(Box::new(WatchedPartition { inner, histograms }));
            }
        }
        Ok(selection)
    }

    fn label_names(
        &self,
        ctx: &Ctx,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> model::Result<Listing> {
        self.store.label_names(ctx, matchers, range, limit)
    }

    fn label_values(
        &self,
        ctx: &Ctx,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> model::Result<Listing> {
        self.store.label_values(ctx, name, matchers, range, limit)
    }

    fn families(&self, ctx: &Ctx, name: Option<&str>) -> model::Result<Vec<Family>> {
        self.store.families(ctx, name)
    }
}
