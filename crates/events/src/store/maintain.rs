//! Flush, merge, retention.

use std::path::Path;
use std::sync::Arc;

use disk::log::SyncPolicy;
use disk::publish;
use model::{Order, Result};
use tracing::{info, warn};

use super::shelf::Shelf;
use super::{KINDS, Store};
use crate::part::{Cursor, Part, Writer};

/// Parts of one day are merged when there are this many small ones.
const MERGE_AT: usize = 6;
/// A part this large is left alone.
const SMALL: u64 = 64 << 20;
const DAY_NS: i64 = 86_400_000_000_000;

impl Store {
    /// Syncs the logs, flushes, merges and applies retention where due. Called every few seconds.
    pub fn maintain(&self) -> Result<()> {
        let _one_at_a_time = self.maintenance.lock();
        let result = self.maintain_all();
        if result.is_err() {
            self.metrics.failures.inc();
        }
        self.count_parts();
        result
    }

    fn maintain_all(&self) -> Result<()> {
        let now = self.clock.now_ms();
        let steady = self.steady.lock().look(now);
        let retention = self.retention();
        for (kind, _) in KINDS {
            let shelf = self.shelf(kind);
            if self.options.sync != SyncPolicy::Off {
                shelf.log.sync()?;
            }
            self.quarantine(shelf)?;
            let due = {
                let visible = shelf.visible.read();
                visible.frozen.is_some()
                    || visible.bytes >= self.options.flush_bytes
                    || (!visible.buffer.is_empty()
                        // A clock that stepped back counts as time that has passed.
                        && now.saturating_sub(visible.oldest_arrival_ms).saturating_abs() >= self.options.flush_ms)
            };
            if due {
                self.flush(shelf)?;
            }
            if let Some(group) = due_for_merge(&shelf.parts()) {
                self.merge(shelf, group)?;
            }
            let keep = retention.of(kind);
            if keep > 0 {
                let oldest = steady.saturating_sub(keep).saturating_mul(1_000_000);
                drop_parts(shelf, |part| part.range().is_none_or(|(_, newest)| newest < oldest))?;
            }
        }
        self.enforce_size(retention.bytes)
    }

    pub(super) fn flush(&self, shelf: &Shelf) -> Result<()> {
        let Some(frozen) = shelf.freeze()? else { return Ok(()) };
        let upto = *shelf.frozen_upto.lock();
        let part = publish_part(shelf, |dir| {
            let mut writer = Writer::create(&*shelf.fs, dir)?;
            frozen.values().try_for_each(|event| writer.add(Arc::unwrap_or_clone(Arc::clone(event))))?;
            writer.finish(upto, &[])
        })?;
        let name = part.name.clone();
        shelf.visible.write().published(part);
        // The positions in the new segment must be as durable as those in the old ones.
        shelf.log.sync()?;
        shelf.log.remove_before(upto)?;
        self.metrics.flushes.inc();
        info!(part = name, events = frozen.len(), "events flushed");
        Ok(())
    }

    fn merge(&self, shelf: &Shelf, group: Vec<Arc<Part>>) -> Result<()> {
        let upto = group.iter().map(|p| p.log_upto).max().unwrap_or(0);
        let replaces: Vec<String> = group.iter().map(|p| p.name.clone()).collect();
        let mut cursors: Vec<Cursor> =
            group.iter().map(|p| Cursor::new(Arc::clone(p), i64::MIN, i64::MAX, Order::Ascending)).collect();
        let merged = publish_part(shelf, |dir| {
            let mut writer = Writer::create(&*shelf.fs, dir)?;
            while let Some(next) = super::read::earliest(&cursors, Order::Ascending) {
                if let Some(event) = cursors[next].next()? {
                    writer.add(event)?;
                }
            }
            writer.finish(upto, &replaces)
        })?;
        {
            let mut visible = shelf.visible.write();
            visible.parts.retain(|p| !replaces.contains(&p.name));
            visible.parts.push(merged);
        }
        shelf.leftovers.add(replaces);
        shelf.leftovers.clear(&*shelf.fs, &shelf.dir)?;
        self.metrics.merges.inc();
        Ok(())
    }

    /// Takes the parts that turned out to be corrupt out of use.
    fn quarantine(&self, shelf: &Shelf) -> Result<()> {
        for part in shelf.parts().iter().filter(|p| p.is_damaged()) {
            warn!(part = part.name, "corrupt events part is set aside");
            crate::folder::set_aside(&*shelf.fs, &shelf.dir, &part.name)?;
            shelf.visible.write().parts.retain(|p| p.name != part.name);
            self.metrics.quarantined.inc();
        }
        Ok(())
    }

    /// Removes the parts with the oldest events, of whatever kind, until the rest fits.
    fn enforce_size(&self, limit: u64) -> Result<()> {
        let mut all: Vec<(i64, usize, Arc<Part>)> = Vec::new();
        for (number, shelf) in self.shelves.iter().enumerate() {
            all.extend(shelf.parts().into_iter().map(|p| (p.range().map_or(i64::MIN, |r| r.1), number, p)));
        }
        all.sort_by(|a, b| (a.0, a.1, &a.2.name).cmp(&(b.0, b.1, &b.2.name)));
        let sizes: Vec<u64> = all.iter().map(|(_, _, p)| p.bytes).collect();
        for (_, number, part) in &all[..disk::space::oldest_to_remove(&sizes, limit)] {
            drop_parts(&self.shelves[*number], |p| p.name == part.name)?;
        }
        Ok(())
    }
}

fn drop_parts(shelf: &Shelf, doomed: impl Fn(&Part) -> bool) -> Result<()> {
    let gone: Vec<String> = shelf.parts().iter().filter(|p| doomed(p)).map(|p| p.name.clone()).collect();
    for name in gone {
        shelf.visible.write().parts.retain(|p| p.name != name);
        shelf.leftovers.add([name.clone()]);
        shelf.leftovers.clear(&*shelf.fs, &shelf.dir)?;
        info!(part = name, "events part removed by retention");
    }
    Ok(())
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
    let parts = shelf.parts();
    crate::folder::next_name(
        parts.iter().flat_map(|p| std::iter::once(&p.name).chain(&p.replaces)).map(|n| &**n),
    )
}

/// Small parts whose newest event is of the same day, if they are many.
fn due_for_merge(parts: &[Arc<Part>]) -> Option<Vec<Arc<Part>>> {
    let day = |p: &Part| p.range().map_or(0, |(_, newest)| newest.div_euclid(DAY_NS));
    let small: Vec<&Arc<Part>> = parts.iter().filter(|p| p.bytes < SMALL).collect();
    let crowded =
        small.iter().map(|p| day(p)).find(|d| small.iter().filter(|p| day(p) == *d).count() >= MERGE_AT)?;
    Some(small.into_iter().filter(|p| day(p) == crowded).cloned().collect())
}
