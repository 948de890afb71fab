//! What is kept of each stream.

use model::Matcher;
use model::records::{RecordReader, RecordWriter, Refusal};
use model::{Ctx, EventKind, Tenant};

use super::{Bed, Line, all, line, records, scan, write};
use crate::wide::{Retention, Store, StreamRetention};

const HOUR_MS: i64 = 3_600_000;
const HOUR: i64 = HOUR_MS * 1_000_000;

fn rule(app: &str, time_ms: Option<i64>, bytes: u64) -> StreamRetention {
    StreamRetention { matchers: vec![Matcher::equal("app", app)], time_ms, bytes }
}

#[test]
fn streams_are_kept_as_long_as_their_rule_says() {
    let mut bed = Bed::new();
    bed.options.flush_ms = 1000;
    let store = bed.open();
    let streams = vec![rule("short", Some(2 * HOUR_MS), u64::MAX), rule("ever", Some(0), u64::MAX)];
    store.set_retention(Retention { time_ms: 24 * HOUR_MS, bytes: u64::MAX, streams });
    let lines: Vec<Line> =
        ["ever", "other", "short"].iter().flat_map(|app| (0..50).map(move |n| line(n, app, "x 1"))).collect();
    write(&store, &lines, None).unwrap();
    let old = [line(-3 * HOUR, "short", "late"), line(-48 * HOUR, "ever", "old")];
    let written = store.write(&Tenant::default(), EventKind::Log, &records(&old), &[]).unwrap();
    assert_eq!((written.accepted, written.refused), (1, vec![(0, Refusal::TooOld)]));
    bed.clock.advance_ms(1000);
    store.maintain().unwrap();
    assert_eq!(scan(&store, &all()).len(), 151);

    let pass = |halves: i64| {
        for _ in 0..halves {
            bed.clock.advance_ms(HOUR_MS / 2);
            store.maintain().unwrap();
        }
    };
    pass(6);
    assert_eq!(scan(&store, &all()).len(), 101);
    let known = |store: &Store| {
        let found = store.stream_labels(&Ctx::unbounded(), EventKind::Log, &[], i64::MIN, i64::MAX).unwrap();
        found.iter().map(|l| l.get_or_empty("app").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(known(&store), ["ever", "other"]);

    pass(80);
    drop(store);
    let store = bed.open();
    assert_eq!((scan(&store, &all()).len(), known(&store)), (51, vec!["ever".to_owned()]));
}

#[test]
fn streams_are_held_to_their_size() {
    let mut bed = Bed::new();
    bed.options.flush_ms = 1000;
    let store = bed.open();
    for round in 0..6i64 {
        let text =
            |n: i64| format!("{:x}", (round * 1000 + n).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64));
        let lines: Vec<Line> = ["a", "b"]
            .iter()
            .flat_map(|app| (0..400).map(move |n| line(round * HOUR / 100 + n, app, &text(n))))
            .collect();
        write(&store, &lines, None).unwrap();
        bed.clock.advance_ms(1000);
        store.maintain().unwrap();
    }
    let size = store.metrics().part_bytes.get() as u64;
    let retention = store.retention();
    store.set_retention(Retention { streams: vec![rule("a", None, size / 4)], ..retention });
    store.maintain().unwrap();
    let left = scan(&store, &all());
    let of = |app: &str| left.iter().filter(|l| l.app == app).count();
    assert_eq!(of("b"), 2400);
    assert!((400..=1600).contains(&of("a")) && of("a") % 400 == 0, "{}", of("a"));
    assert_eq!(
        left.iter().rfind(|l| l.app == "a").map(|l| l.time),
        left.last().map(|l| l.time),
        "the oldest go"
    );
}
