//! The clock, the time zone, and the kernel's clock sources.

use std::path::PathBuf;

use super::Source;
use crate::host::paths::HostPaths;
use crate::host::read::{SourceResult, entries, is_numbered, read_into};
use crate::host::samples::{Metric, Samples};
use crate::host::text::{Digits, fields, text, trim};

static SECONDS: Metric = Metric::gauge("node_time_seconds", &[], "Unix time of the host.");
static ZONE: Metric = Metric::gauge(
    "node_time_zone_offset_seconds",
    &["time_zone"],
    "Offset of the local time from UTC in seconds.",
);
static AVAILABLE: Metric = Metric::gauge(
    "node_time_clocksource_available_info",
    &["clocksource", "device"],
    "Clock sources that the kernel could use.",
);
static CURRENT: Metric = Metric::gauge(
    "node_time_clocksource_current_info",
    &["clocksource", "device"],
    "The clock source that the kernel uses.",
);

pub(crate) struct Time {
    dir: PathBuf,
    zone: jiff::tz::TimeZone,
    buffer: Vec<u8>,
}

impl Time {
    pub(crate) fn new(paths: &HostPaths) -> Self {
        Self {
            dir: paths.sys("devices/system/clocksource"),
            zone: jiff::tz::TimeZone::system(),
            buffer: Vec::new(),
        }
    }
}

impl Source for Time {
    fn name(&self) -> &'static str {
        "time"
    }

    fn collect(&mut self, now_ms: i64, out: &mut Samples) -> SourceResult<()> {
        out.push(&SECONDS, &[], now_ms as f64 / 1000.0);
        if let Ok(now) = jiff::Timestamp::from_millisecond(now_ms) {
            let offset = self.zone.to_offset_info(now);
            out.push(&ZONE, &[offset.abbreviation()], f64::from(offset.offset().seconds()));
        }
        let devices = match entries(&self.dir, |name| is_numbered(name, "clocksource")) {
            Ok(devices) => devices,
            Err(error) if error.is_missing() => return Ok(()),
            Err(error) => return Err(error),
        };
        for (at, (_, path)) in devices.iter().enumerate() {
            let device = Digits::new(at as u64);
            let names = read_into(&path.join("available_clocksource"), &mut self.buffer)?;
            for name in fields(trim(names)) {
                out.push(&AVAILABLE, &[&text(name), device.as_str()], 1.0);
            }
            let name = read_into(&path.join("current_clocksource"), &mut self.buffer)?;
            out.push(&CURRENT, &[&text(trim(name)), device.as_str()], 1.0);
        }
        Ok(())
    }
}
