//! What can be set about the container collector.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

use super::cgroup::extra::Extra;

/// The container collector's part of the configuration, `collect.containers`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether it runs at all.
    pub enabled: bool,
    /// Whether series are stored. Without, only the pages see the figures.
    pub store: bool,
    /// How often series are stored; births and deaths are stored besides.
    #[serde(deserialize_with = "duration")]
    pub interval: std::time::Duration,
    /// Where the engine listens, e.g. `unix:///var/run/docker.sock`; empty: `DOCKER_HOST`, then the usual sockets.
    pub engines: Vec<String>,
    /// Where control groups are mounted; empty: `fs/cgroup` below `sysfs`.
    pub cgroups: Option<PathBuf>,
    /// The host's `/proc`.
    pub procfs: PathBuf,
    /// The host's `/sys`.
    pub sysfs: PathBuf,
    /// Name of this node: label `instance`; empty: the host name.
    pub node: String,
    /// The most groups that are read.
    pub max_groups: usize,
    /// How many removed containers are remembered.
    pub max_removed: usize,
    /// Figures that are off by default, by cAdvisor's names: `tcp`, `udp`, `advtcp`, `sched`, `memory_numa`, `cpuset`.
    pub enable: Vec<Extra>,
    /// Whether groups that belong to no container (slices, services) are stored too.
    pub slices: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: true,
            store: true,
            interval: std::time::Duration::from_secs(10),
            engines: Vec::new(),
            cgroups: None,
            procfs: PathBuf::from("/proc"),
            sysfs: PathBuf::from("/sys"),
            node: String::new(),
            max_groups: 4000,
            max_removed: 2000,
            enable: Vec::new(),
            slices: true,
        }
    }
}

impl Config {
    /// Where control groups are mounted.
    pub fn cgroup_root(&self) -> PathBuf {
        self.cgroups.clone().unwrap_or_else(|| self.sysfs.join("fs/cgroup"))
    }

    /// The node's name: what is configured, else the host name.
    pub fn node_name(&self) -> String {
        if !self.node.is_empty() {
            return self.node.clone();
        }
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    }
}

/// A duration as Prometheus writes it: `10s`, `1m30s`, `500ms`.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<std::time::Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parsed = parse_duration(&text).filter(|d| (1..=3600).contains(&d.as_secs()));
    parsed.ok_or_else(|| {
        serde::de::Error::custom(format_args!(
            "{text:?} is not an interval between 1s and 1h, such as 10s or 1m30s"
        ))
    })
}

fn parse_duration(text: &str) -> Option<std::time::Duration> {
    let mut rest = text;
    let mut total_ms = 0u64;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, ms) = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)]
            .into_iter()
            .find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
        total_ms = total_ms.checked_add(number.checked_mul(ms)?)?;
    }
    (!text.is_empty()).then(|| std::time::Duration::from_millis(total_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(parse_duration("1m30s"), Some(std::time::Duration::from_secs(90)));
        assert_eq!(parse_duration("500ms"), Some(std::time::Duration::from_millis(500)));
        for bad in ["", "10", "s", "1x", "-1s", "99999999999999999999s"] {
            assert_eq!(parse_duration(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn unknown_fields_and_odd_intervals_are_refused() {
        let config: Config = serde_json::from_str(r#"{"interval": "15s", "store": false}"#).unwrap();
        assert_eq!((config.interval.as_secs(), config.store, config.slices), (15, false, true));
        let config: Config = serde_json::from_str(r#"{"enable": ["tcp", "memory_numa"]}"#).unwrap();
        assert_eq!(config.enable, [Extra::Tcp, Extra::MemoryNuma]);
        assert!(serde_json::from_str::<Config>(r#"{"enable": ["disk"]}"#).is_err());
        let error = serde_json::from_str::<Config>(r#"{"interval": "0s"}"#).unwrap_err().to_string();
        assert!(error.contains("not an interval"), "{error}");
        assert!(serde_json::from_str::<Config>(r#"{"intervall": "1s"}"#).is_err());
    }
}
