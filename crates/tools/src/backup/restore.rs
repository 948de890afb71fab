//! `restore`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use disk::backup::{find, restore, settle};
use disk::lock::DirLock;
use disk::{Fs, RealFs};
use model::{Error, ErrorKind, SystemClock};

use crate::tsdb::ours::{LOCKED, OURS};
use crate::tsdb::progress::Progress;
use crate::tsdb::short_bytes;
use crate::{Context, Exit, Failed, Outcome};

/// Puts a backup in place. Every file is compared with its checksum and every block is read before the data directory
/// changes.
#[derive(Debug, Args)]
pub struct Restore {
    /// A backup, or a folder of backups: the newest in it.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The data directory, which no server has open meanwhile.
    #[arg(long, value_name = "DIR", default_value = "data/")]
    to: PathBuf,
    /// Replace what the data directory holds.
    #[arg(long)]
    replace: bool,
}

/// What a server leaves in a data directory without having stored anything.
const NOTHING: [&str; 3] = ["lock", "token", ".probe"];

impl Restore {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Outcome {
        let fs: &dyn Fs = &RealFs;
        let backup = find(fs, &self.from)?;
        let ours = self.to.join(OURS);
        let mut lock = None;
        if !ours.is_dir() && settle(fs, &self.to, OURS)? {
            writeln!(
                context.err,
                "{}: a restore before was interrupted; its end was made up for",
                self.to.display()
            )?;
        }
        if ours.is_dir() {
            lock = Some(DirLock::acquire(fs, &ours).map_err(|e| match e.kind {
                ErrorKind::Conflict => {
                    Failed::new(format_args!("{}: {LOCKED}. Stop it first", self.to.display()))
                }
                _ => Failed::from(e),
            })?);
            let entries = fs.list(&ours)?;
            if !self.replace && entries.iter().any(|e| !NOTHING.contains(&e.name.as_str())) {
                return Err(Failed::new(format_args!(
                    "{}: it holds data already; name another directory, or replace what is there with --replace",
                    self.to.display()
                )));
            }
        }
        let mut progress = Progress::new(0);
        let mut read = Read::default();
        // What is there is no more than a lock and a token, or may go.
        let about = restore(
            fs,
            &backup,
            &self.to,
            OURS,
            lock.is_some(),
            &mut |done, total| progress.bytes(context.err, done, total),
            &mut |dir| {
                read = Read::all(dir)?;
                keep_token(&ours, dir)
            },
        )?;
        drop(lock);
        progress.pause(context.err);
        writeln!(
            context.out,
            "{}: {} files, {} of {}; {} samples in {} blocks read and in order",
            self.to.display(),
            about.files,
            short_bytes(about.bytes),
            backup.display(),
            read.samples,
            read.blocks
        )?;
        Ok(Exit::Success)
    }
}

/// Clients of the server know it.
fn keep_token(ours: &Path, dir: &Path) -> model::Result<()> {
    let token = ours.join("token");
    if !token.exists() {
        return Ok(());
    }
    let failed = |e: std::io::Error| disk::io_error("keep the access token", &token, &e);
    // Copies the mode, too: only its owner reads it.
    std::fs::copy(&token, dir.join("token")).map_err(failed)?;
    std::fs::File::open(dir.join("token")).and_then(|file| file.sync_all()).map_err(failed)
}

#[derive(Default)]
struct Read {
    blocks: usize,
    samples: u64,
}

impl Read {
    /// Opens the store of samples in `dir` and reads every page of every block.
    fn all(dir: &Path) -> model::Result<Self> {
        let metrics = dir.join("metrics");
        if !metrics.is_dir() {
            return Ok(Self::default());
        }
        let options = tsdb::Options { retention_ms: 0, retention_bytes: Some(0), ..tsdb::Options::default() };
        let store = tsdb::Store::open(Arc::new(RealFs), &metrics, options, Arc::new(SystemClock))?;
        if let Some(warning) = store.warnings().first() {
            return Err(Error::invalid(format_args!("the store in the backup is damaged: {warning}")));
        }
        let samples = store.read_all_blocks()?;
        let blocks = store.block_list().len();
        Ok(Self { blocks, samples })
    }
}
