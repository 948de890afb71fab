//! Remote write into Debian's prometheus, victoria-metrics and this program itself, over outages and `kill -9`; remote
//! read from Debian's prometheus.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::{Exemplar, Histogram, Labels, Span};
use serde_json::Value;
use testkit::prometheus::Prometheus;
use tests::{Bonghwa, Case, Component, eventually};
use wire::remote_write::{Encoder, Point};

const PROMETHEUS: Component =
    Component { name: "Debian's prometheus", is_here: || testkit::reference("prometheus").is_some() };
const VICTORIA: Component = Component {
    name: "Debian's victoria-metrics",
    is_here: || testkit::reference("victoria-metrics").is_some(),
};

fn main() {
    // The HTTP client wants one even for plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    tests::run(&[
        Case {
            name: "everything_arrives_in_prometheus",
            needs: &[PROMETHEUS],
            test: || everything_arrives(Kind::Prometheus, ""),
        },
        Case {
            name: "everything_arrives_in_victoria_metrics",
            needs: &[VICTORIA],
            test: || everything_arrives(Kind::Victoria, ""),
        },
        Case {
            name: "everything_arrives_in_this_program_in_version_2",
            needs: &[],
            test: || {
                everything_arrives(Kind::Own, "\n    protobuf_message: io.prometheus.write.v2.Request");
            },
        },
        Case {
            name: "histograms_and_exemplars_arrive_in_prometheus",
            needs: &[PROMETHEUS],
            test: histograms_and_exemplars,
        },
        Case { name: "prometheus_is_read_beside_the_store", needs: &[PROMETHEUS], test: remote_read },
    ]);
}

const SERIES: usize = 40;
const LONG: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Prometheus,
    Victoria,
    Own,
}

/// A receiver that can be stopped and started again where it was.
struct Peer {
    kind: Kind,
    address: std::net::SocketAddr,
    folder: PathBuf,
    child: Option<Child>,
}

impl Peer {
    fn new(kind: Kind, folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { kind, address, folder: folder.to_owned(), child: None }
    }

    fn start(&mut self) {
        let data = self.folder.join("data");
        let config = self.folder.join("empty.yml");
        std::fs::write(&config, "global: {}\n").unwrap();
        let (address, data) = (self.address, data.display());
        let (program, args) = match self.kind {
            Kind::Prometheus | Kind::Own => (
                if self.kind == Kind::Own {
                    tests::binary::path().ok()
                } else {
                    testkit::reference("prometheus")
                },
                vec![
                    format!("--config.file={}", config.display()),
                    format!("--storage.tsdb.path={data}"),
                    format!("--web.listen-address={address}"),
                    "--web.enable-remote-write-receiver".to_owned(),
                ],
            ),
            Kind::Victoria => (
                testkit::reference("victoria-metrics"),
                vec![format!("-storageDataPath={data}"), format!("-httpListenAddr={address}")],
            ),
        };
        let mut command = Command::new(program.unwrap());
        command.args(args).current_dir(&self.folder).stdin(Stdio::null()).stdout(Stdio::null());
        self.child = Some(command.stderr(Stdio::null()).spawn().unwrap());
        let health = if self.kind == Kind::Victoria { "/health" } else { "/-/ready" };
        let url = format!("http://{address}{health}");
        eventually("the receiver is ready", LONG, || {
            reqwest::blocking::get(&url).ok().filter(|answer| answer.status().is_success())
        });
    }

    /// Ends it in order, so that what it acknowledged is there when it comes back.
    fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        rustix::process::kill_process(
            rustix::process::Pid::from_child(&child),
            rustix::process::Signal::TERM,
        )
        .unwrap();
        eventually("the receiver ended", LONG, || child.try_wait().ok().flatten());
    }

    /// Every sample it has.
    fn samples(&self) -> Option<Samples> {
        let base = format!("http://{}", self.address);
        match self.kind {
            Kind::Victoria => exported(&base),
            _ => queried(&base),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// (time in ms, value) by the label `i`.
type Samples = BTreeMap<String, BTreeSet<(i64, u64)>>;

fn queried(base: &str) -> Option<Samples> {
    let url =
        reqwest::Url::parse_with_params(&format!("{base}/api/v1/query"), [("query", "relayed[2h]")]).ok()?;
    let answer: Value = serde_json::from_str(&reqwest::blocking::get(url).ok()?.text().ok()?).ok()?;
    let mut all = Samples::new();
    for series in answer["data"]["result"].as_array()? {
        let points = series["values"].as_array()?.iter().map(|point| {
            let t = (point[0].as_f64().unwrap() * 1000.0).round() as i64;
            (t, point[1].as_str().unwrap().parse::<f64>().unwrap().to_bits())
        });
        let points: Vec<_> = points.collect();
        let count = points.len();
        let set: BTreeSet<_> = points.into_iter().collect();
        assert_eq!(set.len(), count, "nothing is there twice");
        assert_eq!(series["metric"]["job"], "kept", "{series}");
        all.insert(series["metric"]["i"].as_str()?.to_owned(), set);
    }
    Some(all)
}

fn exported(base: &str) -> Option<Samples> {
    let url = format!("{base}/api/v1/export?match[]=relayed");
    let text = reqwest::blocking::get(url).ok()?.text().ok()?;
    let mut all = Samples::new();
    for line in text.lines() {
        let series: Value = serde_json::from_str(line).ok()?;
        let values = series["values"].as_array()?.iter().map(|v| v.as_f64().unwrap().to_bits());
        let times = series["timestamps"].as_array()?.iter().map(|t| t.as_i64().unwrap());
        all.entry(series["metric"]["i"].as_str()?.to_owned()).or_default().extend(times.zip(values));
    }
    Some(all)
}

/// Stores rounds of samples with the times that follow.
struct Source {
    from: i64,
    round: i64,
}

impl Source {
    fn write(&mut self, bonghwa: &Bonghwa, rounds: i64) {
        for _ in 0..rounds {
            let mut encoder = Encoder::new();
            for i in 0..SERIES {
                let i = i.to_string();
                let labels =
                    Labels::from_pairs([("__name__", "relayed"), ("i", i.as_str()), ("job", "kept")]);
                let point = Point { t: self.from + self.round * 1_000, v: self.round as f64 + 0.25 };
                encoder.series(labels.iter(), [point]);
            }
            let request = bonghwa.client().post(format!("{}/api/v1/write", bonghwa.url));
            let body = encoder.finish().unwrap();
            let answer = request.header("content-encoding", "snappy").body(body).send().unwrap();
            assert_eq!(answer.status(), 204, "{}", answer.text().unwrap_or_default());
            self.round += 1;
        }
    }

    fn want(&self) -> Samples {
        let points: BTreeSet<_> =
            (0..self.round).map(|k| (self.from + k * 1_000, (k as f64 + 0.25).to_bits())).collect();
        (0..SERIES).map(|i| (i.to_string(), points.clone())).collect()
    }
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

fn arrived(peer: &Peer, source: &Source, when: &str) {
    let want = source.want();
    eventually(&format!("everything is there {when}"), LONG, || peer.samples().filter(|got| *got == want));
}

fn everything_arrives(kind: Kind, more: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut peer = Peer::new(kind, &folder.path().join("peer"));
    let config = folder.path().join("prometheus.yml");
    let text = format!(
        "remote_write:\n  - url: http://{}/api/v1/write\n    name: peer{more}\n    queue_config: {{min_shards: 3, \
         max_samples_per_send: 100, batch_send_deadline: 100ms}}\n",
        peer.address
    );
    std::fs::write(&config, text).unwrap();
    let args =
        [format!("--config.file={}", config.display()), "--web.enable-remote-write-receiver".to_owned()];
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let data = folder.path().join("data");
    let mut source = Source { from: now_ms() - 1_800_000, round: 0 };

    peer.start();
    let bonghwa = Bonghwa::start(&data, &args).unwrap();
    source.write(&bonghwa, 30);
    arrived(&peer, &source, "while both run");

    peer.stop();
    source.write(&bonghwa, 30);
    let queue = eventually("the queue waits", LONG, || {
        let queue = bonghwa.json("/api/bonghwa/v1/status").ok()?["queues"][0].clone();
        (queue["activity"] == "retrying").then_some(queue)
    });
    assert!(queue["lag_bytes"].as_u64().unwrap() > 0 && queue["last_error"].is_string(), "{queue}");
    bonghwa.kill().unwrap();
    let bonghwa = Bonghwa::start(&data, &args).unwrap();
    source.write(&bonghwa, 30);
    peer.start();
    arrived(&peer, &source, "after an outage and a crash");

    // Killed while samples are on their way.
    source.write(&bonghwa, 60);
    bonghwa.kill().unwrap();
    let bonghwa = Bonghwa::start(&data, &args).unwrap();
    arrived(&peer, &source, "after a crash in the middle");

    // An orderly stop delivers what is stored.
    source.write(&bonghwa, 20);
    assert_eq!(bonghwa.stop().unwrap(), Some(0));
    arrived(&peer, &source, "after an orderly stop");

    let bonghwa = Bonghwa::start(&data, &args).unwrap();
    source.write(&bonghwa, 1);
    arrived(&peer, &source, "in the end");
    let metrics = bonghwa.get("/metrics").unwrap().text().unwrap();
    let failed = metrics.lines().find(|l| l.starts_with("prometheus_remote_storage_samples_failed_total"));
    assert!(failed.unwrap().ends_with(" 0"), "{failed:?}");
}

fn remote_read() {
    let folder = tempfile::tempdir().unwrap();
    let remote = Prometheus::start(&testkit::reference("prometheus").unwrap(), folder.path()).unwrap();
    let now = now_ms();
    let series = |name: &str, times: std::ops::Range<i64>, v: f64| {
        let labels = Labels::from_pairs([("__name__", name), ("job", "kept"), ("region", "kr")]);
        (labels, times.map(|k| (now - 3_600_000 + k * 60_000, v)).collect::<Vec<_>>())
    };
    remote.write(&[series("both", 0..40, 1.0), series("far", 0..40, 2.0)], 60_000).unwrap();

    let config = folder.path().join("bonghwa.yml");
    let text = format!(
        "global: {{external_labels: {{region: kr}}}}\nremote_read:\n  - url: http://{}/api/v1/read\n    read_recent: true\n",
        remote.address()
    );
    std::fs::write(&config, text).unwrap();
    let flag = format!("--config.file={}", config.display());
    let args = [flag.as_str(), "--web.enable-remote-write-receiver"];
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &args).unwrap();
    let mut encoder = Encoder::new();
    let labels = Labels::from_pairs([("__name__", "both"), ("job", "kept")]);
    // From minute 30 on both have samples: the local ones win.
    encoder.series(labels.iter(), (30..50).map(|k| Point { t: now - 3_600_000 + k * 60_000, v: 10.0 }));
    let request = bonghwa.client().post(format!("{}/api/v1/write", bonghwa.url));
    let answer = request.header("content-encoding", "snappy").body(encoder.finish().unwrap()).send().unwrap();
    assert_eq!(answer.status(), 204);

    assert_eq!(bonghwa.value("count_over_time(both[2h])"), Some(50.0));
    assert_eq!(bonghwa.value("sum_over_time(both[2h])"), Some(30.0 + 200.0));
    let far = bonghwa.query("sum_over_time(far[2h])").unwrap();
    assert_eq!(far, [(serde_json::json!({"job": "kept"}), 80.0)], "external labels are taken out");
    assert_eq!(bonghwa.value("count({job=\"kept\"} offset 20m)"), Some(2.0));
    let listed = bonghwa.json("/api/v1/series?match[]=far").unwrap();
    assert_eq!(listed["data"], serde_json::json!([{"__name__": "far", "job": "kept"}]));

    drop(remote);
    let answer = bonghwa.json("/api/v1/query?query=count_over_time(both[2h])").unwrap();
    assert_eq!(answer["data"]["result"][0]["value"][1], "20", "what is stored here is shown: {answer}");
    assert!(
        answer["warnings"][0].as_str().unwrap().contains("remote_read: error sending request"),
        "{answer}"
    );
}

fn histograms_and_exemplars() {
    let folder = tempfile::tempdir().unwrap();
    let features = "--enable-feature=native-histograms,exemplar-storage";
    let program = testkit::reference("prometheus").unwrap();
    let receiver = Prometheus::start_with(&program, folder.path(), &[features]).unwrap();
    let config = folder.path().join("bonghwa.yml");
    let text = format!(
        "remote_write:\n  - url: http://{}/api/v1/write\n    send_exemplars: true\n    send_native_histograms: true\n    \
         queue_config: {{batch_send_deadline: 100ms}}\n",
        receiver.address()
    );
    std::fs::write(&config, text).unwrap();
    let flag = format!("--config.file={}", config.display());
    let args = [flag.as_str(), "--web.enable-remote-write-receiver"];
    let bonghwa = Bonghwa::start(&folder.path().join("own"), &args).unwrap();
    let now = now_ms();
    let labels = Labels::from_pairs([("__name__", "taken_seconds"), ("job", "kept")]);
    let mut encoder = Encoder::new();
    encoder.begin(labels.iter());
    for k in 0..5 {
        let count = 3.0 * f64::from(k + 1);
        let histogram = Histogram {
            schema: 2,
            count,
            sum: 1.5 * count,
            positive_spans: vec![Span { offset: 1, length: 2 }],
            positive_buckets: vec![count / 3.0, count / 3.0 * 2.0],
            ..Histogram::default()
        };
        encoder.histogram(now - 60_000 + i64::from(k) * 1_000, &histogram);
    }
    let trace = Exemplar { labels: Labels::from_pairs([("trace_id", "abc")]), t: now - 57_000, v: 0.5 };
    encoder.exemplar(&trace).end();
    let request = bonghwa.client().post(format!("{}/api/v1/write", bonghwa.url));
    let answer = request.header("content-encoding", "snappy").body(encoder.finish().unwrap()).send().unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().unwrap_or_default());

    let query = "histogram_sum(rate(taken_seconds[5m])) + histogram_count(taken_seconds)";
    let at = (now / 1_000 - 50).to_string();
    let ours =
        bonghwa.json(&format!("/api/v1/query?time={at}&query=count_over_time(taken_seconds[5m])")).unwrap();
    assert_eq!(ours["data"]["result"][0]["value"][1], "5", "{ours}");
    let ask = |query: &str| receiver.ask("query", &[("query", query), ("time", &at)]).ok();
    eventually("all histograms are there", LONG, || {
        let answer = ask("count_over_time(taken_seconds[5m])")?;
        (answer["data"]["result"][0]["value"][1] == "5").then_some(())
    });
    let there = ask(query).unwrap();
    let url = reqwest::Url::parse_with_params(
        &format!("{}/api/v1/query", bonghwa.url),
        [("query", query), ("time", at.as_str())],
    );
    let here: Value =
        serde_json::from_str(&reqwest::blocking::get(url.unwrap()).unwrap().text().unwrap()).unwrap();
    assert_eq!(here["data"]["result"], there["data"]["result"]);
    let range = [("query", "taken_seconds"), ("start", "0"), ("end", "99999999999")];
    let exemplars = receiver.ask("query_exemplars", &range).unwrap();
    let first = &exemplars["data"][0]["exemplars"][0];
    assert_eq!(
        (&first["labels"]["trace_id"], &first["value"]),
        (&"abc".into(), &"0.5".into()),
        "{exemplars}"
    );
}
