//! Failures in Prometheus' shape: `{status: "error", errorType, error}`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use model::{Error, ErrorKind};
use query::promql::QueryError;

/// A failure with Prometheus' name for its type.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    message: String,
}

impl ApiError {
    /// The request is wrong.
    pub(crate) fn bad_data(message: impl std::fmt::Display) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind: "bad_data", message: message.to_string() }
    }

    /// A parameter is wrong.
    pub(crate) fn parameter(name: &str, problem: impl std::fmt::Display) -> Self {
        Self::bad_data(format_args!("invalid parameter {name:?}: {problem}"))
    }

    /// It is switched off, or not there yet.
    pub(crate) fn unavailable(message: impl std::fmt::Display) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self { status, kind: "unavailable", message: message.to_string() }
    }

    /// This server does not have it.
    pub(crate) fn not_implemented(message: impl std::fmt::Display) -> Self {
        Self { status: StatusCode::NOT_IMPLEMENTED, kind: "not_implemented", message: message.to_string() }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        if error.kind == ErrorKind::Internal {
            tracing::error!(%error, detail = error.detail, "a request failed");
        }
        let status = |code: u16| StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (status, kind) = match error.kind {
            ErrorKind::Invalid => (StatusCode::BAD_REQUEST, "bad_data"),
            ErrorKind::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            ErrorKind::Timeout => (StatusCode::SERVICE_UNAVAILABLE, "timeout"),
            ErrorKind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            ErrorKind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "bad_data"),
            // Prometheus answers a query that is too expensive as an execution error, not as a rate limit.
            ErrorKind::Limited => (StatusCode::UNPROCESSABLE_ENTITY, "execution"),
            ErrorKind::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            ErrorKind::Conflict => (status(ErrorKind::Conflict.http_status()), "execution"),
            ErrorKind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        Self { status, kind, message: error.message }
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        let message = error.to_string();
        let (status, kind) = match error {
            QueryError::Parse(_) => return Self::parameter("query", message),
            QueryError::Storage(error) => return error.into(),
            QueryError::Execution(_) | QueryError::TooManySamples(_) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "execution")
            }
            QueryError::Canceled => (StatusCode::SERVICE_UNAVAILABLE, "canceled"),
            QueryError::Timeout => (StatusCode::SERVICE_UNAVAILABLE, "timeout"),
        };
        Self { status, kind, message }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = serde_json::json!({"status": "error", "errorType": self.kind, "error": self.message});
        (self.status, Json(body)).into_response()
    }
}

pub(crate) type Answer = Result<Response, ApiError>;
