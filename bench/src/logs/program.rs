//! How each program is started on a folder of its own, on loopback.

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
use crate::process::{Process, disk_usage, free_port};

/// A program with its settings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As it comes.
    Bonghwa,
    /// Without masking and detection.
    Plain,
    /// Only with masking.
    Masking,
    /// Only with detection.
    Detection,
    /// As it comes: JSON messages become fields, and their text is not kept.
    Victoria,
    /// Told to keep messages as they are, which costs it less.
    VictoriaPlain,
    Loki,
}

impl Kind {
    /// All, in the order in which they are measured.
    pub(super) const ALL: [Self; 7] = [
        Self::Plain,
        Self::Masking,
        Self::Detection,
        Self::Bonghwa,
        Self::VictoriaPlain,
        Self::Victoria,
        Self::Loki,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Bonghwa => "bonghwa",
            Self::Plain => "bonghwa-plain",
            Self::Masking => "bonghwa-masking",
            Self::Detection => "bonghwa-detection",
            Self::Victoria => "victoria-logs",
            Self::VictoriaPlain => "victoria-logs-plain",
            Self::Loki => "loki",
        }
    }

    pub(super) const fn is_ours(self) -> bool {
        matches!(self, Self::Bonghwa | Self::Plain | Self::Masking | Self::Detection)
    }

    pub(super) const fn is_victoria(self) -> bool {
        matches!(self, Self::Victoria | Self::VictoriaPlain)
    }

    /// Those whose program is given, and that are wanted.
    pub(super) fn selected(flags: &Flags) -> Vec<Self> {
        let wanted = &flags.logs.programs;
        Self::ALL
            .into_iter()
            .filter(|k| wanted.is_empty() || wanted.iter().any(|w| w == k.name()))
            .filter(|k| k.binary(flags).is_some())
            .collect()
    }

    fn binary(self, flags: &Flags) -> Option<PathBuf> {
        match self {
            Self::Victoria | Self::VictoriaPlain => flags.logs.victoria_logs.clone(),
            Self::Loki => flags.logs.loki.clone(),
            _ => Some(flags.bonghwa.clone().unwrap_or_else(|| {
                let target =
                    env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
                target.join("release/bonghwa")
            })),
        }
    }

    /// Where requests of the push protocol go.
    pub(super) const fn push_path(self) -> &'static str {
        match self {
            Self::Victoria => "/insert/loki/api/v1/push?_msg_field=msg,fields.message",
            Self::VictoriaPlain => "/insert/loki/api/v1/push?disable_message_parsing=1",
            _ => "/loki/api/v1/push",
        }
    }
}

/// A started program.
pub(super) struct Program {
    pub(super) kind: Kind,
    pub(super) address: String,
    pub(super) process: Process,
    folder: PathBuf,
    binary: PathBuf,
    more: Vec<String>,
    limit: Option<Limit>,
}

impl Program {
    pub(super) fn start(kind: Kind, flags: &Flags) -> Result<Self> {
        let binary = kind.binary(flags).context("no program")?;
        if !binary.exists() {
            bail!("{} is missing", binary.display());
        }
        let folder = env::temp_dir().join(format!("bonghwa-bench-{}-{}", std::process::id(), kind.name()));
        fs::create_dir_all(folder.join("data"))?;
        let limit = match flags.memory_mib {
            0 => None,
            mib => Some(Limit::new(kind.name(), mib << 20)?),
        };
        let address = format!("127.0.0.1:{}", free_port()?);
        let more = if kind.is_ours() { flags.bonghwa_flags.clone() } else { Vec::new() };
        let process = launch(kind, &binary, &more, &address, &folder, limit.as_ref())?;
        let program = Self { kind, address, process, folder, binary, more, limit };
        program.wait_ready()?;
        Ok(program)
    }

    /// Stops in order; the CPU seconds of the life that ends.
    pub(super) fn stop(&mut self) -> Result<f64> {
        if self.kind == Kind::Loki {
            // It flushes at a stop, too, but ends without waiting where that takes long.
            Client::new(&self.address).send("POST", "/flush", "", b"")?;
            self.process.wait_quiet()?;
        }
        self.process.stop()
    }

    /// Starts again on the same data.
    pub(super) fn start_again(&mut self) -> Result<()> {
        self.process =
            launch(self.kind, &self.binary, &self.more, &self.address, &self.folder, self.limit.as_ref())?;
        self.wait_ready()
    }

    /// Bytes of the data. What Loki keeps of its log although it is in chunks is not counted: it goes some time later.
    pub(super) fn data_bytes(&self) -> Result<u64> {
        let data = self.folder.join("data");
        let log = if self.kind == Kind::Loki { disk_usage(&data.join("wal"))? } else { 0 };
        Ok(disk_usage(&data)? - log)
    }

    fn wait_ready(&self) -> Result<()> {
        let path = match self.kind {
            Kind::Loki => "/ready",
            kind if kind.is_victoria() => "/health",
            _ => "/-/ready",
        };
        let deadline = Instant::now() + Duration::from_secs(180);
        while Instant::now() < deadline && !self.process.ended() {
            if Client::new(&self.address).get(path).is_ok_and(|a| a.status == 200) {
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        bail!("not ready; its log says: {}", log.lines().last().unwrap_or("nothing"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Data of gigabytes must not stay; a folder that is gone already is no loss.
        let _ = self.process.kill();
        let _ = fs::remove_dir_all(&self.folder);
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
    let (data, config) = (folder.join("data"), folder.join("config.yml"));
    match kind {
        Kind::Loki => {
            fs::write(&config, loki_config(address, &data)?)?;
            command.arg(format!("-config.file={}", config.display()));
        }
        Kind::Victoria | Kind::VictoriaPlain => {
            command
                .arg(format!("-httpListenAddr={address}"))
                .arg(format!("-storageDataPath={}", data.display()))
                .args(["-retentionPeriod=1y", "-search.maxQueryDuration=10m"]);
        }
        _ => {
            fs::write(&config, our_config(kind))?;
            command
                .arg(format!("--config.file={}", config.display()))
                .arg(format!("--storage.tsdb.path={}", data.display()))
                .arg(format!("--web.listen-address={address}"))
                .args(more);
        }
    }
    if let Some(limit) = limit {
        command = limit.around(&command).context("memory limit")?;
    }
    Process::start(&mut command, &folder.join("log"))
}

fn our_config(kind: Kind) -> String {
    let (masking, detection) =
        (matches!(kind, Kind::Bonghwa | Kind::Masking), matches!(kind, Kind::Bonghwa | Kind::Detection));
    let mut text = "scrape_configs: []\n".to_owned();
    if kind != Kind::Bonghwa {
        text += &format!(
            "logs:\n  masking: {{ credentials: {masking}, resident_registration_numbers: {masking} }}\n  detection: {{ enabled: {detection} }}\n"
        );
    }
    text
}

/// The single binary of Loki's own example, with files beside it, and limits that no line here meets. Results of queries
/// are not kept: what is asked again is to be answered again.
fn loki_config(address: &str, data: &Path) -> Result<String> {
    let (_, port) = address.rsplit_once(':').context("an address without a port")?;
    let (data, grpc) = (data.display(), free_port()?);
    Ok(format!(
        r"auth_enabled: false
server:
  http_listen_address: 127.0.0.1
  http_listen_port: {port}
  grpc_listen_address: 127.0.0.1
  grpc_listen_port: {grpc}
  grpc_server_max_recv_msg_size: 268435456
  grpc_server_max_send_msg_size: 268435456
  http_server_read_timeout: 15m
  http_server_write_timeout: 15m
  log_level: warn
common:
  instance_addr: 127.0.0.1
  path_prefix: {data}
  storage:
    filesystem: {{ chunks_directory: {data}/chunks, rules_directory: {data}/rules }}
  replication_factor: 1
  ring: {{ instance_addr: 127.0.0.1, kvstore: {{ store: inmemory }} }}
schema_config:
  configs:
    - from: 2024-01-01
      store: tsdb
      object_store: filesystem
      schema: v13
      index: {{ prefix: index_, period: 24h }}
ingester:
  wal: {{ flush_on_shutdown: true }}
query_range: {{ cache_results: false }}
pattern_ingester: {{ enabled: true }}
limits_config:
  ingestion_rate_mb: 100000
  ingestion_burst_size_mb: 100000
  per_stream_rate_limit: 100GB
  per_stream_rate_limit_burst: 100GB
  max_line_size: 0
  reject_old_samples: false
  max_global_streams_per_user: 0
  max_query_length: 0
  max_entries_limit_per_query: 0
  query_timeout: 15m
  allow_structured_metadata: true
  volume_enabled: true
storage_config: {{ use_thanos_objstore: false }}
analytics: {{ reporting_enabled: false }}
"
    ))
}
