//! Tests that need something the machine may lack.
//!
//! A test binary of such tests has `harness = false` and a `main` that calls [`run`]. A test whose component is
//! missing is reported as ignored (nextest: skipped), never as passed, and a line names what it lacks.

use std::io::Write;

use libtest_mimic::{Arguments, Failed, Trial};

/// Something a test cannot do without: its name for people, and whether it is here.
#[derive(Clone, Copy)]
pub struct Component {
    /// What is missing where it is not here, e.g. `a Docker engine`.
    pub name: &'static str,
    /// Looks whether it is here. Asked once a process.
    pub is_here: fn() -> bool,
}

/// One test.
pub struct Case {
    /// Its name, as for a function.
    pub name: &'static str,
    /// What it needs.
    pub needs: &'static [Component],
    /// What it does; a panic is a failure.
    pub test: fn(),
}

/// The conformance material.
pub const CONFORMANCE: Component =
    Component { name: "the conformance material", is_here: conformance_is_here };

fn conformance_is_here() -> bool {
    crate::conformance::folder("").is_some()
}

/// Runs the cases as `cargo test` and nextest expect it of a test binary, and exits.
pub fn run(cases: &[Case]) -> ! {
    let arguments = Arguments::from_args();
    // nextest never runs an ignored test: it asks for the list of them, so that is where a skip must be said.
    let say = !arguments.list || arguments.ignored;
    let trials = cases.iter().map(|case| trial(case, say)).collect();
    libtest_mimic::run(&arguments, trials).exit()
}

fn trial(case: &Case, say: bool) -> Trial {
    let missing = case.needs.iter().find(|component| !(component.is_here)());
    if let Some(component) = missing
        && say
    {
        note(case.name, component.name);
    }
    let test = case.test;
    let body = move || {
        std::panic::catch_unwind(test).map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            Failed::from(
                text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_default(),
            )
        })
    };
    Trial::test(case.name, body).with_ignored_flag(missing.is_some())
}

#[expect(clippy::print_stderr, reason = "a skipped test says so where its reader looks")]
/// Says it on standard error and, for the summary at the end of `make test`, in a file.
fn note(test: &str, missing: &str) {
    let line = format!("skipped: {test}: {missing} is missing");
    eprintln!("{line}");
    if let Some(path) = std::env::var_os("BONGHWA_SKIPPED")
        && let Ok(mut file) = std::fs::OpenOptions::new().create(true).append(true).open(path)
    {
        // The summary is a convenience; the line above was said.
        let _ = writeln!(file, "{line}");
    }
}
