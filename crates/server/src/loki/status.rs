//! `/ready`, `status/buildinfo`, and what Logs Drilldown asks first.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::error::{Answer, ApiError};
use crate::state::Shared;

pub(crate) async fn ready(State(state): State<Shared>) -> Answer {
    state.parts.process.ready().map_err(ApiError::from)?;
    Ok("ready\n".into_response())
}

pub(crate) async fn build_info(State(state): State<Shared>) -> Response {
    let build = state.parts.process.build();
    Json(json!({
        "version": super::API_VERSION,
        "revision": build.revision,
        "branch": format!("bonghwa-{}", build.version),
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    }))
    .into_response()
}

pub(crate) async fn drilldown_limits(State(state): State<Shared>) -> Response {
    let options = state.logql.options();
    Json(json!({
        "limits": {
            "discover_log_levels": true,
            "discover_service_name": [],
            "log_level_fields": ["level"],
            "max_entries_limit_per_query": options.max_lines,
            "max_line_size_truncate": false,
            "max_query_bytes_read": "0B",
            "max_query_length": "0s",
            "max_query_lookback": "0s",
            "max_query_range": "0s",
            "max_query_series": options.max_series,
            "metric_aggregation_enabled": false,
            "otlp_config": {},
            "pattern_persistence_enabled": true,
            "query_timeout": format!("{}s", state.limits.query_timeout.as_secs()),
            "retention_period": "0s",
            "volume_enabled": true,
            "volume_max_series": 1000,
        },
        "pattern_ingester_enabled": true,
        "version": super::API_VERSION,
        "maxDetectedFields": 1000,
        "maxDetectedValues": 1000,
        "maxLabelValues": 1000,
        "maxLines": options.max_lines,
    }))
    .into_response()
}
