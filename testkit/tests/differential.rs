//! The same queries over the same samples, here and in Debian's Prometheus (2.42).

#![expect(clippy::expect_used, reason = "in a test a panic is the report")]

use model::{Ctx, Histogram, Labels, Span};
use query::promql::Engine;
use testkit::answer::{Tally, of_api, of_engine, seconds};
use testkit::prometheus::Prometheus;
use testkit::suite::{CONFORMANCE, Case, Component};
use testkit::{MemoryMetrics, demo};

/// Queries whose answer changed after 2.42, and how.
const CHANGED: &[(&str, &str)] = &[
    (r#"label_replace(demo_num_cpus, "~invalid", "", "src", "(.*)")"#, "3.0 allows any UTF-8 in label names"),
    (r#"label_join(demo_num_cpus, "~invalid", "-", "instance")"#, "3.0 allows any UTF-8 in label names"),
    (
        "avg_over_time(rate(demo_cpu_usage_seconds_total[1m])[2m:10s])",
        "3.0 leaves the start of a window out; the points of a subquery lie on whole steps and meet it",
    ),
];

const PROMETHEUS: Component =
    Component { name: "Debian's prometheus", is_here: || testkit::reference("prometheus").is_some() };

fn main() {
    let needs = &[CONFORMANCE, PROMETHEUS];
    testkit::suite::run(&[
        Case { name: "same_answers_as_prometheus", needs, test: same_answers },
        Case { name: "same_native_histograms_as_prometheus", needs: &[PROMETHEUS], test: same_histograms },
    ]);
}

/// Queries over native histograms whose answer changed after 2.42, and how.
const CHANGED_HISTOGRAMS: &[(&str, &str)] = &[];

fn with_reference(flags: &[&str], compare: impl FnOnce(&Prometheus)) {
    let folder = tempfile::tempdir().expect("a folder for the reference");
    let program = testkit::reference("prometheus").expect("looked at before");
    let reference = Prometheus::start_with(&program, folder.path(), flags).expect("the reference starts");
    compare(&reference);
}

/// Asks both for a range and for its end.
fn ask_both(
    tally: &mut Tally,
    (store, reference): (&MemoryMetrics, &Prometheus),
    query: &str,
    changed: &[(&str, &str)],
) {
    let engine = Engine::default();
    let ctx = Ctx::unbounded();
    let (start, end, step) = times();
    let ours = of_engine(engine.range(&ctx, store, query, start, end, step));
    let range =
        [("query", query), ("start", &seconds(start)), ("end", &seconds(end)), ("step", &seconds(step))];
    let theirs = of_api(&reference.ask("query_range", &range).expect("an answer"));
    tally.compare(query, "range", (&ours, &theirs), changed);
    let ours = of_engine(engine.instant(&ctx, store, query, end));
    let theirs = reference.ask("query", &[("query", query), ("time", &seconds(end))]);
    tally.compare(query, "instant", (&ours, &of_api(&theirs.expect("an answer"))), changed);
}

fn same_answers() {
    let store = MemoryMetrics::new();
    demo::fill(&store);
    let list = testkit::conformance::folder("promql/compliance").expect("looked at before");
    let text = std::fs::read_to_string(list.join("expanded-queries.txt")).expect("readable");
    let mut tally = Tally::default();
    with_reference(&[], |reference| {
        reference.write(&store.dump(), 600_000).expect("the reference takes the samples");
        for line in text.lines().filter(|line| !line.is_empty()) {
            let query = line.strip_prefix('!').unwrap_or(line);
            ask_both(&mut tally, (&store, reference), query, CHANGED);
        }
    });
    assert!(tally.identical > 1000, "only {} answers compared", tally.identical);
    tally.judge();
}

/// Counters of native histograms that grow, are reset, and change their resolution.
fn histograms() -> Vec<(Labels, Vec<(i64, Histogram)>)> {
    let histogram = |schema: i32, i: i64| {
        let base = (i % 200) as f64;
        let positive = [base, 2.0 * base, base + 3.0, 0.5 * base, 7.0];
        let negative = [base, 1.0];
        Histogram {
            schema,
            zero_threshold: 1e-3,
            zero_count: base,
            count: base + positive.iter().sum::<f64>() + negative.iter().sum::<f64>(),
            sum: 3.25 * base,
            positive_spans: vec![Span { offset: -1, length: 3 }, Span { offset: 2, length: 2 }],
            positive_buckets: positive.to_vec(),
            negative_spans: vec![Span { offset: 0, length: 2 }],
            negative_buckets: negative.to_vec(),
            ..Histogram::default()
        }
    };
    [("a", 0, 1_337), ("b", 1, 2_411), ("c", 2, 3_703)]
        .into_iter()
        .map(|(instance, schema, offset)| {
            let labels = Labels::from_pairs([("__name__", "demo_histogram"), ("instance", instance)]);
            let samples = (0..demo::LENGTH_MS / demo::INTERVAL_MS)
                .map(|i| (demo::START_MS + i * demo::INTERVAL_MS + offset, histogram(schema, i)));
            (labels, samples.collect())
        })
        .collect()
}

fn same_histograms() {
    let store = MemoryMetrics::new();
    let series = histograms();
    for (labels, samples) in &series {
        store.insert_histograms(labels, samples.iter().cloned());
    }
    let mut tally = Tally::default();
    with_reference(&["--enable-feature=native-histograms"], |reference| {
        reference.write_histograms(&series, 600_000).expect("the reference takes the histograms");
        for inner in HISTOGRAMS {
            for outer in OF_HISTOGRAMS {
                let query = outer.replace("{}", inner);
                ask_both(&mut tally, (&store, reference), &query, CHANGED_HISTOGRAMS);
            }
        }
    });
    assert!(tally.identical > 100, "only {} answers compared", tally.identical);
    tally.judge();
}

/// What yields histograms.
const HISTOGRAMS: &[&str] = &[
    "demo_histogram",
    "rate(demo_histogram[1m])",
    "rate(demo_histogram[17m])",
    "increase(demo_histogram[5m])",
    "sum(demo_histogram)",
    "sum by (instance) (rate(demo_histogram[5m]))",
    "sum without (instance) (rate(demo_histogram[5m]))",
    "demo_histogram offset 5m",
];

/// What is asked of them.
const OF_HISTOGRAMS: &[&str] = &[
    "{}",
    "histogram_count({})",
    "histogram_sum({})",
    "histogram_fraction(-Inf, 0, {})",
    "histogram_fraction(-0.001, 0.001, {})",
    "histogram_fraction(0.5, 1, {})",
    "histogram_fraction(1, 8, {})",
    "histogram_quantile(0, {})",
    "histogram_quantile(1, {})",
    "histogram_quantile(-1, {})",
    "histogram_quantile(2, {})",
    "count({})",
    "group({})",
    "absent({})",
];

/// Start, end and step of the range queries, ms: whole seconds, off which all samples lie.
fn times() -> (i64, i64, i64) {
    let start = demo::START_MS + 4_500_000;
    (start, start + 1_800_000, 30_000)
}
