//! The nodes that are watched.

use axum::Json;
use axum::extract::State;

use crate::parts::Node;
use crate::state::Shared;

pub(crate) async fn list(State(state): State<Shared>) -> Json<Vec<Node>> {
    Json(state.parts.process.nodes())
}
