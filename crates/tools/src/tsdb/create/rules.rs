//! `tsdb create-blocks-from rules`: what recording rules would have recorded.

use std::path::PathBuf;
use std::time::Duration;

use alert::rules::file::{GroupDefinition, ParseSettings, RuleDefinition, RuleKind, read};
use clap::Args;
use model::{Labels, LabelsBuilder};
use serde_json::Value as Json;
use tsdb::import::Spool;

use super::Made;
use crate::http::{Connection, Server};
use crate::query::form;
use crate::tsdb::progress::Progress;
use crate::tsdb::remote::{Token, said};
use crate::{Context, Exit, Failed, Outcome, args};

/// What a server is asked for at once: it answers at most 11,000 points a series.
const POINTS: i64 = 10_000;
/// ... and at most so long, ms, as the blocks of Prometheus are.
const LONGEST: i64 = 2 * 3_600_000;
const LIMIT: Duration = Duration::from_secs(300);

#[derive(Debug, Args)]
pub(super) struct Rules {
    /// How to connect to the server that is asked.
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    token: Token,
    /// The server that evaluates the rules.
    #[arg(long, value_name = "URL", default_value = "http://localhost:9090")]
    url: String,
    /// The first time of the new samples (RFC 3339 or seconds since the Unix epoch).
    #[arg(long, value_name = "TIME", value_parser = args::time)]
    start: i64,
    /// The last time, likewise (default: three hours ago; what is newer, the rules of the server record themselves).
    #[arg(long, value_name = "TIME", value_parser = args::time)]
    end: Option<i64>,
    /// The data directory, which no server has open meanwhile, or the URL of a running server.
    #[arg(long = "output-dir", value_name = "DIR|URL", default_value = "data/")]
    output: String,
    /// How often rules are evaluated whose group does not say it.
    #[arg(long = "eval-interval", value_name = "DURATION", value_parser = args::duration, default_value = "60s")]
    interval: Duration,
    /// Files with rules.
    #[arg(value_name = "rule-files", required = true)]
    files: Vec<PathBuf>,
}

impl Rules {
    pub(super) fn run(self, made: &Made, context: &mut Context<'_>) -> Outcome {
        let end = self
            .end
            .unwrap_or_else(|| model::Clock::now_ms(&model::SystemClock).saturating_sub(3 * 3_600_000));
        if self.start >= end {
            return Err(Failed::new("start time is not before end time"));
        }
        let interval = i64::try_from(self.interval.as_millis()).ok().filter(|ms| *ms > 0);
        let interval = interval.ok_or_else(|| Failed::new("--eval-interval must be longer than nothing"))?;
        let groups = self.groups()?;
        let alerts = groups.iter().flat_map(|g| &g.rules).filter(|r| r.kind != RuleKind::Recording).count();
        if alerts > 0 {
            writeln!(context.err, "{alerts} alerting rules are passed over")?;
        }
        let server = Server::connect(&self.url, &self.connection)?;
        made.fill_sink(&self.output, &self.token, context, &mut |spool, context| {
            let span = end.abs_diff(self.start).max(1);
            let rules = groups.iter().map(|g| g.rules.len()).sum::<usize>() as u64;
            let mut work = Work { progress: Progress::new(rules * span), done: 0, samples: 0 };
            for group in &groups {
                let interval = group.interval_ms.filter(|ms| *ms > 0).unwrap_or(interval);
                for rule in &group.rules {
                    if rule.kind == RuleKind::Recording {
                        work.rule(&server, rule, (self.start, end, interval), spool, context)?;
                    }
                    work.done += span;
                }
            }
            work.progress.pause(context.err);
            Ok(())
        })
        .map(|_| Exit::Success)
    }

    fn groups(&self) -> Result<Vec<GroupDefinition>, Failed> {
        let mut all = Vec::new();
        for file in &self.files {
            let groups = read(file, &ParseSettings::default());
            all.extend(groups.map_err(|mistakes| {
                Failed::new(format_args!("{}:\n{}", file.display(), mistakes.join("\n")))
            })?);
        }
        Ok(all)
    }
}

struct Work {
    progress: Progress,
    done: u64,
    samples: u64,
}

impl Work {
    /// Asks for what the rule gives from time to time, at whole multiples of the interval.
    fn rule(
        &mut self,
        server: &Server,
        rule: &RuleDefinition,
        (start, end, interval): (i64, i64, i64),
        spool: &mut Spool<'_>,
        context: &mut Context<'_>,
    ) -> Result<(), Failed> {
        let wrong = |what: String| Failed::new(format_args!("rule {}: {what}", rule.name));
        let mut t = start.saturating_add(interval - 1).div_euclid(interval).saturating_mul(interval);
        while t <= end {
            let last = t.saturating_add((POINTS * interval).min(LONGEST.max(interval)) - interval).min(end);
            let parameters = [
                ("query", rule.query.clone()),
                ("start", seconds(t)),
                ("end", seconds(last)),
                ("step", seconds(interval)),
            ];
            let headers = [("content-type", "application/x-www-form-urlencoded")];
            let answer =
                server.post("/api/v1/query_range", &headers, form(&parameters).into_bytes(), LIMIT)?;
            if answer.status != 200 {
                return Err(wrong(said(server, answer.status, &answer.body).to_string()));
            }
            let json: Json = serde_json::from_slice(&answer.body).map_err(|e| wrong(e.to_string()))?;
            for series in json["data"]["result"].as_array().into_iter().flatten() {
                self.samples += take(rule, series, spool).map_err(wrong)?;
            }
            let done = self.done + t.abs_diff(start);
            self.progress.share(context.err, done, self.samples);
            t = t.saturating_add((last - t).div_euclid(interval).saturating_add(1).saturating_mul(interval));
        }
        Ok(())
    }
}

fn seconds(ms: i64) -> String {
    format!("{}", ms as f64 / 1000.0)
}

/// Takes one series of an answer, with the labels of the rule; how many samples it has.
fn take(rule: &RuleDefinition, series: &Json, spool: &mut Spool<'_>) -> Result<u64, String> {
    if series["histograms"].as_array().is_some_and(|all| !all.is_empty()) {
        return Err(
            "it gives native histograms, whose form in an answer does not hold all of them".to_owned()
        );
    }
    let labels = labels(rule, series);
    let place = spool.series(&labels);
    let mut samples = 0;
    for point in series["values"].as_array().into_iter().flatten() {
        let t = point[0].as_f64().ok_or("a point without a time")?;
        let v = point[1].as_str().and_then(|v| v.parse().ok()).ok_or("a point without a value")?;
        spool.float(place, 0, (t * 1000.0).round() as i64, v).map_err(|e| Failed::from(e).to_string())?;
        samples += 1;
    }
    Ok(samples)
}

fn labels(rule: &RuleDefinition, series: &Json) -> Labels {
    let mut builder = LabelsBuilder::new();
    for (name, value) in series["metric"].as_object().into_iter().flatten() {
        builder.set(name, value.as_str().unwrap_or_default());
    }
    builder.set("__name__", &rule.name);
    for (name, value) in &rule.labels {
        builder.set(name, value);
    }
    builder.build()
}
