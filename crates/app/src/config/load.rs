//! From a path to a checked configuration, with errors that say where and what was probably meant.

mod binary;

use std::path::{Path, PathBuf};

use collect::scrape::ScrapeConfig;
use model::{Error, Result};
use serde_saphyr::{Location, Spanned};

use super::Written;
use super::shown::shown;

/// A configuration file is a few kilobytes; generated ones reach megabytes.
const MAX_BYTES: u64 = 32 << 20;
/// Files that one `scrape_config_files` entry may name.
const MAX_FILES: usize = 1000;

/// A configuration that was read and checked.
#[derive(Debug, Default)]
pub struct Loaded {
    /// What it says; `scrape_configs` holds those of `scrape_config_files`, too. File names are relative to the working
    /// directory.
    pub written: Written,
    /// As YAML, as it holds: defaults filled in, secrets hidden.
    pub shown: String,
}

/// Reads a file and checks it. Files that it names are read; certificates and the like are not opened.
pub fn load(path: &Path) -> Result<Loaded> {
    let text = read(path)?;
    let mut written: Written = parse(path, &text)?;
    written.global.expand_labels(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    set_directory(&mut written, folder);
    // Jobs of other files are not shown: they are not in this one.
    let shown = shown(&written, &text);
    let patterns = written.scrape_config_files.clone();
    for pattern in &patterns {
        for file in matching(Path::new(pattern))? {
            add_jobs(&file, &mut written)?;
        }
    }
    Ok(Loaded { written, shown })
}

fn add_jobs(file: &Path, written: &mut Written) -> Result<()> {
    model::section! {
        /// A file with more jobs.
        pub struct Jobs ("config.ScrapeConfigs") {
            /// The jobs.
            scrape_configs: Vec<ScrapeConfig> = Vec::new() => list("empty or null scrape config section"),
        }
    }
    let more: Jobs = parse(file, &read(file)?)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let refuse = |e: String| Error::invalid(format_args!("parsing YAML file {}: {e}", file.display()));
    for mut job in more.scrape_configs {
        job.resolve(&written.global).map_err(refuse)?;
        job.set_directory(folder);
        written.scrape_configs.push(job);
        collect::scrape::config::check_names(&written.scrape_configs).map_err(refuse)?;
    }
    Ok(())
}

fn set_directory(written: &mut Written, folder: &Path) {
    written.global.set_directory(folder);
    written.alerting.set_directory(folder);
    written.logs.receive.set_directory(folder);
    if let Some(key) = &mut written.logs.masking.key_file {
        *key = folder.join(&*key);
    }
    if let Some(section) = &mut written.alertmanager {
        section.config_file = folder.join(&section.config_file).to_string_lossy().into_owned();
    }
    if let Some(tracing) = &mut written.tracing {
        tracing.tls_config.set_directory(folder);
    }
    for path in
        written.rule_files.iter_mut().chain(&mut written.scrape_config_files).chain(&mut written.logs.rules)
    {
        *path = folder.join(&*path).to_string_lossy().into_owned();
    }
    for job in &mut written.scrape_configs {
        job.set_directory(folder);
    }
    for write in &mut written.remote_write {
        write.set_directory(folder);
    }
    for read in &mut written.remote_read {
        read.set_directory(folder);
    }
}

/// Whether `*` stands in the last part of a path only.
pub(super) fn is_pattern(path: &str) -> bool {
    path.split_once('*').is_none_or(|(_, after)| !after.contains('/'))
}

fn read(path: &Path) -> Result<String> {
    let fail = |what: &dyn std::fmt::Display| {
        Error::invalid(format_args!("the configuration file {} cannot be read: {what}", path.display()))
    };
    let size = std::fs::metadata(path).map_err(|e| fail(&e))?.len();
    if size > MAX_BYTES {
        return Err(fail(&format_args!("it is larger than {MAX_BYTES} bytes")));
    }
    let bytes = std::fs::read(path).map_err(|e| fail(&e))?;
    String::from_utf8(bytes)
        .map_err(|e| fail(&format_args!("byte {} is not UTF-8", e.utf8_error().valid_up_to())))
}

fn parse<T: serde::de::DeserializeOwned + Default>(path: &Path, text: &str) -> Result<T> {
    if text.trim().is_empty() {
        return Ok(T::default());
    }
    serde_saphyr::from_str(text).map_err(|e| {
        let message = message(&e, text);
        let place = e.location().map(|l| (l.line(), l.column())).or_else(|| place_of_job(text, &message));
        let place = place.map_or_else(String::new, |(line, column)| format!("{line}:{column}:"));
        Error::invalid(format_args!("parsing YAML file {}:{place} {message}", path.display()))
    })
}

/// Where the job stands that a message about several jobs, or about a job and the global section, names: the last one
/// of that name.
fn place_of_job(text: &str, message: &str) -> Option<(u64, u64)> {
    #[derive(serde::Deserialize)]
    struct Outline {
        scrape_configs: Vec<Spanned<Job>>,
    }
    #[derive(serde::Deserialize)]
    struct Job {
        #[serde(default)]
        job_name: String,
    }
    if !message.contains(" job name \"") {
        return None;
    }
    let outline: Outline = serde_saphyr::from_str(text).ok()?;
    let named = |job: &&Spanned<Job>| message.contains(&format!("{:?}", job.value.job_name));
    let place = outline.scrape_configs.iter().rfind(named)?.referenced;
    (place != Location::UNKNOWN).then(|| (place.line(), place.column()))
}

/// What is wrong, without the place (it is written before it) and without a picture of the file.
fn message(error: &serde_saphyr::Error, text: &str) -> String {
    let error = error.without_snippet();
    if let serde_saphyr::Error::SerdeUnknownField { field, expected, .. } = error {
        return model::config::unknown(field, "config.plain", expected);
    }
    let said = error.to_string();
    if said.contains("invalid !!binary base64") {
        return "!!binary value contains invalid base64 data".to_owned();
    }
    if said.contains("!!binary scalar is not valid UTF-8")
        && let Some(place) = error.location()
        && let Some(message) = binary::not_text(text, place.line(), place.column())
    {
        return message;
    }
    let line = said.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let line = match line.split_once(": ") {
        Some((place, what)) if place.starts_with("line ") => what,
        _ => line,
    };
    let place = error.location().map(|l| format!(" at line {}, column {}", l.line(), l.column()));
    place.and_then(|place| line.strip_suffix(&place)).unwrap_or(line).to_owned()
}

/// The file itself and those it names, as far as it can be read.
pub(crate) fn files(path: &Path) -> Vec<PathBuf> {
    let mut found = vec![path.to_owned()];
    let Ok(mut written) = read(path).and_then(|text| parse::<Written>(path, &text)) else { return found };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    set_directory(&mut written, folder);
    for pattern in written.rule_files.iter().chain(&written.scrape_config_files).chain(&written.logs.rules) {
        found.extend(matching(Path::new(pattern)).unwrap_or_default());
    }
    found
}

/// The files that a path names whose last part may hold `*` and `?`, sorted.
pub(super) fn matching(pattern: &Path) -> Result<Vec<PathBuf>> {
    let Some(last) = pattern.file_name().and_then(|n| n.to_str()) else {
        return Err(Error::invalid(format_args!("scrape_config_files: {} names no file", pattern.display())));
    };
    if !last.contains(['*', '?']) {
        return Ok(vec![pattern.to_owned()]);
    }
    let folder = pattern.parent().unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|e| e.file_name().to_str().is_some_and(|name| fits(last.as_bytes(), name.as_bytes())))
        .map(|e| e.path())
        .take(MAX_FILES)
        .collect();
    found.sort();
    Ok(found)
}

/// Whether a name fits a pattern of `*` and `?`.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns() {
        for (pattern, name, want) in [
            ("*.yml", "a.yml", true),
            ("*.yml", "a.yaml", false),
            ("a*b*c", "axxbyyc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
        ] {
            assert_eq!(fits(pattern.as_bytes(), name.as_bytes()), want, "{pattern} {name}");
        }
    }
}
