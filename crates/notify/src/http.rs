//! One request to a service, and what its answer means.

use std::time::{Duration, SystemTime};

use outbound::client::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use outbound::{Client, ClientOptions, Clients, HttpConfig, Method, StatusCode, Url};

use crate::secrets::scrubbed;
use crate::{Delivered, Failure, Retry};

/// What is read of an answer, bytes.
const ANSWER: usize = 64 << 10;
/// What is told of an answer, characters.
const TOLD: usize = 300;
/// The longest wait that a service may ask for.
const LONGEST: Duration = Duration::from_secs(3600);

/// How a receiver reaches its service.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: Client,
    timeout: Option<Duration>,
}

/// A request that is not sent yet. Its secrets are taken out of what is told of it.
#[derive(Debug)]
pub(crate) struct Call {
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
    secrets: Vec<String>,
}

/// What a service answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Its media type.
    pub(crate) kind: String,
    /// Its body, shortened.
    pub(crate) body: String,
    retry_after: Option<Duration>,
    secrets: Vec<String>,
}

impl Http {
    pub(crate) fn new(
        clients: &Clients,
        config: Option<&HttpConfig>,
        timeout: Duration,
    ) -> Result<Self, String> {
        let default = HttpConfig::default();
        let client = clients.get(config.unwrap_or(&default), &ClientOptions::default())?;
        Ok(Self { client, timeout: Some(timeout).filter(|limit| !limit.is_zero()) })
    }

    /// Sends a request. An answer of any status is an answer.
    pub(crate) async fn send(&self, call: Call) -> Result<Answer, Failure> {
        let hidden = |e: &dyn std::fmt::Display| scrubbed(&e.to_string(), &call.secrets);
        let url =
            Url::parse(&call.url).map_err(|e| Failure::never(format!("the URL cannot be read: {e}")))?;
        let mut request = self.client.request(call.method, url).headers(call.headers).body(call.body);
        if let Some(limit) = self.timeout {
            request = request.timeout(limit);
        }
        let response = request.send().await.map_err(|e| Failure {
            message: hidden(&e),
            retry: Retry::Later,
            reason: match e {
                outbound::Failure::Timeout(_) => "contextDeadlineExceeded",
                _ => "other",
            },
        })?;
        let status = response.status();
        let retry_after = retry_after(response.headers());
        let kind = response.header(CONTENT_TYPE).to_owned();
        let body = response.beginning(ANSWER).await;
        Ok(Answer { status, kind, body, retry_after, secrets: call.secrets })
    }

    /// Sends a request that has to be answered by a status of success.
    pub(crate) async fn deliver(&self, call: Call) -> Result<Answer, Failure> {
        self.send(call).await?.success()
    }
}

impl Call {
    fn new(method: Method, url: &str) -> Self {
        // Addresses hold tokens more often than not.
        let secrets =
            Url::parse(url).map(|url| url.path().to_owned()).into_iter().filter(|path| path.len() > 12);
        let secrets = [url.to_owned()].into_iter().chain(secrets).collect();
        Self { method, url: url.to_owned(), headers: HeaderMap::new(), body: Vec::new(), secrets }
    }

    pub(crate) fn with_body(method: Method, url: &str, kind: &'static str, body: Vec<u8>) -> Self {
        let mut call = Self::new(method, url);
        call.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        call.body = body;
        call
    }

    /// A POST of JSON.
    pub(crate) fn json(url: &str, body: &impl serde::Serialize) -> Result<Self, Failure> {
        Self::json_with(Method::POST, url, body)
    }

    pub(crate) fn json_with(
        method: Method,
        url: &str,
        body: &impl serde::Serialize,
    ) -> Result<Self, Failure> {
        let body = serde_json::to_vec(body)
            .map_err(|e| Failure::never(format!("cannot be written as JSON: {e}")))?;
        Ok(Self::with_body(method, url, "application/json", body))
    }

    /// A POST of a form.
    pub(crate) fn form(url: &str, fields: &[(&str, &str)]) -> Self {
        let mut body = outbound::Url::parse("form:").ok();
        let encoded = body.as_mut().map(|url| {
            url.query_pairs_mut().extend_pairs(fields);
            url.query().unwrap_or_default().as_bytes().to_vec()
        });
        Self::with_body(Method::POST, url, "application/x-www-form-urlencoded", encoded.unwrap_or_default())
    }

    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Result<Self, Failure> {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| Failure::never(format!("header {name}: its value cannot be sent")))?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Says what must not be told.
    pub(crate) fn secret(mut self, secret: &str) -> Self {
        self.secrets.push(secret.to_owned());
        self
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }
}

impl Answer {
    /// The answer, where its status says that it worked.
    pub(crate) fn success(self) -> Result<Self, Failure> {
        if self.status.is_success() {
            return Ok(self);
        }
        let code = self.status.as_u16();
        let retry = match (code, self.retry_after) {
            (429 | 500..=599, Some(wait)) => Retry::After(wait),
            (429 | 500..=599, None) => Retry::Later,
            _ => Retry::Never,
        };
        let reason = match code {
            401 | 403 => "authError",
            429 => "rateLimited",
            400..=499 => "clientError",
            500..=599 => "serverError",
            _ => "other",
        };
        let told = self.told();
        let message = match told.as_str() {
            "" => format!("unexpected status code {code}"),
            told => format!("unexpected status code {code}: {told}"),
        };
        Err(Failure { message, retry, reason })
    }

    /// The beginning of the body, without secrets.
    pub(crate) fn told(&self) -> String {
        scrubbed(&self.body, &self.secrets).chars().take(TOLD).collect()
    }

    pub(crate) fn delivered(&self) -> Delivered {
        Delivered { answer: self.status.to_string() }
    }
}

/// What `Retry-After` says: seconds, or a date, which is measured from the answer's own.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let written = value(RETRY_AFTER)?.trim();
    let wait = match written.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let now: SystemTime = httpdate::parse_http_date(value(DATE)?).ok()?;
            httpdate::parse_http_date(written).ok()?.duration_since(now).unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST))
}
