//! gRPC, as far as OTLP needs it: one message in, one out, over HTTP/2.
//!
//! A message is a byte that says whether it is compressed, its length in four bytes, and the message; the outcome comes in
//! trailers behind the body, or in the headers where there is no message.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::{BufMut as _, Bytes, BytesMut};
use futures::StreamExt as _;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http_body_util::StreamBody;
use hyper::body::Frame;
use model::{Error, ErrorKind, Result};
use wire::otlp::logs::{decode_protobuf, encode_response};

use super::GROWTH;
use crate::receive::{Unpacked, header, receive, unpack};
use crate::state::{self, Shared};

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
/// The byte and the length before a message.
const PREFIX: usize = 5;

pub(super) async fn logs(state: State<Shared>, request: Request) -> Response {
    let refused = |state: &state::State, error: &Error| {
        state.logs.metrics.refused_request(super::logs::INPUT, error);
    };
    unary(state.0, request, refused, |state, message| {
        let request = decode_protobuf(message)?;
        Ok(encode_response(&super::logs::store(state, &request)?))
    })
    .await
}

pub(super) async fn metrics(state: State<Shared>, request: Request) -> Response {
    if !state.access.otlp {
        let text = "otlp write receiver needs to be enabled with --web.enable-otlp-receiver";
        return failed(12, text);
    }
    unary(
        state.0,
        request,
        |_, _| {},
        |state, message| {
            let done = super::store(state, wire::otlp::decode_protobuf(message)?)?;
            super::encoded(state, &done)
        },
    )
    .await
}

async fn unary(
    state: Shared,
    request: Request,
    refused: impl FnOnce(&state::State, &Error),
    work: impl FnOnce(&state::State, &[u8]) -> Result<Vec<u8>> + Send + 'static,
) -> Response {
    let (parts, body) = request.into_parts();
    let headers = parts.headers.clone();
    let work = move |state: &state::State, body: Bytes| {
        let message = message(state, &headers, &body)?;
        let _memory = state.parts.budget.reserve(message.bytes.len() as u64 * GROWTH)?;
        work(state, &message.bytes)
    };
    match receive(&state, &parts.headers, body, work).await {
        Ok(answer) => answered(&answer),
        Err(error) => {
            if error.kind == ErrorKind::Internal {
                tracing::error!(%error, detail = error.detail, "a write failed");
            }
            refused(&state, &error);
            failed(code(error.kind), &error.message)
        }
    }
}

/// Clients of OTLP give up at RESOURCE_EXHAUSTED, unless they are told when to come again; at UNAVAILABLE they do come.
const fn code(kind: ErrorKind) -> i32 {
    match kind {
        ErrorKind::Limited => ErrorKind::Unavailable.grpc_code(),
        other => other.grpc_code(),
    }
}

/// The only message of a body, no longer compressed.
fn message(state: &state::State, headers: &HeaderMap, body: &Bytes) -> Result<Unpacked> {
    let [compressed, a, b, c, d, ..] = **body else {
        return Err(Error::invalid("the request holds no message"));
    };
    if u32::from_be_bytes([a, b, c, d]) as usize != body.len() - PREFIX {
        return Err(Error::invalid("the request does not hold exactly one message"));
    }
    let mut around = HeaderMap::new();
    if compressed != 0 {
        let encoding = header(headers, &ENCODING);
        let encoding = HeaderValue::from_str(if encoding.is_empty() { "?" } else { &encoding });
        around.extend(encoding.ok().map(|encoding| (http::header::CONTENT_ENCODING, encoding)));
    }
    unpack(state, &around, body.slice(PREFIX..))
}

fn answered(message: &[u8]) -> Response {
    let mut framed = BytesMut::with_capacity(PREFIX + message.len());
    framed.put_u8(0);
    // An answer is short.
    framed.put_u32(message.len() as u32);
    framed.put_slice(message);
    let trailers = HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))]);
    let frames = [Frame::data(framed.freeze()), Frame::trailers(trailers)];
    let body = StreamBody::new(futures::stream::iter(frames).map(Ok::<_, std::convert::Infallible>));
    with_type(Response::new(Body::new(body)))
}

fn failed(code: i32, text: &str) -> Response {
    let mut response = with_type(Response::new(Body::empty()));
    let headers = response.headers_mut();
    headers.insert(STATUS, HeaderValue::from(code));
    // What is not printable ASCII, and '%', is percent-encoded.
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    if let Ok(text) = HeaderValue::from_str(&escaped) {
        headers.insert(MESSAGE, text);
    }
    response
}

fn with_type(mut response: Response) -> Response {
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}
