//! Snapshots of everything kept, below the data directory: what a backup copies.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use model::{Error, Result};
use serde::Serialize;
use std::sync::Arc;

use super::error::Answer;
use super::id;
use crate::parts::{Snapshot, Snapshots};
use crate::state::Shared;

#[derive(Debug, Serialize)]
pub(crate) struct SnapshotList {
    pub(crate) snapshots: Vec<Snapshot>,
}

fn snapshots(state: &Shared) -> Result<Arc<dyn Snapshots>> {
    state.parts.snapshots.clone().ok_or_else(|| Error::invalid("this store makes no snapshots"))
}

/// Goes on to its end even where nobody waits any more: half a snapshot helps nobody.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|e| Error::internal("the work ended unexpectedly").with_detail(e))?
}

pub(crate) async fn list(State(state): State<Shared>) -> Answer<Json<SnapshotList>> {
    let all = snapshots(&state)?;
    Ok(Json(SnapshotList { snapshots: blocking(move || all.list()).await? }))
}

pub(crate) async fn make(State(state): State<Shared>) -> Answer<Json<Snapshot>> {
    state.parts.process.ready()?;
    let all = snapshots(&state)?;
    Ok(Json(blocking(move || all.make()).await?))
}

pub(crate) async fn remove(
    State(state): State<Shared>,
    path: std::result::Result<Path<String>, PathRejection>,
) -> Answer<http::StatusCode> {
    let (all, name) = (snapshots(&state)?, id(path)?);
    blocking(move || all.remove(&name)).await?;
    Ok(http::StatusCode::NO_CONTENT)
}
