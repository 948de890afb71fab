//! Reads series from the store, partitions side by side, and makes rows of them while they are decoded.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use model::{
    Coarse, Cuts, Digest, DigestHint, Grid, Histogram, Labels, Need, Partition, SelectHints, Selected,
    SeriesData, TimeRange, is_stale_nan,
};

use super::charge::Charge;
use super::hints::{self, Buckets};
use super::rows::{braced, bytes_of};
use super::tally::weight_of;
use super::{Cells, Evaluator, Outcome, Row, Rows, Steps};
use crate::promql::ast::{Extension, VectorSelector};
use crate::promql::engine::QueryError;
use crate::promql::functions::Extents;
use crate::promql::value::Series;

/// After how many series of one query further threads join in.
const SERIES_BEFORE_THREADS: usize = 32;

/// What an instant selector takes of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Take {
    Value,
    /// Its time in seconds.
    Time,
    /// Its start timestamp in seconds, 0 where none is known.
    Start,
    /// Its time in seconds; a histogram is refused.
    TimeOfFloat,
}

/// One series with the samples of a read, stale markers still in it.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) labels: Labels,
    pub(crate) drop_name: bool,
    pub(crate) t: Vec<i64>,
    pub(crate) v: Vec<f64>,
    pub(crate) h: Vec<(i64, Arc<Histogram>)>,
    /// Start timestamps of the floats in ms, 0 where it is not known; empty where none is, or nobody asks.
    pub(crate) start: Vec<i64>,
    /// Start timestamps of the histograms, likewise.
    pub(crate) h_start: Vec<i64>,
    /// In place of floats, apart from those that are there.
    pub(crate) summaries: Vec<Digest>,
    /// Where samples are gone and only summaries, or the last sample of each, are left.
    pub(crate) coarse: Option<Coarse>,
    /// What was found out about the windows of the series before, for one with the same times.
    pub(crate) extents: RefCell<Extents>,
    /// Likewise for the newest samples at the steps.
    pub(crate) positions: RefCell<Positions>,
}

impl Run {
    /// Removes stale markers: windows do not see them.
    pub(crate) fn drop_stale(&mut self) {
        // A marker is a NaN. These are counted without a branch: most series have none.
        if self.v.iter().map(|v| u32::from(v.is_nan())).sum::<u32>() > 0 {
            let mut kept = 0;
            for i in 0..self.v.len() {
                if !is_stale_nan(self.v[i]) {
                    self.t[kept] = self.t[i];
                    self.v[kept] = self.v[i];
                    if let Some(start) = self.start.get(i).copied() {
                        self.start[kept] = start;
                    }
                    kept += 1;
                }
            }
            self.t.truncate(kept);
            self.v.truncate(kept);
            self.start.truncate(kept);
        }
        if !self.h_start.is_empty() {
            let mut stale = self.h.iter().map(|(_, h)| is_stale_nan(h.sum));
            self.h_start.retain(|_| !stale.next().unwrap_or(false));
        }
        self.h.retain(|(_, h)| !is_stale_nan(h.sum));
    }

    fn samples(&self) -> usize {
        self.t.len() + self.h.len() + self.summaries.len()
    }

    /// Takes over what was read and leaves the buffers of the last series in exchange.
    fn load(&mut self, data: &mut SeriesData, buckets: Buckets, starts: bool) {
        self.labels = data.labels.clone();
        std::mem::swap(&mut self.t, &mut data.t);
        std::mem::swap(&mut self.v, &mut data.v);
        std::mem::swap(&mut self.start, &mut data.start);
        std::mem::swap(&mut self.h_start, &mut data.histogram_start);
        std::mem::swap(&mut self.summaries, &mut data.summaries);
        self.coarse = data.coarse;
        // Anything but one a sample would be a mistake of the store's; better none than those of other samples.
        if !starts || self.start.len() != self.t.len() {
            self.start.clear();
        }
        if !starts || self.h_start.len() != data.histograms.len() {
            self.h_start.clear();
        }
        hints::complete(&mut data.histograms, &self.t, buckets);
        self.h.clear();
        self.h.extend(data.histograms.drain(..).map(|(t, h)| (t, Arc::new(h))));
    }
}

/// Which samples of certain times are the newest at each step. Series of one target have the same times.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    t: Vec<i64>,
    /// At which steps, and how far back.
    of: Option<(Steps, i64)>,
    /// One more than the place of the newest sample within the lookback; 0: there is none.
    newest: Vec<usize>,
}

impl Positions {
    fn find(&mut self, t: &[i64], sources: Steps, lookback: i64) -> &[usize] {
        if self.of == Some((sources, lookback)) && self.t == t {
            return &self.newest;
        }
        self.of = Some((sources, lookback));
        self.t.clear();
        self.t.extend_from_slice(t);
        self.newest.clear();
        let mut seen = 0;
        for i in 0..sources.len {
            let now = sources.time(i);
            while t.get(seen).is_some_and(|t| *t <= now) {
                seen += 1;
            }
            let fresh = seen > 0 && t[seen - 1] > now.saturating_sub(lookback);
            self.newest.push(if fresh { seen } else { 0 });
        }
        &self.newest
    }
}

/// What is made of a series, in an order that its labels decide.
pub(crate) trait Ordered {
    /// Which of two comes first.
    fn order(&self, other: &Self) -> Ordering;
}

impl Ordered for Row {
    fn order(&self, other: &Self) -> Ordering {
        self.labels.cmp(&other.labels)
    }
}

impl Ordered for Series {
    fn order(&self, other: &Self) -> Ordering {
        self.labels.cmp(&other.labels)
    }
}

fn sort<T: Ordered>(found: &mut [T]) {
    found.sort_by(Ordered::order);
}

/// What one thread works on.
struct Share<T> {
    found: Vec<T>,
    charge: Charge,
    /// Bytes reserved for the largest run that was decoded.
    largest: u64,
}

/// The store's answer: rows it computed itself, or what `make` made of each series.
pub(crate) enum Read<T> {
    Computed(Vec<Row>),
    Made(Vec<T>, Charge),
}

impl Evaluator<'_> {
    /// The value of each selected series at each step: the newest sample that is younger than the lookback.
    pub(crate) fn instant_selector(&self, selector: &VectorSelector, steps: Steps) -> Outcome<Rows> {
        self.instant_rows(selector, steps, Take::Value)
    }

    /// Like [`Self::instant_selector`], but with the time of the sample (in seconds) for its value.
    pub(crate) fn sample_times(&self, selector: &VectorSelector, steps: Steps) -> Outcome<Rows> {
        self.instant_rows(selector, steps, Take::Time)
    }

    /// Like [`Self::instant_selector`], but with the start timestamp of the sample (in seconds) for its value.
    pub(crate) fn sample_starts(&self, selector: &VectorSelector, steps: Steps) -> Outcome<Rows> {
        self.instant_rows(selector, steps, Take::Start)
    }

    /// Like [`Self::sample_times`] for info series, whose samples are floats.
    pub(crate) fn info_times(&self, selector: &VectorSelector, steps: Steps) -> Outcome<Rows> {
        self.instant_rows(selector, steps, Take::TimeOfFloat)
    }

    fn instant_rows(&self, selector: &VectorSelector, steps: Steps, take: Take) -> Outcome<Rows> {
        if selector.extension == Some(Extension::Smoothed) {
            return self.smoothed_selector(selector, steps);
        }
        let (range, mut hints, sources) = self.instant_read(selector, steps);
        if take == Take::Start {
            hints.summary = None;
        }
        let lookback = self.options.lookback_ms;
        let make = |run: &mut Run| {
            let cells = newest(run, sources, lookback, take)?;
            cells.iter().for_each(|cells| self.tally_cells(cells));
            Ok(cells)
        };
        let rows = self.read_rows(selector, range, &hints, (sources, sources.len), make)?;
        if sources.len == steps.len { Ok(rows) } else { rows.repeat(steps.len) }
    }

    /// What an instant selector reads: which samples, with what in mind, for which times.
    pub(super) fn instant_read(
        &self,
        selector: &VectorSelector,
        steps: Steps,
    ) -> (TimeRange, SelectHints, Steps) {
        let sources = self.sources(selector, steps);
        let oldest = sources.start.saturating_sub(self.options.lookback_ms).saturating_add(1);
        let hints = SelectHints {
            step: self.hinted_step(sources),
            newest_only: sources.len == 1,
            summary: self.summary_hint(sources, 0, Need::Newest),
            ..SelectHints::default()
        };
        (TimeRange::new(oldest, sources.last()), hints, sources)
    }

    /// The values of an instant selector.
    pub(super) fn newest_cells(&self, run: &Run, sources: Steps) -> Outcome<Option<Cells>> {
        newest(run, sources, self.options.lookback_ms, Take::Value)
    }

    /// The times that a selector looks at: one a step, or a single one where `@` fixes it.
    pub(crate) fn sources(&self, selector: &VectorSelector, steps: Steps) -> Steps {
        let offset = selector.offset.as_ref().map_or(0, |offset| offset.ms);
        match self.fixed(selector.at) {
            Some(t) => Steps::at(t.saturating_sub(offset)),
            None => Steps { start: steps.start.saturating_sub(offset), ..steps },
        }
    }

    /// Tells the store what is enough for windows of this length that end at `sources`.
    pub(crate) fn summary_hint(&self, sources: Steps, window: i64, need: Need) -> Option<DigestHint> {
        let cuts = Cuts { start: sources.start, step: sources.step, len: sources.len, window };
        (self.options.summaries && sources.len > 0).then_some(DigestHint { cuts, need })
    }

    pub(crate) fn hinted_step(&self, sources: Steps) -> i64 {
        if sources.len > 1 { sources.step } else { 0 }
    }

    /// Reads the selected series and makes at most one row (of `len` cells) of each, sorted by labels.
    pub(crate) fn read_rows(
        &self,
        selector: &VectorSelector,
        range: TimeRange,
        hints: &SelectHints,
        (sources, len): (Steps, usize),
        make: impl Fn(&mut Run) -> Outcome<Option<Cells>> + Sync,
    ) -> Outcome<Rows> {
        let row = |run: &mut Run, charge: &mut Charge| {
            let size = bytes_of(len) + run.labels.canonical().len() as u64;
            charge.prepare(size)?;
            let Some(cells) = make(run)? else { return Ok(None) };
            charge.spend(cells.present() as u64, size)?;
            Ok(Some(Row::new(run.labels.clone(), cells)))
        };
        match self.read(selector, range, hints, sources, row)? {
            Read::Computed(mut rows) => {
                sort(&mut rows);
                Rows::counted(rows, &self.meter)
            }
            Read::Made(rows, charge) => Ok(Rows { rows, charge }),
        }
    }

    /// Reads the selected series; what `make` makes of them comes sorted.
    pub(crate) fn read<T: Send + Ordered>(
        &self,
        selector: &VectorSelector,
        range: TimeRange,
        hints: &SelectHints,
        sources: Steps,
        make: impl Fn(&mut Run, &mut Charge) -> Outcome<Option<T>> + Sync,
    ) -> Outcome<Read<T>> {
        if range.is_empty() || sources.len == 0 {
            return Ok(Read::Made(Vec::new(), self.meter.charge()));
        }
        let selection =
            self.reader.select(self.ctx, &selector.matchers, range, hints).map_err(|e| self.failed(e))?;
        self.store_warned(selection.warnings);
        self.store_told(selection.infos, selection.resolutions);
        if !selection.complete {
            self.store_warned(vec!["the result is incomplete: not all data could be read".to_owned()]);
        }
        let buckets =
            if self.counts_only.contains(&selector.span) { Buckets::Dropped } else { Buckets::Kept };
        match selection.data {
            Selected::Grid(grid) => grid_rows(grid, sources).map(Read::Computed),
            Selected::Series(partitions) => {
                let mut share = self.read_partitions(partitions, buckets, &make)?;
                // What each thread found is in order: these runs are merged.
                sort(&mut share.found);
                Ok(Read::Made(share.found, share.charge))
            }
        }
    }

    /// The caller's thread reads; once it is clear that there is much to read, others take partitions, too.
    fn read_partitions<T: Send + Ordered>(
        &self,
        partitions: Vec<Box<dyn Partition>>,
        buckets: Buckets,
        make: &(impl Fn(&mut Run, &mut Charge) -> Outcome<Option<T>> + Sync),
    ) -> Outcome<Share<T>> {
        let helpers = self.options.threads.min(partitions.len()).saturating_sub(1);
        let queue = Mutex::new(partitions);
        let take = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let work = |mut share: Share<T>, mut current: Option<Box<dyn Partition>>| {
            let mut buffers = (SeriesData::default(), Run::default());
            while let Some(mut partition) = current.take().or_else(take) {
                while self.read_one(&mut *partition, &mut buffers, buckets, &mut share, make)? {}
            }
            sort(&mut share.found);
            Ok(share)
        };
        let mut share = Share { found: Vec::new(), charge: self.meter.charge(), largest: 0 };
        if helpers == 0 {
            return work(share, None);
        }
        let mut buffers = (SeriesData::default(), Run::default());
        while let Some(mut partition) = take() {
            let mut seen = 0;
            while self.read_one(&mut *partition, &mut buffers, buckets, &mut share, make)? {
                seen += 1;
                if seen >= SERIES_BEFORE_THREADS {
                    return self.read_together(helpers, share, partition, &work);
                }
            }
        }
        Ok(share)
    }

    fn read_together<T: Send + Ordered>(
        &self,
        helpers: usize,
        share: Share<T>,
        current: Box<dyn Partition>,
        work: &(impl Fn(Share<T>, Option<Box<dyn Partition>>) -> Outcome<Share<T>> + Sync),
    ) -> Outcome<Share<T>> {
        std::thread::scope(|scope| {
            let others: Vec<_> = (0..helpers)
                .map(|_| {
                    let own = Share { found: Vec::new(), charge: self.meter.charge(), largest: 0 };
                    scope.spawn(move || work(own, None))
                })
                .collect();
            let mut all = work(share, Some(current));
            for other in others {
                let joined = other
                    .join()
                    .unwrap_or_else(|_| Err(QueryError::Execution("a reading thread failed".to_owned())));
                all = match (all, joined) {
                    (Ok(mut all), Ok(mut more)) => {
                        all.found.append(&mut more.found);
                        all.charge.absorb(more.charge);
                        Ok(all)
                    }
                    (Err(error), _) | (_, Err(error)) => Err(error),
                };
            }
            all
        })
    }

    /// Reads one series; `false`: the partition has no more.
    fn read_one<T>(
        &self,
        partition: &mut dyn Partition,
        buffers: &mut (SeriesData, Run),
        buckets: Buckets,
        share: &mut Share<T>,
        make: &impl Fn(&mut Run, &mut Charge) -> Outcome<Option<T>>,
    ) -> Outcome<bool> {
        self.check()?;
        let (data, run) = buffers;
        if !partition.next(data).map_err(|e| self.failed(e))? {
            return Ok(false);
        }
        run.load(data, buckets, self.options.start_timestamps);
        self.count_read(run.samples());
        let samples = weight_of(run);
        // The decoded run counts while the row is made of it; its buffers stay for the next one.
        let mut held = self.meter.charge();
        held.grow(samples, 0)?;
        if samples * 16 > share.largest {
            share.charge.grow(0, samples * 16 - share.largest)?;
            share.largest = samples * 16;
        }
        if let Some(made) = make(run, &mut share.charge)? {
            share.found.push(made);
        }
        Ok(true)
    }
}

/// Rows that the store computed; they must lie on the steps that were asked for.
fn grid_rows(grid: Grid, sources: Steps) -> Outcome<Vec<Row>> {
    let fits = grid.start == sources.start
        && (grid.step == sources.step || sources.len == 1)
        && grid.rows.iter().all(|(_, values)| values.len() == sources.len);
    if !fits {
        let text = "the store computed other steps than were asked for";
        return Err(QueryError::Storage(model::Error::internal(text)));
    }
    let rows = grid.rows.into_iter().map(|(labels, values)| {
        let mut cells = Cells::absent(sources.len);
        for (i, value) in values.into_iter().enumerate() {
            if let Some(v) = value {
                cells.set(i, v);
            }
        }
        Row::new(labels, cells)
    });
    Ok(rows.filter(|row| !row.cells.is_empty()).collect())
}

/// The start timestamp, in seconds, of the last of the first `count` samples.
fn start_of(starts: &[i64], count: usize) -> f64 {
    count.checked_sub(1).and_then(|at| starts.get(at)).map_or(0.0, |ms| *ms as f64 / 1000.0)
}

/// Gives `take` the steps at which the series has a value, if there are any.
pub(crate) fn present(
    run: &Run,
    sources: Steps,
    lookback: i64,
    take: impl FnOnce(&mut dyn Iterator<Item = usize>) -> Outcome<()>,
) -> Outcome<()> {
    if !run.h.is_empty() || run.coarse.is_some() {
        let Some(cells) = newest(run, sources, lookback, Take::Value)? else { return Ok(()) };
        return take(&mut (0..cells.len()).filter(|i| cells.is_present(*i)));
    }
    let mut positions = run.positions.borrow_mut();
    let newest = positions.find(&run.t, sources, lookback).iter().enumerate();
    let mut steps = newest.filter(|(_, at)| at.checked_sub(1).is_some_and(|at| !is_stale_nan(run.v[at])));
    match steps.next() {
        Some((first, _)) => take(&mut std::iter::once(first).chain(steps.map(|(i, _)| i))),
        None => Ok(()),
    }
}

/// [`newest`] of a series without histograms of which all samples are there.
fn newest_floats(run: &Run, sources: Steps, lookback: i64) -> Option<Cells> {
    let mut positions = run.positions.borrow_mut();
    let (mut cells, mut any) = (Cells::absent(sources.len), false);
    for (i, at) in positions.find(&run.t, sources, lookback).iter().enumerate() {
        if let Some(v) = at.checked_sub(1).map(|at| run.v[at])
            && !is_stale_nan(v)
        {
            cells.set(i, v);
            any = true;
        }
    }
    any.then_some(cells)
}

/// The newest sample at or before each time, unless it is a stale marker or as old as the lookback.
fn newest(run: &Run, sources: Steps, lookback: i64, take: Take) -> Outcome<Option<Cells>> {
    if take == Take::Value && run.h.is_empty() && run.coarse.is_none() {
        return Ok(newest_floats(run, sources, lookback));
    }
    let mut cells = Cells::absent(sources.len);
    let (mut float, mut histogram, mut any) = (0, 0, false);
    for i in 0..sources.len {
        let now = sources.time(i);
        while run.t.get(float).is_some_and(|t| *t <= now) {
            float += 1;
        }
        while run.h.get(histogram).is_some_and(|h| h.0 <= now) {
            histogram += 1;
        }
        let mut oldest = now.saturating_sub(lookback);
        let last_float = float.checked_sub(1).map(|at| (run.t[at], run.v[at]));
        let last_histogram = histogram.checked_sub(1).and_then(|at| run.h.get(at));
        if let Some(coarse) = run.coarse
            && last_float.map(|f| f.0).max(last_histogram.map(|h| h.0)).is_some_and(|t| t <= coarse.until)
        {
            // Only the last sample of each span is left.
            oldest = oldest.saturating_sub(coarse.resolution);
        }
        let newer_histogram = last_histogram.filter(|h| last_float.is_none_or(|f| f.0 < h.0));
        if let Some((t, h)) = newer_histogram {
            if *t > oldest && !is_stale_nan(h.sum) {
                any = true;
                match take {
                    Take::Value => cells.set_histogram(i, h.clone()),
                    Take::Time => cells.set(i, *t as f64 / 1000.0),
                    Take::Start => cells.set(i, start_of(&run.h_start, histogram)),
                    Take::TimeOfFloat => {
                        let labels = braced(&run.labels);
                        let text = format!("this should be an info metric, with float samples: {labels}");
                        return Err(QueryError::Execution(text));
                    }
                }
            }
        } else if let Some((t, v)) = last_float
            && t > oldest
            && !is_stale_nan(v)
        {
            any = true;
            let value = match take {
                Take::Value => v,
                Take::Start => start_of(&run.start, float),
                Take::Time | Take::TimeOfFloat => t as f64 / 1000.0,
            };
            cells.set(i, value);
        }
    }
    Ok(any.then_some(cells))
}
