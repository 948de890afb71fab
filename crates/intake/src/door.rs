//! Both writing traits, with limits, enrichment and counters in front of the stores.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use model::ctx::Tenant;
use model::metrics::Family;
use model::{
    Appended, Event, EventKind, EventWriter, ExemplarSample, ExemplarsTaken, HistogramSample, Labels,
    MetricBatch, MetricHistory, MetricWriter, Position, RejectReason, Rejected, Result, SeriesRef,
};

use crate::cardinality::{Cardinality, Point, Verdict, group_of};
use crate::metrics::{Metrics, Reason, count};
use crate::{Config, config};

/// Adds what is known about the origin of a signal. Implemented by `app` over the container index.
pub trait Enrich: Send + Sync {
    /// The labels to store instead, or `None` where there is nothing to add.
    fn series(&self, labels: &Labels) -> Option<Labels>;

    /// The event to store instead, or `None` where there is nothing to add.
    fn event(&self, kind: EventKind, event: &Event) -> Option<Event>;
}

/// The door. Whoever produces samples or events holds this as `Arc<dyn MetricWriter>` or `Arc<dyn EventWriter>`.
pub struct Intake {
    metrics: Arc<dyn MetricWriter>,
    events: Arc<dyn EventWriter>,
    pub(crate) history: Option<Arc<dyn MetricHistory>>,
    pub(crate) config: Config,
    enrich: Option<Arc<dyn Enrich>>,
    cardinality: Option<Arc<Cardinality>>,
    pub(crate) counters: Metrics,
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Intake {
    /// A door before the two stores.
    pub fn new(metrics: Arc<dyn MetricWriter>, events: Arc<dyn EventWriter>, config: Config) -> Self {
        let counters = Metrics::default();
        Self { metrics, events, history: None, config, enrich: None, cardinality: None, counters }
    }

    /// Sets where history goes; without it, there is none to be taken in.
    pub fn with_history(mut self, history: Arc<dyn MetricHistory>) -> Self {
        self.history = Some(history);
        self
    }

    /// Sets the hook that adds identity.
    pub fn with_enrichment(mut self, enrich: Arc<dyn Enrich>) -> Self {
        self.enrich = Some(enrich);
        self
    }

    /// Sets the budgets that are kept.
    pub fn with_cardinality(mut self, cardinality: Arc<Cardinality>) -> Self {
        self.cardinality = Some(cardinality);
        self
    }

    /// The door's counters, to register.
    pub const fn counters(&self) -> &Metrics {
        &self.counters
    }

    fn enriched<'a>(&self, labels: &'a [Labels]) -> Cow<'a, [Labels]> {
        let Some(hook) = &self.enrich else { return Cow::Borrowed(labels) };
        let mut out = Cow::Borrowed(labels);
        for (index, set) in labels.iter().enumerate() {
            if let Some(more) = hook.series(set) {
                out.to_mut()[index] = more; // same length as `labels`
            }
        }
        out
    }

    /// Places of the histograms with more buckets than allowed.
    fn refused_histograms(&self, batch: &MetricBatch<'_>) -> Vec<usize> {
        let most = self.config.histogram_bucket_limit;
        let buckets =
            |h: &HistogramSample<'_>| h.value.positive_buckets.len() + h.value.negative_buckets.len();
        let over = batch.histograms.iter().enumerate().filter(|(_, h)| buckets(h) > most);
        over.map(|(at, _)| at).collect()
    }

    /// Appends all of a batch but the histograms at `refused`, which ascend.
    fn append_without(&self, tenant: &Tenant, batch: MetricBatch<'_>, refused: &[usize]) -> Result<Appended> {
        let floats = batch.refs.len();
        let kept: Vec<usize> =
            (0..batch.histograms.len()).filter(|at| refused.binary_search(at).is_err()).collect();
        let histograms: Vec<HistogramSample<'_>> = kept.iter().map(|at| batch.histograms[*at]).collect();
        let mut appended = self.metrics.append(tenant, MetricBatch { histograms: &histograms, ..batch })?;
        for rejected in &mut appended.rejected {
            if let Some(at) = rejected.index.checked_sub(floats).and_then(|at| kept.get(at)) {
                rejected.index = floats + at;
            }
        }
        let limit = |at: &usize| Rejected { index: floats + at, reason: RejectReason::Limit };
        appended.rejected.extend(refused.iter().map(limit));
        appended.rejected.sort_by_key(|r| r.index);
        Ok(appended)
    }

    fn append_whole(&self, tenant: &Tenant, batch: MetricBatch<'_>) -> Result<Appended> {
        let mut appended = match self.refused_histograms(&batch) {
            refused if refused.is_empty() => self.metrics.append(tenant, batch)?,
            refused => self.append_without(tenant, batch, &refused)?,
        };
        // The series is there: what the store has no room for is its sample.
        for rejected in &mut appended.rejected {
            if rejected.index < batch.refs.len() && rejected.reason == RejectReason::Limit {
                rejected.reason = RejectReason::Memory;
            }
        }
        Ok(appended)
    }

    /// Resolves label sets that keep all limits but, perhaps, the budgets of series.
    fn resolve_within(
        &self,
        tenant: &Tenant,
        labels: &[Labels],
        out: &mut Vec<Option<SeriesRef>>,
    ) -> Result<()> {
        let from = out.len();
        let mut verdicts = self.cardinality.as_ref().and_then(|cardinality| cardinality.judge(labels));
        match &verdicts {
            None => self.metrics.resolve(tenant, labels, out)?,
            Some(verdicts) => self.resolve_judged(tenant, labels, verdicts, out)?,
        }
        if let Some(cardinality) = &self.cardinality {
            judge_refused(cardinality, labels, &mut verdicts, &mut out[from..]);
        }
        for (at, _) in out.iter().skip(from).enumerate().filter(|(_, given)| given.is_none()) {
            let budget = verdicts.as_ref().is_some_and(|all| all.get(at) == Some(&Verdict::Refused));
            count(&self.counters.series_refused, if budget { "cardinality" } else { "store_limit" });
        }
        Ok(())
    }

    fn resolve_judged(
        &self,
        tenant: &Tenant,
        labels: &[Labels],
        verdicts: &[Verdict],
        out: &mut Vec<Option<SeriesRef>>,
    ) -> Result<()> {
        let stored = labels.iter().zip(verdicts).filter(|(_, verdict)| **verdict == Verdict::Store);
        let stored: Vec<Labels> = stored.map(|(labels, _)| labels.clone()).collect();
        let mut found = Vec::with_capacity(stored.len());
        if !stored.is_empty() {
            self.metrics.resolve(tenant, &stored, &mut found)?;
        }
        let mut found = found.into_iter();
        out.extend(verdicts.iter().map(|verdict| match verdict {
            Verdict::Store => found.next().flatten(),
            Verdict::Member(member) => Some(*member),
            Verdict::Refused => None,
        }));
        Ok(())
    }

    /// Appends a batch in which there are members of folded series.
    fn append_folded(
        &self,
        cardinality: &Cardinality,
        tenant: &Tenant,
        batch: MetricBatch<'_>,
    ) -> Result<Appended> {
        let mut folded = cardinality.fold(&batch);
        if let Err(error) = self.resolve_folded(cardinality, tenant, &mut folded.points, false) {
            cardinality.not_stored(&folded.points);
            return Err(error);
        }
        let floats = batch.refs.len();
        let plain: Vec<usize> = (0..floats).filter(|at| !batch.refs[*at].is_folded()).collect();
        let others = 0..batch.histograms.len();
        let others: Vec<usize> = others.filter(|at| !batch.histograms[*at].series.is_folded()).collect();
        let points = || folded.points.iter().filter_map(|point| Some((point, point.series?)));
        let own = |at: &usize| batch.refs[*at];
        let refs: Vec<SeriesRef> = plain.iter().map(own).chain(points().map(|(_, s)| s)).collect();
        let t: Vec<i64> = plain.iter().map(|at| batch.t[*at]).chain(points().map(|(p, _)| p.t)).collect();
        let v: Vec<f64> = plain.iter().map(|at| batch.v[*at]).chain(points().map(|(p, _)| p.v)).collect();
        let mut start: Vec<i64> = Vec::new();
        if !batch.start.is_empty() {
            start.extend(plain.iter().map(|at| batch.start[*at]));
            start.resize(refs.len(), 0);
        }
        let histograms: Vec<HistogramSample<'_>> = others.iter().map(|at| batch.histograms[*at]).collect();
        let rising = refs.len() - plain.len();
        let whole = MetricBatch {
            refs: &refs,
            t: &t,
            v: &v,
            start: &start,
            histograms: &histograms,
            rising,
            ..batch
        };
        let mut appended = match self.append_whole(tenant, whole) {
            Ok(appended) => appended,
            Err(error) => {
                cardinality.not_stored(&folded.points);
                return Err(error);
            }
        };
        let mut lost: Vec<u32> =
            folded.points.iter().filter(|p| p.series.is_none()).map(|point| point.group).collect();
        let (mut again, mut moved): (Vec<Point>, Vec<Point>) = Default::default();
        let is_point = |rejected: &&Rejected| (plain.len()..refs.len()).contains(&rejected.index);
        let stored = rising.saturating_sub(appended.rejected.iter().filter(is_point).count());
        appended.accepted = appended.accepted.saturating_sub(stored) + folded.accepted;
        appended.rejected.retain_mut(|rejected| {
            if let Some(at) = plain.get(rejected.index) {
                rejected.index = *at;
                return true;
            }
            if let Some(at) = rejected.index.checked_sub(refs.len()).and_then(|at| others.get(at)) {
                rejected.index = floats + at;
                return true;
            }
            let at = rejected.index.saturating_sub(plain.len());
            if let Some(point) = points().nth(at).map(|(point, _)| point.clone()) {
                match rejected.reason {
                    RejectReason::UnknownSeries => again.push(point),
                    // A flush has just taken its moment out of memory.
                    RejectReason::Duplicate => moved.push(point),
                    _ => lost.push(point.group),
                }
            }
            false
        });
        cardinality.move_on(&mut moved);
        again.append(&mut moved);
        if !again.is_empty() {
            lost.extend(self.append_again(cardinality, tenant, again)?);
        }
        appended.rejected.append(&mut folded.rejected);
        refuse_members(&batch, &lost, &mut appended);
        appended.rejected.sort_by_key(|r| r.index);
        Ok(appended)
    }

    /// Gives each point its series.
    fn resolve_folded(
        &self,
        cardinality: &Cardinality,
        tenant: &Tenant,
        points: &mut [Point],
        anew: bool,
    ) -> Result<()> {
        if !anew && points.iter().all(|point| point.series.is_some()) {
            return Ok(());
        }
        let labels: Vec<Labels> = points.iter().map(|point| point.labels.clone()).collect();
        let mut found = Vec::with_capacity(labels.len());
        self.metrics.resolve(tenant, &labels, &mut found)?;
        for (point, series) in points.iter_mut().zip(found) {
            point.series = series;
            if series.is_none() {
                count(&self.counters.series_refused, "store_limit");
            }
        }
        cardinality.note_series(points);
        Ok(())
    }

    /// Appends points whose series the store had dropped, or whose moment. Returns the groups that got none.
    fn append_again(
        &self,
        cardinality: &Cardinality,
        tenant: &Tenant,
        mut points: Vec<Point>,
    ) -> Result<Vec<u32>> {
        self.resolve_folded(cardinality, tenant, &mut points, true)?;
        let found = || points.iter().filter_map(|point| Some((point, point.series?)));
        let refs: Vec<SeriesRef> = found().map(|(_, series)| series).collect();
        let t: Vec<i64> = found().map(|(point, _)| point.t).collect();
        let v: Vec<f64> = found().map(|(point, _)| point.v).collect();
        let batch = MetricBatch { refs: &refs, t: &t, v: &v, rising: refs.len(), ..MetricBatch::default() };
        let appended = self.metrics.append(tenant, batch)?;
        let mut lost: Vec<u32> =
            points.iter().filter(|p| p.series.is_none()).map(|point| point.group).collect();
        let refused = appended.rejected.iter().filter_map(|rejected| found().nth(rejected.index));
        lost.extend(refused.map(|(point, _)| point.group));
        Ok(lost)
    }

    /// Whether the labels of an exemplar are as short as OpenMetrics asks.
    fn exemplar_fits(&self, labels: &Labels) -> bool {
        let chars = |(name, value): (&str, &str)| name.chars().count() + value.chars().count();
        labels.iter().map(chars).sum::<usize>() <= self.config.exemplar_label_limit
    }

    fn count_samples(&self, appended: &Appended) {
        self.counters.samples_accepted.inc_by(appended.accepted as u64);
        for rejected in &appended.rejected {
            count(&self.counters.samples_rejected, rejected.reason.as_str());
        }
    }
}

impl MetricWriter for Intake {
    fn resolve(&self, tenant: &Tenant, labels: &[Labels], out: &mut Vec<Option<SeriesRef>>) -> Result<()> {
        let labels = self.enriched(labels);
        let refused: Vec<Option<&'static str>> = labels.iter().map(|l| over_limit(&self.config, l)).collect();
        if refused.iter().all(Option::is_none) {
            return self.resolve_within(tenant, &labels, out);
        }
        let good = labels.iter().zip(&refused).filter(|(_, r)| r.is_none());
        let good: Vec<Labels> = good.map(|(l, _)| l.clone()).collect();
        let mut found = Vec::with_capacity(good.len());
        self.resolve_within(tenant, &good, &mut found)?;
        let mut found = found.into_iter();
        out.extend(refused.iter().map(|r| match r {
            None => found.next().flatten(),
            Some(reason) => {
                count(&self.counters.series_refused, reason);
                None
            }
        }));
        Ok(())
    }

    fn append(&self, tenant: &Tenant, batch: MetricBatch<'_>) -> Result<Appended> {
        let appended = match &self.cardinality {
            Some(cardinality) if cardinality.is_folding() && has_members(&batch) => {
                self.append_folded(cardinality, tenant, batch)?
            }
            _ => self.append_whole(tenant, batch)?,
        };
        self.count_samples(&appended);
        Ok(appended)
    }

    fn exemplars(&self, tenant: &Tenant, exemplars: &[ExemplarSample]) -> Result<ExemplarsTaken> {
        let mut exemplars = Cow::Borrowed(exemplars);
        if let Some(cardinality) = self.cardinality.as_ref().filter(|c| c.is_folding())
            && exemplars.iter().any(|sample| sample.series.is_folded())
        {
            for sample in exemplars.to_mut() {
                if sample.series.is_folded()
                    && let Some(series) = cardinality.series_of(sample.series)
                {
                    sample.series = series;
                }
            }
        }
        let exemplars = &*exemplars;
        let fits = |sample: &ExemplarSample| self.exemplar_fits(&sample.exemplar.labels);
        let too_long = exemplars.iter().filter(|sample| !fits(sample)).count();
        let taken = if too_long == 0 {
            self.metrics.exemplars(tenant, exemplars)?
        } else {
            for _ in 0..too_long {
                count(&self.counters.exemplars_rejected, "label_length");
            }
            let (places, kept): (Vec<usize>, Vec<ExemplarSample>) =
                exemplars.iter().cloned().enumerate().filter(|(_, sample)| fits(sample)).unzip();
            let mut taken = self.metrics.exemplars(tenant, &kept)?;
            let place = |at: usize| places.get(at).copied();
            taken.out_of_order = taken.out_of_order.into_iter().filter_map(place).collect();
            taken
        };
        self.counters.exemplars_accepted.inc_by(taken.taken as u64);
        let passed_over = exemplars.len().saturating_sub(taken.taken + too_long);
        self.counters
            .exemplars_rejected
            .get_or_create(&Reason { reason: "repeated_or_older" })
            .inc_by(passed_over as u64);
        Ok(taken)
    }

    fn metadata(&self, tenant: &Tenant, families: &[Family]) -> Result<()> {
        if let Some(cardinality) = &self.cardinality {
            cardinality.learn(families);
        }
        self.metrics.metadata(tenant, families)
    }

    fn position(&self, source: &str) -> Option<Vec<u8>> {
        self.metrics.position(source)
    }
}

impl EventWriter for Intake {
    fn append(
        &self,
        tenant: &Tenant,
        kind: EventKind,
        events: &[Event],
        position: Option<Position<'_>>,
    ) -> Result<Appended> {
        let mut refused = Vec::new();
        let mut kept: Vec<usize> = Vec::with_capacity(events.len());
        let mut taken: Cow<'_, [Event]> = Cow::Borrowed(events);
        if let Some(hook) = &self.enrich {
            for (index, event) in events.iter().enumerate() {
                if let Some(more) = hook.event(kind, event) {
                    taken.to_mut()[index] = more; // same length as `events`
                }
            }
        }
        for (index, event) in taken.iter().enumerate() {
            match event_over_limit(&self.config, event) {
                None => kept.push(index),
                Some(reason) => {
                    count(&self.counters.events_rejected, reason);
                    refused.push(Rejected { index, reason: RejectReason::Limit });
                }
            }
        }
        if !refused.is_empty() {
            taken = Cow::Owned(kept.iter().map(|index| taken[*index].clone()).collect());
        }
        let mut appended = self.events.append(tenant, kind, &taken, position)?;
        self.counters.events_accepted.inc_by(appended.accepted as u64);
        for rejected in &mut appended.rejected {
            count(&self.counters.events_rejected, rejected.reason.as_str());
            rejected.index = kept.get(rejected.index).copied().unwrap_or(rejected.index);
        }
        appended.rejected.extend(refused);
        appended.rejected.sort_by_key(|r| r.index);
        Ok(appended)
    }

    fn position(&self, source: &str) -> Option<Vec<u8>> {
        self.events.position(source)
    }
}

/// Takes back that members' samples were taken where their group got no sample: what they count is not lost, and shows
/// with the next one, but nobody may rely on it yet.
fn refuse_members(batch: &MetricBatch<'_>, lost: &[u32], appended: &mut Appended) {
    if lost.is_empty() {
        return;
    }
    let refused: BTreeSet<usize> = appended.rejected.iter().map(|rejected| rejected.index).collect();
    for (index, series) in batch.refs.iter().enumerate().filter(|(_, series)| series.is_folded()) {
        if lost.contains(&group_of(*series)) && !refused.contains(&index) {
            appended.accepted = appended.accepted.saturating_sub(1);
            appended.rejected.push(Rejected { index, reason: RejectReason::Memory });
        }
    }
}

/// Judges anew what the store had no room for: if labels fold from here on, it need not be refused. `found` has an entry
/// for each of `labels`.
fn judge_refused(
    cardinality: &Cardinality,
    labels: &[Labels],
    verdicts: &mut Option<Vec<Verdict>>,
    found: &mut [Option<SeriesRef>],
) {
    let by_store = |at: &usize| {
        found.get(*at).is_some_and(Option::is_none)
            && verdicts.as_ref().is_none_or(|all| all.get(*at) == Some(&Verdict::Store))
    };
    let refused: Vec<usize> = (0..labels.len()).filter(by_store).collect();
    if refused.is_empty() {
        return;
    }
    let again: Vec<Labels> = refused.iter().map(|at| labels[*at].clone()).collect();
    let Some(judged) = cardinality.judge_without_room(&again) else { return };
    let verdicts = verdicts.get_or_insert_with(|| vec![Verdict::Store; labels.len()]);
    for (at, verdict) in refused.into_iter().zip(judged) {
        if let Verdict::Member(member) = verdict {
            found[at] = Some(member);
        }
        if verdict != Verdict::Store {
            verdicts[at] = verdict;
        }
    }
}

fn has_members(batch: &MetricBatch<'_>) -> bool {
    batch.refs.iter().any(|series| series.is_folded())
        || batch.histograms.iter().any(|h| h.series.is_folded())
}

pub(crate) fn over_limit(config: &config::Config, labels: &Labels) -> Option<&'static str> {
    let mut labels_seen = 0;
    for (name, value) in labels {
        labels_seen += 1;
        if name.len() > config.label_name_length_limit {
            return Some("label_name_length");
        }
        if value.len() > config.label_value_length_limit {
            return Some("label_value_length");
        }
    }
    (labels_seen > config.label_limit).then_some("label_count")
}

fn event_over_limit(config: &config::Config, event: &Event) -> Option<&'static str> {
    let bytes = || event.fields.iter().map(|(n, v)| n.len() + v.as_text().map_or(8, str::len)).sum::<usize>();
    if event.body.len() > config.event_body_limit {
        Some("body_length")
    } else if event.fields.len() > config.event_field_limit {
        Some("field_count")
    } else if bytes() > config.event_field_bytes_limit {
        Some("field_length")
    } else {
        over_limit(config, &event.stream)
    }
}

#[cfg(test)]
mod tests;
