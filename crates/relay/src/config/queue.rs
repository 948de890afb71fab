//! How samples wait and are sent.

use model::config::Duration;

model::section! {
    /// The queue of one receiver.
    pub struct QueueConfig ("config.plain") {
        /// Samples that wait in one shard before the log is read no further.
        capacity: i64 = 10_000,
        /// Most requests at a time.
        max_shards: i64 = 50,
        /// Fewest.
        min_shards: i64 = 1,
        /// Most samples of a request.
        max_samples_per_send: i64 = 2_000,
        /// The longest that a sample waits for its request to be full.
        batch_send_deadline: Duration = Duration::from_secs(5),
        /// Wait before the first repetition of a request.
        min_backoff: Duration = Duration::from_ms(30),
        /// The longest such wait.
        max_backoff: Duration = Duration::from_secs(5),
        /// Whether requests that were refused with status 429 are repeated.
        retry_on_http_429: bool = false,
        /// Samples older than this are given up; 0: none.
        sample_age_limit: Duration = Duration::default(),
    }
}

impl QueueConfig {
    /// Refuses what cannot work. Run when the whole section is read, as Prometheus does.
    pub(super) fn check(&self) -> Result<(), String> {
        for (value, name) in [(self.max_shards, "max_shards"), (self.min_shards, "min_shards")] {
            if value <= 0 {
                return Err(format!("remote write queue {name} must be positive"));
            }
        }
        if self.min_shards > self.max_shards {
            return Err("remote write queue min_shards must not be greater than max_shards".to_owned());
        }
        for (value, name) in
            [(self.max_samples_per_send, "max_samples_per_send"), (self.capacity, "capacity")]
        {
            if value <= 0 {
                return Err(format!("remote write queue {name} must be positive"));
            }
        }
        if self.max_backoff < self.min_backoff {
            return Err("remote write queue max_backoff must not be less than min_backoff".to_owned());
        }
        Ok(())
    }
}

model::section! {
    /// How types, help texts and units are sent (remote write 1.0; in 2.0 they travel with the samples).
    pub struct MetadataConfig ("config.MetadataConfig") {
        /// Whether they are sent.
        send: bool = true => always,
        /// How often.
        send_interval: Duration = Duration::from_secs(60) => always,
        /// Most families of a request.
        max_samples_per_send: u64 = 2_000,
    }
}
