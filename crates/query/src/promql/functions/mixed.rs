//! Window functions over series with native histograms, alone or mixed with floats.

use std::sync::Arc;

use model::{Histogram, ResetHint};

use super::rate::Shape;
use super::start::{self, Starts};
use super::window::{Kernel, Plan, Site};
use crate::promql::annotations::{ignored_in_mixed_range, mixed_floats_histograms, mixed_schemas};
use crate::promql::eval::select::Run;
use crate::promql::eval::{Cell, Cells};
use crate::promql::native::{self, Sum};

/// How much more work a histogram is than a float.
pub(super) const HISTOGRAM_WORK: usize = 64;

/// The samples of one window.
pub(super) struct Mixed<'a> {
    pub(super) t: &'a [i64],
    pub(super) v: &'a [f64],
    pub(super) h: &'a [(i64, Arc<Histogram>)],
    run: &'a Run,
    /// Index of the first float in the run.
    first: usize,
    /// Index of the first histogram in the run.
    first_h: usize,
    start: i64,
    end: i64,
}

impl<'a> Mixed<'a> {
    /// The samples of `run` after `start` up to `end`.
    pub(super) fn cut(run: &'a Run, start: i64, end: i64) -> Self {
        let t = between(&run.t, |t| *t, start, end);
        let first = run.t.partition_point(|t| *t <= start);
        let v = run.v.get(first..first + t.len()).unwrap_or_default();
        let first_h = run.h.partition_point(|h| h.0 <= start);
        Self { t, v, h: between(&run.h, |h| h.0, start, end), run, first, first_h, start, end }
    }

    /// Whether histogram `i`, which is not the first, cannot have grown out of the one before it.
    fn is_reset(&self, i: usize) -> bool {
        let ((before_t, before), (t, now)) = (&self.h[i - 1], &self.h[i]);
        let begins = |i: usize| self.run.histogram_start(self.first_h + i);
        start::is_reset((begins(i - 1), *before_t), (begins(i), *t)) || native::is_reset(now, before)
    }
}

/// Runs over a series that has histograms: floats as ever, then the windows with histograms.
pub(super) fn over_mixed(kernel: &Kernel, run: &Run, plan: &Plan<'_>, site: &Site<'_>) -> Option<Cells> {
    let mut cells = kernel.over_floats(run, plan, site).unwrap_or_else(|| Cells::absent(plan.steps.len));
    let mut spent = 0;
    for step in 0..plan.steps.len {
        let end = plan.end(step);
        let start = end.saturating_sub(plan.range);
        let window = Mixed::cut(run, start, end);
        if window.h.is_empty() {
            continue;
        }
        if plan.gives_up(&mut spent, window.t.len() + HISTOGRAM_WORK * window.h.len()) {
            break;
        }
        let float = cells.float(step);
        match of_window(kernel, &window, float, plan, site) {
            Some(cell) => cells.put(step, cell),
            None => cells.clear(step),
        }
    }
    (!cells.is_empty()).then_some(cells)
}

fn between<T>(all: &[T], time: impl Fn(&T) -> i64, start: i64, end: i64) -> &[T] {
    let from = all.partition_point(|x| time(x) <= start);
    let to = all.partition_point(|x| time(x) <= end);
    all.get(from..to).unwrap_or_default()
}

fn of_window(
    kernel: &Kernel,
    w: &Mixed<'_>,
    float: Option<f64>,
    plan: &Plan<'_>,
    site: &Site<'_>,
) -> Option<Cell> {
    let mixed = !w.v.is_empty();
    match kernel {
        Kernel::Rate { .. } | Kernel::Sum | Kernel::Avg if mixed => {
            site.notes.warn(site.span, mixed_floats_histograms(site.metric));
            None
        }
        Kernel::Rate { counter, per_second } => {
            rate(w, *counter, per_second.then_some(plan.range), site).map(histogram)
        }
        Kernel::Instant { rate } => last_two(w, *rate, site),
        Kernel::Sum => sum(w, site).map(|sum| histogram(sum.finish())),
        Kernel::Avg => mean(w, site).map(histogram),
        Kernel::Count => Some(Cell::Float((w.v.len() + w.h.len()) as f64)),
        Kernel::Present => Some(Cell::Float(1.0)),
        Kernel::First => first(w),
        Kernel::Last => last(w),
        Kernel::TimeOfFirst => {
            w.t.first().into_iter().chain(w.h.first().map(|h| &h.0)).min().map(|t| seconds(*t))
        }
        Kernel::TimeOfLast => {
            w.t.last().into_iter().chain(w.h.last().map(|h| &h.0)).max().map(|t| seconds(*t))
        }
        Kernel::Changes => Some(count_pairs(w, is_change)),
        Kernel::Resets => Some(count_pairs(w, is_fall)),
        Kernel::Min
        | Kernel::Max
        | Kernel::TimeOfMin
        | Kernel::TimeOfMax
        | Kernel::Stdvar
        | Kernel::Stddev
        | Kernel::Mad
        | Kernel::Quantile(_)
        | Kernel::Deriv
        | Kernel::Predict(_)
        | Kernel::Smooth { .. } => {
            if mixed {
                site.notes.info(site.first_arg, ignored_in_mixed_range(site.metric));
            }
            float.map(Cell::Float)
        }
    }
}

fn histogram(h: Histogram) -> Cell {
    Cell::Histogram(Arc::new(h))
}

fn seconds(t: i64) -> Cell {
    Cell::Float(t as f64 / 1000.0)
}

fn first(w: &Mixed<'_>) -> Option<Cell> {
    match (w.t.first(), w.h.first()) {
        (Some(t), Some((h_t, _))) if t < h_t => w.v.first().copied().map(Cell::Float),
        (_, Some((_, h))) => Some(Cell::Histogram(h.clone())),
        (_, None) => w.v.first().copied().map(Cell::Float),
    }
}

fn last(w: &Mixed<'_>) -> Option<Cell> {
    match (w.t.last(), w.h.last()) {
        (Some(t), Some((h_t, _))) if h_t < t => w.v.last().copied().map(Cell::Float),
        (_, Some((_, h))) => Some(Cell::Histogram(h.clone())),
        (_, None) => w.v.last().copied().map(Cell::Float),
    }
}

/// A sample of either kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample<'a> {
    pub(super) t: i64,
    /// Start timestamp, 0: not known.
    start: i64,
    value: Result<f64, &'a Histogram>,
}

/// All samples of a window in order.
pub(super) fn samples<'a>(w: &'a Mixed<'_>) -> Vec<Sample<'a>> {
    let float_start = |i: usize| w.run.start.get(w.first + i).copied().unwrap_or(0);
    let floats = w.t.iter().zip(w.v).enumerate().map(|(i, (t, v))| Sample {
        t: *t,
        start: float_start(i),
        value: Ok(*v),
    });
    let histograms = w.h.iter().enumerate().map(|(i, (t, h))| Sample {
        t: *t,
        start: w.run.histogram_start(w.first_h + i),
        value: Err(&**h),
    });
    let mut all: Vec<Sample<'a>> = floats.chain(histograms).collect();
    all.sort_by_key(|sample| sample.t);
    all
}

/// Whether the value changed.
pub(super) fn is_change(before: &Sample<'_>, now: &Sample<'_>) -> bool {
    match (&before.value, &now.value) {
        (Ok(before), Ok(now)) => before != now && !(before.is_nan() && now.is_nan()),
        (Err(before), Err(now)) => !native::equal(before, now),
        _ => true,
    }
}

/// Whether a counter fell or changed its kind.
pub(super) fn is_fall(before: &Sample<'_>, now: &Sample<'_>) -> bool {
    let began = start::is_reset((before.start, before.t), (now.start, now.t));
    match (&before.value, &now.value) {
        (Ok(before), Ok(now)) => now < before || began,
        (Err(before), Err(now)) => began || native::is_reset(now, before),
        _ => true,
    }
}

fn count_pairs(w: &Mixed<'_>, hit: impl Fn(&Sample<'_>, &Sample<'_>) -> bool) -> Cell {
    let all = samples(w);
    Cell::Float(all.windows(2).filter(|pair| hit(&pair[0], &pair[1])).count() as f64)
}

fn tell_sum(sum: &Sum, site: &Site<'_>) {
    if sum.saw_both() {
        site.notes.warn(site.span, collision("aggregation"));
    }
    if sum.reconciled {
        site.notes.info(site.span, reconciled("aggregation"));
    }
}

/// Histograms that know of a reset, combined with others that know of none.
pub(crate) fn collision(operation: &str) -> String {
    format!("conflicting counter resets during histogram {operation}")
}

/// Histograms with different custom bounds, reduced to the common ones.
pub(crate) fn reconciled(operation: &str) -> String {
    format!("mismatched custom buckets were reconciled during {operation}")
}

fn sum(w: &Mixed<'_>, site: &Site<'_>) -> Option<Sum> {
    let (first, rest) = w.h.split_first()?;
    let mut sum = Sum::new(&first.1);
    for (_, h) in rest {
        if sum.add(h, 1.0).is_err() {
            site.notes.warn(site.span, mixed_schemas(site.metric));
            return None;
        }
    }
    tell_sum(&sum, site);
    Some(sum)
}

fn mean(w: &Mixed<'_>, site: &Site<'_>) -> Option<Histogram> {
    let mut sum = Sum::new(&w.h.first()?.1);
    let (mut count, mut incremental) = (1.0, false);
    for (_, h) in w.h.iter().skip(1) {
        if add_to_mean(&mut sum, &mut count, &mut incremental, h).is_err() {
            site.notes.warn(site.span, mixed_schemas(site.metric));
            return None;
        }
    }
    tell_sum(&sum, site);
    if !incremental {
        sum.divide(count);
    }
    Some(sum.finish())
}

/// Adds to a mean that is a sum until the sum would overflow, and incremental from then on.
pub(crate) fn add_to_mean(
    sum: &mut Sum,
    count: &mut f64,
    incremental: &mut bool,
    h: &Histogram,
) -> Result<(), native::Incompatible> {
    *count += 1.0;
    if !*incremental {
        let mut next = sum.clone();
        next.add(h, 1.0)?;
        if !next.overflows() {
            *sum = next;
            return Ok(());
        }
        *incremental = true;
        sum.divide(*count - 1.0);
    }
    sum.scale((*count - 1.0) / *count);
    sum.add(&native::divide(h, *count), 1.0)
}

/// The increase of histograms, extended to the window's edges; per second where the window's length is given.
fn rate(w: &Mixed<'_>, counter: bool, per: Option<i64>, site: &Site<'_>) -> Option<Histogram> {
    let ((first_t, first), (last_t, last)) = (w.h.first()?, w.h.last()?);
    let times: Vec<i64> = w.h.iter().map(|(t, _)| *t).collect();
    let starts = w.run.h_start.get(w.first_h..w.first_h + w.h.len()).filter(|_| counter).unwrap_or_default();
    let starts = Starts { t: &times, start: starts };
    let began = starts.within(0, w.start);
    let mut sum = match w.h.len() {
        // With a start in the window one sample tells how much was counted since.
        1 if began.is_some() => Sum::new(first),
        1 => return None,
        _ => {
            tell_kind(w, counter, site);
            starts.tell_overlap(0..w.h.len(), site);
            increase(w, counter, first, last, site)?
        }
    };
    if began.is_some() && w.h.len() > 1 {
        sum.reconciled = false;
        if sum.add(first, 1.0).is_err() {
            site.notes.warn(site.span, mixed_schemas(site.metric));
            return None;
        }
        if sum.reconciled {
            site.notes.info(site.span, reconciled("addition"));
        }
    }
    let mut increase = sum.finish();
    increase.reset_hint = ResetHint::Gauge;
    let value = (counter && increase.count > 0.0).then_some(first.count);
    let shape = Shape { start: w.start, end: w.end, first: *first_t, last: *last_t, count: w.h.len() };
    let mut factor = shape.extension(began, value, increase.count)?;
    if let Some(range) = per {
        factor /= range as f64 / 1000.0;
    }
    Some(native::scale(&increase, factor))
}

fn tell_kind(w: &Mixed<'_>, counter: bool, site: &Site<'_>) {
    let gauge = |h: &(i64, Arc<Histogram>)| h.1.reset_hint == ResetHint::Gauge;
    let metric = crate::promql::annotations::quoted(site.metric);
    if counter && w.h.iter().any(gauge) {
        site.notes.warn(site.span, format!("this native histogram metric is not a counter: {metric}"));
    }
    let ends = [w.h.first(), w.h.last()];
    if !counter && !ends.into_iter().flatten().all(gauge) {
        site.notes.warn(site.span, format!("this native histogram metric is not a gauge: {metric}"));
    }
}

/// Last minus first, with what counter resets took away added back.
fn increase(
    w: &Mixed<'_>,
    counter: bool,
    first: &Arc<Histogram>,
    last: &Arc<Histogram>,
    site: &Site<'_>,
) -> Option<Sum> {
    let incompatible = || site.notes.warn(site.span, mixed_schemas(site.metric));
    let second = w.h.get(1).map(|(_, h)| h)?;
    // After a reset right behind it, the first sample says nothing: it may even have other buckets.
    let from_zero = counter && w.is_reset(1);
    let custom = native::is_custom(if from_zero { second } else { first });
    let others = if counter { &w.h[1..] } else { std::slice::from_ref(&w.h[w.h.len() - 1]) };
    if others.iter().any(|(_, h)| native::is_custom(h) != custom) {
        incompatible();
        return None;
    }
    let mut sum = Sum::new(last);
    if !from_zero && sum.add(first, -1.0).is_err() {
        incompatible();
        return None;
    }
    let mut reconciled_by = sum.reconciled.then_some("subtraction");
    if counter {
        for at in if from_zero { 2 } else { 1 }..w.h.len() {
            if w.is_reset(at) && sum.add(&w.h[at - 1].1, 1.0).is_err() {
                incompatible();
                return None;
            }
        }
        if sum.reconciled && reconciled_by.is_none() {
            reconciled_by = Some("addition");
        }
    }
    if let Some(operation) = reconciled_by {
        site.notes.info(site.span, reconciled(operation));
    }
    Some(sum)
}

/// The difference of the last two samples of any kind, per second for a rate.
fn last_two(w: &Mixed<'_>, rate: bool, site: &Site<'_>) -> Option<Cell> {
    let all = samples(w);
    let [.., before_sample, sample] = all.as_slice() else { return None };
    let elapsed = (sample.t - before_sample.t) as f64 / 1000.0;
    if elapsed == 0.0 {
        return None;
    }
    let began = start::is_reset((before_sample.start, before_sample.t), (sample.start, sample.t));
    match (&before_sample.value, &sample.value) {
        (Ok(before), Ok(now)) => {
            let difference = if rate && (now < before || began) { *now } else { now - before };
            Some(Cell::Float(if rate { difference / elapsed } else { difference }))
        }
        (Err(before), Err(now)) => {
            let pair = &w.h[w.h.len() - 2..];
            let ends = Mixed { t: &[], v: &[], h: pair, ..*w };
            tell_kind(&ends, rate, site);
            let mut sum = Sum::new(now);
            if (!rate || !(began || native::is_reset(now, before))) && sum.add(before, -1.0).is_err() {
                site.notes.warn(site.first_arg, mixed_schemas(site.metric));
                return None;
            }
            if sum.reconciled {
                site.notes.info(site.first_arg, reconciled("subtraction"));
            }
            let mut difference = sum.finish();
            difference.reset_hint = ResetHint::Gauge;
            Some(histogram(if rate { native::divide(&difference, elapsed) } else { difference }))
        }
        _ => {
            site.notes.warn(site.first_arg, mixed_floats_histograms(site.metric));
            None
        }
    }
}
