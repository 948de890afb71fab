//! The same jobs here and at Debian's prometheus: the same targets, label by label.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

use std::time::Duration;

use serde_json::Value;
use testkit::prometheus::Prometheus;
use tests::{Bonghwa, Case, Component, eventually};

const PROMETHEUS: Component =
    Component { name: "Debian's prometheus", is_here: || testkit::reference("prometheus").is_some() };

fn main() {
    tests::run(&[Case {
        name: "targets_are_those_of_prometheus",
        needs: &[PROMETHEUS],
        test: targets_are_those_of_prometheus,
    }]);
}

/// Nothing listens at these targets: what is compared is what discovery and relabelling make of them.
const JOBS: &str = "
global: {scrape_interval: 1s, external_labels: {dc: x}}
scrape_configs:
- job_name: fixed
  honor_labels: true
  scheme: https
  basic_auth: {username: u, password: p}
  static_configs:
  - {targets: ['127.0.0.1:1', 'localhost:2'], labels: {env: prod, __metrics_path__: /own}}
- job_name: files
  scrape_interval: 3s
  scrape_timeout: 1500ms
  params: {module: [a, b], 'odd name': ['x y']}
  metrics_path: /m
  file_sd_configs: [{files: ['FOLDER/t*.json']}]
  relabel_configs:
  - {source_labels: [__address__], regex: 'drop.*', action: drop}
  - {source_labels: [__meta_filepath], regex: '.*/(.+)', target_label: file}
  - {action: labelmap, regex: '__meta_(file)(.*)', replacement: '${1}_${2}'}
  - {source_labels: [__address__], action: hashmod, modulus: 7, target_label: shard}
  - {target_label: __param_target, source_labels: [__address__]}
  - {target_label: instance, replacement: other}
";

/// What must be equal of a target. How and when it was scraped is not.
const MEMBERS: [&str; 8] = [
    "discoveredLabels",
    "labels",
    "scrapePool",
    "scrapeUrl",
    "globalUrl",
    "health",
    "scrapeInterval",
    "scrapeTimeout",
];

fn members(targets: &Value, names: &[&str]) -> Option<Vec<Value>> {
    let targets = targets.as_array()?;
    // Asked again until every one was scraped once.
    if targets.iter().any(|t| t.get("health").is_some_and(|health| health == "unknown")) {
        return None;
    }
    let of = |t: &Value| names.iter().map(|name| t[*name].clone()).collect::<Value>();
    let mut all: Vec<Value> = targets.iter().map(of).collect();
    all.sort_by_key(ToString::to_string);
    Some(all)
}

fn targets_are_those_of_prometheus() {
    let folder = tempfile::tempdir().unwrap();
    let json = r#"[{"targets": ["127.0.0.1:3", "dropme:1", "[::1]:4"], "labels": {"x": "y", "empty": ""}}]"#;
    std::fs::write(folder.path().join("t1.json"), json).unwrap();
    let jobs = JOBS.replace("FOLDER", &folder.path().display().to_string());
    let program = testkit::reference("prometheus").unwrap();
    let reference = Prometheus::start_configured(&program, folder.path(), &jobs, &[]).unwrap();
    let file = folder.path().join("ours.yml");
    std::fs::write(&file, &jobs).unwrap();
    let config = format!("--config.file={}", file.display());
    let bonghwa = Bonghwa::start(&folder.path().join("ours"), &[&config]).unwrap();

    let limit = Duration::from_secs(60);
    let found = |answer: Value| {
        let data = &answer["data"];
        Some((
            members(&data["activeTargets"], &MEMBERS).filter(|all| all.len() == 4)?,
            members(&data["droppedTargets"], &["discoveredLabels"]).filter(|all| all.len() == 1)?,
        ))
    };
    let theirs = eventually("targets of the reference", limit, || {
        found(serde_json::to_value(reference.get("/api/v1/targets").ok()?).ok()?)
    });
    let ours = eventually("our targets", limit, || found(bonghwa.json("/api/v1/targets").ok()?));
    assert_eq!(ours, theirs);
    bonghwa.stop().unwrap();
}
