//! Remote write of the whole data set, one request after the other, the same bytes to everyone.

use std::fs;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::data::Dataset;
use crate::http::Client;
use crate::peer::Peer;
use crate::process::disk_usage;

const HEADERS: &str = "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\nX-Prometheus-Remote-Write-Version: 0.1.0\r\n";

/// Sends the data to each program in turn and prints what it cost.
pub(crate) fn run(data: &Dataset, peers: &mut [Peer]) -> Result<()> {
    println!("\ningest (remote write, CPU until quiet)");
    println!(
        "{:<18}{:>10}{:>16}{:>12}{:>14}{:>14}{:>14}",
        "program", "CPU s", "samples/CPU s", "wall s", "ack p99 ms", "peak MB", "RSS B/series"
    );
    for peer in peers {
        let before = peer.process.cpu_seconds()?;
        let start = Instant::now();
        let mut client = Client::new(&peer.address);
        let mut acknowledged = Vec::with_capacity(data.requests.len());
        for request in &data.requests {
            let sent = Instant::now();
            let answer = client.send("POST", "/api/v1/write", HEADERS, request)?;
            if answer.status / 100 != 2 {
                bail!("{} refused: {}", peer.kind.name(), String::from_utf8_lossy(&answer.body));
            }
            acknowledged.push(sent.elapsed().as_secs_f64() * 1e3);
        }
        let wall = start.elapsed().as_secs_f64();
        peer.process.wait_quiet()?;
        let cpu = peer.process.cpu_seconds()? - before;
        let (resident, peak) = peer.process.resident()?;
        acknowledged.sort_by(f64::total_cmp);
        println!(
            "{:<18}{:>10.2}{:>16.0}{:>12.2}{:>14.2}{:>14.1}{:>14.0}",
            peer.kind.name(),
            cpu,
            data.samples as f64 / cpu,
            wall,
            acknowledged[acknowledged.len() * 99 / 100],
            peak as f64 / 1e6,
            resident as f64 / data.series as f64
        );
    }
    Ok(())
}

/// Stops every program in order and weighs its folder.
pub(crate) fn disk(data: &Dataset, peers: Vec<Peer>) -> Result<()> {
    println!("\ndisk after an orderly stop\n{:<18}{:>12}{:>14}", "program", "MB", "B/sample");
    for peer in peers {
        let (kind, folder) = (peer.kind, peer.folder.clone());
        peer.process.stop()?;
        let bytes = disk_usage(&folder.join("data"))?;
        println!(
            "{:<18}{:>12.2}{:>14.3}",
            kind.name(),
            bytes as f64 / 1e6,
            bytes as f64 / data.samples as f64
        );
        fs::remove_dir_all(&folder)?;
    }
    Ok(())
}
