//! Samples of every kind, their text, and how they get into a Prometheus.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use model::{Histogram, Labels, SeriesData, Span, is_stale_nan};
use testkit::http::request;
use testkit::prometheus::Prometheus;
use wire::remote_write::{Encoder, Point};

pub(crate) const STEP: i64 = 15_000;

/// Floats of several shapes with `n` samples each from `from` on.
pub(crate) fn floats(from: i64, n: i64) -> Vec<SeriesData> {
    let mut all = Vec::new();
    for k in 0..30 {
        let labels = Labels::from_pairs([
            ("__name__", if k < 10 { "shape" } else { "counter_total" }),
            ("k", &format!("{k:02}")),
            ("text", "a\"b\\c\n한"),
        ]);
        let mut data = SeriesData { labels, ..SeriesData::default() };
        for i in 0..n {
            let v = match k {
                0 => {
                    [0.0, -0.0, 0.1, 1e21, -1.5e-7, 123_456_789.125, f64::INFINITY, f64::NEG_INFINITY, 5e-324]
                        [i as usize % 9]
                }
                1 => 42.0,
                2 => (i as f64 / 40.0).sin(),
                3 if i % 97 == 96 => model::stale_nan(),
                _ => (i * k) as f64,
            };
            data.push_float(0, from + i * STEP + i * k % 11, v);
        }
        all.push(data);
    }
    all
}

/// Native histograms with whole counts, which restart now and then, and gauges with fractions.
pub(crate) fn histograms(from: i64, n: i64) -> Vec<SeriesData> {
    let mut all = Vec::new();
    for k in 0..6i64 {
        let labels = Labels::from_pairs([("__name__", "duration_seconds"), ("k", &k.to_string())]);
        let mut data = SeriesData { labels, ..SeriesData::default() };
        for i in 0..n {
            // Prometheus 2.42 drops samples where a series has whole and other counts by turns in one request.
            let c = (i % 200) as f64 + if k == 5 { 0.25 } else { 0.0 };
            let mut h = Histogram {
                schema: (k % 3) as i32,
                zero_threshold: 2f64.powi(-128),
                zero_count: c,
                count: 8.0 * c,
                sum: 1.25 * i as f64,
                positive_spans: vec![Span { offset: 1, length: 2 }, Span { offset: 2, length: 1 }],
                positive_buckets: vec![c, 2.0 * c, 3.0 * c],
                negative_spans: vec![Span { offset: 0, length: 1 }],
                negative_buckets: vec![c],
                ..Histogram::default()
            };
            if k == 4 && i % 150 == 149 {
                h = Histogram { sum: model::stale_nan(), ..Histogram::default() };
            }
            data.push_histogram(0, from + i * STEP + k, h);
        }
        all.push(data);
    }
    all
}

/// What a file can say of the floats: no stale markers.
pub(crate) fn exposition(series: &[SeriesData]) -> String {
    let mut text = String::new();
    for one in series {
        for (t, v) in one.t.iter().zip(&one.v).filter(|(_, v)| !is_stale_nan(**v)) {
            let value = match v {
                v if v.is_infinite() => if *v > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
                v => format!("{v:?}"),
            };
            let labels = one.labels.to_string().replace(", ", ",");
            writeln!(text, "{labels} {value} {}.{:03}", t / 1000, t % 1000).unwrap();
        }
    }
    text.push_str("# EOF\n");
    text
}

/// Blocks of Prometheus' own with these samples.
pub(crate) fn create_blocks(series: &[SeriesData], folder: &Path) {
    std::fs::create_dir_all(folder.join("wal")).unwrap();
    let input = folder.with_extension("om");
    std::fs::write(&input, exposition(series)).unwrap();
    let made = Command::new(testkit::reference("promtool").unwrap())
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&input, folder])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

/// Sends samples in the order of time, `slice` milliseconds a request.
pub(crate) fn write(to: &Prometheus, series: &[SeriesData], slice: i64) {
    let ranges = series.iter().filter_map(SeriesData::range);
    let all = ranges.reduce(|a, b| model::TimeRange::new(a.start.min(b.start), a.end.max(b.end))).unwrap();
    let mut from = all.start;
    while from <= all.end {
        let range = model::TimeRange::new(from, from + slice - 1);
        let mut encoder = Encoder::new();
        for one in series {
            let mut part = SeriesData::default();
            part.append_within(one, range);
            encoder.begin(one.labels.iter());
            for (t, v) in part.t.iter().zip(&part.v) {
                encoder.point(Point { t: *t, v: *v });
            }
            for (t, h) in &part.histograms {
                encoder.histogram(*t, h);
            }
            encoder.end();
        }
        let headers = [("Content-Type", "application/x-protobuf"), ("Content-Encoding", "snappy")];
        let body = encoder.finish().unwrap();
        let answer = request(to.address(), "POST", "/api/v1/write", &headers, &body).unwrap();
        assert_eq!(answer.status / 100, 2, "{}", String::from_utf8_lossy(&answer.body));
        from += slice;
    }
}

/// The lines that a dump of these series has.
pub(crate) fn lines(series: &[SeriesData]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for one in series {
        let pairs: Vec<String> = one.labels.iter().map(|(n, v)| format!("{n}={v:?}")).collect();
        let labels = format!("{{{}}}", pairs.join(", "));
        for (t, v) in one.t.iter().zip(&one.v) {
            all.insert(format!("{labels} {} {t}", query::promql::go_g(*v)));
        }
        for (t, h) in &one.histograms {
            let bare = Histogram { sum: h.sum, ..Histogram::default() };
            let h = if is_stale_nan(h.sum) { &bare } else { h };
            all.insert(format!("{labels} {} {t}", query::promql::histogram_text(h)));
        }
    }
    all
}

/// The lines of an output.
pub(crate) fn set(text: &str) -> BTreeSet<String> {
    text.lines().map(str::to_owned).collect()
}

/// Fails with the first lines that only one side has.
pub(crate) fn assert_same(found: &BTreeSet<String>, expected: &BTreeSet<String>) {
    let only =
        |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).take(3).cloned().collect::<Vec<_>>();
    assert!(
        found == expected,
        "{} lines, expected {}\nonly found: {:#?}\nonly expected: {:#?}",
        found.len(),
        expected.len(),
        only(found, expected),
        only(expected, found)
    );
}
