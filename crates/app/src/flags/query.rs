//! `--query.*`.

use std::time::Duration;

use clap::Args;

use super::values::{count, positive_duration};

/// Limits of queries.
#[derive(Debug, Clone, Args)]
pub struct QueryFlags {
    /// How far back a query looks for the newest sample of a series.
    #[arg(long = "query.lookback-delta", value_name = "DURATION", default_value = "5m",
          value_parser = positive_duration)]
    pub lookback_delta: Duration,
    /// The longest a query may take.
    #[arg(long = "query.timeout", value_name = "DURATION", default_value = "2m", value_parser = positive_duration)]
    pub timeout: Duration,
    /// Queries at one time.
    #[arg(long = "query.max-concurrency", value_name = "N", default_value_t = 20)]
    pub max_concurrency: usize,
    /// Samples a query may hold at a time.
    #[arg(long = "query.max-samples", value_name = "N", default_value = "50000000", value_parser = count)]
    pub max_samples: u64,
}
