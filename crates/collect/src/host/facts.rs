//! What the host is: figures that do not change while it runs.

use super::config::Config;
use super::paths::HostPaths;
use super::read::read_optional;
use super::text::{fields, lines, number, text, trim};

/// Facts for the node page.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Facts {
    /// The host's name.
    pub hostname: String,
    /// Kernel release, e.g. `6.1.0-31-amd64`.
    pub kernel: String,
    /// The operating system as it calls itself, e.g. `Debian GNU/Linux 12 (bookworm)`; empty: not known.
    pub os: String,
    /// Machine architecture, e.g. `x86_64`.
    pub architecture: String,
    /// Processors, logical ones.
    pub cpus: u64,
    /// Memory in bytes.
    pub memory_total: u64,
    /// When it booted, ms since the Unix epoch; 0: not known.
    pub boot_time_ms: i64,
}

impl Facts {
    /// Reads them. `os` stays empty where the host's root is not to be seen.
    pub(crate) fn read(config: &Config, paths: &HostPaths, sees_root: bool) -> Self {
        let uname = rustix::system::uname();
        let mut facts = Self {
            hostname: hostname(config),
            kernel: uname.release().to_string_lossy().into_owned(),
            architecture: uname.machine().to_string_lossy().into_owned(),
            ..Self::default()
        };
        if sees_root {
            facts.os = os_name(paths);
        }
        let mut buffer = Vec::new();
        for line in lines(read_optional(&paths.proc("stat"), &mut buffer).unwrap_or_default()) {
            let mut parts = fields(line);
            match parts.next() {
                Some(name) if name.len() > 3 && name.starts_with(b"cpu") => facts.cpus += 1,
                Some(b"btime") => {
                    let seconds = parts.next().and_then(number).and_then(|s| i64::try_from(s).ok());
                    facts.boot_time_ms = seconds.unwrap_or_default().saturating_mul(1000);
                }
                _ => {}
            }
        }
        for line in lines(read_optional(&paths.proc("meminfo"), &mut buffer).unwrap_or_default()) {
            let mut parts = fields(line);
            if parts.next() == Some(b"MemTotal:") {
                facts.memory_total = parts.next().and_then(number).unwrap_or_default().saturating_mul(1024);
            }
        }
        facts
    }
}

/// The host's name: what its own files say where they are mounted, else what the kernel says.
pub fn hostname(config: &Config) -> String {
    if config.rootfs != std::path::Path::new("/") {
        let mut buffer = Vec::new();
        let path = config.rootfs.join("etc/hostname");
        let name = read_optional(&path, &mut buffer).and_then(|bytes| lines(bytes).next()).map(trim);
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            return text(name).into_owned();
        }
    }
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn os_name(paths: &HostPaths) -> String {
    let mut buffer = Vec::new();
    for file in ["etc/os-release", "usr/lib/os-release"] {
        let Some(bytes) = read_optional(&paths.root(file), &mut buffer) else { continue };
        let value = |key: &[u8]| lines(bytes).find_map(|line| line.strip_prefix(key));
        if let Some(name) = value(b"PRETTY_NAME=").or_else(|| value(b"NAME=")) {
            return text(trim(name)).trim_matches(['"', '\'']).to_owned();
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_mounted_host() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::create_dir_all(path("etc")).unwrap();
        std::fs::write(path("etc/hostname"), "alpha\n").unwrap();
        std::fs::write(path("etc/os-release"), "NAME=\"D\"\nPRETTY_NAME=\"Debian 12\"\n").unwrap();
        std::fs::write(path("stat"), "cpu  1\ncpu0 1\ncpu1 1\nbtime 1418183276\n").unwrap();
        std::fs::write(path("meminfo"), "MemTotal:        3742148 kB\n").unwrap();
        let config =
            Config { procfs: dir.path().to_owned(), rootfs: dir.path().to_owned(), ..Config::default() };
        let facts = Facts::read(&config, &HostPaths::new(&config), true);
        assert_eq!(facts.hostname, "alpha");
        assert_eq!(facts.os, "Debian 12");
        assert_eq!(
            (facts.cpus, facts.memory_total, facts.boot_time_ms),
            (2, 3_831_959_552, 1_418_183_276_000)
        );
    }
}
