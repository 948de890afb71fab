//! The OTLP receiver for logs, over HTTP.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use model::Result;
use wire::otlp::logs::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse, decode_json,
    decode_protobuf, encode_response, read,
};

use super::{Format, GROWTH, refuse};
use crate::logs::Batch;
use crate::receive::{receive, unpack};
use crate::state::{self, Shared};

pub(super) const INPUT: &str = "otlp";

pub(super) async fn logs(State(state): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let format = match Format::of(&parts.headers) {
        Ok(format) => format,
        Err(why) => return (StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("{why}\n")).into_response(),
    };
    let headers = parts.headers.clone();
    let work = move |state: &state::State, body| {
        let plain = unpack(state, &headers, body)?;
        let _memory = state.parts.budget.reserve(plain.bytes.len() as u64 * GROWTH)?;
        let request = match format {
            Format::Protobuf => decode_protobuf(&plain.bytes)?,
            Format::Json => decode_json(&plain.bytes)?,
        };
        drop(plain);
        store(state, &request)
    };
    match receive(&state, &parts.headers, body, work).await {
        Ok(response) => {
            let json = match &response.partial_success {
                None => serde_json::json!({}),
                Some(p) => serde_json::json!({"partialSuccess": {
                    "rejectedLogRecords": p.rejected_log_records.to_string(), "errorMessage": p.error_message,
                }}),
            };
            format.response(StatusCode::OK, &json, encode_response(&response))
        }
        Err(error) => {
            state.logs.metrics.refused_request(INPUT, &error);
            let mut response = refuse(format, &error);
            if error.kind.retryable() {
                let second = http::HeaderValue::from_static("1");
                response.headers_mut().insert(http::header::RETRY_AFTER, second);
            }
            response
        }
    }
}

/// Stores the records of a request; those that are refused are told.
pub(super) fn store(
    state: &state::State,
    request: &ExportLogsServiceRequest,
) -> Result<ExportLogsServiceResponse> {
    let mut batch = Batch::default();
    state.logs.fill(&mut batch, |rows| read(request, rows));
    let written = state.logs.write(INPUT, &batch)?;
    let rejected = written.refused.len() as u64 + batch.report.no_room;
    let partial_success = (rejected > 0).then(|| ExportLogsPartialSuccess {
        rejected_log_records: i64::try_from(rejected).unwrap_or(i64::MAX),
        error_message: written.refused.first().map_or("no_room", |(_, why)| why.as_str()).to_owned(),
    });
    Ok(ExportLogsServiceResponse { partial_success })
}
