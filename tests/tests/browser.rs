//! The pages in a real browser, against the real binary: drives `npm run e2e` of the interface.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tests::docker::{Container, ENGINE};
use tests::{Bonghwa, Case, Component, eventually};

const CHROMIUM: Component =
    Component { name: "/usr/bin/chromium", is_here: || Path::new("/usr/bin/chromium").exists() };
const INTERFACE: Component = Component {
    name: "the built interface (make ui)",
    is_here: || ui().join("node_modules").exists() && ui().join("dist").exists(),
};

fn main() {
    tests::run(&[
        Case { name: "pages_in_chromium", needs: &[CHROMIUM, INTERFACE, ENGINE], test: pages_in_chromium },
        Case { name: "alerts_and_rules_in_chromium", needs: &[CHROMIUM, INTERFACE], test: alerts_and_rules },
        Case { name: "logs_in_chromium", needs: &[CHROMIUM, INTERFACE], test: logs },
    ]);
}

fn ui() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui")
}

fn pages_in_chromium() {
    let folder = tempfile::tempdir().unwrap();
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &[]).unwrap();
    let busy = "while :; do usleep 20000; echo tick; done";
    let containers = [
        Container::run("steady", &["--cpus=0.2", "--memory=64m"], busy).unwrap(),
        Container::run("ended", &[], "sleep 3; exit 2").unwrap(),
    ];
    // Blank charts of the first half minute say that samples are still coming; the pages are tested after that.
    eventually("half a minute of samples", Duration::from_secs(120), || {
        bonghwa.value("count_over_time(node_load1[5m])").filter(|count| *count >= 5.0)
    });
    let artefacts = std::env::var("BONGHWA_ARTEFACTS")
        .unwrap_or_else(|_| folder.path().join("artefacts").display().to_string());
    let status = Command::new("npm")
        .args(["run", "--silent", "e2e"])
        .current_dir(ui())
        .env("BONGHWA_URL", &bonghwa.url)
        .env("BONGHWA_ARTEFACTS", artefacts)
        .status()
        .unwrap();
    assert!(status.success(), "the browser tests say what failed above");
    drop(containers);
}

const RULES: &str = "groups:\n- name: examples\n  interval: 1s\n  rules:\n  \
    - {record: 'one:value', expr: 'vector(1)', labels: {team: a}}\n  \
    - {alert: AlwaysFiring, expr: 'label_replace(vector(7), \"room\", \"hall\", \"\", \"\")', labels: {severity: critical}, \
       annotations: {summary: 'the value is {{ $value }}'}}\n  \
    - {alert: AlwaysPending, expr: 'vector(2)', for: 1h, labels: {severity: warning}}\n  \
    - {alert: NeverFiring, expr: 'vector(1) > 2', annotations: {summary: 'never seen'}}\n  \
    - {record: broken, expr: 'vector(1) + on () (vector(1) or label_replace(vector(2), \"a\", \"b\", \"\", \"\"))'}\n";

fn alerts_and_rules() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.yml"), RULES).unwrap();
    let config = folder.path().join("c.yml");
    std::fs::write(&config, "rule_files: [rules.yml]\n").unwrap();
    let config = format!("--config.file={}", config.display());
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &[&config]).unwrap();
    eventually("evaluated", Duration::from_secs(60), || bonghwa.value("ALERTS{alertstate=\"firing\"}"));
    drive("e2e/alerts.test.mjs", &bonghwa, folder.path());
}

/// The tests push the lines themselves, and ask for the log of a container where there is an engine.
fn logs() {
    let folder = tempfile::tempdir().unwrap();
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &[]).unwrap();
    drive("e2e/logs.test.mjs", &bonghwa, folder.path());
}

/// Runs one file of browser tests.
fn drive(file: &str, bonghwa: &Bonghwa, folder: &Path) {
    let artefacts =
        std::env::var("BONGHWA_ARTEFACTS").unwrap_or_else(|_| folder.join("artefacts").display().to_string());
    let status = Command::new("node")
        .args(["--test", file])
        .current_dir(ui())
        .env("BONGHWA_URL", &bonghwa.url)
        .env("BONGHWA_ARTEFACTS", artefacts)
        .status()
        .unwrap();
    assert!(status.success(), "the browser tests say what failed above");
}
