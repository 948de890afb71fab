//! Gives each program the data once; a folder that is kept spares the next run the loading.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use super::fleet::{self, Size};
use crate::Flags;
use crate::http::Client;
use crate::ingest::HEADERS;
use crate::peer::{Kind, Peer};

/// The data that all programs have.
pub(crate) struct Data {
    /// One folder a program.
    pub(crate) folder: PathBuf,
    pub(crate) end_s: i64,
}

impl Data {
    /// The data in `folder`, described in a file there; a new folder gets its end time now.
    pub(crate) fn open(folder: &Path, size: Size) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let file = folder.join("end");
        let wanted = format!("{size:?}");
        let end_s = match fs::read_to_string(&file) {
            Ok(text) => {
                let (end, of) = text.split_once(' ').context("the kept folder is of another program")?;
                if of != wanted {
                    bail!("{} holds other data: {of}", folder.display());
                }
                end.parse()?
            }
            Err(_) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() as i64;
                let end = now / 60 * 60;
                fs::write(&file, format!("{end} {wanted}"))?;
                end
            }
        };
        Ok(Self { folder: folder.to_owned(), end_s })
    }

    /// The folder of a program.
    pub(crate) fn of(&self, kind: Kind) -> PathBuf {
        self.folder.join(kind.name())
    }

    /// Loads a program unless it has the data, and stops it in order.
    pub(crate) fn load(&self, kind: Kind, size: Size, flags: &Flags) -> Result<()> {
        let folder = self.of(kind);
        let loaded = folder.join("loaded");
        if loaded.exists() {
            return Ok(());
        }
        let started = Instant::now();
        let mut peer = Peer::start_in(kind, flags, folder)?;
        let mut client = Client::new(&peer.address);
        let (series, samples) = fleet::generate(size, self.end_s, &mut |request| {
            let answer = client.send("POST", "/api/v1/write", HEADERS, request)?;
            if answer.status / 100 != 2 {
                bail!("{} refused: {}", kind.name(), String::from_utf8_lossy(&answer.body));
            }
            Ok(())
        })?;
        peer.process.wait_quiet()?;
        peer.process.stop()?;
        fs::write(&loaded, "")?;
        let seconds = started.elapsed().as_secs_f64();
        println!("loaded {}: {series} series, {samples} samples, {seconds:.0} s", kind.name());
        Ok(())
    }
}
