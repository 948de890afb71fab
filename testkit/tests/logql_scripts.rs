//! Runs the scripts of `crates/query/testdata/logql`, once over a store that makes every test and once over one that
//! makes none, and over the store on disk.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test file is no library; a panic is its report"
)]

use std::path::Path;
use std::sync::Arc;

use events::wide::{Options, Store};
use model::ManualClock;
use testkit::logqltest::run;
use testkit::{MemoryRecords, conformance};

fn script(name: &str) {
    let path: &Path = &conformance::repository().join("crates/query/testdata/logql").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    for store in [MemoryRecords::new(), MemoryRecords::lazy()] {
        let commands = run(&text, &store).unwrap_or_else(|e| panic!("{name}, {e}"));
        assert!(commands > 3, "{name} has {commands} commands");
    }
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at_ms(3_600_000));
    let store = Store::open(Arc::new(disk::RealFs), folder.path(), Options::default(), clock).unwrap();
    run(&text, &store).unwrap_or_else(|e| panic!("{name} over the store on disk, {e}"));
}

#[test]
fn lines() {
    script("lines.test");
}

#[test]
fn counts() {
    script("counts.test");
}

#[test]
fn values() {
    script("values.test");
}

#[test]
fn vectors() {
    script("vectors.test");
}

#[test]
fn fields() {
    script("fields.test");
}
