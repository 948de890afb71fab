//! What the conformance cases (`tests/promql_syntax.rs`) do not cover.

use super::*;
use crate::promql::ast::*;

fn all(query: &str) -> Result<Expr, ParseErrors> {
    parse_with(query, &ParseOptions::ALL)
}

/// `line:column: message` of what is refused first.
#[test]
fn mistakes_are_placed() {
    for (query, wanted) in [
        ("", "unknown position: parse error: no expression found in input"),
        ("# nothing\n", "1:1: parse error: no expression found in input"),
        ("1 +", "1:4: parse error: unexpected end of input"),
        (
            "sum(rate(x)) by (job)",
            "1:10: parse error: expected type range vector in call to function \"rate\", got instant vector",
        ),
        (
            "foo\n  + rate(\n bar)",
            "3:2: parse error: expected type range vector in call to function \"rate\", got instant vector",
        ),
        ("(1))", "1:5: parse error: unexpected right parenthesis ')'"),
        ("foo offset 1s offset 2s", "1:1: parse error: offset may not be set multiple times"),
        ("a - on(b) ignoring(c) d", "1:11: parse error: unexpected <ignoring>"),
        ("1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("x{a=\"(\", b=~\"(\"}", "1:10: parse error: "),
        ("\"가\" + foo{가=\"\"}", "1:13: parse error: unexpected character inside braces: '가'"),
        ("foo[5m]", ""),
        ("sum(foo bar)", "1:9: parse error: unexpected identifier \"bar\" in aggregation"),
        ("abs(foo bar)", "1:9: parse error: unexpected identifier \"bar\""),
        ("some_longish_name 12345678901", "1:19: parse error: unexpected number \"1234567890\"..."),
    ] {
        let found = parse_with(query, &ParseOptions::ALL).map_or_else(|e| e.to_string(), |_| String::new());
        assert!(found.starts_with(wanted) && found.is_empty() == wanted.is_empty(), "{query:?}: {found}");
    }
}

#[test]
fn experimental_syntax_must_be_allowed() {
    for (query, message) in [
        ("mad_over_time(x[5m])", "function \"mad_over_time\" is not enabled"),
        (
            "limitk(1, x)",
            "limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
        ),
        ("x[5m * 2]", "experimental duration expression is not enabled"),
        ("x[step()]", "experimental duration expression is not enabled"),
        ("rate(x[5m] smoothed)", "smoothed modifier is experimental and not enabled"),
        ("a + fill(0) b", "binop fill modifiers are experimental and not enabled"),
    ] {
        let stable = ParseOptions { duration_expressions: false, ..ParseOptions::default() };
        assert_eq!(parse_with(query, &stable).unwrap_err().0[0].message, message);
        assert!(all(query).is_ok(), "{query}");
    }
    assert!(parse("x offset -(5m)").is_ok());
    assert!(parse("rate(x[5m * 2] offset step())").is_ok(), "stable by now");
}

#[test]
fn every_node_knows_its_place() {
    let query = "sum by (a) (rate(x{b=\"c\"}[5m] offset 1m)) / -(2 ^ 3)";
    let expr = all(query).unwrap();
    let mut texts = Vec::new();
    expr.walk(&mut |node| texts.push(&query[node.span().start..node.span().end]));
    assert_eq!(
        texts,
        [
            query,
            "sum by (a) (rate(x{b=\"c\"}[5m] offset 1m))",
            "rate(x{b=\"c\"}[5m] offset 1m)",
            "x{b=\"c\"}[5m] offset 1m",
            "-(2 ^ 3)",
            "(2 ^ 3)",
            "2 ^ 3",
            "2",
            "3",
        ]
    );
}

#[test]
fn operators_bind_as_in_prometheus() {
    for (query, grouped) in [
        ("1 + 2 * 3 ^ 4 ^ 5", "(1 + (2 * (3 ^ (4 ^ 5))))"),
        ("-1 ^ 2", "-(1 ^ 2)"),
        ("-x * y", "(-x * y)"),
        ("a or b and c unless d", "(a or ((b and c) unless d))"),
        ("a > b == bool c", "((a > b) == c)"),
        ("a atan2 b * c", "((a atan2 b) * c)"),
        ("a offset 5m + 2", "(a + 2)"),
        ("a offset -2 ^ 2", "(a ^ 2)"),
    ] {
        assert_eq!(grouping(&all(query).unwrap()), grouped, "{query}");
    }
}

fn grouping(expr: &Expr) -> String {
    match expr {
        Expr::Number(n) => n.value.to_string(),
        Expr::Vector(v) => v.name.clone().unwrap_or_default(),
        Expr::Unary(u) => format!("-{}", grouping(&u.expr)),
        Expr::Binary(b) => format!("({} {} {})", grouping(&b.lhs), b.op.as_str(), grouping(&b.rhs)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_in_quotes() {
    let Expr::Vector(selector) = all("{\"a.b\", \"c d\"=\"e\"}").unwrap() else { panic!() };
    let matchers: Vec<String> = selector.matchers.iter().map(ToString::to_string).collect();
    assert_eq!(matchers, ["__name__=\"a.b\"", "\"c d\"=\"e\""]);
    let Expr::Aggregate(sum) = all("sum by (\"a b\", on) (x)").unwrap() else { panic!() };
    assert_eq!(sum.grouping, ["a b", "on"]);
    assert_eq!(parse_selector("{\"a.b\"}").unwrap().len(), 1);
    assert!(parse_selector("{}").unwrap().is_empty());
    assert!(parse_selector("a + b").is_err());
}

#[test]
fn durations_are_resolved() {
    let context = crate::promql::DurationContext { step_ms: 10_000, range_ms: 60_000 };
    let resolve = |query: &str| {
        let mut expr = all(query).unwrap();
        crate::promql::resolve_durations(&mut expr, &context).map(|()| expr)
    };
    let Expr::Matrix(matrix) = resolve("x[2m*(10+5)] offset -step()").unwrap() else { panic!() };
    assert_eq!((matrix.range.ms, matrix.selector.offset.unwrap().ms), (1_800_000, -10_000));
    let Expr::Subquery(sub) = resolve("x[max_of(range(), 5):min_of(1m, 2 ^ 3)]").unwrap() else { panic!() };
    assert_eq!((sub.range.ms, sub.step.unwrap().ms), (60_000, 8_000));
    assert_eq!(resolve("x[-step()]").unwrap_err().to_string(), "2:9: duration must be greater than 0");
    assert_eq!(resolve("x[1/(step()-10)]").unwrap_err().message, "division by zero");
}

#[test]
fn deep_queries_are_refused_and_not_a_crash() {
    let n = 100_000;
    for query in [
        "(".repeat(n),
        "-".repeat(n),
        "abs(".repeat(n),
        "sum by (a) (".repeat(n),
        format!("1{}", "+1".repeat(n)),
        format!("1{}", "^1".repeat(n)),
        format!("x{}", "[1m:]".repeat(n)),
        format!("x[{}1", "(".repeat(n)),
        format!("x[{}1]", "-".repeat(n)),
        format!("x[1{}]", "+1".repeat(n)),
        format!("x offset {}1", "-(".repeat(n)),
    ] {
        assert!(all(&query).is_err(), "{}", &query[..10]);
    }
    let (nested, deepest) = (MAX_NESTING, MAX_DEPTH - 1);
    for query in [
        format!("{}1{}", "(".repeat(nested), ")".repeat(nested)),
        format!("1{}", "+1".repeat(deepest)),
        format!("{}x{}", "sum(".repeat(nested), ")".repeat(nested)),
        format!("{}x", "-+".repeat(nested / 2)),
    ] {
        let expr = all(&query).unwrap();
        assert_eq!(expr.clone(), expr);
    }
}

#[test]
fn mistakes_without_end_are_noted_up_to_a_hundred() {
    let calls = vec!["abs(x,)"; 20_000].join(",");
    assert_eq!(all(&format!("label_join({calls})")).unwrap_err().0.len(), 100);
    let vectors = vec!["x"; 20_000].join(",");
    assert_eq!(all(&format!("label_join({vectors})")).unwrap_err().0.len(), 100);
}
