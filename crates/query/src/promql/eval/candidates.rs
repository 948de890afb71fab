//! `topk` and `bottomk` of a selector, or of a function of one, at any number of times: of each group only those series are kept
//! that may still be among the `k` at some step. What is chosen of these, in the order of their labels, is what would be
//! chosen of all.

use std::sync::atomic::{AtomicBool, Ordering as Memory};
use std::sync::{Mutex, OnceLock, PoisonError};

use model::Labels;
use model::labels::METRIC_NAME;

use super::charge::Charge;
use super::gather::Gather;
use super::rows::{bytes_of, remove_metadata};
use super::select::{Read, Run};
use super::{Cells, Evaluator, Outcome, Row, Rows, Steps};
use crate::promql::aggregate::topk::{Better, Chosen};
use crate::promql::aggregate::{Group, counts};
use crate::promql::annotations::ignored_in_aggregation;
use crate::promql::ast::{Aggregate, AggregateOp, Expr};
use crate::promql::engine::QueryError;

/// So many series of a group are kept without looking whether they can still win.
const FEW: usize = 64;
/// Bytes of a row beside its cells and labels.
const ROW: u64 = 128;

impl Evaluator<'_> {
    /// Computes an aggregation in this way; `None` where whole rows are needed: for other operators, and where series may lose
    /// what tells them apart.
    pub(crate) fn candidates(
        &self,
        aggregate: &Aggregate,
        expr: &Expr,
        param: &[f64],
        steps: Steps,
    ) -> Outcome<Option<Rows>> {
        let top = matches!(aggregate.op, AggregateOp::Topk | AggregateOp::Bottomk);
        if !top || self.delayed() || self.options.sample_stats {
            return Ok(None);
        }
        // What is wrong with it is said after the series were read.
        let Ok(Some(k)) = counts(param) else { return Ok(None) };
        match expr {
            Expr::Vector(selector) if selector.extension.is_none() => {
                let (range, hints, sources) = self.instant_read(selector, steps);
                if sources.len != steps.len {
                    return Ok(None);
                }
                let best = Best::new(self, aggregate, &k, false);
                let make = |run: &mut Run| self.newest_cells(run, sources);
                let take = |run: &mut Run, charge: &mut Charge| best.take(run, charge, &make);
                let read = self.read(selector, range, &hints, sources, take);
                self.choose_of(best, read, steps)
            }
            Expr::Call(call) => {
                let Some(windows) = self.plain_windows(call, steps)? else { return Ok(None) };
                if windows.plan.ends.len != steps.len {
                    return Ok(None);
                }
                let best = Best::new(self, aggregate, &k, windows.drops);
                let make = |run: &mut Run| Ok(self.window_cells(&windows, run));
                let take = |run: &mut Run, charge: &mut Charge| best.take(run, charge, &make);
                let (selector, ends) = (&windows.matrix.selector, windows.plan.ends);
                let read = self.read(selector, windows.samples, &windows.hints, ends, take);
                self.choose_of(best, read, steps)
            }
            _ => Ok(None),
        }
    }

    fn choose_of(&self, best: Best<'_>, read: Outcome<Read<Row>>, steps: Steps) -> Outcome<Option<Rows>> {
        if best.ambiguous.load(Memory::Relaxed) {
            return Ok(None);
        }
        let Read::Made(_, _held) = read? else { return Ok(None) };
        if best.histograms.load(Memory::Relaxed) {
            let text = ignored_in_aggregation(best.aggregate.op.as_str());
            self.notes.info(best.aggregate.span, text);
        }
        let charge = best.held.into_inner().unwrap_or_else(PoisonError::into_inner).charge;
        let mut groups = Vec::new();
        let mut found: Vec<(usize, Row)> = Vec::new();
        for (number, (labels, group)) in best.groups.finish().into_iter().enumerate() {
            groups.push(Group { labels, rows: Vec::new() });
            found.extend(group.rows.into_iter().map(|row| (number, row)));
        }
        found.sort_by(|a, b| a.1.labels.cmp(&b.1.labels));
        let mut rows = Vec::with_capacity(found.len());
        for (at, (number, mut row)) in found.into_iter().enumerate() {
            groups[number].rows.push(at);
            if best.drops {
                remove_metadata(&mut row.labels);
                row.drop_name = true;
            }
            rows.push(row);
        }
        self.choose(Rows { rows, charge }, &groups, best.k, best.better, steps).map(Some)
    }
}

/// What candidates hold of the query's limits: as much as they ever took.
struct Held {
    charge: Charge,
    bytes: u64,
    samples: u64,
    most: (u64, u64),
}

impl Held {
    fn take(&mut self, row: &Row) -> Outcome<()> {
        let (bytes, samples) = cost(row);
        (self.bytes, self.samples) = (self.bytes + bytes, self.samples + samples);
        let more = (self.bytes.saturating_sub(self.most.0), self.samples.saturating_sub(self.most.1));
        if more != (0, 0) {
            self.most = (self.most.0.max(self.bytes), self.most.1.max(self.samples));
            self.charge.grow(more.1, more.0)?;
        }
        Ok(())
    }

    fn give_back(&mut self, row: &Row) {
        let (bytes, samples) = cost(row);
        (self.bytes, self.samples) = (self.bytes - bytes, self.samples - samples);
    }
}

/// Bytes and samples of a row.
fn cost(row: &Row) -> (u64, u64) {
    let labels = row.labels.canonical().len() as u64;
    (ROW + bytes_of(row.cells.len()) + labels, row.cells.present() as u64)
}

/// The candidates of a group.
struct Candidates {
    rows: Vec<Row>,
    /// At each step what the last of the `k` has; none where there are fewer.
    worst: Vec<Option<f64>>,
    /// With so many rows it is time to look who can still win.
    most: usize,
}

/// Takes series.
struct Best<'a> {
    aggregate: &'a Aggregate,
    k: &'a [usize],
    better: Better,
    /// The function takes the metric's name away.
    drops: bool,
    groups: Gather<'a, Candidates>,
    held: Mutex<Held>,
    histograms: AtomicBool,
    /// Name, type and unit of the first series, where they go.
    metric: OnceLock<[String; 3]>,
    /// Two series may become the same without them: nothing of this counts.
    ambiguous: AtomicBool,
}

impl<'a> Best<'a> {
    fn new(evaluator: &Evaluator<'_>, aggregate: &'a Aggregate, k: &'a [usize], drops: bool) -> Self {
        let charge = evaluator.meter.charge();
        Self {
            aggregate,
            k,
            better: Better::of(aggregate.op),
            drops,
            groups: Gather::new(aggregate, drops),
            held: Mutex::new(Held { charge, bytes: 0, samples: 0, most: (0, 0) }),
            histograms: AtomicBool::new(false),
            metric: OnceLock::new(),
            ambiguous: AtomicBool::new(false),
        }
    }

    /// Makes a row of a series if it is a candidate. It is kept here.
    fn take(
        &self,
        run: &mut Run,
        charge: &mut Charge,
        make: &impl Fn(&mut Run) -> Outcome<Option<Cells>>,
    ) -> Outcome<Option<Row>> {
        let Some(cells) = make(run)? else { return Ok(None) };
        if cells.has_histograms() {
            self.histograms.store(true, Memory::Relaxed);
        }
        if self.drops && !self.is_of_one_metric(&run.labels) {
            self.ambiguous.store(true, Memory::Relaxed);
            return Err(QueryError::Execution("there are several metrics".to_owned())); // nobody gets to see it
        }
        let steps = cells.len();
        let make = |_| Candidates { rows: Vec::new(), worst: vec![None; steps], most: FEW };
        self.groups.with(&run.labels, charge, ROW + 2 * bytes_of(steps), make, |group| {
            if !group.may_win(&cells, self.k, self.better) {
                return Ok(());
            }
            let row = Row::new(run.labels.clone(), cells);
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.take(&row)?;
            group.rows.push(row);
            if group.rows.len() >= group.most {
                group.prune(self.k, self.better, &mut held);
            }
            Ok(())
        })?;
        Ok(None)
    }

    fn is_of_one_metric(&self, labels: &Labels) -> bool {
        let of = |name: &str| labels.get_or_empty(name);
        let [name, kind, unit] =
            self.metric.get_or_init(|| [METRIC_NAME, "__type__", "__unit__"].map(|name| of(name).to_owned()));
        of(METRIC_NAME) == name && of("__type__") == kind && of("__unit__") == unit
    }
}

impl Candidates {
    /// Whether the series may be among the `k` at some step: a value like that of the last one may come before it.
    fn may_win(&self, cells: &Cells, k: &[usize], better: Better) -> bool {
        let mut steps = self.worst.iter().zip(k).enumerate();
        steps.any(|(i, (worst, k))| {
            let Some(v) = cells.float(i).filter(|_| *k > 0) else { return false };
            worst.is_none_or(|worst| better.order(v, worst).is_le())
        })
    }

    /// Lets those go who cannot win any more.
    fn prune(&mut self, k: &[usize], better: Better, held: &mut Held) {
        self.rows.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        let mut wins = vec![false; self.rows.len()];
        let mut chosen = Chosen::default();
        for (i, (worst, k)) in self.worst.iter_mut().zip(k).enumerate().filter(|(_, (_, k))| **k > 0) {
            let values = self.rows.iter().enumerate();
            let best = chosen.of(values.filter_map(|(at, row)| Some((row.cells.float(i)?, at))), *k, better);
            best.iter().for_each(|(_, at)| wins[*at] = true);
            if best.len() == *k {
                *worst = best.iter().map(|(v, _)| *v).max_by(|a, b| better.order(*a, *b));
            }
        }
        let mut wins = wins.into_iter();
        self.rows.retain(|row| {
            let stays = wins.next().unwrap_or(true);
            if !stays {
                held.give_back(row);
            }
            stays
        });
        self.most = FEW.max(2 * self.rows.len());
    }
}
