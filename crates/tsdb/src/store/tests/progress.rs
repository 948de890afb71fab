//! Opening says how far it is; closing leaves a log that is soon read.

use model::ReplayProgress;
use model::metrics::MetricStats;

use super::*;

fn reopen(fixture: &Fixture, progress: &ReplayProgress) -> Store {
    let clock = Arc::clone(&fixture.clock) as Arc<dyn Clock>;
    let dir = Path::new("/data/metrics");
    Store::open_with(Arc::new(fixture.fs.clone()), dir, fixture.options.clone(), clock, progress).unwrap()
}

fn fill(store: &Store, rounds: std::ops::Range<i64>) {
    let refs = resolve(store, &(0..100).map(|i| labels("m", i)).collect::<Vec<_>>());
    for k in rounds {
        let v: Vec<f64> = (0..100).map(|i| (f64::from(i) + k as f64).sqrt()).collect();
        let batch = MetricBatch { refs: &refs, t: &[NOW + k * 1_000; 100], v: &v, ..MetricBatch::default() };
        store.append(&Tenant::default(), batch).unwrap();
    }
}

#[test]
fn opening_tells_segments_and_records() {
    let fixture = Fixture::new();
    let progress = ReplayProgress::default();
    let store = reopen(&fixture, &progress);
    assert!(progress.now().finished && progress.now().segments == 0);
    fill(&store, 0..5);
    drop(store);
    fixture.fs.kill();
    let store = reopen(&fixture, &progress);
    fill(&store, 5..7);
    drop(store);
    fixture.fs.kill();
    let progress = ReplayProgress::default();
    let store = reopen(&fixture, &progress);
    let now = progress.now();
    assert!(now.finished);
    assert_eq!((now.segments, now.segments_done, now.records), (2, 2, 7));
    assert_eq!((now.current, now.bytes_done), (now.last, now.bytes));
    assert!(now.first < now.last);
    assert_eq!(all(&store)[0].1.len(), 7);
}

#[test]
fn closing_flushes_where_the_log_is_long_and_the_flush_is_short() {
    let close = |log: u64, memory: u64| {
        let mut fixture = Fixture::new();
        fixture.options.close_flush_log_bytes = log;
        fixture.options.close_flush_bytes = memory;
        let store = fixture.open();
        fill(&store, 0..60);
        let before = all(&store);
        store.close().unwrap();
        let blocks = store.stats(1).unwrap().blocks;
        drop(store);
        fixture.fs.kill();
        let store = fixture.open();
        assert_eq!(all(&store), before);
        blocks > 0
    };
    assert!(close(10_000, 1 << 30), "a long log");
    assert!(!close(1 << 30, 1 << 30), "a short log is read back sooner than a block is written");
    assert!(!close(10_000, 1_000), "a big head would hold up the stop");
    assert!(!close(0, 1 << 30), "switched off");
}

#[test]
fn figures_under_the_names_of_prometheus() {
    let fixture = Fixture::new();
    let store = fixture.open();
    fill(&store, 0..40);
    let series = resolve(&store, &[labels("m", 0)])[0];
    assert_eq!(append(&store, series, NOW - 40 * 60_000, 1.0).unwrap(), Some(RejectReason::OutOfOrder));
    assert_eq!(append(&store, series, NOW + 40 * 60_000, 1.0).unwrap(), Some(RejectReason::TooFarInFuture));
    let value = super::rich::histogram(3);
    let histogram = model::HistogramSample { series, t: NOW + 100_000, start: 0, value: &value };
    store
        .append(&Tenant::default(), MetricBatch { histograms: &[histogram], ..MetricBatch::default() })
        .unwrap();
    store.maintain().unwrap();
    let exposed = |store: &Store| {
        let mut registry = prometheus_client::registry::Registry::default();
        store.metrics().register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    };
    let text = exposed(&store);
    for line in [
        "prometheus_tsdb_head_series 100",
        "prometheus_tsdb_head_samples_appended_total{type=\"float\"} 4000",
        "prometheus_tsdb_head_samples_appended_total{type=\"histogram\"} 1",
        "prometheus_tsdb_out_of_order_samples_total{type=\"float\"} 1",
        "prometheus_tsdb_out_of_bound_samples_total{type=\"float\"} 1",
        "prometheus_tsdb_head_chunks 200",
        &format!("prometheus_tsdb_head_max_time {}", NOW + 100_000),
        "prometheus_tsdb_wal_segment_current 1",
        "prometheus_tsdb_blocks_loaded 0",
        "prometheus_tsdb_reloads_failures_total 0",
        "prometheus_tsdb_exemplar_max_exemplars 100000",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
    }
    store.flush().unwrap();
    fill(&store, 101..110);
    store.flush().unwrap();
    fixture.clock.advance_ms(6 * 3_600_000);
    store.maintain().unwrap();
    let text = exposed(&store);
    for line in [
        "prometheus_tsdb_compactions_total 1",
        "prometheus_tsdb_blocks_loaded 1",
        // Two pages of each series go over as they are; the one with a histogram is written anew, as two.
        "prometheus_tsdb_compaction_chunk_size_bytes_count 200",
        "prometheus_tsdb_wal_truncations_total 2",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
    }
}
