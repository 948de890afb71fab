//! The client that is made of the configuration.
//!
//! Files with secrets are read for every request, files with certificates whenever they have changed; a token of
//! OAuth 2.0 is fetched when the first request needs it and again shortly before it ends.

mod authorization;
mod error;
mod oauth2;
mod proxy;
mod request;
mod shared;
mod spread;
mod tls;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::redirect::Policy;

pub use error::{Failure, chain};
pub use request::{Request, Response};
pub use reqwest::header;
pub use reqwest::{Method, StatusCode};
pub use shared::Clients;
pub use tls::tls;
pub use url::Url;

use crate::config::{HttpConfig, ProxyConfig, TlsConfig};

/// What every request says it is from where nothing else is asked for.
pub const USER_AGENT: &str = concat!("Bonghwa/", env!("CARGO_PKG_VERSION"));

/// What the configuration does not say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientOptions {
    /// `User-Agent`; empty: [`USER_AGENT`].
    pub user_agent: String,
    /// Whether compressed answers are neither asked for nor decompressed.
    pub raw_bodies: bool,
    /// Connect to this socket whatever the URL's host says.
    pub unix_socket: Option<PathBuf>,
    /// Whether new connections go to the addresses of the host in turn.
    pub spread: bool,
    /// How long connecting may take; `None`: as long as the request.
    pub connect_timeout: Option<Duration>,
}

/// A client. Clones share connections and tokens.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    config: HttpConfig,
    transport: Transport,
    token: Option<oauth2::Source>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl Client {
    /// A client for `config`; the error says which part of it cannot be had.
    pub fn new(config: &HttpConfig, options: ClientOptions) -> Result<Self, String> {
        authorization::check(config)?;
        let transport = Transport {
            tls: config.tls_config.clone(),
            proxy: config.proxy.clone(),
            follow_redirects: config.follow_redirects,
            http2: config.enable_http2,
            options,
            current: Mutex::default(),
        };
        transport.client(None)?;
        let token = config.oauth2.as_ref().map(oauth2::Source::new).transpose()?;
        Ok(Self(Arc::new(Shared { config: config.clone(), transport, token })))
    }

    /// Begins a request; nothing is sent before [`Request::send`].
    pub fn request(&self, method: Method, url: Url) -> Request {
        Request::new(self.clone(), method, url)
    }

    /// The configuration it was made of.
    pub fn config(&self) -> &HttpConfig {
        &self.0.config
    }
}

/// Hosts that a client with a `server_name` keeps connections to.
const MOST_HOSTS: usize = 1000;

/// Connections, made anew when a certificate has changed.
struct Transport {
    tls: TlsConfig,
    proxy: ProxyConfig,
    follow_redirects: bool,
    http2: bool,
    options: ClientOptions,
    /// By the host whose name is replaced; most clients replace none.
    current: Mutex<HashMap<Option<String>, Current>>,
}

/// A client, and what it was made of.
type Current = (Vec<Stamp>, reqwest::Client);

/// What tells one content of a file from another.
type Stamp = Option<(SystemTime, u64)>;

fn stamp(path: &Path) -> Stamp {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

impl Transport {
    /// A client; where `instead` is a host, `server_name` means that host.
    fn client(&self, instead: Option<&str>) -> Result<reqwest::Client, String> {
        let stamps: Vec<Stamp> = self.tls.files().map(stamp).collect();
        let mut current = self.current.lock();
        let instead = instead.map(str::to_owned);
        if let Some((made_of, client)) = current.get(&instead)
            && *made_of == stamps
        {
            return Ok(client.clone());
        }
        let client = self.build(instead.as_deref())?;
        if current.len() >= MOST_HOSTS {
            current.clear();
        }
        current.insert(instead, (stamps, client.clone()));
        Ok(client)
    }

    /// The client for `url`, and the URL and headers that it is to be asked with.
    fn route(&self, mut url: Url, headers: &mut HeaderMap) -> Result<(reqwest::Client, Url), String> {
        let host = url.host_str().map(|host| host.trim_matches(['[', ']']).to_owned());
        let (Some(name), Some(host)) = (self.other_name(&url), host) else {
            return Ok((self.client(None)?, url));
        };
        let authority = url.authority().rsplit('@').next().unwrap_or_default();
        let authority = HeaderValue::from_str(authority).map_err(|e| format!("{url}: {e}"))?;
        url.set_host(Some(name)).map_err(|e| format!("server_name: {e}"))?;
        headers.entry(header::HOST).or_insert(authority);
        Ok((self.client(Some(&host))?, url))
    }

    /// The name that `url` is asked under, where it is another than its host's: `server_name` goes to the server before
    /// its certificate comes (SNI), so that one with several certificates knows which is wanted.
    fn other_name(&self, url: &Url) -> Option<&str> {
        let name = self.tls.server_name.as_str();
        let direct = self.proxy == ProxyConfig::default() && self.options.unix_socket.is_none();
        let replaced = !name.is_empty() && url.scheme() == "https" && url.host_str() != Some(name);
        // An address is never sent as a name.
        (direct && replaced && name.parse::<std::net::IpAddr>().is_err()).then_some(name)
    }

    fn build(&self, instead: Option<&str>) -> Result<reqwest::Client, String> {
        // Somebody may have installed it already; then this does nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = tls::apply(self.builder()?, &self.tls)?;
        if let Some(host) = instead {
            let name = self.tls.server_name.clone();
            builder = builder.dns_resolver(Arc::new(spread::Instead::new(name, host.to_owned())));
        }
        let result = builder.build();
        match result {
            Ok(client) => Ok(client),
            Err(error) if self.tls == TlsConfig::default() => {
                // An image without a certificate store: plain HTTP works all the same.
                tracing::warn!(%error, "no certificate authorities found, https servers cannot be verified");
                self.builder()?.tls_certs_only([]).build().map_err(|e| chain(&e))
            }
            Err(error) => Err(chain(&error)),
        }
    }

    fn builder(&self) -> Result<reqwest::ClientBuilder, String> {
        let redirects = if self.follow_redirects { Policy::limited(10) } else { Policy::none() };
        let agent = Some(self.options.user_agent.as_str()).filter(|agent| !agent.is_empty());
        let mut builder = reqwest::Client::builder()
            .user_agent(agent.unwrap_or(USER_AGENT))
            .redirect(redirects)
            .pool_max_idle_per_host(4);
        if !self.http2 {
            builder = builder.http1_only();
        }
        if self.options.spread {
            builder = builder.dns_resolver(Arc::new(spread::Spread::default()));
        }
        if self.options.raw_bodies {
            builder = builder.no_gzip();
        }
        if let Some(limit) = self.options.connect_timeout {
            builder = builder.connect_timeout(limit);
        }
        match &self.options.unix_socket {
            Some(path) => Ok(builder.no_proxy().unix_socket(path.clone())),
            None => proxy::apply(builder, &self.proxy),
        }
    }
}

/// Files with secrets and certificates are small.
const FILE_LIMIT: u64 = 1 << 20;

/// Reads a small text file.
fn read(path: &Path) -> Result<String, String> {
    use std::io::Read as _;
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
    file.take(FILE_LIMIT).read_to_string(&mut text).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(text)
}

#[cfg(test)]
mod tests;
