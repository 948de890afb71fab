//! Results as JUnit XML.

use std::fmt::Write as _;

/// The tests of one file.
#[derive(Debug, Default)]
pub(super) struct Suite {
    pub(super) name: String,
    /// Why the file could not be tested at all.
    pub(super) aborted: Option<String>,
    pub(super) cases: Vec<Case>,
}

/// One test.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) failures: Vec<String>,
}

/// The document.
pub(super) fn document(suites: &[Suite]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for suite in suites {
        let failures: usize = suite.cases.iter().map(|c| c.failures.len()).sum();
        let errors = usize::from(suite.aborted.is_some());
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\">",
            escaped(&suite.name),
            suite.cases.len()
        );
        for case in &suite.cases {
            let _ = writeln!(out, "    <testcase name=\"{}\">", escaped(&case.name));
            for failure in &case.failures {
                let _ = writeln!(out, "      <failure>{}</failure>", escaped(failure));
            }
            out.push_str("    </testcase>\n");
        }
        if let Some(reason) = &suite.aborted {
            let _ = writeln!(out, "    <system-err>{}</system-err>", escaped(reason));
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
