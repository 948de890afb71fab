//! `debug`: collects into one archive what helps to find out what is wrong with a server.

mod archive;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::http::{Connection, Server};
use crate::{Context, Exit, Failed, Outcome};

/// How long one page may take; a processor profile takes 30 s.
const LIMIT: Duration = Duration::from_secs(90);

/// Pages with profiles, and what they are called in the archive. Servers written in Go have them.
const PROFILES: &[(&str, &str)] = &[
    ("/debug/pprof/profile?seconds=30", "cpu.pb"),
    ("/debug/pprof/block", "block.pb"),
    ("/debug/pprof/goroutine", "goroutine.pb"),
    ("/debug/pprof/heap", "heap.pb"),
    ("/debug/pprof/mutex", "mutex.pb"),
    ("/debug/pprof/threadcreate", "threadcreate.pb"),
    ("/debug/pprof/trace?seconds=30", "trace.pb"),
];

const METRICS: &[(&str, &str)] = &[("/metrics", "metrics.txt")];

/// What a server says of itself; it hides secrets.
const STATUS: &[(&str, &str)] = &[
    ("/api/v1/status/buildinfo", "buildinfo.json"),
    ("/api/v1/status/runtimeinfo", "runtimeinfo.json"),
    ("/api/v1/status/config", "config.json"),
    ("/api/v1/status/flags", "flags.json"),
    ("/api/v1/status/tsdb", "tsdb.json"),
    ("/api/v1/status/walreplay", "walreplay.json"),
    ("/api/v1/targets", "targets.json"),
    ("/api/v1/rules", "rules.json"),
    ("/api/v1/alertmanagers", "alertmanagers.json"),
    ("/api/bonghwa/v1/status", "status.json"),
    ("/api/bonghwa/v1/log", "log.txt"),
];

/// Arguments of `debug`.
#[derive(Debug, Args)]
pub struct Debug {
    #[command(flatten)]
    connection: Connection,
    /// What to collect.
    #[command(subcommand)]
    pub what: What,
}

/// What can be collected.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Collects profiles.
    Pprof(Of),
    /// Collects metrics.
    Metrics(Of),
    /// Collects metrics, status, configuration, flags, the end of the log and profiles.
    All(Of),
}

/// Of which server, and where to.
#[derive(Debug, Args)]
pub struct Of {
    /// The server's URL.
    #[arg(value_name = "SERVER")]
    server: String,
    /// The archive that is written.
    #[arg(long, value_name = "FILE", default_value = "debug.tar.gz")]
    output: PathBuf,
}

impl Debug {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Outcome {
        let (of, groups): (_, &[&[(&str, &str)]]) = match self.what {
            What::Pprof(of) => (of, &[PROFILES]),
            What::Metrics(of) => (of, &[METRICS]),
            What::All(of) => (of, &[METRICS, STATUS, PROFILES]),
        };
        let failed = |e: Failed| Failed(format!("error completing debug command: {e}"));
        let server = Server::connect(&of.server, &self.connection).map_err(failed)?;
        let mut pages = Vec::new();
        let mut profiles = true;
        for (path, name) in groups.iter().copied().flatten() {
            if path.starts_with("/debug/") && !profiles {
                continue;
            }
            writeln!(context.out, "collecting: {}{path}", server.url())?;
            context.out.flush()?;
            let answer = server.get(path, LIMIT).map_err(failed)?;
            if answer.status == 200 {
                pages.push((*name, answer.body));
                continue;
            }
            writeln!(context.err, "  not available: {path}: status {}", answer.status)?;
            // Who lacks one of them lacks them all, and some take half a minute.
            profiles &= !path.starts_with("/debug/");
        }
        if pages.is_empty() {
            return Err(Failed::new("error completing debug command: the server has nothing of it"));
        }
        let now = model::Clock::now_ms(&model::SystemClock) / 1000;
        archive::write(&of.output, &pages, now).map_err(|e| failed(e.into()))?;
        writeln!(
            context.out,
            "Compiling debug information complete, all files written in {:?}.",
            of.output.display().to_string()
        )?;
        Ok(Exit::Success)
    }
}
