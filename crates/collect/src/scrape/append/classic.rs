//! Classic histograms that are converted to native ones with custom buckets.

use std::collections::HashMap;

use model::{Exemplar, Histogram, ResetHint, Span};
use wire::exposition::{Kind, Sample, parse_float};
use wire::histogram::CUSTOM_SCHEMA;

use super::exposed::write_key;

/// One classic histogram as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Classic {
    pub(super) name: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) timestamp_ms: Option<i64>,
    /// Upper bound and observations up to it.
    pub(super) buckets: Vec<(f64, f64)>,
    pub(super) count: Option<f64>,
    pub(super) sum: f64,
    pub(super) exemplars: Vec<Exemplar>,
}

impl Classic {
    /// The native histogram; `None` where its parts contradict each other.
    pub(super) fn convert(&self, gauge: bool) -> Option<Histogram> {
        let mut buckets = self.buckets.clone();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        buckets.dedup_by(|b, a| a.0 == b.0);
        if buckets.iter().any(|(bound, count)| bound.is_nan() || *count < 0.0) {
            return None;
        }
        let count = self.count.or(buckets.last().map(|(_, count)| *count))?;
        if buckets.last().is_none_or(|(bound, _)| *bound != f64::INFINITY) {
            buckets.push((f64::INFINITY, count));
        }
        let mut before = 0.0;
        let mut counts = Vec::with_capacity(buckets.len());
        for (_, cumulative) in &buckets {
            if *cumulative < before {
                return None;
            }
            counts.push(cumulative - before);
            before = *cumulative;
        }
        if before != count {
            return None;
        }
        let length = u32::try_from(counts.len()).ok()?;
        buckets.pop();
        Some(Histogram {
            reset_hint: if gauge { ResetHint::Gauge } else { ResetHint::Unknown },
            schema: CUSTOM_SCHEMA,
            count,
            sum: self.sum,
            positive_spans: vec![Span { offset: 0, length }],
            positive_buckets: counts,
            custom_values: buckets.into_iter().map(|(bound, _)| bound).collect(),
            ..Histogram::default()
        })
    }
}

/// The classic histograms of a text body, in the order of their first samples.
#[derive(Debug, Default)]
pub(super) struct Classics {
    all: Vec<Classic>,
    index: HashMap<Vec<u8>, usize>,
    key: Vec<u8>,
}

impl Classics {
    /// Takes a sample if it is a part of a classic histogram.
    pub(super) fn take(&mut self, sample: &Sample<'_, '_>, t: i64) -> bool {
        if !matches!(sample.kind, Kind::Histogram | Kind::GaugeHistogram) || sample.created {
            return false;
        }
        let full = sample.name.unescape();
        let parts = ["_bucket", "_count", "_sum", "_gcount", "_gsum"];
        let part = parts.into_iter().find_map(|part| Some((part, full.strip_suffix(part)?)));
        let Some((part, name)) = part else { return false };
        let labels: Vec<_> = sample.pairs().collect();
        let own = labels.iter().filter(|(name, _)| name != "le");
        write_key(&mut self.key, [name, ""], own.clone().map(|(n, v)| (&**n, &**v)));
        let at = match self.index.get(&self.key) {
            Some(at) => *at,
            None => {
                let labels = own.map(|(n, v)| (n.to_string(), v.to_string())).collect();
                self.all.push(Classic { name: name.to_owned(), labels, ..Classic::default() });
                self.index.insert(self.key.clone(), self.all.len() - 1);
                self.all.len() - 1
            }
        };
        let Some(classic) = self.all.get_mut(at) else { return false };
        classic.timestamp_ms = sample.timestamp_ms;
        match part {
            "_bucket" => {
                let le = labels.iter().find(|(name, _)| name == "le");
                let bound = le.and_then(|(_, value)| parse_float(value)).unwrap_or(f64::NAN);
                classic.buckets.push((bound, sample.value));
            }
            "_count" | "_gcount" => classic.count = Some(sample.value),
            _ => classic.sum = sample.value,
        }
        if let Some(found) = sample.exemplar.filter(|e| e.timestamp_ms.is_some()) {
            classic.exemplars.push(super::exemplar(&found, t));
        }
        true
    }

    pub(super) fn into_all(self) -> Vec<Classic> {
        self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cumulative_buckets_become_counts_of_their_own() {
        let classic = Classic {
            buckets: vec![(0.5, 1.0), (1.0, 4.0), (f64::INFINITY, 5.0)],
            count: Some(5.0),
            sum: 3.5,
            ..Classic::default()
        };
        let native = classic.convert(false).unwrap();
        assert_eq!((native.schema, native.count, native.sum), (-53, 5.0, 3.5));
        assert_eq!(native.custom_values, [0.5, 1.0]);
        assert_eq!(native.positive_buckets, [1.0, 3.0, 1.0]);
        native.check_whole().unwrap();
    }

    #[test]
    fn contradictions_are_not_converted() {
        for (buckets, count) in [
            (vec![(1.0, 5.0), (2.0, 4.0)], Some(5.0)),
            (vec![(f64::INFINITY, 4.0)], Some(5.0)),
            (vec![(f64::NAN, 4.0)], Some(4.0)),
            (vec![(1.0, -1.0)], Some(1.0)),
        ] {
            let classic = Classic { buckets, count, ..Classic::default() };
            assert!(classic.convert(false).is_none(), "{classic:?}");
        }
        let without_inf = Classic { buckets: vec![(1.0, 2.0)], count: Some(3.0), ..Classic::default() };
        assert_eq!(without_inf.convert(true).unwrap().positive_buckets, [2.0, 1.0]);
    }
}
