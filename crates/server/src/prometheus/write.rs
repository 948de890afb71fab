//! The remote write 1.0 receiver. Answers are plain text, as senders log them.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use model::{Error, ErrorKind, Tenant};

use crate::limits::read_body;
use crate::metrics::ReasonLabels;
use crate::state::{self, Shared};

pub(crate) async fn write(State(state): State<Shared>, request: Request) -> Response {
    if !state.access.remote_write {
        let text = "remote write receiver needs to be enabled with --web.enable-remote-write-receiver\n";
        return (StatusCode::NOT_FOUND, text).into_response();
    }
    match receive(&state, request).await {
        Ok(response) => response,
        Err(error) => {
            let status = match error.kind {
                // Senders retry 429 and 5xx; what the client did wrong must not come again.
                ErrorKind::Timeout => 408,
                kind => kind.http_status(),
            };
            let reason = ReasonLabels { reason: "request_failed" };
            state.metrics.refused.get_or_create(&reason).inc();
            if error.kind == ErrorKind::Internal {
                tracing::error!(%error, detail = error.detail, "a write failed");
            }
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, format!("{}\n", error.message)).into_response()
        }
    }
}

async fn receive(state: &Shared, request: Request) -> model::Result<Response> {
    let (parts, body) = request.into_parts();
    if let Some(refusal) = unsupported(&parts.headers) {
        return Ok(refusal);
    }
    state.parts.process.ready()?;
    let limits = &state.limits;
    // The place is taken before the body is read: bodies in memory are bounded together.
    let place = tokio::time::timeout(limits.body_idle, state.writes.clone().acquire_owned())
        .await
        .map_err(|_| Error::limited("too many write requests at one time"))?
        .map_err(|_| Error::unavailable("the server is stopping"))?;
    let body = read_body(&parts.headers, body, limits.write_bytes, limits.body_idle).await?;
    let worker = state.clone();
    let outcome = tokio::task::spawn_blocking(move || {
        let outcome = store(&worker, &body);
        drop(place);
        outcome
    })
    .await
    .map_err(|e| Error::internal("the write ended unexpectedly").with_detail(e))??;
    let rejected = outcome.rejected + outcome.histograms;
    state.metrics.remote_write_samples.inc_by(outcome.accepted as u64);
    count(state, "not_accepted", outcome.rejected);
    count(state, "native_histogram", outcome.histograms);
    let written = [("x-prometheus-remote-write-samples-written", outcome.accepted.to_string())];
    if outcome.rejected == 0 {
        return Ok((StatusCode::NO_CONTENT, written).into_response());
    }
    let why = outcome.first_error.unwrap_or_default();
    let text = format!("{} samples stored, {rejected} not: {why}\n", outcome.accepted);
    Ok((StatusCode::BAD_REQUEST, written, text).into_response())
}

fn count(state: &state::State, reason: &'static str, samples: usize) {
    if samples > 0 {
        state.metrics.remote_write_rejected.get_or_create(&ReasonLabels { reason }).inc_by(samples as u64);
    }
}

fn store(state: &state::State, body: &[u8]) -> model::Result<intake::remote_write::Outcome> {
    let mut plain = Vec::new();
    let limit = state.limits.write_decompressed_bytes;
    // What the body says it will need; a lie about it is refused by the decoder.
    let declared = snap::raw::decompress_len(body).unwrap_or(0).min(limit);
    let _memory = state.parts.budget.reserve(declared as u64)?;
    wire::remote_write::decompress(body, limit, &mut plain).map_err(|e| Error::new(e.kind(), e))?;
    state.receiver.write(&Tenant::default(), &plain)
}

/// What this receiver does not speak: another encoding, or version 2.
fn unsupported(headers: &HeaderMap) -> Option<Response> {
    let text =
        |name: http::HeaderName| headers.get(name).map(|v| v.to_str().unwrap_or("?").to_ascii_lowercase());
    let refuse = |what: &str| Some((StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("{what}\n")).into_response());
    if let Some(encoding) = text(http::header::CONTENT_ENCODING)
        && encoding != "snappy"
    {
        return refuse(&format!("the body must be compressed with snappy, not {encoding:?}"));
    }
    let kind = text(http::header::CONTENT_TYPE)?;
    let mut parts = kind.split(';').map(str::trim);
    let protobuf = parts.next() == Some("application/x-protobuf");
    let message = parts.find_map(|p| p.strip_prefix("proto=")).unwrap_or("prometheus.writerequest");
    if !protobuf || message.trim_matches('"') != "prometheus.writerequest" {
        return refuse(
            "only remote write 1.0 is spoken here: application/x-protobuf;proto=prometheus.WriteRequest",
        );
    }
    None
}
