//! A request and its answer.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use url::Url;

use super::{Client, Failure, authorization};

/// A request that is not sent yet.
#[derive(Debug)]
pub struct Request {
    client: Client,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<reqwest::Body>,
    timeout: Option<Duration>,
}

impl Request {
    pub(super) fn new(client: Client, method: Method, url: Url) -> Self {
        Self { client, method, url, headers: HeaderMap::new(), body: None, timeout: None }
    }

    /// Adds a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Adds headers.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    /// What is sent.
    pub fn body(mut self, body: impl Into<reqwest::Body>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// What is sent, piece by piece as it comes; an error breaks it off.
    pub fn stream(self, pieces: tokio::sync::mpsc::Receiver<std::io::Result<Vec<u8>>>) -> Self {
        self.body(reqwest::Body::wrap_stream(Pieces(pieces)))
    }

    /// How long the whole may take, the answer's body included.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Adds what the configuration says about authorization and headers, and sends it. An answer of any status is an
    /// answer.
    pub async fn send(self) -> Result<Response, Failure> {
        let shared = &self.client.0;
        let mut headers = authorization::headers(&shared.config).map_err(Failure::Authorization)?;
        if let Some(token) = &shared.token {
            let value = token.header().await.map_err(Failure::Authorization)?;
            headers.insert(reqwest::header::AUTHORIZATION, value);
        }
        let (client, url) = shared.transport.route(self.url, &mut headers).map_err(Failure::Authorization)?;
        let mut request = client.request(self.method, url).headers(headers);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = self.body {
            request = request.body(body);
        }
        if let Some(limit) = self.timeout {
            request = request.timeout(limit);
        }
        Ok(Response(request.send().await.map_err(Failure::of)?))
    }
}

struct Pieces(tokio::sync::mpsc::Receiver<std::io::Result<Vec<u8>>>);

impl futures::Stream for Pieces {
    type Item = std::io::Result<Vec<u8>>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

/// An answer, its body not read yet.
#[derive(Debug)]
pub struct Response(reqwest::Response);

impl Response {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// A header as text; empty where it is missing or not text.
    pub fn header(&self, name: HeaderName) -> &str {
        self.0.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The URL that answered, after redirects.
    pub fn url(&self) -> &Url {
        self.0.url()
    }

    /// The connection itself, where the answer was 101 and another protocol is spoken from here on.
    pub async fn upgrade(
        self,
    ) -> Result<impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + use<>, Failure> {
        self.0.upgrade().await.map_err(Failure::of)
    }

    /// The next piece of the body, decompressed; `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<bytes::Bytes>, Failure> {
        self.0.chunk().await.map_err(Failure::of)
    }

    /// The whole body, decompressed, at most `limit` bytes of it.
    pub async fn body(mut self, limit: usize) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        // The client decompresses as it reads, so a bomb is met piece by piece.
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > limit {
                return Err(Failure::TooLarge(limit as u64));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The beginning of the body as text, at most `limit` bytes: for error messages.
    pub async fn beginning(mut self, limit: usize) -> String {
        let mut body = Vec::new();
        while body.len() < limit
            && let Ok(Some(chunk)) = self.chunk().await
        {
            body.extend_from_slice(&chunk);
        }
        body.truncate(limit);
        String::from_utf8_lossy(&body).trim().to_owned()
    }
}
