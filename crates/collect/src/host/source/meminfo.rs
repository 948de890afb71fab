//! Memory from /proc/meminfo: every field, in bytes where the kernel says kB.

use std::path::PathBuf;

use super::Source;
use crate::host::paths::HostPaths;
use crate::host::read::{SourceError, SourceResult, read_into};
use crate::host::samples::{Metric, Samples};
use crate::host::text::{fields, float, lines, text};

static FIELD: Metric = Metric::gauge("node_memory_", &[], "A field of /proc/meminfo.");

pub(crate) struct MemInfo {
    path: PathBuf,
    buffer: Vec<u8>,
}

impl MemInfo {
    pub(crate) fn new(paths: &HostPaths) -> Self {
        Self { path: paths.proc("meminfo"), buffer: Vec::new() }
    }
}

impl Source for MemInfo {
    fn name(&self) -> &'static str {
        "meminfo"
    }

    fn collect(&mut self, _now_ms: i64, out: &mut Samples) -> SourceResult<()> {
        let bytes = read_into(&self.path, &mut self.buffer)?;
        for (at, line) in lines(bytes).enumerate() {
            let malformed = |what: &str| SourceError::malformed(&self.path, at + 1, what);
            let mut parts = fields(line);
            let (Some(name), Some(value)) = (parts.next(), parts.next()) else {
                return Err(malformed("a name and a number are expected"));
            };
            let value = float(value).ok_or_else(|| malformed("the second field is no number"))?;
            let name = text(name.strip_suffix(b":").unwrap_or(name));
            // `Active(anon)` is called `Active_anon`.
            let (name, detail) = match name.split_once('(') {
                Some((name, detail)) => (name, detail.trim_end_matches(')')),
                None => (&*name, ""),
            };
            let underscore = if detail.is_empty() { "" } else { "_" };
            match parts.next() {
                Some(b"kB") => {
                    out.push_named(&FIELD, &[name, underscore, detail, "_bytes"], value * 1024.0);
                }
                _ => out.push_named(&FIELD, &[name, underscore, detail], value),
            }
        }
        Ok(())
    }
}
