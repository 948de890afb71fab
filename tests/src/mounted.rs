//! A small file system in memory that a test fills, frees and mounts read-only.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use testkit::suite::Component;

/// Leave to mount one.
pub const MOUNT: Component = Component {
    name: "leave to mount a file system (root, or CAP_SYS_ADMIN)",
    is_here: || Mounted::new(1 << 20).is_ok(),
};

/// A mounted tmpfs; dropping it unmounts it.
pub struct Mounted {
    folder: tempfile::TempDir,
}

impl Mounted {
    /// Mounts one of this many bytes.
    pub fn new(bytes: u64) -> Result<Self> {
        let mounted = Self { folder: tempfile::tempdir()? };
        std::fs::create_dir(mounted.path())?;
        let options = format!("size={bytes}");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(mounted.path()))?;
        Ok(mounted)
    }

    /// Where it is; what lies beside it is on another file system.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }

    /// Takes all the room there is.
    pub fn fill(&self) -> Result<()> {
        let mut file = File::options().create(true).append(true).open(self.ballast())?;
        for size in [1 << 20, 4096, 1] {
            while file.write_all(&vec![1; size]).is_ok() {}
        }
        Ok(())
    }

    /// Gives it back.
    pub fn free(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.ballast())?)
    }

    /// Mounts it read-only, or for writing again. While somebody has a file open for writing the first is refused.
    pub fn set_read_only(&self, read_only: bool) -> Result<()> {
        let options = if read_only { "remount,ro" } else { "remount,rw" };
        run(Command::new("mount").args(["-o", options]).arg(self.path()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        unmount(&self.path());
    }
}

fn unmount(path: &Path) {
    // Lazily: whatever still has a file open there is about to end.
    let _ = Command::new("umount").arg("-l").arg(path).output();
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
