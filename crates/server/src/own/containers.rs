//! Rows, live points and last minutes of containers.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use model::container::ContainerRow;
use model::{Error, Result};

use super::error::Answer;
use super::id;
use super::shapes::{ContainerList, LastMinutesBody, Points};
use crate::params::Params;
use crate::state::{self, Shared};

pub(crate) async fn list(
    State(state): State<Shared>,
    RawQuery(query): RawQuery,
) -> Answer<Json<ContainerList>> {
    let gone = Params::of_query(query.as_deref())?.switch("gone")?;
    state.parts.containers.touch();
    Ok(Json(container_list(&state, gone)))
}

pub(crate) fn container_list(state: &state::State, gone: bool) -> ContainerList {
    let generation = state.parts.containers.generation();
    ContainerList {
        node: state.parts.process.nodes().into_iter().next().map(|n| n.name).unwrap_or_default(),
        generation,
        now_ms: state.now_ms(),
        rows: state.parts.containers.rows(gone),
    }
}

pub(crate) async fn one(
    State(state): State<Shared>,
    path: std::result::Result<Path<String>, PathRejection>,
) -> Answer<Json<ContainerRow>> {
    Ok(Json(find(&state, &id(path)?)?))
}

/// The container, or an error that names what was asked for.
pub(crate) fn find(state: &state::State, id: &str) -> Result<ContainerRow> {
    state.parts.containers.row(id).ok_or_else(|| {
        let shown: String = id.chars().take(80).collect();
        Error::not_found(format_args!("no container is known as {shown:?}"))
    })
}

pub(crate) async fn live(
    State(state): State<Shared>,
    path: std::result::Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Answer<Json<Points>> {
    let since = Params::of_query(query.as_deref())?.integer("since", 0)?;
    let row = find(&state, &id(path)?)?;
    state.parts.containers.touch();
    Ok(Json(Points { points: state.parts.containers.live(&row.facts.id, since) }))
}

pub(crate) async fn last_minutes(
    State(state): State<Shared>,
    path: std::result::Result<Path<String>, PathRejection>,
) -> Answer<Json<LastMinutesBody>> {
    let id = id(path)?;
    let found = state
        .read(None, move |state, _| {
            let row = find(state, &id)?;
            state.parts.containers.last_minutes(&row.facts.id)
        })
        .await??;
    Ok(Json(LastMinutesBody { last_minutes: found }))
}
