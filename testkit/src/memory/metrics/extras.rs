//! Exemplars and deletion over vectors.

use std::sync::Arc;

use model::{
    Ctx, Error, ExemplarReader, ExemplarSample, ExemplarsTaken, Histogram, Matcher, MetricAdmin, Result,
    SeriesExemplars, TimeRange,
};

use super::{MemoryMetrics, Stored};

/// Whether two histograms are the same, a stale marker or another NaN included.
pub(super) fn same(a: &Histogram, b: &Histogram) -> bool {
    let numbers = |h: &Histogram| {
        let few = [h.sum, h.count, h.zero_count, h.zero_threshold];
        let many = h.positive_buckets.iter().chain(&h.negative_buckets).chain(&h.custom_values);
        few.iter().chain(many).map(|v| v.to_bits()).collect::<Vec<_>>()
    };
    a.schema == b.schema
        && a.reset_hint == b.reset_hint
        && a.positive_spans == b.positive_spans
        && a.negative_spans == b.negative_spans
        && numbers(a) == numbers(b)
}

impl MemoryMetrics {
    pub(super) fn put_exemplars(&self, exemplars: &[ExemplarSample]) -> ExemplarsTaken {
        let mut inner = self.inner.write();
        let mut all = ExemplarsTaken::default();
        for (place, sample) in exemplars.iter().enumerate() {
            let at = usize::try_from(sample.series.0.get() - 1).unwrap_or(usize::MAX);
            let Some(labels) = inner.series.get(at).map(|s| s.labels.clone()) else { continue };
            let of_series = inner.exemplars.entry(labels).or_default();
            let new = &sample.exemplar;
            let order = of_series.last().map_or(std::cmp::Ordering::Greater, |last| {
                let order = new.t.cmp(&last.t).then(new.v.total_cmp(&last.v));
                order.then_with(|| new.labels.cmp(&last.labels))
            });
            if order.is_gt() {
                of_series.push(new.clone());
                all.taken += 1;
            } else if order.is_lt() {
                all.out_of_order.push(place);
            }
        }
        all
    }
}

impl ExemplarReader for MemoryMetrics {
    fn exemplars(&self, ctx: &Ctx, sets: &[Vec<Matcher>], range: TimeRange) -> Result<Vec<SeriesExemplars>> {
        ctx.check()?;
        let inner = self.inner.read();
        let mut found = Vec::new();
        for (series, exemplars) in &inner.exemplars {
            let exemplars: Vec<_> = exemplars.iter().filter(|e| range.contains(e.t)).cloned().collect();
            let wanted = sets.iter().any(|set| set.iter().all(|m| m.matches_labels(series)));
            if wanted && !exemplars.is_empty() {
                found.push(SeriesExemplars { series: series.clone(), exemplars });
            }
        }
        found.sort_by(|a, b| a.series.cmp(&b.series));
        Ok(found)
    }
}

impl Stored {
    fn delete(&mut self, range: TimeRange) {
        let mut times = self.t.iter();
        self.v.retain(|_| times.next().is_none_or(|t| !range.contains(*t)));
        self.t.retain(|t| !range.contains(*t));
        self.histograms.retain(|h| !range.contains(h.0));
        self.starts.retain(|t, _| !range.contains(*t));
    }
}

impl MetricAdmin for MemoryMetrics {
    fn delete_series(&self, ctx: &Ctx, matchers: &[Matcher], range: TimeRange) -> Result<u64> {
        ctx.check()?;
        let mut inner = self.inner.write();
        let mut touched = 0;
        for stored in &mut inner.series {
            if matchers.iter().all(|m| m.matches_labels(&stored.labels)) && stored.has_sample(range) {
                Arc::make_mut(stored).delete(range);
                touched += 1;
            }
        }
        Ok(touched)
    }

    fn clean_tombstones(&self) -> Result<()> {
        Ok(()) // what is deleted is gone at once
    }

    fn snapshot(&self, _skip_head: bool) -> Result<String> {
        Err(Error::unavailable("a store in memory has no directory to put a snapshot into"))
    }
}

#[cfg(test)]
mod tests {
    use model::{
        Exemplar, HistogramSample, Labels, MetricBatch, MetricReader, MetricWriter, SelectHints, Selected,
        SeriesData, SeriesRef, Tenant,
    };

    use super::*;

    fn one(store: &MemoryMetrics) -> (Labels, SeriesRef) {
        let labels = Labels::from_pairs([("__name__", "m")]);
        let mut refs = Vec::new();
        store.resolve(&Tenant::default(), std::slice::from_ref(&labels), &mut refs).unwrap();
        (labels, refs[0].unwrap())
    }

    fn read(store: &MemoryMetrics) -> SeriesData {
        let selection =
            store.select(&Ctx::unbounded(), &[], TimeRange::ALL, &SelectHints::default()).unwrap();
        let Selected::Series(partitions) = selection.data else { panic!("decoded runs") };
        let mut data = SeriesData::default();
        for mut partition in partitions {
            partition.next(&mut data).unwrap();
        }
        data
    }

    #[test]
    fn histograms_and_starts_come_back_and_can_be_deleted() {
        let store = MemoryMetrics::new();
        let (_, series) = one(&store);
        let value = Histogram { count: 1.0, zero_count: 1.0, ..Histogram::default() };
        let bad = Histogram { schema: 99, ..Histogram::default() };
        let of = |t, value| HistogramSample { series, t, start: 7, value };
        let batch = MetricBatch {
            refs: &[series, series],
            t: &[10, 20],
            v: &[1.0, 2.0],
            start: &[0, 5],
            histograms: &[of(30, &value), of(20, &value), of(30, &value), of(40, &bad)],
            position: None,
            rising: 0,
        };
        let appended = store.append(&Tenant::default(), batch).unwrap();
        assert_eq!(appended.accepted, 4);
        assert_eq!(appended.rejected.iter().map(|r| r.index).collect::<Vec<_>>(), [3, 5]);
        let data = read(&store);
        assert_eq!((&data.t[..], &data.start[..]), (&[10, 20][..], &[0, 5][..]));
        assert_eq!((data.histograms.len(), &data.histogram_start[..]), (1, &[7][..]));
        assert_eq!(store.delete_series(&Ctx::unbounded(), &[], TimeRange::new(15, 30)).unwrap(), 1);
        let data = read(&store);
        assert_eq!((&data.t[..], data.start.len(), data.histograms.len()), (&[10][..], 0, 0));
    }

    #[test]
    fn exemplars_in_order_only() {
        let store = MemoryMetrics::new();
        let (labels, series) = one(&store);
        let of = |t| ExemplarSample { series, exemplar: Exemplar { labels: Labels::empty(), t, v: 1.0 } };
        assert_eq!(
            MetricWriter::exemplars(&store, &Tenant::default(), &[of(5), of(5), of(4), of(6)]).unwrap(),
            ExemplarsTaken { taken: 2, out_of_order: vec![2] }
        );
        let found =
            ExemplarReader::exemplars(&store, &Ctx::unbounded(), &[vec![]], TimeRange::new(6, 9)).unwrap();
        assert_eq!(found, [SeriesExemplars { series: labels, exemplars: vec![of(6).exemplar] }]);
    }
}
