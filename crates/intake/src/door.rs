//! Both writing traits, with limits, enrichment and counters in front of the stores.

use std::borrow::Cow;
use std::sync::Arc;

use model::ctx::Tenant;
use model::metrics::Family;
use model::{
    Appended, Event, EventKind, EventWriter, ExemplarSample, Labels, MetricBatch, MetricWriter, Position,
    RejectReason, Rejected, Result, SeriesRef,
};

use crate::metrics::{Metrics, count};
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
    config: Config,
    enrich: Option<Arc<dyn Enrich>>,
    counters: Metrics,
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Intake {
    /// A door before the two stores.
    pub fn new(metrics: Arc<dyn MetricWriter>, events: Arc<dyn EventWriter>, config: Config) -> Self {
        Self { metrics, events, config, enrich: None, counters: Metrics::default() }
    }

    /// Sets the hook that adds identity.
    pub fn with_enrichment(mut self, enrich: Arc<dyn Enrich>) -> Self {
        self.enrich = Some(enrich);
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
        let from = out.len();
        if refused.iter().all(Option::is_none) {
            self.metrics.resolve(tenant, &labels, out)?;
        } else {
            let good = labels.iter().zip(&refused).filter(|(_, r)| r.is_none());
            let good: Vec<Labels> = good.map(|(l, _)| l.clone()).collect();
            let mut found = Vec::with_capacity(good.len());
            self.metrics.resolve(tenant, &good, &mut found)?;
            let mut found = found.into_iter();
            out.extend(refused.iter().map(|r| match r {
                None => found.next().flatten(),
                Some(_) => None,
            }));
        }
        for (given, reason) in out.iter().skip(from).zip(&refused) {
            if given.is_none() {
                count(&self.counters.series_refused, reason.unwrap_or("store_limit"));
            }
        }
        Ok(())
    }

    fn append(&self, tenant: &Tenant, batch: MetricBatch<'_>) -> Result<Appended> {
        let appended = self.metrics.append(tenant, batch)?;
        self.count_samples(&appended);
        Ok(appended)
    }

    fn metadata(&self, tenant: &Tenant, families: &[Family]) -> Result<()> {
        self.metrics.metadata(tenant, families)
    }

    fn exemplars(&self, tenant: &Tenant, exemplars: &[ExemplarSample]) -> Result<usize> {
        let taken = self.metrics.exemplars(tenant, exemplars)?;
        self.counters.exemplars_accepted.inc_by(taken as u64);
        self.counters.exemplars_rejected.inc_by(exemplars.len().saturating_sub(taken) as u64);
        Ok(taken)
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

fn over_limit(config: &config::Config, labels: &Labels) -> Option<&'static str> {
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
