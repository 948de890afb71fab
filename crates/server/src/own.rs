//! Our own API under `/api/bonghwa/v1`, drawn in docs/api/openapi.yaml. A test keeps the two in agreement.

mod cardinality;
mod containers;
mod error;
mod events;
pub(crate) mod import;
pub(crate) mod live;
mod log;
mod nodes;
mod shapes;
mod snapshots;
mod status;
mod why_empty;

pub(crate) use error::Answer;

use axum::Router;
use axum::extract::Path;
use axum::routing::{MethodRouter, delete, get, post};
use http::header::CONTENT_TYPE;
use model::{Error, Result};

use crate::state::Shared;

/// The document.
pub const OPENAPI: &str = include_str!("../../../docs/api/openapi.yaml");

/// Where the API lives.
pub const BASE: &str = "/api/bonghwa/v1";

/// Path below [`BASE`], handler.
fn table() -> Vec<(&'static str, MethodRouter<Shared>)> {
    vec![
        ("/cardinality", get(cardinality::show)),
        ("/cardinality/release", post(cardinality::release)),
        ("/containers", get(containers::list)),
        ("/containers/{id}", get(containers::one)),
        ("/containers/{id}/live", get(containers::live)),
        ("/containers/{id}/last-minutes", get(containers::last_minutes)),
        ("/containers/{id}/events", get(events::of_container)),
        ("/containers/{id}/log", get(log::tail)),
        ("/events", get(events::all)),
        ("/import", get(import::list).post(import::import)),
        ("/import/{id}", delete(import::cancel)),
        ("/live", get(live::watch)),
        ("/log", get(own_log)),
        ("/logs/push", post(crate::logs::json::push)),
        ("/nodes", get(nodes::list)),
        ("/snapshots", get(snapshots::list).post(snapshots::make)),
        ("/snapshots/{name}", delete(snapshots::remove)),
        ("/status", get(status::status)),
        ("/why-empty", get(why_empty::why_empty)),
        ("/openapi.yaml", get(openapi)),
    ]
}

pub(crate) fn routes() -> Router<Shared> {
    table()
        .into_iter()
        .fold(Router::new(), |router, (path, handler)| router.route(&format!("{BASE}{path}"), handler))
}

/// The newest lines of the program's own log.
async fn own_log(
    axum::extract::State(state): axum::extract::State<Shared>,
) -> impl axum::response::IntoResponse {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], state.parts.process.newest_log())
}

async fn openapi() -> impl axum::response::IntoResponse {
    ([(CONTENT_TYPE, "application/yaml; charset=utf-8")], OPENAPI)
}

/// The name or id in a path; axum's own refusal of invalid UTF-8 has another shape than our errors.
fn id(path: Result<Path<String>, axum::extract::rejection::PathRejection>) -> Result<String> {
    path.map(|Path(id)| id).map_err(|_| Error::invalid("the name in the path is not valid UTF-8"))
}

#[cfg(test)]
mod tests;
