//! `admin/tsdb/*`: deletion and snapshots, where `--web.enable-admin-api` opens them.

use std::sync::Arc;

use axum::extract::State;
use model::MetricAdmin;
use serde_json::json;

use super::error::{Answer, ApiError};
use super::extract::Form;
use super::response::{no_content, success};
use super::selector;
use crate::state::Shared;

/// The store's administration, if it is open.
fn admin(state: &Shared) -> Result<Arc<dyn MetricAdmin>, ApiError> {
    if !state.access.admin_api {
        return Err(ApiError::unavailable("admin APIs disabled"));
    }
    let none = || ApiError::not_implemented("this metric store has no administration");
    state.parts.admin.clone().ok_or_else(none)
}

pub(crate) async fn delete_series(State(state): State<Shared>, Form(params): Form) -> Answer {
    let admin = admin(&state)?;
    if params.all("match[]").next().is_none() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let range = super::label_lists::range(&params)?;
    if range.is_empty() {
        return Err(ApiError::parameter("end", "end timestamp must not be before start time"));
    }
    let sets = selector::all(&params)?;
    let deleted = state.read(None, move |_, ctx| -> model::Result<u64> {
        sets.iter().try_fold(0, |n, matchers| Ok(n + admin.delete_series(ctx, matchers, range)?))
    });
    let series = deleted.await??;
    tracing::info!(series, "samples were deleted by a request");
    Ok(no_content())
}

pub(crate) async fn clean_tombstones(State(state): State<Shared>) -> Answer {
    let admin = admin(&state)?;
    blocking(move || admin.clean_tombstones()).await?;
    Ok(no_content())
}

pub(crate) async fn snapshot(State(state): State<Shared>, Form(params): Form) -> Answer {
    let admin = admin(&state)?;
    let skip_head = match params.get("skip_head") {
        "" => false,
        text => go_bool(text).ok_or_else(|| {
            let problem =
                format_args!("unable to parse boolean: {text:?} is neither true nor false").to_string();
            ApiError::parameter("skip_head", problem)
        })?,
    };
    let name = blocking(move || admin.snapshot(skip_head)).await?;
    Ok(success(json!({ "name": name }), Vec::new()))
}

/// Work that goes on to its end even where nobody waits for it any more: half a snapshot helps nobody.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> model::Result<T> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|e| model::Error::internal("the work ended unexpectedly").with_detail(e))??)
}

/// As Go's `strconv.ParseBool`.
fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}
