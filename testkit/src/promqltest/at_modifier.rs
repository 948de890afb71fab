//! Expressions with their time fixed by `@`.

use query::promql::Expr;
use query::promql::ast::At;

/// Functions whose result depends on the time of evaluation, whatever `@` says.
const TIME_DEPENDENT: &[&str] = &[
    "time",
    "timestamp",
    "predict_linear",
    "minute",
    "hour",
    "day_of_week",
    "day_of_month",
    "day_of_year",
    "days_in_month",
    "month",
    "year",
    "start",
    "end",
    "range",
    "step",
];

/// Whether the result depends on the time of evaluation even with `@` everywhere.
pub(super) fn depends_on_time(expr: &Expr) -> bool {
    calls(expr, TIME_DEPENDENT)
}

/// Whether the expression asks about the query itself, `@ start()` and `step()` in durations included.
pub(super) fn asks_about_query(expr: &Expr, text: &str) -> bool {
    calls(expr, &["start", "end", "range", "step"])
        || ["start()", "end()", "range()", "step()"].iter().any(|call| text.contains(call))
}

fn calls(expr: &Expr, names: &[&str]) -> bool {
    let mut found = false;
    expr.walk(&mut |node| {
        if let Expr::Call(call) = node {
            found |= names.contains(&call.function.name);
        }
    });
    found
}

/// Adds `@ t` to every selector and subquery that has none and is in no subquery that has one.
pub(super) fn fix(expr: &mut Expr, t: i64) {
    match expr {
        Expr::Vector(selector) => _ = selector.at.get_or_insert(At::Time(t)),
        Expr::Matrix(matrix) => _ = matrix.selector.at.get_or_insert(At::Time(t)),
        // What is inside moves with the subquery.
        Expr::Subquery(subquery) => _ = subquery.at.get_or_insert(At::Time(t)),
        other => other.children_mut().into_iter().for_each(|child| fix(child, t)),
    }
}
