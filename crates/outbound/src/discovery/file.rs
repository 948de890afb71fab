//! `file_sd_configs`.

use model::config::Duration;

model::section! {
    /// Targets in files.
    pub struct FileConfig ("file.plain") {
        /// Names of JSON or YAML files; the last part may hold one `*`.
        files: Vec<String> = Vec::new() => always,
        /// How often they are read even if nothing seems to have changed.
        refresh_interval: Duration = Duration::from_secs(300),
    }
    check Self::check
}

impl FileConfig {
    fn check(&mut self) -> Result<(), String> {
        if self.files.is_empty() {
            return Err("file service discovery config must contain at least one path name".to_owned());
        }
        match self.files.iter().find(|name| !is_file_pattern(name)) {
            Some(bad) => Err(format!("path name {bad:?} is not valid for file discovery")),
            None => Ok(()),
        }
    }
}

/// A JSON or YAML file, `*` at most once and only in the last part.
fn is_file_pattern(name: &str) -> bool {
    let known = [".json", ".yml", ".yaml", ".JSON", ".YML", ".YAML"];
    known.iter().any(|ending| name.ends_with(ending))
        && match name.split_once('*') {
            None => true,
            Some((_, after)) => !after.contains(['*', '/']),
        }
}
