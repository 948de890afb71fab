//! The host collector beside node_exporter: over its fixtures, and over this machine.

#![expect(clippy::expect_used, reason = "in a test a panic is the report")]
#![expect(
    clippy::disallowed_methods,
    reason = "it waits for a program to start, and compares with its clock"
)]

#[path = "host/exposition.rs"]
mod exposition;
#[path = "host/ttar.rs"]
mod ttar;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use collect::host::Config;
use exposition::Exposition;
use testkit::suite::{CONFORMANCE, Case, Component};

const NODE_EXPORTER: Component = Component {
    name: "the reference program prometheus-node-exporter",
    is_here: || testkit::reference("prometheus-node-exporter").is_some(),
};

fn main() {
    testkit::suite::run(&[
        Case {
            name: "fixtures_give_what_node_exporter_gives",
            needs: &[CONFORMANCE],
            test: fixtures_give_what_node_exporter_gives,
        },
        Case {
            name: "this_machine_has_the_names_and_labels_of_node_exporter",
            needs: &[NODE_EXPORTER],
            test: this_machine_has_the_names_and_labels_of_node_exporter,
        },
    ]);
}

/// Families that the sources cover, as beginnings of names.
const COVERED: &[&str] = &[
    "node_boot_time_seconds",
    "node_context_switches_total",
    "node_cooling_device_",
    "node_cpu_bug_info",
    "node_cpu_core_throttles_total",
    "node_cpu_flag_info",
    "node_cpu_frequency_",
    "node_cpu_guest_seconds_total",
    "node_cpu_info",
    "node_cpu_isolated",
    "node_cpu_online",
    "node_cpu_package_throttles_total",
    "node_cpu_scaling_",
    "node_cpu_seconds_total",
    "node_disk_",
    "node_filefd_",
    "node_forks_total",
    "node_intr_total",
    "node_load1",
    "node_load5",
    "node_memory_",
    "node_netstat_",
    "node_network_receive_",
    "node_network_transmit_",
    "node_pressure_",
    "node_processes_",
    "node_procs_",
    "node_sockstat_",
    "node_softirqs_total",
    "node_thermal_zone_temp",
    "node_time_",
    "node_vmstat_",
];

/// Families that begin like covered ones and come from collectors that are not here.
const OTHERS: &[&str] = &["node_memory_numa_", "node_network_transmit_queue_length"];

/// What differs from run to run, or from machine to machine, and is therefore not in the expected output.
const LEFT_OUT: &[&str] = &[
    "node_time_zone_offset_seconds",
    "node_time_seconds",
    "node_network_receive_bytes_total",
    "node_network_receive_packets_total",
    "node_network_transmit_bytes_total",
    "node_network_transmit_packets_total",
];

fn covered(name: &str) -> bool {
    let begins = |list: &[&str]| list.iter().any(|start| name.starts_with(start));
    begins(COVERED) && !begins(OTHERS) && !LEFT_OUT.contains(&name)
}

/// Collectors of which the run that made the expected output had a part.
const SUCCESSES: &[&str] = &[
    "cpu",
    "cpufreq",
    "diskstats",
    "filefd",
    "loadavg",
    "meminfo",
    "netdev",
    "netstat",
    "pressure",
    "processes",
    "sockstat",
    "stat",
    "thermal_zone",
    "time",
    "vmstat",
];

fn fixtures_give_what_node_exporter_gives() {
    let fixtures = testkit::conformance::folder("node_exporter").expect("asked for").join("fixtures");
    let dir = tempfile::tempdir().expect("a temporary folder");
    for archive in ["sys.ttar", "udev.ttar"] {
        let text = std::fs::read(fixtures.join(archive)).expect(archive);
        ttar::unpack(&text, dir.path()).expect(archive);
    }
    let config = Config {
        procfs: fixtures.join("proc"),
        sysfs: dir.path().join("sys"),
        rootfs: fixtures.clone(),
        udev_data: dir.path().join("udev/data"),
        disabled: vec!["filesystem".into(), "uname".into()],
        cpu_info: true,
        cpu_bugs_include: "^(cpu_meltdown|spectre_.*|mds)$".into(),
        cpu_flags_include: "^(aes|avx.?|constant_tsc)$".into(),
        netdev_device_include: "lo".into(),
        stat_softirq: true,
        ..Config::default()
    };
    let expected =
        if rustix::param::page_size() == 65_536 { "e2e-64k-page-output.txt" } else { "e2e-output.txt" };
    let expected = std::fs::read_to_string(fixtures.join(expected)).expect(expected);
    let (mut expected, mut got) = (Exposition::parse(&expected), Exposition::of(&config));

    let succeeded = got.take("node_scrape_collector_success");
    for name in SUCCESSES {
        assert!(
            succeeded.contains(&(format!("{{collector=\"{name}\"}}"), 1.0f64.to_bits())),
            "{name} failed"
        );
    }
    expected.keep(covered);
    got.keep(covered);
    assert!(expected.families.len() > 150, "only {} families are covered", expected.families.len());
    let differences = expected.differences(&got);
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

/// Families that only one of the two has, and why.
const KNOWN_DIFFERENCES: &[&str] = &[
    // Newer than Debian's 1.5.0.
    "node_cpu_isolated",
    "node_cpu_online",
    "node_filesystem_mount_info",
    "node_netstat_TcpExt_TCPOFOQueue",
    "node_netstat_TcpExt_TCPRcvQDrop",
    "node_pressure_irq_stalled_seconds_total",
    "node_time_clocksource_available_info",
    "node_time_clocksource_current_info",
    // Has one label more since (`rotational`).
    "node_disk_info",
];

fn this_machine_has_the_names_and_labels_of_node_exporter() {
    let program = testkit::reference("prometheus-node-exporter").expect("asked for");
    let exporter = Exporter::start(&program);
    let mut expected = Exposition::parse(&exporter.metrics());
    let config = Config { netdev_device_exclude: "^veth".into(), ..Config::default() };
    let mut got = Exposition::of(&config);
    let wanted = |name: &str| {
        let others = ["node_network_transmit_queue_length", "node_memory_numa_"];
        let ours = COVERED.iter().chain(&["node_filesystem_", "node_uname_info"]);
        ours.into_iter().any(|start| name.starts_with(start))
            && !others.iter().any(|start| name.starts_with(start))
            && !KNOWN_DIFFERENCES.contains(&name)
            // Which states there are changes from one moment to the next.
            && !matches!(name, "node_processes_state" | "node_processes_threads_state")
    };
    expected.keep(wanted);
    got.keep(wanted);
    let (theirs, ours) = (expected.series(), got.series());
    let only =
        |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>().join("\n");
    assert_eq!(
        theirs,
        ours,
        "only node_exporter:\n{}\nonly ours:\n{}",
        only(&theirs, &ours),
        only(&ours, &theirs)
    );
    assert!(theirs.len() > 200, "{} series were compared", theirs.len());
    for (name, kind) in &expected.families {
        assert_eq!(got.families.get(name), Some(kind), "type of {name}");
    }
}

/// A running node_exporter, killed at the end.
struct Exporter {
    child: Child,
    address: String,
}

impl Exporter {
    fn start(program: &Path) -> Self {
        // The port is free a moment later for the program to take.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let address = format!("127.0.0.1:{port}");
        let child = Command::new(program)
            .arg(format!("--web.listen-address={address}"))
            .args(["--collector.processes", "--collector.netdev.device-exclude=^veth"])
            .args(["--collector.diskstats.device-exclude", &Config::default().diskstats_device_exclude])
            .args(["--collector.filesystem.mount-points-exclude", &Config::default().mount_points_exclude])
            .args(["--collector.filesystem.fs-types-exclude", &Config::default().fs_types_exclude])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("node_exporter starts");
        Self { child, address }
    }

    fn metrics(&self) -> String {
        let give_up = Instant::now() + Duration::from_secs(60);
        loop {
            match exposition::get(&self.address, "/metrics") {
                Ok(text) => return text,
                Err(error) => assert!(Instant::now() < give_up, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).ok();
    }
}
