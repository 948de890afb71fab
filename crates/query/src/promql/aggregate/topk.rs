//! `topk` and `bottomk`.

use std::cmp::Ordering;

use crate::promql::aggregate::{counts, groups};
use crate::promql::annotations::ignored_in_aggregation;
use crate::promql::ast::{Aggregate, AggregateOp};
use crate::promql::eval::{Cells, Evaluator, Outcome, Row, Rows, Steps};

impl Evaluator<'_> {
    /// The `k` greatest or least series of each group at each step. Of equal values the first in order wins; NaN loses
    /// against all. An instant query's result is in the order of the values.
    pub(super) fn topk(
        &self,
        aggregate: &Aggregate,
        param: &[f64],
        rows: Rows,
        steps: Steps,
    ) -> Outcome<Rows> {
        let Some(k) = counts(param)? else { return Ok(Rows::empty(&self.meter)) };
        if rows.rows.iter().any(|row| row.cells.has_histograms()) {
            self.notes.info(aggregate.span, ignored_in_aggregation(aggregate.op.as_str()));
        }
        let order = match aggregate.op {
            AggregateOp::Topk => greatest_first,
            _ => least_first,
        };
        let mut kept: Vec<Cells> = rows.rows.iter().map(|_| Cells::absent(steps.len)).collect();
        let mut sequence = Vec::new();
        let mut present: Vec<(f64, usize)> = Vec::new();
        for group in groups(&rows, aggregate) {
            for (i, k) in k.iter().enumerate().filter(|(_, k)| **k > 0) {
                self.check()?;
                present.clear();
                present
                    .extend(group.rows.iter().filter_map(|at| Some((rows.rows[*at].cells.float(i)?, *at))));
                if present.len() > *k {
                    present.select_nth_unstable_by(*k - 1, order);
                    present.truncate(*k);
                }
                if steps.len == 1 {
                    present.sort_by(order);
                    sequence.extend(present.iter().map(|(_, at)| *at));
                }
                for (v, at) in &present {
                    kept[*at].set(i, *v);
                }
            }
        }
        Rows::counted(in_sequence(rows, kept, sequence, steps), &self.meter)
    }
}

fn greatest_first(a: &(f64, usize), b: &(f64, usize)) -> Ordering {
    least_or_greatest(b.0, a.0, a.0.is_nan(), b.0.is_nan()).then(a.1.cmp(&b.1))
}

fn least_first(a: &(f64, usize), b: &(f64, usize)) -> Ordering {
    least_or_greatest(a.0, b.0, a.0.is_nan(), b.0.is_nan()).then(a.1.cmp(&b.1))
}

fn least_or_greatest(a: f64, b: f64, first_nan: bool, second_nan: bool) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| first_nan.cmp(&second_nan))
}

/// The rows with what was kept of them, those of an instant query in the given sequence.
pub(super) fn in_sequence(rows: Rows, kept: Vec<Cells>, sequence: Vec<usize>, steps: Steps) -> Vec<Row> {
    let mut all: Vec<Option<Row>> = rows
        .rows
        .iter()
        .zip(kept)
        .map(|(row, cells)| {
            (!cells.is_empty()).then(|| Row { labels: row.labels.clone(), drop_name: row.drop_name, cells })
        })
        .collect();
    if steps.len != 1 {
        return all.into_iter().flatten().collect();
    }
    sequence.into_iter().filter_map(|at| all[at].take()).collect()
}
