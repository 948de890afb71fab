//! Start timestamps of OpenMetrics: `_created` samples, which come after the samples that they are about.

use std::collections::HashMap;

use wire::exposition::{Kind, Sample};

use super::exposed::write_key;

/// What was read of them.
#[derive(Debug, Default)]
pub(super) struct Starts {
    /// Start in ms by metric.
    of: HashMap<Vec<u8>, i64>,
    /// Place in the batch and metric of the samples that may have one.
    samples: Vec<(usize, Vec<u8>)>,
}

/// Suffixes of the samples of one metric.
const SUFFIXES: [&str; 5] = ["_total", "_bucket", "_count", "_sum", "_created"];

fn key(sample: &Sample<'_, '_>) -> Vec<u8> {
    let name = sample.name.unescape();
    let base = SUFFIXES.into_iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(&name);
    let labels: Vec<_> = sample.pairs().collect();
    let own = labels.iter().filter(|(name, _)| name != "le" && name != "quantile");
    let mut key = Vec::new();
    write_key(&mut key, [base, ""], own.map(|(n, v)| (&**n, &**v)));
    key
}

impl Starts {
    /// Takes a `_created` sample.
    pub(super) fn created(&mut self, sample: &Sample<'_, '_>) {
        let ms = sample.value * 1000.0;
        if ms.is_finite() && ms > 0.0 {
            self.of.insert(key(sample), ms as i64);
        }
    }

    /// Notes that the sample stands at `place` in the batch.
    pub(super) fn sample(&mut self, sample: &Sample<'_, '_>, place: usize) {
        if matches!(sample.kind, Kind::Counter | Kind::Histogram | Kind::Summary) {
            self.samples.push((place, key(sample)));
        }
    }

    /// Place in the batch and start of every sample that has one.
    pub(super) fn found(&self) -> impl Iterator<Item = (usize, i64)> {
        self.samples.iter().filter_map(|(place, key)| Some((*place, *self.of.get(key)?)))
    }
}
