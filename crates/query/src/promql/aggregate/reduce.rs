//! Aggregations that yield one series a group.

use std::ops::Range;
use std::sync::Arc;

use crate::promql::aggregate::{Group, groups};
use crate::promql::annotations::{
    MIXED_IN_AGGREGATION, ignored_in_aggregation, invalid_quantile, mixed_schemas,
};
use crate::promql::ast::{Aggregate, AggregateOp, Span};
use crate::promql::engine::QueryError;
use crate::promql::eval::{Cell, Cells, Evaluator, Outcome, Row, Rows, Steps};
use crate::promql::functions::{add_to_mean, collision, reconciled};
use crate::promql::native::Sum;
use crate::promql::number::{self, Kahan, Mean, Variance, greatest, least};

impl Evaluator<'_> {
    /// Warns of what is no quantile.
    pub(super) fn check_quantile(&self, aggregate: &Aggregate, param: &[f64]) {
        if let (AggregateOp::Quantile, Some(param_expr)) = (aggregate.op, &aggregate.param) {
            for q in param.iter().filter(|q| !(0.0..=1.0).contains(*q)) {
                self.notes.warn(param_expr.unparenthesized().span(), invalid_quantile(*q));
            }
        }
    }

    pub(super) fn reduce(
        &self,
        aggregate: &Aggregate,
        param: &[f64],
        rows: Rows,
        steps: Steps,
    ) -> Outcome<Rows> {
        let span = aggregate.expr.unparenthesized().span();
        let groups = groups(&rows, aggregate);
        let reduced_groups = self.reduce_groups(aggregate.op, param, &rows, &groups, span, steps.len)?;
        let mut reduced = Vec::new();
        for (group, cells) in groups.into_iter().zip(reduced_groups) {
            // A group whose series lost their names at some function loses its own at the end, too.
            let drop_name = group.rows.iter().any(|at| rows.rows[*at].drop_name);
            if !cells.is_empty() {
                reduced.push(Row { labels: group.labels, drop_name, cells });
            }
        }
        Rows::counted(reduced, &self.meter)
    }

    /// One column a group. Much work is shared out by steps: what happens at one step does not depend on others.
    fn reduce_groups(
        &self,
        op: AggregateOp,
        param: &[f64],
        rows: &Rows,
        groups: &[Group],
        span: Span,
        steps: usize,
    ) -> Outcome<Vec<Cells>> {
        let reduce = |steps: Range<usize>| -> Outcome<Vec<Cells>> {
            groups.iter().map(|g| self.reduce_group(op, param, rows, g, span, steps.clone())).collect()
        };
        let cells = rows.rows.len().saturating_mul(steps);
        let threads = (cells / CELLS_A_THREAD).min(self.options.threads).min(steps);
        if threads < 2 || rows.rows.iter().any(|row| row.cells.has_histograms()) {
            return reduce(0..steps);
        }
        let share = steps.div_ceil(threads);
        let parts: Vec<Range<usize>> =
            (0..threads).map(|n| (n * share).min(steps)..((n + 1) * share).min(steps)).collect();
        std::thread::scope(|scope| {
            let reduce = &reduce;
            let others: Vec<_> =
                parts.iter().skip(1).map(|part| scope.spawn(move || reduce(part.clone()))).collect();
            let mut all = reduce(parts.first().cloned().unwrap_or_default());
            for other in others {
                let joined = other.join().unwrap_or_else(|_| {
                    Err(QueryError::Execution("an aggregating thread failed".to_owned()))
                });
                all = all.and_then(|mut all| {
                    all.iter_mut().zip(joined?).for_each(|(cells, more)| cells.append(more));
                    Ok(all)
                });
            }
            all
        })
    }

    fn reduce_group(
        &self,
        op: AggregateOp,
        param: &[f64],
        rows: &Rows,
        group: &Group,
        span: Span,
        steps: Range<usize>,
    ) -> Outcome<Cells> {
        self.check()?;
        let len = steps.len();
        let columns = Columns { rows, group, steps, evaluator: self };
        let histograms = group.rows.iter().any(|at| rows.rows[*at].cells.has_histograms());
        if histograms {
            match op {
                AggregateOp::Sum | AggregateOp::Avg => return self.sum_mixed(op, &columns, span),
                AggregateOp::Count | AggregateOp::Group => {}
                _ => self.notes.info(span, ignored_in_aggregation(op.as_str())),
            }
        }
        match op {
            AggregateOp::Sum => columns.fold(Kahan::default(), Kahan::add, |sum| sum_of(*sum)),
            AggregateOp::Avg => columns.fold(Mean::default(), Mean::add, |mean| mean.mean()),
            AggregateOp::Min => columns.fold(f64::NAN, least, |least| *least),
            AggregateOp::Max => columns.fold(f64::NAN, greatest, |most| *most),
            AggregateOp::Count => columns.count(),
            AggregateOp::Group => {
                let mut cells = columns.count()?;
                cells.map_floats(|_, _| 1.0);
                Ok(cells)
            }
            AggregateOp::Stdvar => columns.fold(Variance::default(), Variance::add, |v| v.variance()),
            AggregateOp::Stddev => columns.fold(Variance::default(), Variance::add, |v| v.variance().sqrt()),
            AggregateOp::Quantile => columns.quantile(param),
            // These do not reduce.
            AggregateOp::Topk
            | AggregateOp::Bottomk
            | AggregateOp::CountValues
            | AggregateOp::Limitk
            | AggregateOp::LimitRatio => Ok(Cells::absent(len)),
        }
    }

    /// Sum or mean where there are histograms: step by step, of one kind only.
    fn sum_mixed(&self, op: AggregateOp, columns: &Columns<'_>, span: Span) -> Outcome<Cells> {
        let mut cells = Cells::absent(columns.steps.len());
        for (at, i) in columns.steps.clone().enumerate() {
            self.check()?;
            let members = || columns.group.rows.iter().map(|at| &columns.rows.rows[*at]);
            let floats = members().any(|row| row.cells.float(i).is_some());
            let histograms = members().any(|row| row.cells.histogram(i).is_some());
            if floats && histograms {
                self.notes.warn(span, MIXED_IN_AGGREGATION);
            } else if histograms {
                if let Some(cell) = self.sum_histograms(op, members(), i, span) {
                    cells.put(at, cell);
                }
            } else if floats {
                let mut sum = Kahan::default();
                let mut mean = Mean::default();
                for v in members().filter_map(|row| row.cells.float(i)) {
                    sum.add(v);
                    mean.add(v);
                }
                cells.set(at, if op == AggregateOp::Sum { sum_of(sum) } else { mean.mean() });
            }
        }
        Ok(cells)
    }

    fn sum_histograms<'r>(
        &self,
        op: AggregateOp,
        members: impl Iterator<Item = &'r Row>,
        i: usize,
        span: Span,
    ) -> Option<Cell> {
        let mut members = members.filter_map(|row| Some((row, row.cells.histogram(i)?)));
        let mut sum = Sum::new(members.next()?.1);
        let (mut count, mut incremental) = (1.0, false);
        for (row, h) in members {
            let added = match op {
                AggregateOp::Sum => sum.add(h, 1.0),
                _ => add_to_mean(&mut sum, &mut count, &mut incremental, h),
            };
            if added.is_err() {
                self.notes.warn(span, mixed_schemas(row.labels.metric_name()));
                return None;
            }
        }
        if sum.saw_both() {
            self.notes.warn(span, collision("aggregation"));
        }
        if sum.reconciled {
            self.notes.info(span, reconciled("aggregation"));
        }
        if op == AggregateOp::Avg && !incremental {
            sum.divide(count);
        }
        Some(Cell::Histogram(Arc::new(sum.finish())))
    }
}

/// Cells that are worth a thread.
const CELLS_A_THREAD: usize = 1 << 17;

/// The columns of one group at some steps.
struct Columns<'a> {
    rows: &'a Rows,
    group: &'a Group,
    steps: Range<usize>,
    evaluator: &'a Evaluator<'a>,
}

impl Columns<'_> {
    /// Runs an accumulator over the floats of each step, row by row.
    fn fold<A: Clone>(
        &self,
        start: A,
        add: impl Fn(&mut A, f64),
        finish: impl Fn(&A) -> f64,
    ) -> Outcome<Cells> {
        let mut accumulators = vec![start; self.steps.len()];
        let mut seen = vec![false; self.steps.len()];
        for at in &self.group.rows {
            self.evaluator.check()?;
            let cells = self.rows.rows[*at].cells.floats(self.steps.clone());
            for ((accumulator, seen), v) in accumulators.iter_mut().zip(&mut seen).zip(cells) {
                if let Some(v) = v {
                    add(accumulator, v);
                    *seen = true;
                }
            }
        }
        let mut cells = Cells::absent(self.steps.len());
        for (i, accumulator) in accumulators.iter().enumerate().filter(|(i, _)| seen[*i]) {
            cells.set(i, finish(accumulator));
        }
        Ok(cells)
    }

    /// How many values of either kind each step has.
    fn count(&self) -> Outcome<Cells> {
        let mut counts = vec![0u32; self.steps.len()];
        for at in &self.group.rows {
            self.evaluator.check()?;
            let present = self.rows.rows[*at].cells.presence(self.steps.clone());
            counts.iter_mut().zip(present).for_each(|(count, present)| *count += u32::from(present));
        }
        let mut cells = Cells::absent(self.steps.len());
        for (i, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            cells.set(i, f64::from(count));
        }
        Ok(cells)
    }

    fn quantile(&self, param: &[f64]) -> Outcome<Cells> {
        let mut cells = Cells::absent(self.steps.len());
        let mut values = Vec::with_capacity(self.group.rows.len());
        for (at, i) in self.steps.clone().enumerate() {
            let Some(q) = param.get(i) else { break };
            self.evaluator.check()?;
            values.clear();
            values.extend(self.group.rows.iter().filter_map(|row| self.rows.rows[*row].cells.float(i)));
            if !values.is_empty() {
                cells.set(at, number::quantile(*q, &mut values));
            }
        }
        Ok(cells)
    }
}

fn sum_of(sum: Kahan) -> f64 {
    sum.total()
}
