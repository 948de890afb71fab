//! Containers for tests, through the docker command line and an image imported from Debian's static busybox.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Result, bail};
use testkit::suite::Component;

/// The image: nothing but /bin/busybox and its links.
pub const IMAGE: &str = "bonghwa-test/busybox";

/// Runs `docker ARGS` and gives what it printed.
pub fn docker(args: &[&str]) -> Result<String> {
    let out = Command::new("docker").args(args).output()?;
    if !out.status.success() {
        bail!("docker {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    }
    Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

/// What tests over real containers need; scripts/dockerd.sh starts one by hand.
pub const ENGINE: Component = Component { name: "a Docker engine", is_here: available };

/// Whether an engine answers; imports the image where it lacks it.
fn available() -> bool {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/test-image.sh");
    docker(&["version"]).is_ok() && Command::new(script).status().is_ok_and(|s| s.success())
}

/// A container that is removed when dropped.
pub struct Container {
    /// Full id.
    pub id: String,
    /// Name.
    pub name: String,
}

impl Container {
    /// `docker run -d --name <prefix>-<unique> OPTIONS IMAGE /bin/busybox sh -c SCRIPT`.
    pub fn run(prefix: &str, options: &[&str], script: &str) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let unique = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("bonghwa-{prefix}-{}-{unique}", std::process::id());
        let mut args = vec!["run", "-d", "--name", &name];
        args.extend(options);
        args.extend([IMAGE, "/bin/busybox", "sh", "-c", script]);
        let id = docker(&args)?;
        Ok(Self { id, name })
    }

    /// `docker exec` of a busybox script.
    pub fn exec(&self, script: &str) -> Result<String> {
        docker(&["exec", &self.name, "/bin/busybox", "sh", "-c", script])
    }

    /// `docker wait`: the exit code.
    pub fn wait(&self) -> Result<i64> {
        Ok(docker(&["wait", &self.name])?.parse()?)
    }

    /// `docker rm -f` now.
    pub fn remove(&self) -> Result<()> {
        docker(&["rm", "-f", &self.name]).map(drop)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // Already removed by the test, or the engine is gone: nothing to clean up then.
        let _ = self.remove();
    }
}
