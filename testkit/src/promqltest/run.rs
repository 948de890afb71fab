//! Runs commands one after the other.

use model::Ctx;
use query::promql::{Engine, EngineOptions, Expr, ParseOptions, QueryError, QueryOutput, Value};

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
    /// What came out so far.
    pub report: Report,
}

impl Default for Runner {
    fn default() -> Self {
        Self::new()
    }
}

impl Runner {
    /// A runner over an empty store.
    pub fn new() -> Self {
        let options = EngineOptions {
            syntax: ParseOptions::ALL,
            delayed_name_removal: true,
            start_timestamps: true,
            ..EngineOptions::default()
        };
        Self { store: MemoryMetrics::new(), engine: Engine::new(options), report: Report::default() }
    }

    /// Runs one command of script `name`.
    pub fn run(&mut self, name: &str, command: &Command) {
        match command {
            Command::Clear => self.store.clear(),
            Command::Load { line, interval_ms, series, starts, with_nhcb } => {
                load::load(&self.store, *interval_ms, series, starts);
                if *with_nhcb && let Err(error) = nhcb::load(&self.store, *interval_ms, series) {
                    self.report.failures.push(format!("{name}:{line}: {error}"));
                }
            }
            Command::Eval(eval) => self.eval(name, eval),
        }
    }

    fn eval(&mut self, name: &str, eval: &Eval) {
        match self.outcome(eval) {
            Ok(()) => self.report.passed += 1,
            Err(error) => {
                self.report.failures.push(format!("{name}:{}: {}: {error}", eval.line, eval.query));
            }
        }
    }

    fn outcome(&self, eval: &Eval) -> Result<(), String> {
        match eval.kind {
            EvalKind::Instant(t) => self.instant(eval, t),
            EvalKind::Range { start, end, step } => {
                let output = self.engine.range(&Ctx::unbounded(), &self.store, &eval.query, start, end, step);
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

    fn instant(&self, eval: &Eval, t: i64) -> Result<(), String> {
        let output = self.engine.instant(&Ctx::unbounded(), &self.store, &eval.query, t);
        let Some(output) = settle(eval, output)? else { return Ok(()) };
        compare::instant(&eval.expected, &output.value)?;
        let expr = self.engine.parse(&eval.query).map_err(|e| e.to_string())?;
        self.middle_step(eval, &expr, t)?;
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
                .instant_expr(&ctx, &self.store, &eval.query, fixed.clone(), other)
                .map_err(|e| described(e.to_string()))?;
            compare::instant(&eval.expected, &output.value).map_err(described)?;
            self.middle_step(eval, &fixed, other).map_err(described)?;
        }
        Ok(())
    }

    /// Runs the expression as a range query around `t`, whose middle step must be the same.
    fn middle_step(&self, eval: &Eval, expr: &Expr, t: i64) -> Result<(), String> {
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
            .range_expr(&Ctx::unbounded(), &self.store, &eval.query, expr.clone(), times)
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
