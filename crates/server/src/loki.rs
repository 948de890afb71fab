//! Loki's HTTP API under `/loki/api/v1`: the same paths, parameters, shapes and error bodies, as Grafana's data source
//! and its Logs Drilldown ask for them.

mod delete;
mod error;
mod fields;
mod index;
mod labels;
mod params;
mod patterns;
pub(crate) mod push;
mod query;
mod response;
mod rules;
mod status;
mod tail;

use axum::Router;
use axum::routing::{MethodRouter, get};

use crate::state::Shared;

pub(crate) use delete::Deletions;

/// The version of Loki whose API this is: clients choose what they ask for by it.
pub(crate) const API_VERSION: &str = "3.5.0";

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/ready", get(status::ready))
        .route("/loki/api/v1/status/buildinfo", get(status::build_info))
        .route("/loki/api/v1/drilldown-limits", get(status::drilldown_limits))
        .route("/loki/api/v1/query", both(query::instant, query::instant))
        .route("/loki/api/v1/query_range", both(query::range, query::range))
        .route("/loki/api/v1/format_query", both(query::format, query::format))
        .route("/loki/api/v1/labels", both(labels::names, labels::names))
        .route("/loki/api/v1/label", both(labels::names, labels::names))
        .route("/loki/api/v1/label/{name}/values", both(labels::values, labels::values))
        .route("/loki/api/v1/series", both(labels::series, labels::series))
        .route("/loki/api/v1/detected_labels", both(labels::detected, labels::detected))
        .route("/loki/api/v1/index/stats", both(index::stats, index::stats))
        .route("/loki/api/v1/index/shards", both(index::shards, index::shards))
        .route("/loki/api/v1/index/volume", both(index::volume, index::volume))
        .route("/loki/api/v1/index/volume_range", both(index::volume_range, index::volume_range))
        .route("/loki/api/v1/patterns", both(patterns::patterns, patterns::patterns))
        .route("/loki/api/v1/detected_fields", both(fields::fields, fields::fields))
        .route("/loki/api/v1/detected_field/{name}/values", both(fields::values, fields::values))
        .route("/loki/api/v1/tail", get(tail::tail))
        .route("/loki/api/v1/rules", get(rules::all))
        .route("/loki/api/v1/rules/{namespace}", get(rules::namespace))
        .route("/loki/api/v1/rules/{namespace}/{group}", get(rules::group))
        .route("/api/prom/rules", get(rules::all))
        .route("/api/prom/rules/{namespace}", get(rules::namespace))
        .route("/api/prom/rules/{namespace}/{group}", get(rules::group))
        .route("/prometheus/api/v1/rules", get(rules::states))
        .route("/prometheus/api/v1/alerts", get(rules::alerts))
        .route(
            "/loki/api/v1/delete",
            get(delete::list).post(delete::delete).put(delete::delete).delete(delete::cancel),
        )
}

/// The same handler for GET and, with its parameters in a form, for POST.
fn both<H, T>(handler: H, again: H) -> MethodRouter<Shared>
where
    H: axum::handler::Handler<T, Shared>,
    T: 'static,
{
    get(handler).post(again)
}
