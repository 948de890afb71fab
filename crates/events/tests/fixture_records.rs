//! Files of records written by earlier versions of the program are read by this one. `testdata/records-v1` was written by
//! `cargo test -p events --test fixture_records -- --ignored` when the formats of version 1 were fixed.

#![allow(clippy::unwrap_used)]

#[path = "../../../testkit/copy_folder.rs"]
mod copy_folder;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use copy_folder::copy_folder;
use events::wide::{Options, Store};
use model::records::{Columns, FieldRef, Origin, RecordReader, RecordScan, RecordWriter, Records};
use model::{Ctx, EventKind, Labels, ManualClock, Position, Tenant};

const NOW: i64 = 1_700_000_000_000;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/records-v1")
}

fn open(dir: &Path, clock: &Arc<ManualClock>) -> Store {
    let options = Options { retention_ms: 0, retention_bytes: Some(0), ..Options::default() };
    Store::open(Arc::new(disk::RealFs), dir, options, Arc::clone(clock) as Arc<dyn model::Clock>).unwrap()
}

fn body(n: i64) -> String {
    match n % 5 {
        0 => format!("GET /{n:03} took {n} ms"),
        1 => format!("id={:08x} 결제 실패", n * 0x0123_4567),
        2 => format!("un\u{11}split {n}"),
        3 => String::new(),
        _ => format!("user-{n} {}", "x".repeat(n as usize % 7)),
    }
}

fn fields(n: i64) -> Vec<(&'static str, Origin, FieldRef<'static>)> {
    let level = if n % 2 == 0 { "INFO" } else { "ERROR" };
    let mut all = vec![("level", Origin::Detected, FieldRef::Text(level))];
    match n % 4 {
        0 => all.push(("int", Origin::Sent, FieldRef::Int(-n))),
        1 => all.push(("float", Origin::Sent, FieldRef::Float(n as f64 / 4.0))),
        2 => all.push(("bool", Origin::Detected, FieldRef::Bool(n % 8 == 2))),
        _ => {}
    }
    all
}

fn time(n: i64) -> i64 {
    (NOW - 1000 + n) * 1_000_000 + n
}

fn append(store: &Store, range: std::ops::Range<i64>) {
    let mut records = Records::new();
    for n in range.clone() {
        let stream = records.stream(&Labels::from_pairs([("app", format!("a{}", n % 3))]));
        records.push(stream, time(n), &body(n));
        fields(n).into_iter().for_each(|(name, origin, value)| records.field(name, origin, value));
    }
    let position = (range.end - 1).to_string();
    let position = [Position { source: "fixture", position: position.as_bytes() }];
    let written = store.write(&Tenant::default(), EventKind::Log, &records, &position).unwrap();
    assert_eq!(written.accepted, records.len());
}

#[test]
#[ignore = "writes testdata/records-v1"]
fn write_fixture() {
    let dir = fixture();
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let clock = Arc::new(ManualClock::at_ms(NOW));
    let store = open(&dir, &clock);
    append(&store, 0..400);
    clock.advance_ms(3_600_000);
    store.maintain().unwrap();
    append(&store, 400..450);
    store.close().unwrap();
}

#[test]
fn version_1_is_read() {
    let dir = tempfile::tempdir().unwrap();
    copy_folder(&fixture(), dir.path());
    let store = open(dir.path(), &Arc::new(ManualClock::at_ms(NOW)));
    assert!(store.warnings().is_empty(), "{:?}", store.warnings());
    let scan = RecordScan::everything(EventKind::Log);
    let mut stream = store.scan(&Ctx::unbounded(), &scan).unwrap();
    let (mut batch, mut n) = (Columns::default(), 0);
    while stream.next(&mut batch).unwrap() {
        for row in 0..batch.len() {
            assert_eq!((batch.times[row], batch.body(row)), (time(n), body(n).as_str()));
            assert_eq!(batch.labels(row).get("app"), Some(format!("a{}", n % 3).as_str()));
            for name in ["level", "int", "float", "bool"] {
                let want = fields(n).into_iter().find(|f| f.0 == name).map(|f| f.2);
                assert_eq!(batch.field(row, name), want, "{name} of record {n}");
            }
            n += 1;
        }
    }
    assert_eq!(n, 450);
    assert_eq!(store.position("fixture").as_deref(), Some(&b"449"[..]));
}
