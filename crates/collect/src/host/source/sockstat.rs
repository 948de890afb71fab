//! Sockets in use from /proc/net/sockstat and sockstat6.

use std::path::PathBuf;

use super::Source;
use crate::host::paths::HostPaths;
use crate::host::read::{SourceError, SourceResult, read_into};
use crate::host::samples::{Metric, Samples};
use crate::host::text::{fields, float, lines, text};

static FIELD: Metric = Metric::gauge("node_sockstat_", &[], "A field of /proc/net/sockstat or sockstat6.");

pub(crate) struct SockStat {
    paths: [PathBuf; 2],
    page_size: f64,
    buffer: Vec<u8>,
}

impl SockStat {
    pub(crate) fn new(paths: &HostPaths) -> Self {
        Self {
            paths: [paths.net.join("sockstat"), paths.net.join("sockstat6")],
            page_size: rustix::param::page_size() as f64,
            buffer: Vec::new(),
        }
    }
}

impl Source for SockStat {
    fn name(&self) -> &'static str {
        "sockstat"
    }

    fn collect(&mut self, _now_ms: i64, out: &mut Samples) -> SourceResult<()> {
        for path in &self.paths {
            let bytes = match read_into(path, &mut self.buffer) {
                Ok(bytes) => bytes,
                // IPv4 or IPv6 is switched off.
                Err(error) if error.is_missing() => continue,
                Err(error) => return Err(error),
            };
            for (at, line) in lines(bytes).enumerate() {
                let malformed = |what: &str| SourceError::malformed(path, at + 1, what);
                let mut parts = fields(line);
                let protocol = parts.next().and_then(|p| p.strip_suffix(b":"));
                let protocol = text(protocol.ok_or_else(|| malformed("`protocol:` is expected"))?);
                while let Some(name) = parts.next() {
                    let value = parts.next().and_then(float);
                    let value =
                        value.ok_or_else(|| malformed("pairs of a name and a number are expected"))?;
                    let name = text(name);
                    out.push_named(&FIELD, &[&protocol, "_", &name], value);
                    if name == "mem" {
                        out.push_named(&FIELD, &[&protocol, "_mem_bytes"], value * self.page_size);
                    }
                }
            }
        }
        Ok(())
    }
}
