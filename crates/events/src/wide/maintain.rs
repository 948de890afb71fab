//! Flush, merge, retention, deletion.

use std::path::Path;
use std::sync::Arc;

use disk::log::SyncPolicy;
use disk::publish;
use model::records::RecordScan;
use model::{Ctx, EventKind, Labels, Result};
use tracing::{info, warn};

use super::block::{Asked, matching};
use super::flush::{self, DAY_NS, Workplace};
use super::part::{Entry, Part, Writer};
use super::rewrite::{self, Without};
use super::scan::Plan;
use super::shelf::{Shelf, Visible};
use super::{KINDS, Store};

/// So many neighbours of about one size become one.
const MERGE_AT: usize = 8;
/// Parts of the lowest class are smaller than this, those of the next so many times; larger ones stay as they are. A merge
/// must be short: flushes wait for it.
const CLASS_BYTES: u64 = 4 << 20;
const CLASSES: u32 = 2;
/// Blocks that are smaller on the average become larger ones in a merge.
const SMALL_BLOCK: u64 = 1 << 20;
/// Less in memory is left to the log at an orderly end.
const WORTH_PART: u64 = 1 << 20;
/// For how long working memory is kept for the next flush.
const WORKPLACE_MS: i64 = 10_000;
/// Working memory of a flush or a merge.
const WORK_BYTES: u64 = 24 << 20;

impl Store {
    /// Both halves of upkeep, one after the other.
    pub fn maintain(&self) -> Result<()> {
        self.maintain_memory()?;
        self.maintain_parts()
    }

    /// Syncs the logs and makes parts of what is in memory where due. Called several times a second.
    pub fn maintain_memory(&self) -> Result<()> {
        let _one_at_a_time = self.maintenance.lock();
        self.counted(|| {
            let now = self.clock.now_ms();
            for kind in KINDS {
                let shelf = self.shelf(kind)?;
                if self.options.sync != SyncPolicy::Off {
                    shelf.log.sync()?;
                }
                if self.is_due(&shelf.visible.read(), now) {
                    self.flush(shelf)?;
                } else {
                    shelf.cut_positions()?;
                }
            }
            let unused = |place: &mut Workplace| now.abs_diff(place.used_ms) >= WORKPLACE_MS as u64;
            self.workplace.lock().take_if(unused);
            Ok(())
        })
    }

    /// Merges parts and applies retention where due. Called several times a second, from another thread than
    /// [`maintain_memory`](Self::maintain_memory): writers wait for that, and nobody waits for this.
    pub fn maintain_parts(&self) -> Result<()> {
        let _one_at_a_time = self.rewriting.lock();
        self.counted(|| {
            let now = self.clock.now_ms();
            let steady = self.steady.lock().look(now);
            let retention = self.retention();
            for kind in KINDS {
                let shelf = self.shelf(kind)?;
                self.quarantine(shelf)?;
                if let Some(group) = due_for_merge(&shelf.parts()) {
                    self.merge(shelf, &group)?;
                }
                if retention.longest_ms() > 0 {
                    let oldest = steady.saturating_sub(retention.longest_ms()).saturating_mul(1_000_000);
                    self.expire(shelf, oldest)?;
                }
            }
            self.keep_streams(&retention, now, steady)?;
            self.enforce_size(retention.bytes)
        })
    }

    fn counted(&self, work: impl FnOnce() -> Result<()>) -> Result<()> {
        let result = work();
        if result.is_err() {
            self.metrics.failures.inc();
        }
        self.measure();
        result
    }

    fn is_due(&self, visible: &Visible, now: i64) -> bool {
        let arena = &visible.arena;
        // A clock that stepped back counts as time that has passed.
        let age = now.saturating_sub(arena.since_ms).saturating_abs();
        visible.frozen.is_some()
            || arena.bytes() >= self.options.flush_bytes
            || arena.streams().len() >= self.options.max_streams / 2
            || (!arena.is_empty() && age >= self.options.flush_ms)
    }

    pub(super) fn flush(&self, shelf: &Shelf) -> Result<()> {
        let Some(frozen) = shelf.freeze()? else { return Ok(()) };
        let upto = *shelf.frozen_upto.lock();
        let kept = self.workplace.lock().take();
        // Where a flush fails it is gone, with what it holds.
        let mut place = kept.unwrap_or_else(|| Workplace::new(self.options.budget.claim(WORK_BYTES)));
        let rank = shelf.parts().iter().map(|p| p.rank()).max().unwrap_or(0) + 1;
        let part = publish_part(shelf, |dir| {
            let mut writer = Writer::create(&*shelf.fs, dir)?;
            let streams = flush::write(&frozen, rank, &mut place.builder, &mut writer)?;
            writer.finish(&streams, upto, &[])
        })?;
        place.used_ms = self.clock.now_ms();
        *self.workplace.lock() = Some(place);
        let name = part.name.clone();
        shelf.visible.write().published(part);
        shelf.drained();
        // The positions in the new segment must be as durable as those in the old ones.
        shelf.log.sync()?;
        shelf.log.remove_before(upto)?;
        self.metrics.flushes.inc();
        info!(part = name, records = frozen.len(), "records flushed");
        Ok(())
    }

    /// Makes parts of what is in memory where it is worth one: the next start need not read it back.
    pub(super) fn flush_at_end(&self) -> Result<()> {
        let _one_at_a_time = self.maintenance.lock();
        self.counted(|| {
            let worth = |shelf: &Shelf| shelf.memory() >= WORTH_PART;
            self.shelves.iter().filter(|shelf| worth(shelf)).try_for_each(|shelf| self.flush_all(shelf))
        })
    }

    /// Flushes what is in memory, what a failed flush left included.
    pub(super) fn flush_all(&self, shelf: &Shelf) -> Result<()> {
        if shelf.visible.read().frozen.is_some() {
            self.flush(shelf)?;
        }
        self.flush(shelf)
    }

    fn merge(&self, shelf: &Shelf, group: &[Arc<Part>]) -> Result<()> {
        let upto = group.iter().map(|p| p.log_upto).max().unwrap_or(0);
        let replaces: Vec<String> = group.iter().map(|p| p.name.clone()).collect();
        let _working = self.options.budget.claim(WORK_BYTES);
        let merged = publish_part(shelf, |dir| {
            let mut writer = Writer::create(&*shelf.fs, dir)?;
            let streams = rewrite::merge(group, SMALL_BLOCK, &mut writer)?;
            writer.finish(&streams, upto, &replaces)
        })?;
        self.replace(shelf, replaces, Some(merged))?;
        self.metrics.merges.inc();
        Ok(())
    }

    /// Readers see the new part instead of the old ones, which then go.
    fn replace(&self, shelf: &Shelf, old: Vec<String>, new: Option<Arc<Part>>) -> Result<()> {
        {
            let mut visible = shelf.visible.write();
            let at = visible.parts.iter().position(|p| old.contains(&p.name)).unwrap_or(0);
            visible.parts.retain(|p| !old.contains(&p.name));
            if let Some(new) = new {
                visible.parts.insert(at, new);
            }
        }
        shelf.leftovers.add(old);
        shelf.leftovers.clear(&*shelf.fs, &shelf.dir)
    }

    /// Takes the parts that turned out to be corrupt out of use.
    fn quarantine(&self, shelf: &Shelf) -> Result<()> {
        for part in shelf.parts().iter().filter(|p| p.is_damaged()) {
            warn!(part = part.name, "corrupt records part is set aside");
            crate::folder::set_aside(&*shelf.fs, &shelf.dir, &part.name)?;
            shelf.visible.write().parts.retain(|p| p.name != part.name);
            self.metrics.quarantined.inc();
        }
        Ok(())
    }

    /// Removes blocks that have nothing newer than `oldest`, with their part where it has no others.
    fn expire(&self, shelf: &Shelf, oldest: i64) -> Result<()> {
        for part in shelf.parts() {
            let expired = |entry: &&Entry| entry.max_t < oldest;
            let gone: u64 = part.blocks.iter().filter(expired).map(|b| u64::from(b.len)).sum();
            let all = part.blocks.iter().all(|b| b.max_t < oldest);
            // A part of several days is written again once half of it has expired.
            if all || gone * 2 > part.bytes {
                let without =
                    |_, entry: &Entry| Ok(if entry.max_t < oldest { Without::All } else { Without::Nothing });
                self.rewrite(shelf, &part, without)?;
                info!(part = part.name, all, "expired records removed");
            }
        }
        Ok(())
    }

    /// Writes a part again without some of its rows; gives how many.
    pub(super) fn rewrite(
        &self,
        shelf: &Shelf,
        part: &Arc<Part>,
        mut without: impl FnMut(usize, &Entry) -> Result<Without>,
    ) -> Result<u64> {
        let replaces = vec![part.name.clone()];
        let mut decided = Vec::with_capacity(part.blocks.len());
        for (at, entry) in part.blocks.iter().enumerate() {
            decided.push(without(at, entry)?);
        }
        if decided.iter().all(|d| matches!(d, Without::Nothing)) {
            return Ok(0);
        }
        // The newest part says up to where the log is in parts: it stays, without blocks.
        let empty = decided.iter().all(|d| matches!(d, Without::All));
        let newest = shelf.parts().iter().all(|p| p.log_upto <= part.log_upto);
        if empty && !newest {
            let gone = part.blocks.iter().map(|b| u64::from(b.rows)).sum();
            self.replace(shelf, replaces, None)?;
            return Ok(gone);
        }
        let _working = self.options.budget.claim(WORK_BYTES);
        let numbers = rewrite::streams_left(part, &decided)?;
        let mut decided = decided.into_iter();
        let mut gone = 0;
        let written = publish_part(shelf, |dir| {
            let mut writer = Writer::create(&*shelf.fs, dir)?;
            gone = rewrite::copy_without(part, &mut writer, &numbers, |_| {
                Ok(decided.next().unwrap_or(Without::Nothing))
            })?;
            let left = part.streams.iter().zip(&numbers).filter(|(_, number)| number.is_some());
            let streams: Vec<Labels> = left.map(|(stream, _)| stream.clone()).collect();
            writer.finish(&streams, part.log_upto, &replaces)
        })?;
        self.replace(shelf, replaces, Some(written))?;
        Ok(gone)
    }

    /// Removes the parts with the oldest records, of whatever kind, until the rest fits.
    fn enforce_size(&self, limit: u64) -> Result<()> {
        let mut all: Vec<(i64, EventKind, Arc<Part>)> = Vec::new();
        for kind in KINDS {
            let parts = self.shelf(kind)?.parts();
            all.extend(parts.into_iter().map(|p| (p.range().map_or(i64::MIN, |r| r.1), kind, p)));
        }
        all.sort_by(|a, b| (a.0, a.1, &a.2.name).cmp(&(b.0, b.1, &b.2.name)));
        let sizes: Vec<u64> = all.iter().map(|(_, _, p)| p.bytes).collect();
        for (_, kind, part) in &all[..disk::space::oldest_to_remove(&sizes, limit)] {
            if !part.blocks.is_empty() {
                self.rewrite(self.shelf(*kind)?, part, |_, _| Ok(Without::All))?;
                info!(part = part.name, "records part removed by the limit on size");
            }
        }
        Ok(())
    }

    pub(super) fn delete_records(&self, ctx: &Ctx, scan: &RecordScan) -> Result<u64> {
        let _nothing_else = (self.maintenance.lock(), self.rewriting.lock());
        self.check_tenant(&ctx.tenant)?;
        let shelf = self.shelf(scan.kind)?;
        self.flush_all(shelf)?;
        // Segments that an earlier flush could not remove.
        shelf.log.remove_before(*shelf.frozen_upto.lock())?;
        let plan = Plan::new(&RecordScan { limit: 0, ..scan.clone() });
        let mut gone = 0;
        for part in shelf.parts() {
            let wanted: Vec<bool> = part.streams.iter().map(|s| plan.wants_stream(s)).collect();
            let without = |at: usize, entry: &Entry| {
                ctx.check()?;
                let (first, last) = (entry.streams.0 as usize, entry.streams.1 as usize);
                let touched = entry.min_t <= scan.end_ns
                    && entry.max_t >= scan.start_ns
                    && wanted[first..=last].contains(&true);
                if !touched || !part.may_have(at, &plan)? {
                    return Ok(Without::Nothing);
                }
                let (head, bytes) = part.head(entry)?;
                let asked = Asked {
                    plan: &plan,
                    streams: &part.streams,
                    wanted: &wanted,
                    natural: true,
                    except: &[],
                    range: None,
                };
                let rows = part.noting(matching(&head, &bytes, &asked))?;
                Ok(match rows.len() {
                    0 => Without::Nothing,
                    n if n == entry.rows as usize => Without::All,
                    _ => Without::Rows(rows),
                })
            };
            gone += self.rewrite(shelf, &part, without)?;
        }
        self.metrics.deleted.inc_by(gone);
        self.measure();
        Ok(gone)
    }
}

/// Publishes a part that `write` fills, and opens it.
fn publish_part<T>(shelf: &Shelf, write: impl FnOnce(&Path) -> Result<T>) -> Result<Arc<Part>> {
    shelf.leftovers.clear(&*shelf.fs, &shelf.dir)?;
    let name = next_name(shelf);
    let published = publish::directory(&*shelf.fs, &shelf.dir, &name, write)
        .and_then(|_| Part::open(&*shelf.fs, &shelf.dir, &name));
    // It may have its name already.
    published.map(Arc::new).inspect_err(|_| shelf.leftovers.add([name]))
}

/// A number that no part has and that no part lists among what it replaces.
fn next_name(shelf: &Shelf) -> String {
    let mut last = shelf.last_name.lock();
    let parts = shelf.parts();
    let names = parts.iter().flat_map(|p| std::iter::once(&p.name).chain(&p.replaces)).map(|n| &**n);
    // A part that is being written is not among them.
    *last = crate::folder::next_name(names.chain([last.as_str()]));
    last.clone()
}

/// Neighbours of about one size, if they are many. Larger ones are of one day.
fn due_for_merge(parts: &[Arc<Part>]) -> Option<Vec<Arc<Part>>> {
    let day = |p: &Part| p.range().map_or(0, |(_, newest)| newest.div_euclid(DAY_NS));
    for class in 0..CLASSES {
        let below = CLASS_BYTES * (MERGE_AT as u64).pow(class);
        let together = |a: &Arc<Part>, b: &Arc<Part>| {
            a.bytes < below && b.bytes < below && (class == 0 || day(a) == day(b))
        };
        for run in parts.chunk_by(together) {
            if run.len() >= MERGE_AT {
                return Some(run[..MERGE_AT].to_vec());
            }
        }
    }
    None
}
