//! What is read of logs on disk, `collect.logs`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use model::config::{Duration, Size};
use serde::Deserialize;

/// Which logs are read and stored.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether any is.
    pub enabled: bool,
    /// Logs of the containers of the engine; a container with the label `bonghwa.logs=false` is left out.
    pub containers: bool,
    /// Where the host's files are seen, in front of the paths that the engine names; empty: as `--path.rootfs` says.
    pub rootfs: PathBuf,
    /// A folder of logs of pods, `/var/log/pods` as a rule.
    pub pods: Option<PathBuf>,
    /// The journal of systemd.
    pub journal: Journal,
    /// Log drivers whose containers send to this program by themselves: those of listeners that are configured.
    #[serde(skip)]
    pub received: Vec<&'static str>,
    /// Plain files.
    pub files: Vec<Files>,
    /// Whether lines of stack traces become one event.
    pub multiline: bool,
    /// How much of the past of a log is read that was never seen before.
    pub first_read: Size,
    /// Bytes of an event; the rest of a longer one is cut off.
    pub event_length: Size,
    /// How long the last line of a log waits for lines that belong to it.
    pub flush_after: Duration,
}

/// The journal of systemd, `journal`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Journal {
    /// Whether it is read.
    pub enabled: bool,
    /// Folders with journal files; without, those of machines below `/var/log/journal` and `/run/log/journal`.
    pub folders: Vec<PathBuf>,
}

impl Default for Journal {
    fn default() -> Self {
        Self { enabled: true, folders: Vec::new() }
    }
}

/// Plain files, one event a line.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// A path; its last part may hold `*` and `?`.
    pub path: String,
    /// Labels of their streams, beside `filename`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// What the first line of an event looks like; without, lines of stack traces are joined.
    #[serde(default)]
    pub multiline_start: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: true,
            containers: true,
            rootfs: PathBuf::new(),
            pods: None,
            journal: Journal::default(),
            received: Vec::new(),
            files: Vec::new(),
            multiline: true,
            first_read: Size(64 << 20),
            event_length: Size(256 << 10),
            flush_after: Duration::from_ms(500),
        }
    }
}
