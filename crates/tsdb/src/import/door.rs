//! History into a store that is in use.

use model::{Ctx, HistoryWriter, Imported, MetricHistory, Reservation, Result, SeriesData};

use super::Spool;
use crate::Store;

/// Samples are collected up to this many bytes where the budget has room for it ...
const MOST: u64 = 64 << 20;
/// ... and never less: with fewer, blocks would be tiny.
const LEAST: u64 = 4 << 20;
/// Buffers grow by doubling, and a series is copied as it is written.
const OVERHEAD: u64 = 3;
/// The share of a budget that is left to others.
const SHARE: u64 = 4;

impl MetricHistory for Store {
    fn begin<'a>(&'a self, ctx: &'a Ctx) -> Result<Box<dyn HistoryWriter + 'a>> {
        self.check_tenant(&ctx.tenant)?;
        ctx.check()?;
        let collected = MOST.min(ctx.budget.limit() / SHARE / OVERHEAD).max(LEAST);
        let memory = ctx.budget.reserve(collected * OVERHEAD)?;
        // `collected` is at most MOST.
        let spool = Spool::new(self, collected as usize);
        let expired = 0;
        Ok(Box::new(Writer {
            ctx,
            since: self.retained_since(),
            spool,
            expired,
            part: SeriesData::default(),
            _memory: memory,
        }))
    }
}

struct Writer<'a> {
    ctx: &'a Ctx,
    /// Earlier samples would be deleted again.
    since: i64,
    spool: Spool<'a>,
    expired: u64,
    part: SeriesData,
    _memory: Reservation,
}

impl HistoryWriter for Writer<'_> {
    fn add(&mut self, data: &SeriesData) -> Result<()> {
        self.ctx.check()?;
        let times = data.t.iter().copied().chain(data.histograms.iter().map(|h| h.0));
        if times.min().is_none_or(|first| first >= self.since) {
            return self.spool.add(data);
        }
        self.part.clear();
        self.part.labels = data.labels.clone();
        self.part.append(data);
        self.part.keep(|t| t >= self.since);
        self.expired += (data.len() - self.part.len()) as u64;
        if self.part.is_empty() { Ok(()) } else { self.spool.add(&self.part) }
    }

    fn report(&self) -> Imported {
        Imported { expired: self.expired, ..self.spool.report() }
    }

    fn finish(self: Box<Self>) -> Result<Imported> {
        self.ctx.check()?;
        let this = *self;
        Ok(Imported { expired: this.expired, ..this.spool.finish()? })
    }
}
