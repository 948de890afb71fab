//! Buffers that are reused from request to request.

use std::collections::BTreeSet;
use std::ops::Range;

use model::{ExemplarSample, HistogramSample, Labels, Result, SeriesRef};
use wire::remote_write::{HistogramPoint, Point, Series};

use super::{MAX_BUCKETS, MAX_EXEMPLAR_CHARS, Outcome};

/// What one request brings, sorted by what it needs.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) refs: Vec<SeriesRef>,
    pub(super) t: Vec<i64>,
    pub(super) v: Vec<f64>,
    /// Start timestamps of the samples: one each, or none at all.
    pub(super) start: Vec<i64>,
    /// Index of the first sample of a series, and the number of that series in the request.
    firsts: Vec<(usize, u32)>,
    /// Series that have to be resolved, with their samples in `new_points`.
    pub(super) new: Vec<New>,
    pub(super) labels: Vec<Labels>,
    pub(super) new_points: Vec<Point>,
    pub(super) new_starts: Vec<i64>,
    /// What the `new` ones were resolved to.
    pub(super) found: Vec<Option<SeriesRef>>,
    histograms: Vec<(Who, u32, HistogramPoint)>,
    exemplars: Vec<(Who, u32, model::Exemplar)>,
    buckets: usize,
    /// The canonical form of the series looked at.
    pub(super) form: String,
}

/// A series that has to be resolved.
pub(super) struct New {
    pub(super) number: u32,
    pub(super) key: u128,
    /// Raw bytes behind the key.
    pub(super) raw: usize,
    pub(super) points: Range<usize>,
}

/// The series of a histogram or exemplar.
#[derive(Debug, Clone, Copy)]
pub(super) enum Who {
    Known(SeriesRef),
    /// Index among the new ones.
    New(usize),
}

impl Scratch {
    /// Buffers larger than this are not kept: one huge request must not hold memory for ever.
    const KEPT_SAMPLES: usize = 1 << 17;

    pub(super) fn is_small(&self) -> bool {
        self.refs.capacity().max(self.new_points.capacity()) <= Self::KEPT_SAMPLES
            && self.histograms.capacity().max(self.exemplars.capacity()) <= 1 << 12
    }

    pub(super) fn clear(&mut self) {
        self.refs.clear();
        self.t.clear();
        self.v.clear();
        self.start.clear();
        self.firsts.clear();
        self.new.clear();
        self.labels.clear();
        self.new_points.clear();
        self.new_starts.clear();
        self.found.clear();
        self.histograms.clear();
        self.exemplars.clear();
        self.buckets = 0;
    }

    #[inline]
    pub(super) fn push(&mut self, number: u32, series: SeriesRef, points: &[Point], starts: &[i64]) {
        if points.is_empty() {
            return;
        }
        self.firsts.push((self.refs.len(), number));
        if !starts.is_empty() || !self.start.is_empty() {
            self.start.resize(self.refs.len(), 0);
            self.start.extend_from_slice(starts);
            self.start.resize(self.refs.len() + points.len(), 0);
        }
        for point in points {
            self.refs.push(series);
            self.t.push(point.t);
            self.v.push(point.v);
        }
    }

    pub(super) fn push_new(&mut self, points: &[Point], starts: &[i64]) {
        if !starts.is_empty() || !self.new_starts.is_empty() {
            self.new_starts.resize(self.new_points.len(), 0);
            self.new_starts.extend_from_slice(starts);
            self.new_starts.resize(self.new_points.len() + points.len(), 0);
        }
        self.new_points.extend_from_slice(points);
    }

    /// Takes the histograms and exemplars of a series.
    #[inline]
    pub(super) fn push_rest(
        &mut self,
        who: Who,
        number: u32,
        series: &mut Series<'_>,
        outcome: &mut Outcome,
    ) -> Result<()> {
        if series.histograms.is_empty() && series.exemplars.is_empty() {
            return Ok(());
        }
        self.push_rich(who, number, series, outcome)
    }

    fn push_rich(
        &mut self,
        who: Who,
        number: u32,
        series: &mut Series<'_>,
        outcome: &mut Outcome,
    ) -> Result<()> {
        for mut point in series.histograms.drain(..) {
            let h = &point.value;
            self.buckets += h.positive_buckets.len() + h.negative_buckets.len() + h.custom_values.len();
            if self.buckets > MAX_BUCKETS {
                return Err(model::Error::too_large(format_args!(
                    "the native histograms of one request have more than {MAX_BUCKETS} buckets"
                )));
            }
            match point.make_storable() {
                Ok(()) => self.histograms.push((who, number, point)),
                Err(bad) => {
                    let series = &series.labels;
                    outcome.reject(1, || format!("{bad} for series {}", shown(series)));
                }
            }
        }
        for exemplar in series.exemplars.drain(..) {
            let exemplar = exemplar.to_model();
            let chars: usize =
                exemplar.labels.iter().map(|(n, v)| n.chars().count() + v.chars().count()).sum();
            if chars <= MAX_EXEMPLAR_CHARS {
                self.exemplars.push((who, number, exemplar));
            }
        }
        Ok(())
    }

    fn series(&self, who: Who) -> Option<SeriesRef> {
        match who {
            Who::Known(series) => Some(series),
            Who::New(at) => self.found.get(at).copied().flatten(),
        }
    }

    /// Removes histograms and exemplars whose series was refused; says how many histograms.
    pub(super) fn drop_unresolved(&mut self) -> usize {
        let before = self.histograms.len();
        let found = &self.found;
        let there = |who: &Who| match who {
            Who::Known(_) => true,
            Who::New(at) => found.get(*at).is_some_and(Option::is_some),
        };
        self.histograms.retain(|(who, _, _)| there(who));
        self.exemplars.retain(|(who, _, _)| there(who));
        before - self.histograms.len()
    }

    /// The histograms to append; none is unresolved after [`Self::drop_unresolved`].
    pub(super) fn histograms(&self) -> impl Iterator<Item = HistogramSample<'_>> {
        self.histograms.iter().filter_map(|(who, _, point)| {
            let series = self.series(*who)?;
            Some(HistogramSample { series, t: point.t, start: point.start, value: &point.value })
        })
    }

    /// The exemplars to record, those of `without` left out.
    pub(super) fn exemplars(&mut self, without: &BTreeSet<u32>) -> Vec<ExemplarSample> {
        let exemplars = std::mem::take(&mut self.exemplars);
        let sample = |(who, number, exemplar): (Who, u32, model::Exemplar)| {
            let series = self.series(who).filter(|_| !without.contains(&number))?;
            Some(ExemplarSample { series, exemplar })
        };
        exemplars.into_iter().filter_map(sample).collect()
    }

    /// The number of the series that sample `index` (floats, then histograms) belongs to.
    pub(super) fn series_of(&self, index: usize) -> u32 {
        if let Some(at) = index.checked_sub(self.refs.len()) {
            return self.histograms.get(at).map_or(0, |(_, number, _)| *number);
        }
        let after = self.firsts.partition_point(|(first, _)| *first <= index);
        after.checked_sub(1).and_then(|at| self.firsts.get(at)).map_or(0, |(_, number)| *number)
    }
}

/// Labels as sent, for an error.
pub(super) fn shown(labels: &[(&[u8], &[u8])]) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Labels::from_pairs(labels.iter().map(|(n, v)| (text(n), text(v)))).to_string()
}
