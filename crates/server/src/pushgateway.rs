//! Pushgateway's API: `/metrics/job/<job>{/<label>/<value>}` takes what short jobs push. The groups are kept, written to
//! the store at an interval as if they were scraped with `honor_labels`, and exposed under `/pushgateway/metrics`.

mod api;
mod groups;
mod rounds;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, Method, StatusCode};
use model::{Error, ErrorKind, Result};
use wire::federate::Format;
use wire::pushgateway::{grouping, read_protobuf, read_text, write_protobuf, write_text};

pub(crate) use groups::Groups;
pub(crate) use rounds::run;

use crate::receive::{header, receive, unpack};
use crate::state::{self, Shared};

/// Bytes of one push, unpacked.
const PUSH_BYTES: usize = 16 << 20;

pub(crate) fn routes() -> Router<Shared> {
    let push = || axum::routing::post(write).put(write).delete(write);
    Router::new()
        .route("/metrics/job/{*rest}", push())
        .route("/metrics/job@base64/{*rest}", push())
        .route("/pushgateway/metrics", get(metrics))
        .route("/pushgateway/api/v1/metrics", get(api::metrics))
        .route("/pushgateway/api/v1/status", get(api::status))
        .route("/pushgateway/api/v1/admin/wipe", put(wipe))
        .route("/api/v1/admin/wipe", put(wipe))
}

async fn write(State(state): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let group = match group(parts.uri.path()) {
        Ok(group) => group,
        Err(text) => return (StatusCode::BAD_REQUEST, format!("{text}\n")).into_response(),
    };
    let method = parts.method.clone();
    let headers = parts.headers.clone();
    let work = move |state: &state::State, body: bytes::Bytes| {
        let now = state.now_ms();
        if method == Method::DELETE {
            state.pushed.delete(&group)?;
            return Ok(StatusCode::ACCEPTED);
        }
        let plain = unpack(state, &headers, body)?;
        if plain.bytes.len() > PUSH_BYTES {
            return Err(Error::too_large(format_args!("a push has at most {PUSH_BYTES} bytes")));
        }
        let _memory = state.parts.budget.reserve(plain.bytes.len() as u64 * 8)?;
        let families = if is_protobuf(&headers) {
            read_protobuf(&plain.bytes).map_err(Error::invalid)?
        } else {
            read_text(&plain.bytes).map_err(Error::invalid)?
        };
        state.pushed.push(&group, families, method == Method::PUT, now).map(|()| StatusCode::OK)
    };
    match receive(&state, &parts.headers, body, work).await {
        Ok(status) => {
            state.pushed.changed.notify_one();
            status.into_response()
        }
        Err(error) => {
            state.pushed.changed.notify_one();
            refuse(&error)
        }
    }
}

/// The grouping labels of a path.
fn group(path: &str) -> std::result::Result<Vec<(String, String)>, String> {
    let path = crate::params::decode(path.replace('+', "%2B").as_bytes()).map_err(|e| e.message)?;
    grouping(path.strip_prefix("/metrics").unwrap_or(&path)).map_err(|e| e.to_string())
}

fn is_protobuf(headers: &HeaderMap) -> bool {
    let kind = header(headers, &CONTENT_TYPE);
    let mut parts = kind.split(';').map(str::trim);
    parts.next() == Some("application/vnd.google.protobuf")
        && kind.contains("encoding=delimited")
        && kind.contains("proto=io.prometheus.client.metricfamily")
}

fn refuse(error: &Error) -> Response {
    if error.kind == ErrorKind::Internal {
        tracing::error!(%error, detail = error.detail, "a push failed");
    }
    let status = match error.kind {
        ErrorKind::Limited => 503,
        kind => kind.http_status(),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, format!("{}\n", error.message)).into_response()
}

async fn metrics(State(state): State<Shared>, headers: HeaderMap) -> Response {
    let format = Format::negotiate(headers.get(ACCEPT).map_or("", |v| v.to_str().unwrap_or("")));
    let work = tokio::task::spawn_blocking(move || -> Result<Vec<u8>> {
        let merged = state.pushed.merged()?;
        Ok(match format.protobuf {
            true => write_protobuf(merged.values(), format.escaping),
            false => write_text(merged.values(), format.escaping).into_bytes(),
        })
    });
    match work.await.map_err(Error::internal).and_then(|text| text) {
        Ok(body) => ([(CONTENT_TYPE, format.content_type())], body).into_response(),
        Err(error) => refuse(&error),
    }
}

async fn wipe(State(state): State<Shared>) -> Response {
    if !state.access.admin_api {
        return (StatusCode::NOT_FOUND, "the admin API needs to be enabled with --web.enable-admin-api\n")
            .into_response();
    }
    let worker = state.clone();
    let work = tokio::task::spawn_blocking(move || worker.pushed.wipe());
    match work.await.map_err(Error::internal).and_then(|done| done) {
        Ok(()) => {
            state.pushed.changed.notify_one();
            StatusCode::ACCEPTED.into_response()
        }
        Err(error) => refuse(&error),
    }
}
