//! Which metrics and labels an expression names.

use model::labels::METRIC_NAME;
use model::{MatchOp, Matcher};

use super::ast::{Expr, VectorSelector};

/// Whether an expression selects series of `metric` and its result depends on the values of `label`: it is matched,
/// grouped by, or joined on. What is aggregated away does not count.
pub fn uses_label(expr: &Expr, metric: &str, label: &str) -> bool {
    let (mut selected, mut used) = (false, false);
    expr.walk(&mut |node| {
        let named = |labels: &[String]| labels.iter().any(|name| name == label);
        match node {
            Expr::Aggregate(n) => used |= !n.without && named(&n.grouping),
            Expr::Binary(n) => {
                used |= n.matching.on && named(&n.matching.labels) || named(&n.matching.include)
            }
            Expr::Call(n) => used |= n.args.iter().any(|arg| is_text(arg, label)),
            _ => {}
        }
        if let Some(selector) = selector(node)
            && names(selector, metric)
        {
            selected = true;
            used |= selector.matchers.iter().any(|matcher| matcher.name == label);
        }
    });
    selected && used
}

/// The conditions on the metric's name of every selector.
pub fn metric_names(expr: &Expr) -> Vec<&Matcher> {
    let mut found = Vec::new();
    expr.walk(&mut |node| {
        let matchers = selector(node).into_iter().flat_map(|selector| &selector.matchers);
        found.extend(
            matchers.filter(|m| m.name == METRIC_NAME && matches!(m.op, MatchOp::Equal | MatchOp::Regex)),
        );
    });
    found
}

fn selector(node: &Expr) -> Option<&VectorSelector> {
    match node {
        Expr::Vector(selector) => Some(selector),
        Expr::Matrix(matrix) => Some(&matrix.selector),
        _ => None,
    }
}

fn names(selector: &VectorSelector, metric: &str) -> bool {
    selector.matchers.iter().filter(|m| m.name == METRIC_NAME).all(|m| m.matches(metric))
}

/// Functions such as `label_replace` name labels as texts.
fn is_text(expr: &Expr, text: &str) -> bool {
    matches!(expr.unparenthesized(), Expr::String(literal) if literal.value == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::parse;

    #[test]
    fn labels_are_used_where_they_are_matched_grouped_by_or_joined_on() {
        for (query, used) in [
            (r#"m{user="a"}"#, true),
            ("sum by (user) (rate(m[5m]))", true),
            ("a * on (user) group_left m", true),
            ("a * on (job) group_left (user) m", true),
            (r#"label_replace(m, "x", "$1", "user", "(.*)")"#, true),
            (r#"{__name__=~"m|n", user!=""}"#, true),
            ("sum by (job) (rate(m[5m]))", false),
            ("sum without (user) (m)", false),
            ("a * ignoring (user) m", false),
            ("sum by (user) (other)", false),
            (r#"m + on (job) other{user="a"}"#, false),
        ] {
            assert_eq!(uses_label(&parse(query).unwrap(), "m", "user"), used, "{query}");
        }
        let expr = parse(r#"rate(a[5m]) + {__name__=~"b.*"} + {job="x"}"#).unwrap();
        let names: Vec<&str> = metric_names(&expr).into_iter().map(|m| m.value.as_str()).collect();
        assert_eq!(names, ["a", "b.*"]);
    }
}
