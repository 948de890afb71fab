//! Writes generated lines into a store of records and asks it a few questions: CPU seconds, bytes, milliseconds, beside zstd
//! over the same text. `cargo run --release -p events --example records -- MEGABYTES [FOLDER]`; the folder is kept.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a command-line report")]

#[path = "../../../testkit/generated_logs.rs"]
mod generated_logs;

use std::sync::Arc;
use std::time::Instant;

use events::wide::{Options, Store};
use generated_logs::Lines;
use model::pattern::Search;
use model::records::{
    Columns, Counting, FieldRef, KeyPlace, KeySource, Origin, RecordReader, RecordScan, RecordWriter,
    Records, TextTest, Wanted,
};
use model::{Clock, Ctx, EventKind, Labels, ManualClock, Order, Tenant};

/// CPU seconds of this process so far.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after = text.rsplit(") ").next().unwrap();
    let ticks: Vec<f64> = after.split(' ').skip(11).take(2).map(|t| t.parse().unwrap()).collect();
    (ticks[0] + ticks[1]) / 100.0
}

fn main() {
    let megabytes: usize = std::env::args().nth(1).map_or(200, |a| a.parse().unwrap());
    let start_ns = 1_700_000_000_000_000_000;
    let mut lines = Lines::new(1, start_ns);
    let mut id = String::new();
    let (mut batches, mut bytes, mut text) = (Vec::new(), 0usize, Vec::new());
    while bytes < megabytes << 20 {
        let mut records = Records::new();
        for line in lines.by_ref().take(2000) {
            let labels = Labels::from_pairs([
                ("app", line.app.to_owned()),
                ("pod", format!("{}-{}", line.app, line.instance)),
            ]);
            let stream = records.stream(&labels);
            records.push(stream, line.time_ns, &line.body);
            records.field("level", Origin::Detected, FieldRef::Text(line.level));
            for name in ["trace_id", "user_id"] {
                let value = line.body.split_once(&format!("\"{name}\":")).map(|(_, rest)| rest);
                let Some(value) = value.and_then(|rest| rest.split([',', '}']).next()) else { continue };
                let value = value.trim_matches('"');
                let field = value.parse().map_or(FieldRef::Text(value), FieldRef::Int);
                records.field(name, Origin::Detected, field);
                if name == "trace_id" && bytes < megabytes << 19 {
                    id = value.to_owned();
                }
            }
            bytes += line.body.len() + 1;
            text.extend_from_slice(line.body.as_bytes());
            text.push(b'\n');
        }
        batches.push(records);
    }
    let mb = bytes as f64 / 1e6;
    let before = cpu();
    let packed: usize = text.chunks(1 << 20).map(|c| zstd::bulk::compress(c, 1).unwrap().len()).sum();
    println!(
        "zstd -1: {:.0} MB per CPU second, {:.2} x",
        mb / (cpu() - before),
        bytes as f64 / packed as f64
    );
    drop(text);

    let temporary = tempfile::tempdir().unwrap();
    let dir = std::env::args().nth(2).map_or_else(|| temporary.path().to_owned(), std::path::PathBuf::from);
    let clock = Arc::new(ManualClock::at_ms(start_ns / 1_000_000 + 86_400_000));
    let options = Options { retention_bytes: Some(0), ..Options::default() };
    let store = Store::open(Arc::new(disk::RealFs), &dir, options, clock.clone() as Arc<dyn Clock>).unwrap();
    let before = cpu();
    for records in &batches {
        store.write(&Tenant::default(), EventKind::Log, records, &[]).unwrap();
        store.maintain().unwrap();
    }
    let written = cpu() - before;
    clock.advance_ms(3_600_000);
    (0..20).for_each(|_| store.maintain().unwrap());
    let all = cpu() - before;
    let size = store.metrics().part_bytes.get() as f64;
    println!(
        "store: {:.0} MB per CPU second ({:.0} before the last merges), {:.2} x, {} parts of {} records",
        mb / all,
        mb / written,
        bytes as f64 / size,
        store.metrics().parts.get(),
        store.metrics().appended.get(),
    );
    drop(batches);

    let scan = RecordScan { order: Order::Descending, ..RecordScan::everything(EventKind::Log) };
    let contains = |t: &str| vec![TextTest::ContainsAny(vec![t.to_owned()])];
    let asked = [
        ("id", RecordScan { body: contains(&id), ..scan.clone() }),
        ("no id", RecordScan { body: contains("00112233445566778899aabbccddeeff"), ..scan.clone() }),
        (
            "trace_id",
            RecordScan {
                fields: vec![("trace_id".to_owned(), TextTest::In(vec![id.clone()]))],
                ..scan.clone()
            },
        ),
        ("within a word", RecordScan { body: contains("deadbeef01"), ..scan.clone() }),
        ("phrase", RecordScan { body: contains("cart 777 is closed"), ..scan.clone() }),
        (
            "regex",
            RecordScan {
                body: vec![TextTest::Matches(Search::new("exec-1[0-9]. .*cart 77 ").unwrap())],
                ..scan.clone()
            },
        ),
        (
            "count by level",
            RecordScan {
                wanted: Wanted { body: false, fields: Some(vec!["level".to_owned()]) },
                ..scan.clone()
            },
        ),
        ("last 1000", RecordScan { limit: 1000, ..scan.clone() }),
    ];
    for (name, asked) in asked {
        // The second time is what a warm store takes.
        for _ in 0..2 {
            timed(name, || {
                let mut stream = store.scan(&Ctx::unbounded(), &asked).unwrap();
                let (mut batch, mut rows) = (Columns::default(), 0);
                while stream.next(&mut batch).unwrap() {
                    rows += batch.len();
                }
                rows
            });
        }
    }
    let source = |place, name: &str| KeySource { place, name: name.to_owned(), lower: false };
    let by = |name: &str| vec![vec![source(KeyPlace::Detected, name), source(KeyPlace::Label, name)]];
    for (name, by, step_ns) in [
        ("level over time", by("level"), 60_000_000_000),
        ("by pod", by("pod"), i64::MAX / 4),
        ("by user", by("user_id"), i64::MAX / 4),
    ] {
        let counting = Counting { by, reading: None, end_ns: start_ns, step_ns };
        timed(name, || store.count(&Ctx::unbounded(), &scan, &counting).unwrap().unwrap().len());
    }
    let (ctx, kind) = (Ctx::unbounded(), EventKind::Log);
    timed("label values", || store.stream_labels(&ctx, kind, &[], i64::MIN, i64::MAX).unwrap().len());
    timed("streams", || store.streams(&ctx, kind, &[], i64::MIN, i64::MAX).unwrap().len());
    timed("field names", || store.field_names(&ctx, &scan).unwrap().len());
    timed("patterns", || store.patterns(&ctx, &scan, 60_000_000_000).unwrap().len());
}

fn timed(name: &str, work: impl FnOnce() -> usize) {
    let (begun, before) = (Instant::now(), cpu());
    let found = work();
    let ms = begun.elapsed().as_secs_f64() * 1e3;
    println!("{name}: {found}, {ms:.0} ms, {:.2} CPU s", cpu() - before);
}
