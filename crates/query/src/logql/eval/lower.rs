//! A metric query as a tree of PromQL, whose selectors are the places of its range aggregations.

use super::Range;
use crate::logql::ast::{Grouping, MetricExpr, RangeAggregation, RangeOp, VectorAggregation, VectorOp};
use crate::promql::ast::{
    Aggregate, AggregateOp, Binary, BinaryOp, Call, Cardinality, Expr, NumberLiteral, Span, StringLiteral,
    VectorMatching, VectorSelector,
};
use crate::promql::signature::Signature;

/// The label by which the series of variants are told apart.
const VARIANT: &str = "__variant__";

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
            op: if binary.op == BinaryOp::Div { BinaryOp::DivOrNan } else { binary.op },
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
        MetricExpr::Variants { span, variants, .. } => {
            let text = |value: String| Expr::String(StringLiteral { span: *span, value, bytes: None });
            let marked = variants.iter().enumerate().map(|(n, variant)| {
                let texts = [VARIANT.to_owned(), n.to_string(), String::new(), String::new()].map(text);
                call(
                    *span,
                    "label_replace",
                    std::iter::once(node(variant, ranges, None)).chain(texts).collect(),
                )
            });
            // No two of them have a series in common: their marks differ.
            let joined = marked.collect::<Vec<_>>().into_iter().reduce(|lhs, rhs| {
                let matching =
                    VectorMatching { cardinality: Cardinality::ManyToMany, ..VectorMatching::default() };
                Expr::Binary(Binary {
                    span: *span,
                    op: BinaryOp::Or,
                    op_span: *span,
                    lhs: Box::new(lhs),
                    rhs: Box::new(rhs),
                    return_bool: false,
                    matching,
                })
            });
            joined.unwrap_or(number(*span, f64::NAN))
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
