//! What is known about counter resets between the native histograms of one series, found out once while it is read.

use model::{Histogram, ResetHint, is_stale_nan};

use crate::promql::ast::{BinaryOp, Expr, Span};
use crate::promql::native::is_reset;

/// What of the histograms a selector's reader needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Buckets {
    Kept,
    /// Only count and sum; what the buckets tell about resets is in the hints then.
    Dropped,
}

/// The selectors of whose histograms only count and sum are asked for.
pub(crate) fn counts_only(expr: &Expr) -> Vec<Span> {
    let mut found = Vec::new();
    visit(expr, false, &mut found);
    found
}

fn visit(expr: &Expr, counts: bool, found: &mut Vec<Span>) {
    match expr {
        Expr::Number(_) | Expr::String(_) => {}
        Expr::Vector(selector) => found.extend(counts.then_some(selector.span)),
        Expr::Matrix(matrix) => found.extend(counts.then_some(matrix.selector.span)),
        // Between the points of a subquery resets must be found from the buckets.
        Expr::Subquery(_) => {}
        Expr::Paren(paren) => visit(&paren.expr, counts, found),
        Expr::Unary(unary) => visit(&unary.expr, counts, found),
        Expr::Binary(binary) if matches!(binary.op, BinaryOp::TrimUpper | BinaryOp::TrimLower) => {}
        Expr::Binary(binary) => {
            visit(&binary.lhs, counts, found);
            visit(&binary.rhs, counts, found);
        }
        Expr::Aggregate(aggregate) => {
            if let Some(param) = &aggregate.param {
                visit(param, counts, found);
            }
            visit(&aggregate.expr, counts, found);
        }
        Expr::Call(call) => {
            let of_counts =
                matches!(call.function.name, "histogram_count" | "histogram_sum" | "histogram_avg");
            let of_buckets = matches!(
                call.function.name,
                "histogram_quantile" | "histogram_quantiles" | "histogram_fraction"
            );
            for arg in call.args.iter().filter(|_| !of_buckets) {
                visit(arg, counts || of_counts, found);
            }
        }
    }
}

/// Completes the hints of `histograms`, which are in order; `floats` are the times of the floats between them.
///
/// With all buckets, a histogram that cannot have been reset since the one right before it is marked so: that is what
/// a store knows of the histograms of one chunk, and it spares the windows a comparison each. Without buckets every
/// histogram but the first gets to know whether it was reset, as it cannot be found out later.
pub(crate) fn complete(histograms: &mut [(i64, Histogram)], floats: &[i64], buckets: Buckets) {
    match buckets {
        Buckets::Kept => mark_grown(histograms, floats),
        Buckets::Dropped => drop_buckets(histograms),
    }
}

/// Marks the histograms of one series, which are in order, that cannot have been reset since the one right before
/// them. `floats` are the times of the floats of the same series.
pub fn note_resets(histograms: &mut [(i64, Histogram)], floats: &[i64]) {
    mark_grown(histograms, floats);
}

fn mark_grown(histograms: &mut [(i64, Histogram)], floats: &[i64]) {
    let mut between = floats.iter().copied().peekable();
    for at in 1..histograms.len() {
        let (before, rest) = histograms.split_at_mut(at);
        let (Some((before_t, before)), Some((t, now))) = (before.last(), rest.first_mut()) else { return };
        while between.next_if(|float| float < before_t).is_some() {}
        let apart = between.peek().is_some_and(|float| *float < *t);
        let comparable = !apart
            && before.reset_hint != ResetHint::Gauge
            && !is_stale_nan(before.sum)
            && !is_stale_nan(now.sum);
        if now.reset_hint == ResetHint::Unknown && comparable && !is_reset(now, before) {
            now.reset_hint = ResetHint::NotReset;
        }
    }
}

fn drop_buckets(histograms: &mut [(i64, Histogram)]) {
    let mut last: Option<Histogram> = None;
    for (_, h) in histograms {
        let mut reset_hint = h.reset_hint;
        let stale = is_stale_nan(h.sum);
        if !stale
            && reset_hint == ResetHint::Unknown
            && let Some(last) = &last
        {
            reset_hint = if is_reset(h, last) { ResetHint::Reset } else { ResetHint::NotReset };
        }
        let slim =
            Histogram { reset_hint, schema: h.schema, count: h.count, sum: h.sum, ..Histogram::default() };
        let whole = std::mem::replace(h, slim);
        if !stale {
            last = Some(whole);
        }
    }
}

#[cfg(test)]
mod tests {
    use model::stale_nan;

    use super::*;
    use crate::promql::parse;

    fn histogram(count: f64) -> Histogram {
        Histogram {
            count,
            sum: count,
            positive_spans: vec![model::Span { offset: 0, length: 1 }],
            positive_buckets: vec![count],
            ..Histogram::default()
        }
    }

    fn hints(all: &[(i64, Histogram)]) -> Vec<ResetHint> {
        all.iter().map(|(_, h)| h.reset_hint).collect()
    }

    #[test]
    fn growth_is_known_within_an_unbroken_run() {
        use ResetHint::{NotReset, Unknown};
        let mut all: Vec<(i64, Histogram)> = [1.0, 2.0, 1.0, 3.0, 4.0]
            .into_iter()
            .zip([10, 20, 30, 40, 50])
            .map(|(c, t)| (t, histogram(c)))
            .collect();
        complete(&mut all, &[45], Buckets::Kept);
        assert_eq!(hints(&all), [Unknown, NotReset, Unknown, NotReset, Unknown]);
        assert_eq!(all[1].1.positive_buckets, [2.0]);
    }

    #[test]
    fn without_buckets_resets_are_marked_and_stale_markers_skipped() {
        use ResetHint::{NotReset, Reset, Unknown};
        let mut all = vec![
            (10, histogram(1.0)),
            (20, histogram(2.0)),
            (30, histogram(stale_nan())),
            (40, histogram(1.0)),
        ];
        all[3].1.count = 9.0;
        complete(&mut all, &[], Buckets::Dropped);
        assert_eq!(hints(&all), [Unknown, NotReset, Unknown, Reset]);
        assert!(all.iter().all(|(_, h)| h.positive_buckets.is_empty()));
        assert_eq!(all[3].1.count, 9.0);
    }

    #[test]
    fn which_selectors_need_no_buckets() {
        let found = |query: &str| {
            let spans = counts_only(&parse(query).unwrap());
            spans.iter().map(|s| query[s.start..s.end].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(found("histogram_count(sum(rate(h[5m]))) / count(g)"), ["h"]);
        assert!(found("histogram_count(increase(h[40m:9m]))").is_empty());
        assert!(found("histogram_quantile(0.9, h)").is_empty());
        assert!(found("histogram_sum(h </ 5)").is_empty());
    }
}
