//! What every request passes: access, counting, and headers that protect a browser.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{self, HeaderValue};
use http::{Method, StatusCode};

use crate::access::{COOKIE, Class, Known, Listener, Refusal, class};
use crate::metrics::{ReasonLabels, RequestLabels};
use crate::state::Shared;

/// The middleware around all routes.
pub(crate) async fn pass(State(state): State<Shared>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let handler = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let path = request.uri().path().to_owned();
    let known = request.extensions().get::<Known>().is_some_and(|known| known.0);
    let origin = request.headers().get(header::ORIGIN).cloned();
    let shared = class(&path) == Class::Read && path.starts_with("/api/");
    let refused = match request.extensions().get::<Listener>() {
        Some(listener) => {
            let uri = request.uri();
            state.access.check(*listener, request.method(), uri.path(), uri.query(), request.headers()).err()
        }
        // Every connection is marked by its listener; one that is not, is not trusted.
        None => Some(Refusal::Token),
    };
    // Who is known needs no token, and a page under a foreign name has no password to send along.
    let refused = refused.filter(|refusal| !known || *refusal == Refusal::ForeignOrigin);
    let mut response = match refused {
        Some(refusal) => {
            let reason = ReasonLabels { reason: refusal_name(refusal) };
            state.metrics.refused.get_or_create(&reason).inc();
            refuse(refusal, &path)
        }
        None if shared && *request.method() == Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
        None => match sign_in(&state, &request) {
            Some(response) => response,
            None => next.run(request).await,
        },
    };
    let headers = response.headers_mut();
    if shared {
        state.web.set_cors(origin.as_ref(), headers);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if class(&path) != Class::Public {
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    let (code, seconds) = (response.status().as_u16(), started.elapsed().as_secs_f64());
    state.metrics.named.request(&handler, code, seconds);
    state.metrics.requests.get_or_create(&RequestLabels { handler, code }).inc();
    state.metrics.seconds.observe(seconds);
    response
}

fn refusal_name(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::ForeignHost => "foreign_host",
        Refusal::ForeignOrigin => "foreign_origin",
        Refusal::Token => "token",
    }
}

fn refuse(refusal: Refusal, path: &str) -> Response {
    let (status, text) = match refusal {
        Refusal::ForeignHost => (
            StatusCode::FORBIDDEN,
            "this server answers on loopback only under a name of this machine; behind a proxy, start it with \
             --web.external-url",
        ),
        Refusal::ForeignOrigin => (StatusCode::FORBIDDEN, "a page of another site may not do this"),
        Refusal::Token => (
            StatusCode::UNAUTHORIZED,
            "a token is needed: the file bonghwa/token in the data directory holds it; send it as \
             'Authorization: Bearer TOKEN', or open /?token=TOKEN in a browser",
        ),
    };
    let body = if path.starts_with("/api/v1/") {
        serde_json::json!({"status": "error", "errorType": "unauthorized", "error": text})
    } else {
        serde_json::json!({"kind": "unauthorized", "error": text})
    };
    let mut response = (status, axum::Json(body)).into_response();
    if status == StatusCode::UNAUTHORIZED {
        let realm = HeaderValue::from_static("Bearer realm=\"bonghwa\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
    }
    response
}

/// A browser that opens a page with the right token in its address gets it as a cookie and is sent to the address
/// without it.
fn sign_in(state: &Shared, request: &Request) -> Option<Response> {
    let uri = request.uri();
    if *request.method() != Method::GET || class(uri.path()) != Class::Public {
        return None;
    }
    let token = state.access.token_in_query(uri.query())?;
    let rest: Vec<&str> = uri.query()?.split('&').filter(|p| !p.starts_with("token=")).collect();
    let target =
        if rest.is_empty() { uri.path().to_owned() } else { format!("{}?{}", uri.path(), rest.join("&")) };
    // `//host` would lead to another site.
    let base = &state.web.external_path;
    let target = format!("{base}/{}", target.trim_start_matches('/'));
    let cookie = format!("{COOKIE}={token}; Path={base}/; HttpOnly; SameSite=Strict; Max-Age=31536000");
    let (target, cookie) = (HeaderValue::from_str(&target).ok()?, HeaderValue::from_str(&cookie).ok()?);
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(header::LOCATION, target);
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Some(response)
}
