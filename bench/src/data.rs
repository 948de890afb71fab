//! Samples like those of a fleet of node_exporters: two thirds of the series stand still, the rest are counters of
//! seconds and bytes and gauges with a little noise. Seeded: every run sees the same bytes but for the end time.

use crate::protobuf;

/// The samples as ready remote-write requests.
pub(crate) struct Dataset {
    /// Snappy-compressed `WriteRequest`s in order of time.
    pub(crate) requests: Vec<Vec<u8>>,
    /// Number of series.
    pub(crate) series: usize,
    /// Number of samples.
    pub(crate) samples: u64,
    /// First sample, seconds.
    pub(crate) start_s: i64,
    /// Last sample, seconds.
    pub(crate) end_s: i64,
}

#[derive(Clone, Copy)]
enum Shape {
    Constant,
    Seconds,
    Bytes,
    Gauge,
}

struct Series {
    labels: Vec<u8>,
    shape: Shape,
    value: f64,
    rate: f64,
}

/// Milliseconds between two samples of a series.
const STEP_MS: i64 = 15_000;
/// Hosts in one request: about 5,000 samples.
const HOSTS_A_REQUEST: usize = 10;

impl Dataset {
    pub(crate) fn generate(hosts: usize, hours: usize) -> Self {
        let mut random = Random(0x5eed_b0a7);
        let mut fleet: Vec<Vec<Series>> = (0..hosts).map(|host| host_series(host, &mut random)).collect();
        let series = fleet.iter().map(Vec::len).sum();
        let now_ms = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |d| d.as_millis() as i64);
        let steps = hours as i64 * 3_600_000 / STEP_MS;
        let end = now_ms / STEP_MS * STEP_MS;
        let start = end - steps * STEP_MS;
        let mut requests = Vec::new();
        let mut encoder = snap::raw::Encoder::new();
        let mut raw = Vec::new();
        let mut samples = 0;
        for step in 0..steps {
            for (chunk, group) in fleet.chunks_mut(HOSTS_A_REQUEST).enumerate() {
                raw.clear();
                for (n, host) in group.iter_mut().enumerate() {
                    let jitter =
                        (chunk * HOSTS_A_REQUEST + n) as i64 * 37 % 5_000 + (random.next() % 7) as i64;
                    for one in host.iter_mut() {
                        let value = one.advance(&mut random);
                        protobuf::series(&mut raw, &one.labels, start + step * STEP_MS + jitter, value);
                        samples += 1;
                    }
                }
                // A raw snappy encoder fails only over 4 GiB of input.
                requests.push(encoder.compress_vec(&raw).unwrap_or_default());
            }
        }
        Self { requests, series, samples, start_s: start / 1000, end_s: end / 1000 }
    }
}

impl Series {
    fn advance(&mut self, random: &mut Random) -> f64 {
        match self.shape {
            Shape::Constant => {}
            Shape::Seconds => {
                let grown = self.value + self.rate * 15.0 * (0.5 + random.unit());
                self.value = (grown * 100.0).round() / 100.0;
            }
            Shape::Bytes => self.value += (self.rate * 15.0 * random.unit() * 2.0).round(),
            Shape::Gauge => {
                let step = (random.unit() - 0.5) * self.rate;
                self.value = ((self.value + step).max(0.0) / 4096.0).round() * 4096.0;
            }
        }
        self.value
    }
}

fn host_series(host: usize, random: &mut Random) -> Vec<Series> {
    let mut all = Vec::new();
    let mut add = |name: &str, extra: &[(&str, String)], shape: Shape, random: &mut Random| {
        let mut pairs = vec![
            ("__name__", name.to_owned()),
            ("instance", format!("host-{host:03}.example:9100")),
            ("job", "node".to_owned()),
        ];
        pairs.extend(extra.iter().cloned());
        pairs.sort_by(|a, b| a.0.cmp(b.0));
        let (value, rate) = match shape {
            Shape::Constant => ((random.next() % 1_000_000) as f64, 0.0),
            Shape::Seconds => ((random.next() % 100_000) as f64, random.unit()),
            Shape::Bytes => ((random.next() % 1_000_000_000) as f64, 1e5 * random.unit()),
            Shape::Gauge => ((random.next() % 16) as f64 * 1e9, 1e7),
        };
        all.push(Series { labels: protobuf::labels(&pairs), shape, value, rate });
    };
    for cpu in 0..8 {
        for mode in ["idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"] {
            let shape =
                if matches!(mode, "irq" | "nice" | "steal") { Shape::Constant } else { Shape::Seconds };
            let extra = [("cpu", cpu.to_string()), ("mode", mode.to_owned())];
            add("node_cpu_seconds_total", &extra, shape, random);
        }
    }
    for field in 0..48 {
        let shape = if field % 2 == 0 { Shape::Gauge } else { Shape::Constant };
        add(&format!("node_memory_field_{field:02}_bytes"), &[], shape, random);
    }
    for device in ["eth0", "eth1", "lo", "docker0"] {
        for kind in ["bytes", "packets", "errs", "drop", "fifo", "multicast", "compressed", "frame"] {
            let shape = if matches!(kind, "bytes" | "packets") { Shape::Bytes } else { Shape::Constant };
            for direction in ["receive", "transmit"] {
                let name = format!("node_network_{direction}_{kind}_total");
                add(&name, &[("device", device.to_owned())], shape, random);
            }
        }
    }
    for device in ["sda", "sdb", "nvme0n1"] {
        for field in ["reads_completed", "read_bytes", "writes_completed", "written_bytes", "io_time_seconds"]
        {
            add(&format!("node_disk_{field}_total"), &[("device", device.to_owned())], Shape::Bytes, random);
        }
    }
    for mount in ["/", "/boot", "/var", "/home", "/srv"] {
        for field in ["size_bytes", "free_bytes", "avail_bytes", "files", "files_free", "readonly"] {
            let shape =
                if field.contains("avail") || field == "free_bytes" { Shape::Gauge } else { Shape::Constant };
            let extra = [("fstype", "ext4".to_owned()), ("mountpoint", mount.to_owned())];
            add(&format!("node_filesystem_{field}"), &extra, shape, random);
        }
    }
    for counter in 0..279 {
        let shape = if counter % 8 == 0 { Shape::Bytes } else { Shape::Constant };
        add(&format!("node_vmstat_counter_{counter:03}"), &[], shape, random);
    }
    all
}

/// xorshift64*: seeded and quick.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    fn unit(&mut self) -> f64 {
        self.next() as f64 / (1u64 << 53) as f64
    }
}
