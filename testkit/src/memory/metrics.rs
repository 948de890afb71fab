//! The metric seam over vectors.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroU64;
use std::sync::Arc;

use model::metrics::{Family, MetricStats, StoreStats};
use model::{
    Appended, Ctx, Exemplar, ExemplarSample, ExemplarsTaken, Histogram, Labels, Listing, Matcher,
    MetricBatch, MetricReader, MetricWriter, Partition, RejectReason, Rejected, Result, SelectHints,
    Selected, Selection, SeriesData, SeriesRef, Tenant, TimeRange,
};
use parking_lot::RwLock;

mod extras;

/// How many partitions a selection is split into.
const PARTITIONS: usize = 4;

/// A metric store in memory. Samples may come in any order; of two at one time the first wins.
#[derive(Debug, Default)]
pub struct MemoryMetrics {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    index: HashMap<Labels, usize>,
    series: Vec<Arc<Stored>>,
    families: BTreeMap<String, Family>,
    positions: HashMap<String, Vec<u8>>,
    exemplars: HashMap<Labels, Vec<Exemplar>>,
    appended: u64,
}

#[derive(Debug, Clone, Default)]
struct Stored {
    labels: Labels,
    t: Vec<i64>,
    v: Vec<f64>,
    histograms: Vec<(i64, Histogram)>,
    /// Start timestamps by time of the sample, where one is known.
    starts: BTreeMap<i64, i64>,
}

impl MemoryMetrics {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Drops all data.
    pub fn clear(&self) {
        *self.inner.write() = Inner::default();
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        self.inner.read().series.len()
    }

    /// Whether there is no series.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Stores float samples of one series; a sample at a time that is taken is ignored.
    pub fn insert(&self, labels: &Labels, samples: impl IntoIterator<Item = (i64, f64)>) {
        let mut inner = self.inner.write();
        let at = inner.series_of(labels);
        let stored = Arc::make_mut(&mut inner.series[at]);
        for (t, v) in samples {
            let _ = stored.put(t, v);
        }
    }

    /// Stores native histograms of one series; one at a time that is taken is ignored.
    pub fn insert_histograms(&self, labels: &Labels, histograms: impl IntoIterator<Item = (i64, Histogram)>) {
        let mut inner = self.inner.write();
        let at = inner.series_of(labels);
        let stored = Arc::make_mut(&mut inner.series[at]);
        for (t, h) in histograms {
            let _ = stored.put_histogram(t, &h);
        }
    }

    /// Stores start timestamps of one series: pairs of a sample's time and its start.
    pub fn insert_starts(&self, labels: &Labels, starts: impl IntoIterator<Item = (i64, i64)>) {
        let mut inner = self.inner.write();
        let at = inner.series_of(labels);
        Arc::make_mut(&mut inner.series[at]).starts.extend(starts);
    }

    /// Every series with its float samples, sorted by labels: to feed another program with the same data.
    pub fn dump(&self) -> Vec<(Labels, Vec<(i64, f64)>)> {
        let inner = self.inner.read();
        let mut all: Vec<_> = inner
            .series
            .iter()
            .map(|s| (s.labels.clone(), s.t.iter().copied().zip(s.v.iter().copied()).collect()))
            .collect();
        all.sort_by(|a: &(Labels, Vec<(i64, f64)>), b| a.0.cmp(&b.0));
        all
    }

    fn matching(&self, matchers: &[Matcher], range: TimeRange, labels_only: bool) -> Vec<Arc<Stored>> {
        let inner = self.inner.read();
        inner
            .series
            .iter()
            .filter(|s| matchers.iter().all(|m| m.matches_labels(&s.labels)))
            .filter(|s| labels_only || s.has_sample(range))
            .cloned()
            .collect()
    }
}

/// Notes what became of one sample.
trait Note {
    fn note(&mut self, index: usize, outcome: Result<(), RejectReason>);
}

impl Note for Appended {
    fn note(&mut self, index: usize, outcome: Result<(), RejectReason>) {
        match outcome {
            Ok(()) => self.accepted += 1,
            Err(reason) => self.rejected.push(Rejected { index, reason }),
        }
    }
}

impl Inner {
    fn with(
        &mut self,
        series: SeriesRef,
        put: impl FnOnce(&mut Stored) -> Result<(), RejectReason>,
    ) -> Result<(), RejectReason> {
        let at = usize::try_from(series.0.get() - 1).unwrap_or(usize::MAX);
        match self.series.get_mut(at) {
            Some(stored) => put(Arc::make_mut(stored)),
            None => Err(RejectReason::UnknownSeries),
        }
    }

    fn series_of(&mut self, labels: &Labels) -> usize {
        if let Some(at) = self.index.get(labels) {
            return *at;
        }
        let at = self.series.len();
        self.series.push(Arc::new(Stored { labels: labels.clone(), ..Stored::default() }));
        self.index.insert(labels.clone(), at);
        at
    }
}

impl Stored {
    /// Adds a sample where its time is free, or tells that another is there.
    fn put(&mut self, t: i64, v: f64) -> Result<(), RejectReason> {
        if self.histograms.binary_search_by_key(&t, |h| h.0).is_ok() {
            return Err(RejectReason::Duplicate);
        }
        match self.t.binary_search(&t) {
            Ok(at) if self.v[at].to_bits() == v.to_bits() => Ok(()),
            Ok(_) => Err(RejectReason::Duplicate),
            Err(at) => {
                self.t.insert(at, t);
                self.v.insert(at, v);
                Ok(())
            }
        }
    }

    /// Likewise, for a total: a greater value takes the place of what is there.
    fn put_rising(&mut self, t: i64, v: f64) -> Result<(), RejectReason> {
        match self.t.binary_search(&t) {
            Ok(at) if self.v[at] >= v => Ok(()),
            Ok(at) if at + 1 == self.t.len() => {
                self.v[at] = v;
                Ok(())
            }
            _ => self.put(t, v),
        }
    }

    fn put_histogram(&mut self, t: i64, histogram: &Histogram) -> Result<(), RejectReason> {
        histogram.check().map_err(|_| RejectReason::Invalid)?;
        if self.t.binary_search(&t).is_ok() {
            return Err(RejectReason::Duplicate);
        }
        match self.histograms.binary_search_by_key(&t, |h| h.0) {
            Ok(at) if extras::same(&self.histograms[at].1, histogram) => Ok(()),
            Ok(_) => Err(RejectReason::Duplicate),
            Err(at) => {
                self.histograms.insert(at, (t, histogram.clone()));
                Ok(())
            }
        }
    }

    /// Remembers the start of a sample that was taken; of a repeated one the first counts.
    fn put_start(&mut self, t: i64, start: i64) {
        if start != 0 {
            self.starts.entry(t).or_insert(start);
        }
    }

    fn has_sample(&self, range: TimeRange) -> bool {
        let first = self.t.partition_point(|t| *t < range.start);
        let first_histogram = self.histograms.partition_point(|h| h.0 < range.start);
        self.t.get(first).is_some_and(|t| *t <= range.end)
            || self.histograms.get(first_histogram).is_some_and(|h| h.0 <= range.end)
    }
}

impl MetricWriter for MemoryMetrics {
    fn resolve(&self, _: &Tenant, labels: &[Labels], out: &mut Vec<Option<SeriesRef>>) -> Result<()> {
        let mut inner = self.inner.write();
        for set in labels {
            let at = inner.series_of(set);
            out.push(NonZeroU64::new(at as u64 + 1).map(SeriesRef));
        }
        Ok(())
    }

    fn append(&self, _: &Tenant, batch: MetricBatch<'_>) -> Result<Appended> {
        let mut inner = self.inner.write();
        let mut appended = Appended::default();
        let plain = batch.refs.len().saturating_sub(batch.rising);
        for (index, (series, (t, v))) in
            batch.refs.iter().zip(batch.t.iter().copied().zip(batch.v.iter().copied())).enumerate()
        {
            let start = batch.start.get(index).copied().unwrap_or(0);
            let outcome = inner.with(*series, |stored| {
                let new = stored.t.binary_search(&t).is_err();
                match index < plain {
                    true => stored.put(t, v)?,
                    false => stored.put_rising(t, v)?,
                }
                if new {
                    stored.put_start(t, start);
                }
                Ok(())
            });
            appended.note(index, outcome);
        }
        for (index, sample) in (batch.refs.len()..).zip(batch.histograms) {
            let outcome = inner.with(sample.series, |stored| {
                let new = stored.histograms.binary_search_by_key(&sample.t, |h| h.0).is_err();
                stored.put_histogram(sample.t, sample.value)?;
                if new {
                    stored.put_start(sample.t, sample.start);
                }
                Ok(())
            });
            appended.note(index, outcome);
        }
        inner.appended += appended.accepted as u64;
        if let Some(position) = batch.position {
            inner.positions.insert(position.source.to_owned(), position.position.to_vec());
        }
        Ok(appended)
    }

    fn metadata(&self, _: &Tenant, families: &[Family]) -> Result<()> {
        let mut inner = self.inner.write();
        for family in families {
            inner.families.insert(family.name.clone(), family.clone());
        }
        Ok(())
    }

    fn exemplars(&self, _: &Tenant, exemplars: &[ExemplarSample]) -> Result<ExemplarsTaken> {
        Ok(self.put_exemplars(exemplars))
    }

    fn position(&self, source: &str) -> Option<Vec<u8>> {
        self.inner.read().positions.get(source).cloned()
    }
}

/// A share of a selection, by reference counts: the store may change meanwhile.
struct Share {
    series: std::vec::IntoIter<(u64, Arc<Stored>)>,
    range: TimeRange,
    labels_only: bool,
}

impl Partition for Share {
    fn next(&mut self, out: &mut SeriesData) -> Result<bool> {
        out.clear();
        let Some((id, stored)) = self.series.next() else { return Ok(false) };
        out.id = id;
        out.labels = stored.labels.clone();
        if !self.labels_only {
            let (from, to) = (
                stored.t.partition_point(|t| *t < self.range.start),
                stored.t.partition_point(|t| *t <= self.range.end),
            );
            out.t.extend_from_slice(&stored.t[from..to]);
            out.v.extend_from_slice(&stored.v[from..to]);
            let inside = stored.histograms.iter().filter(|h| self.range.contains(h.0));
            out.histograms.extend(inside.cloned());
            let start = |t: &i64| stored.starts.get(t).copied().unwrap_or(0);
            if out.t.iter().any(|t| start(t) != 0) {
                out.start.extend(out.t.iter().map(start));
            }
            if out.histograms.iter().any(|h| start(&h.0) != 0) {
                out.histogram_start.extend(out.histograms.iter().map(|h| start(&h.0)));
            }
        }
        Ok(true)
    }
}

impl MetricReader for MemoryMetrics {
    fn select(
        &self,
        ctx: &Ctx,
        matchers: &[Matcher],
        range: TimeRange,
        hints: &SelectHints,
    ) -> Result<Selection> {
        ctx.check()?;
        let mut found = self.matching(matchers, range, hints.labels_only);
        if hints.limit > 0 {
            found.truncate(hints.limit);
        }
        let mut shares: Vec<Vec<(u64, Arc<Stored>)>> = vec![Vec::new(); PARTITIONS.min(found.len())];
        let count = shares.len();
        for (at, stored) in found.into_iter().enumerate() {
            shares[at % count].push((at as u64, stored));
        }
        let partitions = shares
            .into_iter()
            .map(|series| {
                let share = Share { series: series.into_iter(), range, labels_only: hints.labels_only };
                Box::new(share) as Box<dyn Partition>
            })
            .collect();
        Ok(Selection::complete(Selected::Series(partitions)))
    }

    fn label_names(
        &self,
        ctx: &Ctx,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Listing> {
        ctx.check()?;
        let found = self.matching(matchers, range, false);
        let names = found.iter().flat_map(|s| s.labels.iter().map(|(n, _)| n.to_owned())).collect();
        Ok(listing(names, limit))
    }

    fn label_values(
        &self,
        ctx: &Ctx,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Listing> {
        ctx.check()?;
        let found = self.matching(matchers, range, false);
        let values = found.iter().filter_map(|s| s.labels.get(name).map(str::to_owned)).collect();
        Ok(listing(values, limit))
    }

    fn families(&self, _: &Ctx, name: Option<&str>) -> Result<Vec<Family>> {
        let inner = self.inner.read();
        Ok(inner.families.values().filter(|f| name.is_none_or(|n| n == f.name)).cloned().collect())
    }
}

fn listing(found: BTreeSet<String>, limit: usize) -> Listing {
    let truncated = limit > 0 && found.len() > limit;
    let most = if limit == 0 { usize::MAX } else { limit };
    Listing { items: found.into_iter().take(most).collect(), warnings: Vec::new(), truncated }
}

impl MetricStats for MemoryMetrics {
    fn stats(&self, limit: usize) -> Result<StoreStats> {
        let inner = self.inner.read();
        let times = || inner.series.iter().flat_map(|s| s.t.first().into_iter().chain(s.t.last()));
        let head_range = times().min().zip(times().max()).map(|(a, b)| TimeRange::new(*a, *b));
        let mut by_metric: BTreeMap<&str, u64> = BTreeMap::new();
        let mut by_pair: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for stored in &inner.series {
            *by_metric.entry(stored.labels.metric_name()).or_default() += 1;
            for pair in &stored.labels {
                *by_pair.entry(pair).or_default() += 1;
            }
        }
        let mut values: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for ((name, value), count) in &by_pair {
            let entry = values.entry(name).or_default();
            *entry = (entry.0 + 1, entry.1 + value.len() as u64 * count);
        }
        let pairs = by_pair.iter().map(|((n, v), count)| (format!("{n}={v}"), *count));
        Ok(StoreStats {
            head_series: inner.series.len() as u64,
            head_range,
            label_pairs: by_pair.len() as u64,
            appended: inner.appended,
            series_by_metric: top(by_metric.iter().map(|(n, c)| ((*n).to_owned(), *c)), limit),
            values_by_label: top(values.iter().map(|(n, c)| ((*n).to_owned(), c.0)), limit),
            bytes_by_label: top(values.iter().map(|(n, c)| ((*n).to_owned(), c.1)), limit),
            series_by_pair: top(pairs, limit),
            ..StoreStats::default()
        })
    }
}

fn top(counts: impl Iterator<Item = (String, u64)>, limit: usize) -> Vec<(String, u64)> {
    let mut all: Vec<(String, u64)> = counts.collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all.truncate(limit);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(store: &MemoryMetrics, matchers: &[Matcher], range: TimeRange) -> Vec<(Labels, Vec<i64>)> {
        let selection = store.select(&Ctx::unbounded(), matchers, range, &SelectHints::default()).unwrap();
        let Selected::Series(partitions) = selection.data else { panic!("decoded runs") };
        let (mut data, mut found) = (SeriesData::default(), Vec::new());
        for mut partition in partitions {
            while partition.next(&mut data).unwrap() {
                found.push((data.labels.clone(), data.t.clone()));
            }
        }
        found.sort();
        found
    }

    #[test]
    fn appended_samples_are_read_back_sorted_and_within_the_closed_range() {
        let store = MemoryMetrics::new();
        let tenant = Tenant::default();
        let labels = [
            Labels::from_pairs([("__name__", "a"), ("x", "1")]),
            Labels::from_pairs([("__name__", "a"), ("x", "2")]),
        ];
        let mut refs = Vec::new();
        store.resolve(&tenant, &labels, &mut refs).unwrap();
        let refs: Vec<SeriesRef> = refs.into_iter().flatten().collect();
        let batch = MetricBatch {
            refs: &[refs[0], refs[0], refs[1], refs[0], refs[0]],
            t: &[20, 10, 30, 10, 10],
            v: &[2.0, 1.0, 3.0, 1.0, 9.0],
            ..MetricBatch::default()
        };
        let appended = store.append(&tenant, batch).unwrap();
        assert_eq!(appended.accepted, 4, "the repeated sample counts as taken");
        assert_eq!(appended.rejected, [Rejected { index: 4, reason: RejectReason::Duplicate }]);
        let name = [Matcher::equal("__name__", "a")];
        assert_eq!(
            read(&store, &name, TimeRange::new(10, 20)),
            [(labels[0].clone(), vec![10, 20])],
            "a series without a sample in the range is left out"
        );
        assert_eq!(read(&store, &name, TimeRange::new(11, 30)).len(), 2);
    }

    #[test]
    fn a_foreign_reference_is_refused() {
        let store = MemoryMetrics::new();
        let unknown = SeriesRef(NonZeroU64::new(7).unwrap());
        let batch = MetricBatch { refs: &[unknown], t: &[1], v: &[1.0], ..MetricBatch::default() };
        let appended = store.append(&Tenant::default(), batch).unwrap();
        assert_eq!(appended.rejected[0].reason, RejectReason::UnknownSeries);
    }

    #[test]
    fn names_and_values_are_sorted_and_cut_at_the_limit() {
        let store = MemoryMetrics::new();
        for x in ["b", "a", "c"] {
            store.insert(&Labels::from_pairs([("__name__", "m"), ("x", x)]), [(1, 1.0)]);
        }
        let ctx = Ctx::unbounded();
        let names = store.label_names(&ctx, &[], TimeRange::ALL, 0).unwrap();
        assert_eq!(names.items, ["__name__", "x"]);
        let values = store.label_values(&ctx, "x", &[], TimeRange::ALL, 2).unwrap();
        assert_eq!((values.items, values.truncated), (vec!["a".to_owned(), "b".to_owned()], true));
        assert!(store.label_values(&ctx, "x", &[], TimeRange::new(2, 3), 0).unwrap().items.is_empty());
    }
}
