//! The batch of one scrape, and its way into the store.

use std::collections::HashSet;
use std::num::NonZeroU64;

use model::{
    Exemplar, ExemplarSample, ExemplarsTaken, Histogram, HistogramSample, Labels, MetricBatch, RejectReason,
    SeriesRef, is_stale_nan,
};

use super::Appender;
use super::cache::Series;

/// Stands in a batch where a series is not resolved yet; such samples never reach the store.
const UNRESOLVED: SeriesRef = SeriesRef(NonZeroU64::MAX);

/// Samples to append, in buffers that are reused.
#[derive(Debug, Default)]
pub(super) struct Batch {
    keys: Vec<u128>,
    refs: Vec<SeriesRef>,
    t: Vec<i64>,
    v: Vec<f64>,
    start: Vec<i64>,
    histograms: Vec<Native>,
    /// Exemplars with the series they belong to.
    pub(super) exemplars: Vec<(u128, Exemplar)>,
    /// Series that the store has to resolve.
    pub(super) new: Vec<u128>,
}

/// A native histogram to append.
#[derive(Debug)]
struct Native {
    key: u128,
    id: SeriesRef,
    t: i64,
    start: i64,
    value: Histogram,
}

impl Batch {
    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.refs.clear();
        self.t.clear();
        self.v.clear();
        self.start.clear();
        self.histograms.clear();
        self.exemplars.clear();
        self.new.clear();
    }

    pub(super) fn push(&mut self, key: u128, id: Option<SeriesRef>, t: i64, start: i64, v: f64) {
        self.keys.push(key);
        self.refs.push(id.unwrap_or(UNRESOLVED));
        self.t.push(t);
        self.v.push(v);
        self.start.push(start);
    }

    pub(super) fn push_histogram(
        &mut self,
        key: u128,
        id: Option<SeriesRef>,
        t: i64,
        start: i64,
        value: Histogram,
    ) {
        self.histograms.push(Native { key, id: id.unwrap_or(UNRESOLVED), t, start, value });
    }

    /// How many samples are numbers.
    pub(super) fn floats(&self) -> usize {
        self.keys.len()
    }

    /// Sets the start of the number at `place`, unless it would be after its time.
    pub(super) fn set_start(&mut self, place: usize, start: i64) {
        if let (Some(at), Some(t)) = (self.start.get_mut(place), self.t.get(place))
            && start < *t
        {
            *at = start;
        }
    }

    fn len(&self) -> usize {
        self.keys.len() + self.histograms.len()
    }

    /// Keys of all samples: numbers first, then histograms.
    fn all_keys(&self) -> impl Iterator<Item = u128> {
        self.keys.iter().copied().chain(self.histograms.iter().map(|h| h.key))
    }

    /// References of all samples with their keys, likewise.
    fn all_refs(&mut self) -> impl Iterator<Item = (&mut SeriesRef, u128)> {
        let numbers = self.refs.iter_mut().zip(self.keys.iter().copied());
        numbers.chain(self.histograms.iter_mut().map(|h| (&mut h.id, h.key)))
    }

    /// Keeps the samples whose index `keep` accepts: numbers first, then histograms.
    fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        let (mut to, floats) = (0, self.keys.len());
        for from in 0..floats {
            if keep(from) {
                self.keys[to] = self.keys[from];
                self.refs[to] = self.refs[from];
                self.t[to] = self.t[from];
                self.v[to] = self.v[from];
                self.start[to] = self.start[from];
                to += 1;
            }
        }
        self.keys.truncate(to);
        self.refs.truncate(to);
        self.t.truncate(to);
        self.v.truncate(to);
        self.start.truncate(to);
        let mut index = floats;
        self.histograms.retain(|_| {
            index += 1;
            keep(index - 1)
        });
    }
}

impl Appender {
    /// Resolves what is new and appends the batch. Samples whose series the store has dropped meanwhile are sent again.
    pub(super) fn flush(&mut self) {
        if let Err(error) = self.resolve().and_then(|()| self.append()) {
            let samples = self.batch.len() as u64;
            self.metrics.drop("store_error", samples);
            tracing::warn!(%error, url = %self.target.url, samples, "a scrape was not stored");
        }
        self.store_exemplars();
        self.batch.clear();
    }

    fn store_exemplars(&mut self) {
        if self.batch.exemplars.is_empty() {
            return;
        }
        let all = std::mem::take(&mut self.batch.exemplars);
        let given = all.len() as u64;
        let of = |(key, exemplar)| {
            Some(ExemplarSample { series: self.cache.series(key).and_then(|s| s.id)?, exemplar })
        };
        let samples: Vec<ExemplarSample> = all.into_iter().filter_map(of).collect();
        let taken = self.writer.exemplars(&self.tenant, &samples).unwrap_or_else(|error| {
            tracing::warn!(%error, url = %self.target.url, "exemplars were not stored");
            ExemplarsTaken::default()
        });
        // A target repeats its exemplars in every scrape: what the store has already is no loss, but is counted here.
        self.metrics.exemplars.inc_by(given.saturating_sub(taken.taken as u64));
        // As in Prometheus: where one of a series is in order, the others are what is left of an earlier scrape.
        let late: HashSet<usize> = taken.out_of_order.into_iter().collect();
        let places: Vec<usize> = (0..samples.len()).collect();
        for of_series in places.chunk_by(|a, b| samples[*a].series == samples[*b].series) {
            if of_series.iter().all(|place| late.contains(place)) {
                self.metrics.causes.exemplar_out_of_order.inc_by(of_series.len() as u64);
            }
        }
    }

    fn resolve(&mut self) -> model::Result<()> {
        let new = std::mem::take(&mut self.batch.new);
        let labels: Vec<Labels> =
            new.iter().filter_map(|key| self.cache.series(*key).map(|s| s.labels.clone())).collect();
        let mut found = Vec::with_capacity(labels.len());
        if !labels.is_empty() {
            self.writer.resolve(&self.tenant, &labels, &mut found)?;
        }
        let none = Labels::empty();
        let known: Vec<u128> = new.into_iter().filter(|key| self.cache.series(*key).is_some()).collect();
        for (key, id) in known.into_iter().zip(found) {
            if let Some(series) = self.cache.series_mut(key) {
                series.id = id;
                if series.is_member() {
                    series.labels = none.clone();
                }
            }
        }
        let batch = &mut self.batch;
        let mut refused = 0;
        for (id, key) in batch.all_refs().filter(|(id, _)| **id == UNRESOLVED) {
            match self.cache.series(key).and_then(|s| s.id) {
                Some(found) => *id = found,
                None => refused += 1,
            }
        }
        if refused > 0 {
            let refs: Vec<SeriesRef> = batch.all_refs().map(|(id, _)| *id).collect();
            batch.retain(|index| refs.get(index).is_some_and(|id| *id != UNRESOLVED));
            self.metrics.drop("series_refused", refused);
            // The store may have room again next time.
            self.cache.roll_back();
        }
        Ok(())
    }

    fn append(&mut self) -> model::Result<()> {
        let stale = self.append_once()?;
        if stale.is_empty() {
            return Ok(());
        }
        self.batch.retain(|index| stale.binary_search(&index).is_ok());
        let mut keys: Vec<u128> = self.batch.all_keys().collect();
        keys.sort_unstable();
        keys.dedup();
        // What is no longer a member of a folded series is read as new with the next scrape.
        let (members, keys): (Vec<u128>, Vec<u128>) =
            keys.into_iter().partition(|key| self.cache.series(*key).is_some_and(Series::is_member));
        if !members.is_empty() {
            for key in &members {
                self.cache.slots.remove(key);
            }
            let all: Vec<u128> = self.batch.all_keys().collect();
            self.batch.retain(|index| all.get(index).is_some_and(|key| members.binary_search(key).is_err()));
            self.metrics.drop("unfolded", members.len() as u64);
        }
        for key in &keys {
            if let Some(series) = self.cache.series_mut(*key) {
                series.id = None;
            }
        }
        self.batch.new = keys;
        self.batch.all_refs().for_each(|(id, _)| *id = UNRESOLVED);
        self.resolve()?;
        let lost = self.append_once()?.len() as u64;
        if lost > 0 {
            self.metrics.drop(RejectReason::UnknownSeries.as_str(), lost);
        }
        Ok(())
    }

    /// Appends and counts what was not taken. Returns the samples whose series is unknown, in order.
    fn append_once(&mut self) -> model::Result<Vec<usize>> {
        let batch = &self.batch;
        if batch.len() == 0 {
            return Ok(Vec::new());
        }
        let histograms: Vec<HistogramSample<'_>> = batch
            .histograms
            .iter()
            .map(|h| HistogramSample { series: h.id, t: h.t, start: h.start, value: &h.value })
            .collect();
        let started = batch.start.iter().any(|start| *start != 0);
        let samples = MetricBatch {
            refs: &batch.refs,
            t: &batch.t,
            v: &batch.v,
            start: if started { &batch.start } else { &[] },
            histograms: &histograms,
            ..MetricBatch::default()
        };
        let appended = self.writer.append(&self.tenant, samples)?;
        let mut unknown = Vec::new();
        for rejected in appended.rejected {
            let histogram = || batch.histograms.get(rejected.index.checked_sub(batch.v.len())?);
            let number = batch.v.get(rejected.index).copied().or_else(|| histogram().map(|h| h.value.sum));
            let marker = number.is_some_and(is_stale_nan);
            if rejected.reason == RejectReason::UnknownSeries {
                unknown.push(rejected.index);
            } else if !marker {
                // A marker that comes too late is no loss: the series went on elsewhere.
                self.metrics.drop(rejected.reason.as_str(), 1);
            }
        }
        unknown.sort_unstable();
        Ok(unknown)
    }
}
