//! Samples in any order, collected until they fill their share of memory.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use model::{Histogram, Imported, Labels, Result, SeriesData, TimeRange};

use crate::Store;
use crate::config::{WINDOW, window_of};

/// Blocks of one flush, at most about.
const BLOCKS: i64 = 16;
/// Each window is this many times the one before, as compaction has them.
const FACTOR: i64 = 3;
/// The longest window: 20.25 days.
const LONGEST: i64 = WINDOW * 243;
/// What a series takes beside its samples.
const SERIES_BYTES: usize = 400;

/// Takes series in the order of their labels, with samples within a range; `next` ends them with `false`.
type Write<'a> =
    dyn FnMut(TimeRange, &mut dyn FnMut(&mut SeriesData) -> Result<bool>) -> Result<Imported> + 'a;

/// Collects samples for [`Store::import`].
pub struct Spool<'a> {
    write: Box<Write<'a>>,
    /// Flushes at about this many bytes.
    limit: usize,
    places: HashMap<Labels, usize, RandomState>,
    series: Vec<SeriesData>,
    bytes: usize,
    /// Whether everything in `series` was written.
    written: bool,
    /// The longest window of a block, ms.
    longest: i64,
    report: Imported,
}

impl<'a> Spool<'a> {
    /// Collects about `limit` bytes before it writes blocks, which are no longer than retention wants them: one goes
    /// when the last of its samples may.
    pub fn new(store: &'a Store, limit: usize) -> Self {
        Self::over(limit, |range, next| store.import(range, next)).with_longest(store.longest_block())
    }

    /// The same for something else that takes what [`Store::import`] takes.
    pub fn over(
        limit: usize,
        write: impl FnMut(TimeRange, &mut dyn FnMut(&mut SeriesData) -> Result<bool>) -> Result<Imported> + 'a,
    ) -> Self {
        Self {
            write: Box::new(write),
            limit,
            places: HashMap::default(),
            series: Vec::new(),
            bytes: 0,
            written: false,
            longest: LONGEST,
            report: Imported::default(),
        }
    }

    /// Blocks cover at most `ms`, or two hours where that is less.
    pub fn with_longest(mut self, ms: i64) -> Self {
        self.longest = ms.min(LONGEST);
        self
    }

    /// The place of a series, good until the next call: what was written makes room for others.
    pub fn series(&mut self, labels: &Labels) -> usize {
        if std::mem::take(&mut self.written) {
            self.places.clear();
            self.series.clear();
        }
        if let Some(place) = self.places.get(labels.canonical()) {
            return *place;
        }
        let place = self.series.len();
        self.places.insert(labels.clone(), place);
        self.series.push(SeriesData { labels: labels.clone(), ..SeriesData::default() });
        self.bytes += SERIES_BYTES + labels.canonical().len();
        place
    }

    /// Adds a float to a series. `start`: 0 where it is not known.
    pub fn float(&mut self, place: usize, start: i64, t: i64, v: f64) -> Result<()> {
        let Some(series) = self.series.get_mut(place) else { return Ok(()) };
        series.push_float(start, t, v);
        self.grown(16)
    }

    /// Adds a native histogram to a series.
    pub fn histogram(&mut self, place: usize, start: i64, t: i64, value: Histogram) -> Result<()> {
        let Some(series) = self.series.get_mut(place) else { return Ok(()) };
        let numbers = value.positive_spans.len()
            + value.negative_spans.len()
            + value.positive_buckets.len()
            + value.negative_buckets.len()
            + value.custom_values.len();
        series.push_histogram(start, t, value);
        self.grown(size_of::<Histogram>() + 8 * numbers)
    }

    /// Adds all samples of `data` to its series.
    pub fn add(&mut self, data: &SeriesData) -> Result<()> {
        let place = self.series(&data.labels);
        let start = |starts: &[i64], at: usize| starts.get(at).copied().unwrap_or(0);
        for (at, (t, v)) in data.t.iter().zip(&data.v).enumerate() {
            self.float(place, start(&data.start, at), *t, *v)?;
        }
        for (at, (t, value)) in data.histograms.iter().enumerate() {
            self.histogram(place, start(&data.histogram_start, at), *t, value.clone())?;
        }
        Ok(())
    }

    fn grown(&mut self, bytes: usize) -> Result<()> {
        self.bytes += bytes;
        if self.bytes >= self.limit { self.flush() } else { Ok(()) }
    }

    /// What was stored up to the last flush.
    pub fn report(&self) -> Imported {
        self.report
    }

    /// Writes what is left and says what was stored.
    pub fn finish(mut self) -> Result<Imported> {
        self.flush()?;
        Ok(self.report)
    }

    /// Writes what was collected.
    pub fn flush(&mut self) -> Result<()> {
        let mut order: Vec<usize> = (0..self.series.len()).filter(|i| !self.series[*i].is_empty()).collect();
        order.sort_by(|a, b| self.series[*a].labels.cmp(&self.series[*b].labels));
        for place in &order {
            self.series[*place].put_in_order();
        }
        let times = order.iter().filter_map(|place| self.series[*place].range());
        let all = times.reduce(TimeRange::union);
        let Some(all) = all else { return Ok(()) };
        let length = window_length(all, self.longest);
        let mut window = window_of(all.start, length);
        while window.start <= all.end {
            let mut rest = order.iter();
            let series = &self.series;
            let imported = (self.write)(window, &mut |out| {
                for place in rest.by_ref() {
                    out.append_within(&series[*place], window);
                    if !out.is_empty() {
                        out.labels = series[*place].labels.clone();
                        return Ok(true);
                    }
                }
                Ok(false)
            })?;
            self.report.add(imported);
            let Some(after) = window.end.checked_add(1) else { break };
            // Times may lie far apart: go on where something is.
            let next = order.iter().filter_map(|place| first_from(&self.series[*place], after)).min();
            let Some(next) = next else { break };
            window = window_of(next, length);
        }
        // Their places are good until the next series is asked for.
        for place in order {
            self.series[place].clear();
        }
        self.written = true;
        self.bytes = 0;
        Ok(())
    }
}

/// The window that needs few blocks.
fn window_length(all: TimeRange, longest: i64) -> i64 {
    let mut length = WINDOW;
    while length * FACTOR <= longest && all.end.saturating_sub(all.start) / length > BLOCKS {
        length *= FACTOR;
    }
    length
}

/// The first time at or after `from`.
fn first_from(series: &SeriesData, from: i64) -> Option<i64> {
    let float = series.t.get(series.t.partition_point(|t| *t < from)).copied();
    let histogram = series.histograms.get(series.histograms.partition_point(|h| h.0 < from)).map(|h| h.0);
    float.into_iter().chain(histogram).min()
}
