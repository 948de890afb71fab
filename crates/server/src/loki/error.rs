//! Failures in Loki's shape: a plain text with the status.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use model::{Error, ErrorKind};
use query::logql::{ParseError, QueryError};

/// A failure as Loki answers it.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: String,
}

impl ApiError {
    /// The request is wrong.
    pub(crate) fn bad(message: impl std::fmt::Display) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.to_string() }
    }

    /// What was named is not there.
    pub(crate) fn not_found(message: impl std::fmt::Display) -> Self {
        Self { status: StatusCode::NOT_FOUND, message: message.to_string() }
    }

    /// This server keeps no logs.
    pub(crate) fn no_logs() -> Self {
        Self { status: StatusCode::NOT_IMPLEMENTED, message: "this server keeps no logs".to_owned() }
    }

    /// What is shown to the client.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        if error.kind == ErrorKind::Internal {
            tracing::error!(%error, detail = error.detail, "a request failed");
        }
        let status =
            StatusCode::from_u16(error.kind.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, message: error.message }
    }
}

impl From<ParseError> for ApiError {
    fn from(error: ParseError) -> Self {
        Self::bad(error)
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Store(error) => error.into(),
            error @ (QueryError::Parse(_) | QueryError::Execution(_)) => Self::bad(error),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], self.message).into_response()
    }
}

pub(crate) type Answer = Result<Response, ApiError>;
