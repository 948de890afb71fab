//! Deltas added up to totals, as queries want them. What is remembered is bounded, and forgotten when a series stays
//! away.

use std::collections::HashMap;

use intake::Collected;
use model::{Histogram, Labels, is_stale_nan};
use parking_lot::Mutex;
use wire::histogram::{CUSTOM_SCHEMA, add_buckets, lower_schema};

/// What all totals may take in memory together, about.
const MAX_BYTES: usize = 64 << 20;
/// After this long without a sample a series begins anew, ms.
const FORGET_AFTER: i64 = 5 * 60 * 1000;

/// The totals of every series that is sent as deltas.
#[derive(Debug, Default)]
pub(crate) struct Deltas(Mutex<Totals>);

#[derive(Debug, Default)]
struct Totals {
    series: HashMap<Labels, Total>,
    bytes: usize,
    /// When forgotten series were last looked for.
    swept: i64,
}

#[derive(Debug)]
struct Total {
    /// When counting began, ms.
    start: i64,
    /// The last sample, ms.
    t: i64,
    /// When it came, ms.
    seen: i64,
    sum: Sum,
}

#[derive(Debug)]
enum Sum {
    Float(f64),
    Histogram(Box<Histogram>),
}

impl Total {
    fn bytes(&self, labels: &Labels) -> usize {
        let buckets = match &self.sum {
            Sum::Float(_) => 0,
            Sum::Histogram(h) => {
                200 + 8 * (h.positive_buckets.len() + h.negative_buckets.len() + h.custom_values.len())
            }
        };
        labels.canonical().len() + size_of::<Self>() + buckets
    }
}

impl Deltas {
    /// Replaces the deltas of `series` by totals. The error says why they are not taken; nothing is changed then.
    pub(crate) fn add_up(&self, series: &mut Collected, now: i64) -> Result<(), &'static str> {
        let totals = &mut *self.0.lock();
        totals.sweep(now);
        let mut starts = std::mem::take(&mut series.starts).into_iter();
        let mut new_starts = Vec::with_capacity(series.points.len());
        for point in &mut series.points {
            let start = starts.next().unwrap_or(0);
            if is_stale_nan(point.v) {
                // The end of the series; what comes then begins anew.
                totals.forget(&series.labels);
                new_starts.push(0);
                continue;
            }
            let total = totals.add(&series.labels, (start, point.t, now), Sum::Float(point.v))?;
            new_starts.push(total.start);
            if let Sum::Float(sum) = &total.sum {
                point.v = *sum;
            }
        }
        series.starts = new_starts;
        for point in &mut series.histograms {
            if is_stale_nan(point.value.sum) {
                totals.forget(&series.labels);
                continue;
            }
            let delta = Sum::Histogram(Box::new(std::mem::take(&mut point.value)));
            let total = totals.add(&series.labels, (point.start, point.t, now), delta)?;
            point.start = total.start;
            if let Sum::Histogram(sum) = &total.sum {
                point.value.clone_from(sum);
            }
        }
        Ok(())
    }
}

impl Totals {
    fn add(
        &mut self,
        labels: &Labels,
        (start, t, now): (i64, i64, i64),
        delta: Sum,
    ) -> Result<&Total, &'static str> {
        if let Some(total) = self.series.get_mut(labels) {
            if t <= total.t {
                return Err("out of order delta");
            }
            if start != 0 && start < total.start {
                return Err("delta of a time before its series began");
            }
            let before = total.bytes(labels);
            match (&mut total.sum, delta) {
                (Sum::Float(sum), Sum::Float(delta)) => *sum += delta,
                (Sum::Histogram(sum), Sum::Histogram(delta)) if same_layout(sum, &delta) => add(sum, *delta),
                // Another kind of value or other bounds: counting begins anew.
                (sum, delta) => {
                    *sum = delta;
                    total.start = if start == 0 { total.t } else { start };
                }
            }
            (total.t, total.seen) = (t, now);
            self.bytes = (self.bytes + total.bytes(labels)).saturating_sub(before);
        } else {
            let total = Total { start: if start == 0 { t } else { start }, t, seen: now, sum: delta };
            let bytes = total.bytes(labels);
            if self.bytes + bytes > MAX_BYTES {
                return Err("too many series are sent as deltas");
            }
            self.bytes += bytes;
            self.series.insert(labels.clone(), total);
        }
        self.series.get(labels).ok_or("the series is gone") // it was just found or put there
    }

    fn forget(&mut self, labels: &Labels) {
        if let Some(total) = self.series.remove(labels) {
            self.bytes = self.bytes.saturating_sub(total.bytes(labels));
        }
    }

    fn sweep(&mut self, now: i64) {
        if now.saturating_sub(self.swept) < FORGET_AFTER / 5 {
            return;
        }
        self.swept = now;
        let mut bytes = 0;
        self.series.retain(|labels, total| {
            let keep = now.saturating_sub(total.seen) < FORGET_AFTER;
            bytes += if keep { total.bytes(labels) } else { 0 };
            keep
        });
        self.bytes = bytes;
    }
}

fn same_layout(a: &Histogram, b: &Histogram) -> bool {
    let custom = (a.schema == CUSTOM_SCHEMA, b.schema == CUSTOM_SCHEMA);
    match custom {
        (true, true) => a.custom_values == b.custom_values,
        (false, false) => a.zero_threshold == b.zero_threshold,
        _ => false,
    }
}

fn add(sum: &mut Histogram, mut delta: Histogram) {
    if sum.schema != CUSTOM_SCHEMA {
        let schema = sum.schema.min(delta.schema);
        lower_schema(sum, schema);
        lower_schema(&mut delta, schema);
    }
    sum.count += delta.count;
    sum.sum += delta.sum;
    sum.zero_count += delta.zero_count;
    let side = |spans: &mut Vec<model::Span>, counts: &mut Vec<f64>, more: (&[model::Span], &[f64])| {
        (*spans, *counts) = add_buckets((spans, counts), more);
    };
    side(
        &mut sum.positive_spans,
        &mut sum.positive_buckets,
        (&delta.positive_spans, &delta.positive_buckets),
    );
    side(
        &mut sum.negative_spans,
        &mut sum.negative_buckets,
        (&delta.negative_spans, &delta.negative_buckets),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Span;
    use wire::remote_write::{HistogramPoint, Point};

    fn labels() -> Labels {
        Labels::from_pairs([("__name__", "a")])
    }

    fn float(start: i64, t: i64, v: f64) -> Collected {
        Collected {
            labels: labels(),
            points: vec![Point { t, v }],
            starts: vec![start],
            ..Collected::default()
        }
    }

    fn summed(deltas: &Deltas, mut series: Collected, now: i64) -> Result<(f64, i64), &'static str> {
        deltas.add_up(&mut series, now).map(|()| (series.points[0].v, series.starts[0]))
    }

    #[test]
    fn totals_grow_from_the_first_start() {
        let deltas = Deltas::default();
        assert_eq!(summed(&deltas, float(100, 200, 5.0), 1000), Ok((5.0, 100)));
        assert_eq!(summed(&deltas, float(200, 300, 2.0), 1000), Ok((7.0, 100)));
        assert_eq!(summed(&deltas, float(200, 300, 2.0), 1000), Err("out of order delta"));
        assert!(summed(&deltas, float(50, 400, 2.0), 1000).is_err());
        assert_eq!(summed(&deltas, float(900, 1000, 1.0), 1000), Ok((8.0, 100)), "a gap is no reset");
        let stale = model::stale_nan();
        assert!(summed(&deltas, float(0, 1100, stale), 1000).is_ok());
        assert_eq!(summed(&deltas, float(1100, 1200, 1.0), 1000), Ok((1.0, 1100)));
    }

    #[test]
    fn what_stays_away_is_forgotten_and_what_is_too_much_refused() {
        let deltas = Deltas::default();
        assert!(summed(&deltas, float(100, 200, 5.0), 1000).is_ok());
        assert_eq!(summed(&deltas, float(200, 300, 2.0), 1000 + FORGET_AFTER), Ok((2.0, 200)));
        deltas.0.lock().bytes = MAX_BYTES;
        let mut other = float(100, 400, 5.0);
        other.labels = Labels::from_pairs([("__name__", "b")]);
        assert_eq!(summed(&deltas, other, 1000 + FORGET_AFTER), Err("too many series are sent as deltas"));
    }

    fn native(schema: i32, t: i64, spans: Vec<Span>, counts: Vec<f64>) -> Collected {
        let count = counts.iter().sum::<f64>() + 1.0;
        let value = Histogram {
            schema,
            count,
            sum: 2.0,
            zero_count: 1.0,
            positive_spans: spans,
            positive_buckets: counts,
            ..Histogram::default()
        };
        let point = HistogramPoint { t, start: t - 10, integer: true, value };
        Collected { labels: labels(), histograms: vec![point], ..Collected::default() }
    }

    #[test]
    fn histograms_are_added_bucket_by_bucket_at_the_coarser_schema() {
        let deltas = Deltas::default();
        let mut first = native(1, 20, vec![Span { offset: 1, length: 2 }], vec![1.0, 2.0]);
        deltas.add_up(&mut first, 1000).unwrap();
        let mut second =
            native(0, 30, vec![Span { offset: 0, length: 1 }, Span { offset: 2, length: 1 }], vec![4.0, 8.0]);
        deltas.add_up(&mut second, 1000).unwrap();
        let point = &mut second.histograms[0];
        assert_eq!(point.make_storable(), Ok(()));
        // Buckets 1 and 2 of schema 1 are bucket 1 of schema 0.
        assert_eq!(
            point.value.positive_spans,
            [Span { offset: 0, length: 2 }, Span { offset: 1, length: 1 }]
        );
        assert_eq!(point.value.positive_buckets, [4.0, 3.0, 8.0]);
        assert_eq!((point.value.count, point.value.sum, point.value.zero_count), (17.0, 4.0, 2.0));
        assert_eq!((point.value.schema, point.start), (0, 10));
    }
}
