//! `POST /api/bonghwa/v1/logs/push`: lines of JSON.

use axum::Json;
use axum::extract::{Request, State};
use model::Result;
use serde::Serialize;

use super::door::Batch;
use crate::own::Answer;
use crate::receive::{receive, unpack};
use crate::state::{self, Shared};

const INPUT: &str = "json";

/// What became of a body.
#[derive(Debug, Serialize)]
pub(crate) struct Pushed {
    /// Records that are kept.
    accepted: usize,
    /// Records that are not.
    refused: u64,
    /// Lines that are no JSON objects; they are kept as they are.
    not_json: usize,
}

pub(crate) async fn push(State(state): State<Shared>, request: Request) -> Answer<Json<Pushed>> {
    let (parts, body) = request.into_parts();
    let headers = parts.headers.clone();
    let work = move |state: &state::State, body| {
        let plain = unpack(state, &headers, body)?;
        store(state, &plain.bytes)
    };
    let done = receive(&state, &parts.headers, body, work).await;
    Ok(Json(done.inspect_err(|error| state.logs.metrics.refused_request(INPUT, error))?))
}

fn store(state: &state::State, body: &[u8]) -> Result<Pushed> {
    let _memory = state.parts.budget.reserve(2 * body.len() as u64)?;
    let mut batch = Batch::default();
    let texts = state.logs.fill(&mut batch, |rows| {
        let lines = body.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty());
        lines.filter(|line| !wire::json_lines::read(line, &[("input", INPUT)], rows)).count()
    });
    state.logs.metrics.malformed(INPUT, "message", texts as u64);
    let written = state.logs.write(INPUT, &batch)?;
    let refused = written.refused.len() as u64 + batch.report.no_room;
    Ok(Pushed { accepted: written.accepted, refused, not_json: texts })
}
