//! The web interface, embedded in the binary.
//!
//! Files with a hash in their name are cached for good; everything else is asked for again with its ETag. Paths that
//! are no files belong to the interface's own router and get `index.html`.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::LazyLock;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use parking_lot::Mutex;

use crate::redirects;
use crate::state::Shared;
use crate::web::Web;

#[derive(rust_embed::RustEmbed)]
#[folder = "../../ui/dist"]
#[allow_missing = true]
struct Dist;

/// Scripts only from here and never inline; styles also inline, because the component library writes style elements.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; \
     object-src 'none'; base-uri 'self'; frame-ancestors 'none'; form-action 'self'";

const PLACEHOLDER: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Bonghwa</title>\
     <h1>Bonghwa is running</h1><p>This binary was built without its web interface. <code>make build</code> builds \
     both; the API works: <a href=\"/api/v1/status/buildinfo\">/api/v1/status/buildinfo</a>, \
     <a href=\"/metrics\">/metrics</a>.</p></html>";

/// First parts of the paths that the interface has a page for.
const PAGES: [&str; 16] = [
    "alerts",
    "cardinality",
    "config",
    "containers",
    "explore",
    "flags",
    "graph",
    "index.html",
    "logs",
    "nodes",
    "query",
    "rules",
    "service-discovery",
    "status",
    "targets",
    "tsdb-status",
];

/// Whether the interface is in this binary.
pub fn is_built() -> bool {
    Dist::get("index.html").is_some()
}

pub(crate) async fn serve(State(state): State<Shared>, request: Request) -> Response {
    if let Some(target) = redirects::of_the_same_path(request.uri()) {
        return redirects::to(&state.web.external_path, &target, request.method());
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let path = request.uri().path().trim_start_matches('/');
    if path.starts_with("consoles/") || path.starts_with("debug/") {
        return (StatusCode::NOT_FOUND, "404 page not found\n").into_response();
    }
    if path.starts_with("api/") || path.starts_with("-/") {
        return (
            StatusCode::NOT_FOUND,
            axum::Json(serde_json::json!({"kind": "not_found", "error": "no such path"})),
        )
            .into_response();
    }
    let name = if path.is_empty() { "index.html" } else { path };
    match Dist::get(name) {
        Some(file) if name == "index.html" => index(&file, &state.web, request.headers()),
        Some(file) => answer(name, &file, request.headers()),
        // A missing script must not become a page, or the browser reports a syntax error instead of what is wrong.
        None if path.starts_with("assets/") => (StatusCode::NOT_FOUND, "no such file").into_response(),
        None => {
            let mut response = match Dist::get("index.html") {
                Some(file) => index(&file, &state.web, request.headers()),
                None => page(Bytes::from_static(PLACEHOLDER.as_bytes())),
            };
            // The page says that there is none; a probe or scraper that asks for a wrong path sees the status.
            if !is_page(path) {
                *response.status_mut() = StatusCode::NOT_FOUND;
            }
            response
        }
    }
}

fn is_page(path: &str) -> bool {
    let first = path.split('/').next().unwrap_or(path);
    first.is_empty() || PAGES.contains(&first)
}

fn page(body: Bytes) -> Response {
    let mut response = ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

/// The page with the path under which browsers know it, and its title.
fn index(file: &rust_embed::EmbeddedFile, web: &Web, asked: &HeaderMap) -> Response {
    let text = String::from_utf8_lossy(&file.data);
    let base = format!("<head><base href=\"{}/\" />", escaped(&web.external_path));
    let title = format!("<title>{}</title>", escaped(&web.title));
    let text = text.replacen("<head>", &base, 1).replacen("<title>Bonghwa</title>", &title, 1);
    let mut hash = file.metadata.sha256_hash();
    // Another prefix or title is another page.
    let named = xxhash_rust::xxh3::xxh3_128(text.as_bytes()).to_be_bytes();
    hash[..16].copy_from_slice(&named);
    let page = Page { data: text.into_bytes().into(), hash };
    answer_page("index.html", &page, asked)
}

/// Safe inside an element and inside quotes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A file as it is served.
struct Page {
    data: std::borrow::Cow<'static, [u8]>,
    hash: [u8; 32],
}

fn answer(name: &str, file: &rust_embed::EmbeddedFile, asked: &HeaderMap) -> Response {
    let page = Page { data: file.data.clone(), hash: file.metadata.sha256_hash() };
    answer_page(name, &page, asked)
}

fn answer_page(name: &str, page: &Page, asked: &HeaderMap) -> Response {
    use std::fmt::Write as _;
    let hash = page.hash;
    let mut etag = String::with_capacity(36);
    for byte in &hash[..16] {
        let _ = write!(etag, "{byte:02x}");
    }
    let etag = format!("\"{etag}\"");
    let known = asked.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok());
    let unchanged =
        known.is_some_and(|list| list.split(',').any(|e| e.trim().trim_start_matches("W/") == etag));
    let mut response =
        if unchanged { StatusCode::NOT_MODIFIED.into_response() } else { body(name, page, asked) };
    let cache = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    if name.ends_with(".html") {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    }
    response
}

fn body(name: &str, page: &Page, asked: &HeaderMap) -> Response {
    let mime = mime_guess::from_path(name).first_or_octet_stream();
    let text = mime.type_() == "text" || matches!(mime.subtype().as_str(), "javascript" | "json" | "svg");
    let kind = if text { format!("{mime}; charset=utf-8") } else { mime.to_string() };
    let wants = asked.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or("");
    let gzip = wants.split(',').any(|e| {
        let mut parts = e.split(';');
        parts.next().is_some_and(|n| n.trim() == "gzip") && !parts.any(|q| q.trim() == "q=0")
    });
    if (text || mime.subtype().as_str().starts_with("svg"))
        && gzip
        && page.data.len() > 1024
        && let Some(small) = compressed(page.hash, &page.data)
    {
        return ([(header::CONTENT_TYPE, kind.as_str()), (header::CONTENT_ENCODING, "gzip")], small)
            .into_response();
    }
    ([(header::CONTENT_TYPE, kind.as_str())], Bytes::copy_from_slice(&page.data)).into_response()
}

/// Each embedded file is compressed once, when it is first asked for; there are a few dozen.
fn compressed(hash: [u8; 32], data: &[u8]) -> Option<Bytes> {
    static DONE: LazyLock<Mutex<HashMap<[u8; 32], Bytes>>> = LazyLock::new(Mutex::default);
    if let Some(known) = DONE.lock().get(&hash) {
        return Some(known.clone());
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(data).ok()?;
    let small = Bytes::from(encoder.finish().ok()?);
    let mut done = DONE.lock();
    // In a development build files change under the server.
    if done.len() > 1000 {
        done.clear();
    }
    done.insert(hash, small.clone());
    Some(small)
}

#[cfg(test)]
mod tests;
