//! What `stats=all` counts, and that a query stops while it computes.

use std::sync::mpsc::{Sender, channel};

use model::{
    CancelFlag, Ctx, Histogram, Labels, Listing, Matcher, MetricReader, Partition, SelectHints, Selected,
    Selection, SeriesData, Span, TimeRange,
};
use query::promql::{Engine, EngineOptions, QueryError};
use testkit::MemoryMetrics;

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied())
}

/// One series, three series, and one of histograms, a sample every ten seconds.
fn store() -> MemoryMetrics {
    let store = MemoryMetrics::new();
    let samples = || (0..=100).map(|i| (i * 10_000, i as f64));
    store.insert(&labels(&[("__name__", "one")]), samples());
    for a in ["1", "2", "3"] {
        store.insert(&labels(&[("__name__", "three"), ("a", a)]), samples());
    }
    let histogram = |i: i64| Histogram {
        schema: 1,
        count: 5.0 + i as f64,
        positive_spans: vec![Span { offset: 0, length: 4 }],
        positive_buckets: vec![1.0, 2.0, 1.0, 1.0 + i as f64],
        ..Histogram::default()
    };
    store.insert_histograms(
        &labels(&[("__name__", "histogram")]),
        (0..=100).map(|i| (i * 10_000, histogram(i))),
    );
    store
}

fn engine() -> Engine {
    Engine::new(EngineOptions { sample_stats: true, per_step_stats: true, ..EngineOptions::default() })
}

fn counts(steps: &[(i64, u64)]) -> Vec<u64> {
    steps.iter().map(|(_, count)| *count).collect()
}

#[test]
fn an_instant_query_counts_as_prometheus_does() {
    let store = store();
    for (query, t, total, read) in [
        ("\"text\"", 21, 0, 0),
        ("1", 21, 0, 0),
        ("one", 21, 1, 1),
        ("histogram", 21, 13, 13),
        ("timestamp(histogram)", 21, 1, 1),
        ("one @ 15", 21, 1, 1),
        ("three{a=\"1\"}[20s] @ 19", 21, 2, 2),
        ("one[60s]", 201, 6, 6),
        ("histogram[60s]", 201, 78, 78),
        ("max_over_time(one[60s])[20s:5s]", 201, 24, 8),
        ("max_over_time(one[61s])[20s:5s]", 201, 26, 8),
        ("max_over_time(histogram[60s])[20s:5s]", 201, 312, 104),
        ("sum(max_over_time(three[60s] @ 30))", 201, 12, 12),
        ("absent_over_time(one[60s])", 201, 6, 6),
        ("one[60s:5s] offset 10s", 201, 12, 12),
        ("max_over_time(three[60s:5s]) + max_over_time(three[60s:5s])", 201, 72, 72),
        ("max_over_time(one[30s:2m])", 240, 1, 1),
    ] {
        let output = engine().instant(&Ctx::unbounded(), &store, query, t * 1000).unwrap();
        let samples = output.stats.samples.unwrap();
        assert_eq!((samples.total, samples.read), (total, read), "{query}");
        assert_eq!(samples.total_per_step, [(t * 1000, total)], "{query}");
        assert_eq!(samples.read_per_step, [(t * 1000, read)], "{query}");
    }
}

#[test]
fn a_range_query_counts_step_by_step() {
    let store = store();
    for (query, (start, end), total, read) in [
        ("three{a=\"1\"}", (201, 220), [1, 1, 1, 1], [1, 1, 1, 1]),
        ("histogram", (204, 223), [13; 4], [13; 4]),
        ("max_over_time(three[60s] @ 30)", (201, 220), [12; 4], [12, 0, 0, 0]),
        ("max_over_time(three[60s])", (201, 220), [18; 4], [18, 0, 3, 0]),
        ("max_over_time(three[60s:5s])", (201, 220), [36; 4], [36, 3, 3, 3]),
        (
            "sum(max_over_time(three[60s:5s])) + sum(max_over_time(one[60s:5s]))",
            (201, 216),
            [48; 4],
            [48, 4, 4, 4],
        ),
    ] {
        let output =
            engine().range(&Ctx::unbounded(), &store, query, start * 1000, end * 1000, 5_000).unwrap();
        let samples = output.stats.samples.unwrap();
        assert_eq!(counts(&samples.total_per_step), total, "{query}");
        assert_eq!(counts(&samples.read_per_step), read, "{query}");
        assert_eq!(samples.total, total.iter().sum::<u64>(), "{query}");
    }
}

#[test]
fn nothing_is_counted_unless_asked_and_the_peak_always_is() {
    let output = Engine::default().instant(&Ctx::unbounded(), &store(), "sum(three)", 21_000).unwrap();
    assert_eq!(output.stats.samples, None);
    assert!((3..=8).contains(&output.stats.peak_samples), "{}", output.stats.peak_samples);
}

/// A store that says when it has handed out the last series.
struct Told<'a> {
    store: &'a MemoryMetrics,
    told: Sender<()>,
}

struct ToldPartition {
    inner: Box<dyn Partition>,
    told: Sender<()>,
}

impl Partition for ToldPartition {
    fn next(&mut self, out: &mut SeriesData) -> model::Result<bool> {
        let more = self.inner.next(out)?;
        // Nobody listens any more once it has been told.
        let _ = self.told.send(());
        Ok(more)
    }
}

impl MetricReader for Told<'_> {
    fn select(
        &self,
        ctx: &Ctx,
        matchers: &[Matcher],
        range: TimeRange,
        hints: &SelectHints,
    ) -> model::Result<Selection> {
        let mut selection = self.store.select(ctx, matchers, range, hints)?;
        if let Selected::Series(partitions) = &mut selection.data {
            for inner in std::mem::take(partitions) {
                partitions.push(Box::new(ToldPartition { inner, told: self.told.clone() }));
            }
        }
        Ok(selection)
    }

    fn label_names(&self, _: &Ctx, _: &[Matcher], _: TimeRange, _: usize) -> model::Result<Listing> {
        Ok(Listing::default())
    }

    fn label_values(
        &self,
        _: &Ctx,
        _: &str,
        _: &[Matcher],
        _: TimeRange,
        _: usize,
    ) -> model::Result<Listing> {
        Ok(Listing::default())
    }
}

/// A single series whose windows would take many minutes: the flag is set once the series has been read.
#[test]
fn a_query_stops_within_the_windows_of_one_series() {
    let store = MemoryMetrics::new();
    store.insert(&labels(&[("__name__", "m_total")]), (0..200_000).map(|t| (t * 1_000, (t % 977) as f64)));
    for query in [
        "quantile_over_time(0.9, m_total[100000s])",
        "mad_over_time(m_total[100000s])",
        "stddev_over_time(m_total[100000s])",
        "increase(m_total[100000s] anchored)",
    ] {
        let options = EngineOptions { syntax: query::promql::ParseOptions::ALL, ..EngineOptions::default() };
        let cancel = CancelFlag::default();
        let ctx = Ctx { cancel: cancel.clone(), ..Ctx::unbounded() };
        let (told, hears) = channel();
        let reader = Told { store: &store, told };
        std::thread::scope(|scope| {
            scope.spawn(move || {
                hears.recv().unwrap();
                cancel.cancel();
            });
            let result = Engine::new(options).range(&ctx, &reader, query, 100_000_000, 200_000_000, 10_000);
            assert!(matches!(result, Err(QueryError::Canceled)), "{query}: {result:?}");
        });
    }
}
