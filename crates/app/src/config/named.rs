//! The files that a configuration names: whether they are there and can be read. The server finds out when it needs
//! them; `check config` tells before.

use std::path::{Path, PathBuf};

use collect::discovery::file;
use model::relabel::{self, RelabelConfig};
use model::{Error, Result};
use outbound::HttpConfig;
use outbound::discovery::{ADDRESS, Group, check_address};
use tools::{CheckedConfig, CheckedJob};

use super::{Loaded, load};

/// Loads and checks a file; with `syntax_only`, without looking at the files it names.
pub(crate) fn check(path: &Path, syntax_only: bool) -> Result<CheckedConfig> {
    let loaded = load(path)?;
    let mut checked = CheckedConfig::default();
    for job in &loaded.written.scrape_configs {
        let name = job.job_name.clone();
        let interval_ms = job.scrape_interval.as_i64_ms();
        checked.jobs.push(CheckedJob { name, interval_ms });
    }
    targets(&loaded)?;
    if !syntax_only {
        named(&loaded, &mut checked)?;
    }
    Ok(checked)
}

/// Whether what is written down as targets can be connected to.
fn targets(loaded: &Loaded) -> Result<()> {
    for job in &loaded.written.scrape_configs {
        for (number, group) in job.discovery.static_configs.iter().enumerate() {
            addresses(group, &job.relabel_configs, job.legacy_names()).map_err(|(at, error)| {
                Error::invalid(format_args!("instance {at} in group {number}: {error}"))
            })?;
        }
    }
    let legacy = loaded.written.global.legacy_names();
    for receiver in &loaded.written.alerting.alertmanagers {
        for group in &receiver.discovery.static_configs {
            addresses(group, &receiver.relabel_configs, legacy)
                .map_err(|(_, error)| Error::invalid(error))?;
        }
    }
    Ok(())
}

/// The files that patterns name.
fn files(patterns: &[String]) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for pattern in patterns {
        let files = load::matching(Path::new(pattern))?;
        // A name without `*` must be that of a file.
        if !pattern.contains('*') && !files.iter().any(|file| file.is_file()) {
            return Err(Error::invalid(format_args!("{pattern:?} does not point to an existing file")));
        }
        all.extend(files);
    }
    Ok(all)
}

fn named(loaded: &Loaded, checked: &mut CheckedConfig) -> Result<()> {
    let written = &loaded.written;
    for (patterns, found) in
        [(&written.rule_files, &mut checked.rule_files), (&written.logs.rules, &mut checked.log_rule_files)]
    {
        found.extend(files(patterns)?);
    }
    for job in &loaded.written.scrape_configs {
        http(&job.http)?;
        for config in &job.discovery.file_sd_configs {
            for missing in file::check(config).map_err(Error::invalid)? {
                let job = &job.job_name;
                checked
                    .warnings
                    .push(format!("file {missing:?} for file_sd in scrape job {job:?} does not exist"));
            }
        }
    }
    // Prometheus finds these out when it runs: they do not decide the exit code.
    let written = &loaded.written;
    let alerting = written.alerting.alertmanagers.iter().map(|a| ("alertmanager config", &a.http));
    let write = written.remote_write.iter().map(|w| ("remote_write", &w.http));
    let read = written.remote_read.iter().map(|r| ("remote_read", &r.http));
    for (section, config) in alerting.chain(write).chain(read) {
        if let Err(error) = http(config) {
            checked.notes.push(format!("{section}: {}", error.message));
        }
    }
    for receiver in &loaded.written.alerting.alertmanagers {
        for config in &receiver.discovery.file_sd_configs {
            for missing in file::check(config).map_err(Error::invalid)? {
                checked
                    .warnings
                    .push(format!("file {missing:?} for file_sd in alertmanager config does not exist"));
            }
        }
    }
    Ok(())
}

/// Whether each target, once relabelled, has an address that can be connected to; which one has not, and why.
fn addresses(
    group: &Group,
    rules: &[RelabelConfig],
    legacy: bool,
) -> std::result::Result<(), (usize, String)> {
    for (at, labels) in group.label_sets().enumerate() {
        let mut labels = labels.to_builder();
        if relabel::apply(rules, &mut labels, legacy) {
            check_address(labels.get(ADDRESS)).map_err(|error| (at, error))?;
        }
    }
    Ok(())
}

fn http(config: &HttpConfig) -> Result<()> {
    let exists = |what: &str, file: &Path| {
        std::fs::metadata(file).map(drop).map_err(|e| {
            let name = file.display().to_string();
            let error = match e.kind() {
                std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
                _ => e.to_string(),
            };
            Error::invalid(format_args!("error checking {what} {name:?}: stat {name}: {error}"))
        })
    };
    if let Some(file) = config.authorization.as_ref().and_then(|a| a.credentials_file.as_deref()) {
        exists("authorization credentials or bearer token file", file)?;
    }
    for (what, file) in
        [("client cert file", &config.tls_config.cert_file), ("client key file", &config.tls_config.key_file)]
    {
        if let Some(file) = file {
            exists(what, file)?;
        }
    }
    Ok(())
}
