//! Ports of their own for receivers over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use http::{HeaderMap, StatusCode, header};

use super::config::Protocol;
use crate::access::Access;
use crate::state::Shared;
use crate::{elastic, otlp};

/// What is served there: nothing but what the port is for. With a token, requests must carry it.
pub(crate) fn router(protocol: Protocol, token: Option<String>, state: Shared) -> Router {
    let routes = match protocol {
        Protocol::Elasticsearch => elastic::routes(),
        _ => otlp::routes(),
    };
    let access = Arc::new(Access { token, ..Access::default() });
    routes.layer(middleware::from_fn_with_state(access, admit)).with_state(state)
}

async fn admit(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    // No shipper is a browser: a page of any site could otherwise write here.
    if headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site") {
        return (StatusCode::FORBIDDEN, "pages may not write here\n").into_response();
    }
    if access.token.is_some() && !access.has_token(None, headers) && !has_key(&access, headers) {
        let realm = [(header::WWW_AUTHENTICATE, "Basic realm=\"bonghwa\"")];
        return (StatusCode::UNAUTHORIZED, realm, "a token is needed\n").into_response();
    }
    next.run(request).await
}

/// Elasticsearch's API keys: `ApiKey base64(id:key)`.
fn has_key(access: &Access, headers: &HeaderMap) -> bool {
    let key = headers.get(header::AUTHORIZATION).and_then(|value| {
        let text = value.to_str().ok()?.strip_prefix("ApiKey ")?;
        let bytes = base64::engine::general_purpose::STANDARD.decode(text.trim()).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (_, key) = text.split_once(':')?;
        format!("Bearer {key}").parse().ok()
    });
    key.is_some_and(|bearer| access.has_token(None, &HeaderMap::from_iter([(header::AUTHORIZATION, bearer)])))
}
