//! `targets` and `targets/metadata`.

use std::collections::BTreeMap;

use axum::extract::State;
use model::target::{DroppedTarget, Health, RelabelStep, TargetStatus};
use model::{Labels, Matcher};
use serde::Serialize;
use serde_json::json;

use super::error::{Answer, ApiError};
use super::extract::Form;
use super::response::success;
use super::selector;
use crate::params::Params;
use crate::state::Shared;
use crate::web::Web;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Discovery {
    active_targets: Vec<Active>,
    dropped_targets: Vec<Dropped>,
    dropped_target_counts: BTreeMap<String, usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Active {
    discovered_labels: Labels,
    labels: Labels,
    scrape_pool: String,
    scrape_url: String,
    global_url: String,
    last_error: String,
    last_scrape: String,
    last_scrape_duration: f64,
    health: Health,
    scrape_interval: String,
    scrape_timeout: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dropped {
    discovered_labels: Labels,
    scrape_pool: String,
}

pub(crate) async fn targets(State(state): State<Shared>, Form(params): Form) -> Answer {
    let wanted = params.get("state").to_ascii_lowercase();
    let (active, dropped) = match wanted.as_str() {
        "" | "any" => (true, true),
        "active" => (true, false),
        "dropped" => (false, true),
        // As in Prometheus, which knows no other and refuses none.
        _ => (false, false),
    };
    let pool = params.get("scrapePool").to_owned();
    let of_pool = |name: &str| pool.is_empty() || pool == name;
    let mut found = Discovery {
        active_targets: Vec::new(),
        dropped_targets: Vec::new(),
        dropped_target_counts: BTreeMap::new(),
    };
    if active {
        let all = state.parts.targets.active().into_iter().filter(|t| of_pool(&t.pool));
        found.active_targets = all.map(|target| Active::of(target, &state.web)).collect();
    }
    let all_dropped: Vec<DroppedTarget> =
        state.parts.targets.dropped().into_iter().filter(|t| of_pool(&t.pool)).collect();
    for target in &all_dropped {
        *found.dropped_target_counts.entry(target.pool.clone()).or_default() += 1;
    }
    if dropped {
        found.dropped_targets = all_dropped
            .into_iter()
            .map(|t| Dropped { discovered_labels: t.discovered, scrape_pool: t.pool })
            .collect();
    }
    Ok(success(found, Vec::new()))
}

impl Active {
    fn of(t: TargetStatus, web: &Web) -> Self {
        Self {
            discovered_labels: t.discovered,
            labels: t.labels,
            scrape_pool: t.pool,
            global_url: web.global_url(&t.url),
            scrape_url: t.url,
            last_error: t.last_error,
            last_scrape: rfc3339(t.last_scrape_ms),
            last_scrape_duration: t.last_duration_s,
            health: t.health,
            scrape_interval: duration(t.interval_ms),
            scrape_timeout: duration(t.timeout_ms),
        }
    }
}

/// A time as Go prints it; 0 is Go's zero time, "never".
pub(super) fn rfc3339(ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(ms) {
        Ok(time) if ms != 0 => time.to_string(),
        _ => "0001-01-01T00:00:00Z".to_owned(),
    }
}

/// `1m30s` of milliseconds, in Prometheus' units.
pub(super) fn duration(ms: i64) -> String {
    use std::fmt::Write as _;
    const UNITS: [(&str, i64, bool); 7] = [
        ("y", 31_536_000_000, true),
        ("w", 604_800_000, true),
        ("d", 86_400_000, false),
        ("h", 3_600_000, false),
        ("m", 60_000, false),
        ("s", 1000, false),
        ("ms", 1, false),
    ];
    if ms <= 0 {
        return "0s".to_owned();
    }
    let mut rest = ms;
    let mut out = String::new();
    for (name, size, exact) in UNITS {
        // Years and weeks are written only where nothing remains.
        if exact && rest % size != 0 {
            continue;
        }
        if rest >= size {
            let _ = write!(out, "{}{name}", rest / size);
            rest %= size;
        }
    }
    out
}

pub(crate) async fn pools(State(state): State<Shared>) -> Answer {
    let pools = state.parts.targets.pools();
    let names: Vec<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
    // Beside what Prometheus says: discovery that is asked for and not there, for the targets page.
    let unsupported: BTreeMap<&str, &[String]> = pools
        .iter()
        .filter(|pool| !pool.unsupported.is_empty())
        .map(|pool| (pool.name.as_str(), pool.unsupported.as_slice()))
        .collect();
    Ok(success(json!({ "scrapePools": names, "unsupported": unsupported }), Vec::new()))
}

/// The parameter `scrapePool`, which must be there.
fn pool_of(params: &Params) -> Result<&str, ApiError> {
    match params.get("scrapePool") {
        "" => Err(ApiError::bad_data("no scrapePool parameter provided")),
        pool => Ok(pool),
    }
}

fn no_pool(pool: &str) -> ApiError {
    ApiError::bad_data(format_args!("error retrieving scrape config: scrape pool {pool:?} not found"))
}

pub(crate) async fn pool_config(State(state): State<Shared>, Form(params): Form) -> Answer {
    let pool = pool_of(&params)?;
    let yaml = state.parts.targets.pool_config(pool).ok_or_else(|| no_pool(pool))?;
    Ok(success(json!({ "yaml": yaml }), Vec::new()))
}

pub(crate) async fn relabel_steps(State(state): State<Shared>, Form(params): Form) -> Answer {
    let pool = pool_of(&params)?;
    let text = match params.get("labels") {
        "" => return Err(ApiError::bad_data("no labels parameter provided")),
        text => text,
    };
    let pairs: BTreeMap<String, String> = serde_json::from_str(text)
        .map_err(|e| ApiError::bad_data(format_args!("error parsing labels: {e}")))?;
    let labels = Labels::from_pairs(pairs);
    let steps = state.parts.targets.relabel_steps(pool, &labels).ok_or_else(|| no_pool(pool))?;
    let step = |step: RelabelStep| json!({ "rule": step.rule, "output": step.output, "keep": step.keep });
    let steps: Vec<serde_json::Value> = steps.into_iter().map(step).collect();
    Ok(success(json!({ "steps": steps }), Vec::new()))
}

#[derive(Serialize)]
struct TargetMetadata {
    target: Labels,
    /// Left out where one metric is asked for.
    #[serde(skip_serializing_if = "String::is_empty")]
    metric: String,
    #[serde(rename = "type")]
    kind: String,
    help: String,
    unit: String,
}

pub(crate) async fn metadata(State(state): State<Shared>, Form(params): Form) -> Answer {
    let limit = usize::try_from(params.integer("limit", -1)?).unwrap_or(usize::MAX);
    let matchers: Vec<Matcher> = match params.get("match_target") {
        "" => Vec::new(),
        text => selector::parse(text).map_err(|_| ApiError::parameter("match_target", "not a selector"))?,
    };
    let metric = params.get("metric").to_owned();
    let found: Vec<TargetMetadata> = state
        .parts
        .targets
        .metadata()
        .into_iter()
        .filter(|(labels, _)| matchers.iter().all(|m| m.matches_labels(labels)))
        .filter(|(_, family)| metric.is_empty() || family.name == metric)
        .take(limit)
        .map(|(target, family)| TargetMetadata {
            target,
            metric: if metric.is_empty() { family.name } else { String::new() },
            kind: family.kind,
            help: family.help,
            unit: family.unit,
        })
        .collect();
    Ok(success(found, Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_times_as_prometheus_prints_them() {
        for (ms, text) in
            [(0, "0s"), (15_000, "15s"), (90_500, "1m30s500ms"), (604_800_000, "1w"), (691_200_000, "8d")]
        {
            assert_eq!(duration(ms), text);
        }
        assert_eq!(rfc3339(0), "0001-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_433_337_718_555), "2015-06-03T13:21:58.555Z");
    }
}
