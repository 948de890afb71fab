//! `http_sd_configs`.

use model::config::Duration;

use crate::config::HttpConfig;
use crate::secret::WebUrl;

model::section! {
    /// Targets that a server names.
    pub struct HttpSdConfig ("http.plain") {
        /// How to talk to it.
        http: HttpConfig = HttpConfig::default() => inline,
        /// How often it is asked.
        refresh_interval: Duration = Duration::from_secs(60),
        /// Where it is.
        url: WebUrl = WebUrl::default() => always,
    }
    check |config| check_url(&config.url)
}

/// Refuses what is no URL of HTTP.
pub(super) fn check_url(url: &WebUrl) -> Result<(), String> {
    if url.is_empty() {
        return Err("URL is missing".to_owned());
    }
    let rest = match url.expose().split_once("://") {
        Some(("http" | "https", rest)) => rest,
        _ => return Err("URL scheme must be 'http' or 'https'".to_owned()),
    };
    if rest.split(['/', '?', '#']).next().unwrap_or_default().is_empty() {
        return Err("host is missing in URL".to_owned());
    }
    url.parse().map(|_| ())
}
