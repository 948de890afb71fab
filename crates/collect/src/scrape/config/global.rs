//! The `global` section.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::config::{Duration, Size};
use model::labels::is_plain_label_name;
use outbound::config::in_directory;

use super::{NameEscaping, NameValidation, ScrapeProtocol, protocol};

model::section! {
    /// What holds for every job that does not say otherwise. The default is an empty section, which what is written
    /// completes; [`GlobalConfig::standard`] is a complete one.
    pub struct GlobalConfig ("config.plain") {
        /// How often targets are scraped.
        scrape_interval: Duration = Duration::default(),
        /// How long a scrape may take.
        scrape_timeout: Duration = Duration::default(),
        /// Formats that are asked for.
        scrape_protocols: Option<Vec<ScrapeProtocol>> = None,
        /// How often rules are evaluated.
        evaluation_interval: Duration = Duration::default(),
        /// How far in the past rules are evaluated.
        rule_query_offset: Duration = Duration::default(),
        /// File that queries are logged to.
        query_log_file: Option<PathBuf> = None,
        /// File that failures of scrapes are logged to.
        scrape_failure_log_file: Option<PathBuf> = None,
        /// Labels for whatever leaves this server.
        external_labels: BTreeMap<String, String> = BTreeMap::new(),
        /// Bytes that an answer may have; 0: no limit.
        body_size_limit: Size = Size::default(),
        /// Samples that a scrape may give; 0: no limit.
        sample_limit: u64 = 0,
        /// Targets that a job may have; 0: no limit.
        target_limit: u64 = 0,
        /// Labels that a sample may have; 0: no limit.
        label_limit: u64 = 0,
        /// Bytes that a label name may have; 0: no limit.
        label_name_length_limit: u64 = 0,
        /// Bytes that a label value may have; 0: no limit.
        label_value_length_limit: u64 = 0,
        /// How many dropped targets are remembered; 0: a few thousand.
        keep_dropped_targets: u64 = 0,
        /// Which names may be stored.
        metric_name_validation_scheme: Option<NameValidation> = None,
        /// How targets are asked to spell names.
        metric_name_escaping_scheme: Option<NameEscaping> = None,
        /// Whether native histograms are wanted.
        scrape_native_histograms: Option<bool> = None,
        /// Whether classic histograms are converted to native ones with custom buckets.
        convert_classic_histograms_to_nhcb: bool = false,
        /// Whether classic histograms are kept beside native ones.
        always_scrape_classic_histograms: bool = false,
        /// Whether limits and sizes of a scrape are stored as series too.
        extra_scrape_metrics: Option<bool> = None,
    }
    check Self::complete
}

const INTERVAL: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(10);

impl GlobalConfig {
    /// What holds where nothing is written.
    pub fn standard() -> Self {
        Self {
            scrape_interval: INTERVAL,
            scrape_timeout: TIMEOUT,
            evaluation_interval: INTERVAL,
            metric_name_validation_scheme: Some(NameValidation::Utf8),
            metric_name_escaping_scheme: Some(NameEscaping::AllowUtf8),
            scrape_native_histograms: Some(false),
            extra_scrape_metrics: Some(false),
            ..Self::default()
        }
    }

    fn complete(&mut self) -> Result<(), String> {
        if *self == Self::default() {
            *self = Self::standard();
            return Ok(());
        }
        let validation = self.metric_name_validation_scheme.unwrap_or(NameValidation::Utf8);
        self.metric_name_validation_scheme = Some(validation);
        for name in self.external_labels.keys() {
            if name.is_empty() || (validation == NameValidation::Legacy && !is_plain_label_name(name)) {
                return Err(format!("{name:?} is not a valid label name"));
            }
        }
        if self.scrape_interval.is_zero() {
            self.scrape_interval = INTERVAL;
        }
        if self.scrape_timeout > self.scrape_interval {
            return Err("global scrape timeout greater than scrape interval".to_owned());
        }
        if self.scrape_timeout.is_zero() {
            self.scrape_timeout = TIMEOUT.min(self.scrape_interval);
        }
        if self.evaluation_interval.is_zero() {
            self.evaluation_interval = INTERVAL;
        }
        self.scrape_native_histograms.get_or_insert(false);
        self.extra_scrape_metrics.get_or_insert(false);
        match &self.scrape_protocols {
            Some(protocols) => protocol::check(protocols).map_err(|e| format!("{e} for global config")),
            None => Ok(()),
        }
    }

    /// Whether only names of the classic syntax are stored.
    pub fn legacy_names(&self) -> bool {
        self.metric_name_validation_scheme == Some(NameValidation::Legacy)
    }

    /// Takes relative file names as relative to `dir`, the folder of the configuration file.
    pub fn set_directory(&mut self, dir: &Path) {
        in_directory(dir, &mut self.query_log_file);
        in_directory(dir, &mut self.scrape_failure_log_file);
    }

    /// Replaces `$NAME`, `${NAME}` and `$$` in the values of `external_labels`. `variable` gives the value of one.
    pub fn expand_labels(&mut self, variable: impl Fn(&str) -> Option<String>) {
        for value in self.external_labels.values_mut() {
            if value.contains('$') {
                *value = expand(value, &variable);
            }
        }
        self.external_labels.retain(|_, value| !value.is_empty());
    }
}

/// As Go's `os.Expand`: a variable that is not set is empty, and what is no variable is left out with its `$`.
fn expand(text: &str, variable: impl Fn(&str) -> Option<String>) -> String {
    let of = |name: &str| match name {
        "$" => "$".to_owned(),
        name => variable(name).unwrap_or_else(|| {
            tracing::warn!(name, "an environment variable in external_labels is not set");
            String::new()
        }),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some(braced) = after.strip_prefix('{') {
            match braced.split_once('}') {
                Some(("", tail)) => rest = tail,
                Some((name, tail)) => {
                    out.push_str(&of(name));
                    rest = tail;
                }
                None => rest = braced,
            }
            continue;
        }
        let Some(first) = after.chars().next() else {
            out.push('$');
            break;
        };
        let length = if is_name(first) && !first.is_ascii_digit() {
            after.len() - after.trim_start_matches(is_name).len()
        } else if "*#$@!?-0123456789".contains(first) {
            1
        } else {
            // No name follows: the `$` stays.
            out.push('$');
            continue;
        };
        let (name, tail) = after.split_at(length);
        out.push_str(&of(name));
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_in_external_labels() {
        let variable = |name: &str| (name == "HOME").then(|| "/root".to_owned());
        for (text, wanted) in [
            ("a", "a"),
            ("$HOME", "/root"),
            ("x${HOME}y$$z", "x/rooty$z"),
            ("$UNSET-$HOME/a", "-/root/a"),
            ("${UNSET}", ""),
            ("100$", "100$"),
            ("a$ b", "a$ b"),
            ("${", ""),
            ("${}x", "x"),
        ] {
            assert_eq!(expand(text, variable), wanted, "{text}");
        }
    }
}
