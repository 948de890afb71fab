//! The batch of one scrape, and its way into the store.

use std::num::NonZeroU64;

use model::{Labels, MetricBatch, RejectReason, SeriesRef, is_stale_nan};

use super::Appender;

/// Stands in a batch where a series is not resolved yet; such samples never reach the store.
const UNRESOLVED: SeriesRef = SeriesRef(NonZeroU64::MAX);

/// Samples to append, in buffers that are reused.
#[derive(Debug, Default)]
pub(super) struct Batch {
    keys: Vec<u128>,
    refs: Vec<SeriesRef>,
    t: Vec<i64>,
    v: Vec<f64>,
    /// Series that the store has to resolve.
    pub(super) new: Vec<u128>,
}

impl Batch {
    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.refs.clear();
        self.t.clear();
        self.v.clear();
        self.new.clear();
    }

    pub(super) fn push(&mut self, key: u128, id: Option<SeriesRef>, t: i64, v: f64) {
        self.keys.push(key);
        self.refs.push(id.unwrap_or(UNRESOLVED));
        self.t.push(t);
        self.v.push(v);
    }

    /// Keeps the samples whose index `keep` accepts.
    fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        let mut to = 0;
        for from in 0..self.keys.len() {
            if keep(from) {
                self.keys[to] = self.keys[from];
                self.refs[to] = self.refs[from];
                self.t[to] = self.t[from];
                self.v[to] = self.v[from];
                to += 1;
            }
        }
        self.keys.truncate(to);
        self.refs.truncate(to);
        self.t.truncate(to);
        self.v.truncate(to);
    }
}

impl Appender {
    /// Resolves what is new and appends the batch. Samples whose series the store has dropped meanwhile are sent again.
    pub(super) fn flush(&mut self) {
        if let Err(error) = self.resolve().and_then(|()| self.append()) {
            let samples = self.batch.keys.len() as u64;
            self.metrics.drop("store_error", samples);
            tracing::warn!(%error, url = %self.target.url, samples, "a scrape was not stored");
        }
        self.batch.clear();
    }

    fn resolve(&mut self) -> model::Result<()> {
        let new = std::mem::take(&mut self.batch.new);
        let labels: Vec<Labels> =
            new.iter().filter_map(|key| self.cache.series(*key).map(|s| s.labels.clone())).collect();
        let mut found = Vec::with_capacity(labels.len());
        if !labels.is_empty() {
            self.writer.resolve(&self.tenant, &labels, &mut found)?;
        }
        let known: Vec<u128> = new.into_iter().filter(|key| self.cache.series(*key).is_some()).collect();
        for (key, id) in known.into_iter().zip(found) {
            if let Some(series) = self.cache.series_mut(key) {
                series.id = id;
            }
        }
        let batch = &mut self.batch;
        let mut refused = 0;
        for (id, key) in batch.refs.iter_mut().zip(&batch.keys).filter(|(id, _)| **id == UNRESOLVED) {
            match self.cache.series(*key).and_then(|s| s.id) {
                Some(found) => *id = found,
                None => refused += 1,
            }
        }
        if refused > 0 {
            let refs = batch.refs.clone();
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
        let mut keys = self.batch.keys.clone();
        keys.sort_unstable();
        keys.dedup();
        for key in &keys {
            if let Some(series) = self.cache.series_mut(*key) {
                series.id = None;
            }
        }
        self.batch.new = keys;
        self.batch.refs.fill(UNRESOLVED);
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
        if batch.refs.is_empty() {
            return Ok(Vec::new());
        }
        let samples = MetricBatch { refs: &batch.refs, t: &batch.t, v: &batch.v, ..MetricBatch::default() };
        let appended = self.writer.append(&self.tenant, samples)?;
        let mut unknown = Vec::new();
        for rejected in appended.rejected {
            let marker = batch.v.get(rejected.index).is_some_and(|v| is_stale_nan(*v));
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
