//! How each program is started and asked.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::Flags;
use crate::http::Client;
use crate::process::{Process, free_port};

/// A program that can be measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bonghwa,
    Prometheus,
    VictoriaMetrics,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bonghwa => "bonghwa",
            Self::Prometheus => "prometheus",
            Self::VictoriaMetrics => "victoria-metrics",
        }
    }

    pub(crate) fn selected(flags: &Flags) -> Vec<Self> {
        [Self::Bonghwa, Self::Prometheus, Self::VictoriaMetrics]
            .into_iter()
            .filter(|k| *k == Self::Bonghwa || flags.peers.iter().any(|p| p == k.name()))
            .filter(|k| flags.only.as_deref().is_none_or(|only| only == k.name()))
            .collect()
    }

    fn binary(self) -> PathBuf {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
        match self {
            Self::Bonghwa => target.join("release/bonghwa"),
            Self::Prometheus | Self::VictoriaMetrics => target.join("reference/usr/bin").join(self.name()),
        }
    }

    fn command(self, address: &str, folder: &Path) -> Result<Command> {
        let mut command = Command::new(self.binary());
        let data = folder.join("data");
        match self {
            Self::Bonghwa | Self::Prometheus => {
                let config = folder.join("prometheus.yml");
                fs::write(&config, "scrape_configs: []\n")?;
                command
                    .arg(format!("--config.file={}", config.display()))
                    .arg(format!("--storage.tsdb.path={}", data.display()))
                    .arg(format!("--web.listen-address={address}"))
                    .arg("--web.enable-remote-write-receiver");
            }
            Self::VictoriaMetrics => {
                command
                    .arg(format!("-httpListenAddr={address}"))
                    .arg(format!("-storageDataPath={}", data.display()))
                    .args(["-retentionPeriod=1y", "-search.latencyOffset=0s", "-search.disableCache"]);
            }
        }
        Ok(command)
    }
}

/// A started program with its data in a folder of its own.
pub(crate) struct Peer {
    pub(crate) kind: Kind,
    pub(crate) address: String,
    pub(crate) folder: PathBuf,
    pub(crate) process: Process,
}

impl Peer {
    pub(crate) fn start(kind: Kind) -> Result<Self> {
        if !kind.binary().exists() {
            bail!("{} is missing", kind.binary().display());
        }
        let folder = env::temp_dir().join(format!("bonghwa-bench-{}-{}", std::process::id(), kind.name()));
        fs::create_dir_all(&folder)?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let process = Process::start(&mut kind.command(&address, &folder)?, &folder.join("log"))?;
        let peer = Self { kind, address, folder, process };
        peer.wait_ready()?;
        Ok(peer)
    }

    /// Kills the program and starts it again on the same folder, until it is ready.
    pub(crate) fn kill_and_start(&mut self) -> Result<()> {
        self.process.kill()?;
        let mut command = self.kind.command(&self.address, &self.folder)?;
        self.process = Process::start(&mut command, &self.folder.join("log"))?;
        self.wait_ready()
    }

    fn wait_ready(&self) -> Result<()> {
        let path = if self.kind == Kind::VictoriaMetrics { "/health" } else { "/-/ready" };
        let deadline = Instant::now() + Duration::from_secs(180);
        while Instant::now() < deadline {
            if Client::new(&self.address).get(path).is_ok_and(|a| a.status == 200) {
                return Ok(());
            }
            sleep(Duration::from_millis(10));
        }
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        bail!("not ready after three minutes; its log says: {}", log.lines().last().unwrap_or("nothing"))
    }
}
