//! The server before the stores are open: it answers at once, says how far the log is read back, and refuses the rest
//! for now.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};
use model::progress::{ReplayProgress, Replayed};
use serde_json::{Value, json};

use crate::health;

/// What [`crate::Server::wait`] shows.
pub(crate) fn router(progress: Arc<ReplayProgress>) -> Router {
    Router::new()
        .route("/-/healthy", get(health::healthy))
        .route("/api/v1/status/walreplay", get(replay))
        .fallback(not_yet)
        .layer(map_response(last_of_its_connection))
        .with_state(progress)
}

/// This server makes way for another: a client that kept its connection would find it closed under its next request.
async fn last_of_its_connection(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// `status/walreplay`, during the replay and after.
pub(crate) fn figures(now: Replayed) -> Value {
    json!({ "min": now.first, "max": now.last, "current": now.current })
}

async fn replay(State(progress): State<Arc<ReplayProgress>>) -> Response {
    let body = json!({ "status": "success", "data": figures(progress.now()) });
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

async fn not_yet(State(progress): State<Arc<ReplayProgress>>, request: Request) -> Response {
    let why = format!("Service Unavailable: {}", progress.now());
    let retry = [(header::RETRY_AFTER, "2"), (header::CACHE_CONTROL, "no-store")];
    let path = request.uri().path();
    if path.starts_with("/api/") {
        let body = json!({ "status": "error", "errorType": "unavailable", "error": why });
        let kind = [(header::CONTENT_TYPE, "application/json")];
        return (StatusCode::SERVICE_UNAVAILABLE, retry, kind, body.to_string()).into_response();
    }
    // A browser asks again by itself.
    let again = [(header::REFRESH, "2")];
    (StatusCode::SERVICE_UNAVAILABLE, retry, again, format!("{why}\n")).into_response()
}
