use proptest::prelude::*;

use super::*;
use crate::logql::format;

/// What a query prints as.
fn printed(query: &str) -> String {
    parse(query).unwrap_or_else(|e| panic!("{query}: {e}")).to_string()
}

#[test]
fn queries_print_as_they_are_read() {
    for (query, wanted) in [
        ("{ app = `web` , env!~'' }", ""),
        (
            "{app=`web`,env!~\"a|b\"}|=\"x\" or \"y\"!= `z`",
            "{app=\"web\", env!~\"a|b\"} |= \"x\" or \"y\" != \"z\"",
        ),
        ("{a=\"b\"} | json x, y=\"a[0].b\"", "{a=\"b\"} | json x=\"x\",y=\"a[0].b\""),
        (
            "{a=\"b\"} | logfmt --strict --keep-empty a=\"b\"",
            "{a=\"b\"} | logfmt --strict --keep-empty a=\"b\"",
        ),
        (
            "{a=\"b\"} | x>1 and (y=\"2\" or z<=10KB), w=ip(\"10.0.0.0/8\") or v==1h30m",
            "{a=\"b\"} | x>1 and (y=\"2\" or z<=10KB) and w=ip(\"10.0.0.0/8\") or v==1h30m",
        ),
        ("{a=\"b\"} | label_format c=d, e=\"{{.f}}\"", "{a=\"b\"} | label_format c=d,e=\"{{.f}}\""),
        ("{a=\"b\"} | drop c, d=\"e\" | keep f", "{a=\"b\"} | drop c,d=\"e\" | keep f"),
        ("rate({a=\"b\"}[5m] | json)", "rate({a=\"b\"} | json [5m])"),
        (
            "quantile_over_time(0.9, {a=\"b\"} | unwrap duration(c) | d=\"e\" [1m30s] offset 1h) by (f)",
            "quantile_over_time(0.9, {a=\"b\"} | unwrap duration(c) | d=\"e\" [1m30s] offset 1h) by (f)",
        ),
        ("topk(3, sum(rate({a=\"b\"}[1m])) by (c))", "topk(3, sum by (c) (rate({a=\"b\"} [1m])))"),
        ("(1 + 2) * 3 ^ 2 ^ 1 - -1", "(1 + 2) * 3 ^ 2 ^ 1 - -1"),
        (
            "rate({a=\"b\"}[1m]) / on (c) group_left (d) rate({a=\"e\"}[1m]) > bool 1",
            "rate({a=\"b\"} [1m]) / on (c) group_left (d) rate({a=\"e\"} [1m]) > bool 1",
        ),
        ("vector(1) # nothing more", "vector(1)"),
    ] {
        match wanted {
            "" => assert!(parse(query).is_err(), "{query}"),
            wanted => assert_eq!(printed(query), wanted),
        }
    }
}

#[test]
fn mistakes_are_named_with_their_place() {
    for (query, wanted) in [
        ("{app=~\".*\"}", "parse error : queries require at least one regexp or equality matcher"),
        ("{app=\"web\"", "parse error at line 1, col 11: syntax error: unexpected $end, expecting ,"),
        ("{app=~\"(\"}", "parse error at line 1, col 7: error parsing regexp: missing closing ): "),
        (
            "{a=\"b\"}\n| pattern \"no captures\"",
            "parse error at line 2, col 11: at least one capture is required",
        ),
        ("{a=\"b\"} | pattern \"<a><b>\"", "found consecutive capture '<b>'"),
        ("{a=\"b\"} | regexp \"(a)\"", "at least one named capture must be supplied"),
        ("{a=\"b\"} | line_format \"{{.a\"", "invalid line template: template: line:1: "),
        ("{a=\"b\"} | line_format \"{{ nope 1 }}\"", "function \"nope\" not defined"),
        ("{a=\"b\"} | label_format a=b=c", "syntax error: unexpected ="),
        ("{a=\"b\"} | label_format a=b,a=c", "multiple label name \"a\" not allowed"),
        ("{a=\"b\"} | addr=ip(\"x\")", "ip: invalid pattern: \"x\""),
        ("{a=\"b\"} |~ ip(\"::1\")", "not allowed with ip()"),
        ("{a=\"b\"} | unwrap c", "syntax error: unexpected unwrap"),
        ("{a=\"b\"} | x>=\"1\"", "unexpected STRING"),
        ("rate({a=\"b\"})", "syntax error: unexpected ), expecting RANGE"),
        ("sum_over_time({a=\"b\"}[5m])", "invalid aggregation sum_over_time without unwrap"),
        ("count_over_time({a=\"b\"} | unwrap c [5m])", "invalid aggregation count_over_time with unwrap"),
        ("rate({a=\"b\"}[5m]) by (c)", "grouping not allowed for rate aggregation"),
        ("topk(0, rate({a=\"b\"}[5m]))", "invalid parameter (must be greater than 0) topk(0"),
        ("topk(rate({a=\"b\"}[5m]))", "parameter required for operation topk"),
        ("sum(1, rate({a=\"b\"}[5m]))", "unsupported parameter for operation sum("),
        ("sort(rate({a=\"b\"}[5m])) by (c)", "sort and sort_desc doesn't allow grouping by"),
        (
            "1 and rate({a=\"b\"}[5m])",
            "unexpected literal for left leg of logical/set binary operation (and)",
        ),
        ("label_replace(rate({a=\"b\"}[5m]), \"x\", \"y\", \"z\", \"(\")", "invalid regex in label_replace"),
        ("nope({a=\"b\"}[5m])", "syntax error: unexpected IDENTIFIER \"nope\""),
        ("", "parse error at line 1, col 1: syntax error: unexpected $end"),
    ] {
        let error = parse(query).expect_err(query).to_string();
        assert!(error.contains(wanted), "{query}: {error}");
    }
    assert!(parse(&"(".repeat(100_000)).is_err());
    assert!(parse(&format!("1{}", " + 1".repeat(100_000))).is_err(), "a chain is as deep as it is long");
    let many = format!("{{a=\"b\"}} | {}", vec!["x=1"; 20_000].join(" or "));
    assert!(parse(&many).is_ok(), "a list of filters is not deep");
}

#[test]
fn long_queries_are_laid_out() {
    let query = "sum by (app) (rate({app=\"web\", env=\"production\"} |= \"error\" | json | status >= 500 \
                 | line_format \"{{.message}}\" [5m])) / sum by (app) (rate({app=\"web\", env=\"production\"}[5m]))";
    let expr = parse(query).unwrap();
    let laid_out = format(&expr);
    assert!(laid_out.lines().count() > 5, "{laid_out}");
    assert_eq!(parse(&laid_out).unwrap().to_string(), expr.to_string());
}

fn label() -> impl Strategy<Value = String> {
    "[a-z_][a-z0-9_]{0,5}".prop_filter("a keyword", |w| {
        !matches!(w.as_str(), "or" | "and" | "by" | "on" | "ip" | "unless" | "bool")
    })
}

fn literal() -> impl Strategy<Value = String> {
    "[ -~가-힣\n\t]{0,8}".prop_map(|text| crate::promql::quote::go_string(&text))
}

fn filter() -> impl Strategy<Value = String> {
    let one = (
        label(),
        prop_oneof![
            literal().prop_map(|text| format!("={text}")),
            (-1e6..1e6).prop_map(|v: f64| format!(">{v}")),
            (0..100_000_000u64).prop_map(|v| format!("<={v}ms")),
            (0..10_000u64).prop_map(|v| format!("!={v}KiB")),
            Just("=ip(\"10.0.0.1-10.0.0.9\")".to_owned()),
        ],
    );
    let one = one.prop_map(|(name, rest)| format!("{name}{rest}"));
    one.prop_recursive(3, 12, 3, |inner| {
        (proptest::collection::vec(inner, 1..4), prop_oneof![Just(" and "), Just(" or "), Just(", ")])
            .prop_map(|(parts, by)| format!("({})", parts.join(by)))
    })
}

fn stage() -> impl Strategy<Value = String> {
    prop_oneof![
        (prop_oneof![Just("|="), Just("!="), Just("|>")], literal())
            .prop_filter_map("a capture", |(op, text)| {
                (!text.contains('<')).then(|| format!("{op} {text} or {text}"))
            }),
        filter().prop_map(|f| format!("| {f}")),
        Just("| json a=\"b.c[0]\", d".to_owned()),
        Just("| logfmt --strict".to_owned()),
        (label(), label()).prop_map(|(a, b)| format!("| drop {a}, {b}=\"x\"")),
        (label(), literal()).prop_filter_map("a template", |(a, t)| {
            (!t.contains('{')).then(|| format!("| label_format {a}={t}"))
        }),
    ]
}

fn log() -> impl Strategy<Value = String> {
    (label(), proptest::collection::vec(stage(), 0..4))
        .prop_map(|(name, stages)| format!("{{{name}=\"x\"}} {}", stages.join(" ")))
}

fn metric() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (log(), 1..100_000u64).prop_map(|(log, s)| format!("rate({log} [{s}s] offset -{s}ms)")),
        (log(), label())
            .prop_map(|(log, l)| format!("max_over_time({log} | unwrap bytes({l}) [1m]) by ({l})")),
        (-1e9..1e9).prop_map(|v: f64| v.to_string()),
    ];
    leaf.prop_recursive(4, 16, 2, |inner| {
        let ops = ["+", "*", "^", "> bool", "/ on (a) group_left (b)", "- ignoring (a)"];
        prop_oneof![
            (inner.clone(), proptest::sample::select(ops.to_vec()), inner.clone())
                .prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            inner.clone().prop_map(|a| format!("sum without (x) (vector(1) + {a})")),
            inner.prop_map(|a| format!("label_replace({a}, \"x\", \"$1\", \"y\", \"(.*)\")")),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(query in prop_oneof![log(), metric()]) {
        let expr = parse(&query).map_err(|e| TestCaseError::fail(format!("{query}: {e}")))?;
        for text in [expr.to_string(), format(&expr)] {
            let again = parse(&text).map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
            prop_assert_eq!(again.to_string(), expr.to_string());
        }
    }

    #[test]
    fn nothing_panics(query in "[{}()|=!~<>\\[\\]a-z0-9\"`., +*/^-]{0,60}") {
        if let Ok(expr) = parse(&query) {
            prop_assert_eq!(parse(&expr.to_string()).unwrap().to_string(), expr.to_string());
        }
    }
}
