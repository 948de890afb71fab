//! A store for this crate's tests: keeps what it is given, first sample of a time wins, drops series when told.

use std::num::NonZeroU64;

use model::ctx::Tenant;
use model::metrics::Family;
use model::{
    Appended, Event, EventKind, EventWriter, ExemplarSample, ExemplarsTaken, Labels, MetricBatch,
    MetricWriter, Position, RejectReason, Rejected, Result, SeriesRef,
};
use parking_lot::Mutex;

#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    generation: u64,
    series: Vec<Labels>,
    samples: Vec<(Labels, i64, u64)>,
    events: Vec<Event>,
    families: Vec<Family>,
    resolved: usize,
    starts: Vec<i64>,
}

impl Memory {
    pub(crate) fn label_sets(&self) -> Vec<Labels> {
        self.0.lock().series.clone()
    }

    pub(crate) fn samples(&self) -> Vec<(String, i64, f64)> {
        let state = self.0.lock();
        state.samples.iter().map(|(l, t, v)| (l.to_string(), *t, f64::from_bits(*v))).collect()
    }

    pub(crate) fn bodies(&self) -> Vec<String> {
        self.0.lock().events.iter().map(|e| e.body.clone()).collect()
    }

    pub(crate) fn families(&self) -> Vec<Family> {
        self.0.lock().families.clone()
    }

    /// Start timestamps of everything taken: of floats where any was given, then of histograms.
    pub(crate) fn starts(&self) -> Vec<i64> {
        self.0.lock().starts.clone()
    }

    /// How many label sets were asked for.
    pub(crate) fn resolved(&self) -> usize {
        self.0.lock().resolved
    }

    /// Makes every reference given so far unknown.
    pub(crate) fn collect_garbage(&self) {
        let mut state = self.0.lock();
        state.generation += 1;
        state.series.clear();
    }
}

impl MetricWriter for Memory {
    fn resolve(&self, _: &Tenant, labels: &[Labels], out: &mut Vec<Option<SeriesRef>>) -> Result<()> {
        let mut state = self.0.lock();
        for set in labels {
            state.resolved += 1;
            let at = state.series.iter().position(|l| l == set).unwrap_or_else(|| {
                state.series.push(set.clone());
                state.series.len() - 1
            });
            out.push(NonZeroU64::new((state.generation << 32) + at as u64 + 1).map(SeriesRef));
        }
        Ok(())
    }

    fn append(&self, _: &Tenant, batch: MetricBatch<'_>) -> Result<Appended> {
        let mut state = self.0.lock();
        let mut appended = Appended::default();
        for (index, series) in batch.refs.iter().enumerate() {
            let (t, v) = (batch.t[index], batch.v[index].to_bits());
            let at = (series.0.get() & 0xffff_ffff) as usize - 1;
            let reason = if series.0.get() >> 32 != state.generation {
                Some(RejectReason::UnknownSeries)
            } else {
                let labels = state.series[at].clone();
                let there = state.samples.iter().find(|(l, at, _)| *l == labels && *at == t);
                let clash = there.is_some_and(|(_, _, old)| *old != v);
                if there.is_none() {
                    state.samples.push((labels, t, v));
                }
                clash.then_some(RejectReason::Duplicate)
            };
            match reason {
                None => appended.accepted += 1,
                Some(reason) => appended.rejected.push(Rejected { index, reason }),
            }
        }
        if appended.rejected.iter().all(|r| r.reason != RejectReason::UnknownSeries) {
            state.starts.extend_from_slice(batch.start);
        }
        for (index, histogram) in batch.histograms.iter().enumerate() {
            if histogram.series.0.get() >> 32 == state.generation {
                state.starts.push(histogram.start);
                appended.accepted += 1;
            } else {
                let reason = RejectReason::UnknownSeries;
                appended.rejected.push(Rejected { index: batch.refs.len() + index, reason });
            }
        }
        Ok(appended)
    }

    fn exemplars(&self, _: &Tenant, exemplars: &[ExemplarSample]) -> Result<ExemplarsTaken> {
        let state = self.0.lock();
        assert!(exemplars.iter().all(|e| e.series.0.get() >> 32 == state.generation));
        Ok(ExemplarsTaken { taken: exemplars.len(), ..ExemplarsTaken::default() })
    }

    fn metadata(&self, _: &Tenant, families: &[Family]) -> Result<()> {
        self.0.lock().families.extend_from_slice(families);
        Ok(())
    }
}

impl EventWriter for Memory {
    fn append(
        &self,
        _: &Tenant,
        _: EventKind,
        events: &[Event],
        _: Option<Position<'_>>,
    ) -> Result<Appended> {
        self.0.lock().events.extend_from_slice(events);
        Ok(Appended { accepted: events.len(), rejected: Vec::new() })
    }
}
