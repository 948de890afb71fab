//! Side-by-side measurements: the same bytes into Bonghwa, Prometheus and VictoriaMetrics, then the same queries.
//!
//! What it is: a program that starts each server on a free port with its data in a temporary folder of its own and
//! under the same memory limit, and prints CPU seconds of the whole process until no compaction is pending, how long
//! acknowledgements took, peak and settled resident memory, bytes on disk per sample, and query medians. It judges
//! nothing; docs/performance.md keeps the rows.
//!
//! `data` makes the samples, `process` starts and measures a server, `peer` knows how each one is started and asked,
//! `ingest`, `scraping`, `relaying`, `queries`, `memory`, `month`, `logs` and `idle` are the measurements.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line report")]

mod data;
mod http;
mod idle;
mod ingest;
mod limit;
mod logs;
mod memory;
mod month;
mod peer;
mod process;
mod protobuf;
mod queries;
mod relaying;
mod report;
mod scraping;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;

use data::{Dataset, Fleet, STEP_MS, fleet, recorded};

/// Flags of the benchmark.
#[derive(Parser)]
pub(crate) struct Flags {
    /// How many series, as 50k, 200k or 1m; without it 50k are fed, and a million measured in memory.
    #[arg(long, value_parser = count)]
    series: Option<usize>,
    /// Hours of data at one sample in 15 s; without it as many as make about 72 million samples.
    #[arg(long)]
    hours: Option<f64>,
    /// Samples in a request.
    #[arg(long, default_value_t = 5000)]
    request: usize,
    /// Connections over which requests are sent.
    #[arg(long, default_value_t = 2)]
    senders: u32,
    /// Hosts in the data that is asked; each has about 500 series.
    #[arg(long, default_value_t = 40)]
    hosts: usize,
    /// Days that a few of these hosts go back.
    #[arg(long, default_value_t = 30)]
    days: usize,
    /// Starts of each program for the first answers to queries; 0: none.
    #[arg(long, default_value_t = 3)]
    cold: usize,
    /// Connections that ask all queries at the same time; 0: none.
    #[arg(long, default_value_t = 50)]
    dashboards: usize,
    /// Folder in which the data that is asked stays for the next run.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// How often each query runs.
    #[arg(long, default_value_t = 15)]
    repeats: usize,
    /// Which parts to run, out of ingest, small, queries, scrape, recorded, relay, memory and idle.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "ingest,small,queries,scrape,recorded,relay,memory,idle"
    )]
    parts: Vec<String>,
    /// Peers to run beside ours, out of prometheus and victoria-metrics.
    #[arg(long, value_delimiter = ',', default_value = "prometheus,victoria-metrics")]
    peers: Vec<String>,
    /// Another VictoriaMetrics to run beside, by its path.
    #[arg(long)]
    victoria: Option<PathBuf>,
    /// Our own binary, where it is not the release build.
    #[arg(long)]
    bonghwa: Option<PathBuf>,
    /// A flag for our own binary, may be repeated.
    #[arg(long, allow_hyphen_values = true)]
    bonghwa_flags: Vec<String>,
    /// The memory limit of every program in MiB, by a control group; 0: none.
    #[arg(long, default_value_t = 0)]
    memory_mib: u64,
    /// Containers in the idle measurement.
    #[arg(long, default_value_t = 20)]
    containers: usize,
    /// Samples of each series in the measurement of memory and restart.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Targets in the measurement of scraping.
    #[arg(long, default_value_t = 100)]
    targets: usize,
    /// Seconds of scraping, or of recording.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// A recording of a node_exporter (see --record) for the part `recorded`.
    #[arg(long)]
    recording: Option<PathBuf>,
    /// Records the node_exporter at this address into --recording, once in a second for --seconds, and does no more.
    #[arg(long)]
    record: Option<String>,
    /// Only writes the requests to this file: lane, length (32 bits each) and body.
    #[arg(long)]
    keep_requests: Option<PathBuf>,
    /// Days of data in the measurement `month`, which is run only where it is named.
    #[arg(long, default_value_t = 30)]
    month_days: i64,
    /// Seconds between its samples.
    #[arg(long, default_value_t = 60)]
    interval: i64,
    /// Where it keeps its data; data that is there is used again.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Only this program of the list is run (bonghwa counts as one).
    #[arg(long)]
    only: Option<String>,
    #[command(flatten)]
    logs: logs::LogFlags,
}

fn main() -> Result<()> {
    let flags = Flags::parse();
    let wants = |part: &str| flags.parts.iter().any(|p| p == part);
    if let (Some(address), Some(file)) = (&flags.record, &flags.recording) {
        return recorded::record(address, file, flags.seconds);
    }
    let series = flags.series.unwrap_or(50_000);
    let hosts = series.div_ceil(fleet::HOST_SERIES);
    let hours = flags.hours.unwrap_or(300_000.0 / series as f64).min(24.0);
    if wants("ingest") {
        let data = Dataset::write(&mut Fleet::new(hosts), steps(hours), flags.request)?;
        if let Some(file) = &flags.keep_requests {
            return data.copy(file);
        }
        let servers = feed("ingest by remote write", &data, &flags)?;
        ingest::end(servers)?;
    }
    if wants("small") {
        let data = Dataset::write(&mut Fleet::new(hosts), steps(hours / 4.0), 500)?;
        ingest::end(feed("ingest by remote write, 500 samples in a request", &data, &flags)?)?;
    }
    if wants("recorded") {
        match &flags.recording {
            Some(file) => {
                let mut replay = recorded::Recorded::read(file, 8)?;
                let steps = (replay.scrapes() as i64).min(steps(24.0));
                let data = Dataset::write(&mut replay, steps, flags.request)?;
                if let Some(file) = &flags.keep_requests {
                    return data.copy(file);
                }
                ingest::end(feed("values of a real node_exporter", &data, &flags)?)?;
            }
            None => println!("\nskipped: recorded values: no --recording (make one with --record HOST:PORT)"),
        }
    }
    if wants("scrape") {
        scraping::run(&flags)?;
    }
    if wants("relay") {
        relaying::run(&flags)?;
    }
    if wants("queries") {
        queries::run(&flags)?;
    }
    if wants("memory") {
        memory::run(&flags)?;
    }
    if wants("month") {
        month::run(&flags)?;
    }
    if wants("logs") {
        logs::run(&flags)?;
    }
    if wants("idle") {
        idle::run(flags.containers)?;
    }
    Ok(())
}

/// A number, with k or m for thousands and millions.
fn count(text: &str) -> Result<usize> {
    let (digits, factor) = match text.strip_suffix(['k', 'm']) {
        Some(digits) if text.ends_with('k') => (digits, 1_000),
        Some(digits) => (digits, 1_000_000),
        None => (text, 1),
    };
    let number: usize = digits.parse().with_context(|| format!("{text:?} is no number like 200k"))?;
    Ok(number.saturating_mul(factor))
}

fn steps(hours: f64) -> i64 {
    (hours * 3_600_000.0 / STEP_MS as f64).round() as i64
}

/// Starts every program that is wanted, and feeds it.
fn feed(what: &str, data: &Dataset, flags: &Flags) -> Result<Vec<peer::Peer>> {
    println!(
        "\n{what}: {} series at one time, {} in all, {} samples in {} requests, {:.1} hours",
        data.series,
        data.ever,
        data.samples,
        data.requests,
        (data.end_s - data.start_s) as f64 / 3600.0
    );
    let mut servers = Vec::new();
    for kind in peer::Kind::selected(flags) {
        match peer::Peer::start(kind, flags) {
            Ok(peer) => servers.push(peer),
            Err(reason) => println!("skipped: {}: {reason:#}", kind.name()),
        }
    }
    ingest::run(data, &mut servers, flags.senders.max(1))?;
    Ok(servers)
}
