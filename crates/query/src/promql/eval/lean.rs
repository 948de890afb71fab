//! Aggregations of one selector at one time, as rules and single figures ask: of a series only its value is kept, its
//! group, and the hash of its labels, by which values are added up. So a million series take as many times 32 bytes, not
//! their labels, and the result depends neither on threads nor on the order in which the store gives series. Sums are
//! compensated, so that this order gives what the order of labels gives; variances are not, and are none of this.

use std::cmp::Ordering;
use std::sync::atomic::{AtomicBool, Ordering as Memory};

use super::charge::Charge;
use super::gather::Gather;
use super::rows::{is_metadata, same_labelset};
use super::select::{Ordered, Read, Run};
use super::{Cells, Evaluator, Outcome, Row, Rows, Steps};
use crate::promql::ast::{Aggregate, AggregateOp, Expr};
use crate::promql::engine::QueryError;
use crate::promql::number::{self, Kahan, Mean, greatest, least};

/// Bytes of a value, twice: the list grows by doubling.
const VALUE: u64 = 2 * size_of::<Value>() as u64;

/// What is kept of a series.
struct Value {
    hash: [u64; 2],
    v: f64,
    group: u32,
}

impl Ordered for Value {
    fn order(&self, other: &Self) -> Ordering {
        self.hash.cmp(&other.hash)
    }
}

/// What the values of a group come to.
enum Sum {
    Total(Kahan),
    Mean(Mean),
    Least(f64),
    Greatest(f64),
    Count(f64),
    All(Vec<f64>),
}

impl Sum {
    fn new(op: AggregateOp) -> Option<Self> {
        Some(match op {
            AggregateOp::Sum => Self::Total(Kahan::default()),
            AggregateOp::Avg => Self::Mean(Mean::default()),
            AggregateOp::Min => Self::Least(f64::NAN),
            AggregateOp::Max => Self::Greatest(f64::NAN),
            AggregateOp::Count | AggregateOp::Group => Self::Count(0.0),
            AggregateOp::Quantile => Self::All(Vec::new()),
            _ => return None,
        })
    }

    fn add(&mut self, v: f64) {
        match self {
            Self::Total(sum) => sum.add(v),
            Self::Mean(mean) => mean.add(v),
            Self::Least(value) => least(value, v),
            Self::Greatest(value) => greatest(value, v),
            Self::Count(count) => *count += 1.0,
            Self::All(values) => values.push(v),
        }
    }

    fn finish(self, op: AggregateOp, q: f64) -> f64 {
        match self {
            Self::Count(_) if op == AggregateOp::Group => 1.0,
            Self::Total(sum) => sum.total(),
            Self::Mean(mean) => mean.mean(),
            Self::Least(value) | Self::Greatest(value) | Self::Count(value) => value,
            Self::All(mut values) => number::quantile(q, &mut values),
        }
    }
}

impl Evaluator<'_> {
    /// Computes an aggregation of a selector, or of a function of one, in this way; `None` where it must be done with
    /// whole rows: at several times, with histograms, or with names that go at the end of the query.
    pub(crate) fn lean_aggregate(
        &self,
        aggregate: &Aggregate,
        expr: &Expr,
        param: &[f64],
        steps: Steps,
    ) -> Outcome<Option<Rows>> {
        let plain = self.instant && steps.len == 1 && !self.delayed() && !self.options.sample_stats;
        if !plain || Sum::new(aggregate.op).is_none() {
            return Ok(None);
        }
        match expr {
            Expr::Vector(selector) if selector.extension.is_none() => {
                let (range, hints, sources) = self.instant_read(selector, steps);
                let make = |run: &mut Run| self.newest_cells(run, sources);
                let read = |lean: &Lean<'_>| {
                    self.read(selector, range, &hints, sources, |run, charge| lean.take(run, charge, &make))
                };
                self.lean_over(Lean::new(aggregate, false), param, read)
            }
            Expr::Call(call) => {
                let Some(windows) = self.plain_windows(call, steps)? else { return Ok(None) };
                let make = |run: &mut Run| Ok(self.window_cells(&windows, run));
                let read = |lean: &Lean<'_>| {
                    let (selector, ends) = (&windows.matrix.selector, windows.plan.ends);
                    let take = |run: &mut Run, charge: &mut Charge| lean.take(run, charge, &make);
                    self.read(selector, windows.samples, &windows.hints, ends, take)
                };
                self.lean_over(Lean::new(aggregate, windows.drops), param, read)
            }
            _ => Ok(None),
        }
    }

    fn lean_over(
        &self,
        lean: Lean<'_>,
        param: &[f64],
        read: impl FnOnce(&Lean<'_>) -> Outcome<Read<Value>>,
    ) -> Outcome<Option<Rows>> {
        let read = read(&lean);
        if lean.histograms.load(Memory::Relaxed) {
            return Ok(None);
        }
        let Read::Made(values, mut charge) = read? else { return Ok(None) };
        if lean.drops && values.windows(2).any(|two| two[0].hash == two[1].hash) {
            return Err(same_labelset());
        }
        let op = lean.aggregate.op;
        if op == AggregateOp::Quantile {
            charge.grow(0, 16 * values.len() as u64)?;
        }
        let groups = lean.groups.finish();
        let mut sums: Vec<Option<Sum>> = Vec::new();
        sums.resize_with(groups.len(), || Sum::new(op));
        for value in &values {
            if let Some(Some(sum)) = sums.get_mut(value.group as usize) {
                sum.add(value.v);
            }
        }
        drop(values);
        let q = param.first().copied().unwrap_or(f64::NAN);
        let mut rows = Vec::with_capacity(groups.len());
        for (labels, number) in groups {
            if let Some(sum) = sums.get_mut(number as usize).and_then(Option::take) {
                let cells = Cells::constant(sum.finish(op, q), 1);
                rows.push(Row { labels, drop_name: lean.drops, cells });
            }
        }
        Rows::counted(rows, &self.meter).map(Some)
    }
}

/// Takes values of series.
struct Lean<'a> {
    aggregate: &'a Aggregate,
    /// The function takes the metric's name away.
    drops: bool,
    /// Their numbers.
    groups: Gather<'a, u32>,
    /// There is one: nothing of this counts.
    histograms: AtomicBool,
}

impl<'a> Lean<'a> {
    fn new(aggregate: &'a Aggregate, drops: bool) -> Self {
        Self { aggregate, drops, groups: Gather::new(aggregate, drops), histograms: AtomicBool::new(false) }
    }

    fn take(
        &self,
        run: &mut Run,
        charge: &mut Charge,
        make: &impl Fn(&mut Run) -> Outcome<Option<Cells>>,
    ) -> Outcome<Option<Value>> {
        charge.prepare(VALUE)?;
        let Some(cells) = make(run)? else { return Ok(None) };
        if cells.has_histograms() || !run.h.is_empty() {
            self.histograms.store(true, Memory::Relaxed);
            return Err(QueryError::Execution("there are histograms".to_owned())); // nobody gets to see it
        }
        let Some(v) = cells.float(0) else { return Ok(None) };
        let hash = match self.drops {
            true => run.labels.filter(|name| !is_metadata(name)).hash128(),
            false => run.labels.hash128(),
        };
        let number = |number| number as u32; // fewer than series
        let group = self.groups.with(&run.labels, charge, 128, number, |number| Ok(*number))?;
        charge.spend(1, VALUE)?;
        Ok(Some(Value { hash: [(hash >> 64) as u64, hash as u64], v, group }))
    }
}
