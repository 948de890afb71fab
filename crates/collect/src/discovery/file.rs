//! Targets in JSON and YAML files, found by name or glob, read again when they change.

pub(crate) mod glob;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use outbound::discovery::{FileConfig, Group};
use parking_lot::Mutex;

use super::{Found, Report};

/// How often file names, sizes and times are looked at.
const POLL: Duration = Duration::from_secs(2);

/// Bytes a file may have.
const FILE_LIMIT: u64 = 64 << 20;

/// One entry of `file_sd_configs`.
pub(super) struct Files {
    config: FileConfig,
    report: Report,
    known: Mutex<HashMap<PathBuf, Known>>,
    read: Mutex<Option<Instant>>,
}

/// A file as last read.
struct Known {
    stamp: Option<(SystemTime, u64)>,
    found: Vec<Found>,
    error: Option<String>,
}

impl Files {
    pub(super) fn new(config: FileConfig, report: Report) -> Self {
        Self { config, report, known: Mutex::default(), read: Mutex::default() }
    }

    /// Looks at the files for ever.
    pub(super) async fn watch(self) {
        let files = std::sync::Arc::new(self);
        loop {
            tokio::time::sleep(
                POLL.min(files.config.refresh_interval.to_std().max(Duration::from_millis(50))),
            )
            .await;
            let files = files.clone();
            // Files may lie on slow disks. A panic inside is one of ours; the next round tries again.
            let _ = tokio::task::spawn_blocking(move || files.read_once()).await;
        }
    }

    /// Reads what is new or has changed, and everything once in a refresh interval.
    pub(super) fn read_once(&self) {
        let started = Instant::now();
        let mut last = self.read.lock();
        let again = last.is_none_or(|at| at.elapsed() >= self.config.refresh_interval.to_std());
        if again {
            *last = Some(Instant::now());
        }
        let paths: Vec<PathBuf> =
            self.config.files.iter().flat_map(|pattern| glob::expand(pattern)).collect();
        let mut known = self.known.lock();
        known.retain(|path, _| {
            let there = paths.contains(path);
            if !there {
                self.report.counted(|count| count.file(&path.to_string_lossy(), None));
            }
            there
        });
        for path in paths {
            let stamp = stamp(&path);
            let old = known.get(&path);
            if !again && old.is_some_and(|old| old.stamp == stamp && stamp.is_some()) {
                continue;
            }
            let answer = read(&path);
            let changed = stamp.and_then(|(at, _)| at.duration_since(SystemTime::UNIX_EPOCH).ok());
            let noted = Some((changed.map(|at| at.as_secs_f64()), answer.is_err()));
            self.report.counted(|count| count.file(&path.to_string_lossy(), noted));
            let (found, error) = match answer {
                Ok(found) => (found, None),
                // What it said before holds until it can be read again.
                Err(error) => {
                    let before = old.map(|old| old.found.clone()).unwrap_or_default();
                    (before, Some(format!("{}: {error}", path.display())))
                }
            };
            known.insert(path, Known { stamp, found, error });
        }
        let mut all: Vec<(&PathBuf, &Known)> = known.iter().collect();
        all.sort_by_key(|(path, _)| *path);
        self.report.found(all.iter().flat_map(|(_, file)| file.found.iter().cloned()).collect());
        if let Some(error) = all.iter().find_map(|(_, file)| file.error.clone()) {
            self.report.failed(error);
        }
        self.report.took(started.elapsed());
    }
}

/// Reads the files of a section once, for whoever checks a configuration: the patterns that no file matches, or what is
/// wrong with a file.
pub fn check(config: &FileConfig) -> Result<Vec<String>, String> {
    let mut missing = Vec::new();
    for pattern in &config.files {
        let files: Vec<PathBuf> = glob::expand(pattern).into_iter().filter(|path| path.exists()).collect();
        if files.is_empty() {
            missing.push(pattern.clone());
        }
        for file in files {
            read(&file).map_err(|e| format!("checking SD file {:?}: {e}", file.display().to_string()))?;
        }
    }
    Ok(missing)
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

fn read(path: &Path) -> Result<Vec<Found>, String> {
    use std::io::Read as _;
    let file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    let mut text = String::new();
    let size = file.take(FILE_LIMIT + 1).read_to_string(&mut text).map_err(|e| e.to_string())?;
    if size as u64 > FILE_LIMIT {
        return Err(format!("larger than {FILE_LIMIT} bytes"));
    }
    let json = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"));
    let groups: Vec<Option<Group>> = if json {
        serde_json::from_str(&text).map_err(|e| e.to_string())?
    } else {
        serde_saphyr::from_str::<Option<_>>(&text).map_err(|e| e.to_string())?.unwrap_or_default()
    };
    let name = path.to_string_lossy();
    let mut found = Vec::new();
    for group in groups {
        let group = group.ok_or("nil target group")?;
        found.extend(group.label_sets().map(|labels| {
            let mut labels = labels.to_builder();
            labels.set("__meta_filepath", &*name);
            labels.build()
        }));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
