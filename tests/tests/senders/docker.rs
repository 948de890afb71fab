//! The log drivers of a Docker engine.

use std::collections::BTreeMap;

use tests::docker::Container;
use tests::eventually;

use crate::ours::{LONG, Line, Ours, texts};

/// Numbered lines on one output and some on the other, Korean, a line of 20 KiB (the engine passes on 16 KiB at a time),
/// and the end; it lives on so that its metrics can be asked for.
const SCRIPT: &str = "sleep 1; i=1; while [ $i -le 300 ]; do echo \"line $i\"; i=$((i + 1)); done; \
    echo '주문 완료 ✓'; head -c 20480 /dev/zero | tr '\\0' x; echo; echo last; sleep 1; \
    for i in 1 2 3; do echo \"ERROR failed $i\" >&2; done; sleep 3600";

struct Wanted<'a> {
    options: Vec<String>,
    /// How many records the long line is at most.
    pieces: usize,
    /// Labels beside those that every container's lines have.
    labels: &'a [(&'a str, &'a str)],
}

/// Runs a container for each, and checks that a user finds its lines as those of every other container.
fn check(ours: &Ours, prefix: &str, wanted: &[Wanted<'_>]) {
    let run = |wanted: &Wanted<'_>| {
        let options: Vec<&str> = wanted.options.iter().map(String::as_str).collect();
        Container::run(prefix, &options, SCRIPT).unwrap()
    };
    let containers: Vec<Container> = wanted.iter().map(run).collect();
    for (container, wanted) in containers.iter().zip(wanted) {
        let page = format!("{{container_id=\"{}\"}}", container.id);
        let lines = eventually("all lines of the container", LONG, || {
            let lines = ours.lines(&page);
            let ends = |text: &str| lines.iter().any(|line| line.text == text);
            (ends("last") && ends("ERROR failed 3")).then_some(lines)
        });
        let outputs = lines.iter().filter(|line| matches!(line.field("stream"), "stdout" | "stderr"));
        assert_eq!(outputs.count(), lines.len(), "a line of another output");
        assert!(ours.has_series(&page));
        of_output(&lines, "stdout", wanted.pieces);
        let errors: Vec<Line> = lines.iter().filter(|l| l.field("stream") == "stderr").cloned().collect();
        assert_eq!(texts(&errors), ["ERROR failed 1", "ERROR failed 2", "ERROR failed 3"], "{errors:#?}");
        assert!(errors.iter().all(|line| line.field("detected_level") == "error"), "{errors:#?}");
        let level = lines[0].field("detected_level");
        assert_eq!(level, "", "the level of a line is what it says, not where it was written");
        let mut labels: BTreeMap<&str, &str> = BTreeMap::from([
            ("container_id", container.id.as_str()),
            ("container", container.name.as_str()),
            ("service_name", container.name.as_str()),
        ]);
        labels.extend(wanted.labels.iter().copied());
        for line in &lines {
            let found: BTreeMap<&str, &str> = line
                .labels
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_str()))
                .filter(|(n, _)| *n != "node")
                .collect();
            assert_eq!(found, labels);
        }
        // The metrics of the same container, by its name and by its id.
        let (name, id) = (&container.name, &container.id);
        for query in [
            format!("container_start_time_seconds{{name=\"{name}\"}}"),
            format!("container_start_time_seconds{{id=~\".*{id}.*\"}}"),
        ] {
            eventually(&query, LONG, || ours.binary.value(&query));
        }
        let counted = format!(
            "count_over_time({{container=\"{name}\"}} |= \"failed\" | detected_level=\"error\" [5m])"
        );
        assert_eq!(ours.metric(&format!("sum({counted})")), Some(3.0));
    }
}

/// Every line once and in order.
fn of_output(lines: &[Line], output: &str, pieces: usize) {
    let lines: Vec<&Line> = lines.iter().filter(|line| line.field("stream") == output).collect();
    let found: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    let wanted: Vec<String> = (1..=300).map(|n| format!("line {n}")).collect();
    assert_eq!(found[..300], wanted);
    assert_eq!(found[300], "주문 완료 ✓");
    assert_eq!(found.last(), Some(&"last"));
    let long = &found[301..found.len() - 1];
    assert!(long.concat() == "x".repeat(20_480) && long.len() <= pieces, "{} pieces", long.len());
}

fn options(driver: &str, more: &[&str]) -> Vec<String> {
    let log = more.iter().map(|option| format!("--log-opt={option}"));
    std::iter::once(format!("--log-driver={driver}")).chain(log).collect()
}

pub fn json_file() {
    let ours = Ours::with_containers();
    let labels = [];
    check(&ours, "json", &[Wanted { options: options("json-file", &[]), pieces: 1, labels: &labels }]);
}

pub fn fluentd() {
    let ours = Ours::with_containers();
    let address = format!("fluentd-address={}", ours.address("fluent", 0));
    let exact = "fluentd-sub-second-precision=true";
    let named = ["fluentd-async=true", "tag=docker.{{.ImageName}}", exact, &*address];
    check(
        &ours,
        "fluentd",
        &[Wanted {
            options: options("fluentd", &named),
            pieces: FLUENTD_PIECES,
            labels: &[("input", "fluent"), ("tag", "docker.bonghwa-test/busybox")],
        }],
    );
    // Waits for the connection before the container starts, and by the second.
    let waiting = ["tag=now", &*address];
    check(
        &ours,
        "fluentd",
        &[Wanted {
            options: options("fluentd", &waiting),
            pieces: FLUENTD_PIECES,
            labels: &[("input", "fluent"), ("tag", "now")],
        }],
    );
}

/// Every line waits for our acknowledgement, which says that it is on disk.
pub fn fluentd_acknowledged() {
    let ours = Ours::start();
    let address = format!("fluentd-address={}", ours.address("fluent", 0));
    let options = options("fluentd", &["fluentd-request-ack=true", "tag=ack", &address]);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let script = "i=1; while [ $i -le 100 ]; do echo \"line $i\"; i=$((i + 1)); done; echo end; sleep 3600";
    let container = Container::run("ack", &options, script).unwrap();
    let lines = ours.wait(&format!("{{container_id=\"{}\"}}", container.id), 101);
    let wanted: Vec<String> = (1..=100).map(|n| format!("line {n}")).collect();
    assert_eq!(texts(&lines)[..100], wanted);
}

pub fn gelf() {
    let ours = Ours::with_containers();
    let of = |at: usize, scheme: &str| {
        let address = format!("gelf-address={scheme}://{}", ours.address("gelf", at));
        options("gelf", &[&address])
    };
    let labels = [("input", "gelf")];
    check(
        &ours,
        "gelf",
        &[
            Wanted { options: of(0, "udp"), pieces: 2, labels: &labels },
            Wanted { options: of(1, "tcp"), pieces: 2, labels: &labels },
        ],
    );
    let lines = ours.lines("{input=\"gelf\"}");
    assert!(lines.iter().all(|line| line.field("image_name") == tests::docker::IMAGE));
    assert!(
        lines.iter().all(|line| line.field("command").is_empty()),
        "arguments of containers are left out"
    );
}

pub fn syslog() {
    let ours = Ours::with_containers();
    let of = |at: usize, scheme: &str, format: &str, tag: &str| {
        let address = format!("syslog-address={scheme}://{}", ours.address("syslog", at));
        let format = format!("syslog-format={format}");
        options("syslog", &[&*address, &*format, tag])
    };
    let labels = [("input", "syslog")];
    let named = "tag={{.Name}}/{{.FullID}}";
    let wanted = [
        of(0, "udp", "rfc3164", named),
        of(0, "udp", "rfc5424micro", named),
        of(1, "tcp", "rfc5424micro", named),
        of(1, "tcp", "rfc3164", "tag={{.FullID}}"),
        // As the driver names it unless it is told otherwise: 12 digits of the id.
        of(1, "tcp", "rfc5424", "tag={{.ID}}"),
    ];
    let wanted = wanted.map(|options| Wanted { options, pieces: 2, labels: &labels });
    check(&ours, "syslog", &wanted);
}

/// Records that the line of 20 KiB becomes.
const FLUENTD_PIECES: usize = 2;
