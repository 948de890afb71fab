//! One round as the text that node_exporter's /metrics would show.

use std::collections::BTreeMap;
use std::fmt::Write;

use model::Result;
use model::labels::{METRIC_NAME, Quoted};

use super::collector::{Collector, JOB};
use super::config::Config;
use super::paths::HostPaths;
use super::samples::{Kind, Metric, labels_of};

/// Reads the host once and writes what it found in Prometheus' text format, families and series sorted, as
/// node_exporter does: without `job` and `instance`, and with labels that are empty. Whether the host can be seen from
/// here is not asked.
pub fn exposition(config: &Config, now_ms: i64) -> Result<String> {
    let mut collector = Collector::new(config, &HostPaths::new(config), "")?;
    let samples = collector.collect(now_ms);
    let mut families: BTreeMap<String, (&Metric, Vec<String>)> = BTreeMap::new();
    for (series, entry) in samples.iter() {
        let labels = labels_of(series);
        let name = labels.metric_name().to_owned();
        let mut line = name.clone();
        for (at, label) in entry.metric.labels.iter().enumerate() {
            line.push(if at == 0 { '{' } else { ',' });
            let _ = write!(line, "{label}={}", Quoted(labels.get_or_empty(label)));
        }
        if !entry.metric.labels.is_empty() {
            line.push('}');
        }
        debug_assert!(
            labels.iter().all(|(n, v)| n == METRIC_NAME || v == JOB || entry.metric.labels.contains(&n))
        );
        line.push(' ');
        number(&mut line, entry.value);
        let lines = &mut families.entry(name).or_insert((entry.metric, Vec::new())).1;
        lines.push(line);
    }
    let mut out = String::new();
    for (name, (metric, mut lines)) in families {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Untyped => "untyped",
        };
        let _ = writeln!(out, "# HELP {name} {}\n# TYPE {name} {kind}", metric.help);
        lines.sort();
        lines.dedup();
        for line in lines {
            out.push_str(&line);
            out.push('\n');
        }
    }
    Ok(out)
}

/// The shortest form that reads back, with an exponent where the Prometheus client for Go writes one.
fn number(out: &mut String, value: f64) {
    if !value.is_finite() {
        let text = if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        };
        out.push_str(text);
        return;
    }
    let text = format!("{value:e}");
    // `{:e}` always has an `e`.
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // Written to a String: cannot fail.
    let _ = if (-4..=5).contains(&exponent) || value == 0.0 {
        write!(out, "{value}")
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "{mantissa}e{sign}{:02}", exponent.abs())
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_go_writes_them() {
        for (value, want) in [
            (0.0, "0"),
            (8.3e-9, "8.3e-09"),
            (507_162.0, "507162"),
            (38_014_093.0, "3.8014093e+07"),
            (14.036781000000001, "14.036781000000001"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (f64::NAN, "NaN"),
        ] {
            let mut text = String::new();
            number(&mut text, value);
            assert_eq!(text, want);
        }
    }
}
