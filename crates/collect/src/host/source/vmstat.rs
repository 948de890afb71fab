//! Virtual memory counters from /proc/vmstat.

use std::path::PathBuf;

use super::Source;
use crate::host::config::Config;
use crate::host::filter::Filter;
use crate::host::paths::HostPaths;
use crate::host::read::{SourceError, SourceResult, read_into};
use crate::host::samples::{Metric, Samples};
use crate::host::text::{fields, float, lines, text};

static FIELD: Metric = Metric::untyped("node_vmstat_", "A field of /proc/vmstat.");

pub(crate) struct VmStat {
    path: PathBuf,
    wanted: Filter,
    buffer: Vec<u8>,
}

impl VmStat {
    pub(crate) fn new(config: &Config, paths: &HostPaths) -> model::Result<Self> {
        Ok(Self {
            path: paths.proc("vmstat"),
            wanted: Filter::new(&config.vmstat_fields, "")?,
            buffer: Vec::new(),
        })
    }
}

impl Source for VmStat {
    fn name(&self) -> &'static str {
        "vmstat"
    }

    fn collect(&mut self, _now_ms: i64, out: &mut Samples) -> SourceResult<()> {
        let bytes = read_into(&self.path, &mut self.buffer)?;
        for (at, line) in lines(bytes).enumerate() {
            let mut parts = fields(line);
            let (Some(name), Some(value)) = (parts.next(), parts.next().and_then(float)) else {
                return Err(SourceError::malformed(&self.path, at + 1, "a name and a number are expected"));
            };
            let name = text(name);
            if self.wanted.wants(&name) {
                out.push_named(&FIELD, &[&name], value);
            }
        }
        Ok(())
    }
}
