use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::containers::cgroup::extra::NumaPages;
use crate::containers::cgroup::reading::{Bandwidth, HugePages, Pressure};
use crate::containers::metrics::by_name;

/// A reading with every figure that a kernel may give.
fn everything() -> Reading {
    Reading {
        t: 1_395_066_363_000,
        cpu: Some(Cpu { usage_ns: 14, user_ns: 6, system_ns: 7, bandwidth: Some(Bandwidth::default()) }),
        memory: Some(Memory {
            usage: 8,
            max_usage: Some(9),
            failcnt: Some(0),
            swap: Some(8192),
            kernel: Some(1),
            own_faults: Some((10, 11)),
            refault_anon: Some(1),
            refault_file: Some(1),
            pgscan: Some(1),
            pgsteal: Some(1),
            events_high: Some(1),
            events_max: Some(1),
            oom_kills: Some(1),
            ..Memory::default()
        }),
        io: Some(vec![Device {
            major: 8,
            sync_bytes: Some(4),
            async_bytes: Some(1),
            cost_us: Some([1_500_000, 2, 3, 4]),
            ..Device::default()
        }]),
        task_io: None,
        pids: Some(5),
        pressure: Pressure { cpu: Some((1, 2)), memory: Some((3, 4)), io: Some((5, 6)) },
        network: Some(vec![Interface { name: "eth0".into(), rx: [14, 15, 16, 17], tx: [18, 19, 20, 21] }]),
        hugepages: vec![HugePages { size: "2MB".into(), usage: 4, max_usage: Some(10), failcnt: 1 }],
        spec: Some(Spec {
            cpu_shares: Some(1000),
            cpu_period: Some(100_000),
            cpu_quota: Some(10_000),
            memory_limit: Some(2048),
            memory_reservation: Some(1024),
            swap_limit: Some(4096),
            pids_limit: Some(100),
        }),
        processes: Some(Processes {
            count: 1,
            files: Some(5),
            sockets: Some(3),
            max_open_files: Some(16_384),
            states: Some([50, 51, 52, 53]),
        }),
        extra: Some(Box::new(ExtraReading {
            tcp: [Some([13; 11]), Some([11; 11])],
            udp: [Some([1; 4]), Some([2; 4])],
            advanced: vec![("rtomin".into(), 200.0)],
            numa: vec![NumaPages { kind: "anon", scope: "hierarchy", node: 1, pages: 7109 }],
            migrate: Some(1),
            sched: Some([53_643_567, 479_424_566_378, 984_285]),
        })),
    }
}

fn facts() -> ContainerFacts {
    ContainerFacts {
        name: "testcontaineralias".into(),
        image: "test".into(),
        labels: BTreeMap::from([
            ("foo.label".to_owned(), "bar".to_owned()),
            ("empty".to_owned(), String::new()),
        ]),
        state: ContainerState::Running,
        health: "healthy".into(),
        created_ms: 1_000,
        started_ms: 2_000,
        exit_code: Some(137),
        exit_reason: "oom_killed".into(),
        ..ContainerFacts::default()
    }
}

fn all(reading: Option<&Reading>, facts: Option<&ContainerFacts>) -> BTreeMap<String, f64> {
    let device = |major: u32, _: u32| format!("/dev/sd{major}");
    let input = Input { reading, facts, oom_kills: 3, created_ms: 500, device: &device };
    let mut out = BTreeMap::new();
    rows(&input, &mut |name, extra, value| {
        assert!(by_name(name).is_some(), "{name} is in the table of families");
        let labels: Vec<String> = extra.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let before = out.insert(format!("{name}{{{}}}", labels.join(",")), value);
        assert!(before.is_none(), "{name} {labels:?} twice");
    });
    out
}

#[test]
fn values_in_the_units_of_the_names() {
    let got = all(Some(&everything()), Some(&facts()));
    for (series, value) in [
        ("container_cpu_usage_seconds_total{cpu=total}", 14e-9),
        ("container_last_seen{}", 1_395_066_363.0),
        ("container_memory_failures_total{failure_type=pgmajfault,scope=container}", 11.0),
        ("container_blkio_device_usage_total{device=/dev/sd8,major=8,minor=0,operation=Sync}", 4.0),
        ("container_fs_io_cost_usage_seconds_total{device=/dev/sd8}", 1.5),
        ("container_network_transmit_errors_total{interface=eth0}", 20.0),
        ("container_pressure_io_stalled_seconds_total{}", 6e-6),
        ("container_start_time_seconds{}", 2.0),
        ("container_creation_time_seconds{}", 1.0),
        ("container_state{state=running}", 1.0),
        ("container_state{state=exited}", 0.0),
        ("container_health_state{}", 1.0),
        ("container_oom_events_total{}", 3.0),
        ("container_last_exit_code{}", 137.0),
        ("container_last_exit_reason{reason=oom_killed}", 1.0),
        ("container_network_tcp6_usage_total{tcp_state=listen}", 11.0),
        ("container_network_udp_usage_total{udp_state=dropped}", 1.0),
        ("container_memory_numa_pages{type=anon,scope=hierarchy,node=1}", 7109.0),
        ("container_cpu_schedstat_run_seconds_total{}", 0.053643567),
        ("container_ulimits_soft{ulimit=max_open_files}", 16_384.0),
    ] {
        assert_eq!(got.get(series), Some(&value), "{series}");
    }
}

#[test]
fn what_is_not_known_is_left_out() {
    let bare = Reading { t: 1, ..Reading::default() };
    let got = all(Some(&bare), None);
    let names: Vec<&str> = got.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["container_creation_time_seconds{}", "container_last_seen{}", "container_start_time_seconds{}"]
    );
    let mut unlimited = everything();
    unlimited.spec = Some(Spec::default());
    assert!(!all(Some(&unlimited), None).keys().any(|name| name.contains("cfs")), "no quota, no throttling");
    let ended = all(None, Some(&facts()));
    assert!(ended.keys().all(|name| !name.starts_with("container_memory")) && ended.len() >= 9);
}

#[test]
fn labels_are_cadvisors_and_the_targets() {
    let labels: BTreeMap<_, _> = base_labels("/docker/ab", Some(&facts()), "node-1").into_iter().collect();
    let want = [
        ("container_label_foo_label", "bar"),
        ("id", "/docker/ab"),
        ("image", "test"),
        ("instance", "node-1"),
        ("job", "cadvisor"),
        ("name", "testcontaineralias"),
    ];
    assert_eq!(labels, want.map(|(k, v)| (k.to_owned(), v.to_owned())).into_iter().collect());
    assert_eq!(base_labels("/", None, "n").len(), 3);
}

/// Metrics that cAdvisor has and this collector has not, with the reason.
const ABSENT: &[(&str, &str)] = &[
    ("cadvisor_version_info", "names the program"),
    ("container_cpu_load_average_10s", "needs the taskstats netlink family; off by default there"),
    ("container_cpu_load_d_average_10s", "likewise"),
    ("container_llc_occupancy_bytes", "resctrl; off by default there"),
    ("container_memory_bandwidth_", "resctrl; off by default there"),
    ("container_perf_", "a build flag there"),
    ("container_referenced_bytes", "resets the kernel's page flags; off by default there"),
    ("machine_cpu_books", "s390x"),
    ("machine_cpu_cache_capacity_bytes", "CPU topology; off by default there"),
    ("machine_cpu_drawers", "s390x"),
    ("machine_dimm_", "memory modules; not on most machines"),
    ("machine_node_distance", "CPU topology; off by default there"),
    ("machine_node_hugepages_count", "CPU topology; off by default there"),
    ("machine_nvm_", "a build flag there"),
    ("machine_thread_siblings_count", "CPU topology; off by default there"),
];

#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is missing")]
fn every_metric_of_cadvisor_is_here_or_named_as_absent() {
    let folder = testkit::conformance::folder("cadvisor").expect("ignored where it is missing");
    let table = std::fs::read_to_string(folder.join("metrics.tsv")).unwrap();
    let mut seen = 0;
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let (name, kind) = (columns[0], columns[1]);
        let absent = ABSENT.iter().any(|(prefix, _)| name.starts_with(prefix));
        match by_name(name) {
            Some(family) => {
                assert!(!absent, "{name} is listed as absent and is here");
                // The table gives the type that the client library declares; of these it calls the counters gauges.
                assert_eq!(family.kind.as_str(), kind, "{name}");
                seen += 1;
            }
            None => assert!(absent, "{name} is neither here nor named as absent"),
        }
    }
    assert!(seen >= 85, "{seen}");
}

#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is missing")]
fn label_names_are_those_of_the_expected_exposition() {
    let folder = testkit::conformance::folder("cadvisor").expect("ignored where it is missing");
    let text = std::fs::read_to_string(folder.join("expected/prometheus_metrics.txt")).unwrap();
    let base = ["container_env_foo_env", "container_label_foo_label", "id", "image", "name", "zone_name"];
    let mut want: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, rest)) = line.split_once('{') else { continue };
        let labels = rest.split('}').next().unwrap().split(',').filter_map(|pair| pair.split('=').next());
        want.entry(name).or_default().extend(labels.filter(|l| !base.contains(l)).map(str::to_owned));
    }
    let mut got: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let (reading, facts) = (everything(), facts());
    let device = |_: u32, _: u32| String::from("/dev/sdb");
    let input =
        Input { reading: Some(&reading), facts: Some(&facts), oom_kills: 0, created_ms: 1, device: &device };
    rows(&input, &mut |name, extra, _| {
        got.entry(name).or_default().extend(extra.iter().map(|(k, _)| (*k).to_owned()));
    });
    let mut compared = 0;
    for (name, labels) in &got {
        if let Some(expected) = want.get(name) {
            assert_eq!(labels, expected, "{name}");
            compared += 1;
        }
    }
    assert!(compared >= 70, "{compared}");
}
