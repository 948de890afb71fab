//! Sends all requests, and what that costs until merges are done.

use std::time::Instant;

use anyhow::{Result, bail};

use super::bodies::{AGENTS, Bodies};
use super::program::{Kind, Program};
use crate::http::Client;

const HEADERS: &str = "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n";

/// What a program needed.
pub(super) struct Cost {
    pub(super) kind: Kind,
    /// CPU seconds when the last request was acknowledged; until quiet after an orderly stop and a start.
    pub(super) acknowledged: f64,
    pub(super) settled: f64,
    pub(super) wall: f64,
    /// Acknowledgements: the median, and that of the slowest hundredth, ms.
    pub(super) typical: f64,
    pub(super) slowest: f64,
    pub(super) peak: u64,
    /// After the restart.
    pub(super) resident: u64,
    pub(super) disk: u64,
}

/// Sends what `bodies` has over a connection for each agent, stops in order, and starts again.
pub(super) fn feed(bodies: &Bodies, program: &mut Program) -> Result<Cost> {
    program.process.wait_quiet()?;
    let before = program.process.cpu_seconds()?;
    let start = Instant::now();
    let (address, path) = (program.address.as_str(), program.kind.push_path());
    let sent: Vec<Result<Vec<f64>>> = std::thread::scope(|scope| {
        let agents: Vec<_> =
            (0..AGENTS).map(|agent| scope.spawn(move || send(bodies, agent, address, path))).collect();
        agents.into_iter().map(|a| a.join().unwrap_or_else(|_| bail!("an agent ended"))).collect()
    });
    let wall = start.elapsed().as_secs_f64();
    let mut times = Vec::new();
    for one in sent {
        times.extend(one?);
    }
    times.sort_by(f64::total_cmp);
    let acknowledged = program.process.cpu_seconds()? - before;
    program.process.wait_quiet()?;
    let (_, peak) = program.process.resident()?;
    let first_life = program.stop()?;
    let disk = program.data_bytes()?;
    program.start_again()?;
    program.process.wait_quiet()?;
    Ok(Cost {
        kind: program.kind,
        acknowledged,
        settled: first_life - before + program.process.cpu_seconds()?,
        wall,
        typical: times[times.len() / 2],
        slowest: times[times.len() * 99 / 100],
        peak,
        resident: program.process.resident()?.0,
        disk,
    })
}

fn send(bodies: &Bodies, agent: u64, address: &str, path: &str) -> Result<Vec<f64>> {
    let mut client = Client::new(address);
    let mut requests = bodies.requests(agent)?;
    let (mut body, mut times) = (Vec::new(), Vec::new());
    while requests.next(&mut body)? {
        let sent = Instant::now();
        // Programs ask their clients to come again when it is too much at once.
        for attempt in 0.. {
            let answer = client.send("POST", path, HEADERS, &body)?;
            match answer.status {
                200..300 => break,
                429 | 503 if attempt < 100 => std::thread::sleep(std::time::Duration::from_millis(100)),
                status => bail!("{address} answers {status}: {}", String::from_utf8_lossy(&answer.body)),
            }
        }
        times.push(sent.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}

/// Prints what each program needed, and how they compare.
pub(super) fn print(bodies: &Bodies, costs: &[&Cost]) {
    println!(
        "\n| program | CPU s | MB a CPU s | wall s | p50 ms | p99 ms | peak MB | RSS MB | disk MB | of the text |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let mb = |bytes: u64| bytes as f64 / 1e6;
    for c in costs {
        println!(
            "| {} | {:.1} ({:.1}) | {:.1} | {:.1} | {:.1} | {:.1} | {:.0} | {:.0} | {:.1} | {:.1} % |",
            c.kind.name(),
            c.settled,
            c.acknowledged,
            mb(bodies.facts.bytes) / c.settled,
            c.wall,
            c.typical,
            c.slowest,
            mb(c.peak),
            mb(c.resident),
            mb(c.disk),
            c.disk as f64 * 100.0 / bodies.facts.bytes as f64,
        );
    }
    println!("CPU in brackets: when the last request was acknowledged\n");
    type Figure = (&'static str, fn(&Cost) -> f64);
    let figures: [Figure; 4] = [
        ("MB per CPU second", |c| 1.0 / c.settled),
        ("wall throughput", |c| 1.0 / c.wall),
        ("peak memory", |c| c.peak as f64),
        ("bytes on disk", |c| c.disk as f64),
    ];
    for (what, of) in figures {
        for ours in costs.iter().filter(|c| c.kind.is_ours()) {
            let others: Vec<String> = costs
                .iter()
                .filter(|c| !c.kind.is_ours() || (ours.kind != Kind::Plain && c.kind == Kind::Plain))
                .map(|c| format!("{:.2}x {}", of(ours) / of(c), c.kind.name()))
                .collect();
            if !others.is_empty() {
                println!("{what}, {}: {}", ours.kind.name(), others.join(", "));
            }
        }
    }
}
