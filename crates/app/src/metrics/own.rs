//! What the kernel says of this process, under the names that every Prometheus client has for it.

use std::fmt::Error;
use std::sync::atomic::AtomicU64;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use rustix::process::{Resource, getrlimit};

/// Read anew whenever it is asked for.
#[derive(Debug)]
pub(super) struct Own;

impl Collector for Own {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        // Without /proc there is nothing to say.
        let Some(usage) = std::fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(usage) else {
            return Ok(());
        };
        let seconds: Counter<f64, AtomicU64> = Counter::default();
        seconds.inc_by(usage.cpu_seconds);
        let help = "Total user and system CPU time spent in seconds.";
        seconds.encode(encoder.encode_descriptor(
            "process_cpu_seconds",
            help,
            None,
            MetricType::Counter,
        )?)?;
        let open = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        let limit = |resource| getrlimit(resource).current.map_or(u64::MAX as f64, |most| most as f64);
        for (name, help, value) in [
            ("process_max_fds", "Maximum number of open file descriptors.", limit(Resource::Nofile)),
            ("process_open_fds", "Number of open file descriptors.", open as f64),
            ("process_resident_memory_bytes", "Resident memory size in bytes.", usage.resident_bytes),
            ("process_virtual_memory_bytes", "Virtual memory size in bytes.", usage.virtual_bytes),
            (
                "process_virtual_memory_max_bytes",
                "Maximum amount of virtual memory available in bytes.",
                limit(Resource::As),
            ),
        ] {
            let gauge: Gauge<f64, AtomicU64> = Gauge::default();
            gauge.set(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        Ok(())
    }
}

#[derive(Debug, PartialEq)]
struct Usage {
    cpu_seconds: f64,
    virtual_bytes: f64,
    resident_bytes: f64,
}

/// Of `/proc/self/stat`, see proc_pid_stat(5). The name in parentheses may hold anything.
fn usage(stat: &str) -> Option<Usage> {
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    // The first after the name is the third of the page.
    let field = |number: usize| fields.get(number.checked_sub(3)?)?.parse::<u64>().ok();
    let ticks = rustix::param::clock_ticks_per_second().max(1);
    Some(Usage {
        cpu_seconds: (field(14)? + field(15)?) as f64 / ticks as f64,
        virtual_bytes: field(23)? as f64,
        resident_bytes: field(24)? as f64 * rustix::param::page_size() as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernel_is_read() {
        let stat = "7 (a) b c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 4 0 900 123456 10 184 1 1 0";
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        assert_eq!(
            usage(stat),
            Some(Usage {
                cpu_seconds: 300.0 / ticks,
                virtual_bytes: 123_456.0,
                resident_bytes: 10.0 * rustix::param::page_size() as f64,
            })
        );
        assert_eq!(usage("7 (a) S 1"), None);
        assert!(usage(&std::fs::read_to_string("/proc/self/stat").unwrap()).unwrap().resident_bytes > 1e6);
    }
}
