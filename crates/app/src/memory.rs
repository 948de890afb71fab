//! The memory limit, and how the allocator's view corrects it.

use std::path::Path;

use model::config::Size;
use model::{Budget, Result};

use crate::retention::flag_error;

/// The largest default where no control group limits us.
const DEFAULT_MOST: u64 = 2 << 30;

/// The limit in bytes: as the flag says; else 60 % of the control group's; else the smaller of 25 % of the RAM and 2 GiB.
pub(crate) fn limit(flag: Option<&str>, cgroup: Option<u64>, ram: u64) -> Result<u64> {
    if let Some(text) = flag {
        let size = Size::parse(text).map_err(|e| flag_error("memory.limit", &e))?;
        if size.0 < 32 << 20 {
            return Err(flag_error("memory.limit", "it must be at least 32MB"));
        }
        return Ok(size.0);
    }
    Ok(match cgroup.filter(|limit| *limit < ram) {
        Some(limit) => limit / 5 * 3,
        None => (ram / 4).min(DEFAULT_MOST),
    })
}

/// Bytes of RAM.
pub(crate) fn ram() -> u64 {
    let info = rustix::system::sysinfo();
    (info.totalram as u64).saturating_mul(u64::from(info.mem_unit.max(1)))
}

/// The memory limit of the control group we run in, on either version.
pub(crate) fn cgroup_limit() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    cgroup_limit_in(Path::new("/sys/fs/cgroup"), &groups)
}

/// The smallest limit of the group and the groups above it. Inside a container the path of the group is often not to be
/// seen: then the mounted root is the group itself.
fn cgroup_limit_in(root: &Path, groups: &str) -> Option<u64> {
    let mut least: Option<u64> = None;
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next(), parts.next()?, parts.next()?);
        let (mount, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            list if list.split(',').any(|c| c == "memory") => (root.join("memory"), "memory.limit_in_bytes"),
            _ => continue,
        };
        let mut group = mount.join(path.trim_start_matches('/'));
        loop {
            let text = std::fs::read_to_string(group.join(file)).unwrap_or_default();
            if let Ok(limit) = text.trim().parse::<u64>() {
                least = Some(least.map_or(limit, |l| l.min(limit)));
            }
            if group == mount || !group.pop() {
                break;
            }
        }
    }
    // Version 1 writes "no limit" as a number close to 2^63.
    least.filter(|limit| *limit < 1 << 60)
}

/// What the allocator holds, bytes.
pub(crate) fn resident() -> u64 {
    // Statistics are those of the last epoch; both calls only fail where the allocator is another one (in tests).
    let _ = tikv_jemalloc_ctl::epoch::advance();
    tikv_jemalloc_ctl::stats::resident::read().map_or(0, |bytes| bytes as u64)
}

/// Corrects the budget: what is reserved may grow by what the limit leaves above what is resident. A quarter of the limit
/// may always be reserved, so that a process whose fixed part is large does something at all.
pub(crate) fn correct(budget: &Budget, limit: u64, resident: u64) {
    let left = limit.saturating_sub(resident);
    budget.set_limit(budget.used().saturating_add(left).clamp(limit / 4, limit));
}

/// Lets the allocator give memory back by itself, also while nothing is allocated.
pub(crate) fn give_back() {
    // Fails only where the allocator is another one (in tests).
    let _ = tikv_jemalloc_ctl::background_thread::write(true);
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn the_default_follows_the_control_group_and_the_ram() {
        assert_eq!(limit(None, Some(1000), 16 * GIB).unwrap(), 600);
        assert_eq!(limit(None, None, 4 * GIB).unwrap(), GIB);
        assert_eq!(limit(None, None, 64 * GIB).unwrap(), 2 * GIB);
        assert_eq!(limit(None, Some(100 * GIB), 4 * GIB).unwrap(), GIB, "a limit above the RAM is none");
        assert_eq!(limit(Some("3GB"), Some(1000), 4 * GIB).unwrap(), 3 * GIB);
        assert!(limit(Some("1KB"), None, GIB).is_err() && limit(Some("much"), None, GIB).is_err());
    }

    #[test]
    fn the_smallest_limit_of_the_group_and_those_above_counts() {
        let root = tempfile::tempdir().unwrap();
        let group = root.path().join("a/b");
        std::fs::create_dir_all(&group).unwrap();
        std::fs::write(root.path().join("a/memory.max"), "5000\n").unwrap();
        std::fs::write(group.join("memory.max"), "max\n").unwrap();
        assert_eq!(cgroup_limit_in(root.path(), "0::/a/b\n"), Some(5000));
        assert_eq!(cgroup_limit_in(root.path(), "0::/elsewhere\n"), None);
        std::fs::create_dir_all(root.path().join("memory/d")).unwrap();
        std::fs::write(root.path().join("memory/d/memory.limit_in_bytes"), "7000\n").unwrap();
        std::fs::write(root.path().join("memory/memory.limit_in_bytes"), "9223372036854771712\n").unwrap();
        assert_eq!(cgroup_limit_in(root.path(), "4:cpu:/d\n5:memory:/d\n"), Some(7000));
        assert_eq!(cgroup_limit_in(root.path(), "5:memory:/\n"), None);
    }

    #[test]
    fn what_is_resident_but_not_reserved_is_taken_off() {
        let budget = Budget::new("all", 1600);
        let _held = budget.reserve(300).unwrap();
        correct(&budget, 1600, 1000);
        assert_eq!(budget.limit(), 900, "300 reserved and 600 left");
        correct(&budget, 1600, 5000);
        assert_eq!(budget.limit(), 400, "a quarter stays");
        let _more = budget.reserve(100).unwrap();
        correct(&budget, 1600, 5000);
        assert_eq!(budget.limit(), 400, "and no more, however often");
        correct(&budget, 1600, 0);
        assert_eq!(budget.limit(), 1600);
    }
}
