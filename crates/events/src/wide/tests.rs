//! The store against a list of what was written to it.

mod crash;
mod filters;
mod grep;
mod keep;
mod memory;
mod together;
mod told;

use std::path::Path;
use std::sync::Arc;

use disk::sim::SimFs;
use model::pattern::Search;
use model::records::{
    Columns, FieldRef, Origin, RecordReader, RecordScan, RecordWriter, Refusal, TextTest, Wanted,
};
use model::{
    Ctx, EventKind, Labels, ManualClock, MatchOp, Matcher, Order, Position, Records, Result, Tenant,
};

use super::{Options, Store};

pub(super) const NOW: i64 = 1_700_000_000_000;
pub(super) const NS: i64 = NOW * 1_000_000;

pub(super) struct Bed {
    pub(super) fs: SimFs,
    pub(super) clock: Arc<ManualClock>,
    pub(super) options: Options,
}

impl Bed {
    pub(super) fn new() -> Self {
        Self {
            fs: SimFs::new(),
            clock: Arc::new(ManualClock::at_ms(NOW)),
            options: Options { retention_bytes: Some(0), ..Options::default() },
        }
    }

    pub(super) fn open(&self) -> Store {
        self.try_open().unwrap()
    }

    pub(super) fn try_open(&self) -> Result<Store> {
        let fs = Arc::new(self.fs.clone());
        Store::open(fs, Path::new("/data"), self.options.clone(), self.clock.clone())
    }
}

/// A record as tests compare it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) time: i64,
    pub(super) app: String,
    pub(super) body: String,
    pub(super) fields: Vec<(String, Origin, String)>,
}

pub(super) fn line(time: i64, app: &str, body: &str) -> Line {
    Line { time: NS + time, app: app.to_owned(), body: body.to_owned(), fields: Vec::new() }
}

pub(super) fn records(lines: &[Line]) -> Records {
    let mut records = Records::new();
    for line in lines {
        let stream = records.stream(&Labels::from_pairs([("app", line.app.as_str()), ("node", "a")]));
        records.push(stream, line.time, &line.body);
        for (name, origin, value) in &line.fields {
            let value = match value.parse() {
                Ok(int) => FieldRef::Int(int),
                Err(_) => FieldRef::Text(value),
            };
            records.field(name, *origin, value);
        }
    }
    records
}

pub(super) fn write(store: &Store, lines: &[Line], position: Option<&str>) -> Result<()> {
    let positions: Vec<Position<'_>> =
        position.iter().map(|p| Position { source: "file", position: p.as_bytes() }).collect();
    let written = store.write(&Tenant::default(), EventKind::Log, &records(lines), &positions)?;
    assert_eq!((written.accepted, written.refused.len()), (lines.len(), 0), "{:?}", written.refused);
    Ok(())
}

pub(super) fn all() -> RecordScan {
    RecordScan::everything(EventKind::Log)
}

pub(super) fn scan(store: &Store, scan: &RecordScan) -> Vec<Line> {
    try_scan(store, scan).unwrap()
}

pub(super) fn try_scan(store: &Store, scan: &RecordScan) -> Result<Vec<Line>> {
    let mut stream = store.scan(&Ctx::unbounded(), scan)?;
    let mut batch = Columns::default();
    let mut found = Vec::new();
    while stream.next(&mut batch)? {
        assert!(batch.exact && !batch.is_empty());
        for row in 0..batch.len() {
            let mut fields: Vec<(String, Origin, String)> = batch
                .fields
                .iter()
                .filter_map(|f| {
                    let value = super::condition::written(f.get(row)?).into_owned();
                    Some((f.name.to_string(), f.origin, value))
                })
                .collect();
            fields.sort();
            found.push(Line {
                time: batch.times[row],
                app: batch.labels(row).get_or_empty("app").to_owned(),
                body: batch.body(row).to_owned(),
                fields,
            });
        }
    }
    Ok(found)
}

#[test]
fn what_is_written_is_found_in_both_orders_and_after_a_kill() {
    let bed = Bed::new();
    let store = bed.open();
    let lines: Vec<Line> =
        (0..10_000).map(|n| line(n / 3, ["a", "b"][n as usize % 2], &format!("n={n}"))).collect();
    for (number, some) in lines.chunks(999).enumerate() {
        write(&store, some, Some(&number.to_string())).unwrap();
    }
    let mut backwards = lines.clone();
    backwards.reverse();
    let mut store = store;
    for again in [false, true] {
        if again {
            drop(store);
            bed.fs.crash();
            store = bed.open();
        }
        assert_eq!(scan(&store, &all()), lines);
        assert_eq!(scan(&store, &RecordScan { order: Order::Descending, ..all() }), backwards);
        let some = RecordScan { order: Order::Descending, limit: 70, ..all() };
        assert_eq!(scan(&store, &some), backwards[..70]);
        assert_eq!(store.position("file").as_deref(), Some(&b"10"[..]));
        assert_eq!(store.position("other"), None);
    }
}

#[test]
fn tests_matchers_and_wanted_columns_are_applied() {
    let store = Bed::new().open();
    let mut lines = vec![
        line(0, "web", "GET /a 200"),
        line(1, "web", "GET /b 500"),
        line(2, "db", "결제 실패 b"),
        line(3, "db", ""),
    ];
    lines[0].fields = vec![("level".into(), Origin::Detected, "INFO".into())];
    lines[1].fields = vec![
        ("level".into(), Origin::Sent, "error".into()),
        ("level".into(), Origin::Detected, "INFO".into()),
        ("status".into(), Origin::Detected, "500".into()),
    ];
    write(&store, &lines, None).unwrap();
    let body = |test: TextTest| RecordScan { body: vec![test], ..all() };
    let field = |name: &str, test: TextTest| RecordScan { fields: vec![(name.into(), test)], ..all() };
    let texts = |t: &[&str]| t.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
    let found = |scan_: &RecordScan| scan(&store, scan_).iter().map(|l| l.time - NS).collect::<Vec<_>>();
    assert_eq!(found(&body(TextTest::ContainsAny(texts(&["/a", "실패"])))), [0, 2]);
    assert_eq!(found(&body(TextTest::ContainsAny(texts(&[""])))), [0, 1, 2, 3]);
    assert_eq!(found(&body(TextTest::ContainsNone(texts(&["b"])))), [0, 3]);
    assert_eq!(found(&body(TextTest::Matches(Search::new("^GET .*0$").unwrap()))), [0, 1]);
    assert_eq!(found(&body(TextTest::MatchesNot(Search::new("GET").unwrap()))), [2, 3]);
    assert_eq!(found(&body(TextTest::In(texts(&["GET /a 200", ""])))), [0, 3]);
    assert_eq!(found(&body(TextTest::NotIn(texts(&[""])))), [0, 1, 2]);
    assert_eq!(found(&field("level", TextTest::In(texts(&["error"])))), [1]);
    assert_eq!(found(&field("level", TextTest::In(texts(&["INFO"])))), [0], "what was sent goes first");
    assert_eq!(found(&field("level", TextTest::In(texts(&[""])))), [2, 3], "absent is empty");
    assert_eq!(found(&field("status", TextTest::ContainsAny(texts(&["50"])))), [1]);
    let web = Matcher::new("app", MatchOp::Regex, "w.*").unwrap();
    assert_eq!(found(&RecordScan { streams: vec![web], ..all() }), [0, 1]);
    assert_eq!(found(&RecordScan { start_ns: NS + 1, end_ns: NS + 2, ..all() }), [1, 2]);

    let some = RecordScan { wanted: Wanted { body: false, fields: Some(texts(&["status"])) }, ..all() };
    let got = scan(&store, &some);
    assert!(got.iter().all(|l| l.body.is_empty()));
    assert_eq!(got[1].fields, [("status".to_owned(), Origin::Detected, "500".to_owned())]);
    let names = store.field_names(&Ctx::unbounded(), &all()).unwrap();
    let name = |n: &str, origin| (n.to_owned(), origin);
    assert_eq!(
        names,
        [name("level", Origin::Sent), name("level", Origin::Detected), name("status", Origin::Detected)]
    );
}

#[test]
fn limits_refuse_rows_and_say_which() {
    let mut bed = Bed::new();
    bed.options.max_streams = 2;
    bed.options.max_record_bytes = 100;
    let store = bed.open();
    let day = 86_400_000_000_000;
    let lines = [
        line(0, "a", "x"),
        line(-8 * day, "a", "x"),
        line(day, "a", "x"),
        line(0, "b", &"x".repeat(101)),
        line(0, "c", "x"),
        line(0, "b", "x"),
    ];
    let written = store.write(&Tenant::default(), EventKind::Log, &records(&lines), &[]).unwrap();
    assert_eq!(written.accepted, 2);
    assert_eq!(
        written.refused,
        [
            (1, Refusal::TooOld),
            (2, Refusal::TooFarInFuture),
            (3, Refusal::LineTooLong),
            (4, Refusal::TooManyStreams)
        ]
    );
    assert_eq!(scan(&store, &all()).len(), 2);
    assert!(store.write(&Tenant::default(), EventKind::Container, &Records::new(), &[]).is_err());
}

#[test]
fn a_batch_of_many_log_records_is_taken_whole() {
    let bed = Bed::new();
    let store = bed.open();
    let lines: Vec<Line> = (0..40).map(|n| line(n, "a", &"y".repeat(1 << 20))).collect();
    write(&store, &lines, Some("end")).unwrap();
    bed.fs.kill();
    let store = bed.open();
    assert_eq!(scan(&store, &all()).len(), 40);
    assert_eq!(store.position("file").as_deref(), Some(&b"end"[..]));
}

#[test]
fn a_snapshot_opens_as_a_store() {
    let mut bed = Bed::new();
    bed.options.flush_ms = 1000;
    let store = bed.open();
    write(&store, &[line(0, "a", "first")], Some("1")).unwrap();
    bed.clock.advance_ms(1000);
    store.maintain().unwrap();
    write(&store, &[line(1, "a", "second")], Some("2")).unwrap();
    store.snapshot_to(Path::new("/copy")).unwrap();
    write(&store, &[line(2, "a", "third")], Some("3")).unwrap();
    bed.fs.crash();
    let fs = Arc::new(bed.fs.clone());
    let copy = Store::open(fs, Path::new("/copy"), bed.options.clone(), bed.clock.clone()).unwrap();
    let bodies = |store: &Store| scan(store, &all()).into_iter().map(|l| l.body).collect::<Vec<_>>();
    assert_eq!(bodies(&copy), ["first", "second"]);
    assert_eq!(copy.position("file").as_deref(), Some(&b"2"[..]));
    assert_eq!(bodies(&bed.open()), ["first", "second", "third"]);
}

#[test]
fn memory_over_the_budget_is_refused_and_nothing_is_taken() {
    let mut bed = Bed::new();
    bed.options.budget = model::Budget::new("test", 10_000);
    let store = bed.open();
    write(&store, &[line(0, "a", "x")], None).unwrap();
    let long = records(&[line(1, "a", &"x".repeat(20_000))]);
    let error = store.write(&Tenant::default(), EventKind::Log, &long, &[]).unwrap_err();
    assert_eq!(error.kind, model::ErrorKind::Limited);
    assert_eq!(scan(&store, &all()), [line(0, "a", "x")]);
}

#[test]
fn streams_volume_and_patterns_count_what_is_there() {
    let store = Bed::new().open();
    let second = 1_000_000_000;
    let lines: Vec<Line> = (0..100)
        .map(|n| {
            let mut line = line(n * second, ["a", "b"][usize::from(n >= 60)], &format!("took {n} ms"));
            line.fields.push(("level".into(), Origin::Detected, "WARN".into()));
            line
        })
        .collect();
    write(&store, &lines, None).unwrap();
    let ctx = Ctx::unbounded();
    let streams = store.streams(&ctx, EventKind::Log, &[], i64::MIN, i64::MAX).unwrap();
    let app = |l: &Labels| l.get_or_empty("app").to_owned();
    let counts: Vec<_> = streams.iter().map(|s| (app(&s.labels), s.records)).collect();
    assert_eq!(counts, [("a".to_owned(), 60), ("b".to_owned(), 40)]);
    let volume = store.volume(&ctx, &all(), 30 * second).unwrap();
    let records: u64 = volume.iter().flat_map(|v| &v.steps).map(|s| s.2).sum();
    assert_eq!(records, 100);
    assert!(volume.iter().flat_map(|v| &v.steps).all(|s| s.0 % (30 * second) == 0 && s.2 <= 30));
    let wanted = Wanted { body: false, fields: None };
    let bare = store.patterns(&ctx, &RecordScan { wanted, ..all() }, 0).unwrap();
    let patterns = store.patterns(&ctx, &all(), 0).unwrap();
    assert_eq!(
        (bare.len(), &bare[0].steps),
        (1, &patterns[0].steps),
        "without examples the counts are the same"
    );
    assert_eq!(patterns.len(), 1);
    assert_eq!((patterns[0].pattern.as_str(), patterns[0].level.as_str()), ("took <_> ms", "WARN"));
    assert_eq!(patterns[0].seen, (NS, NS + 99 * second));
    assert_eq!(patterns[0].steps, [(i64::MIN, 100)]);
}
