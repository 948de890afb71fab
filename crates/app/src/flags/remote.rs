//! `--storage.remote.*`: limits of remote write and remote read.

use std::time::Duration;

use clap::Args;

use super::values::{count, duration};

/// Flags of remote storage.
#[derive(Debug, Clone, Args)]
pub struct RemoteFlags {
    /// How long the end and a reload wait for samples that are still to be sent.
    #[arg(long = "storage.remote.flush-deadline", value_name = "DURATION", default_value = "1m",
          value_parser = duration)]
    pub flush_deadline: Duration,
    /// Samples that one remote read may return, 0: no limit; streamed answers have none.
    #[arg(long = "storage.remote.read-sample-limit", value_name = "N", default_value = "5e7", value_parser = count)]
    pub read_sample_limit: u64,
    /// Remote reads at one time, 0: no limit.
    #[arg(long = "storage.remote.read-concurrent-limit", value_name = "N", default_value_t = 10)]
    pub read_concurrent_limit: usize,
    /// Bytes of one frame of a streamed answer.
    #[arg(
        long = "storage.remote.read-max-bytes-in-frame",
        value_name = "BYTES",
        default_value_t = 1_048_576
    )]
    pub read_max_bytes_in_frame: usize,
}
