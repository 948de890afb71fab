//! All samples of a data directory, series by series, whichever kind it is.

use std::collections::{HashMap, VecDeque};
use std::path::Path;

use model::metrics::{Partition, Selected};
use model::{Ctx, Labels, Matcher, MetricReader, SelectHints, SeriesData, TimeRange};
use wire::prometheus_block::Block;

use super::head::{Head, HeadSample};
use super::ours::{Ours, is_ours};
use super::prometheus::{Found, OnDisk, blocks};
use crate::Failed;

/// What of a log is held in memory at most: a dump needs each series whole.
const MAX_HEAD_BYTES: usize = 4 << 30;

/// Which samples.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// A series that satisfies all matchers of one set; every series without sets.
    pub(crate) sets: Vec<Vec<Matcher>>,
    /// When.
    pub(crate) range: TimeRange,
}

impl Wanted {
    /// Reads selectors; none: everything.
    pub(crate) fn new(selectors: &[String], range: TimeRange) -> Result<Self, Failed> {
        let parse = |text: &String| query::promql::parse_selector(text).map_err(Failed::new);
        Ok(Self { sets: selectors.iter().map(parse).collect::<Result<_, _>>()?, range })
    }

    /// Whether the series is asked for.
    pub(crate) fn takes(&self, labels: &Labels) -> bool {
        self.sets.is_empty() || self.sets.iter().any(|set| set.iter().all(|m| m.matches_labels(labels)))
    }
}

/// Gives series one after another.
pub(crate) trait Cursor {
    /// Fills `data` with the next series; `false`: no more. What cannot be read is added to `damage`.
    fn next(&mut self, data: &mut SeriesData, damage: &mut Vec<String>) -> Result<bool, Failed>;
}

/// Opens `dir` and gives what is wanted of it to `read`.
pub(crate) fn with_cursor<T>(
    dir: &Path,
    wanted: &Wanted,
    damage: &mut Vec<String>,
    read: impl FnOnce(&mut dyn Cursor, &mut Vec<String>) -> Result<T, Failed>,
) -> Result<T, Failed> {
    if is_ours(dir) {
        let ours = Ours::open(dir)?;
        damage.extend(ours.store.warnings().iter().cloned());
        return read(&mut OurCursor::new(&ours, wanted, damage)?, damage);
    }
    read(&mut Merged::new(dir, wanted, damage)?, damage)
}

/// Our store.
struct OurCursor<'a> {
    wanted: &'a Wanted,
    partitions: Vec<Box<dyn Partition>>,
}

impl<'a> OurCursor<'a> {
    fn new(ours: &Ours, wanted: &'a Wanted, damage: &mut Vec<String>) -> Result<Self, Failed> {
        // With several sets the store is asked for everything, and what no set takes is passed over.
        let matchers = match wanted.sets.as_slice() {
            [one] => one.as_slice(),
            _ => &[],
        };
        let selection =
            ours.store.select(&Ctx::unbounded(), matchers, wanted.range, &SelectHints::default())?;
        damage.extend(selection.warnings);
        match selection.data {
            Selected::Series(partitions) => Ok(Self { wanted, partitions }),
            Selected::Grid(_) => Err(Failed::new("the store gave a grid without being asked for one")),
        }
    }
}

impl Cursor for OurCursor<'_> {
    fn next(&mut self, data: &mut SeriesData, _damage: &mut Vec<String>) -> Result<bool, Failed> {
        while let Some(partition) = self.partitions.last_mut() {
            while partition.next(data)? {
                if self.wanted.takes(&data.labels) && !data.is_empty() {
                    return Ok(true);
                }
            }
            self.partitions.pop();
        }
        Ok(false)
    }
}

/// Blocks and log of a Prometheus, merged by labels.
struct Merged<'a> {
    wanted: &'a Wanted,
    blocks: Vec<(Block<OnDisk>, Option<SeriesData>)>,
    head: VecDeque<SeriesData>,
}

impl<'a> Merged<'a> {
    fn new(dir: &Path, wanted: &'a Wanted, damage: &mut Vec<String>) -> Result<Self, Failed> {
        let mut merged = Self { wanted, blocks: Vec::new(), head: VecDeque::new() };
        let overlapping = |m: &wire::prometheus_block::Meta| {
            m.min_time <= wanted.range.end && m.max_time > wanted.range.start
        };
        let all = blocks(dir, &mut |what| damage.push(what))?;
        for found in &all {
            if overlapping(&found.meta)
                && let Some(block) = found.open(&mut |what| damage.push(what))
            {
                merged.blocks.push((block, None));
                merged.refill(merged.blocks.len() - 1, damage);
            }
        }
        merged.head = head_series(dir, &all, wanted, damage)?;
        Ok(merged)
    }

    fn refill(&mut self, at: usize, damage: &mut Vec<String>) {
        let (wanted, (block, slot)) = (self.wanted, &mut self.blocks[at]);
        let range = (wanted.range.start, wanted.range.end);
        let mut data = SeriesData::default();
        let there = block.next(&|l| wanted.takes(l), range, &mut data, &mut |what| damage.push(what));
        *slot = there.then_some(data);
    }
}

impl Cursor for Merged<'_> {
    fn next(&mut self, data: &mut SeriesData, damage: &mut Vec<String>) -> Result<bool, Failed> {
        let firsts = self.blocks.iter().filter_map(|(_, series)| series.as_ref()).chain(self.head.front());
        let Some(labels) = firsts.map(|s| &s.labels).min().cloned() else { return Ok(false) };
        data.clear();
        for at in 0..self.blocks.len() {
            if let Some(series) = self.blocks[at].1.take_if(|series| series.labels == labels) {
                data.append(&series);
                self.refill(at, damage);
            }
        }
        if let Some(series) = self.head.pop_front_if(|series| series.labels == labels) {
            data.append(&series);
        }
        data.labels = labels;
        data.put_in_order();
        Ok(true)
    }
}

/// The series of the log in the order of labels.
fn head_series(
    dir: &Path,
    blocks: &[Found],
    wanted: &Wanted,
    damage: &mut Vec<String>,
) -> Result<VecDeque<SeriesData>, Failed> {
    let head = Head::open(dir, blocks, &|l| wanted.takes(l), &mut |what| damage.push(what))?;
    let mut series: HashMap<Labels, SeriesData> = HashMap::new();
    let mut bytes = 0usize;
    head.samples(
        &mut |place, sample| {
            if !wanted.range.contains(place.t) {
                return Ok(());
            }
            bytes += 16;
            if bytes > MAX_HEAD_BYTES {
                return Err(Failed::new(
                    "the write-ahead log holds more than fits into memory here; narrow --match or the times, or let \
                     Prometheus write a snapshot (POST /api/v1/admin/tsdb/snapshot) and read that",
                ));
            }
            let data = match series.get_mut(place.labels.canonical()) {
                Some(data) => data,
                None => series.entry(place.labels.clone()).or_default(),
            };
            match sample {
                HeadSample::Float(v) => data.push_float(place.start, place.t, v),
                HeadSample::Histogram(h) => {
                    bytes += size_of_val(&*h) + 8 * (h.positive_buckets.len() + h.negative_buckets.len());
                    data.push_histogram(place.start, place.t, *h);
                }
            }
            Ok(())
        },
        &mut |_| {},
    )?;
    let mut all: Vec<SeriesData> = (series.into_iter())
        .map(|(labels, mut data)| {
            data.labels = labels;
            data.put_in_order();
            data
        })
        .collect();
    all.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(all.into())
}
