//! From the labels of a stored series to those that are sent, once for each series.

use std::collections::HashMap;
use std::sync::Arc;

use model::relabel::{self, RelabelConfig};
use model::{Labels, LabelsBuilder};

/// A series as the receiver sees it.
#[derive(Debug)]
pub(super) struct OutSeries {
    /// Labels, external ones included.
    pub(super) labels: Labels,
    /// The same as protobuf, where the message repeats them for each series.
    pub(super) encoded: Box<[u8]>,
    /// Chooses the shard: a series stays in one, so its samples stay in order.
    pub(super) hash: u64,
}

/// What is done to labels.
#[derive(Debug, Clone, Default)]
pub(super) struct Rewrite {
    /// Added where a series does not have them.
    pub(super) external: Vec<(String, String)>,
    /// `write_relabel_configs`.
    pub(super) rules: Vec<RelabelConfig>,
    /// Whether the message repeats the labels.
    pub(super) encode: bool,
}

impl Rewrite {
    fn apply(&self, labels: &Labels) -> Option<OutSeries> {
        let labels = if self.external.is_empty() && self.rules.is_empty() {
            labels.clone()
        } else {
            let mut builder: LabelsBuilder = labels.to_builder();
            for (name, value) in &self.external {
                if builder.get(name).is_empty() {
                    builder.set(name.as_str(), value.as_str());
                }
            }
            if !relabel::apply(&self.rules, &mut builder, false) {
                return None;
            }
            builder.build()
        };
        if labels.is_empty() {
            return None;
        }
        let mut encoded = Vec::new();
        if self.encode {
            wire::remote_write::encode_labels(&labels, &mut encoded);
        }
        let hash = labels.hash128() as u64;
        Some(OutSeries { labels, encoded: encoded.into_boxed_slice(), hash })
    }
}

/// Known series by the labels that the log shares among their samples.
pub(super) struct SeriesCache {
    rewrite: Rewrite,
    /// By address; the labels are held, so an address stays theirs. `None`: relabelling drops the series.
    known: HashMap<usize, (Arc<Labels>, Option<Arc<OutSeries>>)>,
    /// Look for series that are gone when there are so many.
    sweep_at: usize,
    bytes: u64,
}

/// What a known series takes beside its texts.
const ENTRY_BYTES: u64 = 192;

fn entry_bytes(labels: &Labels, out: Option<&Arc<OutSeries>>) -> u64 {
    let texts = |out: &Arc<OutSeries>| out.labels.canonical().len() + out.encoded.len();
    ENTRY_BYTES + (labels.canonical().len() + out.map_or(0, texts)) as u64
}

const SWEEP: usize = 1_024;

impl SeriesCache {
    pub(super) fn new(rewrite: Rewrite) -> Self {
        Self { rewrite, known: HashMap::new(), sweep_at: SWEEP, bytes: 0 }
    }

    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What is sent for a series; `None`: it is not.
    pub(super) fn get(&mut self, labels: &Arc<Labels>) -> Option<Arc<OutSeries>> {
        let address = Arc::as_ptr(labels) as usize;
        if let Some((_, known)) = self.known.get(&address) {
            return known.clone();
        }
        if self.known.len() >= self.sweep_at {
            // Whoever holds them alone holds what the log has forgotten.
            self.known.retain(|_, (labels, _)| Arc::strong_count(labels) > 1);
            self.bytes = self.known.values().map(|(labels, out)| entry_bytes(labels, out.as_ref())).sum();
            self.sweep_at = SWEEP.max(2 * self.known.len());
        }
        let out = self.rewrite.apply(labels).map(Arc::new);
        self.bytes += entry_bytes(labels, out.as_ref());
        self.known.insert(address, (Arc::clone(labels), out.clone()));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewrite(rules: &str) -> Rewrite {
        let external = vec![("region".to_owned(), "kr".to_owned()), ("job".to_owned(), "other".to_owned())];
        Rewrite { external, rules: serde_saphyr::from_str(rules).unwrap(), encode: false }
    }

    fn series(i: u32) -> Arc<Labels> {
        Arc::new(Labels::from_pairs([("__name__", "m"), ("job", "j"), ("i", &i.to_string())]))
    }

    #[test]
    fn external_labels_yield_to_those_that_are_there_and_rules_see_both() {
        let rules = "[{source_labels: [region], regex: kr, target_label: zone, replacement: seoul}]";
        let mut cache = SeriesCache::new(rewrite(rules));
        let out = cache.get(&series(1)).unwrap();
        assert_eq!(out.labels.to_string(), r#"m{i="1", job="j", region="kr", zone="seoul"}"#);
    }

    #[test]
    fn rules_drop_series() {
        let mut cache = SeriesCache::new(rewrite("[{source_labels: [i], regex: '1', action: drop}]"));
        assert!(cache.get(&series(1)).is_none());
        assert!(cache.get(&series(2)).is_some());
        let mut cache = SeriesCache::new(rewrite("[{regex: '.*', action: labeldrop}]"));
        assert!(cache.get(&series(1)).is_none(), "without labels there is no series");
    }

    #[test]
    fn series_that_are_gone_do_not_stay() {
        let mut cache = SeriesCache::new(Rewrite::default());
        let kept = series(0);
        let first = cache.get(&kept).unwrap();
        for i in 0..100_000 {
            cache.get(&series(i));
        }
        assert!(cache.known.len() <= 2 * SWEEP, "{}", cache.known.len());
        assert!(Arc::ptr_eq(&first, &cache.get(&kept).unwrap()));
    }
}
