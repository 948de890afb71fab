//! The engine over scripts: the conformance material, and our own.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "in a test a panic is the report")]

use std::collections::BTreeMap;
use std::path::Path;

use model::Ctx;
use query::promql::{Engine, SampleValue, Value};
use testkit::promqltest::{Report, run_path};
use testkit::suite::{CONFORMANCE, Case};
use testkit::{MemoryMetrics, demo};

fn main() {
    testkit::suite::run(&[
        Case { name: "conformance_scripts", needs: &[CONFORMANCE], test: conformance_scripts },
        Case { name: "own_scripts", needs: &[], test: own_scripts },
        Case { name: "a_range_is_its_instants", needs: &[CONFORMANCE], test: range_is_its_instants },
    ]);
}

fn judge(report: &Report, least: usize) {
    println!("{} passed, {} failed", report.passed, report.failures.len());
    assert!(report.failures.is_empty(), "{}", report.failures.join("\n"));
    assert!(report.passed >= least, "only {} evals", report.passed);
}

fn conformance_scripts() {
    let folder = testkit::conformance::folder("promql/testscripts").expect("looked at before");
    judge(&run_path(&folder).expect("readable"), 1_575);
}

fn own_scripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/query/testdata/promql");
    judge(&run_path(&folder).expect("readable"), 60);
}

/// Values by labels, bit by bit.
type Bits = BTreeMap<String, u64>;

/// A range query yields at each step, bit by bit, what an instant query yields there.
fn range_is_its_instants() {
    const STEP: i64 = 45_000;
    let store = MemoryMetrics::new();
    demo::fill(&store);
    let folder = testkit::conformance::folder("promql/compliance").expect("looked at before");
    let text = std::fs::read_to_string(folder.join("expanded-queries.txt")).expect("readable");
    let engine = Engine::default();
    let ctx = Ctx::unbounded();
    let start = demo::START_MS + 4_000_000;
    let mut compared = 0;
    for query in text.lines().filter(|line| !line.is_empty() && !line.starts_with('!')) {
        let range = engine.range(&ctx, &store, query, start, start + 3 * STEP, STEP);
        let Value::Matrix(series) = range.expect("evaluates").value else { panic!("{query}: no matrix") };
        for t in (0..4).map(|i| start + i * STEP) {
            let at_t: Bits = series
                .iter()
                .filter_map(|s| {
                    let (_, v) = s.points.iter().find(|(time, _)| *time == t)?;
                    Some((s.labels.to_string(), v.to_bits()))
                })
                .collect();
            let alone = engine.instant(&ctx, &store, query, t).expect("evaluates").value;
            assert_eq!(bits(&alone), at_t, "{query} at {t}");
            compared += 1;
        }
    }
    println!("{compared} steps compared");
    assert!(compared > 2_000, "only {compared} steps");
}

fn bits(value: &Value) -> Bits {
    match value {
        Value::Scalar { v, .. } => Bits::from([("{}".to_owned(), v.to_bits())]),
        Value::Vector(samples) => samples
            .iter()
            .map(|s| match &s.value {
                SampleValue::Float(v) => (s.labels.to_string(), v.to_bits()),
                SampleValue::Histogram(_) => panic!("no histograms were stored"),
            })
            .collect(),
        other => panic!("unexpected {}", other.type_name()),
    }
}
