//! From an answer to stored samples: relabelling, limits, stale markers, and the scrape's own series.
//!
//! A scrape is stored as one batch or not at all: when its body has an error, only stale markers and `up 0` are written.

mod cache;
mod report;
mod write;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use model::ctx::Tenant;
use model::labels::{METRIC_NAME, is_plain_label_name, is_plain_metric_name};
use model::metrics::Family;
use model::{Labels, LabelsBuilder, MetricWriter, relabel};
use wire::exposition::{Entry, ParseError, Sample};
use wire::{openmetrics, prom_text};

use self::cache::{Cache, Series, Slot};
use self::write::Batch;
use super::config::ScrapeConfig;
use super::fetch::{Answer, FetchError};
use super::metrics::Metrics;
use super::target::Target;

/// Stores the scrapes of one target.
pub(crate) struct Appender {
    target: Arc<Target>,
    job: Arc<ScrapeConfig>,
    writer: Arc<dyn MetricWriter>,
    tenant: Tenant,
    metrics: Metrics,
    cache: Cache,
    batch: Batch,
}

/// What a scrape gave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Samples in the body.
    pub(crate) scraped: u64,
    /// Those that relabelling left.
    pub(crate) kept: u64,
    /// Series that were not there before.
    pub(crate) added: u64,
    /// Size of the body; -1: too large.
    pub(crate) bytes: i64,
}

impl Appender {
    pub(crate) fn new(
        target: Arc<Target>,
        job: Arc<ScrapeConfig>,
        writer: Arc<dyn MetricWriter>,
        metrics: Metrics,
    ) -> Self {
        Self {
            target,
            job,
            writer,
            tenant: Tenant::default(),
            metrics,
            cache: Cache::new(),
            batch: Batch::default(),
        }
    }

    /// Stores a scrape that began at `t` and took `seconds`. Returns why it failed, if it did.
    pub(crate) fn record(
        &mut self,
        t: i64,
        seconds: f64,
        answer: &Result<Answer, FetchError>,
    ) -> Option<String> {
        let mut counts = Counts::default();
        let error = match answer {
            Ok(answer) => {
                counts.bytes = answer.body.len() as i64;
                self.take(t, answer, &mut counts).err()
            }
            Err(error) => {
                counts.bytes = if matches!(error, FetchError::TooLarge(_)) { -1 } else { 0 };
                Some(error.to_string())
            }
        };
        let failed = error.is_some();
        if failed {
            self.batch.clear();
            self.cache.roll_back();
            self.metrics.failed.inc();
        } else {
            self.metrics.succeeded.inc();
        }
        self.push_markers(t, failed);
        self.push_reports(t, seconds, failed, counts);
        self.flush();
        self.cache.finish(failed);
        error
    }

    /// Ends all series of the target, its own ones included.
    pub(crate) fn end(&mut self, t: i64) {
        self.push_markers(t, true);
        self.push_report_markers(t);
        self.flush();
        self.cache.finish(true);
    }

    /// Reads the body into the batch.
    fn take(&mut self, t: i64, answer: &Answer, counts: &mut Counts) -> Result<(), String> {
        if answer.body.is_empty() {
            return Ok(());
        }
        let mut changed = HashMap::new();
        let outcome = self.read(t, answer, counts, &mut changed);
        self.publish(changed);
        outcome
    }

    fn read(
        &mut self,
        t: i64,
        answer: &Answer,
        counts: &mut Counts,
        changed: &mut HashMap<String, Family>,
    ) -> Result<(), String> {
        let mut parser = Parser::new(answer, &self.job)?;
        let mut over_limit = false;
        while let Some(entry) = parser.next_entry().map_err(|e| e.to_string())? {
            match entry {
                Entry::Sample(sample) => self.take_sample(t, &sample, counts, &mut over_limit)?,
                Entry::Type { name, kind } => {
                    self.describe(name.unescape(), changed, |f| replace(&mut f.kind, kind.as_str()));
                }
                Entry::Help { name, help } => {
                    self.describe(name.unescape(), changed, |f| replace(&mut f.help, &help.unescape()));
                }
                Entry::Unit { name, unit } => {
                    self.describe(name.unescape(), changed, |f| replace(&mut f.unit, unit));
                }
            }
        }
        if over_limit {
            return Err(format!(
                "sample_limit exceeded ({} samples, limit {})",
                counts.kept, self.job.sample_limit
            ));
        }
        Ok(())
    }

    fn take_sample(
        &mut self,
        t: i64,
        sample: &Sample<'_, '_>,
        counts: &mut Counts,
        over_limit: &mut bool,
    ) -> Result<(), String> {
        counts.scraped += 1;
        let own_time = sample.timestamp_ms.filter(|_| self.job.honor_timestamps);
        let key = self.cache.key(sample.series.as_bytes());
        let round = self.cache.round;
        let mut again = false;
        match self.cache.slots.get_mut(&key) {
            Some(Slot::Dropped { seen }) => {
                *seen = round;
                return Ok(());
            }
            Some(Slot::Series(series)) => {
                again = series.seen == round;
                series.seen = round;
            }
            None => {
                let Some(labels) = self.labels(sample)? else {
                    self.cache.slots.insert(key, Slot::Dropped { seen: round });
                    return Ok(());
                };
                counts.added += 1;
                let series = Series { labels, id: None, seen: round, tracked: 0, live: false, pinned: false };
                self.cache.slots.insert(key, Slot::Series(series));
                self.batch.new.push(key);
            }
        }
        counts.kept += 1;
        if sample.exemplar.is_some() {
            self.metrics.exemplars.inc();
        }
        if again && own_time.is_none() {
            self.metrics.drop("duplicate", 1);
            return Ok(());
        }
        if self.job.sample_limit > 0 && counts.kept > self.job.sample_limit {
            *over_limit = true; // reading goes on, so that the counts are right
            return Ok(());
        }
        if let Some(series) = self.cache.series_mut(key) {
            if own_time.is_none() || self.job.track_timestamps_staleness {
                series.tracked = round;
            }
            self.batch.push(key, series.id, own_time.unwrap_or(t), sample.value);
        }
        Ok(())
    }

    /// The labels that a new series is stored with; `None`: a rule drops it. The error fails the scrape.
    fn labels(&self, sample: &Sample<'_, '_>) -> Result<Option<Labels>, String> {
        let mut labels = LabelsBuilder::new();
        sample
            .build(&mut labels)
            .map_err(|name| format!("label name {name:?} is not unique in {}", clip(sample.series)))?;
        self.add_target_labels(sample, &mut labels);
        let legacy = self.job.legacy_names();
        if !relabel::apply(&self.job.metric_relabel_configs, &mut labels, legacy) {
            return Ok(None);
        }
        let labels = labels.build();
        let valid = |name: &str| !legacy || is_plain_label_name(name);
        if labels.metric_name().is_empty() {
            return if labels.is_empty() {
                Ok(None)
            } else {
                Err("missing metric name (__name__ label)".to_owned())
            };
        }
        let name_ok = !legacy || is_plain_metric_name(labels.metric_name());
        if !name_ok || !labels.iter().all(|(name, _)| name == METRIC_NAME || valid(name)) {
            return Err(format!("invalid metric name or label names: {}", clip(&labels.to_string())));
        }
        self.check_limits(&labels)?;
        Ok(Some(labels))
    }

    /// With `honor_labels` the exposed label wins, even an empty one; otherwise it is renamed to `exported_...`.
    fn add_target_labels(&self, sample: &Sample<'_, '_>, labels: &mut LabelsBuilder) {
        let mut moved = Vec::new();
        for (name, value) in &self.target.labels {
            let exposed = sample.labels.iter().any(|pair| pair.name.unescape() == name);
            if self.job.honor_labels {
                if !exposed {
                    labels.set(name, value);
                }
                continue;
            }
            let old = labels.get(name);
            if !old.is_empty() {
                moved.push((name, old.to_owned()));
            }
            labels.set(name, value);
        }
        moved.sort_by_key(|(name, _)| name.len());
        for (name, value) in moved {
            let mut new = format!("exported_{name}");
            while !labels.get(&new).is_empty() {
                new.insert_str(0, "exported_");
            }
            labels.set(new, value);
        }
    }

    fn check_limits(&self, labels: &Labels) -> Result<(), String> {
        let job = &self.job;
        let (count, name) = (labels.len() as u64, clip(labels.metric_name()));
        if job.label_limit > 0 && count > job.label_limit {
            let limit = job.label_limit;
            return Err(format!(
                "label_limit exceeded (metric: {name}, number of labels: {count}, limit: {limit})"
            ));
        }
        for (label, value) in labels {
            let (at_name, at_value) = (label.len() as u64, value.len() as u64);
            for (length, limit, what) in [
                (at_name, job.label_name_length_limit, "label_name_length_limit"),
                (at_value, job.label_value_length_limit, "label_value_length_limit"),
            ] {
                if limit > 0 && length > limit {
                    let label = clip(label);
                    return Err(format!(
                        "{what} exceeded (metric: {name}, label name: {label}, length: {length}, limit: {limit})"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Notes metadata of a family; `change` says whether it is news.
    fn describe(
        &self,
        name: Cow<'_, str>,
        changed: &mut HashMap<String, Family>,
        change: impl FnOnce(&mut Family) -> bool,
    ) {
        let mut all = self.target.metadata.lock();
        if !all.contains_key(&*name) {
            let family =
                Family { name: name.clone().into_owned(), kind: "unknown".into(), ..Family::default() };
            all.insert(family.name.clone(), super::target::Metadata { family, seen: 0 });
        }
        let Some(known) = all.get_mut(&*name) else { return };
        let new = known.seen == 0;
        known.seen = self.cache.round;
        if change(&mut known.family) || new {
            changed.insert(name.into_owned(), known.family.clone());
        }
    }

    /// Hands on what is new, and forgets families that were gone for ten scrapes.
    fn publish(&self, changed: HashMap<String, Family>) {
        let oldest = self.cache.round.saturating_sub(10);
        self.target.metadata.lock().retain(|_, m| m.seen >= oldest);
        let families: Vec<Family> = changed.into_values().collect();
        if !families.is_empty()
            && let Err(error) = self.writer.metadata(&self.tenant, &families)
        {
            tracing::warn!(%error, url = %self.target.url, "metadata was not stored");
        }
    }
}

fn replace(old: &mut String, new: &str) -> bool {
    let differs = old != new;
    if differs {
        new.clone_into(old);
    }
    differs
}

/// The beginning of a text, for errors.
fn clip(text: &str) -> &str {
    let end = text.char_indices().nth(100).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text)
}

/// Either format.
enum Parser<'a> {
    Text(prom_text::Parser<'a>),
    OpenMetrics(openmetrics::Parser<'a>),
}

impl<'a> Parser<'a> {
    /// Chooses by content type, then by the job's fallback.
    fn new(answer: &'a Answer, job: &ScrapeConfig) -> Result<Self, String> {
        let media = answer.content_type.split(';').next().unwrap_or_default().trim();
        let openmetrics = match (media, &job.fallback_scrape_protocol) {
            (media, _) if media.eq_ignore_ascii_case("text/plain") => false,
            (media, _) if media.eq_ignore_ascii_case("application/openmetrics-text") => true,
            (_, Some(fallback)) => fallback.is_openmetrics(),
            ("", None) => {
                return Err(
                    "the target names no Content-Type and the job has no fallback_scrape_protocol".to_owned()
                );
            }
            (media, None) => {
                let media = clip(media);
                return Err(format!("unsupported Content-Type {media:?} and no fallback_scrape_protocol"));
            }
        };
        let parser = match openmetrics {
            true => openmetrics::Parser::new(&answer.body).map(Self::OpenMetrics),
            false => prom_text::Parser::new(&answer.body).map(Self::Text),
        };
        parser.map_err(|e| e.to_string())
    }

    fn next_entry(&mut self) -> Result<Option<Entry<'a, '_>>, ParseError> {
        match self {
            Self::Text(parser) => parser.next_entry(),
            Self::OpenMetrics(parser) => parser.next_entry(),
        }
    }
}

#[cfg(test)]
mod tests;
