//! Asks LogQL queries with parsers over generated lines in the store on disk: milliseconds, CPU nanoseconds a line.
//! `cargo run --release -p testkit --example parsers -- MEGABYTES [FOLDER [QUERY]]`; a folder is kept, and read again
//! the next time; of a single query all is done ten times.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a command-line report")]

#[path = "../generated_logs.rs"]
mod generated_logs;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use events::wide::{Options, Store};
use generated_logs::Lines;
use model::records::{FieldRef, Origin, RecordWriter, Records};
use model::{Clock, Ctx, EventKind, Labels, ManualClock, Tenant};
use query::logql::{Direction, Engine, Expr, LogQuery, parse};

const START_NS: i64 = 1_700_000_000_000_000_000;

/// CPU seconds of this process so far.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after = text.rsplit(") ").next().unwrap();
    let ticks: Vec<f64> = after.split(' ').skip(11).take(2).map(|t| t.parse().unwrap()).collect();
    (ticks[0] + ticks[1]) / 100.0
}

/// Writes generated lines; gives the time of the last.
fn fill(store: &Store, clock: &ManualClock, megabytes: usize) {
    let mut lines = Lines::new(1, START_NS);
    let mut bytes = 0;
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
            bytes += line.body.len() + 1;
        }
        store.write(&Tenant::default(), EventKind::Log, &records, &[]).unwrap();
        store.maintain().unwrap();
    }
    clock.advance_ms(3_600_000);
    (0..20).for_each(|_| store.maintain().unwrap());
}

fn main() {
    let megabytes: usize = std::env::args().nth(1).map_or(200, |a| a.parse().unwrap());
    let temporary = tempfile::tempdir().unwrap();
    let folder = std::env::args().nth(2).map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let clock = Arc::new(ManualClock::at_ms(START_NS / 1_000_000 + 86_400_000));
    let options = Options { retention_bytes: Some(0), ..Options::default() };
    let store =
        Store::open(Arc::new(disk::RealFs), &folder, options, clock.clone() as Arc<dyn Clock>).unwrap();
    if store.metrics().parts.get() == 0 {
        fill(&store, &clock, megabytes);
    }
    let engine = Engine::default();
    let end_ms = START_NS / 1_000_000 + 86_400_000;
    let top = |stages: &str| {
        format!("topk(10, sum by (path) (count_over_time({{app=\"orders\"}} {stages} [24h])))")
    };
    let queries = [
        ("orders", "sum(count_over_time({app=\"orders\"}[24h]))".to_owned()),
        ("json, named", top("| json path=\"path\"")),
        ("json", top("| json")),
        ("json, filtered", top("| json | status >= 500")),
        ("json, error label", top("| json | __error__=\"\"")),
        ("logfmt", top("| logfmt")),
        ("regexp", top("| regexp `\"path\":\"(?P<path>[^\"]+)\"`")),
        ("pattern", top("| pattern `<_>\"path\":\"<path>\"<_>`")),
        ("line_format", top("| json | line_format \"{{.status}}\" | path=\"/healthz\"")),
        ("without", "sum(count_over_time({app=\"orders\"} | json | status = 409 [24h]))".to_owned()),
        (
            "unwrap",
            "sum by (path) (sum_over_time({app=\"orders\"} | json | unwrap duration_ms [24h]))".to_owned(),
        ),
        ("bytes", "sum by (path) (bytes_over_time({app=\"orders\"} | json [24h]))".to_owned()),
        ("lines", "{app=\"orders\"} | json | user_id = 299999".to_owned()),
    ];
    let mut rows = 0;
    let only = std::env::args().nth(3);
    for (name, query) in queries {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        // The second time is what a warm store takes.
        for _ in 0..if only.is_some() { 10 } else { 2 } {
            let (begun, before) = (Instant::now(), cpu());
            let (found, stats) = match parse(&query).unwrap() {
                Expr::Metric(expr) => {
                    let (output, stats) = engine.instant(&Ctx::unbounded(), &store, &expr, end_ms).unwrap();
                    (format!("{:.60}", format!("{:?}", output.value)), stats)
                }
                Expr::Log(expr) => {
                    let asked = LogQuery {
                        start_ns: START_NS,
                        end_ns: START_NS + 86_400_000_000_000,
                        limit: 100,
                        direction: Direction::Backward,
                        interval_ns: 0,
                        by_stream: false,
                    };
                    let (streams, stats) = engine.logs(&Ctx::unbounded(), &store, &expr, asked).unwrap();
                    (format!("{} streams", streams.len()), stats)
                }
            };
            let (ms, cpu) = (begun.elapsed().as_secs_f64() * 1e3, cpu() - before);
            rows = rows.max(stats.lines);
            let ns = cpu * 1e9 / rows.max(1) as f64;
            println!("{name}: {ms:.0} ms, {:.0} CPU ms, {ns:.0} ns a line of {rows}: {found}", cpu * 1e3);
        }
    }
}
