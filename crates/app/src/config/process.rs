//! `runtime`: settings of Prometheus' Go runtime.

model::section! {
    /// Read and shown, so that a file of Prometheus stays what it is.
    pub struct RuntimeConfig ("config.RuntimeConfig") {
        /// Percentage of Go's garbage collector.
        gogc: i64 = 75,
    }
    check |config| {
        if config.gogc == 0 {
            config.gogc = 75;
        }
        Ok(())
    }
}
