use std::collections::BTreeMap;
use std::path::Path;

use model::sample::is_stale_nan;
use model::{ManualClock, SystemClock, Tenant};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use testkit::MemoryMetrics;

use super::*;

/// Text as the kernel writes it, for every file that the sources read.
const FILES: &[(&str, &str)] = &[
    ("proc/loadavg", "0.21 0.37 0.39 1/719 19737\n"),
    ("proc/meminfo", "MemTotal:        3742148 kB\nActive(anon):    2020004 kB\nHugePages_Total:       0\n"),
    (
        "proc/stat",
        "cpu  30 61 1 8 3 2 3 0 44 36\ncpu0 30 61 1 8 3 2 3 0 44 36\nintr 88 17\nctxt 38\nbtime 1418\nsoftirq 5 1 2\n",
    ),
    ("proc/diskstats", "   8       0 sda 25 34 10 18 28 11 50 63 0 96 82 1 2 3 4 5 6\n"),
    ("proc/vmstat", "pgpgin 7344136\noom_kill 0\nnr_free_pages 1\n"),
    ("proc/sys/fs/file-nr", "1024\t0\t1631329\n"),
    ("proc/sys/kernel/pid_max", "123\n"),
    ("proc/sys/kernel/threads-max", "7801\n"),
    ("proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=14036781\n"),
    ("proc/pressure/io", "some avg10=0.00 total=1\nfull avg10=0.00 total=2\n"),
    (
        "proc/cpuinfo",
        "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu MHz\t\t: 799.998\nflags\t\t: fpu aes\n\n",
    ),
    ("proc/1/stat", "1 (sy) st) S 0 1 1 0 -1 4 0 0 0 0 0 346 0 0 20 0 1 0 32 0\n"),
    ("proc/1/mountinfo", "36 35 98:0 /mnt1 / ro,noatime master:1 - ext3 /dev/root rw\n"),
    ("proc/1/net/dev", "Inter-|   Receive\n face |bytes\n    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"),
    ("proc/1/net/netstat", "TcpExt: SyncookiesSent ListenDrops\nTcpExt: 0 2\n"),
    ("proc/1/net/snmp", "Tcp: RtoMin CurrEstab\nTcp: 200 -1\n"),
    ("proc/1/net/snmp6", "Ip6InOctets                     \t460\n"),
    ("proc/1/net/sockstat", "sockets: used 229\nTCP: inuse 4 orphan 0 tw 4 alloc 17 mem 1\n"),
    ("proc/1/net/sockstat6", "TCP6: inuse 17\n"),
    ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
    ("sys/class/thermal/thermal_zone0/temp", "12376\n"),
    ("sys/devices/system/cpu/isolated", "1,3-5,9\n"),
    ("sys/devices/system/cpu/cpu0/online", "1\n"),
    ("sys/devices/system/cpu/cpu0/topology/core_id", "0\n"),
    ("sys/devices/system/cpu/cpu0/topology/physical_package_id", "0\n"),
    ("sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "5\n"),
    ("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1699981\n"),
    ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n"),
    ("sys/devices/system/cpu/cpu0/cpufreq/scaling_available_governors", "performance powersave\n"),
    ("sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc hpet \n"),
    ("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"),
    ("udev/b8:0", "E:ID_MODEL=disk\nE:ID_ATA=1\nE:ID_ATA_WRITE_CACHE=1\nE:ID_FS_TYPE=ext4\nE:DM_NAME=x\n"),
];

fn write_all(dir: &Path) {
    for (name, text) in FILES {
        write(dir, name, text.as_bytes());
    }
}

fn write(dir: &Path, name: &str, bytes: &[u8]) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn config(dir: &Path) -> Config {
    Config {
        procfs: dir.join("proc"),
        sysfs: dir.join("sys"),
        udev_data: dir.join("udev"),
        instance: Some("alpha".into()),
        cpu_info: true,
        cpu_flags_include: ".".into(),
        stat_softirq: true,
        ..Config::default()
    }
}

fn collector(dir: &Path) -> Collector {
    let config = config(dir);
    Collector::new(&config, &HostPaths::new(&config), "alpha").unwrap()
}

fn values(samples: &Samples) -> BTreeMap<String, f64> {
    samples.iter().map(|(series, e)| (labels_of(series).to_string(), e.value)).collect()
}

fn success(collector: &str) -> String {
    format!(
        r#"node_scrape_collector_success{{collector="{collector}", instance="alpha", job="node-exporter"}}"#
    )
}

#[test]
fn every_source_works_on_plain_files() {
    let dir = tempfile::tempdir().unwrap();
    write_all(dir.path());
    let mut collector = collector(dir.path());
    let found = values(collector.collect(1_000));
    let failed: Vec<_> =
        found.iter().filter(|(n, v)| n.starts_with("node_scrape_collector_success") && **v == 0.0).collect();
    assert_eq!(failed, Vec::<(&String, &f64)>::new());
    assert_eq!(found.keys().filter(|n| n.starts_with("node_scrape_collector_success")).count(), 17);
    assert_eq!(found[r#"node_load5{instance="alpha", job="node-exporter"}"#], 0.37);
    assert_eq!(
        found[r#"node_memory_Active_anon_bytes{instance="alpha", job="node-exporter"}"#],
        2_068_484_096.0
    );
}

#[test]
fn a_failing_source_costs_only_itself_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    write_all(dir.path());
    write(dir.path(), "proc/meminfo", b"MemTotal: x kB\n");
    std::fs::remove_dir_all(dir.path().join("proc/pressure")).unwrap();
    let mut collector = collector(dir.path());
    let found = values(collector.collect(0));
    assert_eq!(found[&success("meminfo")], 0.0);
    assert_eq!(found[&success("loadavg")], 1.0);
    let codes: Vec<String> = collector.failures().into_iter().map(|o| o.code).collect();
    assert_eq!(codes, ["host_meminfo_failed", "host_pressure_absent"]);
    let missing = &collector.failures()[0].missing;
    assert!(missing.contains("meminfo: line 1: the second field is no number"), "{missing}");

    write(dir.path(), "proc/meminfo", b"MemTotal: 1 kB\n");
    assert_eq!(values(collector.collect(0))[&success("meminfo")], 1.0);
    assert_eq!(collector.failures().len(), 1);
}

/// Reads the host with one file replaced by what `damaged` makes of it, many times over: errors are fine, a panic, an
/// endless list or a label set that is none are not.
fn survives<S: Strategy>(damage: S, damaged: impl Fn(&S::Value, &str) -> Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    write_all(dir.path());
    // One for all: making it compiles a dozen expressions.
    let collector = std::cell::RefCell::new(collector(dir.path()));
    let mut runner = TestRunner::new(ProptestConfig::with_cases(300));
    let outcome = runner.run(&(0..FILES.len(), damage), |(which, damage)| {
        let (name, text) = FILES[which];
        write(dir.path(), name, &damaged(&damage, text));
        let mut collector = collector.borrow_mut();
        let series: Vec<String> = collector.collect(1).iter().map(|(series, _)| series.to_owned()).collect();
        write(dir.path(), name, text.as_bytes());
        prop_assert!(series.len() < 9_000, "{} series", series.len());
        for series in series {
            prop_assert!(Labels::from_canonical(&series).is_some(), "{series:?}");
        }
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn files_cut_overwritten_and_repeated_never_panic() {
    let noise = proptest::collection::vec(any::<u8>(), 0..40);
    survives((0usize..200, 0usize..200, noise, any::<bool>()), |(cut, at, noise, twice), text| {
        let mut bytes = text.as_bytes()[..(*cut).min(text.len())].to_vec();
        let at = (*at).min(bytes.len());
        bytes.splice(at..at, noise.iter().copied());
        if *twice {
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    });
}

#[test]
fn any_number_in_place_of_a_number_is_taken() {
    let number = prop_oneof![Just(u64::MAX), any::<u64>()];
    survives((number, 0usize..40), |(number, digit), text| {
        let digits: Vec<usize> = text.match_indices(|c: char| c.is_ascii_digit()).map(|(at, _)| at).collect();
        let mut text = text.to_owned();
        if let Some(at) = digits.get(digit % digits.len().max(1)) {
            text.replace_range(*at..=*at, &number.to_string());
        }
        text.into_bytes()
    });
}

#[test]
fn a_vanished_series_is_marked_stale_and_may_come_back() {
    let dir = tempfile::tempdir().unwrap();
    write_all(dir.path());
    let store = Arc::new(MemoryMetrics::new());
    let mut publisher = Publisher::new(Arc::clone(&store) as Arc<dyn MetricWriter>);
    let mut collector = collector(dir.path());
    let disk = "   8       0 sda 25 34 10 18 28 11 50 63 0 96 82\n";
    for (t, text) in [(1_000, disk), (2_000, ""), (3_000, ""), (4_000, disk)] {
        write(dir.path(), "proc/diskstats", text.as_bytes());
        let done = publisher.publish(collector.collect(t), t).unwrap();
        assert!(done.rejected.is_empty() && done.accepted > 100, "{done:?}");
    }
    let all = store.dump();
    let reads = |name: &str| all.iter().find(|(l, _)| l.metric_name() == name).unwrap().1.clone();
    let disk = reads("node_disk_reads_completed_total");
    assert_eq!(disk.iter().map(|(t, _)| *t).collect::<Vec<_>>(), [1_000, 2_000, 4_000]);
    assert!(is_stale_nan(disk[1].1) && disk[0].1 == 25.0 && disk[2].1 == 25.0);
    assert_eq!(reads("node_load1").len(), 4);
    let labels = &all.iter().find(|(l, _)| l.metric_name() == "node_load1").unwrap().0;
    assert_eq!((labels.get("job"), labels.get("instance")), (Some("node-exporter"), Some("alpha")));
}

/// A store that forgets its references when it is told to, and allows so many series.
struct Forgetful {
    inner: MemoryMetrics,
    generation: AtomicI64,
    limit: usize,
}

impl MetricWriter for Forgetful {
    fn resolve(&self, _: &Tenant, labels: &[Labels], out: &mut Vec<Option<model::SeriesRef>>) -> Result<()> {
        let generation = self.generation.load(Ordering::SeqCst) as u64;
        for (at, labels) in labels.iter().enumerate() {
            self.inner.insert(labels, []);
            let id = (generation << 32) | (labels.hash128() as u64 & 0xffff_ffff) | 1;
            out.push((at < self.limit).then(|| model::SeriesRef(id.try_into().unwrap())));
        }
        Ok(())
    }

    fn append(&self, _: &Tenant, batch: model::MetricBatch<'_>) -> Result<model::Appended> {
        let generation = self.generation.load(Ordering::SeqCst) as u64;
        let old = |r: &model::SeriesRef| r.0.get() >> 32 != generation;
        let rejected: Vec<model::Rejected> = (0..batch.refs.len())
            .filter(|at| old(&batch.refs[*at]))
            .map(|index| model::Rejected { index, reason: model::RejectReason::UnknownSeries })
            .collect();
        Ok(model::Appended { accepted: batch.refs.len() - rejected.len(), rejected })
    }
}

#[test]
fn forgotten_references_are_resolved_again_and_limits_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    write_all(dir.path());
    let mut collector = collector(dir.path());
    let store =
        |limit| Arc::new(Forgetful { inner: MemoryMetrics::new(), generation: AtomicI64::new(1), limit });
    let roomy = store(usize::MAX);
    let mut publisher = Publisher::new(Arc::clone(&roomy) as Arc<dyn MetricWriter>);
    let first = publisher.publish(collector.collect(1), 1).unwrap();
    roomy.generation.store(2, Ordering::SeqCst);
    let second = publisher.publish(collector.collect(2), 2).unwrap();
    assert_eq!(first, second);

    let mut publisher = Publisher::new(store(10));
    let limited = publisher.publish(collector.collect(1), 1).unwrap();
    assert_eq!(limited.accepted, 10);
    assert_eq!(limited.rejected, [(model::RejectReason::Limit, first.accepted - 10)]);
}

#[tokio::test]
async fn a_host_runs_at_once_feeds_the_page_and_stops() {
    let dir = tempfile::tempdir().unwrap();
    write_all(dir.path());
    let store = Arc::new(MemoryMetrics::new());
    let writer = Arc::clone(&store) as Arc<dyn MetricWriter>;
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at_ms(12_345));
    let host = Host::start(&config(dir.path()), Duration::from_secs(10), writer, clock).unwrap();
    assert_eq!((host.facts().cpus, host.facts().boot_time_ms), (1, 1_418_000));
    while host.latest().t_ms == 0 {
        tokio::task::yield_now().await;
    }
    let latest = host.latest();
    assert_eq!(latest.t_ms, 12_345);
    assert_eq!(latest.value("node_cpu_seconds_total", &[("cpu", "0"), ("mode", "nice")]), Some(0.61));
    host.stop().await;
    assert!(store.len() > 100, "the first round is stored when stop returns");
    host.stop().await;
}

#[tokio::test]
async fn without_the_host_nothing_is_published_and_the_reason_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(MemoryMetrics::new());
    let host = Host::start(
        &Config { procfs: dir.path().to_owned(), ..Config::default() },
        Duration::from_millis(1),
        Arc::clone(&store) as Arc<dyn MetricWriter>,
        Arc::new(SystemClock),
    )
    .unwrap();
    host.stop().await;
    assert!(store.is_empty());
    assert_eq!(host.obstacles()[0].code, "procfs_missing");
}

#[tokio::test]
async fn without_storing_only_the_page_is_fed() {
    let dir = tempfile::tempdir().unwrap();
    write_all(dir.path());
    let store = Arc::new(MemoryMetrics::new());
    let config = Config { store: false, ..config(dir.path()) };
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at_ms(5));
    let writer = Arc::clone(&store) as Arc<dyn MetricWriter>;
    let host = Host::start(&config, Duration::from_secs(10), writer, clock).unwrap();
    host.stop().await;
    assert_eq!(host.latest().t_ms, 5);
    assert!(store.is_empty());
}

#[test]
fn rounds_fall_on_multiples() {
    assert_eq!(next_multiple(12_345, 10_000), 20_000);
    assert_eq!(next_multiple(20_000, 10_000), 30_000);
    assert_eq!(next_multiple(-1, 10), 0);
    assert_eq!(next_round(4_100, 2_500, true), 5_000);
    assert_eq!(next_round(2_100, 2_500, true), 2_500, "a page that watches does not thin out what is stored");
    assert_eq!(next_round(2_600, 2_500, true), 3_000);
    assert_eq!(next_round(2_600, 2_500, false), 5_000);
}
