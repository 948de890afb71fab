//! `test rules`.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use alert::NoSink;
use alert::rules::file::{ParseSettings, matching, read};
use alert::rules::group::Shared;
use alert::rules::{Group, Metrics, Surroundings};
use clap::Args;
use model::pattern::Search;
use model::rule::AlertState;
use model::{Budget, Ctx, Labels, SystemClock};
use parking_lot::RwLock;
use query::promql::series_desc::{SequenceValue, parse_series, parse_series_desc};
use query::promql::{Engine, EngineOptions, Value, features, format_duration};

use super::compare::{Alert, Sample, shown_alerts, shown_samples};
use super::junit::{Case, Suite, document};
use super::store::{self, Store};
use super::written::{ExprTest, File, Test};
use crate::{Context, Exit, Failed, Outcome};

/// A test file is a few kilobytes; generated ones reach megabytes.
const MAX_BYTES: u64 = 64 << 20;
/// Evaluations of one test: a year of minutes.
const MOST_ROUNDS: i64 = 600_000;

/// Which tests.
#[derive(Debug, Args)]
pub struct Rules {
    /// The unit-test files.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Runs only tests whose name matches this expression; may be given more than once.
    #[arg(long = "run", value_name = "REGEXP")]
    pub run: Vec<String>,
    /// Says which test begins and ends.
    #[arg(long)]
    pub debug: bool,
    /// Shows only the lines in which expected and found differ.
    #[arg(long)]
    pub diff: bool,
    /// Reads over fields of rule files that are not known.
    #[arg(long = "ignore-unknown-fields")]
    pub ignore_unknown: bool,
}

impl Rules {
    pub(crate) fn run(self, junit: Option<&Path>, context: &mut Context<'_>) -> Outcome {
        let chosen = match self.run.as_slice() {
            [] => None,
            some => Some(Search::new(&some.join("|"))?),
        };
        let mut options = EngineOptions::default();
        for name in context.features {
            // Other features have nothing to do with expressions.
            let _ = features::enable(&mut options, name);
        }
        let mut exit = Exit::Success;
        let mut suites = Vec::with_capacity(self.files.len());
        for path in &self.files {
            writeln!(context.out, "Unit Testing:  {}", path.display())?;
            context.out.flush()?;
            let suite = self.file(path, &options, chosen.as_ref(), context)?;
            let failures: Vec<&String> =
                suite.aborted.iter().chain(suite.cases.iter().flat_map(|c| &c.failures)).collect();
            if failures.is_empty() {
                writeln!(context.out, "  SUCCESS")?;
            } else {
                writeln!(context.err, "  FAILED:")?;
                for failure in failures {
                    writeln!(context.err, "{failure}\n")?;
                }
                exit = Exit::Failure;
            }
            writeln!(context.out)?;
            suites.push(suite);
        }
        if let Some(path) = junit {
            std::fs::write(path, document(&suites))
                .map_err(|e| Failed::new(format_args!("{} cannot be written: {e}", path.display())))?;
        }
        Ok(exit)
    }

    fn file(
        &self,
        path: &Path,
        options: &EngineOptions,
        chosen: Option<&Search>,
        context: &mut Context<'_>,
    ) -> Result<Suite, Failed> {
        let mut suite = Suite { name: path.display().to_string(), ..Suite::default() };
        let file = match load(path) {
            Ok(file) => file,
            Err(reason) => return Ok(Suite { aborted: Some(reason), ..suite }),
        };
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        for pattern in &file.rule_files {
            if matching(folder, std::slice::from_ref(pattern)).is_empty() {
                writeln!(context.err, "  WARNING: no file match pattern {}", folder.join(pattern).display())?;
            }
        }
        let interval = file.evaluation_interval.map_or(60_000, |d| d.0).max(1);
        let bench = Bench {
            engine: Arc::new(Engine::new(EngineOptions { subquery_step_ms: interval, ..options.clone() })),
            parse: ParseSettings {
                expressions: options.syntax,
                ignore_unknown: self.ignore_unknown,
                ..ParseSettings::default()
            },
            files: matching(folder, &file.rule_files),
            order: file.group_eval_order.iter().cloned().zip(0..).collect(),
            interval,
            fuzzy: file.fuzzy_compare,
            diff: self.diff,
        };
        for (at, test) in file.tests.iter().enumerate() {
            let name = test.name.clone().unwrap_or_default();
            if chosen.is_some_and(|chosen| !chosen.is_match(&name)) {
                continue;
            }
            let name = if name.is_empty() { format!("unnamed#{at}") } else { name };
            if self.debug {
                writeln!(context.err, "DEBUG: Starting test {name}")?;
            }
            let failures = bench.run(test);
            if self.debug {
                writeln!(context.err, "DEBUG: Test {name} finished with {} failures", failures.len())?;
            }
            suite.cases.push(Case { name, failures });
        }
        Ok(suite)
    }
}

fn load(path: &Path) -> Result<File, String> {
    let size = std::fs::metadata(path).map_err(|e| format!("{}: {e}", path.display()))?.len();
    if size > MAX_BYTES {
        return Err(format!("{}: larger than {MAX_BYTES} bytes", path.display()));
    }
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let file: File = serde_saphyr::from_str(&text).map_err(|e| {
        let place = e.location().map_or_else(String::new, |l| format!("{}:{}: ", l.line(), l.column()));
        let reason = e.without_snippet().to_string();
        format!("{}: {place}{}", path.display(), reason.lines().next().unwrap_or_default())
    })?;
    for (at, group) in file.group_eval_order.iter().enumerate() {
        if file.group_eval_order[..at].contains(group) {
            return Err(format!("group name repeated in evaluation order: {group}"));
        }
    }
    Ok(file)
}

/// What all tests of a file share.
struct Bench {
    engine: Arc<Engine>,
    parse: ParseSettings,
    files: Vec<PathBuf>,
    order: HashMap<String, usize>,
    interval: i64,
    fuzzy: bool,
    diff: bool,
}

impl Bench {
    /// Runs one test; what failed is returned.
    fn run(&self, test: &Test) -> Vec<String> {
        self.prepared(test).unwrap_or_else(|failures| failures)
    }

    fn prepared(&self, test: &Test) -> Result<Vec<String>, Vec<String>> {
        let begin = test.start_timestamp.0;
        let distance = test.interval.filter(|d| d.0 > 0).map_or(self.interval, |d| d.0);
        let mut input = Input::new(test, begin, distance).map_err(|e| vec![e])?;
        let groups = self.groups(distance)?;
        if let Some(unnamed) =
            test.alert_rule_test.iter().find(|t| t.alertname.as_deref().unwrap_or("").is_empty())
        {
            let named = test.name.as_ref().map(|name| format!(" (in TestGroup {name})")).unwrap_or_default();
            let at = format_duration(unnamed.eval_time.0);
            return Err(vec![format!(
                "an item under alert_rule_test misses required attribute alertname at eval_time {at}{named}"
            )]);
        }
        let times = test.alert_rule_test.iter().map(|t| t.eval_time.0);
        let last = times.chain(test.promql_expr_test.iter().map(|t| t.eval_time.0)).max().unwrap_or(0);
        if last / self.interval > MOST_ROUNDS {
            return Err(vec![format!("more than {MOST_ROUNDS} evaluations")]);
        }
        let store = Arc::new(Store::default());
        let around = self.surroundings(&store, test);
        let mut failures = Vec::new();
        let mut after = 0;
        while after <= last {
            let now = begin + after;
            input.store_until(&store, now);
            let mut errors = Vec::new();
            for group in &groups {
                group.evaluate(&around, now);
                for rule in group.rules().iter().filter(|rule| !rule.last_error().is_empty()) {
                    let time = format_duration(now);
                    errors.push(format!(
                        "    rule: {}, time: {time}, err: {}",
                        rule.name(),
                        rule.last_error()
                    ));
                }
            }
            if !errors.is_empty() {
                failures.append(&mut errors);
                return Ok(failures);
            }
            self.alerts(test, &groups, after, &mut failures);
            after += self.interval;
        }
        for expected in &test.promql_expr_test {
            failures.extend(self.expression(&store, expected, begin).err());
        }
        Ok(failures)
    }

    fn groups(&self, interval: i64) -> Result<Vec<Group>, Vec<String>> {
        let mut groups = Vec::new();
        for file in &self.files {
            let shown = file.display().to_string();
            for definition in read(file, &self.parse)? {
                let group = Group::new(&shown, definition, interval, true);
                group.rules().iter().for_each(|rule| rule.set_restored());
                groups.push(group);
            }
        }
        groups.sort_by_key(|group| self.order.get(group.name()).copied().unwrap_or(0));
        Ok(groups)
    }

    fn surroundings(&self, store: &Arc<Store>, test: &Test) -> Surroundings {
        let shared = Shared {
            external_url: Arc::from(test.external_url.as_deref().unwrap_or("")),
            external_labels: Labels::from_pairs(test.external_labels.clone()),
            query_offset_ms: 0,
        };
        Surroundings {
            engine: self.engine.clone(),
            reader: store.clone(),
            logs: None,
            writer: store.clone(),
            sink: Arc::new(NoSink),
            clock: Arc::new(SystemClock),
            budget: Budget::unlimited(),
            timeout: Duration::from_secs(3600),
            resend_delay_ms: 60_000,
            outage_tolerance_ms: 0,
            grace_period_ms: 0,
            beside: None,
            metrics: Metrics::default(),
            shared: RwLock::new(shared),
        }
    }

    /// Looks at the alerts that tests expect from this round until the next one.
    fn alerts(&self, test: &Test, groups: &[Group], after: i64, failures: &mut Vec<String>) {
        for expected in &test.alert_rule_test {
            let at = expected.eval_time.0;
            let name = expected.alertname.as_deref().unwrap_or("");
            if !(after..after + self.interval).contains(&at) {
                continue;
            }
            let rules = groups.iter().flat_map(Group::rules).filter(|r| r.is_alerting() && r.name() == name);
            let firing = rules.flat_map(|r| r.active()).filter(|a| a.state == AlertState::Firing);
            let mut got: Vec<Alert> =
                firing.map(|a| Alert { labels: a.labels, annotations: a.annotations }).collect();
            let mut want: Vec<Alert> = expected
                .exp_alerts
                .iter()
                .map(|alert| {
                    let mut labels = alert.exp_labels.clone();
                    labels.insert("alertname".to_owned(), name.to_owned());
                    Alert { labels: Labels::from_pairs(labels), annotations: alert.exp_annotations.clone() }
                })
                .collect();
            got.sort();
            want.sort();
            if got == want {
                continue;
            }
            let group = test.name.as_ref().map(|name| format!("    name: {name},\n")).unwrap_or_default();
            let (want, got) = (shown_alerts(&want), shown_alerts(&got));
            let time = format_duration(at);
            failures.push(if self.diff {
                format!(
                    "{group}    alertname: {name}, time: {time}, \n        diff:\n{}",
                    differing(&want, &got)
                )
            } else {
                format!(
                    "{group}    alertname: {name}, time: {time}, \n        exp:{want}, \n        got:{got}"
                )
            });
        }
    }

    fn expression(&self, store: &Arc<Store>, test: &ExprTest, begin: i64) -> Result<(), String> {
        let time = format_duration(test.eval_time.0);
        let failed = |e: String| format!("    expr: {:?}, time: {time}, err: {e}", test.expr);
        let at = begin + test.eval_time.0;
        let output = self.engine.instant(&Ctx::unbounded(), &**store, &test.expr, at);
        let mut got: Vec<Sample> = match output.map_err(|e| failed(e.to_string()))?.value {
            Value::Vector(samples) => samples.into_iter().map(|s| Sample::new(s.labels, &s.value)).collect(),
            Value::Scalar { v, .. } => vec![Sample { labels: Labels::empty(), value: v, histogram: None }],
            _ => return Err(failed("rule result is not a vector or scalar".to_owned())),
        };
        let mut want = Vec::with_capacity(test.exp_samples.len());
        for sample in &test.exp_samples {
            let wrong = |e: String| failed(format!("labels {:?}: {e}", sample.labels));
            let labels = match sample.labels.as_str() {
                "" => Labels::empty(),
                text => parse_series(text).map_err(|e| wrong(e.to_string()))?,
            };
            let histogram = histogram(&sample.histogram).map_err(wrong)?;
            let value = if histogram.is_some() { 0.0 } else { sample.value };
            want.push(Sample { labels, value, histogram });
        }
        got.sort_by(|a, b| a.labels.cmp(&b.labels));
        want.sort_by(|a, b| a.labels.cmp(&b.labels));
        if got.len() == want.len() && want.iter().zip(&got).all(|(w, g)| w.same(g, self.fuzzy)) {
            return Ok(());
        }
        let (want, got) = (shown_samples(&want), shown_samples(&got));
        Err(format!("    expr: {:?}, time: {time},\n        exp: {want}\n        got: {got}", test.expr))
    }
}

/// A histogram in its notation, brought into one form.
fn histogram(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let described = parse_series_desc(&format!("{{}} {text}")).map_err(|e| e.to_string())?;
    match described.values.as_slice() {
        [SequenceValue::Histogram { histogram, .. }] => Ok(Some(super::compare::expression(histogram))),
        [other] => Err(format!("expected histogram, got {other:?}")),
        values => Err(format!("expected 1 value, got {}", values.len())),
    }
}

/// Lines that only one of the two has.
fn differing(want: &str, got: &str) -> String {
    let only = |a: &str, b: &str, mark: char| {
        a.lines()
            .filter(|line| !b.lines().any(|other| other == *line))
            .map(|l| format!("          {mark} {}\n", l.trim()))
            .collect::<String>()
    };
    format!("{}{}", only(want, got, '-'), only(got, want, '+'))
}

/// The series of a test, stored as time goes on: what is later cannot be seen.
struct Input {
    samples: Vec<(i64, Labels, store::Sample)>,
    stored: usize,
}

impl Input {
    fn new(test: &Test, begin: i64, distance: i64) -> Result<Self, String> {
        let mut samples = Vec::new();
        for series in &test.input_series {
            let text = format!("{} {}", series.series, series.values);
            let described = parse_series_desc(&text).map_err(|e| e.to_string())?;
            for (at, value) in (0i64..).zip(described.values) {
                let t = begin + at * distance;
                let value = match value {
                    SequenceValue::Omitted => continue,
                    SequenceValue::Float(v) => store::Sample::Float(v),
                    SequenceValue::Histogram { histogram, .. } => store::Sample::Histogram(*histogram),
                };
                samples.push((t, described.labels.clone(), value));
            }
        }
        samples.sort_by_key(|(t, ..)| *t);
        Ok(Self { samples, stored: 0 })
    }

    fn store_until(&mut self, store: &Store, now: i64) {
        while let Some((t, labels, value)) = self.samples.get(self.stored).filter(|(t, ..)| *t <= now) {
            store.put(labels, *t, value.clone());
            self.stored += 1;
        }
    }
}
