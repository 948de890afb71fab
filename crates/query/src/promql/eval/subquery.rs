//! Subqueries: the inner expression is computed once over the grid that all outer windows share.

use super::select::Run;
use super::{Evaluated, Evaluator, Outcome, Steps};
use crate::promql::ast::Subquery;
use model::ResetHint;
use std::sync::Arc;

impl Evaluator<'_> {
    /// The ends of a subquery's windows: one a step, or a single one where `@` fixes it.
    pub(crate) fn subquery_sources(&self, subquery: &Subquery, steps: Steps) -> Steps {
        let offset = subquery.offset.as_ref().map_or(0, |offset| offset.ms);
        match self.fixed(subquery.at) {
            Some(t) => Steps::at(t.saturating_sub(offset)),
            None => Steps { start: steps.start.saturating_sub(offset), ..steps },
        }
    }

    /// The times at which the inner expression is computed: multiples of the subquery's step within all windows.
    pub(crate) fn subquery_steps(&self, subquery: &Subquery, sources: Steps) -> Steps {
        let step = match &subquery.step {
            Some(step) if step.ms > 0 => step.ms,
            _ => self.options.subquery_step_ms.max(1),
        };
        let open = sources.start.saturating_sub(subquery.range.ms);
        let first = open.div_euclid(step).saturating_add(1).saturating_mul(step);
        Steps::range(first, sources.last(), step)
    }

    /// The series of a subquery with the points that windows are cut from; `whole`: all points are the result.
    pub(crate) fn subquery_runs(
        &self,
        subquery: &Subquery,
        sources: Steps,
        whole: bool,
    ) -> Outcome<Vec<Run>> {
        let inner = self.subquery_steps(subquery, sources);
        if sources.len == 0 || inner.len == 0 {
            return Ok(Vec::new());
        }
        let offset = if whole { 0 } else { subquery.offset.as_ref().map_or(0, |offset| offset.ms) };
        let evaluate = || self.eval(&subquery.expr, inner);
        let rows = match self.tally_subquery(inner, (offset, subquery.range.ms), whole, evaluate)? {
            Evaluated::Vector(rows) => rows,
            Evaluated::Scalar(values) => {
                let run =
                    Run { t: (0..inner.len).map(|i| inner.time(i)).collect(), v: values, ..Run::default() };
                return Ok(vec![run]);
            }
            Evaluated::Text(_) => return Ok(Vec::new()),
        };
        let runs = rows.rows.iter().filter(|row| !row.cells.is_empty()).map(|row| {
            let mut run = Run { labels: row.labels.clone(), drop_name: row.drop_name, ..Run::default() };
            for i in 0..inner.len {
                if let Some(v) = row.cells.float(i) {
                    run.t.push(inner.time(i));
                    run.v.push(v);
                } else if let Some(h) = row.cells.histogram(i) {
                    run.h.push((inner.time(i), h.clone()));
                }
            }
            forget_resets(&mut run);
            run
        });
        Ok(runs.collect())
    }
}

/// What was known about a reset held between stored samples; between those of a subquery it must be found out.
fn forget_resets(run: &mut Run) {
    for (_, h) in &mut run.h {
        if matches!(h.reset_hint, ResetHint::Reset | ResetHint::NotReset) {
            Arc::make_mut(h).reset_hint = ResetHint::Unknown;
        }
    }
}
