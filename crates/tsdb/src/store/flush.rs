//! From memory to blocks: everything is taken out at once, so that the log can be cut exactly there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::{Labels, RejectReason, Result, TimeRange};
use tracing::info;

use super::Store;
use super::compact::FACTOR;
use crate::block::{Block, BlockWriter};
use crate::codec::Effort;
use crate::config::{WINDOW, window_of};
use crate::head::{Decoder, Frozen, Head, SHARDS, Slot, Snapshot, touch};
use crate::merge::{Run, merge};
use crate::wal;

/// Between flushes for the sake of append buffers at least this time passes.
const CROWDED_MS: i64 = 60_000;
/// Between flushes for want of memory at least this time passes, and they free at least so much.
const SHORT_MS: i64 = 10_000;
const SHORT_BYTES: u64 = 256 << 10;
/// The log, which counts towards the size limit, may take one part in so many of it, and always this many bytes.
const LOG_SHARE: u64 = 8;
const LEAST_LOG_BYTES: u64 = 8 << 20;
/// A flush that would write more blocks than this takes wider windows.
const FLUSH_WINDOWS: usize = 3;
/// Blocks that a flush writes side by side.
const OPEN_BLOCKS: usize = 4;
/// Series whose samples are brought near together, before they are decoded one after the other.
const SIDE_BY_SIDE: usize = 16;
/// Series that get no sample are forgotten by a flush only in this many at once, so that locks stay short.
const FORGET_AT_ONCE: usize = 10_000;

/// What the flush must know from call to call.
pub(crate) struct Flushing {
    /// When memory was last taken out, by the clock, ms.
    last: i64,
    /// The first log segment with samples that are not taken out.
    upto: u64,
    /// Samples that had found no room by then.
    refused: u64,
}

impl Flushing {
    pub(crate) fn since(now: i64) -> Self {
        Self { last: now, upto: 0, refused: 0 }
    }
}

impl Store {
    /// Whether memory should go to a block now.
    pub(super) fn flush_is_due(&self) -> Result<bool> {
        let (mut total, mut sealed, mut samples) = (0, 0, false);
        for shard in self.head.read_all() {
            total += shard.current().bytes();
            sealed += shard.current().sealed_bytes();
            samples |= shard.current().range().is_some();
        }
        // A clock that stepped back counts as time that has passed.
        let waited = self.clock.now_ms().saturating_sub(self.flushing.lock().last).saturating_abs();
        // Append buffers are there again right after a flush: by themselves they are no reason for one, but many of
        // them, or short memory, are a reason from time to time.
        let crowded = total / 2 >= self.options.flush_bytes && waited >= CROWDED_MS;
        let short = self.options.budget.is_short() && total >= SHORT_BYTES && waited >= SHORT_MS;
        // Series are there whose samples found no room, which the share of series in memory may lack alone.
        let refused = self.metrics.rejected_so_far(RejectReason::Limit) > self.flushing.lock().refused
            && total >= SHORT_BYTES
            && waited >= SHORT_MS;
        let full = sealed >= self.options.flush_bytes || crowded || short || refused;
        Ok(self.head.frozen().is_some()
            || (samples && (full || waited >= self.options.flush_ms))
            || self.log.bytes()? >= self.most_log_bytes())
    }

    /// With more in the log than this, memory goes to a block: where the store has a small limit, history is worth more.
    /// Definitions do not count, within the same share: a cut has all of them written again with the next samples, and
    /// would bring on the next one.
    fn most_log_bytes(&self) -> u64 {
        let share = (self.retention().bytes / LOG_SHARE).max(LEAST_LOG_BYTES);
        self.options.flush_log_bytes.min(share) + self.defined_bytes.load(Ordering::Relaxed).min(share)
    }

    /// Whether a stop should write memory to a block: reading the log back would take longer, and this does not take
    /// long.
    pub(super) fn flush_is_worth_it(&self) -> Result<bool> {
        let least = self.options.close_flush_log_bytes;
        if least == 0 || self.log.bytes()? < least || self.head.frozen().is_some() {
            return Ok(false);
        }
        let in_memory: u64 = self.head.read_all().iter().map(|shard| shard.current().bytes()).sum();
        Ok((1..=self.options.close_flush_bytes).contains(&in_memory))
    }

    /// Moves all samples in memory to blocks and cuts the log. After an error they stay readable, and the next call
    /// goes on with them.
    pub fn flush(&self) -> Result<()> {
        let _one_at_a_time = self.maintenance.lock();
        self.flush_locked()
    }

    /// Moves all samples to blocks where there are some, also after a flush that failed half-way.
    pub(super) fn flush_all(&self) -> Result<()> {
        self.finish_flush()?;
        if self.head.range().is_some() { self.flush_locked() } else { Ok(()) }
    }

    /// Goes on with what a failed flush took out of memory: it is in no block yet.
    pub(crate) fn finish_flush(&self) -> Result<()> {
        if self.head.frozen().is_some() { self.flush_locked() } else { Ok(()) }
    }

    pub(crate) fn flush_locked(&self) -> Result<()> {
        let frozen = match self.head.frozen() {
            Some(frozen) => frozen, // the last flush failed
            None => self.freeze()?,
        };
        let blocks = self.write_blocks(&frozen)?;
        let written: u64 = blocks.iter().map(|b| b.meta.samples).sum();
        // First the blocks, then the forgetting: a reader sees the samples here, there, or in both.
        self.blocks.replace(&[], blocks)?;
        self.head.thaw();
        // What was said again in the new segment must be as durable as what goes with the old ones.
        self.log.sync()?;
        let upto = self.flushing.lock().upto;
        self.feed.cut(upto)?;
        self.metrics.named.log_cuts.inc();
        self.metrics.flushes.inc();
        info!(samples = written, "samples flushed");
        self.forget_idle()
    }

    /// Cuts memory and log at one point.
    fn freeze(&self) -> Result<Arc<Frozen>> {
        self.log.sync()?; // the sync below, under the lock, then has little to do
        let (kept, seen) = self.kept_exemplars(0);
        let mut epoch = self.epoch.write();
        let upto = self.log.rotate()?;
        for record in self.knowledge() {
            self.log.enqueue(&record)?;
        }
        for record in kept.into_iter().chain(self.kept_exemplars(seen).0) {
            self.log.enqueue(&record)?;
        }
        self.log.commit(self.log.enqueued())?;
        // Series are defined again in the new segment. 0 and the largest are no epochs.
        *epoch = if *epoch >= u32::MAX - 1 { 1 } else { *epoch + 1 };
        self.defined_bytes.store(0, Ordering::Relaxed);
        self.feed.begins(upto);
        let mut flushing = self.flushing.lock();
        flushing.upto = upto;
        flushing.last = self.clock.now_ms();
        flushing.refused = self.metrics.rejected_so_far(RejectReason::Limit);
        Ok(self.head.freeze())
    }

    /// Records of all metadata and positions.
    pub(super) fn knowledge(&self) -> Vec<Vec<u8>> {
        let mut records = wal::families(self.families.read().all());
        records.append(&mut wal::positions(self.positions.read().iter()));
        records
    }

    fn write_blocks(&self, frozen: &Frozen) -> Result<Vec<Arc<Block>>> {
        let order = self.sorted_slots(frozen);
        let windows = windows_of(&frozen.windows(), super::compact::largest(self.retention().shortest_ms()));
        let mut blocks = Vec::with_capacity(windows.len());
        for windows in windows.chunks(OPEN_BLOCKS) {
            if let Err(e) = self.write_windows(frozen, &order, windows, &mut Vec::new(), &mut blocks) {
                // All are written again.
                blocks.into_iter().for_each(|block| self.blocks.abandon(block.name.clone()));
                return Err(e);
            }
        }
        Ok(blocks)
    }

    /// Opens a block for each window, one within the publication of the other, then goes over the series once.
    fn write_windows(
        &self,
        frozen: &Frozen,
        order: &[Slot],
        windows: &[TimeRange],
        open: &mut Vec<(TimeRange, BlockWriter)>,
        blocks: &mut Vec<Arc<Block>>,
    ) -> Result<()> {
        let Some((window, others)) = windows.split_first() else {
            return self.write_series(frozen, order, open);
        };
        let block = self.blocks.publish(*window, |dir, number| {
            // A flush gives memory back: it must not be refused the little that it takes.
            let budget = self.options.budget.claiming("flushes");
            open.push((*window, BlockWriter::create(&*self.fs, dir, Effort::Thorough, &budget)?));
            self.write_windows(frozen, order, others, open, blocks)?;
            // Whoever came after took his own away.
            let (_, writer) = open.pop().ok_or(model::Error::internal("a block without its writer"))?;
            writer.finish(number, &[])
        })?;
        blocks.push(block);
        Ok(())
    }

    fn write_series(
        &self,
        frozen: &Frozen,
        order: &[Slot],
        open: &mut [(TimeRange, BlockWriter)],
    ) -> Result<()> {
        let span = match (open.first(), open.last()) {
            (Some((first, _)), Some((last, _))) => TimeRange::new(first.start, last.end),
            _ => return Ok(()),
        };
        let (mut runs, mut merged, mut scratch) =
            ([Run::default(), Run::default()], Run::default(), Run::default());
        let mut canonical = String::new();
        let (mut snapshot, mut decoder) = (Snapshot::default(), Decoder::default());
        for (at, slot) in order.iter().enumerate() {
            if at.is_multiple_of(SIDE_BY_SIDE) {
                touch(&frozen.shards, order.get(at..order.len().min(at + SIDE_BY_SIDE)).unwrap_or_default());
            }
            snapshot.clear();
            let shard = &frozen.shards[Head::shard_of(*slot)];
            let place = Head::place_of(*slot);
            let Some(piece) = shard.generation(place).and_then(|g| snapshot.add(shard, place, g, span))
            else {
                continue;
            };
            runs.iter_mut().for_each(Run::clear);
            let [ordered, late] = &mut runs;
            snapshot
                .decode(&piece, span, &mut decoder, ordered, late)
                .map_err(|e| model::Error::internal("samples in memory are not readable").with_detail(e))?;
            if !self.index.read().canonical(*slot, &mut canonical) {
                continue;
            }
            let Some(labels) = Labels::from_canonical(&canonical) else { continue };
            for (window, writer) in open.iter_mut() {
                merge(&mut runs, *window, &mut merged, &mut scratch);
                writer.add(&labels, &merged)?;
            }
        }
        Ok(())
    }

    /// Slots with samples in the order of their labels.
    fn sorted_slots(&self, frozen: &Frozen) -> Vec<Slot> {
        let mut slots = Vec::new();
        for (shard, samples) in frozen.shards.iter().enumerate() {
            slots.extend(samples.places().map(|place| (place * SHARDS + shard) as Slot));
        }
        let index = self.index.read();
        slots.sort_by(|a, b| index.compare(*a, *b));
        slots
    }

    /// Removes series that got no sample for long: their blocks stay.
    fn forget_idle(&self) -> Result<()> {
        let cutoff = self.clock.now_ms().saturating_sub(self.options.idle_ms);
        let slots: Vec<Slot> = self.index.read().live().iter().collect();
        for slots in slots.chunks(FORGET_AT_ONCE) {
            // Nobody may create, append or log meanwhile.
            let _membership = self.membership.lock();
            let _epoch = self.epoch.write();
            let mut index = self.index.write();
            let mut canonical = String::new();
            for slot in slots {
                let (shard, place) = (Head::shard_of(*slot), Head::place_of(*slot));
                let mut shard = self.head.write(shard);
                if shard.is_idle(place, cutoff) && index.canonical(*slot, &mut canonical) {
                    self.lookup.remove(self.lookup.hash(&canonical), *slot);
                    shard.dismiss(place);
                    index.remove(*slot);
                    self.metrics.series_removed.inc();
                }
            }
            self.metrics.series.set(index.live().len() as i64);
        }
        Ok(())
    }
}

/// The windows of blocks for samples in these two-hour windows: larger ones, as compaction would make them, where many
/// follow each other, as when a sender catches up.
fn windows_of(starts: &BTreeSet<i64>, largest: i64) -> Vec<TimeRange> {
    let at = |length: i64| {
        let mut windows: Vec<TimeRange> = starts.iter().map(|start| window_of(*start, length)).collect();
        windows.dedup();
        windows
    };
    let (mut length, mut windows) = (WINDOW, at(WINDOW));
    while windows.len() > FLUSH_WINDOWS && length * FACTOR <= largest {
        let wider = at(length * FACTOR);
        if wider.len() * 2 > windows.len() {
            break; // they lie apart: blocks would span time in which nothing is
        }
        (length, windows) = (length * FACTOR, wider);
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_wide_where_samples_are_many_hours_long() {
        let hours = |hours: &[i64]| hours.iter().map(|h| h * 3_600_000).collect::<BTreeSet<_>>();
        let lengths = |starts: &BTreeSet<i64>, largest: i64| {
            let windows = windows_of(starts, largest * 3_600_000);
            windows.iter().map(|w| (w.end - w.start + 1) / 3_600_000).collect::<Vec<_>>()
        };
        assert_eq!(lengths(&hours(&[0, 2, 4]), 744), [2, 2, 2]);
        assert_eq!(lengths(&hours(&[0, 2, 4, 6]), 744), [6, 6]);
        assert_eq!(lengths(&hours(&[0, 2, 4, 6]), 3), [2, 2, 2, 2]);
        let day: Vec<i64> = (0..12).map(|n| 2 * n).collect();
        assert_eq!(lengths(&hours(&day), 744), [18, 18]);
        assert_eq!(lengths(&hours(&[0, 200, 400, 600]), 744), [2, 2, 2, 2]);
    }
}
