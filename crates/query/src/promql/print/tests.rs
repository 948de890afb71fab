use model::{MatchOp, Matcher};
use proptest::prelude::*;

use super::*;
use crate::promql::ast::{AggregateOp, BinaryOp, Paren, Span, Unary, ValueType};
use crate::promql::signature::{FUNCTIONS, Signature};
use crate::promql::{ParseOptions, parse_with};

fn parse(query: &str) -> Expr {
    parse_with(query, &ParseOptions::ALL).unwrap_or_else(|e| panic!("{query}: {e}"))
}

#[test]
fn canonical_form_is_that_of_prometheus() {
    for (query, wanted) in [
        ("sum by() (x{b=\"1\",a=\"2\"})", "sum(x{a=\"2\",b=\"1\"})"),
        ("sum(x) by (\"foo.bar\",  code)", "sum by (\"foo.bar\", code) (x)"),
        ("sum without() (x)", "sum without () (x)"),
        ("sum by (\"without\", \"inf\", on) (x)", "sum by (\"without\", \"inf\", on) (x)"),
        ("a - on() c", "a - on () c"),
        ("a - ignoring() c", "a - c"),
        ("a - ignoring() group_left c", "a - ignoring () group_left () c"),
        ("a + fill_left(5) fill_right(5) b", "a + fill (5) b"),
        ("a + fill_right(-1) fill_left(Inf) b", "a + fill_left (+Inf) fill_right (-1) b"),
        ("a==bool 1", "a == bool 1"),
        ("topk(5,x)", "topk(5, x)"),
        ("a[12m] offset -3m", "a[12m] offset -3m"),
        ("a{b='c'}[300] offset 1m @ start() anchored", "a{b=\"c\"}[5m] anchored @ start() offset 1m"),
        ("a smoothed offset 1m @ 10.5", "a @ 10.500 smoothed offset 1m"),
        ("a @ -0.001", "a @ -0.001"),
        ("{'a'}", "{__name__=\"a\"}"),
        ("{\"a.b\", \"c d\"=~\"e\"}", "{\"c d\"=~\"e\",__name__=\"a.b\"}"),
        ("x{__name__!=\"y\"}[1h:]", ""),
        ("rate(x[5m])[1h:] offset 90s", "rate(x[5m])[1h:] offset 1m30s"),
        ("x[5m*2:step()+1] offset -(1^2)", "x[5m * 2:step() + 1] offset -(1 ^ 2)"),
        ("x[max_of(range(),+5)]", "x[max_of(range(), 5)]"),
        ("-1 ^ +2 + 1e3 + 0x1f + 1h30m", "-1 ^ 2 + 1000 + 31 + 1h30m"),
        ("\"a\\xffb\" ", "\"a\\xffb\""),
        ("'가\\'\"'", "\"가'\\\"\""),
        ("a </ 5 >/ Inf", "a </ 5 >/ +Inf"),
        ("inf ^ : * inf", "Inf ^ : * +Inf"),
        ("+inf ^ x", "+Inf ^ x"),
    ] {
        match parse_with(query, &ParseOptions::ALL) {
            Ok(expr) => {
                assert_eq!(expr.to_string(), wanted, "{query}");
                assert_eq!(parse(wanted).to_string(), wanted, "{query}");
            }
            Err(_) => assert_eq!(wanted, "", "{query}"),
        }
    }
}

#[test]
fn long_expressions_are_broken() {
    let label = "x".repeat(40);
    let query = format!(
        "sum by (job) (rate({label}_total{{a=\"b\"}}[5m])) / on (job) group_left () \
         topk(3, {label}{label} + 1) > -(abs({label}[1m:1s]) * {label}{label}{label})"
    )
    .replace("abs(", "max_over_time(");
    let wanted = format!(
        "    sum by (job) (rate({label}_total{{a=\"b\"}}[5m]))
  / on (job) group_left ()
    topk(3, {label}{label} + 1)
>
  -(
      max_over_time({label}[1m:1s])
    *
      {label}{label}{label}
  )"
    );
    let expr = parse(&query);
    assert_eq!(format(&expr), wanted);
    assert_eq!(parse(&wanted).to_string(), expr.to_string());
    assert_eq!(format(&parse("sum(x)")), "sum(x)");
    let power = format(&parse(&format!("inf ^ {label}{label}{label}")));
    assert_eq!(power, format!("  Inf\n^\n  {label}{label}{label}"));
}

/// The same tree without places, to compare trees of different texts.
fn unplaced(mut expr: Expr) -> String {
    fn literal(n: &mut NumberLiteral) {
        n.span = Span::default();
    }
    fn duration(d: &mut Duration) {
        fn inner(e: &mut DurationExpr) {
            match e {
                DurationExpr::Literal(n) => literal(n),
                DurationExpr::Step(s) | DurationExpr::Range(s) => *s = Span::default(),
                DurationExpr::Unary { span, expr, .. } | DurationExpr::Paren { span, expr } => {
                    *span = Span::default();
                    inner(expr);
                }
                DurationExpr::Binary { span, lhs, rhs, .. }
                | DurationExpr::Extreme { span, lhs, rhs, .. } => {
                    *span = Span::default();
                    inner(lhs);
                    inner(rhs);
                }
            }
        }
        d.span = Span::default();
        d.expr.iter_mut().for_each(|e| inner(e));
    }
    fn selector(s: &mut VectorSelector) {
        s.span = Span::default();
        s.offset.iter_mut().for_each(duration);
    }
    fn visit(expr: &mut Expr) {
        match expr {
            Expr::Number(n) => literal(n),
            Expr::String(n) => n.span = Span::default(),
            Expr::Vector(n) => selector(n),
            Expr::Matrix(n) => {
                n.span = Span::default();
                selector(&mut n.selector);
                duration(&mut n.range);
            }
            Expr::Subquery(n) => {
                n.span = Span::default();
                duration(&mut n.range);
                n.step.iter_mut().chain(&mut n.offset).for_each(duration);
            }
            Expr::Unary(n) => n.span = Span::default(),
            Expr::Binary(n) => (n.span, n.op_span) = (Span::default(), Span::default()),
            Expr::Aggregate(n) => n.span = Span::default(),
            Expr::Call(n) => n.span = Span::default(),
            Expr::Paren(n) => n.span = Span::default(),
        }
        expr.children_mut().into_iter().for_each(visit);
    }
    visit(&mut expr);
    format!("{expr:?}")
}

const S: Span = Span::new(0, 0);

fn paren(expr: Expr) -> Expr {
    Expr::Paren(Paren { span: S, expr: Box::new(expr) })
}

/// Parentheses where the text would be read otherwise.
fn operand(expr: Expr) -> Expr {
    match &expr {
        Expr::Binary(_) | Expr::Unary(_) => paren(expr),
        Expr::Number(n) if n.value.is_sign_negative() => paren(expr),
        _ => expr,
    }
}

fn number() -> impl Strategy<Value = NumberLiteral> {
    prop_oneof![
        any::<f64>().prop_map(|v| (if v.is_nan() { f64::NAN } else { v }, false)),
        (-1000i32..1000).prop_map(|v| (f64::from(v) / 4.0, false)),
        (0i64..100_000_000_000).prop_map(|ms| (ms as f64 / 1000.0, true)),
    ]
    .prop_map(|(value, duration)| NumberLiteral { span: S, value, duration })
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z_][a-zA-Z0-9_]{0,6}", "\\PC{1,8}", Just("sum".to_owned()), Just("offset".to_owned())]
}

fn metric() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_:][a-z0-9_:]{0,8}",
        Just("by".to_owned()),
        Just("fill".to_owned()),
        Just("and".to_owned())
    ]
    .prop_filter("a keyword", |n| n.contains(':') || Token::keyword(n).is_none_or(|t| t.is_metric_name()))
}

fn duration_expr() -> impl Strategy<Value = DurationExpr> {
    let leaf = prop_oneof![
        (1i64..10_000_000).prop_map(|ms| DurationExpr::Literal(NumberLiteral {
            span: S,
            value: ms as f64 / 1000.0,
            duration: ms % 2 == 0
        })),
        Just(DurationExpr::Step(S)),
        Just(DurationExpr::Range(S)),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        let boxed = |e: DurationExpr| Box::new(DurationExpr::Paren { span: S, expr: Box::new(e) });
        prop_oneof![
            (inner.clone(), inner.clone(), 0usize..6).prop_map(move |(l, r, op)| DurationExpr::Binary {
                span: S,
                op: BinaryOp::ALL[op],
                lhs: boxed(l),
                rhs: boxed(r)
            }),
            (inner.clone(), inner.clone(), any::<bool>()).prop_map(|(l, r, max)| DurationExpr::Extreme {
                span: S,
                max,
                lhs: Box::new(l),
                rhs: Box::new(r)
            }),
            inner.prop_map(move |e| DurationExpr::Unary { span: S, negative: true, expr: boxed(e) }),
        ]
    })
}

fn duration(least: i64) -> impl Strategy<Value = Duration> {
    let paren = |e| DurationExpr::Paren { span: S, expr: Box::new(e) };
    prop_oneof![
        3 => (least..1_000_000_000_000i64)
            .prop_filter("no offset", |ms| *ms != 0)
            .prop_map(|ms| Duration { span: S, ms, expr: None }),
        1 => duration_expr().prop_map(move |e| Duration { span: S, ms: 0, expr: Some(Box::new(paren(e))) }),
    ]
}

fn at() -> impl Strategy<Value = Option<At>> {
    let time = (-1i64 << 50..1 << 50).prop_map(At::Time);
    prop::option::of(prop_oneof![time, Just(At::Start), Just(At::End)])
}

fn matchers() -> impl Strategy<Value = Vec<Matcher>> {
    let one = (name(), 0usize..4, "\\PC{0,6}").prop_map(|(name, op, value)| {
        let op = [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex][op];
        let value = if matches!(op, MatchOp::Equal | MatchOp::NotEqual) { value } else { "a.+|b".to_owned() };
        Matcher::new(name, op, value).unwrap()
    });
    prop::collection::vec(one, 0..3).prop_map(|mut all| {
        all.retain(|m| m.name != METRIC_NAME);
        all.sort_by_key(matcher);
        all
    })
}

fn selector() -> impl Strategy<Value = VectorSelector> {
    let extension = prop_oneof![Just(None), Just(Some(Extension::Anchored)), Just(Some(Extension::Smoothed))];
    (metric(), matchers(), prop::option::of(duration(-1_000_000)), at(), extension).prop_map(
        |(name, mut matchers, offset, at, extension)| {
            matchers.push(Matcher::equal(METRIC_NAME, &name));
            VectorSelector { span: S, name: Some(name), matchers, offset, at, extension }
        },
    )
}

fn vector() -> impl Strategy<Value = Expr> {
    selector().prop_map(Expr::Vector).prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), any::<bool>()).prop_map(|(e, negative)| {
                Expr::Unary(Unary { span: S, negative, expr: Box::new(operand(e)) })
            }),
            (inner.clone(), inner.clone(), matching(), 0usize..18, any::<bool>()).prop_map(binary),
            (inner.clone(), number(), 0usize..7).prop_map(|(l, n, op)| {
                let rhs = operand(Expr::Number(n));
                plain_binary(BinaryOp::ALL[op], operand(l), rhs)
            }),
            (inner.clone(), number(), prop::collection::vec(name(), 0..3), any::<bool>(), 0usize..14)
                .prop_map(aggregate),
            (inner.clone(), duration(1), prop::option::of(duration(1)), at()).prop_map(
                |(e, range, step, at)| {
                    let expr = Box::new(operand(e));
                    over_time(Expr::Subquery(Subquery { span: S, expr, range, step, offset: None, at }))
                }
            ),
            (selector(), duration(1)).prop_map(|(selector, range)| {
                over_time(Expr::Matrix(MatrixSelector { span: S, selector, range }))
            }),
            (inner.clone(), any::<prop::sample::Index>()).prop_map(|(e, index)| {
                let simple: Vec<&'static Signature> = FUNCTIONS
                    .iter()
                    .filter(|f| f.args == [ValueType::Vector] && f.returns == ValueType::Vector)
                    .collect();
                let function = *index.get(&simple);
                Expr::Call(Call { span: S, function, args: vec![e] })
            }),
            inner.prop_map(paren),
        ]
    })
}

fn over_time(arg: Expr) -> Expr {
    let function = Signature::find("last_over_time").unwrap();
    Expr::Call(Call { span: S, function, args: vec![arg] })
}

fn plain_binary(op: BinaryOp, lhs: Expr, rhs: Expr) -> Expr {
    let (lhs, rhs) = (Box::new(lhs), Box::new(rhs));
    let matching = VectorMatching::default();
    Expr::Binary(Binary { span: S, op, op_span: S, lhs, rhs, return_bool: false, matching })
}

fn matching() -> impl Strategy<Value = VectorMatching> {
    let fill = || prop::option::of((-100i32..100).prop_map(f64::from));
    (prop::collection::vec(name(), 0..3), any::<bool>(), 0..3, name(), fill(), fill()).prop_map(
        |(labels, on, group, include, fill_left, fill_right)| {
            let cardinality =
                [Cardinality::OneToOne, Cardinality::ManyToOne, Cardinality::OneToMany][group as usize];
            let grouped = group > 0 && !labels.contains(&include);
            let include = if grouped { vec![include] } else { Vec::new() };
            VectorMatching { cardinality, on, labels, include, fill_left, fill_right }
        },
    )
}

fn binary((lhs, rhs, matching, op, flag): (Expr, Expr, VectorMatching, usize, bool)) -> Expr {
    let op = BinaryOp::ALL[op];
    let Expr::Binary(mut node) = plain_binary(op, operand(lhs), operand(rhs)) else { unreachable!() };
    node.return_bool = flag && op.is_comparison();
    node.matching = matching;
    if op.is_set() {
        node.matching.cardinality = Cardinality::ManyToMany;
        node.matching.include.clear();
        (node.matching.fill_left, node.matching.fill_right) = (None, None);
    }
    Expr::Binary(node)
}

fn aggregate((e, n, grouping, without, op): (Expr, NumberLiteral, Vec<String>, bool, usize)) -> Expr {
    let op = AggregateOp::ALL[op];
    let param = match op {
        AggregateOp::CountValues => {
            Some(Expr::String(StringLiteral { span: S, value: "a\u{0}\"가".to_owned(), bytes: None }))
        }
        op if op.has_param() => Some(Expr::Number(n)),
        _ => None,
    };
    Expr::Aggregate(Aggregate {
        span: S,
        op,
        expr: Box::new(e),
        param: param.map(Box::new),
        grouping,
        without,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn printing_reads_back(expr in vector()) {
        let text = expr.to_string();
        let wanted = unplaced(expr.clone());
        prop_assert_eq!(unplaced(parse(&text)), wanted.clone(), "{}", text);
        let pretty = format(&expr);
        prop_assert_eq!(unplaced(parse(&pretty)), wanted, "{}", pretty);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,40}") {
        let _ = parse_with(&text, &ParseOptions::ALL);
    }

    #[test]
    fn no_mix_of_tokens_makes_the_parser_panic(
        parts in prop::collection::vec(prop::sample::select(TOKENS.to_vec()), 0..24),
    ) {
        let text = parts.concat();
        if let Ok(expr) = parse_with(&text, &ParseOptions::ALL) {
            let printed = expr.to_string();
            prop_assert_eq!(parse(&printed).to_string(), printed);
        }
    }
}

const TOKENS: [&str; 44] = [
    "x",
    "sum",
    "rate",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "=",
    "=~",
    "!=",
    "\"a\"",
    "'b'",
    "`c`",
    "5m",
    "1",
    "1e3",
    "0x",
    ".",
    "@",
    " offset ",
    " by ",
    " on ",
    " bool ",
    " group_left ",
    " fill(1) ",
    "start()",
    "step()",
    "max_of(",
    "-",
    "+",
    "^",
    " and ",
    "==",
    " </ ",
    " smoothed ",
    "#",
    "\n",
    " ",
    "가",
    "inf",
];
