//! `--web.config.file`: TLS, users, headers and the rate limit of our listeners, in the form that Prometheus and its
//! exporters share.
//!
//! The file, and the certificates it names, are looked at again for every connection and every request; what changed is
//! taken from then on. While it is wrong, connections and requests fail, as they do there: the old settings would let
//! in whom the new ones keep out. Whether there is TLS at all, and the rate limit, are decided at the start.

mod client;
mod rate;
mod san;
mod stamp;
#[cfg(test)]
mod tests;
mod tls;
mod users;
mod written;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use model::{Error, Result};
use parking_lot::Mutex;
use rustls::ServerConfig;

use rate::Limiter;
use stamp::Stamps;
use users::Users;
pub(crate) use written::TlsServer;
use written::Written;

/// The file as it is now, and what does not change with it.
pub struct WebConfig {
    path: PathBuf,
    seen: Mutex<Seen>,
    limiter: Option<Limiter>,
    users: Users,
    is_tls: bool,
}

/// What was read, and the state of the files then.
struct Seen {
    stamps: Stamps,
    result: Result<Arc<Current>>,
}

/// One reading.
pub(crate) struct Current {
    written: Written,
    headers: Vec<(HeaderName, HeaderValue)>,
    tls: Option<Arc<ServerConfig>>,
    /// Whether every connection has shown a certificate that was verified.
    client_verified: bool,
}

/// What became of a request at this door.
pub(crate) enum Admission {
    /// It may go on; `known` if the client has proved who it is.
    Allowed { known: bool },
    /// It ends here.
    Refused(Response<axum::body::Body>),
}

/// Whether a file can be used, certificates and keys included.
///
/// # Errors
/// Kind `Invalid`, with the place in the file where there is one.
pub fn check(path: &Path) -> Result<()> {
    WebConfig::open(path).map(drop)
}

impl WebConfig {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// Kind `Invalid`, with the place in the file where there is one.
    pub fn open(path: &Path) -> Result<Self> {
        let (stamps, result) = read(path);
        let current = result?;
        Ok(Self {
            path: path.to_owned(),
            limiter: Limiter::of(&current.written.rate_limit),
            users: Users::default(),
            is_tls: current.tls.is_some(),
            seen: Mutex::new(Seen { stamps, result: Ok(current) }),
        })
    }

    /// Whether listeners speak TLS.
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// The settings as the files say now.
    fn current(&self) -> Result<Arc<Current>> {
        let mut seen = self.seen.lock();
        if !seen.stamps.are_fresh() {
            let (stamps, result) = read(&self.path);
            if let Err(error) = &result {
                tracing::error!(%error, "the file of --web.config.file cannot be used");
            }
            *seen = Seen { stamps, result };
        }
        seen.result.clone()
    }

    /// What the next handshake goes by.
    pub(crate) fn tls(&self) -> Result<Arc<ServerConfig>> {
        let none = || Error::invalid("the file of --web.config.file says nothing of TLS any more");
        self.current()?.tls.clone().ok_or_else(none)
    }

    /// Judges a request; the headers to set on whatever answer it gets are returned, too.
    pub(crate) async fn admit(&self, headers: &HeaderMap) -> (Admission, Vec<(HeaderName, HeaderValue)>) {
        let Ok(current) = self.current() else {
            return (Admission::Refused(plain(StatusCode::INTERNAL_SERVER_ERROR)), Vec::new());
        };
        if self.limiter.as_ref().is_some_and(|limiter| !limiter.admit(std::time::Instant::now())) {
            return (Admission::Refused(plain(StatusCode::TOO_MANY_REQUESTS)), Vec::new());
        }
        let set = current.headers.clone();
        let users = &current.written.basic_auth_users;
        if users.is_empty() {
            return (Admission::Allowed { known: self.is_tls && current.client_verified }, set);
        }
        if self.users.verify(users, headers).await {
            return (Admission::Allowed { known: true }, set);
        }
        let mut response = plain(StatusCode::UNAUTHORIZED);
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
        (Admission::Refused(response), set)
    }
}

/// TLS as a section of its own says it, for a protocol other than that of our own pages.
pub(crate) fn section_tls(section: &TlsServer, alpn: &[&[u8]]) -> Result<Arc<ServerConfig>> {
    let written = Written { tls_server_config: section.clone(), ..Written::default() };
    let none = || Error::invalid("tls: cert_file and key_file are missing");
    let mut config = Arc::unwrap_or_clone(tls::build(&written)?.ok_or_else(none)?);
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}

/// An answer as Go's `http.Error` writes it.
fn plain(status: StatusCode) -> Response<axum::body::Body> {
    let text = format!("{}\n", status.canonical_reason().unwrap_or_default());
    let mut response = Response::new(axum::body::Body::from(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn read(path: &Path) -> (Stamps, Result<Arc<Current>>) {
    // Taken before reading: what changes in between is noticed at the next look.
    let mut stamps = Stamps::of([path.to_owned()]);
    let written = match written::load(path) {
        Ok(written) => written,
        Err(error) => return (stamps, Err(error)),
    };
    stamps.add(written.tls_server_config.files());
    let built = tls::build(&written).and_then(|tls| {
        Ok(Arc::new(Current {
            headers: written.http_server_config.pairs()?,
            client_verified: written.tls_server_config.verifies_every_client(),
            tls,
            written,
        }))
    });
    (stamps, built.map_err(|e| Error::invalid(format_args!("{}: {e}", path.display()))))
}
