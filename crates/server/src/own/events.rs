//! What happened to containers.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use model::{Error, Result};

use super::containers::find;
use super::error::Answer;
use super::id;
use super::shapes::Events;
use crate::params::Params;
use crate::state::Shared;

const DAY_MS: i64 = 86_400_000;

pub(crate) async fn of_container(
    State(state): State<Shared>,
    path: std::result::Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Answer<Json<Events>> {
    Ok(Json(read(state, Some(id(path)?), query).await?))
}

pub(crate) async fn all(State(state): State<Shared>, RawQuery(query): RawQuery) -> Answer<Json<Events>> {
    Ok(Json(read(state, None, query).await?))
}

async fn read(state: Shared, id: Option<String>, query: Option<String>) -> Result<Events> {
    let params = Params::of_query(query.as_deref())?;
    let end = params.integer("end", state.now_ms())?;
    let start = params.integer("start", end.saturating_sub(DAY_MS))?;
    let limit = params.integer("limit", 1000)?;
    let limit = usize::try_from(limit)
        .ok()
        .filter(|n| (1..=10_000).contains(n))
        .ok_or_else(|| Error::invalid("invalid parameter \"limit\": it must be between 1 and 10000"))?;
    if start > end {
        return Err(Error::invalid("invalid parameter \"end\": it is before \"start\""));
    }
    let events = state
        .read(None, move |state, _| {
            let id = id.map(|id| find(state, &id).map(|row| row.facts.id.clone())).transpose()?;
            state.parts.containers.events(id.as_deref(), start, end, limit)
        })
        .await??;
    Ok(Events { events })
}
