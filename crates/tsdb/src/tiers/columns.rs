//! The columns of a series in a tier, and how samples are folded into them.
//!
//! A column is a run whose times carry the column's number above 44 bits of time. First and last samples keep their
//! times; all other values have the end of their span. Spans are left-open, as windows of queries are.

use model::{Histogram, ResetHint, TimeRange, is_stale_nan};

use super::border_at_or_after;
use crate::merge::Run;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// The last sample that is no stale marker.
    Last,
    /// The first one.
    First,
    /// A stale marker, where it is the newest sample of its span.
    Stale,
    /// How many samples there are.
    Count,
    /// Their sum.
    Sum,
    /// The least; not there where it always is the first.
    Min,
    /// The greatest; not there where it always is the last.
    Max,
    /// The values before drops within the span, added up; only where it is not 0.
    Resets,
    /// Native histograms: the last one, and those around resets.
    Histograms,
}

/// How many columns there are.
pub(crate) const COLUMNS: usize = 9;

const ALL: [Column; COLUMNS] = [
    Column::Last,
    Column::First,
    Column::Stale,
    Column::Count,
    Column::Sum,
    Column::Min,
    Column::Max,
    Column::Resets,
    Column::Histograms,
];

/// Bits of a time.
const BITS: u32 = 44;
/// Tiers tell about times from 0 to here.
pub(crate) const TIMES: TimeRange = TimeRange { start: 0, end: (1 << (BITS - 1)) };
/// Resets of native histograms that are kept in one span.
const MOST_RESETS: usize = 2;

impl Column {
    fn base(self) -> i64 {
        (self as i64) << BITS
    }

    /// Times of this column.
    pub(crate) fn shifted(self, range: TimeRange) -> TimeRange {
        let within = |t: i64| t.clamp(TIMES.start, (1 << BITS) - 1);
        TimeRange::new(self.base() + within(range.start), self.base() + within(range.end))
    }

    /// The column of a time.
    pub(crate) fn of(shifted: i64) -> Option<Self> {
        ALL.get(usize::try_from(shifted >> BITS).ok()?).copied()
    }

    /// All columns.
    pub(crate) fn each() -> impl Iterator<Item = Self> {
        ALL.into_iter()
    }

    /// Takes the column's number out of times.
    pub(crate) fn unshift(self, times: &mut [i64]) {
        times.iter_mut().for_each(|t| *t -= self.base());
    }
}

/// The time without its column.
pub(crate) fn time_of(shifted: i64) -> i64 {
    shifted & ((1 << BITS) - 1)
}

/// A range of time in every column.
pub(crate) fn everywhere(range: TimeRange) -> impl Iterator<Item = TimeRange> {
    ALL.into_iter().map(move |column| column.shifted(range))
}

/// A series of a tier under construction: one run a column, times as they are.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    runs: [Run; COLUMNS],
}

impl Folded {
    pub(crate) fn clear(&mut self) {
        self.runs.iter_mut().for_each(Run::clear);
    }

    pub(crate) fn run(&mut self, column: Column) -> &mut Run {
        &mut self.runs[column as usize]
    }

    /// Adds what a block has `stored` for a column, with the times that it has there.
    pub(crate) fn append(&mut self, column: Column, stored: Column, resolution: i64, run: &mut Run) {
        stored.unshift(&mut run.t);
        if stored != column {
            run.t.iter_mut().for_each(|t| *t = border_at_or_after(*t, resolution));
        }
        let into = self.run(column);
        into.t.append(&mut run.t);
        into.v.append(&mut run.v);
        into.histograms.extend(run.histograms.drain(..).map(|(t, h)| (t - stored.base(), h)));
    }

    fn push(&mut self, column: Column, t: i64, v: f64) {
        let run = self.run(column);
        run.t.push(t);
        run.v.push(v);
    }

    /// Adds the spans of samples that come after those that are there.
    pub(crate) fn fold(&mut self, run: &Run, resolution: i64) {
        let spans = |t: &i64| border_at_or_after(*t, resolution);
        let mut stale: Vec<i64> = Vec::new();
        let mut newest: Vec<i64> = Vec::new();
        let mut from = 0;
        while let Some(t) = run.t.get(from) {
            let end = spans(t);
            let until = from + run.t[from..].partition_point(|t| *t <= end);
            self.fold_span(end, &run.t[from..until], &run.v[from..until]);
            let last = until - 1; // `from` itself is in the span
            if is_stale_nan(run.v[last]) {
                stale.push(run.t[last]);
            }
            if !run.histograms.is_empty() {
                newest.push(run.t[last]);
            }
            from = until;
        }
        for part in run.histograms.chunk_by(|a, b| spans(&a.0) == spans(&b.0)) {
            self.fold_histograms(part);
            let Some((t, last)) = part.last() else { continue };
            let end = spans(t);
            // Of the two kinds the newer sample tells whether the span ends with a stale marker.
            let at = newest.partition_point(|float| *float <= end - resolution);
            let float = newest.get(at).copied().filter(|float| *float <= end);
            if float.is_none_or(|float| float < *t) {
                stale.retain(|s| Some(*s) != float);
                if is_stale_nan(last.sum) {
                    stale.push(*t);
                }
            }
        }
        stale.sort_unstable();
        for t in stale {
            self.push(Column::Stale, t, model::stale_nan());
        }
    }

    fn fold_span(&mut self, end: i64, t: &[i64], v: &[f64]) {
        let mut samples = t.iter().zip(v).filter(|(_, v)| !is_stale_nan(**v));
        let Some((first_t, first)) = samples.next() else { return };
        let (mut last_t, mut last) = (*first_t, *first);
        let (mut count, mut min, mut max, mut resets) = (1.0, *first, *first, 0.0);
        let mut sum = Sum { total: *first, lost: 0.0 };
        for (t, v) in samples {
            if *v < last {
                resets += last;
            }
            count += 1.0;
            sum.add(*v);
            // Whatever is not larger or equal wins over NaN, too.
            if *v < min || min.is_nan() {
                min = *v;
            }
            if *v > max || max.is_nan() {
                max = *v;
            }
            (last_t, last) = (*t, *v);
        }
        self.push(Column::First, *first_t, *first);
        self.push(Column::Last, last_t, last);
        self.push(Column::Count, end, count);
        self.push(Column::Sum, end, sum.value());
        self.push(Column::Min, end, min);
        self.push(Column::Max, end, max);
        if resets != 0.0 {
            self.push(Column::Resets, end, resets);
        }
    }

    /// Keeps the last histogram of a span, and the pairs around its first resets.
    fn fold_histograms(&mut self, span: &[(i64, Histogram)]) {
        let real: Vec<&(i64, Histogram)> = span.iter().filter(|h| !is_stale_nan(h.1.sum)).collect();
        let mut keep = vec![false; real.len()];
        let drops = |pair: &&[&(i64, Histogram)]| {
            pair[1].1.count < pair[0].1.count || pair[1].1.reset_hint == ResetHint::Reset
        };
        let at = real.windows(2).enumerate().filter(|(_, pair)| drops(pair)).map(|(at, _)| at);
        for at in at.take(MOST_RESETS) {
            keep[at] = true;
            keep[at + 1] = true;
        }
        if let Some(last) = keep.last_mut() {
            *last = true;
        }
        let kept = real.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(h, _)| h.clone());
        self.runs[Column::Histograms as usize].histograms.extend(kept);
    }

    /// The runs as a block holds them, without those that others tell.
    pub(crate) fn finish(&mut self) -> &[Run] {
        for (column, twin) in [(Column::Min, Column::First), (Column::Max, Column::Last)] {
            let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits();
            let [run, twin] = [&self.runs[column as usize], &self.runs[twin as usize]];
            if run.v.iter().zip(&twin.v).all(same) {
                self.run(column).clear();
            }
        }
        for column in ALL {
            let run = &mut self.runs[column as usize];
            run.t.iter_mut().for_each(|t| *t += column.base());
            run.histograms.iter_mut().for_each(|h| h.0 += column.base());
        }
        &self.runs
    }
}

/// A sum that remembers what rounding took from it (Neumaier).
struct Sum {
    total: f64,
    lost: f64,
}

impl Sum {
    fn add(&mut self, v: f64) {
        let total = self.total + v;
        self.lost +=
            if self.total.abs() >= v.abs() { (self.total - total) + v } else { (v - total) + self.total };
        self.total = total;
    }

    fn value(&self) -> f64 {
        if self.total.is_finite() { self.total + self.lost } else { self.total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(samples: &[(i64, f64)]) -> Run {
        Run {
            t: samples.iter().map(|s| s.0).collect(),
            v: samples.iter().map(|s| s.1).collect(),
            ..Run::default()
        }
    }

    fn column(folded: &mut Folded, column: Column) -> Vec<(i64, f64)> {
        let run = folded.run(column);
        run.t.iter().copied().zip(run.v.iter().copied()).collect()
    }

    #[test]
    fn spans_are_left_open_and_know_their_resets() {
        let mut folded = Folded::default();
        let samples = [(0, 1.0), (1, 5.0), (40, 9.0), (70, 2.0), (100, 3.0), (101, 1.0), (250, f64::NAN)];
        folded.fold(&run(&samples), 100);
        assert_eq!(column(&mut folded, Column::First)[..3], [(0, 1.0), (1, 5.0), (101, 1.0)]);
        assert_eq!(column(&mut folded, Column::Last)[..3], [(0, 1.0), (100, 3.0), (101, 1.0)]);
        assert_eq!(column(&mut folded, Column::Count), [(0, 1.0), (100, 4.0), (200, 1.0), (300, 1.0)]);
        assert_eq!(column(&mut folded, Column::Sum)[1], (100, 19.0));
        assert_eq!(column(&mut folded, Column::Min)[1], (100, 2.0));
        assert_eq!(column(&mut folded, Column::Max)[1], (100, 9.0));
        assert_eq!(column(&mut folded, Column::Resets), [(100, 9.0)]);
        assert!(column(&mut folded, Column::Max)[3].1.is_nan());
        let times = &folded.finish()[Column::Count as usize].t;
        assert_eq!(Column::of(times[0]), Some(Column::Count));
        assert_eq!(Column::Count.shifted(TimeRange::new(100, 200)), TimeRange::new(times[1], times[2]));
    }

    #[test]
    fn a_stale_marker_stays_where_nothing_came_after_it() {
        let stale = model::stale_nan();
        let mut folded = Folded::default();
        let samples = [(10, 1.0), (20, stale), (30, 2.0), (110, 1.0), (190, stale), (250, stale)];
        folded.fold(&run(&samples), 100);
        let times: Vec<i64> = column(&mut folded, Column::Stale).iter().map(|s| s.0).collect();
        assert_eq!(times, [190, 250]);
        assert_eq!(column(&mut folded, Column::Count), [(100, 2.0), (200, 1.0)]);
        assert_eq!(column(&mut folded, Column::Last)[1], (110, 1.0));
    }

    #[test]
    fn histograms_around_resets_stay() {
        let one = |t, count| (t, Histogram { count, sum: 1.0, ..Histogram::default() });
        let mut with = run(&[(5, 1.0)]);
        with.histograms = vec![one(10, 1.0), one(20, 5.0), one(30, 2.0), one(40, 8.0), one(50, 9.0)];
        with.histograms.push((60, Histogram { sum: model::stale_nan(), ..Histogram::default() }));
        let mut folded = Folded::default();
        folded.fold(&with, 100);
        let kept: Vec<i64> = folded.run(Column::Histograms).histograms.iter().map(|h| h.0).collect();
        assert_eq!(kept, [20, 30, 50]);
        assert_eq!(column(&mut folded, Column::Stale).len(), 1);
    }

    #[test]
    fn what_others_tell_is_left_out() {
        let mut folded = Folded::default();
        folded.fold(&run(&[(10, 1.0), (20, 2.0), (110, 3.0), (120, 3.0)]), 100);
        let runs = folded.finish();
        assert!(runs[Column::Min as usize].is_empty() && runs[Column::Max as usize].is_empty());
        folded.clear();
        folded.fold(&run(&[(10, 2.0), (20, 1.0), (30, 3.0)]), 100);
        let runs = folded.finish();
        assert!(!runs[Column::Min as usize].is_empty() && runs[Column::Max as usize].is_empty());
    }
}
