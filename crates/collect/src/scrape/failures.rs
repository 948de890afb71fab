//! `scrape_failure_log_file`: a line of JSON for every scrape that failed, as Prometheus writes it.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

/// A file that has this many bytes is renamed to `NAME.1`, where it replaces the one before.
const MAX_BYTES: u64 = 64 << 20;

/// The file of one job.
#[derive(Debug)]
pub(super) struct FailureLog(LineFile);

/// A file that lines are added to.
#[derive(Debug)]
pub struct LineFile {
    path: PathBuf,
    open: Mutex<Option<(File, u64)>>,
}

impl FailureLog {
    pub(super) fn new(path: &Path) -> Self {
        Self(LineFile::new(path))
    }

    /// Adds a line. What cannot be written is said in our own log: a scrape does not fail for it.
    pub(super) fn write(&self, now_ms: i64, job: &str, url: &str, error: &str) {
        let time = jiff::Timestamp::from_millisecond(now_ms).map(|t| t.to_string()).unwrap_or_default();
        let line = serde_json::json!({
            "time": time, "level": "ERROR", "msg": error, "job_name": job, "target": url,
        });
        if let Err(error) = self.0.append(&format!("{line}\n")) {
            tracing::warn!(%error, path = %self.0.path.display(), "scrape_failure_log_file cannot be written");
        }
    }
}

impl LineFile {
    /// The file is opened with the first line.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), open: Mutex::default() }
    }

    /// Adds a line, its end included. A file that is too large is set aside first.
    pub fn append(&self, line: &str) -> std::io::Result<()> {
        let mut open = self.open.lock();
        if open.as_ref().is_some_and(|(_, size)| *size >= MAX_BYTES) {
            *open = None;
            let mut old = self.path.clone().into_os_string();
            old.push(".1");
            std::fs::rename(&self.path, old)?;
        }
        if open.is_none() {
            let file = OpenOptions::new().create(true).append(true).open(&self.path)?;
            let size = file.metadata()?.len();
            *open = Some((file, size));
        }
        if let Some((file, size)) = open.as_mut() {
            file.write_all(line.as_bytes())?;
            *size += line.len() as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_added_as_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("failures.log");
        for error in ["one", "t\"wo"] {
            FailureLog::new(&path).write(1_000, "j", "http://h/metrics", error);
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!((&lines[1]["msg"], &lines[0]["time"]), (&"t\"wo".into(), &"1970-01-01T00:00:01Z".into()));
    }
}
