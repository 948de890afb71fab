//! `POST /loki/api/v1/push`: streams with entries, as JSON or as compressed protobuf.

use std::cell::RefCell;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use model::records::{Refusal, Written};
use model::{Error, ErrorKind, Result};

use crate::logs::Batch;
use crate::receive::{header, receive, unpack, with_snappy};
use crate::state::{self, Shared};

const INPUT: &str = "loki";
/// Streams that an answer names.
const NAMED: usize = 10;
/// A thread keeps so much memory for batches to come.
const KEPT: usize = 4 << 20;

thread_local! {
    /// The batch of the request before, emptied: fresh memory for each request would grow in steps, and be copied.
    static BATCH: RefCell<Batch> = RefCell::default();
}

pub(crate) fn routes() -> Router<Shared> {
    // The second is where clients of Loki's first versions send to.
    Router::new().route("/loki/api/v1/push", post(push)).route("/api/prom/push", post(push))
}

async fn push(State(state): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let headers = parts.headers.clone();
    let work = move |state: &state::State, body| store(state, &headers, body);
    let refused = match receive(&state, &parts.headers, body, work).await {
        Ok(None) => return StatusCode::NO_CONTENT.into_response(),
        Ok(Some(refused)) => refused,
        Err(error) => {
            state.logs.metrics.refused_request(INPUT, &error);
            if error.kind == ErrorKind::Internal {
                tracing::error!(%error, detail = error.detail, "a push failed");
            }
            error
        }
    };
    let kind = refused.kind;
    let status = StatusCode::from_u16(kind.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, format!("{}\n", refused.message)).into_response();
    if kind.retryable() {
        response.headers_mut().insert(http::header::RETRY_AFTER, http::HeaderValue::from_static("1"));
    }
    response
}

/// Stores what can be; the first reason why something cannot is told, as Loki does.
fn store(state: &state::State, headers: &HeaderMap, body: bytes::Bytes) -> Result<Option<Error>> {
    BATCH.with_borrow_mut(|batch| {
        batch.clear();
        let result = store_batch(state, headers, body, batch);
        if batch.records.memory() > KEPT {
            *batch = Batch::default();
        }
        result
    })
}

fn store_batch(
    state: &state::State,
    headers: &HeaderMap,
    body: bytes::Bytes,
    batch: &mut Batch,
) -> Result<Option<Error>> {
    let kind = header(headers, &CONTENT_TYPE);
    let json = kind.split(';').next().unwrap_or("").trim() == "application/json";
    if json {
        let plain = unpack(state, headers, body)?;
        let _memory = state.parts.budget.reserve(2 * plain.bytes.len() as u64)?;
        state.logs.fill(batch, |rows| wire::loki::read_json(&plain.bytes, rows))?;
    } else {
        // Protobuf is always in snappy's form; what the header says may lie around it.
        let around = match header(headers, &CONTENT_ENCODING).as_str() {
            "snappy" | "" => None,
            _ => Some(unpack(state, headers, body.clone())?),
        };
        let body = around.as_ref().map_or(&body, |around| &around.bytes);
        with_snappy(state, body, |plain| {
            state.logs.fill(batch, |rows| wire::loki::read_protobuf(plain, rows))
        })?;
    }
    let written = state.logs.write(INPUT, batch)?;
    Ok(refusal(batch, &written))
}

/// What Loki says of entries that were refused. Where only rates are to blame, the client is to try again.
fn refusal(batch: &Batch, written: &Written) -> Option<Error> {
    if batch.report.no_room > 0 {
        return Some(Error::too_large("the request holds too much at once"));
    }
    let records = &batch.records;
    let mut texts = Vec::<String>::new();
    let mut only_rates = !written.refused.is_empty();
    for (row, why) in &written.refused {
        only_rates &= matches!(why, Refusal::Rate);
        let Some(row) = records.get(*row) else { continue };
        let stream = row.labels();
        let text = match why {
            Refusal::TooOld => {
                format!("entry for stream '{stream}' has timestamp too old: {}", row.time_ns())
            }
            Refusal::TooFarInFuture => {
                format!("entry for stream '{stream}' has timestamp too new: {}", row.time_ns())
            }
            Refusal::TooManyStreams => format!(
                "maximum active stream limit exceeded when trying to create stream {stream}, reduce the number of \
                 active streams (reduce labels or reduce label values)"
            ),
            Refusal::Rate => {
                format!("Per stream rate limit exceeded while attempting to ingest for stream '{stream}'")
            }
            Refusal::LineTooLong => format!(
                "Max entry size exceeded for stream '{stream}' while adding an entry with length '{}' bytes",
                row.body().len()
            ),
            Refusal::Labels => format!(
                "entry for stream '{stream}' has {} label names, or longer ones than allowed",
                stream.len()
            ),
        };
        if !texts.contains(&text) {
            texts.push(text);
        }
        if texts.len() == NAMED {
            break;
        }
    }
    let first = (!texts.is_empty()).then(|| texts.join("\n"))?;
    Some(if only_rates { Error::limited(first) } else { Error::invalid(first) })
}
