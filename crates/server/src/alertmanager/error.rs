//! Failures in Alertmanager's shapes: its own are a text as JSON, those of the layer that reads requests have a code.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use model::{Error, ErrorKind};
use serde_json::json;

/// A failure as Alertmanager answers it.
#[derive(Debug)]
pub(super) enum ApiError {
    /// A text.
    Text(StatusCode, String),
    /// A code and a message.
    Shaped(StatusCode, u32, String),
    /// Nothing but the status.
    Empty(StatusCode),
}

impl ApiError {
    /// The request is wrong, in Alertmanager's own words.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::Text(StatusCode::BAD_REQUEST, message.into())
    }

    /// What the reader of requests refuses.
    pub(super) fn shaped(status: StatusCode, code: u32, message: impl Into<String>) -> Self {
        Self::Shaped(status, code, message.into())
    }

    /// A body or parameter that is not of its form.
    pub(super) fn form(code: u32, message: impl Into<String>) -> Self {
        Self::Shaped(StatusCode::UNPROCESSABLE_ENTITY, code, message.into())
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        if error.kind == ErrorKind::Internal {
            tracing::error!(%error, detail = error.detail, "a request failed");
        }
        let status =
            StatusCode::from_u16(error.kind.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::Text(status, error.message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Text(status, message) => (status, Json(message)).into_response(),
            Self::Shaped(status, code, message) => {
                (status, Json(json!({"code": code, "message": message}))).into_response()
            }
            Self::Empty(status) => status.into_response(),
        }
    }
}
