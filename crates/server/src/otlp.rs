//! The OTLP receivers for metrics and logs: protobuf and JSON over HTTP, at Prometheus' path and at the one SDKs append, and
//! gRPC on the same ports.

pub mod config;
mod delta;
mod grpc;
mod logs;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use intake::Collected;
use model::metrics::Family;
use model::{Error, ErrorKind, Tenant};
use wire::otlp::{
    self, ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse, Item,
    Report,
};

pub(crate) use delta::Deltas;

use crate::receive::{count_rejected, header, receive, unpack};
use crate::state::{self, Shared};

/// What a decoded request takes in memory, as a multiple of its body.
const GROWTH: u64 = 6;

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/v1/otlp/v1/metrics", post(metrics))
        .route("/v1/metrics", post(metrics))
        .route("/api/v1/otlp/v1/logs", post(logs::logs))
        .route("/otlp/v1/logs", post(logs::logs))
        .route("/v1/logs", post(logs::logs))
        .route("/opentelemetry.proto.collector.logs.v1.LogsService/Export", post(grpc::logs))
        .route("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", post(grpc::metrics))
}

/// How bodies are written, in both directions.
#[derive(Debug, Clone, Copy)]
enum Format {
    Protobuf,
    Json,
}

impl Format {
    fn of(headers: &HeaderMap) -> Result<Self, String> {
        let kind = header(headers, &CONTENT_TYPE);
        match kind.split(';').next().unwrap_or("").trim() {
            "application/x-protobuf" => Ok(Self::Protobuf),
            "application/json" => Ok(Self::Json),
            other => Err(format!(
                "unsupported content type: {other}, supported: [application/json, application/x-protobuf]"
            )),
        }
    }

    fn response(self, status: StatusCode, json: &serde_json::Value, protobuf: Vec<u8>) -> Response {
        match self {
            Self::Protobuf => (status, [(CONTENT_TYPE, "application/x-protobuf")], protobuf).into_response(),
            Self::Json => (status, axum::Json(json)).into_response(),
        }
    }

    fn failure(self, status: StatusCode, code: i32, message: &str) -> Response {
        let json = serde_json::json!({"code": code, "message": message});
        self.response(status, &json, otlp::encode_status(code, message))
    }
}

async fn metrics(State(state): State<Shared>, request: Request) -> Response {
    if !state.access.otlp {
        let text = "otlp write receiver needs to be enabled with --web.enable-otlp-receiver\n";
        return (StatusCode::NOT_FOUND, text).into_response();
    }
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
            Format::Protobuf => otlp::decode_protobuf(&plain.bytes)?,
            Format::Json => {
                serde_json::from_slice::<ExportMetricsServiceRequest>(&plain.bytes).map_err(|e| {
                    Error::invalid(format_args!("the body is no ExportMetricsServiceRequest: {e}"))
                })?
            }
        };
        drop(plain);
        store(state, request)
    };
    match receive(&state, &parts.headers, body, work).await {
        Ok(done) => answer(&state, format, &done),
        Err(error) => refuse(format, &error),
    }
}

/// What became of a request.
#[derive(Debug, Default)]
struct Done {
    /// Samples stored.
    stored: usize,
    /// Samples that the store refused.
    refused: usize,
    /// What could not be translated or added up.
    report: Report,
    first_refused: Option<String>,
}

/// Stores a request as a whole: it is visible at once or not at all. Only where memory is so short that its series cannot
/// be held together, it is stored in parts.
fn store(state: &state::State, request: ExportMetricsServiceRequest) -> model::Result<Done> {
    let settings = state.parts.process.settings();
    let now = state.now_ms();
    let mut done = Done::default();
    let mut lost = Report::default();
    let mut batch = Batch { state, series: Vec::new(), families: Vec::new() };
    let mut waiting = state.parts.budget.reserve(0)?;
    done.report = otlp::convert(request, &settings.otlp, &mut |item| {
        let known = batch.series.len();
        match item {
            Item::Family(family) => batch.families.push(family),
            Item::Series { series, delta: false } => batch.series.push(series),
            Item::Series { mut series, delta: true } => match state.deltas.add_up(&mut series, now) {
                Ok(()) => batch.series.push(series),
                Err(why) => lost.reject(1, || format!("{why} for series {}", series.labels)),
            },
        }
        let size: u64 = batch.series.iter().skip(known).map(size_of_series).sum();
        if size > 0 && waiting.grow(size).is_err() {
            batch.flush(&mut done)?;
            // What was stored waits no longer.
            waiting = state.parts.budget.reserve(0)?;
        }
        Ok(())
    })?;
    batch.flush(&mut done)?;
    done.report.reject(lost.rejected, || lost.first_error.unwrap_or_default());
    Ok(done)
}

/// What a series takes in memory while it waits for the others, about.
fn size_of_series(series: &Collected) -> u64 {
    let points = series.points.len() * 24 + series.exemplars.len() * 128;
    let buckets: usize = series
        .histograms
        .iter()
        .map(|h| 200 + 8 * (h.value.positive_buckets.len() + h.value.negative_buckets.len()))
        .sum();
    (200 + series.labels.canonical().len() + points + buckets) as u64
}

struct Batch<'s> {
    state: &'s state::State,
    series: Vec<Collected>,
    families: Vec<Family>,
}

impl Batch<'_> {
    fn flush(&mut self, done: &mut Done) -> model::Result<()> {
        if self.series.is_empty() && self.families.is_empty() {
            return Ok(());
        }
        let outcome =
            self.state.receiver.write_collected(&Tenant::default(), &self.series, &self.families)?;
        self.series.clear();
        self.families.clear();
        done.stored += outcome.accepted + outcome.histograms;
        done.refused += outcome.rejected;
        if done.first_refused.is_none() {
            done.first_refused = outcome.first_error;
        }
        Ok(())
    }
}

/// Success, with what was rejected; where nothing at all was taken, the request is wrong.
fn outcome(state: &state::State, done: &Done) -> model::Result<Option<ExportMetricsPartialSuccess>> {
    state.metrics.received("otlp", done.stored);
    let rejected = &state.metrics.received_rejected;
    count_rejected(rejected, "not_accepted", done.refused);
    count_rejected(rejected, "not_translated", usize::try_from(done.report.rejected).unwrap_or(usize::MAX));
    let lost = done.report.rejected + done.refused as u64;
    let why = done.report.first_error.as_deref().or(done.first_refused.as_deref()).unwrap_or("");
    if lost > 0 && done.stored == 0 {
        return Err(Error::invalid(why));
    }
    Ok((lost > 0).then(|| ExportMetricsPartialSuccess {
        // A data point can be several samples; no more than were sent are told.
        rejected_data_points: i64::try_from(lost.min(done.report.points)).unwrap_or(i64::MAX),
        error_message: why.to_owned(),
    }))
}

fn answer(state: &state::State, format: Format, done: &Done) -> Response {
    let partial = match outcome(state, done) {
        Ok(partial) => partial,
        Err(error) => return refuse(format, &error),
    };
    let json = match &partial {
        None => serde_json::json!({}),
        Some(p) => serde_json::json!({"partialSuccess": {
            "rejectedDataPoints": p.rejected_data_points.to_string(), "errorMessage": p.error_message,
        }}),
    };
    let response = ExportMetricsServiceResponse { partial_success: partial };
    format.response(StatusCode::OK, &json, otlp::encode_response(&response))
}

/// The answer as a message.
fn encoded(state: &state::State, done: &Done) -> model::Result<Vec<u8>> {
    let response = ExportMetricsServiceResponse { partial_success: outcome(state, done)? };
    Ok(otlp::encode_response(&response))
}

fn refuse(format: Format, error: &Error) -> Response {
    if error.kind == ErrorKind::Internal {
        tracing::error!(%error, detail = error.detail, "a write failed");
    }
    // 429, 502, 503 and 504 are what OTLP's clients repeat.
    let status = match error.kind {
        ErrorKind::Timeout => 408,
        kind => kind.http_status(),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    format.failure(status, error.kind.grpc_code(), &error.message)
}
