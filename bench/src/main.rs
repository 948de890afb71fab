//! Whole-process measurements beside the programs we want to replace, on the same data, in the same run.
//!
//! What it prints are ratios: CPU seconds (user and system, all threads, until the process is quiet), peak and settled
//! resident memory, bytes on disk per sample, and query medians. It judges nothing; docs/performance.md keeps the rows.
//!
//! `data` makes the samples, `process` starts and measures a server, `peer` knows how each one is started and asked,
//! `ingest`, `queries`, `memory` and `idle` are the measurements.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line report")]

mod data;
mod http;
mod idle;
mod ingest;
mod memory;
mod peer;
mod process;
mod protobuf;
mod queries;

use anyhow::Result;
use clap::Parser;

/// Flags of the benchmark.
#[derive(Parser)]
pub(crate) struct Flags {
    /// Hosts that are imitated; each has about 500 series.
    #[arg(long, default_value_t = 40)]
    hosts: usize,
    /// Hours of data at one sample in 15 s.
    #[arg(long, default_value_t = 6)]
    hours: usize,
    /// How often each query runs.
    #[arg(long, default_value_t = 15)]
    repeats: usize,
    /// Which parts to run.
    #[arg(long, value_delimiter = ',', default_value = "ingest,queries,memory,idle")]
    parts: Vec<String>,
    /// Peers to run beside ours, out of prometheus and victoria-metrics.
    #[arg(long, value_delimiter = ',', default_value = "prometheus,victoria-metrics")]
    peers: Vec<String>,
    /// Containers in the idle measurement.
    #[arg(long, default_value_t = 20)]
    containers: usize,
    /// Series in the measurement of memory and restart.
    #[arg(long, default_value_t = 1_000_000)]
    series: usize,
    /// Samples of each of them.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only this program of the list is run (bonghwa counts as one).
    #[arg(long)]
    only: Option<String>,
}

fn main() -> Result<()> {
    let flags = Flags::parse();
    let wants = |part: &str| flags.parts.iter().any(|p| p == part);
    if wants("ingest") || wants("queries") {
        let data = data::Dataset::generate(flags.hosts, flags.hours);
        println!(
            "data: {} series, {} samples in {} requests, {} hours",
            data.series,
            data.samples,
            data.requests.len(),
            flags.hours
        );
        let mut servers = Vec::new();
        for kind in peer::Kind::selected(&flags) {
            match peer::Peer::start(kind) {
                Ok(peer) => servers.push(peer),
                Err(reason) => println!("skipped: {}: {reason:#}", kind.name()),
            }
        }
        ingest::run(&data, &mut servers)?;
        if wants("queries") {
            queries::run(&data, &servers, flags.repeats)?;
        }
        ingest::disk(&data, servers)?;
    }
    if wants("memory") {
        memory::run(&flags)?;
    }
    if wants("idle") {
        idle::run(flags.containers)?;
    }
    Ok(())
}
