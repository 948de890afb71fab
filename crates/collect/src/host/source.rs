//! The sources: one file each, all of one shape.
//!
//! A source keeps its paths and buffers, reads what it reads in [`Source::collect`] and pushes samples. It knows
//! nothing of stores, intervals and other sources. To add one: a file with a type that implements [`Source`], its
//! metrics as statics on top, and a line in [`all`].

pub(crate) mod cpu;
pub(crate) mod cpu_info;
pub(crate) mod cpufreq;
pub(crate) mod diskstats;
pub(crate) mod filefd;
pub(crate) mod filesystem;
pub(crate) mod loadavg;
pub(crate) mod meminfo;
pub(crate) mod netdev;
pub(crate) mod netstat;
pub(crate) mod pressure;
pub(crate) mod processes;
pub(crate) mod sockstat;
pub(crate) mod stat;
pub(crate) mod thermal;
pub(crate) mod time;
pub(crate) mod udev;
pub(crate) mod uname;
pub(crate) mod vmstat;

use super::config::Config;
use super::paths::HostPaths;
use super::read::SourceResult;
use super::samples::Samples;

/// One thing that is read every round.
pub(crate) trait Source: Send {
    /// The name in `node_scrape_collector_success{collector=...}`, as node_exporter calls it.
    fn name(&self) -> &'static str;

    /// Reads now and pushes the samples. What was pushed before an error stays.
    fn collect(&mut self, now_ms: i64, out: &mut Samples) -> SourceResult<()>;
}

/// Names of all sources, as node_exporter has them.
pub const NAMES: [&str; 17] = [
    "cpu",
    "cpufreq",
    "diskstats",
    "filefd",
    "filesystem",
    "loadavg",
    "meminfo",
    "netdev",
    "netstat",
    "pressure",
    "processes",
    "sockstat",
    "stat",
    "thermal_zone",
    "time",
    "uname",
    "vmstat",
];

/// Every source that `config` does not disable. `filesystem` comes last: a hanging mount may make it wait, and by then
/// the others have been read.
pub(crate) fn all(config: &Config, paths: &HostPaths) -> model::Result<Vec<Box<dyn Source>>> {
    let mut sources: Vec<Box<dyn Source>> = vec![
        Box::new(cpu::Cpu::new(config, paths)?),
        Box::new(cpufreq::CpuFreq::new(paths)),
        Box::new(diskstats::DiskStats::new(config, paths)?),
        Box::new(filefd::FileFd::new(paths)),
        Box::new(loadavg::LoadAvg::new(paths)),
        Box::new(meminfo::MemInfo::new(paths)),
        Box::new(netdev::NetDev::new(config, paths)?),
        Box::new(netstat::NetStat::new(config, paths)?),
        Box::new(pressure::Pressure::new(paths)),
        Box::new(processes::Processes::new(paths)),
        Box::new(sockstat::SockStat::new(paths)),
        Box::new(stat::Stat::new(config, paths)),
        Box::new(thermal::ThermalZone::new(paths)),
        Box::new(time::Time::new(paths)),
        Box::new(uname::Uname),
        Box::new(vmstat::VmStat::new(config, paths)?),
        Box::new(filesystem::FileSystem::new(config, paths)?),
    ];
    for name in &config.disabled {
        if !sources.iter().any(|source| source.name() == name) {
            tracing::debug!(collector = %name, "a collector that does not exist here is disabled");
        }
    }
    sources.retain(|source| !config.disabled.iter().any(|name| name == source.name()));
    Ok(sources)
}
