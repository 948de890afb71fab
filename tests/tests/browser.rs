//! The pages in a real browser, against the real binary: drives `npm run e2e` of the interface.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

use std::path::Path;
use std::process::Command;

use tests::docker::Container;
use tests::{Bonghwa, skipped};

#[test]
fn pages_in_chromium() {
    let ui = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui");
    if !Path::new("/usr/bin/chromium").exists() {
        return skipped("pages_in_chromium", "/usr/bin/chromium");
    }
    for (folder, command) in [("node_modules", "npm ci"), ("dist", "npm run build")] {
        if !ui.join(folder).exists() {
            return skipped("pages_in_chromium", &format!("ui/{folder} ({command})"));
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &[]).unwrap();
    let containers: Vec<Container> = if tests::docker::available() {
        vec![
            Container::run(
                "steady",
                &["--cpus=0.2", "--memory=64m"],
                "while :; do usleep 20000; echo tick; done",
            )
            .unwrap(),
            Container::run("ended", &[], "sleep 3; exit 2").unwrap(),
        ]
    } else {
        skipped("containers on the pages", "a Docker engine");
        Vec::new()
    };
    let artefacts = std::env::var("BONGHWA_ARTEFACTS")
        .unwrap_or_else(|_| folder.path().join("artefacts").display().to_string());
    let status = Command::new("npm")
        .args(["run", "--silent", "e2e"])
        .current_dir(&ui)
        .env("BONGHWA_URL", &bonghwa.url)
        .env("BONGHWA_ARTEFACTS", artefacts)
        .status()
        .unwrap();
    assert!(status.success(), "the browser tests say what failed above");
    drop(containers);
}
