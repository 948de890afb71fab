//! `delete`: lines are deleted while the request waits; what was asked is remembered until the process ends.

use std::collections::VecDeque;

use axum::Json;
use axum::extract;
use axum::response::IntoResponse;
use http::StatusCode;
use parking_lot::Mutex;
use query::logql::{self, Expr};
use serde::Serialize;

use super::error::{Answer, ApiError};
use super::params::{Bounds, Form};
use super::query::run;
use crate::state::Shared;

const SECOND: i64 = 1_000_000_000;
/// How many requests are remembered.
const MOST: usize = 1_000;

/// A request that was made.
#[derive(Debug, Clone, Serialize)]
struct Deletion {
    request_id: String,
    /// Seconds, as Loki shows them.
    start_time: f64,
    end_time: f64,
    query: String,
    status: &'static str,
    created_at: f64,
}

/// The newest requests.
#[derive(Debug, Default)]
pub(crate) struct Deletions(Mutex<VecDeque<Deletion>>);

pub(crate) async fn delete(extract::State(state): extract::State<Shared>, Form(params): Form) -> Answer {
    let text = params.get("query").to_owned();
    if text.is_empty() {
        return Err(ApiError::bad("query not set"));
    }
    let Expr::Log(expr) = logql::parse(&text)? else {
        return Err(ApiError::bad("unsupported query expression: only lines can be deleted"));
    };
    if params.get("start").is_empty() {
        return Err(ApiError::bad("start time not set"));
    }
    let now_ms = state.now_ms();
    let now = now_ms.saturating_mul(1_000_000);
    let bounds = Bounds { start: params.ns("start", now)?, end: params.ns("end", now)? };
    if bounds.end > now.saturating_add(SECOND) {
        return Err(ApiError::bad("deletes in the future are not allowed"));
    }
    if bounds.start > bounds.end {
        return Err(ApiError::bad("start time can't be greater than end time"));
    }
    let deleted = run(&state, move |state, ctx, records| {
        let scan = state.logql.exact_scan(ctx, records, &expr, (bounds.start, bounds.end))?;
        let scan = scan.ok_or_else(|| {
            ApiError::bad(
                "only line filters (no ip or patterns) and comparisons of fields with texts, before any other stage, \
                 can say what is deleted",
            )
        })?;
        Ok(records.delete(ctx, &scan)?)
    })
    .await?;
    tracing::info!(query = text, deleted, "lines were deleted");
    let mut all = state.deletions.0.lock();
    let seconds = |ns: i64| ns as f64 / SECOND as f64;
    let id = xxhash_rust::xxh3::xxh3_64(format!("{text} {bounds:?} {now_ms} {}", all.len()).as_bytes());
    all.push_back(Deletion {
        request_id: format!("{:08x}", id as u32),
        start_time: seconds(bounds.start),
        end_time: seconds(bounds.end),
        query: text,
        status: "processed",
        created_at: now_ms as f64 / 1000.0,
    });
    if all.len() > MOST {
        all.pop_front();
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn list(extract::State(state): extract::State<Shared>) -> Answer {
    let all: Vec<Deletion> = state.deletions.0.lock().iter().cloned().collect();
    Ok(Json(all).into_response())
}

pub(crate) async fn cancel(extract::State(state): extract::State<Shared>, Form(params): Form) -> Answer {
    let id = params.get("request_id");
    match state.deletions.0.lock().iter().any(|one| one.request_id == id) {
        true => {
            Err(ApiError::bad("deletion of request which is in process or already processed is not allowed"))
        }
        false => Err(ApiError::not_found("could not find delete request with given id")),
    }
}
