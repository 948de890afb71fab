//! The engine, through its command line.

use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use testkit::suite::Component;

/// The image of the tests: Debian's static busybox.
pub(crate) const IMAGE: &str = "bonghwa-test/busybox";

/// What these tests need; scripts/dockerd.sh starts one by hand.
pub(crate) const ENGINE: Component = Component { name: "a Docker engine", is_here: engine_is_here };

/// The kernel counts block I/O of groups on the device that containers write to.
pub(crate) const BLOCK_IO: Component = Component {
    name: "block I/O accounting of control groups on the device under Docker's data root",
    is_here: block_io_is_here,
};

fn engine_is_here() -> bool {
    let script = testkit::conformance::repository().join("scripts/test-image.sh");
    try_docker(&["version"]).is_ok() && Command::new(script).status().is_ok_and(|s| s.success())
}

/// Runs `docker ARGS`.
pub(crate) fn try_docker(args: &[&str]) -> Result<String, String> {
    let out = Command::new("docker").args(args).output().map_err(|e| e.to_string())?;
    if !out.status.success() {
        return Err(format!("docker {args:?}: {}", String::from_utf8_lossy(&out.stderr)));
    }
    Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

/// Runs `docker ARGS`, which must work.
pub(crate) fn docker(args: &[&str]) -> String {
    try_docker(args).unwrap()
}

/// A container that is removed when dropped.
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) name: String,
}

impl Container {
    /// `docker run -d OPTIONS IMAGE sh -c SCRIPT`.
    pub(crate) fn run(prefix: &str, options: &[&str], script: &str) -> Self {
        let name = unique(prefix);
        let mut args = vec!["run", "-d", "--name", &name];
        args.extend(options);
        args.extend([IMAGE, "sh", "-c", script]);
        Self { id: docker(&args), name }
    }

    /// `docker exec` of a script.
    pub(crate) fn exec(&self, script: &str) -> String {
        docker(&["exec", &self.name, "sh", "-c", script])
    }

    /// Waits for its end: the exit code.
    pub(crate) fn wait(&self) -> i64 {
        docker(&["wait", &self.name]).parse().unwrap()
    }

    /// `docker rm -f`.
    pub(crate) fn remove(&self) {
        docker(&["rm", "-f", &self.name]);
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = try_docker(&["rm", "-f", &self.name]);
    }
}

/// A group of its own for containers that need CPU when they want it: on a busy machine they would get a share among
/// many. Where the group cannot be made (systemd's driver, no root) they take what they get.
pub(crate) struct Privileged {
    name: String,
    dirs: Vec<std::path::PathBuf>,
}

impl Privileged {
    pub(crate) fn new() -> Self {
        let name = unique("privileged");
        let mut out = Self { name, dirs: Vec::new() };
        if try_docker(&["info", "-f", "{{.CgroupDriver}}"]).as_deref() != Ok("cgroupfs") {
            return out;
        }
        for (root, file, most) in [
            ("/sys/fs/cgroup/cpu", "cpu.shares", "262144"),
            ("/sys/fs/cgroup/cpu,cpuacct", "cpu.shares", "262144"),
            ("/sys/fs/cgroup", "cpu.weight", "10000"),
        ] {
            let dir = std::path::Path::new(root).join(&out.name);
            let is_hierarchy = std::path::Path::new(root).join("cgroup.procs").exists();
            if is_hierarchy && std::fs::create_dir(&dir).is_ok() {
                let raised = std::fs::write(dir.join(file), most).is_ok();
                out.dirs.push(dir);
                if raised {
                    break;
                }
            }
        }
        out
    }

    /// Options for `docker run`.
    pub(crate) fn options(&self) -> Vec<String> {
        if self.dirs.is_empty() { Vec::new() } else { vec![format!("--cgroup-parent=/{}", self.name)] }
    }
}

impl Drop for Privileged {
    fn drop(&mut self) {
        // The engine made the same group in the other hierarchies.
        for root in std::fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten() {
            self.dirs.push(root.path().join(&self.name));
        }
        for dir in &self.dirs {
            let _ = std::fs::remove_dir(dir);
        }
    }
}

/// A name that no other test uses.
pub(crate) fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("bonghwa-{prefix}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The whole block device that holds Docker's data, as `/dev/vda`; none where it is no block device (overlay, tmpfs).
pub(crate) fn data_device() -> Option<String> {
    let root = try_docker(&["info", "-f", "{{.DockerRootDir}}"]).ok()?;
    let device = std::fs::metadata(root).ok()?.dev();
    let (major, minor) = (device >> 8 & 0xfff, device & 0xff);
    let text = std::fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/uevent")).ok()?;
    let name = text.lines().find_map(|line| line.strip_prefix("DEVNAME="))?;
    let is_partition = text.lines().any(|line| line == "DEVTYPE=partition");
    let whole = if is_partition { name.trim_end_matches(|c: char| c.is_ascii_digit()) } else { name };
    Some(format!("/dev/{whole}"))
}

/// Writes a little with O_DIRECT under a generous limit (cgroup v1 counts a device only after some limit was set on
/// it, since Linux 6.10) and looks whether the kernel counted it.
fn block_io_is_here() -> bool {
    let Some(device) = data_device() else { return false };
    let limit = format!("{device}:100gb");
    let script = "dd if=/dev/zero of=/probe bs=1M count=1 oflag=direct && sleep 30";
    let name = unique("blkio-probe");
    let args = ["run", "-d", "--name", &name, "--device-write-bps", &limit, IMAGE, "sh", "-c", script];
    let Ok(id) = try_docker(&args) else { return false };
    let counted = (0..50).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        has_written(&id)
    });
    let _ = try_docker(&["rm", "-f", &name]);
    counted
}

fn has_written(id: &str) -> bool {
    let places = [
        format!("/sys/fs/cgroup/blkio/docker/{id}/blkio.throttle.io_service_bytes_recursive"),
        format!(
            "/sys/fs/cgroup/blkio/system.slice/docker-{id}.scope/blkio.throttle.io_service_bytes_recursive"
        ),
        format!("/sys/fs/cgroup/docker/{id}/io.stat"),
        format!("/sys/fs/cgroup/system.slice/docker-{id}.scope/io.stat"),
    ];
    let text: String = places.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect();
    text.lines().any(|line| {
        let v1 = line.split_once(" Write ").and_then(|(_, n)| n.parse::<u64>().ok());
        let v2 = line.split(" wbytes=").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
        v1.or(v2).is_some_and(|bytes| bytes >= 1 << 20)
    })
}
