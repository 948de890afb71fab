//! A month of data for many series: how long it takes to open, and what a query over all of it costs, with summaries
//! and without.
//!
//! The data is written as blocks, past the protocols, by the store's own import; the summaries are made by its own
//! maintenance. Then the program is started on the folder like any other.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use disk::RealFs;
use model::{Clock, Labels, SeriesData, SystemClock, TimeRange};
use tsdb::{Options, Store};

use crate::Flags;
use crate::http::Client;
use crate::peer::Kind;
use crate::process::{Process, disk_usage, free_port};

const HOUR: i64 = 3_600_000;
/// Blocks as compaction leaves them with a retention of 45 days.
const BLOCK: i64 = 54 * HOUR;
const CPUS: usize = 32;
const MODES: [&str; 8] = ["idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"];
/// Series of a host beside those of its processors.
const OTHERS: usize = 244;

/// One series and where it stands.
struct Source {
    labels: Labels,
    host: usize,
    /// 0: a counter; 1: a gauge; else a constant.
    kind: usize,
    random: u64,
    value: f64,
}

impl Source {
    fn next(&mut self) -> f64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let chance = (self.random >> 40) as f64 / (1u64 << 24) as f64;
        match self.kind {
            // Hundredths of a second, as a kernel counts them.
            0 => self.value = ((self.value + chance * 6.0) * 100.0).round() / 100.0,
            1 => self.value = (self.value + (chance - 0.5) * 4096.0).round(),
            _ => {}
        }
        self.value
    }
}

fn sources(hosts: usize) -> Vec<Source> {
    let mut all = Vec::new();
    for host in 0..hosts {
        let instance = format!("host-{host:04}:9100");
        let mut add = |name: &str, pairs: &[(&str, &str)], kind: usize| {
            let fixed = [("__name__", name), ("instance", instance.as_str()), ("job", "node")];
            let labels = Labels::from_pairs(fixed.into_iter().chain(pairs.iter().copied()));
            let random = labels.hash128() as u64;
            all.push(Source { labels, host, kind, random, value: (random % 100_000) as f64 });
        };
        for cpu in 0..CPUS {
            for mode in MODES {
                add("node_cpu_seconds_total", &[("cpu", &cpu.to_string()), ("mode", mode)], 0);
            }
        }
        for other in 0..OTHERS {
            let device = format!("dev{other}");
            let name = if other % 3 == 1 { "node_memory_bytes" } else { "node_device_info" };
            add(name, &[("device", &device)], if other % 3 == 1 { 1 } else { 2 });
        }
    }
    all.sort_by(|a, b| a.labels.cmp(&b.labels));
    all
}

fn generate(folder: &Path, flags: &Flags, now: i64) -> Result<()> {
    let options = Options { retention_ms: 45 * 24 * HOUR, retention_bytes: Some(0), ..Options::default() };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Store::open(Arc::new(RealFs), &folder.join("bonghwa/metrics"), options, clock)?;
    let mut all = sources(flags.series.unwrap_or(100_000).div_ceil(CPUS * MODES.len() + OTHERS));
    let step = flags.interval * 1_000;
    let first = (now - flags.month_days * 24 * HOUR).div_euclid(BLOCK) * BLOCK;
    let begun = Instant::now();
    let mut samples = 0;
    for start in (first..now).step_by(BLOCK as usize) {
        let range = TimeRange::new(start, (start + BLOCK).min(now) - 1);
        let mut series = all.iter_mut();
        let mut next = |out: &mut SeriesData| {
            let Some(source) = series.next() else { return Ok(false) };
            out.labels = source.labels.clone();
            let offset = (source.host as i64 * 977) % step;
            for t in (range.start + offset..=range.end).step_by(step as usize) {
                out.push_float(0, t, source.next());
            }
            Ok(true)
        };
        samples += store.import(range, &mut next)?.samples;
    }
    println!("generated: {} series, {samples} samples in {:.0} s", all.len(), begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    loop {
        let before = store.tier_sizes();
        store.maintain()?;
        if before == store.tier_sizes() {
            break;
        }
    }
    println!("summaries made in {:.0} s:", begun.elapsed().as_secs_f64());
    for tier in store.tier_sizes() {
        println!("  {} s: {} blocks, {} MB", tier.resolution / 1_000, tier.blocks, tier.bytes >> 20);
    }
    store.close()?;
    Ok(())
}

/// Bytes that the process asked to read so far.
fn read_bytes(pid: u32) -> Result<u64> {
    let io = fs::read_to_string(format!("/proc/{pid}/io"))?;
    let line = io.lines().find_map(|line| line.strip_prefix("rchar: ")).context("no rchar")?;
    Ok(line.parse()?)
}

/// Makes the data where it is missing, starts the program on it, and asks.
pub(crate) fn run(flags: &Flags) -> Result<()> {
    let folder = flags.folder.clone().unwrap_or_else(|| std::env::temp_dir().join("bonghwa-bench-month"));
    let data = folder.join("data");
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    if !data.exists() {
        fs::create_dir_all(&data)?;
        generate(&data, flags, now)?;
    }
    println!("\nmonth: {} MB on disk", disk_usage(&data)? >> 20);
    let config = folder.join("config.yml");
    fs::write(&config, "global: {}\n")?;
    let address = format!("127.0.0.1:{}", free_port()?);
    let mut command = Command::new(Kind::Bonghwa.binary(flags));
    command
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--web.listen-address={address}"))
        .arg(format!("--storage.tsdb.path={}", data.display()))
        .args(["--storage.tsdb.retention.time=45d", "--query.max-samples=200000000", "--memory.limit=6GB"]);
    let begun = Instant::now();
    let mut process = Process::start(&mut command, &folder.join("log"))?;
    let mut client = Client::new(&address);
    while !client.get("/-/ready").is_ok_and(|a| a.status == 200) {
        if begun.elapsed() > Duration::from_secs(60) {
            bail!("not ready after a minute: {}", fs::read_to_string(folder.join("log")).unwrap_or_default());
        }
        sleep(Duration::from_millis(2));
    }
    let pid = process.id();
    println!(
        "opened in {:.3} s, {} kB read, {} MB resident",
        begun.elapsed().as_secs_f64(),
        read_bytes(pid)? >> 10,
        process.resident()?.0 >> 20
    );
    let end = now / (24 * HOUR) * 24 * HOUR / 1_000;
    let month = end - flags.month_days * 86_400;
    let rate = "sum%20by%20(mode)%20(rate(node_cpu_seconds_total%5B1h%5D))";
    let single =
        "sum%20by%20(mode)%20(rate(node_cpu_seconds_total%7Binstance%3D%22host-0007%3A9100%22%7D%5B1h%5D))";
    println!("{:<44}{:>12}{:>10}{:>10}  summaries of", "query", "wall ms", "CPU s", "read MB");
    for (name, query, start, step) in [
        ("30 d, sum by (rate [1h]), step 1 h", rate, month, 3_600),
        ("30 d, one host", single, month, 3_600),
        ("30 d, one host, step 10368 s, not aligned", single, month + 1, 10_368),
    ] {
        for off in ["", "&downsampling=off"] {
            let path = format!("/api/v1/query_range?query={query}&start={start}&end={end}&step={step}{off}");
            let (cpu, bytes, begun) = (process.cpu_seconds()?, read_bytes(pid)?, Instant::now());
            let answer = client.get(&path)?;
            let wall = begun.elapsed().as_secs_f64() * 1_000.0;
            if answer.status != 200 {
                println!("{name}: {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
                continue;
            }
            println!(
                "{:<44}{wall:>12.0}{:>10.2}{:>10.1}  {}",
                name,
                process.cpu_seconds()? - cpu,
                (read_bytes(pid)? - bytes) as f64 / f64::from(1 << 20),
                if off.is_empty() { "1h or 5m, where they do" } else { "nothing: samples" },
            );
        }
    }
    process.stop()?;
    Ok(())
}
