//! Figures for the status page.

use std::collections::HashMap;

use model::metrics::{BlockInfo, MetricStats, StoreStats};
use model::{Result, TimeRange};

use super::Store;
use crate::metrics::{REASONS, Reason};

impl MetricStats for Store {
    fn stats(&self, limit: usize) -> Result<StoreStats> {
        let mut stats = StoreStats {
            log_bytes: self.log.bytes()?,
            appended: self.metrics.appended.get(),
            ..StoreStats::default()
        };
        for reason in REASONS {
            let count = self.metrics.rejected.get_or_create(&Reason { reason: reason.as_str() }).get();
            stats.rejected.push((reason, count));
        }
        stats.head_chunks = self.head.read_all().iter().map(|shard| shard.current().chunks()).sum();
        stats.head_range = self.head.range();
        let blocks = self.blocks.all();
        for block in blocks.iter() {
            stats.blocks += 1;
            stats.block_samples += block.meta.samples;
            stats.block_bytes += block.bytes;
        }
        stats.block_range = blocks.iter().map(|block| block.meta.range).reduce(TimeRange::union);
        self.index_stats(&mut stats, limit);
        Ok(stats)
    }

    fn blocks(&self) -> Vec<BlockInfo> {
        let all = self.blocks.all();
        let mut found: Vec<BlockInfo> = all
            .iter()
            .map(|block| BlockInfo {
                id: block.name.clone(),
                range: block.meta.range,
                series: u64::from(block.meta.series),
                samples: block.meta.samples,
                bytes: block.bytes,
                level: if block.meta.replaces.is_empty() { 1 } else { 2 },
            })
            .collect();
        found.sort_by(|a, b| (a.range.start, &a.id).cmp(&(b.range.start, &b.id)));
        found
    }
}

impl Store {
    /// Shows what only changes from time to time.
    pub(super) fn show_figures(&self) {
        let named = &self.metrics.named;
        let chunks: u64 = self.head.read_all().iter().map(|shard| shard.current().chunks()).sum();
        let range = self.head.range();
        named.head_chunks.set(chunks as i64);
        named.head_min.set(range.map_or(0, |r| r.start));
        named.head_max.set(range.map_or(0, |r| r.end));
        named.lowest.set(self.oldest().unwrap_or(0));
        for (seconds, ms) in [
            (&named.head_min_seconds, &named.head_min),
            (&named.head_max_seconds, &named.head_max),
            (&named.lowest_seconds, &named.lowest),
        ] {
            seconds.set(ms.get() as f64 / 1000.0);
        }
        if let Ok(bytes) = self.log.bytes() {
            named.log_bytes.set(bytes as i64);
        }
        named.log_segment.set(self.log.end().segment as i64);
        let blocks: u64 = self.blocks.all().iter().map(|b| b.bytes).sum();
        named.block_bytes.set((blocks + self.tiers.bytes()) as i64);
        let retention = self.retention();
        named.retention_bytes.set(if retention.bytes == u64::MAX { 0 } else { retention.bytes as i64 });
        named.retention_seconds.set(retention.time_ms as f64 / 1_000.0);
        named.max_exemplars.set(self.exemplars.lock().capacity() as i64);
    }

    /// From the oldest to the newest sample.
    pub(super) fn range(&self) -> Option<TimeRange> {
        let head = self.head.range();
        let blocks = self.blocks.all();
        head.into_iter().chain(blocks.iter().map(|b| b.meta.range)).reduce(TimeRange::union)
    }

    /// Time of the oldest sample, ms.
    pub fn oldest(&self) -> Option<i64> {
        self.range().map(|range| range.start)
    }

    fn index_stats(&self, stats: &mut StoreStats, limit: usize) {
        let index = self.index.read();
        stats.head_series = index.live().len();
        let mut by_metric = HashMap::new();
        let mut values: HashMap<&str, (u64, u64)> = HashMap::new();
        let mut pairs: Vec<(&str, &str, u64)> = Vec::new();
        for (name, value, count) in index.pairs() {
            stats.label_pairs += 1;
            if name == model::labels::METRIC_NAME {
                by_metric.insert(value, count);
            }
            let entry = values.entry(name).or_default();
            entry.0 += 1;
            entry.1 += value.len() as u64 * count; // as Prometheus reckons
            pairs.push((name, value, count));
            if pairs.len() > 4 * limit + 1024 {
                keep_largest(&mut pairs, limit);
            }
        }
        keep_largest(&mut pairs, limit);
        stats.series_by_metric = top(by_metric.iter().map(|(n, c)| (*n, *c)), limit);
        stats.values_by_label = top(values.iter().map(|(n, c)| (*n, c.0)), limit);
        stats.bytes_by_label = top(values.iter().map(|(n, c)| (*n, c.1)), limit);
        stats.series_by_pair = pairs.into_iter().map(|(n, v, c)| (format!("{n}={v}"), c)).collect();
    }
}

fn keep_largest(pairs: &mut Vec<(&str, &str, u64)>, limit: usize) {
    pairs.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| (a.0, a.1).cmp(&(b.0, b.1))));
    pairs.truncate(limit);
}

fn top<'a>(counts: impl Iterator<Item = (&'a str, u64)>, limit: usize) -> Vec<(String, u64)> {
    let mut counts: Vec<_> = counts.collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    counts.truncate(limit);
    counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}
