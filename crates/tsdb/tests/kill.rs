//! `kill -9` under ingest, on the real file system: what a child process acknowledged is there when the store is opened
//! again. The child is this program, running only the test `child`.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use model::{
    Ctx, Labels, MetricBatch, MetricReader, MetricWriter, Position, SelectHints, Selected, SeriesData,
    Tenant, TimeRange,
};
use tsdb::{Options, Store};

const ROUNDS: usize = 20;

/// Where the child works, and with which batch it begins.
const DIR: &str = "BONGHWA_TEST_KILL_DIR";
const START: &str = "BONGHWA_TEST_KILL_START";
/// Before the number of an acknowledged batch.
const MARK: &str = "acknowledged ";

fn open(dir: &Path) -> Store {
    // Small thresholds: kills hit flushes and compactions too.
    let options = Options {
        retention_ms: 0,
        retention_bytes: Some(0),
        out_of_order_ms: 1_000,
        flush_bytes: 300_000,
        ..Options::default()
    };
    Store::open(Arc::new(disk::RealFs), dir, options, Arc::new(model::SystemClock)).unwrap()
}

/// Batch `k` puts the value `k` into each of 50 series at second `k`, and `k` as position.
#[test]
fn child() {
    let (Ok(dir), Ok(start)) = (std::env::var(DIR), std::env::var(START)) else {
        return; // only the test below asks for it
    };
    let store = Arc::new(open(Path::new(&dir)));
    let maintained = Arc::clone(&store);
    std::thread::spawn(move || {
        loop {
            maintained.maintain().unwrap();
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
    });
    let sets: Vec<Labels> =
        (0..50).map(|i| Labels::from_pairs([("__name__", "m".to_owned()), ("i", i.to_string())])).collect();
    let mut resolved = Vec::new();
    for k in start.parse::<i64>().unwrap().. {
        // A collection between resolving and appending asks for another round.
        loop {
            store.resolve(&Tenant::default(), &sets, &mut resolved).unwrap();
            let refs: Vec<_> = resolved.iter().copied().flatten().collect();
            let text = k.to_string();
            let position = Some(Position { source: "test", position: text.as_bytes() });
            let batch = MetricBatch {
                refs: &refs,
                t: &[k * 1_000; 50],
                v: &[k as f64; 50],
                position,
                ..MetricBatch::default()
            };
            if store.append(&Tenant::default(), batch).unwrap().accepted == 50 {
                break;
            }
        }
        println!("{MARK}{k}");
    }
}

fn spawn(dir: &Path, start: i64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture"])
        .env(DIR, dir)
        .env(START, start.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn position(store: &Store) -> i64 {
    String::from_utf8(store.position("test").unwrap()).unwrap().parse().unwrap()
}

/// Every batch from 0 to `last` is there, whole.
fn check(dir: &Path, last: i64) -> i64 {
    let store = open(dir);
    let position = position(&store);
    assert!(position >= last, "position {position}, acknowledged {last}");
    let selection = store.select(&Ctx::unbounded(), &[], TimeRange::ALL, &SelectHints::default()).unwrap();
    assert!(selection.complete, "{:?}", selection.warnings);
    let Selected::Series(partitions) = selection.data else { panic!("a grid") };
    let (mut series, mut data) = (0, SeriesData::default());
    for mut partition in partitions {
        while partition.next(&mut data).unwrap() {
            series += 1;
            assert!(
                data.t.len() as i64 > last,
                "{}: {} samples, {last} acknowledged",
                data.labels,
                data.t.len()
            );
            for (k, (t, v)) in data.t.iter().zip(&data.v).enumerate() {
                assert_eq!((*t, *v), (k as i64 * 1_000, k as f64), "{}", data.labels);
            }
            assert_eq!(
                data.t.len() as i64,
                position + 1,
                "{}: position and samples belong together",
                data.labels
            );
        }
    }
    assert_eq!(series, 50);
    position
}

#[test]
fn twenty_kills_lose_nothing_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut next = 0;
    for round in 0..ROUNDS {
        let mut child = spawn(dir.path(), next);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut acknowledged =
            lines.filter_map(|l| l.split_once(MARK).and_then(|(_, k)| k.parse::<i64>().ok()));
        // Some hundred batches, another number each round, so that kills hit different places.
        for _ in 0..50 + round * 17 {
            assert_eq!(acknowledged.next(), Some(next), "the child ended by itself");
            next += 1;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before it died counts too, but for a last line that was cut short.
        next += acknowledged.zip(next..).take_while(|(said, want)| said == want).count() as i64;
        // It may have been stopped between logging a batch and saying so: go on after what is there.
        next = check(dir.path(), next - 1) + 1;
    }
}
