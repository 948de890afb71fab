//! Targets that a server names, as JSON (Prometheus' `http_sd`).

use std::sync::Arc;
use std::time::Duration;

use outbound::client::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use outbound::discovery::{Group, HttpSdConfig};
use outbound::{ClientOptions, Clients, Method, StatusCode};

use super::Found;
use super::refresh::Refresh;

/// Bytes that an answer may have.
const BODY_LIMIT: usize = 64 << 20;
const INTERVAL_HEADER: HeaderName = HeaderName::from_static("x-prometheus-refresh-interval-seconds");

/// One entry of `http_sd_configs`.
pub(super) struct Server {
    config: HttpSdConfig,
    clients: Arc<Clients>,
}

impl Server {
    pub(super) fn new(config: HttpSdConfig, clients: Arc<Clients>) -> Self {
        Self { config, clients }
    }
}

impl Refresh for Server {
    fn name(&self) -> String {
        self.config.url.to_string()
    }

    /// An answer is cut off by the request's own limit.
    fn pace(&self) -> (Duration, Duration) {
        (self.config.refresh_interval.to_std().max(Duration::from_millis(100)), Duration::MAX)
    }

    async fn refresh(&self) -> Result<Vec<Found>, String> {
        let (interval, _) = self.pace();
        let client = self.clients.get(&self.config.http, &ClientOptions::default())?;
        let seconds = HeaderValue::try_from(interval.as_secs_f64().to_string()).map_err(|e| e.to_string())?;
        let request = client
            .request(Method::GET, self.config.url.parse()?)
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .header(INTERVAL_HEADER, seconds)
            .timeout(interval);
        let response = request.send().await.map_err(|e| e.to_string())?;
        if response.status() != StatusCode::OK {
            return Err(format!("server returned HTTP status {}", response.status()));
        }
        let kind = response.header(CONTENT_TYPE).trim().to_ascii_lowercase();
        let (media, parameter) = kind.split_once(';').unwrap_or((&kind, "charset=utf-8"));
        let charset = ["charset=utf-8", "charset=\"utf-8\""].contains(&parameter.trim_start());
        if media != "application/json" || !charset {
            return Err(format!("unsupported content type {kind:?}"));
        }
        let body = response.body(BODY_LIMIT).await.map_err(|e| e.to_string())?;
        let groups: Option<Vec<Option<Group>>> = serde_json::from_slice(&body).map_err(|e| e.to_string())?;
        let mut found = Vec::new();
        for group in groups.unwrap_or_default() {
            let group = group.ok_or("nil target group item found")?;
            found.extend(group.label_sets().map(|labels| {
                let mut labels = labels.to_builder();
                labels.set("__meta_url", self.config.url.to_string()).build()
            }));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests;
