//! A control group with a memory limit, of either version, for tests that run as root.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use testkit::suite::Component;

/// What tests of memory limits need.
pub const MEMORY_GROUPS: Component =
    Component { name: "the right to make a control group with a memory limit", is_here: available };

const ROOT: &str = "/sys/fs/cgroup";

fn available() -> bool {
    MemoryGroup::new(64 << 20).is_ok()
}

/// A group; dropping it removes it, once its processes are gone.
pub struct MemoryGroup {
    folder: PathBuf,
    first_version: bool,
}

impl MemoryGroup {
    /// A group whose processes may have `limit` bytes together.
    pub fn new(limit: u64) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let first_version = Path::new(ROOT).join("memory/memory.limit_in_bytes").exists();
        let parent = if first_version { Path::new(ROOT).join("memory") } else { PathBuf::from(ROOT) };
        let unique = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = parent.join(format!("bonghwa-test-{}-{unique}", std::process::id()));
        fs::create_dir(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let group = Self { folder, first_version };
        let file = if first_version { "memory.limit_in_bytes" } else { "memory.max" };
        fs::write(group.folder.join(file), limit.to_string()).context("cannot set a memory limit")?;
        Ok(group)
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How many processes the kernel has killed for want of memory.
    pub fn oom_kills(&self) -> Result<u64> {
        let file = if self.first_version { "memory.oom_control" } else { "memory.events" };
        self.field(file, "oom_kill")
    }

    /// The most that was in use, bytes. Cached files count, which the kernel gives up before anybody is killed.
    pub fn peak(&self) -> Result<u64> {
        let file = if self.first_version { "memory.max_usage_in_bytes" } else { "memory.peak" };
        let text = fs::read_to_string(self.folder.join(file))?;
        Ok(text.trim().parse()?)
    }

    /// What is in use without a file behind it, bytes.
    pub fn anonymous(&self) -> Result<u64> {
        self.field("memory.stat", if self.first_version { "rss" } else { "anon" })
    }

    fn field(&self, file: &str, name: &str) -> Result<u64> {
        let text = fs::read_to_string(self.folder.join(file))?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.with_context(|| format!("no {name} in {file}"))?.trim().parse()?)
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // A group lives until its last process is reaped, which may take a moment after a kill.
        for _ in 0..50 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}
