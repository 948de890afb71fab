//! Many dashboards at once: connections that ask all shapes, each beginning with another one. What counts is how long
//! the slow answers take.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Result, anyhow};

use super::ask::{once, path_of};
use super::load::Data;
use super::shapes::SHAPES;
use crate::http::Client;
use crate::peer::{Kind, Peer};

/// What one program showed.
pub(crate) struct Together {
    kind: Kind,
    /// Answers in milliseconds, sorted.
    ms: Vec<f64>,
    refused: u32,
    wall: f64,
    cpu: f64,
    peak: u64,
}

/// Asks all shapes over each of `clients` connections at the same time, once without and once with what the program
/// keeps of results, as dashboards do that are looked at again.
pub(crate) fn ask(data: &Data, peer: &Peer, clients: usize, cached: bool) -> Result<Together> {
    peer.process.forget_peak()?;
    let (before, begun) = (peer.process.cpu_seconds()?, Instant::now());
    let refused = AtomicU32::new(0);
    let one = |number: usize| -> Vec<f64> {
        let mut client = Client::new(&peer.address);
        let paths = (0..SHAPES.len()).map(|n| &SHAPES[(n + number) % SHAPES.len()]);
        let answers = paths.map(|shape| once(&mut client, &path_of(shape, data.end_s, cached)));
        let taken = answers.filter_map(|answer| {
            answer.map_err(|_| refused.fetch_add(1, Ordering::Relaxed)).ok().map(|(ms, _)| ms)
        });
        taken.collect()
    };
    let mut ms = thread::scope(|scope| {
        let asking: Vec<_> = (0..clients).map(|n| scope.spawn(move || one(n))).collect();
        let answers = asking.into_iter().map(|client| client.join().map_err(|_| anyhow!("a client failed")));
        answers.collect::<Result<Vec<_>>>().map(|all| all.concat())
    })?;
    ms.sort_by(f64::total_cmp);
    let wall = begun.elapsed().as_secs_f64();
    let (cpu, peak) = (peer.process.cpu_seconds()? - before, peer.process.resident()?.1);
    Ok(Together { kind: peer.kind, ms, refused: refused.into_inner(), wall, cpu, peak })
}

/// A line a program.
pub(crate) fn print(clients: usize, all: &[(Together, bool)]) {
    println!("\n{clients} dashboards at once, {} queries each", SHAPES.len());
    println!(
        "{:<26}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
        "program", "p50 ms", "p90 ms", "p99 ms", "max ms", "wall s", "CPU s", "peak MB", "refused"
    );
    for (one, cached) in all {
        let at = |q: f64| one.ms.get((one.ms.len() as f64 * q) as usize).copied().unwrap_or(f64::NAN);
        println!(
            "{:<26}{:>9.1}{:>9.1}{:>9.1}{:>9.1}{:>9.2}{:>9.2}{:>9.0}{:>9}",
            format!("{}{}", one.kind.name(), if *cached { ", kept" } else { "" }),
            at(0.5),
            at(0.9),
            at(0.99),
            one.ms.last().copied().unwrap_or(f64::NAN),
            one.wall,
            one.cpu,
            one.peak as f64 / 1e6,
            one.refused,
        );
    }
}
