//! Finding series by matchers, and reading their samples, in the head and in a block.

#![allow(clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use model::{
    Ctx, Labels, ManualClock, MatchOp, Matcher, MetricBatch, MetricReader, MetricWriter, SelectHints,
    Selected, SeriesData, Tenant, TimeRange,
};
use tsdb::{Options, Store};

const NOW: i64 = 1_700_000_000_000;
const HOSTS: usize = 100;
const METRICS: usize = 100;
const SAMPLES: i64 = 240;

fn store(dir: &std::path::Path) -> Store {
    let options = Options { retention_ms: 0, retention_bytes: Some(0), ..Options::default() };
    let clock = Arc::new(ManualClock::at_ms(NOW));
    let store = Store::open(Arc::new(disk::RealFs), dir, options, clock).unwrap();
    let sets: Vec<Labels> = (0..HOSTS * METRICS)
        .map(|i| {
            Labels::from_pairs([
                ("__name__", format!("node_metric_{:03}_total", i % METRICS)),
                ("instance", format!("host-{:03}.example:9100", i / METRICS)),
                ("job", "node".to_owned()),
            ])
        })
        .collect();
    let mut refs = Vec::new();
    store.resolve(&Tenant::default(), &sets, &mut refs).unwrap();
    let refs: Vec<_> = refs.into_iter().flatten().collect();
    for n in 0..SAMPLES {
        let t = vec![NOW - (SAMPLES - n) * 15_000; refs.len()];
        let v: Vec<f64> = (0..refs.len()).map(|i| (n * (i as i64 % 13)) as f64).collect();
        let batch = MetricBatch { refs: &refs, t: &t, v: &v, ..MetricBatch::default() };
        store.append(&Tenant::default(), batch).unwrap();
    }
    store
}

fn matchers() -> Vec<(&'static str, Vec<Matcher>)> {
    let of = |name: &str, op, value: &str| Matcher::new(name, op, value).unwrap();
    let name = |op, value| of("__name__", op, value);
    let instance = |op, value| of("instance", op, value);
    vec![
        ("a name", vec![name(MatchOp::Equal, "node_metric_007_total")]),
        (
            "one series",
            vec![
                name(MatchOp::Equal, "node_metric_007_total"),
                instance(MatchOp::Equal, "host-042.example:9100"),
            ],
        ),
        ("a prefix", vec![name(MatchOp::Regex, "node_metric_0[0-4].*")]),
        ("literals", vec![name(MatchOp::Regex, "node_metric_001_total|node_metric_002_total")]),
        (
            "a suffix",
            vec![name(MatchOp::Equal, "node_metric_007_total"), instance(MatchOp::Regex, ".*7.example:9100")],
        ),
        ("not", vec![name(MatchOp::Equal, "node_metric_007_total"), instance(MatchOp::NotRegex, "host-0.*")]),
        ("everything", vec![name(MatchOp::NotEqual, "")]),
    ]
}

fn pull(store: &Store, matchers: &[Matcher], hints: &SelectHints) -> usize {
    let range = TimeRange::new(NOW - SAMPLES * 15_000, NOW);
    let selection = store.select(&Ctx::unbounded(), matchers, range, hints).unwrap();
    let Selected::Series(partitions) = selection.data else { return 0 };
    let mut data = SeriesData::default();
    let mut samples = 0;
    for mut partition in partitions {
        while partition.next(&mut data).unwrap() {
            samples += data.len().max(1);
        }
    }
    samples
}

fn reading(c: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    for place in ["head", "block"] {
        if place == "block" {
            store.flush().unwrap();
        }
        let mut group = c.benchmark_group(format!("postings of the {place}"));
        let hints = SelectHints { labels_only: true, ..SelectHints::default() };
        for (name, matchers) in matchers() {
            group.throughput(Throughput::Elements(pull(&store, &matchers, &hints) as u64));
            group.bench_function(BenchmarkId::from_parameter(name), |b| {
                b.iter(|| black_box(pull(&store, &matchers, &hints)));
            });
        }
        group.finish();
        let mut group = c.benchmark_group(format!("samples of the {place}"));
        for (name, matchers) in matchers().into_iter().take(3) {
            group.throughput(Throughput::Elements(pull(&store, &matchers, &SelectHints::default()) as u64));
            group.bench_function(BenchmarkId::from_parameter(name), |b| {
                b.iter(|| black_box(pull(&store, &matchers, &SelectHints::default())));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, reading);
criterion_main!(benches);
