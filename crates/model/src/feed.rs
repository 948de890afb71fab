//! Following what a store accepts, in the order of its log: what remote write sends is read from here, so that it
//! survives a restart and an outage of the receiver.

use std::sync::Arc;

use crate::error::Result;
use crate::exemplar::Exemplar;
use crate::histogram::Histogram;
use crate::labels::Labels;

/// A store whose log can be followed. Optional capability.
pub trait MetricFeed: Send + Sync {
    /// A follower that keeps its place under `name` across restarts. A new name begins with what is accepted from now
    /// on. The log it has not acknowledged is kept up to `cap_bytes`; beyond that the oldest is given up and counted
    /// in [`FeedLag::lost_bytes`]. A second follower of the same name is a [`crate::ErrorKind::Conflict`].
    fn follow(&self, name: &str, cap_bytes: u64) -> Result<Box<dyn Follower>>;

    /// Forgets the place of every follower whose name is not in `keep`, so that a queue that was configured away does
    /// not pin the log.
    fn forget_others(&self, keep: &[String]) -> Result<()>;

    /// How far behind the follower of this name is, whether it is open or not.
    fn lag(&self, name: &str) -> FeedLag;
}

/// Reads the log forward.
pub trait Follower: Send {
    /// Appends up to about `max` samples to `out` (cleared first). `false`: nothing new; ask again later.
    fn next(&mut self, max: usize, out: &mut FeedBatch) -> Result<bool>;

    /// Everything up to the end of the batch with this `position` was delivered (or given up on purpose): remembered
    /// across restarts, and the log before it may go. Positions grow.
    fn acknowledge(&mut self, position: u64) -> Result<()>;
}

/// Some records of the log.
#[derive(Debug, Clone, Default)]
pub struct FeedBatch {
    /// In the order of the log.
    pub samples: Vec<FeedSample>,
    /// Where it ends, for [`Follower::acknowledge`].
    pub position: u64,
}

/// One record.
#[derive(Debug, Clone)]
pub struct FeedSample {
    /// Labels of the series, metric name included; shared by its samples.
    pub series: Arc<Labels>,
    /// Milliseconds since the Unix epoch.
    pub t: i64,
    /// Start timestamp in ms, 0: not known.
    pub start: i64,
    /// What was accepted.
    pub value: FeedValue,
}

/// What was accepted.
#[derive(Debug, Clone)]
pub enum FeedValue {
    /// A float sample; stale markers are passed on.
    Float(f64),
    /// A native histogram.
    Histogram(Box<Histogram>),
    /// An exemplar of the series; its time is that of the record.
    Exemplar(Box<Exemplar>),
}

/// How far behind a follower is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FeedLag {
    /// Bytes of the log that are not acknowledged.
    pub bytes: u64,
    /// Time of the newest sample that `next` returned, ms; 0: none.
    pub newest_read_ms: i64,
    /// Bytes that were given up over the cap since the follower was opened.
    pub lost_bytes: u64,
    /// Time of the newest sample that the store accepted since it was opened, ms; 0: none.
    pub newest_accepted_ms: i64,
    /// Samples that the store accepted since it was opened.
    pub accepted: u64,
}
