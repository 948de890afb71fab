//! Proxies, written down or in the environment.

use reqwest::header::HeaderMap;
use reqwest::{ClientBuilder, NoProxy, Proxy};

use super::authorization::append;
use super::chain;
use crate::config::ProxyConfig;

/// A variable in upper or lower case, if it says something.
fn environment(name: &str) -> Option<String> {
    std::env::var(name).or_else(|_| std::env::var(name.to_lowercase())).ok().filter(|v| !v.is_empty())
}

/// Sets what `config` says, and no proxy where it says nothing.
pub(super) fn apply(builder: ClientBuilder, config: &ProxyConfig) -> Result<ClientBuilder, String> {
    let mut builder = builder.no_proxy();
    if !config.proxy_url.is_empty() {
        builder = builder.proxy(with(Proxy::all(config.proxy_url.expose()), &config.no_proxy, config)?);
    }
    if config.proxy_from_environment {
        let except = environment("NO_PROXY").unwrap_or_default();
        if let Some(url) = environment("HTTP_PROXY") {
            builder = builder.proxy(with(Proxy::http(url), &except, config)?);
        }
        if let Some(url) = environment("HTTPS_PROXY") {
            builder = builder.proxy(with(Proxy::https(url), &except, config)?);
        }
    }
    Ok(builder)
}

fn with(proxy: reqwest::Result<Proxy>, except: &str, config: &ProxyConfig) -> Result<Proxy, String> {
    let proxy = proxy.map_err(|e| format!("proxy: {}", chain(&e.without_url())))?;
    let proxy = proxy.no_proxy(NoProxy::from_string(except));
    if config.proxy_connect_header.is_empty() {
        return Ok(proxy);
    }
    let mut headers = HeaderMap::new();
    for (name, values) in &config.proxy_connect_header {
        for value in values {
            append(&mut headers, name, value.expose(), true)?;
        }
    }
    Ok(proxy.headers(headers))
}
