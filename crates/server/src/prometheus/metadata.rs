//! `metadata`: type, help and unit of families.

use std::collections::BTreeMap;

use axum::extract::State;

use super::error::Answer;
use super::extract::Form;
use super::response::success;
use crate::params::Params;
use crate::state::Shared;

#[derive(serde::Serialize, PartialEq)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    help: String,
    unit: String,
}

pub(crate) async fn metadata(State(state): State<Shared>, Form(params): Form) -> Answer {
    let limit = positive(&params, "limit")?;
    let per_metric = positive(&params, "limit_per_metric")?;
    let name = Some(params.get("metric").to_owned()).filter(|n| !n.is_empty());
    let families =
        state.read(None, move |state, ctx| state.parts.metrics.families(ctx, name.as_deref())).await??;
    let mut found: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for family in families {
        if !found.contains_key(&family.name) && found.len() >= limit {
            continue;
        }
        let entries = found.entry(family.name).or_default();
        let entry = Entry { kind: family.kind, help: family.help, unit: family.unit };
        if entries.len() < per_metric && !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    Ok(success(found, Vec::new()))
}

/// A limit: missing or negative is none.
fn positive(params: &Params, name: &str) -> model::Result<usize> {
    Ok(usize::try_from(params.integer(name, -1)?).unwrap_or(usize::MAX))
}
