//! `count` and `group` of a selector: no column a series is kept, only the counts of each group. What they yield does
//! not depend on the order of the series.

use model::{SelectHints, TimeRange};

use super::charge::Charge;
use super::gather::Gather;
use super::rows::bytes_of;
use super::select::{Read, Run, present};
use super::{Cells, Evaluator, Outcome, Row, Rows, Steps};
use crate::promql::ast::{Aggregate, AggregateOp, VectorSelector};

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
        let groups = Gather::<Vec<u32>>::new(aggregate, false);
        let count = |run: &mut Run, charge: &mut Charge| -> Outcome<Option<Row>> {
            present(run, sources, lookback, |steps| {
                let none = |_| vec![0; sources.len];
                groups.with(&run.labels, charge, bytes_of(sources.len) / 2, none, |counts| {
                    steps.for_each(|i| counts[i] += 1);
                    Ok(())
                })
            })?;
            Ok(None)
        };
        let _held = match self.read(selector, range, &hints, sources, count)? {
            Read::Made(_, charge) => charge,
            Read::Computed(_) => return Ok(None),
        };
        let rows = groups.finish().into_iter().map(|(labels, counts)| {
            let mut cells = Cells::absent(steps.len);
            for (i, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
                cells.set(i, if aggregate.op == AggregateOp::Group { 1.0 } else { f64::from(count) });
            }
            Row::new(labels, cells)
        });
        Rows::counted(rows.collect(), &self.meter).map(Some)
    }
}
