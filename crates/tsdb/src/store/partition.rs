//! A share of a selection: decodes and merges one series after another.

use std::sync::Arc;

use model::{Ctx, Error, Labels, Partition, Reservation, Result, SeriesData, TimeRange};

use crate::block::{Block, Page, Pages};
use crate::head::{Decoder, HeadPiece, Snapshot};
use crate::merge::{Run, merge};
use crate::tiers::coverage::Plan;
use crate::tiers::read::{TierPages, TierReader};

/// A series of a selection: where its samples are.
pub(super) struct Found {
    pub(super) labels: Labels,
    /// Block (its place in the selection) and page. Blocks in order of rank, pages in order of time.
    pub(super) pages: Vec<(u32, Page)>,
    /// What is deleted from a block.
    pub(super) deleted: Vec<(u32, Arc<[TimeRange]>)>,
    /// What a flush took out, then what came after.
    pub(super) head: Vec<HeadPiece>,
    /// What tiers have.
    pub(super) tier: Vec<TierPages>,
    /// Where in memory it is; series of one target are close to each other.
    pub(super) order: u64,
}

impl Found {
    pub(super) fn new(labels: Labels) -> Self {
        let (pages, deleted, head, tier) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { labels, pages, deleted, head, tier, order: u64::MAX }
    }
}

/// What the partitions of a selection share.
pub(super) struct Shared {
    pub(super) ctx: Ctx,
    pub(super) range: TimeRange,
    pub(super) labels_only: bool,
    pub(super) snapshot: Snapshot,
    pub(super) blocks: Vec<Arc<Block>>,
    /// What tiers answer.
    pub(super) plan: Option<Plan>,
    /// Held as long as the selection is read.
    pub(super) _reserved: [Reservation; 2],
}

pub(super) struct Share {
    shared: Arc<Shared>,
    series: std::vec::IntoIter<Found>,
    next_id: u64,
    pages: Vec<Pages>,
    decoder: Decoder,
    runs: Vec<Run>,
    used: usize,
    merged: Run,
    scratch: Run,
    tiers: TierReader,
}

impl Share {
    pub(super) fn new(shared: Arc<Shared>, series: Vec<Found>, first_id: u64) -> Self {
        let mut pages = Vec::new();
        pages.resize_with(shared.blocks.len(), Pages::default);
        Self {
            shared,
            series: series.into_iter(),
            next_id: first_id,
            pages,
            decoder: Decoder::default(),
            runs: Vec::new(),
            used: 0,
            merged: Run::default(),
            scratch: Run::default(),
            tiers: TierReader::default(),
        }
    }

    /// An empty run, after those in use.
    fn new_run(&mut self) -> usize {
        if self.runs.len() == self.used {
            self.runs.push(Run::default());
        }
        self.runs[self.used].clear();
        self.used += 1;
        self.used - 1
    }

    fn read(&mut self, found: &Found) -> Result<()> {
        self.used = 0;
        for pages in found.pages.chunk_by(|a, b| a.0 == b.0) {
            let number = pages[0].0; // a chunk is never empty
            let run = self.new_run();
            let block = &self.shared.blocks[number as usize];
            for (_, page) in pages {
                self.pages[number as usize].read(block, page, &mut self.runs[run])?;
            }
            if let Some((_, ranges)) = found.deleted.iter().find(|d| d.0 == number) {
                self.runs[run].delete(ranges);
            }
        }
        for piece in &found.head {
            let ordered = self.new_run();
            let late = self.new_run();
            let (front, back) = self.runs.split_at_mut(late);
            self.shared
                .snapshot
                .decode(piece, self.shared.range, &mut self.decoder, &mut front[ordered], &mut back[0])
                .map_err(|e| Error::internal("samples in memory are not readable").with_detail(e))?;
        }
        merge(&mut self.runs[..self.used], self.shared.range, &mut self.merged, &mut self.scratch);
        Ok(())
    }
}

impl Partition for Share {
    fn next(&mut self, out: &mut SeriesData) -> Result<bool> {
        loop {
            out.clear();
            let Some(found) = self.series.next() else { return Ok(false) };
            self.shared.ctx.check()?;
            out.id = self.next_id;
            self.next_id += 1;
            if self.shared.labels_only {
                out.labels = found.labels;
                return Ok(true);
            }
            self.read(&found)?;
            if let Some(plan) = &self.shared.plan {
                self.tiers.complete(plan, &found.tier, &mut self.merged, out)?;
            }
            if !self.merged.is_empty() || !out.summaries.is_empty() {
                // The caller's buffers become ours: nothing is copied, nothing allocated.
                std::mem::swap(&mut out.t, &mut self.merged.t);
                std::mem::swap(&mut out.v, &mut self.merged.v);
                std::mem::swap(&mut out.start, &mut self.merged.start);
                std::mem::swap(&mut out.histograms, &mut self.merged.histograms);
                std::mem::swap(&mut out.histogram_start, &mut self.merged.histogram_start);
                out.labels = found.labels;
                return Ok(true);
            }
        }
    }
}
