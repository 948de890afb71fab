//! The way out.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::metrics::Family;
use model::{
    Ctx, Error, Labels, Listing, Matcher, MetricReader, Partition, Reservation, Result, SelectHints,
    Selected, Selection, SeriesData, TimeRange,
};

use super::Store;
use crate::head::{Head, HeadPiece, Snapshot};
use crate::merge::{Run, merge};

/// Series looked at between two looks at the deadline.
const CHECK_EVERY: usize = 4096;
/// A partition has at least this many series.
const PARTITION_SERIES: usize = 64;

/// A series of a selection: where its samples are, in the order in which they win.
struct Found {
    labels: Labels,
    head: Vec<HeadPiece>,
}

/// What the partitions of a selection share.
struct Shared {
    ctx: Ctx,
    range: TimeRange,
    labels_only: bool,
    snapshot: Snapshot,
    _reserved: Option<Reservation>,
}

impl Store {
    fn gather(
        &self,
        ctx: &Ctx,
        matchers: &[Matcher],
        range: TimeRange,
        hints: &SelectHints,
    ) -> Result<(Vec<Found>, Snapshot)> {
        let mut found = Vec::new();
        let mut ids = Vec::new();
        {
            let index = self.index.read();
            let mut scratch = String::new();
            for (n, slot) in index.select(matchers)?.into_iter().enumerate() {
                if n % CHECK_EVERY == 0 {
                    ctx.check()?;
                }
                if let (Some(labels), Some(id)) = (index.labels(slot, &mut scratch), index.id(slot)) {
                    ids.push(id);
                    found.push(Found { labels, head: Vec::new() });
                }
            }
        }
        let mut snapshot = Snapshot::default();
        {
            let shards = self.head.read_all();
            let frozen = self.head.frozen();
            for (id, found) in ids.iter().zip(&mut found) {
                let (shard, place) = (Head::shard_of(id.slot), Head::place_of(id.slot));
                if let Some(frozen) = &frozen {
                    found.head.extend(snapshot.add(&frozen.shards[shard], place, id.generation, range));
                }
                found.head.extend(snapshot.add(shards[shard].current(), place, id.generation, range));
            }
        }
        found.retain(|f| !f.head.is_empty());
        if hints.limit > 0 {
            found.truncate(hints.limit);
        }
        Ok((found, snapshot))
    }
}

struct HeadPartition {
    shared: Arc<Shared>,
    series: std::vec::IntoIter<Found>,
    next_id: u64,
    runs: Vec<Run>,
    merged: Run,
    scratch: Run,
}

impl Partition for HeadPartition {
    fn next(&mut self, out: &mut SeriesData) -> Result<bool> {
        loop {
            out.clear();
            let Some(found) = self.series.next() else { return Ok(false) };
            self.shared.ctx.check()?;
            out.id = self.next_id;
            self.next_id += 1;
            out.labels = found.labels;
            if self.shared.labels_only {
                return Ok(true);
            }
            self.runs.iter_mut().for_each(Run::clear);
            let mut used = 0;
            for piece in &found.head {
                if self.runs.len() < used + 2 {
                    self.runs.resize_with(used + 2, Run::default);
                }
                let (ordered, late) = self.runs.split_at_mut(used + 1);
                self.shared
                    .snapshot
                    .decode(piece, &mut ordered[used], &mut late[0])
                    .map_err(|e| Error::internal("samples in memory are not readable").with_detail(e))?;
                used += 2;
            }
            merge(&self.runs[..used], self.shared.range, &mut self.merged, &mut self.scratch);
            std::mem::swap(&mut out.t, &mut self.merged.t);
            std::mem::swap(&mut out.v, &mut self.merged.v);
            if !out.t.is_empty() {
                return Ok(true);
            }
        }
    }
}

impl MetricReader for Store {
    fn select(
        &self,
        ctx: &Ctx,
        matchers: &[Matcher],
        range: TimeRange,
        hints: &SelectHints,
    ) -> Result<Selection> {
        self.check_tenant(&ctx.tenant)?;
        ctx.check()?;
        let (mut found, snapshot) = self.gather(ctx, matchers, range, hints)?;
        let reserved = ctx.budget.reserve(snapshot.size())?;
        let shared = Arc::new(Shared {
            ctx: ctx.clone(),
            range,
            labels_only: hints.labels_only,
            snapshot,
            _reserved: Some(reserved),
        });
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let per_partition = found.len().div_ceil(threads).max(PARTITION_SERIES);
        let mut partitions: Vec<Box<dyn Partition>> = Vec::new();
        let mut next_id = 0;
        while !found.is_empty() {
            let rest = found.split_off(per_partition.min(found.len()));
            let series = std::mem::replace(&mut found, rest);
            let count = series.len() as u64;
            partitions.push(Box::new(HeadPartition {
                shared: Arc::clone(&shared),
                series: series.into_iter(),
                next_id,
                runs: Vec::new(),
                merged: Run::default(),
                scratch: Run::default(),
            }));
            next_id += count;
        }
        Ok(Selection { data: Selected::Series(partitions), warnings: Vec::new(), complete: true })
    }

    fn label_names(
        &self,
        ctx: &Ctx,
        matchers: &[Matcher],
        _range: TimeRange,
        limit: usize,
    ) -> Result<Listing> {
        self.check_tenant(&ctx.tenant)?;
        let mut names = BTreeSet::new();
        let index = self.index.read();
        let series = if matchers.is_empty() { None } else { Some(index.select(matchers)?) };
        index.label_names(series.as_ref(), &mut |name| {
            names.insert(name.to_owned());
        });
        Ok(listing(names, limit))
    }

    fn label_values(
        &self,
        ctx: &Ctx,
        name: &str,
        matchers: &[Matcher],
        _range: TimeRange,
        limit: usize,
    ) -> Result<Listing> {
        self.check_tenant(&ctx.tenant)?;
        let mut values = BTreeSet::new();
        let index = self.index.read();
        let series = if matchers.is_empty() { None } else { Some(index.select(matchers)?) };
        index.label_values(name, series.as_ref(), &mut |value| {
            values.insert(value.to_owned());
        });
        Ok(listing(values, limit))
    }

    fn families(&self, ctx: &Ctx, name: Option<&str>) -> Result<Vec<Family>> {
        self.check_tenant(&ctx.tenant)?;
        let families = self.families.read();
        Ok(match name {
            Some(name) => families.get(name).cloned().into_iter().collect(),
            None => families.values().cloned().collect(),
        })
    }
}

fn listing(items: BTreeSet<String>, limit: usize) -> Listing {
    let truncated = limit > 0 && items.len() > limit;
    let take = if limit == 0 { usize::MAX } else { limit };
    Listing { items: items.into_iter().take(take).collect(), warnings: Vec::new(), truncated }
}
