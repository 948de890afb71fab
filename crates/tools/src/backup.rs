//! `backup` and `restore`: copies of everything a data directory keeps, made while the server runs or not, checked whenever
//! one likes, and put in place only where they are right.

mod restore;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use disk::backup::{About, Made, find, list, make, name, verify};
use disk::lock::DirLock;
use disk::{Fs, RealFs};
use model::{Clock, ErrorKind, SystemClock};
use serde_json::Value as Json;

use crate::http::Server;
use crate::tsdb::ours::{LOCKED, OURS};
use crate::tsdb::progress::Progress;
use crate::tsdb::remote::{Token, needs_token, said};
use crate::tsdb::{short_bytes, time};
use crate::{Context, Exit, Failed, Outcome};

pub use restore::Restore;

const SNAPSHOTS: &str = "/api/bonghwa/v1/snapshots";
/// A snapshot writes what is in memory to disk.
const LIMIT: Duration = Duration::from_secs(600);

/// Makes a backup, or looks at those that are there.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Backup {
    /// The URL of the running server on this machine, or the data directory of one that does not run.
    #[arg(long, value_name = "URL|DIR", default_value = "data/")]
    from: String,
    /// The folder of backups. Each goes to a directory of its own in there; files that have not changed since the one before
    /// share their space with it.
    #[arg(long, value_name = "DIR", required = true)]
    to: Option<PathBuf>,
    #[command(flatten)]
    token: Token,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Reads every file of a backup and compares it with its checksum.
    Verify(At),
    /// Lists the backups in a folder.
    List(At),
}

#[derive(Debug, Args)]
struct At {
    /// A backup, or a folder of backups (for `verify`: the newest in it).
    #[arg(value_name = "DIR")]
    at: PathBuf,
}

impl Backup {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Outcome {
        match (self.command, self.to) {
            (Some(Command::Verify(At { at })), _) => check(&at, context),
            (Some(Command::List(At { at })), _) => show(&at, context),
            (None, Some(to)) if self.from.contains("://") => online(&self.from, &self.token, &to, context),
            (None, Some(to)) => offline(Path::new(&self.from), &to, context),
            (None, None) => Err(Failed::new("--to says where backups go")),
        }
    }
}

/// Of a snapshot that the server makes, and removes when it is copied.
fn online(url: &str, token: &Token, to: &Path, context: &mut Context<'_>) -> Outcome {
    let server = token.server(url)?;
    let answer = server.post(SNAPSHOTS, &[], Vec::new(), LIMIT)?;
    match answer.status {
        200 => {}
        401 | 403 => return Err(needs_token(&server, &answer.body)),
        status => return Err(said(&server, status, &answer.body)),
    }
    let json: Json = serde_json::from_slice(&answer.body)
        .map_err(|e| Failed::new(format_args!("{}: no snapshot: {e}", server.url())))?;
    let (Some(snapshot), Some(path)) = (json["name"].as_str(), json["path"].as_str()) else {
        return Err(Failed::new(format_args!("{}: no snapshot: {json}", server.url())));
    };
    let made = match Path::new(path).is_dir() {
        true => copy(Path::new(path), server.url(), to, context),
        false => Err(Failed::new(format_args!(
            "the snapshot {path} of {} is not to be seen here: run this command where the server runs, as its user (in \
             its container, with the folder of backups mounted there)",
            server.url()
        ))),
    };
    forget(&server, snapshot, context)?;
    conclude(made?, context)
}

fn forget(server: &Server, snapshot: &str, context: &mut Context<'_>) -> Result<(), Failed> {
    let answer = server.delete(&format!("{SNAPSHOTS}/{snapshot}"), LIMIT);
    let problem = match answer {
        Ok(answer) if answer.status == 204 => return Ok(()),
        Ok(answer) => said(server, answer.status, &answer.body),
        Err(failed) => failed,
    };
    // It goes by itself after a day.
    writeln!(context.err, "the snapshot {snapshot} could not be removed: {problem}")?;
    Ok(())
}

/// Of the files themselves, which nobody changes meanwhile.
fn offline(from: &Path, to: &Path, context: &mut Context<'_>) -> Outcome {
    let ours = from.join(OURS);
    if !ours.is_dir() {
        return Err(Failed::new(format_args!(
            "{}: no data directory of this program: it has no folder {OURS:?}",
            from.display()
        )));
    }
    let _lock = DirLock::acquire(&RealFs, &ours).map_err(|e| match e.kind {
        ErrorKind::Conflict => Failed::new(format_args!(
            "{}: {LOCKED}. Name its URL instead: bonghwa backup --from http://localhost:9090 --to {}",
            from.display(),
            to.display()
        )),
        _ => Failed::from(e),
    })?;
    let made = copy(&ours, &from.display().to_string(), to, context)?;
    conclude(made, context)
}

/// What belongs to a process, a machine or a moment.
fn is_passing(path: &str) -> bool {
    matches!(path, "lock" | "token" | ".probe" | "snapshots" | "metrics/snapshots")
        || path.rsplit('/').next().is_some_and(|n| disk::publish::is_temporary(n) || n.starts_with("corrupt-"))
        // Where remote write is: a copy of the store must not send again what the store has sent.
        || path == "metrics/default/feed"
}

fn copy(source: &Path, shown: &str, to: &Path, context: &mut Context<'_>) -> Result<Made, Failed> {
    let made_ms = SystemClock.now_ms();
    let about = About {
        format: 0,
        program: concat!("bonghwa ", env!("CARGO_PKG_VERSION")).to_owned(),
        made_ms,
        source: shown.to_owned(),
        files: 0,
        bytes: 0,
    };
    let stamp: String = time(made_ms).chars().filter(char::is_ascii_digit).take(14).collect();
    let (day, clock) = stamp.split_at(stamp.len().min(8));
    let name = name(&format!("{day}T{clock}.{:03}Z", made_ms.rem_euclid(1000)));
    let mut progress = Progress::new(0);
    let mut tell = |done, total| progress.bytes(context.err, done, total);
    let made = make(&RealFs, source, to, &name, about, &is_passing, &mut tell)?;
    progress.pause(context.err);
    Ok(made)
}

fn conclude(made: Made, context: &mut Context<'_>) -> Outcome {
    writeln!(
        context.out,
        "{}: {} files, {}; {} of them in {} files as in the backup before",
        made.path.display(),
        made.files,
        short_bytes(made.bytes),
        short_bytes(made.shared_bytes),
        made.shared_files
    )?;
    Ok(Exit::Success)
}

fn check(at: &Path, context: &mut Context<'_>) -> Outcome {
    let fs: &dyn Fs = &RealFs;
    let backup = find(fs, at)?;
    let mut progress = Progress::new(0);
    let about = verify(fs, &backup, &mut |done, total| progress.bytes(context.err, done, total))?;
    progress.pause(context.err);
    writeln!(
        context.out,
        "{}: made {} by {} of {}: {} files, {}, all as they were",
        backup.display(),
        time(about.made_ms),
        about.program,
        about.source,
        about.files,
        short_bytes(about.bytes)
    )?;
    Ok(Exit::Success)
}

fn show(at: &Path, context: &mut Context<'_>) -> Outcome {
    let fs: &dyn Fs = &RealFs;
    let mut exit = Exit::Success;
    for name in list(fs, at)? {
        match disk::backup::about(fs, &at.join(&name)) {
            Ok(about) => {
                let (made, size) = (time(about.made_ms), short_bytes(about.bytes));
                writeln!(context.out, "{name}: {made}, {} files, {size}, of {}", about.files, about.source)?;
            }
            Err(error) => {
                exit = Exit::Failure;
                writeln!(context.err, "{name}: {}", Failed::from(error))?;
            }
        }
    }
    Ok(exit)
}
