//! Asking a server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use outbound::client::header::{AUTHORIZATION, HeaderName, HeaderValue};
use outbound::{Client, ClientOptions, HttpConfig, Method, Request, Url};

use crate::Failed;

/// An answer larger than this is not an answer to one of our questions.
const MAX_BODY: usize = 1 << 30;
/// A file of client settings is small.
const MAX_CONFIG: u64 = 1 << 20;

/// How servers are connected to.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Connection {
    /// File with the settings of the HTTP client (`basic_auth`, `authorization`, `tls_config` and the others).
    #[arg(long = "http.config.file", value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
}

impl Connection {
    /// The settings; those of the field where no file is named.
    fn load(&self) -> Result<HttpConfig, Failed> {
        match &self.config {
            None => Ok(HttpConfig::default()),
            Some(file) => {
                load(file).map_err(|e| Failed::new(format_args!("Failed to load HTTP config file: {e}")))
            }
        }
    }
}

/// A server that commands ask.
pub(crate) struct Server {
    client: Client,
    runtime: tokio::runtime::Runtime,
    base: Url,
    shown: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Gives pieces of a body to what it is called with, which says `false` once no more are taken; whether that is all of it.
pub(crate) type Fill<'f> = dyn FnMut(&mut dyn FnMut(Vec<u8>) -> bool) -> bool + 'f;

/// What it answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Server {
    /// The server under `url`; without a scheme it is `http`. User and password in the URL are sent as they are.
    pub(crate) fn new(url: &str) -> Result<Self, Failed> {
        Self::with_config(url, HttpConfig::default())
    }

    /// Likewise, with the settings that the command line names.
    pub(crate) fn connect(url: &str, connection: &Connection) -> Result<Self, Failed> {
        match &connection.config {
            None => Self::new(url),
            Some(_) => Self::with_config(url, connection.load()?),
        }
    }

    /// Likewise, to talk over one connection after an upgrade, which HTTP/2 does not have.
    pub(crate) fn connect_for_upgrades(url: &str, connection: &Connection) -> Result<Self, Failed> {
        let mut config = connection.load()?;
        config.enable_http2 = false;
        Self::with_config(url, config)
    }

    fn with_config(url: &str, config: HttpConfig) -> Result<Self, Failed> {
        let text = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let base = Url::parse(text.trim_end_matches('/'))
            .map_err(|e| Failed::new(format_args!("{url} is not a URL: {e}")))?;
        let options = ClientOptions {
            user_agent: concat!("bonghwa/", env!("CARGO_PKG_VERSION")).to_owned(),
            ..ClientOptions::default()
        };
        let client =
            Client::new(&config, options).map_err(|e| Failed::new(format_args!("no HTTP client: {e}")))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut shown = base.clone();
        // Fails only for URLs without a host, which have no user either.
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        Ok(Self { client, runtime, base, shown: shown.into(), headers: Vec::new() })
    }

    /// Sends this access token with every request.
    pub(crate) fn with_token(self, token: &str) -> Result<Self, Failed> {
        self.with_header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// Sends this header with every request.
    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Result<Self, Failed> {
        let wrong = || Failed::new(format_args!("{name} cannot be sent as a header"));
        let header = (
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?,
            HeaderValue::from_str(value).map_err(|_| wrong())?,
        );
        self.headers.push(header);
        Ok(self)
    }

    /// The URL as commands show it: without user and password.
    pub(crate) fn url(&self) -> &str {
        self.shown.trim_end_matches('/')
    }

    /// Gets `path` (which begins with a slash).
    pub(crate) fn get(&self, path: &str, limit: Duration) -> Result<Answer, Failed> {
        self.ask(self.request(Method::GET, path)?.timeout(limit))
    }

    /// Posts `body` to `path` (which begins with a slash).
    pub(crate) fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<Answer, Failed> {
        let request = with_headers(self.request(Method::POST, path)?.timeout(limit).body(body), headers)?;
        self.ask(request)
    }

    /// Deletes `path` (which begins with a slash).
    pub(crate) fn delete(&self, path: &str, limit: Duration) -> Result<Answer, Failed> {
        self.ask(self.request(Method::DELETE, path)?.timeout(limit))
    }

    /// Posts a body of any length, as fast as the server takes it. Where `fill` says `false`, it ends as one that was cut off.
    pub(crate) fn stream(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        fill: &mut Fill<'_>,
    ) -> Result<Answer, Failed> {
        let (sender, receiver) = tokio::sync::mpsc::channel::<std::io::Result<Vec<u8>>>(2);
        let request = with_headers(self.request(Method::POST, path)?, headers)?;
        let request = request.stream(receiver);
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| self.ask(request));
            let complete = fill(&mut |piece| sender.blocking_send(Ok(piece)).is_ok());
            if !complete {
                // Nobody listens where the server has ended it.
                let _ = sender.blocking_send(Err(std::io::Error::other("there is no more")));
            }
            drop(sender);
            asked.join().map_err(|_| Failed::new("sending ended unexpectedly"))?
        })
    }

    /// Runs `work`, which may wait for the server.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Begins a request for `path` (which begins with a slash).
    pub(crate) fn request(&self, method: Method, path: &str) -> Result<Request, Failed> {
        let url = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let url = Url::parse(&url)
            .map_err(|e| Failed::new(format_args!("{}{path} is not a URL: {e}", self.url())))?;
        let request = self.client.request(method, url);
        let headers = self.headers.iter().cloned();
        Ok(headers.fold(request, |request, (name, value)| request.header(name, value)))
    }

    fn ask(&self, request: Request) -> Result<Answer, Failed> {
        self.runtime.block_on(async {
            let response = request.send().await.map_err(Failed::new)?;
            let status = response.status().as_u16();
            let body = response.body(MAX_BODY).await.map_err(Failed::new)?;
            Ok(Answer { status, body })
        })
    }

    /// Waits before another try.
    pub(crate) fn wait(&self, pause: Duration) {
        self.runtime.block_on(tokio::time::sleep(pause));
    }
}

fn with_headers(request: Request, headers: &[(&str, &str)]) -> Result<Request, Failed> {
    headers.iter().try_fold(request, |request, (name, value)| {
        let wrong = || Failed::new(format_args!("{name} cannot be sent as a header"));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        Ok(request.header(name, HeaderValue::from_str(value).map_err(|_| wrong())?))
    })
}

fn load(file: &Path) -> Result<HttpConfig, String> {
    let size = std::fs::metadata(file).map_err(|e| format!("{}: {e}", file.display()))?.len();
    if size > MAX_CONFIG {
        return Err(format!("{}: larger than {MAX_CONFIG} bytes", file.display()));
    }
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let mut config: HttpConfig =
        serde_saphyr::from_str(&text).map_err(|e| format!("{}: {e}", file.display()))?;
    config.set_directory(file.parent().unwrap_or(Path::new(".")));
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_sent_and_not_shown() {
        let server = Server::new("http://ann:geheim@h:9090/p/").unwrap();
        assert_eq!(server.url(), "http://h:9090/p");
        assert_eq!(server.base.password(), Some("geheim"));
    }
}
