//! From an answer to stored samples: relabelling, limits, stale markers, and the scrape's own series.
//!
//! A scrape is stored as one batch or not at all: when its body has an error, only stale markers and `up 0` are written.

mod cache;
mod classic;
mod exposed;
mod native;
mod proto;
mod report;
mod starts;
mod write;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use model::ctx::Tenant;
use model::labels::{METRIC_NAME, is_plain_label_name, is_plain_metric_name};
use model::metrics::Family;
use model::{Exemplar, Labels, LabelsBuilder, MetricWriter, relabel};
use wire::exposition::{Entry, Kind, ParseError, Sample, Text};
use wire::{openmetrics, prom_text};

use self::cache::{Cache, Series, Slot};
use self::classic::Classics;
use self::exposed::{Exposed, NamedSeries, Point, TextSeries, Value, write_key};
use self::starts::Starts;
use self::write::Batch;
use super::Features;
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
    features: Features,
    cache: Cache,
    batch: Batch,
}

/// A body while it is read.
struct Reading {
    t: i64,
    counts: Counts,
    over_limit: bool,
    /// Memory for keys.
    key: Vec<u8>,
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
        features: Features,
    ) -> Self {
        Self {
            target,
            job,
            writer,
            tenant: Tenant::default(),
            metrics,
            features,
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
            self.metrics.failure(error.as_deref().unwrap_or_default());
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
        let mut reading = Reading { t, counts: *counts, over_limit: false, key: Vec::new() };
        let outcome = match Format::of(answer, &self.job)? {
            Format::Proto => self.read_proto(&mut reading, &answer.body, &mut changed),
            format => self.read_text(&mut reading, format, &answer.body, &mut changed),
        };
        self.publish(changed);
        *counts = reading.counts;
        outcome?;
        if reading.over_limit {
            return Err(format!(
                "sample_limit exceeded ({} samples, limit {})",
                counts.kept, self.job.sample_limit
            ));
        }
        Ok(())
    }

    fn read_text(
        &mut self,
        reading: &mut Reading,
        format: Format,
        body: &[u8],
        changed: &mut HashMap<String, Family>,
    ) -> Result<(), String> {
        let repaired = wire::exposition::repair_comments(body);
        let mut parser = Parser::new(format, repaired.as_deref().unwrap_or(body))?;
        let convert = self.job.convert_classic_histograms_to_nhcb == Some(true);
        let classic_too = self.job.always_scrape_classic_histograms == Some(true);
        let (mut classics, mut starts) = (Classics::default(), Starts::default());
        let mut unit = ("", Text::default());
        while let Some(entry) = parser.next_entry().map_err(|e| e.to_string())? {
            match entry {
                Entry::Sample(sample) => {
                    if self.features.start_timestamps && sample.created {
                        starts.created(&sample);
                        continue;
                    }
                    if convert && classics.take(&sample, reading.t) && !classic_too {
                        continue;
                    }
                    let of_family = !unit.0.is_empty() && sample.name.raw.starts_with(unit.1.raw);
                    let series = TextSeries { sample: &sample, unit: if of_family { unit.0 } else { "" } };
                    let place = self.batch.floats();
                    self.take_point(reading, text_point(&sample, reading.t), &series)?;
                    if self.features.start_timestamps && self.batch.floats() > place {
                        starts.sample(&sample, place);
                    }
                }
                Entry::Type { name, kind } => {
                    self.describe(name.unescape(), changed, |f| replace(&mut f.kind, kind.as_str()));
                }
                Entry::Help { name, help } => {
                    self.describe(name.unescape(), changed, |f| replace(&mut f.help, &help.unescape()));
                }
                Entry::Unit { name, unit: of_family } => {
                    unit = (of_family, name);
                    self.describe(name.unescape(), changed, |f| replace(&mut f.unit, of_family));
                }
            }
        }
        for (place, start) in starts.found() {
            self.batch.set_start(place, start);
        }
        self.take_converted(reading, classics)
    }

    /// Takes classic histograms that are converted.
    fn take_converted(&mut self, reading: &mut Reading, classics: Classics) -> Result<(), String> {
        for classic in classics.into_all() {
            let Some(value) = classic.convert(false) else {
                self.metrics.drop("bad_histogram", 1);
                continue;
            };
            let value = Value::Histogram(Box::new(self.storable(&classic.name, value, false)?));
            let mut key = Vec::new();
            let labels = classic.labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
            write_key(&mut key, [&classic.name, "\u{1}"], labels);
            let (timestamp_ms, exemplars) = (classic.timestamp_ms, classic.exemplars);
            let point = Point { key: &key, timestamp_ms, start: 0, value, exemplars };
            let series = NamedSeries {
                name: &classic.name,
                labels: &classic.labels,
                extra: None,
                kind: Kind::Histogram,
                unit: "",
            };
            self.take_point(reading, point, &series)?;
        }
        Ok(())
    }

    fn take_point(
        &mut self,
        reading: &mut Reading,
        point: Point<'_>,
        exposed: &dyn Exposed,
    ) -> Result<(), String> {
        reading.counts.scraped += 1;
        let own_time = point.timestamp_ms.filter(|_| self.job.honor_timestamps);
        let mut key = self.cache.key(point.key);
        if self.features.type_and_unit_labels {
            // The labels of a series depend on its family's type and unit, too.
            let family = [exposed.kind().as_str(), exposed.unit()].join("\u{1}");
            key ^= self.cache.key(family.as_bytes());
        }
        let round = self.cache.round;
        let mut again = false;
        let series = match self.cache.slots.get_mut(&key) {
            Some(Slot::Dropped { seen }) => {
                *seen = round;
                return Ok(());
            }
            Some(Slot::Series(series)) => {
                again = series.seen == round;
                series.seen = round;
                series
            }
            None => {
                let Some(labels) = self.labels(exposed)? else {
                    self.cache.slots.insert(key, Slot::Dropped { seen: round });
                    return Ok(());
                };
                reading.counts.added += 1;
                self.batch.new.push(key);
                self.cache.add(
                    key,
                    Series {
                        labels,
                        id: None,
                        seen: round,
                        tracked: 0,
                        live: false,
                        pinned: false,
                        histogram: false,
                    },
                )
            }
        };
        reading.counts.kept += 1;
        if again && own_time.is_none() {
            self.metrics.drop("duplicate", 1);
            return Ok(());
        }
        if self.job.sample_limit > 0 && reading.counts.kept > self.job.sample_limit {
            reading.over_limit = true; // reading goes on, so that the counts are right
            return Ok(());
        }
        if own_time.is_none() || self.job.track_timestamps_staleness {
            series.tracked = round;
        }
        series.histogram = matches!(point.value, Value::Histogram(_));
        let at = own_time.unwrap_or(reading.t);
        let start = if self.features.start_timestamps && point.start < at { point.start } else { 0 };
        match point.value {
            Value::Float(value) => self.batch.push(key, series.id, at, start, value),
            Value::Histogram(value) => self.batch.push_histogram(key, series.id, at, start, *value),
        }
        self.batch.exemplars.extend(point.exemplars.into_iter().map(|exemplar| (key, exemplar)));
        Ok(())
    }

    /// The labels that a new series is stored with; `None`: a rule drops it. The error fails the scrape.
    fn labels(&self, exposed: &dyn Exposed) -> Result<Option<Labels>, String> {
        let mut labels = LabelsBuilder::new();
        exposed
            .build(&mut labels)
            .map_err(|name| format!("label name {name:?} is not unique in {}", clip(exposed.shown())))?;
        if self.features.type_and_unit_labels {
            let kind = if exposed.kind() == Kind::Unknown { "" } else { exposed.kind().as_str() };
            labels.set("__type__", kind).set("__unit__", exposed.unit());
        }
        self.add_target_labels(exposed, &mut labels);
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
    fn add_target_labels(&self, exposed: &dyn Exposed, labels: &mut LabelsBuilder) {
        let mut moved = Vec::new();
        for (name, value) in &self.target.labels {
            if self.job.honor_labels {
                if !exposed.has(name) {
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

/// A sample of a text format as a point.
fn text_point<'a>(sample: &Sample<'a, '_>, t: i64) -> Point<'a> {
    Point {
        key: sample.series.as_bytes(),
        timestamp_ms: sample.timestamp_ms,
        start: 0,
        value: Value::Float(sample.value),
        exemplars: sample.exemplar.iter().map(|found| exemplar(found, t)).collect(),
    }
}

/// An exemplar as it is stored; one without a time has that of the scrape.
fn exemplar(found: &wire::exposition::Exemplar<'_, '_>, t: i64) -> Exemplar {
    let labels = found.labels.iter().map(|pair| (pair.name.unescape(), pair.value.unescape())).collect();
    Exemplar { labels, t: found.timestamp_ms.unwrap_or(t), v: found.value }
}

/// What a body is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    OpenMetrics,
    Proto,
}

impl Format {
    /// Chooses by content type, then by the job's fallback.
    fn of(answer: &Answer, job: &ScrapeConfig) -> Result<Self, String> {
        let mut parts = answer.content_type.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let parameter = |name: &str| {
            let mut all = answer.content_type.split(';').skip(1).filter_map(|part| part.split_once('='));
            all.find(|(n, _)| n.trim().eq_ignore_ascii_case(name)).map(|(_, v)| v.trim().trim_matches('"'))
        };
        if media.eq_ignore_ascii_case("text/plain") {
            return Ok(Self::Text);
        }
        if media.eq_ignore_ascii_case("application/openmetrics-text") {
            return Ok(Self::OpenMetrics);
        }
        let delimited = parameter("encoding").is_none_or(|encoding| encoding == "delimited");
        let family = parameter("proto").is_none_or(|proto| proto == "io.prometheus.client.MetricFamily");
        if media.eq_ignore_ascii_case("application/vnd.google.protobuf") && delimited && family {
            return Ok(Self::Proto);
        }
        match &job.fallback_scrape_protocol {
            Some(fallback) if fallback.is_protobuf() => Ok(Self::Proto),
            Some(fallback) if fallback.is_openmetrics() => Ok(Self::OpenMetrics),
            Some(_) => Ok(Self::Text),
            None if media.is_empty() => {
                Err("the target names no Content-Type and the job has no fallback_scrape_protocol".to_owned())
            }
            None => {
                let media = clip(&answer.content_type);
                Err(format!("unsupported Content-Type {media:?} and no fallback_scrape_protocol"))
            }
        }
    }
}

/// Either text format.
enum Parser<'a> {
    Text(prom_text::Parser<'a>),
    OpenMetrics(openmetrics::Parser<'a>),
}

impl<'a> Parser<'a> {
    fn new(format: Format, body: &'a [u8]) -> Result<Self, String> {
        let parser = match format {
            Format::OpenMetrics => openmetrics::Parser::new(body).map(Self::OpenMetrics),
            Format::Text | Format::Proto => prom_text::Parser::new(body).map(Self::Text),
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
