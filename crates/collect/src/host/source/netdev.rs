//! Network devices from /proc/1/net/dev.

use std::path::PathBuf;

use super::Source;
use crate::host::config::Config;
use crate::host::filter::Filter;
use crate::host::paths::HostPaths;
use crate::host::read::{SourceError, SourceResult, read_into, read_optional};
use crate::host::samples::{Metric, Samples};
use crate::host::text::{fields, float, lines, text, trim};

const DEVICE: &[&str] = &["device"];

/// Columns in their order. The kernel sums the detailed error counters into these (net/core/net-procfs.c).
static COLUMNS: [Metric; 16] = [
    Metric::counter("node_network_receive_bytes_total", DEVICE, "Bytes received."),
    Metric::counter("node_network_receive_packets_total", DEVICE, "Packets received."),
    Metric::counter("node_network_receive_errs_total", DEVICE, "Packets received with an error."),
    Metric::counter("node_network_receive_drop_total", DEVICE, "Packets received and dropped."),
    Metric::counter("node_network_receive_fifo_total", DEVICE, "Receive buffer overruns."),
    Metric::counter("node_network_receive_frame_total", DEVICE, "Packets received with a framing error."),
    Metric::counter("node_network_receive_compressed_total", DEVICE, "Compressed packets received."),
    Metric::counter("node_network_receive_multicast_total", DEVICE, "Multicast packets received."),
    Metric::counter("node_network_transmit_bytes_total", DEVICE, "Bytes sent."),
    Metric::counter("node_network_transmit_packets_total", DEVICE, "Packets sent."),
    Metric::counter("node_network_transmit_errs_total", DEVICE, "Packets that could not be sent."),
    Metric::counter("node_network_transmit_drop_total", DEVICE, "Packets dropped before sending."),
    Metric::counter("node_network_transmit_fifo_total", DEVICE, "Send buffer underruns."),
    Metric::counter("node_network_transmit_colls_total", DEVICE, "Collisions."),
    Metric::counter("node_network_transmit_carrier_total", DEVICE, "Carrier losses while sending."),
    Metric::counter("node_network_transmit_compressed_total", DEVICE, "Compressed packets sent."),
];
static NO_HANDLER: Metric =
    Metric::counter("node_network_receive_nohandler_total", DEVICE, "Packets received that nobody wanted.");

/// Lines of headings.
const HEADINGS: usize = 2;

pub(crate) struct NetDev {
    path: PathBuf,
    class: PathBuf,
    wanted: Filter,
    buffer: Vec<u8>,
    small: Vec<u8>,
    file: PathBuf,
}

impl NetDev {
    pub(crate) fn new(config: &Config, paths: &HostPaths) -> model::Result<Self> {
        let (mut path, mut class) = (paths.net.join("dev"), paths.sys("class/net"));
        if !paths.real_procfs && !path.exists() {
            // Recorded files without the devices: node_exporter asks the kernel for its own devices then.
            (path, class) = ("/proc/net/dev".into(), "/sys/class/net".into());
        }
        Ok(Self {
            path,
            class,
            wanted: Filter::new(&config.netdev_device_include, &config.netdev_device_exclude)?,
            buffer: Vec::new(),
            small: Vec::new(),
            file: PathBuf::new(),
        })
    }
}

impl Source for NetDev {
    fn name(&self) -> &'static str {
        "netdev"
    }

    fn collect(&mut self, _now_ms: i64, out: &mut Samples) -> SourceResult<()> {
        let Self { path, class, wanted, buffer, small, file } = self;
        for (at, line) in lines(read_into(path, buffer)?).enumerate().skip(HEADINGS) {
            let malformed = |what: &str| SourceError::malformed(path, at + 1, what);
            // An alias of a device (`eth0:1`) has a colon in its name; numbers have none.
            let colon =
                line.iter().rposition(|b| *b == b':').ok_or_else(|| malformed("`device:` is expected"))?;
            let device = text(trim(&line[..colon]));
            if !wanted.wants(&device) {
                continue;
            }
            let mut numbers = fields(&line[colon + 1..]);
            for metric in &COLUMNS {
                let value = numbers.next().and_then(float);
                let value = value.ok_or_else(|| malformed("sixteen numbers are expected"))?;
                out.push(metric, &[&device], value);
            }
            // The one counter that /proc does not have.
            file.clear();
            file.extend([class.as_path(), device.as_ref().as_ref()]);
            file.push("statistics/rx_nohandler");
            if let Some(value) = read_optional(file, small).map(trim).and_then(float) {
                out.push(&NO_HANDLER, &[&device], value);
            }
        }
        Ok(())
    }
}
