//! What many do with the samples of a series.

use crate::metrics::SeriesData;
use crate::time::TimeRange;

impl SeriesData {
    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.t.is_empty() && self.histograms.is_empty()
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.t.len() + self.histograms.len()
    }

    /// From the first to the last sample.
    pub fn range(&self) -> Option<TimeRange> {
        let firsts = [self.t.first().copied(), self.histograms.first().map(|h| h.0)];
        let lasts = [self.t.last().copied(), self.histograms.last().map(|h| h.0)];
        let (first, last) = (firsts.into_iter().flatten().min()?, lasts.into_iter().flatten().max()?);
        Some(TimeRange::new(first, last))
    }

    /// Adds a float. `start`: its start timestamp, 0 where it is not known.
    pub fn push_float(&mut self, start: i64, t: i64, v: f64) {
        push_start(&mut self.start, self.t.len(), start);
        self.t.push(t);
        self.v.push(v);
    }

    /// Adds a native histogram.
    pub fn push_histogram(&mut self, start: i64, t: i64, value: crate::Histogram) {
        push_start(&mut self.histogram_start, self.histograms.len(), start);
        self.histograms.push((t, value));
    }

    /// Adds the samples of another one behind those that are there; [`Self::put_in_order`] makes them one again.
    pub fn append(&mut self, other: &Self) {
        let start = |starts: &[i64], at: usize| starts.get(at).copied().unwrap_or(0);
        for (at, (t, v)) in other.t.iter().zip(&other.v).enumerate() {
            self.push_float(start(&other.start, at), *t, *v);
        }
        for (at, (t, value)) in other.histograms.iter().enumerate() {
            self.push_histogram(start(&other.histogram_start, at), *t, value.clone());
        }
    }

    /// Sorts by time. Of equal times the first stays, and a float before a histogram.
    pub fn put_in_order(&mut self) {
        if !self.t.is_sorted_by(|a, b| a < b) {
            let mut order: Vec<usize> = (0..self.t.len()).collect();
            order.sort_by_key(|i| self.t[*i]);
            order.dedup_by_key(|i| self.t[*i]);
            if !self.start.is_empty() {
                self.start = order.iter().map(|i| self.start.get(*i).copied().unwrap_or(0)).collect();
            }
            (self.t, self.v) = order.iter().map(|i| (self.t[*i], self.v[*i])).unzip();
        }
        if !self.histograms.is_sorted_by(|a, b| a.0 < b.0) {
            let starts = std::mem::take(&mut self.histogram_start);
            let histograms = std::mem::take(&mut self.histograms).into_iter().enumerate();
            let mut all: Vec<_> = histograms.map(|(i, h)| (starts.get(i).copied().unwrap_or(0), h)).collect();
            all.sort_by_key(|(_, (t, _))| *t);
            all.dedup_by_key(|(_, (t, _))| *t);
            for (start, (t, value)) in all {
                self.push_histogram(start, t, value);
            }
        }
        let floats = &self.t;
        let keep: Vec<bool> = self.histograms.iter().map(|(t, _)| floats.binary_search(t).is_err()).collect();
        retain(&mut self.histograms, &keep);
        retain(&mut self.histogram_start, &keep);
    }

    /// Keeps the samples whose time `wanted` accepts.
    pub fn keep(&mut self, wanted: impl Fn(i64) -> bool) {
        let keep: Vec<bool> = self.t.iter().map(|t| wanted(*t)).collect();
        retain(&mut self.t, &keep);
        retain(&mut self.v, &keep);
        retain(&mut self.start, &keep);
        let keep: Vec<bool> = self.histograms.iter().map(|(t, _)| wanted(*t)).collect();
        retain(&mut self.histograms, &keep);
        retain(&mut self.histogram_start, &keep);
    }

    /// Adds the part of `other`, which is in order, within `range`.
    pub fn append_within(&mut self, other: &Self, range: TimeRange) {
        let from = other.t.partition_point(|t| *t < range.start);
        let to = other.t.partition_point(|t| *t <= range.end).max(from);
        for at in from..to {
            self.push_float(other.start.get(at).copied().unwrap_or(0), other.t[at], other.v[at]);
        }
        let from = other.histograms.partition_point(|h| h.0 < range.start);
        let to = other.histograms.partition_point(|h| h.0 <= range.end).max(from);
        for at in from..to {
            let (t, value) = &other.histograms[at];
            self.push_histogram(other.histogram_start.get(at).copied().unwrap_or(0), *t, value.clone());
        }
    }
}

/// Keeps `starts` empty until one is known, then one a sample.
fn push_start(starts: &mut Vec<i64>, before: usize, start: i64) {
    if start != 0 || !starts.is_empty() {
        starts.resize(before, 0);
        starts.push(start);
    }
}

fn retain<T>(items: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    items.retain(|_| keep.next().is_none_or(|k| *k));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Histogram;

    #[test]
    fn order_is_made_and_the_first_of_a_time_stays() {
        let mut data = SeriesData::default();
        for (t, v) in [(3, 1.0), (1, 2.0), (3, 3.0)] {
            data.push_float(if t == 1 { 7 } else { 0 }, t, v);
        }
        for (t, count) in [(5, 1.0), (2, 2.0), (3, 3.0), (5, 4.0)] {
            data.push_histogram(0, t, Histogram { count, ..Histogram::default() });
        }
        data.put_in_order();
        assert_eq!(
            (data.t.as_slice(), data.v.as_slice(), data.start.as_slice()),
            (&[1, 3][..], &[2.0, 1.0][..], &[7, 0][..])
        );
        assert_eq!(
            data.histograms.iter().map(|(t, h)| (*t, h.count)).collect::<Vec<_>>(),
            [(2, 2.0), (5, 1.0)]
        );
        let mut part = SeriesData::default();
        part.append_within(&data, TimeRange::new(2, 3));
        assert_eq!((part.len(), part.range()), (2, Some(TimeRange::new(2, 3))));
        data.keep(|t| t != 3);
        assert_eq!((data.t.as_slice(), data.start.as_slice(), data.len()), (&[1][..], &[7][..], 3));
    }
}
