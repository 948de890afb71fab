//! `/-/healthy`, `/-/ready`, `/-/reload`, `/-/quit`, with Prometheus' texts.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::state::Shared;

pub(crate) async fn healthy() -> &'static str {
    "Bonghwa is Healthy.\n"
}

pub(crate) async fn ready(State(state): State<Shared>) -> Response {
    match state.parts.process.ready() {
        Ok(()) => "Bonghwa is Ready.\n".into_response(),
        Err(error) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("Service Unavailable: {error}\n")).into_response()
        }
    }
}

pub(crate) async fn reload(State(state): State<Shared>) -> Response {
    if !state.access.lifecycle {
        return (StatusCode::FORBIDDEN, "Lifecycle API is not enabled.").into_response();
    }
    let process = state.parts.process.clone();
    match tokio::task::spawn_blocking(move || process.reload()).await {
        Ok(Ok(())) => StatusCode::OK.into_response(),
        Ok(Err(error)) => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("failed to reload config: {error}\n")).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the reload ended unexpectedly");
            (StatusCode::INTERNAL_SERVER_ERROR, "failed to reload config\n").into_response()
        }
    }
}

pub(crate) async fn quit(State(state): State<Shared>) -> Response {
    if !state.access.lifecycle {
        return (StatusCode::FORBIDDEN, "Lifecycle API is not enabled.").into_response();
    }
    state.parts.process.quit();
    "Requesting termination... Goodbye!".into_response()
}

pub(crate) async fn only_post() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, "Only POST or PUT requests allowed").into_response()
}
