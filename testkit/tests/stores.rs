//! The store of the product under the engine: the same answers, bit by bit, as over plain vectors.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "in a test a panic is the report")]

use std::path::Path;
use std::sync::Arc;

use model::{Ctx, Labels, ManualClock, MetricBatch, MetricReader, MetricWriter, Tenant};
use query::promql::{Engine, Series, Value};
use testkit::suite::{CONFORMANCE, Case};
use testkit::{MemoryMetrics, demo};

fn main() {
    testkit::suite::run(&[Case {
        name: "tsdb_answers_as_plain_vectors_do",
        needs: &[CONFORMANCE],
        test: tsdb_answers,
    }]);
}

/// How often the store takes samples between two rounds of its maintenance, ms.
const SLICE: i64 = 600_000;

fn tsdb_answers() {
    let memory = MemoryMetrics::new();
    demo::fill(&memory);
    let clock = Arc::new(ManualClock::at_ms(demo::START_MS));
    let fs: Arc<dyn disk::Fs> = Arc::new(disk::sim::SimFs::new());
    let options = tsdb::Options { flush_ms: 2 * SLICE, ..tsdb::Options::default() };
    let open = || {
        tsdb::Store::open(Arc::clone(&fs), Path::new("/data"), options.clone(), Arc::clone(&clock) as _)
            .expect("the store opens")
    };
    let store = open();
    let series = memory.dump();
    let mut from = demo::START_MS;
    while from < demo::START_MS + demo::LENGTH_MS {
        clock.set_ms(from + SLICE);
        write(&store, &series, from, from + SLICE);
        store.maintain().expect("maintenance works");
        from += SLICE;
    }
    compare(&memory, &store, "with blocks and a head");
    store.close().expect("the store closes");
    drop(store);
    compare(&memory, &open(), "opened again");
}

fn write(store: &tsdb::Store, series: &[(Labels, Vec<(i64, f64)>)], from: i64, to: i64) {
    let tenant = Tenant::default();
    let labels: Vec<Labels> = series.iter().map(|(labels, _)| labels.clone()).collect();
    let mut found = Vec::new();
    store.resolve(&tenant, &labels, &mut found).expect("resolves");
    let (mut refs, mut t, mut v) = (Vec::new(), Vec::new(), Vec::new());
    for (reference, (_, samples)) in found.into_iter().zip(series) {
        let reference = reference.expect("no limit is reached");
        for (time, value) in samples.iter().filter(|(time, _)| (from..to).contains(time)) {
            refs.push(reference);
            t.push(*time);
            v.push(*value);
        }
    }
    let batch = MetricBatch { refs: &refs, t: &t, v: &v, ..MetricBatch::default() };
    let appended = store.append(&tenant, batch).expect("appends");
    assert_eq!((appended.accepted, appended.rejected), (t.len(), vec![]));
}

fn compare(memory: &MemoryMetrics, store: &dyn MetricReader, state: &str) {
    let folder = testkit::conformance::folder("promql/compliance").expect("looked at before");
    let text = std::fs::read_to_string(folder.join("expanded-queries.txt")).expect("readable");
    let engine = Engine::default();
    let ctx = Ctx::unbounded();
    let start = demo::START_MS + 3_900_000;
    let mut compared = 0;
    for query in text.lines().filter(|line| !line.is_empty() && !line.starts_with('!')) {
        let of = |reader: &dyn MetricReader| {
            let output = engine.range(&ctx, reader, query, start, start + 3_600_000, 450_000);
            let Value::Matrix(series) = output.expect("evaluates").value else {
                panic!("{query}: no matrix")
            };
            series.iter().map(bits).collect::<Vec<_>>()
        };
        assert_eq!(of(store), of(memory), "{query} ({state})");
        compared += 1;
    }
    println!("{compared} queries the same, {state}");
    assert!(compared > 500, "only {compared} queries");
}

fn bits(series: &Series) -> (String, Vec<(i64, u64)>) {
    (series.labels.to_string(), series.points.iter().map(|(t, v)| (*t, v.to_bits())).collect())
}
