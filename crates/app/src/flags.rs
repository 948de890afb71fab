//! Command line flags, named as Prometheus, node_exporter and cAdvisor name theirs.
//!
//! One file a group: [`web`], [`query`], [`rules`], [`remote`]; [`accepted`] holds those that have nothing to switch
//! here, [`features`] the names of `--enable-feature`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser};
use disk::log::SyncPolicy;

pub(crate) mod accepted;
pub(crate) mod arguments;
pub(crate) mod features;
pub(crate) mod query;
pub(crate) mod remote;
pub(crate) mod rules;
#[cfg(test)]
mod tests;
pub(crate) mod values;
pub(crate) mod web;

use accepted::Accepted;
use features::Features;
use query::QueryFlags;
use remote::RemoteFlags;
use rules::RulesFlags;
use values::positive_duration;
use web::WebFlags;

/// Watches containers: collects, stores, answers PromQL, and shows it in a browser.
#[derive(Debug, Clone, Parser)]
#[command(name = "bonghwa", version, about, disable_help_subcommand = true)]
pub struct Flags {
    /// Configuration file; a prometheus.yml is one. Without it everything on this host is collected.
    #[arg(long = "config.file", value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Reads the configuration again whenever it, or a file it names, has changed.
    #[arg(long = "config.auto-reload", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true")]
    pub auto_reload: bool,
    /// How often --config.auto-reload looks.
    #[arg(long = "config.auto-reload-interval", value_name = "DURATION", default_value = "30s",
          value_parser = positive_duration)]
    pub auto_reload_interval: Duration,
    /// Reads the configuration, says what is wrong with it, and ends.
    #[arg(long)]
    pub check: bool,

    /// Where data is kept.
    #[arg(long = "storage.tsdb.path", value_name = "DIR", env = "BONGHWA_DATA", default_value = "data")]
    pub data: PathBuf,
    /// How long samples are kept, e.g. 30d. Without this and the size: 15d and at most 10 GiB or 80 % of the disk.
    #[arg(long = "storage.tsdb.retention.time", value_name = "DURATION")]
    pub retention_time: Option<String>,
    /// How much disk samples may take, e.g. 50GB (powers of 1024).
    #[arg(long = "storage.tsdb.retention.size", value_name = "SIZE")]
    pub retention_size: Option<String>,
    /// Older name of --storage.tsdb.retention.time.
    #[arg(long = "storage.tsdb.retention", value_name = "DURATION", hide = true)]
    pub retention: Option<String>,
    /// When an acknowledged write is on the device: batch (before it is acknowledged), interval (after a few seconds), off
    /// (whenever the operating system writes it). kill -9 costs nothing in any of them, a power failure does in the last two.
    #[arg(long = "storage.wal-sync", value_name = "WHEN", default_value = "batch")]
    pub wal_sync: SyncPolicy,
    /// How much memory to use, e.g. 2GB; 60 % of the control group's limit, else the smaller of 25 % of the RAM and 2 GiB.
    #[arg(long = "memory.limit", value_name = "SIZE")]
    pub memory_limit: Option<String>,

    /// Listening, and what stands before every request.
    #[command(flatten)]
    pub web: WebFlags,
    /// Limits of queries.
    #[command(flatten)]
    pub query: QueryFlags,
    /// Rules and sending alerts.
    #[command(flatten)]
    pub rules: RulesFlags,
    /// Remote write and remote read.
    #[command(flatten)]
    pub remote: RemoteFlags,
    /// node_exporter's flags.
    #[command(flatten)]
    pub host: crate::host_flags::HostFlags,

    /// Names of features to enable, separated by commas; may be given more than once.
    #[arg(long = "enable-feature", value_name = "NAMES", value_delimiter = ',')]
    pub enable_feature: Vec<String>,

    /// What is logged: error, warn, info, debug, trace. RUST_LOG, where it is set, says it module by module.
    #[arg(long = "log.level", value_name = "LEVEL", default_value = "info",
          value_parser = ["error", "warn", "info", "debug", "trace"])]
    pub log_level: String,
    /// How it is logged.
    #[arg(long = "log.format", value_name = "FORMAT", default_value = "logfmt", value_parser = ["logfmt", "json"])]
    pub log_format: String,

    /// Flags of Prometheus that have nothing to switch here.
    #[command(flatten)]
    pub accepted: Accepted,

    #[arg(skip)]
    shown: BTreeMap<String, String>,
}

impl Flags {
    /// Reads a command line, the program's name first: `--no-` forms, `@FILE` arguments and all.
    ///
    /// # Errors
    /// Also `--help` and `--version`, which [`clap::Error::exit`] prints.
    pub fn read(args: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut command = Self::command().after_help(tools::OVERVIEW);
        let args = arguments::prepared(&command, args.into_iter().collect())
            .map_err(|e| command.error(clap::error::ErrorKind::Io, e))?;
        let matches = command.try_get_matches_from_mut(args)?;
        let mut flags = Self::from_arg_matches(&matches)?;
        flags
            .accepted
            .refuse_agent()
            .map_err(|e| command.error(clap::error::ErrorKind::ArgumentConflict, e))?;
        flags.shown = shown(&command, &matches);
        Ok(flags)
    }

    /// The flags with their values, as the status page and `status/flags` show them.
    pub fn shown(&self) -> BTreeMap<String, String> {
        self.shown.clone()
    }

    /// What `--enable-feature` names.
    pub fn features(&self) -> Features {
        Features::of(&self.enable_feature)
    }

    /// What was given and has no effect, each with the reason, for the log.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.accepted.notes();
        notes.extend(self.features().notes());
        notes
    }
}

/// Every flag with its value as text. node_exporter's are many: only those that were given.
fn shown(command: &clap::Command, matches: &ArgMatches) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for arg in command.get_arguments() {
        let Some(name) = arg.get_long() else { continue };
        let id = arg.get_id().as_str();
        if matches!(name, "help" | "version" | "check") {
            continue;
        }
        let given = matches.value_source(id).is_some_and(|s| s != clap::parser::ValueSource::DefaultValue);
        if !given && name.starts_with("collector.") {
            continue;
        }
        let values = matches.try_get_raw(id).ok().flatten();
        let text = values.map_or_else(String::new, |values| {
            values.map(|v| v.to_string_lossy().into_owned()).collect::<Vec<_>>().join(",")
        });
        out.insert(name.to_owned(), text);
    }
    out
}
