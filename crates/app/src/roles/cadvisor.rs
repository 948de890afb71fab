//! Containers as cAdvisor shows them.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use collect::containers::{Collector, Config};
use model::{Result, SystemClock};
use server::Exposed;

use super::blank::Blank;
use super::exporter::{self, ExporterFlags};
use super::latest::Latest;

/// Shows figures of containers as metrics, as cAdvisor does.
#[derive(Debug, Parser)]
#[command(name = "cadvisor", version, about)]
struct CadvisorFlags {
    #[command(flatten)]
    exporter: ExporterFlags,
    /// Port to listen on, on the address of --listen_ip.
    #[arg(long = "port", value_name = "PORT", default_value_t = 8080)]
    port: u16,
    /// Address to listen on; all where it is not given.
    #[arg(long = "listen_ip", value_name = "IP", default_value = "")]
    listen_ip: String,
    /// Path of the metrics.
    #[arg(long = "prometheus_endpoint", value_name = "PATH", default_value = "/metrics")]
    path: String,
    /// How often containers are read.
    #[arg(long = "housekeeping_interval", value_name = "DURATION", default_value = "1s",
          value_parser = crate::flags::values::positive_duration)]
    interval: Duration,
    /// Where the Docker engine listens.
    #[arg(long = "docker", value_name = "ADDRESS", default_value = "")]
    docker: String,
    /// Containers only: no slices and services.
    #[arg(long = "docker_only", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true")]
    docker_only: bool,
    /// Where the host's /proc is mounted.
    #[arg(long = "path.procfs", value_name = "DIR")]
    procfs: Option<PathBuf>,
    /// Where the host's /sys is mounted.
    #[arg(long = "path.sysfs", value_name = "DIR")]
    sysfs: Option<PathBuf>,
}

pub(super) fn main(args: Vec<OsString>) -> ExitCode {
    // Go's flags may be written with one dash.
    let args = args.into_iter().map(|arg| match arg.to_str() {
        Some(text) if text.starts_with('-') && !text.starts_with("--") && text.len() > 2 => {
            OsString::from(format!("-{text}"))
        }
        _ => arg,
    });
    let flags = match CadvisorFlags::try_parse_from(args) {
        Ok(flags) => flags,
        Err(error) => error.exit(),
    };
    let address = format!("{}:{}", flags.listen_ip, flags.port);
    let path = format!("/{}", flags.path.trim_start_matches('/'));
    exporter::main(&flags.exporter, address, path, || {
        let mut config = Config { interval: flags.interval, slices: !flags.docker_only, ..Config::default() };
        config.engines.extend(Some(flags.docker.clone()).filter(|address| !address.is_empty()));
        config.procfs = flags.procfs.clone().unwrap_or(config.procfs);
        config.sysfs = flags.sysfs.clone().unwrap_or(config.sysfs);
        let latest = Arc::new(Latest::default());
        let blank = Arc::new(Blank);
        let collector = Collector::start(config, latest.clone(), blank.clone(), blank, Arc::new(SystemClock));
        Ok(Arc::new(Shown { latest, _collector: collector }))
    })
}

struct Shown {
    latest: Arc<Latest>,
    _collector: Arc<Collector>,
}

impl Exposed for Shown {
    fn text(&self) -> Result<String> {
        Ok(self.latest.text())
    }
}
