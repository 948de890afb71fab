//! A scrape target that explodes: the budget holds, sums stay right, and everybody can see whose fault it is.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use tests::{Bonghwa, Case, Component, eventually};

const CHROMIUM: Component =
    Component { name: "/usr/bin/chromium", is_here: || Path::new("/usr/bin/chromium").exists() };
const INTERFACE: Component = Component {
    name: "the built interface (make ui)",
    is_here: || ui().join("node_modules").exists() && ui().join("dist").exists(),
};
const LIMIT: Duration = Duration::from_secs(120);
/// Values of the label that explodes, and what each counts.
const USERS: u64 = 3_000;
const EACH: u64 = 7;

fn main() {
    tests::run(&[
        Case { name: "a_target_that_explodes", needs: &[], test: a_target_that_explodes },
        Case { name: "cardinality_in_chromium", needs: &[CHROMIUM, INTERFACE], test: in_chromium },
    ]);
}

fn ui() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui")
}

/// A target with as many users as it is told.
struct Target {
    address: String,
    users: Arc<AtomicU64>,
}

impl Target {
    fn start(users: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let users = Arc::new(AtomicU64::new(users));
        let told = users.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let _ = stream.read(&mut [0; 8192]);
                let body = body(told.load(Ordering::Relaxed));
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close";
                let _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            }
        });
        Self { address, users }
    }
}

fn body(users: u64) -> String {
    let mut text = String::from("# TYPE requests_total counter\n");
    for user in 0..users {
        writeln!(text, "requests_total{{path=\"/a\",user=\"u{user}\"}} {EACH}").unwrap();
    }
    text.push_str("# TYPE latency_seconds histogram\n");
    for user in 0..users.min(100) {
        for (le, count) in [("0.1", EACH), ("+Inf", 2 * EACH)] {
            writeln!(text, "latency_seconds_bucket{{user=\"u{user}\",le=\"{le}\"}} {count}").unwrap();
        }
    }
    text.push_str("# TYPE temperature gauge\n");
    for user in 0..users.min(100) {
        writeln!(text, "temperature{{user=\"u{user}\"}} 20").unwrap();
    }
    text
}

const RULES: &str = "groups:\n- name: users\n  rules:\n  \
    - {record: 'user:requests:rate', expr: 'sum by (user) (rate(requests_total[1m]))'}\n  \
    - {record: 'path:requests:rate', expr: 'sum by (path) (rate(requests_total[1m]))'}\n";

fn start(folder: &Path, targets: &[&Target]) -> Bonghwa {
    std::fs::write(folder.join("rules.yml"), RULES).unwrap();
    let mut config = String::from(
        "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [rules.yml]\n\
         cardinality: {metrics: {temperature: 40, latency_seconds_bucket: 40}, jobs: {bomb: 300}}\nscrape_configs:\n",
    );
    for (target, job) in targets.iter().zip(["bomb", "calm"]) {
        writeln!(config, "- {{job_name: {job}, static_configs: [{{targets: ['{}']}}]}}", target.address)
            .unwrap();
    }
    let file = folder.join("c.yml");
    std::fs::write(&file, config).unwrap();
    Bonghwa::start(&folder.join("data"), &[&format!("--config.file={}", file.display())]).unwrap()
}

fn fold<'a>(report: &'a Value, metric: &str) -> Option<&'a Value> {
    report["folds"].as_array()?.iter().find(|fold| fold["metric"] == metric)
}

fn a_target_that_explodes() {
    let folder = tempfile::tempdir().unwrap();
    let (bomb, calm) = (Target::start(3), Target::start(10));
    let bonghwa = start(folder.path(), &[&bomb, &calm]);
    eventually("both targets", LIMIT, || {
        bonghwa.value("sum(up)").filter(|up| *up == 2.0)?;
        bonghwa.value("count(requests_total{job=\"bomb\"})").filter(|series| *series == 3.0)
    });
    // The budget of a target is kept once its series were counted.
    let api = "/api/bonghwa/v1/cardinality";
    eventually("targets are counted", LIMIT, || {
        let report = bonghwa.json(api).ok()?;
        let targets = report["targets"].as_array()?.clone();
        targets.into_iter().find(|t| t["job"] == "bomb" && t["budget"] == 300)
    });
    bomb.users.store(USERS, Ordering::Relaxed);

    let report = eventually("the label folds", LIMIT, || {
        let report = bonghwa.json(api).ok()?;
        let found = fold(&report, "requests_total").filter(|f| f["members"].as_u64() > Some(2_000)).cloned();
        found.map(|_| report)
    });
    let requests = fold(&report, "requests_total").unwrap();
    assert_eq!(requests["labels"], serde_json::json!(["user"]));
    assert_eq!(requests["target"], serde_json::json!({"job": "bomb", "instance": bomb.address}));
    assert_eq!((&requests["why"], &requests["budget"]), (&"target".into(), &300.into()));
    assert!(requests["growth_1h"].as_u64() >= Some(2_000), "{requests}");

    let total = (USERS * EACH) as f64;
    eventually("the sum is that of the target", LIMIT, || {
        bonghwa.value("sum(requests_total{job=\"bomb\"})").filter(|sum| *sum == total)
    });
    let series = bonghwa.value("count({job=\"bomb\"})").unwrap();
    assert!(series < 400.0, "{series} series of the target");
    assert_eq!(bonghwa.value("sum(requests_total{job=\"calm\"})"), Some(10.0 * EACH as f64));
    assert_eq!(bonghwa.value("count(requests_total{job=\"calm\"})"), Some(10.0));
    eventually("buckets add up", LIMIT, || {
        let of =
            |le: &str| bonghwa.value(&format!("sum(latency_seconds_bucket{{job=\"bomb\",le=\"{le}\"}})"));
        Some((of("0.1")?, of("+Inf")?)).filter(|sums| *sums == (100.0 * EACH as f64, 200.0 * EACH as f64))
    });
    let refused = eventually("gauges are refused", LIMIT, || {
        let report = bonghwa.json(api).ok()?;
        fold(&report, "temperature").filter(|f| f["refused"]["not_additive"].as_u64() > Some(0)).cloned()
    });
    assert_eq!(refused["labels"], serde_json::json!(["user"]));

    // A query and a rule that use the label are told; others are not.
    let warnings = |query: &str| {
        let answer = bonghwa.json(&format!("/api/v1/query?query={query}")).unwrap();
        answer["warnings"].as_array().map_or(0, Vec::len)
    };
    assert_eq!((warnings("sum+by+(user)+(requests_total)"), warnings("sum(requests_total)")), (1, 0));
    let report = eventually("the rule that uses the label warns", LIMIT, || {
        let groups = bonghwa.json("/api/v1/rules").ok()?;
        let warned =
            |at: usize| groups["data"]["groups"][0]["rules"][at]["warnings"].as_array().map_or(0, Vec::len);
        assert_eq!(warned(1), 0);
        bonghwa.json(api).ok().filter(|report| warned(0) == 1 && report["rules"] != serde_json::json!([]))
    });
    let rules: Vec<&Value> = report["rules"].as_array().unwrap().iter().map(|r| &r["rule"]).collect();
    assert_eq!(rules, ["user:requests:rate"]);
    // No query and no rule has asked for the temperature.
    let unused = report["unused"]["top"].as_array().unwrap();
    assert!(unused.iter().any(|m| m["name"] == "temperature"), "{unused:?}");
    assert!(unused.iter().all(|m| m["name"] != "requests_total"), "{unused:?}");
    assert!(report["churn"].as_array().unwrap().iter().any(|m| m["name"] == "requests_total"));
    assert!(bonghwa.get("/metrics").unwrap().text().unwrap().contains("bonghwa_cardinality_folds_active"));

    // A backup knows which labels fold.
    let (backups, elsewhere) = (folder.path().join("backups"), folder.path().join("elsewhere"));
    let bonghwa_does = |args: [&std::ffi::OsStr; 5]| {
        assert!(Command::new(tests::binary::path().unwrap()).args(args).status().unwrap().success());
    };
    let (url, restored) = (&bonghwa.url, elsewhere.join("data"));
    bonghwa_does(["backup".as_ref(), "--from".as_ref(), url.as_ref(), "--to".as_ref(), backups.as_ref()]);
    bonghwa_does([
        "restore".as_ref(),
        "--from".as_ref(),
        backups.as_ref(),
        "--to".as_ref(),
        restored.as_ref(),
    ]);
    let copy = start(&elsewhere, &[&calm]);
    assert!(fold(&copy.json(api).unwrap(), "requests_total").is_some());
    copy.stop().unwrap();

    // After kill -9 the same label folds at once, and what was counted is not lost.
    bonghwa.kill().unwrap();
    let bonghwa = start(folder.path(), &[&bomb, &calm]);
    eventually("members are back", LIMIT, || {
        let report = bonghwa.json(api).ok()?;
        fold(&report, "requests_total").filter(|f| f["members"].as_u64() > Some(2_000)).cloned()
    });
    let series = bonghwa.value("count({job=\"bomb\"})").unwrap();
    assert!(series < 400.0, "{series} series of the target");
    let release = |metric: &str| {
        let path = format!("{}{api}/release?metric={metric}&job=bomb&instance={}", bonghwa.url, bomb.address);
        bonghwa.client().post(path).send().unwrap().status().as_u16()
    };
    assert_eq!((release("nobody"), release("requests_total")), (404, 200));
    bonghwa.stop().unwrap();
}

fn in_chromium() {
    let folder = tempfile::tempdir().unwrap();
    let bomb = Target::start(3);
    let bonghwa = start(folder.path(), &[&bomb]);
    eventually("the target", LIMIT, || bonghwa.value("sum(up)").filter(|up| *up == 1.0));
    bomb.users.store(USERS, Ordering::Relaxed);
    eventually("labels fold", LIMIT, || {
        let report = bonghwa.json("/api/bonghwa/v1/cardinality").ok()?;
        let members = fold(&report, "requests_total")?["members"].as_u64();
        let refused = fold(&report, "temperature")?["refused"]["not_additive"].as_u64();
        let warned = !report["rules"].as_array()?.is_empty();
        (members > Some(0) && refused > Some(0) && warned).then_some(())
    });
    let artefacts = std::env::var("BONGHWA_ARTEFACTS")
        .unwrap_or_else(|_| folder.path().join("artefacts").display().to_string());
    let status = Command::new("node")
        .args(["--test", "e2e/cardinality.test.mjs"])
        .current_dir(ui())
        .env("BONGHWA_URL", &bonghwa.url)
        .env("BONGHWA_ARTEFACTS", artefacts)
        .status()
        .unwrap();
    assert!(status.success(), "the browser tests say what failed above");
}
