//! A metric store in memory: what a unit test's series and rules need, and no more.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroU64;
use std::sync::Arc;

use model::{
    Appended, Ctx, Histogram, Labels, Listing, Matcher, MetricBatch, MetricReader, MetricWriter, Partition,
    RejectReason, Rejected, Result, SelectHints, Selected, Selection, SeriesData, SeriesRef, Tenant,
    TimeRange,
};
use parking_lot::RwLock;

/// Series with their samples.
#[derive(Debug, Default)]
pub(super) struct Store(RwLock<Inner>);

#[derive(Debug, Default)]
struct Inner {
    places: HashMap<Labels, usize>,
    series: Vec<Arc<Stored>>,
}

#[derive(Debug, Clone, Default)]
struct Stored {
    labels: Labels,
    floats: BTreeMap<i64, f64>,
    histograms: BTreeMap<i64, Histogram>,
}

impl Store {
    /// Stores one sample; of two at one time the first stays.
    pub(super) fn put(&self, labels: &Labels, t: i64, value: Sample) -> bool {
        let mut inner = self.0.write();
        let at = inner.place(labels);
        let stored = Arc::make_mut(&mut inner.series[at]);
        stored.put(t, value)
    }
}

/// A sample's value.
#[derive(Debug, Clone)]
pub(super) enum Sample {
    Float(f64),
    Histogram(Histogram),
}

impl Inner {
    fn place(&mut self, labels: &Labels) -> usize {
        if let Some(at) = self.places.get(labels) {
            return *at;
        }
        let at = self.series.len();
        self.series.push(Arc::new(Stored { labels: labels.clone(), ..Stored::default() }));
        self.places.insert(labels.clone(), at);
        at
    }
}

impl Stored {
    fn put(&mut self, t: i64, value: Sample) -> bool {
        match value {
            Sample::Float(v) => match self.floats.get(&t) {
                Some(there) => there.to_bits() == v.to_bits(),
                None if self.histograms.contains_key(&t) => false,
                None => self.floats.insert(t, v).is_none(),
            },
            Sample::Histogram(h) => match self.histograms.get(&t) {
                Some(there) => *there == h,
                None if self.floats.contains_key(&t) => false,
                None => self.histograms.insert(t, h).is_none(),
            },
        }
    }

    fn fill(&self, range: TimeRange, out: &mut SeriesData) -> bool {
        out.clear();
        out.labels = self.labels.clone();
        if range.is_empty() {
            return false;
        }
        for (t, v) in self.floats.range(range.start..=range.end) {
            out.t.push(*t);
            out.v.push(*v);
        }
        let histograms = self.histograms.range(range.start..=range.end);
        out.histograms.extend(histograms.map(|(t, h)| (*t, h.clone())));
        !out.t.is_empty() || !out.histograms.is_empty()
    }
}

impl MetricWriter for Store {
    fn resolve(&self, _: &Tenant, labels: &[Labels], out: &mut Vec<Option<SeriesRef>>) -> Result<()> {
        let mut inner = self.0.write();
        out.extend(
            labels.iter().map(|labels| NonZeroU64::new(inner.place(labels) as u64 + 1).map(SeriesRef)),
        );
        Ok(())
    }

    fn append(&self, _: &Tenant, batch: MetricBatch<'_>) -> Result<Appended> {
        let mut inner = self.0.write();
        let mut appended = Appended::default();
        let floats = batch.refs.iter().zip(batch.t).zip(batch.v);
        let floats = floats.map(|((series, t), v)| (*series, *t, Sample::Float(*v)));
        let histograms = batch.histograms.iter().map(|h| (h.series, h.t, Sample::Histogram(h.value.clone())));
        for (index, (series, t, value)) in floats.chain(histograms).enumerate() {
            let at = usize::try_from(series.0.get() - 1).unwrap_or(usize::MAX);
            let taken = inner.series.get_mut(at).map(|stored| Arc::make_mut(stored).put(t, value));
            let reason = match taken {
                Some(true) => {
                    appended.accepted += 1;
                    continue;
                }
                Some(false) => RejectReason::Duplicate,
                None => RejectReason::UnknownSeries,
            };
            appended.rejected.push(Rejected { index, reason });
        }
        Ok(appended)
    }
}

struct OnePartition {
    series: std::vec::IntoIter<Arc<Stored>>,
    range: TimeRange,
    labels_only: bool,
    id: u64,
}

impl Partition for OnePartition {
    fn next(&mut self, out: &mut SeriesData) -> Result<bool> {
        for stored in self.series.by_ref() {
            self.id += 1;
            out.id = self.id;
            if stored.fill(self.range, out) || self.labels_only {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl MetricReader for Store {
    fn select(
        &self,
        _: &Ctx,
        matchers: &[Matcher],
        range: TimeRange,
        hints: &SelectHints,
    ) -> Result<Selection> {
        let series: Vec<Arc<Stored>> = self.matching(matchers).collect();
        let partition =
            OnePartition { series: series.into_iter(), range, labels_only: hints.labels_only, id: 0 };
        Ok(Selection::complete(Selected::Series(vec![Box::new(partition)])))
    }

    fn label_names(&self, _: &Ctx, matchers: &[Matcher], _: TimeRange, _: usize) -> Result<Listing> {
        let names = |s: Arc<Stored>| s.labels.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
        let found: BTreeSet<String> = self.matching(matchers).flat_map(names).collect();
        Ok(Listing { items: found.into_iter().collect(), ..Listing::default() })
    }

    fn label_values(
        &self,
        _: &Ctx,
        name: &str,
        matchers: &[Matcher],
        _: TimeRange,
        _: usize,
    ) -> Result<Listing> {
        let found: BTreeSet<String> =
            self.matching(matchers).filter_map(|s| s.labels.get(name).map(str::to_owned)).collect();
        Ok(Listing { items: found.into_iter().collect(), ..Listing::default() })
    }
}

impl Store {
    fn matching(&self, matchers: &[Matcher]) -> impl Iterator<Item = Arc<Stored>> + use<> {
        let inner = self.0.read();
        let fits = |s: &&Arc<Stored>| matchers.iter().all(|m| m.matches_labels(&s.labels));
        let found: Vec<Arc<Stored>> = inner.series.iter().filter(fits).cloned().collect();
        found.into_iter()
    }
}
