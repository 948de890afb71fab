//! The data that is asked: a fleet of node exporters. A few hosts go back a month at a coarse interval; in the last
//! hours all are there at 15 s. Seeded: every run sees the same values but for the end time.

use crate::protobuf;

/// How much data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// Hosts in the last hours; each has about 500 series.
    pub(crate) hosts: usize,
    /// How many hours all hosts are there.
    pub(crate) hours: usize,
    /// Hosts that go back further.
    pub(crate) old_hosts: usize,
    /// How many days they go back.
    pub(crate) days: usize,
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

/// Seconds between two samples in the last hours.
const FINE: i64 = 15;
/// Seconds between two samples before.
const COARSE: i64 = 120;
/// Hosts in one request: about 5,000 samples.
const HOSTS_A_REQUEST: usize = 10;

/// Gives remote-write requests (snappy-compressed) in order of time to `send`; the last sample is at `end_s`. Returns
/// how many series and samples there are.
pub(crate) fn generate(
    size: Size,
    end_s: i64,
    send: &mut dyn FnMut(&[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<(usize, u64)> {
    let mut random = Random(0x5eed_b0a7);
    let mut fleet: Vec<Vec<Series>> = (0..size.hosts).map(|host| host_series(host, &mut random)).collect();
    let fine_from = end_s - size.hours as i64 * 3600;
    let mut now = fine_from.min(end_s - size.days as i64 * 86_400);
    let mut encoder = snap::raw::Encoder::new();
    let (mut raw, mut samples) = (Vec::new(), 0);
    while now <= end_s {
        let (hosts, interval) = if now < fine_from { (size.old_hosts, COARSE) } else { (size.hosts, FINE) };
        for (chunk, group) in fleet[..hosts.min(size.hosts)].chunks_mut(HOSTS_A_REQUEST).enumerate() {
            raw.clear();
            for (n, host) in group.iter_mut().enumerate() {
                let jitter = (chunk * HOSTS_A_REQUEST + n) as i64 * 37 % 5_000 + (random.next() % 7) as i64;
                for one in host.iter_mut() {
                    let value = one.advance(interval as f64, &mut random);
                    protobuf::series(&mut raw, &one.labels, now * 1000 - jitter, value);
                    samples += 1;
                }
            }
            send(&encoder.compress_vec(&raw)?)?;
        }
        now += interval;
    }
    Ok((fleet.iter().map(Vec::len).sum(), samples))
}

impl Series {
    fn advance(&mut self, seconds: f64, random: &mut Random) -> f64 {
        match self.shape {
            Shape::Constant => {}
            Shape::Seconds => {
                let grown = self.value + self.rate * seconds * (0.5 + random.unit());
                self.value = (grown * 100.0).round() / 100.0;
            }
            Shape::Bytes => self.value += (self.rate * seconds * random.unit() * 2.0).round(),
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
    let mut add = |name: &str, extra: &[(&str, String)], shape: Shape, rate: f64, random: &mut Random| {
        let mut pairs = vec![
            ("__name__", name.to_owned()),
            ("instance", format!("host-{host:03}.example:9100")),
            ("job", "node".to_owned()),
        ];
        pairs.extend(extra.iter().cloned());
        pairs.sort_by(|a, b| a.0.cmp(b.0));
        let value = match shape {
            Shape::Constant => (random.next() % 1_000_000) as f64,
            Shape::Seconds => (random.next() % 100_000) as f64,
            Shape::Bytes => (random.next() % 1_000_000_000) as f64,
            Shape::Gauge => (random.next() % 16) as f64 * 1e9,
        };
        let rate = rate * random.unit();
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (*n, v.as_str())).collect();
        all.push(Series { labels: protobuf::labels(&pairs), shape, value, rate });
    };
    for cpu in 0..8 {
        for mode in ["idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"] {
            let still = matches!(mode, "irq" | "nice" | "steal");
            let shape = if still { Shape::Constant } else { Shape::Seconds };
            let extra = [("cpu", cpu.to_string()), ("mode", mode.to_owned())];
            add("node_cpu_seconds_total", &extra, shape, 1.0, random);
        }
    }
    for field in 0..48 {
        let shape = if field % 2 == 0 { Shape::Gauge } else { Shape::Constant };
        add(&format!("node_memory_field_{field:02}_bytes"), &[], shape, 1e7, random);
    }
    for device in ["eth0", "eth1", "lo", "docker0"] {
        for kind in ["bytes", "packets", "errs", "drop", "fifo", "multicast"] {
            let shape = if matches!(kind, "bytes" | "packets") { Shape::Bytes } else { Shape::Constant };
            for direction in ["receive", "transmit"] {
                let name = format!("node_network_{direction}_{kind}_total");
                add(&name, &[("device", device.to_owned())], shape, 1e5, random);
            }
        }
    }
    for device in ["sda", "sdb", "nvme0n1"] {
        for field in ["read_bytes", "written_bytes", "reads_completed", "io_time_seconds"] {
            add(
                &format!("node_disk_{field}_total"),
                &[("device", device.to_owned())],
                Shape::Bytes,
                1e5,
                random,
            );
        }
    }
    for mount in ["/", "/boot", "/var", "/home", "/srv"] {
        for field in ["size_bytes", "free_bytes", "avail_bytes", "files", "files_free", "readonly"] {
            let moves = matches!(field, "free_bytes" | "avail_bytes");
            let shape = if moves { Shape::Gauge } else { Shape::Constant };
            let extra = [("fstype", "ext4".to_owned()), ("mountpoint", mount.to_owned())];
            add(&format!("node_filesystem_{field}"), &extra, shape, 1e7, random);
        }
    }
    for handler in ["/api/query", "/api/write", "/metrics"] {
        for (n, le) in
            ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "+Inf"].iter().enumerate()
        {
            let extra = [("handler", handler.to_owned()), ("le", (*le).to_owned())];
            let rate = 2.0 * (n + 1) as f64;
            add("http_request_duration_seconds_bucket", &extra, Shape::Bytes, rate, random);
        }
        add(
            "http_request_duration_seconds_count",
            &[("handler", handler.to_owned())],
            Shape::Bytes,
            20.0,
            random,
        );
        add(
            "http_request_duration_seconds_sum",
            &[("handler", handler.to_owned())],
            Shape::Seconds,
            2.0,
            random,
        );
    }
    let release = [("release", format!("6.{}.0", host % 3)), ("sysname", "Linux".to_owned())];
    add("node_uname_info", &release, Shape::Constant, 0.0, random);
    for counter in 0..250 {
        let shape = if counter % 8 == 0 { Shape::Bytes } else { Shape::Constant };
        add(&format!("node_vmstat_counter_{counter:03}"), &[], shape, 1e5, random);
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
