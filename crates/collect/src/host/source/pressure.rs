//! Pressure stall information from /proc/pressure.

use std::path::PathBuf;

use super::Source;
use crate::host::paths::HostPaths;
use crate::host::read::{SourceError, SourceResult, read_into};
use crate::host::samples::{Metric, Samples};
use crate::host::text::{fields, lines, number};

/// A file, and what its `some` and `full` lines are published as.
struct Resource {
    file: &'static str,
    some: Option<&'static Metric>,
    full: Option<&'static Metric>,
}

static CPU_SOME: Metric = Metric::counter(
    "node_pressure_cpu_waiting_seconds_total",
    &[],
    "Seconds in which some task waited for a processor.",
);
static IO_SOME: Metric = Metric::counter(
    "node_pressure_io_waiting_seconds_total",
    &[],
    "Seconds in which some task waited for a device.",
);
static IO_FULL: Metric = Metric::counter(
    "node_pressure_io_stalled_seconds_total",
    &[],
    "Seconds in which every task waited for a device.",
);
static MEMORY_SOME: Metric = Metric::counter(
    "node_pressure_memory_waiting_seconds_total",
    &[],
    "Seconds in which some task waited for memory.",
);
static MEMORY_FULL: Metric = Metric::counter(
    "node_pressure_memory_stalled_seconds_total",
    &[],
    "Seconds in which every task waited for memory.",
);
static IRQ_FULL: Metric = Metric::counter(
    "node_pressure_irq_stalled_seconds_total",
    &[],
    "Seconds in which every task waited for interrupts to be handled.",
);

/// `full` of the CPU is always 0 for a whole system; interrupts have no `some` (Linux 6.1 and later).
static RESOURCES: [Resource; 4] = [
    Resource { file: "cpu", some: Some(&CPU_SOME), full: None },
    Resource { file: "io", some: Some(&IO_SOME), full: Some(&IO_FULL) },
    Resource { file: "memory", some: Some(&MEMORY_SOME), full: Some(&MEMORY_FULL) },
    Resource { file: "irq", some: None, full: Some(&IRQ_FULL) },
];

pub(crate) struct Pressure {
    dir: PathBuf,
    paths: Vec<(PathBuf, &'static Resource)>,
    buffer: Vec<u8>,
}

impl Pressure {
    pub(crate) fn new(paths: &HostPaths) -> Self {
        let dir = paths.proc("pressure");
        let paths = RESOURCES.iter().map(|r| (dir.join(r.file), r)).collect();
        Self { dir, paths, buffer: Vec::new() }
    }
}

impl Source for Pressure {
    fn name(&self) -> &'static str {
        "pressure"
    }

    fn collect(&mut self, _now_ms: i64, out: &mut Samples) -> SourceResult<()> {
        let mut found = false;
        for (path, resource) in &self.paths {
            let bytes = match read_into(path, &mut self.buffer) {
                Ok(bytes) => bytes,
                Err(error) if error.is_missing() => continue,
                Err(SourceError::Io { error, .. })
                    if error.raw_os_error() == Some(rustix::io::Errno::OPNOTSUPP.raw_os_error()) =>
                {
                    return Err(SourceError::NoData {
                        reason: "pressure stall information is switched off in the kernel".into(),
                        remedy: "Add psi=1 to the kernel's command line and boot again.",
                    });
                }
                Err(error) => return Err(error),
            };
            found = true;
            for (at, line) in lines(bytes).enumerate() {
                let mut parts = fields(line);
                let metric = match parts.next() {
                    Some(b"some") => resource.some,
                    Some(b"full") => resource.full,
                    _ => None,
                };
                let Some(metric) = metric else { continue };
                let total = parts.find_map(|p| p.strip_prefix(b"total=")).and_then(number);
                let micros =
                    total.ok_or_else(|| SourceError::malformed(path, at + 1, "total=<µs> is expected"))?;
                // Divided twice, as node_exporter does: the last bit of the result is the same.
                out.push(metric, &[], micros as f64 / 1000.0 / 1000.0);
            }
        }
        if found {
            return Ok(());
        }
        Err(SourceError::NoData {
            reason: format!("{} is missing", self.dir.display()),
            remedy: "Use Linux 4.20 or newer with CONFIG_PSI; some distributions want psi=1 on its command line.",
        })
    }
}
