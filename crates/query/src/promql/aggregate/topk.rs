//! `topk` and `bottomk`.

use std::cmp::Ordering;

use crate::promql::aggregate::{Group, counts, groups};
use crate::promql::annotations::ignored_in_aggregation;
use crate::promql::ast::{Aggregate, AggregateOp};
use crate::promql::eval::{Cells, Evaluator, Outcome, Row, Rows, Steps};

/// Which of two values is better.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Better {
    Greater,
    Less,
}

impl Better {
    pub(crate) fn of(op: AggregateOp) -> Self {
        if op == AggregateOp::Topk { Self::Greater } else { Self::Less }
    }

    /// The better one comes first; NaN loses against all.
    pub(crate) fn order(self, a: f64, b: f64) -> Ordering {
        let plain = match self {
            Self::Greater => b.partial_cmp(&a),
            Self::Less => a.partial_cmp(&b),
        };
        plain.unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
    }

    /// Likewise for values with places; of equal values the first in place.
    fn order_placed(self, a: &(f64, usize), b: &(f64, usize)) -> Ordering {
        self.order(a.0, b.0).then(a.1.cmp(&b.1))
    }
}

/// Finds the best of many values; its memory is used again.
#[derive(Debug, Default)]
pub(crate) struct Chosen(Vec<(f64, usize)>);

impl Chosen {
    /// The `k` best, at least one, of some values with their places, in no order.
    pub(crate) fn of(
        &mut self,
        values: impl Iterator<Item = (f64, usize)>,
        k: usize,
        better: Better,
    ) -> &mut [(f64, usize)] {
        self.0.clear();
        self.0.extend(values);
        if self.0.len() > k {
            self.0.select_nth_unstable_by(k - 1, |a, b| better.order_placed(a, b));
            self.0.truncate(k);
        }
        &mut self.0
    }
}

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
        let groups = groups(&rows, aggregate);
        self.choose(rows, &groups, &k, Better::of(aggregate.op), steps)
    }

    /// The best `k` rows of each group.
    pub(crate) fn choose(
        &self,
        rows: Rows,
        groups: &[Group],
        k: &[usize],
        better: Better,
        steps: Steps,
    ) -> Outcome<Rows> {
        let mut kept: Vec<Cells> = rows.rows.iter().map(|_| Cells::absent(steps.len)).collect();
        let mut sequence = Vec::new();
        let mut chosen = Chosen::default();
        for group in groups {
            for (i, k) in k.iter().enumerate().filter(|(_, k)| **k > 0) {
                self.check()?;
                let values = group.rows.iter().filter_map(|at| Some((rows.rows[*at].cells.float(i)?, *at)));
                let best = chosen.of(values, *k, better);
                if steps.len == 1 {
                    best.sort_by(|a, b| better.order_placed(a, b));
                    sequence.extend(best.iter().map(|(_, at)| *at));
                }
                for (v, at) in best {
                    kept[*at].set(i, *v);
                }
            }
        }
        Rows::counted(in_sequence(rows, kept, sequence, steps), &self.meter)
    }
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
