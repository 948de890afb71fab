//! The parts of the engine's answers that are kept. Environments and arguments (`Config.Env`, `Config.Cmd`, `Path`,
//! `Args`, `Command`, health check output) have no field here on purpose: serde skips them.

use std::collections::BTreeMap;

use model::container::{ContainerFacts, ContainerState};
use serde::{Deserialize, Deserializer};

/// A value, or its default where the engine says `null`.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(d: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}

macro_rules! answer {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident : $ty:ty = $key:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(default)]
        pub struct $name {
            $($(#[$fdoc])* #[serde(rename = $key, deserialize_with = "nullable")] pub $field: $ty,)*
        }
    };
}

answer!(
    /// One entry of `/containers/json`.
    ListEntry {
        /// Full id.
        id: String = "Id",
        /// `running`, `exited`, ...
        state: String = "State",
        /// Names with their leading slash.
        names: Vec<String> = "Names",
    }
);

answer!(
    /// `/version`.
    Version {
        /// The engine's version.
        version: String = "Version",
        /// What it is made of; Podman names itself here.
        components: Vec<Component> = "Components",
    }
);

answer!(
    /// A part of the engine.
    Component {
        /// Its name.
        name: String = "Name",
    }
);

answer!(
    /// `/images/*/json`.
    Image {
        /// `repository@sha256:...` for each registry it came from.
        repo_digests: Vec<String> = "RepoDigests",
        /// The image's id.
        id: String = "Id",
    }
);

answer!(
    /// `/containers/*/json`.
    Inspect {
        /// Full id.
        id: String = "Id",
        /// When it was created (RFC 3339).
        created: String = "Created",
        /// Name with its leading slash.
        name: String = "Name",
        /// Image id.
        image: String = "Image",
        /// Restarts by the restart policy.
        restart_count: i64 = "RestartCount",
        /// Where its log is on the host; empty where its log driver writes no file.
        log_path: String = "LogPath",
        /// A file of the engine's own folder of the container; empty until it is started.
        hostname_path: String = "HostnamePath",
        /// State.
        state: State = "State",
        /// What the user configured.
        config: Configured = "Config",
        /// Host side of it.
        host: HostConfig = "HostConfig",
        /// Mounts.
        mounts: Vec<Mount> = "Mounts",
        /// Networks.
        network: NetworkSettings = "NetworkSettings",
    }
);

answer!(
    /// `State`.
    State {
        /// `running`, `exited`, ...
        status: String = "Status",
        /// Whether the kernel's OOM killer ended it.
        oom_killed: bool = "OOMKilled",
        /// Main process on the host.
        pid: i64 = "Pid",
        /// Exit code of the last end.
        exit_code: i64 = "ExitCode",
        /// The runtime's error; may quote arguments, see [`without_quotes`].
        error: String = "Error",
        /// Last start (RFC 3339).
        started_at: String = "StartedAt",
        /// Last end (RFC 3339).
        finished_at: String = "FinishedAt",
        /// Health check.
        health: Health = "Health",
    }
);

answer!(
    /// `State.Health`, without the output of the checks.
    Health {
        /// `healthy`, `unhealthy`, `starting`, `none` or empty.
        status: String = "Status",
    }
);

answer!(
    /// `Config`, without environment, command and entry point.
    Configured {
        /// Image as the user named it.
        image: String = "Image",
        /// Labels.
        labels: BTreeMap<String, String> = "Labels",
        /// Whether it has a terminal.
        tty: bool = "Tty",
    }
);

answer!(
    /// `HostConfig`.
    HostConfig {
        /// Memory limit in bytes.
        memory: i64 = "Memory",
        /// CPU limit in billionths of a core.
        nano_cpus: i64 = "NanoCpus",
        /// CPU quota in microseconds.
        cpu_quota: i64 = "CpuQuota",
        /// CPU period in microseconds.
        cpu_period: i64 = "CpuPeriod",
        /// PID limit; 0 and -1: none.
        pids_limit: i64 = "PidsLimit",
        /// Restart policy.
        restart_policy: Named = "RestartPolicy",
        /// Log driver.
        log_config: LogConfig = "LogConfig",
    }
);

answer!(
    /// Something with a name.
    Named {
        /// The name.
        name: String = "Name",
    }
);

answer!(
    /// `LogConfig`, without the driver's options (they may hold credentials).
    LogConfig {
        /// The driver.
        kind: String = "Type",
    }
);

answer!(
    /// A mount.
    Mount {
        /// `bind`, `volume`, `tmpfs`, ...
        kind: String = "Type",
        /// Name of a volume.
        name: String = "Name",
        /// Path on the host.
        source: String = "Source",
        /// Path in the container.
        destination: String = "Destination",
        /// Whether it can be written.
        rw: bool = "RW",
    }
);

answer!(
    /// `NetworkSettings`.
    NetworkSettings {
        /// Published ports by container port.
        ports: BTreeMap<String, Option<Vec<PortBinding>>> = "Ports",
        /// Networks by name.
        networks: BTreeMap<String, Network> = "Networks",
    }
);

answer!(
    /// Where a port is published.
    PortBinding {
        /// Host address.
        ip: String = "HostIp",
        /// Host port.
        port: String = "HostPort",
    }
);

answer!(
    /// A network the container is on.
    Network {
        /// IPv4 address.
        ip: String = "IPAddress",
        /// IPv6 address.
        ip6: String = "GlobalIPv6Address",
    }
);

answer!(
    /// One line of `/events`.
    RawEvent {
        /// `container`, `network`, ...
        kind: String = "Type",
        /// What happened.
        action: String = "Action",
        /// To whom.
        actor: Actor = "Actor",
        /// Seconds.
        time: i64 = "time",
        /// Nanoseconds.
        time_nano: i64 = "timeNano",
    }
);

answer!(
    /// Who an event is about.
    Actor {
        /// Full id.
        id: String = "ID",
        /// Some of the attributes; the container's labels are among the others.
        attributes: Attributes = "Attributes",
    }
);

answer!(
    /// Attributes that are kept.
    Attributes {
        /// Name.
        name: String = "name",
        /// Image.
        image: String = "image",
        /// Exit code.
        exit_code: Option<String> = "exitCode",
        /// Signal.
        signal: String = "signal",
        /// The name before a rename.
        old_name: String = "oldName",
        /// Podman's health.
        health: String = "health_status",
    }
);

/// Whose engine this is: `podman` or `docker`.
pub fn runtime_name(version: &Version) -> &'static str {
    if version.components.iter().any(|c| c.name.to_ascii_lowercase().contains("podman")) {
        "podman"
    } else {
        "docker"
    }
}

impl Inspect {
    /// Where its log is on the host: its driver's files, or the copy that the engine keeps beside drivers that cannot be
    /// read back. Empty where there are none.
    pub fn log_file(&self) -> String {
        let folder = self.hostname_path.rsplit_once('/').map_or("", |(folder, _)| folder);
        match self.host.log_config.kind.as_str() {
            _ if !self.log_path.is_empty() => self.log_path.clone(),
            "" | "json-file" | "journald" | "none" => String::new(),
            _ if folder.is_empty() => String::new(),
            "local" => format!("{folder}/local-logs/container.log"),
            _ => format!("{folder}/container-cached.log"),
        }
    }

    /// Whether it was ever started.
    pub fn was_started(&self) -> bool {
        time_ms(&self.state.started_at) > 0
    }

    /// The facts that are kept of it.
    pub fn into_facts(self, runtime: &str, node: &str) -> ContainerFacts {
        let state = state_of(&self.state.status);
        let label = |name: &str| self.config.labels.get(name).cloned().unwrap_or_default();
        let cpu_limit = cpu_limit(&self.host);
        let started_ms = time_ms(&self.state.started_at);
        let ended = matches!(state, ContainerState::Exited | ContainerState::Dead);
        ContainerFacts {
            name: self.name.trim_start_matches('/').to_owned(),
            runtime: runtime.to_owned(),
            node: node.to_owned(),
            image: self.config.image,
            image_digest: self.image,
            compose_project: label("com.docker.compose.project"),
            compose_service: label("com.docker.compose.service"),
            state,
            health: Some(self.state.health.status).filter(|h| h != "none").unwrap_or_default(),
            created_ms: time_ms(&self.created),
            started_ms,
            finished_ms: time_ms(&self.state.finished_at),
            exit_code: (ended || (state == ContainerState::Created && self.state.exit_code != 0))
                .then_some(self.state.exit_code),
            oom_killed: self.state.oom_killed,
            error: without_quotes(&self.state.error),
            restart_count: u64::try_from(self.restart_count).unwrap_or(0),
            restart_policy: self.host.restart_policy.name,
            memory_limit: u64::try_from(self.host.memory).unwrap_or(0),
            cpu_limit,
            pids_limit: u64::try_from(self.host.pids_limit).unwrap_or(0),
            pid: u32::try_from(self.state.pid).unwrap_or(0),
            addresses: addresses(&self.network.networks),
            ports: ports(&self.network.ports),
            mounts: self.mounts.iter().map(mount).collect(),
            log_driver: self.host.log_config.kind,
            tty: self.config.tty,
            labels: self.config.labels,
            id: self.id,
            ..ContainerFacts::default()
        }
    }
}

/// The state that the engine's word stands for.
pub fn state_of(word: &str) -> ContainerState {
    match word {
        "created" | "configured" | "initialized" => ContainerState::Created,
        "running" | "stopping" => ContainerState::Running,
        "paused" => ContainerState::Paused,
        "restarting" => ContainerState::Restarting,
        "exited" | "stopped" => ContainerState::Exited,
        "dead" | "removing" => ContainerState::Dead,
        _ => ContainerState::Unknown,
    }
}

/// Milliseconds of an RFC 3339 time; 0 for Go's zero time and for what is no time.
pub fn time_ms(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().map_or(0, |t| t.as_millisecond().max(0))
}

fn cpu_limit(host: &HostConfig) -> f64 {
    if host.nano_cpus > 0 {
        return host.nano_cpus as f64 / 1e9;
    }
    let period = if host.cpu_period > 0 { host.cpu_period } else { 100_000 };
    if host.cpu_quota > 0 { host.cpu_quota as f64 / period as f64 } else { 0.0 }
}

fn addresses(networks: &BTreeMap<String, Network>) -> Vec<(String, String)> {
    let both = |(name, network): (&String, &Network)| {
        [network.ip.clone(), network.ip6.clone()].map(|address| (name.clone(), address))
    };
    networks.iter().flat_map(both).filter(|(_, address)| !address.is_empty()).collect()
}

fn ports(ports: &BTreeMap<String, Option<Vec<PortBinding>>>) -> Vec<String> {
    let published = |(inner, bindings): (&String, &Option<Vec<PortBinding>>)| {
        let list = bindings.clone().unwrap_or_default();
        let inner = inner.clone();
        list.into_iter().map(move |b| {
            let ip = if b.ip.contains(':') { format!("[{}]", b.ip) } else { b.ip };
            format!("{ip}:{}->{inner}", b.port)
        })
    };
    ports.iter().flat_map(published).collect()
}

fn mount(mount: &Mount) -> String {
    let source = if mount.name.is_empty() { &mount.source } else { &mount.name };
    let source = if source.is_empty() { &mount.kind } else { source };
    format!("{source}:{}:{}", mount.destination, if mount.rw { "rw" } else { "ro" })
}

/// The text with everything between quotes left out: runtimes quote the container's command in their errors.
pub fn without_quotes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside: Option<char> = None;
    let mut before = ' ';
    for c in text.chars() {
        match inside {
            Some(quote) if c == quote && before != '\\' => {
                inside = None;
                out.push_str("...");
                out.push(c);
            }
            Some(_) => {}
            // An apostrophe inside a word (`can't`) opens nothing.
            None if matches!(c, '"' | '`') || (c == '\'' && !before.is_alphanumeric()) => {
                inside = Some(c);
                out.push(c);
            }
            None => out.push(c),
        }
        before = c;
    }
    out
}

#[cfg(test)]
mod tests;
