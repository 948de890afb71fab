//! Interrupts, context switches, forks and boot time from /proc/stat.

use std::path::PathBuf;

use super::Source;
use crate::host::config::Config;
use crate::host::paths::HostPaths;
use crate::host::read::{SourceError, SourceResult, read_into};
use crate::host::samples::{Metric, Samples};
use crate::host::text::{fields, float, lines};

static INTERRUPTS: Metric = Metric::counter("node_intr_total", &[], "Interrupts serviced.");
static SWITCHES: Metric = Metric::counter("node_context_switches_total", &[], "Context switches.");
static FORKS: Metric = Metric::counter("node_forks_total", &[], "Processes and threads created.");
static BOOT: Metric = Metric::gauge("node_boot_time_seconds", &[], "Unix time of the last boot.");
static RUNNING: Metric = Metric::gauge("node_procs_running", &[], "Tasks that run or could run.");
static BLOCKED: Metric = Metric::gauge("node_procs_blocked", &[], "Tasks that wait for a device.");
static SOFTIRQS: Metric =
    Metric::counter("node_softirqs_total", &["vector"], "Soft interrupts handled, by vector.");

/// In the order of the `softirq` line, whose first number is their sum.
const VECTORS: [&str; 10] =
    ["hi", "timer", "net_tx", "net_rx", "block", "block_iopoll", "tasklet", "sched", "hrtimer", "rcu"];

pub(crate) struct Stat {
    path: PathBuf,
    softirq: bool,
    buffer: Vec<u8>,
}

impl Stat {
    pub(crate) fn new(config: &Config, paths: &HostPaths) -> Self {
        Self { path: paths.proc("stat"), softirq: config.stat_softirq, buffer: Vec::new() }
    }
}

impl Source for Stat {
    fn name(&self) -> &'static str {
        "stat"
    }

    fn collect(&mut self, _now_ms: i64, out: &mut Samples) -> SourceResult<()> {
        let bytes = read_into(&self.path, &mut self.buffer)?;
        for (at, line) in lines(bytes).enumerate() {
            let mut parts = fields(line);
            let metric = match parts.next() {
                Some(b"intr") => &INTERRUPTS,
                Some(b"ctxt") => &SWITCHES,
                Some(b"processes") => &FORKS,
                Some(b"btime") => &BOOT,
                Some(b"procs_running") => &RUNNING,
                Some(b"procs_blocked") => &BLOCKED,
                Some(b"softirq") if self.softirq => &SOFTIRQS,
                _ => continue,
            };
            let value = parts.next().and_then(float);
            let value =
                value.ok_or_else(|| SourceError::malformed(&self.path, at + 1, "a number is expected"))?;
            if std::ptr::eq(metric, &SOFTIRQS) {
                for (vector, count) in VECTORS.iter().zip(parts) {
                    let count = float(count).ok_or_else(|| {
                        SourceError::malformed(&self.path, at + 1, "only numbers are expected")
                    })?;
                    out.push(&SOFTIRQS, &[vector], count);
                }
            } else {
                out.push(metric, &[], value);
            }
        }
        Ok(())
    }
}
