//! Why a query gives nothing: no such metric, nothing in this range, no series with these labels, the target is down,
//! or it is too early.

use axum::Json;
use axum::extract::{RawQuery, State};
use model::labels::METRIC_NAME;
use model::nearest::edits;
use model::target::Health;
use model::{
    Ctx, Error, MatchOp, Matcher, MetricReader, Result, SelectHints, Selected, SeriesData, TimeRange,
};
use query::promql::Expr;

use super::error::Answer;
use super::shapes::{Reason, WhyEmpty};
use crate::params::Params;
use crate::state::{self, Shared};

const HOUR_MS: i64 = 3_600_000;
/// Rates need two samples: a program younger than this has not had the time.
const WARM_UP_MS: i64 = 30_000;
/// Names offered in place of one that does not exist.
const NEAREST: usize = 5;

pub(crate) async fn why_empty(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Answer<Json<WhyEmpty>> {
    let params = Params::of_query(query.as_deref())?;
    let end = params.integer("end", shared.now_ms())?;
    let start = params.integer("start", end.saturating_sub(HOUR_MS))?;
    let text = params.get("query");
    if text.is_empty() {
        return Err(Error::invalid("the parameter \"query\" is missing").into());
    }
    let expr = shared.parts.engine.parse(text).map_err(Error::invalid)?;
    let selectors = selectors(&expr, shared.parts.engine.options().lookback_ms);
    let found: Result<WhyEmpty> = shared
        .read(None, move |state, ctx| {
            for selector in &selectors {
                let verdict = judge(state, ctx, selector, start, end)?;
                if verdict.reason != Reason::Ok {
                    return Ok(verdict);
                }
            }
            Ok(verdict(Reason::Ok, None))
        })
        .await?;
    Ok(Json(found?))
}

/// What one selector of the query asks for.
struct Selector {
    matchers: Vec<Matcher>,
    /// How far before the start its samples may lie, offset included.
    reach_ms: i64,
}

impl Selector {
    fn metric(&self) -> Option<&str> {
        self.matchers
            .iter()
            .find(|m| m.name == METRIC_NAME && m.op == MatchOp::Equal && !m.value.is_empty())
            .map(|m| m.value.as_str())
    }
}

fn selectors(expr: &Expr, lookback_ms: i64) -> Vec<Selector> {
    // Windows and offsets only widen the range that is looked at, so the largest of the query serves all its selectors.
    let mut reach_ms = lookback_ms;
    let mut found = Vec::new();
    let mut widen = |ms: i64| reach_ms = reach_ms.max(ms);
    expr.walk(&mut |node| match node {
        Expr::Matrix(matrix) => {
            widen(matrix.range.ms.saturating_add(offset_ms(&matrix.selector)));
            found.push(matrix.selector.matchers.clone());
        }
        Expr::Vector(vector) => {
            widen(lookback_ms.saturating_add(offset_ms(vector)));
            found.push(vector.matchers.clone());
        }
        Expr::Subquery(subquery) => {
            let offset = subquery.offset.as_ref().map_or(0, |o| o.ms.max(0));
            // What is inside looks further back still; a day covers what people write.
            widen(subquery.range.ms.saturating_add(offset).saturating_add(24 * HOUR_MS));
        }
        _ => {}
    });
    found.into_iter().map(|matchers| Selector { matchers, reach_ms }).collect()
}

fn offset_ms(selector: &query::promql::ast::VectorSelector) -> i64 {
    selector.offset.as_ref().map_or(0, |o| o.ms.max(0))
}

fn verdict(reason: Reason, metric: Option<&str>) -> WhyEmpty {
    WhyEmpty {
        reason,
        metric: metric.map(str::to_owned),
        nearest: Vec::new(),
        last_seen_ms: None,
        target_error: None,
    }
}

fn judge(state: &state::State, ctx: &Ctx, selector: &Selector, start: i64, end: i64) -> Result<WhyEmpty> {
    let reader = &*state.parts.metrics;
    let metric = selector.metric();
    let range = TimeRange::new(start.saturating_sub(selector.reach_ms), end);
    if exists(reader, ctx, &selector.matchers, range)? {
        return Ok(verdict(Reason::Ok, metric));
    }
    if let Some(error) = target_down(state, selector) {
        return Ok(WhyEmpty { target_error: Some(error), ..verdict(Reason::TargetDown, metric) });
    }
    if let Some(last_seen_ms) = last_seen(reader, ctx, &selector.matchers)? {
        return Ok(WhyEmpty { last_seen_ms: Some(last_seen_ms), ..verdict(Reason::NothingInRange, metric) });
    }
    if state.now_ms() - state.parts.process.started_ms() < WARM_UP_MS {
        return Ok(verdict(Reason::StillCollecting, metric));
    }
    let Some(name) = metric else {
        return Ok(verdict(Reason::NoSeriesMatch, None));
    };
    let named = [Matcher::equal(METRIC_NAME, name)];
    if exists(reader, ctx, &named, TimeRange::ALL)? {
        return Ok(verdict(Reason::NoSeriesMatch, metric));
    }
    let names = reader.label_values(ctx, METRIC_NAME, &[], TimeRange::ALL, 100_000)?;
    Ok(WhyEmpty { nearest: nearest(name, names.items), ..verdict(Reason::NoSuchMetric, metric) })
}

fn exists(reader: &dyn MetricReader, ctx: &Ctx, matchers: &[Matcher], range: TimeRange) -> Result<bool> {
    let mut found = false;
    each_series(reader, ctx, matchers, range, 1, |_| {
        found = true;
        false
    })?;
    Ok(found)
}

/// The newest sample of the first few series that match, whenever it was.
fn last_seen(reader: &dyn MetricReader, ctx: &Ctx, matchers: &[Matcher]) -> Result<Option<i64>> {
    let mut newest = None;
    let mut left = 10;
    each_series(reader, ctx, matchers, TimeRange::ALL, left, |series| {
        newest = newest.max(series.t.last().copied());
        left -= 1;
        left > 0
    })?;
    Ok(newest)
}

fn each_series(
    reader: &dyn MetricReader,
    ctx: &Ctx,
    matchers: &[Matcher],
    range: TimeRange,
    limit: usize,
    mut visit: impl FnMut(&SeriesData) -> bool,
) -> Result<()> {
    let hints = SelectHints { limit, ..SelectHints::default() };
    let Selected::Series(partitions) = reader.select(ctx, matchers, range, &hints)?.data else {
        return Ok(());
    };
    let mut series = SeriesData::default();
    for mut partition in partitions {
        while partition.next(&mut series)? {
            ctx.check()?;
            if !series.t.is_empty() && !visit(&series) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The error of a target whose labels the selector names, where it is down.
fn target_down(state: &state::State, selector: &Selector) -> Option<String> {
    let of_target = |m: &&Matcher| m.name == "job" || m.name == "instance";
    let wanted: Vec<&Matcher> = selector.matchers.iter().filter(of_target).collect();
    if wanted.is_empty() {
        return None;
    }
    let targets = state.parts.targets.active();
    let mut meant = targets.iter().filter(|t| wanted.iter().all(|m| m.matches_labels(&t.labels))).peekable();
    meant.peek()?;
    let mut errors = meant.map(|t| (t.health, &t.last_error));
    let first = errors.next()?;
    let all_down = first.0 == Health::Down && errors.all(|(health, _)| health == Health::Down);
    all_down.then(|| first.1.clone())
}

/// Names with the fewest edits, at most half of the asked name's length away.
pub(crate) fn nearest(asked: &str, names: Vec<String>) -> Vec<String> {
    let most = asked.chars().count() / 2;
    let mut scored: Vec<(usize, String)> = names
        .into_iter()
        .map(|name| {
            let contains = name.contains(asked) || asked.contains(name.as_str());
            (if contains { 0 } else { edits(asked, &name) }, name)
        })
        .filter(|(distance, _)| *distance <= most)
        .collect();
    scored.sort();
    scored.into_iter().take(NEAREST).map(|(_, name)| name).collect()
}
