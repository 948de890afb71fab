//! The host as node_exporter shows it.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use collect::host::Config;
use model::{Clock, Result, SystemClock};
use server::Exposed;

use super::exporter::{self, ExporterFlags};
use crate::host_flags::HostFlags;

/// Shows figures of this host as metrics, as node_exporter does.
#[derive(Debug, Parser)]
#[command(name = "node_exporter", version, about)]
struct NodeFlags {
    #[command(flatten)]
    exporter: ExporterFlags,
    /// Path of the metrics.
    #[arg(long = "web.telemetry-path", value_name = "PATH", default_value = "/metrics")]
    path: String,
    /// Accepted; only figures of the host are shown.
    #[arg(long = "web.disable-exporter-metrics")]
    _no_own: bool,
    /// Leaves out every collector that is not named by a --collector.NAME.
    #[arg(long = "collector.disable-defaults")]
    none: bool,
    #[command(flatten)]
    host: HostFlags,
}

pub(super) fn main(args: Vec<OsString>) -> ExitCode {
    let (args, switches) = Switches::taken_from(args);
    let flags = match NodeFlags::try_parse_from(args) {
        Ok(flags) => flags,
        Err(error) => error.exit(),
    };
    let path = format!("/{}", flags.path.trim_start_matches('/'));
    exporter::main(&flags.exporter, ":9100".to_owned(), path, || {
        let mut config = Config::default();
        flags.host.apply(&mut config);
        switches.apply(flags.none, &mut config);
        config.check()?;
        Ok(Arc::new(Host(config)))
    })
}

/// Collectors by node_exporter's names, switched on and off.
#[derive(Debug, Default, PartialEq, Eq)]
struct Switches(Vec<(String, bool)>);

impl Switches {
    /// Takes `--collector.NAME` and `--no-collector.NAME` out of the arguments.
    fn taken_from(args: Vec<OsString>) -> (Vec<OsString>, Self) {
        let mut switches = Self::default();
        let rest = args
            .into_iter()
            .filter(|arg| {
                let found = arg.to_str().and_then(|text| {
                    let (on, name) = match text.strip_prefix("--no-collector.") {
                        Some(name) => (false, name),
                        None => (true, text.strip_prefix("--collector.")?),
                    };
                    let plain = !name.contains(['.', '=']) && name != "disable-defaults";
                    plain.then(|| (name.to_owned(), on))
                });
                let taken = found.is_some();
                switches.0.extend(found);
                !taken
            })
            .collect();
        (rest, switches)
    }

    fn apply(&self, none: bool, config: &mut Config) {
        if none {
            config.disabled = collect::host::NAMES.iter().map(|name| (*name).to_owned()).collect();
        }
        for (name, on) in &self.0 {
            config.disabled.retain(|disabled| disabled != name);
            match (on, collect::host::NAMES.contains(&name.as_str())) {
                (false, true) => config.disabled.push(name.clone()),
                (true, false) => tracing::warn!(collector = name, "there is no such collector here"),
                _ => {}
            }
        }
    }
}

struct Host(Config);

impl Exposed for Host {
    fn text(&self) -> Result<String> {
        collect::host::exposition(&self.0, SystemClock.now_ms())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collectors_are_switched_by_name_and_other_flags_stay() {
        let args =
            ["n", "--no-collector.netdev", "--collector.stat.softirq", "--collector.cpu", "--path.procfs=/p"];
        let (rest, switches) = Switches::taken_from(args.map(OsString::from).to_vec());
        assert_eq!(rest, ["n", "--collector.stat.softirq", "--path.procfs=/p"].map(OsString::from));
        let mut config = Config::default();
        switches.apply(false, &mut config);
        assert_eq!(config.disabled, ["netdev"]);
        switches.apply(true, &mut config);
        assert!(config.disabled.len() > 5 && !config.disabled.contains(&"cpu".to_owned()));
        assert!(NodeFlags::try_parse_from(rest).unwrap().host.stat_softirq);
    }
}
