//! Native histograms.

mod check;

pub use check::{BadHistogram, CUSTOM_SCHEMA, MAX_BUCKETS, MAX_SCHEMA, MIN_SCHEMA};

/// A run of consecutive buckets: how far it begins after the end of the run before it, and how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Gap to the previous span's end, or the index of the first bucket for the first span.
    pub offset: i32,
    /// How many buckets follow.
    pub length: u32,
}

/// One bucket with its bounds resolved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
    /// Observations in the bucket (not cumulative).
    pub count: f64,
}

/// What is known about a counter reset before this histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResetHint {
    /// Must be found out by comparing.
    #[default]
    Unknown,
    /// A reset happened.
    Reset,
    /// No reset happened.
    NotReset,
    /// A gauge histogram: resets mean nothing.
    Gauge,
}

/// A native histogram with float counts (Prometheus' `FloatHistogram`); integer histograms are widened on arrival.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Histogram {
    /// What is known about a reset.
    pub reset_hint: ResetHint,
    /// -4..=8 for exponential buckets, -53 for custom bounds.
    pub schema: i32,
    /// Width of the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// All observations.
    pub count: f64,
    /// Sum of observations.
    pub sum: f64,
    /// Where the positive buckets lie.
    pub positive_spans: Vec<Span>,
    /// Absolute counts of the positive buckets.
    pub positive_buckets: Vec<f64>,
    /// Where the negative buckets lie.
    pub negative_spans: Vec<Span>,
    /// Absolute counts of the negative buckets.
    pub negative_buckets: Vec<f64>,
    /// Upper bounds for schema -53, without +Inf.
    pub custom_values: Vec<f64>,
}
