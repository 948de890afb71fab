//! The memory that a program may use: a control group of its own, of either version, where one can be made.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A control group with a memory limit; it goes with this value.
pub(crate) struct Limit {
    folder: PathBuf,
}

impl Limit {
    /// Makes one of so many bytes.
    pub(crate) fn new(name: &str, bytes: u64) -> Result<Self> {
        let name = format!("bonghwa-bench-{}-{name}", std::process::id());
        let one = Path::new("/sys/fs/cgroup/memory");
        let (folder, file) = if one.is_dir() {
            (one.join(name), "memory.limit_in_bytes")
        } else {
            (Path::new("/sys/fs/cgroup").join(name), "memory.max")
        };
        fs::create_dir(&folder).with_context(|| format!("no control group {}", folder.display()))?;
        let limit = Self { folder };
        fs::write(limit.folder.join(file), bytes.to_string())
            .context("no memory limit for a control group")?;
        Ok(limit)
    }

    /// `command`, started inside.
    pub(crate) fn around(&self, command: &Command) -> Result<Command> {
        let procs = self.folder.join("cgroup.procs");
        let Some(procs) = procs.to_str() else { bail!("path of a control group") };
        let mut inside = Command::new("/bin/sh");
        inside.args(["-c", r#"echo $$ > "$0" && exec "$@""#, procs]).arg(command.get_program());
        inside.args(command.get_args());
        Ok(inside)
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        // A group that still has a process cannot go; it is named in the report of the file system only.
        let _ = fs::remove_dir(&self.folder);
    }
}
