//! Little trees of each arrangement, made in temporary folders.

use super::*;
use crate::containers::cgroup::layout::Kind;
use crate::containers::cgroup::reading::{Bandwidth, Device};

const ID: &str = "fa9732ca9eadcb7858f8c878cb5c10de512dc088fa5d57f224bca9a9143b5d6a";

struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn layout(&self) -> Layout {
        Layout::detect(&self.0.path().join("cgroup"))
    }

    fn reader(&self, path: &str) -> Reader {
        Reader::new(&self.layout(), &self.0.path().join("proc"), path)
    }
}

fn scratch() -> Scratch {
    Scratch::new(OpenFiles::new(100))
}

const V1_MEMORY_STAT: &str = "cache 1\nrss 1\npgfault 10\npgmajfault 11\ntotal_cache 4096\ntotal_rss 61440\n\
    total_shmem 100\ntotal_mapped_file 3\ntotal_dirty 5\ntotal_writeback 6\ntotal_swap 7\ntotal_pgfault 12\n\
    total_pgmajfault 13\ntotal_inactive_file 1000\ntotal_active_file 2000\ntotal_workingset_refault_file 8\n";

fn v1(tree: &Tree) -> String {
    let path = format!("/docker/{ID}");
    for root in ["cpu,cpuacct", "memory", "blkio", "pids"] {
        tree.write(&format!("cgroup/{root}/release_agent"), "");
        tree.write(&format!("cgroup/{root}/cgroup.procs"), "1\n");
    }
    tree.write("cgroup/cpu,cpuacct/cpu.shares", "1024\n");
    tree.write("cgroup/cpu,cpuacct/cpuacct.usage", "99\n");
    tree.write("cgroup/memory/memory.usage_in_bytes", "5\n");
    tree.write("cgroup/blkio/blkio.throttle.io_service_bytes", "Total 0\n");
    let file = |controller: &str, name: &str, text: &str| {
        tree.write(&format!("cgroup/{controller}{path}/{name}"), text);
    };
    file("cpu,cpuacct", "cpuacct.usage", "58706560\n");
    file("cpu,cpuacct", "cpuacct.stat", "user 5\nsystem 2\n");
    file(
        "cpu,cpuacct",
        "cpu.stat",
        "nr_periods 7\nnr_throttled 3\nthrottled_time 1500000000\nnr_bursts 1\nburst_time 9\n",
    );
    file("cpu,cpuacct", "cpu.shares", "512\n");
    file("cpu,cpuacct", "cpu.cfs_period_us", "100000\n");
    file("cpu,cpuacct", "cpu.cfs_quota_us", "50000\n");
    file("memory", "memory.usage_in_bytes", "421888\n");
    file("memory", "memory.stat", V1_MEMORY_STAT);
    file("memory", "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
    file("memory", "memory.max_usage_in_bytes", "4083712\n");
    file("memory", "memory.failcnt", "4\n");
    file("memory", "memory.kmem.usage_in_bytes", "274432\n");
    file("memory", "memory.limit_in_bytes", "67108864\n");
    file("memory", "memory.soft_limit_in_bytes", "9223372036854771712\n");
    file("memory", "memory.memsw.limit_in_bytes", "134217728\n");
    file("blkio", "blkio.throttle.io_service_bytes", "Total 0\n");
    file(
        "blkio",
        "blkio.throttle.io_service_bytes_recursive",
        "254:0 Read 20\n254:0 Write 30\n254:0 Sync 50\n254:0 Async 0\n254:0 Discard 1\n254:0 Total 51\nTotal 51\n",
    );
    file("blkio", "blkio.throttle.io_serviced_recursive", "254:0 Read 2\n254:0 Write 3\nTotal 5\n");
    file("pids", "pids.current", "6\n");
    file("pids", "pids.max", "max\n");
    file("pids", "cgroup.procs", "70\n0\n69\n");
    file("pids", "tasks", "69\n70\n71\n");
    tree.write("proc/69/net/dev", "a\nb\n  eth0: 286 3 0 0 0 0 0 0 77 8 0 0 0 0 0 0\n");
    tree.write("proc/69/stat", "69 (sh) S 1\n");
    tree.write("proc/69/limits", "Max open files 1024 2048 files\n");
    std::fs::create_dir_all(tree.0.path().join("proc/69/fd")).unwrap();
    path
}

fn check_v1(reading: &Reading) {
    let cpu = reading.cpu.unwrap();
    assert_eq!((cpu.usage_ns, cpu.user_ns, cpu.system_ns), (58_706_560, 50_000_000, 20_000_000));
    let bandwidth = Bandwidth {
        periods: 7,
        throttled_periods: 3,
        throttled_ns: 1_500_000_000,
        burst_periods: 1,
        burst_ns: 9,
    };
    assert_eq!(cpu.bandwidth, Some(bandwidth));
    let memory = reading.memory.unwrap();
    assert_eq!((memory.usage, memory.cache, memory.rss, memory.swap), (421_888, 4096, 61_440, Some(7)));
    assert_eq!((memory.working_set(), memory.needed()), (420_888, 418_888));
    assert_eq!((memory.max_usage, memory.failcnt, memory.oom_kills), (Some(4_083_712), Some(4), Some(2)));
    assert_eq!((memory.own_faults, memory.pgfault, memory.pgmajfault), (Some((10, 11)), 12, 13));
    assert_eq!(memory.kernel, Some(274_432));
    let device = Device {
        major: 254,
        minor: 0,
        read_bytes: 20,
        write_bytes: 30,
        discard_bytes: 1,
        reads: 2,
        writes: 3,
        sync_bytes: Some(50),
        async_bytes: Some(0),
        cost_us: None,
    };
    assert_eq!(reading.io, Some(vec![device]));
    assert_eq!(reading.pids, Some(6));
    let spec = reading.spec.unwrap();
    assert_eq!((spec.cpu_shares, spec.cpu_period, spec.cpu_quota), (Some(512), Some(100_000), Some(50_000)));
    assert_eq!((spec.memory_limit, spec.memory_reservation), (Some(64 << 20), Some(0)));
    assert_eq!((spec.swap_limit, spec.pids_limit), (Some(128 << 20), Some(0)));
    assert_eq!(reading.network.as_ref().unwrap()[0].rx[0], 286);
    let processes = reading.processes.as_ref().unwrap();
    assert_eq!((processes.count, processes.files, processes.max_open_files), (2, Some(0), Some(1024)));
    assert_eq!(processes.states, Some([1, 0, 0, 0]));
}

#[test]
fn version_one() {
    let tree = Tree::new();
    let path = v1(&tree);
    assert_eq!(tree.layout().kind(), Kind::V1);
    assert!(tree.layout().is_host_root());
    let (mut reader, mut scratch) = (tree.reader(&path), scratch());
    let reading = reader.full(&mut scratch, 1000, Some(69));
    check_v1(&reading);
    assert_eq!(reading.pressure, Pressure::default(), "v1 has no pressure of groups");
    assert_eq!(reader.first_pid(&mut scratch.buffer), Some(69), "0 is a process of another namespace");
}

#[test]
fn hybrid_takes_pressure_from_the_unified_side() {
    let tree = Tree::new();
    let path = v1(&tree);
    tree.write("cgroup/unified/cgroup.controllers", "hugetlb\n");
    tree.write(
        &format!("cgroup/unified{path}/cpu.pressure"),
        "some avg10=0 total=15\nfull avg10=0 total=14\n",
    );
    tree.write(&format!("cgroup/unified{path}/cpu.stat"), "usage_usec 1\n");
    assert_eq!(tree.layout().kind(), Kind::Hybrid);
    let reading = tree.reader(&path).full(&mut scratch(), 1000, Some(69));
    check_v1(&reading);
    assert_eq!(reading.pressure.cpu, Some((15, 14)));
    assert_eq!(reading.pressure.io, None);
}

#[test]
fn a_group_that_is_made_in_one_hierarchy_after_the_other() {
    let tree = Tree::new();
    let path = v1(&tree);
    let memory = tree.0.path().join("cgroup/memory/docker");
    std::fs::rename(&memory, tree.0.path().join("later")).unwrap();
    let (mut reader, mut scratch) = (tree.reader(&path), scratch());
    assert!(!reader.is_complete());
    assert_eq!(reader.live(&mut scratch, 1, Some(69)).memory, None);
    std::fs::rename(tree.0.path().join("later"), &memory).unwrap();
    std::fs::remove_file(tree.0.path().join("proc/69/net/dev")).unwrap();
    reader.renew(&tree.layout(), &path, &scratch);
    assert!(reader.is_complete());
    let reading = reader.full(&mut scratch, 2, Some(69));
    check_v1(&reading);
}

#[test]
fn hybrid_without_a_unified_group_of_its_own() {
    let tree = Tree::new();
    let path = v1(&tree);
    tree.write("cgroup/unified/cgroup.controllers", "\n");
    let reading = tree.reader(&path).full(&mut scratch(), 1000, Some(69));
    check_v1(&reading);
    assert_eq!(reading.pressure, Pressure::default());
}

fn v2(tree: &Tree) -> String {
    let path = format!("/system.slice/docker-{ID}.scope");
    tree.write("cgroup/cgroup.controllers", "cpu io memory pids\n");
    tree.write("cgroup/cpu.stat", "usage_usec 5\nuser_usec 3\nsystem_usec 2\n");
    tree.write("cgroup/memory.stat", "anon 10\nfile 20\ninactive_file 4\nactive_file 5\n");
    tree.write("cgroup/io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n");
    tree.write("proc/meminfo", "MemTotal: 100 kB\nMemFree: 40 kB\n");
    tree.write("proc/pressure/memory", "some avg10=0 total=3\nfull avg10=0 total=2\n");
    let file = |name: &str, text: &str| tree.write(&format!("cgroup{path}/{name}"), text);
    file("cgroup.type", "domain\n");
    file(
        "cpu.stat",
        "usage_usec 157943\nuser_usec 154138\nsystem_usec 3805\nnr_periods 2\nnr_throttled 1\nthrottled_usec 50\n",
    );
    file("cpu.max", "50000 100000\n");
    file("cpu.weight", "100\n");
    file("memory.current", "421888\n");
    file(
        "memory.stat",
        "anon 61440\nfile 4096\nkernel 274432\nshmem 100\nfile_mapped 3\nfile_dirty 5\nfile_writeback 6\n\
         inactive_file 1000\nactive_file 2000\nworkingset_refault_file 8\npgscan 9\npgsteal 7\npgfault 12\npgmajfault 13\n",
    );
    file("memory.events", "low 0\nhigh 1\nmax 4\noom 1\noom_kill 2\n");
    file("memory.peak", "4083712\n");
    file("memory.swap.current", "7\n");
    file("memory.max", "67108864\n");
    file("memory.low", "0\n");
    file("memory.swap.max", "max\n");
    file("io.stat", "254:0 rbytes=20 wbytes=30 rios=2 wios=3 dbytes=1 dios=1 cost.usage=5 cost.wait=6\n");
    file("pids.current", "6\n");
    file("pids.max", "50\n");
    file("memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=15\nfull avg10=0 total=14\n");
    file("hugetlb.2MB.current", "2097152\n");
    file("hugetlb.2MB.rsvd.current", "1\n");
    file("hugetlb.2MB.events", "max 3\n");
    path
}

#[test]
fn version_two() {
    let tree = Tree::new();
    let path = v2(&tree);
    assert_eq!(tree.layout().kind(), Kind::V2);
    assert!(tree.layout().is_host_root());
    let reading = tree.reader(&path).full(&mut scratch(), 1000, None);
    let cpu = reading.cpu.unwrap();
    assert_eq!((cpu.usage_ns, cpu.user_ns, cpu.system_ns), (157_943_000, 154_138_000, 3_805_000));
    assert_eq!(cpu.bandwidth.map(|b| (b.throttled_periods, b.throttled_ns)), Some((1, 50_000)));
    let memory = reading.memory.unwrap();
    assert_eq!((memory.usage, memory.cache, memory.rss, memory.swap), (421_888, 4096, 61_440, Some(7)));
    assert_eq!((memory.working_set(), memory.needed()), (420_888, 418_888));
    assert_eq!((memory.events_high, memory.events_max, memory.oom_kills), (Some(1), Some(4), Some(2)));
    assert_eq!((memory.pgscan, memory.pgsteal, memory.kernel), (Some(9), Some(7), Some(274_432)));
    let device = &reading.io.as_ref().unwrap()[0];
    assert_eq!((device.read_bytes, device.write_bytes, device.reads, device.writes), (20, 30, 2, 3));
    assert_eq!((device.cost_us, device.sync_bytes), (Some([5, 6, 0, 0]), None));
    assert_eq!(reading.pressure.memory, Some((15, 14)));
    let spec = reading.spec.unwrap();
    assert_eq!((spec.cpu_quota, spec.cpu_period, spec.cpu_shares), (Some(50_000), Some(100_000), Some(2597)));
    assert_eq!((spec.memory_limit, spec.swap_limit, spec.pids_limit), (Some(64 << 20), Some(0), Some(50)));
    let pages: Vec<_> = reading.hugepages.iter().map(|p| (p.size.as_str(), p.usage, p.failcnt)).collect();
    assert_eq!(pages, [("2MB", 2_097_152, 3)]);
    assert_eq!(reading.network, None, "no process is known");
}

#[test]
fn the_root_group_of_version_two_is_the_host() {
    let tree = Tree::new();
    v2(&tree);
    let reading = tree.reader("/").full(&mut scratch(), 1000, None);
    assert_eq!(reading.cpu.map(|c| c.usage_ns), Some(5000));
    assert_eq!(reading.memory.map(|m| (m.usage, m.rss, m.working_set())), Some((61_440, 10, 61_436)));
    assert_eq!(reading.pressure.memory, Some((3, 2)));
    assert_eq!(reading.io.map(|io| io[0].write_bytes), Some(2));
}

#[test]
fn a_group_that_vanishes_is_empty_and_closes_its_files() {
    for make in [v1 as fn(&Tree) -> String, v2] {
        let tree = Tree::new();
        let path = make(&tree);
        let (mut reader, mut scratch) = (tree.reader(&path), scratch());
        assert!(!reader.live(&mut scratch, 1, None).is_empty());
        reader.close(&scratch);
        std::fs::remove_dir_all(tree.0.path().join("cgroup")).unwrap();
        assert!(reader.full(&mut scratch, 2, Some(69)).is_empty());
        assert!(tree.reader(&path).full(&mut scratch, 3, None).is_empty(), "nor is a new reader an error");
    }
}

#[test]
fn more_groups_than_open_files_are_read_all_the_same() {
    let tree = Tree::new();
    let path = v2(&tree);
    let mut scratch = Scratch::new(OpenFiles::new(2));
    let mut readers = [tree.reader(&path), tree.reader(&path)];
    let readings: Vec<_> = readers.iter_mut().map(|r| r.live(&mut scratch, 1, None)).collect();
    assert_eq!(readings[0], readings[1]);
}

#[test]
fn this_machine_can_be_read() {
    let layout = Layout::detect(Path::new("/sys/fs/cgroup"));
    let reading = Reader::new(&layout, Path::new("/proc"), "/").full(&mut scratch(), 1, None);
    // In a container without cgroups there is nothing, and that is no error either.
    assert_eq!(layout.kind() == Kind::None, reading.is_empty(), "{reading:?}");
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(24))]
    #[test]
    fn any_content_is_read_without_panic(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
        text in "([a-z_]{1,8}[ =:][0-9]{1,25}[ \\n]){0,20}",
    ) {
        let tree = Tree::new();
        let (one, two) = (v1(&tree), String::from("/x"));
        for dir in ["cpu,cpuacct", "memory", "blkio", "pids"] {
            let dir = tree.0.path().join("cgroup").join(dir).join(&one[1..]);
            for file in std::fs::read_dir(dir).unwrap().flatten() {
                let half = file.path().as_os_str().len() % 2 == 0;
                std::fs::write(file.path(), if half { &bytes[..] } else { text.as_bytes() }).unwrap();
            }
        }
        let _ = tree.reader(&one).full(&mut scratch(), 1, Some(69));
        let _ = tree.reader(&two).full(&mut scratch(), 1, None);
    }
}
