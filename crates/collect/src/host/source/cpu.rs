//! Processor time from /proc/stat; throttling, isolation and hotplug from /sys/devices/system/cpu.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Source;
use super::cpu_info::CpuInfo;
use crate::host::config::Config;
use crate::host::paths::HostPaths;
use crate::host::read::{SourceError, SourceResult, entries, is_numbered, read_into, read_optional};
use crate::host::samples::{Metric, Samples};
use crate::host::text::{Digits, fields, lines, number, split_once, trim};

static SECONDS: Metric = Metric::counter(
    "node_cpu_seconds_total",
    &["cpu", "mode"],
    "Seconds that each processor spent in each mode.",
);
static GUEST: Metric = Metric::counter(
    "node_cpu_guest_seconds_total",
    &["cpu", "mode"],
    "Seconds that each processor spent running virtual machines; part of user and nice.",
);
static CORE_THROTTLES: Metric = Metric::counter(
    "node_cpu_core_throttles_total",
    &["core", "package"],
    "How often a core was slowed down because of heat.",
);
static PACKAGE_THROTTLES: Metric = Metric::counter(
    "node_cpu_package_throttles_total",
    &["package"],
    "How often a package was slowed down because of heat.",
);
static ISOLATED: Metric =
    Metric::gauge("node_cpu_isolated", &["cpu"], "Processors that the scheduler leaves alone; always 1.");
static ONLINE: Metric = Metric::gauge("node_cpu_online", &["cpu"], "Whether a processor is online.");

/// Columns of a `cpuN` line. The last two are parts of the first two.
const MODES: [&str; 8] = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];
const GUEST_MODES: [&str; 2] = ["user", "nice"];
const COLUMNS: usize = MODES.len() + GUEST_MODES.len();
const IDLE: usize = 3;

/// `sysconf(_SC_CLK_TCK)` is 100 on every Linux that user space sees.
const TICKS_PER_SECOND: f64 = 100.0;
/// When idle time falls by this, the processor was taken out and put back: its counters start over.
const HOTPLUG_TICKS: u64 = 300;

/// What sysfs knows of a processor that does not change while it is there.
struct Topology {
    number: u64,
    dir: PathBuf,
    package_core: Option<(u64, u64)>,
}

pub(crate) struct Cpu {
    stat: PathBuf,
    dir: PathBuf,
    guest: bool,
    info: Option<CpuInfo>,
    /// The highest value seen of each column: iowait and idle may step back a little, counters may not.
    seen: BTreeMap<u64, [u64; COLUMNS]>,
    topology: Vec<Topology>,
    isolated: Vec<u64>,
    /// Packages, and cores of packages, that were counted this round.
    throttled: Vec<(u64, Option<u64>)>,
    buffer: Vec<u8>,
}

impl Cpu {
    pub(crate) fn new(config: &Config, paths: &HostPaths) -> model::Result<Self> {
        Ok(Self {
            stat: paths.proc("stat"),
            dir: paths.sys("devices/system/cpu"),
            guest: config.cpu_guest,
            info: CpuInfo::new(config, paths)?,
            seen: BTreeMap::new(),
            topology: Vec::new(),
            isolated: Vec::new(),
            throttled: Vec::new(),
            buffer: Vec::new(),
        })
    }

    fn times(&mut self, out: &mut Samples) -> SourceResult<()> {
        let bytes = read_into(&self.stat, &mut self.buffer)?;
        for (at, line) in lines(bytes).enumerate() {
            let Some(rest) = line.strip_prefix(b"cpu") else { continue };
            let mut parts = fields(rest);
            if rest.starts_with(b" ") {
                continue; // the sum of all
            }
            let malformed = |what: &str| SourceError::malformed(&self.stat, at + 1, what);
            let cpu = parts.next().and_then(number).ok_or_else(|| malformed("cpu<number> is expected"))?;
            let mut now = [0; COLUMNS];
            for (column, part) in now.iter_mut().zip(parts) {
                *column = number(part).ok_or_else(|| malformed("only numbers are expected"))?;
            }
            let seen = self.seen.entry(cpu).or_default();
            if seen[IDLE].saturating_sub(now[IDLE]) >= HOTPLUG_TICKS {
                *seen = now;
            }
            for (seen, now) in seen.iter_mut().zip(now) {
                *seen = now.max(*seen);
            }
            let cpu = Digits::new(cpu);
            for (mode, ticks) in MODES.iter().zip(&*seen) {
                out.push(&SECONDS, &[cpu.as_str(), mode], *ticks as f64 / TICKS_PER_SECOND);
            }
            if self.guest {
                for (mode, ticks) in GUEST_MODES.iter().zip(&seen[MODES.len()..]) {
                    out.push(&GUEST, &[cpu.as_str(), mode], *ticks as f64 / TICKS_PER_SECOND);
                }
            }
        }
        if self.seen.is_empty() {
            return Err(SourceError::malformed(&self.stat, 1, "no processor is listed"));
        }
        Ok(())
    }

    /// Reads the topology again when the number of processors has changed.
    fn look_around(&mut self) -> SourceResult<()> {
        if !self.topology.is_empty() && self.topology.len() >= self.seen.len() {
            return Ok(());
        }
        self.topology.clear();
        self.isolated.clear();
        let found = match entries(&self.dir, |name| is_numbered(name, "cpu")) {
            Ok(found) => found,
            Err(error) if error.is_missing() => return Ok(()),
            Err(error) => return Err(error),
        };
        for (name, dir) in found {
            let Some(cpu) = number(name.trim_start_matches("cpu").as_bytes()) else { continue };
            let mut read =
                |file: &str| read_optional(&dir.join(file), &mut self.buffer).map(trim).and_then(number);
            let package = read("topology/physical_package_id");
            let core = read("topology/core_id");
            self.topology.push(Topology { number: cpu, dir, package_core: package.zip(core) });
        }
        if let Some(list) = read_optional(&self.dir.join("isolated"), &mut self.buffer) {
            self.isolated = cpu_list(trim(list));
        }
        Ok(())
    }

    /// One count a core and one a package: the first processor that has it speaks for all.
    fn throttles(&mut self, out: &mut Samples) {
        let Self { topology, throttled, buffer, .. } = self;
        throttled.clear();
        for cpu in topology {
            let Some((package, core)) = cpu.package_core else { continue };
            let mut read = |file: &str| read_optional(&cpu.dir.join(file), buffer).map(trim).and_then(number);
            let package_text = Digits::new(package);
            if !throttled.contains(&(package, Some(core)))
                && let Some(count) = read("thermal_throttle/core_throttle_count")
            {
                throttled.push((package, Some(core)));
                let core = Digits::new(core);
                out.push(&CORE_THROTTLES, &[core.as_str(), package_text.as_str()], count as f64);
            }
            if !throttled.contains(&(package, None))
                && let Some(count) = read("thermal_throttle/package_throttle_count")
            {
                throttled.push((package, None));
                out.push(&PACKAGE_THROTTLES, &[package_text.as_str()], count as f64);
            }
        }
    }

    /// Published where the first processor says it, as processors of machines without hotplug do not.
    fn online(&mut self, out: &mut Samples) {
        for (at, cpu) in self.topology.iter().enumerate() {
            let online = read_optional(&cpu.dir.join("online"), &mut self.buffer).map(|b| trim(b) == b"1");
            if at == 0 && online.is_none() {
                return;
            }
            let online = f64::from(u8::from(online.unwrap_or(false)));
            out.push(&ONLINE, &[Digits::new(cpu.number).as_str()], online);
        }
    }
}

impl Source for Cpu {
    fn name(&self) -> &'static str {
        "cpu"
    }

    fn collect(&mut self, _now_ms: i64, out: &mut Samples) -> SourceResult<()> {
        if let Some(info) = &mut self.info {
            info.collect(out)?;
        }
        self.times(out)?;
        self.look_around()?;
        for cpu in &self.isolated {
            out.push(&ISOLATED, &[Digits::new(*cpu).as_str()], 1.0);
        }
        self.throttles(out);
        self.online(out);
        Ok(())
    }
}

/// The most processors that a list may name: Linux is built for at most 8192.
const MOST_CPUS: u64 = 8_192;

/// A list like `1,3-5,9`. What is no number is left out.
fn cpu_list(bytes: &[u8]) -> Vec<u64> {
    let mut list = Vec::new();
    for part in bytes.split(|b| *b == b',') {
        let (first, last) = split_once(part, b'-').unwrap_or((part, part));
        if let (Some(first), Some(last)) = (number(first), number(last)) {
            list.extend((first..=last).take_while(|cpu| *cpu < MOST_CPUS));
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_processors() {
        assert_eq!(cpu_list(b"1,3-5,9"), [1, 3, 4, 5, 9]);
        assert_eq!(cpu_list(b""), [0u64; 0]);
        assert_eq!(cpu_list(b"5-3,x,8191-18446744073709551615"), [8191]);
    }

    #[test]
    fn counters_never_step_back_but_start_over_after_hotplug() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config {
            procfs: dir.path().to_owned(),
            sysfs: dir.path().to_owned(),
            cpu_guest: false,
            ..Config::default()
        };
        let mut cpu = Cpu::new(&config, &HostPaths::new(&config)).unwrap();
        let mut out = Samples::new(Vec::new());
        let mut idle_after = |idle: u64, iowait: u64| {
            std::fs::write(dir.path().join("stat"), format!("cpu  1 1\ncpu0 9 0 0 {idle} {iowait} 0 0 0\n"))
                .unwrap();
            out.clear();
            cpu.collect(0, &mut out).unwrap();
            out.iter().map(|(_, e)| e.value).skip(IDLE).take(2).collect::<Vec<_>>()
        };
        assert_eq!(idle_after(1_000, 50), [10.0, 0.5]);
        assert_eq!(idle_after(990, 40), [10.0, 0.5], "a small step back is held");
        assert_eq!(idle_after(700, 10), [7.0, 0.1], "a large one is a new processor");
    }
}
