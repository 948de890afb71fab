//! Range queries, warm, one after the other; the median counts. Results are compared in size, so that nobody is quick
//! by answering less.

use std::fmt::Write as _;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::data::Dataset;
use crate::http::Client;
use crate::peer::Peer;

/// Query, and the range in hours (0: the whole data).
const QUERIES: &[(&str, &str, i64)] = &[
    (
        "rate of one host's CPU, 1 h",
        r#"rate(node_cpu_seconds_total{instance="host-001.example:9100"}[5m])"#,
        1,
    ),
    ("sum by mode of rate, 1 h", "sum by (mode) (rate(node_cpu_seconds_total[5m]))", 1),
    ("sum by mode of rate, all", "sum by (mode) (rate(node_cpu_seconds_total[5m]))", 0),
    ("topk of network rate, all", "topk(5, rate(node_network_receive_bytes_total[5m]))", 0),
    ("quantile over hosts, all", "quantile(0.9, node_memory_field_02_bytes)", 0),
    ("ratio with matching, all", "node_filesystem_avail_bytes / node_filesystem_size_bytes", 0),
    ("max_over_time, all", "max_over_time(node_memory_field_00_bytes[30m])", 0),
    ("regex over names, 1 h", r#"count({__name__=~"node_vmstat_counter_.*"})"#, 1),
    ("avg by instance, all", "avg by (instance) (rate(node_disk_read_bytes_total[10m]))", 0),
];

pub(crate) fn run(data: &Dataset, peers: &[Peer], repeats: usize) -> Result<()> {
    println!("\nqueries (range, 240 steps, median ms of {repeats})");
    print!("{:<32}", "query");
    for peer in peers {
        print!("{:>18}", peer.kind.name());
    }
    println!();
    let mut products = vec![0.0; peers.len()];
    for (name, query, hours) in QUERIES {
        let mut line = format!("{name:<32}");
        let start = if *hours == 0 { data.start_s } else { data.end_s - hours * 3600 };
        let step = ((data.end_s - start) / 240).max(1);
        let path = format!(
            "/api/v1/query_range?query={}&start={start}&end={}&step={step}&nocache=1",
            encode(query),
            data.end_s
        );
        for (n, peer) in peers.iter().enumerate() {
            let median = median_ms(peer, &path, repeats)?;
            products[n] += median.max(0.01).ln();
            write!(line, "{median:>18.2}")?;
        }
        println!("{line}");
    }
    print!("{:<32}", "geometric mean");
    for product in &products {
        print!("{:>18.2}", (product / QUERIES.len() as f64).exp());
    }
    println!();
    Ok(())
}

fn median_ms(peer: &Peer, path: &str, repeats: usize) -> Result<f64> {
    let mut client = Client::new(&peer.address);
    let mut times = Vec::with_capacity(repeats);
    for turn in 0..=repeats {
        let sent = Instant::now();
        let answer = client.get(path)?;
        if answer.status != 200 {
            bail!(
                "{} answers {}: {}",
                peer.kind.name(),
                answer.status,
                String::from_utf8_lossy(&answer.body)
            );
        }
        if turn == 0 {
            let parsed: serde_json::Value = serde_json::from_slice(&answer.body)?;
            if parsed["data"]["result"].as_array().is_none_or(Vec::is_empty) {
                bail!("{} gives no series for {path}", peer.kind.name());
            }
        } else {
            times.push(sent.elapsed().as_secs_f64() * 1e3);
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
