//! `count` and `group` of a selector: no column a series is kept, only the counts of each group. What they yield does
//! not depend on the order of the series.

use std::sync::{Mutex, PoisonError};

use hashbrown::HashMap;
use model::{Labels, SelectHints, TimeRange};

use super::charge::Charge;
use super::rows::bytes_of;
use super::select::{Read, Run, present};
use super::{Cells, Evaluator, Outcome, Row, Rows, Steps};
use crate::promql::aggregate::{group_key, group_labels};
use crate::promql::ast::{Aggregate, AggregateOp, VectorSelector};

/// What was counted of one group.
struct Counted {
    /// The least labels of its series: groups are in the order of their first series.
    least: Labels,
    counts: Vec<u32>,
}

type Groups = HashMap<Labels, Counted, foldhash::fast::RandomState>;

impl Evaluator<'_> {
    /// Computes `count` or `group` of `selector`, or gives `None` where it must be done series by series.
    pub(crate) fn count_selector(
        &self,
        aggregate: &Aggregate,
        selector: &VectorSelector,
        steps: Steps,
    ) -> Outcome<Option<Rows>> {
        let counts = matches!(aggregate.op, AggregateOp::Count | AggregateOp::Group);
        let sources = self.sources(selector, steps);
        let plain = selector.extension.is_none() && !self.options.sample_stats && sources.len == steps.len;
        if !counts || !plain {
            return Ok(None);
        }
        let lookback = self.options.lookback_ms;
        let range = TimeRange::new(sources.start.saturating_sub(lookback).saturating_add(1), sources.last());
        let newest_only = sources.len == 1;
        let hints = SelectHints { step: self.hinted_step(sources), newest_only, ..SelectHints::default() };
        let groups = Mutex::new(Groups::default());
        // The order of one group needs no looking at labels.
        let several = aggregate.without || !aggregate.grouping.is_empty();
        let count = |run: &mut Run, charge: &mut Charge| -> Outcome<Option<Row>> {
            let mut key = String::new();
            group_key(&run.labels, aggregate, &mut key);
            present(run, sources, lookback, |steps| {
                let mut groups = groups.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(group) = groups.get_mut(key.as_str()) {
                    if several && run.labels < group.least {
                        group.least = run.labels.clone();
                    }
                    steps.for_each(|i| group.counts[i] += 1);
                    return Ok(());
                }
                charge.grow(0, bytes_of(sources.len) / 2 + 2 * run.labels.canonical().len() as u64)?;
                let mut counts = vec![0; sources.len];
                steps.for_each(|i| counts[i] += 1);
                let labels = group_labels(&run.labels, &aggregate.grouping, aggregate.without);
                groups.insert(labels, Counted { least: run.labels.clone(), counts });
                Ok(())
            })?;
            Ok(None)
        };
        let _held = match self.read(selector, range, &hints, sources, count)? {
            Read::Made(_, charge) => charge,
            Read::Computed(_) => return Ok(None),
        };
        let mut found: Vec<_> =
            groups.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect();
        found.sort_by(|a, b| a.1.least.cmp(&b.1.least));
        let rows = found.into_iter().map(|(labels, counted)| {
            let mut cells = Cells::absent(steps.len);
            for (i, count) in counted.counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
                cells.set(i, if aggregate.op == AggregateOp::Group { 1.0 } else { f64::from(count) });
            }
            Row::new(labels, cells)
        });
        Rows::counted(rows.collect(), &self.meter).map(Some)
    }
}
