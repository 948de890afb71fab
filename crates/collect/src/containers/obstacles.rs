//! What stands in the collector's way, what it costs, and what helps.

use model::container::Obstacle;

use super::cgroup::Layout;
use super::cgroup::layout::Kind;
use super::config::Config;
use super::docker::{DockerError, Endpoint};

fn obstacle(code: &str, missing: String, costs: &str, remedy: String) -> Obstacle {
    Obstacle { code: code.to_owned(), missing, costs: costs.to_owned(), remedy }
}

const WITHOUT_ENGINE: &str = "Containers have no names, images, labels, events, exit codes or logs; their figures \
     appear under the ids of their control groups.";

/// The collector is not to run.
pub fn switched_off() -> Obstacle {
    obstacle(
        "containers_off",
        "The container collector is switched off.".to_owned(),
        "Only containers of the past are shown.",
        "Set `collect: containers: enabled: true` in the configuration.".to_owned(),
    )
}

/// Why no engine answers.
pub fn of_engine(failures: &[DockerError]) -> Vec<Obstacle> {
    let mut out: Vec<Obstacle> = failures.iter().filter_map(of_failure).collect();
    if out.is_empty() {
        let places: Vec<String> = failures
            .iter()
            .filter_map(|f| if let DockerError::Absent(at) = f { Some(at.to_string()) } else { None })
            .collect();
        let missing = match places.as_slice() {
            [] => "No container engine is configured that can be used.".to_owned(),
            list => format!("No container engine answers at {}.", list.join(", ")),
        };
        let remedy = "Start Docker or Podman (`systemctl start docker`, or `podman system service`), or set DOCKER_HOST \
                      to its socket. In a container, mount the socket: -v /var/run/docker.sock:/var/run/docker.sock:ro.";
        out.push(obstacle("engine_absent", missing, WITHOUT_ENGINE, remedy.to_owned()));
    }
    out
}

fn of_failure(failure: &DockerError) -> Option<Obstacle> {
    match failure {
        DockerError::Absent(_) => None,
        DockerError::Denied(Endpoint::Unix(path)) => {
            let remedy = socket_remedy(path);
            let missing = format!("No permission to use the engine's socket {}.", path.display());
            Some(obstacle("docker_socket_denied", missing, WITHOUT_ENGINE, remedy))
        }
        other => {
            let missing = format!("The container engine cannot be used: {other}.");
            let remedy = "Look at the engine's own log; `docker info` shows whether it answers.".to_owned();
            Some(obstacle("engine_unusable", missing, WITHOUT_ENGINE, remedy))
        }
    }
}

fn socket_remedy(path: &std::path::Path) -> String {
    use std::os::unix::fs::MetadataExt;
    let me = rustix::process::geteuid().as_raw();
    match std::fs::metadata(path) {
        Ok(meta) => format!(
            "The socket belongs to group {gid}; this process runs as user {me}. Add the user to that group \
             (`usermod -aG {gid} <user>`, then log in again), or in a container start with --group-add {gid}.",
            gid = meta.gid()
        ),
        Err(_) => format!("Let user {me} read the directory of the socket, or run as its owner."),
    }
}

/// What hinders reading groups and processes. `pids` are main processes that the engine names.
pub fn of_groups(config: &Config, pids: &[u32]) -> Vec<Obstacle> {
    let root = config.cgroup_root();
    let layout = Layout::detect(&root);
    let mut out = Vec::new();
    if layout.kind() == Kind::None {
        out.push(obstacle(
            "cgroup_missing",
            format!("No control groups are mounted at {}.", root.display()),
            "Containers have no CPU, memory, I/O and process figures.",
            "Mount them (`mount -t cgroup2 cgroup2 /sys/fs/cgroup`); in a container start with \
             -v /sys:/sys:ro and --cgroupns=host."
                .to_owned(),
        ));
        return out;
    }
    if !layout.is_host_root() {
        out.push(obstacle(
            "cgroup_not_host",
            format!("{} shows only this container's own control group.", root.display()),
            "Other containers have no CPU, memory, I/O and process figures.",
            "Start with --cgroupns=host and -v /sys/fs/cgroup:/sys/fs/cgroup:ro.".to_owned(),
        ));
    }
    out.extend(of_procfs(config, pids));
    if !config.procfs.join("pressure/cpu").exists() {
        out.push(obstacle(
            "pressure_off",
            "The kernel does not count pressure (PSI).".to_owned(),
            "There are no pressure figures, and memory verdicts go by the working set alone.",
            "Boot with psi=1 on the kernel command line (needs CONFIG_PSI).".to_owned(),
        ));
    } else if layout.kind() == Kind::V1 {
        out.push(obstacle(
            "pressure_v1",
            "With cgroup v1 alone the kernel counts pressure for the host only.".to_owned(),
            "Containers have no pressure figures.",
            "Boot with systemd.unified_cgroup_hierarchy=1, or mount cgroup2 at /sys/fs/cgroup/unified."
                .to_owned(),
        ));
    }
    out.extend(of_blkio(&layout));
    out
}

fn of_procfs(config: &Config, pids: &[u32]) -> Option<Obstacle> {
    let seen = |pid: &u32| config.procfs.join(pid.to_string()).join("stat").exists();
    if pids.is_empty() {
        return None;
    }
    if !pids.iter().any(seen) {
        return Some(obstacle(
            "procfs_not_host",
            format!("{} does not show the host's processes.", config.procfs.display()),
            "Containers have no network, descriptor and socket figures, and the last reading of a container that \
             dies may be up to a second old.",
            "In a container start with --pid=host, or with -v /proc:/host/proc:ro and --path.procfs=/host/proc."
                .to_owned(),
        ));
    }
    let denied = |pid: &u32| {
        std::fs::read_dir(config.procfs.join(pid.to_string()).join("fd"))
            .is_err_and(|e| e.kind() == std::io::ErrorKind::PermissionDenied)
    };
    pids.iter().any(denied).then(|| {
        obstacle(
            "procfs_fd_denied",
            "No permission to list the open files of the containers' processes.".to_owned(),
            "There are no descriptor and socket counts.",
            "Run as root or with the capability CAP_SYS_PTRACE (--cap-add SYS_PTRACE).".to_owned(),
        )
    })
}

/// Since Linux 6.10 the throttle policy of cgroup v1 counts a device only after some limit was set on it.
fn of_blkio(layout: &Layout) -> Option<Obstacle> {
    let dir = layout.blkio.as_ref()?;
    let counts = |name: &str| {
        std::fs::read_to_string(dir.join(name)).is_ok_and(|text| text.lines().any(|line| line.contains(':')))
    };
    if counts("blkio.throttle.io_service_bytes") || counts("blkio.bfq.io_service_bytes") {
        return None;
    }
    Some(obstacle(
        "blkio_not_counted",
        "The kernel does not count block I/O of control groups on this host (cgroup v1, no device with a limit, \
         scheduler other than BFQ)."
            .to_owned(),
        "Containers have no block I/O by device.",
        "Boot with systemd.unified_cgroup_hierarchy=1; or choose the scheduler that counts \
         (`echo bfq > /sys/block/<device>/queue/scheduler`); or set any I/O limit on the device once."
            .to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(list: &[Obstacle]) -> Vec<&str> {
        list.iter().map(|o| o.code.as_str()).collect()
    }

    #[test]
    fn each_failure_says_what_it_costs_and_what_helps() {
        let absent = DockerError::Absent(Endpoint::Unix("/run/a.sock".into()));
        let denied = DockerError::Denied(Endpoint::Unix("/nonexistent/b.sock".into()));
        let list = of_engine(&[absent, denied]);
        assert_eq!(
            codes(&list),
            ["docker_socket_denied"],
            "what can be mended comes before what is not there"
        );
        let absent = DockerError::Absent(Endpoint::Unix("/run/a.sock".into()));
        let list = of_engine(&[absent]);
        assert_eq!(codes(&list), ["engine_absent"]);
        assert!(list[0].missing.contains("/run/a.sock"));
        assert_eq!(codes(&of_engine(&[DockerError::Timeout])), ["engine_unusable"]);
        assert!(list.iter().all(|o| !o.costs.is_empty() && !o.remedy.is_empty()));
    }

    #[test]
    fn groups_that_are_not_the_hosts_and_processes_that_cannot_be_seen() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config {
            cgroups: Some(dir.path().join("cgroup")),
            procfs: dir.path().join("proc"),
            ..Config::default()
        };
        assert_eq!(codes(&of_groups(&config, &[])), ["cgroup_missing"]);
        std::fs::create_dir_all(dir.path().join("cgroup")).unwrap();
        std::fs::write(dir.path().join("cgroup/cgroup.controllers"), "cpu").unwrap();
        std::fs::write(dir.path().join("cgroup/cgroup.type"), "domain").unwrap();
        assert_eq!(codes(&of_groups(&config, &[7])), ["cgroup_not_host", "procfs_not_host", "pressure_off"]);
        std::fs::remove_file(dir.path().join("cgroup/cgroup.type")).unwrap();
        std::fs::create_dir_all(dir.path().join("proc/7/fd")).unwrap();
        std::fs::create_dir_all(dir.path().join("proc/pressure")).unwrap();
        std::fs::write(dir.path().join("proc/7/stat"), "").unwrap();
        std::fs::write(dir.path().join("proc/pressure/cpu"), "").unwrap();
        assert_eq!(codes(&of_groups(&config, &[7])), Vec::<&str>::new());
    }
}
