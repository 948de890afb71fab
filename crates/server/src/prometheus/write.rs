//! The remote write receiver, versions 1.0 and 2.0. Answers are plain text, as senders log them.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use intake::Outcome;
use model::{Error, ErrorKind, Tenant};

use crate::metrics::ReasonLabels;
use crate::receive::{count_rejected, header, receive, with_snappy};
use crate::state::{self, Shared};

const ONE: &str = "prometheus.WriteRequest";
const TWO: &str = "io.prometheus.write.v2.Request";

/// Which message a body holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Version {
    /// Itself where `messages` name it; none named: all are taken.
    fn accepted(self, messages: &[String]) -> Result<Self, String> {
        let message = match self {
            Self::One => ONE,
            Self::Two => TWO,
        };
        if messages.is_empty() || messages.iter().any(|m| m == message) {
            return Ok(self);
        }
        Err(format!(
            "{message} protobuf message is not accepted by this server; only accepts {}",
            messages.join(", ")
        ))
    }
}

pub(crate) async fn write(State(state): State<Shared>, request: Request) -> Response {
    if !state.access.remote_write {
        let text = "remote write receiver needs to be enabled with --web.enable-remote-write-receiver\n";
        return (StatusCode::NOT_FOUND, text).into_response();
    }
    let (parts, body) = request.into_parts();
    let accepted = &state.access.remote_write_messages;
    let version = match version(&parts.headers).and_then(|version| version.accepted(accepted)) {
        Ok(version) => version,
        Err(refusal) => return (StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("{refusal}\n")).into_response(),
    };
    let result = receive(&state, &parts.headers, body, move |state, body| store(state, version, &body));
    match result.await {
        Ok(outcome) => answer(&state, outcome),
        Err(error) => refuse(&state, &error),
    }
}

fn store(state: &state::State, version: Version, body: &bytes::Bytes) -> model::Result<Outcome> {
    // A body without the header is compressed all the same: early senders left it out.
    with_snappy(state, body, |plain| match version {
        Version::One => state.receiver.write(&Tenant::default(), plain),
        Version::Two => state.receiver.write_v2(&Tenant::default(), plain),
    })
}

/// When a sender may try again where memory is short.
const RETRY_AFTER_SECONDS: &str = "5";

fn answer(state: &state::State, outcome: Outcome) -> Response {
    state.metrics.remote_write_samples.inc_by((outcome.accepted + outcome.histograms) as u64);
    count_rejected(&state.metrics.remote_write_rejected, "not_accepted", outcome.rejected);
    let written = written(&outcome);
    let Some(why) = outcome.first_error else {
        return (StatusCode::NO_CONTENT, written).into_response();
    };
    let stored = outcome.accepted + outcome.histograms;
    let text = format!("{stored} samples stored, {} not: {why}\n", outcome.rejected);
    let short = || state.parts.cardinality.as_ref().is_some_and(|budgets| budgets.is_short_of_memory());
    let retry_after = [(http::header::RETRY_AFTER, RETRY_AFTER_SECONDS)];
    if outcome.no_memory > 0 {
        // What was stored counts as stored when it comes again.
        (StatusCode::SERVICE_UNAVAILABLE, written, retry_after, text).into_response()
    } else if outcome.limited == outcome.rejected && outcome.limited > 0 && short() {
        (StatusCode::TOO_MANY_REQUESTS, written, retry_after, text).into_response()
    } else {
        (StatusCode::BAD_REQUEST, written, text).into_response()
    }
}

fn written(outcome: &Outcome) -> [(&'static str, String); 3] {
    [
        ("x-prometheus-remote-write-samples-written", outcome.accepted.to_string()),
        ("x-prometheus-remote-write-histograms-written", outcome.histograms.to_string()),
        ("x-prometheus-remote-write-exemplars-written", outcome.exemplars.to_string()),
    ]
}

fn refuse(state: &state::State, error: &Error) -> Response {
    let status = match error.kind {
        ErrorKind::Timeout => 408,
        // Senders drop what is answered with 429 unless they are told otherwise, and retry 5xx always.
        ErrorKind::Limited => 503,
        kind => kind.http_status(),
    };
    state.metrics.refused.get_or_create(&ReasonLabels { reason: "request_failed" }).inc();
    if error.kind == ErrorKind::Internal {
        tracing::error!(%error, detail = error.detail, "a write failed");
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, written(&Outcome::default()), format!("{}\n", error.message)).into_response()
}

/// Which version the headers announce, or why that is refused.
fn version(headers: &HeaderMap) -> Result<Version, String> {
    let encoding = header(headers, &http::header::CONTENT_ENCODING);
    if !matches!(encoding.as_str(), "" | "snappy") {
        return Err(format!(
            "{encoding} encoding (compression) is not accepted by this server; only snappy is acceptable"
        ));
    }
    let kind = headers.get(http::header::CONTENT_TYPE).map_or("", |v| v.to_str().unwrap_or("?")).trim();
    if kind.is_empty() {
        return Ok(Version::One);
    }
    let mut parts = kind.split(';').map(str::trim);
    if !parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/x-protobuf")) {
        return Err(format!(
            "expected application/x-protobuf as the first (media) part, got {kind} content-type"
        ));
    }
    for part in parts {
        let Some((name, value)) = part.split_once('=') else {
            return Err(format!(
                "as per https://www.rfc-editor.org/rfc/rfc9110#parameter expected parameters to be key-values, got \
                 {part} in {kind} content-type"
            ));
        };
        if name == "proto" {
            return match value.trim_matches('"') {
                ONE => Ok(Version::One),
                TWO => Ok(Version::Two),
                other => Err(format!(
                    "got {kind} content type; unknown type for remote write protobuf message {other}, supported: \
                     {ONE}, {TWO}"
                )),
            };
        }
    }
    Ok(Version::One)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_messages_that_flags_name_are_taken() {
        assert_eq!(Version::One.accepted(&[]), Ok(Version::One));
        assert_eq!(Version::Two.accepted(&[TWO.to_owned()]), Ok(Version::Two));
        let refusal = Version::One.accepted(&[TWO.to_owned()]).unwrap_err();
        assert!(refusal.contains(ONE) && refusal.ends_with(TWO), "{refusal}");
    }
}
