//! Load averages from /proc/loadavg.

use std::path::PathBuf;

use super::Source;
use crate::host::paths::HostPaths;
use crate::host::read::{SourceError, SourceResult, read_into};
use crate::host::samples::{Metric, Samples};
use crate::host::text::{fields, float};

static LOADS: [Metric; 3] = [
    Metric::gauge("node_load1", &[], "Load average over 1 minute."),
    Metric::gauge("node_load5", &[], "Load average over 5 minutes."),
    Metric::gauge("node_load15", &[], "Load average over 15 minutes."),
];

pub(crate) struct LoadAvg {
    path: PathBuf,
    buffer: Vec<u8>,
}

impl LoadAvg {
    pub(crate) fn new(paths: &HostPaths) -> Self {
        Self { path: paths.proc("loadavg"), buffer: Vec::new() }
    }
}

impl Source for LoadAvg {
    fn name(&self) -> &'static str {
        "loadavg"
    }

    fn collect(&mut self, _now_ms: i64, out: &mut Samples) -> SourceResult<()> {
        let bytes = read_into(&self.path, &mut self.buffer)?;
        let mut numbers = fields(bytes).map(float);
        for metric in &LOADS {
            let Some(Some(value)) = numbers.next() else {
                return Err(SourceError::malformed(&self.path, 1, "three load averages are expected"));
            };
            out.push(metric, &[], value);
        }
        Ok(())
    }
}
