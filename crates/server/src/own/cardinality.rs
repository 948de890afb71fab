//! Where series come from, what folds, and what nobody asks for.

use axum::Json;
use axum::extract::{RawQuery, State};
use intake::Cardinality;
use intake::cardinality::{Report, Target};
use model::rule::GroupStatus;
use model::{Error, ErrorKind, Result};
use query::promql::Expr;
use serde::Serialize;

use super::error::Answer;
use super::shapes::NameCount;
use crate::params::Params;
use crate::state::{self, Shared};

/// Entries of a list where nothing is said, and at most.
const LISTED: i64 = 20;
const MOST_LISTED: i64 = 1_000;

#[derive(Serialize)]
pub(crate) struct Body {
    #[serde(flatten)]
    pub(crate) report: Report,
    pub(crate) now_ms: i64,
    pub(crate) started_ms: i64,
    pub(crate) labels: Vec<NameCount>,
    pub(crate) pairs: Vec<NameCount>,
    pub(crate) unused: Unused,
    pub(crate) rules: Vec<RuleUse>,
}

/// Metrics that neither a query since the start nor a rule has named.
#[derive(Serialize)]
pub(crate) struct Unused {
    pub(crate) metrics: u64,
    pub(crate) series: u64,
    pub(crate) top: Vec<NameCount>,
}

/// A rule whose result depends on a folded label.
#[derive(Serialize)]
pub(crate) struct RuleUse {
    pub(crate) file: String,
    pub(crate) group: String,
    pub(crate) rule: String,
    pub(crate) warnings: Vec<String>,
}

pub(crate) async fn show(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Answer<Json<Body>> {
    let params = Params::of_query(query.as_deref())?;
    let limit = params.integer("limit", LISTED)?;
    if !(1..=MOST_LISTED).contains(&limit) {
        return Err(Error::invalid(format_args!("limit must be from 1 to {MOST_LISTED}")).into());
    }
    // 1 to MOST_LISTED.
    let limit = limit as usize;
    let body = shared.read(None, move |state, _| gather(state, limit)).await??;
    Ok(Json(body))
}

/// Ends the folding of a metric: `metric`, and `job` with `instance` where it is one target's.
pub(crate) async fn release(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Answer<Json<serde_json::Value>> {
    let params = Params::of_query(query.as_deref())?;
    let metric = params.get("metric").to_owned();
    if metric.is_empty() {
        return Err(Error::invalid("the parameter \"metric\" is missing").into());
    }
    let (job, instance) = (params.get("job").to_owned(), params.get("instance").to_owned());
    let target = (!job.is_empty() || !instance.is_empty()).then_some(Target { job, instance });
    let budgets = budgets(&shared)?.clone();
    let shown = metric.clone();
    let ended = tokio::task::spawn_blocking(move || budgets.release(&metric, target.as_ref()))
        .await
        .map_err(|e| Error::internal("the fold cannot be ended").with_detail(e))?;
    if !ended {
        let text = format_args!("no label of metric {shown:?} folds");
        return Err(Error::new(ErrorKind::NotFound, text).into());
    }
    Ok(Json(serde_json::json!({ "released": shown })))
}

fn budgets(state: &state::State) -> Result<&std::sync::Arc<Cardinality>> {
    let none = || Error::unavailable("this metric store does not count its series");
    state.parts.cardinality.as_ref().ok_or_else(none)
}

fn gather(state: &state::State, limit: usize) -> Result<Body> {
    let budgets = budgets(state)?;
    let stats = match &state.parts.metric_stats {
        Some(stats) => stats.stats(limit)?,
        None => model::metrics::StoreStats::default(),
    };
    let groups = state.parts.rules.groups();
    let rules = parsed(state, &groups);
    let expressions: Vec<Expr> = rules.iter().map(|(_, _, expr)| expr.clone()).collect();
    let mut unused = state.usage.unused(budgets.stored_metrics(), &expressions);
    unused.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let (metrics, series) = (unused.len() as u64, unused.iter().map(|(_, series)| series).sum());
    unused.truncate(limit);
    let uses = rules.iter().filter_map(|(group, rule, expr)| {
        let warnings = state.folded_warnings(expr);
        (!warnings.is_empty()).then(|| RuleUse {
            file: group.file.clone(),
            group: group.name.clone(),
            rule: (*rule).to_owned(),
            warnings,
        })
    });
    Ok(Body {
        report: budgets.report(limit),
        now_ms: state.now_ms(),
        started_ms: state.parts.process.started_ms(),
        labels: NameCount::list(stats.values_by_label),
        pairs: NameCount::list(stats.series_by_pair),
        unused: Unused { metrics, series, top: NameCount::list(unused) },
        rules: uses.take(MOST_LISTED as usize).collect(),
    })
}

/// All rules with their expressions.
fn parsed<'a>(state: &state::State, groups: &'a [GroupStatus]) -> Vec<(&'a GroupStatus, &'a str, Expr)> {
    let all = groups.iter().flat_map(|group| group.rules.iter().map(move |rule| (group, rule)));
    let parse = |text: &str| state.parts.engine.parse(text).ok();
    all.filter_map(|(group, rule)| Some((group, rule.name.as_str(), parse(&rule.query)?))).collect()
}
