//! Logs: the same lines into Bonghwa, VictoriaLogs and Loki over the protocol that all three speak, then the same
//! questions over all of them.
//!
//! `bodies` makes the requests before any clock starts, `program` starts each server, `feed` counts what taking them
//! costs, `questions` says each question in LogQL and in LogsQL, `ask` times it and compares the answers, `kept` keeps
//! results for a later run.

mod ask;
mod bodies;
mod feed;
#[path = "../../testkit/generated_logs.rs"]
mod generated_logs;
mod kept;
mod program;
mod questions;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use bodies::Bodies;
use kept::Measured;
use program::{Kind, Program};

/// Flags of the measurement of logs.
#[derive(Args)]
pub(crate) struct LogFlags {
    /// A VictoriaLogs to run beside, by its path.
    #[arg(long)]
    victoria_logs: Option<PathBuf>,
    /// A Loki to run beside, by its path.
    #[arg(long)]
    loki: Option<PathBuf>,
    /// How many megabytes of messages.
    #[arg(long, default_value_t = 5120)]
    megabytes: u64,
    /// Only these, out of bonghwa, bonghwa-plain, bonghwa-masking, bonghwa-detection, victoria-logs, victoria-logs-plain
    /// and loki.
    #[arg(long, value_delimiter = ',')]
    programs: Vec<String>,
    /// Seconds after which a query is not asked again.
    #[arg(long, default_value_t = 20.0)]
    patience: f64,
    /// Results are appended to this file, and printed beside those that it has already of as many bytes.
    #[arg(long)]
    results: Option<PathBuf>,
}

/// Runs it for every program that is wanted, one after the other: there is data of one on the disk at a time.
pub(crate) fn run(flags: &crate::Flags) -> Result<()> {
    let bodies = Bodies::make(flags.logs.megabytes, flags.keep.as_deref())?;
    let f = &bodies.facts;
    println!(
        "\nlogs: {} lines, {} MB of messages, {} streams, {} requests over {} connections, {:.1} hours",
        f.lines,
        f.bytes / 1_000_000,
        f.streams,
        f.requests,
        bodies::AGENTS,
        (f.end_s - f.start_s) as f64 / 3600.0
    );
    let mut all = Vec::new();
    for kind in Kind::selected(flags) {
        match one(kind, flags, &bodies) {
            Ok(measured) => {
                if let Some(file) = &flags.logs.results {
                    kept::append(file, f.bytes, &measured)?;
                }
                all.push(measured);
            }
            Err(reason) => println!("failed: {}: {reason:#}", kind.name()),
        }
    }
    if let Some(file) = &flags.logs.results {
        all = kept::read(file, f.bytes)?;
    }
    feed::print(&bodies, &all.iter().map(|m| &m.cost).collect::<Vec<_>>());
    ask::print(&all.iter().filter_map(|m| m.answers.as_ref()).collect::<Vec<_>>());
    Ok(())
}

/// Feeds a program and asks it. Masking and detection by themselves change nothing in the answers.
fn one(kind: Kind, flags: &crate::Flags, bodies: &Bodies) -> Result<Measured> {
    let mut program = Program::start(kind, flags)?;
    let cost = feed::feed(bodies, &mut program)?;
    let answers = match kind {
        Kind::Masking | Kind::Detection => None,
        _ if flags.repeats == 0 => None,
        _ => Some(ask::ask(&program, &bodies.facts, flags)?),
    };
    program.process.stop()?;
    Ok(Measured { cost, answers })
}
