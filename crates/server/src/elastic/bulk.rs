//! Documents on their way in.

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use model::records::Refusal;
use model::{Error, ErrorKind, Result};
use serde_json::{Value, json};
use wire::elastic::{Action, Item, read_bulk, read_document};

use super::failure;
use crate::logs::Batch;
use crate::receive::{receive, unpack};
use crate::state::{self, Shared};

const INPUT: &str = "elasticsearch";

pub(super) async fn bulk(state: State<Shared>, request: Request) -> Response {
    take(state.0, request, move |state, headers, body| many(state, headers, body, "")).await
}

pub(super) async fn bulk_into(state: State<Shared>, Path(index): Path<String>, request: Request) -> Response {
    take(state.0, request, move |state, headers, body| many(state, headers, body, &index)).await
}

pub(super) async fn document(state: State<Shared>, Path(index): Path<String>, request: Request) -> Response {
    take(state.0, request, move |state, headers, body| one(state, headers, body, &index, "")).await
}

pub(super) async fn document_as(
    state: State<Shared>,
    Path((index, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    take(state.0, request, move |state, headers, body| one(state, headers, body, &index, &id)).await
}

async fn take(
    state: Shared,
    request: Request,
    work: impl FnOnce(&state::State, &HeaderMap, Bytes) -> Result<(StatusCode, Value)> + Send + 'static,
) -> Response {
    let (parts, body) = request.into_parts();
    let headers = parts.headers.clone();
    let work = move |state: &state::State, body| work(state, &headers, body);
    match receive(&state, &parts.headers, body, work).await {
        Ok((status, answer)) => (status, axum::Json(answer)).into_response(),
        Err(error) => {
            state.logs.metrics.refused_request(INPUT, &error);
            refuse(&error)
        }
    }
}

fn refuse(error: &Error) -> Response {
    if error.kind == ErrorKind::Internal {
        tracing::error!(%error, detail = error.detail, "a bulk request failed");
    }
    let kind = match error.kind {
        ErrorKind::Invalid => "illegal_argument_exception",
        ErrorKind::TooLarge => "content_too_long_exception",
        ErrorKind::Limited => "es_rejected_execution_exception",
        ErrorKind::Unavailable => "cluster_block_exception",
        _ => "exception",
    };
    failure(error.kind.http_status(), kind, &error.message)
}

fn many(state: &state::State, headers: &HeaderMap, body: Bytes, index: &str) -> Result<(StatusCode, Value)> {
    let began = state.now_ms();
    let plain = unpack(state, headers, body)?;
    let _memory = state.parts.budget.reserve(3 * plain.bytes.len() as u64)?;
    let mut batch = Batch::default();
    let mut items = state.logs.fill(&mut batch, |rows| read_bulk(&plain.bytes, index, rows))?;
    drop(plain);
    let malformed = items.iter().filter(|item| item.outcome.is_err()).count();
    state.logs.metrics.malformed(INPUT, "document", malformed as u64);
    write(state, &batch, &mut items)?;
    let errors = items.iter().any(|item| item.outcome.is_err());
    let shown: Vec<Value> = items.iter().enumerate().map(|(at, item)| shown(began, at, item)).collect();
    Ok((StatusCode::OK, json!({"took": state.now_ms() - began, "errors": errors, "items": shown})))
}

fn one(
    state: &state::State,
    headers: &HeaderMap,
    body: Bytes,
    index: &str,
    id: &str,
) -> Result<(StatusCode, Value)> {
    let began = state.now_ms();
    let plain = unpack(state, headers, body)?;
    let _memory = state.parts.budget.reserve(3 * plain.bytes.len() as u64)?;
    let mut batch = Batch::default();
    let outcome = state.logs.fill(&mut batch, |rows| read_document(&plain.bytes, index, id, rows));
    let mut items = vec![Item { action: Action::Index, index: index.to_owned(), id: id.to_owned(), outcome }];
    write(state, &batch, &mut items)?;
    match items.first().map(|item| (&item.outcome, shown(began, 0, item))) {
        Some((Ok(_), mut shown)) => Ok((StatusCode::CREATED, shown["index"].take())),
        Some((Err((_, why)), _)) => Err(Error::invalid(why)),
        None => Err(Error::internal("a document was lost")),
    }
}

/// Writes what can be; what the store refuses is the item's error.
fn write(state: &state::State, batch: &Batch, items: &mut [Item]) -> Result<()> {
    let written = state.logs.write(INPUT, batch)?;
    for item in items.iter_mut() {
        let Ok(row) = item.outcome else { continue };
        // In the order of the rows.
        let Ok(at) = written.refused.binary_search_by_key(&row, |(row, _)| *row) else { continue };
        let why = written.refused[at].1;
        let kind = match why {
            Refusal::Rate | Refusal::TooManyStreams => "es_rejected_execution_exception",
            _ => "illegal_argument_exception",
        };
        item.outcome = Err((kind, format!("the record was refused: {}", why.as_str())));
    }
    Ok(())
}

fn shown(began: i64, at: usize, item: &Item) -> Value {
    let Item { action, index, id, outcome } = item;
    // Ids of documents that came without one name nothing; they only have to differ.
    let id = if id.is_empty() { format!("{began:x}-{at:x}") } else { id.clone() };
    let about = match outcome {
        Ok(_) => json!({
            "_index": index, "_id": id, "_version": 1, "result": "created", "_seq_no": 0, "_primary_term": 1,
            "_shards": {"total": 1, "successful": 1, "failed": 0}, "status": 201,
        }),
        Err((kind, reason)) => {
            let status = if *kind == "es_rejected_execution_exception" { 429 } else { 400 };
            json!({"_index": index, "_id": id, "status": status, "error": {"type": kind, "reason": reason}})
        }
    };
    json!({ action.as_str(): about })
}
