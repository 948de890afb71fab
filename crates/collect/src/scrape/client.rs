//! HTTP clients, made from the configuration and shared between jobs that ask for the same.

mod tls;

use std::sync::Arc;

use parking_lot::Mutex;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, NoProxy, Proxy};

use super::config::{HttpClientConfig, Secret, TlsConfig};

/// What every request says it is from.
const USER_AGENT: &str = concat!("Bonghwa/", env!("CARGO_PKG_VERSION"));

/// The clients in use.
#[derive(Debug, Default)]
pub(crate) struct Clients(Mutex<Vec<(HttpClientConfig, Client)>>);

impl Clients {
    /// A client for `config`; the error says which part of it cannot be had.
    pub(crate) fn get(&self, config: &HttpClientConfig) -> Result<Client, String> {
        let mut known = self.0.lock();
        if let Some((_, client)) = known.iter().find(|(known, _)| known == config) {
            return Ok(client.clone());
        }
        let client = build(config)?;
        known.push((config.clone(), client.clone()));
        Ok(client)
    }

    /// Forgets all clients: files with certificates are read again for the next job.
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }
}

fn build(config: &HttpClientConfig) -> Result<Client, String> {
    if config.oauth2.is_some() {
        return Err("oauth2 is not supported yet".to_owned());
    }
    // Somebody may have installed it already; then this does nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = || -> Result<reqwest::ClientBuilder, String> {
        let redirects = if config.follow_redirects { Policy::limited(10) } else { Policy::none() };
        let mut builder =
            Client::builder().user_agent(USER_AGENT).redirect(redirects).pool_max_idle_per_host(2);
        if !config.enable_http2 {
            builder = builder.http1_only();
        }
        tls::apply(proxy(builder, config)?, &config.tls_config)
    };
    match builder()?.build() {
        Ok(client) => Ok(client),
        Err(error) if config.tls_config == TlsConfig::default() => {
            // An image without a certificate store: plain HTTP works all the same.
            tracing::warn!(%error, "no certificate authorities found, https targets cannot be verified");
            builder()?.tls_certs_only([]).build().map_err(|e| chain(&e))
        }
        Err(error) => Err(chain(&error)),
    }
}

fn proxy(
    builder: reqwest::ClientBuilder,
    config: &HttpClientConfig,
) -> Result<reqwest::ClientBuilder, String> {
    let environment = |name: &str| {
        std::env::var(name).or_else(|_| std::env::var(name.to_lowercase())).ok().filter(|v| !v.is_empty())
    };
    let mut builder = builder.no_proxy();
    let mut add = |proxy: reqwest::Result<Proxy>, except: &str| -> Result<(), String> {
        let mut proxy =
            proxy.map_err(|e| format!("proxy: {}", chain(&e)))?.no_proxy(NoProxy::from_string(except));
        if !config.proxy_connect_header.is_empty() {
            let mut headers = HeaderMap::new();
            for (name, values) in &config.proxy_connect_header {
                for value in values {
                    append(&mut headers, name, &value.0)?;
                }
            }
            proxy = proxy.headers(headers);
        }
        let unused = std::mem::take(&mut builder);
        builder = unused.proxy(proxy);
        Ok(())
    };
    if let Some(url) = &config.proxy_url {
        add(Proxy::all(url), &config.no_proxy)?;
    }
    if config.proxy_from_environment {
        let except = environment("NO_PROXY").unwrap_or_default();
        if let Some(url) = environment("HTTP_PROXY") {
            add(Proxy::http(url), &except)?;
        }
        if let Some(url) = environment("HTTPS_PROXY") {
            add(Proxy::https(url), &except)?;
        }
    }
    Ok(builder)
}

fn pem(inline: &str, file: Option<&std::path::Path>, what: &str) -> Result<Vec<u8>, String> {
    match file {
        Some(path) => read(path).map(String::into_bytes).map_err(|e| format!("{what}: {e}")),
        None => Ok(inline.as_bytes().to_vec()),
    }
}

/// Files with secrets and certificates are small.
const FILE_LIMIT: u64 = 1 << 20;

fn read(path: &std::path::Path) -> Result<String, String> {
    use std::io::Read as _;
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
    file.take(FILE_LIMIT).read_to_string(&mut text).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(text)
}

/// What the client's own layers say before they come to the point.
const WRAPPERS: [&str; 4] =
    ["error sending request", "client error (Connect)", "client error (SendRequest)", "builder error"];

/// An error with its causes: what the user needs is at the end ("connection refused").
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        next = error.source();
        let text = error.to_string();
        let told = parts.last().is_some_and(|last| last.ends_with(&text));
        let wrapper = next.is_some() && WRAPPERS.contains(&text.as_str());
        if !(told || wrapper) {
            parts.push(text);
        }
    }
    parts.join(": ")
}

/// Headers that a request carries. Files are read every time, so that a rotated secret is picked up.
pub(crate) fn headers(config: &HttpClientConfig) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, header) in &config.http_headers {
        for value in header.values.iter().chain(header.secrets.iter().map(|s| &s.0)) {
            append(&mut headers, name, value)?;
        }
        for file in &header.files {
            append(&mut headers, name, read(file)?.trim())?;
        }
    }
    let secret = |value: &Secret, file: &Option<std::path::PathBuf>| match file {
        Some(path) => read(path).map(|text| text.trim().to_owned()),
        None => Ok(value.0.clone()),
    };
    let value = if let Some(basic) = &config.basic_auth {
        let user = secret(&Secret(basic.username.clone()), &basic.username_file)?;
        let password = secret(&basic.password, &basic.password_file)?;
        Some(format!("Basic {}", base64(format!("{user}:{password}").as_bytes())))
    } else if let Some(authorization) = &config.authorization {
        let kind = if authorization.kind.is_empty() { "Bearer" } else { authorization.kind.trim() };
        Some(format!("{kind} {}", secret(&authorization.credentials, &authorization.credentials_file)?))
    } else if config.bearer_token_file.is_some() || !config.bearer_token.0.is_empty() {
        Some(format!("Bearer {}", secret(&config.bearer_token, &config.bearer_token_file)?))
    } else {
        None
    };
    if let Some(value) = value {
        let mut value =
            HeaderValue::from_str(&value).map_err(|_| "the credentials hold control characters")?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

fn append(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), String> {
    let name = HeaderName::try_from(name).map_err(|_| format!("{name:?} is not a header name"))?;
    let value =
        HeaderValue::from_str(value).map_err(|_| format!("the value of header {name} is not allowed"))?;
    headers.append(name, value);
    Ok(())
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Shared by pools and discovery.
pub(crate) type SharedClients = Arc<Clients>;

#[cfg(test)]
mod tests;
