//! Block devices from /proc/diskstats, with what udev knows of them.

use std::path::PathBuf;

use super::Source;
use super::udev::{Properties, Udev};
use crate::host::config::Config;
use crate::host::filter::Filter;
use crate::host::paths::HostPaths;
use crate::host::read::{SourceError, SourceResult, read_into, read_optional};
use crate::host::samples::{Metric, Samples};
use crate::host::text::{Digits, fields, float, lines, number, text, trim};

const DEVICE: &[&str] = &["device"];
/// /proc/diskstats counts sectors of 512 bytes whatever the device's own size is.
const SECTOR: f64 = 512.0;
/// Times are in milliseconds. Multiplied, not divided, as node_exporter does: the last bit is the same.
const MILLI: f64 = 1.0 / 1000.0;

/// Columns after the device's name in their order, each with its unit. Older kernels have the first 11 or 15.
static COLUMNS: [(Metric, f64); 17] = [
    (Metric::counter("node_disk_reads_completed_total", DEVICE, "Reads completed."), 1.0),
    (Metric::counter("node_disk_reads_merged_total", DEVICE, "Reads merged with others."), 1.0),
    (Metric::counter("node_disk_read_bytes_total", DEVICE, "Bytes read."), SECTOR),
    (Metric::counter("node_disk_read_time_seconds_total", DEVICE, "Seconds spent by all reads."), MILLI),
    (Metric::counter("node_disk_writes_completed_total", DEVICE, "Writes completed."), 1.0),
    (Metric::counter("node_disk_writes_merged_total", DEVICE, "Writes merged with others."), 1.0),
    (Metric::counter("node_disk_written_bytes_total", DEVICE, "Bytes written."), SECTOR),
    (Metric::counter("node_disk_write_time_seconds_total", DEVICE, "Seconds spent by all writes."), MILLI),
    (Metric::gauge("node_disk_io_now", DEVICE, "Requests in flight."), 1.0),
    (Metric::counter("node_disk_io_time_seconds_total", DEVICE, "Seconds with a request in flight."), MILLI),
    (
        Metric::counter(
            "node_disk_io_time_weighted_seconds_total",
            DEVICE,
            "Seconds with requests in flight, times their number.",
        ),
        MILLI,
    ),
    (Metric::counter("node_disk_discards_completed_total", DEVICE, "Discards completed."), 1.0),
    (Metric::counter("node_disk_discards_merged_total", DEVICE, "Discards merged with others."), 1.0),
    (Metric::counter("node_disk_discarded_sectors_total", DEVICE, "Sectors discarded."), 1.0),
    (
        Metric::counter("node_disk_discard_time_seconds_total", DEVICE, "Seconds spent by all discards."),
        MILLI,
    ),
    (Metric::counter("node_disk_flush_requests_total", DEVICE, "Flushes completed."), 1.0),
    (
        Metric::counter(
            "node_disk_flush_requests_time_seconds_total",
            DEVICE,
            "Seconds spent by all flushes.",
        ),
        MILLI,
    ),
];

static INFO: Metric = Metric::gauge(
    "node_disk_info",
    &["device", "major", "minor", "model", "path", "revision", "rotational", "serial", "wwn"],
    "What each block device is; always 1.",
);
static FILESYSTEM: Metric = Metric::gauge(
    "node_disk_filesystem_info",
    &["device", "type", "usage", "uuid", "version"],
    "File system on each block device; always 1.",
);
static MAPPER: Metric = Metric::gauge(
    "node_disk_device_mapper_info",
    &["device", "lv_layer", "lv_name", "name", "uuid", "vg_name"],
    "Device-mapper names of each block device; always 1.",
);
static ATA: [(&str, Metric); 3] = [
    (
        "ID_ATA_WRITE_CACHE",
        Metric::gauge("node_disk_ata_write_cache", DEVICE, "Whether it has a write cache."),
    ),
    (
        "ID_ATA_WRITE_CACHE_ENABLED",
        Metric::gauge("node_disk_ata_write_cache_enabled", DEVICE, "Whether its write cache is on."),
    ),
    (
        "ID_ATA_ROTATION_RATE_RPM",
        Metric::gauge("node_disk_ata_rotation_rate_rpm", DEVICE, "Rotations per minute, 0 for flash."),
    ),
];

pub(crate) struct DiskStats {
    path: PathBuf,
    blocks: PathBuf,
    wanted: Filter,
    udev: Udev,
    buffer: Vec<u8>,
    small: Vec<u8>,
}

impl DiskStats {
    pub(crate) fn new(config: &Config, paths: &HostPaths) -> model::Result<Self> {
        // With an include expression the default exclude does not apply, as in node_exporter.
        let default = Config::default().diskstats_device_exclude;
        let include = config.diskstats_device_include.as_str();
        let exclude = match config.diskstats_device_exclude.as_str() {
            exclude if !include.is_empty() && exclude == default => "",
            exclude => exclude,
        };
        Ok(Self {
            path: paths.proc("diskstats"),
            blocks: paths.sys("block"),
            wanted: Filter::new(include, exclude)?,
            udev: Udev::new(&paths.udev_data),
            buffer: Vec::new(),
            small: Vec::new(),
        })
    }
}

impl Source for DiskStats {
    fn name(&self) -> &'static str {
        "diskstats"
    }

    fn collect(&mut self, _now_ms: i64, out: &mut Samples) -> SourceResult<()> {
        let Self { path, blocks, wanted, udev, buffer, small } = self;
        for (at, line) in lines(read_into(path, buffer)?).enumerate() {
            let malformed = |what: &str| SourceError::malformed(path, at + 1, what);
            let mut parts = fields(line);
            let (major, minor) = (parts.next().and_then(number), parts.next().and_then(number));
            let (Some(major), Some(minor), Some(device)) = (major, minor, parts.next()) else {
                return Err(malformed("major, minor and a device are expected"));
            };
            let device = text(device);
            if !wanted.wants(&device) {
                continue;
            }
            for ((metric, unit), part) in COLUMNS.iter().zip(parts) {
                let value = float(part).ok_or_else(|| malformed("only numbers are expected"))?;
                out.push(metric, &[&device], value * unit);
            }
            let rotational = blocks.join(&*device).join("queue/rotational");
            let rotational = read_optional(&rotational, small).is_some_and(|bytes| trim(bytes) == b"1");
            describe(&device, major, minor, rotational, &udev.block(major, minor), out);
        }
        Ok(())
    }
}

/// Publishes what udev knows.
fn describe(
    device: &str,
    major: u64,
    minor: u64,
    rotational: bool,
    udev: &Properties<'_>,
    out: &mut Samples,
) {
    // The serial number on the label first, then what stands in for it.
    let serial = ["SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL"]
        .into_iter()
        .map(|name| udev.get(name))
        .find(|serial| !serial.is_empty())
        .unwrap_or_default();
    out.push(
        &INFO,
        &[
            device,
            Digits::new(major).as_str(),
            Digits::new(minor).as_str(),
            &udev.get("ID_MODEL"),
            &udev.get("ID_PATH"),
            &udev.get("ID_REVISION"),
            if rotational { "1" } else { "0" },
            &serial,
            &udev.get("ID_WWN"),
        ],
        1.0,
    );
    let kind = udev.get("ID_FS_TYPE");
    if !kind.is_empty() {
        let (usage, uuid) = (udev.get("ID_FS_USAGE"), udev.get("ID_FS_UUID"));
        out.push(&FILESYSTEM, &[device, &kind, &usage, &uuid, &udev.get("ID_FS_VERSION")], 1.0);
    }
    let name = udev.get("DM_NAME");
    if !name.is_empty() {
        let (layer, volume) = (udev.get("DM_LV_LAYER"), udev.get("DM_LV_NAME"));
        let (uuid, group) = (udev.get("DM_UUID"), udev.get("DM_VG_NAME"));
        out.push(&MAPPER, &[device, &layer, &volume, &name, &uuid, &group], 1.0);
    }
    if !udev.get("ID_ATA").is_empty() {
        for (property, metric) in &ATA {
            if let Some(value) = float(udev.get(property).as_bytes()) {
                out.push(metric, &[device], value);
            }
        }
    }
}
