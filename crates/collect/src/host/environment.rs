//! Whether what is mounted here is the host's.
//!
//! Inside a container /proc is the container's own: its processes, its network. Series made from it would be taken
//! for the host's, so there are none, and an [`Obstacle`] says why.

use std::path::Path;

use model::container::Obstacle;

use super::config::Config;
use super::paths::HostPaths;
use super::read::read_optional;
use super::text::{fields, lines};

/// The inode numbers of the first PID and cgroup name spaces (`PROC_PID_INIT_INO` and `PROC_CGROUP_INIT_INO` of
/// include/linux/proc_ns.h); every other name space has another.
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";
const FIRST_CGROUP_NAMESPACE: &str = "cgroup:[4026531835]";

/// What may be published.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    /// No host series at all.
    pub(crate) hidden: bool,
    /// No series of file systems.
    pub(crate) no_filesystem: bool,
    /// Why.
    pub(crate) obstacles: Vec<Obstacle>,
}

/// Looks around once, before the first round.
pub(crate) fn check(config: &Config, paths: &HostPaths) -> Environment {
    let mut found = Environment::default();
    let default = Path::new("/proc");
    if !paths.proc("stat").exists() {
        found.hidden = true;
        found.obstacles.push(procfs_missing(config));
    } else if config.procfs == default && in_container(default, Path::new("/")) {
        found.hidden = true;
        found.obstacles.push(procfs_not_host());
    } else if config.rootfs == Path::new("/") && paths.real_procfs && has_other_root(paths) {
        found.no_filesystem = true;
        found.obstacles.push(rootfs_not_host());
    }
    found
}

/// Whether this process lives in a container with PIDs of its own. A PID name space alone is no proof (WSL runs each
/// distribution in one), so a second sign is asked for.
pub(crate) fn in_container(procfs: &Path, root: &Path) -> bool {
    let namespace = |name: &str| std::fs::read_link(procfs.join("self/ns").join(name)).ok();
    let first = |name: &str, link: &str| namespace(name).is_none_or(|n| n == Path::new(link));
    if first("pid", FIRST_PID_NAMESPACE) {
        return false;
    }
    !first("cgroup", FIRST_CGROUP_NAMESPACE)
        || root.join(".dockerenv").exists()
        || root.join("run/.containerenv").exists()
        || root_mount(&procfs.join("self/mountinfo")).is_some_and(|(_, kind)| kind == "overlay")
        || is_below_a_cgroup(&procfs.join("1/cgroup"))
}

/// Whether process 1 sits in a cgroup that a runtime made.
fn is_below_a_cgroup(path: &Path) -> bool {
    const MARKS: [&str; 5] = ["docker", "kubepods", "libpod", "containerd", "lxc"];
    let mut buffer = Vec::new();
    let bytes = read_optional(path, &mut buffer).unwrap_or_default();
    let text = String::from_utf8_lossy(bytes);
    MARKS.iter().any(|mark| text.contains(mark))
}

/// Whether process 1 has another root file system than this process: its mount points are then not ours.
fn has_other_root(paths: &HostPaths) -> bool {
    let ours = root_mount(Path::new("/proc/self/mountinfo"));
    let theirs = root_mount(&paths.proc("1/mountinfo"));
    matches!((ours, theirs), (Some((ours, _)), Some((theirs, _))) if ours != theirs)
}

/// `major:minor` and type of what is mounted at `/`, the topmost where there are several.
fn root_mount(mountinfo: &Path) -> Option<(String, String)> {
    let mut buffer = Vec::new();
    let bytes = read_optional(mountinfo, &mut buffer)?;
    let at_root = lines(bytes).filter(|line| fields(line).nth(4) == Some(b"/")).last()?;
    let device = fields(at_root).nth(2)?;
    let mut rest = fields(at_root).skip_while(|part| *part != b"-");
    let kind = rest.nth(1)?;
    Some((String::from_utf8_lossy(device).into_owned(), String::from_utf8_lossy(kind).into_owned()))
}

fn procfs_missing(config: &Config) -> Obstacle {
    let path = config.procfs.display();
    Obstacle {
        code: "procfs_missing".into(),
        missing: format!("{path} is not a proc file system."),
        costs: "There are no series and no page of the host.".into(),
        remedy: "Mount the host's /proc there, or point --path.procfs at where it is mounted.".into(),
    }
}

fn procfs_not_host() -> Obstacle {
    Obstacle {
        code: "procfs_not_host".into(),
        missing: "This process runs in a container, and /proc is the container's own.".into(),
        costs: "There are no series of the host: they would be the container's figures under the host's name.".into(),
        remedy: "Mount the host's file systems and name them: -v /proc:/host/proc:ro -v /sys:/host/sys:ro \
                 -v /:/rootfs:ro,rslave, and --path.procfs=/host/proc --path.sysfs=/host/sys --path.rootfs=/rootfs."
            .into(),
    }
}

fn rootfs_not_host() -> Obstacle {
    Obstacle {
        code: "rootfs_not_host".into(),
        missing: "The root file system here is not the one that the host's processes see.".into(),
        costs: "There are no series of file systems (node_filesystem_*).".into(),
        remedy: "Mount the host's root with -v /:/rootfs:ro,rslave and name it: --path.rootfs=/rootfs."
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A root with a /proc whose name spaces and mount table are as given.
    fn root(pid: &str, cgroup: &str, kind: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("proc/self/ns")).unwrap();
        symlink(pid, dir.path().join("proc/self/ns/pid")).unwrap();
        symlink(cgroup, dir.path().join("proc/self/ns/cgroup")).unwrap();
        std::fs::create_dir_all(dir.path().join("proc/1")).unwrap();
        let table = format!("1 0 8:1 / / rw - rootfs none rw\n22 1 0:40 / / rw - {kind} source rw\n");
        std::fs::write(dir.path().join("proc/self/mountinfo"), table).unwrap();
        std::fs::write(dir.path().join("proc/1/cgroup"), "0::/\n").unwrap();
        dir
    }

    fn seen(dir: &tempfile::TempDir) -> bool {
        in_container(&dir.path().join("proc"), dir.path())
    }

    #[test]
    fn a_pid_name_space_and_a_second_sign_make_a_container() {
        assert!(!seen(&root(FIRST_PID_NAMESPACE, "cgroup:[1]", "overlay")), "shares the host's processes");
        assert!(!seen(&root("pid:[1]", FIRST_CGROUP_NAMESPACE, "ext4")), "WSL");
        assert!(seen(&root("pid:[1]", FIRST_CGROUP_NAMESPACE, "overlay")));
        assert!(seen(&root("pid:[1]", "cgroup:[1]", "ext4")));
        let marked = root("pid:[1]", FIRST_CGROUP_NAMESPACE, "ext4");
        std::fs::write(marked.path().join(".dockerenv"), "").unwrap();
        assert!(seen(&marked));
        let kubernetes = root("pid:[1]", FIRST_CGROUP_NAMESPACE, "ext4");
        std::fs::write(kubernetes.path().join("proc/1/cgroup"), "4:cpu:/kubepods/pod1/2\n").unwrap();
        assert!(seen(&kubernetes));
    }

    #[test]
    fn a_folder_without_stat_is_no_procfs() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { procfs: dir.path().to_owned(), ..Config::default() };
        let found = check(&config, &HostPaths::new(&config));
        assert!(found.hidden);
        assert_eq!(found.obstacles[0].code, "procfs_missing");
    }

    #[test]
    fn the_topmost_root_counts() {
        let dir = root("pid:[1]", "cgroup:[1]", "btrfs");
        let top = root_mount(&dir.path().join("proc/self/mountinfo"));
        assert_eq!(top, Some(("0:40".into(), "btrfs".into())));
    }
}
