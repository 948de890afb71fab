//! Remote write of a whole data set, the same bytes to everyone: CPU until no compaction is pending, acknowledgements,
//! memory, and what lies on disk in the end.

use std::fs;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::data::Dataset;
use crate::http::Client;
use crate::peer::{Kind, Peer};
use crate::process::disk_usage;
use crate::report::{Row, compare};

pub(crate) const HEADERS: &str = "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\nX-Prometheus-Remote-Write-Version: 0.1.0\r\n";

/// What a program needed.
struct Cost {
    kind: Kind,
    /// CPU seconds until quiet, and with an orderly stop and what is compacted after the next start.
    cpu: f64,
    settled: f64,
    wall: f64,
    /// Acknowledgements: the median, and that of the slowest hundredth, ms.
    typical: f64,
    slowest: f64,
    resident: u64,
    peak: u64,
    disk: u64,
    durability: String,
}

/// Sends the data to each program in turn, restarts it, and prints what it cost.
pub(crate) fn run(data: &Dataset, peers: &mut [Peer], lanes: u32) -> Result<()> {
    let mut costs = Vec::new();
    for peer in peers {
        costs.push(measure(data, peer, lanes)?);
    }
    print(data, &costs);
    Ok(())
}

fn measure(data: &Dataset, peer: &mut Peer, lanes: u32) -> Result<Cost> {
    let before = peer.process.cpu_seconds()?;
    let start = Instant::now();
    let address = peer.address.clone();
    let address = address.as_str();
    let results: Vec<Result<Vec<f64>>> = std::thread::scope(|scope| {
        let senders: Vec<_> =
            (0..lanes).map(|lane| scope.spawn(move || send(data, lane, lanes, address))).collect();
        senders.into_iter().map(|s| s.join().unwrap_or_else(|_| bail!("a sender ended"))).collect()
    });
    let wall = start.elapsed().as_secs_f64();
    let mut acknowledged = Vec::new();
    for result in results {
        acknowledged.extend(result?);
    }
    acknowledged.sort_by(f64::total_cmp);
    peer.process.wait_quiet()?;
    let cpu = peer.process.cpu_seconds()? - before;
    let (resident, peak) = peer.process.resident()?;
    let first_life = peer.restart()?;
    peer.process.wait_quiet()?;
    Ok(Cost {
        kind: peer.kind,
        cpu,
        settled: first_life - before + peer.process.cpu_seconds()?,
        wall,
        typical: acknowledged[acknowledged.len() / 2],
        slowest: acknowledged[acknowledged.len() * 99 / 100],
        resident,
        peak,
        disk: disk_usage(&peer.folder.join("data"))?,
        durability: peer.durability(),
    })
}

/// Sends the requests of one lane over one connection; how long each took, in ms.
pub(crate) fn send(data: &Dataset, lane: u32, lanes: u32, address: &str) -> Result<Vec<f64>> {
    let mut client = Client::new(address);
    let mut requests = data.lane(lane, lanes)?;
    let (mut body, mut acknowledged) = (Vec::new(), Vec::new());
    while requests.next(&mut body)? {
        let sent = Instant::now();
        let answer = client.send("POST", "/api/v1/write", HEADERS, &body)?;
        if answer.status / 100 != 2 {
            bail!("{address} refused: {}", String::from_utf8_lossy(&answer.body));
        }
        acknowledged.push(sent.elapsed().as_secs_f64() * 1e3);
    }
    Ok(acknowledged)
}

fn print(data: &Dataset, costs: &[Cost]) {
    println!(
        "{:<18}{:>9}{:>10}{:>14}{:>9}{:>9}{:>9}{:>9}{:>12}{:>10}",
        "program",
        "CPU s",
        "settled",
        "samples/CPU s",
        "wall s",
        "p50 ms",
        "p99 ms",
        "peak MB",
        "RSS B/series",
        "B/sample"
    );
    let samples = data.samples as f64;
    for c in costs {
        println!(
            "{:<18}{:>9.2}{:>10.2}{:>14.0}{:>9.2}{:>9.2}{:>9.2}{:>9.1}{:>12.0}{:>10.3}",
            c.kind.name(),
            c.cpu,
            c.settled,
            samples / c.settled,
            c.wall,
            c.typical,
            c.slowest,
            c.peak as f64 / 1e6,
            c.resident as f64 / data.series as f64,
            c.disk as f64 / samples
        );
    }
    let rows =
        |of: fn(&Cost) -> f64| costs.iter().map(|c| Row { kind: c.kind, value: of(c) }).collect::<Vec<_>>();
    compare("samples per CPU second, until quiet", &rows(|c| 1.0 / c.cpu));
    compare("samples per CPU second, until no compaction is pending", &rows(|c| 1.0 / c.settled));
    compare("wall throughput", &rows(|c| 1.0 / c.wall));
    compare("peak resident memory", &rows(|c| c.peak as f64));
    compare("resident memory after ingest", &rows(|c| c.resident as f64));
    compare("bytes on disk", &rows(|c| c.disk as f64));
    for c in costs {
        println!("durability of {}: {}", c.kind.name(), c.durability);
    }
}

/// Stops every program and removes its folder.
pub(crate) fn end(peers: Vec<Peer>) -> Result<()> {
    for mut peer in peers {
        peer.process.stop()?;
        fs::remove_dir_all(&peer.folder)?;
    }
    Ok(())
}
