//! Open files from /proc/sys/fs/file-nr.

use std::path::PathBuf;

use super::Source;
use crate::host::paths::HostPaths;
use crate::host::read::{SourceError, SourceResult, read_into};
use crate::host::samples::{Metric, Samples};
use crate::host::text::{fields, float, trim};

static ALLOCATED: Metric = Metric::gauge("node_filefd_allocated", &[], "File handles in use.");
static MAXIMUM: Metric = Metric::gauge("node_filefd_maximum", &[], "File handles the kernel allows.");

pub(crate) struct FileFd {
    path: PathBuf,
    buffer: Vec<u8>,
}

impl FileFd {
    pub(crate) fn new(paths: &HostPaths) -> Self {
        Self { path: paths.proc("sys/fs/file-nr"), buffer: Vec::new() }
    }
}

impl Source for FileFd {
    fn name(&self) -> &'static str {
        "filefd"
    }

    fn collect(&mut self, _now_ms: i64, out: &mut Samples) -> SourceResult<()> {
        let bytes = read_into(&self.path, &mut self.buffer)?;
        // allocated, allocated but unused (always 0 today), maximum
        let mut numbers = fields(trim(bytes)).map(float);
        let (Some(Some(allocated)), Some(_), Some(Some(maximum))) =
            (numbers.next(), numbers.next(), numbers.next())
        else {
            return Err(SourceError::malformed(&self.path, 1, "three numbers are expected"));
        };
        out.push(&ALLOCATED, &[], allocated);
        out.push(&MAXIMUM, &[], maximum);
        Ok(())
    }
}
