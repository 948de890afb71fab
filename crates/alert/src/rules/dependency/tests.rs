use query::promql::ParseOptions;

use super::*;
use crate::rules::file::{ParseSettings, parse};

fn batches_of(rules: &[&str]) -> Vec<Vec<usize>> {
    let yaml = format!("groups:\n- name: g\n  rules:\n  - {}\n", rules.join("\n  - "));
    let settings = ParseSettings { expressions: ParseOptions::ALL, ..ParseSettings::default() };
    batches(&parse(&yaml, &settings).unwrap()[0].rules)
}

/// Every rule in a batch of its own.
fn in_order(rules: usize) -> Vec<Vec<usize>> {
    (0..rules).map(|at| vec![at]).collect()
}

/// What it is about, the rules, the batches.
type Case = (&'static str, &'static [&'static str], &'static [&'static [usize]]);

#[test]
fn what_depends_keeps_its_order_and_the_rest_is_side_by_side() {
    let cases: &[Case] = &[
        (
            "no rule depends",
            &["{record: a, expr: m}", "{record: b, expr: m}", "{alert: A, expr: m}"],
            &[&[0, 1, 2]],
        ),
        ("one reads another", &["{record: a, expr: m}", "{record: b, expr: a}"], &[&[0], &[1]]),
        (
            "in a call, a range, a subquery, an operand",
            &[
                "{record: a, expr: m}",
                "{record: b, expr: 'sum(rate(a[5m]))'}",
                "{record: c, expr: 'max_over_time((m + a)[5m:1m])'}",
                "{record: d, expr: 'topk(scalar(a), -m)'}",
            ],
            &[&[0], &[1, 2, 3]],
        ),
        (
            "an alert on a recorded series, and independent ones around it",
            &[
                "{alert: A, expr: m}",
                "{record: a, expr: m}",
                "{alert: B, expr: 'a > 1'}",
                "{record: b, expr: n}",
            ],
            &[&[0, 1, 3], &[2]],
        ),
        (
            "a chain, and a branch of it",
            &["{record: a, expr: m}", "{record: b, expr: a}", "{record: c, expr: b}", "{record: d, expr: a}"],
            &[&[0], &[1, 3], &[2]],
        ),
        (
            "what is recorded later is read first",
            &["{record: b, expr: a}", "{record: a, expr: m}"],
            &[&[0], &[1]],
        ),
        (
            "a name between braces",
            &["{record: a, expr: m}", "{record: b, expr: '{__name__=\"a\"}'}"],
            &[&[0], &[1]],
        ),
        ("two record one name", &["{record: a, expr: m}", "{record: a, expr: n}"], &[&[0], &[1]]),
        ("two raise one alert", &["{alert: A, expr: m}", "{alert: A, expr: n}"], &[&[0], &[1]]),
        ("an alert is not a series", &["{alert: a, expr: m}", "{record: b, expr: a}"], &[&[0, 1]]),
        ("it reads itself", &["{record: a, expr: 'a + 1'}", "{record: b, expr: m}"], &[&[0, 1]]),
        ("no selector at all", &["{record: a, expr: '1'}", "{record: b, expr: 'time()'}"], &[&[0, 1]]),
        (
            "a template without a query",
            &["{alert: A, expr: m, annotations: {a: 'a query of {{ $value }}'}}", "{alert: B, expr: m}"],
            &[&[0, 1]],
        ),
    ];
    for (what, rules, want) in cases {
        assert_eq!(batches_of(rules), *want, "{what}");
    }
}

#[test]
fn what_may_read_anything_makes_all_rules_keep_their_order() {
    let cases = [
        "{record: x, expr: '{job=\"j\"}'}",
        "{record: x, expr: '{__name__=~\"m|n\"}'}",
        "{record: x, expr: '{__name__!=\"m\",job=\"j\"}'}",
        "{record: x, expr: 'sum(count_over_time({__name__=~\"m.*\"}[5m]))'}",
        "{record: x, expr: 'count(ALERTS)'}",
        "{alert: X, expr: 'm and ALERTS_FOR_STATE'}",
        "{record: x, expr: '{__name__=\"ALERTS\"}'}",
        "{record: x, expr: 'info(m)'}",
        "{alert: X, expr: m, annotations: {a: '{{ range query \"a\" }}{{ end }}'}}",
        "{alert: X, expr: m, labels: {a: '{{ with printf \"a\" | query }}{{ end }}'}}",
    ];
    for case in cases {
        assert_eq!(
            batches_of(&["{record: a, expr: m}", "{record: b, expr: m}", case]),
            in_order(3),
            "{case}"
        );
    }
    assert_eq!(batches_of(&["{record: x, expr: 'count(ALERTS)'}"]), in_order(1));
}
