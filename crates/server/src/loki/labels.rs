//! `labels`, `label/<name>/values`, `series`, `detected_labels`: what is known of streams.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::{self, Path};
use axum::response::IntoResponse;
use model::{EventKind, Labels, Matcher};
use query::logql::parse_matchers;
use serde_json::json;

use super::error::{Answer, ApiError};
use super::params::{Bounds, Form, last};
use super::query::run;
use super::response::success;
use crate::state::Shared;

/// The most names, values or streams of an answer.
const MOST: usize = 100_000;

/// Streams that fulfil one of the lists of matchers.
async fn streams(
    state: &Shared,
    selectors: Vec<Vec<Matcher>>,
    bounds: Bounds,
) -> Result<Vec<Labels>, ApiError> {
    run(state, move |_, ctx, records| {
        let mut all = Vec::new();
        for matchers in &selectors {
            all.extend(records.stream_labels(ctx, EventKind::Log, matchers, bounds.start, last(bounds))?);
        }
        Ok(all)
    })
    .await
}

pub(crate) async fn names(extract::State(state): extract::State<Shared>, Form(params): Form) -> Answer {
    let found = streams(&state, vec![params.selector("query")?], params.bounds(&state)?).await?;
    let names: BTreeSet<&str> = found.iter().flat_map(|s| s.iter().map(|(name, _)| name)).collect();
    Ok(success(names.into_iter().take(MOST).collect::<Vec<_>>()))
}

pub(crate) async fn values(
    extract::State(state): extract::State<Shared>,
    Path(name): Path<String>,
    Form(params): Form,
) -> Answer {
    let found = streams(&state, vec![params.selector("query")?], params.bounds(&state)?).await?;
    let values: BTreeSet<&str> = found.iter().filter_map(|s| s.get(&name)).collect();
    Ok(success(values.into_iter().take(MOST).collect::<Vec<_>>()))
}

pub(crate) async fn series(extract::State(state): extract::State<Shared>, Form(params): Form) -> Answer {
    let written = params.all("match[]").chain(params.all("match"));
    let mut selectors = written.map(|text| parse_matchers(text, true)).collect::<Result<Vec<_>, _>>()?;
    if selectors.is_empty() {
        selectors.push(Vec::new());
    }
    let found = streams(&state, selectors, params.bounds(&state)?).await?;
    let distinct: BTreeSet<&Labels> = found.iter().collect();
    Ok(success(distinct.into_iter().take(MOST).collect::<Vec<_>>()))
}

/// Labels that say where something runs, whatever their values look like.
const ALWAYS: [&str; 4] = ["cluster", "namespace", "instance", "pod"];

/// Whether the values are all numbers or UUIDs, by which nobody wants to choose; 0 and 1 are yes and no.
fn are_ids(values: &BTreeSet<&str>) -> bool {
    if values.len() <= 2 && values.iter().all(|v| matches!(*v, "0" | "1")) {
        return values.is_empty();
    }
    values.iter().all(|value| value.parse::<f64>().is_ok() || is_uuid(value))
}

/// As clients write them: with dashes, in braces, with `urn:uuid:`, or 32 hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    let text = text.strip_prefix("urn:uuid:").unwrap_or(text);
    let text = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(text);
    let hex = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit());
    match text.len() {
        32 => hex(text),
        36 => {
            let parts: Vec<&str> = text.split('-').collect();
            parts.iter().map(|p| p.len()).eq([8, 4, 4, 4, 12]) && parts.into_iter().all(hex)
        }
        _ => false,
    }
}

pub(crate) async fn detected(extract::State(state): extract::State<Shared>, Form(params): Form) -> Answer {
    let found = streams(&state, vec![params.selector("query")?], params.bounds(&state)?).await?;
    let mut labels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for stream in &found {
        for (name, value) in stream.iter() {
            labels.entry(name).or_default().insert(value);
        }
    }
    let list: Vec<_> = labels
        .into_iter()
        .filter(|(label, values)| ALWAYS.contains(label) || !are_ids(values))
        .map(|(label, values)| json!({"label": label, "cardinality": values.len()}))
        .collect();
    Ok(Json(json!({"detectedLabels": list})).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_names() {
        let ids = |values: &[&str]| are_ids(&values.iter().copied().collect());
        assert!(
            ids(&["1", "2", "3"])
                && ids(&["7.5"])
                && ids(&["0b2b7a0e-6f0c-4e0b-9a3f-3f1b2c4d5e6f", "12"])
                && ids(&[])
        );
        assert!(ids(&["0123456789abcdef0123456789abcdef", "{0b2b7a0e-6f0c-4e0b-9a3f-3f1b2c4d5e6f}"]));
        assert!(
            !ids(&["0", "1"]) && !ids(&["1"]) && !ids(&["api", "1"]) && !ids(&["0b2b7a0e-6f0c-4e0b-9a3f"])
        );
    }
}
