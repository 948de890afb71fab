//! What of the tiers a query reads.

use std::sync::Arc;

use model::{SelectHints, TimeRange};

use super::super::Store;
use super::is_current;
use crate::block::{Block, PAGE_SAMPLES};
use crate::tiers::coverage::{Candidate, Plan, Question, plan};
use crate::tiers::{Level, first_span_end, window_of};

impl Store {
    /// Before this time samples of some series may have been deleted for their age, ms.
    pub(in crate::store) fn gone_before(&self) -> i64 {
        self.oldest().unwrap_or(i64::MAX).max(self.thinned.lock().before)
    }

    /// Blocks of tiers that tell about series whose samples are gone.
    pub(in crate::store) fn older_blocks(&self, range: TimeRange) -> Vec<Arc<Block>> {
        let gone = self.gone_before();
        let reaches = |level: &Level, b: &Arc<Block>| {
            !b.is_broken() && first_span_end(b, level.resolution) < gone && window_of(b).overlaps(range)
        };
        let mut found = Vec::new();
        for level in &self.tiers.levels {
            found.extend(level.blocks.all().iter().filter(|b| reaches(level, b)).cloned());
        }
        found
    }

    /// How tiers answer a selection; `None` where samples answer all of it.
    pub(in crate::store) fn tier_plan(
        &self,
        range: TimeRange,
        hints: &SelectHints,
        without: &[(i64, u64)],
    ) -> Option<Plan> {
        let hint = hints.summary.filter(|_| !hints.labels_only && self.retention().downsampling.queries);
        let blocks: Vec<(i64, Arc<Block>)> = self
            .tiers
            .levels
            .iter()
            .flat_map(|level| {
                level.blocks.all().iter().map(|b| (level.resolution, Arc::clone(b))).collect::<Vec<_>>()
            })
            .filter(|(_, b)| !b.is_broken())
            .collect();
        if blocks.is_empty() {
            return None;
        }
        // In this order: a late sample that moves meanwhile is seen in one of the two.
        let in_memory = self.oldest_in_memory();
        let gone_before = self.gone_before();
        if hint.is_none() && range.start >= gone_before {
            return None;
        }
        let samples = self.blocks.all();
        let coarsest = crate::tiers::LEVELS[0].0;
        let around = TimeRange::new(range.start.saturating_sub(coarsest), range.end.saturating_add(coarsest));
        let mut candidates: Vec<Candidate> = blocks
            .into_iter()
            .map(|(resolution, block)| {
                let window = window_of(&block);
                let current = window.end < in_memory
                    && !without.contains(&(resolution, block.number))
                    && is_current(&block, window, &samples);
                let first = first_span_end(&block, resolution);
                Candidate { block, resolution, window, first, current }
            })
            .filter(|c| c.window.overlaps(around))
            .collect();
        candidates.sort_by_key(|c| (std::cmp::Reverse(c.resolution), c.window.start));
        let page = |range: TimeRange| page_length(&samples, range);
        plan(&Question { range, hint, gone_before, page: &page }, candidates)
    }
}

/// How long the longest pages around a range are, ms.
fn page_length(samples: &[Arc<Block>], range: TimeRange) -> i64 {
    let length = |b: &Arc<Block>| {
        let length = b.meta.range.end.saturating_sub(b.meta.range.start).saturating_add(1);
        let pages = (b.meta.samples / u64::from(b.meta.series.max(1))).div_ceil(PAGE_SAMPLES as u64);
        length / (pages.max(1) as i64)
    };
    samples.iter().filter(|b| b.meta.range.overlaps(range)).map(length).max().unwrap_or(0)
}
