//! Protocol counters from /proc/net/netstat, snmp and snmp6.

use std::path::PathBuf;

use super::Source;
use crate::host::config::Config;
use crate::host::filter::Filter;
use crate::host::paths::HostPaths;
use crate::host::read::{SourceError, SourceResult, read_into};
use crate::host::samples::{Metric, Samples};
use crate::host::text::{fields, float, lines, text};

static FIELD: Metric = Metric::untyped("node_netstat_", "A field of /proc/net/netstat, snmp or snmp6.");

pub(crate) struct NetStat {
    paired: [PathBuf; 2],
    listed: PathBuf,
    wanted: Filter,
    buffer: Vec<u8>,
    key: String,
}

impl NetStat {
    pub(crate) fn new(config: &Config, paths: &HostPaths) -> model::Result<Self> {
        Ok(Self {
            paired: [paths.net.join("netstat"), paths.net.join("snmp")],
            listed: paths.net.join("snmp6"),
            wanted: Filter::new(&config.netstat_fields, "")?,
            buffer: Vec::new(),
            key: String::new(),
        })
    }

    /// `Tcp: Name Name ...` followed by `Tcp: 1 2 ...`.
    fn paired(&mut self, which: usize, out: &mut Samples) -> SourceResult<()> {
        let Self { paired, wanted, buffer, key, .. } = self;
        let path = &paired[which];
        let bytes = read_into(path, buffer)?;
        let mut lines = lines(bytes).enumerate();
        while let Some((at, names)) = lines.next() {
            let malformed = |what: &str| SourceError::malformed(path, at + 1, what);
            let (_, values) = lines.next().ok_or_else(|| malformed("names without a line of numbers"))?;
            let (mut names, mut values) = (fields(names), fields(values));
            let protocol = names.next().unwrap_or_default();
            if values.next() != Some(protocol) {
                return Err(malformed("names and numbers are of different protocols"));
            }
            let protocol = text(protocol.strip_suffix(b":").unwrap_or(protocol));
            for name in names {
                let value = values.next().and_then(float);
                let value = value.ok_or_else(|| malformed("fewer numbers than names"))?;
                push(out, wanted, key, &protocol, &text(name), value);
            }
        }
        Ok(())
    }

    /// `Ip6InOctets 460`, one a line.
    fn listed(&mut self, out: &mut Samples) -> SourceResult<()> {
        let Self { listed, wanted, buffer, key, .. } = self;
        let bytes = match read_into(listed, buffer) {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => return Ok(()), // IPv6 is switched off
            Err(error) => return Err(error),
        };
        for (at, line) in lines(bytes).enumerate() {
            let mut parts = fields(line);
            let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
            let value = float(value)
                .ok_or_else(|| SourceError::malformed(listed, at + 1, "the second field is no number"))?;
            let name = text(name);
            if let Some(six) = name.find('6') {
                let (protocol, field) = name.split_at(six + 1);
                push(out, wanted, key, protocol, field, value);
            }
        }
        Ok(())
    }
}

fn push(out: &mut Samples, wanted: &mut Filter, key: &mut String, protocol: &str, field: &str, value: f64) {
    key.clear();
    for part in [protocol, "_", field] {
        key.push_str(part);
    }
    if wanted.wants(key) {
        out.push_named(&FIELD, &[key], value);
    }
}

impl Source for NetStat {
    fn name(&self) -> &'static str {
        "netstat"
    }

    fn collect(&mut self, _now_ms: i64, out: &mut Samples) -> SourceResult<()> {
        self.paired(0, out)?;
        self.paired(1, out)?;
        self.listed(out)
    }
}
