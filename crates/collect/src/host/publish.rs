//! From a round's samples to the store: references cached, vanished series marked stale.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use model::metrics::Family;
use model::{Labels, MetricBatch, MetricWriter, RejectReason, Result, SeriesRef, Tenant, stale_nan};

use super::samples::{Entry, Samples, labels_of};

/// A series that a limit forbade is asked for again after so many rounds.
const ROUNDS_UNTIL_RETRY: u64 = 30;

/// A series of the last rounds.
#[derive(Debug, Clone, Copy)]
struct Known {
    reference: Option<SeriesRef>,
    /// The round that had it last.
    round: u64,
}

/// What became of a round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Published {
    /// Samples taken by the store, stale markers included.
    pub(crate) accepted: usize,
    /// Samples that were not, by reason.
    pub(crate) rejected: Vec<(RejectReason, usize)>,
}

/// Writes rounds to a store.
pub(crate) struct Publisher {
    writer: Arc<dyn MetricWriter>,
    tenant: Tenant,
    known: HashMap<Labels, Known>,
    families: HashSet<String>,
    round: u64,
    refs: Vec<SeriesRef>,
    t: Vec<i64>,
    v: Vec<f64>,
    rejected: Vec<(RejectReason, usize)>,
}

impl Publisher {
    pub(crate) fn new(writer: Arc<dyn MetricWriter>) -> Self {
        Self {
            writer,
            tenant: Tenant::default(),
            known: HashMap::new(),
            families: HashSet::new(),
            round: 0,
            refs: Vec::new(),
            t: Vec::new(),
            v: Vec::new(),
            rejected: Vec::new(),
        }
    }

    /// Appends the round at `t_ms`. On an error nothing is forgotten: the next round marks stale what this one would.
    pub(crate) fn publish(&mut self, samples: &Samples, t_ms: i64) -> Result<Published> {
        self.round += 1;
        self.resolve_new(samples)?;
        self.rejected.clear();
        self.refs.clear();
        self.v.clear();
        for (series, entry) in samples.iter() {
            let Some(known) = self.known.get_mut(series) else { continue };
            // The kernel listed the same thing twice (two mounts over one another): the first wins.
            if known.round == self.round {
                continue;
            }
            known.round = self.round;
            match known.reference {
                Some(reference) => {
                    self.refs.push(reference);
                    self.v.push(entry.value);
                }
                None => count(&mut self.rejected, RejectReason::Limit, 1),
            }
        }
        for known in self.known.values().filter(|known| known.round != self.round) {
            if let Some(reference) = known.reference {
                self.refs.push(reference);
                self.v.push(stale_nan());
            }
        }
        self.t.clear();
        self.t.resize(self.refs.len(), t_ms);
        let accepted = self.append(t_ms)?;
        let round = self.round;
        self.known.retain(|_, known| known.round == round);
        Ok(Published { accepted, rejected: std::mem::take(&mut self.rejected) })
    }

    /// Resolves what this round has and the last one had not.
    fn resolve_new(&mut self, samples: &Samples) -> Result<()> {
        let retry = self.round.is_multiple_of(ROUNDS_UNTIL_RETRY);
        let mut new: Vec<Labels> = Vec::new();
        let mut families: Vec<Family> = Vec::new();
        for (series, entry) in samples.iter() {
            match self.known.get(series) {
                Some(known) if known.reference.is_some() || !retry => {}
                _ => {
                    let labels = labels_of(series);
                    self.describe(&labels, entry, &mut families);
                    new.push(labels);
                }
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        new.sort();
        new.dedup();
        let mut refs = Vec::with_capacity(new.len());
        self.writer.resolve(&self.tenant, &new, &mut refs)?;
        for (labels, reference) in new.into_iter().zip(refs) {
            self.known.insert(labels, Known { reference, round: 0 });
        }
        if !families.is_empty() {
            self.writer.metadata(&self.tenant, &families)?;
        }
        Ok(())
    }

    fn describe(&mut self, labels: &Labels, entry: &Entry, families: &mut Vec<Family>) {
        let name = labels.metric_name();
        if !self.families.contains(name) {
            self.families.insert(name.to_owned());
            families.push(entry.metric.family(name));
        }
    }

    /// Appends what was gathered; references that the store has dropped meanwhile are resolved once more.
    fn append(&mut self, t_ms: i64) -> Result<usize> {
        let batch = MetricBatch { refs: &self.refs, t: &self.t, v: &self.v, ..MetricBatch::default() };
        let done = self.writer.append(&self.tenant, batch)?;
        let mut accepted = done.accepted;
        let mut dropped: HashMap<SeriesRef, f64> = HashMap::new();
        for rejected in done.rejected {
            match (rejected.reason, self.refs.get(rejected.index), self.v.get(rejected.index)) {
                (RejectReason::UnknownSeries, Some(reference), Some(value)) => {
                    dropped.insert(*reference, *value);
                }
                (reason, ..) => count(&mut self.rejected, reason, 1),
            }
        }
        if !dropped.is_empty() {
            accepted += self.append_again(&dropped, t_ms)?;
        }
        Ok(accepted)
    }

    fn append_again(&mut self, dropped: &HashMap<SeriesRef, f64>, t_ms: i64) -> Result<usize> {
        let (labels, values): (Vec<Labels>, Vec<f64>) = self
            .known
            .iter()
            .filter_map(|(labels, known)| Some((labels.clone(), *dropped.get(&known.reference?)?)))
            .unzip();
        let mut resolved = Vec::with_capacity(labels.len());
        self.writer.resolve(&self.tenant, &labels, &mut resolved)?;
        let (mut refs, mut v) = (Vec::new(), Vec::new());
        for ((labels, value), reference) in labels.iter().zip(values).zip(resolved) {
            if let Some(known) = self.known.get_mut(labels) {
                known.reference = reference;
            }
            match reference {
                Some(reference) => {
                    refs.push(reference);
                    v.push(value);
                }
                None => count(&mut self.rejected, RejectReason::Limit, 1),
            }
        }
        let t = vec![t_ms; refs.len()];
        let batch = MetricBatch { refs: &refs, t: &t, v: &v, ..MetricBatch::default() };
        let done = self.writer.append(&self.tenant, batch)?;
        for rejected in &done.rejected {
            count(&mut self.rejected, rejected.reason, 1);
        }
        Ok(done.accepted)
    }
}

fn count(counts: &mut Vec<(RejectReason, usize)>, reason: RejectReason, n: usize) {
    match counts.iter_mut().find(|(r, _)| *r == reason) {
        Some((_, count)) => *count += n,
        None => counts.push((reason, n)),
    }
}
