use super::*;

/// The table that the Logs page is held to, too.
const EXAMPLES: &str = include_str!("../../../../../ui/src/pages/logs/ask.examples.json");

fn known() -> (Known, Vec<(String, String)>) {
    #[derive(serde::Deserialize)]
    struct Table {
        labels: HashSet<String>,
        parsers: HashMap<String, Vec<String>>,
        base: String,
        examples: Vec<(String, String)>,
    }
    let table: Table = serde_json::from_str(EXAMPLES).unwrap();
    (Known { labels: table.labels, parsers: table.parsers, base: table.base }, table.examples)
}

#[test]
fn words_become_what_the_page_makes_of_them() {
    let (known, examples) = known();
    assert!(examples.len() > 35);
    for (text, wanted) in examples {
        let logql = translate(&text, &known);
        assert_eq!(logql, wanted, "{text}");
        // `|= "-"` and the like: all of it can be asked.
        query::logql::parse(&logql).unwrap_or_else(|e| panic!("{logql}: {e}"));
    }
}

#[test]
fn logql_is_told_from_words() {
    for logql in [
        r#"{app="x"} | json"#,
        r#"sum by (level) (rate({app="x"}[1m]))"#,
        " rate({a=\"b\"}[1m])",
        "sum by(a) (x{})",
    ] {
        assert!(is_logql(logql), "{logql}");
    }
    for words in ["sum of {things}", "timeout", "404", "f(x)", "", "by {", "(rate({a=\"b\"}[1m]))"] {
        assert!(!is_logql(words), "{words}");
    }
}

#[test]
fn arguments_with_blanks_are_phrases() {
    let text = |words: &[&str]| joined(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
    assert_eq!(text(&["connection reset"]), "connection reset");
    assert_eq!(text(&["connection reset", "api"]), "\"connection reset\" api");
    assert_eq!(text(&["container:my app", "x"]), "container:\"my app\" x");
    assert_eq!(text(&["-container:my app", "-a b"]), "-container:\"my app\" -\"a b\"");
    assert_eq!(text(&["\"a b\"", "c"]), "\"a b\" c");
    assert_eq!(text(&["{a=\"b\"}", "| json", "| x = 5"]), "{a=\"b\"} | json | x = 5");
    assert_eq!(text(&[]), "");
}

#[test]
fn a_page_of_streams_stays() {
    let known = Known { base: "{container_id=\"abc\"}".to_owned(), ..known().0 };
    assert_eq!(translate("x:1", &known), "{container_id=\"abc\"} | x = \"1\"");
    assert_eq!(translate("container:api", &known), "{container_id=\"abc\", container=\"api\"}");
}

#[test]
fn every_stream_is_chosen_by_a_label_that_they_have() {
    let labels = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    assert_eq!(every_stream(&labels(&["container", "service_name"])), "{service_name=~\".+\"}");
    assert_eq!(every_stream(&labels(&["b", "a"])), "{a=~\".+\"}");
    assert_eq!(every_stream(&labels(&[])), "{service_name=~\".+\"}");
}

#[test]
fn anything_is_taken_without_an_error() {
    let (known, _) = known();
    for text in [
        "\"", "-", ":", "a:", "-\"", "OR", "a OR", "OR OR", "\\", "a:\"", "-a:-b", "\0", "é:ü", "a:~", "a:>",
        "\"\\",
    ] {
        let logql = translate(text, &known);
        assert!(logql.starts_with('{'), "{text}");
        query::logql::parse(&logql).unwrap_or_else(|e| panic!("{text}: {logql}: {e}"));
    }
}
