//! A series that a reader of another format has put together.

use model::Labels;

use crate::remote_write::{HistogramPoint, Point};

/// A series with some samples.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Collected {
    /// Labels, metric name included.
    pub labels: Labels,
    /// Float samples by time.
    pub points: Vec<Point>,
    /// Start timestamps of `points` in ms: one each, or none at all (0: not known).
    pub starts: Vec<i64>,
    /// Native histograms by time.
    pub histograms: Vec<HistogramPoint>,
    /// Exemplars.
    pub exemplars: Vec<model::Exemplar>,
}
