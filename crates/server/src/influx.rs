//! InfluxDB's write API, as VictoriaMetrics maps it to series: `measurement_field{tags}`, the database as label `db`.
//! Texts, which no series holds, become a log record of their line.

use std::fmt::Write as _;

use axum::Router;
use axum::extract::{OriginalUri, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use intake::{Collected, Outcome};
use model::labels::METRIC_NAME;
use model::{Error, ErrorKind, LabelsBuilder, Tenant};
use wire::exposition::ParseError;
use wire::influx::{FieldValue, Line, Lines, Precision};
use wire::remote_write::Point;

use crate::logs::Batch;
use crate::params::Params;
use crate::receive::{count_rejected, receive, unpack};
use crate::state::{self, Shared};

/// Series that are handed to the store together.
const BATCH: usize = 4096;
/// The version that clients are told: some ask for it before they write.
const VERSION: &str = "1.8.0";

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/write", post(write_v1))
        .route("/influx/write", post(write_v1))
        .route("/api/v2/write", post(write_v2))
        .route("/influx/api/v2/write", post(write_v2))
        .route("/ping", get(ping).head(ping))
        .route("/influx/ping", get(ping).head(ping))
        .route("/health", get(health))
        .route("/influx/health", get(health))
        .route("/influx/query", get(query).post(query))
}

async fn ping() -> Response {
    (StatusCode::NO_CONTENT, [("x-influxdb-version", VERSION), ("x-influxdb-build", "OSS")]).into_response()
}

async fn health(State(state): State<Shared>) -> Response {
    let ready = state.parts.process.ready();
    let (status, word, message) = match &ready {
        Ok(()) => (StatusCode::OK, "pass", "ready for queries and writes"),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, "fail", error.message.as_str()),
    };
    let body = serde_json::json!({
        "name": "influxdb", "message": message, "status": word, "checks": [], "version": VERSION,
    });
    (status, axum::Json(body)).into_response()
}

/// Clients create their database before they write: there is nothing to create, and that is a success. Nothing else is
/// answered here.
async fn query(OriginalUri(uri): OriginalUri) -> Response {
    let text = Params::of_query(uri.query()).map(|p| p.get("q").to_ascii_lowercase()).unwrap_or_default();
    if text.is_empty() || text.starts_with("create database") || text.starts_with("show databases") {
        return axum::Json(serde_json::json!({"results": [{"series": [{"values": []}]}]})).into_response();
    }
    let error = "only writes are taken in InfluxDB's protocol; ask in PromQL under /api/v1/query";
    (StatusCode::BAD_REQUEST, axum::Json(serde_json::json!({"error": error}))).into_response()
}

/// In which shape errors are told.
#[derive(Debug, Clone, Copy)]
enum Api {
    One,
    Two,
}

async fn write_v1(state: State<Shared>, request: Request) -> Response {
    write(state.0, request, Api::One).await
}

async fn write_v2(state: State<Shared>, request: Request) -> Response {
    write(state.0, request, Api::Two).await
}

async fn write(state: Shared, request: Request, api: Api) -> Response {
    let (parts, body) = request.into_parts();
    let params = match Params::of_query(parts.uri.query()).and_then(|p| Parameters::of(&p)) {
        Ok(params) => params,
        Err(error) => return refuse(api, &error),
    };
    let headers = parts.headers.clone();
    let work = move |state: &state::State, body| {
        let plain = unpack(state, &headers, body)?;
        store(state, &plain.bytes, &params)
    };
    match receive(&state, &parts.headers, body, work).await {
        Ok(report) => answer(&state, api, &report),
        Err(error) => refuse(api, &error),
    }
}

/// What the query string says.
struct Parameters {
    precision: Precision,
    /// Labels that every series gets unless its line has such a tag.
    labels: Vec<(String, String)>,
}

impl Parameters {
    fn of(params: &Params) -> model::Result<Self> {
        let name = params.get("precision");
        let precision = Precision::of(name).ok_or_else(|| {
            Error::invalid(format_args!("invalid precision {name:?} (use n, ns, u, us, ms, s, m or h)"))
        })?;
        let mut labels = Vec::new();
        for extra in params.all("extra_label") {
            let (name, value) = extra.split_once('=').ok_or_else(|| {
                Error::invalid(format_args!("extra_label {extra:?} is not of the form name=value"))
            })?;
            labels.push((name.to_owned(), value.to_owned()));
        }
        if !params.get("db").is_empty() {
            labels.push(("db".to_owned(), params.get("db").to_owned()));
        }
        Ok(Self { precision, labels })
    }
}

/// What became of a body.
#[derive(Debug, Default)]
struct Report {
    stored: usize,
    refused: usize,
    texts: usize,
    /// Records of texts that were kept, and that the store refused.
    records: usize,
    refused_records: usize,
    bad_lines: usize,
    first_bad: Option<ParseError>,
    first_refused: Option<String>,
}

fn store(state: &state::State, body: &[u8], params: &Parameters) -> model::Result<Report> {
    let mut report = Report::default();
    let mut lines = Lines::new(body).map_err(Error::invalid)?;
    let mut line = Line::default();
    let mut batch: Vec<Collected> = Vec::new();
    let mut events = Batch::default();
    let now = state.now_ms();
    while let Some(read) = lines.next_line(&mut line) {
        match read {
            Ok(()) => {
                collect(&line, params, (now, state.logs.is_open()), &mut batch, &mut report);
                if state.logs.is_open() {
                    add_event(state, &line, params, &mut events);
                }
            }
            Err(error) => {
                report.bad_lines += 1;
                report.first_bad.get_or_insert(error);
            }
        }
        if batch.len() >= BATCH {
            flush(state, &mut batch, &mut report)?;
        }
    }
    flush(state, &mut batch, &mut report)?;
    if !events.records.is_empty() {
        let written = state.logs.write("influx", &events)?;
        report.records = written.accepted;
        report.refused_records = written.refused.len();
    }
    Ok(report)
}

fn collect(
    line: &Line<'_>,
    params: &Parameters,
    (now, texts_are_kept): (i64, bool),
    batch: &mut Vec<Collected>,
    report: &mut Report,
) {
    let mut builder = LabelsBuilder::new();
    for (name, value) in &params.labels {
        builder.set(name, value);
    }
    for (name, value) in &line.tags {
        builder.set(name.as_ref(), value.as_ref());
    }
    let t = line.timestamp.map_or(now, |t| params.precision.to_ms(t));
    let mut name = String::new();
    for (field, value) in &line.fields {
        let FieldValue::Number(v) = *value else {
            report.texts += usize::from(!texts_are_kept);
            continue;
        };
        name.clear();
        let _ = write!(name, "{}_{field}", line.measurement);
        builder.set(METRIC_NAME, name.as_str());
        batch.push(Collected {
            labels: builder.build(),
            points: vec![Point { t, v }],
            ..Collected::default()
        });
    }
}

/// Fields that are a line's message, if they are texts; else the first text is.
const MESSAGES: [&str; 4] = ["message", "msg", "log", "text"];

/// Adds the texts of a line as a record of the stream that its tags name.
fn add_event(state: &state::State, line: &Line<'_>, params: &Parameters, events: &mut Batch) {
    let text = |field: &FieldValue<'_>| matches!(field, FieldValue::Text(_));
    let named = |name: &str| line.fields.iter().position(|(n, v)| n == name && text(v));
    let first = || line.fields.iter().position(|(_, value)| text(value));
    let Some(message) = MESSAGES.iter().find_map(|name| named(name)).or_else(first) else { return };
    state.logs.fill(events, |rows| {
        let mut labels = LabelsBuilder::new();
        labels.set("input", "influx").set("measurement", rows.label(&line.measurement));
        for (name, value) in &params.labels {
            labels.set(name, rows.label(value));
        }
        for (name, value) in &line.tags {
            labels.set(name.as_ref(), rows.label(value));
        }
        let time = line.timestamp.map(|t| params.precision.to_ns(t));
        let FieldValue::Text(body) = &line.fields[message].1 else { return };
        rows.begin(&labels.build(), time, body);
        for (at, (name, value)) in line.fields.iter().enumerate() {
            if let FieldValue::Text(value) = value
                && at != message
            {
                rows.text(name, value);
            }
        }
    });
}

fn flush(state: &state::State, batch: &mut Vec<Collected>, report: &mut Report) -> model::Result<()> {
    if batch.is_empty() {
        return Ok(());
    }
    let outcome: Outcome = state.receiver.write_collected(&Tenant::default(), batch, &[])?;
    batch.clear();
    report.stored += outcome.accepted;
    report.refused += outcome.rejected;
    if report.first_refused.is_none() {
        report.first_refused = outcome.first_error;
    }
    Ok(())
}

fn answer(state: &state::State, api: Api, report: &Report) -> Response {
    state.metrics.received("influx", report.stored);
    let rejected = &state.metrics.received_rejected;
    count_rejected(rejected, "not_accepted", report.refused);
    count_rejected(rejected, "text_field", report.texts);
    count_rejected(rejected, "bad_line", report.bad_lines);
    if report.bad_lines == 0 && report.refused == 0 && report.refused_records == 0 {
        // Without a store for logs text fields are counted only: clients send them beside numbers all the time.
        return StatusCode::NO_CONTENT.into_response();
    }
    let mut text = format!("partial write: {} samples stored", report.stored);
    if let Some(bad) = &report.first_bad {
        let _ = write!(text, "; unable to parse {} lines, the first at {bad}", report.bad_lines);
    }
    if let Some(why) = &report.first_refused {
        let _ = write!(text, "; {} refused: {why}", report.refused);
    }
    let _ = write!(text, " dropped={}", report.bad_lines + report.refused);
    shaped(api, StatusCode::BAD_REQUEST, "invalid", &text)
}

fn refuse(api: Api, error: &Error) -> Response {
    if error.kind == ErrorKind::Internal {
        tracing::error!(%error, detail = error.detail, "a write failed");
    }
    let (status, code) = match error.kind {
        ErrorKind::Invalid => (400, "invalid"),
        ErrorKind::TooLarge => (413, "request too large"),
        ErrorKind::Limited | ErrorKind::Unavailable => (503, "unavailable"),
        ErrorKind::Timeout => (408, "unavailable"),
        kind => (kind.http_status(), "internal error"),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = shaped(api, status, code, &error.message);
    if matches!(error.kind, ErrorKind::Limited | ErrorKind::Unavailable) {
        response.headers_mut().insert(http::header::RETRY_AFTER, http::HeaderValue::from_static("1"));
    }
    response
}

fn shaped(api: Api, status: StatusCode, code: &str, text: &str) -> Response {
    let body = match api {
        Api::One => serde_json::json!({"error": text}),
        Api::Two => serde_json::json!({"code": code, "message": text}),
    };
    let mut response = (status, axum::Json(body)).into_response();
    if let Ok(value) =
        http::HeaderValue::from_str(&text.replace(|c: char| c.is_control() || !c.is_ascii(), " "))
    {
        response.headers_mut().insert("x-influxdb-error", value);
    }
    response
}
