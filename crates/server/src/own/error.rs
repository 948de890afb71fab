//! An error of `model` as our API shows it: `{kind, error}`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use model::{Error, ErrorKind};

/// The error half of our handlers' results.
pub(crate) struct Failure(pub(crate) Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self(error) = self;
        if error.kind == ErrorKind::Internal {
            tracing::error!(%error, detail = error.detail, "a request failed");
        }
        let status =
            StatusCode::from_u16(error.kind.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = match error.kind {
            ErrorKind::Invalid => "invalid",
            ErrorKind::Unauthorized => "unauthorized",
            ErrorKind::NotFound => "not_found",
            ErrorKind::Conflict => "conflict",
            ErrorKind::TooLarge => "too_large",
            ErrorKind::Limited => "limited",
            ErrorKind::Unavailable => "unavailable",
            ErrorKind::Timeout => "timeout",
            ErrorKind::Internal => "internal",
        };
        let body = serde_json::json!({"kind": kind, "error": error.message});
        let mut response = (status, Json(body)).into_response();
        if matches!(error.kind, ErrorKind::Limited | ErrorKind::Unavailable) {
            response.headers_mut().insert(http::header::RETRY_AFTER, http::HeaderValue::from_static("1"));
        }
        response
    }
}

pub(crate) type Answer<T> = Result<T, Failure>;
