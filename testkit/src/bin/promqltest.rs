//! Runs PromQL test scripts: `promqltest [--floats-only] DIR_OR_FILE...`. Names each failing line; the exit status is
//! 1 if there is one.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(about = "Runs scripts of the PromQL test language")]
struct Args {
    /// Leave out evals over native histograms and scripts of syntax that is not supported yet.
    #[arg(long)]
    floats_only: bool,
    /// Script files, or folders with `*.test` files.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

#[expect(clippy::print_stdout, reason = "the report is the program's output")]
fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let (mut passed, mut failed, mut histograms) = (0, 0, 0);
    for path in &args.paths {
        let report = testkit::promqltest::run_path(path, args.floats_only)?;
        for failure in &report.failures {
            println!("FAIL {failure}");
        }
        for script in &report.left_out {
            println!("left out {script}");
        }
        passed += report.passed;
        failed += report.failures.len();
        histograms += report.histograms;
    }
    if args.floats_only {
        println!("{histograms} evals over native histograms left out");
    }
    println!("{passed} passed, {failed} failed");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
