//! What the processors are, from /proc/cpuinfo. A part of the `cpu` collector, off unless asked for.

use std::path::PathBuf;

use crate::host::config::Config;
use crate::host::filter::Filter;
use crate::host::paths::HostPaths;
use crate::host::read::{SourceResult, read_into};
use crate::host::samples::{Metric, Samples};
use crate::host::text::{fields, float, lines, split_once, text, trim};

static INFO: Metric = Metric::gauge(
    "node_cpu_info",
    &[
        "cachesize",
        "core",
        "cpu",
        "family",
        "microcode",
        "model",
        "model_name",
        "package",
        "stepping",
        "vendor",
    ],
    "What each processor is; always 1.",
);
static FREQUENCY: Metric = Metric::gauge(
    "node_cpu_frequency_hertz",
    &["core", "cpu", "package"],
    "Frequency that /proc/cpuinfo gives, in hertz.",
);
static FLAG: Metric =
    Metric::gauge("node_cpu_flag_info", &["flag"], "Flags of the first processor; always 1.");
static BUG: Metric = Metric::gauge("node_cpu_bug_info", &["bug"], "Bugs of the first processor; always 1.");

pub(crate) struct CpuInfo {
    path: PathBuf,
    frequency: bool,
    flags: Option<Filter>,
    bugs: Option<Filter>,
    buffer: Vec<u8>,
}

/// Values of one paragraph of /proc/cpuinfo, empty where the kernel does not say.
#[derive(Default)]
struct Processor<'a> {
    cpu: &'a [u8],
    vendor: &'a [u8],
    family: &'a [u8],
    model: &'a [u8],
    model_name: &'a [u8],
    stepping: &'a [u8],
    microcode: &'a [u8],
    cache: &'a [u8],
    package: &'a [u8],
    core: &'a [u8],
    megahertz: &'a [u8],
    flags: &'a [u8],
    bugs: &'a [u8],
}

impl CpuInfo {
    /// `None` where it is not asked for; asking for flags or bugs asks for it.
    pub(crate) fn new(config: &Config, paths: &HostPaths) -> model::Result<Option<Self>> {
        let filter = |text: &str| (!text.is_empty()).then(|| Filter::new(text, "")).transpose();
        let flags = filter(&config.cpu_flags_include)?;
        let bugs = filter(&config.cpu_bugs_include)?;
        if !config.cpu_info && flags.is_none() && bugs.is_none() {
            return Ok(None);
        }
        let frequency = !config.disabled.iter().any(|name| name == "cpufreq");
        Ok(Some(Self { path: paths.proc("cpuinfo"), frequency, flags, bugs, buffer: Vec::new() }))
    }

    pub(crate) fn collect(&mut self, out: &mut Samples) -> SourceResult<()> {
        let Self { path, frequency, flags, bugs, buffer } = self;
        let bytes = read_into(path, buffer)?;
        let mut processor = Processor::default();
        let mut first = true;
        for line in lines(bytes) {
            let Some((key, value)) = split_once(line, b':') else { continue };
            let value = trim(value);
            // A paragraph begins with its number.
            if trim(key) == b"processor" && !processor.cpu.is_empty() {
                publish(&processor, std::mem::take(&mut first), *frequency, flags, bugs, out);
                processor = Processor::default();
            }
            let field = match trim(key) {
                b"processor" => &mut processor.cpu,
                b"vendor_id" => &mut processor.vendor,
                b"cpu family" => &mut processor.family,
                b"model" => &mut processor.model,
                b"model name" => &mut processor.model_name,
                b"stepping" => &mut processor.stepping,
                b"microcode" => &mut processor.microcode,
                b"cache size" => &mut processor.cache,
                b"physical id" => &mut processor.package,
                b"core id" => &mut processor.core,
                b"cpu MHz" => &mut processor.megahertz,
                b"flags" => &mut processor.flags,
                b"bugs" => &mut processor.bugs,
                _ => continue,
            };
            *field = value;
        }
        if !processor.cpu.is_empty() {
            publish(&processor, first, *frequency, flags, bugs, out);
        }
        Ok(())
    }
}

fn publish(
    of: &Processor<'_>,
    first: bool,
    frequency: bool,
    flags: &mut Option<Filter>,
    bugs: &mut Option<Filter>,
    out: &mut Samples,
) {
    let (core, cpu, package) = (text(of.core), text(of.cpu), text(of.package));
    out.push(
        &INFO,
        &[
            &text(of.cache),
            &core,
            &cpu,
            &text(of.family),
            &text(of.microcode),
            &text(of.model),
            &text(of.model_name),
            &package,
            &text(of.stepping),
            &text(of.vendor),
        ],
        1.0,
    );
    if frequency {
        out.push(&FREQUENCY, &[&core, &cpu, &package], float(of.megahertz).unwrap_or(0.0) * 1e6);
    }
    if first {
        for (metric, list, filter) in [(&FLAG, of.flags, flags), (&BUG, of.bugs, bugs)] {
            let Some(filter) = filter else { continue };
            for name in fields(list).map(text) {
                if filter.wants(&name) {
                    out.push(metric, &[&name], 1.0);
                }
            }
        }
    }
}
