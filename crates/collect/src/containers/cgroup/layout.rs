//! Where the hierarchies are mounted.

use std::path::{Path, PathBuf};

/// The hierarchies below one mount directory, usually `/sys/fs/cgroup`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// The unified (v2) hierarchy.
    pub v2: Option<PathBuf>,
    /// v1: CPU bandwidth (`cpu.stat`, `cpu.shares`, quota).
    pub cpu: Option<PathBuf>,
    /// v1: CPU accounting.
    pub cpuacct: Option<PathBuf>,
    /// v1: memory.
    pub memory: Option<PathBuf>,
    /// v1: block I/O.
    pub blkio: Option<PathBuf>,
    /// v1: process numbers.
    pub pids: Option<PathBuf>,
    /// v1: huge pages.
    pub hugetlb: Option<PathBuf>,
    /// v1: CPU sets.
    pub cpuset: Option<PathBuf>,
    /// v1: systemd's own, without a controller.
    pub systemd: Option<PathBuf>,
}

/// Which of the three arrangements a host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing found.
    None,
    /// v1 only.
    V1,
    /// v1 with the unified hierarchy beside it.
    Hybrid,
    /// v2 only.
    V2,
}

impl Layout {
    /// Looks below `root` for hierarchies.
    pub fn detect(root: &Path) -> Self {
        if root.join("cgroup.controllers").is_file() {
            return Self { v2: Some(root.to_owned()), ..Self::default() };
        }
        let unified = root.join("unified");
        let has = |file: &str, names: &[&str]| {
            names.iter().map(|name| root.join(name)).find(|dir| dir.join(file).exists())
        };
        Self {
            v2: unified.join("cgroup.controllers").is_file().then_some(unified),
            cpu: has("cpu.shares", &["cpu", "cpu,cpuacct", "cpuacct,cpu"]),
            cpuacct: has("cpuacct.usage", &["cpuacct", "cpu,cpuacct", "cpuacct,cpu"]),
            memory: has("memory.usage_in_bytes", &["memory"]),
            blkio: has("blkio.throttle.io_service_bytes", &["blkio"])
                .or_else(|| has("blkio.reset_stats", &["blkio"])),
            pids: has("cgroup.procs", &["pids"]),
            hugetlb: has("cgroup.procs", &["hugetlb"]),
            cpuset: has("cgroup.procs", &["cpuset"]),
            systemd: has("cgroup.procs", &["systemd"]),
        }
    }

    /// Which arrangement this is.
    pub fn kind(&self) -> Kind {
        match (self.v1_dirs().next().is_some(), self.v2.is_some()) {
            (false, false) => Kind::None,
            (true, false) => Kind::V1,
            (true, true) => Kind::Hybrid,
            (false, true) => Kind::V2,
        }
    }

    /// The hierarchy in which groups are listed: every container has a directory there.
    pub fn primary(&self) -> Option<&Path> {
        if self.kind() == Kind::V2 {
            return self.v2.as_deref();
        }
        self.v1_dirs().next().or(self.v2.as_deref())
    }

    fn v1_dirs(&self) -> impl Iterator<Item = &Path> {
        [&self.cpuacct, &self.cpu, &self.memory, &self.pids, &self.blkio, &self.systemd]
            .into_iter()
            .filter_map(Option::as_deref)
    }

    /// Whether the root seen here is the host's. In a cgroup namespace it is some group of the host: only the real
    /// root lacks `cgroup.type` (v2), and only the real root has `release_agent` (v1).
    pub fn is_host_root(&self) -> bool {
        match (self.kind(), self.primary()) {
            (Kind::V2, Some(root)) => !root.join("cgroup.type").exists(),
            (_, Some(root)) => root.join("release_agent").exists(),
            (_, None) => false,
        }
    }
}

/// The directory of group `path` (`/`, `/docker/ab...`) in hierarchy `root`.
pub fn join(root: &Path, path: &str) -> PathBuf {
    let relative = path.trim_start_matches('/');
    if relative.is_empty() { root.to_owned() } else { root.join(relative) }
}
