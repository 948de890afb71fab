//! A group: its rules one after the other, or side by side where that changes nothing, at one time.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use model::rule::{RuleHealth, RuleLanguage};
use model::summary::LabelSet;
use model::{Budget, CancelFlag, Clock, Ctx, Labels, MetricReader, MetricWriter, RecordReader, Tenant};
use parking_lot::{Mutex, RwLock};
use query::logql::{self, Expr as LogqlExpr};
use query::promql::{
    Engine, Expr, InstantSample, LoggedQuery, QueryError, QueryOrigin, QueryOutput, QueryStats, SampleValue,
    Value,
};

use super::alert::Alert;
use super::beside::Beside;
use super::dependency::batches;
use super::file::{Expression, GroupDefinition};
use super::metrics::{Metrics, group_labels};
use super::rule::{Rule, Written};
use super::write::write;
use crate::sink::{AlertSink, OutgoingAlert};
use crate::template::{self, Expander, query_escape};

/// What groups read from, write to, and tell.
pub struct Surroundings {
    /// Evaluates expressions.
    pub engine: Arc<Engine>,
    /// Where expressions read.
    pub reader: Arc<dyn MetricReader>,
    /// Where expressions over logs read; without it they fail.
    pub logs: Option<LogSource>,
    /// Where results go.
    pub writer: Arc<dyn MetricWriter>,
    /// Who is told of alerts.
    pub sink: Arc<dyn AlertSink>,
    /// Now; also how long evaluations take.
    pub clock: Arc<dyn Clock>,
    /// Where evaluations reserve memory.
    pub budget: Budget,
    /// The longest that one rule may take.
    pub timeout: Duration,
    /// The least time between two sendings of the same alert, ms.
    pub resend_delay_ms: i64,
    /// The longest outage after which alerts go on waiting where they stood, ms.
    pub outage_tolerance_ms: i64,
    /// The least time between a restored alert and its firing, ms.
    pub grace_period_ms: i64,
    /// Where rules of a group that do not depend on each other are evaluated side by side; one by one if `None`.
    pub beside: Option<Beside>,
    /// What is counted.
    pub metrics: Metrics,
    /// What a reload may change.
    pub shared: RwLock<Shared>,
}

/// What evaluates expressions over logs, and where they read.
#[derive(Clone)]
pub struct LogSource {
    /// Evaluates them.
    pub engine: Arc<logql::Engine>,
    /// Where lines are.
    pub reader: Arc<dyn RecordReader>,
}

impl LogSource {
    fn instant(&self, ctx: &Ctx, expr: &logql::ast::MetricExpr, t: i64) -> Result<Value, String> {
        let found = self.engine.instant(ctx, &*self.reader, expr, t).map_err(|e| e.to_string())?;
        Ok(found.0.value)
    }
}

const NO_LOGS: &str = "this server keeps no logs";

/// What a reload may change for all groups.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shared {
    /// Address of this server, without a slash at its end.
    pub external_url: Arc<str>,
    /// Labels that are added to everything sent.
    pub external_labels: Labels,
    /// How far in the past expressions are evaluated, ms.
    pub query_offset_ms: i64,
}

/// What the rules of a group share in one evaluation.
struct Round<'a> {
    around: &'a Surroundings,
    shared: &'a Shared,
    expander: &'a Expander,
    /// The time it is for, ms.
    now: i64,
    /// How far before it expressions are evaluated, ms.
    offset: i64,
}

/// What evaluations came to.
#[derive(Debug, Clone, Copy, Default)]
struct Done {
    samples: usize,
    seconds: f64,
}

impl std::iter::Sum for Done {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            samples: sum.samples + one.samples,
            seconds: sum.seconds + one.seconds,
        })
    }
}

/// A group with its state.
pub struct Group {
    pub(super) file: String,
    pub(super) interval_ms: i64,
    pub(super) definition: GroupDefinition,
    pub(super) rules: Vec<Rule>,
    /// Places of rules that do not depend on each other, in an order that keeps what does.
    batches: Vec<Vec<usize>>,
    pub(super) state: Mutex<GroupState>,
    /// Set when the group must end: a rule that runs is cancelled, no other begins.
    pub(super) cancel: CancelFlag,
    pub(super) labels: LabelSet,
    restored: AtomicBool,
}

/// What evaluations left behind.
#[derive(Debug, Default)]
pub(super) struct GroupState {
    /// Series that each rule wrote the last time.
    pub(super) written: Vec<HashSet<Labels>>,
    /// Series of rules that are gone, still without their marker.
    pub(super) stale: Vec<Labels>,
    pub(super) last_evaluation_ms: i64,
    pub(super) duration_s: f64,
}

impl Group {
    /// A group that was not evaluated yet. Where it is `restored`, alerts do not look for what they were before.
    pub fn new(file: &str, definition: GroupDefinition, default_interval_ms: i64, restored: bool) -> Self {
        let rules: Vec<Rule> =
            definition.rules.iter().map(|rule| Rule::new(rule.clone(), restored)).collect();
        let state = GroupState { written: vec![HashSet::new(); rules.len()], ..GroupState::default() };
        Self {
            labels: group_labels(file, &definition.name),
            file: file.to_owned(),
            interval_ms: definition.interval_ms.unwrap_or(default_interval_ms).max(1),
            batches: batches(&definition.rules),
            definition,
            rules,
            state: Mutex::new(state),
            cancel: CancelFlag::default(),
            restored: AtomicBool::new(restored),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.definition.name
    }

    /// Its rules in the order of evaluation.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether the same group, with the same rules.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        self.file == other.file
            && self.interval_ms == other.interval_ms
            && self.definition == other.definition
    }

    pub(super) fn is_restored(&self) -> bool {
        self.restored.load(Ordering::Relaxed)
    }

    pub(super) fn set_restored(&self) {
        self.restored.store(true, Ordering::Relaxed);
    }

    /// Evaluates all rules for time `now` (ms). The state afterwards depends on `now`, on the state before and on
    /// what can be read; the clock is only asked how long it took.
    pub fn evaluate(&self, around: &Surroundings, now: i64) {
        let begun = around.clock.now_ns();
        let shared = around.shared.read().clone();
        let offset = self.definition.query_offset_ms.unwrap_or(shared.query_offset_ms);
        let expander = self.expander(around, &shared, now);
        let round = Round { around, shared: &shared, expander: &expander, now, offset };
        let Some(Done { samples, seconds: rule_seconds }) = self.all_rules(&round) else { return };
        self.mark_stale(around, now - offset);
        let seconds = seconds_since(around, begun);
        let mut state = self.state.lock();
        state.last_evaluation_ms = begun.div_euclid(1_000_000);
        state.duration_s = seconds;
        drop(state);
        let metrics = &around.metrics;
        metrics.samples.get_or_create(&self.labels).set(samples as f64);
        metrics.last_evaluation.get_or_create(&self.labels).set(begun as f64 / 1e9);
        metrics.last_duration.get_or_create(&self.labels).set(seconds);
        metrics.last_rule_sum.get_or_create(&self.labels).set(rule_seconds);
        metrics.group_seconds.observe(&[], seconds);
    }

    /// Evaluates all rules. `None`: the group must end, and not all were evaluated.
    fn all_rules(&self, round: &Round<'_>) -> Option<Done> {
        let one = |at| self.one_rule(round, at);
        let each: Option<Vec<Done>> = match &round.around.beside {
            None => (0..self.rules.len()).map(one).collect(),
            Some(beside) => self.batches.iter().flat_map(|batch| beside.each(batch, one)).collect(),
        };
        each.map(|each| each.into_iter().sum())
    }

    /// Evaluates one rule, sends what is due, stores what it gives, and notes how that went. `None`: the group must end.
    fn one_rule(&self, round: &Round<'_>, at: usize) -> Option<Done> {
        if self.cancel.is_cancelled() {
            return None;
        }
        let (around, rule) = (round.around, self.rules.get(at)?);
        let begun = around.clock.now_ns();
        around.metrics.evaluations.get_or_create(&self.labels).inc();
        let result = self.samples(round, rule);
        // Before anything is stored: an alert that the disk is full must not wait for room on it.
        if result.is_ok() && rule.is_alerting() {
            let due = rule.due(round.now, around.resend_delay_ms, self.interval_ms);
            send(round, self.definition.language, &rule.definition.query, due);
        }
        let result = result.and_then(|samples| self.store(round, at, rule, &samples));
        let seconds = seconds_since(around, begun);
        around.metrics.rule_seconds.observe(&[], seconds);
        let samples = result.as_ref().map_or(0, |written| *written);
        self.note(around, rule, result.err(), begun, seconds);
        Some(Done { samples, seconds })
    }

    /// Records an evaluation where a record of queries is kept.
    fn record(
        &self,
        around: &Surroundings,
        query: &str,
        t: i64,
        total: Duration,
        output: &Result<QueryOutput, QueryError>,
    ) {
        let Some(log) = around.engine.options().logs.on() else { return };
        let none = QueryStats::default();
        let error = output.as_ref().err().map(ToString::to_string);
        log.log(&LoggedQuery {
            query,
            start_ms: t,
            end_ms: t,
            step_ms: 0,
            error: error.as_deref(),
            stats: output.as_ref().map_or(&none, |output| &output.stats),
            total,
            origin: QueryOrigin::Rules { file: &self.file, group: &self.definition.name },
        });
    }

    /// Evaluates one rule: what is to be written.
    fn samples(&self, round: &Round<'_>, rule: &Rule) -> Result<Vec<Written>, String> {
        let Round { around, expander, now, offset, .. } = *round;
        let t = now - offset;
        let ctx = context(around, &self.cancel);
        let value = match &rule.definition.expr {
            Expression::Promql(expr) => {
                let begun = Instant::now();
                let text = &rule.definition.query;
                let output = around.engine.instant_expr(&ctx, &*around.reader, text, Expr::clone(expr), t);
                self.record(around, text, t, begun.elapsed(), &output);
                output.map_err(|e| e.to_string())?.value
            }
            Expression::Logql(expr) => around.logs.as_ref().ok_or(NO_LOGS)?.instant(&ctx, expr, t)?,
        };
        let result = vector(value)?;
        rule.take(result, now, self.definition.limit, expander)
    }

    /// Writes what a rule gave: how many samples.
    fn store(&self, round: &Round<'_>, at: usize, rule: &Rule, samples: &[Written]) -> Result<usize, String> {
        let (around, t) = (round.around, round.now - round.offset);
        let before = self.state.lock().written.get(at).cloned().unwrap_or_default();
        let now_there: HashSet<&Labels> = samples.iter().map(|s| &s.labels).collect();
        let gone: Vec<Labels> = before.into_iter().filter(|labels| !now_there.contains(labels)).collect();
        let outcome =
            write(&*around.writer, &around.metrics, t, samples, &gone).map_err(|e| e.to_string())?;
        if let Some(written) = self.state.lock().written.get_mut(at) {
            *written = outcome.series;
        }
        match outcome.error {
            None => Ok(samples.len()),
            Some(error) => {
                tracing::debug!(rule = rule.name(), error, "samples of a rule were not stored");
                Err(error)
            }
        }
    }

    fn note(&self, around: &Surroundings, rule: &Rule, error: Option<String>, begun: i64, seconds: f64) {
        if let Some(error) = &error {
            around.metrics.failures.get_or_create(&self.labels).inc();
            if !self.cancel.is_cancelled() {
                let (file, group, rule) = (&self.file, self.name(), rule.name());
                tracing::warn!(file, group, rule, error, "a rule cannot be evaluated");
            }
        }
        let mut state = rule.state.lock();
        state.health = if error.is_none() { RuleHealth::Ok } else { RuleHealth::Err };
        state.last_error = error.unwrap_or_default();
        state.last_evaluation_ms = begun.div_euclid(1_000_000);
        state.duration_s = seconds;
    }

    /// Writes the markers that are owed to series of rules that are gone.
    pub(super) fn mark_stale(&self, around: &Surroundings, t: i64) {
        let stale = std::mem::take(&mut self.state.lock().stale);
        if stale.is_empty() {
            return;
        }
        if let Err(error) = write(&*around.writer, &around.metrics, t, &[], &stale) {
            tracing::warn!(%error, group = self.name(), "the end of series of earlier rules was not stored");
            self.state.lock().stale = stale;
        }
    }

    /// The offset at which this group is evaluated.
    pub(super) fn offset_ms(&self, around: &Surroundings) -> i64 {
        self.definition.query_offset_ms.unwrap_or_else(|| around.shared.read().query_offset_ms)
    }

    /// Takes over the state of the group that had this place. Rules are the same by name and labels, the first by the
    /// first, the second by the second; series of those that have gone get their marker at the next evaluation.
    pub fn continue_from(&self, old: &Self) {
        let mut places: HashMap<(&str, &model::rule::Texts), VecDeque<usize>> = HashMap::new();
        for (at, rule) in old.rules.iter().enumerate() {
            places.entry(rule.identity()).or_default().push_back(at);
        }
        let mut was = old.state.lock();
        let mut state = self.state.lock();
        state.last_evaluation_ms = was.last_evaluation_ms;
        state.duration_s = was.duration_s;
        for (at, rule) in self.rules.iter().enumerate() {
            let Some(from) = places.get_mut(&rule.identity()).and_then(VecDeque::pop_front) else { continue };
            state.written[at] = std::mem::take(&mut was.written[from]);
            if rule.is_alerting() && old.rules[from].is_alerting() {
                let before = old.rules[from].state.lock();
                let mut now = rule.state.lock();
                now.alerts.clone_from(&before.alerts);
                now.restored = before.restored;
            }
        }
        state.stale = std::mem::take(&mut was.stale);
        state
            .stale
            .extend(places.into_values().flatten().flat_map(|at| std::mem::take(&mut was.written[at])));
        if old.is_restored() {
            self.set_restored();
            self.rules.iter().for_each(Rule::set_restored);
        }
    }

    fn expander(&self, around: &Surroundings, shared: &Shared, now: i64) -> Expander {
        let (engine, reader) = (around.engine.clone(), around.reader.clone());
        let (budget, timeout, cancel) = (around.budget.clone(), around.timeout, self.cancel.clone());
        let logs = (self.definition.language == RuleLanguage::Logql).then(|| around.logs.clone());
        let query = move |text: &str| {
            let ctx = context_of(&budget, timeout, &cancel);
            // Templates of rules over logs ask logs, as in Loki.
            if let Some(logs) = &logs {
                let LogqlExpr::Metric(expr) = logql::parse(text).map_err(|e| e.to_string())? else {
                    return Err("a template can use numbers only, not lines".to_owned());
                };
                return vector(logs.as_ref().ok_or(NO_LOGS)?.instant(&ctx, &expr, now)?);
            }
            let output = engine.instant(&ctx, &*reader, text, now).map_err(|e| e.to_string())?;
            vector(output.value)
        };
        Expander::new(&template::Surroundings {
            query: Arc::new(query),
            now_ms: now,
            external_url: shared.external_url.clone(),
            external_labels: shared.external_labels.clone(),
        })
        .counted(around.metrics.templates.clone())
    }
}

fn seconds_since(around: &Surroundings, begun_ns: i64) -> f64 {
    (around.clock.now_ns() - begun_ns).max(0) as f64 / 1e9
}

pub(super) fn context(around: &Surroundings, cancel: &CancelFlag) -> Ctx {
    context_of(&around.budget, around.timeout, cancel)
}

fn context_of(budget: &Budget, timeout: Duration, cancel: &CancelFlag) -> Ctx {
    Ctx {
        tenant: Tenant::default(),
        deadline: Instant::now().checked_add(timeout),
        cancel: cancel.clone(),
        budget: budget.clone(),
    }
}

/// The result of a rule: a vector, or a number as a vector without labels.
pub(super) fn vector(value: Value) -> Result<Vec<InstantSample>, String> {
    match value {
        Value::Vector(samples) => Ok(samples),
        Value::Scalar { t, v } => {
            Ok(vec![InstantSample { labels: Labels::empty(), t, value: SampleValue::Float(v) }])
        }
        Value::String { .. } | Value::Matrix(_) => Err("rule result is not a vector or scalar".to_owned()),
    }
}

fn send(round: &Round<'_>, language: RuleLanguage, query: &str, alerts: Vec<Alert>) {
    if alerts.is_empty() {
        return;
    }
    let (url, query) = (&round.shared.external_url, query_escape(query));
    let generator_url = match language {
        RuleLanguage::Promql => format!("{url}/graph?g0.expr={query}&g0.tab=1"),
        RuleLanguage::Logql => format!("{url}/logs?q={query}"),
    };
    let outgoing = alerts.into_iter().map(|alert| OutgoingAlert {
        starts_at_ms: alert.fired_at_ms.unwrap_or(alert.active_at_ms),
        ends_at_ms: alert.resolved_at_ms.unwrap_or(alert.valid_until_ms),
        labels: alert.labels,
        annotations: alert.annotations,
        generator_url: generator_url.clone(),
    });
    round.around.sink.send(outgoing.collect());
}
