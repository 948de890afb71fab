//! The engine over scripts: the conformance material, and our own.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "in a test a panic is the report")]

use std::path::Path;

use testkit::promqltest::{Report, run_path};
use testkit::suite::{CONFORMANCE, Case};

fn main() {
    testkit::suite::run(&[
        Case { name: "conformance_scripts", needs: &[CONFORMANCE], test: conformance_scripts },
        Case { name: "own_scripts", needs: &[], test: own_scripts },
    ]);
}

fn judge(report: &Report, least: usize) {
    for script in &report.left_out {
        println!("left out {script}");
    }
    println!(
        "{} passed, {} failed, {} over native histograms left out",
        report.passed,
        report.failures.len(),
        report.histograms
    );
    assert!(report.failures.is_empty(), "{}", report.failures.join("\n"));
    assert!(report.passed >= least, "only {} evals", report.passed);
}

fn conformance_scripts() {
    let folder = testkit::conformance::folder("promql/testscripts").expect("looked at before");
    judge(&run_path(&folder, true).expect("readable"), 900);
}

fn own_scripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/query/testdata/promql");
    judge(&run_path(&folder, false).expect("readable"), 60);
}
