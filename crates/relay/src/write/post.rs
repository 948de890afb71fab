//! The receiver: how it is asked, and what its answers mean.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use model::Clock;
use model::passing::QueueActivity;
use outbound::client::header::{HeaderMap, HeaderName, HeaderValue};
use outbound::{Client, Failure, Method, Response, StatusCode, Url};
use parking_lot::{Mutex, RwLock};

use super::body::{Families, Protocol};
use super::metrics::{Counts, QueueMetrics};

/// What is read of an answer, for messages.
const ANSWER_BYTES: usize = 512;
/// A receiver may ask for this pause at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What receivers say of samples that are older than what they have.
const DISORDER: [&str; 4] = ["out of order", "out of bounds", "duplicate sample", "too old"];

/// How a queue behaves, resolved.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) protocol: Protocol,
    pub(super) remote_timeout: Duration,
    pub(super) capacity: usize,
    pub(super) min_shards: usize,
    pub(super) max_shards: usize,
    pub(super) max_samples_per_send: usize,
    pub(super) batch_send_deadline: Duration,
    pub(super) min_backoff: Duration,
    pub(super) max_backoff: Duration,
    pub(super) retry_on_http_429: bool,
    /// Zero: samples of any age are sent.
    pub(super) sample_age_limit: Duration,
    /// Whether what a request held is logged where it fails.
    pub(super) log_failed: bool,
    pub(super) send_exemplars: bool,
    pub(super) send_histograms: bool,
    /// How often metadata is sent; zero: never.
    pub(super) metadata_interval: Duration,
    pub(super) metadata_per_send: usize,
}

/// What a receiver answered.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    /// It has it; version 2.0 says how much of it.
    Delivered(Option<Counts>),
    /// It will never take it.
    Refused(String),
    /// It took nothing because some of it is older than what it has.
    Disordered(String),
    /// It may take it later.
    Again { after: Option<Duration>, why: String },
}

/// Where a queue sends, and what became of it.
pub(super) struct Sender {
    pub(super) name: String,
    pub(super) url: Url,
    pub(super) client: Client,
    pub(super) settings: Settings,
    /// `headers` of the section.
    headers: HeaderMap,
    pub(super) metrics: QueueMetrics,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) families: RwLock<Families>,
    /// Nanoseconds spent in requests, all shards together.
    busy_ns: AtomicU64,
    newest_sent: AtomicI64,
    last_sent: AtomicI64,
    /// Shards that wait because the receiver fails.
    failing: AtomicBool,
    flushing: AtomicBool,
    trouble: Mutex<Option<(QueueActivity, String)>>,
}

impl Sender {
    pub(super) fn new(
        name: String,
        url: Url,
        client: Client,
        settings: Settings,
        headers: HeaderMap,
        metrics: QueueMetrics,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            name,
            url,
            client,
            settings,
            headers,
            metrics,
            clock,
            families: RwLock::default(),
            busy_ns: AtomicU64::new(0),
            newest_sent: AtomicI64::new(0),
            last_sent: AtomicI64::new(0),
            failing: AtomicBool::new(false),
            flushing: AtomicBool::new(false),
            trouble: Mutex::new(None),
        }
    }

    /// Sends one body.
    pub(super) async fn post(&self, body: Bytes, attempt: u32) -> Answer {
        let protocol = self.settings.protocol;
        let mut headers = self.headers.clone();
        headers.insert("content-encoding", HeaderValue::from_static("snappy"));
        headers.insert("content-type", HeaderValue::from_static(protocol.content_type()));
        headers.insert(
            HeaderName::from_static("x-prometheus-remote-write-version"),
            HeaderValue::from_static(protocol.version()),
        );
        if attempt > 0 {
            headers.insert(HeaderName::from_static("retry-attempt"), HeaderValue::from(attempt));
        }
        let request = self.client.request(Method::POST, self.url.clone()).headers(headers).body(body);
        match request.timeout(self.settings.remote_timeout).send().await {
            Ok(response) => self.answer(response).await,
            Err(Failure::TooLarge(limit)) => {
                Answer::Refused(format!("its answer has more than {limit} bytes"))
            }
            Err(failure) => Answer::Again { after: None, why: failure.to_string() },
        }
    }

    async fn answer(&self, response: Response) -> Answer {
        let status = response.status();
        if status.is_success() {
            let written =
                |name: &'static str| response.header(HeaderName::from_static(name)).parse::<u64>().ok();
            let samples = written("x-prometheus-remote-write-samples-written");
            let histograms = written("x-prometheus-remote-write-histograms-written");
            let exemplars = written("x-prometheus-remote-write-exemplars-written");
            let counts = samples.or(histograms).or(exemplars).map(|_| Counts {
                samples: samples.unwrap_or(0),
                histograms: histograms.unwrap_or(0),
                exemplars: exemplars.unwrap_or(0),
            });
            // The answer is read to its end, so that the connection can be used again.
            let _ = response.beginning(ANSWER_BYTES).await;
            return Answer::Delivered(counts);
        }
        let after = pause_of(&response, self.clock.now_ms());
        let text = response.beginning(ANSWER_BYTES).await;
        let first_line = text.lines().next().unwrap_or_default();
        let why = format!("server returned HTTP status {status}: {first_line}");
        let again = status.is_server_error()
            || (status == StatusCode::TOO_MANY_REQUESTS && self.settings.retry_on_http_429);
        if again {
            return Answer::Again { after, why };
        }
        let disordered = status == StatusCode::BAD_REQUEST
            && self.settings.protocol == Protocol::V1
            && DISORDER.iter().any(|words| first_line.contains(words));
        if disordered { Answer::Disordered(why) } else { Answer::Refused(why) }
    }

    /// Version 2.0 says what it took: a receiver that took nothing of it, and does not even say so, speaks another
    /// version.
    pub(super) fn judge(&self, answer: Answer, counts: Counts) -> Answer {
        match (self.settings.protocol, answer) {
            (Protocol::V2, Answer::Delivered(None)) if counts.all() > 0 => Answer::Refused(
                "the receiver answered without saying what it wrote: it may not speak remote write 2.0 \
                 (protobuf_message: prometheus.WriteRequest)"
                    .to_owned(),
            ),
            (_, answer) => answer,
        }
    }

    pub(super) fn took(&self, time: Duration) {
        self.metrics.batch_seconds.observe(time.as_secs_f64());
        self.busy_ns.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn delivered(&self, counts: Counts, bytes: usize, newest: i64) {
        self.metrics.sent(counts);
        self.metrics.bytes.inc_by(bytes as u64);
        let before = self.newest_sent.fetch_max(newest, Ordering::Relaxed);
        self.metrics.highest_sent.set(before.max(newest) as f64 / 1000.0);
        self.last_sent.store(self.clock.now_ms(), Ordering::Relaxed);
        self.failing.store(false, Ordering::Relaxed);
        if self.trouble.lock().take().is_some() {
            tracing::info!(queue = self.name, "the receiver takes samples again");
        }
    }

    pub(super) fn refused(&self, counts: Counts, why: &str) {
        self.metrics.failed(counts);
        self.failing.store(false, Ordering::Relaxed);
        tracing::error!(
            queue = self.name,
            items = counts.all(),
            why,
            "the receiver refused samples; they are dropped"
        );
        *self.trouble.lock() = Some((QueueActivity::Refused, why.to_owned()));
    }

    pub(super) fn again(&self, counts: Counts, why: &str) {
        self.metrics.retried(counts);
        self.failing.store(true, Ordering::Relaxed);
        let trouble = Some((QueueActivity::Retrying, why.to_owned()));
        let before = std::mem::replace(&mut *self.trouble.lock(), trouble);
        // Once, not for every attempt.
        if before.is_none_or(|(_, text)| text != why) {
            tracing::warn!(queue = self.name, why, "the receiver cannot be reached; it is tried again");
        }
    }

    /// Whether the last attempt of a shard failed in a way that may pass.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// From here on no batch waits until it is full.
    pub(super) fn flush(&self) {
        self.flushing.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_flushing(&self) -> bool {
        self.flushing.load(Ordering::Relaxed)
    }

    /// Seconds spent in requests, all shards together.
    pub(super) fn busy_seconds(&self) -> f64 {
        self.busy_ns.load(Ordering::Relaxed) as f64 / 1e9
    }

    /// Time of the newest sample delivered, ms; 0: none.
    pub(super) fn newest_sent(&self) -> i64 {
        self.newest_sent.load(Ordering::Relaxed)
    }

    /// When something was delivered last, ms; 0: never.
    pub(super) fn last_sent(&self) -> i64 {
        self.last_sent.load(Ordering::Relaxed)
    }

    /// What it is at, and what went wrong last.
    pub(super) fn activity(&self) -> (QueueActivity, Option<String>) {
        match &*self.trouble.lock() {
            Some((activity, why)) => (*activity, Some(why.clone())),
            None if self.last_sent() == 0 => (QueueActivity::Starting, None),
            None => (QueueActivity::Sending, None),
        }
    }
}

/// `Retry-After`: seconds, or a date.
fn pause_of(response: &Response, now_ms: i64) -> Option<Duration> {
    pause(response.header(outbound::client::header::RETRY_AFTER), now_ms)
}

fn pause(value: &str, now_ms: i64) -> Option<Duration> {
    let value = value.trim();
    let wanted = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = httpdate::parse_http_date(value).ok()?;
            let at = at.duration_since(std::time::UNIX_EPOCH).ok()?;
            let now = Duration::from_millis(u64::try_from(now_ms).ok()?);
            at.saturating_sub(now)
        }
    };
    (!wanted.is_zero()).then_some(wanted.min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_and_has_an_end() {
        let now = 784_111_770_000; // 7 s before the date below
        assert_eq!(pause("3", now), Some(Duration::from_secs(3)));
        assert_eq!(pause("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(7)));
        assert_eq!(pause("Sun, 06 Nov 1994 08:49:37 GMT", now + 60_000), None);
        assert_eq!(pause("99999999999", now), Some(LONGEST_PAUSE));
        for nothing in ["", "0", "soon", "-1"] {
            assert_eq!(pause(nothing, now), None, "{nothing:?}");
        }
    }
}
