//! The queries of the conformance material parse, or are refused where they are marked.

use query::logql::{format, parse};

#[test]
#[cfg_attr(not(conformance), ignore = "needs the conformance material")]
fn the_listed_queries_parse_or_are_refused_as_marked() {
    let folder = testkit::conformance::folder("logql").expect("ignored where it is missing");
    let list = std::fs::read_to_string(folder.join("queries.txt")).unwrap();
    let queries: Vec<&str> = list.lines().filter(|l| !l.is_empty() && !l.starts_with("# ")).collect();
    assert!(queries.len() >= 60, "{} queries", queries.len());
    for line in queries {
        match line.strip_prefix('!') {
            Some(refused) => assert!(parse(refused).is_err(), "{refused} is not refused"),
            None => {
                let expr = parse(line).unwrap_or_else(|e| panic!("{line}: {e}"));
                for text in [expr.to_string(), format(&expr)] {
                    assert_eq!(parse(&text).unwrap().to_string(), expr.to_string(), "{text}");
                }
            }
        }
    }
}
