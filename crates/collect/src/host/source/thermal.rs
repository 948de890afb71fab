//! Temperatures and cooling devices from /sys/class/thermal.

use std::path::PathBuf;

use super::Source;
use crate::host::paths::HostPaths;
use crate::host::read::{SourceError, SourceResult, entries, is_numbered, read_into};
use crate::host::samples::{Metric, Samples};
use crate::host::text::{signed, text, trim};

static TEMPERATURE: Metric =
    Metric::gauge("node_thermal_zone_temp", &["type", "zone"], "Temperature of a zone in degrees Celsius.");
static COOLING: [(&str, Metric); 2] = [
    (
        "cur_state",
        Metric::gauge("node_cooling_device_cur_state", &["name", "type"], "How hard a device cools now."),
    ),
    (
        "max_state",
        Metric::gauge("node_cooling_device_max_state", &["name", "type"], "How hard a device can cool."),
    ),
];

pub(crate) struct ThermalZone {
    dir: PathBuf,
    kind: Vec<u8>,
    buffer: Vec<u8>,
}

impl ThermalZone {
    pub(crate) fn new(paths: &HostPaths) -> Self {
        Self { dir: paths.sys("class/thermal"), kind: Vec::new(), buffer: Vec::new() }
    }
}

impl Source for ThermalZone {
    fn name(&self) -> &'static str {
        "thermal_zone"
    }

    fn collect(&mut self, _now_ms: i64, out: &mut Samples) -> SourceResult<()> {
        let found = entries(&self.dir, |name| {
            is_numbered(name, "thermal_zone") || is_numbered(name, "cooling_device")
        });
        let found = match found {
            Ok(found) => found,
            Err(error) if error.is_missing() => return Ok(()),
            Err(error) => return Err(error),
        };
        for (name, path) in &found {
            let Self { kind, buffer, .. } = self;
            let kind = text(trim(read_into(&path.join("type"), kind)?));
            if let Some(zone) = name.strip_prefix("thermal_zone") {
                let file = path.join("temp");
                // A zone whose sensor is asleep or broken answers with an error: the others still count.
                let Ok(bytes) = read_into(&file, buffer) else { continue };
                let millis = signed(trim(bytes))
                    .ok_or_else(|| SourceError::malformed(&file, 1, "a number is expected"))?;
                out.push(&TEMPERATURE, &[&kind, zone], millis as f64 / 1000.0);
            } else if let Some(device) = name.strip_prefix("cooling_device") {
                for (file, metric) in &COOLING {
                    let file = path.join(file);
                    let value = signed(trim(read_into(&file, buffer)?))
                        .ok_or_else(|| SourceError::malformed(&file, 1, "a number is expected"))?;
                    out.push(metric, &[device, &kind], value as f64);
                }
            }
        }
        Ok(())
    }
}
