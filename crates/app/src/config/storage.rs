//! `storage`: how samples are kept. What is written here wins over the flags.

use model::config::{Duration, Size};

model::section! {
    /// The section.
    pub struct StorageConfig ("config.plain") {
        /// Samples.
        tsdb: Option<TsdbConfig> = Some(TsdbConfig::default()),
        /// Exemplars.
        exemplars: Option<ExemplarsConfig> = None,
    }
}

model::section! {
    /// Samples.
    pub struct TsdbConfig ("config.plain") {
        /// How far behind the newest sample of its series one may be; 0: not at all. 30 minutes where it is not written.
        out_of_order_time_window: Option<Duration> = None,
        /// Share of series without new samples from which Prometheus compacts early: without effect here.
        stale_series_compaction_threshold: f64 = 0.0,
        /// How chunks are written: without effect here, blocks have codecs of their own.
        chunk_encoding: ChunkEncoding = ChunkEncoding::default(),
        /// How long.
        retention: RetentionConfig = RetentionConfig::default() => always,
    }
    check |config| match config.chunk_encoding.floats.as_str() {
        "" | "xor" | "xor2" => Ok(()),
        other => Err(format!(
            "'storage.tsdb.chunk_encoding.floats' must be 'xor' or 'xor2', or the field must be omitted entirely, got \
             {other:?}"
        )),
    }
}

model::section! {
    /// How chunks are written.
    pub struct ChunkEncoding ("config.ChunkEncodingConfig") {
        /// `xor` or `xor2`.
        floats: String = String::new(),
    }
}

model::section! {
    /// How long samples are kept; what is 0 is not said.
    pub struct RetentionConfig ("config.plain") {
        /// By time.
        time: Duration = Duration::default(),
        /// By bytes on disk.
        size: Size = Size::default(),
        /// By share of the file system, percent.
        percentage: f64 = 0.0,
    }
    check |config| match (0.0..=100.0).contains(&config.percentage) {
        true => Ok(()),
        false => Err(format!(
            "'storage.tsdb.retention.percentage' must be in the range [0, 100], got {}",
            config.percentage
        )),
    }
}

model::section! {
    /// Exemplars.
    pub struct ExemplarsConfig ("config.ExemplarsConfig") {
        /// How many are kept; 0 or less: none.
        max_exemplars: i64 = 100_000,
    }
}
