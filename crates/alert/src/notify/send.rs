//! Sends what waits for one Alertmanager, batch by batch.

use std::sync::Arc;
use std::time::Duration;

use model::Clock;
use model::summary::LabelSet;
use outbound::client::header::{CONTENT_TYPE, HeaderValue};
use outbound::{Client, Method, Url};
use tokio_util::sync::CancellationToken;

use super::Settings;
use super::metrics::Metrics;
use super::payload;
use super::queue::Queue;
use crate::sink::OutgoingAlert;

/// How often a batch is tried.
const ATTEMPTS: u32 = 4;
/// The wait before the second attempt; it doubles with each.
const BACK_OFF: Duration = Duration::from_millis(250);
/// What is told of an answer that is an error.
const TOLD: usize = 512;

/// One Alertmanager.
pub(super) struct Sender {
    pub(super) url: Url,
    pub(super) client: Client,
    pub(super) timeout: Duration,
    pub(super) queue: Queue,
    pub(super) settings: Settings,
    pub(super) metrics: Metrics,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) labels: LabelSet,
    pub(super) stop: CancellationToken,
}

/// Why a batch was not taken, and whether another attempt may help.
struct Refused {
    reason: String,
    again: bool,
}

impl Sender {
    /// Adds alerts; what has no room is counted.
    pub(super) fn add(&self, alerts: &[Arc<OutgoingAlert>]) {
        if self.stop.is_cancelled() {
            return;
        }
        let dropped = self.queue.add(alerts);
        if dropped > 0 {
            tracing::warn!(alertmanager = %self.url, dropped, "too many alerts wait, the oldest are dropped");
            self.dropped(dropped);
        }
        self.note_length();
    }

    /// Sends until it is stopped; then what waits is sent, or dropped.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                () = self.queue.work() => {}
            }
            while self.queue.len() > 0 && !self.stop.is_cancelled() {
                self.send_batch().await;
            }
        }
        let waiting = self.queue.len();
        if self.settings.drain {
            while self.queue.len() > 0 {
                self.send_batch().await;
            }
        } else if waiting > 0 {
            tracing::warn!(alertmanager = %self.url, waiting, "alerts that waited are dropped");
            self.dropped(waiting);
        }
        self.metrics.remove(&self.labels);
    }

    async fn send_batch(&self) {
        let alerts = self.queue.batch(self.settings.batch);
        self.note_length();
        let body = match payload::body(&alerts) {
            Ok(body) => body,
            Err(error) => {
                tracing::error!(error, "alerts cannot be written as JSON");
                return self.dropped(alerts.len());
            }
        };
        for attempt in 0..ATTEMPTS {
            let begun = self.clock.now_ns();
            let answer = self.post(body.clone()).await;
            let seconds = (self.clock.now_ns() - begun).max(0) as f64 / 1e9;
            self.metrics.latency.observe(&self.labels, seconds);
            let Err(refused) = answer else {
                self.metrics.sent.get_or_create(&self.labels).inc_by(alerts.len() as u64);
                return;
            };
            self.metrics.errors.get_or_create(&self.labels).inc_by(alerts.len() as u64);
            let last = attempt + 1 == ATTEMPTS || !refused.again || self.stop.is_cancelled();
            let (alertmanager, alerts, reason) = (&self.url, alerts.len(), &refused.reason);
            tracing::warn!(%alertmanager, alerts, reason, last, "alerts were not taken");
            if last {
                break;
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = tokio::time::sleep(BACK_OFF * 2u32.pow(attempt)) => {}
            }
        }
        self.dropped(alerts.len());
    }

    async fn post(&self, body: Vec<u8>) -> Result<(), Refused> {
        let request = self
            .client
            .request(Method::POST, self.url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .timeout(self.timeout)
            .body(body);
        let response = request.send().await.map_err(|e| Refused { reason: e.to_string(), again: true })?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let again = status.is_server_error() || status.as_u16() == 429;
        let reason = format!("bad response status {status}: {}", response.beginning(TOLD).await);
        Err(Refused { reason, again })
    }

    fn dropped(&self, alerts: usize) {
        self.metrics.dropped.get_or_create(&self.labels).inc_by(alerts as u64);
    }

    fn note_length(&self) {
        self.metrics.queue_length.get_or_create(&self.labels).set(self.queue.len() as f64);
    }
}
