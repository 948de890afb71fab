//! How far back the value of a step depends on samples.

use crate::promql::ast::{AggregateOp, Duration, Expr, VectorSelector};
use crate::promql::engine::EngineOptions;

/// Functions that look at the query as a whole, or read more than their arguments.
const OTHER: &[&str] = &["start", "end", "range", "step", "info"];

/// How many ms before a step its value depends on samples; `None` where it depends on something else, too: on the
/// query's start or end (`@`, `range()`), on samples after the step (negative offsets, `smoothed`), on chance.
pub(in crate::promql) fn reach(expr: &Expr, options: &EngineOptions) -> Option<i64> {
    match expr {
        Expr::Number(_) | Expr::String(_) => Some(0),
        Expr::Vector(selector) => Some(before(selector)?.saturating_add(options.lookback_ms)),
        Expr::Matrix(matrix) => Some(before(&matrix.selector)?.saturating_add(fixed(&matrix.range)?)),
        Expr::Subquery(subquery) => {
            if subquery.at.is_some() {
                return None;
            }
            let offset = subquery.offset.as_ref().map_or(Some(0), fixed)?;
            let step = subquery.step.as_ref().map_or(Some(options.subquery_step_ms), fixed)?;
            let inner = reach(&subquery.expr, options)?;
            Some(inner.saturating_add(offset).saturating_add(step).saturating_add(fixed(&subquery.range)?))
        }
        Expr::Aggregate(aggregate)
            if matches!(aggregate.op, AggregateOp::Limitk | AggregateOp::LimitRatio) =>
        {
            None
        }
        Expr::Call(call) if OTHER.contains(&call.function.name) => None,
        Expr::Paren(_) | Expr::Unary(_) | Expr::Binary(_) | Expr::Aggregate(_) | Expr::Call(_) => {
            expr.children().into_iter().try_fold(0, |most, child| Some(reach(child, options)?.max(most)))
        }
    }
}

/// How far before the step a selector's time lies.
fn before(selector: &VectorSelector) -> Option<i64> {
    if selector.at.is_some() || selector.extension.is_some() {
        return None;
    }
    selector.offset.as_ref().map_or(Some(0), fixed)
}

/// A duration that is written as such and goes back.
fn fixed(duration: &Duration) -> Option<i64> {
    (duration.expr.is_none() && duration.ms >= 0).then_some(duration.ms)
}
