//! `index/stats`, `index/volume`, `index/volume_range`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract;
use axum::response::IntoResponse;
use model::{EventKind, Labels};
use serde_json::json;

use super::error::{Answer, ApiError};
use super::params::{Form, last, scan};
use super::query::run;
use super::response::{Point, success};
use crate::params::Params;
use crate::state::Shared;

const MS: i64 = 1_000_000;

pub(crate) async fn stats(extract::State(state): extract::State<Shared>, Form(params): Form) -> Answer {
    let (matchers, bounds) = (params.selector("query")?, params.bounds(&state)?);
    let found = run(&state, move |_, ctx, records| {
        Ok(records.streams(ctx, EventKind::Log, &matchers, bounds.start, last(bounds))?)
    })
    .await?;
    let sum = |of: fn(&model::records::StreamSummary) -> u64| found.iter().map(of).sum::<u64>();
    let (blocks, entries, bytes) = (sum(|s| s.blocks), sum(|s| s.records), sum(|s| s.bytes));
    Ok(Json(json!({"streams": found.len(), "chunks": blocks, "entries": entries, "bytes": bytes}))
        .into_response())
}

/// How a client may divide the streams of a query: here it need not, one part holds them all.
pub(crate) async fn shards(extract::State(state): extract::State<Shared>, Form(params): Form) -> Answer {
    let query::logql::Expr::Log(log) = query::logql::parse(params.get("query"))? else {
        return Err(ApiError::bad("only the streams of a log query can be divided"));
    };
    let bounds = params.bounds(&state)?;
    if !params.get("targetBytesPerShard").is_empty()
        && query::logql::units::parse_bytes(params.get("targetBytesPerShard")).is_none_or(|bytes| bytes == 0)
    {
        return Err(ApiError::bad("targetBytesPerShard must be a positive value"));
    }
    let found = run(&state, move |_, ctx, records| {
        Ok(records.streams(ctx, EventKind::Log, &log.matchers, bounds.start, last(bounds))?)
    })
    .await?;
    let sum = |of: fn(&model::records::StreamSummary) -> u64| found.iter().map(of).sum::<u64>();
    let stats = json!({
        "streams": found.len(), "chunks": sum(|s| s.blocks), "entries": sum(|s| s.records), "bytes": sum(|s| s.bytes),
    });
    let shard = json!({"bounds": {"min": 0, "max": u64::MAX}, "stats": stats});
    Ok(Json(json!({"shards": [shard], "statistics": {}, "chunkGroups": null})).into_response())
}

/// Bytes by what they are aggregated by, and by the start of their step, ms.
type Volumes = BTreeMap<Labels, BTreeMap<i64, u64>>;

/// Volumes with the greatest first, and how many are wanted.
async fn volumes(
    state: &Shared,
    params: &Params,
    step_ns: i64,
) -> Result<Vec<(Labels, BTreeMap<i64, u64>)>, ApiError> {
    let (matchers, bounds) = (params.selector("query")?, params.bounds(state)?);
    let limit = params.count("limit", 100)?;
    let by_label = match params.get("aggregateBy") {
        "" | "series" => false,
        "labels" => true,
        other => return Err(ApiError::bad(format_args!("invalid aggregation option: {other}"))),
    };
    let targets: Vec<String> =
        params.get("targetLabels").split(',').filter(|t| !t.is_empty()).map(str::to_owned).collect();
    let names: Vec<String> = match targets.is_empty() {
        false => targets.clone(),
        true => matchers.iter().map(|m| m.name.clone()).collect(),
    };
    let found =
        run(state, move |_, ctx, records| Ok(records.volume(ctx, &scan(matchers, bounds), step_ns)?)).await?;
    let mut all = Volumes::new();
    for series in found {
        let keys: Vec<Labels> = if by_label {
            let wanted = series
                .labels
                .iter()
                .filter(|(name, _)| targets.is_empty() || targets.iter().any(|t| t == name));
            // The volume of a label whatever its value; an empty value would be no label.
            wanted.map(|(name, _)| Labels::from_pairs([("__label__", name)])).collect()
        } else {
            vec![series.labels.filter(|name| names.iter().any(|n| n == name))]
        };
        for key in keys {
            let steps = all.entry(key).or_default();
            for (start, bytes, _) in &series.steps {
                *steps.entry(start.div_euclid(MS)).or_default() += bytes;
            }
        }
    }
    let mut list: Vec<_> = all.into_iter().collect();
    let total = |steps: &BTreeMap<i64, u64>| steps.values().sum::<u64>();
    list.sort_by(|a, b| total(&b.1).cmp(&total(&a.1)).then_with(|| a.0.cmp(&b.0)));
    list.truncate(limit);
    Ok(list)
}

/// Labels as they are shown: the volume of a label has its name without a value.
fn metric(labels: &Labels) -> serde_json::Value {
    match labels.get("__label__") {
        Some(name) => json!({name: ""}),
        None => json!(labels),
    }
}

pub(crate) async fn volume(extract::State(state): extract::State<Shared>, Form(params): Form) -> Answer {
    let end_ms = params.bounds(&state)?.end.div_euclid(MS);
    let list = volumes(&state, &params, 0).await?;
    let result: Vec<_> = list
        .iter()
        .map(|(labels, steps)| {
            let bytes = steps.values().sum::<u64>();
            json!({"metric": metric(labels), "value": Point(end_ms, bytes as f64)})
        })
        .collect();
    Ok(success(json!({"resultType": "vector", "result": result, "stats": {}})))
}

pub(crate) async fn volume_range(
    extract::State(state): extract::State<Shared>,
    Form(params): Form,
) -> Answer {
    let step = params.step(params.bounds(&state)?)?;
    let list = volumes(&state, &params, step).await?;
    let result: Vec<_> = list
        .iter()
        .map(|(labels, steps)| {
            let points: Vec<_> = steps.iter().map(|(t, bytes)| Point(*t, *bytes as f64)).collect();
            json!({"metric": metric(labels), "values": points})
        })
        .collect();
    Ok(success(json!({"resultType": "matrix", "result": result, "stats": {}})))
}
