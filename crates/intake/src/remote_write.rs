//! Remote write requests into a [`MetricWriter`].
//!
//! A seeded 128-bit hash of a series' raw label bytes leads straight to its reference, so that a known series costs no
//! allocation and no copy of its labels. A reference that the store has dropped meanwhile is resolved again.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::ctx::Tenant;
use model::metrics::Family;
use model::{Labels, MetricBatch, MetricWriter, RejectReason, Result, SeriesRef};
use parking_lot::Mutex;
use wire::remote_write::{Item, Metadata, Point, Reader, Series};

use crate::cache::RefCache;

/// What became of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Samples stored.
    pub accepted: usize,
    /// Samples not stored.
    pub rejected: usize,
    /// Why the first of them was not stored.
    pub first_error: Option<String>,
    /// Native histograms; they are not stored yet.
    pub histograms: usize,
    /// Exemplars; they are not stored yet.
    pub exemplars: usize,
}

impl Outcome {
    fn reject(&mut self, samples: usize, why: impl FnOnce() -> String) {
        self.rejected += samples;
        self.first_error.get_or_insert_with(why);
    }
}

/// Takes requests to a store.
pub struct Receiver {
    writer: Arc<dyn MetricWriter>,
    cache: RefCache,
    spare: Mutex<Vec<Scratch>>,
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").field("cached", &self.cache.len()).finish_non_exhaustive()
    }
}

/// Buffers that are reused from request to request.
#[derive(Default)]
struct Scratch {
    refs: Vec<SeriesRef>,
    t: Vec<i64>,
    v: Vec<f64>,
    /// Index of the first sample of a series, and the number of that series in the request.
    starts: Vec<(usize, u32)>,
    /// Series that have to be resolved, with their samples in `new_points`.
    new: Vec<New>,
    labels: Vec<Labels>,
    new_points: Vec<Point>,
}

struct New {
    number: u32,
    key: u128,
    points: std::ops::Range<usize>,
}

impl Scratch {
    /// Buffers larger than this are not kept: one huge request must not hold memory for ever.
    const KEPT_SAMPLES: usize = 1 << 17;

    fn clear(&mut self) {
        self.refs.clear();
        self.t.clear();
        self.v.clear();
        self.starts.clear();
        self.new.clear();
        self.labels.clear();
        self.new_points.clear();
    }

    fn push(&mut self, number: u32, series: SeriesRef, points: impl IntoIterator<Item = Point>) {
        self.starts.push((self.refs.len(), number));
        for point in points {
            self.refs.push(series);
            self.t.push(point.t);
            self.v.push(point.v);
        }
    }

    /// The number of the series that sample `index` belongs to.
    fn series_of(&self, index: usize) -> u32 {
        let after = self.starts.partition_point(|(first, _)| *first <= index);
        after.checked_sub(1).and_then(|at| self.starts.get(at)).map_or(0, |(_, number)| *number)
    }
}

impl Receiver {
    /// A receiver that writes to `writer` and remembers about `limit` series.
    pub fn new(writer: Arc<dyn MetricWriter>, limit: usize) -> Self {
        Self { writer, cache: RefCache::new(limit), spare: Mutex::default() }
    }

    /// Stores what the decompressed `body` holds. An error says whether a retry can help; a body that is not a
    /// `WriteRequest` is of kind `Invalid`, and nothing of it is stored. Sending a request again is harmless: a sample
    /// that is there already counts as taken.
    pub fn write(&self, tenant: &Tenant, body: &[u8]) -> Result<Outcome> {
        let mut scratch = self.spare.lock().pop().unwrap_or_default();
        let result = self.write_with(tenant, body, &mut scratch);
        if scratch.refs.capacity() <= Scratch::KEPT_SAMPLES {
            let mut spare = self.spare.lock();
            if spare.len() < 8 {
                spare.push(scratch);
            }
        }
        result
    }

    fn write_with(&self, tenant: &Tenant, body: &[u8], scratch: &mut Scratch) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        let stale = self.pass(tenant, body, None, scratch, &mut outcome)?;
        if !stale.is_empty() {
            let again = self.pass(tenant, body, Some(&stale), scratch, &mut outcome)?;
            let lost = again.len();
            if lost > 0 {
                outcome.reject(lost, || RejectReason::UnknownSeries.as_str().to_owned());
            }
        }
        Ok(outcome)
    }

    /// Walks the body and appends; with `only`, just these series, resolved anew. Returns the series whose reference
    /// the store no longer knows.
    fn pass(
        &self,
        tenant: &Tenant,
        body: &[u8],
        only: Option<&BTreeSet<u32>>,
        scratch: &mut Scratch,
        outcome: &mut Outcome,
    ) -> Result<BTreeSet<u32>> {
        scratch.clear();
        let mut families = Vec::new();
        let mut reader = Reader::new(body);
        let mut series = Series::default();
        let mut number = 0u32;
        while let Some(item) = reader.next_item(&mut series).map_err(|e| model::Error::new(e.kind(), &e))? {
            match item {
                Item::Metadata(family) if only.is_none() => families.push(to_family(family)),
                Item::Metadata(_) => {}
                Item::Series => {
                    if only.is_none_or(|only| only.contains(&number)) {
                        self.collect(number, &mut series, only.is_some(), scratch, outcome);
                    }
                    number = number.saturating_add(1);
                }
            }
        }
        self.resolve(tenant, scratch, outcome)?;
        if !families.is_empty() {
            self.writer.metadata(tenant, &families)?;
        }
        self.append(tenant, scratch, outcome)
    }

    fn collect(
        &self,
        number: u32,
        series: &mut Series<'_>,
        anew: bool,
        scratch: &mut Scratch,
        outcome: &mut Outcome,
    ) {
        if !anew {
            outcome.histograms += series.histograms;
            outcome.exemplars += series.exemplars.len();
        }
        if series.points.is_empty() {
            return;
        }
        let known = series.raw;
        let key = self.cache.key(known);
        if !known.is_empty()
            && !anew
            && let Some(found) = self.cache.get(key)
        {
            scratch.push(number, found, series.points.iter().copied());
            return;
        }
        match series.to_labels() {
            Ok(labels) => {
                let from = scratch.new_points.len();
                scratch.new_points.extend_from_slice(&series.points);
                let key = if known.is_empty() { self.cache.key(labels.canonical().as_bytes()) } else { key };
                scratch.new.push(New { number, key, points: from..scratch.new_points.len() });
                scratch.labels.push(labels);
            }
            Err(bad) => outcome.reject(series.points.len(), || bad.to_string()),
        }
    }

    fn resolve(&self, tenant: &Tenant, scratch: &mut Scratch, outcome: &mut Outcome) -> Result<()> {
        if scratch.new.is_empty() {
            return Ok(());
        }
        let mut found = Vec::with_capacity(scratch.new.len());
        self.writer.resolve(tenant, &scratch.labels, &mut found)?;
        let (new, points) = (std::mem::take(&mut scratch.new), std::mem::take(&mut scratch.new_points));
        for ((new, series), labels) in new.into_iter().zip(found).zip(std::mem::take(&mut scratch.labels)) {
            match series {
                Some(series) => {
                    self.cache.put(new.key, series);
                    let points = points.get(new.points).unwrap_or_default();
                    scratch.push(new.number, series, points.iter().copied());
                }
                None => outcome.reject(new.points.len(), || format!("limit: {labels}")),
            }
        }
        Ok(())
    }

    fn append(&self, tenant: &Tenant, scratch: &Scratch, outcome: &mut Outcome) -> Result<BTreeSet<u32>> {
        let mut stale = BTreeSet::new();
        if scratch.refs.is_empty() {
            return Ok(stale);
        }
        let batch =
            MetricBatch { refs: &scratch.refs, t: &scratch.t, v: &scratch.v, ..MetricBatch::default() };
        let appended = self.writer.append(tenant, batch)?;
        outcome.accepted += appended.accepted;
        for rejected in &appended.rejected {
            if rejected.reason == RejectReason::UnknownSeries {
                stale.insert(scratch.series_of(rejected.index));
            } else {
                outcome.reject(1, || {
                    let t = scratch.t.get(rejected.index).copied().unwrap_or_default();
                    format!("{} sample at {t} ms", rejected.reason.as_str())
                });
            }
        }
        Ok(stale)
    }
}

fn to_family(metadata: Metadata<'_>) -> Family {
    Family {
        name: metadata.family.to_owned(),
        kind: metadata.kind.to_owned(),
        help: metadata.help.to_owned(),
        unit: metadata.unit.to_owned(),
    }
}

#[cfg(test)]
mod tests;
