//! Frequencies and governors from /sys/devices/system/cpu/cpuN/cpufreq.

use std::path::PathBuf;

use super::Source;
use crate::host::paths::HostPaths;
use crate::host::read::{SourceResult, entries, is_numbered, read_optional};
use crate::host::samples::{Metric, Samples};
use crate::host::text::{fields, number, text, trim};

/// Files in kHz. Not every driver has every file.
static FREQUENCIES: [(&str, Metric); 7] = [
    (
        "cpuinfo_cur_freq",
        Metric::gauge("node_cpu_frequency_hertz", &["cpu"], "Frequency that the hardware gives, in hertz."),
    ),
    (
        "cpuinfo_avg_freq",
        Metric::gauge("node_cpu_frequency_avg_hertz", &["cpu"], "Average frequency in hertz."),
    ),
    (
        "cpuinfo_min_freq",
        Metric::gauge("node_cpu_frequency_min_hertz", &["cpu"], "Lowest frequency in hertz."),
    ),
    (
        "cpuinfo_max_freq",
        Metric::gauge("node_cpu_frequency_max_hertz", &["cpu"], "Highest frequency in hertz."),
    ),
    (
        "scaling_cur_freq",
        Metric::gauge("node_cpu_scaling_frequency_hertz", &["cpu"], "Frequency set now, in hertz."),
    ),
    (
        "scaling_min_freq",
        Metric::gauge(
            "node_cpu_scaling_frequency_min_hertz",
            &["cpu"],
            "Lowest frequency allowed, in hertz.",
        ),
    ),
    (
        "scaling_max_freq",
        Metric::gauge(
            "node_cpu_scaling_frequency_max_hertz",
            &["cpu"],
            "Highest frequency allowed, in hertz.",
        ),
    ),
];
static GOVERNOR: Metric = Metric::gauge(
    "node_cpu_scaling_governor",
    &["cpu", "governor"],
    "Which of the available governors sets the frequency.",
);

/// How many rounds a machine without frequency scaling is not asked again.
const ROUNDS_BETWEEN_LOOKS: u32 = 60;

/// The files of one processor.
struct Processor {
    number: String,
    frequencies: Vec<(PathBuf, &'static Metric)>,
    governor: PathBuf,
    governors: PathBuf,
}

pub(crate) struct CpuFreq {
    dir: PathBuf,
    processors: Vec<Processor>,
    rounds: u32,
    buffer: Vec<u8>,
    current: Vec<u8>,
}

impl CpuFreq {
    pub(crate) fn new(paths: &HostPaths) -> Self {
        Self {
            dir: paths.sys("devices/system/cpu"),
            processors: Vec::new(),
            rounds: 0,
            buffer: Vec::new(),
            current: Vec::new(),
        }
    }

    /// Which files are there, looked up now and then.
    fn look_around(&mut self) -> SourceResult<()> {
        let due = self.rounds == 0;
        self.rounds = (self.rounds + 1) % ROUNDS_BETWEEN_LOOKS;
        if !due {
            return Ok(());
        }
        self.processors.clear();
        let found = match entries(&self.dir, |name| is_numbered(name, "cpu")) {
            Ok(found) => found,
            Err(error) if error.is_missing() => return Ok(()),
            Err(error) => return Err(error),
        };
        for (name, path) in found {
            let dir = path.join("cpufreq");
            if !dir.is_dir() {
                continue;
            }
            let frequencies =
                FREQUENCIES.iter().map(|(f, m)| (dir.join(f), m)).filter(|(f, _)| f.exists()).collect();
            self.processors.push(Processor {
                number: name.trim_start_matches("cpu").to_owned(),
                frequencies,
                governor: dir.join("scaling_governor"),
                governors: dir.join("scaling_available_governors"),
            });
        }
        Ok(())
    }
}

impl Source for CpuFreq {
    fn name(&self) -> &'static str {
        "cpufreq"
    }

    fn collect(&mut self, _now_ms: i64, out: &mut Samples) -> SourceResult<()> {
        self.look_around()?;
        for processor in &self.processors {
            let cpu = processor.number.as_str();
            for (path, metric) in &processor.frequencies {
                // A driver may refuse (EBUSY, `<unknown>`, root only); the other files still count.
                let kilohertz = read_optional(path, &mut self.buffer).map(trim).and_then(number);
                if let Some(kilohertz) = kilohertz {
                    out.push(metric, &[cpu], kilohertz as f64 * 1000.0);
                }
            }
            let Some(current) = read_optional(&processor.governor, &mut self.current).map(trim) else {
                continue;
            };
            let Some(list) = read_optional(&processor.governors, &mut self.buffer) else { continue };
            for governor in fields(trim(list)) {
                let active = f64::from(u8::from(governor == current));
                out.push(&GOVERNOR, &[cpu, &text(governor)], active);
            }
        }
        Ok(())
    }
}
