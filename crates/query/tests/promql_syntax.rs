//! The parser over the conformance material: parse cases, scripts, compliance queries.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "in a test a panic is the report")]

use query::promql::series_desc::{parse_series_desc, parse_start_times};
use query::promql::{Expr, ParseErrors, ParseOptions, parse_with};
use testkit::suite::{CONFORMANCE, Case};

fn main() {
    testkit::suite::run(&[
        Case { name: "parse_cases", needs: &[CONFORMANCE], test: conformance_parse_cases },
        Case { name: "scripts_parse", needs: &[CONFORMANCE], test: conformance_scripts_parse },
        Case { name: "series_descriptions_of_scripts", needs: &[CONFORMANCE], test: series_descriptions },
        Case { name: "compliance_queries", needs: &[CONFORMANCE], test: conformance_compliance_queries },
    ]);
}

fn read(path: &str) -> String {
    let (folder, file) = path.rsplit_once('/').expect("a path with a folder");
    let folder = testkit::conformance::folder(folder).expect("looked at before");
    std::fs::read_to_string(folder.join(file)).expect("readable")
}

fn all(query: &str) -> Result<Expr, ParseErrors> {
    parse_with(query, &ParseOptions::ALL)
}

#[derive(serde::Deserialize)]
struct ParseCase {
    query: String,
    ok: bool,
    errors: Vec<String>,
}

fn conformance_parse_cases() {
    let text = read("promql/parse_cases.json");
    let cases: Vec<ParseCase> = serde_json::from_str(&text).expect("well-formed");
    let (mut same_text, mut refused, mut wrong) = (0, 0, Vec::new());
    for case in &cases {
        let result = all(&case.query);
        if result.is_ok() != case.ok {
            wrong.push(format!("{:?}: {:?}, wanted {:?}", case.query, result.err(), case.errors));
            continue;
        }
        if let Err(errors) = result {
            refused += 1;
            let first = &errors.0[0].message;
            if case.errors.first() == Some(first) {
                same_text += 1;
            } else {
                wrong.push(format!("{:?}: {first}, wanted {:?}", case.query, case.errors));
            }
        }
    }
    println!("{} cases; of {refused} refused, {same_text} with the same message", cases.len());
    assert!(cases.len() > 200, "only {} cases", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The expressions of `eval` lines: what follows the times.
fn evaluated(script: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for line in script.lines().map(str::trim).filter(|l| l.starts_with("eval")) {
        let mut rest = line.split_once(char::is_whitespace).expect("well-formed").1.trim_start();
        let words = if rest.starts_with("instant") { 3 } else { 7 };
        for _ in 0..words {
            rest = rest.split_once(char::is_whitespace).expect("well-formed").1.trim_start();
        }
        found.push(rest);
    }
    found
}

fn conformance_scripts_parse() {
    let folder = testkit::conformance::folder("promql/testscripts").expect("looked at before");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("well-formed") {
        let script = std::fs::read_to_string(entry.expect("well-formed").path()).expect("well-formed");
        for query in evaluated(&script) {
            let expr = all(query).unwrap_or_else(|e| panic!("{query}: {e}"));
            let printed = expr.to_string();
            assert_eq!(all(&printed).map(|e| e.to_string()), Ok(printed), "{query}");
            count += 1;
        }
    }
    println!("{count} expressions");
    assert!(count > 1500, "only {count} expressions");
}

fn conformance_compliance_queries() {
    let text = read("promql/compliance/expanded-queries.txt");
    let mut refused = 0;
    for line in text.lines() {
        let query = line.strip_prefix('!').unwrap_or(line);
        let result = all(query);
        refused += usize::from(result.is_err());
        // A query marked `!` may also fail when it is evaluated.
        assert!(result.is_ok() || line.starts_with('!'), "{query}: {:?}", result.err());
    }
    println!("{} queries, {refused} refused by the parser", text.lines().count());
}

fn series_descriptions() {
    let folder = testkit::conformance::folder("promql/testscripts").expect("looked at before");
    let (mut series, mut start_times) = (0, 0);
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let script = std::fs::read_to_string(entry.expect("an entry").path()).expect("readable");
        let mut loading = false;
        for line in script.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                loading = false;
            } else if line.starts_with("load") {
                loading = true;
            } else if loading && parse_start_times(line).expect("well-formed").is_some() {
                start_times += 1;
            } else if loading {
                parse_series_desc(line).unwrap_or_else(|e| panic!("{line}: {e}"));
                series += 1;
            }
        }
    }
    println!("{series} series, {start_times} with start timestamps");
    assert!(series > 1000 && start_times > 10, "{series} series, {start_times} with start timestamps");
}
