//! Parameters of a request: query string of a GET, form body and query string of a POST or PUT.

use axum::extract::{FromRequest, Request};
use http::Method;
use model::Error;

use super::error::ApiError;
use crate::limits::read_body;
use crate::params::Params;
use crate::state::Shared;

/// [`Params`] as an extractor whose refusal has Prometheus' shape.
pub(crate) struct Form(pub(crate) Params);

impl FromRequest<Shared> for Form {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Shared) -> Result<Self, ApiError> {
        Ok(Self(form(request, state).await?))
    }
}

/// The parameters of a request.
pub(crate) async fn form(request: Request, state: &Shared) -> model::Result<Params> {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query();
    if !matches!(parts.method, Method::POST | Method::PUT) {
        return Params::of_query(query);
    }
    let kind = parts.headers.get(http::header::CONTENT_TYPE).map_or("", |v| v.to_str().unwrap_or("?"));
    let kind = kind.split(';').next().unwrap_or("").trim();
    if !kind.is_empty() && !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        // A body of another type says nothing; that is enough where the URL says everything.
        if query.is_some_and(|query| !query.is_empty()) {
            return Params::of_query(query);
        }
        return Err(Error::invalid(format_args!(
            "the body must be of type application/x-www-form-urlencoded, not {kind:?}"
        )));
    }
    let encoding =
        parts.headers.get(http::header::CONTENT_ENCODING).map_or("", |v| v.to_str().unwrap_or("?"));
    if !matches!(encoding, "" | "identity") {
        return Err(Error::invalid(format_args!("a form must not be compressed ({encoding:?})")));
    }
    let body = read_body(&parts.headers, body, state.limits.form_bytes, &state.limits).await?;
    Params::of_form(&body, query)
}
