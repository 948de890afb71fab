//! A share of a selection: decodes and merges one series after another.

use std::ops::Range;
use std::sync::Arc;

use model::{Ctx, Error, Labels, Partition, Reservation, Result, SeriesData, TimeRange};
use parking_lot::RwLock;

use crate::block::{Block, Page, Pages};
use crate::head::{Decoder, HeadPiece, Index, Listed, Pin, Snapshot};
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

/// Samples in memory of a series that has none elsewhere. What a flush took out, and what came after, are two that
/// follow each other. Labels are only put together when it is read.
pub(super) struct InMemory {
    pub(super) series: Listed,
    pub(super) piece: HeadPiece,
}

/// What the partitions of a selection share.
pub(super) struct Shared {
    pub(super) ctx: Ctx,
    pub(super) range: TimeRange,
    pub(super) labels_only: bool,
    pub(super) snapshot: Snapshot,
    pub(super) in_memory: Vec<InMemory>,
    pub(super) index: Arc<RwLock<Index>>,
    /// For the labels of `in_memory`.
    pub(super) _pin: Pin,
    pub(super) blocks: Vec<Arc<Block>>,
    /// What tiers answer.
    pub(super) plan: Option<Plan>,
    /// Held as long as the selection is read.
    pub(super) _reserved: [Reservation; 2],
}

pub(super) struct Share {
    shared: Arc<Shared>,
    series: std::vec::IntoIter<Found>,
    /// Its part of what is in memory only.
    in_memory: Range<usize>,
    next_id: u64,
    canonical: String,
    pages: Vec<Pages>,
    decoder: Decoder,
    runs: Vec<Run>,
    used: usize,
    merged: Run,
    scratch: Run,
    tiers: TierReader,
}

impl Share {
    /// Those found, and a range of those in memory only. Numbers of series begin with `first_id`.
    pub(super) fn new(
        shared: Arc<Shared>,
        series: Vec<Found>,
        in_memory: Range<usize>,
        first_id: u64,
    ) -> Self {
        let mut pages = Vec::new();
        pages.resize_with(shared.blocks.len(), Pages::default);
        Self {
            shared,
            series: series.into_iter(),
            in_memory,
            next_id: first_id,
            canonical: String::new(),
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
            self.read_piece(piece)?;
        }
        self.merge();
        Ok(())
    }

    fn read_piece(&mut self, piece: &HeadPiece) -> Result<()> {
        let ordered = self.new_run();
        let late = self.new_run();
        let (front, back) = self.runs.split_at_mut(late);
        self.shared
            .snapshot
            .decode(piece, self.shared.range, &mut self.decoder, &mut front[ordered], &mut back[0])
            .map_err(|e| Error::internal("samples in memory are not readable").with_detail(e))
    }

    fn merge(&mut self) {
        merge(&mut self.runs[..self.used], self.shared.range, &mut self.merged, &mut self.scratch);
    }

    /// Reads the next series that is in memory only; its labels, or `None` after the last.
    fn next_in_memory(&mut self) -> Result<Option<Labels>> {
        let shared = Arc::clone(&self.shared);
        let mut rest = shared.in_memory.get(self.in_memory.clone()).unwrap_or_default().iter();
        let Some(first) = rest.next() else { return Ok(None) };
        let pieces = 1 + rest.take_while(|other| other.series.id == first.series.id).count();
        let all = self.in_memory.start..self.in_memory.start + pieces;
        self.in_memory.start = all.end;
        self.used = 0;
        if !shared.labels_only {
            for InMemory { piece, .. } in shared.in_memory.get(all).unwrap_or_default() {
                self.read_piece(piece)?;
            }
            self.merge();
        }
        shared.index.read().canonical_of(&first.series, &mut self.canonical);
        let labels = Labels::from_canonical(&self.canonical);
        labels.ok_or_else(|| Error::internal("labels are not canonical")).map(Some)
    }

    /// Gives out what was read.
    fn give(&mut self, labels: Labels, out: &mut SeriesData) {
        // The caller's buffers become ours: nothing is copied, nothing allocated.
        std::mem::swap(&mut out.t, &mut self.merged.t);
        std::mem::swap(&mut out.v, &mut self.merged.v);
        std::mem::swap(&mut out.start, &mut self.merged.start);
        std::mem::swap(&mut out.histograms, &mut self.merged.histograms);
        std::mem::swap(&mut out.histogram_start, &mut self.merged.histogram_start);
        out.labels = labels;
    }
}

impl Partition for Share {
    fn next(&mut self, out: &mut SeriesData) -> Result<bool> {
        loop {
            out.clear();
            self.shared.ctx.check()?;
            let (labels, tier) = match self.series.next() {
                Some(found) => {
                    if !self.shared.labels_only {
                        self.read(&found)?;
                    }
                    (found.labels, found.tier)
                }
                None => match self.next_in_memory()? {
                    Some(labels) => (labels, Vec::new()),
                    None => return Ok(false),
                },
            };
            out.id = self.next_id;
            self.next_id += 1;
            if self.shared.labels_only {
                out.labels = labels;
                return Ok(true);
            }
            if let Some(plan) = &self.shared.plan {
                self.tiers.complete(plan, &tier, &mut self.merged, out)?;
            }
            if !self.merged.is_empty() || !out.summaries.is_empty() {
                self.give(labels, out);
                return Ok(true);
            }
        }
    }
}
