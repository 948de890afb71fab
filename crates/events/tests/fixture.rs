//! Files written by earlier versions of the program are read by this one. `testdata/v1` was written by
//! `cargo test -p events --test fixture -- --ignored` when the formats of version 1 were fixed.

#![allow(clippy::unwrap_used)]

#[path = "../../../testkit/copy_folder.rs"]
mod copy_folder;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use copy_folder::copy_folder;
use events::{Options, Store};
use model::{
    Ctx, Event, EventKind, EventReader, EventScan, EventWriter, FieldValue, Labels, ManualClock, Order,
    Position, Tenant,
};

const NOW: i64 = 1_700_000_000_000;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/v1")
}

fn open(dir: &Path, clock: &Arc<ManualClock>) -> Store {
    let options = Options {
        retention_ms: 0,
        container_retention_ms: 0,
        retention_bytes: Some(0),
        ..Options::default()
    };
    Store::open(Arc::new(disk::RealFs), dir, options, Arc::clone(clock) as Arc<dyn model::Clock>).unwrap()
}

fn event(n: i64) -> Event {
    Event {
        time_ns: (NOW + n) * 1_000_000 + n,
        stream: Labels::from_pairs([("container", format!("c{}", n % 3))]),
        body: format!("사건 {n}"),
        fields: BTreeMap::from([
            ("int".to_owned(), FieldValue::Int(-n)),
            ("float".to_owned(), FieldValue::Float(n as f64 / 4.0)),
            ("bool".to_owned(), FieldValue::Bool(n % 2 == 0)),
            ("text".to_owned(), FieldValue::Text("x".repeat(n as usize % 5))),
        ]),
    }
}

fn append(store: &Store, range: std::ops::Range<i64>) {
    let position = (range.end - 1).to_string();
    let position = Some(Position { source: "fixture", position: position.as_bytes() });
    let events: Vec<Event> = range.map(event).collect();
    let kind = EventKind::Container;
    assert_eq!(store.append(&Tenant::default(), kind, &events, position).unwrap().accepted, events.len());
}

#[test]
#[ignore = "writes testdata/v1"]
fn write_fixture() {
    let dir = fixture();
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let clock = Arc::new(ManualClock::at_ms(NOW));
    let store = open(&dir, &clock);
    append(&store, 0..100);
    clock.advance_ms(3_600_000);
    store.maintain().unwrap();
    append(&store, 100..150);
    store.close().unwrap();
}

#[test]
fn version_1_is_read() {
    let dir = tempfile::tempdir().unwrap();
    copy_folder(&fixture(), dir.path());
    let store = open(dir.path(), &Arc::new(ManualClock::at_ms(NOW)));
    assert!(store.warnings().is_empty(), "{:?}", store.warnings());
    let scan = EventScan {
        kind: EventKind::Container,
        start_ns: i64::MIN,
        end_ns: i64::MAX,
        conditions: Vec::new(),
        columns: Vec::new(),
        limit: 0,
        order: Order::Ascending,
    };
    let found = store.collect(&Ctx::unbounded(), &scan).unwrap();
    assert_eq!(found, (0..150).map(event).collect::<Vec<_>>());
    assert_eq!(store.position("fixture").as_deref(), Some(&b"149"[..]));
}
