//! Exemplars: single observations with a label set of their own (a trace id above all), kept beside a series.

use crate::ctx::Ctx;
use crate::error::Result;
use crate::labels::Labels;
use crate::matcher::Matcher;
use crate::metrics::SeriesRef;
use crate::time::TimeRange;

/// One observation.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// Its own labels, e.g. `trace_id`.
    pub labels: Labels,
    /// Milliseconds since the Unix epoch.
    pub t: i64,
    /// What was observed.
    pub v: f64,
}

/// An exemplar to record.
#[derive(Debug, Clone, PartialEq)]
pub struct ExemplarSample {
    /// Which series, from [`crate::MetricWriter::resolve`].
    pub series: SeriesRef,
    /// The observation.
    pub exemplar: Exemplar,
}

/// What became of exemplars that were to be recorded. Those that repeat the newest of their series are in neither.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExemplarsTaken {
    /// How many were taken.
    pub taken: usize,
    /// Places of those that are older than the newest of their series.
    pub out_of_order: Vec<usize>,
}

/// The exemplars of one series, by time.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesExemplars {
    /// Labels of the series, metric name included.
    pub series: Labels,
    /// Its exemplars, oldest first.
    pub exemplars: Vec<Exemplar>,
}

/// Reading exemplars. Optional capability of a store.
pub trait ExemplarReader: Send + Sync {
    /// Exemplars within `range` of series that satisfy all matchers of at least one set, sorted by the series' labels.
    fn exemplars(&self, ctx: &Ctx, sets: &[Vec<Matcher>], range: TimeRange) -> Result<Vec<SeriesExemplars>>;
}
