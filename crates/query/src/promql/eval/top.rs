//! Range vectors as the result of an instant query: the samples themselves.

use model::{SelectHints, TimeRange};

use super::charge::Charge;
use super::rows::remove_metadata;
use super::select::{Read, Run};
use super::tally::weight_of;
use super::{Evaluator, Outcome, Steps};
use crate::promql::ast::{MatrixSelector, Subquery};
use crate::promql::value::Series;

impl Evaluator<'_> {
    /// The samples of a range selector, sorted by labels.
    pub(crate) fn top_matrix(&self, matrix: &MatrixSelector, steps: Steps) -> Outcome<Vec<Series>> {
        let ends = self.sources(&matrix.selector, steps);
        let start = ends.start.saturating_sub(matrix.range.ms).saturating_add(1);
        let range = TimeRange::new(start, ends.last());
        let hints = SelectHints { window: matrix.range.ms, ..SelectHints::default() };
        let make = |run: &mut Run, charge: &mut Charge| {
            run.drop_stale();
            let count = weight_of(run);
            self.tally_first(count);
            charge.grow(count, count * 16)?;
            Ok((count > 0).then(|| series(run)))
        };
        let found = match self.read(&matrix.selector, range, &hints, ends, make)? {
            Read::Made(found, _charge) => found,
            // A store computes functions, not samples.
            Read::Computed(_) => Vec::new(),
        };
        Ok(found)
    }

    /// The points of a subquery, sorted by labels.
    pub(crate) fn top_subquery(&self, subquery: &Subquery, steps: Steps) -> Outcome<Vec<Series>> {
        let ends = self.subquery_sources(subquery, steps);
        let mut found = Vec::new();
        for mut run in self.subquery_runs(subquery, ends, true)? {
            if run.drop_name {
                remove_metadata(&mut run.labels);
            }
            found.push(series(&mut run));
        }
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(found)
    }
}

fn series(run: &mut Run) -> Series {
    Series {
        labels: run.labels.clone(),
        points: run.t.iter().copied().zip(run.v.iter().copied()).collect(),
        histograms: std::mem::take(&mut run.h),
    }
}
