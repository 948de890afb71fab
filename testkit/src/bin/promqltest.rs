//! Runs PromQL test scripts: `promqltest DIR_OR_FILE...`. Names each failing line; the exit status is
//! 1 if there is one.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(about = "Runs scripts of the PromQL test language")]
struct Args {
    /// Script files, or folders with `*.test` files.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

#[expect(clippy::print_stdout, reason = "the report is the program's output")]
fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let (mut passed, mut failed) = (0, 0);
    for path in &args.paths {
        let report = testkit::promqltest::run_path(path)?;
        for failure in &report.failures {
            println!("FAIL {failure}");
        }
        passed += report.passed;
        failed += report.failures.len();
    }
    println!("{passed} passed, {failed} failed");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
