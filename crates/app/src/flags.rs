//! Command line flags, named as Prometheus, node_exporter and cAdvisor name theirs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Parser;

/// Watches containers: collects, stores, answers PromQL, and shows it in a browser.
#[derive(Debug, Clone, Parser)]
#[command(name = "bonghwa", version, about, disable_help_subcommand = true)]
pub struct Flags {
    /// Configuration file; a prometheus.yml is one. Without it everything on this host is collected.
    #[arg(long = "config.file", value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Reads the configuration, says what is wrong with it, and ends.
    #[arg(long)]
    pub check: bool,

    /// Where data is kept.
    #[arg(long = "storage.tsdb.path", value_name = "DIR", default_value = "data")]
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
    /// How much memory to use, e.g. 2GB; 60 % of the control group's limit, else the smaller of 25 % of the RAM and 2 GiB.
    #[arg(long = "memory.limit", value_name = "SIZE")]
    pub memory_limit: Option<String>,

    /// Address to listen on; may be given more than once.
    #[arg(
        long = "web.listen-address",
        value_name = "HOST:PORT",
        env = "BONGHWA_LISTEN",
        default_value = "127.0.0.1:9090",
        value_delimiter = ','
    )]
    pub listen: Vec<String>,
    /// Address under which browsers reach this server, where a proxy stands before it.
    #[arg(long = "web.external-url", value_name = "URL", default_value = "")]
    pub external_url: String,
    /// Reload and quit over HTTP.
    #[arg(long = "web.enable-lifecycle", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true")]
    pub enable_lifecycle: bool,
    /// Takes samples that others send by remote write.
    #[arg(long = "web.enable-remote-write-receiver", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true")]
    pub enable_remote_write: bool,
    /// Accepted; the administration API has no calls yet.
    #[arg(long = "web.enable-admin-api", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true")]
    pub enable_admin: bool,
    /// Connections at one time.
    #[arg(long = "web.max-connections", value_name = "N", default_value_t = 512)]
    pub max_connections: usize,
    /// Accepted for Prometheus' command lines; there are no console templates here.
    #[arg(long = "web.console.templates", value_name = "DIR", hide = true)]
    pub console_templates: Option<PathBuf>,
    /// Accepted for Prometheus' command lines; there are no console templates here.
    #[arg(long = "web.console.libraries", value_name = "DIR", hide = true)]
    pub console_libraries: Option<PathBuf>,

    /// How far back a query looks for the newest sample of a series.
    #[arg(long = "query.lookback-delta", value_name = "DURATION", default_value = "5m")]
    pub lookback_delta: String,
    /// The longest a query may take.
    #[arg(long = "query.timeout", value_name = "DURATION", default_value = "2m")]
    pub query_timeout: String,
    /// Queries at one time.
    #[arg(long = "query.max-concurrency", value_name = "N", default_value_t = 20)]
    pub max_concurrency: usize,
    /// Samples a query may hold at a time.
    #[arg(long = "query.max-samples", value_name = "N", default_value_t = 50_000_000)]
    pub max_samples: u64,

    /// node_exporter's flags.
    #[command(flatten)]
    pub host: crate::host_flags::HostFlags,

    /// What is logged: error, warn, info, debug, trace. RUST_LOG, where it is set, says it module by module.
    #[arg(long = "log.level", value_name = "LEVEL", default_value = "info",
          value_parser = ["error", "warn", "info", "debug", "trace"])]
    pub log_level: String,
    /// How it is logged.
    #[arg(long = "log.format", value_name = "FORMAT", default_value = "logfmt", value_parser = ["logfmt", "json"])]
    pub log_format: String,
}

impl Flags {
    /// The flags with their values, as the status page and `status/flags` show them.
    pub fn shown(&self) -> BTreeMap<String, String> {
        let path = |p: &Option<PathBuf>| p.as_ref().map(|p| p.display().to_string()).unwrap_or_default();
        let text = |t: &Option<String>| t.clone().unwrap_or_default();
        let pairs = [
            ("config.file", path(&self.config_file)),
            ("storage.tsdb.path", self.data.display().to_string()),
            ("storage.tsdb.retention.time", text(&self.retention_time.clone().or(self.retention.clone()))),
            ("storage.tsdb.retention.size", text(&self.retention_size)),
            ("memory.limit", text(&self.memory_limit)),
            ("web.listen-address", self.listen.join(",")),
            ("web.external-url", self.external_url.clone()),
            ("web.enable-lifecycle", self.enable_lifecycle.to_string()),
            ("web.enable-remote-write-receiver", self.enable_remote_write.to_string()),
            ("web.enable-admin-api", self.enable_admin.to_string()),
            ("web.max-connections", self.max_connections.to_string()),
            ("query.lookback-delta", self.lookback_delta.clone()),
            ("query.timeout", self.query_timeout.clone()),
            ("query.max-concurrency", self.max_concurrency.to_string()),
            ("query.max-samples", self.max_samples.to_string()),
            ("log.level", self.log_level.clone()),
            ("log.format", self.log_format.clone()),
        ];
        let mut shown = pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.host.shown(&mut shown);
        shown
    }

    /// Flags that are accepted and do nothing here.
    pub(crate) fn without_effect(&self) -> Vec<&'static str> {
        let given = [
            ("--web.console.templates", self.console_templates.is_some()),
            ("--web.console.libraries", self.console_libraries.is_some()),
            ("--web.enable-admin-api", self.enable_admin),
        ];
        given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Flags, clap::Error> {
        Flags::try_parse_from(std::iter::once("bonghwa").chain(args.iter().copied()))
    }

    #[test]
    fn the_flags_of_common_compose_files_are_taken() {
        let flags = parse(&[
            "--config.file=/etc/prometheus/prometheus.yml",
            "--storage.tsdb.path=/prometheus",
            "--storage.tsdb.retention.time=200h",
            "--web.console.libraries=/etc/prometheus/console_libraries",
            "--web.console.templates=/etc/prometheus/consoles",
            "--web.enable-lifecycle",
            "--path.procfs=/host/proc",
            "--path.rootfs=/rootfs",
            "--path.sysfs=/host/sys",
            "--collector.filesystem.ignored-mount-points=^/(sys|proc|dev|host|etc)($$|/)",
        ])
        .unwrap();
        assert!(flags.enable_lifecycle && !flags.enable_remote_write);
        assert_eq!(flags.without_effect(), ["--web.console.templates", "--web.console.libraries"]);
        assert_eq!(flags.shown()["web.listen-address"], "127.0.0.1:9090");
        assert!(!parse(&["--web.enable-lifecycle=false"]).unwrap().enable_lifecycle);
    }

    #[test]
    fn an_unknown_flag_is_refused_with_the_nearest() {
        let error = parse(&["--storage.tsdb.pth=/x"]).unwrap_err().to_string();
        assert!(error.contains("--storage.tsdb.path"), "{error}");
        assert!(parse(&["--log.level=loud"]).unwrap_err().to_string().contains("trace"));
    }
}
