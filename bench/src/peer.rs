//! How each program is started and asked.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::Flags;
use crate::http::Client;
use crate::limit::Limit;
use crate::process::{Process, free_port};

/// A program that can be measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bonghwa,
    Prometheus,
    VictoriaMetrics,
    /// The one that a flag names.
    VictoriaGiven,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bonghwa => "bonghwa",
            Self::Prometheus => "prometheus",
            Self::VictoriaMetrics => "victoria-metrics",
            Self::VictoriaGiven => "victoria-given",
        }
    }

    /// Whether it is a VictoriaMetrics.
    pub(crate) const fn is_victoria(self) -> bool {
        matches!(self, Self::VictoriaMetrics | Self::VictoriaGiven)
    }

    pub(crate) fn selected(flags: &Flags) -> Vec<Self> {
        [Self::Bonghwa, Self::Prometheus, Self::VictoriaMetrics, Self::VictoriaGiven]
            .into_iter()
            .filter(|k| match k {
                Self::Bonghwa => true,
                Self::VictoriaGiven => flags.victoria.is_some(),
                _ => flags.peers.iter().any(|p| p == k.name()),
            })
            .filter(|k| flags.only.as_deref().is_none_or(|only| only == k.name()))
            .collect()
    }

    pub(crate) fn binary(self, flags: &Flags) -> PathBuf {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
        match (self, &flags.victoria) {
            (Self::VictoriaGiven, Some(path)) => path.clone(),
            (Self::Bonghwa, _) => flags.bonghwa.clone().unwrap_or_else(|| target.join("release/bonghwa")),
            _ => target.join("reference/usr/bin").join(self.name()),
        }
    }
}

/// A started program with its data in a folder of its own.
pub(crate) struct Peer {
    pub(crate) kind: Kind,
    pub(crate) address: String,
    pub(crate) folder: PathBuf,
    pub(crate) process: Process,
    binary: PathBuf,
    more: Vec<String>,
    limit: Option<Limit>,
}

impl Peer {
    /// Starts a program that is told to scrape nothing.
    pub(crate) fn start(kind: Kind, flags: &Flags) -> Result<Self> {
        Self::start_scraping(kind, flags, "scrape_configs: []\n")
    }

    /// Starts a program with this configuration in the words of Prometheus.
    pub(crate) fn start_scraping(kind: Kind, flags: &Flags, config: &str) -> Result<Self> {
        let folder = env::temp_dir().join(format!("bonghwa-bench-{}-{}", std::process::id(), kind.name()));
        Self::start_on(kind, flags, config, folder)
    }

    /// Starts a program that is told to scrape nothing on the data in `folder`.
    pub(crate) fn start_in(kind: Kind, flags: &Flags, folder: PathBuf) -> Result<Self> {
        Self::start_on(kind, flags, "scrape_configs: []\n", folder)
    }

    fn start_on(kind: Kind, flags: &Flags, config: &str, folder: PathBuf) -> Result<Self> {
        let binary = kind.binary(flags);
        if !binary.exists() {
            bail!("{} is missing", binary.display());
        }
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("prometheus.yml"), config)?;
        let limit = match flags.memory_mib {
            0 => None,
            mib => Some(Limit::new(kind.name(), mib << 20)?),
        };
        let address = format!("127.0.0.1:{}", free_port()?);
        let more = if kind == Kind::Bonghwa { flags.bonghwa_flags.clone() } else { Vec::new() };
        let process = launch(kind, &binary, &more, &address, &folder, limit.as_ref())?;
        let peer = Self { kind, address, folder, process, binary, more, limit };
        peer.wait_ready()?;
        Ok(peer)
    }

    /// When an acknowledged sample is safe, with the setting in force as the program itself tells it.
    pub(crate) fn durability(&self) -> String {
        let set = |flag: &str| self.flag(flag).unwrap_or_else(|_| "not told".to_owned());
        match self.kind {
            Kind::Bonghwa => {
                let sync = set("storage.wal-sync");
                let promise = match sync.as_str() {
                    "batch" => "in the log and synced to the device before the acknowledgement",
                    "interval" => "in the log before the acknowledgement, synced every few seconds",
                    _ => "in the log before the acknowledgement, synced with a full segment",
                };
                format!("{promise} (--storage.wal-sync={sync})")
            }
            Kind::Prometheus => format!(
                "in the log before the acknowledgement, synced with a full segment (--storage.tsdb.wal-segment-size={})",
                set("storage.tsdb.wal-segment-size")
            ),
            Kind::VictoriaMetrics | Kind::VictoriaGiven => {
                let setting = self.help("inmemoryDataFlushInterval");
                format!(
                    "in memory, in files some seconds later ({})",
                    setting.as_deref().unwrap_or("no setting")
                )
            }
        }
    }

    /// What a Prometheus says a flag is set to.
    fn flag(&self, name: &str) -> Result<String> {
        let answer = Client::new(&self.address).get("/api/v1/status/flags")?;
        let json: serde_json::Value = serde_json::from_slice(&answer.body)?;
        Ok(json["data"][name].as_str().context("no such flag")?.to_owned())
    }

    /// A flag of a VictoriaMetrics with its default, by its help: it lists only those that were set.
    fn help(&self, name: &str) -> Option<String> {
        let help = Command::new(&self.binary).arg("-help").output().ok()?;
        let text = [help.stdout, help.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let about = text.split_once(&format!("  -{name} "))?.1;
        let default = about.split_once("(default ")?.1.split_once(')')?.0;
        Some(format!("-{name}={default}"))
    }

    /// Stops in order and starts again on the same data; the CPU seconds of the first life.
    pub(crate) fn restart(&mut self) -> Result<f64> {
        let cpu = self.process.stop()?;
        self.launch()?;
        Ok(cpu)
    }

    /// Kills the program and starts it again on the same folder, until it is ready.
    pub(crate) fn kill_and_start(&mut self) -> Result<()> {
        self.process.kill()?;
        self.launch()
    }

    fn launch(&mut self) -> Result<()> {
        self.process =
            launch(self.kind, &self.binary, &self.more, &self.address, &self.folder, self.limit.as_ref())?;
        self.wait_ready()
    }

    fn wait_ready(&self) -> Result<()> {
        let path = if self.kind.is_victoria() { "/health" } else { "/-/ready" };
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

fn launch(
    kind: Kind,
    binary: &Path,
    more: &[String],
    address: &str,
    folder: &Path,
    limit: Option<&Limit>,
) -> Result<Process> {
    let mut command = Command::new(binary);
    let (data, config) = (folder.join("data"), folder.join("prometheus.yml"));
    if kind.is_victoria() {
        command
            .arg(format!("-httpListenAddr={address}"))
            .arg(format!("-storageDataPath={}", data.display()))
            .arg(format!("-promscrape.config={}", config.display()))
            .args(["-retentionPeriod=1y", "-search.latencyOffset=0s"]);
    } else {
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--web.enable-remote-write-receiver")
            .arg("--storage.tsdb.retention.time=1y")
            .args(more);
    }
    if let Some(limit) = limit {
        command = limit.around(&command).context("memory limit")?;
    }
    Process::start(&mut command, &folder.join("log"))
}
