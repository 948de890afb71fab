//! A server that shows one page of metrics: the roles of node_exporter and cAdvisor.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use model::Result;
use tower_http::compression::CompressionLayer;

/// Who has figures to show.
pub trait Exposed: Send + Sync {
    /// All of them, in Prometheus' text format. Called for each request, off the threads that serve.
    fn text(&self) -> Result<String>;
}

pub(crate) fn router(exposed: Arc<dyn Exposed>, path: &str) -> Router {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Bonghwa</title><h1>Bonghwa</h1>\
         <p><a href=\".{path}\">Metrics</a></p></html>"
    );
    let mut router = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/-/healthy", get(|| async { "Bonghwa is Healthy.\n" }))
        .route(path, get(metrics));
    if path != "/" {
        router = router.route("/", get(move || async move { Html(page) }));
    }
    router.layer(CompressionLayer::new()).with_state(exposed)
}

async fn metrics(State(exposed): State<Arc<dyn Exposed>>) -> Response {
    match tokio::task::spawn_blocking(move || exposed.text()).await {
        Ok(Ok(text)) => ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Ok(Err(error)) => {
            tracing::error!(%error, detail = error.detail, "the figures cannot be read");
            (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "reading the figures ended unexpectedly");
            (StatusCode::INTERNAL_SERVER_ERROR, "the figures cannot be read\n").into_response()
        }
    }
}
