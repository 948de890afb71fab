//! A fleet of hosts: each with the series of a node_exporter, of an application's histogram, and of a cAdvisor that sees
//! twenty containers. Containers come and go (a tenth of all series in an hour), and hosts restart.

use super::random::Random;
use super::series::{BUCKETS, Moment, Series, Shape};
use super::{STEP_MS, Source, Take};

/// Series of a host, about.
pub(crate) const HOST_SERIES: usize = 1000;
/// Containers of a host.
const CONTAINERS: usize = 20;
/// Half of the series are those of containers: a fifth of these replaced in an hour is a tenth of all.
const REPLACED_AN_HOUR: f64 = 0.2;
/// How often a host restarts, and a container without becoming another one.
const RESTARTS_AN_HOUR: f64 = 0.02;
/// The value that ends a series.
const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// The fleet.
pub(crate) struct Fleet {
    hosts: Vec<Host>,
    random: Random,
    ever: usize,
}

struct Host {
    name: String,
    number: usize,
    moment: Moment,
    node: Vec<Series>,
    containers: Vec<Vec<Series>>,
}

impl Fleet {
    /// About a thousand series each.
    pub(crate) fn new(hosts: usize) -> Self {
        let mut random = Random(0x5eed_b0a7);
        let hosts: Vec<Host> = (0..hosts).map(|number| Host::new(number, &mut random)).collect();
        let ever =
            hosts.iter().map(|h| h.node.len() + h.containers.iter().map(Vec::len).sum::<usize>()).sum();
        Self { hosts, random, ever }
    }
}

impl Source for Fleet {
    fn step(&mut self, t: i64, take: &mut Take<'_>) {
        let random = &mut self.random;
        let hourly = STEP_MS as f64 / 3_600_000.0;
        for host in &mut self.hosts {
            host.advance(t, random);
            let restarted = random.chance(RESTARTS_AN_HOUR * hourly);
            for one in &mut host.node {
                if restarted {
                    one.reset();
                }
                let value = one.advance(&host.moment, random);
                take(host.number, &one.labels, host.moment.t, value);
            }
            // The other target of the host is scraped at a time of its own.
            host.moment.t += 3_217;
            for container in &mut host.containers {
                if random.chance(REPLACED_AN_HOUR * hourly) {
                    for one in container.iter() {
                        take(host.number, &one.labels, host.moment.t, STALE);
                    }
                    *container = container_series(&host.name, random);
                    self.ever += container.len();
                }
                let restarted = random.chance(RESTARTS_AN_HOUR * hourly);
                for one in container.iter_mut() {
                    if restarted {
                        one.reset();
                    }
                    let value = one.advance(&host.moment, random);
                    take(host.number, &one.labels, host.moment.t, value);
                }
            }
        }
    }

    fn ever(&self) -> usize {
        self.ever
    }
}

impl Host {
    fn new(number: usize, random: &mut Random) -> Self {
        let name = format!("host-{number:03}.example");
        let moment = Moment { load: random.unit(), t: 0, observations: [0; BUCKETS.len()], sum: 0.0 };
        let node = host_series(&name, random);
        let containers = (0..CONTAINERS).map(|_| container_series(&name, random)).collect();
        Self { name, number, moment, node, containers }
    }

    fn advance(&mut self, t: i64, random: &mut Random) {
        let moment = &mut self.moment;
        moment.load = (moment.load + (random.unit() - 0.5) * 0.1).clamp(0.02, 1.0);
        // Scrapes keep their place in the interval but for a few milliseconds.
        moment.t = t + (self.number as i64 * 37) % 5_000 + (random.next() % 7) as i64;
        let requests = (moment.load * 40.0 * random.unit()) as u64;
        for _ in 0..requests {
            let place = ((random.unit() + random.unit()) * 0.5 * BUCKETS.len() as f64) as usize;
            moment.observations[place.min(BUCKETS.len() - 1)..].iter_mut().for_each(|count| *count += 1);
            moment.sum += 0.004 * 2f64.powf(place as f64 * random.unit());
        }
    }
}

fn container_series(host: &str, random: &mut Random) -> Vec<Series> {
    let id: String = (0..4).map(|_| format!("{:013x}", random.next())).collect();
    let service = ["api", "web", "worker", "queue", "cache", "proxy"][(random.next() % 6) as usize];
    let pod = format!("{service}-{:09x}-{:05x}", random.next() & 0xf_ffff_ffff, random.next() & 0xf_ffff);
    let (id, instance) = (format!("/system.slice/docker-{id}.scope"), format!("{host}:8080"));
    let image = format!("registry.example/shop/{service}:1.{}", random.next() % 30);
    let mut all = Vec::new();
    for (name, extra, shape) in CONTAINER {
        let mut pairs = vec![
            ("__name__", *name),
            ("id", &id),
            ("image", &image),
            ("instance", &instance),
            ("job", "cadvisor"),
            ("name", &pod),
        ];
        pairs.extend_from_slice(extra);
        all.push(Series::new(&mut pairs, *shape, random));
    }
    all
}

type Row = (&'static str, &'static [(&'static str, &'static str)], Shape);

const CONTAINER: &[Row] = &[
    ("container_cpu_usage_seconds_total", &[("cpu", "total")], Shape::Nanoseconds),
    ("container_cpu_user_seconds_total", &[], Shape::Nanoseconds),
    ("container_cpu_system_seconds_total", &[], Shape::Nanoseconds),
    ("container_cpu_cfs_periods_total", &[], Shape::Bytes),
    ("container_cpu_cfs_throttled_periods_total", &[], Shape::Events),
    ("container_fs_reads_bytes_total", &[("device", "/dev/sda")], Shape::Events),
    ("container_fs_writes_bytes_total", &[("device", "/dev/sda")], Shape::Bytes),
    ("container_fs_usage_bytes", &[("device", "/dev/sda")], Shape::Constant),
    ("container_last_seen", &[], Shape::Now),
    ("container_memory_cache", &[], Shape::Pages),
    ("container_memory_failcnt", &[], Shape::Constant),
    ("container_memory_max_usage_bytes", &[], Shape::Constant),
    ("container_memory_rss", &[], Shape::Pages),
    ("container_memory_swap", &[], Shape::Constant),
    ("container_memory_usage_bytes", &[], Shape::Pages),
    ("container_memory_working_set_bytes", &[], Shape::Pages),
    ("container_network_receive_bytes_total", &[("interface", "eth0")], Shape::Bytes),
    ("container_network_receive_errors_total", &[("interface", "eth0")], Shape::Constant),
    ("container_network_transmit_bytes_total", &[("interface", "eth0")], Shape::Bytes),
    ("container_network_transmit_errors_total", &[("interface", "eth0")], Shape::Constant),
    ("container_processes", &[], Shape::Level),
    ("container_spec_cpu_shares", &[], Shape::Constant),
    ("container_spec_memory_limit_bytes", &[], Shape::Constant),
    ("container_start_time_seconds", &[], Shape::Constant),
    ("container_threads", &[], Shape::Level),
];

fn host_series(host: &str, random: &mut Random) -> Vec<Series> {
    let instance = format!("{host}:9100");
    let mut all = Vec::new();
    let mut add = |name: &str, extra: &[(&str, &str)], shape: Shape| {
        let mut pairs = vec![("__name__", name), ("instance", instance.as_str()), ("job", "node")];
        pairs.extend_from_slice(extra);
        all.push(Series::new(&mut pairs, shape, random));
    };
    for cpu in ["0", "1", "2", "3", "4", "5", "6", "7"] {
        for mode in ["idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"] {
            let still = matches!(mode, "irq" | "nice" | "steal");
            let shape = if still { Shape::Constant } else { Shape::Ticks };
            add("node_cpu_seconds_total", &[("cpu", cpu), ("mode", mode)], shape);
        }
    }
    for field in 0..48 {
        let shape = if field % 2 == 0 { Shape::Pages } else { Shape::Constant };
        add(&format!("node_memory_field_{field:02}_bytes"), &[], shape);
    }
    for device in ["eth0", "eth1", "lo", "docker0"] {
        for kind in ["bytes", "packets", "errs", "drop", "fifo", "multicast", "compressed", "frame"] {
            let shape = if matches!(kind, "bytes" | "packets") { Shape::Bytes } else { Shape::Constant };
            for direction in ["receive", "transmit"] {
                add(&format!("node_network_{direction}_{kind}_total"), &[("device", device)], shape);
            }
        }
    }
    for device in ["sda", "sdb", "nvme0n1"] {
        for field in ["reads_completed", "read_bytes", "writes_completed", "written_bytes", "io_time_seconds"]
        {
            let shape = if field == "io_time_seconds" { Shape::Nanoseconds } else { Shape::Bytes };
            add(&format!("node_disk_{field}_total"), &[("device", device)], shape);
        }
    }
    for mount in ["/", "/boot", "/var", "/home", "/srv"] {
        for field in ["size_bytes", "free_bytes", "avail_bytes", "files", "files_free", "readonly"] {
            let moves = field.contains("avail") || field == "free_bytes";
            let shape = if moves { Shape::Pages } else { Shape::Constant };
            add(&format!("node_filesystem_{field}"), &[("fstype", "ext4"), ("mountpoint", mount)], shape);
        }
    }
    for name in ["node_load1", "node_load5", "node_load15"] {
        add(name, &[], Shape::Hundredths);
    }
    for sensor in ["temp1", "temp2", "temp3", "temp4"] {
        add(
            "node_hwmon_temp_celsius",
            &[("chip", "platform_coretemp_0"), ("sensor", sensor)],
            Shape::Hundredths,
        );
    }
    for (place, le) in BUCKETS.iter().enumerate() {
        add("http_request_duration_seconds_bucket", &[("le", le)], Shape::Bucket(place));
    }
    add("http_request_duration_seconds_sum", &[], Shape::Sum);
    add("http_request_duration_seconds_count", &[], Shape::Bucket(BUCKETS.len() - 1));
    for shard in ["0", "1", "2", "3"] {
        add("node_pressure_ratio", &[("shard", shard)], Shape::Float);
    }
    for counter in 0..254 {
        let shape = match counter % 16 {
            0 => Shape::Bytes,
            5 | 8 => Shape::Events,
            _ => Shape::Constant,
        };
        add(&format!("node_vmstat_counter_{counter:03}"), &[], shape);
    }
    all
}
