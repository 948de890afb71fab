//! `--config.auto-reload`: the configuration is read again when it, or a file it names, has changed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config;
use crate::flags::Flags;

/// Looks for changes.
pub(crate) struct AutoReload {
    file: PathBuf,
    /// How often to look.
    pub(crate) interval: Duration,
    last: u64,
}

impl AutoReload {
    /// `None` where it is not asked for, or there is no file.
    pub(crate) fn of(flags: &Flags) -> Option<Self> {
        if !flags.auto_reload && !flags.features().on("auto-reload-config") {
            return None;
        }
        let file = flags.config_file.clone()?;
        let last = fingerprint(&file);
        Some(Self { file, interval: flags.auto_reload_interval.max(Duration::from_secs(1)), last })
    }

    /// Whether anything has changed since the last look.
    pub(crate) fn changed(&mut self) -> bool {
        let now = fingerprint(&self.file);
        std::mem::replace(&mut self.last, now) != now
    }
}

/// Of the contents of the file and of those it names.
fn fingerprint(file: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    for path in config::files(file) {
        path.hash(&mut hasher);
        // A file that cannot be read counts as one that is not there.
        std::fs::read(path).ok().hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_and_what_it_names_are_watched() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("p.yml");
        std::fs::write(&file, "rule_files: ['rules/*.yml']\n").unwrap();
        let config = format!("--config.file={}", file.display());
        assert!(AutoReload::of(&Flags::of_args(&[&config]).unwrap()).is_none());
        let mut auto = AutoReload::of(&Flags::of_args(&[&config, "--config.auto-reload"]).unwrap()).unwrap();
        assert_eq!(auto.interval, Duration::from_secs(30));
        assert!(!auto.changed());
        std::fs::create_dir(folder.path().join("rules")).unwrap();
        std::fs::write(folder.path().join("rules/a.yml"), "groups: []\n").unwrap();
        assert!(auto.changed() && !auto.changed());
        std::fs::write(folder.path().join("rules/a.yml"), "groups: [ ]\n").unwrap();
        assert!(auto.changed());
        std::fs::write(&file, "broken: [").unwrap();
        assert!(auto.changed() && !auto.changed());
    }
}
