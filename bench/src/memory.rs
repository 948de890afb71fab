//! Memory per active series, and the way back after `kill -9`: many series with a few samples each by remote write,
//! then resident memory once the process is quiet, then the time from the start of a new process on the same folder
//! until it calls itself ready, and the most it held until then. Before that, what queries over all series take.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::Flags;
use crate::http::Client;
use crate::ingest::HEADERS;
use crate::peer::{Kind, Peer};
use crate::protobuf;
use crate::queries::{median, once, path};

/// Milliseconds between two samples of a series.
const STEP_MS: i64 = 15_000;
/// Series of one pod: with this many a request is about one scrape.
const SERIES_A_POD: usize = 500;
/// Pods in one request.
const PODS_A_REQUEST: usize = 4;

/// Queries over very many series at the newest time: what they are called, and their text.
const WIDE: &[(&str, &str)] = &[
    ("count of all", r#"count({job="kubelet"})"#),
    ("sum by rate", "sum by (namespace) (rate(http_request_duration_seconds_bucket[5m]))"),
    ("sum by", r#"sum by (node) ({job="kubelet"})"#),
    ("topk", r#"topk(10, {job="kubelet"})"#),
    ("quantile", "quantile(0.9, http_request_duration_seconds_bucket)"),
];

/// What a wide query took: milliseconds, and how much more was resident; why not, where it failed.
struct Wide {
    ms: f64,
    more: i64,
    failed: Option<String>,
}

/// What one program showed.
struct Row {
    name: &'static str,
    resident: u64,
    peak: u64,
    ready: Duration,
    replay_peak: u64,
    answered: Duration,
    back: f64,
    wide: Vec<Wide>,
}

/// Runs every program in turn and prints the rows.
pub(crate) fn run(flags: &Flags) -> Result<()> {
    let pods = flags.series.unwrap_or(1_000_000).div_ceil(SERIES_A_POD);
    let series = pods * SERIES_A_POD;
    println!("\nmemory: {series} series, {} samples each, in requests of {}", flags.rounds, {
        PODS_A_REQUEST * SERIES_A_POD
    });
    let mut rows = Vec::new();
    for kind in Kind::selected(flags) {
        match measure(kind, flags, pods) {
            Ok(row) => rows.push(row),
            Err(reason) => println!("skipped: {}: {reason:#}", kind.name()),
        }
    }
    println!(
        "{:<18}{:>12}{:>10}{:>10}{:>12}{:>16}{:>16}{:>14}",
        "program",
        "RSS B/series",
        "RSS MB",
        "peak MB",
        "ready s",
        "all answered s",
        "replay peak MB",
        "series back"
    );
    for row in &rows {
        println!(
            "{:<18}{:>12.0}{:>10.1}{:>10.1}{:>12.2}{:>16.2}{:>16.1}{:>14.0}",
            row.name,
            row.resident as f64 / series as f64,
            row.resident as f64 / 1e6,
            row.peak as f64 / 1e6,
            row.ready.as_secs_f64(),
            row.answered.as_secs_f64(),
            row.replay_peak as f64 / 1e6,
            row.back,
        );
    }
    println!("\nqueries over all of them: ms, median of {WIDE_TIMES}, and MB more at their peak");
    for (n, (what, _)) in WIDE.iter().enumerate() {
        for row in &rows {
            if let Some(Wide { ms, more, failed }) = row.wide.get(n) {
                let failed = failed.as_deref().unwrap_or_default();
                println!("{what:<16}{:<18}{ms:>10.1}{:>10.1} {failed}", row.name, *more as f64 / 1e6);
            }
        }
    }
    Ok(())
}

/// How often each of [`WIDE`] is asked.
const WIDE_TIMES: usize = 3;

fn ask_wide(peer: &Peer) -> Result<Vec<Wide>> {
    let mut client = Client::new(&peer.address);
    let mut all = Vec::new();
    for (_, query) in WIDE {
        let path = path(query, 0, now_ms() / 1000, false);
        peer.process.forget_peak()?;
        let before = peer.process.resident()?.0;
        let (mut times, mut failed) = (Vec::new(), None);
        for _ in 0..WIDE_TIMES {
            match once(&mut client, &path) {
                Ok((ms, _)) => times.push(ms),
                Err(error) => failed = Some(format!("{error:#}").chars().take(200).collect()),
            }
        }
        let more = peer.process.resident()?.1 as i64 - before as i64;
        all.push(Wide { ms: median(times), more, failed });
    }
    Ok(all)
}

fn now_ms() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}

fn measure(kind: Kind, flags: &Flags, pods: usize) -> Result<Row> {
    let mut peer = Peer::start(kind, flags)?;
    feed(&peer, pods, flags.rounds)?;
    peer.process.wait_quiet()?;
    let (resident, peak) = peer.process.resident()?;
    let wide = ask_wide(&peer)?;
    let begun = Instant::now();
    peer.kill_and_start()?;
    let ready = begun.elapsed();
    let (_, replay_peak) = peer.process.resident()?;
    let back = count(&peer)?;
    let answered = begun.elapsed();
    let folder = peer.folder.clone();
    drop(peer);
    fs::remove_dir_all(&folder)?;
    Ok(Row { name: kind.name(), resident, peak, ready, replay_peak, answered, back, wide })
}

/// Sends `rounds` samples of every series, the newest of this moment.
fn feed(peer: &Peer, pods: usize, rounds: usize) -> Result<()> {
    let mut client = Client::new(&peer.address);
    let mut encoder = snap::raw::Encoder::new();
    let now = now_ms();
    let shared = Shared::new();
    let mut raw = Vec::new();
    for round in 0..rounds {
        for first in (0..pods).step_by(PODS_A_REQUEST) {
            raw.clear();
            let t = now - (rounds - 1 - round) as i64 * STEP_MS;
            for pod in first..(first + PODS_A_REQUEST).min(pods) {
                shared.pod(pod, round, t - pod as i64 * 37 % 5_000, &mut raw);
            }
            let body = encoder.compress_vec(&raw)?;
            loop {
                let answer = client.send("POST", "/api/v1/write", HEADERS, &body)?;
                match answer.status {
                    200..300 => break,
                    429 | 503 => sleep(Duration::from_millis(50)),
                    _ => bail!("{} refused: {}", peer.kind.name(), String::from_utf8_lossy(&answer.body)),
                }
            }
        }
    }
    Ok(())
}

/// How many series an instant query finds.
fn count(peer: &Peer) -> Result<f64> {
    // The peers have lookbacks of their own: an hour covers all.
    let path = "/api/v1/query?query=count(last_over_time(%7Bjob%3D%22kubelet%22%7D%5B1h%5D))";
    let answer = Client::new(&peer.address).get(path)?;
    let json: serde_json::Value = serde_json::from_slice(&answer.body)?;
    let value = json["data"]["result"][0]["value"][1].as_str().unwrap_or("0");
    Ok(value.parse()?)
}

/// What the series of every pod have in common: name and labels beside those of the pod.
struct Shared {
    metrics: Vec<(String, Vec<(&'static str, String)>)>,
}

impl Shared {
    fn new() -> Self {
        let mut metrics = Vec::new();
        let mut add = |name: String, extra: Vec<(&'static str, String)>| metrics.push((name, extra));
        for handler in 0..16 {
            for le in 0..14 {
                let le = if le == 13 { "+Inf".to_owned() } else { format!("{}", 0.005 * f64::from(1 << le)) };
                let handler = format!("/api/v1/things/{handler}");
                add(
                    "http_request_duration_seconds_bucket".to_owned(),
                    vec![("handler", handler), ("le", le)],
                );
            }
        }
        for number in 0..SERIES_A_POD - 16 * 14 {
            match number % 4 {
                0 => add(format!("go_memstats_field_{:03}_bytes", number / 4), vec![]),
                1 => {
                    let device = format!("eth{}", number / 4 % 4);
                    add(format!("container_network_{:03}_total", number / 16), vec![("device", device)]);
                }
                2 => {
                    let code = format!("{}", 200 + number / 4 % 8);
                    add(format!("grpc_server_handled_{:03}_total", number / 32), vec![("code", code)]);
                }
                _ => add(format!("process_counter_{:03}_total", number / 4), vec![]),
            }
        }
        Self { metrics }
    }

    /// Appends one scrape of a pod.
    fn pod(&self, pod: usize, round: usize, t: i64, raw: &mut Vec<u8>) {
        let hash = (pod as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24;
        let own = [
            ("container", format!("app-{}", pod % 40)),
            ("instance", format!("10.{}.{}.{}:8080", pod >> 16 & 255, pod >> 8 & 255, pod & 255)),
            ("job", "kubelet".to_owned()),
            ("namespace", format!("team-{}", pod % 25)),
            ("node", format!("node-{:03}.example", pod / 30)),
            ("pod", format!("app-{}-{:010x}", pod % 40, hash)),
        ];
        for (number, (name, extra)) in self.metrics.iter().enumerate() {
            let mut pairs = vec![("__name__", name.as_str())];
            pairs.extend(own.iter().chain(extra).map(|(name, value)| (*name, value.as_str())));
            pairs.sort_by(|a, b| a.0.cmp(b.0));
            let grown = if number % 3 == 0 { round * (pod + number) % 1_000 } else { 0 };
            protobuf::series(
                raw,
                &protobuf::labels(&pairs),
                t,
                ((pod * 31 + number * 7) % 10_000 + grown) as f64,
            );
        }
    }
}
