//! Runs scripts of the PromQL test language against the engine over an in-memory store.
//!
//! A script loads series and says what expressions must yield. Each instant expression is run in several forms: as
//! written; with its time fixed by `@`, from several evaluation times; and as the middle step of a range query.

mod at_modifier;
mod compare;
mod expect;
mod load;
mod nhcb;
mod run;
mod script;

use std::path::{Path, PathBuf};

use anyhow::Context;

pub use run::Runner;
pub use script::{Command, Eval, EvalKind, Script};

/// What became of the evals of one or more scripts.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Evals that came out as they should.
    pub passed: usize,
    /// `file:line: what is wrong`.
    pub failures: Vec<String>,
}

impl Report {
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failures.extend(other.failures);
    }
}

/// Runs a script file, or every `*.test` file of a folder in the order of their names.
pub fn run_path(path: &Path) -> anyhow::Result<Report> {
    let mut files: Vec<PathBuf> = Vec::new();
    if path.is_dir() {
        for entry in path.read_dir().with_context(|| format!("cannot list {}", path.display()))? {
            let file = entry?.path();
            if file.extension().is_some_and(|e| e == "test") {
                files.push(file);
            }
        }
        files.sort();
    } else {
        files.push(path.to_owned());
    }
    let mut report = Report::default();
    for file in files {
        report.add(run_file(&file)?);
    }
    Ok(report)
}

fn run_file(file: &Path) -> anyhow::Result<Report> {
    let name = file.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(run_script(&name, &text))
}

/// Runs the text of a script; a line that is no command is a failure and ends it.
pub fn run_script(name: &str, text: &str) -> Report {
    let script = match Script::parse(text) {
        Ok(script) => script,
        Err((line, message)) => {
            let failures = vec![format!("{name}:{line}: {message}")];
            return Report { failures, ..Report::default() };
        }
    };
    let mut runner = Runner::new();
    for command in &script.commands {
        runner.run(name, command);
    }
    runner.report
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Report {
        run_script("t", text)
    }

    #[test]
    fn what_is_right_passes() {
        let report = run("load 1m\n  a{x=\"1\"} 0+1x10\n\neval instant at 5m a\n  a{x=\"1\"} 5\n\n\
             eval range from 0 to 2m step 1m a\n  a{x=\"1\"} 0 1 2\n\neval instant at 0 1+1\n  2\n");
        assert_eq!((report.passed, report.failures), (3, vec![]));
    }

    #[test]
    fn what_is_wrong_is_named_by_line() {
        let cases = [
            ("eval instant at 0 1+1\n  3\n", "t:1:"),
            ("load 1m\n  a 1\n\neval instant at 0 a\n  a 2\n", "t:4:"),
            ("load 1m\n  a 1\n\neval instant at 0 a\n", "t:4:"),
            ("eval instant at 0 vector(1)\n  expect fail\n", "t:1:"),
            ("eval instant at 0 vector(1)\n  expect warn\n  {} 1\n", "t:1:"),
            ("load 1m\n  a 1 2\n\neval range from 0 to 1m step 1m a\n  a 1 _\n", "t:4:"),
            ("nonsense\n", "t:1:"),
            ("eval instant at 0 foo(\n", "t:1:"),
        ];
        for (text, want) in cases {
            let report = run(text);
            assert_eq!(report.failures.len(), 1, "{text}");
            assert!(report.failures[0].starts_with(want), "{:?}", report.failures);
        }
    }
}
