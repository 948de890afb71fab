//! What is computed over the lines or values of each window.

use crate::logql::ast::RangeOp;
use crate::logql::units::seconds;
use crate::promql::eval::{Cells, Steps};

const MS: i64 = 1_000_000;

/// The windows of a range aggregation: each ends at its step and is left-open. Times in ns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    /// The end of the first window.
    first: i64,
    step: i64,
    len: usize,
    range: i64,
}

impl Grid {
    pub(super) fn new(steps: Steps, range: i64, offset: i64) -> Self {
        let first = steps.start.saturating_mul(MS).saturating_sub(offset);
        Self { first, step: steps.step.saturating_mul(MS).max(1), len: steps.len, range }
    }

    pub(super) fn len(self) -> usize {
        self.len
    }

    fn end(self, i: usize) -> i64 {
        self.first.saturating_add(self.step.saturating_mul(i as i64))
    }

    /// First and last nanosecond of all windows.
    pub(super) fn span(self) -> (i64, i64) {
        let start = self.first.saturating_sub(self.range).saturating_add(1);
        (start, self.end(self.len.saturating_sub(1)))
    }

    /// Steps (the end of one, and their length) of which every window has each as a whole or not at all; `None`: they would be
    /// too many.
    pub(super) fn pieces(self) -> Option<(i64, i64)> {
        const MOST: i64 = 100_000;
        let (mut a, mut b) = (self.range, if self.len > 1 { self.step } else { self.range });
        while b > 0 {
            (a, b) = (b, a % b);
        }
        let (start, end) = self.span();
        (a > 0 && end.saturating_sub(start) / a <= MOST).then_some((self.first, a))
    }

    /// The windows that hold a time: the first, and the one behind the last.
    fn windows(self, time: i64) -> (usize, usize) {
        let place = |ns: i64| {
            // The first step whose end is at or behind `ns`.
            let after = ns.saturating_sub(self.first);
            let place = after.div_euclid(self.step) + i64::from(after.rem_euclid(self.step) != 0);
            usize::try_from(place).unwrap_or(0).min(self.len)
        };
        (place(time), place(time.saturating_add(self.range)))
    }
}

/// Lines are counted by differences: one line changes two cells, however many windows hold it.
pub(super) struct Lines {
    counts: Vec<i64>,
    weights: Vec<i64>,
}

impl Lines {
    pub(super) fn new(grid: Grid) -> Self {
        Self { counts: vec![0; grid.len + 1], weights: vec![0; grid.len + 1] }
    }

    pub(super) fn add(&mut self, grid: Grid, time: i64, weight: i64) {
        self.add_many(grid, time, 1, weight);
    }

    /// Adds so many lines of one time, with what they weigh together.
    pub(super) fn add_many(&mut self, grid: Grid, time: i64, lines: i64, weight: i64) {
        let (from, to) = grid.windows(time);
        if from < to {
            self.counts[from] += lines;
            self.counts[to] -= lines;
            self.weights[from] += weight;
            self.weights[to] -= weight;
        }
    }

    /// Adds what others have counted over the same windows.
    pub(super) fn add_all(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(sum, more)| *sum += more);
        self.weights.iter_mut().zip(&other.weights).for_each(|(sum, more)| *sum += more);
    }

    pub(super) fn cells(&self, grid: Grid, op: RangeOp) -> Cells {
        let mut cells = Cells::absent(grid.len);
        let (mut count, mut weight) = (0, 0);
        for i in 0..grid.len {
            count += self.counts[i];
            weight += self.weights[i];
            if count > 0 {
                let value = weight as f64;
                cells.set(
                    i,
                    match op {
                        RangeOp::Rate | RangeOp::BytesRate => value / seconds(grid.range),
                        _ => value,
                    },
                );
            }
        }
        cells
    }
}

/// Values with their times, in the order of time. Where no more than that matters, values of one time lie in their own order,
/// so that the answer does not depend on who read which.
#[derive(Default)]
pub(super) struct Samples(Vec<(i64, f64)>);

impl Samples {
    pub(super) fn push(&mut self, time: i64, value: f64) {
        self.0.push((time, value));
    }

    /// Whether it matters in which order values of one time were written.
    pub(super) fn need_order(op: RangeOp) -> bool {
        matches!(op, RangeOp::First | RangeOp::Last | RangeOp::RateCounter)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds what others have found.
    pub(super) fn add_all(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn cells(&mut self, grid: Grid, op: RangeOp, param: Option<f64>) -> Cells {
        if !Self::need_order(op) {
            self.0.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        }
        let mut cells = Cells::absent(grid.len);
        let (mut from, mut to) = (0, 0);
        for i in 0..grid.len {
            let end = grid.end(i);
            while to < self.0.len() && self.0[to].0 <= end {
                to += 1;
            }
            let start = end.saturating_sub(grid.range);
            while from < to && self.0[from].0 <= start {
                from += 1;
            }
            if let Some(value) = reduce(op, param, &self.0[from..to], (start, end)) {
                cells.set(i, value);
            }
        }
        cells
    }
}

/// The value of a window; `None` where it is empty.
fn reduce(op: RangeOp, param: Option<f64>, window: &[(i64, f64)], (start, end): (i64, i64)) -> Option<f64> {
    let (first, last) = (window.first()?, window.last()?);
    let values = || window.iter().map(|(_, v)| *v);
    let sum = || values().sum::<f64>();
    Some(match op {
        RangeOp::Sum => sum(),
        RangeOp::Rate => sum() / seconds(end - start),
        RangeOp::Avg => sum() / window.len() as f64,
        RangeOp::Max => values().fold(f64::NAN, f64::max),
        RangeOp::Min => values().fold(f64::NAN, f64::min),
        RangeOp::First => first.1,
        RangeOp::Last => last.1,
        RangeOp::Stdvar => variance(window),
        RangeOp::Stddev => variance(window).sqrt(),
        RangeOp::Quantile => quantile(param.unwrap_or(f64::NAN), values().collect()),
        RangeOp::RateCounter => return rate_counter(window, start, end),
        RangeOp::Count | RangeOp::Bytes | RangeOp::BytesRate | RangeOp::Absent => window.len() as f64,
    })
}

/// Welford's, over all values.
fn variance(window: &[(i64, f64)]) -> f64 {
    let (mut mean, mut squares) = (0.0, 0.0);
    for (n, (_, value)) in window.iter().enumerate() {
        let delta = value - mean;
        mean += delta / (n + 1) as f64;
        squares += delta * (value - mean);
    }
    squares / window.len() as f64
}

fn quantile(q: f64, mut values: Vec<f64>) -> f64 {
    if q.is_nan() || values.is_empty() {
        return f64::NAN;
    }
    if !(0.0..=1.0).contains(&q) {
        return if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    values.sort_by(f64::total_cmp);
    let rank = q * (values.len() - 1) as f64;
    let (lower, weight) = (rank.floor() as usize, rank - rank.floor());
    let upper = (lower + 1).min(values.len() - 1);
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// The increase of a counter a second, extrapolated to the borders of the window unless they are far away.
fn rate_counter(window: &[(i64, f64)], start: i64, end: i64) -> Option<f64> {
    let [first, .., last] = window else { return None };
    let resets: f64 = window.windows(2).filter(|pair| pair[1].1 < pair[0].1).map(|pair| pair[0].1).sum();
    let increase = last.1 - first.1 + resets;
    let sampled = seconds(last.0 - first.0);
    if sampled <= 0.0 {
        return None;
    }
    let between = sampled / (window.len() - 1) as f64;
    let mut to_start = seconds(first.0 - start);
    let to_end = seconds(end - last.0);
    if increase > 0.0 && first.1 >= 0.0 {
        // A counter does not begin below zero.
        to_start = to_start.min(sampled * (first.1 / increase));
    }
    let reach = |distance: f64| if distance < between * 1.1 { distance } else { between / 2.0 };
    let covered = sampled + reach(to_start) + reach(to_end);
    Some(increase * (covered / sampled) / seconds(end - start))
}
