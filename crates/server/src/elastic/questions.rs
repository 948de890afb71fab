//! What clients ask before they send.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri};
use serde_json::{Value, json};

use super::{VERSION, failure};
use crate::state::Shared;

/// An id that never changes: there is one cluster, of one node.
const UUID: &str = "Ym9uZ2h3YS1sb2dzLW9uZQ";

pub(super) async fn info() -> Json<Value> {
    Json(json!({
        "name": "bonghwa",
        "cluster_name": "bonghwa",
        "cluster_uuid": UUID,
        "version": {
            "number": VERSION,
            "build_flavor": "default",
            "build_type": "tar",
            "build_hash": "0000000000000000000000000000000000000000",
            "build_date": "2025-01-01T00:00:00.000000000Z",
            "build_snapshot": false,
            "lucene_version": "9.12.0",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",
    }))
}

pub(super) async fn licence() -> Json<Value> {
    Json(json!({"license": {
        "status": "active", "uid": UUID, "type": "basic", "issue_date_in_millis": 0, "start_date_in_millis": -1,
        "max_nodes": 1000, "issued_to": "bonghwa", "issuer": "bonghwa",
    }}))
}

pub(super) async fn xpack() -> Json<Value> {
    Json(json!({
        "license": {"uid": UUID, "type": "basic", "mode": "basic", "status": "active"},
        "features": {"ilm": {"available": true, "enabled": true}},
    }))
}

pub(super) async fn health(State(state): State<Shared>) -> Json<Value> {
    let ready = state.parts.process.ready().is_ok() && state.logs.is_open();
    Json(json!({
        "cluster_name": "bonghwa", "status": if ready { "green" } else { "red" }, "timed_out": false,
        "number_of_nodes": 1, "number_of_data_nodes": 1, "active_primary_shards": 1, "active_shards": 1,
        "relocating_shards": 0, "initializing_shards": 0, "unassigned_shards": 0,
        "delayed_unassigned_shards": 0, "number_of_pending_tasks": 0, "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0, "active_shards_percent_as_number": 100.0,
    }))
}

/// One node without addresses: clients that look for others find none and stay.
pub(super) async fn nodes() -> Json<Value> {
    Json(json!({
        "_nodes": {"total": 1, "successful": 1, "failed": 0},
        "cluster_name": "bonghwa",
        "nodes": {UUID: {"name": "bonghwa", "version": VERSION, "build_flavor": "default",
            "roles": ["data", "ingest", "master"]}},
    }))
}

/// What is taken and changes nothing.
pub(super) async fn acknowledge() -> Json<Value> {
    Json(json!({"acknowledged": true}))
}

pub(super) async fn answered() -> Json<Value> {
    Json(json!({"persistent": {}, "transient": {}}))
}

pub(super) async fn pipelines() -> Json<Value> {
    Json(json!({}))
}

pub(super) async fn missing(uri: Uri) -> Response {
    failure(404, "resource_not_found_exception", &format!("[{}] is not kept here", uri.path()))
}

/// Lists are empty: what there is, is asked in LogQL.
pub(super) async fn list(uri: Uri) -> Response {
    let json = uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "format=json"));
    if json { Json(json!([])).into_response() } else { (StatusCode::OK, "").into_response() }
}
