//! What shippers ask of Elasticsearch: bulk requests, and the questions that come before them.
//!
//! The questions are answered as a server does that has what they ask for already: templates and policies are taken and
//! forgotten, since there is nothing here that they would change. Nothing is read back.

mod bulk;
mod questions;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post, put};
use http::HeaderValue;

use crate::state::Shared;

/// What clients are told the version is: they refuse to talk to what they take for an older server than themselves,
/// unless that check is off.
const VERSION: &str = "8.17.0";

/// All routes of the main port.
pub(crate) fn nested() -> Router<Shared> {
    let info = get(questions::info).layer(middleware::from_fn(named));
    Router::new().route("/elasticsearch/", info).nest("/elasticsearch", routes())
}

/// All routes, at the root.
pub(crate) fn routes() -> Router<Shared> {
    use questions::{acknowledge, answered, health, info, licence, list, missing, nodes, pipelines, xpack};
    let kept = || put(acknowledge).post(acknowledge).get(missing).head(missing).delete(acknowledge);
    Router::new()
        .route("/", get(info).head(info))
        .route("/_bulk", post(bulk::bulk).put(bulk::bulk))
        // So where Fluent Bit names a pipeline.
        .route("/_bulk/", post(bulk::bulk).put(bulk::bulk))
        .route("/{index}/_bulk", post(bulk::bulk_into).put(bulk::bulk_into))
        .route("/{index}/_doc", post(bulk::document))
        .route("/{index}/_doc/{id}", put(bulk::document_as).post(bulk::document_as))
        .route("/{index}/_create/{id}", put(bulk::document_as).post(bulk::document_as))
        .route("/_license", get(licence))
        .route("/_xpack", get(xpack))
        .route("/_cluster/health", get(health))
        .route("/_cluster/settings", get(answered).put(acknowledge))
        .route("/_nodes", get(nodes))
        .route("/_nodes/{*rest}", get(nodes))
        .route("/_template/{name}", kept())
        .route("/_index_template/{name}", kept())
        .route("/_component_template/{name}", kept())
        .route("/_ilm/policy/{name}", kept())
        .route("/_ingest/pipeline", get(pipelines))
        .route("/_ingest/pipeline/{name}", put(acknowledge).get(missing).delete(acknowledge))
        .route("/_data_stream/{name}", put(acknowledge).get(missing))
        .route("/_alias/{name}", get(missing).head(missing))
        .route("/_cat/{*what}", get(list))
        .route("/_cat", get(list))
        // Indices are there once something is sent to them.
        .route("/{index}", get(missing).head(acknowledge).put(acknowledge))
        .fallback(missing)
        .layer(middleware::from_fn(named))
}

/// Official clients talk to nothing that does not carry this header.
async fn named(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert("x-elastic-product", HeaderValue::from_static("Elasticsearch"));
    response
}

/// An error in Elasticsearch's shape.
fn failure(status: u16, kind: &str, reason: &str) -> Response {
    use axum::response::IntoResponse;
    let cause = serde_json::json!({"type": kind, "reason": reason});
    let body = serde_json::json!({
        "error": {"root_cause": [cause], "type": kind, "reason": reason}, "status": status,
    });
    let code = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (code, axum::Json(body)).into_response();
    if matches!(status, 429 | 503) {
        response.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
