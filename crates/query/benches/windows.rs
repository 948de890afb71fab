//! Window functions over one target's series as a dashboard asks them, aggregations over many series, and what is done
//! to labels once a series. Data comes from memory, so decoding is not in the figures.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use model::{Ctx, Labels};
use query::promql::{Engine, EngineOptions};
use testkit::MemoryMetrics;

const SERIES: i64 = 64;
const SAMPLES: i64 = 1_440;
const STEP: i64 = 15_000;

fn labels(i: i64) -> Labels {
    Labels::from_pairs([
        ("__name__", "node_cpu_seconds_total".to_owned()),
        ("cpu", (i / 8).to_string()),
        ("instance", "host-001.example:9100".to_owned()),
        ("job", "node".to_owned()),
        ("mode", format!("mode{}", i % 8)),
    ])
}

fn store() -> MemoryMetrics {
    let store = MemoryMetrics::new();
    for i in 0..SERIES {
        store.insert(&labels(i), (0..SAMPLES).map(|n| (n * STEP, (n * (7 + i) % 10_007) as f64 / 100.0)));
    }
    store
}

fn windows(c: &mut Criterion) {
    let store = store();
    let engine = Engine::new(EngineOptions { threads: 1, ..EngineOptions::default() });
    let mut group = c.benchmark_group("windows");
    group.throughput(Throughput::Elements((SERIES * SAMPLES) as u64));
    let functions = [
        "rate",
        "increase",
        "irate",
        "delta",
        "sum_over_time",
        "avg_over_time",
        "count_over_time",
        "min_over_time",
        "max_over_time",
        "stddev_over_time",
        "last_over_time",
        "deriv",
        "changes",
        "resets",
    ];
    let windows =
        functions.iter().flat_map(|f| ["5m", "1h"].map(|w| format!("{f}(node_cpu_seconds_total[{w}])")));
    let others = [
        "quantile_over_time(0.9, node_cpu_seconds_total[1h])",
        "node_cpu_seconds_total",
        "sum by (mode) (rate(node_cpu_seconds_total[5m]))",
        "quantile by (mode) (0.9, node_cpu_seconds_total)",
        "topk(5, node_cpu_seconds_total)",
        "count by (mode) (node_cpu_seconds_total)",
        "node_cpu_seconds_total / on (cpu, mode) node_cpu_seconds_total",
    ];
    for query in windows.chain(others.map(str::to_owned)) {
        group.bench_function(&query, |b| {
            let ask = || engine.range(&Ctx::unbounded(), &store, &query, 0, SAMPLES * STEP, 90_000);
            b.iter(|| black_box(ask().is_ok()));
        });
    }
    group.finish();
}

fn of_labels(c: &mut Criterion) {
    let all: Vec<Labels> = (0..SERIES).map(labels).collect();
    let texts: Vec<String> = all.iter().map(|l| l.canonical().to_owned()).collect();
    let mut group = c.benchmark_group("labels");
    group.throughput(Throughput::Elements(SERIES as u64));
    group.bench_function("decode", |b| {
        b.iter(|| texts.iter().filter_map(|t| Labels::from_canonical(black_box(t))).count());
    });
    group
        .bench_function("compare", |b| b.iter(|| black_box(&all).windows(2).filter(|w| w[0] < w[1]).count()));
    group.bench_function("find a value", |b| {
        b.iter(|| all.iter().filter(|l| black_box(l).get("mode") == Some("mode3")).count());
    });
    group.bench_function("without the name", |b| {
        b.iter(|| all.iter().map(|l| black_box(l).without_name().len()).sum::<usize>());
    });
    group.finish();
}

criterion_group!(benches, windows, of_labels);
criterion_main!(benches);
