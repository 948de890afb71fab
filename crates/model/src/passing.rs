//! What is known of the queues that pass samples on to other servers: for the status page.

use serde::Serialize;

/// Whoever passes samples on.
pub trait Queues: Send + Sync {
    /// Every queue as it is now, in the order of the configuration.
    fn queues(&self) -> Vec<QueueState>;
}

/// What a queue is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueActivity {
    /// Nothing was sent yet.
    #[default]
    Starting,
    /// What arrives is sent.
    Sending,
    /// The receiver fails; it is tried again.
    Retrying,
    /// The receiver refuses what it is sent, and that is dropped.
    Refused,
    /// It ends.
    Stopping,
}

/// One queue.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct QueueState {
    /// Its name.
    pub name: String,
    /// Where it sends, without user, password and query.
    pub url: String,
    /// The message it sends, e.g. `prometheus.WriteRequest`.
    pub protocol: String,
    /// What it is at.
    pub activity: QueueActivity,
    /// How far the newest sample that was delivered is behind the newest that was stored, in seconds.
    pub lag_seconds: f64,
    /// Bytes of the log that are not delivered.
    pub lag_bytes: u64,
    /// How many bytes of the log may wait.
    pub cap_bytes: u64,
    /// Bytes of the log that were given up because more was waiting than may.
    pub lost_bytes: u64,
    /// Requests under way at once.
    pub shards: u64,
    /// The most requests under way at once.
    pub max_shards: u64,
    /// Samples read from the log and not delivered yet.
    pub pending: u64,
    /// Samples delivered, exemplars and histograms included.
    pub sent: u64,
    /// Samples that the receiver refused.
    pub failed: u64,
    /// Samples dropped by relabelling, for their age, or because the protocol cannot carry them.
    pub dropped: u64,
    /// Samples that were sent again.
    pub retried: u64,
    /// When something was delivered last, ms; 0: never.
    pub last_sent_ms: i64,
    /// What went wrong last, until something is delivered.
    pub last_error: Option<String>,
}
