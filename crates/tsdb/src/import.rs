//! History from elsewhere: whole blocks, of any time, past the head and its rules on age and order.
//!
//! [`Store::import`] takes series in the order of their labels and writes one block. [`Spool`] takes samples in any
//! order, collects what fits its share of memory, and writes blocks of it. Both leave out what the store has already
//! (a sample of the same series and time), so that the same history can be imported again, or an import that was cut
//! off be repeated, and nothing is stored twice. Through [`model::MetricHistory`] a spool serves whoever brings history
//! while the store is in use.

mod door;
mod spool;

use std::sync::Arc;

use model::{Error, Imported, Labels, Result, SeriesData, TimeRange};

use crate::Store;
use crate::block::{Block, BlockWriter, Pages, Walk};
use crate::codec::Effort;
use crate::merge::Run;

pub use spool::Spool;

impl Store {
    /// Writes a block of the series that `next` gives, in the order of their labels and with samples within `range`
    /// that increase in time; `next` ends them with `false`. What is in memory for this range goes to a block first.
    /// When it returns, the samples are durable and visible; after an error none of them is.
    pub fn import(
        &self,
        range: TimeRange,
        next: &mut dyn FnMut(&mut SeriesData) -> Result<bool>,
    ) -> Result<Imported> {
        let _one_at_a_time = self.maintenance.lock();
        self.finish_flush()?;
        if self.head.range().is_some_and(|head| head.overlaps(range)) {
            self.flush_locked()?;
        }
        let mut source =
            Source { next, range, known: Known::new(self, range), last: None, report: Imported::default() };
        let mut data = SeriesData::default();
        if !source.pull(&mut data)? {
            return Ok(source.report);
        }
        let block = self.blocks.publish(range, |dir, number| {
            let mut writer = BlockWriter::create(&*self.fs, dir, Effort::Thorough, &self.options.budget)?;
            loop {
                let run = run_of(&mut data);
                writer.add(&data.labels, &run)?;
                if !source.pull(&mut data)? {
                    return writer.finish(number, &[]);
                }
            }
        })?;
        self.blocks.replace(&[], vec![block])?;
        source.report.blocks = 1;
        Ok(source.report)
    }

    /// How long a block may be at most, ms: what retention deletes goes in whole blocks.
    pub(crate) fn longest_block(&self) -> i64 {
        crate::store::longest_block(self.retention().shortest_ms())
    }

    /// Samples before this time are deleted at the next maintenance, by the options and the clock.
    pub fn retained_since(&self) -> i64 {
        match self.retention().longest_ms() {
            0 => i64::MIN,
            retention => self.clock.now_ms().saturating_sub(retention),
        }
    }
}

/// Series as they come, less what is known.
struct Source<'a> {
    next: &'a mut dyn FnMut(&mut SeriesData) -> Result<bool>,
    range: TimeRange,
    known: Known,
    last: Option<Labels>,
    report: Imported,
}

impl Source<'_> {
    /// Fills `data` with the next series that has something new.
    fn pull(&mut self, data: &mut SeriesData) -> Result<bool> {
        loop {
            data.clear();
            if !(self.next)(data)? {
                return Ok(false);
            }
            self.check(data)?;
            let all = data.len();
            self.known.remove_from(data)?;
            let new = data.len();
            self.report.known += (all - new) as u64;
            if new > 0 {
                self.report.series += 1;
                self.report.samples += new as u64;
                return Ok(true);
            }
        }
    }

    fn check(&mut self, data: &SeriesData) -> Result<()> {
        let wrong = |what: &str| Err(Error::invalid(format_args!("{}: {what}", data.labels)));
        if self.last.as_ref().is_some_and(|last| *last >= data.labels) {
            return wrong("comes after a series that it should come before");
        }
        self.last = Some(data.labels.clone());
        let rising = data.t.is_sorted_by(|a, b| a < b) && data.histograms.is_sorted_by(|a, b| a.0 < b.0);
        if !rising || data.t.len() != data.v.len() {
            return wrong("its samples do not increase in time");
        }
        match data.range() {
            Some(r) if !self.range.contains(r.start) || !self.range.contains(r.end) => {
                wrong("has samples outside the range of the block")
            }
            _ => Ok(()),
        }
    }
}

/// What the store has of a range, walked beside the series that come.
struct Known {
    sources: Vec<(Walk, Pages)>,
    range: TimeRange,
    run: Run,
}

impl Known {
    fn new(store: &Store, range: TimeRange) -> Self {
        let all = store.blocks.all();
        let there: Vec<Arc<Block>> =
            all.iter().filter(|b| b.meta.range.overlaps(range) && !b.is_broken()).cloned().collect();
        Self {
            sources: there.into_iter().map(|b| (Walk::new(b), Pages::default())).collect(),
            range,
            run: Run::default(),
        }
    }

    /// Takes out of `data` the samples whose times are there.
    fn remove_from(&mut self, data: &mut SeriesData) -> Result<()> {
        for (walk, pages) in &mut self.sources {
            while walk.peek()?.is_some_and(|series| series.labels < data.labels) {
                walk.take();
            }
            if walk.peek()?.is_none_or(|series| series.labels != data.labels) {
                continue;
            }
            let Some(series) = walk.take() else { continue };
            self.run.clear();
            for page in series.pages.iter().filter(|page| page.range.overlaps(self.range)) {
                pages.read(&walk.block, page, &mut self.run)?;
            }
            // What was deleted is not there: it may be given again.
            if let Some(deleted) = &series.deleted {
                self.run.delete(deleted);
            }
            let known = &self.run;
            data.keep(|t| {
                known.t.binary_search(&t).is_err()
                    && known.histograms.binary_search_by_key(&t, |h| h.0).is_err()
            });
        }
        Ok(())
    }
}

/// Moves the samples into a run.
fn run_of(data: &mut SeriesData) -> Run {
    Run {
        t: std::mem::take(&mut data.t),
        v: std::mem::take(&mut data.v),
        start: std::mem::take(&mut data.start),
        histograms: std::mem::take(&mut data.histograms),
        histogram_start: std::mem::take(&mut data.histogram_start),
    }
}

#[cfg(test)]
mod tests;
