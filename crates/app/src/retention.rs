//! How long and how much is kept.

use model::config::{Duration, Size};
use model::{Error, Result};

use crate::flags::Flags;

/// Without any flag.
const DEFAULT_MS: i64 = 15 * 86_400_000;

/// Limits on what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retention {
    /// By time, ms; 0: no limit.
    pub(crate) time_ms: i64,
    /// By size: `Some(0)` no limit; `None` the default, at most 10 GiB and at most 80 % of the file system.
    pub(crate) bytes: Option<u64>,
}

/// Flags replace the default as a whole, as in Prometheus: who gives one limit gets that one only.
pub(crate) fn of(flags: &Flags) -> Result<Retention> {
    let time = flags.retention_time.as_ref().or(flags.retention.as_ref());
    let time_ms = time
        .map(|text| {
            let parsed = Duration::parse(text).map_err(|e| flag_error("storage.tsdb.retention.time", &e))?;
            i64::try_from(parsed.as_ms())
                .map_err(|_| flag_error("storage.tsdb.retention.time", "it is too long"))
        })
        .transpose()?;
    let bytes = flags
        .retention_size
        .as_ref()
        .map(|text| Size::parse(text).map(|s| s.0).map_err(|e| flag_error("storage.tsdb.retention.size", &e)))
        .transpose()?;
    Ok(match (time_ms, bytes) {
        (None, None) => Retention { time_ms: DEFAULT_MS, bytes: None },
        (time_ms, bytes) => Retention { time_ms: time_ms.unwrap_or(0), bytes: Some(bytes.unwrap_or(0)) },
    })
}

/// An error about a flag.
pub(crate) fn flag_error(flag: &str, problem: &str) -> Error {
    Error::invalid(format_args!("--{flag}: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    fn of_args(args: &[&str]) -> Result<Retention> {
        of(&Flags::of_args(args).unwrap())
    }

    #[test]
    fn flags_replace_the_default_as_a_whole() {
        assert_eq!(of_args(&[]).unwrap(), Retention { time_ms: 15 * 86_400_000, bytes: None });
        let time = of_args(&["--storage.tsdb.retention.time=200h"]).unwrap();
        assert_eq!(time, Retention { time_ms: 720_000_000, bytes: Some(0) });
        let size = of_args(&["--storage.tsdb.retention.size=5GB"]).unwrap();
        assert_eq!(size, Retention { time_ms: 0, bytes: Some(5 << 30) });
        let text = of_args(&["--storage.tsdb.retention.time=15 days"]).unwrap_err().message;
        assert!(text.starts_with("--storage.tsdb.retention.time: "), "{text}");
    }
}
