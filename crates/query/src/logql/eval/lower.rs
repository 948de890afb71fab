//! A metric query as a tree of PromQL, whose selectors are the places of its range aggregations.

use super::Range;
use crate::logql::ast::{Grouping, MetricExpr, RangeAggregation, RangeOp, VectorAggregation, VectorOp};
use crate::promql::ast::{
    Aggregate, AggregateOp, Binary, Call, Expr, NumberLiteral, Span, StringLiteral, VectorSelector,
};
use crate::promql::signature::Signature;

/// The tree and its leaves: the selector named `n` is the `n`th.
pub(super) fn lower(expr: &MetricExpr) -> (Expr, Vec<Range>) {
    let mut ranges = Vec::new();
    let tree = node(expr, &mut ranges, None);
    (tree, ranges)
}

fn node(expr: &MetricExpr, ranges: &mut Vec<Range>, above: Option<Grouping>) -> Expr {
    match expr {
        MetricExpr::Range(aggregation) => {
            ranges.push(Range { aggregation: aggregation.clone(), above });
            Expr::Vector(VectorSelector {
                span: aggregation.span,
                name: Some((ranges.len() - 1).to_string()),
                matchers: Vec::new(),
                offset: None,
                at: None,
                extension: None,
            })
        }
        MetricExpr::Vector(vector) => aggregate(vector, ranges),
        MetricExpr::Sort { span, descending, expr } => {
            let name = if *descending { "sort_desc" } else { "sort" };
            call(*span, name, vec![node(expr, ranges, None)])
        }
        MetricExpr::Binary(binary) => Expr::Binary(Binary {
            span: binary.span,
            op: binary.op,
            op_span: binary.span,
            lhs: Box::new(node(&binary.lhs, ranges, None)),
            rhs: Box::new(node(&binary.rhs, ranges, None)),
            return_bool: binary.return_bool,
            matching: binary.matching.clone(),
        }),
        MetricExpr::LabelReplace { span, expr, texts } => {
            let mut args = vec![node(expr, ranges, None)];
            args.extend(
                texts
                    .iter()
                    .map(|t| Expr::String(StringLiteral { span: *span, value: t.clone(), bytes: None })),
            );
            call(*span, "label_replace", args)
        }
        MetricExpr::VectorOf { span, value } => call(*span, "vector", vec![number(*span, *value)]),
        MetricExpr::Number { span, value } => number(*span, *value),
    }
}

fn number(span: Span, value: f64) -> Expr {
    Expr::Number(NumberLiteral { span, value, duration: false })
}

fn call(span: Span, name: &str, args: Vec<Expr>) -> Expr {
    match Signature::find(name) {
        Some(function) => Expr::Call(Call { span, function, args }),
        // All names above are functions of PromQL; without one the first argument stands for the call.
        None => args.into_iter().next().unwrap_or(number(span, f64::NAN)),
    }
}

fn aggregate(vector: &VectorAggregation, ranges: &mut Vec<Range>) -> Expr {
    let grouping = vector.grouping.clone().unwrap_or_default();
    let above = match &*vector.expr {
        MetricExpr::Range(range) if vector.op == VectorOp::Shared(AggregateOp::Sum) && adds_up(range) => {
            Some(grouping.clone())
        }
        _ => None,
    };
    let op = match vector.op {
        VectorOp::Shared(op) => op,
        // The exact answer is one of those that an approximation may give.
        VectorOp::ApproxTopk => AggregateOp::Topk,
    };
    Expr::Aggregate(Aggregate {
        span: vector.span,
        op,
        expr: Box::new(node(&vector.expr, ranges, above)),
        param: vector.param.map(|k| Box::new(number(vector.span, k as f64))),
        grouping: grouping.labels,
        without: grouping.without,
    })
}

/// Whether the sum of what it gives for some series is what it gives for all their lines together.
fn adds_up(range: &RangeAggregation) -> bool {
    let op = matches!(
        range.op,
        RangeOp::Count | RangeOp::Rate | RangeOp::Bytes | RangeOp::BytesRate | RangeOp::Sum
    );
    op && range.grouping.is_none()
}
