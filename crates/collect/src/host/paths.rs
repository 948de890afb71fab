//! Where the host's files are.

use std::path::{Path, PathBuf};

use super::config::Config;

/// `f_type` of a proc file system (`PROC_SUPER_MAGIC` of linux/magic.h).
const PROC_MAGIC: u64 = 0x9fa0;

/// The mounted file systems of the host, resolved once.
#[derive(Debug, Clone)]
pub struct HostPaths {
    /// The host's /proc.
    pub procfs: PathBuf,
    /// The host's /sys.
    pub sysfs: PathBuf,
    /// The host's root.
    pub rootfs: PathBuf,
    /// udev's database.
    pub udev_data: PathBuf,
    /// Network files: those of process 1, which lives in the host's network namespace where our own may not.
    pub net: PathBuf,
    /// Whether `procfs` is a real proc file system and not a folder of recorded files.
    pub real_procfs: bool,
}

impl HostPaths {
    /// Looks where things are.
    pub fn new(config: &Config) -> Self {
        let of_init = config.procfs.join("1/net");
        let net = if of_init.exists() { of_init } else { config.procfs.join("net") };
        Self {
            procfs: config.procfs.clone(),
            sysfs: config.sysfs.clone(),
            rootfs: config.rootfs.clone(),
            udev_data: config.udev_data.clone(),
            net,
            real_procfs: is_procfs(&config.procfs),
        }
    }

    /// A file below /proc.
    pub fn proc(&self, name: &str) -> PathBuf {
        self.procfs.join(name)
    }

    /// A file below /sys.
    pub fn sys(&self, name: &str) -> PathBuf {
        self.sysfs.join(name)
    }

    /// A path of the host as seen from here.
    pub fn root(&self, path: &str) -> PathBuf {
        self.rootfs.join(path.trim_start_matches('/'))
    }
}

fn is_procfs(path: &Path) -> bool {
    rustix::fs::statfs(path).is_ok_and(|s| s.f_type as u64 == PROC_MAGIC)
}
