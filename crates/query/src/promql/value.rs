//! What a query yields.

use std::sync::Arc;
use std::time::Duration;

use model::{Cost, Histogram, Labels};

/// One sample of an instant vector: a float, or a native histogram.
#[derive(Debug, Clone, PartialEq)]
pub enum SampleValue {
    /// A float.
    Float(f64),
    /// A native histogram.
    Histogram(Arc<Histogram>),
}

/// One element of an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub struct InstantSample {
    /// Its labels.
    pub labels: Labels,
    /// Milliseconds since the Unix epoch: the time of evaluation.
    pub t: i64,
    /// Its value.
    pub value: SampleValue,
}

/// One element of a matrix. No time has both a float and a histogram.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// Its labels.
    pub labels: Labels,
    /// Floats with their times in ms, increasing.
    pub points: Vec<(i64, f64)>,
    /// Native histograms with their times in ms, increasing.
    pub histograms: Vec<(i64, Arc<Histogram>)>,
}

/// A query's result.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// One number.
    Scalar {
        /// Time of evaluation in ms.
        t: i64,
        /// The number.
        v: f64,
    },
    /// A text.
    String {
        /// Time of evaluation in ms.
        t: i64,
        /// The text.
        s: String,
    },
    /// An instant vector, in the order of the result (`sort` and `topk` mean theirs).
    Vector(Vec<InstantSample>),
    /// Series with points, sorted by labels.
    Matrix(Vec<Series>),
}

impl Default for Value {
    /// No series.
    fn default() -> Self {
        Self::Matrix(Vec::new())
    }
}

impl Value {
    /// The name of the result's type in the HTTP API.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Scalar { .. } => "scalar",
            Self::String { .. } => "string",
            Self::Vector(_) => "vector",
            Self::Matrix(_) => "matrix",
        }
    }
}

/// How long a query took and what it looked at.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueryStats {
    /// Until evaluation began: parsing, and computing durations.
    pub preparation: Duration,
    /// Reading and computing.
    pub evaluation: Duration,
    /// Bringing the result into its order and shape.
    pub sorting: Duration,
    /// The most samples that were held at one time.
    pub peak_samples: u64,
    /// Counts of samples, where [`EngineOptions::sample_stats`](super::EngineOptions::sample_stats) asks for them.
    pub samples: Option<SampleStats>,
}

/// What a query looked at. A native histogram counts as many samples as it takes space.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SampleStats {
    /// What each step would look at if it were alone: windows that overlap count a sample again.
    pub total: u64,
    /// Each sample once for each selector.
    pub read: u64,
    /// `total` by step: time in ms, count. Empty unless steps are asked for.
    pub total_per_step: Vec<(i64, u64)>,
    /// `read` by the step that needed it first, likewise.
    pub read_per_step: Vec<(i64, u64)>,
}

/// A result with what the user should know about it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueryOutput {
    /// The result.
    pub value: Value,
    /// Results may be wrong: `PromQL warning: ... (line:column)`, and what the store said.
    pub warnings: Vec<String>,
    /// Results may surprise: `PromQL info: ... (line:column)`.
    pub infos: Vec<String>,
    /// Lengths of the spans, ms, whose summaries were read in place of samples; coarsest first.
    pub resolutions: Vec<i64>,
    /// What it cost.
    pub cost: Cost,
    /// How long it took, and how many samples it looked at.
    pub stats: QueryStats,
}
