//! Alertmanager's API, version 2: alerts, groups of them, silences, receivers and status. Shapes, statuses and messages
//! are those of Alertmanager, so that `amtool`, Prometheus and Grafana can be pointed here.

mod alerts;
mod error;
mod filter;
mod silences;
mod time;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use http::header::CACHE_CONTROL;
use http::{Method, StatusCode};
use model::alerts::Alertmanager;
use serde_json::json;

use crate::params::Params;
use crate::state::Shared;
use error::ApiError;

type Answer = Result<Response, ApiError>;

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/v2/status", get(status).fallback(wrong_method))
        .route("/api/v2/receivers", get(receivers).fallback(wrong_method))
        .route("/api/v2/alerts", get(alerts::list).post(alerts::post).fallback(wrong_method))
        .route("/api/v2/alerts/groups", get(alerts::groups).fallback(wrong_method))
        .route("/api/v2/silences", get(silences::list).post(silences::post).fallback(wrong_method))
        .route("/api/v2/silence/{id}", get(silences::one).delete(silences::delete).fallback(wrong_method))
        .route("/api/v2/{*path}", any(unknown))
}

/// Whom to ask.
fn asked(state: &Shared) -> Result<Arc<dyn Alertmanager>, ApiError> {
    let none = || ApiError::shaped(StatusCode::NOT_FOUND, 404, "no Alertmanager runs in this process");
    state.parts.alertmanager.clone().filter(|a| a.is_running()).ok_or_else(none)
}

fn params(uri: &Uri) -> Result<Params, ApiError> {
    Params::of_query(uri.query()).map_err(|e| ApiError::shaped(StatusCode::BAD_REQUEST, 400, e.message))
}

/// An answer that nothing between here and the client keeps.
fn answer(body: impl serde::Serialize) -> Answer {
    Ok(([(CACHE_CONTROL, "no-store")], axum::Json(body)).into_response())
}

async fn status(State(state): State<Shared>) -> Answer {
    let alertmanager = asked(&state)?;
    let process = &state.parts.process;
    let build = process.build();
    answer(json!({
        "cluster": {"peers": [], "status": "disabled"},
        "config": {"original": alertmanager.config()},
        "uptime": time::write(process.started_ms()),
        "versionInfo": {
            "branch": "", "buildDate": "", "buildUser": "", "goVersion": "",
            "revision": build.revision, "version": build.version,
        },
    }))
}

async fn receivers(State(state): State<Shared>, uri: Uri) -> Answer {
    let alertmanager = asked(&state)?;
    let matchers = filter::receiver_matchers(&params(&uri)?)?;
    let shown = alertmanager.receivers().into_iter().filter(|r| filter::takes(&matchers, &r.labels));
    answer(shown.map(|r| json!({"labels": r.labels, "name": r.name})).collect::<Vec<_>>())
}

async fn unknown(uri: Uri) -> ApiError {
    ApiError::shaped(StatusCode::NOT_FOUND, 404, format!("path {} was not found", uri.path()))
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    let allowed = match uri.path() {
        path if path.ends_with("/alerts") || path.ends_with("/silences") => "GET,POST",
        path if path.contains("/silence/") => "DELETE,GET",
        _ => "GET",
    };
    let message = format!("method {method} is not allowed, but [{allowed}] are");
    ApiError::shaped(StatusCode::METHOD_NOT_ALLOWED, 405, message)
}
