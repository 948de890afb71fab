//! What a stream may send: so many bytes a second, lines so long, labels so many.

use model::Labels;
use model::records::{NO_TIME, Refusal, Row};
use parking_lot::Mutex;

use super::config::Limits;

/// How many streams are remembered; over them, those that could send at full rate are forgotten.
const STREAMS: usize = 16_384;

/// Judges streams and lines.
#[derive(Debug)]
pub(super) struct Judge {
    limits: Limits,
    future_ns: i64,
    buckets: Mutex<hashbrown::HashMap<Labels, Bucket>>,
}

/// What a stream has left.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    bytes: f64,
    filled_ns: i64,
}

impl Judge {
    pub(super) fn new(limits: Limits) -> Self {
        let future_ns = limits.future.as_i64_ms().saturating_mul(1_000_000);
        Self { limits, future_ns, buckets: Mutex::default() }
    }

    /// Whether the stream's labels are few and short enough.
    pub(super) fn stream(&self, labels: &Labels) -> Option<Refusal> {
        let limits = &self.limits;
        let long = |(name, value): (&str, &str)| {
            name.len() > limits.label_name_length || value.len() > limits.label_value_length
        };
        (labels.len() > limits.labels || labels.iter().any(long)).then_some(Refusal::Labels)
    }

    /// Whether the line is short enough and not of a far future.
    pub(super) fn line(&self, row: &Row<'_>, now_ns: i64) -> Option<Refusal> {
        if row.body().len() as u64 > self.limits.line_length.0 {
            return Some(Refusal::LineTooLong);
        }
        let ahead = row.time_ns().saturating_sub(now_ns);
        (self.future_ns > 0 && row.time_ns() != NO_TIME && ahead > self.future_ns)
            .then_some(Refusal::TooFarInFuture)
    }

    /// Whether rates are limited at all.
    pub(super) fn has_rate(&self) -> bool {
        self.limits.rate.0 > 0
    }

    /// Takes `bytes` from what the stream may send; `false` where it has not so many left.
    pub(super) fn take(&self, labels: &Labels, bytes: usize, now_ns: i64) -> bool {
        let (rate, most) = (self.limits.rate.0 as f64, self.limits.burst.0.max(self.limits.rate.0) as f64);
        let mut buckets = self.buckets.lock();
        let fill = |bucket: &mut Bucket| {
            let seconds = now_ns.saturating_sub(bucket.filled_ns).max(0) as f64 / 1e9;
            bucket.bytes = (bucket.bytes + seconds * rate).min(most);
            bucket.filled_ns = bucket.filled_ns.max(now_ns);
        };
        if buckets.len() >= STREAMS && !buckets.contains_key(labels) {
            buckets.retain(|_, bucket| {
                fill(bucket);
                bucket.bytes < most
            });
            if buckets.len() >= STREAMS {
                buckets.clear();
            }
        }
        let new = Bucket { bytes: most, filled_ns: now_ns };
        let bucket = buckets.entry(labels.clone()).or_insert(new);
        fill(bucket);
        let bytes = bytes as f64;
        let enough = bucket.bytes >= bytes;
        if enough {
            bucket.bytes -= bytes;
        }
        enough
    }
}
