//! Which expressions yield the same at every step because `@` fixes their time.

use crate::promql::ast::Expr;

/// Functions whose result depends on the time of evaluation even where their arguments do not.
const TIME_DEPENDENT: &[&str] = &[
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "hour",
    "minute",
    "month",
    "predict_linear",
    "time",
    "timestamp",
    "year",
];

/// Whether computing `expr` at one step is enough. Literals are not worth it.
pub(crate) fn evaluate_once(expr: &Expr) -> bool {
    match expr {
        Expr::Number(_) | Expr::String(_) | Expr::Matrix(_) | Expr::Subquery(_) => false,
        Expr::Paren(paren) => evaluate_once(&paren.expr),
        Expr::Unary(unary) => evaluate_once(&unary.expr),
        _ => is_invariant(expr),
    }
}

/// Whether `expr` yields the same at every step.
pub(crate) fn is_invariant(expr: &Expr) -> bool {
    match expr {
        Expr::Number(_) | Expr::String(_) => true,
        Expr::Vector(selector) => selector.at.is_some(),
        Expr::Matrix(matrix) => matrix.selector.at.is_some(),
        Expr::Subquery(subquery) => subquery.at.is_some(),
        Expr::Paren(paren) => is_invariant(&paren.expr),
        Expr::Unary(unary) => is_invariant(&unary.expr),
        Expr::Binary(binary) => is_invariant(&binary.lhs) && is_invariant(&binary.rhs),
        Expr::Aggregate(aggregate) => {
            is_invariant(&aggregate.expr) && aggregate.param.as_deref().is_none_or(is_invariant)
        }
        Expr::Call(call) => {
            let arguments = call.args.iter().all(is_invariant);
            if call.function.name == "timestamp" {
                let selector = call.args.first().map(Expr::unparenthesized);
                return arguments && matches!(selector, Some(Expr::Vector(_)));
            }
            arguments && !TIME_DEPENDENT.contains(&call.function.name)
        }
    }
}
