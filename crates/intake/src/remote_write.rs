//! What senders push, into a [`MetricWriter`]: remote write requests of both versions, and series that another receiver
//! has [collected](Collected).
//!
//! A seeded hash of a series' raw label bytes leads straight to its reference, so that a known series costs no allocation
//! and no copy of its labels. A reference that the store has dropped meanwhile is resolved again.

mod families;
mod scratch;
mod source;

use std::collections::BTreeSet;
use std::sync::Arc;

use model::ctx::Tenant;
use model::metrics::Family;
use model::{HistogramSample, MetricBatch, MetricWriter, RejectReason, Result};
use parking_lot::Mutex;
use wire::remote_write::Series;

use crate::cache::{Lookup, RefCache};
use families::Told;
use scratch::{New, Scratch, Who};
use source::{One, Owned, Source, Two, wrong};
pub use wire::collected::Collected;

/// Buckets of all native histograms of one request: what they take in memory is bounded by this, not by the body.
const MAX_BUCKETS: usize = 4 << 20;
/// Characters of an exemplar's labels, as OpenMetrics allows.
const MAX_EXEMPLAR_CHARS: usize = 128;

/// What became of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Float samples stored.
    pub accepted: usize,
    /// Native histograms stored.
    pub histograms: usize,
    /// Exemplars stored.
    pub exemplars: usize,
    /// Samples and histograms not stored.
    pub rejected: usize,
    /// Those of them that a limit refused, of whatever kind.
    pub limited: usize,
    /// Those of them whose series is there and for which there was no memory: sent again, they may be taken.
    pub no_memory: usize,
    /// Why the first of them was not stored, or what else is wrong with the request.
    pub first_error: Option<String>,
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
    told: Told,
    spare: Mutex<Vec<Scratch>>,
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").field("cached", &self.cache.len()).finish_non_exhaustive()
    }
}

impl Receiver {
    /// A receiver that writes to `writer` and remembers about `limit` series.
    pub fn new(writer: Arc<dyn MetricWriter>, limit: usize) -> Self {
        Self { writer, cache: RefCache::new(limit), told: Told::default(), spare: Mutex::default() }
    }

    /// Stores what the decompressed `body` of version 1 holds. An error says whether a retry can help; a body that is
    /// not a `WriteRequest` is of kind `Invalid`, and nothing of it is stored. Sending a request again is harmless: a
    /// sample that is there already counts as taken.
    pub fn write(&self, tenant: &Tenant, body: &[u8]) -> Result<Outcome> {
        self.take(tenant, &One(body))
    }

    /// Likewise for a `Request` of version 2.
    pub fn write_v2(&self, tenant: &Tenant, body: &[u8]) -> Result<Outcome> {
        self.take(tenant, &Two(body))
    }

    /// Stores series that were collected from another format, and metadata of their families.
    pub fn write_collected(
        &self,
        tenant: &Tenant,
        series: &[Collected],
        families: &[Family],
    ) -> Result<Outcome> {
        self.take(tenant, &Owned { series, families })
    }

    fn take<S: Source>(&self, tenant: &Tenant, source: &S) -> Result<Outcome> {
        let mut scratch = self.spare.lock().pop().unwrap_or_default();
        let result = self.take_with(tenant, source, &mut scratch);
        if scratch.is_small() {
            scratch.clear();
            let mut spare = self.spare.lock();
            if spare.len() < 8 {
                spare.push(scratch);
            }
        }
        result
    }

    fn take_with<S: Source>(&self, tenant: &Tenant, source: &S, scratch: &mut Scratch) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        let stale = self.pass(tenant, source, None, scratch, &mut outcome)?;
        if !stale.is_empty() {
            let again = self.pass(tenant, source, Some(&stale), scratch, &mut outcome)?;
            let lost = again.len();
            if lost > 0 {
                outcome.reject(lost, || RejectReason::UnknownSeries.as_str().to_owned());
            }
        }
        Ok(outcome)
    }

    /// Walks the source and appends; with `only`, just these series, resolved anew. Returns the series whose reference
    /// the store no longer knows.
    fn pass<S: Source>(
        &self,
        tenant: &Tenant,
        source: &S,
        only: Option<&BTreeSet<u32>>,
        scratch: &mut Scratch,
        outcome: &mut Outcome,
    ) -> Result<BTreeSet<u32>> {
        scratch.clear();
        let mut families = Vec::new();
        let mut known = self.cache.lookup();
        source.walk(&mut families, &self.told, &mut |number, series| {
            if S::NEEDS_SAMPLES && series.points.is_empty() && series.histograms.is_empty() {
                outcome.reject(0, || {
                    let series = scratch::shown(&series.labels);
                    format!("TimeSeries must contain at least one sample or histogram for series {series}")
                });
            } else if only.is_none_or(|only| only.contains(&number)) {
                let known = only.is_none().then_some(&mut known);
                self.collect(number, series, known, scratch, outcome)?;
            }
            Ok(())
        })?;
        drop(known);
        self.resolve(tenant, scratch, outcome)?;
        if !families.is_empty() && only.is_none() {
            self.writer.metadata(tenant, &families)?;
        }
        self.append(tenant, source, scratch, outcome)
    }

    /// Takes the samples of a series; without `known` it is resolved in any case.
    fn collect(
        &self,
        number: u32,
        series: &mut Series<'_>,
        mut known: Option<&mut Lookup<'_>>,
        scratch: &mut Scratch,
        outcome: &mut Outcome,
    ) -> Result<()> {
        if series.is_guess() {
            let key = self.cache.key(series.raw);
            if let Some(known) = known.as_deref_mut()
                && let Some(found) = known.get(key)
            {
                series.guess = known.guess();
                scratch.push(number, found, &series.points, &series.starts);
                return Ok(());
            }
            series.confirm().map_err(wrong)?;
        }
        let samples = series.points.len() + series.histograms.len();
        if samples == 0 && series.exemplars.is_empty() && series.problem.is_none() {
            return Ok(());
        }
        let mut key = self.cache.key(series.raw);
        if series.raw.is_empty() {
            if let Err(bad) = series.canonical(&mut scratch.form) {
                outcome.reject(samples, || bad.to_string());
                return Ok(());
            }
            key = self.cache.key_of_form(&scratch.form);
        }
        if let Some(known) = known
            && let Some(found) = known.get(key)
        {
            series.guess = known.guess();
            scratch.push(number, found, &series.points, &series.starts);
            return scratch.push_rest(Who::Known(found), number, series, outcome);
        }
        series.read_labels().map_err(wrong)?;
        match series.to_labels() {
            Ok(labels) => {
                let from = scratch.new_points.len();
                scratch.push_new(&series.points, &series.starts);
                scratch.push_rest(Who::New(scratch.new.len()), number, series, outcome)?;
                scratch.new.push(New {
                    number,
                    key,
                    raw: series.raw.len(),
                    points: from..scratch.new_points.len(),
                });
                scratch.labels.push(labels);
            }
            Err(bad) => outcome.reject(samples, || bad.to_string()),
        }
        Ok(())
    }

    fn resolve(&self, tenant: &Tenant, scratch: &mut Scratch, outcome: &mut Outcome) -> Result<()> {
        if scratch.new.is_empty() {
            return Ok(());
        }
        let mut found = Vec::with_capacity(scratch.new.len());
        self.writer.resolve(tenant, &scratch.labels, &mut found)?;
        let (new, points) = (std::mem::take(&mut scratch.new), std::mem::take(&mut scratch.new_points));
        let starts = std::mem::take(&mut scratch.new_starts);
        let resolved = new.iter().zip(&found);
        self.cache.put(resolved.filter_map(|(new, series)| Some((new.key, new.raw, (*series)?))));
        for ((new, series), labels) in new.into_iter().zip(&found).zip(std::mem::take(&mut scratch.labels)) {
            match series {
                Some(series) => {
                    let starts = starts.get(new.points.clone()).unwrap_or_default();
                    let points = points.get(new.points).unwrap_or_default();
                    scratch.push(new.number, *series, points, starts);
                }
                None => {
                    outcome.limited += new.points.len();
                    outcome.reject(new.points.len(), || format!("limit: {labels}"));
                }
            }
        }
        scratch.found = found;
        Ok(())
    }

    fn append<S: Source>(
        &self,
        tenant: &Tenant,
        source: &S,
        scratch: &mut Scratch,
        outcome: &mut Outcome,
    ) -> Result<BTreeSet<u32>> {
        let mut stale = BTreeSet::new();
        let unresolved = scratch.drop_unresolved();
        if unresolved > 0 {
            outcome.limited += unresolved;
            outcome.reject(unresolved, || "limit: the series of a histogram was refused".to_owned());
        }
        let histograms: Vec<HistogramSample<'_>> = scratch.histograms().collect();
        let floats = scratch.refs.len();
        if floats > 0 || !histograms.is_empty() {
            let batch = MetricBatch {
                refs: &scratch.refs,
                t: &scratch.t,
                v: &scratch.v,
                start: &scratch.start,
                histograms: &histograms,
                ..MetricBatch::default()
            };
            let appended = self.writer.append(tenant, batch)?;
            let lost = appended.rejected.iter().filter(|r| r.index >= floats).count();
            let stored = histograms.len().saturating_sub(lost).min(appended.accepted);
            outcome.histograms += stored;
            outcome.accepted += appended.accepted - stored;
            for rejected in &appended.rejected {
                let number = scratch.series_of(rejected.index);
                if rejected.reason == RejectReason::UnknownSeries {
                    stale.insert(number);
                } else {
                    match rejected.reason {
                        RejectReason::Limit => outcome.limited += 1,
                        RejectReason::Memory => outcome.no_memory += 1,
                        _ => {}
                    }
                    outcome.reject(1, || {
                        format!("{} for series {}", said(rejected.reason), source.name(number))
                    });
                }
            }
        }
        let exemplars = scratch.exemplars(&stale);
        if !exemplars.is_empty() {
            outcome.exemplars += self.writer.exemplars(tenant, &exemplars)?.taken;
        }
        Ok(stale)
    }
}

/// A refusal in Prometheus' words.
const fn said(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::Duplicate => "duplicate sample for timestamp",
        RejectReason::OutOfOrder => "out of order sample",
        RejectReason::TooOld => "too old sample",
        RejectReason::TooFarInFuture => "out of bounds: timestamp is too far in the future",
        RejectReason::Memory => "the memory limit leaves no room for the sample",
        other => other.as_str(),
    }
}

#[cfg(test)]
mod tests;
