//! One request to a target: headers, answer, limits.

use std::time::Duration as StdDuration;

use model::{Budget, Reservation};
use outbound::client::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};
use outbound::{Client, Failure, Method, StatusCode};

use super::config::{NameEscaping, ScrapeConfig, ScrapeProtocol};
use super::target::Target;

/// Bytes that an answer may have where the job sets no limit: nothing from outside is unbounded.
const HARD_LIMIT: u64 = 256 << 20;

const TIMEOUT_HEADER: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

/// What a target answered.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
    /// Its place in the memory budget until it is stored.
    pub(crate) _reserved: Option<Reservation>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    /// More bytes than the limit.
    #[error("body size limit exceeded ({0} bytes)")]
    TooLarge(u64),
    /// Everything else, in words.
    #[error("{0}")]
    Failed(String),
}

/// Asks `target`; the whole takes at most its timeout.
pub(crate) async fn fetch(
    client: &Client,
    job: &ScrapeConfig,
    target: &Target,
    budget: &Budget,
    spare: Vec<u8>,
) -> Result<Answer, FetchError> {
    let limit = StdDuration::from_millis(target.timeout.as_ms());
    match tokio::time::timeout(limit, ask(client, job, target, budget, spare)).await {
        Ok(answer) => answer,
        Err(_) => Err(FetchError::Failed(format!("no answer within {}", target.timeout))),
    }
}

async fn ask(
    client: &Client,
    job: &ScrapeConfig,
    target: &Target,
    budget: &Budget,
    mut body: Vec<u8>,
) -> Result<Answer, FetchError> {
    let failed = |e: Failure| FetchError::Failed(e.to_string());
    let text = |text: String| HeaderValue::try_from(text).map_err(|e| FetchError::Failed(e.to_string()));
    let encoding = if job.enable_compression { "gzip" } else { "identity" };
    let mut request = client
        .request(Method::GET, target.url.clone())
        .header(ACCEPT, text(accept(job))?)
        .header(ACCEPT_ENCODING, HeaderValue::from_static(encoding));
    let seconds = target.timeout.as_ms() as f64 / 1e3;
    request = request.header(TIMEOUT_HEADER, text(seconds.to_string())?);
    let mut response = request.send().await.map_err(failed)?;
    if response.status() != StatusCode::OK {
        return Err(FetchError::Failed(format!("server returned HTTP status {}", response.status())));
    }
    let content_type = response.header(CONTENT_TYPE).to_owned();
    let limit = if job.body_size_limit.0 == 0 { HARD_LIMIT } else { job.body_size_limit.0.min(HARD_LIMIT) };
    body.clear();
    let mut reserved = budget.reserve(0).map_err(|e| FetchError::Failed(e.to_string()))?;
    // The client decompresses as it reads, so a bomb is met chunk by chunk.
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if (body.len() + chunk.len()) as u64 > limit {
            return Err(FetchError::TooLarge(limit));
        }
        reserved.grow(chunk.len() as u64).map_err(|e| FetchError::Failed(e.to_string()))?;
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { content_type, body, _reserved: Some(reserved) })
}

/// The `Accept` header: the job's formats, the most wanted first.
fn accept(job: &ScrapeConfig) -> String {
    let escaping = job.metric_name_escaping_scheme.unwrap_or(NameEscaping::AllowUtf8);
    let defaults;
    let protocols = match &job.scrape_protocols {
        Some(protocols) => protocols,
        None => {
            defaults = ScrapeProtocol::defaults(false);
            &defaults
        }
    };
    // As Prometheus weighs them; at most five formats exist.
    let mut weight = 6;
    let mut values = Vec::new();
    for protocol in protocols {
        if let Some(media) = protocol.media_type() {
            let escaping = if protocol.is_version_1() {
                format!(";escaping={}", escaping.as_str())
            } else {
                String::new()
            };
            values.push(format!("{media}{escaping};q=0.{weight}"));
            weight -= 1;
        }
    }
    values.push(format!("*/*;q=0.{weight}"));
    values.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_asked_for_in_order() {
        let mut job = ScrapeConfig::default();
        assert_eq!(
            accept(&job),
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
        );
        let names = ["PrometheusProto", "PrometheusText0.0.4"];
        job.scrape_protocols = Some(names.map(|n| ScrapeProtocol(n.to_owned())).to_vec());
        assert_eq!(
            accept(&job),
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,\
             text/plain;version=0.0.4;q=0.5,*/*;q=0.4"
        );
    }
}
