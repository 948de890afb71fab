//! One GET at a time over a unix socket or TCP.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::gate;

/// How long connecting and a plain answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where an engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A unix socket.
    Unix(PathBuf),
    /// Plain HTTP on `host:port`.
    Tcp(String),
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(host) => write!(f, "tcp://{host}"),
        }
    }
}

impl Endpoint {
    /// Reads `unix:///path`, a bare absolute path, `tcp://host:port` or `http://host:port`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix("unix://") {
            return Path::new(path).is_absolute().then(|| Self::Unix(path.into()));
        }
        if let Some(host) = text.strip_prefix("tcp://").or_else(|| text.strip_prefix("http://")) {
            let host = host.trim_end_matches('/');
            return (!host.is_empty() && !host.contains('/')).then(|| Self::Tcp(host.to_owned()));
        }
        Path::new(text).is_absolute().then(|| Self::Unix(text.into()))
    }
}

/// Why a call failed. No variant carries text from an answer's body: it may quote a container's arguments.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// Nothing listens there.
    #[error("no engine at {0}")]
    Absent(Endpoint),
    /// The socket is there and may not be used.
    #[error("permission denied on {0}")]
    Denied(Endpoint),
    /// Our own gate refused the call.
    #[error("the call {0:?} is not on the list of permitted reads")]
    Forbidden(String),
    /// The engine answered with another status than 200.
    #[error("the engine answered {status} to {call}")]
    Status {
        /// HTTP status.
        status: u16,
        /// The path asked for, without its query.
        call: String,
    },
    /// The answer was not what the API describes, or too large.
    #[error("unreadable answer to {call}: {reason}")]
    Answer {
        /// The path asked for, without its query.
        call: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The connection broke.
    #[error("connection to the engine: {0}")]
    Connection(String),
    /// No answer in time.
    #[error("the engine did not answer within {} s", TIMEOUT.as_secs())]
    Timeout,
}

impl DockerError {
    /// Whether the container or image is not there (any more).
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Status { status: 404, .. })
    }
}

impl From<DockerError> for model::Error {
    fn from(error: DockerError) -> Self {
        let kind = match &error {
            DockerError::Status { status: 404, .. } => model::ErrorKind::NotFound,
            DockerError::Denied(_) => model::ErrorKind::Unauthorized,
            DockerError::Timeout => model::ErrorKind::Timeout,
            DockerError::Forbidden(_) => model::ErrorKind::Internal,
            _ => model::ErrorKind::Unavailable,
        };
        Self::new(kind, error)
    }
}

/// Speaks to one engine.
#[derive(Debug, Clone)]
pub struct Client {
    endpoint: Endpoint,
}

impl Client {
    /// A client for `endpoint`; connects with each call.
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Where it connects.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends a GET that the gate lets pass and returns the open answer, status checked.
    pub async fn get(&self, path_and_query: &str) -> Result<http::Response<Incoming>, DockerError> {
        if !gate::allows(&http::Method::GET, path_and_query) {
            return Err(DockerError::Forbidden(call_of(path_and_query)));
        }
        let answer = tokio::time::timeout(TIMEOUT, self.send(path_and_query))
            .await
            .map_err(|_| DockerError::Timeout)??;
        match answer.status() {
            http::StatusCode::OK => Ok(answer),
            status => Err(DockerError::Status { status: status.as_u16(), call: call_of(path_and_query) }),
        }
    }

    /// A whole JSON answer of at most `cap` bytes.
    pub async fn json<T: DeserializeOwned>(&self, path: &str, cap: usize) -> Result<T, DockerError> {
        let answer = self.get(path).await?;
        let unreadable = |reason| DockerError::Answer { call: call_of(path), reason };
        let body = tokio::time::timeout(TIMEOUT, Limited::new(answer.into_body(), cap).collect())
            .await
            .map_err(|_| DockerError::Timeout)?
            .map_err(|_| unreadable("broken off or too large"))?
            .to_bytes();
        serde_json::from_slice(&body).map_err(|_| unreadable("not the expected JSON"))
    }

    async fn send(&self, path_and_query: &str) -> Result<http::Response<Incoming>, DockerError> {
        match &self.endpoint {
            Endpoint::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(|e| self.connect_error(&e))?;
                request(stream, path_and_query).await
            }
            Endpoint::Tcp(host) => {
                let stream = TcpStream::connect(host).await.map_err(|e| self.connect_error(&e))?;
                request(stream, path_and_query).await
            }
        }
    }

    fn connect_error(&self, error: &std::io::Error) -> DockerError {
        match error.kind() {
            std::io::ErrorKind::PermissionDenied => DockerError::Denied(self.endpoint.clone()),
            _ => DockerError::Absent(self.endpoint.clone()),
        }
    }
}

async fn request<S>(stream: S, path_and_query: &str) -> Result<http::Response<Incoming>, DockerError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let broken = |e: hyper::Error| DockerError::Connection(e.to_string());
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    tokio::spawn(async move {
        // It ends with the answer's body; an error shows there.
        let _ = connection.await;
    });
    let request = http::Request::get(path_and_query)
        .header(http::header::HOST, "localhost")
        .header(http::header::USER_AGENT, "bonghwa")
        .body(Empty::<Bytes>::new())
        .map_err(|_| DockerError::Forbidden(call_of(path_and_query)))?;
    sender.send_request(request).await.map_err(broken)
}

/// The path without its query: what errors name.
fn call_of(path_and_query: &str) -> String {
    path_and_query.split('?').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_as_docker_host_spells_them() {
        assert_eq!(Endpoint::parse("unix:///run/d.sock"), Some(Endpoint::Unix("/run/d.sock".into())));
        assert_eq!(Endpoint::parse("/run/d.sock"), Some(Endpoint::Unix("/run/d.sock".into())));
        assert_eq!(Endpoint::parse("tcp://127.0.0.1:2375/"), Some(Endpoint::Tcp("127.0.0.1:2375".into())));
        for bad in ["", "unix://relative", "ssh://host", "tcp://", "tcp://h/p", "relative"] {
            assert_eq!(Endpoint::parse(bad), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn the_gate_stands_before_the_connection() {
        let client = Client::new(Endpoint::Unix("/nonexistent/socket".into()));
        let refused = client.get("/containers/abc/export").await.err();
        assert!(matches!(refused, Some(DockerError::Forbidden(_))), "{refused:?}");
        let absent = client.get("/_ping").await.err();
        assert!(matches!(absent, Some(DockerError::Absent(_))), "{absent:?}");
    }
}
