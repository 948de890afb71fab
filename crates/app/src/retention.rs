//! How long and how much is kept.

use model::config::{Duration, Size};
use model::{Error, Result};

use disk::{Fs, io_error};

use crate::config::RetentionConfig;
use crate::flags::Flags;

/// The part of the size limit that events of containers get.
const EVENTS_SHARE: u64 = 10;
/// The most that logs and spans get of it. The rest is for samples, and so is what logs and spans do not take.
const RECORDS_SHARE: (u64, u64) = (2, 5);

/// What each store may take on disk, bytes; `u64::MAX`: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shares {
    /// Samples, and with them logs and spans.
    pub(crate) samples: u64,
    pub(crate) events: u64,
    pub(crate) records: u64,
}

/// Without any flag.
const DEFAULT_MS: i64 = 15 * 86_400_000;

/// Limits on what is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Retention {
    /// By time, ms; 0: no limit.
    pub(crate) time_ms: i64,
    /// By size: `Some(0)` no limit; `None` the default, at most 10 GiB and at most 80 % of the file system.
    pub(crate) bytes: Option<u64>,
    /// By share of the file system, percent; 0: not. It replaces the limit by size.
    pub(crate) percentage: f64,
}

impl Retention {
    /// What the stores may take together becomes a limit for each.
    pub(crate) fn shares(&self, fs: &dyn Fs, ours: &std::path::Path) -> Result<Shares> {
        Ok(match disk::space::size_limit(fs, ours, self.bytes)? {
            u64::MAX => Shares { samples: u64::MAX, events: u64::MAX, records: u64::MAX },
            limit => {
                let (events, records) = (limit / EVENTS_SHARE, limit / RECORDS_SHARE.1 * RECORDS_SHARE.0);
                Shares { samples: limit - events, events: events.max(1), records: records.max(1) }
            }
        })
    }

    /// Turns a share of the file system that holds `data` into bytes.
    pub(crate) fn settle(&mut self, fs: &dyn Fs, data: &std::path::Path) -> Result<()> {
        if self.percentage > 0.0 {
            let space =
                fs.space(data).map_err(|e| io_error("ask for the size of the file system", data, &e))?;
            self.bytes = Some(((space.total as f64 * self.percentage / 100.0) as u64).max(1));
        }
        Ok(())
    }
}

/// Flags replace the default as a whole, as in Prometheus: who gives one limit gets that one only. What the file says
/// replaces the flag of the same limit.
pub(crate) fn of(flags: &Flags, written: Option<&RetentionConfig>) -> Result<Retention> {
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
    let said = |ms: u64| i64::try_from(ms).ok().filter(|ms| *ms > 0);
    let time_ms = written.and_then(|w| said(w.time.as_ms())).or(time_ms);
    let bytes = written.map(|w| w.size.0).filter(|size| *size > 0).or(bytes);
    let percentage = written.map_or(0.0, |w| w.percentage);
    Ok(match (time_ms, bytes) {
        (None, None) if percentage == 0.0 => Retention { time_ms: DEFAULT_MS, bytes: None, percentage },
        (time_ms, bytes) => {
            Retention { time_ms: time_ms.unwrap_or(0), bytes: Some(bytes.unwrap_or(0)), percentage }
        }
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
        of(&Flags::of_args(args).unwrap(), None)
    }

    #[test]
    fn the_file_replaces_flags_limit_by_limit() {
        let flags = Flags::of_args(&["--storage.tsdb.retention.time=200h"]).unwrap();
        let written = RetentionConfig { size: Size(5 << 30), ..RetentionConfig::default() };
        let both = of(&flags, Some(&written)).unwrap();
        assert_eq!(both, Retention { time_ms: 720_000_000, bytes: Some(5 << 30), percentage: 0.0 });
        let written = RetentionConfig { time: Duration::from_secs(60), percentage: 50.0, ..written };
        let mut all = of(&flags, Some(&written)).unwrap();
        assert_eq!(all.time_ms, 60_000);
        all.settle(&disk::RealFs, std::path::Path::new("/")).unwrap();
        let total = disk::RealFs.space(std::path::Path::new("/")).unwrap().total;
        assert!(all.bytes.unwrap().abs_diff(total / 2) <= total / 100);
        let share = RetentionConfig { percentage: 10.0, ..RetentionConfig::default() };
        let alone = of(&Flags::of_args(&[]).unwrap(), Some(&share)).unwrap();
        assert_eq!(alone.time_ms, 0, "who gives one limit gets that one only");
    }

    #[test]
    fn flags_replace_the_default_as_a_whole() {
        assert_eq!(
            of_args(&[]).unwrap(),
            Retention { time_ms: 15 * 86_400_000, bytes: None, percentage: 0.0 }
        );
        let time = of_args(&["--storage.tsdb.retention.time=200h"]).unwrap();
        assert_eq!(time, Retention { time_ms: 720_000_000, bytes: Some(0), percentage: 0.0 });
        let size = of_args(&["--storage.tsdb.retention.size=5GB"]).unwrap();
        assert_eq!(size, Retention { time_ms: 0, bytes: Some(5 << 30), percentage: 0.0 });
        let text = of_args(&["--storage.tsdb.retention.time=15 days"]).unwrap_err().message;
        assert!(text.starts_with("--storage.tsdb.retention.time: "), "{text}");
    }
}
