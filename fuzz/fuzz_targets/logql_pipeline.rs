//! Any line passes any stage: the first line of the input is a pipeline, the second a log line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::records::{RecordWriter, Records};
use model::{Ctx, EventKind, Labels, Tenant};
use query::logql::{Direction, Engine, Expr, LogQuery, parse};
use testkit::MemoryRecords;

fuzz_target!(|text: &str| {
    let (stages, line) = text.split_once('\n').unwrap_or(("| json | logfmt | unpack | decolorize", text));
    let Ok(Expr::Log(log)) = parse(&format!("{{a=\"b\"}} {stages}")) else { return };
    let (store, mut records) = (MemoryRecords::lazy(), Records::new());
    let stream = records.stream(&Labels::from_pairs([("a", "b")]));
    records.push(stream, 1, line);
    store.write(&Tenant::default(), EventKind::Log, &records, &[]).expect("memory takes it");
    let (direction, interval_ns, by_stream) = (Direction::Forward, 0, false);
    let query = LogQuery { start_ns: 0, end_ns: 9, limit: 9, direction, interval_ns, by_stream };
    let _ = Engine::default().logs(&Ctx::unbounded(), &store, &log, query);
});
