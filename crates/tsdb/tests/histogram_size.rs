//! Bytes a native histogram takes in a compacted block, beside what the same samples take in Prometheus' chunks.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use model::metrics::MetricStats;
use model::{
    Histogram, HistogramSample, Labels, ManualClock, MetricBatch, MetricWriter, SeriesData, Span, Tenant,
};
use tsdb::{Options, Store};

const NOW: i64 = 1_700_000_000_000;
const SERIES: u64 = 6;
/// Six hours at 15 s.
const SCRAPES: i64 = 1_440;

/// SplitMix64: equal data in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Normal, after Box and Muller.
    fn normal(&mut self) -> f64 {
        (-2.0 * self.next().max(1e-12).ln()).sqrt() * (std::f64::consts::TAU * self.next()).cos()
    }
}

/// What a client library counts: latencies around 80 ms in buckets of schema 3.
#[derive(Default)]
struct Client {
    buckets: BTreeMap<i32, u64>,
    sum: f64,
    count: u64,
}

impl Client {
    fn observe(&mut self, seconds: f64) {
        *self.buckets.entry((seconds.log2() * 8.0).ceil() as i32).or_default() += 1;
        self.sum += seconds;
        self.count += 1;
    }

    fn histogram(&self) -> Histogram {
        let mut h = Histogram {
            schema: 3,
            zero_threshold: 2f64.powi(-128),
            count: self.count as f64,
            sum: self.sum,
            ..Histogram::default()
        };
        let mut next = None;
        for (index, count) in &self.buckets {
            match (next, h.positive_spans.last_mut()) {
                (Some(expected), Some(span)) if expected == *index => span.length += 1,
                _ => h.positive_spans.push(Span { offset: index - next.unwrap_or(0), length: 1 }),
            }
            h.positive_buckets.push(*count as f64);
            next = Some(index + 1);
        }
        h
    }
}

/// The scrapes of one client with so many observations a scrape.
fn scrapes(seed: u64, each: f64) -> Vec<(i64, Histogram)> {
    let (mut random, mut client) = (Random(seed), Client::default());
    (0..SCRAPES)
        .map(|k| {
            let observations =
                (each * (0.5 + random.next())) as u64 + u64::from(random.next() < each.fract());
            for _ in 0..observations {
                client.observe(0.08 * (0.7 * random.normal()).exp());
            }
            (NOW - (SCRAPES - k) * 15_000, client.histogram())
        })
        .collect()
}

/// Bytes a histogram in our block, index included, and in Prometheus' chunks alone; and buckets a histogram.
fn measure(each: f64) -> (f64, f64, f64) {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { retention_bytes: Some(0), retention_ms: 0, ..Options::default() };
    let clock = Arc::new(ManualClock::at_ms(NOW));
    let store = Store::open(Arc::new(disk::RealFs), Path::new(dir.path()), options, clock.clone()).unwrap();
    let labels: Vec<Labels> = (0..SERIES)
        .map(|i| Labels::from_pairs([("__name__", "latency_seconds".into()), ("route", format!("/r/{i}"))]))
        .collect();
    let mut refs = Vec::new();
    store.resolve(&Tenant::default(), &labels, &mut refs).unwrap();
    let (mut theirs, mut buckets) = (0, 0);
    for (series, seed) in refs.iter().flatten().zip(1..) {
        let samples = scrapes(seed, each);
        let batch: Vec<HistogramSample> = samples
            .iter()
            .map(|(t, value)| HistogramSample { series: *series, t: *t, start: 0, value })
            .collect();
        let batch = MetricBatch { histograms: &batch, ..MetricBatch::default() };
        assert_eq!(store.append(&Tenant::default(), batch).unwrap().accepted, samples.len());
        buckets += samples.iter().map(|(_, h)| h.positive_buckets.len()).sum::<usize>();
        let data = SeriesData { histograms: samples, ..SeriesData::default() };
        wire::chunk::encode(&data, wire::chunk::Options::default(), |chunk| theirs += chunk.bytes.len());
    }
    store.flush().unwrap();
    clock.advance_ms(12 * 3_600_000);
    store.maintain().unwrap();
    let stats = store.stats(1).unwrap();
    let samples = (SERIES as i64 * SCRAPES) as f64;
    assert_eq!(stats.block_samples as f64, samples);
    (stats.block_bytes as f64 / samples, theirs as f64 / samples, buckets as f64 / samples)
}

#[test]
fn a_histogram_takes_fewer_bytes_than_in_prometheus() {
    for each in [0.3, 10.0, 300.0] {
        let (ours, theirs, buckets) = measure(each);
        println!(
            "{each} observations a scrape, {buckets:.1} buckets: {ours:.2} B, in Prometheus {theirs:.2} B"
        );
        assert!(ours < theirs, "{each} observations a scrape: {ours:.2} B against {theirs:.2} B");
    }
}
